"""Measures reading: frames to flows alone, and everything `read_tables` does, on a capture it makes.

    python tests/benchmarks/frames_to_flows.py [PACKETS [FILE]]

The capture is about half RTP (50 packets/s a stream); the rest are TLS, STUN, DNS and HTTP conversations. Run
it from the repository's root. Not collected by pytest.
"""

import datetime
import random
import resource
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lynccap.ingest import Source, read_tables
from lynccap.ingest.decoding import Decoder
from lynccap.ingest.flows.flow_rows import FlowRows
from lynccap.ingest.flows.flow_table import FlowTable
from lynccap.ingest.flows.sequences import Sequences
from lynccap.ingest.formats.pcap import PcapReader
from lynccap.ingest.formats.window import Window
from lynccap.ingest.sources.source import Feed

START = 1_700_000_000
RTP_SHARE = 0.5
STREAM_PACKETS = 1500  # 30 s of one direction of a call
SESSION_PACKETS = 60  # of an average other conversation
FIN, SYN, PSH, ACK = 1, 2, 8, 16
MTU_PAYLOAD = 1460


def frame(protocol: int, source: tuple[int, int], destination: tuple[int, int], segment: bytes) -> bytes:
    total = 20 + len(segment)
    ip = struct.pack(">BBHHHBBHII", 0x45, 0, total, 1, 0x4000, 64, protocol, 0, source[0], destination[0])
    return b"\x00\x15\x5d\x00\x00\x02\x00\x15\x5d\x00\x00\x01\x08\x00" + ip + segment


def udp(source: tuple[int, int], destination: tuple[int, int], payload: bytes) -> bytes:
    head = struct.pack(">4H", source[1], destination[1], 8 + len(payload), 0)
    return frame(17, source, destination, head + payload)


class Connection:
    """A TCP connection that yields the frames of what it is told to send."""

    def __init__(self, client: tuple[int, int], server: tuple[int, int], dice: random.Random) -> None:
        self.ends = (client, server)
        self.next = [dice.getrandbits(32), dice.getrandbits(32)]

    def send(self, side: int, flags: int, payload: bytes = b"") -> bytes:
        source, destination = self.ends[side], self.ends[1 - side]
        ack = self.next[1 - side] if flags & ACK else 0
        head = struct.pack(">HHIIBBHHH", source[1], destination[1], self.next[side], ack, 0x50, flags, 8192, 0, 0)
        step = len(payload) + bool(flags & (SYN | FIN))
        self.next[side] = (self.next[side] + step) & 0xFFFFFFFF
        return frame(6, source, destination, head + payload)

    def exchange(self, *turns: tuple[int, bytes]) -> Iterator[bytes]:
        yield self.send(0, SYN)
        yield self.send(1, SYN | ACK)
        yield self.send(0, ACK)
        for side, data in turns:
            for at in range(0, len(data), MTU_PAYLOAD):
                yield self.send(side, PSH | ACK, data[at : at + MTU_PAYLOAD])
                yield self.send(1 - side, ACK)
        yield self.send(0, FIN | ACK)
        yield self.send(1, FIN | ACK)
        yield self.send(0, ACK)


def record(kind: int, body: bytes) -> bytes:
    return struct.pack(">BHH", kind, 0x0303, len(body)) + body


def handshake(kind: int, body: bytes) -> bytes:
    return record(22, bytes([kind]) + len(body).to_bytes(3, "big") + body)


def client_hello(name: bytes, dice: random.Random) -> bytes:
    sni = struct.pack(">HBH", len(name) + 3, 0, len(name)) + name
    extensions = struct.pack(">HH", 0, len(sni)) + sni
    suites = struct.pack(">3H", 0xC02F, 0xC030, 0x009C)
    body = b"\x03\x03" + dice.randbytes(32) + b"\x00" + struct.pack(">H", len(suites)) + suites + b"\x01\x00"
    return handshake(1, body + struct.pack(">H", len(extensions)) + extensions)


def certificate() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pool.contoso.example")])
    begin = datetime.datetime(2023, 1, 1, tzinfo=datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + datetime.timedelta(days=900))
        .sign(key, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.DER)


def tls_session(client: tuple[int, int], server: tuple[int, int], dice: random.Random, der: bytes) -> Iterator[bytes]:
    hello = b"\x03\x03" + dice.randbytes(32) + b"\x00" + struct.pack(">HB", 0xC02F, 0)
    chain = len(der).to_bytes(3, "big") + der
    flight = handshake(2, hello) + handshake(11, len(chain).to_bytes(3, "big") + chain) + handshake(14, b"")
    keys = handshake(16, bytes(66)) + record(20, b"\x01") + record(22, dice.randbytes(40))
    data = [(turn % 2, record(23, dice.randbytes(1300)) * 1) for turn in range(24)]
    yield from Connection(client, server, dice).exchange(
        (0, client_hello(b"pool.contoso.example", dice)),
        (1, flight),
        (0, keys),
        (1, record(20, b"\x01")),
        *data,
    )


def http_session(client: tuple[int, int], server: tuple[int, int], dice: random.Random) -> Iterator[bytes]:
    request = b"GET /crl/root.crl HTTP/1.1\r\nHost: crl.contoso.example\r\nUser-Agent: CryptoAPI/10.0\r\n\r\n"
    body = dice.randbytes(900)
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/pkix-crl\r\nContent-Length: %d\r\n\r\n" % len(body)
    yield from Connection(client, server, dice).exchange((0, request), (1, answer + body))


def dns_query(client: tuple[int, int], server: tuple[int, int], dice: random.Random) -> Iterator[bytes]:
    name = b"\x0clyncdiscover\x07contoso\x07example\x00"
    number = dice.getrandbits(16)
    yield udp(client, server, struct.pack(">6H", number, 0x0100, 1, 0, 0, 0) + name + b"\x00\x01\x00\x01")
    answer = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x0e\x10\x00\x04\x0a\x00\x00\x05"
    yield udp(server, client, struct.pack(">6H", number, 0x8180, 1, 1, 0, 0) + name + b"\x00\x01\x00\x01" + answer)


def stun_check(client: tuple[int, int], server: tuple[int, int], dice: random.Random) -> Iterator[bytes]:
    number = dice.randbytes(12)
    yield udp(client, server, b"\x00\x01\x00\x00\x21\x12\xa4\x42" + number)
    mapped = b"\x00\x20\x00\x08\x00\x01" + dice.randbytes(6)
    yield udp(server, client, b"\x01\x01\x00\x0c\x21\x12\xa4\x42" + number + mapped)


def sessions(dice: random.Random) -> Iterator[bytes]:
    """Frames of ever new conversations, one after the other."""
    der = certificate()
    while True:
        client = (0x0A000000 + dice.getrandbits(16), dice.randrange(1024, 65536))
        server = 0x0A010000 + dice.getrandbits(6)
        kind = dice.random()
        if kind < 0.55:
            yield from tls_session(client, (server, 443), dice, der)
        elif kind < 0.75:
            yield from dns_query(client, (server, 53), dice)
        elif kind < 0.9:
            yield from stun_check(client, (server, 3478), dice)
        else:
            yield from http_session(client, (server, 80), dice)


def rtp_block(calls: int, tick: int, base: int) -> np.ndarray:
    """One RTP packet of every call as rows of bytes, record header included."""
    call = np.arange(base, base + calls, dtype=np.uint32)
    template = udp((0, 0), (0, 0), b"\x80\x72" + bytes(170))
    rows = np.zeros((calls, 16 + len(template)), np.uint8)
    rows[:, 16:] = np.frombuffer(template, np.uint8)
    head = np.zeros((calls, 4), "<u4")
    head[:, 0], head[:, 1] = START + tick // 50, (tick % 50) * 20_000
    head[:, 2:] = len(template)
    rows[:, :16] = head.view(np.uint8)

    def put(at: int, kind: str, values: np.ndarray | int) -> None:
        column = np.broadcast_to(np.asarray(values), calls).astype(kind)
        size = column.dtype.itemsize
        rows[:, at : at + size] = column.view(np.uint8).reshape(calls, size)

    put(16 + 26, ">u4", 0x0A000000 + (call & 0xFFFF))
    put(16 + 30, ">u4", 0x0A020000 + (call >> 4))
    put(16 + 34, ">u2", 20000 + call % 20000)
    put(16 + 36, ">u2", 50000 + call % 9000)
    put(16 + 44, ">u2", tick & 0xFFFF)
    put(16 + 46, ">u4", tick * 320)
    put(16 + 50, ">u4", call * 2654435761 & 0xFFFFFFFF)
    return rows


def write_capture(path: Path, packets: int) -> None:
    """Write a pcap of about this many packets."""
    dice = random.Random(7)
    others = sessions(dice)
    rtp = int(packets * RTP_SHARE)
    calls = max(1, min(400, rtp // STREAM_PACKETS))
    ticks = rtp // calls
    each = (packets - rtp) // ticks
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        for tick in range(ticks):
            # Every 1500 ticks the calls are others.
            file.write(rtp_block(calls, tick, calls * (tick // STREAM_PACKETS)).tobytes())
            for place in range(each):
                data = next(others)
                head = struct.pack("<4I", START + tick // 50, (tick % 50) * 20_000 + place, len(data), len(data))
                file.write(head + data)


def frames_to_flows(path: Path) -> int:
    """Read, decode, number and add up; the packets read."""
    packets = 0
    with Feed(Source(str(path))) as feed:
        table, sequences = FlowTable(), Sequences()
        decoder = Decoder(table.intern)
        for frames in PcapReader(Window(feed)).frames():
            decoded = decoder.decode(frames)
            numbered = table.add(decoded)
            sequences.add(decoded, numbered, table.flows.rows * 2)
            packets += len(frames)
        FlowRows(table, sequences)
    return packets


def everything(path: Path) -> int:
    """Read all tables; the packets read."""
    return int(read_tables([Source(str(path))]).captures["packets"].sum())


def measure(name: str, work: Callable[[Path], int], path: Path) -> None:
    wall, cpu = time.perf_counter(), time.process_time()
    packets = work(path)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(
        f"{name:18} {packets:9} packets  {wall:6.2f} s wall  {cpu:6.2f} s cpu  "
        f"{packets / wall / 1e6:5.2f} M packets/s  peak {peak:4.0f} MiB\n"
    )


def main() -> None:
    packets = int(sys.argv[1]) if len(sys.argv) > 1 else 500_000
    path = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(tempfile.gettempdir()) / f"bench-{packets}.pcap"
    if not path.exists():
        write_capture(path, packets)
    sys.stdout.write(f"{path}: {path.stat().st_size / 1e6:.0f} MB\n")
    measure("frames to flows", frames_to_flows, path)
    measure("all tables", everything, path)


if __name__ == "__main__":
    main()
