"""What tells a protocol that is not read: one check over the first bytes, and a table to find the checks quickly."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from dissectors.contract import Cursor, Message, Verdict

REJECT, UNSURE, LIKELY, CERTAIN = Verdict


@dataclass(frozen=True, slots=True)
class Recogniser:
    """Tells one protocol by its bytes, and reads nothing of it."""

    name: str
    first: bytes
    """The first bytes it may begin with; empty when any may."""
    judge: Callable[[bytes], Verdict]

    def probe(self, head: bytes, /) -> Verdict:
        """Judge the first bytes one side sent, or one datagram. Never raises."""
        if not head:
            return UNSURE
        return REJECT if self.first and head[0] not in self.first else self.judge(head)

    def parse(self, cursor: Cursor, /) -> tuple[Message, ...]:
        """No message: everything is passed over."""
        cursor.rest()
        return ()


Table = tuple[tuple[Recogniser, ...], ...]


def by_first_byte(recognisers: Iterable[Recogniser]) -> Table:
    """For each first byte the recognisers it may be of, in order."""
    every = tuple(recognisers)
    return tuple(tuple(one for one in every if not one.first or first in one.first) for first in range(256))


def strongest_of(table: Table, heads: Sequence[bytes]) -> tuple[Recogniser | None, Verdict]:
    """Who recognises these heads of two sides most strongly, LIKELY or CERTAIN; (None, REJECT) when nobody does.

    A shape that only fits one side by chance does not fit the other: LIKELY stands when no head contradicts it.
    """
    best: Recogniser | None = None
    for head in heads:
        for one in table[head[0]]:
            verdict = one.judge(head)
            if verdict is REJECT:  # nearly always
                continue
            if verdict is CERTAIN:
                return one, verdict
            if verdict is LIKELY and best is None and not any(one.probe(other) is REJECT for other in heads):
                best = one
    return best, REJECT if best is None else LIKELY


def begins(head: bytes, *openings: bytes) -> Verdict:
    """CERTAIN with one of these openings, UNSURE while it may become one."""
    if head.startswith(openings):
        return CERTAIN
    return UNSURE if any(one.startswith(head) for one in openings) else REJECT
