"""When numbers of RTP streams were missing: the seconds in which, not each number."""

import numpy as np

from lynccap.ingest.frames import Ints
from lynccap.tables import SECOND

MAX_SECONDS = 300  # kept of one stream: five minutes without a whole second, or an hour of which one in twelve is bad
_SECONDS = 1 << 34  # more than the seconds since 1970 will be for centuries
LossySeconds = tuple[tuple[int, int, int], ...]
"""Of each second in which numbers were missing: frame and time of the first packet behind a hole, and how many."""


class Holes:
    """The seconds of every stream in which numbers were missing."""

    def __init__(self) -> None:
        """None yet."""
        self._of: dict[int, dict[int, list[int]]] = {}

    def add(self, stream: Ints, frame: Ints, time: Ints, missing: Ints) -> None:
        """Note what is missing in front of each packet; negative where a late one fills a hole."""
        rows = np.flatnonzero(missing)
        if not rows.size:
            return
        keys, first, place = np.unique(
            stream[rows] * _SECONDS + time[rows] // SECOND, return_index=True, return_inverse=True
        )
        counts = np.zeros(len(keys), np.int64)
        np.add.at(counts, place, missing[rows])
        found = rows[first]
        for key, number, when, count in zip(
            *(one.tolist() for one in (keys, frame[found], time[found], counts)), strict=True
        ):
            seconds = self._of.setdefault(key // _SECONDS, {})
            known = seconds.get(key % _SECONDS)
            if known:
                known[2] += count
            elif len(seconds) < MAX_SECONDS:
                seconds[key % _SECONDS] = [number, when, count]

    def of(self, stream: int) -> LossySeconds:
        """Those of one stream, in order of time."""
        return tuple((one[0], one[1], one[2]) for _, one in sorted(self._of.get(stream, {}).items()) if one[2] > 0)
