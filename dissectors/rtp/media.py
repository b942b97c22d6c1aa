"""RTP headers (RFC 3550 5.1), and which datagrams are RTP or RTCP at all.

Nothing in RTP is magic, so a probe says LIKELY at most. DTLS and STUN share the port and are rejected by
their first byte (RFC 7983).
"""

from dataclasses import dataclass
from typing import ClassVar

from dissectors.contract import Cursor, Malformed, Message, Truncated, Verdict
from dissectors.rtp.control import RtcpMessage, compound


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
    """Bytes behind header and extension, padding and authentication tag included."""
    contributors: int = 0
    """CSRC count; an A/V conference names its dominant speaker first."""


_HEADER = 12
_RTCP_SPACE = range(192, 224)  # second bytes that mean RTCP where both share a port (RFC 5761 4)
_STATIC, _DYNAMIC = range(35), range(96, 128)  # payload types in use (RFC 3551 6)
_MAX_EXTENSION = 64  # words; real header extensions take under 10


class Rtp:
    """RTP and RTCP on one port, one packet or one RTCP compound a datagram."""

    name = "rtp"

    def probe(self, head: bytes, /) -> Verdict:
        """LIKELY for a version 2 header whose type, counts and lengths are in use, else REJECT or UNSURE."""
        if head and head[0] >> 6 != 2:
            return Verdict.REJECT
        try:
            messages = _read(Cursor(head))
        except Truncated:
            return Verdict.UNSURE
        except Malformed:
            return Verdict.REJECT
        return Verdict.LIKELY if _in_use(messages[0], head) else Verdict.REJECT

    def parse(self, cursor: Cursor, /) -> tuple[RtpMessage | RtcpMessage, ...]:
        """Read a whole datagram: one RTP packet, or every packet of an RTCP compound.

        Of an encrypted compound (SRTCP) only the first packet's type and sender are in clear; nothing else of
        it is returned. Raises Truncated when header, extension or RTCP packet go on behind the last byte,
        Malformed for other versions, and for RTCP of another type or with more blocks than bytes.
        """
        return _read(cursor)


def _in_use(message: RtpMessage | RtcpMessage, head: bytes) -> bool:
    if isinstance(message, RtcpMessage):
        return True
    extended = head[0] & 0x10
    place = _HEADER + 4 * message.contributors + 2
    words = head[place] << 8 | head[place + 1] if extended else 0
    return (message.payload_type in _STATIC or message.payload_type in _DYNAMIC) and words <= _MAX_EXTENSION


def _read(cursor: Cursor) -> tuple[RtpMessage | RtcpMessage, ...]:
    lead = cursor.peek(2)
    if lead and lead[0] >> 6 != 2:
        raise Malformed(f"version {lead[0] >> 6}, not RTP's 2")
    if len(lead) == 2 and lead[1] in _RTCP_SPACE:
        return compound(cursor)
    return (_packet(cursor),)


def _packet(cursor: Cursor) -> RtpMessage:
    first, second = cursor.uint(1), cursor.uint(1)
    sequence, timestamp, ssrc = cursor.uint(2), cursor.uint(4), cursor.uint(4)
    contributors = first & 0xF
    cursor.take(4 * contributors)
    if first & 0x10:
        cursor.take(2)
        cursor.take(4 * cursor.uint(2))
    payload = cursor.rest()
    return RtpMessage(
        payload_type=second & 0x7F,
        sequence=sequence,
        timestamp=timestamp,
        ssrc=ssrc,
        marker=bool(second & 0x80),
        payload_length=len(payload),
        contributors=contributors,
    )


RTP = Rtp()
