"""RTP and RTCP headers (RFC 3550); payloads stay closed, they are SRTP."""

from dataclasses import dataclass
from typing import ClassVar

from dissectors.contract import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class RtpMessage(Message):
    """One RTP packet's header. The hot path reads these fields on columns instead."""

    protocol: ClassVar[str] = "rtp"

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    marker: bool
    payload_length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RtcpMessage(Message):
    """One RTCP packet's header and the first report block."""

    protocol: ClassVar[str] = "rtcp"

    packet_type: int
    ssrc: int
    lost_fraction: float | None = None
    lost_total: int | None = None
    jitter: int | None = None
