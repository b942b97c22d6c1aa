"""Frames as columns over a stretch of memory, whatever file format they came from."""

import mmap
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

MAX_RECORD = 1 << 20  # four times the largest snap length in use (262144): beyond it, a length is damage
ROOM_BYTES = 8 << 20  # behind the frames, for datagrams put together from fragments: a window's worth and more
PACKED_BYTES = 4 << 20  # frames packed before they are handed on …
PACKED_FRAMES = 1 << 16  # … or as many of them, because frames may be empty
PAD_BYTES = 128  # a header may be gathered whole at the last byte; what lies beyond the frame is masked


class Buffer:
    """Bytes, and typed views of them at any position; `size` of them hold frames, then comes room for datagrams."""

    def __init__(self, size: int) -> None:
        """Room for `size` bytes of frames, all zero; what is never written takes no memory."""
        self.size = size
        self.view = memoryview(mmap.mmap(-1, size + ROOM_BYTES + PAD_BYTES))
        self.octets = np.frombuffer(self.view, np.uint8)
        self._views: dict[str, NDArray[Any]] = {}
        self._placed = size

    def gather(self, kind: str, positions: Ints) -> NDArray[Any]:
        """The values of numpy type `kind` at these byte positions, whatever their alignment."""
        view = self._views.get(kind)
        if view is None:
            size = np.dtype(kind).itemsize
            view = np.ndarray((len(self.view) - size + 1,), kind, self.view, 0, (1,))
            self._views[kind] = view
        return view[positions]

    def uint(self, kind: str, positions: Ints) -> Ints:
        """The same as int64."""
        return self.gather(kind, positions).astype(np.int64)

    def place(self, data: bytes) -> int | None:
        """Put bytes behind the frames; their position, None when there is no more room."""
        position, end = self._placed, self._placed + len(data)
        if end > self.size + ROOM_BYTES:
            return None
        self.view[position:end] = data
        self._placed = end
        return position

    def clear(self) -> None:
        """Give the room behind the frames back."""
        self._placed = self.size


@dataclass(slots=True)
class Frames:
    """The frames of one window as columns; `number` is the frame number of the first one."""

    buffer: Buffer
    start: Ints
    """Position of the frame's first byte in the buffer."""
    captured: Ints
    wire: Ints
    time: Ints
    """Nanoseconds since 1970-01-01 UTC, 0 where the file has none."""
    link: Ints
    """LINKTYPE of each frame, -1 for records that are frames to Wireshark but hold no packet."""
    interface: Ints
    """Place of each frame's interface in the reader's `notes.interfaces`, -1 for records that have none."""
    number: int

    def __len__(self) -> int:
        """Frames in this window."""
        return len(self.start)


@dataclass(slots=True)
class Extent:
    """How much was captured, and from when to when."""

    packets: int = 0
    bytes: int = 0
    """Captured bytes of all frames."""
    first_time: int = 0
    """Nanoseconds, 0 while no frame had a time."""
    last_time: int = 0

    def count(self, frames: Frames) -> None:
        """Add these frames."""
        self.packets += len(frames)
        self.bytes += int(frames.captured.sum())
        timed = frames.time[frames.time > 0]
        if timed.size:
            first = int(timed.min())
            self.first_time = min(self.first_time or first, first)
            self.last_time = max(self.last_time, int(timed.max()))


class FramePacker:
    """Packs frames that a file holds out of order, or in pieces, into buffers of their own."""

    def __init__(self) -> None:
        """Nothing packed; the first frame will have number 1."""
        self._number = 1
        self._renew()

    def add(self, time: int, wire: int, link: int, interface: int, data: bytes | memoryview) -> Frames | None:
        """One more frame of at most MAX_RECORD bytes; the packed frames when the buffer is full, else None.

        What is returned must be used before the next call.
        """
        no_room = self._used + len(data) > self._buffer.size or len(self._rows) >= PACKED_FRAMES
        full = self.flush() if no_room else None
        self._buffer.view[self._used : self._used + len(data)] = data
        self._rows.append((self._used, len(data), max(wire, len(data)), time, link, interface))
        self._used += len(data)
        return full

    def flush(self) -> Frames | None:
        """The frames packed since the last time, None when there are none."""
        if not self._rows:
            return None
        start, captured, wire, time, link, interface = np.array(self._rows, np.int64).T.copy()
        full = Frames(self._buffer, start, captured, wire, time, link, interface, self._number)
        self._number += len(full)
        self._renew()
        return full

    def _renew(self) -> None:
        self._buffer = Buffer(PACKED_BYTES)
        self._rows: list[tuple[int, int, int, int, int, int]] = []
        self._used = 0
