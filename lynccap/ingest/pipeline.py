"""Reads captures into tables: source, windows, packets, flows, streams, messages."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from lynccap.ingest.engine import CaptureParts, Engine
from lynccap.ingest.formats import HEAD_BYTES, named, reader_of
from lynccap.ingest.joining import join
from lynccap.ingest.reading import Reader
from lynccap.ingest.refusals import refused
from lynccap.ingest.source import Feed, Source, UnreadableCapture
from lynccap.ingest.window import Window
from lynccap.tables import Tables

Progress = Callable[[int, int], None]
NAMED = 3  # captures an error message lists


def read_tables(sources: Sequence[Source], *, progress: Progress | None = None) -> Tables:
    """Everything the sources hold, as tables; `capture` is a source's place in the sequence.

    `progress` is told the bytes read and the bytes there are (0 when unknown) of all sources together.
    Raises UnreadableCapture when a source is missing, a folder, empty or no capture, or no packet was read.
    """
    return join(list(_parts(sources, progress)))


def read_each(sources: Sequence[Source], *, progress: Progress | None = None) -> Iterator[Tables]:
    """The tables of each source by itself, in order; otherwise as `read_tables`.

    A source that cannot be read among others that can gives empty tables whose `damage` says why. A source with the
    same bytes as one before it is left out: the same capture twice proves nothing twice.
    """
    seen: set[str] = set()
    for part in _parts(sources, progress):
        if part.sha256 not in seen:
            yield join([part])
        seen |= {part.sha256} - {""}  # what could not be opened has no hash


def _parts(sources: Sequence[Source], progress: Progress | None) -> Iterator[CaptureParts]:
    if not sources:
        raise UnreadableCapture("no capture was named; name a pcap or pcapng file")
    total = sum(source.size() for source in sources)
    done = packets = 0
    damage = ""
    for source in sources:
        report = partial(_report, progress, done, total)
        part = _read(source, report) if len(sources) == 1 else _read_or_note(source, report)
        done, packets, damage = done + part.file_bytes, packets + part.packets, damage or part.damage
        yield part
    if not packets:
        names = ", ".join(source.where for source in sources[:NAMED])
        names += f" and {len(sources) - NAMED} more" if len(sources) > NAMED else ""
        detail = f": {damage}" if damage else ""
        raise UnreadableCapture(f"{names}: no packets were read{detail}; capture again or ask for another copy")


def _report(progress: Progress | None, before: int, total: int, count: int) -> None:
    if progress is not None:
        progress(before + count, total)


def _read_or_note(source: Source, report: Callable[[int], None]) -> CaptureParts:
    """One capture of several: where it cannot be read, an empty one that says so, because the others can."""
    try:
        return _read(source, report)
    except UnreadableCapture as problem:
        part = Engine().finish()
        # Without the path: it is the reader's own, and the document is for others too.
        part.name, part.format, part.damage = source.name, "unread", str(problem).removeprefix(f"{source.where}: ")
        return part


def _read(source: Source, report: Callable[[int], None]) -> CaptureParts:
    with Feed(source) as feed:
        window = Window(feed)
        reader = _reader(window, source)
        engine = Engine()
        for frames in reader.frames():
            engine.add(frames)
            report(feed.file_bytes)
        part = engine.finish()
        part.name = source.name
        part.sha256 = feed.sha256()
        part.format = reader.format + (f"+{feed.compression}" if feed.compression else "")
        part.file_bytes = feed.file_bytes
        part.digits = reader.digits
        part.snap_length = min((one.snap_length for one in reader.notes.interfaces if one.snap_length), default=0)
        part.damage = "; ".join(one for one in (reader.damage, feed.damage) if one)
        report(feed.file_bytes)
    return part


def _reader(window: Window, source: Source) -> Reader:
    where = source.where
    head = bytes(window.view[: min(HEAD_BYTES, window.filled)])
    kind = reader_of(head)
    if kind is not None:
        try:
            return kind(window)
        except ValueError as problem:
            raise UnreadableCapture(f"{where}: {problem}; ask for a whole copy of the file") from None
    if not head and window.feed.damage:
        raise UnreadableCapture(f"{where}: {window.feed.damage}; ask for a whole copy of the file")
    known = refused(head, source.name)
    if known:
        raise UnreadableCapture(f"{where}: {known}")
    other = named(head)
    what = f"is {other}, which is not read" if other else "is not a capture"
    raise UnreadableCapture(
        f"{where}: {what} (the file begins with {head[:4].hex(' ')} at byte 0); "
        "save it as pcap or pcapng, for example with Wireshark"
    )
