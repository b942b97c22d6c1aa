"""Network Monitor files, 1.x and 2.0 to 2.3: records in any order, found through a frame table.

The 2.x layout is described in Network Monitor 3's help. Before 2.3 the only absolute time is the recorder's local
time without its zone. Wireshark takes it for local time of the machine that reads; here that is UTC on every machine.
"""

import io
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import BinaryIO

from lynccap.ingest.formats.reading import SAVE_AGAIN, WHOLE_COPY, Interface, Notes
from lynccap.ingest.formats.window import Window
from lynccap.ingest.frames import MAX_RECORD, FramePacker, Frames

MAGICS = (b"RTSS", b"GMBU")
HEADER = struct.Struct("<4x2BH8H2I8x2I")  # version, media, SYSTEMTIME, frame table, comments
RECORDS_AT = 128  # the header is padded to this
TABLE_BLOCK = 1 << 16  # bytes of the frame table held at once
READ_AHEAD = 1 << 16  # records mostly follow each other; where they do not, more would be read for nothing
MAX_SENSELESS = 1000  # a frame table that misleads more often is none
MAX_GAP = 4096  # bytes searched for the first record
MAX_COMMENT_BYTES = 1 << 20  # comments are typed by people
LATEST = 1 << 63  # nanoseconds an int64 can hold
FILETIME_1970 = 116_444_736_000_000_000  # units of 100 ns from 1601 to 1970, UTC
LOCAL_TIME = "Times are the recorder's local time. The file does not tell its time zone."

UNMAPPED, WIFI = -1, 105
NETMON_WIFI = 6  # media type: 802.11 frames behind a header of Network Monitor's own, which tells its length
LINKS = {0: 1, 1: 1, 2: 6, 3: 10, NETMON_WIFI: WIFI, 7: 101, 8: 101, 9: 101}  # 0 is seen on Ethernet frames of VPNs
LAST_NDIS_MEDIA, FIRST_SPECIAL_MEDIA = 11, 0xE000
LINKTYPE_MEDIA, LINKTYPE_BITS = 0xE000, 0x0FFF  # media types that carry a LINKTYPE in their lower bits
MESSAGE_ANALYZER = {0xE080: WIFI} | dict.fromkeys(range(0xE081, 0xE08B), UNMAPPED)  # … and those that do not
NOT_FRAMES = (0xFFFC, 0xFFFD, 0xFFFE)  # reassembled payload, adapters, names: Wireshark does not number them


@dataclass(frozen=True, slots=True)
class _Layout:
    """How the records of one version lie: a header, the packet, a trailer."""

    head: struct.Struct
    """Time, wire length, captured length."""
    tick: int
    """Units of 100 ns in one unit of the header's time."""
    trailer: struct.Struct
    """Media type, process, FILETIME, time zone, as far as the version has them."""
    digits: int


_HEAD_2 = struct.Struct("<Q2I")
LAYOUTS = {
    (2, 3): _Layout(_HEAD_2, 10, struct.Struct("<HIQB"), 7),
    (2, 2): _Layout(_HEAD_2, 10, struct.Struct("<HI"), 6),
    (2, 1): _Layout(_HEAD_2, 10, struct.Struct("<H"), 6),
    (2, 0): _Layout(_HEAD_2, 10, struct.Struct(""), 6),
    (1, 0): _Layout(struct.Struct("<I2H"), 10_000, struct.Struct(""), 3),
}
"""By the first version that has it, newest first."""
COMMENTS_SINCE = (2, 2)  # before, their place in the header is not set


@dataclass(slots=True)
class _Record:
    at: int
    end: int
    """File offset behind the record."""
    ticks: int
    wire: int
    data: bytes
    media: int | None
    """None where only the file header tells it."""
    filetime: int | None


class _Records:
    """Reads single records of an open file."""

    def __init__(self, file: BinaryIO, layout: _Layout) -> None:
        self._file = io.BufferedReader(file, READ_AHEAD)  # type: ignore[type-var]
        self._layout = layout
        self.size = self._file.seek(0, os.SEEK_END)

    def read(self, at: int, count: int) -> bytes:
        """The bytes from `at` on, as many of `count` as there are."""
        try:
            self._file.seek(at)
            return self._file.read(count)
        except OSError:  # a file on a share that has gone reads like one that is cut off
            return b""

    def record(self, at: int) -> _Record | None:
        """The record at this file offset, None when it is not whole or longer than any record is."""
        layout = self._layout
        head = self.read(at, layout.head.size)
        if len(head) < layout.head.size:
            return None
        ticks, wire, captured = layout.head.unpack(head)
        end = at + layout.head.size + captured + layout.trailer.size
        if captured > MAX_RECORD or end > self.size:
            return None
        body = self.read(at + layout.head.size, captured + layout.trailer.size)
        if len(body) < captured + layout.trailer.size:
            return None
        media, _, filetime, _ = (*layout.trailer.unpack_from(body, captured), None, None, None, None)[:4]
        return _Record(at, end, ticks, wire, body[:captured], media, filetime)

    def in_file_order(self, at: int, end: int) -> Iterator[_Record]:
        """The records that follow each other from `at` on, up to the first that makes no sense."""
        while (record := self.record(at)) is not None and record.end <= end and _plausible(record):
            yield record
            at = record.end

    def first(self, end: int) -> int:
        """Where the first record seems to begin: some recorders leave a gap behind the header."""
        wanted = 1
        for at in range(RECORDS_AT, RECORDS_AT + MAX_GAP):
            if len(list(islice(self.in_file_order(at, end), wanted))) == wanted:
                return at
            wanted = 2  # inside a gap, one that looks like a record may be chance
        return RECORDS_AT


class NetmonReader:
    """Yields the frames of a Network Monitor file in the order of its frame table."""

    @classmethod
    def accepts(cls, head: bytes) -> bool:
        """Whether a file that begins with `head` is a Network Monitor file."""
        return head[:4] in MAGICS

    def __init__(self, window: Window) -> None:
        """Read the file header. Raises ValueError when it is cut off or of an unknown version."""
        if window.filled < HEADER.size:
            raise ValueError(f"the Network Monitor header is cut off at byte {window.filled}; {WHOLE_COPY}")
        minor, major, self._media, *rest = HEADER.unpack_from(window.view)
        version = (major, minor)
        layout = next((one for first, one in LAYOUTS.items() if first <= version < (3, 0)), None)
        if layout is None:
            raise ValueError(
                f"the Network Monitor version at byte 4 is {major}.{minor}, which is unknown; {SAVE_AGAIN}"
            )
        self.format = f"netmon-{major}.{minor}"
        self.digits = layout.digits
        self._layout = layout
        self._start = _nanoseconds(*rest[:8])
        self._table_at, self._table_bytes, self._comments_at, self._comment_bytes = rest[8:]
        self._has_comments = version >= COMMENTS_SINCE
        self.notes = Notes([Interface(UNMAPPED if layout.trailer.size else _link(self._media))])
        if layout is not LAYOUTS[2, 3]:
            self.notes.comments.append((0, LOCAL_TIME))
        self._window = window
        self.damage = ""

    def frames(self) -> Iterator[Frames]:
        """The frames in the order of the frame table; records it does not name because it is cut, in file order.

        A record of the table that makes no sense is left out, and `damage` tells the first one.
        """
        packer, number = FramePacker(), 0
        with self._window.whole() as file:
            records = _Records(file, self._layout)
            comments = self._comments(records)
            for record in self._all(records):
                media = self._media if record.media is None else record.media
                if media in NOT_FRAMES:
                    continue
                number += 1
                if record.at in comments:
                    self.notes.comments.append((number, comments.pop(record.at)))
                link, skip = _unwrapped(media, record.data)
                full = packer.add(self._time(record), record.wire - skip, link, 0, record.data[skip:])
                if full is not None:
                    yield full
        last = packer.flush()
        if last is not None:
            yield last

    def _all(self, records: _Records) -> Iterator[_Record]:
        """The records the frame table names, and the others where it does not name all."""
        behind, left = 0, 2 * records.size  # twice, because a damaged entry may name another's record
        senseless: list[int] = []
        for at in self._table(records):
            record = records.record(at)
            if record is None:
                senseless.append(at)
                if len(senseless) > MAX_SENSELESS:
                    break
                continue
            left -= record.end - at
            if left < 0:  # a small file could otherwise be made to yield without end
                self._damaged(f"the frame table at byte {self._table_at} names the same records again and again")
                return
            behind = max(behind, record.end)
            yield record
        broken = self._table_damage(records.size)
        says = broken
        if senseless and not broken:
            says = f"the frame table names what is no record at byte {senseless[0]}"
        if broken or not behind or len(senseless) > MAX_SENSELESS:
            yield from self._rest(records, behind, says)
        elif says:
            self._damaged(f"{says}; it was left out, as were {len(senseless) - 1} others")

    def _table(self, records: _Records) -> Iterator[int]:
        """The file offsets of the frame table, as far as it is there."""
        at, end = self._table_at, self._table_at + self._table_bytes
        while block := records.read(at, min(TABLE_BLOCK, end - at)):
            yield from (one for (one,) in struct.iter_unpack("<I", block[: len(block) & ~3]))
            at += len(block)

    def _table_damage(self, size: int) -> str:
        if self._table_bytes < 4:
            return "the file has no frame table"
        if self._table_at + self._table_bytes > size:
            return f"the frame table at byte {self._table_at} is cut off: the file ends at byte {size}"
        return ""

    def _rest(self, records: _Records, behind: int, says: str) -> Iterator[_Record]:
        """The records that follow the last one read, in file order."""
        end = self._table_at if max(behind, RECORDS_AT) <= self._table_at < records.size else records.size
        at = behind or records.first(end)
        for record in records.in_file_order(at, end):
            yield record
            at = record.end
        self._damaged(f"{says}; records were read in file order up to byte {at}")

    def _comments(self, records: _Records) -> dict[int, str]:
        """The titles of comments by the file offset of their record."""
        if not self._has_comments or not self._comment_bytes:
            return {}
        data = records.read(self._comments_at, min(self._comment_bytes, MAX_COMMENT_BYTES))
        if self._comments_at + self._comment_bytes > records.size:
            self._damaged(f"the comments at byte {self._comments_at} are cut off: the file ends at byte {records.size}")
        titles, position = {}, 0
        while position + 16 <= len(data):
            _, record_at, length = struct.unpack_from("<3I", data, position)
            title = data[position + 12 : position + 12 + length]
            titles[record_at] = title.decode("utf-16-le", "replace").partition("\0")[0]
            position += 12 + length
            position += 4 + int.from_bytes(data[position : position + 4], "little")  # the description, rich text
        return titles

    def _time(self, record: _Record) -> int:
        """Nanoseconds since 1970, 0 when they cannot be told."""
        if record.filetime is not None:
            time = (record.filetime - FILETIME_1970) * 100
        elif self._start is not None:
            time = self._start + _signed(record.ticks * self._layout.tick) * 100
        else:
            return 0
        return time if 0 <= time < LATEST else 0

    def _damaged(self, says: str) -> None:
        self.damage = f"{self.damage}; {says}" if self.damage else says


def _signed(units: int) -> int:
    """The same 64 bits as a signed number: frames may have been recorded before the start."""
    return (units + LATEST) % (2 * LATEST) - LATEST


def _nanoseconds(year: int, month: int, _: int, day: int, hour: int, minute: int, second: int, ms: int) -> int | None:
    """A SYSTEMTIME since 1970, fields beyond their range carried over as mktime does; None when it is no time."""
    months = year * 12 + month - 1
    try:
        first = datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)
        time = first + timedelta(days=day - 1, hours=hour, minutes=minute, seconds=second, milliseconds=ms)
    except (ValueError, OverflowError):
        return None
    return (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1) * 1_000_000


def _link(media: int) -> int:
    if media in MESSAGE_ANALYZER:
        return MESSAGE_ANALYZER[media]
    if media & ~LINKTYPE_BITS == LINKTYPE_MEDIA:
        return media & LINKTYPE_BITS
    return LINKS.get(media, UNMAPPED)


def _unwrapped(media: int, data: bytes) -> tuple[int, int]:
    """LINKTYPE of a frame, and the bytes of Network Monitor's own header before it."""
    if media != NETMON_WIFI:
        return _link(media), 0
    length = int.from_bytes(data[1:3], "little")
    return (WIFI, length) if 3 <= length <= len(data) else (UNMAPPED, 0)


def _plausible(record: _Record) -> bool:
    """Whether bytes that no table names look like a record: not empty, not more than was sent, a known media type."""
    known = record.media is None or record.media <= LAST_NDIS_MEDIA or record.media >= FIRST_SPECIAL_MEDIA
    return 0 < len(record.data) <= record.wire <= MAX_RECORD and known
