"""Columns that grow with the number of flows; one array a name, doubled when full."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

FIRST_ROWS = 1024
GROWTH = 1.5


class Columns:
    """Named arrays of one length; a new row holds each column's initial value."""

    def __init__(self, kinds: Mapping[str, tuple[str, int]]) -> None:
        """Columns of these numpy types and initial values, without a row."""
        self.rows = 0
        self._initial = {name: value for name, (_, value) in kinds.items()}
        self._arrays: dict[str, NDArray[Any]] = {
            name: np.full(FIRST_ROWS, value, kind) for name, (kind, value) in kinds.items()
        }

    def grow(self, rows: int) -> None:
        """Have at least `rows` rows."""
        capacity = len(next(iter(self._arrays.values())))
        if rows > capacity:
            wider = max(rows, int(capacity * GROWTH))
            for name, old in self._arrays.items():
                new = np.full(wider, self._initial[name], old.dtype)
                new[: self.rows] = old[: self.rows]
                self._arrays[name] = new
        self.rows = max(self.rows, rows)

    def __getitem__(self, name: str) -> NDArray[Any]:
        """The whole array, spare rows included: for reading and writing in place."""
        return self._arrays[name]

    def column(self, name: str) -> NDArray[Any]:
        """Exactly the rows there are."""
        return self._arrays[name][: self.rows]

    def last(self, name: str) -> NDArray[Any]:
        """The rows of a column that is not needed after this, so that its memory can be freed."""
        return self._arrays.pop(name)[: self.rows]
