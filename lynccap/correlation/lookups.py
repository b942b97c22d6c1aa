"""What clients asked DNS and what they were told: repeated questions, response codes, answers from elsewhere."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from lynccap.correlation.collector import collector_paused
from lynccap.correlation.rows import rows_of
from lynccap.tables import SECOND, Tables

MAX_WAIT = 30 * SECOND  # resolvers give up after 15 s or less; the same number later is another question

_SAID = (
    *("flow", "frame", "time", "kind", "from_client", "transaction_id", "name", "record_type"),
    *("rcode_name", "answers", "truncated", "complete"),
)


@dataclass(slots=True)
class Lookup:
    """One question of a client, however often it was sent, and the first answer to it."""

    capture: int
    client: str
    server: str
    """Whom it was asked of."""
    name: str
    record_type: int
    request_frames: list[int]
    """The first one and what repeats it with the same number from the same port."""
    first_time: int
    last_time: int
    response_frame: int = 0
    """0: no answer is in the capture."""
    response_time: int = 0
    rcode_name: str = ""
    answers: int = 0
    truncated: bool = False
    partial: bool = False
    """Truncated, or not all of the answer is in the capture."""
    records: tuple[Any, ...] = ()
    """Rows of DNS_ANSWERS in the answer."""
    answered_by: str = ""
    """Who answered; a client drops what comes from anybody but `server`."""

    @property
    def answered(self) -> bool:
        """Whether an answer was seen."""
        return self.response_frame > 0

    @property
    def denied(self) -> bool:
        """Whether the answer says that there is no such name (NXDOMAIN, RFC 8020)."""
        return self.rcode_name == "nxdomain"

    @property
    def from_elsewhere(self) -> bool:
        """Whether the answer came from another address than was asked."""
        return self.answered and self.answered_by != self.server

    @property
    def seconds(self) -> float | None:
        """From the first question to the answer, None without one."""
        return (self.response_time - self.first_time) / SECOND if self.answered else None


@collector_paused()
def read_lookups(tables: Tables) -> tuple[Lookup, ...]:
    """The lookups of all captures in the order of their first question.

    Questions and answers belong together by the asker's address and port, the number and the name, not by flow: an
    answer from another address is a flow of its own.
    """
    found: list[Lookup] = []
    records = _records(tables)
    open_ones: dict[tuple[Any, ...], Lookup] = {}
    for row in _said(tables):
        key = (row.capture, row.asker, row.port, row.transaction_id, row.name, row.record_type)
        lookup = open_ones.get(key)
        if lookup is not None and row.time - lookup.last_time > MAX_WAIT:
            lookup = None
        if row.kind == "request":
            if lookup is None or lookup.response_frame or lookup.server != row.other:
                asked = (row.capture, row.asker, row.other, row.name, row.record_type, [row.frame], row.time, row.time)
                lookup = open_ones[key] = Lookup(*asked)
                found.append(lookup)
            else:
                lookup.request_frames.append(row.frame)
                lookup.last_time = row.time
        elif lookup is not None and not lookup.response_frame:
            _answer(lookup, row)
            lookup.records = tuple(records.get((row.flow, row.frame), ()))
    return tuple(found)


def _said(tables: Tables) -> Iterator[Any]:
    """Each message with its capture, its asker's address and port, and the other end's address; in order of frames."""
    messages = tables["dns"]
    flows = tables.flows.loc[messages["flow"], ["capture", "client", "client_port", "server", "server_port"]]
    by_client = (messages["from_client"] == (messages["kind"] == "request")).to_numpy()
    rows = messages[list(_SAID)].assign(
        capture=flows["capture"].to_numpy(),
        asker=np.where(by_client, flows["client"], flows["server"]),
        port=np.where(by_client, flows["client_port"], flows["server_port"]),
        other=np.where(by_client, flows["server"], flows["client"]),
    )
    return rows_of(rows.sort_values(["capture", "frame"], kind="stable"), rows.columns)


def _answer(lookup: Lookup, row: Any) -> None:
    lookup.response_frame, lookup.response_time = row.frame, row.time
    lookup.rcode_name, lookup.answers, lookup.truncated = row.rcode_name, row.answers, row.truncated
    lookup.partial = row.truncated or not row.complete
    lookup.answered_by = row.other


def _records(tables: Tables) -> dict[tuple[int, int], list[Any]]:
    """The records of each answer, by its flow and frame."""
    found: dict[tuple[int, int], list[Any]] = defaultdict(list)
    for row in rows_of(tables.dns_answers, ("flow", "frame", "name", "record_type", "value", "port")):
        found[row.flow, row.frame].append(row)
    return found
