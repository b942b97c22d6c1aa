"""Counts how often each value occurred in each stream."""

import numpy as np
from numpy.typing import NDArray

from lynccap.ingest.flows.columns import Columns
from lynccap.ingest.flows.hashtable import HashTable
from lynccap.ingest.frames import Ints
from lynccap.ingest.streams.rtp.runs import Runs

Counted = tuple[tuple[int, int], ...]
"""Values and how often each occurred, the most frequent first."""
Firsts = tuple[tuple[int, int], ...]
"""Values and the frame in which each occurred first."""


class Tally:
    """Counts small non-negative values; nearly all rows of a stream have the value of its first one."""

    def __init__(self) -> None:
        """Nothing counted."""
        self._streams = Columns({"value": ("i8", -1), "others": ("i8", 0)})
        self._keys = HashTable()
        self._counts = Columns({"count": ("i8", 0), "frame": ("i8", 0)})

    def grow(self, streams: int) -> None:
        """Have room for so many streams."""
        self._streams.grow(streams)

    def add(self, values: NDArray[np.signedinteger], frame: Ints, runs: Runs) -> None:
        """Count one value a row, each in a frame; negative ones mean nothing."""
        value = self._streams["value"]
        fresh = value[runs.here] < 0
        if fresh.any():
            value[runs.here[fresh]] = values[runs.first[fresh]]
        rows = np.flatnonzero(values != value[runs.stream])
        if rows.size:
            self._add_others(runs.stream[rows], values[rows].astype(np.int64), frame[rows])

    def _add_others(self, stream: Ints, values: Ints, frame: Ints) -> None:
        known = values >= 0
        stream, values, frame = stream[known], values[known], frame[known]
        if not len(stream):
            return
        numbers = self._keys.number(stream.astype(np.uint64), values.astype(np.uint64))
        self._counts.grow(self._keys.size)
        fresh = np.flatnonzero(self._counts["count"][numbers] == 0)[::-1]  # the first one is written last
        self._counts["frame"][numbers[fresh]] = frame[fresh]
        np.add.at(self._counts["count"], numbers, np.ones(len(numbers), np.int64))
        np.add.at(self._streams["others"], stream, np.ones(len(stream), np.int64))

    def of(self, streams: Ints, rows: Ints) -> list[Counted]:
        """What was counted of each of these streams, which have so many rows in all."""
        value, others = self._streams["value"][streams], self._streams["others"][streams]
        more: dict[int, list[tuple[int, int]]] = {}
        of, held = self._keys.keys()
        wanted = np.flatnonzero(np.isin(of, streams[others > 0]))
        counts = self._counts["count"][wanted]
        for one, kind, count in zip(*(part.tolist() for part in (of[wanted], held[wanted], counts)), strict=True):
            more.setdefault(one, []).append((kind, count))
        firsts = zip(*(part.tolist() for part in (streams, value, rows - others)), strict=True)
        return [
            tuple(sorted(((first, count), *more.get(one, ())), key=_by_count)) if first >= 0 else ()
            for one, first, count in firsts
        ]

    def firsts(self, streams: Ints) -> list[Firsts]:
        """Of each of these streams the values beside that of its first row, in order: value and its first frame."""
        of, held = self._keys.keys()
        wanted = np.flatnonzero(np.isin(of, streams[self._streams["others"][streams] > 0]))
        found: dict[int, list[tuple[int, int]]] = {}
        columns = (of[wanted], self._counts["frame"][wanted], held[wanted])
        for one, frame, kind in sorted(zip(*(part.tolist() for part in columns), strict=True)):
            found.setdefault(one, []).append((kind, frame))
        return [tuple(found.get(one, ())) for one in streams.tolist()]


def _by_count(counted: tuple[int, int]) -> tuple[int, int]:
    return -counted[1], counted[0]
