"""Signs that a capture was taken on a host itself: its network card had not yet cut and sealed what it shows.

A card that computes checksums is handed the sum of the pseudo header alone (RFC 9293 3.1), not complemented; one that
cuts large sends into segments is handed more than an Ethernet frame holds, as jumbo frames do too. The sizes of frames
tell less: tunnels and mirrors (VXLAN, ERSPAN) add their headers to full frames.
"""

from collections import Counter
from ipaddress import IPv4Address

import numpy as np

from lynccap.ingest.decoding import TCP, Packets
from lynccap.ingest.flows.flow_table import FIN, RST, SYN
from lynccap.ingest.frames import Ints

LARGEST_SEGMENT = 1480  # bytes in a TCP segment; Ethernet's 1500 leave 1460 for them, some switches allow a little more
MANY_SEALS = 3  # by chance one checksum in 65 536 looks like this
SHARE = 0.9  # of a host's frames: its card does it for all of them
MAX_HOSTS = 10_000  # looked at: the one that records is among the first, and a flood has a new address in every frame
CHECKSUM_AT = 16


class Offload:
    """Counts, per capture, what a network card left undone."""

    def __init__(self) -> None:
        """Nothing seen."""
        self.large_frames = 0
        """Frames with a longer TCP segment than Ethernet allows."""
        self._looked: Counter[int] = Counter()
        self._unsealed: Counter[int] = Counter()

    def add(self, packets: Packets) -> None:
        """Look at the lengths of TCP segments, and at the checksums of those that open or end connections over IPv4.

        Resets are left out: Linux computes the checksum of those that refuse a connection itself.
        """
        self.large_frames += int((packets.length[packets.tcp] > LARGEST_SEGMENT).sum())
        network = packets.network
        rows = packets.tcp[((packets.flags & (SYN | FIN)) != 0) & ((packets.flags & RST) == 0)]
        rows = rows[(network.version[rows] == 4) & (network.end[rows] - network.position[rows] >= 20)]
        if not rows.size:
            return
        source = network.source[rows]
        found = packets.buffer.uint(">u2", network.position[rows] + CHECKSUM_AT)
        unsealed = found == _pseudo_sum(
            source, network.destination[rows], network.wire_end[rows] - network.position[rows]
        )
        codes, place = np.unique(source, return_inverse=True)
        counts = np.bincount(place), np.bincount(place, unsealed)
        for code, looked, lacking in zip(codes.tolist(), *(one.tolist() for one in counts), strict=True):
            if code in self._looked or len(self._looked) < MAX_HOSTS:
                self._looked[code] += looked
                self._unsealed[code] += int(lacking)

    def hosts(self) -> tuple[str, ...]:
        """Addresses whose frames nearly all lack the checksum that their network card adds."""
        found = sorted(
            code
            for code, count in self._unsealed.items()
            if count >= MANY_SEALS and count >= SHARE * self._looked[code]
        )
        return tuple(str(IPv4Address(code)) for code in found)


def _pseudo_sum(source: Ints, destination: Ints, length: Ints) -> Ints:
    """The one's complement sum of source, destination, protocol and TCP length."""
    total = (source >> 16) + (source & 0xFFFF) + (destination >> 16) + (destination & 0xFFFF) + TCP + length
    for _ in range(2):
        total = (total & 0xFFFF) + (total >> 16)
    return np.asarray(total)
