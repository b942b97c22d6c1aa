"""What a reader yields, frame by frame, for tests of readers; and what tshark sees in the same file."""

import io
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from tshark_fields import fields

from lynccap.ingest import Source, read_tables
from lynccap.ingest.formats.reading import Reader
from lynccap.ingest.formats.registry import reader_of
from lynccap.ingest.formats.window import WINDOW_BYTES, Window
from lynccap.ingest.sources.inflating import HEAD_BYTES
from lynccap.ingest.sources.source import Feed


@dataclass(frozen=True)
class Frame:
    number: int
    time: int
    data: bytes
    wire: int
    link: int


def frames_of(data: bytes, first: int = WINDOW_BYTES) -> tuple[Reader, list[Frame]]:
    """The reader that takes a file with these bytes, after reading, and its frames; `first` is of the first window."""
    kind = reader_of(data[:HEAD_BYTES])
    assert kind is not None, "no reader takes this file"
    with Feed(Source("capture", io.BytesIO(data))) as feed:
        reader = kind(Window(feed, first))
        found = []
        for batch in reader.frames():
            columns = (batch.time, batch.start, batch.captured, batch.wire, batch.link, batch.interface)
            rows = zip(*(one.tolist() for one in columns), strict=True)
            for number, (time, start, captured, wire, link, interface) in enumerate(rows, batch.number):
                assert link == -1 or reader.notes.interfaces[interface].link in (link, -1)
                found.append(Frame(number, time, bytes(batch.buffer.view[start : start + captured]), wire, link))
    return reader, found


def read_file(path: Path) -> tuple[Reader, list[Frame]]:
    """The same of a file."""
    return frames_of(path.read_bytes())


def converted(path: Path, kind: str, folder: Path) -> Path:
    """The capture written anew by editcap in another format. Skips the calling test without editcap."""
    editcap = shutil.which("editcap")
    if editcap is None:
        pytest.skip("editcap is not installed")
    target = folder / f"{path.stem}.{kind}"
    subprocess.run([editcap, "-F", kind, str(path), str(target)], check=True, capture_output=True, timeout=60)
    return target


def nanoseconds(epoch: str) -> int:
    """What tshark writes as a time."""
    whole, fraction = epoch.split(".")
    return int(whole) * 1_000_000_000 + int(fraction.ljust(9, "0"))


def seen_by_tshark(path: Path) -> list[tuple[int, int, int]]:
    """Time, length on the wire and captured length of every frame. The time zone of tshark must be UTC."""
    names = ("frame.time_epoch", "frame.len", "frame.cap_len")
    return [
        (nanoseconds(time), int(wire), int(captured))
        for time, wire, captured in fields(path, "frame", *names, options=("-n",))
    ]


def seen(frames: list[Frame]) -> list[tuple[int, int, int]]:
    """The same of frames that were read."""
    return [(one.time, one.wire, len(one.data)) for one in frames]


def flows_of(path: Path) -> list[dict[str, object]]:
    """The flows of a capture, without their times, which formats keep to different digits."""
    flows = read_tables([Source(str(path))]).flows
    timeless = flows.drop(columns=[name for name in flows if "time" in name])
    return timeless.to_dict("records")
