"""Measures correlation and the rules: a busy site of 500 devices and 20,000 flows, after it was read.

    python tests/benchmarks/correlation.py [DEVICES [FLOWS]]

Every device looks its servers up, opens TLS to the web services and the registrar, allocates at the Edge, checks
candidate pairs and sends media; the rest of its flows are ordinary web and DNS traffic. Run it from the repository's
root. Not collected by pytest.
"""

import random
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from frames_to_flows import Connection, certificate, client_hello, handshake, record, udp

from lynccap.analysis import Study
from lynccap.correlation.case import Case, build_case
from lynccap.correlation.origins import Origins
from lynccap.diagnosis.judge import judge
from lynccap.ingest import Source, read_tables
from lynccap.results import ResultTables
from lynccap.tables import Tables

START = 1_700_000_000
DOMAIN = b"\x07contoso\x07example\x00"
POOL, WEB, EDGE, DNS = 0x0A010005, 0x0A010006, 0x0A010007, 0x0A010035
RELAY = 0xC6336407  # 198.51.100.7
RTP_PACKETS = 120
LIMIT_SECONDS = 1.0
JUDGE_LIMIT_SECONDS = 0.25  # of all rules, with the books of the case that they are the first to ask for


def lookup(client: int, name: bytes, address: int | None, dice: random.Random) -> Iterator[bytes]:
    ends = (client, dice.randrange(1024, 65536)), (DNS, 53)
    number, question = dice.getrandbits(16), name + b"\x00\x01\x00\x01"
    yield udp(*ends, struct.pack(">6H", number, 0x0100, 1, 0, 0, 0) + question)
    if address is None:
        yield udp(ends[1], ends[0], struct.pack(">6H", number, 0x8183, 1, 0, 0, 0) + question)
        return
    answer = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x0e\x10\x00\x04" + struct.pack(">I", address)
    yield udp(ends[1], ends[0], struct.pack(">6H", number, 0x8180, 1, 1, 0, 0) + question + answer)


def tls(client: int, server: int, port: int, name: bytes, der: bytes, dice: random.Random) -> Iterator[bytes]:
    hello = b"\x03\x03" + dice.randbytes(32) + b"\x00" + struct.pack(">HB", 0xC02F, 0)
    chain = len(der).to_bytes(3, "big") + der
    flight = handshake(2, hello) + handshake(11, len(chain).to_bytes(3, "big") + chain) + handshake(14, b"")
    keys = handshake(16, bytes(66)) + record(20, b"\x01") + record(22, dice.randbytes(40))
    ends = (client, dice.randrange(1024, 65536)), (server, port)
    yield from Connection(*ends, dice).exchange(
        (0, client_hello(name, dice)), (1, flight), (0, keys), (1, record(20, b"\x01")), (0, record(23, bytes(300)))
    )


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack(">HH", kind, len(value)) + value


def message(kind: int, transaction: bytes, *attributes: bytes) -> bytes:
    body = b"".join(attributes)
    return struct.pack(">HHI", kind, len(body), 0x2112A442) + transaction + body


def allocation(client: int, port: int, relayed: int, dice: random.Random) -> Iterator[bytes]:
    ends = (client, port), (EDGE, 3478)
    cookie, number = attribute(0x000F, b"\x72\xc6\x4b\xc6"), dice.randbytes(12)
    yield udp(*ends, message(0x0003, number, cookie, attribute(0x0006, b"user")))
    mapped = attribute(0x0001, struct.pack(">HHI", 1, relayed, RELAY))
    yield udp(ends[1], ends[0], message(0x0103, number, cookie, mapped, attribute(0x8020, bytes(8))))


def checks(one: tuple[int, int], other: tuple[int, int], dice: random.Random) -> Iterator[bytes]:
    own, others = (dice.randbytes(4).hex().encode() for _ in range(2))
    for source, target in ((one, other), (other, one)):
        number = dice.randbytes(12)
        names = attribute(0x0006, own + b":" + others)
        yield udp(source, target, message(0x0001, number, names, attribute(0x0025, b"")))
        mapped = attribute(0x0020, struct.pack(">HHI", 1, source[1] ^ 0x2112, source[0] ^ 0x2112A442))
        yield udp(target, source, message(0x0101, number, mapped))


def media(one: tuple[int, int], other: tuple[int, int], dice: random.Random) -> Iterator[bytes]:
    ssrcs = dice.getrandbits(32), dice.getrandbits(32)
    for number in range(RTP_PACKETS):
        for side, (source, target) in enumerate(((one, other), (other, one))):
            head = struct.pack(">BBHII", 0x80, 114, number, number * 320, ssrcs[side])
            yield udp(source, target, head + bytes(60))


def device(number: int, flows: int, der: bytes, dice: random.Random) -> Iterator[bytes]:
    """All frames of one device, about `flows` conversations."""
    client, peer = 0x0A020000 + number, 0x0A020000 + (number ^ 1)
    port = 20_000 + 40 * (number % 500)
    yield from lookup(client, b"\x14lyncdiscoverinternal" + DOMAIN, WEB, dice)
    yield from lookup(client, b"\x0clyncdiscover" + DOMAIN, None, dice)
    yield from tls(client, WEB, 443, b"lyncdiscoverinternal.contoso.example", der, dice)
    yield from tls(client, POOL, 5061, b"pool.contoso.example", der, dice)
    yield from allocation(client, port, 50_000 + number, dice)
    if number % 2 == 0:
        yield from checks((client, port + 1), (peer, port + 1), dice)
        yield from media((client, port + 1), (peer, port + 1), dice)
    for place in range(flows - 7):
        if place % 3:
            yield from lookup(client, b"\x03www" + DOMAIN, 0xC6336450, dice)
        else:
            yield from tls(client, 0xC6336450 + place % 8, 443, b"www.example.org", der, dice)


def write_capture(path: Path, devices: int, flows: int) -> None:
    """Write a pcap of this site; every device is half a second behind the one before it."""
    dice, der = random.Random(5), certificate()
    each = max(flows // devices, 8)
    timed = [
        (number * 0.02 + place * 0.02, data)
        for number in range(devices)
        for place, data in enumerate(device(number, each, der, dice))
    ]
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        for after, data in sorted(timed, key=lambda one: one[0]):
            seconds, rest = divmod(round(after * 1e6), 1_000_000)
            file.write(struct.pack("<4I", START + seconds, rest, len(data), len(data)) + data)


def measure(name: str, work: Callable[[], object]) -> float:
    """Run once, print and return the CPU seconds."""
    start = time.process_time()
    work()
    spent = time.process_time() - start
    sys.stdout.write(f"{name:24} {spent:6.3f} s cpu\n")
    return spent


def tables_of(devices: int, flows: int) -> Tables:
    """The site, read."""
    path = Path(tempfile.gettempdir()) / f"correlation-{devices}-{flows}.pcap"
    if not path.exists():
        write_capture(path, devices, flows)
    return read_tables([Source(str(path))])


def main() -> int:
    devices, flows = (int(one) for one in (sys.argv[1:3] or (500, 20_000)))
    small = build_case(tables_of(4, 40))
    few = ResultTables(Study((small,)))
    # From here on everything is imported, and the reference tables are read.
    assert judge([small], [Origins(small.tables, ["few"])])
    assert [len(few[name]) for name in few]
    tables = tables_of(devices, flows)
    cases: list[Case] = []
    spent = measure("case", lambda: cases.append(build_case(tables)))
    fresh = build_case(tables)
    judged = measure("judge", lambda: judge([fresh], [Origins(tables, ["busy-site"])]))
    results = ResultTables(Study(tuple(cases)))
    spent += sum(measure(name, lambda name=name: results[name]) for name in results)  # type: ignore[misc]
    sys.stdout.write(f"{len(tables.flows)} flows, {len(results['devices'])} devices: {spent:.2f} s cpu in all\n")
    return int(spent > LIMIT_SECONDS or judged > JUDGE_LIMIT_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
