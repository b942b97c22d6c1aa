"""Packets that circle between routers until they run out of hops (catalogue group 1)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lynccap.correlation.attempts import EXPIRED_CODES
from lynccap.correlation.rows import rows_of
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Doubt, Found, Judgement
from lynccap.diagnosis.subjects import Subject, reached, subject_of
from lynccap.document import Confidence, Severity

TRACED_HOPS = 30  # how far programs that trace a route go: they send with TTLs up to this
SEEN_OFTEN = 3  # sightings that make a loop certain
AGAIN = 3  # copies of each packet …
FALLEN = 8  # … whose TTLs span as much: no recorder stands before and behind so many routers
LISTED = 20


@dataclass(frozen=True, slots=True)
class Circling:
    """One flow of which one end's packets run out of hops."""

    subject: Subject
    """With the end that sends them as the device."""
    errors: tuple[Any, ...]
    top: int
    low: int
    """Of the sender's TTLs here."""
    copies: int
    sent: int
    first_frame: int
    last_heard: int
    """When the other end last sent on the flow, 0 when never."""

    @property
    def falls(self) -> bool:
        """Each packet comes by here again and again with falling TTL."""
        return self.copies >= AGAIN * max(self.sent, 1) and self.top - self.low >= FALLEN

    @property
    def traced(self) -> bool:
        """It was sent with few hops to go, as who traces a route does."""
        return self.top <= TRACED_HOPS or (self.low <= TRACED_HOPS and not self.copies)


@rule(
    title="Packets circle between routers and never arrive",
    severity=Severity.MAJOR,
    stage=Stage.NETWORK,
    causes=(
        "Two routers, or the Edge Server and a firewall, have each other as default route.",
        "The Edge Server lacks the static route to the inside networks.",
    ),
    fix=("Correct the route on the routers that report it: their addresses are in the evidence.",),
    act=("network team",),
    sources=("notes-edge", "rfc792"),
    explains=(
        "tcp-filtered-silent",
        "sip-registrar-unreachable-internal",
        "sip-access-edge-unreachable",
        "sip-redirect-target-unreachable",
        "tls-unknown-ca",
        "media-via-external-edge-from-inside",
        "media-tcp443-fallback",
    ),
)
def routing_loop_ttl(inquiry: Inquiry) -> Iterator[Judgement]:
    """Packets between a device and a Lync server run out of hops, although they were sent with enough of them.

    Evidence: ICMP type 11 code 0 (ICMPv6 type 3 code 0) quotes packets of the flow, which passed here with a TTL over
    30; or each packet passes here again and again with falling TTL; and no answer comes. Certain with three sightings.

    Not this: programs that trace a route, which send with a TTL of 30 and less; mirror ports before and behind a
    router, which show a packet again once with one hop less; a loop that is over while the connection goes on.
    """
    yield from reached(inquiry)
    groups: dict[tuple[int, str, str, int], list[Circling]] = {}
    for one in _circling(inquiry):
        subject = one.subject
        groups.setdefault((subject.capture, subject.device, subject.peer, subject.port), []).append(one)
    for ones in groups.values():
        yield _found(inquiry, ones)
    yield from _unseen(inquiry)


def _circling(inquiry: Inquiry) -> Iterator[Circling]:
    """The flows with a Lync server at one end whose packets run out of hops, and which get no answer from then on."""
    case = inquiry.case
    errors: dict[tuple[int, bool], list[Any]] = {}
    for row in _expired(inquiry):
        errors.setdefault((row.flow, bool(row.from_client)), []).append(row)
    for flow, of_client in _again(inquiry):
        errors.setdefault((flow, of_client), [])
    for (flow, of_client), rows in sorted(errors.items()):
        one = _read(inquiry, flow, of_client, tuple(rows))
        lync = case.roles.is_lync(one.subject.peer) or case.roles.is_lync(one.subject.device)
        since = rows[0].time if rows else one.subject.time
        if lync and not one.traced and one.last_heard < since:
            yield one


def _again(inquiry: Inquiry) -> Iterator[tuple[int, bool]]:
    """Flows, and whether it is the client's packets, that come by here often enough with falling TTL."""
    flows = inquiry.case.flows
    for side in ("client", "server"):
        if not flows[f"copies_{side}"].to_numpy().any():
            continue
        fallen = flows[f"ttl_{side}_max"] - flows[f"ttl_{side}_min"] >= FALLEN
        again = flows[f"copies_{side}"] >= AGAIN * flows[f"frames_{side}"].clip(lower=1)
        yield from ((flow, side == "client") for flow in flows.index[fallen & again].tolist())


def _expired(inquiry: Inquiry) -> list[Any]:
    table = inquiry.case.tables.icmp
    if table.empty:
        return []
    table = table[(table["flow"] >= 0) & table["type"].isin((11, 3)) & (table["code"] == 0)]
    columns = ("flow", "from_client", "frame", "time", "version", "type", "code", "reporter")
    return [row for row in rows_of(table, columns) if (row.type, row.code) in EXPIRED_CODES.get(row.version, ())]


def _read(inquiry: Inquiry, flow: int, of_client: bool, errors: tuple[Any, ...]) -> Circling:
    row = inquiry.case.flows.loc[flow]
    side, other = ("client", "server") if of_client else ("server", "client")
    return Circling(
        subject_of(inquiry, flow, of_client),
        errors,
        int(row[f"ttl_{side}_max"]),
        int(row[f"ttl_{side}_min"]),
        int(row[f"copies_{side}"]),
        int(row[f"frames_{side}"]),
        int(row[f"first_frame_{side}"]),
        int(row[f"last_time_{other}"]),
    )


def _found(inquiry: Inquiry, ones: list[Circling]) -> Found:
    """One finding for all flows of a device to a server's port."""
    first = ones[0]
    subject = first.subject
    errors = [row for one in ones for row in one.errors]
    frames = [frame for one in ones for frame in (one.first_frame, *(row.frame for row in one.errors))]
    sure = len(errors) >= SEEN_OFTEN or any(one.falls for one in ones)
    return subject.found(
        f"{inquiry.word(subject.device)} cannot reach {inquiry.server(subject.peer, subject.port)}: "
        "its packets circle between routers.",
        _words(ones, errors),
        Confidence.CERTAIN if sure else Confidence.LIKELY,
        subject.shows("packets that circle, and the ICMP messages that quote them", *frames[:LISTED]),
        flows=tuple(one.subject.flow for one in ones),
    )


def _words(ones: list[Circling], errors: list[Any]) -> str:
    """What the frames show, in one sentence."""
    told = [f"its packets pass here with TTL {max(one.top for one in ones)}, and nothing answers them"]
    if errors:
        reporters = ", ".join(dict.fromkeys(row.reporter for row in errors))
        told.append(f"{reporters} reports {len(errors)} of them with ICMP time exceeded: out of hops")
    often = max((one.copies // max(one.sent, 1) + 1 for one in ones if one.falls), default=0)
    if often:
        told.append(f"each comes by up to {often} times, with falling TTL")
    return f"{'; '.join(told)}."


def _unseen(inquiry: Inquiry) -> Iterator[Doubt]:
    """Reports whose quoted packets are not in the capture: with which TTL they were sent is not known."""
    table = inquiry.case.tables.icmp
    if table.empty:
        return
    table = table[(table["flow"] < 0) & table["type"].isin((11, 3)) & (table["code"] == 0)]
    columns = ("version", "type", "code", "quoted_source", "quoted_destination", "quoted_transport")
    for row in rows_of(table[table["quoted_transport"].isin(("tcp", "udp"))], columns):
        if (row.type, row.code) in EXPIRED_CODES.get(row.version, ()) and inquiry.case.roles.is_lync(
            row.quoted_destination
        ):
            because = (
                f"packets to {row.quoted_destination} run out of hops, but they are not in the capture themselves: "
                "somebody may only trace the route"
            )
            yield Doubt(row.quoted_source, because)
