"""From signs to a claim: who ended a connection, and how sure that is."""

from collections.abc import Sequence

from lynccap.correlation.closings.claims import Closing
from lynccap.correlation.closings.endings import Connection, Ending
from lynccap.correlation.closings.hosts import Hosts
from lynccap.correlation.closings.kinds import EndedBy, How, Points, Sign
from lynccap.correlation.closings.signs import (
    BOTH,
    ICMP,
    SECOND_POINT,
    STALL,
    TTL,
    icmp_signs,
    reset_signs,
    silence_signs,
)
from lynccap.document import Confidence

SURE = frozenset({SECOND_POINT, ICMP})  # a sign of these says it outright


def judge(one: Connection, ending: Ending, hosts: Hosts) -> Closing:
    """Who ended one connection."""
    if ending.how is How.ICMP:
        signs = icmp_signs(one, ending)
    elif ending.reset:
        signs = reset_signs(one, ending, hosts)
    else:
        signs = silence_signs(one, ending, hosts)
    ended_by, confidence = decide(signs, ending.by_client)
    if ending.how is How.HALF_OPEN and one.row.opening == "established" and ended_by.is_box:
        ended_by = EndedBy.BOX_SERVER_SIDE  # the client's ACK was lost behind this point
    if ending.reset and ended_by.is_box and hosts.routed(int(one.row.capture)):
        ended_by = EndedBy.BOX_BETWEEN  # the capture is on both sides of a router: no side to tell
    row = one.row
    return Closing(
        flow=int(row.Index),
        capture=int(row.capture),
        client=row.client,
        server=row.server,
        port=int(row.server_port),
        when=ending.when,
        how=ending.how,
        by_client=ending.by_client,
        ended_by=ended_by,
        confidence=confidence,
        signs=tuple(signs),
        pause=ending.reset.pause if ending.reset else 0,
        frames=ending.frames,
    )


def decide(signs: Sequence[Sign], by_client: bool) -> tuple[EndedBy, Confidence]:
    """Who it was by some signs; nobody is named where strong ones disagree or only weak ones speak."""
    box = [one for one in signs if one.points is Points.BOX]
    host = [one for one in signs if one.points is Points.HOST]
    strong_box, strong_host = any(one.strong for one in box), any(one.strong for one in host)
    if strong_box == strong_host:
        return EndedBy.UNKNOWN, Confidence.POSSIBLE
    if strong_box:
        return _side(box, by_client), Confidence.POSSIBLE if host else _of_box(box)
    return (EndedBy.CLIENT if by_client else EndedBy.SERVER), Confidence.POSSIBLE if box else _of_host(host)


def _side(box: Sequence[Sign], by_client: bool) -> EndedBy:
    names = {one.name for one in box}
    if names & {BOTH, ICMP, SECOND_POINT}:
        return EndedBy.BOX_BETWEEN
    return EndedBy.BOX_CLIENT_SIDE if by_client else EndedBy.BOX_SERVER_SIDE


def _of_box(box: Sequence[Sign]) -> Confidence:
    """A foreign TTL may be the host's habit for resets; with an answer too quick for the host, hardly."""
    names, strong = {one.name for one in box}, sum(one.strong for one in box)
    if names & SURE or (strong > 1 and len(box) > 2):
        return Confidence.CERTAIN
    return Confidence.LIKELY if len(box) > 1 else Confidence.POSSIBLE


def _of_host(host: Sequence[Sign]) -> Confidence:
    names = {one.name for one in host}
    if names & (SURE | {STALL}) or (len(host) > 1 and TTL in names):
        return Confidence.CERTAIN
    return Confidence.LIKELY
