"""pcapng files: sections of either byte order, many interfaces, every block that holds a packet."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from lynccap.ingest.frames import MAX_RECORD, Flags, Frames, Ints
from lynccap.ingest.reading import Interface, Notes
from lynccap.ingest.window import Window

MAGIC = b"\x0a\x0d\x0d\x0a"
SECTION, INTERFACE, OLD_PACKET, SIMPLE_PACKET, PACKET = 0x0A0D0D0A, 1, 2, 3, 6
BARE_FRAMES = (0x9, 0x204, 0x208, 0x216, 0x221, 0xBAD, 0x40000BAD)  # frames to Wireshark, but no packet
ORDERS = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
MAX_INTERFACES = 65_536  # interfaces are named by 16 bits in the older packet block; more is damage
DATA_AT = {PACKET: 28, OLD_PACKET: 28, SIMPLE_PACKET: 12}
MIN_PACKET_BLOCK = {PACKET: 32, OLD_PACKET: 32, SIMPLE_PACKET: 16}
OPTION_END, OPTION_RESOLUTION, OPTION_OFFSET = 0, 9, 14
MICROSECONDS = 6  # the if_tsresol assumed when the option is missing
BINARY_BITS = 34  # fraction bits kept of a power-of-two resolution: 0.06 ns
LAST_SECOND = 9_000_000_000  # seconds an int64 of nanoseconds can hold, with room for the offset


@dataclass(slots=True)
class _Interfaces:
    """Every interface of the file, section after section."""

    link: list[int] = field(default_factory=list)
    snap_length: list[int] = field(default_factory=list)
    resolution: list[int] = field(default_factory=list)
    offset: list[int] = field(default_factory=list)


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
            raise ValueError(f"the file header is cut off at byte {window.filled}")
        if bytes(window.view[8:12]) not in ORDERS:
            raise ValueError("the byte-order magic at byte 8 is unknown")
        self._window = window
        self._order = "<"
        self._interfaces = _Interfaces()
        self._first_interface = 0  # of the section being read
        self.notes = Notes()
        self.damage = ""

    @property
    def digits(self) -> int:
        """Decimal digits of the finest time resolution."""
        return max((_digits(one) for one in self._interfaces.resolution), default=MICROSECONDS)

    def frames(self) -> Iterator[Frames]:
        """The frames, as long as the blocks make sense; `damage` tells why they stopped."""
        position, number = 0, 1
        while True:
            blocks = _Blocks()
            position = self._walk(position, blocks)
            batch = self._columns(blocks, number)
            if len(batch):
                yield batch
                number += len(batch)
            if self.damage or not self._more(position):
                return
            position = 0

    def _walk(self, position: int, blocks: "_Blocks") -> int:
        """Note every whole block from `position` on; the position behind the last one."""
        buffer, end = self._window.data, self._window.filled
        head = struct.Struct(f"{self._order}2I").unpack_from
        append = blocks.note
        while position + 12 <= end:
            kind, length = head(buffer, position)
            if kind == SECTION:
                if not self._section(position):
                    break
                head = struct.Struct(f"{self._order}2I").unpack_from
                kind, length = head(buffer, position)
            if length < 12 or (kind in DATA_AT and length > MAX_RECORD):
                self._stop(position, f"claims {length} bytes")
                break
            following = position + length + (-length & 3)
            if following > end:
                break
            if kind == INTERFACE and not self._interface(position, length):
                break
            if kind in DATA_AT or kind in BARE_FRAMES:
                append(kind, position, length, self._first_interface, self._order == ">")
            position = following
        return position

    def _section(self, position: int) -> bool:
        order = ORDERS.get(bytes(self._window.view[position + 8 : position + 12]))
        if order is None:
            self._stop(position, "has no known byte order")
            return False
        self._order = order
        self._first_interface = len(self._interfaces.link)
        return True

    def _interface(self, position: int, length: int) -> bool:
        known = self._interfaces
        if length < 20 or len(known.link) >= MAX_INTERFACES:
            self._stop(position, "is no valid interface description, or one too many")
            return False
        link, snap_length = struct.unpack_from(f"{self._order}H2xI", self._window.data, position + 8)
        resolution, offset = self._interface_options(position + 16, position + length - 4)
        known.link.append(link)
        known.snap_length.append(snap_length)
        self.notes.interfaces.append(Interface(link, snap_length=snap_length))
        known.resolution.append(resolution)
        known.offset.append(offset)
        return True

    def _interface_options(self, position: int, end: int) -> tuple[int, int]:
        resolution, offset = MICROSECONDS, 0
        while position + 4 <= end:
            code, length = struct.unpack_from(f"{self._order}2H", self._window.data, position)
            position += 4
            if code == OPTION_END or position + length > end:
                break
            if code == OPTION_RESOLUTION and length == 1:
                resolution = self._window.data[position]
            if code == OPTION_OFFSET and length == 8:
                (offset,) = struct.unpack_from(f"{self._order}q", self._window.data, position)
            position += length + (-length & 3)
        return resolution, offset

    def _more(self, position: int) -> bool:
        window = self._window
        left = window.filled - position
        at = window.base + position
        if left >= 8:
            kind, length = struct.unpack_from(f"{self._order}2I", window.data, position)
            if kind not in (SECTION, INTERFACE) and length > left:
                position = self._skip(position, length)
        if window.advance(position):
            return True
        if left:
            self.damage = f"cut off at byte {at + left}, inside the block that starts at byte {at}"
        return False

    def _skip(self, position: int, length: int) -> int:
        """Step over a block longer than the buffer; packet blocks are never that long."""
        return position + length + (-length & 3) if length > MAX_RECORD else position

    def _stop(self, position: int, says: str) -> None:
        at = self._window.base + position
        self.damage = f"the block at byte {at} {says}; nothing after it was read"

    def _columns(self, blocks: "_Blocks", number: int) -> Frames:
        kind, position, length, first, big = blocks.arrays()
        captured, wire, interface, ticks = self._fields(kind, position, big)
        interface = interface + first
        plain = kind == SIMPLE_PACKET
        known = len(self._interfaces.link)
        bare = np.isin(kind, BARE_FRAMES)
        if known:
            limit = np.array(self._interfaces.snap_length, np.int64)[np.minimum(interface, known - 1)]
            limited = np.where(limit > 0, np.minimum(wire, limit), wire)
            captured = np.where(plain, np.minimum(limited, length - MIN_PACKET_BLOCK[SIMPLE_PACKET]), captured)
        room = length - _lookup(kind, MIN_PACKET_BLOCK)
        sound = bare | ((interface < known) & (captured <= room) & (captured >= 0) & (room >= 0))
        broken = np.flatnonzero(~sound)
        if broken.size:
            self._stop(int(position[broken[0]]), "names an unknown interface or more bytes than it holds")
        keep = slice(0, int(broken[0]) if broken.size else len(kind))
        time, link = self._times_and_links(interface[keep], ticks[keep], plain[keep] | bare[keep])
        captured = np.where(bare, 0, captured)[keep]
        return Frames(
            buffer=self._window.buffer,
            start=(position + _lookup(kind, DATA_AT))[keep],
            captured=captured,
            wire=np.maximum(np.where(bare, 0, wire)[keep], captured),
            time=time,
            link=np.where(bare[keep], -1, link),
            interface=interface[keep],
            number=number,
        )

    def _fields(self, kind: Ints, position: Ints, big: Flags) -> tuple[Ints, Ints, Ints, Ints]:
        """Captured and wire length, interface within its section, and time stamp of each block."""
        plain, old = kind == SIMPLE_PACKET, kind == OLD_PACKET
        interface = np.where(old, self._word("u2", position + 8, big), self._word("u4", position + 8, big))
        high, low = self._word("u4", position + 12, big), self._word("u4", position + 16, big)
        captured = self._word("u4", position + 20, big)
        wire = np.where(plain, self._word("u4", position + 8, big), self._word("u4", position + 24, big))
        return captured, wire, np.where(plain, 0, interface), (high << 32) | low

    def _word(self, kind: str, position: Ints, big: Flags) -> Ints:
        uint = self._window.buffer.uint
        if not big.any():
            return uint(f"<{kind}", position)
        return np.where(big, uint(f">{kind}", position), uint(f"<{kind}", position))

    def _times_and_links(self, interface: Ints, ticks: Ints, timeless: Flags) -> tuple[Ints, Ints]:
        known = self._interfaces
        if not known.link:
            return np.zeros(len(interface), np.int64), np.full(len(interface), -1, np.int64)
        of = np.minimum(interface, len(known.link) - 1)
        resolution = np.array(known.resolution, np.int64)[of]
        time = np.zeros(len(of), np.int64)
        for one in np.unique(resolution).tolist():
            rows = resolution == one
            time[rows] = _nanoseconds(ticks[rows].astype(np.uint64), one)
        offset = np.clip(np.array(known.offset, np.int64), -LAST_SECOND, LAST_SECOND)[of]
        seconds = time // 1_000_000_000 + offset
        fits = ~timeless & (seconds >= 0) & (seconds < LAST_SECOND)
        return np.where(fits, time + np.where(fits, offset, 0) * 1_000_000_000, 0), np.array(known.link, np.int64)[of]


@dataclass(slots=True)
class _Blocks:
    """The blocks of one window that are frames."""

    kinds: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    firsts: list[int] = field(default_factory=list)
    bigs: list[bool] = field(default_factory=list)

    def note(self, kind: int, position: int, length: int, first: int, big: bool) -> None:
        self.kinds.append(kind)
        self.positions.append(position)
        self.lengths.append(length)
        self.firsts.append(first)
        self.bigs.append(big)

    def arrays(self) -> tuple[Ints, Ints, Ints, Ints, Flags]:
        return (
            np.array(self.kinds, np.int64),
            np.array(self.positions, np.int64),
            np.array(self.lengths, np.int64),
            np.array(self.firsts, np.int64),
            np.array(self.bigs, np.bool_),
        )


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
