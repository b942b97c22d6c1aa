"""STUN, MS-TURN and ICE checks, over UDP, multiplexed (0xFF10), and over TCP behind the pseudo-TLS opening.

[MS-TURN] 2.2, [MS-ICE2] 2.2, RFC 5389, RFC 3489. What differs between the dialects is told apart by bytes alone.
"""

from dataclasses import dataclass
from typing import ClassVar

from dissectors.contract import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class StunMessage(Message):
    """One STUN-shaped message, or one unit of the framing that carries it over TCP 443."""

    protocol: ClassVar[str] = "stun"

    kind: str
    """request, response, error, indication; for TCP framing also pseudo-client-hello, pseudo-server-hello, data"""
    method: str | None = None
    """binding, shared-secret, allocate, send, data, set-active-destination, …"""
    dialect: str | None = None
    """ms-turn (MAGIC-COOKIE attribute), ms-ice2, ms-ice, rfc5389, rfc3489"""
    framing: str = "udp"
    """udp, mturn (0xFF10), turn-tcp (4-byte frame), rfc4571 (2-byte length)"""
    transaction_id: bytes = b""
    error_code: int | None = None
    error_reason: str | None = None
    mapped_address: str | None = None
    """MAPPED-ADDRESS as "ip:port" ("[v6]:port"). In an MS-TURN Allocate response: the ALLOCATED relay address."""
    xor_mapped_address: str | None = None
    """The reflexive address."""
    alternate_server: str | None = None
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
    """First 20 bytes of MS-SEQUENCE-NUMBER: the relay session across 5-tuples."""
    stream_type: int | None = None
    """MS-SERVICE-QUALITY: 1 audio, 2 video, 3 supplemental video, 4 data."""
    inner: bytes = b""
    """Payload of DATA, or of a type-3 TCP frame, at most MAX_INNER bytes."""
    inner_length: int = 0
