"""DHCPv6 (RFC 8415), recognised and named: Lync's phones get what they need by DHCPv4."""

from dataclasses import dataclass
from typing import ClassVar

from dissectors.contract import Cursor, Malformed, Message, Truncated, Verdict

KINDS = dict(
    enumerate(
        (
            *("solicit", "advertise", "request", "confirm", "renew", "rebind", "reply"),
            *("release", "decline", "reconfigure", "information-request", "relay-forward", "relay-reply"),
        ),
        start=1,
    )
)
"""RFC 8415 7.3"""
MAX_OPTIONS = 256  # of one message; clients and servers send about ten

_HEADER, _RELAY_HEADER = 4, 34
_CLIENT, _SERVER, _RELAYED = 1, 2, 9
_MIN_DUID, _MAX_DUID = 3, 130  # RFC 8415 11.1: a type and up to 128 bytes
_DUID_TYPES = range(1, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dhcpv6Message(Message):
    """One DHCPv6 message; its options are not read."""

    protocol: ClassVar[str] = "dhcpv6"

    kind: str
    """solicit, advertise, request, …, relay-forward, relay-reply"""
    transaction_id: int
    """0 for those of relays, which have none."""


class Dhcpv6:
    """DHCPv6, one message a datagram."""

    name = "dhcpv6"

    def probe(self, head: bytes, /) -> Verdict:
        """LIKELY when the options end with the datagram and one of them identifies a client or server."""
        if not head:
            return Verdict.UNSURE
        if head[0] not in KINDS:
            return Verdict.REJECT
        try:
            return Verdict.LIKELY if _identified(head) else Verdict.REJECT
        except Truncated:
            return Verdict.UNSURE

    def parse(self, cursor: Cursor, /) -> tuple[Dhcpv6Message, ...]:
        """The whole datagram. Raises Truncated where an option goes on behind it, Malformed for other bytes."""
        data = cursor.rest()
        if not data or data[0] not in KINDS:
            raise Malformed("no message type of DHCPv6")
        if not _identified(data):
            raise Malformed("options that identify nobody")
        number = 0 if _is_relays(data) else int.from_bytes(data[1:_HEADER], "big")
        return (Dhcpv6Message(kind=KINDS[data[0]], transaction_id=number),)


DHCPV6 = Dhcpv6()


def _is_relays(data: bytes) -> bool:
    return KINDS[data[0]].startswith("relay")


def _identified(data: bytes) -> bool:
    """Whether options fill the datagram and say of whom it is. Raises Truncated."""
    relays = _is_relays(data)
    cursor = Cursor(data)
    cursor.take(_RELAY_HEADER if relays else _HEADER)
    found = False
    if not cursor.remaining:
        raise Truncated("no option")
    for _ in range(MAX_OPTIONS):
        if not cursor.remaining:
            return found
        code, content = cursor.uint(2), cursor.take(cursor.uint(2))
        if not code:
            return False
        found |= code == _RELAYED if relays else code in (_CLIENT, _SERVER) and _is_duid(content)
    return False


def _is_duid(content: bytes) -> bool:
    return _MIN_DUID <= len(content) <= _MAX_DUID and int.from_bytes(content[:2], "big") in _DUID_TYPES
