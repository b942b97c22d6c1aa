"""RTP and RTCP headers (RFC 3550); payloads stay closed, they are SRTP.

Nothing in RTP is magic, so a probe says LIKELY at most. DTLS and STUN share the port and are rejected by
their first byte (RFC 7983).
"""

from dataclasses import dataclass
from typing import ClassVar

from dissectors.contract import Cursor, Malformed, Message, Truncated, Verdict

MAX_PACKETS = 64
"""RTCP packets read of one compound; real ones hold two to five."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class RtcpMessage(Message):
    """One RTCP packet's header and the first report block."""

    protocol: ClassVar[str] = "rtcp"

    packet_type: int
    """200 sender report, 201 receiver report, 202 description, 203 bye, 204 application, 205 feedback, …"""
    ssrc: int
    """Of the sender; 0 in the few packets without one."""
    reports: int = 0
    """Report blocks of a sender or receiver report."""
    lost_fraction: float | None = None
    """0 to 1, since the last report; None, as all below, without a block or when it is sealed (SRTCP)."""
    lost_total: int | None = None
    """Packets; negative when duplicates outnumber losses."""
    jitter: int | None = None
    """Timestamp units."""


_HEADER = 12
_RTCP_TYPES = range(200, 208)  # from sender report to extended report (IANA)
_RTCP_SPACE = range(192, 224)  # second bytes that mean RTCP where both share a port (RFC 5761 4)
_SENDER_REPORT, _RECEIVER_REPORT = 200, 201
_BLOCK = 24  # bytes of a report block
_SENDER_INFO = 20
_MAX_REPORT = 1500  # bytes; RTCP stays within a datagram, so a longer length is sealed bytes read as one
_SMALLEST_SEAL = 8  # bytes SRTCP puts behind a compound: index, and a tag of at least 4 (RFC 3711 3.4)
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
        return _compound(cursor)
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


def _compound(cursor: Cursor) -> tuple[RtcpMessage, ...]:
    found = [_report(cursor)]
    while cursor.remaining:
        if not _continues(cursor.peek(4)):
            rest = cursor.rest()
            if not any(rest):  # some senders fill the datagram with zeros
                break
            if len(rest) < _SMALLEST_SEAL:
                raise Truncated(f"the compound goes on behind offset {cursor.end}")
            return (RtcpMessage(packet_type=found[0].packet_type, ssrc=found[0].ssrc),)
        if len(found) == MAX_PACKETS:
            raise Malformed(f"more than {MAX_PACKETS} packets in one compound")
        found.append(_report(cursor))
    return tuple(found)


def _continues(lead: bytes) -> bool:
    """Whether a further packet of the compound begins with these four bytes, rather than sealed ones."""
    if len(lead) < 4:
        return False
    size = 4 + 4 * (lead[2] << 8 | lead[3])
    return lead[0] >> 6 == 2 and lead[1] in _RTCP_TYPES and size <= _MAX_REPORT and _counts_fit(lead, size)


def _counts_fit(lead: bytes, size: int) -> bool:
    """Whether the report blocks a header counts fit its length."""
    blocks = lead[0] & 0x1F
    if lead[1] == _SENDER_REPORT:
        return size >= 8 + _SENDER_INFO + blocks * _BLOCK
    if lead[1] == _RECEIVER_REPORT:
        return size >= 8 + blocks * _BLOCK
    return True


def _report(cursor: Cursor) -> RtcpMessage:
    lead = cursor.peek(4)
    cursor.take(2)
    size = 4 + 4 * cursor.uint(2)
    if not _continues(lead):
        raise Malformed(f"RTCP packet type {lead[1]} with a length of {size} bytes")
    body = cursor.sub(size - 4)
    ssrc = body.uint(4) if body.remaining else 0
    if lead[1] not in (_SENDER_REPORT, _RECEIVER_REPORT):
        return RtcpMessage(packet_type=lead[1], ssrc=ssrc)
    if lead[1] == _SENDER_REPORT:
        body.take(_SENDER_INFO)
    blocks = lead[0] & 0x1F
    if not blocks:
        return RtcpMessage(packet_type=lead[1], ssrc=ssrc)
    body.take(4)
    fraction, lost = body.uint(1), int.from_bytes(body.take(3), "big", signed=True)
    body.take(4)
    return RtcpMessage(
        packet_type=lead[1],
        ssrc=ssrc,
        reports=blocks,
        lost_fraction=fraction / 256,
        lost_total=lost,
        jitter=body.uint(4),
    )


RTP = Rtp()
