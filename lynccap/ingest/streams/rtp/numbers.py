"""Follows the sequence numbers of RTP streams: what is lost, late, or there twice (RFC 3550 A.1, A.3).

A number may come up to LATE numbers behind the highest one; only then what is missing below it is called lost. For a
stream in order, which is nearly every one, three columns say all. For the others a bit each tells which of the last
LATE numbers have come.
"""

import numpy as np
from numpy.typing import NDArray

from lynccap.ingest.flows.columns import Columns
from lynccap.ingest.frames import Flags, Ints
from lynccap.ingest.schemas import Arrays, array_of
from lynccap.ingest.streams.rtp.holes import Holes
from lynccap.ingest.streams.rtp.packets import RtpPackets
from lynccap.ingest.streams.rtp.runs import Runs

LATE = 64  # 1.3 s of audio; a receiver has played what comes later than that
SMALL_STEP = 100  # a larger step forward does not count as advancing
RESTART_STEP = 3000  # MAX_DROPOUT of RFC 3550 A.1: a larger step is a restart, not loss
LONG_BURST = 5  # numbers missing in a row: a tenth of a second of audio, which no receiver conceals
NONE = -(1 << 40)  # a number no stream has
_LIFT = 1 << 42  # apart by more than any two numbers of one stream
_BITS = np.arange(LATE, dtype=np.uint64)
_ONE = np.uint64(1)
_FULL = ~np.uint64(0)

_STREAM = {
    "packets": ("i8", 0),
    "advancing": ("i8", 0),
    "sequence": ("i8", 0),  # of the last packet, as it was sent
    "extended": ("i8", 0),  # the same beyond 16 bits
    "lowest": ("i8", 0),  # of the first packet; what came before it is none of this capture's
    "highest": ("i8", 0),
    "tidy": ("i1", 1),  # nothing is missing among the last LATE numbers, and the last packet has the highest one
    "solid": ("i8", 0),  # of tidy streams: the first number from which on all have come
    "seen": ("u8", 0),  # of the others: bit n stands for highest - n
    "floor": ("i8", NONE),  # … and the highest number that came below those bits
    "reordered": ("i8", 0),
    "duplicates": ("i8", 0),
    "lost": ("i8", 0),
    "loss_bursts": ("i8", 0),
    "longest_burst": ("i8", 0),
    "long_bursts": ("i8", 0),
}


class Numbers:
    """The sequence numbers of every stream."""

    def __init__(self) -> None:
        """No stream yet."""
        self.columns = Columns(_STREAM)
        self._holes = Holes()

    def add(self, packets: RtpPackets, runs: Runs) -> tuple[Flags, Flags | None]:
        """Follow these packets: which of them come next after the one before, and which are no duplicates.

        None instead of the latter means all of them.
        """
        columns, here, sequence = self.columns, runs.here, packets.sequence
        step = ((sequence - runs.before(sequence, columns["sequence"]) + 0x8000) & 0xFFFF) - 0x8000
        fresh = columns["packets"][here] == 0
        if fresh.any():
            self._begin(here[fresh], sequence[runs.first[fresh]])
            step[runs.first[fresh]] = 1
        columns["sequence"][here] = sequence[runs.last]
        columns["packets"][here] += runs.sizes
        following = step == 1
        plain = (runs.count(following) == runs.sizes) & (columns["tidy"][here] != 0)
        if plain.all():
            self._advance(here, runs.sizes)
            return following, None
        self._advance(here[plain], runs.sizes[plain])
        rows = np.flatnonzero(runs.spread(~plain))
        fewer = self._follow(step[rows], packets.where(rows), Runs(runs.stream[rows]))
        if fewer.all():
            return following, None
        once = np.ones(len(sequence), np.bool_)
        once[rows] = fewer
        return following, once

    def measured(self, streams: Ints) -> Arrays:
        """The columns of MEDIA that come from numbers. What these streams still miss is lost now."""
        columns = self.columns
        self._give_up(streams[columns["tidy"][streams] == 0])
        counted = ("lost", "reordered", "duplicates", "loss_bursts", "longest_burst", "long_bursts")
        return {
            "lossy_seconds": array_of([self._holes.of(one) for one in streams.tolist()], "object"),
            **{name: columns[name][streams] for name in counted},
            "expected": columns["highest"][streams] - columns["lowest"][streams] + 1,
        }

    def _give_up(self, streams: Ints) -> None:
        if streams.size:
            run, number = self._seen(streams)
            order = np.argsort(run * _LIFT + number)
            self._count_bursts(streams, run[order], number[order], np.full(len(streams), -NONE))

    def _begin(self, streams: Ints, sequence: Ints) -> None:
        columns = self.columns
        columns["lowest"][streams] = columns["solid"][streams] = sequence
        columns["extended"][streams] = columns["highest"][streams] = sequence - 1
        columns["advancing"][streams] = -1  # the first packet follows none

    def _advance(self, streams: Ints, count: Ints) -> None:
        columns = self.columns
        columns["advancing"][streams] += count
        columns["extended"][streams] += count
        columns["highest"][streams] += count

    def _follow(self, step: Ints, packets: RtpPackets, runs: Runs) -> Flags:
        """The same for streams that are not in order."""
        columns, here = self.columns, runs.here
        columns["advancing"][here] += runs.count((step > 0) & (step <= SMALL_STEP))
        step[np.abs(step) > RESTART_STEP] = 1  # a restart moves the numbers without losing packets
        total = np.cumsum(step)
        number = total + runs.spread(columns["extended"][here] - (total[runs.first] - step[runs.first]))
        run = runs.spread(np.arange(len(runs)))
        top = self._top_before(number, run, runs)
        late = top >= number
        recent = top - number < LATE
        once, placed = self._place(here, run, number, recent)
        fills = late & once & recent & (number >= columns["lowest"][runs.stream])
        self._holes.add(runs.stream, packets.frame, packets.time, np.where(late, -1 * fills, number - top - 1))
        columns["reordered"][here] += runs.count(late & once)
        columns["duplicates"][here] += runs.count(~once)
        columns["packets"][here] -= runs.count(~once)
        columns["highest"][here] = np.maximum(columns["highest"][here], np.maximum.reduceat(number, runs.first))
        columns["extended"][here] = number[runs.last]
        self._settle(here, *placed)
        return once

    def _top_before(self, number: Ints, run: Ints, runs: Runs) -> Ints:
        """The highest number of the stream before each packet."""
        lifted = number + run * _LIFT
        before = np.empty_like(lifted)
        before[1:] = lifted[:-1]
        before[runs.first] = self.columns["highest"][runs.here] + np.arange(len(runs)) * _LIFT
        return np.maximum.accumulate(before) - run * _LIFT

    def _place(self, here: Ints, run: Ints, number: Ints, recent: Flags) -> tuple[Flags, tuple[Ints, Ints]]:
        """Which packets are no duplicates; run and number of all that came, sorted, those of earlier windows too."""
        known_run, known = self._seen(here)
        rows = np.flatnonzero(recent)
        every_run, every = np.concatenate((known_run, run[rows])), np.concatenate((known, number[rows]))
        keys = every_run * _LIFT + every
        order = np.argsort(keys, kind="stable")
        again = np.concatenate(([False], keys[order][1:] == keys[order][:-1]))
        once = np.ones(len(number), np.bool_)
        repeated = order[again] - len(known)
        once[rows[repeated[repeated >= 0]]] = False
        kept = order[~again]
        return once, (every_run[kept], every[kept])

    def _seen(self, streams: Ints) -> tuple[Ints, Ints]:
        """The last numbers of these streams that came: place of the stream, and number."""
        columns = self.columns
        highest, solid = columns["highest"][streams], columns["solid"][streams]
        tidy = columns["tidy"][streams] != 0
        whole = np.clip(highest - solid + 1, 0, LATE)
        bits = np.where(tidy, _ones(whole), columns["seen"][streams])
        floor = np.where(tidy, np.where(solid <= highest - LATE, highest - LATE, NONE), columns["floor"][streams])
        run, bit = np.nonzero((bits[:, np.newaxis] >> _BITS) & _ONE)
        floored = np.flatnonzero(floor > NONE)
        return np.concatenate((floored, run)), np.concatenate((floor[floored], highest[run] - bit))

    def _settle(self, streams: Ints, run: Ints, number: Ints) -> None:
        """Note the last numbers of these streams; what is missing below them is lost for good."""
        columns = self.columns
        highest = columns["highest"][streams]
        limit = highest - LATE
        self._count_bursts(streams, run, number, limit)
        upper = number > limit[run]
        runs = Runs(run[upper])  # every stream's highest number is among them
        seen = np.bitwise_or.reduceat(_ONE << (highest[runs.stream] - number[upper]).astype(np.uint64), runs.first)
        floor = np.full(len(streams), NONE)
        np.maximum.at(floor, run[~upper], number[~upper])
        tidy = (columns["extended"][streams] == highest) & np.where(
            floor > NONE, (seen == _FULL) & (floor == limit), seen & (seen + _ONE) == 0
        )
        columns["seen"][streams], columns["floor"][streams], columns["tidy"][streams] = seen, floor, tidy
        columns["solid"][streams] = np.where(floor > NONE, limit, number[upper][runs.first])

    def _count_bursts(self, streams: Ints, run: Ints, number: Ints, limit: Ints) -> None:
        """Count the stretches missing between these sorted numbers, as far as they end by the limit of their run."""
        columns = self.columns
        missing = np.diff(number) - 1
        final = (run[1:] == run[:-1]) & (number[1:] <= limit[run[1:]])
        lost = np.flatnonzero(final & (missing > 0) & (number[:-1] >= columns["lowest"][streams][run[:-1]]))
        of = streams[run[lost]]
        np.add.at(columns["loss_bursts"], of, np.ones(len(lost), np.int64))
        np.add.at(columns["lost"], of, missing[lost])
        np.maximum.at(columns["longest_burst"], of, missing[lost])
        np.add.at(columns["long_bursts"], of, (missing[lost] >= LONG_BURST).astype(np.int64))


def _ones(count: Ints) -> NDArray[np.uint64]:
    """So many lowest bits, up to LATE."""
    shift = np.minimum(LATE - count, LATE - 1).astype(np.uint64)
    return np.where(count > 0, _FULL >> shift, np.uint64(0))
