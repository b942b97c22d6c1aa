"""The shape of a STUN message: its header and a walk over its attributes, without their meaning."""

from __future__ import annotations

from enum import IntEnum

from dissectors.contract import Malformed

MAX_ATTRIBUTES = 256
"""Attributes walked in one message; the longest real one has about 25."""

HEADER = 20
COOKIE = bytes.fromhex("2112a442")
"""Bytes 4..7 since RFC 5389; many MS-TURN clients send random bytes there."""
MS_COOKIE = bytes.fromhex("000f000472c64bc6")
"""MAGIC-COOKIE, the first attribute of every MS-TURN message ([MS-TURN] 2.2.2)."""

DATA_INDICATION = 0x0115  # an error of method 5 by the bits of RFC 5389, yet older than those bits
SHARED_SECRET_ERROR = 0x1112  # classic lists write it so, beside 0x0112

_COOKIELESS_TYPES = frozenset(
    [method | kind for method in (1, 2, 3, 4, 6) for kind in (0x0000, 0x0100, 0x0110)]
    + [0x0011, DATA_INDICATION, SHARED_SECRET_ERROR]
)
"""The types RFC 3489, draft-06 ICE and MS-TURN use; without a cookie nothing else is taken for STUN."""

DISTINCT_BYTES = 11
"""Different values among the 16 bytes of a random transaction id; less than one in a million has fewer.

Without a cookie there is little else than a type and lengths, which counters and zeros of other protocols can
show too: a Modbus request of 20 bytes reads 00 01 00 00.
"""


class Fit(IntEnum):
    """How well bytes fit one shape, weakest first."""

    NO = 0
    SHORT = 1
    """Nothing contradicts the shape so far, but it goes on behind the last byte."""
    PLAUSIBLE = 2
    STRONG = 3
    """Whole, and with a magic value."""


NO, SHORT, PLAUSIBLE, STRONG = Fit  # the look into an enumeration costs more than a comparison


def fit_message(data: bytes, start: int, end: int) -> Fit:
    """How well a message lies at `start` of bytes that end at `end`, whatever follows it. Never raises."""
    size = end - start
    if size <= 0:
        return SHORT
    if data[start] & 0xC0:  # the two leading zero bits tell STUN from RTP and ChannelData on one port (RFC 7983)
        return NO
    if size < 4:
        return SHORT
    message_type, length = u16(data, start), u16(data, start + 2)
    with_cookie = data[start + 4 : min(start + 8, end)]
    strong = with_cookie == COOKIE
    if not strong and message_type not in _COOKIELESS_TYPES and not COOKIE.startswith(with_cookie):
        return NO
    if size < HEADER:
        return SHORT
    stop = start + HEADER + length
    if stop > end:
        return SHORT if _walk_fits(data, start + HEADER, stop, end) else NO
    if not _walk_fits(data, start + HEADER, stop, stop):
        return PLAUSIBLE if strong and stop == end else NO  # damaged, yet meant to be STUN: parsing says what is wrong
    if strong or data[start + HEADER : start + HEADER + 8] == MS_COOKIE:
        return STRONG
    return PLAUSIBLE if len(set(data[start + 4 : start + HEADER])) >= DISTINCT_BYTES else NO


def message_size(data: bytes, start: int) -> int:
    """Bytes of the message at `start`, as its header promises; at least four bytes must be there."""
    return HEADER + u16(data, start + 2)


def attributes_of(data: bytes) -> list[tuple[int, bytes]]:
    """Number and value of every attribute of one whole message. Raises Malformed when no walk ends where it does."""
    # Microsoft's values are unpadded, the RFCs' padded to 4; most are multiples of 4, then both agree. The walk that
    # ends exactly at the message's end was the right one. Both may: 2 bytes of padding before the number 0x0012 read
    # as an attribute of 18 bytes, just what an address and FINGERPRINT take. Then the dialect decides.
    standard = data[4:8] == COOKIE and data[HEADER : HEADER + 8] != MS_COOKIE
    for padding in (4, 1) if standard else (1, 4):
        found = _walk(data, HEADER, len(data), len(data), padding)
        if found is not None:
            return [(number, data[start:end]) for number, start, end in found]
    raise Malformed("the attributes do not end where the message does")


def u16(data: bytes, offset: int) -> int:
    """The two bytes at `offset` as a number."""
    return data[offset] << 8 | data[offset + 1]


def _walk_fits(data: bytes, start: int, stop: int, end: int) -> bool:
    return _walk(data, start, stop, end, 1) is not None or _walk(data, start, stop, end, 4) is not None


def _walk(data: bytes, start: int, stop: int, end: int, padding: int) -> list[tuple[int, int, int]] | None:
    """(number, from, to) of every attribute in [start, stop) of which bytes up to `end` are there, or None.

    None when an attribute crosses `stop`. The last value may lack its padding.
    """
    found: list[tuple[int, int, int]] = []
    position = start
    while position < stop:
        if stop - position < 4 or len(found) == MAX_ATTRIBUTES:
            return None
        if position + 4 > end:
            return found
        value = position + 4
        after = value + (data[position + 2] << 8 | data[position + 3])
        if after > stop:
            return None
        found.append((data[position] << 8 | data[position + 1], value, after))
        position = after + -(after - value) % padding
    return found
