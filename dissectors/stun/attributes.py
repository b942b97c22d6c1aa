"""What the attributes of a STUN message say, dialect by dialect.

[MS-TURN] 2.2.2, [MS-TURNBWM] 2.2, [MS-ICE2] 2.2, RFC 5389 18.2, RFC 5766 14, RFC 5780 7, RFC 8445 7.1.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from dissectors.stun.address import PLAIN, endpoint
from dissectors.stun.bandwidth import BANDWIDTH_NUMBERS

MAX_INNER = 512
"""Bytes kept of a relayed payload: every ICE check fits, and of sealed media only the header is readable."""

MAX_TEXT = 256
"""Bytes kept of a text attribute: twice the 128 [MS-TURN] allows a realm or a host name."""

MAX_UNKNOWN = 32
"""Numbers kept of UNKNOWN-ATTRIBUTES; a request has about 25 attributes at most."""

Fields = dict[str, Any]
Reader = Callable[[Fields, bytes, bytes], None]
"""Puts what an attribute's value says into the fields, given the transaction id; nothing when it is unreadable.

Of a repeated attribute only the first counts (RFC 5389 15).
"""


def _address(name: str, *, xored: bool = False) -> Reader:
    def read(fields: Fields, value: bytes, transaction: bytes) -> None:
        address = endpoint(value, transaction if xored else PLAIN)
        if address is not None:
            fields.setdefault(name, address)

    return read


def _number(name: str, size: int = 4) -> Reader:
    def read(fields: Fields, value: bytes, _transaction: bytes) -> None:
        if len(value) == size:
            fields.setdefault(name, int.from_bytes(value, "big"))

    return read


def _flag(name: str) -> Reader:
    def read(fields: Fields, _value: bytes, _transaction: bytes) -> None:
        fields[name] = True

    return read


def _text(name: str) -> Reader:
    def read(fields: Fields, value: bytes, _transaction: bytes) -> None:
        fields.setdefault(name, value[:MAX_TEXT].decode("utf-8", "replace").rstrip("\0"))

    return read


def _opaque(name: str, size: int) -> Reader:
    def read(fields: Fields, value: bytes, _transaction: bytes) -> None:
        if len(value) == size:
            fields.setdefault(name, value)

    return read


def _role(name: str) -> Reader:
    def read(fields: Fields, value: bytes, _transaction: bytes) -> None:
        if len(value) == 8 and "ice_role" not in fields:
            fields["ice_role"], fields["tie_breaker"] = name, int.from_bytes(value, "big")

    return read


def _error(fields: Fields, value: bytes, _transaction: bytes) -> None:
    if len(value) >= 4 and "error_code" not in fields:
        fields["error_code"] = (value[2] & 7) * 100 + value[3]
        fields["error_reason"] = value[4 : 4 + MAX_TEXT].decode("utf-8", "replace").rstrip("\0") or None


def _unknown(fields: Fields, value: bytes, _transaction: bytes) -> None:
    numbers = zip(value[: 2 * MAX_UNKNOWN : 2], value[1::2], strict=False)
    fields.setdefault("unknown_attributes", tuple(high << 8 | low for high, low in numbers))


def _family(fields: Fields, value: bytes, _transaction: bytes) -> None:
    if len(value) == 4 and value[0] in (1, 2):
        fields.setdefault("requested_family", "ipv4" if value[0] == 1 else "ipv6")


def _sequence(fields: Fields, value: bytes, _transaction: bytes) -> None:
    if len(value) == 24 and "sequence" not in fields:  # some clients of 2020 send the number alone
        fields["connection_id"], fields["sequence"] = value[:20], int.from_bytes(value[20:], "big")


def _service_quality(fields: Fields, value: bytes, _transaction: bytes) -> None:
    if len(value) == 4 and "stream_type" not in fields:
        fields["stream_type"] = value[0] << 8 | value[1]
        fields["service_quality"] = value[2] << 8 | value[3]


def _managed(fields: Fields, _value: bytes, _transaction: bytes) -> None:
    fields["managed"] = None  # the message reads them together, when there are any


def _answer(fields: Fields, value: bytes, _transaction: bytes) -> None:
    fields["managed"] = None
    if value and fields.get("admitted") is not False:  # any refusal of several decides
        fields["admitted"] = bool(value[0] & 0x80)


def _inner(fields: Fields, value: bytes, _transaction: bytes) -> None:
    if "inner" not in fields:
        fields["inner"], fields["inner_length"] = value[:MAX_INNER], len(value)


# ice-char of RFC 8445 5.3, and the signs of the GUIDs some write; senders count the zeros that pad the value
_UFRAGS = re.compile(rb"([A-Za-z0-9+/_-]{4,256}:[A-Za-z0-9+/_-]{4,256})\0{0,3}")


def _check_username(fields: Fields, value: bytes, _transaction: bytes) -> None:
    fields["has_username"] = True
    found = _UFRAGS.fullmatch(value)
    if found:
        fields.setdefault("username", found[1].decode("ascii"))


_READERS: dict[int, Reader] = {
    0x0001: _address("mapped_address"),
    0x0004: _address("response_origin"),
    0x0006: _flag("has_username"),
    0x0008: _flag("has_integrity"),
    0x0009: _error,
    0x000A: _unknown,
    0x000D: _number("lifetime"),
    0x000E: _address("alternate_server"),
    0x0013: _inner,
    0x0017: _family,
    0x0020: _address("xor_mapped_address", xored=True),
    0x0024: _number("priority"),
    0x0025: _flag("use_candidate"),
    0x8008: _number("ms_version"),
    0x8020: _address("xor_mapped_address", xored=True),
    0x8022: _text("software"),
    0x8029: _role("controlled"),
    0x802A: _role("controlling"),
    0x802B: _address("response_origin"),
    0x8032: _text("alternate_host"),
    0x8050: _sequence,
    0x8054: _text("foundation"),
    0x8055: _service_quality,
    **dict.fromkeys(BANDWIDTH_NUMBERS, _managed),
    **dict.fromkeys((0x805D, 0x805E, 0x805F, 0x8060), _answer),
    0x8061: _text("sip_dialog_id"),
    0x8062: _text("sip_call_id"),
    0x8070: _number("implementation"),
    0x8090: _address("second_relayed_address"),
    0x8095: _opaque("session_id", 8),
}
"""What a number means in every dialect."""

MS_READERS: dict[int, Reader] = {
    **_READERS,
    0x0010: _number("bandwidth"),
    0x0011: _address("destination"),
    0x0012: _address("remote"),  # plain here, XORed in RFC 5766
    0x0014: _flag("has_nonce"),
    0x0015: _text("realm"),
}
"""By number, for MS-TURN and what is older than RFC 5389."""

RFC_READERS: dict[int, Reader] = {
    **_READERS,
    0x0012: _address("remote", xored=True),
    0x0014: _text("realm"),
    0x0015: _flag("has_nonce"),
    0x0016: _address("relayed_address", xored=True),
    0x8023: _address("alternate_server"),
}
"""By number, since RFC 5389."""

CHECK_READERS: dict[int, Reader] = {**RFC_READERS, 0x0006: _check_username}
"""By number, for Binding messages since RFC 5389: their user names are names of sessions, no credentials."""
