"""What packets carry inside: IP in IP, GRE with ERSPAN, and the tunnels over UDP.

A port alone proves nothing. A tunnel is believed when its header is sound, and (by the caller) when an IP header is
found inside; otherwise the packet stays what it is on the outside.
"""

from dataclasses import fields

import numpy as np

from lynccap.ingest.decoding.cursor import (
    BROKEN,
    ETHERNET_TYPE,
    IPV4_TYPE,
    IPV6_TYPE,
    MPLS_TYPE,
    PPP_TYPE,
    UNKNOWN_NETWORK,
    Cursor,
    Step,
    by_version,
)
from lynccap.ingest.decoding.network import UDP
from lynccap.ingest.decoding.transport import Packets
from lynccap.ingest.frames import Buffer, Flags, Ints

GPE_KINDS = {1: IPV4_TYPE, 2: IPV6_TYPE, 3: ETHERNET_TYPE, 5: MPLS_TYPE}
ERSPAN_2, ERSPAN_3, ETHERNET_OVER_IP, REDIRECTED = 0x88BE, 0x22EB, 0x6400, 0x883E
UDP_HEADER, IPV6_HEADER = 8, 40
MAX_GTP_EXTENSIONS = 4  # of a header of user data: 3GPP TS 29.281 5.2 knows three


def inside(packets: Packets) -> Cursor | None:
    """Where something may lie inside packets, None when no packet looks like it."""
    network = packets.network
    ported = np.flatnonzero(_PORTS[packets.destination_port] | _PORTS[packets.source_port])
    if ported.size:
        ported = ported[network.protocol[ported] == UDP]
    numbered = np.flatnonzero(_NUMBERS[network.protocol])
    if not ported.size and not numbered.size:
        return None
    steps: list[tuple[Step, Ints]] = []
    for number, step in IP_TUNNELS.items():
        steps.append((step, numbered[network.protocol[numbered] == number]))
    left = ported
    for port, step in UDP_TUNNELS.items():
        fits = (packets.destination_port[left] == port) | (packets.source_port[left] == port)
        steps.append((step, left[fits]))
        left = left[~fits]
    parts = []
    for step, rows in steps:
        if rows.size:
            part = _payload(packets, rows)
            step(packets.buffer, part)
            parts.append(part)
    return _joined(parts)


def _payload(packets: Packets, rows: Ints) -> Cursor:
    network, at = packets.network, packets.payload[rows]
    return Cursor(
        row=network.row[rows],
        position=at,
        kind=np.full(len(rows), UNKNOWN_NETWORK, np.int64),
        end=at + packets.available[rows],
        wire_end=at + packets.length[rows],
        vlan=network.vlan[rows],
        hardware=network.hardware[rows],
    )


def _joined(parts: list[Cursor]) -> Cursor:
    every = Cursor(*(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Cursor)))
    return every.where(np.argsort(every.row, kind="stable"))


def _ip4(buffer: Buffer, cursor: Cursor) -> None:
    """RFC 2003."""
    cursor.step(0, IPV4_TYPE)


def _ip6(buffer: Buffer, cursor: Cursor) -> None:
    """RFC 2473, RFC 4213."""
    cursor.step(0, IPV6_TYPE)


def _mpls(buffer: Buffer, cursor: Cursor) -> None:
    """RFC 4023."""
    cursor.step(0, MPLS_TYPE)


def _ether_ip(buffer: Buffer, cursor: Cursor) -> None:
    """RFC 3378: version 3 and twelve zero bits."""
    sound = buffer.uint(">u2", cursor.position) == 0x3000
    cursor.step(2, np.where(sound, ETHERNET_TYPE, UNKNOWN_NETWORK))


def _gre(buffer: Buffer, cursor: Cursor) -> None:
    """RFC 2784 with RFC 2890; version 1 is PPTP's (RFC 2637), and MikroTik's EoIP in its likeness.

    Routers that redirect to a web proxy (draft-wilson-wrec-wccp-v2) have four bytes before the IPv4 header, or none.
    """
    at = cursor.position
    flags, kind = buffer.uint(">u2", at), buffer.uint(">u2", at + 2)
    checksum, routed, keyed, numbered = (flags & bit > 0 for bit in (0x8000, 0x4000, 0x2000, 0x1000))
    plain, enhanced = flags & 7 == 0, flags & 7 == 1
    size = 4 + 4 * (checksum.astype(np.int64) + keyed + numbered)
    size = np.where(enhanced, 8 + 4 * (numbered & (kind == PPP_TYPE)) + 4 * (flags & 0x80 > 0), size)
    known = np.where(enhanced, keyed & ((kind == PPP_TYPE) | (kind == ETHERNET_OVER_IP)), plain & ~routed)
    cursor.step(size, np.where(known, kind, UNKNOWN_NETWORK))
    over_ip = enhanced & (cursor.kind == ETHERNET_OVER_IP)
    cursor.kind = np.where(over_ip, ETHERNET_TYPE, cursor.kind)
    redirected = cursor.kind == REDIRECTED
    if redirected.any():
        behind = np.where(redirected & (buffer.octets[cursor.position] >> 4 != 4), 4, 0)
        cursor.step(behind, np.where(redirected, IPV4_TYPE, cursor.kind))
    bounded = enhanced & (cursor.kind != BROKEN)
    measured = cursor.position + buffer.uint(">u2", at + 4)
    cursor.wire_end = np.where(bounded, np.minimum(cursor.wire_end, measured), cursor.wire_end)
    mirrored = np.flatnonzero((cursor.kind == ERSPAN_2) | (cursor.kind == ERSPAN_3))
    if mirrored.size:
        part = cursor.where(mirrored)
        _erspan(buffer, part, numbered[mirrored])
        cursor.put(mirrored, part)


def _erspan(buffer: Buffer, cursor: Cursor, numbered: Flags) -> None:
    """draft-foschiano-erspan: type I has no header and no sequence number, II eight bytes, III twelve or twenty."""
    at = cursor.position
    version, third = buffer.octets[at] >> 4, buffer.uint(">u4", at + 8)
    third_type = cursor.kind == ERSPAN_3
    size = np.where(third_type, np.where(third & 1 > 0, 20, 12), np.where(numbered, 8, 0))
    sound = np.where(third_type, version == 2, ~numbered | (version == 1))
    behind = np.minimum(at + size, cursor.end)
    bare = third_type & ((third >> 10) & 0x1F == 2)
    kind = np.where(bare, by_version(buffer, behind, UNKNOWN_NETWORK), ETHERNET_TYPE)
    cursor.step(size, np.where(sound, kind, UNKNOWN_NETWORK))


def _vxlan(buffer: Buffer, cursor: Cursor) -> None:
    """RFC 7348: the flag that the network identifier is valid, and a last byte of zero."""
    at = cursor.position
    sound = (buffer.octets[at] & 0x08 > 0) & (buffer.octets[at + 7] == 0)
    cursor.step(8, np.where(sound, ETHERNET_TYPE, UNKNOWN_NETWORK))


def _vxlan_gpe(buffer: Buffer, cursor: Cursor) -> None:
    """draft-ietf-nvo3-vxlan-gpe: as VXLAN, with a number for what is inside; not all senders set the bit for it."""
    at = cursor.position
    number = buffer.octets[at + 3]
    kind = np.full(len(cursor), UNKNOWN_NETWORK, np.int64)
    for inner, known in GPE_KINDS.items():
        kind = np.where(number == inner, known, kind)
    sound = (buffer.octets[at] & 0x08 > 0) & (buffer.octets[at + 7] == 0)
    cursor.step(8, np.where(sound, kind, UNKNOWN_NETWORK))


def _geneve(buffer: Buffer, cursor: Cursor) -> None:
    """RFC 8926: version 0, options in units of four bytes, a last byte of zero."""
    at = cursor.position
    first = buffer.octets[at].astype(np.int64)
    sound = (first >> 6 == 0) & (buffer.octets[at + 1] & 0x3F == 0) & (buffer.octets[at + 7] == 0)
    cursor.step(8 + (first & 0x3F) * 4, np.where(sound, buffer.uint(">u2", at + 2), UNKNOWN_NETWORK))


def _gtp(buffer: Buffer, cursor: Cursor) -> None:
    """3GPP TS 29.281 5: user data is message type 255 of version 1."""
    at, end = cursor.position, cursor.end
    flags = buffer.octets[at].astype(np.int64)
    sound = (flags & 0xF8 == 0x30) & (buffer.octets[at + 1] == 255)
    behind = at + np.where(flags & 7 > 0, 12, 8)
    following = np.where(flags & 4 > 0, buffer.octets[np.minimum(at + 11, end)], 0)
    for _ in range(MAX_GTP_EXTENSIONS):
        more = (following > 0) & (behind < end)
        if not more.any():
            break
        size = buffer.octets[np.minimum(behind, end)].astype(np.int64) * 4
        sound &= ~more | (size > 0)
        behind = np.where(more, np.minimum(behind + size, end), behind)
        following = np.where(more, buffer.octets[behind - 1], following)
    behind = np.minimum(behind, end)
    kind = by_version(buffer, behind, UNKNOWN_NETWORK)
    cursor.step(behind - at, np.where(sound & (following == 0) & (behind < end), kind, UNKNOWN_NETWORK))
    cursor.wire_end = np.minimum(cursor.wire_end, at + 8 + buffer.uint(">u2", at + 2))


def _l2tp(buffer: Buffer, cursor: Cursor) -> None:
    """RFC 2661 3.1: data messages of version 2; length, numbers and offset are optional."""
    at = cursor.position
    flags = buffer.uint(">u2", at)
    sound = (flags & 0x800F == 2) & (flags & 0x34F0 == 0)
    measured, numbered, shifted = (flags & bit > 0 for bit in (0x4000, 0x0800, 0x0200))
    size = 6 + np.where(measured, 2, 0) + np.where(numbered, 4, 0)
    size += np.where(shifted, 2 + buffer.uint(">u2", np.minimum(at + size, cursor.end)), 0)
    cursor.step(size, np.where(sound, PPP_TYPE, UNKNOWN_NETWORK))
    bound = at + buffer.uint(">u2", at + 2)
    cursor.wire_end = np.where(measured, np.minimum(cursor.wire_end, bound), cursor.wire_end)


def _teredo(buffer: Buffer, cursor: Cursor) -> None:
    """RFC 4380 5.1.1: authentication and origin may precede the IPv6 packet."""
    at, end = cursor.position, cursor.end
    named = buffer.uint(">u2", at) == 1
    tail = buffer.octets[at + 2].astype(np.int64) + buffer.octets[at + 3]
    behind = np.minimum(at + np.where(named, 13 + tail, 0), end)
    behind = np.minimum(behind + np.where(buffer.uint(">u2", behind) == 0, 8, 0), end)
    sixth = (behind < end) & (buffer.octets[behind] >> 4 == 6)
    # One byte in sixteen looks like that, such as a DNS query's from this port: the length must be right, too.
    told = at - UDP_HEADER + buffer.uint(">u2", at - UDP_HEADER + 4)  # a frame may be cut without saying so
    fits = behind + IPV6_HEADER + buffer.uint(">u2", behind + 4) == told
    cursor.step(behind - at, np.where(sixth & fits, IPV6_TYPE, UNKNOWN_NETWORK))


IP_TUNNELS: dict[int, Step] = {4: _ip4, 41: _ip6, 47: _gre, 97: _ether_ip, 137: _mpls}
UDP_TUNNELS: dict[int, Step] = {
    4789: _vxlan,
    4790: _vxlan_gpe,
    8472: _vxlan,
    6081: _geneve,
    2152: _gtp,
    1701: _l2tp,
    3544: _teredo,
}
_NUMBERS = np.zeros(256, np.bool_)
_NUMBERS[list(IP_TUNNELS)] = True
_PORTS = np.zeros(65536, np.bool_)
_PORTS[list(UDP_TUNNELS)] = True
