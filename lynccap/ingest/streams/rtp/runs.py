"""Rows sorted by stream, and where each stream's run of rows begins and ends."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lynccap.ingest.frames import Flags, Ints


class Runs:
    """The runs of equal numbers in `stream`, which is not empty and sorted."""

    __slots__ = ("first", "here", "last", "sizes", "stream")

    def __init__(self, stream: Ints) -> None:
        """Find them."""
        self.stream = stream
        self.first: Ints = np.flatnonzero(np.concatenate(([True], stream[1:] != stream[:-1])))
        """Row each run begins at."""
        ends = np.concatenate((self.first[1:], [len(stream)]))
        self.last: Ints = ends - 1
        self.sizes: Ints = ends - self.first
        self.here: Ints = stream[self.first]
        """Stream of each run."""

    def __len__(self) -> int:
        """Runs, which is streams."""
        return len(self.first)

    def spread(self, values: NDArray[Any]) -> NDArray[Any]:
        """One value a run as one value a row."""
        return np.repeat(values, self.sizes)

    def before(self, values: Ints, held: Ints) -> Ints:
        """Each row's predecessor in its stream: the row above it, for the first row of a run that of `held`."""
        earlier = np.empty_like(values)
        earlier[1:] = values[:-1]
        earlier[self.first] = held[self.here]
        return earlier

    def count(self, flags: Flags) -> Ints:
        """How many rows of each run are flagged."""
        return np.add.reduceat(flags, self.first, dtype=np.int64)
