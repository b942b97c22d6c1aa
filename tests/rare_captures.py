"""snoop, Network Monitor and NetScaler files built byte by byte, for what no tool at hand writes."""

import struct
from collections.abc import Iterable, Sequence

from capture_files import START

FILETIME_1970 = 116_444_736_000_000_000
SYSTEMTIME = (2023, 11, 2, 14, 22, 13, 20, 0)
"""START as Network Monitor writes it, in UTC."""


def snoop_record(frame: bytes, time: int = START, wire: int | None = None, padding: int = 0, lost: int = 0) -> bytes:
    wire = len(frame) if wire is None else wire
    length = 24 + len(frame) + padding
    second, rest = divmod(time, 1_000_000_000)
    return struct.pack(">6I", wire, len(frame), length, lost, second, rest // 1000) + frame + bytes(padding)


def snoop(records: Iterable[bytes], version: int = 2, datalink: int = 4) -> bytes:
    return b"snoop\0\0\0" + struct.pack(">2I", version, datalink) + b"".join(records)


def netmon_record(
    version: tuple[int, int],
    frame: bytes,
    ticks: int = 0,
    wire: int | None = None,
    media: int = 1,
    filetime: int = 0,
) -> bytes:
    wire = len(frame) if wire is None else wire
    head = struct.pack("<I2H" if version[0] == 1 else "<Q2I", ticks, wire, len(frame))
    trailer = struct.pack("<HIQB", media, 0xFFFFFFFF, filetime, 0)
    kept = {(2, 1): 2, (2, 2): 6, (2, 3): 15}.get(version, 0)
    return head + frame + trailer[:kept]


def netmon_comment(record_at: int, title: str, description: bytes = b"{\\rtf1}") -> bytes:
    text = title.encode("utf-16-le") + b"\0\0"
    return struct.pack("<3I", 1, record_at, len(text)) + text + struct.pack("<I", len(description)) + description


def netmon(
    records: Sequence[bytes],
    version: tuple[int, int] = (2, 0),
    order: Sequence[int] | None = None,
    media: int = 1,
    started: Sequence[int] = SYSTEMTIME,
    comments: bytes = b"",
) -> bytes:
    """`order` names the records in the order of the frame table."""
    at, places = 128, []
    for record in records:
        places.append(at)
        at += len(record)
    named = [places[one] for one in (range(len(records)) if order is None else order)]
    table = struct.pack(f"<{len(named)}I", *named)
    head = b"RTSS" if version[0] == 1 else b"GMBU"
    head += struct.pack("<2B9H", version[1], version[0], media, *started)
    head += struct.pack("<6I", at, len(table), 0, 0, at + len(table) if comments else 0, len(comments))
    return head.ljust(128, b"\0") + b"".join(records) + table + comments


def nstrace_size(size: int) -> bytes:
    return bytes([size]) if size < 0x80 else bytes([0x80 | (size & 0x7F), size >> 7])


def microseconds(count: int) -> int:
    """An interval as NetScaler writes it: the unit in the upper two bits."""
    return 0x80000000 | count


NSTRACE_HEADS = {
    "1.0": ("<II", "<IIHH"),
    "2.0": ("<BI", "<BIHH"),
    "2.1": ("<BI8x", "<BIHH8x"),
    "2.2": ("<BI10x", "<BIHH10x"),
    "2.3": ("<BQ12x", "<BQHH12x"),
    "2.4": ("<BQ17x", "<BQHH17x"),
    "2.5": ("<BQ17xBB", "<BQHH17xBB"),
    "2.6": ("<BQ17xBB17x", "<BQHH17xBB17x"),
}
"""Device, time, in a part also length and offset, and lengths of names, of full and partial records."""
NSTRACE_KINDS = {
    "1.0": 0x0310, "2.0": 0xC0, "2.1": 0xD0, "2.2": 0xE0, "2.3": 0xF0, "2.4": 0xF8, "2.5": 0xB0, "2.6": 0xA0,
    "3.0": 0xA8, "3.5": 0xAC,
}  # fmt: skip


def nstrace_packet(
    kind: str,
    frame: bytes,
    time: int,
    direction: int = 0,
    part: tuple[int, int] | None = None,
    names: tuple[bytes, bytes] = (b"", b""),
    details: Sequence[tuple[int, bytes]] = (),
    last_detail: int = 1,
    wire: int | None = None,
) -> bytes:
    """A record of `kind`; `part` is the length of the whole packet and where in it the bytes begin."""
    record_type = NSTRACE_KINDS[kind] + direction + (4 if part else 0)
    wire = len(frame) if wire is None else wire
    if kind == "3.0":
        head = struct.pack("<BQ8xH9xBB19x", 0, time, wire, *map(len, names)) + b"".join(names)
    elif kind == "3.5":
        chain = b""
        for place, (_, detail) in enumerate(details):
            following = details[place + 1][0] if place + 1 < len(details) else last_detail
            chain += struct.pack("<HB", 3 + len(detail), following) + detail
        first = details[0][0] if details else last_detail
        head = struct.pack("<BQ8xHHHH6xB", 0, time, wire, 0, 0, 35 + len(chain), first) + chain
    else:
        values = [0, time, *(part or ()), *(map(len, names) if kind in ("2.5", "2.6") else ())]
        head = struct.pack(NSTRACE_HEADS[kind][part is not None], *values) + b"".join(names)
    if kind == "1.0":
        return struct.pack("<HH", record_type, 4 + len(head) + len(frame)) + head + frame
    size = 3 + len(head) + len(frame)
    return bytes([record_type, 0x80 | (size & 0x7F), size >> 7]) + head + frame


def nstrace_absolute(version: str, second: int) -> bytes:
    if version == "1.0":
        return struct.pack("<HHII", 0x0107, 12, 0, second)
    return struct.pack("<BBHI", 0x07, 8, 0, second)


def nstrace_relative(version: str, milliseconds: int) -> bytes:
    if version == "1.0":
        return struct.pack("<HHI", 0x0108, 8, milliseconds).ljust(8, b"\0")
    return struct.pack("<BBH", 0x08, 4, milliseconds)


def nstrace_signature(version: str) -> bytes:
    if version == "1.0":
        return struct.pack("<HH4x56s", 0x0101, 64, b"NetScaler Performance Data")
    name = {"2.0": b"NetScaler V20", "3.0": b"Netscaler V30", "3.5": b"Netscaler V35"}[version]
    return struct.pack("<BBB31s", 0x01, 34, 0, name + b" Performance Data")


def nstrace(version: str, records: Iterable[bytes], second: int | None = START // 1_000_000_000) -> bytes:
    """`second` is what the absolute time record says, None when there is none."""
    page = 16384 if version[0] == "3" else 8192
    data = bytearray(nstrace_signature(version))
    if second is not None:
        data += nstrace_absolute(version, second)
    for record in records:
        if version[0] != "3" and len(data) % page + len(record) > page:
            data += bytes(-len(data) % page)
        data += record
    return bytes(data)
