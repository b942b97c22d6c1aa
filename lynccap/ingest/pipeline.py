"""Reads captures into tables: source, windows, packets, flows, streams, messages."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lynccap.ingest.engine import CaptureParts, Engine
from lynccap.ingest.frames import Frames
from lynccap.ingest.joining import join
from lynccap.ingest.packet_list import PacketList, packets_of
from lynccap.ingest.recordings.files import CaptureFile, piece_of
from lynccap.ingest.recordings.merging import OpenFile, Recording
from lynccap.ingest.recordings.sets import Piece, recordings, set_name
from lynccap.ingest.sources.source import Source, UnreadableCapture
from lynccap.tables import Tables

if TYPE_CHECKING:
    from lynccap.ingest.decryption.keys import Keys

Progress = Callable[[int, int], None]
NAMED = 3  # captures an error message lists


@dataclass(frozen=True)
class Recorded:
    """One recording that was read, and the way to read it again."""

    tables: Tables
    pieces: tuple[Piece, ...]
    """Its files."""
    repeated: list[str] = field(default_factory=list)
    """What further recordings of the same frames are called; known when all have been read."""

    def packets(self, flows: Iterable[int]) -> PacketList | None:
        """The single packets of some flows, by a second reading; None when a source can be read only once."""
        windows = _again(self.pieces)
        return None if windows is None else packets_of(windows, self.tables.flows, flows)


def read_tables(sources: Sequence[Source], *, progress: Progress | None = None, keys: Keys | None = None) -> Tables:
    """Everything the sources hold, as tables; `capture` numbers the recordings in the order they were named.

    Files of one ring buffer, or of one network adapter, are one recording as long as nothing is missing between them.
    `progress` is told the bytes read and the bytes there are (0 when unknown) of all sources together. With `keys`, or
    those the captures carry themselves, TLS is read into too.
    Raises UnreadableCapture when a source is missing, a folder, empty or no capture, or no packet was read.
    """
    return join([part for part, _ in _parts(sources, progress, keys)])


def read_each(
    sources: Sequence[Source], *, progress: Progress | None = None, keys: Keys | None = None
) -> Iterator[Tables]:
    """The tables of each recording by itself, in order; otherwise as `read_tables`.

    A source that cannot be read among others that can gives empty tables whose `damage` says why. A recording of the
    same frames as one before it is left out, compressed or not: the same capture twice proves nothing twice.
    """
    for one in read_recordings(sources, progress=progress, keys=keys):
        yield one.tables


def read_recordings(
    sources: Sequence[Source], *, progress: Progress | None = None, keys: Keys | None = None
) -> Iterator[Recorded]:
    """As `read_each`, and each recording can be read once more for its single packets."""
    seen: dict[tuple[int, ...], Recorded] = {}
    for part, pieces in _parts(sources, progress, keys):
        if part.damage or not part.packets or part.extent not in seen:  # damage is to be told, whatever it left
            made = Recorded(join([part]), pieces)
            seen.setdefault(part.extent, made)
            yield made
        else:
            seen[part.extent].repeated.append(part.name)


def _parts(
    sources: Sequence[Source], progress: Progress | None, keys: Keys | None
) -> Iterator[tuple[CaptureParts, tuple[Piece, ...]]]:
    if not sources:
        raise UnreadableCapture("no capture was named; name a capture file")
    reading = _Reading(sources, progress, keys)
    packets = 0
    damage = ""
    for group in _groups(sources):
        waiting = deque(group)
        while waiting:
            part, pieces = reading.next_recording(waiting)
            packets, damage = packets + part.packets, damage or part.damage
            yield part, pieces
    if not packets:
        names = ", ".join(source.where for source in sources[:NAMED])
        names += f" and {len(sources) - NAMED} more" if len(sources) > NAMED else ""
        detail = f": {damage}" if damage else ""
        raise UnreadableCapture(f"{names}: no packets were read{detail}; capture again or ask for another copy")


def _groups(sources: Sequence[Source]) -> list[list[Piece]]:
    """The sources that may belong together; a source alone is not looked into beforehand."""
    if len(sources) == 1:
        return [[Piece(sources[0])]]
    return recordings([piece_of(source) for source in sources])


class _Reading:
    """The reading of all sources: what has been read so far, and whether one alone may fail the whole."""

    def __init__(self, sources: Sequence[Source], progress: Progress | None, keys: Keys | None) -> None:
        self._keys = keys
        self._alone = len(sources) == 1
        self._total = sum(source.size() for source in sources)
        self._done = 0
        self._progress = progress
        self._open: list[CaptureFile] = []

    def next_recording(self, waiting: deque[Piece]) -> tuple[CaptureParts, tuple[Piece, ...]]:
        """Read the recording that begins with the first of the waiting pieces; those that belong to it are taken."""
        self._open = []
        recording = Recording(waiting, self._opened)
        engine = Engine()
        for frames in recording.frames():
            engine.add(frames)
            self._report()
        part = engine.finish()
        part.name = set_name([one.source for one in recording.pieces])
        part.take_files([one.facts for one in self._open], recording.origins)
        self._report()
        self._decrypt(part, recording.pieces)
        self._done += sum(one.file_bytes for one in self._open)
        return part, tuple(recording.pieces)

    def _decrypt(self, part: CaptureParts, pieces: Sequence[Piece]) -> None:
        if self._keys or part.secrets:  # loads libraries that are not needed without keys
            from lynccap.ingest.decryption.decrypt import decrypt
            from lynccap.ingest.decryption.keys import Keys

            decrypt(part, Keys() if self._keys is None else self._keys, lambda: _again(pieces))

    def _opened(self, piece: Piece) -> OpenFile | None:
        file = CaptureFile(piece.source)
        try:
            file.open()
        except UnreadableCapture as problem:
            if self._alone:
                raise
            # Without the path: it is the reader's own, and the document is for others too.
            file.facts.damage = str(problem).removeprefix(f"{piece.source.where}: ")
        self._open.append(file)
        return file if file.is_open else None

    def _report(self) -> None:
        if self._progress is not None:
            self._progress(self._done + sum(one.file_bytes for one in self._open), self._total)


def _again(pieces: Sequence[Piece]) -> Iterator[Frames] | None:
    """The frames of a recording once more; None when one of its sources can be read only once."""
    if any(one.source.once for one in pieces):
        return None
    return _once_more(pieces)


def _once_more(pieces: Sequence[Piece]) -> Iterator[Frames]:
    """The frames; what is inflated for them a second time does not count against their archive."""
    budgets = [one.source.budget for one in pieces if one.source.budget]
    spent = [one.spent for one in budgets]
    for budget in budgets:
        budget.renew()
    try:
        yield from Recording(deque(pieces), _reopened).frames()
    finally:
        for budget, count in zip(budgets, spent, strict=True):
            budget.spent = count


def _reopened(piece: Piece) -> OpenFile | None:
    file = CaptureFile(piece.source)
    try:
        file.open()
    except UnreadableCapture:  # it has gone meanwhile: what it held stays encrypted
        return None
    return file
