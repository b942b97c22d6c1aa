"""Which flows and checks belong to one medium of one call: by the names of its ICE session, and by its SSRC.

A relay passes RTP on unchanged (RFC 3550 2.3 calls it a translator), so that a recorder on both of its sides sees one
stream twice, with the same SSRC and payload.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from lynccap.correlation.addresses import Scope, scope_of
from lynccap.correlation.disjoint_sets import DisjointSets
from lynccap.correlation.media.calls.evidence import Evidence
from lynccap.correlation.media.ice import CheckPair
from lynccap.correlation.media.paths import MediaSession
from lynccap.tables import SECOND

MAX_PLACES = 8  # flows that show one SSRC; more is a stack that does not choose it by chance
LEAST_SSRC = 0x10000  # some stacks count from 0 or 1 (RFC 3550 8.1 asks for chance)
SAME_SIZE = 0.1  # the share by which the mean payload of one stream may differ between two places of a lossy path
SWITCH_NS = 2 * SECOND  # a path that takes over does so at once
SHARED = 0.5  # of the shorter stream's time
LEAST_PACKETS = 10  # of media without checks: less than a fifth of a second, and chance bytes look like it


@dataclass
class Strand:
    """The flows with media and the checked pairs of one leg."""

    capture: int
    sessions: list[MediaSession] = field(default_factory=list)
    pairs: list[CheckPair] = field(default_factory=list)
    begun: int = 0
    """Of its first check or media packet."""

    @property
    def ufrags(self) -> frozenset[str]:
        """The names of its ICE sessions."""
        return frozenset().union(*{one.ufrags for one in self.pairs})

    @property
    def ended(self) -> int:
        """Of its last media packet or check."""
        checks = [side.last_time for one in self.pairs for side in (one.forth, one.back)]
        return max([one.last_time for one in self.sessions] + checks)


def read_strands(evidence: Evidence) -> list[Strand]:
    """The legs-to-be, in order of time."""
    union: DisjointSets[Hashable] = DisjointSets()
    sessions = [_session_of(one) for one in evidence.ice.pairs]
    for one, session in zip(evidence.ice.pairs, sessions, strict=True):
        if one.media is not None:
            union.join(("flow", one.flow), session)
    for flow, session in _only_sessions(evidence, sessions):
        union.join(("flow", flow), session)
    for flow, other in _same_streams(evidence):
        union.join(("flow", flow), ("flow", other))
    for flow, other in _back_and_forth(evidence):
        union.join(("flow", flow), ("flow", other))
    strands: dict[Hashable, Strand] = {}
    for media in evidence.media:
        if not _is_group(media):
            strands.setdefault(union.find(("flow", media.flow)), Strand(media.capture)).sessions.append(media)
    for one, session in zip(evidence.ice.pairs, sessions, strict=True):
        strands.setdefault(union.find(session), Strand(one.capture)).pairs.append(one)
    for strand in strands.values():
        strand.begun = min([*(one.first_time for one in strand.sessions), *(one.first_time for one in strand.pairs)])
    kept = [one for one in strands.values() if _is_worth(one)]
    return sorted(kept, key=lambda one: (one.capture, one.begun, [media.flow for media in one.sessions]))


def _session_of(pair: CheckPair) -> Hashable:
    """What the pairs of one ICE session share."""
    return ("session", pair.capture, pair.ufrags) if pair.ufrags else ("flow", pair.flow)


def _only_sessions(evidence: Evidence, sessions: Sequence[Hashable]) -> Iterator[tuple[int, Hashable]]:
    """Flows on which the checks of one session only run: their media is its, whichever pair carries it."""
    on_flow: dict[int, set[Hashable]] = defaultdict(set)
    for one, session in zip(evidence.ice.pairs, sessions, strict=True):
        on_flow[one.flow].add(session)
    yield from ((flow, next(iter(found))) for flow, found in on_flow.items() if len(found) == 1)


def _same_streams(evidence: Evidence) -> Iterator[tuple[int, int]]:
    captures = {one.flow: one.capture for one in evidence.media}
    places: dict[tuple[int, int, int], list[Any]] = defaultdict(list)
    for flow, rows in evidence.streams.items():
        for row in rows:
            if row.ssrc >= LEAST_SSRC and flow in captures:
                places[captures[flow], row.ssrc, row.payload_type].append(row)
    for rows in places.values():
        if 1 < len(rows) <= MAX_PLACES:
            first, *others = sorted(rows, key=lambda row: (row.first_time, row.flow))
            for row in others:
                if row.flow != first.flow and _is_same(first, row) and not _is_other_peer(first, row, evidence):
                    yield first.flow, row.flow
                first = max(first, row, key=lambda one: one.last_time)


def _back_and_forth(evidence: Evidence) -> Iterator[tuple[int, int]]:
    """Two flows of one direction each that are all there is between two hosts at a time: telephones may send from
    another port than they receive at (RFC 4961 asks them not to).
    """
    lone = evidence.one_way_media
    for (capture, sender, receiver), there in lone.items():
        back = lone.get((capture, receiver, sender), ())
        if sender < receiver and len(there) == len(back) == 1 and _overlap(there[0], back[0]):
            yield there[0].flow, back[0].flow


def _overlap(one: MediaSession, other: MediaSession) -> bool:
    shared = min(one.last_time, other.last_time) - max(one.first_time, other.first_time)
    return shared > SHARED * min(one.last_time - one.first_time, other.last_time - other.first_time)


def _is_same(one: Any, other: Any) -> bool:
    sizes: list[float] = sorted(row.bytes / max(row.packets, 1) for row in (one, other))
    if sizes[1] - sizes[0] > SAME_SIZE * sizes[1]:
        return False
    shared = int(min(one.last_time, other.last_time) - max(one.first_time, other.first_time))
    shorter = min(int(row.last_time - row.first_time) for row in (one, other))
    return shared >= SHARED * shorter if shared > 0 else -shared <= SWITCH_NS


def _is_other_peer(one: Any, other: Any, evidence: Evidence) -> bool:
    """Whether a stream goes on to somebody else, as when a call is passed on: what comes back is another stream."""
    if min(one.last_time, other.last_time) > max(one.first_time, other.first_time):
        return False
    back = [
        {row.ssrc for row in evidence.streams[half.flow] if row.from_client != half.from_client and row.ssrc}
        for half in (one, other)
    ]
    return all(back) and back[0].isdisjoint(back[1])


def _is_group(media: MediaSession) -> bool:
    return Scope.GROUP in (scope_of(media.client), scope_of(media.server))


def _is_worth(strand: Strand) -> bool:
    return bool(strand.pairs) or sum(one.packets for one in strand.sessions) >= LEAST_PACKETS


def order(sessions: Sequence[MediaSession]) -> list[MediaSession]:
    """Sessions in the order of their first packets."""
    return sorted(sessions, key=lambda one: (one.first_time, one.flow))
