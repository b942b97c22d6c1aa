"""When RTP packets arrived against when they were due: jitter (RFC 3550 6.4.1, A.8), gaps, jumps of the timestamp."""

import numpy as np
from numpy.typing import NDArray

from lynccap.ingest.flows.columns import Columns
from lynccap.ingest.frames import Flags, Ints
from lynccap.ingest.schemas import Arrays
from lynccap.ingest.streams.rtp.packets import RtpPackets, clock_rates, irregular_types
from lynccap.ingest.streams.rtp.runs import Runs

Floats = NDArray[np.float64]

GAP_NS = 200_000_000  # ten packets of 20 ms: no usual jitter buffer bridges that, the listener hears a hole
MAX_TICKS = 60 * 90_000  # a minute of video: packets of one stream are not further apart, chance bytes are
RESTART_US = 1_000_000  # a timing difference above one second is a clock restart, not jitter
DECAY = 15 / 16  # the gain of the RFC 3550 jitter estimator is 1/16
BLOCK = 64  # packets the estimator runs over at once: the weights of longer ones spoil the sums
_FADED = DECAY ** np.arange(BLOCK + 1)
_GROWN = 1 / _FADED

_STREAM = {
    "started": ("i1", 0),
    "steady": ("i8", 0),
    "time": ("i8", 0),
    "timestamp": ("i8", 0),
    "kind": ("i8", -1),
    "jitter": ("f8", 0),
    "jitter_sum": ("f8", 0),
    "jitter_max": ("f8", 0),
    "jitter_count": ("i8", 0),
    "longest_gap": ("i8", 0),
    "longest_gap_frame": ("i8", 0),
    "gaps": ("i8", 0),
    "silences": ("i8", 0),
    "timestamp_jumps": ("i8", 0),
}


class Timing:
    """The timing of every stream; all columns of time are in ns, those of jitter in µs."""

    def __init__(self) -> None:
        """No stream yet."""
        self.columns = Columns(_STREAM)

    def add(self, packets: RtpPackets, following: Flags, runs: Runs) -> None:
        """Measure these packets; `following` are those with the next sequence number."""
        columns, here = self.columns, runs.here
        kind, clock = packets.payload_type, clock_rates()[packets.payload_type]
        known = np.ones(len(packets), np.bool_)
        known[runs.first] = columns["started"][here] != 0
        gap = np.where(known, packets.time - runs.before(packets.time, columns["time"]), 0)
        ticks = packets.timestamp - runs.before(packets.timestamp, columns["timestamp"])
        ticks = ((ticks + 0x80000000) & 0xFFFFFFFF) - 0x80000000
        columns["steady"][here] += runs.count(known & (np.abs(ticks) < MAX_TICKS))
        due = ticks * (1_000_000 / np.maximum(clock, 1))
        known &= clock > 0
        deviation = np.abs(gap / 1000 - due)
        same = kind == runs.before(kind, columns["kind"])
        regular = known & same & ~irregular_types()[kind]
        wild = deviation >= RESTART_US
        if wild.any():
            regular &= ~wild
            jumped = wild & known & (np.abs(due) >= RESTART_US)
            columns["timestamp_jumps"][here] += runs.count(jumped)
        self._gaps(packets.frame, gap, following & known & (due * 2000 >= gap), runs)
        if regular.all():
            self._jitter(deviation, runs)
        elif regular.any():
            self._jitter(deviation[regular], Runs(runs.stream[regular]))
        columns["started"][here] = 1
        for name, values in (("time", packets.time), ("timestamp", packets.timestamp), ("kind", kind)):
            columns[name][here] = values[runs.last]

    def measured(self, streams: Ints) -> Arrays:
        """The columns of MEDIA that come from times."""
        columns = self.columns
        mean = columns["jitter_sum"][streams] / np.maximum(columns["jitter_count"][streams], 1)
        return {
            "jitter_us": np.rint(mean).astype(np.int64),
            "jitter_max_us": np.rint(columns["jitter_max"][streams]).astype(np.int64),
            "longest_gap_us": columns["longest_gap"][streams] // 1000,
            **{name: columns[name][streams] for name in ("longest_gap_frame", "gaps", "silences", "timestamp_jumps")},
        }

    def _gaps(self, frame: Ints, gap: Ints, paused: Flags, runs: Runs) -> None:
        """Note long pauses; where the sender `paused`, its clock went on and no number is missing."""
        columns, here = self.columns, runs.here
        long = gap > GAP_NS
        if long.any():
            columns["gaps"][here] += runs.count(long)
            columns["silences"][here] += runs.count(long & paused)
        longest = np.maximum.reduceat(gap, runs.first)
        longer = longest > columns["longest_gap"][here]
        if not longer.any():
            return
        columns["longest_gap"][here[longer]] = longest[longer]
        rows = np.flatnonzero((gap == runs.spread(longest)) & runs.spread(longer))[
            ::-1
        ]  # the first one is written last
        columns["longest_gap_frame"][runs.stream[rows]] = frame[rows]

    def _jitter(self, deviation: Floats, runs: Runs) -> None:
        """Run the estimator J += (|D| - J) / 16 over all streams at once."""
        columns, here = self.columns, runs.here
        jitter = _estimates(deviation, runs, columns["jitter"][here])
        columns["jitter"][here] = jitter[runs.last]
        columns["jitter_sum"][here] += np.add.reduceat(jitter, runs.first)
        columns["jitter_max"][here] = np.maximum(columns["jitter_max"][here], np.maximum.reduceat(jitter, runs.first))
        columns["jitter_count"][here] += runs.sizes


def _estimates(deviation: Floats, runs: Runs, held: Floats) -> Floats:
    """The estimate after each packet, from those `held` before the first ones of the runs."""
    place = np.arange(len(deviation)) - np.repeat(runs.first, runs.sizes)
    within = place % BLOCK
    summed = np.cumsum(deviation * _GROWN[within])
    begins = np.flatnonzero(within == 0)
    ends = np.concatenate((begins[1:], [len(deviation)])) - 1
    sizes = ends - begins + 1
    before = summed[begins] - deviation[begins]
    faded = _FADED[within]
    own = (summed - np.repeat(before, sizes)) * faded / 16
    carried = np.zeros(len(begins))
    rank = place[begins] // BLOCK
    first = np.flatnonzero(rank == 0)
    carried[first] = held
    for level in range(1, int(rank.max()) + 1):
        later = np.flatnonzero(rank == level)
        carried[later] = own[ends[later - 1]] + carried[later - 1] * _FADED[sizes[later - 1]]
    estimates: Floats = own + np.repeat(carried, sizes) * (faded * DECAY)
    return estimates
