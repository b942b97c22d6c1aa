"""Kerberos tickets that clients asked domain controllers for, and what they were told (RFC 4120)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lynccap.correlation.rows import rows_of
from lynccap.tables import Tables

UNKNOWN_SERVICE, CLOCKS_APART = 7, 37  # RFC 4120 7.5.9: KDC_ERR_S_PRINCIPAL_UNKNOWN, KRB_AP_ERR_SKEW
_COLUMNS = ("flow", "frame", "time", "from_client", "kind", "service", "error", "server_time", "client_time")
_ASKED, _TOLD = ("as-req", "tgs-req"), ("as-rep", "tgs-rep")


@dataclass(frozen=True, slots=True)
class Ticket:
    """What one client asked one domain controller for: all its questions for one service in one capture."""

    capture: int
    client: str
    server: str
    service: str
    """The principal name: sip/pool.example."""
    flows: tuple[int, ...]
    asked: tuple[Any, ...]
    """Rows of the kerberos table: the questions."""
    granted: tuple[Any, ...]
    refused: tuple[Any, ...]
    """The errors, with `error`, `server_time` and `client_time`."""

    def refusals(self, code: int) -> tuple[Any, ...]:
        """The errors of one code that came after the last ticket."""
        last = self.granted[-1].time if self.granted else 0
        return tuple(row for row in self.refused if row.error == code and row.time > last)

    @property
    def unanswered(self) -> tuple[Any, ...]:
        """The questions after the last answer of any kind."""
        last = max((row.time for row in (*self.granted, *self.refused)), default=0)
        return tuple(row for row in self.asked if row.time > last)


def read_tickets(tables: Tables) -> tuple[Ticket, ...]:
    """The tickets that were asked for, in the order of the first message of each."""
    table = tables["kerberos"]
    if table.empty:
        return ()
    groups: dict[tuple[int, str, str, str], list[Any]] = defaultdict(list)
    ends = tables.flows.loc[table["flow"].unique(), ["capture", "client", "server"]]
    known = {row.Index: (int(row.capture), str(row.client), str(row.server)) for row in ends.itertuples()}
    for row in rows_of(table.sort_values("frame", kind="stable"), _COLUMNS):
        if row.service and row.from_client == (row.kind in _ASKED):
            groups[*known[row.flow], row.service].append(row)
    return tuple(_ticket(key, rows) for key, rows in groups.items())


def _ticket(key: tuple[int, str, str, str], rows: Sequence[Any]) -> Ticket:
    flows = tuple(dict.fromkeys(int(row.flow) for row in rows))
    asked = tuple(row for row in rows if row.kind in _ASKED)
    granted = tuple(row for row in rows if row.kind in _TOLD)
    return Ticket(*key, flows, asked, granted, tuple(row for row in rows if row.kind == "error"))
