"""Connections that a load balancer gives to a dead server (catalogue group 11)."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from lynccap.correlation.roles.farms import Farm
from lynccap.correlation.rows import rows_of
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.subjects import times_in_words
from lynccap.document import Confidence, Severity
from lynccap.tables import SECOND

FAILURES = 3  # fewer may be chance, or a server that restarts
PASSED_NS = SECOND  # from a connection at the shared address to the one behind it
MAX_NODES = 8  # of which one is dead: a longer period needs more connections than a capture has
SHOWN = 12
TEAM = ("load balancer team",)
_COLUMNS = (
    *("capture", "client", "server", "server_port", "opening", "closing", "first_time", "last_time"),
    *("first_frame", "last_frame", "data_frames_client", "data_frames_server"),
)


@rule(
    title="The load balancer keeps sending connections to a dead server",
    severity=Severity.MAJOR,
    stage=Stage.REACH,
    causes=("The load balancer's monitor only checks that a TCP port opens, or checks another port.",),
    fix=(
        "Let the monitor test the service itself: the pool's health on TCP 5061.",
        "Take the server that fails out of the rotation until it is repaired.",
    ),
    act=TEAM,
    sources=("ms-hlb",),
    explains=("tcp-refused-by-host", "tcp-refused-by-middlebox", "sip-registrar-unreachable-internal"),
)
def lb_dead_node_in_rotation(inquiry: Inquiry) -> Iterator[Judgement]:
    """A steady share of the connections to a load balancer fails: those that it gives to one server.

    Evidence: clients' connections to the shared address are accepted and then reset without an answer, or refused;
    behind the load balancer each is followed by one to the same server, which fails there, while other servers serve
    others in between. Where only the front is seen: every n-th connection fails, three times or more; likely then.

    Not this: failures at irregular places; the monitor's own connections to a server that is out of the rotation; a
    server that fails once while it restarts. Inconclusive where the capture lost packets.
    """
    for farm in inquiry.case.farms.values():
        if farm.sure:
            for (capture, port), fronts in _fronts(inquiry, farm).items():
                yield from _judge_port(inquiry, farm, capture, port, fronts)


def _fronts(inquiry: Inquiry, farm: Farm) -> dict[tuple[int, int], list[Any]]:
    """The clients' connections to the shared address, by capture and port, in order."""
    flows = inquiry.case.flows
    towards = flows[(flows["transport"] == "tcp") & (flows["server"] == farm.vip) & ~flows["client"].isin(farm.own)]
    found: dict[tuple[int, int], list[Any]] = defaultdict(list)
    for row in rows_of(towards.sort_values("first_time", kind="stable"), _COLUMNS):
        found[row.capture, row.server_port].append(row)
    return found


def _judge_port(inquiry: Inquiry, farm: Farm, capture: int, port: int, fronts: list[Any]) -> Iterator[Judgement]:
    failed = [one for one in fronts if _failed(one)]
    if len(failed) < FAILURES or len(failed) == len(fronts):
        yield from (Clear(one.client) for one in fronts[:1])
        return
    if doubt := inquiry.gates.lossy(capture, failed[0].first_time, failed[-1].last_time):
        yield Doubt(failed[0].client, doubt)
        return
    dead = _dead_behind(inquiry, farm, capture, port, failed)
    period = _period(fronts) if dead is None and not _sees_behind(inquiry, farm, capture, port) else 0
    if dead is None and not period:
        yield Clear(failed[0].client)
        return
    for client in dict.fromkeys(one.client for one in failed):
        mine = [one for one in failed if one.client == client]
        yield _in_rotation(inquiry, farm, mine, fronts, dead, period)


def _failed(row: Any) -> bool:
    """Refused, or accepted and reset before the server said anything."""
    if row.data_frames_server:
        return False
    return bool(row.opening == "refused" or (row.opening == "established" and row.closing == "server-rst"))


@dataclass(frozen=True, slots=True)
class _Dead:
    """The server behind the load balancer that fails."""

    address: str
    failures: tuple[Any, ...]
    """Connections that the load balancer opened to it for its clients."""
    others: tuple[Any, ...]
    """To servers that work."""


def _behind(inquiry: Inquiry, farm: Farm, capture: int, port: int) -> list[Any]:
    """The load balancer's own connections on a port; where it keeps the clients' addresses, theirs to the members."""
    flows = inquiry.case.flows
    own = flows["client"].isin(farm.own) | (flows["server"].isin(farm.members) & ~flows["client"].isin(farm.members))
    rows = flows[(flows["capture"] == capture) & (flows["transport"] == "tcp") & (flows["server_port"] == port) & own]
    return list(rows_of(rows[rows["server"] != farm.vip].sort_values("first_time", kind="stable"), _COLUMNS))


def _sees_behind(inquiry: Inquiry, farm: Farm, capture: int, port: int) -> bool:
    return bool(_behind(inquiry, farm, capture, port))


def _dead_behind(inquiry: Inquiry, farm: Farm, capture: int, port: int, failed: list[Any]) -> _Dead | None:
    """The one server that gets all the failed connections, and none that works, while others work in between."""
    behind = _behind(inquiry, farm, capture, port)
    works = [one for one in behind if one.data_frames_server]
    for server in sorted({one.server for one in behind} - {one.server for one in works}):
        lost = [one for one in behind if one.server == server and (_failed(one) or one.opening == "unanswered")]
        passed = [one for one in lost if any(_carries(front, one) for front in failed)]
        between = [one for one in works if passed and passed[0].first_time < one.first_time < passed[-1].first_time]
        if len(passed) >= FAILURES and between:
            return _Dead(server, tuple(passed), tuple(between))
    return None


def _carries(front: Any, back: Any) -> bool:
    """The one behind begins within the one in front, at once."""
    return bool(0 <= back.first_time - front.first_time <= PASSED_NS and front.last_time >= back.first_time)


def _period(fronts: list[Any]) -> int:
    """Every how many connections one fails, when they fail at equal distances; 0 when they do not."""
    places = [place for place, one in enumerate(fronts) if _failed(one)]
    gaps = {later - earlier for earlier, later in pairwise(places)}
    (gap,) = gaps if len(gaps) == 1 else (0,)
    return gap if 1 < gap <= MAX_NODES else 0


def _in_rotation(
    inquiry: Inquiry, farm: Farm, mine: list[Any], fronts: list[Any], dead: _Dead | None, period: int
) -> Found:
    first = mine[0]
    share = f"{sum(map(_failed, fronts))} of {len(fronts)} connections to it fail"
    proof = [_shown(first.capture, mine, "its connections that fail at the load balancer")]
    if dead:
        why = (
            f"{share}. Those are given to {dead.address}, which fails every time; "
            f"{dead.others[0].server} serves others in between."
        )
        proof.append(_shown(first.capture, dead.failures, f"what the load balancer gets from {dead.address}"))
        proof.append(_shown(first.capture, dead.others[:2], "a server that works, in between"))
    else:
        why = f"{share}: every {period}th. A load balancer that gives turns to {period} servers would do this."
    return Found(
        device=first.client,
        peer=farm.vip,
        port=first.server_port,
        transport="tcp",
        service=str(inquiry.case.flows.at[first.Index, "service"]),
        says=(
            f"{inquiry.word(first.client)} fails {times_in_words(len(mine))} at the load balancer {farm.vip} on "
            f"TCP port {first.server_port}, which sends part of the connections to a dead server"
            f"{f' ({dead.address})' if dead else ''}."
        ),
        why=why,
        confidence=Confidence.CERTAIN if dead else Confidence.LIKELY,
        proof=tuple(proof),
        time=first.first_time,
        flows=tuple(int(one.Index) for one in mine),
        rejected=_listens(farm, fronts),
    )


def _listens(farm: Farm, fronts: list[Any]) -> tuple[tuple[str, str], ...]:
    """Connections that were served exclude a port that the load balancer lacks."""
    served = sum(bool(one.data_frames_server) for one in fronts)
    because = f"{served} of {len(fronts)} connections to {farm.vip} TCP port {fronts[0].server_port} are served"
    return (("lb-port-missing-on-vip", because),) if served else ()


def _shown(capture: int, rows: Any, says: str) -> Proof:
    frames = {int(frame) for one in rows[:SHOWN] for frame in (one.first_frame, one.last_frame)}
    return Proof(capture, tuple(sorted(frames)), says)
