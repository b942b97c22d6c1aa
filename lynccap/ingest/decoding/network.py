"""IPv4 (RFC 791) and IPv6 with its extension headers (RFC 8200)."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lynccap.ingest.decoding.cursor import (
    ARP_TYPE,
    BROKEN,
    CDP_TYPE,
    IPV4_TYPE,
    IPV6_TYPE,
    LLDP_TYPE,
    REASONS,
    SHORTEST_TYPE,
    UNKNOWN_NETWORK,
    Cursor,
)
from lynccap.ingest.frames import Buffer, Flags, Ints

TCP, UDP, ICMP, ICMP6, ESP = 6, 17, 1, 58, 50
MAX_EXTENSIONS = 8  # RFC 8200 names six kinds, each once, destination options twice
HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION, MOBILITY = 0, 43, 44, 51, 60, 135
EXTENSIONS = (HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION, MOBILITY)
ADDRESSLESS_TYPES = (
    ARP_TYPE,
    CDP_TYPE,
    0x8035,  # RARP, and Cisco's keep-alives over HDLC
    0x8809,  # LACP
    0x8863,  # PPPoE discovery
    0x888E,  # 802.1X
    LLDP_TYPE,
    0x88F7,  # precision time
    0x8902,  # connectivity fault management
    0x9000,  # loop test
)
OFFSET, MORE = 0x1FFF, 0x2000  # of Network.fragment

_IPV4 = np.dtype(
    {
        "names": ["first", "tos", "total", "id", "fragment", "ttl", "protocol", "source", "destination"],
        "formats": ["u1", "u1", ">u2", ">u2", ">u2", "u1", "u1", ">u4", ">u4"],
        "offsets": [0, 1, 2, 4, 6, 8, 9, 12, 16],
        "itemsize": 20,
    }
)
_IPV6 = np.dtype(
    {
        "names": ["first", "second", "length", "next", "ttl", "s1", "s2", "d1", "d2"],
        "formats": ["u1", "u1", ">u2", "u1", "u1", ">u8", ">u8", ">u8", ">u8"],
        "offsets": [0, 1, 4, 6, 7, 8, 16, 24, 32],
        "itemsize": 40,
    }
)

Intern = Callable[[NDArray[np.uint64], NDArray[np.uint64]], Ints]
"""Turns the two halves of IPv6 addresses into codes."""


@dataclass(slots=True)
class Network:
    """The IP layer of some frames."""

    row: Ints
    """Row of the frame in its window."""
    version: Ints
    protocol: Ints
    source: Ints
    destination: Ints
    ttl: Ints
    ip_id: Ints
    """-1 for IPv6."""
    tos: NDArray[Any]
    """One byte, type of service of IPv4, traffic class of IPv6: the DSCP in its upper six bits (RFC 2474)."""
    position: Ints
    """Behind the IP headers; of a fragment, where its piece of the datagram begins."""
    end: Ints
    """Behind the last byte captured."""
    wire_end: Ints
    """Behind the last byte sent."""
    fragment: Ints
    """As IPv4 writes it: MORE, and the OFFSET in units of 8 bytes; 0 for what is no fragment."""
    vlan: Ints
    hardware: Ints

    def __len__(self) -> int:
        """Packets."""
        return len(self.row)

    def where(self, keep: NDArray[Any] | slice) -> "Network":
        """The rows `keep` selects."""
        return Network(*(getattr(self, one.name)[keep] for one in fields(self)))


def joined(parts: Sequence[Network]) -> Network:
    """The packets of all parts, in the order of their rows."""
    if len(parts) == 1:
        return parts[0]
    every = Network(*(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Network)))
    return every.where(np.argsort(every.row, kind="stable"))


def network_layer(buffer: Buffer, cursor: Cursor, intern: Intern) -> tuple[Network, Counter[str]]:
    """The IP headers at `cursor`, and how many frames are not read for which of REASONS."""
    kind = cursor.kind
    fourth, sixth = np.flatnonzero(kind == IPV4_TYPE), np.flatnonzero(kind == IPV6_TYPE)
    unread: Counter[str] = Counter()
    parts = []
    if fourth.size or not sixth.size:
        parts.append(_ipv4(buffer, cursor if fourth.size == len(kind) else cursor.where(fourth)))
    if sixth.size:
        parts.append(_ipv6(buffer, cursor.where(sixth), intern))
    network = joined(parts)
    known = fourth.size + sixth.size
    if known > len(network):
        unread[REASONS[BROKEN]] = known - len(network)
    if known < len(kind):
        _reasons(kind[(kind != IPV4_TYPE) & (kind != IPV6_TYPE)], unread)
    return network, unread


def _reasons(kind: Ints, unread: Counter[str]) -> None:
    silent = ((kind >= 0) & (kind < SHORTEST_TYPE)) | np.isin(kind, ADDRESSLESS_TYPES)
    reasons, counts = np.unique(np.where(kind < 0, kind, UNKNOWN_NETWORK)[~silent], return_counts=True)
    for reason, count in zip(reasons.tolist(), counts.tolist(), strict=True):
        unread[REASONS[reason]] += count


def _ipv4(buffer: Buffer, cursor: Cursor) -> Network:
    position, end, wire_end = cursor.position, cursor.end, cursor.wire_end
    header = buffer.gather("V20", position).view(_IPV4)
    header_bytes = (header["first"] & 15).astype(np.int64) * 4
    total = header["total"].astype(np.int64)
    # A total of 0 is segmentation offload: the card, not the stack, would have filled it in.
    sent = np.where(total == 0, wire_end, np.minimum(position + total, wire_end))
    captured = np.minimum(end, sent)
    sound = (header["first"] >> 4 == 4) & (header_bytes >= 20) & (position + header_bytes <= captured)
    network = Network(
        row=cursor.row,
        version=np.full(len(cursor), 4, np.int64),
        protocol=header["protocol"].astype(np.int64),
        source=header["source"].astype(np.int64),
        destination=header["destination"].astype(np.int64),
        ttl=header["ttl"].astype(np.int64),
        ip_id=header["id"].astype(np.int64),
        position=position + header_bytes,
        end=captured,
        wire_end=sent,
        fragment=header["fragment"].astype(np.int64) & (OFFSET | MORE),
        vlan=cursor.vlan,
        hardware=cursor.hardware,
        tos=header["tos"],
    )
    if not sound.all():
        network = network.where(sound)
    if (network.protocol == AUTHENTICATION).any():
        step_up(buffer, network)
    return network


def _ipv6(buffer: Buffer, cursor: Cursor, intern: Intern) -> Network:
    position = cursor.position
    header = buffer.gather("V40", position).view(_IPV6)
    length = header["length"].astype(np.int64)
    sent = np.where(length == 0, cursor.wire_end, np.minimum(position + 40 + length, cursor.wire_end))
    sound = (header["first"] >> 4 == 6) & (position + 40 <= np.minimum(cursor.end, sent))
    header, cursor, sent = header[sound], cursor.where(sound), sent[sound]
    end = np.minimum(cursor.end, sent)
    protocol, at, fragment = extensions(buffer, header["next"].astype(np.int64), cursor.position + 40, end)
    return Network(
        row=cursor.row,
        version=np.full(len(cursor), 6, np.int64),
        protocol=protocol,
        source=intern(header["s1"].astype(np.uint64), header["s2"].astype(np.uint64)),
        destination=intern(header["d1"].astype(np.uint64), header["d2"].astype(np.uint64)),
        ttl=header["ttl"].astype(np.int64),
        ip_id=np.full(len(cursor), -1, np.int64),
        position=at,
        end=end,
        wire_end=sent,
        fragment=fragment,
        vlan=cursor.vlan,
        hardware=cursor.hardware,
        tos=(header["first"] << 4) | (header["second"] >> 4),
    )


def step_up(buffer: Buffer, network: Network) -> None:
    """Step over what lies between the IP header and the upper protocol of what is no (longer a) fragment, in place."""
    later = (network.version == 6) | (network.protocol == AUTHENTICATION)
    rows = np.flatnonzero(later & (network.fragment == 0))
    protocol, position, fragment = extensions(buffer, network.protocol[rows], network.position[rows], network.end[rows])
    # A fragment of a fragment is nobody's.
    network.protocol[rows] = np.where(fragment > 0, FRAGMENT, protocol)
    network.position[rows] = position


def extensions(buffer: Buffer, protocol: Ints, position: Ints, end: Ints) -> tuple[Ints, Ints, Ints]:
    """Step over extension headers: the upper protocol, its position, and the fragment as Network writes it.

    Stops behind the header of a fragment, where its piece begins; one that says "all of it" is no fragment (RFC 6946).
    """
    fragment = np.zeros(len(protocol), np.int64)
    for _ in range(MAX_EXTENSIONS):
        extended: Flags = np.isin(protocol, EXTENSIONS) & (fragment == 0) & (position + 8 <= end)
        rows = np.flatnonzero(extended)
        if not rows.size:
            break
        at, kind = position[rows], protocol[rows]
        units = buffer.octets[at + 1].astype(np.int64)
        size = np.where(kind == FRAGMENT, 8, np.where(kind == AUTHENTICATION, (units + 2) * 4, (units + 1) * 8))
        field = buffer.uint(">u2", at + 2)
        fragment[rows] = np.where(kind == FRAGMENT, (field >> 3) | ((field & 1) * MORE), 0)
        protocol[rows] = buffer.octets[at]
        position[rows] = np.minimum(at + size, end[rows])
    return protocol, position, fragment
