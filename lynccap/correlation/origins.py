"""From frame numbers within a recording to the files it was read from: what a person opens in Wireshark."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from lynccap.tables import Tables


class Origins:
    """Finds, for the frames of one capture, the file and the frame number in it."""

    def __init__(self, tables: Tables, ids: Sequence[str]) -> None:
        """`ids` names the capture's files in the document, in the order of `tables.files`."""
        self.ids = tuple(ids)
        runs = tables.origins.sort_values("first")
        self._first: list[int] = runs["first"].tolist()
        self._file: list[int] = runs["file"].tolist()
        self._frame: list[int] = runs["frame"].tolist()

    def place(self, frame: int) -> tuple[str, int]:
        """The file that holds a frame, and the frame's number in it."""
        run = bisect_right(self._first, frame) - 1
        return self.ids[self._file[run]], self._frame[run] + frame - self._first[run]

    def places(self, frames: "pd.Series[int]") -> tuple[list[str], list[int]]:
        """The same for many frames at once: their files, and their numbers in them."""
        first, wanted = np.array(self._first), frames.to_numpy()
        runs = np.searchsorted(first, wanted, "right") - 1
        files = np.array(self._file)[runs].tolist()
        return [self.ids[file] for file in files], (np.array(self._frame)[runs] + wanted - first[runs]).tolist()

    def split(self, frames: Iterable[int]) -> dict[str, tuple[int, ...]]:
        """Different frames, in order, as frame numbers of each file that holds some of them; 0 is no frame."""
        found: dict[str, list[int]] = {}
        for frame in sorted({int(frame) for frame in frames if frame}):
            id_, number = self.place(frame)
            found.setdefault(id_, []).append(number)
        return {id_: tuple(sorted(ones)) for id_, ones in found.items()}
