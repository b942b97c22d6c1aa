"""Where reading one side of a stream begins again behind bytes the capture lacks.

Behind a hole, HTTP is read on where the length of the message before it says that message ends; it and SIP else where
a segment begins with a start line: servers and clients begin messages in new segments. Start lines inside a segment
are not believed, because bodies may hold some.
"""

from dissectors.contract import Anomaly, AnomalyKind, Dissector, Message
from dissectors.http import MAX_LINE, HttpMessage
from lynccap.ingest.streams.assembly import Run, Segment
from lynccap.ingest.streams.classify import CERTAIN, LIKELY, REJECT
from lynccap.ingest.streams.exchanges import Said

TEXT = frozenset(("http", "sip"))
"""Protocols whose messages begin with a line that proves them."""
MAX_RESTARTS = 16  # within one run: each costs a copy of what is left of it
GLANCE = 16  # bytes that tell almost every segment from the beginning of a message


class Resumption:
    """How far one side of a stream is read, and what it said."""

    def __init__(self, dissector: Dissector) -> None:
        """Nothing read."""
        self.dissector = dissector
        """The protocol spoken; behind the opening of a tunnel, the one inside."""
        self.said: list[Said] = []
        self.hole = False
        """Bytes behind the last message are missing, or could not be read."""
        self._begun_before = False
        self._expected = 0
        self._stopped = -1
        self._restarts = 0
        self._missing = 0

    def into(self, run: Run, *, first: bool, begins: bool) -> Run | None:
        """The part of a run from which on it can be read; `begins` when the stream does with its `first` one."""
        self._restarts = 0
        if self.dissector.name not in TEXT:
            return run if first or self.dissector.probe(run.data) >= LIKELY else None
        if first and not begins:
            self._begun_before, self._expected = True, run.start
        elif self._expected == run.start:
            return run
        if self._expected >= run.end:
            return None
        at = max(0, self._expected - run.start)
        if self.dissector.probe(run.data[at : at + MAX_LINE]) >= LIKELY:
            self.hole |= not self._begun_before and self._expected < run.start
            return run.tail(at)
        self.hole |= not self._begun_before
        return self._at_border(run, 1)

    def behind(self, run: Run) -> Run | None:
        """The part of a run behind what could not be read of it."""
        stopped, self._stopped = self._stopped, -1
        self._restarts += 1
        return self._at_border(run, stopped + 1) if stopped >= 0 and self._restarts <= MAX_RESTARTS else None

    def take(self, message: Message, first: Segment, last: Segment) -> None:
        """Note a message; those of other protocols are not paired."""
        if isinstance(message, HttpMessage):
            self.said.append(Said(message, first, last, self.hole or self._begun_before))
            self.hole = self._begun_before = False
            self._missing = message.missing

    def stop(self, run: Run, anomaly: Anomaly | None) -> None:
        """Note how the reading of `run` ended."""
        self._expected = run.end + self._missing if self._missing and anomaly is None else -1
        self._missing = 0
        if anomaly is not None and self.dissector.name in TEXT:
            self.hole = True
            if anomaly.kind is AnomalyKind.MALFORMED:
                self._stopped = anomaly.offset

    def _at_border(self, run: Run, after: int) -> Run | None:
        for part in run.parts:
            at = part.start - run.start
            if at < after or self.dissector.probe(run.data[at : at + GLANCE]) is REJECT:
                continue
            if self.dissector.probe(run.data[at : at + MAX_LINE]) is CERTAIN:
                return run.tail(at)
        return None
