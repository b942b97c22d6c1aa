"""Rebuilds connections for tshark: one packet a TLS record, in order, without copies, gaps or tunnels around them.

tshark then has nothing to put together, and which frames of the capture a decrypted record came from is known here.
"""

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from dissectors.contract import dissect
from dissectors.http import HTTP
from dissectors.tls import MAX_RECORD
from dissectors.tls.numbers import APPLICATION_DATA, CHANGE_CIPHER_SPEC, HEARTBEAT
from lynccap.ingest.decryption.gathering import Gathered
from lynccap.ingest.streams.assembly import Run, Segment, reassemble

LINKTYPE_RAW = 101  # packets begin with the IP header
SERVER_PORT, CLIENT_PORT = 443, 40000  # of every rebuilt connection
SERVER = bytes((192, 0, 2, 1))  # RFC 5737
MAX_CONNECTIONS = 1 << 24  # client addresses are 10.0.0.0/8, one for each
MIN_SAID = 64  # bytes of a record that says something whatever the cipher: an empty one is sealed in fewer


class Record(NamedTuple):
    """One TLS record and the segment that completed it."""

    side: int
    """2 * row of the flow, + 1 for the server."""
    data: bytes
    last: Segment

    @property
    def is_data(self) -> bool:
        """Whether it may hold application data."""
        return self.data[0] == APPLICATION_DATA

    @property
    def says_something(self) -> bool:
        """Whether, before TLS 1.3, it holds application data: some send records without any between the others."""
        return self.is_data and len(self.data) > 5 + MIN_SAID


@dataclass(slots=True)
class Slice:
    """The rebuilt packets of some connections."""

    records: list[Record] = field(default_factory=list)
    """The first one is in packet 1."""
    broken: set[int] = field(default_factory=set)
    """Flows of which the capture lacks bytes: what follows the gap is not in the slice."""

    def pcap(self) -> Iterator[bytes]:
        """A capture file of the packets, piece by piece."""
        yield struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 18, LINKTYPE_RAW)
        number, flow, sent = -1, -1, [0, 0]
        for record in self.records:
            if record.side >> 1 != flow:
                number, flow, sent = number + 1, record.side >> 1, [0, 0]
            packet = _packet(number % MAX_CONNECTIONS, record.side & 1, sent, record.data)
            sent[record.side & 1] += len(record.data)
            yield struct.pack("<4I", 0, 0, len(packet), len(packet)) + packet


def slice_of(found: Mapping[int, Gathered], tunnelled: Iterable[int]) -> Slice:
    """The records of these flows, one flow behind the other; of the `tunnelled`, TLS begins behind a CONNECT."""
    made, inside = Slice(), frozenset(tunnelled)
    for flow, gathered in found.items():
        both: list[tuple[int, int, Record]] = []
        for bit in (0, 1):
            runs = reassemble(gathered.sides[bit])
            if len(runs) > 1:
                made.broken.add(flow)
            if runs:
                both += _records(2 * flow + bit, runs[0], flow in inside)
        both.sort(key=lambda one: one[:2])  # by the frame that brought them, each side in its own order
        made.records += [record for *_, record in both]
    return made


def _records(side: int, run: Run, tunnelled: bool) -> Iterator[tuple[int, int, Record]]:
    """The whole records at the front of a run, each with the frame by which it and those before it had arrived."""
    data, at, reached = run.data, 0, 0
    if tunnelled:
        at = next((one.end for one in dissect(HTTP, data).messages if getattr(one.message, "tunnel", False)), len(data))
    while at + 5 <= len(data) and CHANGE_CIPHER_SPEC <= data[at] <= HEARTBEAT and data[at + 1] == 3:
        end = at + 5 + int.from_bytes(data[at + 3 : at + 5], "big")
        if end > len(data) or end - at - 5 > MAX_RECORD:
            break
        _, last = run.span(at, end)
        reached = max(reached, last.frame)
        yield reached, at, Record(side, data[at:end], last)
        at = end


def _packet(number: int, bit: int, sent: list[int], payload: bytes) -> bytes:
    """An IPv4 packet of connection `number` from its client (bit 0) or server; checksums are left out."""
    client = bytes((10, number >> 16, number >> 8 & 255, number & 255))
    ends = ((client, CLIENT_PORT), (SERVER, SERVER_PORT))
    (source, source_port), (target, target_port) = ends[bit], ends[1 - bit]
    head = struct.pack(">BBHHHBBH", 0x45, 0, 40 + len(payload), 0, 0x4000, 64, 6, 0) + source + target
    numbers = (source_port, target_port, sent[bit] + 1, sent[1 - bit] + 1)
    return head + struct.pack(">HHIIBBHHH", *numbers, 0x50, 0x18, 0xFFFF, 0, 0) + payload
