"""Segments that are sent again and again at the same length: what a path does to packets that are too large for it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lynccap.ingest.frames import Ints

STUCK = 3  # times a segment is sent again before it counts as stuck (catalogue, mtu-blackhole)
MAX_RUNS = 4096  # of one window: a path that loses so much has other troubles, and each costs time
MAX_SIDES = 20_000  # whose repeats are followed: a site behind a broken tunnel; of a flood the beginning is enough


@dataclass(slots=True)
class Repeat:
    """One segment that was sent again, as often as that happened in a row."""

    start: int
    """Stream offset."""
    size: int
    tries: int
    first_frame: int
    last_frame: int
    first_time: int
    last_time: int
    cut: int = 0
    """Bytes of a shorter piece of it that was sent later; 0 when there was none."""
    cut_frame: int = 0


class Repeats:
    """The segment of each side that is sent again; the first one that is stuck stays."""

    def __init__(self) -> None:
        """None yet."""
        self.sides: dict[int, Repeat] = {}

    def add(self, side: Ints, start: Ints, size: Ints, frame: Ints, time: Ints) -> None:
        """Follow segments that were sent again, each side's in their order."""
        if not len(side):
            return
        columns = (side, start, size)
        new = np.concatenate(([True], np.any([one[1:] != one[:-1] for one in columns], axis=0)))
        first = np.flatnonzero(new)[:MAX_RUNS]
        last = np.concatenate((first[1:], [len(side)]))[: len(first)] - 1
        values: tuple[NDArray[np.int64], ...] = (
            side[first], start[first], size[first], last - first + 1,
            frame[first], frame[last], time[first], time[last],
        )  # fmt: skip
        for one, *told in zip(*(value.tolist() for value in values), strict=True):
            self._follow(one, Repeat(*told))

    def stuck(self) -> dict[int, Repeat]:
        """By side: the segment that was sent again often enough."""
        return {side: one for side, one in sorted(self.sides.items()) if one.tries >= STUCK}

    def _follow(self, side: int, run: Repeat) -> None:
        held = self.sides.get(side)
        if held is None:
            if len(self.sides) < MAX_SIDES:
                self.sides[side] = run
        elif held.start == run.start and held.size == run.size:
            held.tries += run.tries
            held.last_frame, held.last_time = run.last_frame, run.last_time
        elif held.tries < STUCK:
            self.sides[side] = run
        elif held.start == run.start and run.size < held.size and not held.cut:
            held.cut, held.cut_frame = run.size, run.first_frame
