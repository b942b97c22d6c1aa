"""LLDP (IEEE 802.1AB) with the network policy for voice (ANSI/TIA-1057): what a switch tells a phone of its VLAN."""

from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address
from typing import ClassVar

from dissectors.contract import Cursor, Malformed, Message, Truncated, Verdict

MAX_TLVS = 256
"""Elements of one frame; switches send 10 to 30."""
MAX_TEXT = 255
"""Characters kept of one name: no name may be longer (802.1AB 8.5.6)."""

_END, _CHASSIS, _PORT, _LIFETIME, _SYSTEM_NAME, _CAPABILITIES, _ORGANISATION = 0, 1, 2, 3, 5, 7, 127
_MAC_OF_CHASSIS, _MAC_OF_PORT, _ADDRESS_OF_CHASSIS, _ADDRESS_OF_PORT = 4, 3, 5, 4
_PORT_VLAN = b"\x00\x80\xc2\x01"  # IEEE 802.1Q annex D.2.1
_NETWORK_POLICY = b"\x00\x12\xbb\x02"  # ANSI/TIA-1057 10.2.3
_VOICE = 1
_TELEPHONE = 1 << 5  # 802.1AB 8.5.8.1


@dataclass(frozen=True, slots=True, kw_only=True)
class LldpMessage(Message):
    """What one device says of itself on one link."""

    protocol: ClassVar[str] = "lldp"

    chassis: str
    """The device's identity: a hardware address "00:15:5d:01:02:03", an address, or a name."""
    port: str
    lifetime: int
    """Seconds this stays true; 0 takes it back."""
    system_name: str | None = None
    telephone: bool = False
    """The device says that it works as a telephone."""
    native_vlan: int | None = None
    """Of untagged frames on this port; 0 when it has none."""
    voice_vlan: int | None = None
    """For voice; 0 is priority tags without a VLAN, None no word or no tags."""
    voice_priority: int | None = None
    """802.1p, 0 to 7; None without tags."""
    voice_dscp: int | None = None
    """0 to 63."""


class Lldp:
    """One LLDP frame, from behind its EtherType."""

    name = "lldp"

    def probe(self, head: bytes, /) -> Verdict:
        """CERTAIN on the three elements that must lead, in their order and with possible lengths."""
        at = 0
        for wanted, longest in ((_CHASSIS, 256), (_PORT, 256), (_LIFETIME, 2)):
            lead = head[at : at + 2]
            if len(lead) < 2:
                return Verdict.UNSURE if not lead or lead[0] >> 1 == wanted else Verdict.REJECT
            length = (lead[0] & 1) << 8 | lead[1]
            if lead[0] >> 1 != wanted or not 2 <= length <= longest:
                return Verdict.REJECT
            at += 2 + length
        return Verdict.CERTAIN

    def parse(self, cursor: Cursor, /) -> tuple[LldpMessage]:
        """Read a frame up to its end element, or to the last byte where senders leave that out; padding is passed.

        Raises Truncated, and Malformed when the elements that must lead are missing.
        """
        chassis = _identity(_element(cursor, _CHASSIS), _MAC_OF_CHASSIS, _ADDRESS_OF_CHASSIS)
        port = _identity(_element(cursor, _PORT), _MAC_OF_PORT, _ADDRESS_OF_PORT)
        lifetime = int.from_bytes(_element(cursor, _LIFETIME).peek(2), "big")
        message = LldpMessage(chassis=chassis, port=port, lifetime=lifetime)
        for _ in range(MAX_TLVS):
            if not cursor.remaining:
                break
            kind, value = _next(cursor)
            if kind == _END:
                break
            message = _read(message, kind, value)
        if self.probe(cursor.peek(8)) is Verdict.REJECT:
            cursor.rest()
        return (message,)


LLDP = Lldp()


def _next(cursor: Cursor) -> tuple[int, Cursor]:
    lead = cursor.uint(2)
    return lead >> 9, cursor.sub(lead & 0x1FF)


def _element(cursor: Cursor, wanted: int) -> Cursor:
    kind, value = _next(cursor)
    if kind != wanted or value.remaining < 2:
        raise Malformed(f"LLDP element {kind} where {wanted} belongs")
    return value


def _identity(value: Cursor, mac: int, address: int) -> str:
    """802.1AB 8.5.2 and 8.5.3: a kind, then the name in that kind's form."""
    kind, named = value.uint(1), value.rest()
    if kind == mac and len(named) == 6:
        return named.hex(":")
    if kind == address and named[:1] == b"\1" and len(named) == 5:
        return str(IPv4Address(named[1:]))
    if kind == address and named[:1] == b"\2" and len(named) == 17:
        return str(IPv6Address(named[1:]))
    return _text(named)


def _text(value: bytes) -> str:
    return value.rstrip(b"\0").decode("utf-8", "replace")[:MAX_TEXT]


def _read(message: LldpMessage, kind: int, value: Cursor) -> LldpMessage:
    try:
        return _with(message, kind, value)
    except Truncated as short:  # of the element, not of the frame
        raise Malformed(f"LLDP element {kind}: {short}") from short


def _with(message: LldpMessage, kind: int, value: Cursor) -> LldpMessage:
    if kind == _SYSTEM_NAME:
        return replace(message, system_name=_text(value.rest()))
    if kind == _CAPABILITIES:
        return replace(message, telephone=bool(value.uint(2) & value.uint(2) & _TELEPHONE))
    if kind == _ORGANISATION:
        owner = value.take(4)
        if owner == _PORT_VLAN:
            return replace(message, native_vlan=value.uint(2))
        if owner == _NETWORK_POLICY and value.uint(1) == _VOICE:
            return _with_policy(message, value.uint(3))
    return message


def _with_policy(message: LldpMessage, policy: int) -> LldpMessage:
    """From the top: unknown, tagged, reserved (1 bit each), VLAN (12), priority (3), DSCP (6)."""
    unknown, tagged = policy >> 23 & 1, policy >> 22 & 1
    if unknown:  # a phone asks, and knows nothing yet
        return message
    message = replace(message, voice_dscp=policy & 0x3F)
    return replace(message, voice_vlan=policy >> 9 & 0xFFF, voice_priority=policy >> 6 & 7) if tagged else message
