"""zip archives: what their directory names, or where that is lost, what lies in them one after the other.

Fields as in APPNOTE.TXT 6.3.10. The standard library's reader is not used: it holds the whole directory in memory
and reads nothing once the end of the file is missing, which is what interrupted downloads look like.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from lynccap.ingest.collecting.member import Member
from lynccap.ingest.collecting.storage import Store, damaged
from lynccap.ingest.sources.inflating import DEFLATE, Budget, Compression, Inflating, Read, compression_called

LOCAL, ENTRY, END, SPANNED = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"PK\x07\x08"
END64, LOCATOR64 = b"PK\x06\x06", b"PK\x06\x07"
LOCAL_BYTES, ENTRY_BYTES, END_BYTES, END64_BYTES, LOCATOR64_BYTES = 30, 46, 22, 56, 20
LONGEST_COMMENT = 0xFFFF
IN_EXTRA = 0xFFFFFFFF  # a size or place too large for its field is in the zip64 extra field
ENCRYPTED, AFTERWARDS, UTF8 = 0x0001, 0x0008, 0x0800  # flag bits; AFTERWARDS: sizes follow the data
STORED = 0
METHODS: dict[int, Compression] = {
    8: DEFLATE,
    12: compression_called("bzip2"),
    93: compression_called("zstd"),
}
METHOD_NAMES = {1: "Shrink", 6: "Implode", 9: "Deflate64", 14: "LZMA", 95: "xz", 98: "PPMd"}
SEARCH_BYTES = 1 << 20  # looked through at once for the next member


@dataclass(frozen=True, slots=True)
class _Header:
    """What the archive says of one member."""

    flags: int
    method: int
    check: int
    packed: int
    size: int
    place: int
    """Of its local header."""
    name: str
    told: bool
    """Whether its sizes and its checksum are known."""


class ZipArchive:
    """The members of a zip archive."""

    @staticmethod
    def accepts(head: bytes) -> bool:
        """Whether a file that begins with these bytes is a zip archive."""
        return head.startswith((LOCAL, END, SPANNED))

    def __init__(self, store: Store, budget: Budget) -> None:
        """Read from `store`; what comes out is taken from `budget`."""
        self.damage = ""
        self._store = store
        self._budget = budget

    def members(self) -> Iterator[Member]:
        """The members in the order of the directory; `damage` then says what is missing. Raises OSError."""
        found = self._directory()
        if found is None:
            self.damage = "its directory at the end is missing or damaged; what lies before it was read"
            for header in self._lying():
                yield from self._file(header)
            return
        position, end, shift = found
        while end - position >= ENTRY_BYTES:
            data = self._store.read_at(position, ENTRY_BYTES)
            if data[:4] != ENTRY:
                self.damage = f"its directory is damaged at byte {position}; members after that were not found"
                return
            name, extra, comment = struct.unpack_from("<3H", data, 28)
            yield from self._file(self._entry(data, position, name, extra, shift))
            position += ENTRY_BYTES + name + extra + comment

    def _directory(self) -> tuple[int, int, int] | None:
        """Where the directory begins and ends, and how many bytes lie before the archive."""
        size = self._store.size
        tail_at = max(0, size - END_BYTES - LONGEST_COMMENT)
        tail = self._store.read_at(tail_at, size - tail_at)
        found = tail.rfind(END, 0, max(0, len(tail) - END_BYTES + len(END)))
        if found < 0:
            return None
        end = tail_at + found
        length, place = struct.unpack_from("<2I", tail, found + 12)
        locator = self._store.read_at(end - LOCATOR64_BYTES, LOCATOR64_BYTES)
        if locator.startswith(LOCATOR64):
            end64 = self._store.read_at(end - LOCATOR64_BYTES - END64_BYTES, END64_BYTES)
            if end64.startswith(END64) and len(end64) == END64_BYTES:
                end -= LOCATOR64_BYTES + END64_BYTES
                length, place = struct.unpack_from("<2Q", end64, 40)
        begin = end - length
        if begin < 0 or (length and self._store.read_at(begin, 4) != ENTRY):
            return None
        return begin, end, begin - place

    def _entry(self, data: bytes, position: int, name: int, extra: int, shift: int) -> _Header:
        flags, method = struct.unpack_from("<2H", data, 8)
        check, packed, size = struct.unpack_from("<3I", data, 16)
        (place,) = struct.unpack_from("<I", data, 42)
        rest = self._store.read_at(position + ENTRY_BYTES, name + extra)
        size, packed, place = _widened(rest[name:], size, packed, place)
        return _Header(flags, method, check, packed, size, place + shift, _decoded(rest[:name], flags), True)

    def _lying(self) -> Iterator[_Header]:
        """Members by their local headers alone."""
        begin = 0
        while (position := self._next(begin)) is not None:
            data = self._store.read_at(position, LOCAL_BYTES)
            if len(data) < LOCAL_BYTES:
                return
            flags, method = struct.unpack_from("<2H", data, 6)
            check, packed, size, name, extra = struct.unpack_from("<3I2H", data, 14)
            rest = self._store.read_at(position + LOCAL_BYTES, name + extra)
            size, packed, _ = _widened(rest[name:], size, packed, 0)
            begin = position + LOCAL_BYTES + name + extra
            header = _Header(
                flags, method, check, packed, size, position, _decoded(rest[:name], flags), not flags & AFTERWARDS
            )
            yield header
            begin += packed if header.told else self._length(header, begin)

    def _next(self, position: int) -> int | None:
        """The first local header from `position` on."""
        while block := self._store.read_at(position, SEARCH_BYTES):
            found = block.find(LOCAL)
            if found >= 0:
                return position + found
            position += max(1, len(block) - len(LOCAL) + 1)
        return None

    def _length(self, header: _Header, begin: int) -> int:
        """Compressed bytes of a member whose header does not tell: it is inflated to its end."""
        if header.method not in METHODS or header.flags & ENCRYPTED:
            return 0
        inflating = Inflating(METHODS[header.method], self._store.reader(begin), self._budget)
        while inflating.read(SEARCH_BYTES):
            pass
        return inflating.used

    def _file(self, header: _Header) -> Iterator[Member]:
        if not header.name.endswith("/"):
            yield Member(header.name, header.size, partial(self._reader, header), _refusal(header))

    def _reader(self, header: _Header) -> Read:
        local = self._store.read_at(header.place, LOCAL_BYTES)
        if len(local) < LOCAL_BYTES or not local.startswith(LOCAL):
            raise damaged(f"the archive has no member at byte {header.place}")
        name, extra = struct.unpack_from("<2H", local, 26)
        begin = header.place + LOCAL_BYTES + name + extra
        packed = self._store.reader(begin, header.packed if header.told else None)
        if header.method == STORED:
            return _Checked(header, packed, None, self._budget)
        inflating = Inflating(METHODS[header.method], packed, self._budget)
        return _Checked(header, inflating.read, inflating, self._budget)


class _Checked:
    """Reads a member and compares it with what the archive says of it."""

    def __init__(self, header: _Header, read: Read, inflating: Inflating | None, budget: Budget) -> None:
        self._header = header
        self._read = read
        self._inflating = inflating
        self._budget = budget
        self._check = self._given = 0

    def __call__(self, count: int) -> bytes:
        block = self._read(count)
        if not block:
            self._compare()
            return b""
        self._check = zlib.crc32(block, self._check)
        self._given += len(block)
        if self._inflating is None and not self._budget.spend(len(block)):
            raise damaged(self._budget.exceeded())
        return block

    def _compare(self) -> None:
        header = self._header
        if self._inflating is not None and self._inflating.damage:
            raise damaged(f"{self._inflating.damage}, counted inside the archive's member")
        if not header.told:
            return
        if self._given < header.size:
            raise damaged(f"the archive says {header.size} bytes and holds {self._given}")
        if self._check != header.check:
            raise damaged("the checksum in the archive does not fit: the member is damaged")


def _refusal(header: _Header) -> str:
    if header.flags & ENCRYPTED:
        return "is encrypted; unpack it and name the files"
    if header.method != STORED and header.method not in METHODS:
        method = METHOD_NAMES.get(header.method, f"method {header.method}")
        return f"is packed with {method}, which is not read; unpack it and name the files"
    return ""


def _decoded(name: bytes, flags: int) -> str:
    return name.decode("utf-8" if flags & UTF8 else "cp437", "replace")


def _widened(extra: bytes, *values: int) -> tuple[int, ...]:
    """The values, those that did not fit from the zip64 extra field (APPNOTE 4.5.3)."""
    position = 0
    while len(extra) - position >= 4:
        kind, length = struct.unpack_from("<2H", extra, position)
        if kind == 1:
            wide = iter(struct.unpack_from(f"<{min(length, len(extra) - position - 4) // 8}Q", extra, position + 4))
            return tuple(next(wide, one) if one == IN_EXTRA else one for one in values)
        position += 4 + length
    return values
