"""The reused buffers a capture is read through, stretch by stretch."""

import tempfile
from typing import BinaryIO

from lynccap.ingest.frames import MAX_RECORD, Buffer
from lynccap.ingest.sources.source import Feed, UnreadableCapture

WINDOW_BYTES = 4 << 20  # measured: the columns of larger windows leave the processor's cache
MAX_SPOOL = 8 << 30  # of a file that must be seeked in: more than any such tool records


class Window:
    """A stretch of the file in memory: `base` is the file offset of its first byte, `filled` its length.

    Two buffers take turns, so that one can still be hashed while the other is read.
    """

    def __init__(self, feed: Feed, first: int = WINDOW_BYTES) -> None:
        """Read the first stretch of `feed`, of `first` bytes."""
        self.feed = feed
        self.base = 0
        self._current, self._other = Buffer(MAX_RECORD + WINDOW_BYTES), Buffer(MAX_RECORD + WINDOW_BYTES)
        self.filled = feed.fill(self.view[:first])

    @property
    def buffer(self) -> Buffer:
        """The bytes; those from `filled` on are old or zero."""
        return self._current

    @property
    def view(self) -> memoryview:
        """The bytes of the buffer, to be sliced without a copy."""
        return self._current.view

    def advance(self, position: int) -> bool:
        """Drop the bytes before `position` and read more; False when there is nothing new to look at.

        `position` may lie beyond `filled`: those bytes are read and dropped.
        """
        skipping = position > self.filled
        while position > self.filled:
            self.feed.settle()
            self.base += self.filled
            position -= self.filled
            self.filled = self.feed.fill(self.view[:WINDOW_BYTES])
            if not self.filled:
                return False
        self.feed.settle(but=1)  # the bytes of this window may still be hashed, those of the other one are
        rest = self.filled - position
        self._other.view[:rest] = self.view[position : self.filled]
        self._current, self._other = self._other, self._current
        self._current.clear()
        self.base += position
        added = self.feed.fill(self.view[rest : rest + WINDOW_BYTES])
        self.filled = rest + added
        return added > 0 or (skipping and rest > 0)

    def whole(self) -> BinaryIO:
        """All (inflated) bytes of the feed as a file to seek in, for formats that keep an index; to be closed.

        Used before the first `advance`. What comes from a stream or is compressed goes through a temporary file of at
        most MAX_SPOOL bytes; what does not go into it is left out and said in `feed.damage`.
        """
        if self.base:
            raise RuntimeError("the beginning has been dropped already")
        try:
            plain = self.feed.reopened()
        except UnreadableCapture:
            plain = None  # gone since it was opened: what is open still reads
        return plain if plain is not None else self._spooled()

    def _spooled(self) -> BinaryIO:
        file = tempfile.TemporaryFile()  # noqa: SIM115  the caller closes it
        try:
            written = file.write(self.view[: self.filled])
            while self.filled and written < MAX_SPOOL:
                self.feed.settle()
                self.base += self.filled
                self.filled = self.feed.fill(self.view[:WINDOW_BYTES])
                written += file.write(self.view[: self.filled])
            rest = f"only its first {written} bytes were looked at" if self.filled else ""
        except OSError as problem:
            rest = f"only its beginning was looked at: the temporary file could not be written ({problem.strerror})"
        self.feed.damage = self.feed.damage or rest
        file.seek(0)
        return file
