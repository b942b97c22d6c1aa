"""Windows event traces built byte by byte.

No public trace with packets was at hand. This writer and the reader are made from the same descriptions of the format,
so what both take for granted is not proved by tests that use it. One thing is: the first buffer of a trace, with the
header of buffers, that of system records and that of the trace, equals one that Windows recorded (see `test_etl.py`).
Other readers, dissect.etl 3.14 and etl-parser 1.0.1, find the same events, time stamps and data in what it writes.
"""

import struct
import uuid
from collections.abc import Iterable

from capture_files import START

NDISCAP = uuid.UUID("2ed6006e-4729-4609-b423-3ee7bcd678ef").bytes_le
PKTMON = uuid.UUID("4d4f80d9-c8bd-4d73-bb5b-19c90402c5ac").bytes_le
RAS_WAN = uuid.UUID("d84521f7-2235-4237-a7c0-14e3a9676286").bytes_le
OTHER = uuid.UUID("2f07e2ee-15db-40f1-90ef-9d7ba282188a").bytes_le  # Microsoft-Windows-TCPIP

ETHERNET_KEYWORD, WWAN, TUNNEL, WIFI, SWITCH = 0x1, 0x200, 0x8000, 0x10000, 0x1000000
BEGIN, END, SEND, RECEIVE = 0x40000000, 0x80000000, 0x100000000, 0x200000000
WHOLE = ETHERNET_KEYWORD | BEGIN | END | RECEIVE
QPC, SYSTEM_TIME, CPU_CYCLES = 1, 2, 3

SIZE = 4096
FIRST_TICK = 3_072_009_292_933
FREQUENCY = 10_000_000
EPOCH = 116_444_736_000_000_000  # 100 ns from 1601 to 1970


def filetime(nanoseconds: int) -> int:
    return nanoseconds // 100 + EPOCH


def tick(nanoseconds: int, clock: int = QPC, rate: int = FREQUENCY) -> int:
    """The time stamp of an event so long after START."""
    if clock == SYSTEM_TIME:
        return filetime(START + nanoseconds)
    return FIRST_TICK + nanoseconds * rate // 1_000_000_000


def text(words: str) -> bytes:
    return words.encode("utf-16-le") + b"\0\0"


def time_zone(bias: int = 0, standard: str = "", daylight: str = "", dates: tuple[bytes, bytes] = (b"", b"")) -> bytes:
    """A TIME_ZONE_INFORMATION; `dates` are two SYSTEMTIME."""
    names = [name.encode("utf-16-le").ljust(64, b"\0") for name in (standard, daylight)]
    first, second = (date.ljust(16, b"\0") for date in dates)
    biases = (bias, 0, -60 if daylight else 0)
    return (
        struct.pack("<i", biases[0])
        + names[0]
        + first
        + struct.pack("<i", biases[1])
        + names[1]
        + second
        + struct.pack("<i", biases[2])
    )


def logfile_header(
    bits: int = 64,
    clock: int = QPC,
    frequency: int = FREQUENCY,
    size: int = SIZE,
    mode: int = 0x1,
    written: int = 0,
    events_lost: int = 0,
    buffers_lost: int = 0,
    start: int = filetime(START),
    end: int = filetime(START + 10**12),
    boot: int = 0,
    megahertz: int = 2800,
    version: tuple[int, int, int, int, int] = (10, 0, 1, 5, 22621),
    processors: int = 8,
    resolution: int = 156250,
    zone: bytes = b"",
    names: tuple[str, str] = ("NetTrace", "C:\\NetTrace.etl"),
) -> bytes:
    data = struct.pack("<I4BII", size, *version[:4], version[4], processors)
    data += struct.pack("<Q4I", end, resolution, 0, mode, written)
    data += struct.pack("<4I", 1, bits // 8, events_lost, megahertz) + bytes(bits // 4)
    data += (zone or time_zone()) + bytes(4)
    data += struct.pack("<3Q2I", boot, frequency, start, clock, buffers_lost)
    return data + text(names[0]) + text(names[1])


def system_record(
    data: bytes, hook: int = 0, stamp: int = FIRST_TICK, bits: int = 64, ids: tuple[int, int] = (4, 0)
) -> bytes:
    kind = 2 if bits == 64 else 1
    return struct.pack("<HBBHHIIQQ", 2, kind, 0xC0, 32 + len(data), hook, *ids, stamp, 0) + data


def perfinfo_record(data: bytes, stamp: int = FIRST_TICK) -> bytes:
    return struct.pack("<HBBHHQ", 2, 0x11, 0xC0, 16 + len(data), 0x0F2E, stamp) + data


def classic_record(data: bytes, stamp: int = FIRST_TICK) -> bytes:
    return struct.pack("<HBBIIIQ", 48 + len(data), 0x14, 0xC0, 0, 1, 2, stamp) + OTHER + bytes(8) + data


def message_record(data: bytes) -> bytes:
    return struct.pack("<HBBHH", 8 + len(data), 0, 0x90, 10, 0) + data


def item(kind: int, data: bytes, more: bool = False, size: int | None = None) -> bytes:
    """An extended data item, padded as Windows does."""
    padded = (8 + len(data) + 7) & ~7
    head = struct.pack("<4H", padded if size is None else size, kind, more, len(data))
    return (head + data).ljust(padded, b"\0")


def event(
    provider: bytes,
    number: int,
    data: bytes,
    stamp: int,
    keyword: int = 0,
    thread: int = 4,
    bits: int = 64,
    items: bytes = b"",
) -> bytes:
    """An EVENT_HEADER, its extended items and its data, not padded."""
    flags = (0x40 if bits == 64 else 0x20) | bool(items)
    size = 0x50 + len(items) + len(data)
    head = struct.pack("<HBBHHIIQ", size, 0x13 if bits == 64 else 0x12, 0xC0, flags, 0, thread, 4, stamp)
    return head + provider + struct.pack("<HBBBBHQQ", number, 0, 16, 4, 0, 0, keyword, 0) + bytes(16) + items + data


def ndis(
    frame: bytes,
    stamp: int,
    keyword: int = WHOLE,
    interfaces: tuple[int, int] = (12, 12),
    thread: int = 4,
    bits: int = 64,
    items: bytes = b"",
    behind: bytes = bytes(16),
) -> bytes:
    """Event 1001 of ndiscap."""
    data = struct.pack("<3I", *interfaces, len(frame)) + frame + behind
    return event(NDISCAP, 1001, data, stamp, keyword, thread, bits, items)


def vmswitch(
    frame: bytes,
    stamp: int,
    port: int = 3,
    destinations: Iterable[int] = (),
    vlan: int = 0,
    bits: int = 64,
    keyword: int = WHOLE | SWITCH,
    out_of_band: bytes | None = None,
) -> bytes:
    """Event 1003 of ndiscap."""
    far = list(destinations)
    data = struct.pack("<3I", 12, 12, port) + text(f"port {port}") + text("nic") + text("Synthetic")
    data += struct.pack("<I", len(far))
    for one in far:
        data += struct.pack("<I", one) + text(f"port {one}") + text("other nic") + text("External")
    data += struct.pack("<I", len(frame)) + frame
    if out_of_band is None:
        entries = [0] * 12
        entries[4] = vlan << 4
        out_of_band = b"".join(entry.to_bytes(bits // 8, "little") for entry in entries)
    return event(NDISCAP, 1003, data + struct.pack("<I", len(out_of_band)) + out_of_band, stamp, keyword, 4, bits)


def pktmon(
    payload: bytes,
    stamp: int,
    group: int = 1,
    component: int = 5,
    edge: int = 1,
    kind: int = 1,
    original: int | None = None,
    drop: tuple[int, int] | None = None,
    logged: int | None = None,
) -> bytes:
    """Event 160 of pktmon, or 170 when `drop` gives reason and location."""
    reason, location = drop or (0, 0)
    fields = (group, 1, 1, 1, kind, component, edge, 0, reason, location)
    sizes = (len(payload) if original is None else original, len(payload) if logged is None else logged)
    return event(PKTMON, 170 if drop else 160, struct.pack("<Q7H2I2H", *fields, *sizes) + payload, stamp, 0x10)


def component(number: int, kind: int, name: str, description: str, stamp: int) -> bytes:
    """Event 20 of pktmon."""
    return event(PKTMON, 20, struct.pack("<2H", number, kind) + text(name) + text(description), stamp, 0x2)


def buffer(
    records: Iterable[bytes],
    sequence: int = 1,
    processor: int = 0,
    size: int = SIZE,
    flags: int = 0,
    kind: int = 0,
    blank: bytes = b"\xff",
) -> bytes:
    """A buffer with these records, each at a multiple of 8."""
    body = b"".join(record.ljust((len(record) + 7) & ~7, b"\0") for record in records)
    filled = 0x48 + len(body)
    if filled > size:
        raise ValueError(f"{filled} bytes do not fit into a buffer of {size}")
    head = struct.pack("<4IQqQHHI", size, filled, 0, 0, 0, sequence, 0, processor, 0, 0)
    head += struct.pack("<IHH", filled, flags, kind) + bytes(16)
    return (head + body).ljust(size, blank)


def first_buffer(bits: int = 64, size: int = SIZE, **session: object) -> bytes:
    header = logfile_header(bits, size=size, **session)  # type: ignore[arg-type]
    return buffer([system_record(header, bits=bits)], 0, size=size, flags=1, kind=4)


def trace(*buffers: bytes, **session: object) -> bytes:
    """A whole trace; `session` are arguments of `first_buffer`."""
    return first_buffer(**session) + b"".join(buffers)  # type: ignore[arg-type]
