"""Where the bytes of a capture come from: a file, a stream or a member of an archive; inflated, hashed on the way."""

import hashlib
import stat
import sys
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol

from lynccap.ingest.sources.inflating import BLOCK_BYTES, Budget, CannotInflate, Unpacked

HASHED_BEHIND = 4  # blocks that may wait for the second thread


class UnreadableCapture(Exception):
    """Nothing can be read from a source; the text is a line: what, which file, at which byte, what to do."""


class Stream(Protocol):
    """Bytes that come one after the other."""

    def read(self, count: int, /) -> bytes | None:
        """At most so many bytes, b"" at the end. Raises OSError when no more can be read."""
        ...

    def readinto(self, target: memoryview, /) -> int | None:
        """The same, into `target`; how many, 0 at the end."""
        ...

    def close(self) -> None:
        """Give back what reading needed."""
        ...


@dataclass(frozen=True, slots=True)
class Source:
    """A capture to read: a path, "-" for standard input, or bytes from elsewhere with a path to show."""

    path: str
    stream: Stream | None = None
    """Closed when it has been read."""
    opening: Callable[[], Stream] | None = None
    """Gives the bytes of what lies at no path of its own: a member of an archive."""
    shown: str = ""
    """What documents call it, when that is not the file name."""
    bytes: int = 0
    """Bytes of what lies elsewhere, 0 when that is not known beforehand."""
    refusal: str = ""
    """Why it cannot be opened, and what to do; "" when it can."""
    budget: Budget | None = None
    """What may still be inflated from the archive it is in."""

    @property
    def name(self) -> str:
        """What documents call it: the file name without its folder, for members of archives the archive's with it."""
        return self.shown or ("standard input" if self.path == "-" else Path(self.path).name)

    @property
    def where(self) -> str:
        """The path as it was given, for error messages."""
        return "standard input" if self.path == "-" else self.path

    @property
    def once(self) -> bool:
        """Whether it can be read only once, as standard input can."""
        return self.stream is not None or self.path == "-"

    def open(self) -> Stream:
        """The open stream. Raises UnreadableCapture for a file that is missing, a folder, empty, locked or refused."""
        if self.refusal:
            raise UnreadableCapture(f"{self.where}: {self.refusal}")
        if self.opening is not None:
            return self.opening()
        if self.stream is not None:
            return self.stream
        if self.path == "-":
            stdin: Stream = sys.stdin.buffer  # type: ignore[assignment]  # BinaryIO does not tell of readinto
            return stdin
        return self.file()

    def file(self) -> FileIO:
        """The file at the path. Raises UnreadableCapture."""
        try:
            facts = Path(self.path).stat()
            if stat.S_ISDIR(facts.st_mode):
                raise UnreadableCapture(f"{self.path}: is a folder; name the capture files in it")
            if stat.S_ISREG(facts.st_mode) and facts.st_size == 0:
                raise UnreadableCapture(f"{self.path}: the file is empty (0 bytes); copy or capture it again")
            return Path(self.path).open("rb", buffering=0)
        except FileNotFoundError:
            raise UnreadableCapture(f"{self.path}: no such file; check the path") from None
        except (OSError, ValueError) as problem:
            reason = getattr(problem, "strerror", None) or str(problem)
            raise UnreadableCapture(f"{self.path}: cannot be opened ({reason}); check the path") from None

    def size(self) -> int:
        """Bytes of the file, 0 when that is not known beforehand."""
        if self.once or self.opening or self.refusal:
            return self.bytes
        try:
            return Path(self.path).stat().st_size
        except OSError:
            return 0


class Feed:
    """Fills buffers with the (inflated) bytes of a source, and hashes what was read in a second thread."""

    def __init__(self, source: Source) -> None:
        """Open `source` and look at its first bytes. Raises UnreadableCapture."""
        self.source = source
        self.damage = ""
        self.file_bytes = 0
        self._stream = source.open()
        self._hash = hashlib.sha256()
        self._hasher = ThreadPoolExecutor(1)
        self._hashing: deque[Future[None]] = deque()
        try:
            self._unpacked = Unpacked(self._hashed, source.budget or Budget(lambda: self.file_bytes))
        except CannotInflate as problem:
            self.close()
            raise UnreadableCapture(f"{source.where}: {str(problem).format(file=source.name)}") from None
        self.compression = self._unpacked.compression
        if not self.file_bytes and not self.damage:
            self.close()
            raise UnreadableCapture(f"{source.where}: no bytes at all; copy or capture it again")

    def __enter__(self) -> "Feed":
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the source and the hashing thread."""
        self.close()

    def close(self) -> None:
        """Close the source and the hashing thread."""
        self._hasher.shutdown()
        if self.source.path != "-":
            self._stream.close()

    def fill(self, target: memoryview) -> int:
        """Write bytes into `target` until it is full or the source ends; the count written, 0 at the end.

        The caller must not change `target` before `settle` returned.
        """
        return self._fill_inflated(target) if self.compression else self._fill_plain(target)

    def reopened(self) -> BinaryIO | None:
        """The source once more from its beginning, to seek in; None for streams and what is compressed."""
        if self.compression or self.source.once or self.source.opening:
            return None
        file = self.source.file()
        if file.seekable():
            return file
        file.close()
        return None

    def settle(self, but: int = 0) -> None:
        """Wait until what `fill` wrote is hashed, all of it or all but the last few calls' bytes."""
        while len(self._hashing) > but:
            self._hashing.popleft().result()

    def sha256(self) -> str:
        """The hash of every byte handed over; reads what is left of the source first."""
        while self._hashed(BLOCK_BYTES):
            self.settle(but=1)
        self.settle()
        return self._hash.hexdigest()

    def _hashed(self, count: int) -> bytes:
        try:
            block = self._stream.read(count) or b""
        except OSError as problem:
            self._stopped(problem)
            return b""
        self.file_bytes += len(block)
        if block:
            self._hashing.append(self._hasher.submit(self._hash.update, block))
        return block

    def _fill_plain(self, target: memoryview) -> int:
        done = 0
        while self._unpacked.head and done < len(target):
            held = self._unpacked.read(len(target) - done)
            target[done : done + len(held)] = held
            done += len(held)
        hashed_from = done
        while done < len(target):
            try:
                count = self._stream.readinto(target[done:])
            except OSError as problem:
                self._stopped(problem)
                break
            if not count:
                break
            done += count
            self.file_bytes += count
        if done > hashed_from:
            self._hashing.append(self._hasher.submit(self._hash.update, target[hashed_from:done]))
        return done

    def _fill_inflated(self, target: memoryview) -> int:
        done = 0
        while done < len(target) and (out := self._unpacked.read(len(target) - done)):
            target[done : done + len(out)] = out
            done += len(out)
            self.settle(but=HASHED_BEHIND)
        if done < len(target):
            self.damage = self.damage or self._unpacked.damage
        return done

    def _stopped(self, problem: OSError) -> None:
        self.damage = self.damage or f"reading stopped at byte {self.file_bytes}: {problem.strerror or problem}"
