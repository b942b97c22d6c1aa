"""Which captures a command line names: files, folders, patterns, or standard input."""

from collections.abc import Iterable, Iterator
from glob import glob, has_magic
from pathlib import Path

from lynccap.ingest.formats import HEAD_BYTES, reader_of
from lynccap.ingest.source import GZIP_MAGIC, Source, UnreadableCapture

MAX_FILES = 10_000  # a folder with more is a mistake, not a ticket


def collect(names: Iterable[str]) -> tuple[Source, ...]:
    """The captures `names` stand for, each once, in order; a folder gives the captures in it, by content.

    Raises UnreadableCapture for a folder or a pattern without captures.
    """
    paths = dict.fromkeys(path for name in names for path in _expand(name))
    return tuple(Source(path) for path in paths)


def _expand(name: str) -> Iterator[str]:
    if name == "-":
        yield name
        return
    path = Path(name)
    if path.is_dir():
        found = [str(one) for one in sorted(path.iterdir())[:MAX_FILES] if one.is_file() and is_capture(one)]
        if not found:
            raise UnreadableCapture(f"{name}: the folder holds no pcap or pcapng file; name one that does")
        yield from found
    elif has_magic(name) and not path.exists():
        matches = glob(name)  # noqa: PTH207  Path.glob takes no absolute patterns
        found = sorted(one for one in matches if Path(one).is_file())[:MAX_FILES]
        if not found:
            raise UnreadableCapture(f"{name}: no file fits this pattern; check it")
        yield from found
    else:
        yield name


def is_capture(path: Path) -> bool:
    """Whether a file begins like a capture, or like a compressed file that may hold one."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return False
    return reader_of(head) is not None or head.startswith(GZIP_MAGIC)
