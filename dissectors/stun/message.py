"""One STUN-shaped message: its header, its attributes, and which dialect gives them their meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from dissectors.contract import Message
from dissectors.stun.attributes import CHECK_READERS, MS_READERS, RFC_READERS
from dissectors.stun.bandwidth import Bandwidth, read_bandwidth
from dissectors.stun.fingerprint import FINGERPRINT, judge
from dissectors.stun.shape import (
    COOKIE,
    DATA_INDICATION,
    HEADER,
    MS_COOKIE,
    SHARED_SECRET_ERROR,
    attributes_of,
    u16,
)


@dataclass(frozen=True, kw_only=True)  # without slots: see message_of
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
    unknown_attributes: tuple[int, ...] = ()
    """UNKNOWN-ATTRIBUTES of error 420: what the other side did not understand."""
    mapped_address: str | None = None
    """MAPPED-ADDRESS, "ip:port" or "[v6]:port"; in MS-TURN Allocate responses the ALLOCATED relay address."""
    xor_mapped_address: str | None = None
    """The reflexive address."""
    relayed_address: str | None = None
    """The address an Allocate response allocated, whichever attribute the dialect puts it in."""
    second_relayed_address: str | None = None
    """MS-ALTERNATE-MAPPED-ADDRESS: the IPv6 address allocated beside it."""
    alternate_server: str | None = None
    alternate_host: str | None = None
    """MS-ALTERNATE-HOST-NAME."""
    response_origin: str | None = None
    """Where the server says it answers from (RFC 5780; SOURCE-ADDRESS of RFC 3489)."""
    destination: str | None = None
    """DESTINATION-ADDRESS of Send and Set Active Destination, also of the message a Send request carries."""
    remote: str | None = None
    """REMOTE-ADDRESS of a Data Indication, also of the message it carries; RFC 5766 peer address."""
    lifetime: int | None = None
    """Seconds; 0 releases the allocation."""
    bandwidth: int | None = None
    """BANDWIDTH: the peak, kilobits per second."""
    requested_family: str | None = None
    """REQUESTED-ADDRESS-FAMILY: ipv4 or ipv6."""
    realm: str | None = None
    has_nonce: bool = False
    has_username: bool = False
    has_integrity: bool = False
    username: str | None = None
    """Of connectivity checks "ufrag:ufrag", the asked one's first (RFC 8445 7.2.2). Credentials are never kept."""
    use_candidate: bool = False
    priority: int | None = None
    ice_role: str | None = None
    """controlling or controlled"""
    tie_breaker: int | None = None
    foundation: str | None = None
    """CANDIDATE-IDENTIFIER: the foundation of the candidate in the SDP."""
    fingerprint: str | None = None
    """normal, legacy or wrong. MS-ICE2 sends each check twice; where both checksums are one, both twins are normal."""
    software: str | None = None
    ms_version: int | None = None
    implementation: int | None = None
    """MS-ICE2 IMPLEMENTATION-VERSION."""
    connection_id: bytes = b""
    """First 20 bytes of MS-SEQUENCE-NUMBER: the relay session across 5-tuples. Clients may leave it out."""
    sequence: int | None = None
    """Number of MS-SEQUENCE-NUMBER: one more in each authenticated request."""
    session_id: bytes = b""
    """8 bytes that name the session in 0xFF10 frames; the relay's first answer gives them, also a 401."""
    stream_type: int | None = None
    """MS-SERVICE-QUALITY: 1 audio, 2 video, 3 supplemental video, 4 data."""
    service_quality: int | None = None
    """0 best effort, 1 reliable."""
    sip_call_id: str | None = None
    """SIP Call Identifier: the Call-ID this allocation serves."""
    sip_dialog_id: str | None = None
    admitted: bool | None = None
    """False when a bandwidth answer (0x805D..0x8060) is marked not valid, None without such an answer."""
    managed: Bandwidth | None = None
    """Call admission control ([MS-TURNBWM]), None in messages without any."""
    inner: bytes = b""
    """Payload of DATA, or of a data frame, at most MAX_INNER bytes."""
    inner_length: int = 0
    """Bytes the payload had."""


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


def read_message(data: bytes, framing: str = "udp", session_id: bytes = b"") -> StunMessage:
    """Read exactly one whole message, which came in `framing` and, in a 0xFF10 frame, for `session_id`.

    Raises Malformed when neither walk over its attributes ends where it must.
    Source: RFC 5389 6 and 15, [MS-TURN] 2.2.2.
    """
    attributes = attributes_of(data)
    message_type, transaction = u16(data, 0), data[4:HEADER]
    dialect = _dialect(message_type, transaction, attributes)
    microsoft = dialect in ("ms-turn", "rfc3489", "ms-ice")
    kind, method = _kind_and_method(message_type, microsoft)
    fields: dict[str, Any] = {"session_id": session_id} if session_id else {}
    readers = MS_READERS if microsoft else CHECK_READERS if method == "binding" else RFC_READERS
    for number, value in attributes:
        reader = readers.get(number)
        if reader is not None:
            reader(fields, value, transaction)
    if microsoft and method == "allocate" and kind == "response":
        fields["relayed_address"] = fields.get("mapped_address")
    if "managed" in fields:
        fields["managed"] = read_bandwidth(attributes, transaction)
    if attributes and attributes[-1][0] == FINGERPRINT and len(attributes[-1][1]) == 4:
        fields["fingerprint"] = judge(data)
    return message_of(kind=kind, method=method, dialect=dialect, framing=framing, transaction_id=transaction, **fields)


def message_of(**fields: Any) -> StunMessage:
    """A message with these fields and `kind` among them.

    The same as calling the class, in a third of the time: of the many fields most messages set few, and those they
    do not set stay the class's. Relayed media brings thousands of messages.
    """
    message = object.__new__(StunMessage)
    message.__dict__.update(fields)
    return message


def _dialect(message_type: int, transaction: bytes, attributes: list[tuple[int, bytes]]) -> str:
    if attributes and attributes[0] == (0x000F, MS_COOKIE[4:]):
        return "ms-turn"
    numbers = {number for number, _ in attributes}
    binding, cookie = message_type & 0xF == 1, transaction[:4] == COOKIE
    if (cookie or binding) and not numbers.isdisjoint((0x8054, 0x8070)):
        return "ms-ice2"  # IMPLEMENTATION-VERSION 2 still writes the form without a cookie ([MS-ICE2] 2.2.2)
    if cookie:
        return "rfc5389"
    # draft-06 checks are Binding messages that carry credentials; classic STUN servers are asked without.
    return "ms-ice" if binding and {0x0006, 0x0008} <= numbers else "rfc3489"


def _kind_and_method(message_type: int, microsoft: bool) -> tuple[str, str | None]:
    if message_type == DATA_INDICATION:
        return "indication", "data"
    if message_type == SHARED_SECRET_ERROR and microsoft:
        return "error", "shared-secret"
    number = message_type & 0xF | (message_type & 0xE0) >> 1 | (message_type & 0x3E00) >> 2
    kind = _CLASSES[(message_type >> 7 & 2) | (message_type >> 4 & 1)]
    return kind, (_MS_METHODS if microsoft else _RFC_METHODS).get(number)
