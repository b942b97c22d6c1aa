"""NetScaler traces (nstrace) 1.0, 2.0, 3.0 and 3.5: little-endian records on pages that are filled up with zeros.

Citrix publishes no layout; the facts are those of Wireshark's reader (wiretap/netscaler). The record of a packet holds
what the appliance knew about it, then the Ethernet frame. Of the other records only those that set the time are read.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lynccap.ingest.formats.reading import WHOLE_COPY, Interface, Notes
from lynccap.ingest.formats.window import Window
from lynccap.ingest.frames import Frames

ETHERNET, UNMAPPED = 1, -1
SIGNATURE = re.compile(
    rb"\x01\x01.{6}NetScaler Performance Data|\x01..Net[Ss]caler V(20|30|35) Performance Data", re.DOTALL
)
ABSOLUTE_TIME, RELATIVE_TIME = 0x07, 0x08
LATEST = 1 << 63  # nanoseconds an int64 can hold
SECOND = 1_000_000_000
UNITS = (SECOND, 1_000_000, 1000, 1)  # nanoseconds of an interval's unit, by its upper two bits
UNIT_SHIFT, COUNT_MASK = 30, 0x3FFFFFFF
HEADER_LENGTH_AT, DETAIL_AT = 26, 34  # in a 3.5 packet: bytes before the frame, type of the first detail
DETAIL_ETHERNET, FIRST_DETAIL, DETAIL_BYTES = 0x01, 0x80, 3

Row = tuple[int, int, int, int, int]
"""Start, captured, wire, time and link of a frame."""


@dataclass(frozen=True, slots=True)
class _Packet:
    """Where one type of packet record keeps what: offsets from its beginning, 0 for a field it has not."""

    head: int
    """Bytes before the frame, without names."""
    time: int
    absolute: bool = False
    """Whether the time is 8 bytes of nanoseconds since 1970, or 4 bytes of an interval."""
    length: int = 0
    """Length of the whole frame."""
    offset: int = 0
    """Where in the frame the bytes begin."""
    names: int = 0
    """Two lengths, a byte each, of names between header and frame."""
    details: bool = False
    """Whether the header ends in a chain of details (3.5)."""


def _types(first: int, directions: int, full: _Packet, part: _Packet | None = None) -> dict[int, _Packet]:
    """Sent, in the send buffer, received and, of four directions, received as the stack sees it; parts follow by 4."""
    types = {first + direction: full for direction in range(directions)}
    if part is not None:
        types |= {first + 4 + direction: part for direction in range(directions)}
    return types


@dataclass(frozen=True, slots=True)
class _Version:
    name: str
    packets: dict[int, _Packet]
    """By record type."""
    filled: int
    """Zeros fill up to a multiple of this many bytes."""
    page: int = 0
    """No record crosses a multiple of this; 0 when records may."""
    family: int = 0
    """Upper byte of the types of time records."""
    head: int = 2
    """Bytes of type and size; a time record's interval takes as many."""


VERSIONS = {
    None: _Version(
        "1.0",
        _types(0x0310, 3, _Packet(12, 8), _Packet(16, 8, length=12, offset=14)),
        filled=8192,
        page=8192,
        family=0x0100,
        head=4,
    ),
    b"20": _Version(
        "2.0",
        _types(0xC0, 3, _Packet(8, 4), _Packet(12, 4, length=8, offset=10))
        | _types(0xD0, 3, _Packet(16, 4), _Packet(20, 4, length=8, offset=10))
        | _types(0xE0, 3, _Packet(18, 4), _Packet(22, 4, length=8, offset=10))
        | _types(0xF0, 3, _Packet(24, 4, True), _Packet(28, 4, True, 12, 14))
        | _types(0xF8, 4, _Packet(29, 4, True), _Packet(33, 4, True, 12, 14))
        | _types(0xB0, 4, _Packet(31, 4, True, names=29), _Packet(35, 4, True, 12, 14, names=33))
        | _types(0xA0, 4, _Packet(48, 4, True, names=29), _Packet(52, 4, True, 12, 14, names=33)),
        filled=4096,
        page=8192,
    ),
}
_PACKETS_3 = _types(0xA8, 4, _Packet(52, 4, True, 20, names=31)) | _types(
    0xAC, 4, _Packet(35, 4, True, 20, details=True)
)
VERSIONS |= {b"30": _Version("3.0", _PACKETS_3, 16384), b"35": _Version("3.5", _PACKETS_3, 16384)}
"""By the number in the signature."""


class _Clock:
    """Tells the time of packets that are stamped with intervals, summed up as Wireshark does."""

    def __init__(self) -> None:
        self._second = self._milliseconds = self._elapsed = 0

    def set(self, second: int) -> None:
        """Take the time of an absolute time record."""
        self._second, self._milliseconds = second, 0

    def advance(self, milliseconds: int) -> None:
        """Add the time of a relative time record."""
        seconds, self._milliseconds = divmod(self._milliseconds + milliseconds, 1000)
        self._second += seconds

    def after(self, interval: int) -> int:
        """Nanoseconds since 1970 of a packet this interval after the one before."""
        self._elapsed += (interval & COUNT_MASK) * UNITS[interval >> UNIT_SHIFT]
        return self._second * SECOND + self._elapsed


class NstraceReader:
    """Yields the packets of a NetScaler trace, window by window."""

    digits: ClassVar[int] = 9

    @classmethod
    def accepts(cls, head: bytes) -> bool:
        """Whether a file that begins with `head` is a NetScaler trace of a version that is read."""
        return SIGNATURE.search(head) is not None

    def __init__(self, window: Window) -> None:
        """Find the signature and the first absolute time. Raises ValueError when there is no signature."""
        signature = SIGNATURE.search(window.view[: window.filled])
        if signature is None:
            raise ValueError(f"the NetScaler signature is not in the first {window.filled} bytes; {WHOLE_COPY}")
        self._version = VERSIONS[signature[1]]
        self.format = f"nstrace-{self._version.name}"
        self.notes = Notes([Interface(ETHERNET)])
        self._window = window
        self._clock = _Clock()
        self.damage = ""
        self._position = self._first_time()

    def frames(self) -> Iterator[Frames]:
        """The packets, as long as the records make sense; `damage` tells why they stopped."""
        number = 1
        while True:
            rows = [row for one in self._records(self._position) if (row := self._row(*one)) is not None]
            if rows:
                start, captured, wire, time, link = np.array(rows, np.int64).T.copy()
                interface = np.zeros(len(rows), np.int64)
                yield Frames(self._window.buffer, start, captured, wire, time, link, interface, number)
                number += len(rows)
            if self.damage or not self._more():
                return

    def _first_time(self) -> int:
        """The position behind the first absolute time, as Wireshark reads nothing before it; 0 when there is none.

        It is looked for in the first window only: appliances write it right behind the signature.
        """
        for position, kind, size in self._records(0):
            if kind == self._version.family | ABSOLUTE_TIME:
                self._keep_time(position, kind, size)
                return position + size
        self.damage = ""  # what stopped this search stops the reading too, and is said then
        return 0

    def _records(self, position: int) -> Iterator[tuple[int, int, int]]:
        """Position, type and size of the records that are whole in the window; `_position` is where they end."""
        window, version = self._window, self._version
        data, base, end = window.view, window.base, window.filled
        self._position = position
        while (position := self._position) + version.head <= end:
            if not data[position]:
                self._position += version.filled - (base + position) % version.filled
                continue
            kind, size = self._kind_and_size(position)
            crosses = version.page and (base + position) % version.page + size > version.page
            if size < version.head or crosses:
                self._senseless(position, size)
                return
            if position + size > end:
                return
            self._position += size
            yield position, kind, size
            if self.damage:
                return

    def _kind_and_size(self, position: int) -> tuple[int, int]:
        data = self._window.view
        if self._version.head == 4:
            return self._number(position, 2), self._number(position + 2, 2)
        low, high = data[position + 1], data[position + 2]
        return data[position], low if low < 0x80 else (low & 0x7F) + high * 0x80

    def _row(self, position: int, kind: int, size: int) -> Row | None:
        """The frame of a record, None when it holds none."""
        packet = self._version.packets.get(kind)
        if packet is None:
            self._keep_time(position, kind, size)
            return None
        if size < packet.head:
            self._senseless(position, size)
            return None
        head, link = packet.head, ETHERNET
        if packet.names:
            head += self._number(position + packet.names, 1) + self._number(position + packet.names + 1, 1)
        if packet.details:
            head, link = self._details(position, size)
        if head > size or (packet.offset and self._number(position + packet.offset, 2)):
            link = UNMAPPED  # the frame's own header is not here
        captured = max(size - head, 0)
        wire = self._number(position + packet.length, 2) if packet.length else captured
        return (
            position + size - captured,
            captured,
            max(wire, captured),
            self._time(position + packet.time, packet),
            link,
        )

    def _details(self, position: int, size: int) -> tuple[int, int]:
        """Bytes before the frame of a 3.5 packet, and its link: what is behind the last detail may be no frame."""
        head = self._number(position + HEADER_LENGTH_AT, 2)
        kind, at = self._number(position + DETAIL_AT, 1), DETAIL_AT + 1
        while kind >= FIRST_DETAIL and at + DETAIL_BYTES <= min(head, size):
            kind, at = self._number(position + at + 2, 1), at + max(self._number(position + at, 2), DETAIL_BYTES)
        return head, ETHERNET if kind == DETAIL_ETHERNET else UNMAPPED

    def _time(self, at: int, packet: _Packet) -> int:
        time = self._number(at, 8) if packet.absolute else self._clock.after(self._number(at, 4))
        return time if time < LATEST else 0

    def _keep_time(self, position: int, kind: int, size: int) -> None:
        version = self._version
        interval_at, second_at = position + version.head, position + 2 * version.head
        if kind == version.family | ABSOLUTE_TIME and size >= 2 * version.head + 4:
            self._clock.set(self._number(second_at, 4))
        if kind == version.family | RELATIVE_TIME and size >= 2 * version.head:
            self._clock.advance(self._number(interval_at, version.head))

    def _number(self, at: int, width: int) -> int:
        return int.from_bytes(self._window.view[at : at + width], "little")

    def _more(self) -> bool:
        window, position = self._window, self._position
        left = window.filled - position
        at = window.base + position
        if window.advance(position):
            self._position = 0
            return True
        if left > 0 and window.view[0]:
            self.damage = f"cut off at byte {at + left}, inside the record that starts at byte {at}"
        return False

    def _senseless(self, position: int, size: int) -> None:
        if not self.damage:
            at = self._window.base + position
            self.damage = f"the record at byte {at} cannot be {size} bytes long; nothing after it was read"
