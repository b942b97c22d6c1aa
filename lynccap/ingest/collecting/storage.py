"""Bytes that archives are read from: at any place, or one after the other."""

import errno
import io
import tempfile
import weakref
from collections.abc import Callable
from typing import BinaryIO

from lynccap.ingest.sources.inflating import BLOCK_BYTES, Read
from lynccap.ingest.sources.source import Stream


def damaged(says: str) -> OSError:
    """The error that ends the reading of a stream with these words."""
    return OSError(errno.EIO, says)


class Store:
    """A file to read at any place; closed when nothing refers to it any more."""

    def __init__(self, file: BinaryIO) -> None:
        """Take over an open file that can be seeked in."""
        self._file = file
        self.size = file.seek(0, io.SEEK_END)
        weakref.finalize(self, file.close)

    def read_at(self, position: int, count: int) -> bytes:
        """At most `count` bytes from `position` on. Raises OSError."""
        if not 0 <= position < self.size:
            return b""
        self._file.seek(position)
        return self._file.read(min(count, self.size - position))

    def reader(self, position: int = 0, size: int | None = None) -> Read:
        """Reads `size` bytes from `position` on, all of them when it is None."""
        end = self.size if size is None else min(self.size, position + size)

        def read(count: int) -> bytes:
            nonlocal position
            block = self.read_at(position, min(count, max(0, end - position)))
            position += len(block)
            return block

        return read


def spooled(read: Read, limit: int) -> Store | None:
    """What `read` gives until it ends or is damaged, as a temporary file; None when that is more than `limit` bytes."""
    file = tempfile.TemporaryFile()  # noqa: SIM115  the store closes it
    while block := _or_end(read):
        if file.tell() + len(block) > limit:
            file.close()
            return None
        file.write(block)
    return Store(file)


def _or_end(read: Read) -> bytes:
    try:
        return read(BLOCK_BYTES)
    except OSError:
        return b""  # an archive without its end says so itself


class Lazy(io.RawIOBase):
    """A stream that is opened by its first read."""

    def __init__(self, opening: Callable[[], Read]) -> None:
        """`opening` gives what reads the stream from its beginning."""
        self._opening = opening
        self._read: Read | None = None

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, target: memoryview) -> int:  # type: ignore[override]
        """Fill at most `target`; how many bytes, 0 at the end. Raises OSError where the archive is damaged."""
        if self._read is None:
            self._read = self._opening()
        block = self._read(len(target))
        target[: len(block)] = block
        return len(block)

    def close(self) -> None:
        """Let go of what it was opened from."""
        self._read = None
        super().close()


class Replaying(io.RawIOBase):
    """A stream that is read only once, with what has been looked at in front."""

    def __init__(self, stream: Stream, *, owned: bool) -> None:
        """Nothing looked at yet; what is `owned` is closed with it."""
        self._stream = stream
        self._owned = owned
        self._held = bytearray()

    def recorded(self, count: int) -> bytes:
        """Look at more bytes, to be read once more."""
        block = self._stream.read(count) or b""
        self._held += block
        return block

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, target: memoryview) -> int:  # type: ignore[override]
        """Fill at most `target`; how many bytes, 0 at the end. Raises OSError."""
        if not self._held:
            return self._stream.readinto(target) or 0
        count = min(len(self._held), len(target))
        target[:count] = self._held[:count]
        del self._held[:count]
        return count

    def close(self) -> None:
        """Close the stream if it is owned."""
        if self._owned:
            self._stream.close()
        super().close()
