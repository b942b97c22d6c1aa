"""One STUN-shaped message: its header, its attributes, and which dialect gives them their meaning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address
from typing import Any, ClassVar

from dissectors.contract import Malformed, Message

MAX_INNER = 512
"""Bytes kept of a relayed payload: every ICE check fits, and of sealed media only the header is readable."""

MAX_ATTRIBUTES = 256
"""Attributes walked in one message; the longest real one has about 25."""

MAX_TEXT = 256
"""Bytes kept of a text attribute: twice the 128 [MS-TURN] allows a realm or a host name."""

HEADER = 20
COOKIE = bytes.fromhex("2112a442")
"""Bytes 4..7 since RFC 5389; many MS-TURN clients send random bytes there."""
MS_COOKIE = bytes.fromhex("000f000472c64bc6")
"""MAGIC-COOKIE, the first attribute of every MS-TURN message ([MS-TURN] 2.2.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StunMessage(Message):
    """One STUN-shaped message, or one unit of the framing that carries it over TCP 443."""

    protocol: ClassVar[str] = "stun"

    kind: str
    """request, response, error, indication; pseudo-client-hello, pseudo-server-hello, data (of framing)"""
    method: str | None = None
    """binding, shared-secret, allocate, send, data, set-active-destination, …; None when unknown"""
    dialect: str | None = None
    """ms-turn (MAGIC-COOKIE attribute), ms-ice2, ms-ice, rfc5389, rfc3489; None for hellos and data"""
    framing: str = "udp"
    """udp (bare), mturn (0xFF10), turn-tcp (4-byte frame), rfc4571 (2-byte length), channel (ChannelData)"""
    transaction_id: bytes = b""
    """Bytes 4..19 of the header, 16 of them in every dialect."""
    error_code: int | None = None
    error_reason: str | None = None
    mapped_address: str | None = None
    """MAPPED-ADDRESS, "ip:port" or "[v6]:port"; in MS-TURN Allocate responses the ALLOCATED relay address."""
    xor_mapped_address: str | None = None
    """The reflexive address."""
    relayed_address: str | None = None
    """The address an Allocate response allocated, whichever attribute the dialect puts it in."""
    alternate_server: str | None = None
    alternate_host: str | None = None
    """MS-ALTERNATE-HOST-NAME."""
    destination: str | None = None
    """DESTINATION-ADDRESS of Send and Set Active Destination."""
    remote: str | None = None
    """REMOTE-ADDRESS of a Data Indication; RFC 5766 peer address."""
    lifetime: int | None = None
    """Seconds; 0 releases the allocation."""
    realm: str | None = None
    has_nonce: bool = False
    has_username: bool = False
    has_integrity: bool = False
    use_candidate: bool = False
    ms_version: int | None = None
    implementation: int | None = None
    """MS-ICE2 IMPLEMENTATION-VERSION."""
    connection_id: bytes = b""
    """First 20 bytes of MS-SEQUENCE-NUMBER: the relay session across 5-tuples. Clients may leave it out."""
    session_id: bytes = b""
    """8 bytes that name the session in 0xFF10 frames; the relay's first answer gives them, also a 401."""
    stream_type: int | None = None
    """MS-SERVICE-QUALITY: 1 audio, 2 video, 3 supplemental video, 4 data."""
    sip_call_id: str | None = None
    """SIP Call Identifier: the Call-ID this allocation serves."""
    admitted: bool | None = None
    """False when a bandwidth answer (0x805D..0x8060) is marked not valid, None without such an answer."""
    inner: bytes = b""
    """Payload of DATA, or of a data frame, at most MAX_INNER bytes."""
    inner_length: int = 0
    """Bytes the payload had."""


class Fit(IntEnum):
    """How well bytes fit one shape, weakest first."""

    NO = 0
    SHORT = 1
    """Nothing contradicts the shape so far, but it goes on behind the last byte."""
    PLAUSIBLE = 2
    STRONG = 3
    """Whole, and with a magic value."""


NO, SHORT, PLAUSIBLE, STRONG = Fit  # the look into an enumeration costs more than a comparison

_RFC_METHODS = {
    0x001: "binding",
    0x003: "allocate",
    0x004: "refresh",
    0x006: "send",
    0x007: "data",
    0x008: "create-permission",
    0x009: "channel-bind",
    0x00A: "connect",
    0x00B: "connection-bind",
    0x00C: "connection-attempt",
}
_MS_METHODS = {
    0x001: "binding",
    0x002: "shared-secret",
    0x003: "allocate",
    0x004: "send",
    0x006: "set-active-destination",
}
_CLASSES = ("request", "indication", "response", "error")

_DATA_INDICATION = 0x0115  # an error of method 5 by the bits of RFC 5389, yet older than those bits
_SHARED_SECRET_ERROR = 0x1112  # classic lists write it so, beside 0x0112

_COOKIELESS_TYPES = frozenset(
    [method | kind for method in _MS_METHODS for kind in (0x0000, 0x0100, 0x0110)]
    + [0x0011, _DATA_INDICATION, _SHARED_SECRET_ERROR]
)
"""The types RFC 3489, draft-06 ICE and MS-TURN use; without a cookie nothing else is taken for STUN."""


def fit_message(data: bytes, start: int, end: int) -> Fit:
    """How well a message lies at `start` of bytes that end at `end`, whatever follows it. Never raises."""
    size = end - start
    if size <= 0:
        return SHORT
    if data[start] & 0xC0:  # the two leading zero bits tell STUN from RTP and ChannelData on one port (RFC 7983)
        return NO
    if size < 4:
        return SHORT
    message_type, length = _u16(data, start), _u16(data, start + 2)
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
        return NO
    strong = strong or data[start + HEADER : start + HEADER + 8] == MS_COOKIE
    return STRONG if strong else PLAUSIBLE


def message_size(data: bytes, start: int) -> int:
    """Bytes of the message at `start`, as its header promises; at least four bytes must be there."""
    return HEADER + _u16(data, start + 2)


def read_message(data: bytes, framing: str = "udp", session_id: bytes = b"") -> StunMessage:
    """Read exactly one whole message, which came in `framing` and, in a 0xFF10 frame, for `session_id`.

    Raises Malformed when neither walk over its attributes ends where it must.
    Source: RFC 5389 6 and 15, [MS-TURN] 2.2.2.
    """
    attributes = _attributes(data)
    transaction = data[4:HEADER]
    dialect = _dialect(_u16(data, 0), transaction, attributes)
    microsoft = dialect not in ("rfc5389", "ms-ice2")
    kind, method = _kind_and_method(_u16(data, 0), microsoft)
    fields: dict[str, Any] = {"session_id": session_id} if session_id else {}
    readers = _MS_READERS if microsoft else _RFC_READERS
    for number, value in attributes:
        reader = readers.get(number) or _READERS.get(number)
        if reader is None:
            continue
        for name, read in reader(value, transaction).items():
            # RFC 5389 15: of a repeated attribute only the first counts; any refusal of several decides.
            if name not in fields or (name == "admitted" and not read):
                fields[name] = read
    if microsoft and method == "allocate" and kind == "response":
        fields["relayed_address"] = fields.get("mapped_address")
    return StunMessage(kind=kind, method=method, dialect=dialect, framing=framing, transaction_id=transaction, **fields)


def _u16(data: bytes, offset: int) -> int:
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
        after = value + _u16(data, position + 2)
        if after > stop:
            return None
        found.append((_u16(data, position), value, after))
        position = after + -(after - value) % padding
    return found


def _attributes(data: bytes) -> list[tuple[int, bytes]]:
    # Microsoft's values are unpadded, the RFCs' padded to 4 (most are multiples of 4, then both agree); the
    # walk that ends exactly at the message's end was the right one.
    for padding in (1, 4):
        found = _walk(data, HEADER, len(data), len(data), padding)
        if found is not None:
            return [(number, data[start:end]) for number, start, end in found]
    raise Malformed("the attributes do not end where the message does")


def _dialect(message_type: int, transaction: bytes, attributes: list[tuple[int, bytes]]) -> str:
    if attributes and attributes[0] == (0x000F, MS_COOKIE[4:]):
        return "ms-turn"
    numbers = {number for number, _ in attributes}
    if transaction[:4] == COOKIE:
        return "ms-ice2" if numbers & {0x8054, 0x8070} else "rfc5389"
    # draft-06 checks are Binding messages that carry credentials; classic STUN servers are asked without.
    return "ms-ice" if message_type & 0xF == 1 and {0x0006, 0x0008} <= numbers else "rfc3489"


def _kind_and_method(message_type: int, microsoft: bool) -> tuple[str, str | None]:
    if message_type == _DATA_INDICATION:
        return "indication", "data"
    if message_type == _SHARED_SECRET_ERROR and microsoft:
        return "error", "shared-secret"
    number = message_type & 0xF | (message_type & 0xE0) >> 1 | (message_type & 0x3E00) >> 2
    kind = _CLASSES[(message_type >> 7 & 2) | (message_type >> 4 & 1)]
    return kind, (_MS_METHODS if microsoft else _RFC_METHODS).get(number)


def _endpoint(value: bytes, mask: bytes) -> str | None:
    """ "ip:port" of an address value, un-XORed with `mask` (16 bytes), or None when it is not one."""
    if len(value) < 8 or (value[1], len(value)) not in ((1, 8), (2, 20)):
        return None
    port = _u16(value, 2) ^ _u16(mask, 0)
    address = bytes(a ^ b for a, b in zip(value[4:], mask, strict=False))
    if len(address) == 4:
        return f"{IPv4Address(address)}:{port}"
    return f"[{IPv6Address(address)}]:{port}"


_Reader = Callable[[bytes, bytes], dict[str, Any]]
"""From an attribute's value and the transaction id to fields of the message; {} when it is unreadable."""


def _address(name: str, *, xored: bool = False) -> _Reader:
    def read(value: bytes, transaction: bytes) -> dict[str, Any]:
        endpoint = _endpoint(value, transaction if xored else bytes(16))
        return {} if endpoint is None else {name: endpoint}

    return read


def _number(name: str, size: int = 4, width: int = 4) -> _Reader:
    def read(value: bytes, _transaction: bytes) -> dict[str, Any]:
        return {name: int.from_bytes(value[:width], "big")} if len(value) == size else {}

    return read


def _flag(name: str) -> _Reader:
    return lambda _value, _transaction: {name: True}


def _text(name: str) -> _Reader:
    return lambda value, _transaction: {name: value[:MAX_TEXT].decode("utf-8", "replace").rstrip("\0")}


def _opaque(name: str, width: int, size: int) -> _Reader:
    return lambda value, _transaction: {name: value[:width]} if len(value) == size else {}


def _error(value: bytes, _transaction: bytes) -> dict[str, Any]:
    if len(value) < 4:
        return {}
    reason = value[4 : 4 + MAX_TEXT].decode("utf-8", "replace").rstrip("\0")
    return {"error_code": (value[2] & 7) * 100 + value[3], "error_reason": reason or None}


def _admission(value: bytes, _transaction: bytes) -> dict[str, Any]:
    return {"admitted": bool(value[0] & 0x80)} if value else {}


def _inner(value: bytes, _transaction: bytes) -> dict[str, Any]:
    return {"inner": value[:MAX_INNER], "inner_length": len(value)}


_READERS: dict[int, _Reader] = {
    0x0001: _address("mapped_address"),
    0x0006: _flag("has_username"),
    0x0008: _flag("has_integrity"),
    0x0009: _error,
    0x000D: _number("lifetime"),
    0x000E: _address("alternate_server"),
    0x0013: _inner,
    0x0020: _address("xor_mapped_address", xored=True),
    0x0025: _flag("use_candidate"),
    0x8008: _number("ms_version"),
    0x8020: _address("xor_mapped_address", xored=True),
    0x8032: _text("alternate_host"),
    0x8050: _opaque("connection_id", 20, 24),
    0x8055: _number("stream_type", width=2),
    0x805D: _admission,
    0x805E: _admission,
    0x805F: _admission,
    0x8060: _admission,
    0x8062: _text("sip_call_id"),
    0x8070: _number("implementation"),
    0x8095: _opaque("session_id", 8, 8),
}
"""What a number means in every dialect ([MS-TURN] 2.2.2, [MS-TURNBWM] 2.2, [MS-ICE2] 2.2, RFC 5389 18.2)."""

_MS_READERS: dict[int, _Reader] = {
    0x0011: _address("destination"),
    0x0012: _address("remote"),  # plain here, XORed in RFC 5766
    0x0014: _flag("has_nonce"),
    0x0015: _text("realm"),
}

_RFC_READERS: dict[int, _Reader] = {
    0x0012: _address("remote", xored=True),
    0x0014: _text("realm"),
    0x0015: _flag("has_nonce"),
    0x0016: _address("relayed_address", xored=True),
    0x8023: _address("alternate_server"),
}
