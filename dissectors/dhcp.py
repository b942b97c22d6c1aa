"""DHCPv4 (RFC 2131, 2132) with the options a Lync phone lives on: 43, 120 (RFC 3361), 42, 60, 55, 12, 81, 66, 67.

Overloaded fields (option 52) and long options (RFC 3396) are joined before any option is read. Option 43 has
no fixed meaning: the uc_ fields say what its bytes are when read as a Lync phone reads them, so judge them
only together with the vendor class the client asked with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any, ClassVar

from dissectors.contract import Cursor, Malformed, Message, Truncated, Verdict

MAX_TEXT = 1024
"""Characters kept of one option: a URL split over four options still fits."""

MAX_LIST = 64
"""Addresses, names or codes kept of one list: more than any phone tries."""

MAX_PADDING = 2048
"""Bytes behind the end option searched for another message; a datagram holds one."""

_FIXED = 236  # bytes before the magic cookie (RFC 2131 2)
_MAGIC = bytes.fromhex("63825363")
_SERVER_NAME = slice(44, 108)
_BOOT_FILE = slice(108, 236)

_PAD, _END = 0, 255
_OVERLOAD, _TYPE = 52, 53
_KINDS = {
    1: "discover",
    2: "offer",
    3: "request",
    4: "decline",
    5: "ack",
    6: "nak",
    7: "release",
    8: "inform",
    9: "force-renew",
    10: "lease-query",
    11: "lease-unassigned",
    12: "lease-unknown",
    13: "lease-active",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DhcpMessage(Message):
    """One DHCP message."""

    protocol: ClassVar[str] = "dhcp"

    kind: str
    """discover, offer, request, decline, ack, nak, release, inform, …; bootp without a message type"""
    transaction_id: int
    mac: str
    """Client hardware address, "00:15:5d:01:02:03"."""
    client_address: str | None = None
    """ciaddr"""
    your_address: str | None = None
    """yiaddr"""
    relay_address: str | None = None
    """giaddr"""
    server: str | None = None
    """Option 54."""
    requested_address: str | None = None
    """Option 50."""
    router: str | None = None
    """The first of option 3."""
    subnet_mask: str | None = None
    dns_servers: tuple[str, ...] = ()
    domain: str | None = None
    ntp_servers: tuple[str, ...] = ()
    time_servers: tuple[str, ...] = ()
    """Option 4, which some phones read in place of 42."""
    time_offset: int | None = None
    """Option 2: seconds east of UTC."""
    host_name: str | None = None
    """Option 12."""
    client_fqdn: str | None = None
    """Option 81."""
    message: str | None = None
    """Option 56: what a server says of its refusal."""
    tftp_server: str | None = None
    """Option 66."""
    boot_file: str | None = None
    """Option 67, or the header's file field."""
    boot_server: str | None = None
    """Option 160, which Polycom phones read."""
    provisioning_server: str | None = None
    """Option 161, which some phones read in place of 160."""
    relay_circuit: str | None = None
    """Option 82.1: where the relay heard the client, as text or hex."""
    relay_remote: str | None = None
    """Option 82.2: whom the relay heard there."""
    vendor_class: str | None = None
    """Option 60."""
    requested_options: tuple[int, ...] = ()
    """Option 55."""
    lease: int | None = None
    """Seconds."""
    sip_servers: tuple[str, ...] = ()
    """Option 120: names, or addresses in the form Lync does not accept."""
    sip_encoding: int | None = None
    """Option 120's encoding byte: 0 names, 1 addresses."""
    uc_identifier: str | None = None
    """Option 43.1"""
    uc_scheme: str | None = None
    uc_web_server: str | None = None
    """Option 43.3"""
    uc_port: str | None = None
    uc_path: str | None = None
    """Option 43.5"""
    vlan: int | None = None
    """Option 43.10 of the CPE-OCPHONE class, as two bytes or as digits."""
    vendor_damaged: bool = False
    """Option 43's lengths do not add up; the sub-options before the damage are read."""


class Dhcp:
    """DHCPv4 and BOOTP with the magic cookie, one message a datagram."""

    name = "dhcp"

    def probe(self, head: bytes, /) -> Verdict:
        """CERTAIN on the magic cookie behind a BOOTP header; other BOOTP is rejected."""
        if not _could_start(head):
            return Verdict.REJECT
        magic = head[_FIXED : _FIXED + len(_MAGIC)]
        if magic == _MAGIC:
            return Verdict.CERTAIN
        return Verdict.UNSURE if _MAGIC.startswith(magic) else Verdict.REJECT

    def parse(self, cursor: Cursor, /) -> tuple[DhcpMessage, ...]:
        """Read one message up to its end option, and what fills the datagram behind it.

        Raises Truncated when no end option is reached, Malformed without a BOOTP header and the magic cookie.
        """
        if not _could_start(cursor.peek(3)):
            raise Malformed(f"no BOOTP header at offset {cursor.position}")
        header = cursor.take(_FIXED)
        if cursor.take(len(_MAGIC)) != _MAGIC:
            raise Malformed("no magic cookie behind the BOOTP header")
        options = _options(cursor)
        overload = int.from_bytes(options.get(_OVERLOAD, b"")[:1], "big")
        if overload & 1:
            _join_field(options, header[_BOOT_FILE])
        if overload & 2:
            _join_field(options, header[_SERVER_NAME])
        _skip_padding(cursor)
        return (_message(header, {code: bytes(value) for code, value in options.items()}),)


def _could_start(head: bytes) -> bool:
    """Whether the operation is a request or a reply and the hardware address fits its field."""
    return head[:1] in (b"", b"\1", b"\2") and (len(head) < 3 or head[2] <= 16)


def _options(cursor: Cursor) -> dict[int, bytearray]:
    """Option values by code up to the end option; those of one code are joined in order (RFC 3396 5)."""
    found: dict[int, bytearray] = {}
    while (code := cursor.uint(1)) != _END:
        if code != _PAD:
            found.setdefault(code, bytearray()).extend(cursor.take(cursor.uint(1)))
    return found


def _join_field(options: dict[int, bytearray], area: bytes) -> None:
    """Join the options of an overloaded header field; one that does not fit the field ends it."""
    cursor = Cursor(area)
    while cursor.remaining and (code := cursor.uint(1)) != _END:
        if code == _PAD:
            continue
        try:
            value = cursor.take(cursor.uint(1))
        except Truncated:
            return
        options.setdefault(code, bytearray()).extend(value)


def _skip_padding(cursor: Cursor) -> None:
    """Move behind what fills the datagram after the end option: zeros, or what boot ROMs leave there."""
    rest = cursor.peek(MAX_PADDING)
    padding = len(rest) - len(rest.lstrip(b"\0"))
    magic = padding + _FIXED
    another = _could_start(rest[padding:]) and rest[magic : magic + len(_MAGIC)] == _MAGIC
    cursor.take(padding if another else cursor.remaining)


def _message(header: bytes, options: dict[int, bytes]) -> DhcpMessage:
    kind = options.get(_TYPE, b"")
    fields: dict[str, Any] = {}
    for code, (name, read) in _READERS.items():
        value = options.get(code)
        if value and (content := read(value)) is not None:
            fields[name] = content
    if servers := options.get(120):
        fields["sip_encoding"], fields["sip_servers"] = _sip_servers(servers)
    if vendor := options.get(43):
        fields.update(_vendor(vendor))
    if relay := options.get(82):
        fields.update(_relay(relay))
    if "boot_file" not in fields and not options.get(_OVERLOAD):
        fields["boot_file"] = _printable(header[_BOOT_FILE].partition(b"\0")[0])
    return DhcpMessage(
        kind=_KINDS.get(kind[0], f"type-{kind[0]}") if kind else "bootp",
        transaction_id=int.from_bytes(header[4:8], "big"),
        mac=header[28 : 28 + header[2]].hex(":"),
        client_address=_header_address(header[12:16]),
        your_address=_header_address(header[16:20]),
        relay_address=_header_address(header[24:28]),
        **fields,
    )


def _header_address(value: bytes) -> str | None:
    return str(IPv4Address(value)) if any(value) else None


def _address(value: bytes) -> str | None:
    return str(IPv4Address(value[:4])) if len(value) >= 4 else None


def _addresses(value: bytes) -> tuple[str, ...]:
    whole = min(len(value) // 4, MAX_LIST)
    return tuple(str(IPv4Address(value[4 * index : 4 * index + 4])) for index in range(whole))


def _text(value: bytes) -> str:
    return value.rstrip(b"\0").decode("utf-8", "replace")[:MAX_TEXT]


def _printable(value: bytes) -> str | None:
    text = _text(value)
    return text if text and text.isascii() and text.isprintable() else None


def _offset(value: bytes) -> int | None:
    return int.from_bytes(value, "big", signed=True) if len(value) == 4 else None


def _seconds(value: bytes) -> int | None:
    return int.from_bytes(value, "big") if len(value) == 4 else None


def _codes(value: bytes) -> tuple[int, ...]:
    return tuple(value[: 4 * MAX_LIST])


def _client_fqdn(value: bytes) -> str | None:
    """Option 81: flags, two obsolete bytes, then text or, with flag E, labels (RFC 4702 2)."""
    if len(value) <= 3:
        return None
    names = _names(value[3:]) if value[0] & 4 else (_text(value[3:]),)
    return names[0] if names else None


def _names(value: bytes) -> tuple[str, ...]:
    """Names in label form; the zero behind the last may be missing, as Microsoft's text leaves it out."""
    names: list[str] = []
    labels: list[str] = []
    position = 0
    while position < len(value) and len(names) < MAX_LIST:
        length = value[position]
        if length > 63:  # compression is not allowed here (RFC 3361 3.1)
            break
        if length:
            labels.append(value[position + 1 : position + 1 + length].decode("utf-8", "replace"))
        elif labels:
            names.append(".".join(labels)[:MAX_TEXT])
            labels = []
        position += 1 + length
    if labels and len(names) < MAX_LIST:
        names.append(".".join(labels)[:MAX_TEXT])
    return tuple(names)


def _sip_servers(value: bytes) -> tuple[int, tuple[str, ...]]:
    """Option 120 (RFC 3361 3): the encoding byte and what it announces; () for an unknown encoding."""
    if value[0] == 0:
        return 0, _names(value[1:])
    return value[0], _addresses(value[1:]) if value[0] == 1 else ()


def _vendor(value: bytes) -> dict[str, Any]:
    """Option 43 as a Lync phone reads it: sub-options 1 to 5 as text, 10 as the voice VLAN."""
    fields: dict[str, Any] = {}
    cursor = Cursor(value)
    while cursor.remaining and (code := cursor.uint(1)) != _END:
        if code == _PAD:
            continue
        try:
            content = cursor.take(cursor.uint(1))
        except Truncated:
            fields["vendor_damaged"] = True
            break
        if code == 10 and (vlan := _vlan(content)) is not None:
            fields["vlan"] = vlan
        elif code in _UC_FIELDS and (text := _text(content)).isprintable() and text:
            fields[_UC_FIELDS[code]] = text
    return fields


def _vlan(content: bytes) -> int | None:
    """Digits are no valid number in two bytes: those end at 4094, and two digits begin at 0x3030."""
    if content.isdigit() and len(content) <= 4:
        return int(content)
    return int.from_bytes(content, "big") if len(content) == 2 else None


def _relay(value: bytes) -> dict[str, Any]:
    """Option 82 (RFC 3046 2); sub-options before one that does not fit are read."""
    fields: dict[str, Any] = {}
    cursor = Cursor(value)
    try:
        while cursor.remaining:
            code, content = cursor.uint(1), cursor.take(cursor.uint(1))
            if code in _RELAY_FIELDS and content:
                fields[_RELAY_FIELDS[code]] = _printable(content) or content[:MAX_TEXT].hex()
    except Truncated:
        pass
    return fields


_RELAY_FIELDS = {1: "relay_circuit", 2: "relay_remote"}
_UC_FIELDS = {1: "uc_identifier", 2: "uc_scheme", 3: "uc_web_server", 4: "uc_port", 5: "uc_path"}

_READERS: dict[int, tuple[str, Callable[[bytes], Any]]] = {
    1: ("subnet_mask", _address),
    2: ("time_offset", _offset),
    3: ("router", _address),
    4: ("time_servers", _addresses),
    6: ("dns_servers", _addresses),
    12: ("host_name", _text),
    15: ("domain", _text),
    42: ("ntp_servers", _addresses),
    50: ("requested_address", _address),
    51: ("lease", _seconds),
    54: ("server", _address),
    55: ("requested_options", _codes),
    56: ("message", _text),
    60: ("vendor_class", _text),
    66: ("tftp_server", _text),
    67: ("boot_file", _text),
    81: ("client_fqdn", _client_fqdn),
    160: ("boot_server", _text),
    161: ("provisioning_server", _text),
}
"""Option codes, the fields they fill and how their values read (RFC 2132, RFC 4702)."""

DHCP = Dhcp()
