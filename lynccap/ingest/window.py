"""The reused buffers a capture is read through, and typed views of them at any byte position."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lynccap.ingest.source import Feed

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

WINDOW_BYTES = 4 << 20  # measured: the columns of larger windows leave the processor's cache
MAX_RECORD = 1 << 20  # four times the largest snap length in use (262144): beyond it, a length is damage
PAD_BYTES = 128  # a header may be gathered whole at the last byte; what lies beyond the frame is masked


class _Buffer:
    """Memory for one window, and typed views of it."""

    def __init__(self) -> None:
        self.data = bytearray(MAX_RECORD + WINDOW_BYTES + PAD_BYTES)
        self.view = memoryview(self.data)
        self.octets = np.frombuffer(self.data, np.uint8)
        self.views: dict[str, NDArray[Any]] = {}


class Window:
    """A stretch of the file in memory: `base` is the file offset of its first byte, `filled` its length.

    Two buffers take turns, so that one can still be hashed while the other is read.
    """

    def __init__(self, feed: Feed) -> None:
        """Read the first stretch of `feed`."""
        self.feed = feed
        self.base = 0
        self._current, self._other = _Buffer(), _Buffer()
        self.filled = feed.fill(self.view[:WINDOW_BYTES])

    @property
    def buffer(self) -> bytearray:
        """The bytes; those from `filled` on are old or zero."""
        return self._current.data

    @property
    def view(self) -> memoryview:
        """The same, to be sliced without a copy."""
        return self._current.view

    @property
    def octets(self) -> NDArray[np.uint8]:
        """The same as numbers."""
        return self._current.octets

    def advance(self, position: int) -> bool:
        """Drop the bytes before `position` and read more; False when there is nothing new to look at.

        `position` may lie beyond `filled`: those bytes are read and dropped.
        """
        skipping = position > self.filled
        while position > self.filled:
            self.feed.settle()
            self.base += self.filled
            position -= self.filled
            self.filled = self.feed.fill(self.view[:WINDOW_BYTES])
            if not self.filled:
                return False
        self.feed.settle(but=1)  # the bytes of this window may still be hashed, those of the other one are
        rest = self.filled - position
        self._other.view[:rest] = self.view[position : self.filled]
        self._current, self._other = self._other, self._current
        self.base += position
        added = self.feed.fill(self.view[rest : rest + WINDOW_BYTES])
        self.filled = rest + added
        return added > 0 or (skipping and rest > 0)

    def gather(self, kind: str, positions: Ints) -> NDArray[Any]:
        """The values of numpy type `kind` at these byte positions, whatever their alignment."""
        buffer = self._current
        view = buffer.views.get(kind)
        if view is None:
            size = np.dtype(kind).itemsize
            view = np.ndarray((len(buffer.data) - size + 1,), kind, buffer.data, 0, (1,))
            buffer.views[kind] = view
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
