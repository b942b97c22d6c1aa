"""What is tried: each target takes any bytes, and raises where a promise is broken."""

import atexit
import contextlib
import io
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from capture_files import (
    ACK,
    ETHERNET,
    FIN,
    RST,
    SYN,
    Connection,
    enhanced,
    interface,
    option,
    pcap,
    section,
    timed,
    udp,
)
from samples import Recorded, recorded, samples

from fuzz.promises import keep_books, keep_document, keep_frames, keep_parts, keep_results
from fuzz.readers import reader
from fuzz.tape import Tape
from lynccap.analysis import Study, analyze, document_of
from lynccap.correlation.case import build_case
from lynccap.ingest import Source, UnreadableCapture, read_each
from lynccap.ingest.collecting.collect import collect
from lynccap.ingest.decoding.links import LINKS
from lynccap.ingest.engine import Engine
from lynccap.ingest.formats import window as windowing
from lynccap.ingest.formats.window import WINDOW_BYTES
from lynccap.ingest.recordings.files import CaptureFile

TICKS = 1_700_000_000_000_000
LINK_TYPES = (*LINKS, 147)  # and one that is not read
CLIENT, SERVER = "10.0.0.1", "10.0.0.2"
PORTS = (
    *(("tcp", 50_000, port) for port in (80, 443, 5060, 5061, 5062, 8057, 3478, 53, 4443, 50_001)),
    *(("udp", 50_000, port) for port in (53, 123, 3478, 5060, 50_001)),
    ("udp", 68, 67),
)
"""Transport, client's and server's port of the conversations."""
LONGEST_DATAGRAM = 65_000  # IP has 16 bits for the whole of it
NAMES = tuple(one.name for one in samples())
LATEST = (1 << 64) - 1  # what the file can say


def capture(data: bytes) -> None:
    """Any bytes as a file that comes with a ticket."""
    path = _folder() / "ticket"
    path.write_bytes(data)
    with contextlib.suppress(UnreadableCapture):
        for source in collect([str(path)]):
            with contextlib.suppress(UnreadableCapture):
                _read(source)


def frames(data: bytes) -> None:
    """Frames of any link types: of each its link type, how many bytes of it are missing, its length, its bytes."""
    tape = Tape(data)
    file = section() + b"".join(interface(link=link) for link in LINK_TYPES)
    while tape.more:
        number, missing = tape.number(len(LINK_TYPES)), tape.number()
        frame = tape.take(tape.number())
        file += enhanced(frame, TICKS, number, wire=len(frame) + missing)
    _read(Source("frames", io.BytesIO(file)))


def conversation(data: bytes) -> None:
    """What two hosts say: of each piece the ports, the side and what happens to it, its length, its bytes."""
    _read(Source("conversation", io.BytesIO(_spoken(data))))


def dialogue(data: bytes) -> None:
    """The same, to every report."""
    with contextlib.suppress(UnreadableCapture):
        cases = [build_case(tables) for tables in read_each([Source("dialogue", io.BytesIO(_spoken(data)))])]
        for case in cases:
            keep_books(case)
        study = Study(tuple(cases))
        keep_document(document_of(study))
        keep_results(study)


def _spoken(data: bytes) -> bytes:
    tape = Tape(data)
    connections: dict[int, Connection] = {}
    sent: list[bytes] = []
    while tape.more:
        number, how, payload = tape.number(len(PORTS)), tape.number(), tape.take(tape.number())
        transport, *ports = PORTS[number]
        ends = ((CLIENT, ports[0]), (SERVER, ports[1]))
        side = how & 1
        if transport == "udp":
            sent.append(udp(ends[side], ends[1 - side], payload[:LONGEST_DATAGRAM]))
            continue
        if number not in connections or how & 2:  # the same ports may be used again
            connections[number] = Connection(*ends)
            sent += connections[number].open()
        one = connections[number]
        one.next[side] += 100 * bool(how & 4)  # a gap
        pieces = one.say(side, payload) + [one.send(side, flag | ACK) for flag in _ending(how)]
        sent += pieces[:: -1 if how & 8 else 1] + (pieces if how & 16 else [])
    return pcap(timed(sent))


def media(data: bytes) -> None:
    """Packets of RTP's shape: of each who sends it, when, its numbers; read in windows of two sizes."""
    tape = Tape(data)
    window = 1 << (7 + tape.number(8))
    time, sent = 1, []
    while tape.more:
        how, flags, numbers = tape.number(), tape.number(), tape.take(6).ljust(6, b"\0")
        time = max(1, time + (tape.number() - 20_000 * (how >> 15)) * 10 ** (how >> 12 & 7))
        ends = ((CLIENT, 50_000 + (how & 2)), (SERVER, 50_002))
        ssrc = (how >> 2 & 7) + 1
        packet = (0x8000 | flags & 0x3FFF).to_bytes(2, "big") + numbers + ssrc.to_bytes(4, "big") + bytes(20)
        sent.append((time % (1 << 60), udp(ends[how & 1], ends[1 - (how & 1)], packet)))
    file = pcap(sent, digits=9)
    whole, parted = (_tables_of(file, size) for size in (WINDOW_BYTES, window))
    for name in ("media", "rtcp", "flows"):
        for column, values in whole[name].items():
            assert _alike(values, parted[name][column]), f"{name}: {column} depends on the window"


def _alike(one: Any, other: Any) -> bool:
    if one.dtype.kind == "f":
        return np.allclose(one, other, equal_nan=True)
    return one.tolist() == other.tolist()


def _tables_of(file: bytes, window: int) -> dict[str, Any]:
    engine, number = Engine(), 1
    source = CaptureFile(Source("media", io.BytesIO(file)))
    kept = windowing.WINDOW_BYTES
    windowing.WINDOW_BYTES = window
    try:
        source.open()
        for batch in source.frames():
            keep_frames(batch, number)
            engine.add(batch)
            number += len(batch)
    finally:
        windowing.WINDOW_BYTES = kept
        source.close()
    parts = engine.finish()
    keep_parts(parts)
    return {"flows": parts.flows, **parts.tables}


def _ending(how: int) -> list[int]:
    return [flag for bit, flag in ((32, FIN), (64, RST), (128, SYN)) if how & bit]


def analysis(data: bytes) -> None:
    """A sample with frames dropped, doubled, moved, cut and changed, in one file or several: to every report."""
    tape = Tape(data)
    kept = list(recorded(NAMES[tape.number(len(NAMES))]))
    files, in_turn = tape.number(3) + 1, tape.number(2)
    while tape.more and kept:
        change = CHANGES[tape.number(len(CHANGES))]
        begin = tape.number(len(kept))
        change(kept, slice(begin, begin + 1 + tape.number(len(kept))), tape)
    size = len(kept) // files + 1
    parts = [kept[place::files] if in_turn else kept[place * size :][:size] for place in range(files)]
    openings = [partial(io.BytesIO, _pcapng(part)) for part in parts]
    with contextlib.suppress(UnreadableCapture):
        keep_document(analyze([Source(f"{place}.pcapng", opening=one) for place, one in enumerate(openings)]))


def _pcapng(kept: Sequence[Recorded]) -> bytes:
    """A file of one adapter, so that several are one recording."""
    adapter = option(2, rb"\Device\NPF_{6F1A2B3C-0D4E-4F50-8A61-72839A4B5C6D}")
    link = kept[0].link if kept else ETHERNET
    blocks = (enhanced(one.data, one.time, wire=one.length) for one in kept)
    return section() + interface(link=link, resolution=9, options=adapter) + b"".join(blocks)


def _drop(kept: list[Recorded], part: slice, tape: Tape) -> None:
    del kept[part]


def _double(kept: list[Recorded], part: slice, tape: Tape) -> None:
    kept[part.stop : part.stop] = kept[part]


def _move(kept: list[Recorded], part: slice, tape: Tape) -> None:
    moved = kept[part]
    del kept[part]
    at = tape.number(len(kept) + 1)
    kept[at:at] = moved


def _cut(kept: list[Recorded], part: slice, tape: Tape) -> None:
    length = tape.number(200)
    kept[part] = [replace(one, data=one.data[:length]) for one in kept[part]]


def _change_bytes(kept: list[Recorded], part: slice, tape: Tape) -> None:
    at, patch = tape.number(1500), tape.take(tape.number(8))
    kept[part] = [
        replace(one, data=(one.data[:at] + patch + one.data[at + len(patch) :])[: len(one.data)]) for one in kept[part]
    ]


def _shift(kept: list[Recorded], part: slice, tape: Tape) -> None:
    by = (tape.number() - 32_768) * 10 ** tape.number(16)
    kept[part] = [replace(one, time=min(max(one.time + by, 0), LATEST)) for one in kept[part]]


def _mix_in(kept: list[Recorded], part: slice, tape: Tape) -> None:
    others = recorded(NAMES[tape.number(len(NAMES))])
    kept[part] = others[part]


CHANGES: tuple[Callable[[list[Recorded], slice, Tape], None], ...] = (
    _drop, _double, _move, _cut, _change_bytes, _shift, _mix_in,
)  # fmt: skip

TARGETS = {one.__name__: one for one in (capture, frames, reader, conversation, media, dialogue, analysis)}


def _read(source: Source) -> None:
    """Read one file down to its messages; the tables are not joined, which would take most of the time."""
    file = CaptureFile(source)
    file.open()
    engine = Engine()
    number = 1
    for batch in file.frames():
        keep_frames(batch, number)
        engine.add(batch)
        number += len(batch)
    file.close()
    keep_parts(engine.finish())


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="lynccap-fuzz-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
