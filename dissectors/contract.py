"""What every dissector is: two methods over bytes, and the one loop that drives them.

A dissector knows bytes. It knows no port, no address, no file and no clock; the layers above weigh those.
Three answers are kept apart, because a diagnosis depends on the difference:

- *truncated*: the bytes end before the message does (short capture, snap length, lost segment);
- *malformed*: the bytes contradict the protocol;
- *absent*: the bytes are another protocol's, which `probe` says, not `parse`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import ClassVar, NamedTuple, Protocol

MAX_MESSAGES = 100_000  # per dissected stream: bounds time and memory on hostile input


class Truncated(Exception):
    """The bytes end before the message does."""


class Malformed(Exception):
    """The bytes contradict the protocol."""


class Verdict(IntEnum):
    """What a probe concludes from the head of a stream, weakest first."""

    REJECT = 0
    """These bytes cannot be this protocol."""
    UNSURE = 1
    """Too few bytes to tell: ask again with more."""
    LIKELY = 2
    """The shape fits, but another protocol could share it."""
    CERTAIN = 3
    """A magic value or a whole structural check fits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One unit of a protocol; its fields are the columns of the protocol's table."""

    protocol: ClassVar[str]


class Cursor:
    """A bounds-checked reading position over the bytes of one stream or one datagram."""

    # Written out rather than generated, and without calls among its methods: every byte of a head passes through here.
    __slots__ = ("data", "decoder", "end", "notes", "position")

    def __init__(self, data: bytes, position: int = 0, end: int = -1, notes: set[str] | None = None) -> None:
        """Stand at `position`; the cursor ends where the data ends unless told otherwise."""
        size = len(data)
        self.data = data
        self.position = position
        self.end = end if 0 <= end <= size else size
        self.notes = set() if notes is None else notes
        """What a parser must remember between messages of one stream, e.g. that encryption has begun."""
        self.decoder: object = None
        """The parser's own state where notes do not do, e.g. the history a compressed stream refers to."""

    @property
    def remaining(self) -> int:
        """Bytes left before the end."""
        return self.end - self.position

    def peek(self, count: int) -> bytes:
        """Up to `count` bytes ahead, without moving; fewer at the end."""
        stop = self.position + count
        return self.data[self.position : stop if stop < self.end else self.end]

    def take(self, count: int) -> bytes:
        """The next `count` bytes. Raises Truncated when fewer are left."""
        start = self.position
        stop = start + count
        if count < 0 or stop > self.end:
            raise self._refusal(count)
        self.position = stop
        return self.data[start:stop]

    def rest(self) -> bytes:
        """All bytes left."""
        return self.take(self.remaining)

    def uint(self, width: int) -> int:
        """The next `width` bytes as an unsigned big-endian number. Raises Truncated."""
        start = self.position
        stop = start + width
        if width < 0 or stop > self.end:
            raise self._refusal(width)
        self.position = stop
        return int.from_bytes(self.data[start:stop], "big")

    def sub(self, count: int) -> "Cursor":
        """A cursor over the next `count` bytes; this one moves behind them. Raises Truncated."""
        return Cursor(self.take(count))

    def _refusal(self, count: int) -> Truncated | Malformed:
        if count < 0:
            return Malformed(f"negative length {count} at offset {self.position}")
        return Truncated(f"{count} bytes wanted at offset {self.position}, {self.remaining} left")


class Dissector(Protocol):
    """Recognises one protocol and parses its messages."""

    @property
    def name(self) -> str:
        """The protocol's name, as used in stacks and tables."""

    def probe(self, head: bytes, /) -> Verdict:
        """Judge the first bytes one side sent. Never raises."""

    def parse(self, cursor: Cursor, /) -> tuple[Message, ...]:
        """Parse the next message, or the messages one record carries, and leave the cursor behind them.

        Raises Truncated or Malformed, nothing else.
        """


class AnomalyKind(StrEnum):
    """Why a dissection stopped before the end of its bytes."""

    TRUNCATED = "truncated"
    MALFORMED = "malformed"
    NO_PROGRESS = "no-progress"
    TOO_MANY = "too-many"


@dataclass(frozen=True, slots=True)
class Anomaly:
    """Bytes a protocol does not allow, or that the capture lacks, as a value."""

    kind: AnomalyKind
    offset: int
    says: str


class Placed(NamedTuple):
    """A message and the bytes [start, end) of the stream it was read from."""

    message: Message
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Dissection:
    """What one run of bytes yielded, and why it stopped if it did not end cleanly."""

    messages: tuple[Placed, ...]
    consumed: int
    anomaly: Anomaly | None = None


def dissect(dissector: Dissector, data: bytes) -> Dissection:
    """Parse `data` from its first byte, message after message, until it ends or stops making sense.

    Never raises, whatever the bytes: Truncated and Malformed become the `anomaly`.
    """
    cursor = Cursor(data)
    parse, end = dissector.parse, cursor.end
    placed: list[Placed] = []
    anomaly = None
    start = 0
    while start < end:
        try:
            for message in parse(cursor):
                placed.append(Placed(message, start, cursor.position))
        except Truncated as stop:
            anomaly = Anomaly(AnomalyKind.TRUNCATED, start, str(stop))
        except Malformed as stop:
            anomaly = Anomaly(AnomalyKind.MALFORMED, start, str(stop))
        else:
            if cursor.position == start or len(placed) > MAX_MESSAGES:
                anomaly = _stopped(cursor.position == start, start)
        if anomaly is not None:
            break
        start = cursor.position
    return Dissection(tuple(placed), start, anomaly)


def _stopped(stuck: bool, offset: int) -> Anomaly:
    if stuck:
        return Anomaly(AnomalyKind.NO_PROGRESS, offset, "the parser did not advance")
    return Anomaly(AnomalyKind.TOO_MANY, offset, f"more than {MAX_MESSAGES} messages in one stream")


def strongest(verdicts: Iterator[tuple[Dissector, Verdict]]) -> tuple[Dissector | None, Verdict]:
    """The dissector with the strongest verdict; the first one wins a tie."""
    best: tuple[Dissector | None, Verdict] = (None, Verdict.REJECT)
    for dissector, verdict in verdicts:
        if verdict > best[1]:
            best = (dissector, verdict)
    return best
