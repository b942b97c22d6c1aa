"""One capture file: opened by the reader for its bytes, counted while it is read, closed with its hash."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from lynccap.ingest.formats.reading import WHOLE_COPY, Notes, Reader
from lynccap.ingest.formats.registry import reader_of
from lynccap.ingest.formats.window import Window
from lynccap.ingest.frames import Extent, Frames
from lynccap.ingest.recordings.sets import Piece, is_adapter, ring_name
from lynccap.ingest.sources.inflating import HEAD_BYTES
from lynccap.ingest.sources.refusals import refused
from lynccap.ingest.sources.source import Feed, Source, UnreadableCapture

PEEK_BYTES = 1 << 16  # read of each of several files to see where it belongs: the first frames


@dataclass(slots=True)
class FileFacts(Extent):
    """What is known of a capture file when it has been read."""

    name: str = ""
    sha256: str = ""
    format: str = "unread"
    file_bytes: int = 0
    digits: int = 0
    damage: str = ""
    notes: Notes = field(default_factory=Notes)
    interface_frames: Counter[int] = field(default_factory=Counter)
    """Frames by the place of their interface in the notes."""


class CaptureFile:
    """A source that is read as frames."""

    def __init__(self, source: Source) -> None:
        """Nothing is opened yet."""
        self.facts = FileFacts(name=source.name)
        self._source = source
        self._feed: Feed | None = None
        self._reader: Reader | None = None

    @property
    def is_open(self) -> bool:
        """Whether frames can be read."""
        return self._reader is not None

    @property
    def file_bytes(self) -> int:
        """Bytes read of the file so far."""
        return self._feed.file_bytes if self._feed else self.facts.file_bytes

    def open(self, first: int | None = None) -> None:
        """Look at the beginning (of `first` bytes) and choose the reader. Raises UnreadableCapture."""
        self._feed = Feed(self._source)
        try:
            window = Window(self._feed) if first is None else Window(self._feed, first)
            self._reader = _reader(window, self._source)
        except UnreadableCapture:
            self._feed.close()
            raise

    def frames(self) -> Iterator[Frames]:
        """The frames; the facts follow them."""
        assert self._reader is not None
        facts = self.facts
        for frames in self._reader.frames():
            facts.count(frames)
            counts = np.bincount(frames.interface[frames.interface >= 0])
            facts.interface_frames.update({int(one): int(counts[one]) for one in np.flatnonzero(counts)})
            yield frames

    def close(self) -> None:
        """Read what is left for the hash, and close the file."""
        feed, reader, facts = self._feed, self._reader, self.facts
        assert feed is not None
        assert reader is not None
        facts.sha256 = feed.sha256()
        facts.format = reader.format + (f"+{feed.compression}" if feed.compression else "")
        facts.file_bytes = feed.file_bytes
        facts.digits = reader.digits
        facts.damage = "; ".join(one for one in (reader.damage, feed.damage) if one)
        facts.notes = reader.notes
        feed.close()
        self._feed = self._reader = None  # a ring has many files, and each holds windows

    def peek(self) -> tuple[int, frozenset[str]]:
        """Time of the first frame (0 for none) and its adapters (see `Piece`); closes the file."""
        assert self._reader is not None
        assert self._feed is not None
        with self._feed:
            first = next(self._reader.frames(), None)
            found = (one for one in self._reader.notes.interfaces if is_adapter(one.name))
            adapters = frozenset(f"{one.name} {one.filter}" for one in found)
        return int(first.time[0]) if first else 0, adapters


def piece_of(source: Source) -> Piece:
    """Look into a source for what tells its place in a recording; one that cannot be read has none."""
    ring = ring_name(source)
    if source.once:
        return Piece(source, ring=ring)
    file = CaptureFile(source)
    try:
        file.open(PEEK_BYTES)
    except UnreadableCapture:
        return Piece(source, ring=ring)
    first_time, adapters = file.peek()
    return Piece(source, first_time, adapters, ring)


def _reader(window: Window, source: Source) -> Reader:
    where = source.where
    head = bytes(window.view[: min(HEAD_BYTES, window.filled)])
    kind = reader_of(head)
    if kind is not None:
        try:
            return kind(window)
        except ValueError as problem:
            raise UnreadableCapture(f"{where}: {problem}") from None
    if not head and window.feed.damage:
        raise UnreadableCapture(f"{where}: {window.feed.damage}; {WHOLE_COPY}")
    known = refused(head, source.name)
    if known:
        raise UnreadableCapture(f"{where}: {known}")
    raise UnreadableCapture(
        f"{where}: is not a capture (the file begins with {head[:4].hex(' ')} at byte 0); "
        "save it as pcap or pcapng, for example with Wireshark"
    )
