"""Link-layer headers by LINKTYPE (https://www.tcpdump.org/linktypes.html)."""

from collections.abc import Callable

import numpy as np

from lynccap.ingest.decoding.cursor import (
    BROKEN,
    ENCRYPTED,
    IPV4_TYPE,
    IPV6_TYPE,
    LLC,
    NO_ADDRESS,
    NO_TAG,
    NOTHING,
    PIECES,
    PPP_TYPE,
    SHORTEST_TYPE,
    UNKNOWN_LINK,
    UNKNOWN_NETWORK,
    Cursor,
    by_version,
)
from lynccap.ingest.frames import Buffer, Frames, Ints

PPPOE_SESSION = 0x8864
HDLC_PPP = 0xFF  # the address byte of PPP in HDLC-like framing (RFC 1662 3.1); Cisco's HDLC has 0x0F and 0x8F
MAX_TLVS = 24  # netfilter's log knows 21 attributes
MAX_PRESENT_WORDS = 8  # radiotap bitmaps in a row: one an antenna
PACKET_HEADER_TLV, PAYLOAD_TLV = 1, 9

Read = Callable[[Buffer, Cursor], None]


def links(frames: Frames) -> Cursor:
    """Behind the link header of every frame of a window."""
    count, buffer, link = len(frames), frames.buffer, frames.link
    wire_end = frames.start + frames.wire
    cursor = Cursor(
        row=np.arange(count),
        position=frames.start,
        kind=link,
        end=np.minimum(frames.start + frames.captured, wire_end),
        wire_end=wire_end,
        vlan=np.full(count, NO_TAG, np.int64),
        hardware=np.full(count, NO_ADDRESS, np.int64),
    )
    if count and (link == link[0]).all():
        LINKS.get(int(link[0]), _unknown)(buffer, cursor)
    elif count:
        cursor.position, cursor.kind = frames.start.copy(), link.copy()
        _by_number(buffer, cursor, LINKS)
    return cursor


def _by_number(buffer: Buffer, cursor: Cursor, readers: dict[int, Read]) -> None:
    """Read each row's link header by the LINKTYPE in `kind`."""
    kinds = cursor.kind.copy()
    for link in np.unique(kinds).tolist():
        rows = np.flatnonzero(kinds == link)
        part = cursor.where(rows)
        readers.get(link, _unknown)(buffer, part)
        cursor.put(rows, part)


def _unknown(buffer: Buffer, cursor: Cursor) -> None:
    cursor.kind = np.full(len(cursor), UNKNOWN_LINK, np.int64)


def _ethernet(buffer: Buffer, cursor: Cursor) -> None:
    start = cursor.position
    cursor.hardware = start + 6
    cursor.step(14, buffer.uint(">u2", start + 12))


def _cooked(buffer: Buffer, cursor: Cursor) -> None:
    """Linux cooked capture."""
    start = cursor.position
    cursor.hardware = np.where(buffer.uint(">u2", start + 4) == 6, start + 6, NO_ADDRESS)
    cursor.step(16, buffer.uint(">u2", start + 14))


def _cooked2(buffer: Buffer, cursor: Cursor) -> None:
    """Linux cooked capture v2."""
    start = cursor.position
    cursor.hardware = np.where(buffer.octets[start + 11] == 6, start + 12, NO_ADDRESS)
    cursor.step(20, buffer.uint(">u2", start))


def _loopback(buffer: Buffer, cursor: Cursor) -> None:
    """BSD loopback: an address family in either byte order, whose numbers differ from system to system."""
    at = np.minimum(cursor.position + 4, cursor.end)
    cursor.step(4, np.where(at < cursor.end, by_version(buffer, at, UNKNOWN_NETWORK), BROKEN))


def _raw(buffer: Buffer, cursor: Cursor) -> None:
    at = cursor.position
    cursor.step(0, np.where(at < cursor.end, by_version(buffer, at, UNKNOWN_NETWORK), BROKEN))


def _ppp(buffer: Buffer, cursor: Cursor) -> None:
    cursor.step(0, PPP_TYPE)


def _ppp_directed(buffer: Buffer, cursor: Cursor) -> None:
    """PPP behind a byte that tells who sent it."""
    cursor.step(1, PPP_TYPE)


def _pppoe(buffer: Buffer, cursor: Cursor) -> None:
    cursor.step(0, PPPOE_SESSION)


def _cisco_hdlc(buffer: Buffer, cursor: Cursor) -> None:
    cursor.step(4, buffer.uint(">u2", cursor.position + 2))


def _ppp_or_hdlc(buffer: Buffer, cursor: Cursor) -> None:
    is_ppp = buffer.octets[cursor.position] == HDLC_PPP
    inside = np.where(is_ppp, PPP_TYPE, buffer.uint(">u2", cursor.position + 2))
    cursor.step(np.where(is_ppp, 0, 4), inside)


def _netfilter_log(buffer: Buffer, cursor: Cursor) -> None:
    """NFLOG: attributes in the byte order of the host that wrote them; the packet is one, its EtherType another."""
    start, end = cursor.position, cursor.end
    family = buffer.octets[start]
    at = np.minimum(start + 4, end)
    first = buffer.uint("<u2", at)
    swapped = (first < 4) | (at + first > end)
    payload, protocol = end.copy(), np.zeros(len(cursor), np.int64)
    for _ in range(MAX_TLVS):
        live = (at + 4 <= end) & (payload == end)
        if not live.any():
            break
        size = np.where(swapped, buffer.uint(">u2", at), buffer.uint("<u2", at))
        kind = np.where(swapped, buffer.uint(">u2", at + 2), buffer.uint("<u2", at + 2)) & 0x7FFF
        protocol = np.where(live & (kind == PACKET_HEADER_TLV), buffer.uint(">u2", at + 4), protocol)
        payload = np.where(live & (kind == PAYLOAD_TLV), at + 4, payload)
        at = np.minimum(at + np.maximum((size + 3) & ~3, 4), end)
    by_family = np.where(family == 2, IPV4_TYPE, np.where(family == 10, IPV6_TYPE, UNKNOWN_NETWORK))
    inside = np.where(protocol >= SHORTEST_TYPE, protocol, by_family)
    cursor.step(payload - start, np.where(payload < end, inside, BROKEN))


def _wireless(buffer: Buffer, cursor: Cursor) -> None:
    _wireless_padded(buffer, cursor, np.zeros(len(cursor), np.int64))


def _wireless_padded(buffer: Buffer, cursor: Cursor, padded: Ints) -> None:
    """IEEE 802.11-2020 9.2.4: the header's length and the sender's place in it depend on its flags.

    `padded` is 1 where the driver filled the header up to a multiple of four bytes.
    """
    start, octets = cursor.position, buffer.octets
    control, flags = octets[start].astype(np.int64), octets[start + 1].astype(np.int64)
    to_system, from_system = flags & 1 > 0, flags & 2 > 0
    between = to_system & from_system
    quality = control & 0x80 > 0
    size = np.where(between, 30, 24)
    aggregated = quality & (octets[start + size] & 0x80 > 0)
    piece = (buffer.uint("<u2", start + 22) & 0x0F) > 0
    size = size + np.where(quality, 2, 0) + np.where(quality & (flags & 0x80 > 0), 4, 0)
    size += np.where(padded > 0, -size & 3, 0)
    data = (control & 0x0F == 0x08) & (control & 0x40 == 0)  # version 0, type data, not a subtype without data
    cursor.hardware = np.where(between, start + 24, np.where(from_system, start + 16, start + 10))
    read = np.where(flags & 0x40 > 0, ENCRYPTED, np.where(aggregated | piece, PIECES, LLC))
    whole = start + size <= cursor.end
    cursor.step(np.where(data, size, 0), np.where(data, read, NOTHING))
    cursor.hardware = np.where(data & whole, cursor.hardware, NO_ADDRESS)


def _radiotap(buffer: Buffer, cursor: Cursor) -> None:
    """https://www.radiotap.org: fields in the order of a bitmap; only the flags byte is wanted."""
    start, end = cursor.position, cursor.end
    size = buffer.uint("<u2", start + 2)
    present = buffer.uint("<u4", start + 4)
    at = np.minimum(start + 8, end)
    more = present >> 31 > 0
    for _ in range(MAX_PRESENT_WORDS):
        if not more.any():
            break
        following = buffer.uint("<u4", at) >> 31 > 0
        at = np.where(more, np.minimum(at + 4, end), at)
        more &= following
    clock = present & 1 > 0
    at = np.where(clock, start + ((at - start + 7) & ~7) + 8, at)
    flags = buffer.octets[np.minimum(at, end)]
    padded = (present & 2 > 0) & (flags & 0x20 > 0) & (at < start + size)
    cursor.step(np.maximum(size, 8), NOTHING)
    _wireless_behind(buffer, cursor, padded.astype(np.int64))


def _prism(buffer: Buffer, cursor: Cursor) -> None:
    """Prism and AVS headers: the length is the second word, in the byte order of the driver."""
    little, big = buffer.uint("<u4", cursor.position + 4), buffer.uint(">u4", cursor.position + 4)
    cursor.step(np.maximum(np.minimum(little, big), 8), NOTHING)
    _wireless_behind(buffer, cursor, np.zeros(len(cursor), np.int64))


def _wireless_behind(buffer: Buffer, cursor: Cursor, padded: Ints) -> None:
    whole = cursor.kind != BROKEN
    _wireless_padded(buffer, cursor, padded)
    cursor.kind = np.where(whole, cursor.kind, BROKEN)


def _per_packet_information(buffer: Buffer, cursor: Cursor) -> None:
    """PPI: names the link type of what follows."""
    start = cursor.position
    cursor.step(np.maximum(buffer.uint("<u2", start + 2), 8), buffer.uint("<u4", start + 4))
    _nested(buffer, cursor)


def _packet_tap(buffer: Buffer, cursor: Cursor) -> None:
    """Apple's PKTAP: header length, record type (1 is a packet) and link type lead the header."""
    start = cursor.position
    packet = buffer.uint("<u4", start + 4) == 1
    inside = np.where(packet, buffer.uint("<u4", start + 8), UNKNOWN_LINK)
    cursor.step(np.maximum(buffer.uint("<u4", start), 12), inside)
    _nested(buffer, cursor)


def _nested(buffer: Buffer, cursor: Cursor) -> None:
    whole = cursor.kind != BROKEN
    _by_number(buffer, cursor, PLAIN_LINKS)
    cursor.kind = np.where(whole, cursor.kind, BROKEN)


PLAIN_LINKS: dict[int, Read] = {
    0: _loopback,
    1: _ethernet,
    9: _ppp,
    12: _raw,
    14: _raw,
    50: _ppp_or_hdlc,
    51: _pppoe,
    101: _raw,
    104: _cisco_hdlc,
    105: _wireless,
    108: _loopback,
    113: _cooked,
    119: _prism,
    127: _radiotap,
    163: _prism,
    204: _ppp_directed,
    228: _raw,
    229: _raw,
    239: _netfilter_log,
    276: _cooked2,
}
"""Link types that are not wrapped around another one."""

LINKS: dict[int, Read] = {**PLAIN_LINKS, 149: _packet_tap, 192: _per_packet_information, 258: _packet_tap}
