"""Where the decoding of frames stands: the position of the next header, and what kind of header it is.

A kind is an EtherType, whatever said it: headers of links and tunnels that name what they carry in other numbers are
translated. Below zero it is the reason why nothing more is read of a frame.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lynccap.ingest.frames import Buffer, Ints

NOTHING = 0  # the frame holds no packet, which is no loss: link management, control protocols
LLC = 4  # an 802.2 header, in the number Linux gives it (ETH_P_802_2)
SHORTEST_TYPE = 0x0600  # below it the field is an 802.3 length
IPV4_TYPE, IPV6_TYPE = 0x0800, 0x86DD
ETHERNET_TYPE = 0x6558  # an Ethernet header ("transparent Ethernet bridging", RFC 1701)
PPP_TYPE = 0x880B
MPLS_TYPE = 0x8847
ARP_TYPE = 0x0806
LLDP_TYPE, CDP_TYPE = 0x88CC, 0x2000  # the latter is Cisco's number, in its SNAP and HDLC headers
NO_TAG = -1
NO_ADDRESS = -1

UNKNOWN_LINK, UNKNOWN_NETWORK, BROKEN, ENCRYPTED, PIECES = -1, -2, -3, -4, -5
REASONS = {
    UNKNOWN_LINK: "unknown link type",
    UNKNOWN_NETWORK: "unknown network protocol",
    BROKEN: "header cut short or damaged",
    ENCRYPTED: "encrypted",
    PIECES: "aggregated or fragmented by the link",
}
"""Why a frame is not decoded."""


@dataclass(slots=True)
class Cursor:
    """The next header of some frames, as columns."""

    row: Ints
    """Row of the frame in its window."""
    position: Ints
    kind: Ints
    end: Ints
    """Position behind the last byte captured."""
    wire_end: Ints
    """Position behind the last byte sent, as far as the headers so far tell."""
    vlan: Ints
    """The innermost 802.1Q tag so far, NO_TAG without one."""
    hardware: Ints
    """Position of the innermost source hardware address so far, NO_ADDRESS without one."""

    def __len__(self) -> int:
        """Frames."""
        return len(self.row)

    def where(self, keep: NDArray[Any]) -> "Cursor":
        """The rows `keep` selects, as copies."""
        return Cursor(*(getattr(self, one.name)[keep] for one in fields(self)))

    def put(self, rows: Ints, other: "Cursor") -> None:
        """Replace these rows by those of `other`."""
        for one in fields(self):
            getattr(self, one.name)[rows] = getattr(other, one.name)

    def step(self, size: Ints | int, kind: Ints | int) -> None:
        """Go on behind a header of `size` bytes that announces `kind`; a cut header is BROKEN."""
        position = self.position + size
        self.kind = np.where(position <= self.end, kind, BROKEN)
        self.position = np.minimum(position, self.end)


Step = Callable[[Buffer, Cursor], None]
"""Reads one header of every row, in place. It may look up to 64 bytes beyond the end, and must not believe them."""


def bare(position: Ints, kind: Ints, end: Ints) -> Cursor:
    """A cursor for packets that came without a link, such as those ICMP quotes."""
    count = len(position)
    none = np.full(count, NO_ADDRESS, np.int64)
    return Cursor(np.arange(count), position, kind, end, end, np.full(count, NO_TAG, np.int64), none)


def by_version(buffer: Buffer, position: Ints, otherwise: int) -> Ints:
    """The kind of an IP header whose own version field is all there is to tell by."""
    version = buffer.octets[position] >> 4
    return np.where(version == 4, IPV4_TYPE, np.where(version == 6, IPV6_TYPE, otherwise)).astype(np.int64)
