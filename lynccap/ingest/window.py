"""The one reused buffer a capture is read through, and typed views of it at any byte position."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lynccap.ingest.source import Feed

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

WINDOW_BYTES = 4 << 20  # measured: the columns of larger windows leave the processor's cache
MAX_RECORD = 1 << 20  # four times the largest snap length in use (262144): beyond it, a length is damage
PAD_BYTES = 128  # a header may be gathered whole at the last byte; what lies beyond the frame is masked


class Window:
    """A stretch of the file in memory: `base` is the file offset of its first byte, `filled` its length."""

    def __init__(self, feed: Feed) -> None:
        """Read the first stretch of `feed`."""
        self.feed = feed
        self.buffer = bytearray(MAX_RECORD + WINDOW_BYTES + PAD_BYTES)
        self.view = memoryview(self.buffer)
        self.base = 0
        self.filled = feed.fill(self.view[:WINDOW_BYTES])

    def advance(self, position: int) -> bool:
        """Drop the bytes before `position` and read more; False when there is nothing new to look at.

        `position` may lie beyond `filled`: those bytes are read and dropped.
        """
        self.feed.settle()
        skipping = position > self.filled
        while position > self.filled:
            self.base += self.filled
            position -= self.filled
            self.filled = self.feed.fill(self.view[:WINDOW_BYTES])
            self.feed.settle()
            if not self.filled:
                return False
        rest = self.filled - position
        self.view[:rest] = bytes(self.view[position : self.filled])
        self.base += position
        added = self.feed.fill(self.view[rest : rest + WINDOW_BYTES])
        self.filled = rest + added
        return added > 0 or (skipping and rest > 0)

    @cached_property
    def octets(self) -> NDArray[np.uint8]:
        """Every byte."""
        return np.frombuffer(self.buffer, np.uint8)

    @cached_property
    def _views(self) -> dict[str, NDArray[Any]]:
        return {}

    def gather(self, kind: str, positions: Ints) -> NDArray[Any]:
        """The values of numpy type `kind` at these byte positions, whatever their alignment."""
        view = self._views.get(kind)
        if view is None:
            size = np.dtype(kind).itemsize
            view = np.ndarray((len(self.buffer) - size + 1,), kind, self.buffer, 0, (1,))
            self._views[kind] = view
        return view[positions]

    def uint(self, kind: str, positions: Ints) -> Ints:
        """The same as int64."""
        return self.gather(kind, positions).astype(np.int64)


@dataclass(slots=True)
class Frames:
    """The frames of one window as columns; `number` is the frame number of the first one."""

    window: Window
    start: Ints
    """Position of the frame's first byte in the window's buffer."""
    captured: Ints
    wire: Ints
    time: Ints
    link: Ints
    """LINKTYPE of each frame, -1 for records that are frames to Wireshark but hold no packet."""
    number: int

    def __len__(self) -> int:
        """Frames in this window."""
        return len(self.start)
