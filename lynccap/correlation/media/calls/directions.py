"""Both directions of a leg: what each carried, how well, and whether one of them is missing or stopped.

That nothing came is told only where it would have been seen: the capture holds packets of the silent side's address,
and what relays wrap was counted to its end.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lynccap.correlation.addresses import Scope, scope_of
from lynccap.correlation.media.calls.descriptions import OPEN_END, Described
from lynccap.correlation.media.calls.evidence import Evidence
from lynccap.correlation.media.calls.parties import Ends
from lynccap.correlation.media.calls.records import Flowing, Half, Tried, UsedPair
from lynccap.correlation.media.calls.strands import Strand, order
from lynccap.correlation.media.paths import MediaSession
from lynccap.correlation.sip.dialogs import DialogEnd
from lynccap.tables import SECOND

SILENT_NS = 5 * SECOND  # both ends of a call that is hung up fall silent within a second or two
SHORT_NS = 2 * SECOND  # media that lasts less, one way, may be early media or a probe
AWAITED_NS = 2 * SECOND  # media follows a nomination within a second; a capture that ends before shows nothing
COUNTED = frozenset({"udp", "mturn"})
"""Carriers of which every packet is counted; of the others only what is kept of a stream is read."""
STATIC = range(35)
"""Payload types that mean the same everywhere (RFC 3551 6); the dynamic ones mean what Lync means in its media only."""
COMFORT_NOISE = frozenset({13, 118})  # RFC 3389; 118 is Lync's for 16 kHz
NO_SPEECH = COMFORT_NOISE | {101}  # keys that are pressed (RFC 4733), as all of Lync's devices number them

Row = tuple[MediaSession, Any]


@dataclass(frozen=True)
class Directions:
    """Both halves of a leg and what becomes of them."""

    forth: Half
    back: Half
    flowing: Flowing
    silent: int | None
    """The party that is not heard: 0 or 1."""
    since: int
    """When its media stopped, 0 when there was none."""


def read_directions(
    strand: Strand,
    ends: Ends,
    used: UsedPair | None,
    tried: Sequence[Tried],
    described: Described | None,
    kind: str,
    evidence: Evidence,
) -> Directions:
    """The directions of a strand; `described` is its dialog, `kind` its medium there."""
    talk = _talk(described, kind) if described is not None else Talk()
    rows: tuple[list[Row], list[Row]] = ([], [])
    for media in order(strand.sessions):
        for row in evidence.streams[media.flow]:
            rows[ends.party_of(media, bool(row.from_client))].append((media, row))
    known = any(one.basis for one in strand.sessions)
    halves = (_half(rows[0], evidence, known=known), _half(rows[1], evidence, known=known))
    flowing, silent, since = _Reading(strand, ends, halves, rows, talk, evidence).state(used, tried)
    return Directions(*halves, flowing, silent, since)


def _half(rows: list[Row], evidence: Evidence, *, known: bool) -> Half:
    if not rows:
        return Half()
    packets: dict[int, int] = {}
    for media, row in rows:
        packets[media.flow] = packets.get(media.flow, 0) + row.packets
    # Seen at several places, it is told as it was at the last one, which has lost most.
    _, row = max(rows, key=lambda one: (one[1].packets * 2 > max(packets.values()), one[1].first_time))
    known = known or row.payload_type in STATIC
    quality = evidence.qualities.get((row.flow, bool(row.from_client), row.ssrc))
    times = min(one.first_time for _, one in rows), max(one.last_time for _, one in rows)
    return Half(
        packets=max(packets.values()),
        first_time=int(times[0]),
        last_time=int(times[1]),
        codec=quality.codec if quality and known else "",
        loss=quality.loss if quality else None,
        jitter_ms=quality.jitter_ms if quality else None,
        mos=quality.rating.mos if quality else None,
        mos_basis=quality.rating.basis if quality else "",
    )


State = tuple[Flowing, int | None, int]


@dataclass(frozen=True, slots=True)
class Talk:
    """What signalling says of the time in which both parties should be heard; all of it where none is readable."""

    begin: int = 0
    """When the call was accepted: before, ringing and announcements come one way."""
    end: int = OPEN_END
    """When it was ended: some devices go on sending for a while."""
    held: tuple[tuple[int, int], ...] = ()
    over: bool = False
    """The call was ended within the capture."""

    def within(self, first: int, last: int) -> tuple[int, int]:
        """The nanoseconds of a time in which the call was up, and those of them on hold."""
        first, last = max(first, self.begin), min(last, self.end)
        held = sum(max(min(last, end) - max(first, begin), 0) for begin, end in self.held)
        return max(last - first, 0), held


def _talk(described: Described, kind: str) -> Talk:
    dialog = described.dialog
    accepted = dialog.opening.final if dialog.end is DialogEnd.ESTABLISHED else None
    begin = OPEN_END if accepted is None else int(accepted.time)
    return Talk(begin, described.end, described.held(kind), dialog.closing is not None)


@dataclass(frozen=True)
class _Reading:
    strand: Strand
    ends: Ends
    halves: tuple[Half, Half]
    rows: tuple[list[Row], list[Row]]
    talk: Talk
    evidence: Evidence

    def state(self, used: UsedPair | None, tried: Sequence[Tried]) -> State:
        sent = [bool(one.packets) for one in self.halves]
        if any(one.clock_set for one in self.strand.sessions):
            return Flowing.UNKNOWN, None, 0
        if all(sent):
            return self._both()
        if not any(sent):
            return self._nothing(used, tried), None, 0
        return self._one(0 if sent[1] else 1)

    def _both(self) -> State:
        silent = 0 if self.halves[0].last_time < self.halves[1].last_time else 1
        since = self.halves[silent].last_time
        quiet, held = self.talk.within(since, self.halves[1 - silent].last_time)
        if quiet <= SILENT_NS:
            return Flowing.BOTH_WAYS, None, 0
        if quiet - held <= SILENT_NS:
            return Flowing.HELD, silent, since
        if not self._is_counted(silent, since):
            return Flowing.UNKNOWN, None, 0
        if self._has_reports(silent, since + SECOND) or self._pauses(silent):
            return Flowing.QUIET, silent, since
        return Flowing.ONE_WAY, silent, since

    def _one(self, silent: int) -> State:
        talking = self.halves[1 - silent]
        alone, held = self.talk.within(talking.first_time, talking.last_time)
        if held and alone - held <= SILENT_NS:
            return Flowing.HELD, silent, 0
        if alone < SHORT_NS or not self._speaks(1 - silent) or not self._is_counted(silent, talking.first_time):
            return Flowing.UNKNOWN, None, 0
        if self._has_reports(silent, 0):
            return Flowing.QUIET, silent, 0
        if self._answers_elsewhere(silent):
            return Flowing.UNKNOWN, None, 0
        return (Flowing.ONE_WAY, silent, 0) if self._would_be_seen(silent) else (Flowing.UNKNOWN, None, 0)

    def _nothing(self, used: UsedPair | None, tried: Sequence[Tried]) -> Flowing:
        end = self.evidence.capture_ends[self.strand.capture]
        if end - self.strand.ended < AWAITED_NS and not self._is_over(used):
            return Flowing.UNKNOWN
        if used is None and not any(one.failed for one in tried):
            return Flowing.UNKNOWN
        if any(self.evidence.carried_more(one.flow) for one in self.strand.pairs):
            return Flowing.UNKNOWN  # something that could not be read as media
        flows = [self.evidence.flows[one.flow] for one in self.strand.pairs if one.nominated]
        if any(one.transport == "tcp" for one in flows):
            return Flowing.UNKNOWN  # of a stream not everything is read
        if self.talk.held and used is not None:
            return Flowing.HELD
        ours = self.talk.over or any(one.flow in self.evidence.lync_checks for one in self.strand.pairs)
        return Flowing.NOTHING if ours else Flowing.UNKNOWN  # others' media may not look like RTP

    def _is_over(self, used: UsedPair | None) -> bool:
        """Whether the devices are done, however short the capture: they hung up, or gave their relays back.

        Relays that the chosen pair does not need are given back as soon as it is chosen.
        """
        if self.talk.over:
            return True
        needed = [one for one in self.strand.pairs if used is None or one.nominated]
        holders = {one.allocation for one in needed if one.allocation is not None}
        ended = [one.ended for one in self.evidence.relays.allocations if one.flow in holders]
        return bool(ended) and all(ended)

    def _speaks(self, place: int) -> bool:
        """Whether a party sent more than keys and comfort noise, which stand for no speech of the other one."""
        return any(
            {kind for kind, _ in row.payload_types or ((row.payload_type, 1),)} - NO_SPEECH
            for _, row in self.rows[place]
        )

    def _is_counted(self, silent: int, since: int) -> bool:
        """Whether all of the silent side's packets would have been counted."""
        for media, row in (*self.rows[silent], *self.rows[1 - silent]):
            if row.carried in COUNTED:
                continue
            flow = self.evidence.flows[media.flow]
            from_client = bool(row.from_client) if self._sends(media, row) == silent else not row.from_client
            if int(flow.last_time_client if from_client else flow.last_time_server) > since + SECOND:
                return False
        return True

    def _sends(self, media: MediaSession, row: Any) -> int:
        return self.ends.party_of(media, bool(row.from_client))

    def _flow_sides(self, silent: int) -> Iterator[tuple[MediaSession, bool]]:
        """The flows of the leg, each with whether the silent party is heard from its client's side."""
        for media in self.strand.sessions:
            yield media, self.ends.party_of(media, from_client=True) == silent

    def _has_reports(self, silent: int, after: int) -> bool:
        reports = self.evidence.reports
        return any(reports.get((media.flow, side), 0) > after for media, side in self._flow_sides(silent))

    def _pauses(self, silent: int) -> bool:
        """Whether its sender leaves out silence (RFC 3551 4.1), so that it may have had nothing to say since."""
        return any(
            row.silences or COMFORT_NOISE.intersection(kind for kind, _ in row.payload_types)
            for _, row in self.rows[silent]
        )

    def _answers_elsewhere(self, silent: int) -> bool:
        """Whether the silent side sends the other one media on a flow of its own: telephones may use other ports."""
        for media, from_client in self._flow_sides(silent):
            ends = (media.client, media.server) if from_client else (media.server, media.client)
            for other in self.evidence.one_way_media.get((media.capture, *ends), ()):
                if other.first_time <= media.last_time and media.first_time <= other.last_time:
                    return True
        return False

    def _would_be_seen(self, silent: int) -> bool:
        """Whether the capture holds anything at all that goes the way the silent side's media would go."""
        heard, capture = self.evidence.heard, self.strand.capture
        for media, from_client in self._flow_sides(silent):
            ends = (media.client, media.server) if from_client else (media.server, media.client)
            if ends[0] not in heard.get((capture, ends[1]), ()) or Scope.GROUP in map(scope_of, ends):
                return False
        return True
