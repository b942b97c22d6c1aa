"""Frames and capture files built byte by byte, for tests of the reader."""

import ipaddress
import struct
from collections.abc import Iterable
from pathlib import Path

from lynccap.ingest import Source, read_tables
from lynccap.tables import Tables

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
ETHERNET, RAW = 1, 101
SECOND = 1_000_000_000
KEY_LOG = b"CLIENT_RANDOM 00 11\n"
START = 1_700_000_000 * SECOND

Record = tuple[int, bytes]
"""Time in nanoseconds and the frame's bytes."""

Address = tuple[str, int]
CLIENT: Address = ("10.0.0.1", 50000)
SERVER: Address = ("10.0.0.2", 443)


def packed(address: str) -> bytes:
    return ipaddress.ip_address(address).packed


def ipv4(source: str, destination: str, protocol: int, body: bytes, **fields: int) -> bytes:
    options = bytes(fields.get("options", 0))
    total = fields.get("total", 20 + len(options) + len(body))
    return (
        struct.pack(
            ">BBHHHBBH",
            0x40 | (5 + len(options) // 4),
            0,
            total,
            fields.get("id", 1),
            fields.get("fragment", 0x4000),
            fields.get("ttl", 64),
            protocol,
            0,
        )
        + packed(source)
        + packed(destination)
        + options
        + body
    )


def ipv6(source: str, destination: str, protocol: int, body: bytes, ttl: int = 64) -> bytes:
    return struct.pack(">IHBB", 6 << 28, len(body), protocol, ttl) + packed(source) + packed(destination) + body


def ip(source: str, destination: str, protocol: int, body: bytes, **fields: int) -> bytes:
    if ":" in source:
        return ipv6(source, destination, protocol, body, fields.get("ttl", 64))
    return ipv4(source, destination, protocol, body, **fields)


def ethernet(packet: bytes, tags: Iterable[int] = (), sender: int = 1, kind: int | None = None) -> bytes:
    if kind is None:
        kind = 0x86DD if packet[0] >> 4 == 6 else 0x0800
    head = b"\x02\0\0\0\0\xff" + b"\x02\0\0\0\0" + bytes([sender])
    for tag in tags:
        head += struct.pack(">HH", 0x8100, tag)
    return head + struct.pack(">H", kind) + packet


def udp_body(source: int, destination: int, payload: bytes) -> bytes:
    return struct.pack(">4H", source, destination, 8 + len(payload), 0) + payload


def tcp_body(source: int, destination: int, seq: int, ack: int, flags: int, payload: bytes = b"") -> bytes:
    return (
        struct.pack(">HHIIBBHHH", source, destination, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 0x50, flags, 8192, 0, 0)
        + payload
    )


def udp(source: Address, destination: Address, payload: bytes, **fields: int) -> bytes:
    body = udp_body(source[1], destination[1], payload)
    return ethernet(ip(source[0], destination[0], 17, body, **fields))


def tcp(source: Address, destination: Address, seq: int, ack: int, flags: int, payload: bytes = b"") -> bytes:
    body = tcp_body(source[1], destination[1], seq, ack, flags, payload)
    return ethernet(ip(source[0], destination[0], 6, body))


class Connection:
    """A TCP connection that knows its sequence numbers."""

    def __init__(
        self, client: Address = CLIENT, server: Address = SERVER, starts: tuple[int, int] = (1000, 9000)
    ) -> None:
        self.ends = (client, server)
        self.next = list(starts)

    def send(self, side: int, flags: int, payload: bytes = b"") -> bytes:
        ack = self.next[1 - side] if flags & ACK else 0
        frame = tcp(self.ends[side], self.ends[1 - side], self.next[side], ack, flags, payload)
        self.next[side] += len(payload) + bool(flags & SYN) + bool(flags & FIN)
        return frame

    def open(self) -> list[bytes]:
        return [self.send(0, SYN), self.send(1, SYN | ACK), self.send(0, ACK)]

    def say(self, side: int, data: bytes, size: int = 1460) -> list[bytes]:
        return [self.send(side, PSH | ACK, data[at : at + size]) for at in range(0, len(data), size)]

    def close(self) -> list[bytes]:
        return [self.send(0, FIN | ACK), self.send(1, FIN | ACK), self.send(0, ACK)]


def timed(frames: Iterable[bytes], step: int = 1_000_000) -> list[Record]:
    """The frames one `step` apart."""
    return [(START + place * step, frame) for place, frame in enumerate(frames)]


def pcap(
    records: Iterable[Record],
    order: str = "<",
    digits: int = 6,
    link: int = ETHERNET,
    snap_length: int = 262144,
    modified: bool = False,
) -> bytes:
    magic = 0xA1B2CD34 if modified else 0xA1B23C4D if digits == 9 else 0xA1B2C3D4
    data = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, snap_length, link)
    for time, frame in records:
        kept = frame[:snap_length]
        fraction = time % SECOND // 10 ** (9 - digits)
        data += struct.pack(f"{order}4I", time // SECOND, fraction, len(kept), len(frame))
        data += (bytes(8) if modified else b"") + kept
    return data


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    body += bytes(-len(body) % 4)
    length = len(body) + 12
    return struct.pack(f"{order}2I", kind, length) + body + struct.pack(f"{order}I", length)


def section(order: str = "<", options: bytes = b"") -> bytes:
    return block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1) + options, order)


def option(code: int, value: bytes, order: str = "<") -> bytes:
    return struct.pack(f"{order}2H", code, len(value)) + value + bytes(-len(value) % 4)


def interface(
    order: str = "<",
    link: int = ETHERNET,
    snap_length: int = 0,
    resolution: int | None = None,
    offset: int | None = None,
    options: bytes = b"",
) -> bytes:
    if resolution is not None:
        options += option(9, bytes([resolution]), order)
    if offset is not None:
        options += option(14, struct.pack(f"{order}q", offset), order)
    return block(1, struct.pack(f"{order}HHI", link, 0, snap_length) + options, order)


def enhanced(
    frame: bytes, ticks: int, number: int = 0, order: str = "<", wire: int | None = None, options: bytes = b""
) -> bytes:
    wire = len(frame) if wire is None else wire
    head = struct.pack(f"{order}5I", number, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), wire)
    return block(6, head + frame + bytes(-len(frame) % 4) + options, order)


def simple(frame: bytes, order: str = "<", wire: int | None = None) -> bytes:
    return block(3, struct.pack(f"{order}I", len(frame) if wire is None else wire) + frame, order)


def obsolete(
    frame: bytes, ticks: int, number: int = 0, order: str = "<", dropped: int = 7, options: bytes = b""
) -> bytes:
    head = struct.pack(f"{order}HHIIII", number, dropped, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame))
    return block(2, head + frame + bytes(-len(frame) % 4) + options, order)


def resolved(names: dict[str, tuple[str, ...]], order: str = "<") -> bytes:
    """A name resolution block."""
    body = b""
    for address, known in names.items():
        value = packed(address) + b"".join(name.encode() + b"\0" for name in known)
        body += option(2 if ":" in address else 1, value, order)
    return block(4, body + bytes(4), order)


def statistics(number: int = 0, order: str = "<", **counts: int) -> bytes:
    """An interface statistics block with some of received, lost, accepted, lost_by_system."""
    codes = {"received": 4, "lost": 5, "accepted": 6, "lost_by_system": 7}
    options = b"".join(option(codes[name], struct.pack(f"{order}Q", count), order) for name, count in counts.items())
    return block(5, struct.pack(f"{order}3I", number, 0, 0) + options, order)


def secrets(data: bytes, kind: int = 0x544C534B, order: str = "<") -> bytes:
    """A decryption secrets block, of TLS key logs unless told otherwise."""
    return block(10, struct.pack(f"{order}2I", kind, len(data)) + data, order)


def full_pcapng(order: str = "<") -> bytes:
    """A file that says everything a pcapng file can say of itself, with five frames."""

    ticks = START // 1000
    frames = [udp(CLIENT, SERVER, bytes([number]) * (10 + number)) for number in range(4)]

    def text(code: int, value: str) -> bytes:
        return option(code, value.encode(), order)

    told = text(1, "site Bremen\nno sign-in") + text(2, "VM") + text(3, "Windows 10") + text(4, "Dumpcap 4") + bytes(4)
    named = text(2, r"\Device\NPF_{1}") + text(3, "Ethernet 2") + option(11, b"\0not port 22", order)
    lost = option(4, struct.pack(f"{order}Q", 5), order)
    return (
        section(order, told)
        + interface(order, resolution=6, options=named)
        + interface(order, options=text(2, "lo") + text(1, "the loopback"))
        + secrets(KEY_LOG, order=order)
        + resolved({"10.0.0.2": ("fe01.contoso.example", "pool"), "2001:db8::1": ("edge",)}, order)
        + enhanced(frames[0], ticks, order=order, options=text(1, "here") + option(2, bytes(4), order) + text(1, "é"))
        + enhanced(frames[1], ticks, 1, order, options=lost + bytes(4))
        + obsolete(frames[2], ticks, 1, order, options=text(1, "old") + bytes(4))
        + simple(frames[3], order)
        + block(0xBAD, bytes(8), order)
        + statistics(0, order, received=900, lost=2)
        + statistics(0, order, received=1000, lost=7, lost_by_system=3)
    )


def read(data: bytes, folder: Path, name: str = "a.pcap") -> Tables:
    """The tables of a file with these bytes."""
    path = folder / name
    path.write_bytes(data)
    return read_tables([Source(str(path))])


def read_frames(frames: Iterable[bytes], folder: Path) -> Tables:
    """The tables of a capture of these frames, a millisecond apart."""
    return read(pcap(timed(frames)), folder)
