"""TCP (RFC 9293) and UDP (RFC 768) headers."""

from dataclasses import dataclass, fields

import numpy as np

from lynccap.ingest.decoding.cursor import NO_ADDRESS
from lynccap.ingest.decoding.network import TCP, UDP, Network
from lynccap.ingest.decoding.stamps import Stamps
from lynccap.ingest.frames import Buffer, Flags, Ints

_TCP = np.dtype(
    {
        "names": ["source", "destination", "seq", "ack", "offset", "flags", "window"],
        "formats": [">u2", ">u2", ">u4", ">u4", "u1", "u1", ">u2"],
        "offsets": [0, 2, 4, 8, 12, 13, 14],
        "itemsize": 20,
    }
)


@dataclass(slots=True)
class Packets:
    """IP packets with their transport headers, in the order of their frames; ports are 0 without TCP or UDP.

    Of tunnels it is the innermost packet. Frames of earlier windows may lead, whose datagram was waited for in vain.
    """

    buffer: Buffer
    """Where positions point to."""
    frame: Ints
    """Number of the packet's frame, of a datagram in fragments that of the frame which completed it."""
    time: Ints
    network: Network
    source_port: Ints
    destination_port: Ints
    payload: Ints
    """Position of the payload in the buffer."""
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
    broken: int
    """Packets left out because their TCP or UDP header is cut short."""

    def __len__(self) -> int:
        """Packets in this window."""
        return len(self.payload)

    def where(self, keep: Flags) -> "Packets":
        """The packets `keep` selects."""
        kept = keep[self.tcp]
        places = np.cumsum(keep) - 1
        columns = {one.name: getattr(self, one.name) for one in fields(self)}
        for name in ("frame", "time", "source_port", "destination_port", "payload", "length", "available"):
            columns[name] = columns[name][keep]
        for name in ("seq", "ack", "flags", "tcp_window", "options"):
            columns[name] = columns[name][kept]
        return Packets(**{**columns, "network": self.network.where(keep), "tcp": places[self.tcp[kept]]})

    def hardware_addresses(self, rows: Ints) -> Ints:
        """The source hardware address of these packets as a number, -1 where the link carries none."""
        at = self.network.hardware[rows]
        high = self.buffer.uint(">u2", at)
        return np.where(at == NO_ADDRESS, -1, (high << 32) | self.buffer.uint(">u4", at + 2))


def transport(buffer: Buffer, stamps: Stamps, network: Network, broken: int = 0) -> Packets:
    """The packets of `network`."""
    count = len(network.row)
    room = network.end - network.position
    is_tcp = network.protocol == TCP
    is_udp = network.protocol == UDP
    short = (is_tcp & (room < 20)) | (is_udp & (room < 8))
    if short.any():
        return transport(buffer, stamps, network.where(~short), int(short.sum()))
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
        buffer=buffer,
        frame=stamps.number[network.row],
        time=stamps.time[network.row],
        network=network,
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
        broken=broken,
    )
