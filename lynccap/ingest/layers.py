"""From frames to packets: link, network and transport headers, decoded by masks and gathers.

Ethernet with 802.1Q/802.1ad tags and PPPoE, Linux cooked v1/v2, BSD loopback, raw IP; IPv4 (RFC 791), IPv6 with
extension headers (RFC 8200), TCP (RFC 9293), UDP (RFC 768). Every read is masked by the captured length.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lynccap.ingest.frames import Buffer, Flags, Frames, Ints

TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58
IPV4_TYPE, IPV6_TYPE = 0x0800, 0x86DD
PPPOE_TYPE = 0x8864
TAG_TYPES = (0x8100, 0x88A8, 0x9100)
MAX_TAGS = 4  # two are in use; more is nesting for its own sake
MAX_EXTENSIONS = 8  # RFC 8200 names six kinds, each once, destination options twice
ADDRESSLESS_TYPES = (
    0x0806,
    0x8035,
    0x88CC,
    0x888E,
    0x8809,
    0x9000,
)  # ARP, RARP, LLDP, 802.1X, LACP, loop test
LENGTH_TYPES = 0x0600  # below it the field is an 802.3 length: spanning tree, CDP
HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION, MOBILITY = 0, 43, 44, 51, 60, 135
EXTENSIONS = (HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION, MOBILITY)
ETHERNET, RAW_LINKS, NULL, LOOP = 1, (12, 14, 101, 228, 229), 0, 108
COOKED, COOKED2 = 113, 276
NO_TAG = -1

_IPV4 = np.dtype(
    {
        "names": ["first", "total", "id", "fragment", "ttl", "protocol", "source", "destination"],
        "formats": ["u1", ">u2", ">u2", ">u2", "u1", "u1", ">u4", ">u4"],
        "offsets": [0, 2, 4, 6, 8, 9, 12, 16],
        "itemsize": 20,
    }
)
_IPV6 = np.dtype(
    {
        "names": ["first", "length", "next", "ttl", "s1", "s2", "d1", "d2"],
        "formats": ["u1", ">u2", "u1", "u1", ">u8", ">u8", ">u8", ">u8"],
        "offsets": [0, 4, 6, 7, 8, 16, 24, 32],
        "itemsize": 40,
    }
)
_TCP = np.dtype(
    {
        "names": ["source", "destination", "seq", "ack", "offset", "flags", "window"],
        "formats": [">u2", ">u2", ">u4", ">u4", "u1", "u1", ">u2"],
        "offsets": [0, 2, 4, 8, 12, 13, 14],
        "itemsize": 20,
    }
)

Intern = Callable[[NDArray[np.uint64], NDArray[np.uint64]], Ints]


@dataclass(slots=True)
class Network:
    """The IP layer of some frames; `end` and `wire_end` bound the bytes captured and sent."""

    row: Ints
    version: Ints
    protocol: Ints
    source: Ints
    destination: Ints
    ttl: Ints
    ip_id: Ints
    position: Ints
    end: Ints
    wire_end: Ints
    later_fragment: Flags

    def where(self, keep: NDArray[Any]) -> "Network":
        """The rows `keep` selects."""
        return Network(*(getattr(self, one.name)[keep] for one in fields(self)))


@dataclass(slots=True)
class Packets:
    """IP packets of one window with their transport headers; ports are 0 without TCP or UDP."""

    frames: Frames
    network: Network
    vlan: Ints
    source_port: Ints
    destination_port: Ints
    payload: Ints
    """Position of the payload in the window."""
    length: Ints
    """Payload bytes on the wire."""
    available: Ints
    """Payload bytes captured."""
    tcp: Ints
    """Rows that are TCP; the columns below belong to them."""
    seq: Ints
    ack: Ints
    flags: Ints
    tcp_window: Ints
    options: Ints
    undecoded: int
    """Frames of a link type or layer that is not read, later fragments among them."""

    def __len__(self) -> int:
        """Packets in this window."""
        return len(self.payload)


def decode(frames: Frames, intern: Intern) -> Packets:
    """The packets of `frames`; `intern` turns the two halves of IPv6 addresses into codes."""
    position, kind, vlan, wire_end = _links(frames)
    end = np.minimum(frames.start + frames.captured, wire_end)
    network, unread = network_layer(frames.buffer, position, kind, end, wire_end, intern)
    undecoded = unread + int(network.later_fragment.sum())
    if network.later_fragment.any():
        network = network.where(~network.later_fragment)
    return _transport(frames, network, vlan[network.row], undecoded)


def _links(frames: Frames) -> tuple[Ints, Ints, Ints, Ints]:
    """Where the network layer starts, its EtherType (0: nothing there, -1: unread), the innermost tag, its end."""
    kinds = np.unique(frames.link).tolist() if len(frames) and np.ptp(frames.link) else frames.link[:1].tolist()
    position = frames.start.copy()
    kind = np.full(len(frames), -1, np.int64)
    for link in kinds:
        rows = slice(None) if len(kinds) == 1 else np.flatnonzero(frames.link == link)
        position[rows], kind[rows] = _link(frames.buffer, link, frames.start[rows], frames.captured[rows])
    vlan = np.full(len(frames), NO_TAG, np.int64)
    end = frames.start + frames.captured
    for _ in range(MAX_TAGS):
        tagged = np.flatnonzero((kind == TAG_TYPES[0]) | (kind == TAG_TYPES[1]) | (kind == TAG_TYPES[2]))
        if not tagged.size:
            break
        at = position[tagged]
        whole = at + 4 <= end[tagged]
        vlan[tagged] = np.where(whole, frames.buffer.uint(">u2", at) & 0x0FFF, vlan[tagged])
        kind[tagged] = np.where(whole, frames.buffer.uint(">u2", at + 2), -1)
        position[tagged] = at + 4
    wire_end = frames.start + frames.wire
    sessions = np.flatnonzero(kind == PPPOE_TYPE)
    if sessions.size:
        at = position[sessions]
        inside = frames.buffer.uint(">u2", at + 6)
        known = np.where(inside == 0x0021, IPV4_TYPE, np.where(inside == 0x0057, IPV6_TYPE, 0))
        kind[sessions] = np.where(at + 8 <= end[sessions], known, -1)
        position[sessions] = at + 8
        # Some senders count the padding of short frames into the IP length; PPPoE's own length knows better.
        wire_end[sessions] = np.minimum(wire_end[sessions], at + 6 + frames.buffer.uint(">u2", at + 4))
    return position, kind, vlan, wire_end


def _link(buffer: Buffer, link: int, start: Ints, captured: Ints) -> tuple[Ints, Ints]:
    if link == ETHERNET:
        return start + 14, np.where(captured >= 14, buffer.uint(">u2", start + 12), -1)
    if link == COOKED:
        return start + 16, np.where(captured >= 16, buffer.uint(">u2", start + 14), -1)
    if link == COOKED2:
        return start + 20, np.where(captured >= 20, buffer.uint(">u2", start), -1)
    if link in (NULL, LOOP):
        return start + 4, np.where(captured >= 5, _by_version(buffer, start + 4), -1)
    if link in RAW_LINKS:
        return start, np.where(captured >= 1, _by_version(buffer, start), -1)
    return start, np.full(len(start), -1, np.int64)


def _by_version(buffer: Buffer, position: Ints) -> Ints:
    version = buffer.octets[position] >> 4
    return np.where(version == 4, IPV4_TYPE, np.where(version == 6, IPV6_TYPE, -1)).astype(np.int64)


def hardware_addresses(frames: Frames, rows: Ints) -> Ints:
    """The source hardware address of each frame as a number, -1 where the link carries none."""
    link, start = frames.link[rows], frames.start[rows]
    at = np.where(link == COOKED, start + 6, np.where(link == COOKED2, start + 12, start + 6))
    has = ((link == ETHERNET) | (link == COOKED) | (link == COOKED2)) & (at + 6 <= start + frames.captured[rows])
    high = frames.buffer.uint(">u2", at)
    return np.where(has, (high << 32) | frames.buffer.uint(">u4", at + 2), -1)


def network_layer(
    buffer: Buffer, position: Ints, kind: Ints, end: Ints, wire_end: Ints, intern: Intern
) -> tuple[Network, int]:
    """The IP headers at `position`, and how many frames hold something that is not read."""
    fourth, sixth = np.flatnonzero(kind == IPV4_TYPE), np.flatnonzero(kind == IPV6_TYPE)
    silent = (kind >= 0) & (kind < LENGTH_TYPES)
    for one in ADDRESSLESS_TYPES:
        silent |= kind == one
    unread = len(kind) - int(silent.sum())
    parts = []
    if fourth.size or not sixth.size:
        parts.append(_ipv4(buffer, fourth, position[fourth], end[fourth], wire_end[fourth]))
    if sixth.size:
        parts.append(_ipv6(buffer, sixth, position[sixth], end[sixth], wire_end[sixth], intern))
    network = parts[0]
    if len(parts) == 2:
        joined = Network(*(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Network)))
        network = joined.where(np.argsort(joined.row, kind="stable"))
    return network, unread - len(network.row)


def _ipv4(buffer: Buffer, row: Ints, position: Ints, end: Ints, wire_end: Ints) -> Network:
    header = buffer.gather("V20", position).view(_IPV4)
    header_bytes = (header["first"] & 15).astype(np.int64) * 4
    total = header["total"].astype(np.int64)
    # A total of 0 is segmentation offload: the card, not the stack, would have filled it in.
    sent = np.where(total == 0, wire_end, np.minimum(position + total, wire_end))
    sound = (header["first"] >> 4 == 4) & (header_bytes >= 20) & (position + header_bytes <= np.minimum(end, sent))
    fragment = header["fragment"].astype(np.int64)
    network = Network(
        row=row,
        version=np.full(len(row), 4, np.int64),
        protocol=header["protocol"].astype(np.int64),
        source=header["source"].astype(np.int64),
        destination=header["destination"].astype(np.int64),
        ttl=header["ttl"].astype(np.int64),
        ip_id=header["id"].astype(np.int64),
        position=position + header_bytes,
        end=np.minimum(end, sent),
        wire_end=sent,
        later_fragment=(fragment & 0x1FFF) != 0,
    )
    return network if sound.all() else network.where(sound)


def _ipv6(buffer: Buffer, row: Ints, position: Ints, end: Ints, wire_end: Ints, intern: Intern) -> Network:
    header = buffer.gather("V40", position).view(_IPV6)
    length = header["length"].astype(np.int64)
    sent = np.where(length == 0, wire_end, np.minimum(position + 40 + length, wire_end))
    sound = (header["first"] >> 4 == 6) & (position + 40 <= np.minimum(end, sent))
    header, row, position = header[sound], row[sound], position[sound]
    end, sent = np.minimum(end, sent)[sound], sent[sound]
    protocol, at, later = _extensions(buffer, header["next"].astype(np.int64), position + 40, end)
    source = intern(header["s1"].astype(np.uint64), header["s2"].astype(np.uint64))
    destination = intern(header["d1"].astype(np.uint64), header["d2"].astype(np.uint64))
    return Network(
        row=row,
        version=np.full(len(row), 6, np.int64),
        protocol=protocol,
        source=source,
        destination=destination,
        ttl=header["ttl"].astype(np.int64),
        ip_id=np.full(len(row), -1, np.int64),
        position=at,
        end=end,
        wire_end=sent,
        later_fragment=later,
    )


def _extensions(buffer: Buffer, protocol: Ints, position: Ints, end: Ints) -> tuple[Ints, Ints, Flags]:
    """Step over extension headers: the upper protocol, its position, and whether it is a later fragment."""
    later = np.zeros(len(protocol), np.bool_)
    for _ in range(MAX_EXTENSIONS):
        extended = np.isin(protocol, EXTENSIONS) & ~later & (position + 8 <= end)
        rows = np.flatnonzero(extended)
        if not rows.size:
            break
        at, kind = position[rows], protocol[rows]
        units = buffer.octets[at + 1].astype(np.int64)
        size = np.where(kind == FRAGMENT, 8, np.where(kind == AUTHENTICATION, (units + 2) * 4, (units + 1) * 8))
        later[rows] = (kind == FRAGMENT) & ((buffer.uint(">u2", at + 2) & 0xFFF8) != 0)
        protocol[rows] = buffer.octets[at]
        position[rows] = np.minimum(at + size, end[rows])
    return protocol, position, later


def _transport(frames: Frames, network: Network, vlan: Ints, undecoded: int) -> Packets:
    buffer, count = frames.buffer, len(network.row)
    room = network.end - network.position
    is_tcp = network.protocol == TCP
    is_udp = network.protocol == UDP
    short = (is_tcp & (room < 20)) | (is_udp & (room < 8))
    if short.any():
        kept = ~short
        undecoded += count - int(kept.sum())
        return _transport(frames, network.where(kept), vlan[kept], undecoded)
    ports = is_tcp | is_udp
    both = buffer.uint(">u4", network.position)
    header = np.zeros(count, np.int64)
    length = network.wire_end - network.position
    tcp = np.flatnonzero(is_tcp)
    segment = buffer.gather("V20", network.position[tcp]).view(_TCP)
    header_bytes = (segment["offset"] >> 4).astype(np.int64) * 4
    header[tcp] = np.maximum(header_bytes, 20)
    udp = np.flatnonzero(is_udp)
    header[udp] = 8
    length -= header
    claimed = buffer.uint(">u2", network.position[udp] + 4) - 8
    length[udp] = np.where(claimed >= 0, np.minimum(length[udp], claimed), length[udp])
    np.maximum(length, 0, out=length)
    payload = network.position + header
    return Packets(
        frames=frames,
        network=network,
        vlan=vlan,
        source_port=np.where(ports, both >> 16, 0),
        destination_port=np.where(ports, both & 0xFFFF, 0),
        payload=payload,
        length=length,
        available=np.clip(network.end - payload, 0, length),
        tcp=tcp,
        seq=segment["seq"].astype(np.int64),
        ack=segment["ack"].astype(np.int64),
        flags=segment["flags"].astype(np.int64) & 0x3F,
        tcp_window=segment["window"].astype(np.int64),
        options=np.maximum(header_bytes - 20, 0),
        undecoded=undecoded,
    )
