"""The inputs each target begins with: valid ones, so that what is behind the first checks is reached at once."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable, Iterable

import etl_files
import lz4.frame
import rare_captures
import zstandard
from capture_files import CLIENT, SERVER, START, full_pcapng, pcap, tcp, timed, udp
from protocol_examples import EXAMPLES
from samples import recorded

from fuzz.tape import number, piece
from fuzz.targets import LINK_TYPES, NAMES, PORTS

FRAMES = [udp(CLIENT, SERVER, bytes([65 + count]) * (8 + count)) for count in range(4)]


def files() -> dict[str, bytes]:
    """A valid file of every kind that is read, by what it is."""
    plain = {
        **{f"pcap{order}{digits}": pcap(timed(FRAMES), order, digits) for order in "<>" for digits in (6, 9)},
        "pcap-modified": pcap(timed(FRAMES), modified=True),
        **{f"pcapng{order}": full_pcapng(order) for order in "<>"},
        "snoop": rare_captures.snoop(rare_captures.snoop_record(one, padding=2) for one in FRAMES),
        **{f"netmon-{major}.{minor}": _netmon((major, minor)) for major, minor in ((1, 1), (2, 0), (2, 1), (2, 3))},
        **{f"nstrace-{kind}": _nstrace(kind, version) for kind, version in NSTRACE.items()},
        "etl": etl_files.trace(
            etl_files.buffer(
                [*(etl_files.ndis(one, etl_files.tick(0)) for one in FRAMES), etl_files.pktmon(FRAMES[0], 1)], size=2048
            ),
            size=2048,
        ),
    }
    one = plain["pcap<6"]
    packed = {
        "gzip": gzip.compress(one, mtime=0),
        "bzip2": bz2.compress(one),
        "xz": lzma.compress(one),
        "zstd": zstandard.compress(one),
        "lz4": lz4.frame.compress(one),
        "zip": _zip({"a.pcap": one, "b.gz": gzip.compress(one, mtime=0), "c.zip": _zip({"d.cap": one})}),
        "tar": _tar({"a.pcap": one, "b" * 120: one}),
        "tar.gz": gzip.compress(_tar({"a.pcap": one}), mtime=0),
    }
    return plain | packed


NSTRACE = {"1.0": "1.0", "2.0": "2.0", "2.6": "2.0", "3.0": "3.0", "3.5": "3.5"}
"""Versions of the file by kind of record."""


def _netmon(version: tuple[int, int]) -> bytes:
    time = rare_captures.FILETIME_1970 + START // 100
    records = [rare_captures.netmon_record(version, one, filetime=time) for one in FRAMES]
    return rare_captures.netmon(records, version, comments=rare_captures.netmon_comment(128, "a comment"))


def _nstrace(kind: str, version: str) -> bytes:
    time = rare_captures.microseconds(3) if kind < "2.3" else START
    return rare_captures.nstrace(version, [rare_captures.nstrace_packet(kind, one, time) for one in FRAMES])


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
    """Every protocol between every pair of ports, both sides speaking in turn."""
    for place in range(len(PORTS)):
        for examples in EXAMPLES.values():
            yield b"".join(number(place) + number(turn % 2) + piece(one) for turn, one in enumerate(examples))


def _samples() -> Iterable[bytes]:
    """Every sample as it is, and as three files."""
    return (number(place) + number(count) for place in range(len(NAMES)) for count in (0, 2))


SEEDS: dict[str, Callable[[], Iterable[bytes]]] = {
    "capture": lambda: files().values(),
    "frames": _frames,
    "conversation": _conversations,
    "analysis": _samples,
}
