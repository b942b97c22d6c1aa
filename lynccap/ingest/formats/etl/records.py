"""The container of an event trace: buffers, the records in them, and the events that manifest providers write."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

BUFFER_HEADER_BYTES = 0x48
MIN_BUFFER_BYTES = 1024  # ETW's own limits [phnt]
MAX_BUFFER_BYTES = 16 << 20
LOST_FLAGS, COMPRESSED_FLAG = 0x02 | 0x04, 0x40
RECORD_FLAG, HEADER_FLAGS = 0x80, 0xC0
SIZED_BY_THIRD_WORD = frozenset({0x01, 0x02, 0x03, 0x04, 0x10, 0x11})  # system, compact and perfinfo headers
EVENT_HEADERS = frozenset({0x12, 0x13})
EVENT_HEADER_BYTES = 0x50
MIN_RECORD_BYTES = 8
EXTENDED, POINTERS_32, POINTERS_64 = 0x0001, 0x0020, 0x0040
PADDING = (0, 0xFFFFFFFF)

EVENT_KEY = struct.Struct("<16xQ16sH")
"""Time stamp, provider and id of an event, at the start of its record."""
_BUFFER = struct.Struct("<2I16xq8xH6xI2H")
_MARKER = struct.Struct("<HBBH")
_EVENT = struct.Struct("<2xBxH2xI4xQ16sH6xQ")


@dataclass(frozen=True, slots=True)
class BufferHeader:
    """What a buffer says about itself."""

    size: int
    """Bytes to the next buffer."""
    filled: int
    """Bytes of it that hold something, this header included."""
    sequence: int
    processor: int
    lost: bool
    """The recorder had no room for events before this buffer."""
    compressed: bool


def buffer_header(data: bytes) -> BufferHeader | None:
    """The header at the start of `data`; None when its sizes make no sense."""
    size, saved, sequence, processor, filled, flags, _ = _BUFFER.unpack_from(data)
    if flags & COMPRESSED_FLAG:  # then the size is that of the file, and what is filled that of memory
        sound = BUFFER_HEADER_BYTES <= size <= MAX_BUFFER_BYTES
        return BufferHeader(size, BUFFER_HEADER_BYTES, sequence, processor, False, True) if sound else None
    if not BUFFER_HEADER_BYTES <= filled <= size:
        filled = saved  # two readers go by this field, three by the other; they agree in every header seen
    if not (MIN_BUFFER_BYTES <= size <= MAX_BUFFER_BYTES and BUFFER_HEADER_BYTES <= filled <= size):
        return None
    return BufferHeader(size, filled, sequence, processor, bool(flags & LOST_FLAGS), False)


class Records:
    """Position, size and header type (0 for foreign kinds) of each record in a buffer.

    `broken` is the position of the first record that makes no sense, -1 when there is none.
    """

    def __init__(self, data: bytes) -> None:
        """The records between the header of the buffer and the end of `data`, which begins with that header."""
        self._data = data
        self.broken = -1

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        """Each record once, in the order of the buffer."""
        data, at, marker = self._data, BUFFER_HEADER_BYTES, _MARKER.unpack_from
        last = len(data) - MIN_RECORD_BYTES
        while at <= last:
            first, kind, flags, third = marker(data, at)
            if not flags & RECORD_FLAG or (first, kind, flags) == (0xFFFF, 0xFF, 0xFF):
                self.broken = -1 if int.from_bytes(data[at : at + 4], "little") in PADDING else at
                return
            known = flags == HEADER_FLAGS
            size = third if known and kind in SIZED_BY_THIRD_WORD else first
            if size < MIN_RECORD_BYTES or at + size > len(data):
                self.broken = at
                return
            yield at, size, kind if known else 0
            at += (size + 7) & ~7


@dataclass(slots=True)
class Event:
    """An event of a manifest provider."""

    provider: bytes
    """Its GUID as it lies in the file."""
    id: int
    keyword: int
    time: int
    """In ticks of the session's clock."""
    thread: int
    processor: int
    pointer: int
    """Bytes of a pointer in `data`."""
    data: bytes


def read_event(record: bytes, processor: int) -> Event | None:
    """The event in a whole record of a type among EVENT_HEADERS; None when its parts do not fit into it."""
    if len(record) < EVENT_HEADER_BYTES:
        return None
    kind, flags, thread, time, provider, number, keyword = _EVENT.unpack_from(record)
    begin = _behind_items(record) if flags & EXTENDED else EVENT_HEADER_BYTES
    if begin is None:
        return None
    narrow = flags & POINTERS_32 or (not flags & POINTERS_64 and kind == 0x12)
    return Event(provider, number, keyword, time, thread, processor, 4 if narrow else 8, record[begin:])


def _behind_items(record: bytes) -> int | None:
    at, more = EVENT_HEADER_BYTES, True
    while more:
        if at + 8 > len(record):
            return None
        whole, _, linkage, length = struct.unpack_from("<4H", record, at)
        padded = (8 + length + 7) & ~7
        if whole not in (0, padded):  # said to be reserved by some, the padded size by others: both must hold
            return None
        at, more = at + padded, bool(linkage & 1)
    return at if at <= len(record) else None


def wide(data: bytes, at: int) -> tuple[str, int] | None:
    """The UTF-16 text at a position, up to its zero, and the position behind that; None when there is no zero."""
    end = data.find(b"\0\0", at)
    while end >= 0 and (end - at) % 2:
        end = data.find(b"\0\0", end + 1)
    return None if end < 0 else (data[at:end].decode("utf-16-le", "replace"), end + 2)
