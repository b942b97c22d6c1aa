"""RTCP compounds (RFC 3550 6, RFC 4585, RFC 5104), and what SRTCP leaves readable of them (RFC 3711 3.4).

SRTCP leaves the first packet's header and sender in clear. Where it encrypts, sealed bytes must not be taken for
reports; where it only signs, an index without the encryption mark and a tag follow the compound.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from dissectors.contract import Cursor, Malformed, Message, Truncated
from dissectors.rtp.extensions import read_extensions

MAX_PACKETS = 64
"""RTCP packets read of one compound; real ones hold two to five."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RtcpMessage(Message):
    """One RTCP packet; one with several report blocks, descriptions or leavers is as many messages.

    What a packet of this type does not say is None, and so is all that is sealed.
    """

    protocol: ClassVar[str] = "rtcp"

    packet_type: int
    """200 sender report, 201 receiver report, 202 description, 203 bye, 204 application, 205 feedback on
    transport, 206 feedback on payload, 207 extended report"""
    ssrc: int
    """Of the sender, of a description or bye the one that is described or leaves; 0 in the few packets without one."""
    compound: tuple[int, ...] = ()
    """The packet types of the whole compound; when it is sealed, only the first."""
    sealed: bool = False
    """SRTCP has encrypted what follows the sender."""
    reports: int = 0
    """Report blocks of the packet."""
    ntp_time: int | None = None
    """The sender's clock when it sent the report: seconds since 1900 in the upper 32 bits, fractions in the lower."""
    rtp_time: int | None = None
    """The same moment as a timestamp of its stream."""
    packets_sent: int | None = None
    bytes_sent: int | None = None
    source: int | None = None
    """SSRC of the stream that the block or feedback is about."""
    lost_fraction: float | None = None
    """0 to 1, since the last report."""
    lost_total: int | None = None
    """Packets; negative when duplicates outnumber losses."""
    highest_sequence: int | None = None
    """Highest number received, with the count of wraps in the upper 16 bits."""
    jitter: int | None = None
    """Timestamp units."""
    last_report: int | None = None
    """The middle 32 bits of `ntp_time` of the last sender report from the source; 0 when none came."""
    delay: int | None = None
    """From that report to this one, in 1/65536 s."""
    name: str | None = None
    """Canonical name (CNAME) of a description, or name of an application packet."""
    reason: str | None = None
    """Of a bye."""
    feedback: str | None = None
    """nack, tmmbr, tmmbn, transport-cc, pli, sli, rpsi, fir, application, or the number of another format"""
    extensions: tuple[int, ...] = ()
    """Types of Microsoft's extensions behind the blocks ([MS-RTP] 2.2.11)."""
    bandwidth: int | None = None
    """Bandwidth the sender of the report estimates, bit/s."""
    policy_limit: int | None = None
    """Bandwidth the policy server (call admission control) allows this stream, bit/s."""
    relay_limit: int | None = None
    """Bandwidth the TURN server allows, bit/s."""
    receiver_limit: int | None = None
    """Bandwidth the receiver takes, bit/s."""
    sender_limit: int | None = None
    """Bandwidth the sender has for video, bit/s."""


_TYPES = range(200, 208)  # from sender report to extended report (IANA)
_SENDER_REPORT, _RECEIVER_REPORT, _DESCRIPTION, _BYE, _APPLICATION, _TRANSPORT, _PAYLOAD = range(200, 207)
_CNAME = 1
_BLOCK = 24  # bytes of a report block
_SENDER_INFO = 20
_MAX_REPORT = 1500  # bytes; RTCP stays within a datagram, so a longer length is sealed bytes read as one
_SMALLEST_SEAL = 8  # bytes SRTCP puts behind a compound: index, and a tag of at least 4 (RFC 3711 3.4)
_SEALS = (8, 14)  # the same with tags of 32 and 80 bits, without a key identifier
_MAX_INDEX = (
    1 << 20
)  # SRTCP packets counted from 0: at one in 5 s, sixty days of call; encrypted bytes are rarely below
_FEEDBACK = {
    (_TRANSPORT, 1): "nack",
    (_TRANSPORT, 3): "tmmbr",
    (_TRANSPORT, 4): "tmmbn",
    (_TRANSPORT, 15): "transport-cc",
    (_PAYLOAD, 1): "pli",
    (_PAYLOAD, 2): "sli",
    (_PAYLOAD, 3): "rpsi",
    (_PAYLOAD, 4): "fir",
    (_PAYLOAD, 15): "application",
}


def compound(cursor: Cursor) -> tuple[RtcpMessage, ...]:
    """Every packet of the compound that takes the rest of the cursor; of a sealed one only who sent it.

    Raises Truncated when it goes on behind the last byte, Malformed for another type, for more blocks than bytes
    and for more than MAX_PACKETS packets.
    """
    count = cursor.peek(1)[0] & 0x1F
    found: list[RtcpMessage] = []
    types: list[int] = []
    while not types or cursor.remaining:
        if types and not _continues(cursor.peek(4)):
            if _is_sealed(cursor.rest(), cursor.end):
                return (_sealed(types[0], found[0].ssrc, count),)
            break
        if len(types) == MAX_PACKETS:
            raise Malformed(f"more than {MAX_PACKETS} packets in one compound")
        read = _packet(cursor)
        found += read
        types.append(read[0].packet_type)
    return tuple(replace(one, compound=tuple(types)) for one in found)


def _sealed(packet_type: int, ssrc: int, count: int) -> RtcpMessage:
    blocks = count if packet_type in (_SENDER_REPORT, _RECEIVER_REPORT) else 0
    return RtcpMessage(packet_type=packet_type, ssrc=ssrc, compound=(packet_type,), sealed=True, reports=blocks)


def _is_sealed(rest: bytes, end: int) -> bool:
    """Whether what follows the last packet that could be read is encrypted, rather than filling or a signature."""
    if not any(rest):  # some senders fill the datagram with zeros
        return False
    if len(rest) < _SMALLEST_SEAL:
        raise Truncated(f"the compound goes on behind offset {end}")
    signed = len(rest) in _SEALS and int.from_bytes(rest[:4], "big") < _MAX_INDEX
    return not signed


def _continues(lead: bytes) -> bool:
    """Whether a further packet of the compound begins with these four bytes, rather than sealed ones."""
    if len(lead) < 4:
        return False
    size = 4 + 4 * (lead[2] << 8 | lead[3])
    return lead[0] >> 6 == 2 and lead[1] in _TYPES and size <= _MAX_REPORT and _counts_fit(lead, size)


def _counts_fit(lead: bytes, size: int) -> bool:
    """Whether the report blocks a header counts fit its length."""
    blocks = lead[0] & 0x1F
    if lead[1] == _SENDER_REPORT:
        return size >= 8 + _SENDER_INFO + blocks * _BLOCK
    if lead[1] == _RECEIVER_REPORT:
        return size >= 8 + blocks * _BLOCK
    return True


def _packet(cursor: Cursor) -> tuple[RtcpMessage, ...]:
    lead = cursor.peek(4)
    cursor.take(2)
    size = 4 + 4 * cursor.uint(2)
    if not _continues(lead):
        raise Malformed(f"RTCP packet type {lead[1]} with a length of {size} bytes")
    body = cursor.sub(size - 4)
    ssrc = body.uint(4) if body.remaining >= 4 else 0
    kind, count = lead[1], lead[0] & 0x1F
    read = _READERS.get(kind, _nothing)
    found = tuple(RtcpMessage(packet_type=kind, **{"ssrc": ssrc, **fields}) for fields in read(kind, count, body, ssrc))
    return found or (RtcpMessage(packet_type=kind, ssrc=ssrc),)


Fields = dict[str, Any]
Reader = Callable[[int, int, Cursor, int], Iterator[Fields]]


def _nothing(kind: int, count: int, body: Cursor, ssrc: int) -> Iterator[Fields]:
    yield {}


def _report(kind: int, count: int, body: Cursor, ssrc: int) -> Iterator[Fields]:
    common: Fields = {"reports": count}
    if kind == _SENDER_REPORT:
        names = ("ntp_time", "rtp_time", "packets_sent", "bytes_sent")
        common |= {name: body.uint(width) for name, width in zip(names, (8, 4, 4, 4), strict=True)}
    blocks = [_block(body) for _ in range(count)]
    types, values = read_extensions(body)
    for block in blocks or [{}]:
        yield {**common, **block, "extensions": types, **values}


def _block(body: Cursor) -> Fields:
    return {
        "source": body.uint(4),
        "lost_fraction": body.uint(1) / 256,
        "lost_total": int.from_bytes(body.take(3), "big", signed=True),
        "highest_sequence": body.uint(4),
        "jitter": body.uint(4),
        "last_report": body.uint(4),
        "delay": body.uint(4),
    }


def _description(kind: int, count: int, body: Cursor, ssrc: int) -> Iterator[Fields]:
    """Every chunk; items that run over the packet's end are left."""
    for place in range(count):
        if place:
            if body.remaining < 4:
                return
            ssrc = body.uint(4)
        yield {"ssrc": ssrc, "name": _canonical_name(body)}


def _canonical_name(body: Cursor) -> str | None:
    """The CNAME among the items of a chunk; the cursor moves to the next chunk, which begins at a whole word."""
    name = None
    while body.remaining and body.peek(1) != b"\0":
        kind = body.uint(1)
        length = body.uint(1) if body.remaining else 0
        value = body.take(min(length, body.remaining))
        if kind == _CNAME:
            name = value.decode("utf-8", "replace")
    body.take(min(4 - body.position % 4, body.remaining))
    return name


def _bye(kind: int, count: int, body: Cursor, ssrc: int) -> Iterator[Fields]:
    leavers = [ssrc, *(body.uint(4) for _ in range(min(count - 1, body.remaining // 4)))]
    length = body.uint(1) if body.remaining else 0
    reason = body.take(min(length, body.remaining)).decode("utf-8", "replace") or None
    for one in leavers:
        yield {"ssrc": one, "reason": reason}


def _application(kind: int, count: int, body: Cursor, ssrc: int) -> Iterator[Fields]:
    yield {"name": body.take(min(4, body.remaining)).decode("ascii", "replace")}


def _feedback(kind: int, count: int, body: Cursor, ssrc: int) -> Iterator[Fields]:
    source = body.uint(4) if body.remaining >= 4 else None
    yield {"feedback": _FEEDBACK.get((kind, count), str(count)), "source": source}


_READERS: dict[int, Reader] = {
    _SENDER_REPORT: _report,
    _RECEIVER_REPORT: _report,
    _DESCRIPTION: _description,
    _BYE: _bye,
    _APPLICATION: _application,
    _TRANSPORT: _feedback,
    _PAYLOAD: _feedback,
}
