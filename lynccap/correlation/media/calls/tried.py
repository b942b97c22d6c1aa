"""What was tried for a leg besides what carried it: pairs, allocations and TCP connections, and what came of each."""

from collections.abc import Iterator, Mapping
from typing import Any

from lynccap.correlation.addresses import join_endpoint, split_endpoint
from lynccap.correlation.media.allocations import Allocation, AllocationEnding
from lynccap.correlation.media.calls.evidence import Evidence
from lynccap.correlation.media.calls.parties import Ends
from lynccap.correlation.media.calls.records import Attempted, Tried, UsedPair
from lynccap.correlation.media.calls.strands import Strand
from lynccap.correlation.media.checks import CheckOutcome
from lynccap.correlation.media.ice import ANSWER_NS, CheckPair
from lynccap.tables import SECOND

MAX_TRIED = 64  # listed of a leg: two sides with four candidates each make sixteen pairs
SETUP_NS = 15 * SECOND  # candidates are gathered right before a call; what failed longer ago was for another one
PROHIBITED_CODES = frozenset({(4, 3, 9), (4, 3, 10), (4, 3, 13), (6, 1, 1)})
"""IP version, type, code of ICMP errors by which a router says that it may not pass on (RFC 1812 5.2.7.1, RFC 4443)."""
UNREACHABLE_TYPES = frozenset({(4, 3), (6, 1)})

_OUTCOMES = {
    CheckOutcome.SUCCEEDED: Attempted.ANSWERED,
    CheckOutcome.ONE_WAY: Attempted.ONE_WAY,
    CheckOutcome.REFUSED: Attempted.REFUSED,
    CheckOutcome.OPEN: Attempted.NOT_NEEDED,
}


def read_tried(strand: Strand, ends: Ends, used: UsedPair | None, evidence: Evidence) -> tuple[Tried, ...]:
    """Everything that was tried and not used, in order of time."""
    found = [*_pairs(strand, used, evidence), *_relays(strand, ends, evidence)]
    return tuple(sorted(found, key=lambda one: (one.time, one.one, one.other))[:MAX_TRIED])


def _pairs(strand: Strand, used: UsedPair | None, evidence: Evidence) -> Iterator[Tried]:
    best: dict[frozenset[str], Tried] = {}
    taken = frozenset({used.one, used.other}) if used else None
    hosts = frozenset(host for pair in strand.pairs for host in pair.hosts)
    for pair in strand.pairs:
        key = frozenset({pair.one, pair.other or ""})
        if key == taken:
            continue
        tried = _tried(pair, used.time if used else 0, hosts, evidence)
        # Seen on both sides of a relay it is one pair: that which shows most counts.
        if key not in best or _tells(tried) > _tells(best[key]):
            best[key] = tried
    yield from best.values()


_ORDER = (Attempted.UNSEEN, Attempted.NOT_NEEDED, Attempted.UNANSWERED, Attempted.UNREACHABLE, Attempted.PROHIBITED)


def _tells(tried: Tried) -> int:
    return _ORDER.index(tried.outcome) if tried.outcome in _ORDER else len(_ORDER)


def _tried(pair: CheckPair, chosen: int, hosts: frozenset[str], evidence: Evidence) -> Tried:
    frames = tuple(sorted({*pair.forth.frames, *pair.back.frames}))
    outcome = _OUTCOMES.get(pair.outcome) or _unanswered(pair, chosen, hosts, evidence)
    if outcome in (Attempted.UNREACHABLE, Attempted.PROHIBITED):
        frames = tuple(sorted({*frames, *(int(row.frame) for row in evidence.icmp[pair.flow])}))
    return Tried("pair", pair.one, pair.other or "", outcome, pair.codes, pair.first_time, frames)


def _unanswered(pair: CheckPair, chosen: int, hosts: frozenset[str], evidence: Evidence) -> Attempted:
    told = icmp_outcome(evidence.icmp, pair.flow) if pair.allocation is None else None
    if told is not None:
        return told
    if not any(_would_hear(pair, place, hosts, evidence) for place in (0, 1)):
        return Attempted.UNSEEN
    if chosen and chosen - pair.first_time < ANSWER_NS:
        return Attempted.NOT_NEEDED
    return Attempted.UNANSWERED


def _would_hear(pair: CheckPair, place: int, hosts: frozenset[str], evidence: Evidence) -> bool:
    """Whether an answer to what one end asked would be in the capture."""
    if not (pair.forth, pair.back)[place].requests or len(pair.hosts) <= place:
        return False
    asker = pair.hosts[place]
    if pair.allocation is not None:
        flow = evidence.flows[pair.flow]
        return bool(flow.frames_server if asker == flow.client else flow.frames_client)
    asked = split_endpoint((pair.other or "", pair.one)[place])
    return evidence.would_hear(pair.capture, asker, asked[0] if asked else "", hosts)


def icmp_outcome(icmp: Mapping[int, list[Any]], flow: int) -> Attempted | None:
    """What ICMP says of a flow: PROHIBITED, UNREACHABLE, or None."""
    rows = icmp.get(flow, ())
    if any((row.version, row.type, row.code) in PROHIBITED_CODES for row in rows):
        return Attempted.PROHIBITED
    return Attempted.UNREACHABLE if any((row.version, row.type) in UNREACHABLE_TYPES for row in rows) else None


def _relays(strand: Strand, ends: Ends, evidence: Evidence) -> Iterator[Tried]:
    """Allocations and connections to relays that the parties tried in vain right before."""
    mine = {one.flow for one in strand.sessions} | {one.flow for one in strand.pairs}
    ports = {end for side in ends.sides for end in side.hosts}
    parties = frozenset(one.address for one in ends.parties)
    for address in dict.fromkeys(one.address for one in ends.parties if one.seen):
        for one in evidence.relays.allocations_of(address):
            failed = one.ending is AllocationEnding.NOT_GRANTED and one.flow not in mine
            if failed and one.capture == strand.capture and _is_before(one.request_times[0], strand):
                at = evidence.allocation_flows[one.flow]
                if one.transport != "udp" or join_endpoint(at.client, at.client_port) in ports:
                    yield _allocation(one, parties, evidence)
        for flow in evidence.refused_relays.get((strand.capture, address), ()):
            if _is_before(int(flow.first_time), strand):
                yield _connection(flow, evidence)


def _is_before(time: int, strand: Strand) -> bool:
    return strand.begun - SETUP_NS <= time <= strand.begun + SETUP_NS


def _allocation(one: Allocation, parties: frozenset[str], evidence: Evidence) -> Tried:
    codes = tuple(sorted({code for _, code in one.errors}))
    outcome = Attempted.REFUSED if codes or one.challenge_frames else Attempted.UNANSWERED
    if outcome is Attempted.UNANSWERED:
        outcome = icmp_outcome(evidence.icmp, one.flow) or outcome
        if not evidence.would_hear(one.capture, one.client, one.server, parties):
            outcome = Attempted.UNSEEN
    server = join_endpoint(one.server, one.port)
    return Tried("allocation", one.client, server, outcome, codes, one.request_times[0], one.request_frames)


def _connection(flow: Any, evidence: Evidence) -> Tried:
    outcome = Attempted.REFUSED if flow.opening == "refused" else Attempted.UNANSWERED
    outcome = icmp_outcome(evidence.icmp, int(flow.Index)) or outcome
    server = join_endpoint(flow.server, int(flow.server_port))
    return Tried("connection", flow.client, server, outcome, (), int(flow.first_time), (int(flow.first_frame),))
