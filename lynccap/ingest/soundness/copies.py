"""Packets that a capture holds more than once: mirror ports, both sides of a VLAN or router, Windows components.

A copy has the same addresses, IP identification, transport header and length as a packet just before it. A host that
sends again takes a new identification (RFC 6864 4.1 asks that of fragments; all common stacks count on), or waits far
longer than the times below. A copy whose TTL is lower has passed a router in between.
"""

from dataclasses import dataclass, fields
from itertools import cycle

import numpy as np
from numpy.typing import NDArray

from lynccap.ingest.decoding import Packets
from lynccap.ingest.flows.flow_table import FIN, RST, SYN
from lynccap.ingest.frames import Flags, Ints

COPY_NS = 1_000_000  # catalogue section 0, gate 4: the same packet again within 1 ms
ROUTED_NS = 50_000_000  # with a lower TTL it is no repeat of the sender's; a loaded firewall takes tens of milliseconds
HELD_PACKETS = 1024  # of the window before, to know copies across the border: 10 ms at 100 000 packets/s
_FACTORS = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93, 0xA0761D6478BD642F], np.uint64
)
FURTHER = 36  # bytes behind the IP header, from which on there is more than what is always compared
_DOWN = np.uint64(29)
EXACT, ROUTED = 1, 2
Keys = NDArray[np.uint64]


@dataclass(slots=True)
class _Seen:
    """Packets as this module knows them; all columns of one length."""

    mark: Keys
    """64 bits that copies share, quick to make, and different for nearly all other packets."""
    key: Keys
    """64 bits of everything that copies share."""
    time: Ints
    ttl: Ints
    patience: Ints
    """How long after it, in nanoseconds, the same with another TTL is still a copy of it."""


_NOTHING = np.zeros(0, np.int64)


class Copies:
    """Knows, over the windows of one capture, which packets were there before."""

    def __init__(self) -> None:
        """Nothing seen."""
        self.count = 0
        """Copies found."""
        self.routed = 0
        """Those of them with another TTL."""
        self._held = _Seen(_NOTHING.view(np.uint64), _NOTHING.view(np.uint64), _NOTHING, _NOTHING, _NOTHING)

    def find(self, packets: Packets) -> Flags | None:
        """Which of these packets are copies; None when there are none."""
        held, marks = self._held, _marks(packets)
        tail = slice(max(len(packets) - HELD_PACKETS, 0), None)
        ordered = np.sort(np.concatenate((held.mark, marks)))
        if not (ordered[1:] == ordered[:-1]).any():
            self._held = _seen(packets, marks, tail)
            return None
        seen = _seen(packets, marks, slice(0, None))
        self._held = _Seen(*(getattr(seen, one.name)[tail].copy() for one in fields(_Seen)))
        both = _Seen(*(np.concatenate((getattr(held, one.name), getattr(seen, one.name))) for one in fields(_Seen)))
        copies = _copies(both)[len(held.mark) :]
        self.count += int((copies > 0).sum())
        self.routed += int((copies == ROUTED).sum())
        found: Flags = copies > 0
        return found if found.any() else None


def _seen(packets: Packets, marks: Keys, part: slice) -> _Seen:
    rows = np.arange(len(packets))[part]
    return _Seen(
        marks[part], _keys(packets, rows), packets.time[part], packets.network.ttl[part], _patience(packets)[part]
    )


def _patience(packets: Packets) -> Ints:
    """How long each packet's copies may take."""
    numbered = packets.network.ip_id > 0
    patience = np.where(numbered, ROUTED_NS, COPY_NS)
    if numbered.all():
        return patience
    # Bare acknowledgements without an identification repeat themselves within microseconds.
    bare = packets.tcp[((packets.flags & (SYN | FIN | RST)) == 0) & (packets.length[packets.tcp] == 0)]
    patience[bare] = np.where(numbered[bare], ROUTED_NS, 0)
    return patience


def _marks(packets: Packets) -> Keys:
    """Of the IP identification and the first 16 bytes of the transport: ports, numbers, checksum, RTP counters."""
    network, gather = packets.network, packets.buffer.gather
    room = (network.end - network.position).view(np.uint64)
    first = np.where(room >= 8, gather("<u8", network.position), room)
    second = np.where(room >= 16, gather("<u8", network.position + 8), room)
    marks: Keys = (first * _FACTORS[0]) ^ (second * _FACTORS[1]) ^ network.ip_id.view(np.uint64)
    return marks


def _keys(packets: Packets, rows: Ints) -> Keys:
    """Of everything that copies share: TTL and IP checksum left out."""
    network, uint = packets.network, packets.buffer.uint
    position = network.position[rows]
    room = network.end[rows] - position
    words = (
        (network.source[rows] << 32) ^ network.destination[rows],
        (network.ip_id[rows] << 24) ^ (packets.length[rows] << 40) ^ network.protocol[rows],
        np.where(room >= 8, uint(">i8", position), room),
        np.where(room >= 16, uint(">i8", position + 8), room),
        np.where(room >= 20, uint(">u4", position + 16), room),
        *_further_words(packets, rows),
    )
    key = np.zeros(len(rows), np.uint64)
    for factor, word in zip(cycle(_FACTORS), words, strict=False):
        key = (key ^ word.view(np.uint64)) * factor
        key ^= key >> _DOWN
    return key


def _further_words(packets: Packets, rows: Ints) -> tuple[Ints, Ints]:
    """The middle and the end of whole packets without an identification.

    Datagrams of one sender may begin alike, and their checksums may be left to the network card.
    """
    network, uint = packets.network, packets.buffer.uint
    position, end = network.position[rows], network.end[rows]
    told = (network.ip_id[rows] <= 0) & (end == network.wire_end[rows]) & (end - position >= FURTHER)
    middle = np.where(told, (position + end) >> 1, position)
    last = np.where(told, end - 8, position)
    return np.where(told, uint(">i8", middle), 0), np.where(told, uint(">i8", last), 0)


def _copies(seen: _Seen) -> NDArray[np.int8]:
    """Per packet: 0 for an original, EXACT or ROUTED for a copy."""
    order = np.argsort(seen.key, kind="stable")
    key, time, ttl = seen.key[order], seen.time[order], seen.ttl[order]
    follows = np.concatenate(([False], key[1:] == key[:-1]))
    gap = np.abs(np.diff(time, prepend=time[:1]))
    step = np.diff(ttl, prepend=ttl[:1])
    patience = seen.patience[order]
    exact = follows & (step == 0) & (gap < np.minimum(patience, COPY_NS))
    routed = follows & (step != 0) & (gap < patience)
    kind = np.zeros(len(key), np.int8)
    kind[order] = np.where(exact, EXACT, np.where(routed, ROUTED, 0))
    return kind
