"""tar archives, read from the beginning to the end: what is in a .tgz cannot be seeked in.

Fields as in POSIX.1-2017 pax and the GNU tar manual. The standard library's reader is not used: it holds every
member's record and names of any length in memory.
"""

from collections.abc import Callable, Iterator
from functools import partial

from lynccap.ingest.collecting.member import Member
from lynccap.ingest.collecting.storage import damaged
from lynccap.ingest.sources.inflating import BLOCK_BYTES, Read

BLOCK = 512
FILES = b"0\x007"  # types of members that are files; 7 is "contiguous"
LONG_NAME, EXTENDED = b"L", b"x"  # the following member's name (GNU), name and size (pax)
MAX_NAMING = 64 << 10  # bytes of such a record: far beyond any path


class TarArchive:
    """The members of a tar archive."""

    @staticmethod
    def accepts(head: bytes) -> bool:
        """Whether a file that begins with these bytes is a tar archive: its first header's checksum fits."""
        return len(head) >= BLOCK and head[0] != 0 and _fits(head[:BLOCK])

    def __init__(self, opening: Callable[[], Read]) -> None:
        """`opening` gives what reads the archive from its beginning."""
        self.damage = ""
        self._opening = opening
        self._read: Read | None = None
        self._position = 0

    def members(self) -> Iterator[Member]:
        """The files in the archive in order; `damage` then says what ended it too early.

        What a member's `opening` gives may be used before the next member is asked for, and later.
        """
        position, path, size = 0, "", None
        while (header := self._header(position)) is not None:
            position += BLOCK
            claimed = _number(header[124:136])
            if claimed < 0 or not _fits(header):
                self.damage = f"its header at byte {position - BLOCK} is damaged; members after that were not found"
                return
            kind = header[156:157]
            if kind in (LONG_NAME, EXTENDED):
                record = self._whole(position, min(claimed, MAX_NAMING))
                path, size = _naming(kind, record, path, size)
            else:
                claimed = claimed if size is None else size
                if kind in FILES and not header[:100].rstrip(b"\0").endswith(b"/"):
                    yield Member(path or _path(header), claimed, partial(self._reader, position, claimed))
                path, size = "", None
            position += -(-claimed // BLOCK) * BLOCK

    def _header(self, position: int) -> bytes | None:
        """The header at `position`, None at the end of the archive."""
        try:
            header = self._whole(position, BLOCK)
        except OSError as problem:
            self.damage = str(problem.strerror)
            return None
        if len(header) == BLOCK:
            return header if any(header) else None
        if header or position > self._position:
            self.damage = f"it ends early, at byte {self._position}"
        return None

    def _reader(self, position: int, size: int) -> Read:
        end = position + size

        def read(count: int) -> bytes:
            nonlocal position
            block = self._taken(position, min(count, end - position)) if position < end else b""
            if not block and position < end:
                raise damaged(f"the archive ends early, at its byte {self._position}")
            position += len(block)
            return block

        return read

    def _taken(self, position: int, count: int) -> bytes:
        """At most `count` bytes at `position`, none at the end; from the beginning again when that lies behind."""
        if self._read is None or position < self._position:
            self._read, self._position = self._opening(), 0
        while self._position < position:
            if not self._more(min(BLOCK_BYTES, position - self._position)):
                return b""
        return self._more(count)

    def _whole(self, position: int, count: int) -> bytes:
        """`count` bytes at `position`, fewer at the end."""
        data = b""
        while len(data) < count and (more := self._taken(position + len(data), count - len(data))):
            data += more
        return data

    def _more(self, count: int) -> bytes:
        block = self._read(count) if self._read is not None else b""
        self._position += len(block)
        return block


def _fits(header: bytes) -> bool:
    """Whether the header's checksum, taken with spaces in its own place, is right."""
    return _number(header[148:156]) == sum(header) - sum(header[148:156]) + 8 * 0x20


def _number(field: bytes) -> int:
    """An octal number, or GNU's base 256; -1 when it is neither."""
    if field[:1] == b"\x80":
        return int.from_bytes(field[1:], "big")
    digits = field.strip(b" \0")
    return int(digits, 8) if digits and not digits.strip(b"01234567") else -1 if digits else 0


def _path(header: bytes) -> str:
    name = header[:100].split(b"\0", 1)[0]
    prefix = header[345:500].split(b"\0", 1)[0] if header[257:263] == b"ustar\0" else b""
    return (prefix + b"/" + name if prefix else name).decode("utf-8", "replace")


def _naming(kind: bytes, record: bytes, path: str, size: int | None) -> tuple[str, int | None]:
    """The following member's path and size, as far as this record tells them."""
    if kind == LONG_NAME:
        return record.split(b"\0", 1)[0].decode("utf-8", "replace"), size
    for line in record.split(b"\n"):  # "27 path=folder/name": a length, a keyword, a value
        keyword, _, value = line.partition(b" ")[2].partition(b"=")
        if keyword == b"path":
            path = value.decode("utf-8", "replace")
        elif keyword == b"size" and value.isdigit() and len(value) < 20:
            size = int(value)
    return path, size
