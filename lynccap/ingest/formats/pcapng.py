"""pcapng files: sections of either byte order, many interfaces, every block that holds a packet."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from lynccap.ingest.formats.pcapng_notes import MICROSECONDS, FileNotes
from lynccap.ingest.formats.reading import WHOLE_COPY
from lynccap.ingest.formats.window import Window
from lynccap.ingest.frames import MAX_RECORD, Flags, Frames, Ints

MAGIC = b"\x0a\x0d\x0d\x0a"
SECTION, INTERFACE, OLD_PACKET, SIMPLE_PACKET, NAMES, STATISTICS, PACKET, SECRETS = 0x0A0D0D0A, 1, 2, 3, 4, 5, 6, 10
BARE_FRAMES = (0x9, 0x204, 0x208, 0x216, 0x221, 0xBAD, 0x40000BAD)  # frames to Wireshark, but no packet
ORDERS = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
MAX_INTERFACES = 65_536  # interfaces are named by 16 bits in the older packet block; more is damage
MAX_NOTE = 16 << 20  # bytes of a block with names or secrets: as much as Wireshark reads of one
MIN_BLOCK, MIN_INTERFACE = 12, 20
DATA_AT = {PACKET: 28, OLD_PACKET: 28, SIMPLE_PACKET: 12}
MIN_PACKET_BLOCK = {PACKET: 32, OLD_PACKET: 32, SIMPLE_PACKET: 16}
FRAME_BLOCKS = frozenset((*DATA_AT, *BARE_FRAMES))
SHORT_BLOCKS = frozenset((SECTION, INTERFACE, *DATA_AT))  # what is longer than MAX_RECORD among these is damage
NOTE_BLOCKS = frozenset((NAMES, STATISTICS, SECRETS))
BINARY_BITS = 34  # fraction bits kept of a power-of-two resolution: 0.06 ns
LAST_SECOND = 9_000_000_000  # seconds an int64 of nanoseconds can hold, with room for the offset


@dataclass(slots=True)
class _Interfaces:
    """Every interface of the file, section after section."""

    link: list[int] = field(default_factory=list)
    snap_length: list[int] = field(default_factory=list)
    resolution: list[int] = field(default_factory=list)
    offset: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Section:
    """A section, or what is left of it, in the window being read."""

    start: int
    first_interface: int
    big: bool


@dataclass(slots=True)
class _Blocks:
    """The blocks of one window that are frames, as columns."""

    kind: Ints
    position: Ints
    length: Ints
    """As the block begins."""
    following: Ints
    """Position of the next block."""
    big: Flags
    first: Ints
    """The section's first interface."""
    beyond: Ints
    """The first interface that is no longer the section's."""


class PcapngReader:
    """Yields the frames of a pcapng file, window by window."""

    format: ClassVar[str] = "pcapng"

    @classmethod
    def accepts(cls, head: bytes) -> bool:
        """Whether a file that begins with `head` is a pcapng file."""
        return head.startswith(MAGIC)

    def __init__(self, window: Window) -> None:
        """Check the first section header. Raises ValueError when it is cut off or has no known byte order."""
        if window.filled < 12:
            raise ValueError(f"the file header is cut off at byte {window.filled}; {WHOLE_COPY}")
        if bytes(window.view[8:12]) not in ORDERS:
            raise ValueError(f"the byte-order magic at byte 8 is unknown; {WHOLE_COPY}")
        self._window = window
        self._order = "<"
        self._interfaces = _Interfaces()
        self._first_interface = 0  # of the section being read
        self._sections: list[_Section] = []  # of the window
        self._next = 0  # where the first block begins that is not whole in the window
        self._stopped = False
        self._flaw = ""
        self._told = FileNotes()
        self.notes = self._told.notes
        self.damage = ""

    @property
    def digits(self) -> int:
        """Decimal digits of the finest time resolution."""
        return max((_digits(one) for one in self._interfaces.resolution), default=MICROSECONDS)

    def frames(self) -> Iterator[Frames]:
        """The frames, as long as the blocks make sense; `damage` tells why they stopped."""
        position: int | None = 0
        number = 1
        while position is not None:
            self._sections = [_Section(0, self._first_interface, self._order == ">")]
            batch = self._columns(np.fromiter(self._walk(position), np.int64), number)
            if len(batch):
                yield batch
                number += len(batch)
            position = None if self._stopped else self._more(self._next)
        self._told.settle()

    def _walk(self, position: int) -> Iterator[int]:
        """Where the blocks begin that are frames; every other block is read on the way."""
        data, filled = self._window.view, self._window.filled
        head = struct.Struct(f"{self._order}2I").unpack_from
        while position + MIN_BLOCK <= filled:
            kind, length = head(data, position)
            following = position + (length + 3 & -4)
            if kind == PACKET and MIN_BLOCK <= length <= MAX_RECORD and following <= filled:
                yield position
                position = following
                continue
            if kind == SECTION:
                if not self._section(position):
                    break
                head = struct.Struct(f"{self._order}2I").unpack_from
                length = head(data, position)[1]
                following = position + (length + 3 & -4)
            if length < MIN_BLOCK or (kind in SHORT_BLOCKS and length > MAX_RECORD):
                self._stop(position, f"claims {length} bytes")
                break
            if following > filled:
                break
            if kind in FRAME_BLOCKS:
                yield position
            elif not self._other(kind, position, length, following):
                break
            position = following
        self._next = position

    def _section(self, position: int) -> bool:
        order = ORDERS.get(bytes(self._window.view[position + 8 : position + 12]))
        if order is None:
            self._stop(position, "has no known byte order")
            return False
        self._order = order
        self._first_interface = len(self._interfaces.link)
        self._sections.append(_Section(position, self._first_interface, order == ">"))
        return True

    def _other(self, kind: int, position: int, length: int, following: int) -> bool:
        """Read a whole block that is no frame; False when nothing after it can be read."""
        data, end, order = self._window.view, position + length - 4, self._order
        (last,) = struct.unpack_from(f"{order}I", data, following - 4)
        if last + 3 & -4 != following - position:
            self._tell_lengths(position, length, last)
        if kind == INTERFACE:
            return self._interface(position, length)
        if kind == SECTION:
            self._told.section(data, position + 24, end, order)
        elif kind in NOTE_BLOCKS:
            self._note(kind, data, position + 8, end)
        return True

    def _interface(self, position: int, length: int) -> bool:
        known = self._interfaces
        if length < MIN_INTERFACE or len(known.link) >= MAX_INTERFACES:
            self._stop(position, "is no valid interface description, or one too many")
            return False
        resolution, offset = self._told.interface(self._window.view, position + 8, position + length - 4, self._order)
        made = self.notes.interfaces[-1]
        known.link.append(made.link)
        known.snap_length.append(made.snap_length)
        known.resolution.append(resolution)
        known.offset.append(offset)
        return True

    def _note(self, kind: int, data: bytes | memoryview, position: int, end: int) -> None:
        if kind == NAMES:
            self._told.names(data, position, end, self._order)
        elif kind == STATISTICS:
            self._told.statistics(data, position, end, self._order, self._first_interface)
        else:
            self._told.secrets(data, position, end, self._order)

    def _more(self, position: int) -> int | None:
        """Read on; where the next block begins in the window, None when there is none."""
        window = self._window
        left = window.filled - position
        at = window.base + position
        cut = False
        if left >= MIN_BLOCK:
            kind, length = struct.unpack_from(f"{self._order}2I", window.view, position)
            size = length + (-length & 3)
            if kind in NOTE_BLOCKS and MAX_RECORD < length <= MAX_NOTE:
                whole = self._gathered(position, size)
                if whole:
                    self._note(kind, whole, 8, length - 4)
                    return self._next
                cut = True
            elif kind != SECTION and length > MAX_RECORD:  # nothing that is read is that long
                position += size
        if not cut and window.advance(position):
            return 0
        if left:
            end = window.base + window.filled
            self._end(f"cut off at byte {end}, inside the block that starts at byte {at}")
        return None

    def _gathered(self, position: int, size: int) -> bytes | None:
        """The bytes of a block longer than the window, None when it is cut off; `_next` is then what follows it."""
        window, whole = self._window, bytearray()
        while True:
            piece = window.view[position : min(window.filled, position + size - len(whole))]
            whole += piece
            self._next = position + len(piece)
            if len(whole) == size:
                return bytes(whole)
            if not window.advance(self._next):
                return None
            position = 0

    def _stop(self, position: int, says: str) -> None:
        self._end(f"the block at byte {self._window.base + position} {says}; nothing after it was read")

    def _tell_lengths(self, position: int, first: int, last: int) -> None:
        if not self._flaw:  # the first such block is enough
            at = self._window.base + position
            self._flaw = (
                f"the block at byte {at} begins with a length of {first} bytes and ends with {last}; it was read"
            )
            self.damage = f"{self._flaw}; {self.damage}" if self.damage else self._flaw

    def _end(self, says: str) -> None:
        """Nothing more can be read."""
        self._stopped = True
        self.damage = f"{self._flaw}; {says}" if self._flaw else says

    def _columns(self, positions: Ints, number: int) -> Frames:
        blocks = self._blocks(positions)
        kind, length = blocks.kind, blocks.length
        captured, wire, interface, ticks = self._fields(kind, positions, blocks.big)
        interface += blocks.first
        plain, bare = kind == SIMPLE_PACKET, np.isin(kind, BARE_FRAMES)
        known = len(self._interfaces.link)
        if known:
            limit = np.array(self._interfaces.snap_length, np.int64)[np.minimum(interface, known - 1)]
            limited = np.where(limit > 0, np.minimum(wire, limit), wire)
            captured = np.where(plain, np.minimum(limited, length - MIN_PACKET_BLOCK[SIMPLE_PACKET]), captured)
        room = length - _lookup(kind, MIN_PACKET_BLOCK)
        sound = bare | ((interface < blocks.beyond) & (captured <= room) & (room >= 0))
        broken = np.flatnonzero(~sound)
        if broken.size:
            self._stop(int(positions[broken[0]]), "names an unknown interface or more bytes than it holds")
        keep = slice(0, int(broken[0]) if broken.size else len(kind))
        self._read_notes(blocks, keep, captured, interface, number)
        time, link = self._times_and_links(interface[keep], ticks[keep], plain[keep] | bare[keep])
        captured = np.where(bare, 0, captured)[keep]
        return Frames(
            buffer=self._window.buffer,
            start=(positions + _lookup(kind, DATA_AT))[keep],
            captured=captured,
            wire=np.maximum(np.where(bare, 0, wire)[keep], captured),
            time=time,
            link=np.where(bare[keep], -1, link),
            interface=np.where(bare, -1, interface)[keep],
            number=number,
        )

    def _blocks(self, positions: Ints) -> _Blocks:
        starts = np.array([one.start for one in self._sections], np.int64)
        firsts = np.array([one.first_interface for one in self._sections], np.int64)
        bigs = np.array([one.big for one in self._sections], np.bool_)
        of = np.searchsorted(starts, positions, "right") - 1
        big = bigs[of]
        length = self._word("u4", positions + 4, big)
        return _Blocks(
            kind=self._word("u4", positions, big),
            position=positions,
            length=length,
            following=positions + (length + 3 & -4),
            big=big,
            first=firsts[of],
            beyond=np.append(firsts[1:], len(self._interfaces.link))[of],
        )

    def _fields(self, kind: Ints, position: Ints, big: Flags) -> tuple[Ints, Ints, Ints, Ints]:
        """Captured and wire length, interface within its section, and time stamp of each block."""
        plain, old = kind == SIMPLE_PACKET, kind == OLD_PACKET
        interface = self._word("u4", position + 8, big)
        if old.any():
            interface = np.where(old, self._word("u2", position + 8, big), interface)
        high, low = self._word("u4", position + 12, big), self._word("u4", position + 16, big)
        captured = self._word("u4", position + 20, big)
        wire = np.where(plain, self._word("u4", position + 8, big), self._word("u4", position + 24, big))
        return captured, wire, np.where(plain, 0, interface), (high << 32) | low

    def _word(self, kind: str, position: Ints, big: Flags) -> Ints:
        uint = self._window.buffer.uint
        if not big.any():
            return uint(f"<{kind}", position)
        return np.where(big, uint(f">{kind}", position), uint(f"<{kind}", position))

    def _read_notes(self, blocks: _Blocks, keep: slice, captured: Ints, interface: Ints, number: int) -> None:
        """What packet blocks tell beside the packet, and whether their two lengths agree."""
        position, following, big = blocks.position[keep], blocks.following[keep], blocks.big[keep]
        last = self._word("u4", following - 4, big)
        differ = np.flatnonzero((last + 3 & -4) != following - position)
        if differ.size:
            self._tell_lengths(int(position[differ[0]]), int(blocks.length[differ[0]]), int(last[differ[0]]))
        old = np.flatnonzero(blocks.kind[keep] == OLD_PACKET)
        if old.size:
            self._told.old_packets(self._word("u2", position[old] + 10, big[old]), interface[old])
        at, end = position + DATA_AT[PACKET] + (captured[keep] + 3 & -4), following - 4
        some = np.flatnonzero(np.isin(blocks.kind[keep], (PACKET, OLD_PACKET)) & (at + 4 <= end))
        if some.size:
            self._told.packets(self._window.buffer, at[some], end[some], big[some], interface[some], some + number)

    def _times_and_links(self, interface: Ints, ticks: Ints, timeless: Flags) -> tuple[Ints, Ints]:
        known = self._interfaces
        if not known.link:
            return np.zeros(len(interface), np.int64), np.full(len(interface), -1, np.int64)
        of = np.clip(interface, 0, len(known.link) - 1)
        resolution = np.array(known.resolution, np.int64)[of]
        time = np.zeros(len(of), np.int64)
        for one in set(known.resolution):
            rows = resolution == one
            time[rows] = _nanoseconds(ticks[rows].astype(np.uint64), one)
        offset = np.clip(np.array(known.offset, np.int64), -LAST_SECOND, LAST_SECOND)[of]
        seconds = time // 1_000_000_000 + offset
        fits = ~timeless & (seconds >= 0) & (seconds < LAST_SECOND)
        return np.where(fits, time + np.where(fits, offset, 0) * 1_000_000_000, 0), np.array(known.link, np.int64)[of]


def _lookup(kind: Ints, values: dict[int, int]) -> Ints:
    found = np.full(len(kind), 12, np.int64)
    for one, value in values.items():
        found[kind == one] = value
    return found


def _digits(resolution: int) -> int:
    if resolution & 0x80:
        return min(len(str(1 << (resolution & 0x7F))) - 1, 9)
    return min(resolution, 9)


def _nanoseconds(ticks: NDArray[np.uint64], resolution: int) -> Ints:
    """Nanoseconds of stamps in 10^-resolution s, or 2^-n s when the top bit is set; 0 on overflow."""
    exponent = resolution & 0x7F
    if resolution & 0x80:
        seconds = ticks >> np.uint64(min(exponent, 63))
        fraction = ticks & np.uint64((1 << min(exponent, 63)) - 1)
        shift = max(0, min(exponent, 63) - BINARY_BITS)
        kept = min(exponent, 63) - shift
        fraction = (fraction >> np.uint64(shift)) * np.uint64(1_000_000_000) >> np.uint64(kept)
        whole = np.where(seconds < LAST_SECOND, seconds, 0).astype(np.int64) * 1_000_000_000
        return np.where(seconds < LAST_SECOND, whole + fraction.astype(np.int64), 0)
    if exponent > 9:
        return (ticks // np.uint64(10 ** min(exponent - 9, 19))).astype(np.int64)
    limit = np.uint64(LAST_SECOND * 10**exponent)
    scaled = np.where(ticks < limit, ticks, 0).astype(np.int64)
    nanoseconds: Ints = scaled * 10 ** (9 - exponent)
    return nanoseconds
