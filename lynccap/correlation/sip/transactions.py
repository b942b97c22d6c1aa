"""SIP transactions: each request with its answers, how often it was repeated, and how long it waited (RFC 3261 17)."""

from dataclasses import dataclass, field
from typing import Any

from dissectors.mras import MEDIA_TYPE as MRAS_TYPE
from lynccap.correlation.rows import rows_of
from lynccap.tables import SECOND, Tables

FINAL = 200  # the first status that ends a transaction
UNANSWERED = frozenset({"ACK", "BENOTIFY"})
"""Requests nobody answers ([MS-SIP] 3.2 for BENOTIFY)."""


@dataclass(slots=True)
class Transaction:
    """One request on one flow and what came back on it; rows are those of the sip table."""

    flow: int
    capture: int
    method: str
    request: Any | None
    """None when the capture lacks it, as when it began later."""
    asked_by_client: bool
    """Whether the side that opened the flow asked."""
    answers: list[Any] = field(default_factory=list)
    """Provisional and final, in order, repeated ones included."""
    repeats: int = 0
    """Times the request was sent again over UDP."""
    last_frame: int = 0
    """Of the last message of it, repetitions included."""

    @property
    def final(self) -> Any | None:
        """The first final answer."""
        return next((one for one in self.answers if one.status >= FINAL), None)

    @property
    def status(self) -> int | None:
        """Of the final answer."""
        return None if self.final is None else int(self.final.status)

    @property
    def first(self) -> Any:
        """The row of the request, else of the first answer."""
        return self.answers[0] if self.request is None else self.request

    @property
    def frame(self) -> int:
        """Of the first row."""
        return int(self.first.frame)

    @property
    def time(self) -> int:
        """Of the first row."""
        return int(self.first.time)

    @property
    def last_time(self) -> int:
        """Of the last answer, else of the request."""
        return int(self.answers[-1].time) if self.answers else self.time

    @property
    def seconds_to_first(self) -> float | None:
        """From the request to the first answer of any kind; None without either."""
        return self._seconds(self.answers[0] if self.answers else None)

    @property
    def seconds_to_final(self) -> float | None:
        """From the request to the final answer; None without either."""
        return self._seconds(self.final)

    @property
    def unanswered(self) -> bool:
        """Whether a request that wants an answer got none at all."""
        return not self.answers and self.method not in UNANSWERED

    @property
    def asks_credentials(self) -> bool:
        """Whether it is for relay credentials ([MS-AVEDGEA] 3.1.4)."""
        return self.method == "SERVICE" and self.request is not None and self.request.content_type == MRAS_TYPE

    def _seconds(self, answer: Any | None) -> float | None:
        if answer is None or self.request is None:
            return None
        return (int(answer.time) - int(self.request.time)) / SECOND


def read_transactions(tables: Tables) -> tuple[Transaction, ...]:
    """The transactions in the order they began; ACK, which is part of the INVITE's, is none of its own."""
    table = tables["sip"]
    if table.empty:
        return ()
    udp = set(tables.flows.index[tables.flows["transport"] == "udp"])
    capture_of = tables.flows["capture"].to_dict()
    latest: dict[tuple[Any, ...], Transaction] = {}
    found: list[Transaction] = []
    ordered = table.sort_values(["time", "frame"], kind="stable")
    for row in rows_of(ordered, ordered.columns):
        if not row.method or row.method == "ACK":
            continue
        asks = row.kind == "request"
        asker = bool(row.from_client) is asks
        key = (row.flow, asker, row.call_id, row.cseq, row.method, row.branch)
        known = latest.get(key)
        if known is None or (asks and known.final is not None and row.flow not in udp):
            known = Transaction(row.flow, capture_of.get(row.flow, 0), row.method, row if asks else None, asker)
            latest[key] = known
            found.append(known)
        elif asks:
            known.repeats += 1
        if not asks:
            known.answers.append(row)
        known.last_frame = int(row.frame)
    return tuple(found)
