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


class Mark(NamedTuple):
    """From this offset of the run on, the bytes came with this frame."""

    offset: int
    frame: int
    time: int


class Run(NamedTuple):
    """Contiguous bytes of one side of a stream."""

    start: int
    data: bytes
    marks: tuple[Mark, ...]

    @property
    def end(self) -> int:
        """The stream offset behind the last byte."""
        return self.start + len(self.data)

    def first(self, offset: int) -> Mark:
        """The mark of the byte at `offset` of this run."""
        marks = self.marks
        return marks[0] if len(marks) == 1 else marks[_place(marks, offset)]

    def span(self, start: int, end: int) -> tuple[Mark, Mark]:
        """The mark of the first of the bytes [start, end), at least one, and that of the last frame to bring any."""
        marks = self.marks
        if len(marks) == 1:
            return marks[0], marks[0]
        low = _place(marks, start)
        high = bisect_left(marks, (end,), low)
        return marks[low], marks[low] if high <= low + 1 else max(marks[low:high], key=_frame)


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
            start = part[0].start
            marks = tuple([Mark(one.start - start, one.frame, one.time) for one in part])
            runs.append(Run(start, b"".join([one.data for one in part]), marks))
            first = place
    return runs


def _start(segment: Segment) -> int:
    return segment.start


def _end(segment: Segment) -> int:
    return segment.start + len(segment.data)


def _place(marks: tuple[Mark, ...], offset: int) -> int:
    """The place of the mark of the byte at `offset`; a mark is greater than its offset alone."""
    return max(0, bisect_left(marks, (offset + 1,)) - 1)


def _frame(mark: Mark) -> int:
    return mark.frame
