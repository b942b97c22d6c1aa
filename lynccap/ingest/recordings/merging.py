"""One recording out of several files: their frames in order of time, and where each of them came from.

Files of one network adapter may overlap in time: they are interleaved. Files of a ring buffer follow each other; those
that overlap are named alike by chance.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from lynccap.ingest.frames import MAX_RECORD, PACKED_BYTES, PACKED_FRAMES, Buffer, Frames, Ints
from lynccap.ingest.recordings.sets import Piece

GAP_NS = 5_000_000_000  # a longer silence between two files, which nothing bridges, may be a recorder that stood still
BRIDGED_NS = 3_600_000_000_000  # between numbers that follow each other: a recorder started anew counts from 1 again
OVERLAP_NS = 1_000_000_000  # of files of one ring: a recorder puts frames out of order by far less
MAX_OPEN = 16  # files interleaved at a time: each takes some 10 MiB
FIRST_LOOK = 64  # frames of a run looked at first
INTERFACE_BITS = 16  # of the number of an interface within its file
LAST = np.iinfo(np.int64).max


class OpenFile(Protocol):
    """A capture file that is being read."""

    def frames(self) -> Iterator[Frames]:
        """Its frames; see `reading.Reader`."""
        ...

    def close(self) -> None:
        """Called once, when all its frames have been taken."""
        ...


Opener = Callable[[Piece], OpenFile | None]


@dataclass(slots=True)
class Origins:
    """Runs of frames: from frame `first` of the recording on, frames are those of `file` from its frame `frame` on."""

    first: list[int] = field(default_factory=list)
    file: list[int] = field(default_factory=list)
    frame: list[int] = field(default_factory=list)

    def note(self, first: int, file: int, frame: int) -> None:
        """A run that begins here, unless it goes on with the one before."""
        if self.file and self.file[-1] == file and frame - self.frame[-1] == first - self.first[-1]:
            return
        self.first.append(first)
        self.file.append(file)
        self.frame.append(frame)


class _Taking:
    """An open file: its current batch, and how far it has been taken."""

    def __init__(self, place: int, piece: Piece, file: OpenFile) -> None:
        self.place = place
        self.piece = piece
        self.last_time = piece.first_time
        self._file = file
        self._batches = file.frames()
        self._batch: Frames | None = None
        self._at = 0
        self._next()

    @property
    def is_over(self) -> bool:
        """Whether all its frames have been taken."""
        return self._batch is None

    @property
    def time(self) -> int:
        """Time of its next frame, LAST when there is none."""
        return LAST if self._batch is None else int(self._batch.time[self._at])

    def take(self, limit: int, number: int) -> tuple[Frames, bool]:
        """Its next frames up to the first one after `limit`, numbered from `number`; whether the batch is used up."""
        batch = self._batch
        assert batch is not None
        end = max(self._first_after(batch.time, limit), self._at + 1)
        part = slice(self._at, end)
        taken = Frames(
            buffer=batch.buffer,
            start=batch.start[part],
            captured=batch.captured[part],
            wire=batch.wire[part],
            time=batch.time[part],
            link=batch.link[part],
            interface=batch.interface[part] | (self.place << INTERFACE_BITS),
            number=number,
        )
        self.last_time = max(self.last_time, int(taken.time.max()))
        self._at = end
        return taken, end == len(batch)

    def _first_after(self, time: Ints, limit: int) -> int:
        """Row of the first frame not yet taken that is later than `limit`; the number of rows when none is."""
        if limit == LAST:
            return len(time)
        at, size = self._at, FIRST_LOOK
        while at < len(time):  # twice as far each time: runs are short where files are interleaved
            later = np.flatnonzero(time[at : at + size] > limit)
            if later.size:
                return at + int(later[0])
            at, size = at + size, size * 2
        return len(time)

    @property
    def frame(self) -> int:
        """Number, within the file, of its next frame."""
        return self._batch.number + self._at if self._batch is not None else 0

    def refill(self) -> None:
        """Read on, when the batch is used up."""
        if self._batch is not None and self._at == len(self._batch):
            self._next()

    def _next(self) -> None:
        self._batch, self._at = next(self._batches, None), 0
        if self._batch is None:
            self._file.close()


class _Packed:
    """Runs of frames of several files, copied behind each other."""

    def __init__(self) -> None:
        self._buffer = Buffer(PACKED_BYTES + MAX_RECORD)
        self._used = 0
        self._parts: list[Frames] = []

    def add(self, frames: Frames) -> Frames | None:
        """Copy a run; what was packed before, when it no longer fits."""
        begin, end = int(frames.start.min()), int((frames.start + frames.captured).max())
        no_room = self._used + end - begin > self._buffer.size or len(self._parts) >= PACKED_FRAMES
        full = self.flush() if no_room else None
        self._buffer.view[self._used : self._used + end - begin] = frames.buffer.view[begin:end]
        self._parts.append(replace(frames, buffer=self._buffer, start=frames.start + (self._used - begin)))
        self._used += end - begin
        return full

    def flush(self) -> Frames | None:
        """Everything packed, None when that is nothing; to be used before the next call."""
        if not self._parts:
            return None
        parts = self._parts

        def column(name: str) -> Ints:
            joined: Ints = np.concatenate([getattr(part, name) for part in parts])
            return joined

        made = Frames(
            buffer=self._buffer,
            start=column("start"),
            captured=column("captured"),
            wire=column("wire"),
            time=column("time"),
            link=column("link"),
            interface=column("interface"),
            number=parts[0].number,
        )
        self._buffer, self._used, self._parts = Buffer(PACKED_BYTES + MAX_RECORD), 0, []
        return made


class Recording:
    """Reads files that belong together, those that overlap interleaved by time, until a silence ends the recording.

    Every file is opened only when its time comes, and read once.
    """

    def __init__(self, waiting: deque[Piece], opener: Opener) -> None:
        """Take pieces, in order of time, off `waiting`; `opener` gives None for a file that cannot be read."""
        self.pieces: list[Piece] = []
        """Those that were read, in the order they were opened."""
        self.origins = Origins()
        self._blank = {one.number for one in waiting if not one.first_time}
        self._waiting = waiting
        self._opener = opener
        self._active: list[_Taking] = []
        self._number = 1

    def frames(self) -> Iterator[Frames]:
        """The frames in order of time. A batch is to be used before the next is asked for."""
        packed = _Packed()
        while self._lead():
            lead = min(self._active, key=lambda one: one.time)
            limit = min((one.time for one in self._active if one is not lead), default=LAST)
            limit = min(limit, self._waiting[0].first_time if self._interleaves() else LAST)
            self.origins.note(self._number, lead.place, lead.frame)
            taken, used_up = lead.take(limit, self._number)
            self._number += len(taken)
            alone = used_up and len(self._active) == 1
            ready = (packed.flush(), taken) if alone else (packed.add(taken),)
            yield from (one for one in ready if one is not None)
            lead.refill()
        last = packed.flush()
        if last is not None:
            yield last

    def _lead(self) -> bool:
        """Have the files open whose time has come; False when the recording is over."""
        ended = [one for one in self._active if one.is_over]
        self._active = [one for one in self._active if not one.is_over]
        while self._waiting and self._is_due(ended):
            self._open(self._waiting.popleft())
            self._active = [one for one in self._active if not one.is_over]
        return bool(self._active)

    def _interleaves(self) -> bool:
        """Whether the file that waits is of the same adapter as one that is being read."""
        if not self._waiting or len(self._active) >= MAX_OPEN:
            return False
        return any(one.piece.adapters & self._waiting[0].adapters for one in self._active)

    def _is_due(self, ended: list[_Taking]) -> bool:
        following = self._waiting[0]
        if self._active:
            return self._interleaves() and following.first_time <= min(one.time for one in self._active)
        if not self.pieces or not ended:
            return True
        last = max(ended, key=lambda one: one.last_time)
        silence = following.first_time - last.last_time
        if silence < -OVERLAP_NS:
            return False
        first, second = last.piece.number, following.number
        if first is None or second is None or second <= first:  # not numbered, or the ring began again
            return silence <= GAP_NS
        # Files between them that hold no frame are no silence of their own.
        return silence <= BRIDGED_NS and all(one in self._blank for one in range(first + 1, second))

    def _open(self, piece: Piece) -> None:
        file = self._opener(piece)
        self.pieces.append(piece)
        if file is not None:
            self._active.append(_Taking(len(self.pieces) - 1, piece, file))
