"""Connections of which the two directions take different ways, and a firewall breaks them (catalogue group 1)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lynccap.correlation.closings.hosts import TTL_SLACK
from lynccap.correlation.points.vantage import Elsewhere
from lynccap.correlation.protocol_numbers import RST
from lynccap.correlation.rows import rows_of
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Doubt, Judgement, Proof
from lynccap.diagnosis.subjects import Subject, reached, subject_of
from lynccap.document import Confidence, Severity

SPOKEN = 3  # frames of the one direction: a SYN, an acknowledgement, and something to say
LISTED = 10


@dataclass(frozen=True, slots=True)
class HalfSeen:
    """A connection that was opened, of which this capture shows one direction only."""

    subject: Subject
    by_client: bool
    """The direction that is seen is the client's."""
    first_frame: int
    last_frame: int
    last_time: int
    resets: tuple[Any, ...]
    """Of the direction that is not seen otherwise."""
    other_mac: str
    """Before those resets."""

    @property
    def hidden(self) -> str:
        """The end whose packets go another way."""
        return self.subject.peer if self.by_client else self.subject.device


@rule(
    title="The two directions of a connection take different ways",
    severity=Severity.MAJOR,
    stage=Stage.NETWORK,
    causes=(
        "The Edge Server has its default gateway on the inside, or lacks the static routes to the inside networks.",
        "The load balancer lets servers answer past it (direct server return).",
        "Two firewalls, or two lines, share the traffic.",
    ),
    fix=(
        "Let both directions pass the same firewall.",
        "On the Edge Server: a default gateway on the outside only, static routes to the inside networks.",
    ),
    act=("network/firewall team",),
    sources=("notes-edge", "ms-edge-nic", "ms-hlb"),
    explains=("rst-midstream-active", "rst-midstream-idle"),
)
def asymmetric_routing(inquiry: Inquiry) -> Iterator[Judgement]:
    """The packets one way of a connection to a Lync server pass here, those the other way do not, and it is broken.

    Evidence: SYN and later packets of the client and never the SYN-ACK, or the reverse; other connections of the same
    device are seen in both directions; a reset of somebody in between, or return frames with another hardware address
    (likely). Certain when another capture shows the direction that is missing here.

    Not this, and then inconclusive: a capture that shows one direction only, or lost packets itself; two ways that
    nothing breaks, which are harmless.
    """
    yield from reached(inquiry)
    groups: dict[tuple[int, str, str, int], list[HalfSeen]] = {}
    for one in _half_seen(inquiry):
        subject = one.subject
        groups.setdefault((subject.capture, subject.device, subject.peer, subject.port), []).append(one)
    for ones in groups.values():
        yield _judged(inquiry, ones)


def _half_seen(inquiry: Inquiry) -> Iterator[HalfSeen]:
    flows = inquiry.case.flows
    opened, told = flows["syns"].to_numpy() > 0, flows["syn_ack_time"].to_numpy() > 0
    mute = {side: flows[f"data_frames_{side}"].to_numpy() == 0 for side in ("client", "server")}
    asks = opened & ~told & mute["server"] & (flows["frames_client"].to_numpy() >= SPOKEN)
    answers = ~opened & told & mute["client"] & (flows["frames_server"].to_numpy() >= SPOKEN)
    for by_client, chosen, column, word in (
        (True, asks, "opening", "established"),
        (False, answers, "originator", "syn-ack"),
    ):
        for row in rows_of(flows.loc[chosen, ["server", column]], ("server", column)):
            if getattr(row, column) == word and inquiry.case.roles.is_lync(row.server):
                yield from _read(inquiry, row.Index, by_client=by_client)


def _read(inquiry: Inquiry, flow: int, *, by_client: bool) -> Iterator[HalfSeen]:
    """The flow, unless its other direction holds more than resets."""
    case, row = inquiry.case, inquiry.case.flows.loc[flow]
    seen, hidden = ("client", "server") if by_client else ("server", "client")
    table = case.tables.tcp_frames
    table = table[(table["flow"] == flow) & (table["from_client"] != by_client)]
    resets = tuple(one for one in rows_of(table, ("frame", "time", "flags", "ttl")) if one.flags & RST)
    if int(row[f"frames_{hidden}"]) <= len(resets):
        yield HalfSeen(
            subject_of(inquiry, flow),
            by_client,
            int(row[f"first_frame_{seen}"]),
            int(row[f"last_frame_{seen}"]),
            int(row["last_time"]),
            resets,
            str(row[f"{hidden}_mac"]) if resets else "",
        )


def _judged(inquiry: Inquiry, ones: list[HalfSeen]) -> Judgement:
    """All such connections of a device to a server's port together."""
    broken = {one.subject.flow: why for one in ones if (why := _broken(inquiry, one))}
    one = next((one for one in ones if one.subject.flow in broken), ones[0])
    doubt = _doubt(inquiry, one)
    if doubt or not broken:
        harmless = f"the packets of {one.hidden} go another way, but nothing shows that this breaks the connection"
        return Doubt(one.subject.device, doubt or harmless)
    subject = one.subject
    elsewhere = inquiry.vantage.both_ways(subject.flow) if inquiry.vantage else None
    way = "from" if one.by_client else "to"
    return subject.found(
        f"{inquiry.word(subject.device)} loses its connection to {inquiry.server(subject.peer, subject.port)}: "
        f"the packets {way} the server take another way than the rest, and a box in between breaks it off.",
        f"{_words(one)}; {broken[subject.flow]}" + (f"; {elsewhere.name} shows both directions." if elsewhere else "."),
        Confidence.CERTAIN if elsewhere else Confidence.LIKELY,
        *(_proof(each) for each in ones if each.subject.flow in broken),
        *_shown(elsewhere),
        flows=tuple(broken),
    )


def _doubt(inquiry: Inquiry, one: HalfSeen) -> str | None:
    subject, gates = one.subject, inquiry.gates
    late = None if one.by_client else gates.started_late(subject.capture, subject.time)
    return _one_sided(inquiry, subject) or late or gates.lossy(subject.capture, subject.time, one.last_time)


def _one_sided(inquiry: Inquiry, subject: Subject) -> str | None:
    """No flow of the device that is seen half only proves that the capture has both directions."""
    flows = inquiry.case.flows
    half = (flows["transport"] == "tcp") & (flows["syns"] > 0) & (flows["syn_ack_time"] == 0)
    whole = flows[~half & (flows["frames_client"] > 0) & (flows["frames_server"] > 0)]
    mine = (whole["client"] == subject.device) | (whole["server"] == subject.device)
    if (mine & (whole["capture"] == subject.capture)).any():
        return None
    return f"the capture shows no other flow of {subject.device} in both directions: it may hold one direction only"


def _broken(inquiry: Inquiry, one: HalfSeen) -> str:
    """What shows that somebody in between broke it: a reset that the hidden end did not send here; "" without."""
    case, capture = inquiry.case, one.subject.capture
    if not one.resets:
        return ""
    own = case.ttls_of(capture, one.hidden)
    foreign = {reset.ttl for reset in one.resets if own and all(abs(reset.ttl - ttl) > TTL_SLACK for ttl in own)}
    if foreign:
        carried, usual = ("/".join(map(str, sorted(ttls))) for ttls in (foreign, own))
        return f"a reset in its name carries TTL {carried}, its own packets {usual}"
    macs = _macs_of(inquiry, capture, one.hidden, one.subject.flow)
    if one.other_mac and macs and one.other_mac not in macs:
        return f"a reset in its name comes from {one.other_mac}, its other packets from {', '.join(sorted(macs))}"
    return ""


def _macs_of(inquiry: Inquiry, capture: int, address: str, but: int) -> set[str]:
    """The hardware addresses before an address's packets on other flows."""
    flows = inquiry.case.flows
    flows = flows[(flows["capture"] == capture) & (flows.index != but)]
    macs = {*flows.loc[flows["server"] == address, "server_mac"], *flows.loc[flows["client"] == address, "client_mac"]}
    return {str(mac) for mac in macs} - {""}


def _words(one: HalfSeen) -> str:
    if one.by_client:
        return f"{one.subject.device} sends SYN and acknowledgements, and never a SYN-ACK of {one.hidden} passes here"
    return f"{one.subject.peer} sends SYN-ACKs, and never a SYN of {one.hidden} passes here"


def _proof(one: HalfSeen) -> Proof:
    resets = tuple(reset.frame for reset in one.resets)[:LISTED]
    return one.subject.shows(
        f"{_words(one)} (first and last, and the resets)", one.first_frame, one.last_frame, *resets
    )


def _shown(elsewhere: Elsewhere | None) -> Iterator[Proof]:
    if elsewhere:
        says = f"{elsewhere.name} shows both directions of the connection"
        yield Proof(0, elsewhere.frames, says, elsewhere.place)
