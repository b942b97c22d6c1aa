"""Cisco's discovery protocol: the VLAN a switch gives phones for their voice, from behind SNAP or HDLC.

Cisco published no standard; the layout is that of Wireshark's packet-cdp.c, checked against captures.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

from dissectors.contract import Cursor, Malformed, Message, Verdict

MAX_TLVS = 256
"""Elements of one frame; devices send 10 to 30."""
MAX_TEXT = 255
"""Characters kept of one name."""

_VERSIONS = (1, 2)
_DEVICE, _PORT, _CAPABILITIES, _NATIVE_VLAN, _VOICE_REPLY, _VOICE_QUERY = 0x01, 0x03, 0x04, 0x0A, 0x0E, 0x0F
_UNTRUSTED_PRIORITY, _SYSTEM_NAME = 0x13, 0x14
_TELEPHONE = 0x80
_KNOWN = range(0x01, 0x40)
_HEADER = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class CdpMessage(Message):
    """What one device says of itself on one link."""

    protocol: ClassVar[str] = "cdp"

    device: str | None
    """The device's identity: mostly its host name, of phones "SEP" and the hardware address."""
    lifetime: int
    """Seconds this stays true."""
    port: str | None = None
    system_name: str | None = None
    telephone: bool = False
    native_vlan: int | None = None
    """Of untagged frames on this port."""
    voice_vlan: int | None = None
    """Given by a switch, or asked for by a phone."""
    untrusted_priority: int | None = None
    """802.1p, 0 to 7, that the switch gives to what a computer behind the phone sends."""


class Cdp:
    """One frame, from behind its SNAP header."""

    name = "cdp"

    def probe(self, head: bytes, /) -> Verdict:
        """LIKELY on a version and a first element with a known type and a possible length."""
        if head and head[0] not in _VERSIONS:
            return Verdict.REJECT
        if len(head) < _HEADER + 4:
            return Verdict.UNSURE
        kind, length = int.from_bytes(head[4:6], "big"), int.from_bytes(head[6:8], "big")
        return Verdict.LIKELY if kind in _KNOWN and _HEADER <= length <= 1500 else Verdict.REJECT

    def parse(self, cursor: Cursor, /) -> tuple[CdpMessage]:
        """Read the whole frame. Raises Truncated, and Malformed for another version or an element without length."""
        version, lifetime = cursor.uint(1), cursor.uint(1)
        if version not in _VERSIONS:
            raise Malformed(f"CDP version {version}")
        cursor.take(2)
        message = CdpMessage(device=None, lifetime=lifetime)
        for _ in range(MAX_TLVS):
            if not cursor.remaining:
                break
            kind, length = cursor.uint(2), cursor.uint(2)
            if length < _HEADER:
                raise Malformed(f"CDP element {kind:#x} of {length} bytes before offset {cursor.position}")
            message = _with(message, kind, cursor.sub(length - _HEADER))
        cursor.rest()
        return (message,)


CDP = Cdp()


def _with(message: CdpMessage, kind: int, value: Cursor) -> CdpMessage:
    if kind == _DEVICE:
        return replace(message, device=_text(value))
    if kind == _PORT:
        return replace(message, port=_text(value))
    if kind == _SYSTEM_NAME:
        return replace(message, system_name=_text(value))
    return _with_number(message, kind, value)


def _with_number(message: CdpMessage, kind: int, value: Cursor) -> CdpMessage:
    size = value.remaining
    if kind == _CAPABILITIES and size >= 4:
        return replace(message, telephone=bool(value.uint(4) & _TELEPHONE))
    if kind == _NATIVE_VLAN and size >= 2:
        return replace(message, native_vlan=value.uint(2))
    if kind in (_VOICE_REPLY, _VOICE_QUERY) and size >= 3:  # shorter ones occur, and name no VLAN
        value.take(1)
        return replace(message, voice_vlan=value.uint(2))
    if kind == _UNTRUSTED_PRIORITY and size >= 1:
        return replace(message, untrusted_priority=value.uint(1) & 7)
    return message


def _text(value: Cursor) -> str:
    return value.rest().rstrip(b"\0").decode("utf-8", "replace")[:MAX_TEXT]
