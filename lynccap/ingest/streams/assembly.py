"""Puts kept TCP segments into runs of contiguous bytes, and remembers which frame brought which byte."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import NamedTuple


class Segment(NamedTuple):
    """Payload bytes of one frame and their place in the stream; datagrams have place 0."""

    start: int
    frame: int
    time: int
    data: bytes
    length: int
    """Payload bytes on the wire: more than `data` holds when the frame was captured short."""


class Run(NamedTuple):
    """Contiguous bytes of one side of a stream, and the parts they are of: adjacent, in stream order."""

    start: int
    data: bytes
    parts: list[Segment]

    @property
    def end(self) -> int:
        """The stream offset behind the last byte."""
        return self.start + len(self.data)

    def first(self, offset: int) -> Segment:
        """The part with the byte at `offset` of this run."""
        return self.parts[self._place(offset)]

    def tail(self, offset: int) -> "Run":
        """This run from the byte at `offset` on."""
        return Run(self.start + offset, self.data[offset:], self.parts[self._place(offset) :]) if offset else self

    def span(self, start: int, end: int) -> tuple[Segment, Segment]:
        """Of the parts with the bytes [start, end) of this run, at least one, the first and that of the last frame."""
        parts = self.parts
        if len(parts) == 1:
            return parts[0], parts[0]
        low = self._place(start)
        high = bisect_left(parts, (self.start + end,), low)
        return parts[low], parts[low] if high <= low + 1 else max(parts[low:high], key=_frame)

    def _place(self, offset: int) -> int:
        """The place of the part with this byte; a part is greater than its start alone."""
        return max(0, bisect_left(self.parts, (self.start + offset + 1,)) - 1)


def reassemble(segments: Iterable[Segment]) -> list[Run]:
    """The runs of one side, in stream order, from its segments in capture order; the first bytes seen win."""
    pieces: list[Segment] = []
    ordered = True
    end: int | None = None
    for one in segments:
        if not one.data:
            continue
        if ordered and (end is None or one.start >= end):
            pieces.append(one)
            end = one.start + len(one.data)
            continue
        ordered = False
        _insert(pieces, one)
    return _joined(pieces)


def _insert(pieces: list[Segment], new: Segment) -> None:
    """Add the parts of `new` that no earlier piece covers; `pieces` stays sorted and free of overlaps."""
    at = bisect_right(pieces, new.start, key=_start)
    if at and _end(pieces[at - 1]) > new.start:
        at -= 1
    position, end = new.start, _end(new)
    while position < end:
        following = pieces[at] if at < len(pieces) else None
        if following is not None and following.start <= position:
            position = max(position, _end(following))
            at += 1
            continue
        stop = end if following is None else min(end, following.start)
        data = new.data[position - new.start : stop - new.start]
        pieces.insert(at, new._replace(start=position, data=data))
        at += 1
        position = stop


def _joined(pieces: list[Segment]) -> list[Run]:
    runs: list[Run] = []
    first = 0
    for place in range(1, len(pieces) + 1):
        if place == len(pieces) or pieces[place].start != _end(pieces[place - 1]):
            part = pieces[first:place]
            data = part[0].data if len(part) == 1 else b"".join([one.data for one in part])
            runs.append(Run(part[0].start, data, part))
            first = place
    return runs


def _start(segment: Segment) -> int:
    return segment.start


def _end(segment: Segment) -> int:
    return segment.start + len(segment.data)


def _frame(segment: Segment) -> int:
    return segment.frame
