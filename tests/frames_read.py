"""What a reader yields, frame by frame, for tests of readers."""

import io
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from lynccap.ingest.formats import HEAD_BYTES, reader_of
from lynccap.ingest.reading import Reader
from lynccap.ingest.source import Feed, Source
from lynccap.ingest.window import Window


@dataclass(frozen=True)
class Frame:
    number: int
    time: int
    data: bytes
    wire: int
    link: int


def frames_of(data: bytes) -> tuple[Reader, list[Frame]]:
    """The reader that takes a file with these bytes, after reading, and its frames."""
    kind = reader_of(data[:HEAD_BYTES])
    assert kind is not None, "no reader takes this file"
    with Feed(Source("capture", io.BytesIO(data))) as feed:
        reader = kind(Window(feed))
        found = []
        for batch in reader.frames():
            columns = (batch.time, batch.start, batch.captured, batch.wire, batch.link, batch.interface)
            rows = zip(*(one.tolist() for one in columns), strict=True)
            for number, (time, start, captured, wire, link, interface) in enumerate(rows, batch.number):
                assert reader.notes.interfaces[interface].link in (link, -1)
                found.append(Frame(number, time, bytes(batch.buffer.data[start : start + captured]), wire, link))
    return reader, found


def converted(path: Path, kind: str, folder: Path) -> Path:
    """The capture written anew by editcap in another format. Skips the calling test without editcap."""
    editcap = shutil.which("editcap")
    if editcap is None:
        pytest.skip("editcap is not installed")
    target = folder / f"{path.stem}.{kind}"
    subprocess.run([editcap, "-F", kind, str(path), str(target)], check=True, timeout=60)
    return target
