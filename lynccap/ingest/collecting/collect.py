"""Which captures a command line names: files, folders, patterns, archives, or standard input."""

import os
import stat
from collections.abc import Iterable, Iterator
from glob import glob, has_magic
from itertools import islice
from pathlib import Path

from lynccap.ingest.collecting.archives import captures_in, is_archive
from lynccap.ingest.collecting.storage import Replaying, Store, spooled
from lynccap.ingest.formats.registry import reader_of
from lynccap.ingest.formats.window import MAX_SPOOL
from lynccap.ingest.sources.inflating import Budget, CannotInflate, Unpacked
from lynccap.ingest.sources.refusals import refused
from lynccap.ingest.sources.source import Source, UnreadableCapture

MAX_FILES = 10_000  # a folder with more is a mistake, not a ticket
MAX_FOLDERS = 16  # one in another


def collect(names: Iterable[str]) -> tuple[Source, ...]:
    """The captures `names` stand for, each file once, in order.

    A folder gives the captures in it, by content, then those in its folders, without what is hidden; an archive gives
    the captures in it. Raises UnreadableCapture for a folder, a pattern or an archive without captures.
    """
    seen: set[str] = set()
    return tuple(source for name in names for source in _expand(name, seen))


def _expand(name: str, seen: set[str]) -> Iterator[Source]:
    path = Path(name)
    if path.is_dir():
        yield from _in_folder(path, name, seen)
    elif has_magic(name) and not path.exists():
        matches = glob(name)  # noqa: PTH207  Path.glob takes no absolute patterns
        found = sorted(one for one in matches if Path(one).is_file())[:MAX_FILES]
        if not found:
            raise UnreadableCapture(f"{name}: no file fits this pattern; check it")
        for one in found:
            yield from _captures(Source(one), seen)
    else:
        yield from _captures(Source(name), seen)


def _is_new(source: Source, seen: set[str]) -> bool:
    key = source.path if source.path == "-" else os.path.realpath(source.path)
    known = key in seen
    seen.add(key)
    return not known


def _captures(source: Source, seen: set[str]) -> tuple[Source, ...]:
    """The source itself, or when it is an archive, the captures in it; nothing when it was named before."""
    if not _is_new(source, seen):
        return ()
    if source.path == "-" or _is_pipe(source.path):
        return _piped(source)
    try:
        head = _head(source)
    except UnreadableCapture:
        return (source,)  # says so when it is read
    return captures_in(source, Store(source.file())) if _is_archive(head) else (source,)


def _piped(source: Source) -> tuple[Source, ...]:
    """The same of what can be read only once."""
    stream = Replaying(source.open(), owned=source.path != "-")
    try:
        head = Unpacked(stream.recorded, Budget(lambda: MAX_SPOOL)).head
    except CannotInflate:
        head = b""  # says so when it is read
    if not _is_archive(head):
        return (Source(source.path, stream),)
    store = spooled(lambda count: stream.read(count) or b"", MAX_SPOOL)
    if store is None:
        raise UnreadableCapture(
            f"{source.where}: is an archive of more than {MAX_SPOOL >> 30} GiB; save it as a file and name that"
        )
    return captures_in(source, store)


def _in_folder(folder: Path, name: str, seen: set[str]) -> Iterator[Source]:
    files = list(islice(_files(folder, 1), MAX_FILES + 1))
    if len(files) > MAX_FILES:
        raise UnreadableCapture(f"{name}: the folder holds more than {MAX_FILES} files; name the captures in it")
    found, reasons = False, []
    for path in files:
        source = Source(str(path), shown=path.relative_to(folder).as_posix())
        sources, reason = _captures_or_reason(source, seen)
        yield from sources
        found = found or not reason
        reasons += [f"{source.name} {reason}"] if reason else []
    if not found:
        because = f"; {reasons[0]}" if reasons else ""
        more = f" ({len(reasons) - 1} more files are no captures either)" if len(reasons) > 1 else ""
        raise UnreadableCapture(f"{name}: the folder holds no capture{because}{more}")


def _files(folder: Path, depth: int) -> Iterator[Path]:
    """The files in a folder, then those in its folders, each by name; nothing hidden, no links to folders."""
    try:
        entries = sorted(one for one in folder.iterdir() if not one.name.startswith("."))
    except OSError:
        return
    yield from (one for one in entries if one.is_file())
    if depth < MAX_FOLDERS:
        for one in entries:
            if one.is_dir() and not one.is_symlink():
                yield from _files(one, depth + 1)


def _captures_or_reason(source: Source, seen: set[str]) -> tuple[tuple[Source, ...], str]:
    """The captures that a file in a folder gives, or why it gives none."""
    if not source.size():
        return (), "is empty"
    if not _is_new(source, seen):
        return (), ""
    try:
        head = _head(source)
    except UnreadableCapture:
        return (source,), ""  # what cannot be opened may be a capture; it says so when it is read
    if _is_archive(head):
        try:
            return captures_in(source, Store(source.file())), ""
        except UnreadableCapture as problem:
            return (), str(problem).removeprefix(f"{source.where}: ")
    if reader_of(head) is not None:
        return (source,), ""
    return (), refused(head, source.name) or "is not a capture"


def _is_archive(head: bytes) -> bool:
    return reader_of(head) is None and is_archive(head)


def _is_pipe(path: str) -> bool:
    try:
        return stat.S_ISFIFO(Path(path).stat().st_mode)
    except (OSError, ValueError):
        return False


def _head(source: Source) -> bytes:
    """The first (inflated) bytes. Raises UnreadableCapture."""
    with source.file() as file:
        try:
            return Unpacked(file.read, Budget(source.size)).head
        except (CannotInflate, OSError) as problem:
            raise UnreadableCapture(f"{source.where}: {problem}") from None
