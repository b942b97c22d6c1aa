"""The first record of a trace: what the session was, what it lost, and how its clock becomes time."""

import struct
from dataclasses import dataclass

from lynccap.ingest.formats.etl.records import BUFFER_HEADER_BYTES, MAX_BUFFER_BYTES, MIN_BUFFER_BYTES, wide
from lynccap.ingest.formats.reading import WHOLE_COPY

SYSTEM_HEADER_BYTES = 0x20
LOGFILE_HEADER_BYTES = {1: 0x110, 2: 0x118}  # by the type of the system header: two pointers differ
MARKERS = (b"\x02\x00\x01\xc0", b"\x02\x00\x02\xc0")
HOOK = b"\x00\x00"
HEAD_BYTES = BUFFER_HEADER_BYTES + 8  # up to the hook
QPC, SYSTEM_TIME, CPU_CYCLES = 1, 2, 3
MODE_COMPRESSED, MODE_REWRITES = 0x04000000, 0x02 | 0x04 | 0x08  # circular, append, new file
EPOCH = 116_444_736_000_000_000  # 100 ns from 1601 to 1970
TICKS = 10_000_000  # of 100 ns in a second
CONVERT = "convert it with 'pktmon etl2pcap FILE.etl' or 'etl2pcapng FILE.etl FILE.pcapng'"
MAX_NAME = 128  # characters of a session's name that are shown


@dataclass(frozen=True, slots=True)
class Clock:
    """Turns time stamps into time: `ticks` since `first_tick`, of which `rate` a second, begin at `start`."""

    kind: int
    first_tick: int
    start: int
    """100 ns since 1601 UTC."""
    rate: int

    def nanoseconds(self, tick: int) -> int:
        """Since 1970, in steps of 100; 0 where that does not fit.

        Whole numbers all the way: Windows' own conversion rounds twice in floating point, so that it may differ by 100
        ns. Source: [MS] WNODE_HEADER, "To convert an ETW timestamp into a FILETIME".
        """
        passed = (tick - self.first_tick) * TICKS // self.rate
        since_1601 = tick if self.kind == SYSTEM_TIME else self.start + passed
        since_1970 = (since_1601 - EPOCH) * 100
        return since_1970 if 0 <= since_1970 < 1 << 63 else 0


@dataclass(frozen=True, slots=True)
class Session:
    """What the trace says about itself."""

    clock: Clock
    buffer_bytes: int
    buffers_written: int
    """0 when the file does not hold all that the session wrote."""
    events_lost: int
    buffers_lost: int
    stopped: bool
    recorder: str


def begins_trace(head: bytes) -> bool:
    """Whether these are the first bytes of an event trace."""
    return (
        len(head) >= HEAD_BYTES
        and head[BUFFER_HEADER_BYTES : BUFFER_HEADER_BYTES + 4] in MARKERS
        and head[HEAD_BYTES - 2 : HEAD_BYTES] == HOOK
    )


def read_session(head: bytes) -> Session:
    """The session of a trace that begins with these bytes. Raises ValueError, with the byte, when it cannot be read."""
    at = BUFFER_HEADER_BYTES + SYSTEM_HEADER_BYTES
    length = LOGFILE_HEADER_BYTES[head[BUFFER_HEADER_BYTES + 2]]
    if len(head) < at + length:
        raise ValueError(f"the file header is cut off at byte {len(head)}; {WHOLE_COPY}")
    (first_tick,) = struct.unpack_from("<Q", head, BUFFER_HEADER_BYTES + 0x10)
    buffer_bytes, major, minor, build = struct.unpack_from("<IBB2xI", head, at)
    end_time, mode, written = struct.unpack_from("<Q8x2I", head, at + 0x10)
    events_lost, megahertz = struct.unpack_from("<2I", head, at + 0x30)
    frequency, start, kind, buffers_lost = struct.unpack_from("<2Q2I", head, at + length - 0x18)
    if mode & MODE_COMPRESSED:
        raise ValueError(f"the trace is compressed (mode 0x{mode:08x} at byte {at + 0x20}); {CONVERT}")
    if not MIN_BUFFER_BYTES <= buffer_bytes <= MAX_BUFFER_BYTES:
        raise ValueError(f"the trace claims buffers of {buffer_bytes} bytes at byte {at}; {WHOLE_COPY}")
    rate = {QPC: frequency, SYSTEM_TIME: TICKS, CPU_CYCLES: megahertz * 1_000_000}.get(kind, 0)
    if not rate:  # clock 0, "raw", is named in headers, but nobody says what it counts: UNVERIFIED, so not guessed
        raise ValueError(f"the trace's clock (type {kind} at byte {at + length - 8}) is not known; {CONVERT}")
    (size,) = struct.unpack_from("<H", head, BUFFER_HEADER_BYTES + 4)
    name = wide(head[: BUFFER_HEADER_BYTES + size], at + length)
    return Session(
        clock=Clock(kind, first_tick, start, rate),
        buffer_bytes=buffer_bytes,
        buffers_written=0 if mode & MODE_REWRITES or not end_time else written,
        events_lost=events_lost,
        buffers_lost=buffers_lost,
        stopped=end_time != 0,
        recorder=_recorder(major, minor, build, name[0] if name else ""),
    )


def _recorder(major: int, minor: int, build: int, session: str) -> str:
    shown = "".join(one for one in session[:MAX_NAME] if one.isprintable())
    return f"Windows {major}.{minor} build {build}" + (f", event trace session {shown}" if shown else "")
