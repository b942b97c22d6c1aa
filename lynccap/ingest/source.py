"""Where the bytes of a capture come from: a file or standard input, plain or gzip, hashed on the way."""

import hashlib
import stat
import sys
import zlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

GZIP_MAGIC = b"\x1f\x8b"
GZIP_BLOCK = 256 * 1024  # compressed bytes read at once
GZIP_WBITS = 31  # zlib's code for "gzip header and trailer"


class UnreadableCapture(Exception):
    """Nothing can be read from a source; the text is a line: what, which file, at which byte, what to do."""


@dataclass(frozen=True, slots=True)
class Source:
    """A capture to read: a path, "-" for standard input, or an open binary stream with a name to show."""

    path: str
    stream: BinaryIO | None = None

    @property
    def name(self) -> str:
        """The file name without its folder."""
        return "standard input" if self.path == "-" else Path(self.path).name

    @property
    def where(self) -> str:
        """The path as it was given, for error messages."""
        return "standard input" if self.path == "-" else self.path

    @property
    def once(self) -> bool:
        """Whether it can be read only once, as standard input can."""
        return self.stream is not None or self.path == "-"

    def open(self) -> BinaryIO:
        """The open stream. Raises UnreadableCapture for a file that is missing, a folder, empty or locked."""
        if self.stream is not None:
            return self.stream
        if self.path == "-":
            return sys.stdin.buffer
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
        if self.once:
            return 0
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
        self.compression = ""
        self.file_bytes = 0
        self.total_bytes = source.size()
        self._stream = source.open()
        self._hash = hashlib.sha256()
        self._hasher = ThreadPoolExecutor(1)
        self._hashing: deque[Future[None]] = deque()
        self._held = b""
        self._ended = False
        self._inflate = zlib.decompressobj(GZIP_WBITS)
        self._begin()

    def __enter__(self) -> "Feed":
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file and the hashing thread."""
        self.close()

    def close(self) -> None:
        """Close the file and the hashing thread."""
        self._hasher.shutdown()
        if not self.source.once:
            self._stream.close()

    def fill(self, target: memoryview) -> int:
        """Write bytes into `target` until it is full or the source ends; the count written, 0 at the end.

        The caller must not change `target` before `settle` returned.
        """
        return self._fill_inflated(target) if self.compression else self._fill_plain(target)

    def reopened(self) -> BinaryIO | None:
        """The source once more from its beginning, to seek in; None for streams and what is compressed."""
        if self.compression or self.source.once:
            return None
        file = self.source.open()
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
        self.settle()
        while block := self._read(GZIP_BLOCK):
            self._hash.update(block)
        return self._hash.hexdigest()

    def _begin(self) -> None:
        while len(self._held) < len(GZIP_MAGIC) and (more := self._read(GZIP_BLOCK)):
            self._held += more
        if not self._held:
            raise UnreadableCapture(f"{self.source.where}: no bytes at all; copy or capture it again")
        if self._held.startswith(GZIP_MAGIC):
            self.compression = "gzip"
        self._hash.update(self._held)

    def _read(self, count: int) -> bytes:
        try:
            block = self._stream.read(count) or b""
        except OSError as problem:
            self.damage = f"reading stopped at byte {self.file_bytes}: {problem.strerror}"
            return b""
        self.file_bytes += len(block)
        return block

    def _fill_plain(self, target: memoryview) -> int:
        done = min(len(self._held), len(target))
        target[:done] = self._held[:done]
        self._held = self._held[done:]
        hashed_from = done
        while done < len(target):
            try:
                count = self._stream.readinto(target[done:])  # type: ignore[attr-defined]
            except OSError as problem:
                self.damage = f"reading stopped at byte {self.file_bytes}: {problem.strerror}"
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
        while done < len(target) and not self._ended:
            if not self._held and not self._next_block():
                break
            try:
                out = self._inflate.decompress(self._held, len(target) - done)
            except zlib.error as problem:
                self._stop(f"the gzip data is damaged near byte {self.file_bytes - len(self._held)} ({problem})")
                break
            target[done : done + len(out)] = out
            done += len(out)
            self._held = self._inflate.unconsumed_tail
            if self._inflate.eof:
                self._next_member()
        return done

    def _next_block(self) -> bool:
        block = self._read(GZIP_BLOCK)
        if not block:
            self._stop(f"the gzip data ends early, at byte {self.file_bytes}")
            return False
        self._hashing.append(self._hasher.submit(self._hash.update, block))
        self._held = block
        return True

    def _next_member(self) -> None:
        rest = self._inflate.unused_data
        while len(rest) < len(GZIP_MAGIC) and (more := self._read(GZIP_BLOCK)):
            self.settle()
            self._hash.update(more)
            rest += more
        if not rest.startswith(GZIP_MAGIC):  # padding after the last member is allowed (RFC 1952 2.2)
            self._ended = True
            return
        self._inflate = zlib.decompressobj(GZIP_WBITS)
        self._held = rest

    def _stop(self, says: str) -> None:
        self._ended = True
        self.damage = self.damage or says
