"""The inputs each target begins with: valid ones, so that what is behind the first checks is reached at once."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Sequence
from random import Random

import etl_files
import lz4.frame
import rare_captures
import zstandard
from capture_files import CLIENT, SERVER, START, enhanced, full_pcapng, interface, pcap, section, tcp, timed, udp
from protocol_examples import EXAMPLES
from samples import recorded

from fuzz import readers
from fuzz.tape import number, piece
from fuzz.targets import LINK_TYPES, NAMES, PORTS

FRAMES = tuple(udp(CLIENT, SERVER, bytes([65 + count]) * (8 + count)) for count in range(4))
TICKS = START // 1000
BUFFER_BYTES = 2048  # of an event trace; holds the longest frame an Ethernet carries
LINK_HEADERS = {1: 14, 101: 0, 113: 16, 276: 20}  # bytes before the packet, of the samples' link types
TRANSPORTS = {6: "tcp", 17: "udp"}
LONGEST_SEED = 6000  # of a conversation: its handshake and first messages
NSTRACE = {"1.0": "1.0", "2.0": "2.0", "2.6": "2.0", "3.0": "3.0", "3.5": "3.5"}
"""Versions of the file by kind of record."""


def files(frames: Sequence[bytes] = FRAMES) -> dict[str, bytes]:
    """A valid file of every format with these frames, of at most 1500 bytes, by what it is."""
    return {
        **{f"pcap{order}{digits}": pcap(timed(frames), order, digits) for order in "<>" for digits in (6, 9)},
        "pcap-modified": pcap(timed(frames), modified=True),
        **{f"pcapng{order}": _pcapng(order, frames) for order in "<>"},
        "snoop": rare_captures.snoop(rare_captures.snoop_record(one, padding=2) for one in frames),
        **{f"netmon-{major}.{minor}": _netmon((major, minor), frames) for major, minor in ((1, 1), (2, 0), (2, 3))},
        **{f"nstrace-{kind}": _nstrace(kind, version, frames) for kind, version in NSTRACE.items()},
        "etl": _etl(frames),
    }


def packed(file: bytes) -> dict[str, bytes]:
    """A file compressed and archived in every way that is read."""
    return {
        "gzip": gzip.compress(file, mtime=0),
        "bzip2": bz2.compress(file),
        "xz": lzma.compress(file),
        "zstd": zstandard.compress(file),
        "lz4": lz4.frame.compress(file),
        "zip": _zip({"a.pcap": file, "b.gz": gzip.compress(file, mtime=0), "c.zip": _zip({"d.cap": file})}),
        "tar": _tar({"a.pcap": file, "b" * 120: file}),
        "tar.gz": gzip.compress(_tar({"a.pcap": file}), mtime=0),
    }


def _pcapng(order: str, frames: Iterable[bytes]) -> bytes:
    blocks = (enhanced(one, TICKS + place, order=order) for place, one in enumerate(frames))
    return section(order) + interface(order) + b"".join(blocks)


def _netmon(version: tuple[int, int], frames: Iterable[bytes]) -> bytes:
    time = rare_captures.FILETIME_1970 + START // 100
    records = [rare_captures.netmon_record(version, one, filetime=time) for one in frames]
    return rare_captures.netmon(records, version, comments=rare_captures.netmon_comment(128, "a comment"))


def _nstrace(kind: str, version: str, frames: Iterable[bytes]) -> bytes:
    time = rare_captures.microseconds(3) if kind < "2.3" else START
    return rare_captures.nstrace(version, [rare_captures.nstrace_packet(kind, one, time) for one in frames])


def _etl(frames: Iterable[bytes]) -> bytes:
    events = (etl_files.ndis(one, etl_files.tick(1000 * place)) for place, one in enumerate(frames))
    buffers = (etl_files.buffer([one], place + 1, size=BUFFER_BYTES) for place, one in enumerate(events))
    return etl_files.trace(*buffers, size=BUFFER_BYTES)


def _zip(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return out.getvalue()


def _tar(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def _files() -> Iterable[bytes]:
    plain = files()
    return (*plain.values(), full_pcapng(), *packed(plain["pcap<6"]).values())


def _frame(link: int, data: bytes) -> bytes:
    return number(LINK_TYPES.index(link)) + number(0) + piece(data)


def _frames() -> Iterable[bytes]:
    """Each link type around the same packet, as far as its header is only zeros, and frames of real hosts."""
    packet = FRAMES[0][14:]
    yield from (_frame(link, bytes(room) + packet) for link in LINK_TYPES for room in (0, 4, 16))
    for name in NAMES[::4]:
        chosen = recorded(name)[::12][:12]
        yield b"".join(_frame(one.link, one.data) for one in chosen)
    yield b"".join(_frame(1, tcp(CLIENT, SERVER, 1 + count, 1, 24, b"GET ")) for count in range(3))


def _conversations() -> Iterable[bytes]:
    """Every protocol between every pair of ports, both sides speaking in turn; and what was said in the samples."""
    for place in range(len(PORTS)):
        for examples in EXAMPLES.values():
            yield b"".join(number(place) + number(turn % 2) + piece(one) for turn, one in enumerate(examples))

    body = gzip.compress(b"<a/>", mtime=0)
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    yield number(PORTS.index(("tcp", 50_000, 80))) + number(1) + piece(answer)
    for name in NAMES[1::3]:
        yield from _spoken(name).values()


def _spoken(name: str) -> dict[tuple[int, ...], bytes]:
    """The first datagrams and segments with payload of each conversation of a sample that has a port of PORTS."""
    found: dict[tuple[int, ...], bytes] = {}
    servers = {(transport, server): place for place, (transport, _, server) in enumerate(PORTS)}
    for one in recorded(name):
        packet = one.data[LINK_HEADERS[one.link] :]
        if len(packet) < 40 or packet[0] != 0x45 or packet[9] not in TRANSPORTS:
            continue
        transport, body = TRANSPORTS[packet[9]], packet[20 : int.from_bytes(packet[2:4], "big")]
        payload = body[8 if transport == "udp" else body[12] >> 4 << 2 :]
        ports = (int.from_bytes(body[:2], "big"), int.from_bytes(body[2:4], "big"))
        side = next((side for side in (0, 1) if (transport, ports[1 - side]) in servers), None)
        if payload and side is not None:
            key = (packet[9], *sorted(ports))
            said = number(servers[transport, ports[1 - side]]) + number(side) + piece(payload)
            found[key] = (found.get(key, b"") + said)[:LONGEST_SEED]
    return found


def _samples() -> Iterable[bytes]:
    """Every sample as it is, and changed."""
    for place in range(len(NAMES)):
        yield number(place)
        yield number(place) + Random(place).randbytes(40)


def _media() -> Iterable[bytes]:
    """Two streams at once: in order, with loss, with packets late and twice, with silences, with another type."""
    for step, ticks in ((1, 160), (2, 320), (3, 90), (0xFFFF, 0xFFFFFF60)):
        for window in range(4):
            packets = [_packet(place, place // 2 * step, place // 2 * ticks) for place in range(120)]
            yield number(window) + b"".join(packets)
            yield number(window) + b"".join(one for place, one in enumerate(packets) if place % 7 < 5)
            yield number(window) + b"".join(packets[place ^ 2 * (place % 5 < 1)] for place in range(120))
            yield number(window) + b"".join(packets[:30] + packets[20:])


def _packet(place: int, sequence: int, stamp: int) -> bytes:
    kind = b"\0\x72" if place % 20 else b"\0\x0d"
    numbers = (sequence & 0xFFFF).to_bytes(2, "big") + (stamp & 0xFFFFFFFF).to_bytes(4, "big")
    return number(place & 1 | 6 << 12) + kind + numbers + number(20)


SEEDS: dict[str, Callable[[], Iterable[bytes]]] = {
    "capture": _files,
    "frames": _frames,
    "reader": readers.seeds,
    "conversation": _conversations,
    "media": _media,
    "dialogue": lambda: list(_conversations())[::7],  # each takes a whole analysis
    "analysis": _samples,
}
