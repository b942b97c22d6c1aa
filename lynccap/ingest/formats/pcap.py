"""pcap files: microseconds or nanoseconds, either byte order, and Kuznetzov's modified form."""

import struct
from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from lynccap.ingest.formats.reading import WHOLE_COPY, Interface, Notes
from lynccap.ingest.formats.window import Window
from lynccap.ingest.frames import MAX_RECORD, Frames, Ints

HEADER_BYTES = 24
CAPTURED_FIRST, CAPTURED_LAST = (8, 12), (12, 8)  # where a record has its captured length and that on the wire
CAPTURED_FIRST_SINCE = (2, 3)  # 2.0 to 2.2 had them the other way round (libpcap, sf-pcap.c)
LINK_MASK = 0x03FFFFFF  # the upper bits carry the length of a frame check sequence

# magic as the file's first four bytes: byte order, decimal digits of the time, bytes of a record header
MAGICS = {
    b"\xd4\xc3\xb2\xa1": ("<", 6, 16),
    b"\xa1\xb2\xc3\xd4": (">", 6, 16),
    b"\x4d\x3c\xb2\xa1": ("<", 9, 16),
    b"\xa1\xb2\x3c\x4d": (">", 9, 16),
    b"\x34\xcd\xb2\xa1": ("<", 6, 24),
    b"\xa1\xb2\xcd\x34": (">", 6, 24),
}


class PcapReader:
    """Yields the frames of a pcap file, window by window."""

    format: ClassVar[str] = "pcap"

    @classmethod
    def accepts(cls, head: bytes) -> bool:
        """Whether a file that begins with `head` is a pcap file."""
        return head[:4] in MAGICS

    def __init__(self, window: Window) -> None:
        """Read the file header at the start of `window`. Raises ValueError when it is cut off."""
        if window.filled < HEADER_BYTES:
            raise ValueError(f"the file header is cut off at byte {window.filled}; {WHOLE_COPY}")
        order, self.digits, self._record = MAGICS[bytes(window.view[:4])]
        self._order = order
        *version, snap_length, network = struct.unpack_from(f"{order}4x2H8x2I", window.view)
        old = (2, 0) <= tuple(version) < CAPTURED_FIRST_SINCE
        self._lengths = CAPTURED_LAST if old else CAPTURED_FIRST
        self._link = network & LINK_MASK
        self.notes = Notes([Interface(self._link, snap_length=snap_length)])
        self._window = window
        self.damage = ""

    def frames(self) -> Iterator[Frames]:
        """The frames, as long as the records make sense; `damage` tells why they stopped."""
        position, number = HEADER_BYTES, 1
        while True:
            starts = np.fromiter(self._walk(position), np.int64)
            batch = self._columns(starts, number)
            if len(batch):
                yield batch
                number += len(batch)
                position = int(batch.start[-1] + batch.captured[-1])
            if self.damage or not self._more(position):
                return
            position = 0

    def _walk(self, position: int) -> Iterator[int]:
        length_at = struct.Struct(f"{self._order}{self._lengths[0]}xI").unpack_from
        buffer, end, header = self._window.view, self._window.filled, self._record
        last = end - header
        while position <= last:
            following = position + header + length_at(buffer, position)[0]
            if following > end:
                return
            yield position
            position = following

    def _columns(self, starts: Ints, number: int) -> Frames:
        window, word = self._window, f"{self._order}u4"
        captured_at, wire_at = self._lengths
        captured = window.buffer.uint(word, starts + captured_at)
        oversized = np.flatnonzero(captured > MAX_RECORD)
        if oversized.size:
            self._oversized(int(starts[oversized[0]]), int(captured[oversized[0]]))
            starts, captured = starts[: oversized[0]], captured[: oversized[0]]
        seconds = window.buffer.uint(word, starts)
        fraction = window.buffer.uint(word, starts + 4)
        time = seconds * 1_000_000_000 + fraction * (1 if self.digits == 9 else 1000)
        return Frames(
            buffer=window.buffer,
            start=starts + self._record,
            captured=captured,
            wire=np.maximum(window.buffer.uint(word, starts + wire_at), captured),
            time=time,
            link=np.full(len(starts), self._link, np.int64),
            interface=np.zeros(len(starts), np.int64),
            number=number,
        )

    def _more(self, position: int) -> bool:
        window = self._window
        left = window.filled - position
        if left >= self._record:
            (length,) = struct.unpack_from(f"{self._order}{self._lengths[0]}xI", window.view, position)
            if length > MAX_RECORD:
                self._oversized(position, length)
                return False
        at = window.base + position
        if window.advance(position):
            return True
        if left:
            self.damage = f"cut off at byte {at + left}, inside the record that starts at byte {at}"
        return False

    def _oversized(self, position: int, length: int) -> None:
        at = self._window.base + position
        self.damage = f"the record at byte {at} claims {length} bytes (limit {MAX_RECORD}); nothing after it was read"
