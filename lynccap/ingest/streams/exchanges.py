"""Which response answers which request of one connection, when the capture may lack some of either.

Responses come in the order of their requests (RFC 9112 9.3.2), and never before them. A client that waits for each
response before it asks again, as Lync's do, leaves one request open at a time: behind bytes the capture lacks, the
response that follows is the last request's, and those before it had theirs in the bytes that are missing.
"""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from dissectors.http import HttpMessage, is_answer
from lynccap.ingest.streams.assembly import Segment


class Said(NamedTuple):
    """A message of one side, the segments it begins in and was completed by."""

    message: HttpMessage
    first: Segment
    last: Segment
    after_hole: bool
    """The capture lacks bytes before it that are not known to be another message's."""


class Exchange(NamedTuple):
    """A request and its answer, if one was seen."""

    request: Said
    answer: Said | None
    unseen: bool
    """Without an answer: the capture lacks bytes in which it may have been."""


def exchanges_of(asked: Sequence[Said], replied: Sequence[Said], lost_end: bool) -> list[Exchange]:
    """The requests among `asked` with their answers among `replied`, in the requests' order.

    `lost_end`: the capture lacks bytes behind the last of `replied`.
    """
    requests = [one for one in asked if one.message.kind == "request"]
    answers = [one for one in _without_interim(replied) if is_answer(one.message)]
    whole = not lost_end and not any(one.after_hole for one in (*requests, *answers))
    if whole and len(requests) == len(answers) and not any(map(_precedes, answers, requests)):
        return [Exchange(request, answer, False) for request, answer in zip(requests, answers, strict=True)]
    return _in_order(requests, answers, lost_end)


def _without_interim(replied: Sequence[Said]) -> list[Said]:
    """A hole before 100 Continue is one before the answer that follows."""
    kept: list[Said] = []
    hole = False
    for one in replied:
        hole |= one.after_hole
        if is_answer(one.message):
            kept.append(one._replace(after_hole=hole))
            hole = False
    return kept


def _precedes(answer: Said, request: Said) -> bool:
    """Both frames and times say so: either alone may be out of order in a capture."""
    return answer.first.frame < request.first.frame and answer.first.time < request.first.time


def _in_order(requests: Sequence[Said], answers: Sequence[Said], lost_end: bool) -> list[Exchange]:
    found: dict[int, Exchange] = {}
    open_ones: deque[int] = deque()
    asked = 0
    ahead = _Ahead(answers)
    for place, answer in enumerate(answers):
        while asked < len(requests) and requests[asked].first.frame < answer.first.frame:
            open_ones.append(asked)
            asked += 1
        if answer.after_hole:
            until = requests[asked].first.frame if asked < len(requests) else None
            for _ in range(len(open_ones) - ahead.count(place, until)):
                lost = open_ones.popleft()
                found[lost] = Exchange(requests[lost], None, True)
        if open_ones:  # else it answers a request from before the capture, or none, as 408 does
            number = open_ones.popleft()
            found[number] = Exchange(requests[number], answer, False)
    for number in range(len(requests)):
        found.setdefault(number, Exchange(requests[number], None, lost_end))
    return [found[number] for number in range(len(requests))]


class _Ahead:
    """Counts the answers in a row that came before a frame: a client that asked ahead gets several."""

    def __init__(self, answers: Sequence[Said]) -> None:
        self._answers = answers
        self._end = 0

    def count(self, place: int, frame: int | None) -> int:
        """From `place` on; neither number falls from one call to the next, so that each answer is passed once."""
        if frame is None:
            return len(self._answers) - place
        self._end = max(self._end, place)
        while self._end < len(self._answers) and self._answers[self._end].first.frame < frame:
            self._end += 1
        return self._end - place
