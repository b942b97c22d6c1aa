"""SIP compressed after NEGOTIATE with LZ77-8K: packets of MPPC with an 8 KiB history ([MS-SIPCOMP], RFC 2118).

A packet is one byte of flags (high nibble) and type, three reserved bytes, the size of what it says, 16 bits in
network order, and the data: as it is, or MPPC's bits, which end with the byte that completes the size. Its
specification was not at hand as a whole, so nothing is taken on trust: whatever refers to history that these
packets did not write, or contradicts its flags, is refused, and with it the rest of the direction. A wrong
assumption then yields no message instead of a wrong one.
"""

from dissectors.contract import Cursor, Malformed, Truncated

HISTORY = 8 * 1024
HEADER = 6
MAX_RATIO = 32
"""Bytes said for each byte sent, beyond one history: SIP shrinks to a tenth, and hostile packets to a thousandth."""
FLUSHED, AT_FRONT, COMPRESSED = 0x80, 0x40, 0x20
MAX_ONES = 11  # of the length code: 4096 to 8191 bytes


class Inflater:
    """Reads the packets of one direction of one connection, in order."""

    def __init__(self) -> None:
        """The history is empty."""
        self._history = bytearray()
        self._read = self._said = 0

    def inflate(self, cursor: Cursor) -> bytes:
        """What the next packet says; the cursor moves behind it. Raises Truncated and Malformed."""
        start = cursor.position
        said = self._packet(cursor)
        self._read += cursor.position - start
        self._said += len(said)
        if self._said > HISTORY + MAX_RATIO * self._read:
            raise Malformed(f"{self._said} bytes in {self._read}: no text shrinks that far")
        return said

    def _packet(self, cursor: Cursor) -> bytes:
        flags, size = _header(cursor)
        if not flags & COMPRESSED:
            # Whether plain data enters the history is not known: what follows may refer to none of it.
            self._history.clear()
            return cursor.take(size)
        if flags & AT_FRONT:
            self._history.clear()
        if len(self._history) + size > HISTORY:
            raise Malformed(f"a packet of {size} bytes does not fit into the history")
        start = len(self._history)
        bits = _Bits(cursor)
        while len(self._history) < start + size:
            self._symbol(bits, start + size)
        return bytes(self._history[start:])

    def _symbol(self, bits: "_Bits", end: int) -> None:
        """One literal or one copy (RFC 2118 4, [MS-RDPBCGR] 3.1.8.4.1)."""
        if not bits.take(1):
            self._history.append(bits.take(7))
        elif not bits.take(1):
            self._history.append(0x80 | bits.take(7))
        else:
            self._copy(_offset(bits), _length(bits), end)

    def _copy(self, offset: int, length: int, end: int) -> None:
        if not 0 < offset <= len(self._history):
            raise Malformed(f"a copy from {offset} bytes back, of {len(self._history)} known")
        if len(self._history) + length > end:
            raise Malformed(f"a copy of {length} bytes exceeds its packet")
        start = len(self._history) - offset
        known = self._history[start : start + length]
        self._history += (known * (length // offset + 1))[:length]


class _Bits:
    """Bits of a cursor's bytes, the highest first; a byte is taken when its first bit is wanted."""

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._value = self._count = 0

    def take(self, count: int) -> int:
        while self._count < count:
            self._value = self._value << 8 | self._cursor.uint(1)
            self._count += 8
        self._count -= count
        taken = self._value >> self._count
        self._value &= (1 << self._count) - 1
        return taken


def _header(cursor: Cursor) -> tuple[int, int]:
    if cursor.remaining < HEADER:
        raise Truncated(f"the packet at offset {cursor.position} goes on behind the last byte")
    flags, _, size = cursor.uint(1) & 0xF0, cursor.uint(3), cursor.uint(2)
    if flags & 0x10 or not size:
        raise Malformed(f"flags {flags:#x} and size {size} are no packet's")
    if flags & COMPRESSED and flags & FLUSHED:
        raise Malformed("a packet both flushed, which says that it is plain, and compressed")
    return flags, size


def _offset(bits: _Bits) -> int:
    if not bits.take(1):
        return 320 + bits.take(13)
    if not bits.take(1):
        return 64 + bits.take(8)
    return bits.take(6)


def _length(bits: _Bits) -> int:
    ones = 0
    while bits.take(1):
        ones += 1
        if ones > MAX_ONES:
            raise Malformed("a copy longer than the history")
    return 3 if not ones else (2 << ones) + bits.take(ones + 1)
