"""Compressed streams, told apart by their first bytes and inflated piece by piece."""

import bz2
import lzma
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import zstandard

Read = Callable[[int], bytes]
"""Gives at most so many bytes, b"" at the end."""

HEAD_BYTES = 4096  # what recognises a format, a compression or an archive lies within them
BLOCK_BYTES = 256 << 10  # read from a file at once: large enough that hashing it in another thread pays
PIECE_BYTES = 16 << 10  # given to a decompressor at once; some copy what they have not used yet
STEP_BYTES = 16 << 10  # inflated at once: no more than this is lost where the damage begins
ZSTD_PIECE_BYTES = 1 << 10  # zstd takes no limit on what comes out: 4 bytes may give 128 KiB, these 32 MiB
REPLAY_BYTES = 64 << 10  # compressed bytes kept, so that damage in a small file costs nothing before it
MAX_XZ_MEMORY = 256 << 20  # four times what xz -9 asks for
MAX_LAYERS = 2  # a .gz in a .zst happens; more is a mistake or an attack
FREE_BYTES = 1 << 30  # inflated before the ratio is looked at: what a report takes seconds for
MAX_RATIO = 3000  # measured: one full frame at an even pace gives 2000 in bzip2, 750 in xz, 580 in zstd
MAX_INFLATED = 256 << 30  # beyond every capture that is sent


class CannotInflate(Exception):
    """A compression cannot be read here; the text says why and what to do, without naming the file."""


class Decompressor(Protocol):
    """Inflates one member of a compressed stream; the shape of the standard library's own."""

    @property
    def eof(self) -> bool:
        """Whether the member has ended."""
        ...

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes out without more input."""
        ...

    @property
    def unused_data(self) -> bytes | None:
        """What was given beyond the member's end."""
        ...

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """At most `max_length` bytes of what these and earlier bytes hold."""
        ...


class _Zlib:
    """zlib's decompressor, which leaves to its caller what it has not used."""

    def __init__(self, wbits: int) -> None:
        self._core = zlib.decompressobj(wbits)

    @property
    def eof(self) -> bool:
        return self._core.eof

    @property
    def needs_input(self) -> bool:
        return not self._core.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._core.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._core.decompress(self._core.unconsumed_tail + data, max_length)


class _Zstd:
    """Zstandard's decompressor, which gives all that its input holds: it is fed little at a time."""

    def __init__(self) -> None:
        self._core = zstandard.ZstdDecompressor().decompressobj()
        self._input = b""
        self._output = memoryview(b"")

    @property
    def eof(self) -> bool:
        return self._core.eof and not self._output

    @property
    def needs_input(self) -> bool:
        return not self._input and not self._output

    @property
    def unused_data(self) -> bytes:
        return self._core.unused_data + self._input

    def decompress(self, data: bytes, max_length: int) -> bytes:
        self._input += data
        while not self._output and self._input and not self._core.eof:
            fed = min(ZSTD_PIECE_BYTES, max_length)
            piece, self._input = self._input[:fed], self._input[fed:]
            self._output = memoryview(self._core.decompress(piece))
        out, self._output = bytes(self._output[:max_length]), self._output[max_length:]
        return out


def _xz() -> Decompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, MAX_XZ_MEMORY)


def _lz4() -> Decompressor:
    try:
        from lz4.frame import LZ4FrameDecompressor
    except ImportError:
        raise CannotInflate(
            "is an lz4 file, and the package lz4 is not installed; unpack it with lz4 -d {file}, "
            "or run: python -m pip install lz4"
        ) from None
    made: Decompressor = LZ4FrameDecompressor()
    return made


@dataclass(frozen=True, slots=True)
class Compression:
    """One way to compress a stream."""

    name: str
    magics: tuple[bytes, ...]
    """First bytes of each member."""
    start: Callable[[], Decompressor]
    errors: tuple[type[Exception], ...]
    """What damage raises."""

    def begins(self, head: bytes) -> bool:
        """Whether a member begins with these bytes."""
        return head.startswith(self.magics)


SKIPPABLE = tuple(bytes([kind]) + b"\x2a\x4d\x18" for kind in range(0x50, 0x60))
"""Frames of the user's own data between compressed ones (RFC 8878 3.1.2); pzstd begins its files with them."""
BZIP2_BLOCKS = (b"\x31\x41\x59\x26\x53\x59", b"\x17\x72\x45\x38\x50\x90")  # a block, or the end of an empty stream
BZIP2_MAGICS = tuple(b"BZh%d" % level + block for level in range(1, 10) for block in BZIP2_BLOCKS)

COMPRESSIONS = (
    Compression("gzip", (b"\x1f\x8b",), lambda: _Zlib(31), (zlib.error,)),
    Compression("zstd", (b"\x28\xb5\x2f\xfd", *SKIPPABLE), _Zstd, (zstandard.ZstdError,)),
    Compression("bzip2", BZIP2_MAGICS, bz2.BZ2Decompressor, (OSError, ValueError)),
    Compression("xz", (b"\xfd7zXZ\x00",), _xz, (lzma.LZMAError,)),
    Compression("lz4", (b"\x04\x22\x4d\x18",), _lz4, (RuntimeError,)),
)
DEFLATE = Compression("deflate", (), lambda: _Zlib(-15), (zlib.error,))
"""What zip archives hold: one member without a header."""
MAGIC_BYTES = max(len(magic) for one in COMPRESSIONS for magic in one.magics)


def compression_of(head: bytes) -> Compression | None:
    """How a file that begins with these bytes is compressed, None when it is not."""
    return next((one for one in COMPRESSIONS if one.begins(head)), None)


def compression_called(name: str) -> Compression:
    """The compression of this name. Raises KeyError."""
    return {one.name: one for one in COMPRESSIONS}[name]


class Budget:
    """How much may be inflated from a file, seen from how much of it was read; shared by all that comes from it."""

    def __init__(self, packed: Callable[[], int]) -> None:
        """Nothing inflated; `packed` tells the compressed bytes there are, or were read so far."""
        self._packed = packed
        self.spent = 0

    def spend(self, count: int) -> bool:
        """Whether these bytes may still be used."""
        self.spent += count
        if self.spent <= FREE_BYTES:
            return True
        return self.spent <= min(MAX_INFLATED, MAX_RATIO * self._packed())

    def renew(self) -> None:
        """Nothing is spent any more: what has been looked at is now read."""
        self.spent = 0

    def exceeded(self) -> str:
        """Why no more is inflated."""
        if self.spent > MAX_INFLATED:
            return f"more than {MAX_INFLATED >> 30} GiB come out of it; the rest was not read"
        return f"more than {MAX_RATIO} times its size comes out of it ({self.spent} bytes); the rest was not read"


class Inflating:
    """The bytes that come out of a compressed stream, member after member."""

    def __init__(self, compression: Compression, read: Read, budget: Budget) -> None:
        """Inflate what `read` gives. Raises CannotInflate."""
        self.compression = compression
        self.damage = ""
        self._read = read
        self._budget = budget
        self._block = memoryview(b"")
        self._piece = b""
        self._taken = 0
        self._ended = False
        self._decoder = compression.start()
        self._history: bytearray | None = bytearray()
        self._given = 0

    @property
    def used(self) -> int:
        """Compressed bytes that belong to what has been inflated."""
        return self._taken - len(self._piece) - len(self._decoder.unused_data or b"")

    def read(self, count: int) -> bytes:
        """At most `count` inflated bytes, b"" at the end; `damage` then says what ended it too early."""
        while not self._ended:
            if self._decoder.eof and not self._next_member():
                break
            if self._decoder.needs_input and not self._piece:
                self._piece = self._take()
                if not self._piece:
                    self._stop(f"the {self.compression.name} data ends early, at byte {self._taken}")
            out = self._inflate(min(count, STEP_BYTES))  # at the end too: lz4 may hold some back
            if out:
                return out
        return b""

    def _inflate(self, room: int) -> bytes:
        piece, self._piece = self._piece, b""
        if self._history is not None:
            self._history += piece
            if len(self._history) > REPLAY_BYTES:
                self._history = None
        try:
            out = self._decoder.decompress(piece, room)
        except self.compression.errors as problem:
            out, at = self._replayed(room)
            self._stop(f"the {self.compression.name} data cannot be inflated near byte {at} ({problem})")
        self._given += len(out)
        if not self._budget.spend(len(out)):
            self._stop(self._budget.exceeded())
        return out

    def _replayed(self, room: int) -> tuple[bytes, int]:
        """What the decompressor had inflated in the call that failed, and where it failed.

        A small member is inflated once more, byte by byte; of a large one the last step is lost.
        """
        if self._history is None:
            return b"", max(0, self._taken - PIECE_BYTES)
        out, again, used, skipped = bytearray(), self.compression.start(), 0, 0
        try:
            while len(out) < room and not again.eof:
                fed = self._history[used : used + 1] if again.needs_input else b""
                used += len(fed)
                if skipped < self._given:
                    skipped += len(again.decompress(bytes(fed), min(STEP_BYTES, self._given - skipped)))
                else:
                    out += again.decompress(bytes(fed), 1)
        except self.compression.errors:
            pass
        return bytes(out), self._taken - len(self._history) + used

    def _next_member(self) -> bool:
        if not self.compression.magics:
            self._ended = True
            return False
        self._piece = (self._decoder.unused_data or b"").lstrip(b"\0")
        while len(self._piece) < MAGIC_BYTES and (more := self._take()):
            self._piece = (self._piece + more).lstrip(b"\0")  # padding, as xz and tapes have it
        if self.compression.begins(self._piece):
            self._renew()
            return True
        self._ended = True
        if self._piece:
            at = self._taken - len(self._piece)
            self._stop(f"what follows the {self.compression.name} data from byte {at} on is something else")
        return False

    def _renew(self) -> None:
        self._decoder = self.compression.start()
        self._history = bytearray()
        self._given = 0

    def _take(self) -> bytes:
        if not self._block:
            self._block = memoryview(self._read(BLOCK_BYTES))
        piece, self._block = bytes(self._block[:PIECE_BYTES]), self._block[PIECE_BYTES:]
        self._taken += len(piece)
        return piece

    def _stop(self, says: str) -> None:
        self._ended = True
        self.damage = self.damage or says


class Unpacked:
    """A stream with its compressions taken off."""

    def __init__(self, read: Read, budget: Budget) -> None:
        """Look at the first bytes `read` gives. Raises CannotInflate."""
        self._read = read
        self._layers: list[Inflating] = []
        self.head = self._beginning()
        while (compression := compression_of(self.head)) is not None:
            if len(self._layers) == MAX_LAYERS:
                raise CannotInflate(f"is compressed more than {MAX_LAYERS} times; unpack it and name what comes out")
            layer = Inflating(compression, _after(self.head, self._read), budget)
            self._layers.append(layer)
            self._read = layer.read
            self.head = self._beginning()

    @property
    def compression(self) -> str:
        """The names of the compressions, the innermost first, joined with "+"; "" when there is none."""
        return "+".join(one.compression.name for one in reversed(self._layers))

    @property
    def damage(self) -> str:
        """One line: why the inflating stopped early, "" when it did not."""
        return next((one.damage for one in self._layers if one.damage), "")

    def read(self, count: int) -> bytes:
        """At most `count` bytes, the head first; b"" at the end."""
        if self.head:
            out, self.head = self.head[:count], self.head[count:]
            return out
        return self._read(count)

    def _beginning(self) -> bytes:
        head = b""
        while len(head) < HEAD_BYTES and (more := self._read(PIECE_BYTES)):
            head += more
        return head


def _after(head: bytes, read: Read) -> Read:
    """`read`, with bytes already read in front."""
    held: list[Any] = [head]

    def joined(count: int) -> bytes:
        out: bytes = held.pop() if held else read(count)
        return out

    return joined
