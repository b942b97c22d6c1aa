"""snoop files (RFC 1761, RFC 3827), and the Shomiti Surveyor files that share their shape."""

import struct
from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from lynccap.ingest.formats.reading import SAVE_AGAIN, WHOLE_COPY, Interface, Notes
from lynccap.ingest.formats.window import Window
from lynccap.ingest.frames import MAX_RECORD, Frames, Ints

MAGIC = b"snoop\0\0\0"
HEADER_BYTES, RECORD_BYTES = 16, 24
VERSIONS = (2, 3, 4, 5)  # 2 is RFC 1761; 3 to 5 are Surveyor's, with the same layout
SURVEYOR_PADDING = 16  # the trailer Surveyor puts behind every packet; snoop pads by less
UNMAPPED = -1

# datalink type of the file header: LINKTYPE
LINKS = {0: 1, 2: 6, 4: 1, 8: 10, 9: 0, 14: 0, 16: 122, 18: 123, 0x80000005: 226}
SURVEYOR_LINKS = {0: 1, 2: 6, 4: 1, 8: 10, 10: 1, 11: 6, 12: 1, 13: 6, 14: 6, 19: 1}


class SnoopReader:
    """Yields the frames of a snoop file, window by window."""

    format: ClassVar[str] = "snoop"
    digits: ClassVar[int] = 6

    @classmethod
    def accepts(cls, head: bytes) -> bool:
        """Whether a file that begins with `head` is a snoop file."""
        return head.startswith(MAGIC)

    def __init__(self, window: Window) -> None:
        """Read the file header. Raises ValueError when it is cut off or of an unknown version."""
        if window.filled < HEADER_BYTES:
            raise ValueError(f"the file header is cut off at byte {window.filled}; {WHOLE_COPY}")
        version, datalink = struct.unpack_from(">2I", window.view, len(MAGIC))
        if version not in VERSIONS:
            raise ValueError(f"the snoop version at byte {len(MAGIC)} is {version}, which is unknown; {SAVE_AGAIN}")
        self._window = window
        links = SURVEYOR_LINKS if self._of_surveyor() else LINKS
        self._link = links.get(datalink, UNMAPPED)
        self.notes = Notes([Interface(self._link)])
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
                position = int(starts[-1]) + self._length(int(starts[-1]))
            if self.damage or not self._more(position):
                return
            position = 0

    def _of_surveyor(self) -> bool:
        """Whether the first record has room for Surveyor's trailer: nothing else tells the two apart."""
        if self._window.filled < HEADER_BYTES + RECORD_BYTES:
            return False
        captured, length = struct.unpack_from(">4x2I", self._window.view, HEADER_BYTES)
        return bool(length >= RECORD_BYTES + captured + SURVEYOR_PADDING)

    def _length(self, position: int) -> int:
        (length,) = struct.unpack_from(">8xI", self._window.view, position)
        return int(length)

    def _walk(self, position: int) -> Iterator[int]:
        """Where the records begin that are whole in the window and long enough to be one."""
        length_at = struct.Struct(">8xI").unpack_from
        buffer, end = self._window.view, self._window.filled
        last = end - RECORD_BYTES
        while position <= last:
            length = length_at(buffer, position)[0]
            if length < RECORD_BYTES or position + length > end:
                return
            yield position
            position += length

    def _columns(self, starts: Ints, number: int) -> Frames:
        uint = self._window.buffer.uint
        captured, length = uint(">u4", starts + 4), uint(">u4", starts + 8)
        broken = np.flatnonzero((captured > length - RECORD_BYTES) | (length > MAX_RECORD))
        if broken.size:
            self._senseless(int(starts[broken[0]]))
            starts, captured = starts[: broken[0]], captured[: broken[0]]
        self._count_lost(uint(">u4", starts + 12))
        return Frames(
            buffer=self._window.buffer,
            start=starts + RECORD_BYTES,
            captured=captured,
            wire=np.maximum(uint(">u4", starts), captured),
            time=uint(">u4", starts + 16) * 1_000_000_000 + uint(">u4", starts + 20) * 1000,
            link=np.full(len(starts), self._link, np.int64),
            interface=np.zeros(len(starts), np.int64),
            number=number,
        )

    def _count_lost(self, lost: Ints) -> None:
        """Keep the running count of lost packets; 0 is also what recorders write that do not count."""
        most = int(lost.max(initial=0))
        if most:
            self.notes.interfaces[0].dropped = most

    def _more(self, position: int) -> bool:
        window = self._window
        left = window.filled - position
        if left >= RECORD_BYTES and not RECORD_BYTES <= self._length(position) <= MAX_RECORD:
            self._senseless(position)
            return False
        at = window.base + position
        if window.advance(position):
            return True
        if left:
            self.damage = f"cut off at byte {at + left}, inside the record that starts at byte {at}"
        return False

    def _senseless(self, position: int) -> None:
        captured, length = struct.unpack_from(">4x2I", self._window.view, position)
        at = self._window.base + position
        self.damage = (
            f"the record at byte {at} claims {length} bytes, {captured} of them captured (limit {MAX_RECORD}); "
            "nothing after it was read"
        )
