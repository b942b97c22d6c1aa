"""Which certificates each end of TLS connections showed: the same list once, however often it was shown."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from lynccap.correlation.collector import collector_paused
from lynccap.correlation.rows import rows_of
from lynccap.tables import CERTIFICATES, Tables

_Key = tuple[int, str, int, bool, tuple[Any, ...]]
MAX_SHOWINGS = 200  # connections kept of one list: what evidence can show; a busy server shows it thousands of times


@dataclass(frozen=True, slots=True)
class Showing:
    """One time a list of certificates was shown."""

    flow: int
    frame: int
    """The one that completed the message."""
    time: int
    viewer: str
    """The address it was shown to."""


@dataclass(frozen=True, slots=True)
class Presented:
    """One list of certificates that one address showed at one port."""

    capture: int
    holder: str
    """The address that showed it."""
    port: int
    """The server's, whoever showed the list."""
    by_server: bool
    chain: tuple[Any, ...]
    """Rows of the certificates table as they were sent, the leaf first; `Index` is the row's number."""
    showings: tuple[Showing, ...]
    """In order of time, at most MAX_SHOWINGS."""

    @property
    def leaf(self) -> Any:
        """The holder's own certificate: a row of the certificates table."""
        return self.chain[0]

    @property
    def names(self) -> tuple[str, ...]:
        """The DNS names it is for, lower case: the alternative names, else the common name (RFC 6125 6.4.4)."""
        told = self.leaf.names or ((self.leaf.common_name,) if self.leaf.common_name else ())
        return tuple(name.lower() for name in told)

    def covers(self, name: str) -> bool:
        """Whether it is for a DNS name; a wildcard stands for one whole first label (RFC 6125 6.4.3)."""
        wanted = name.lower().rstrip(".")
        _, _, parent = wanted.partition(".")
        return wanted in self.names or (bool(parent) and f"*.{parent}" in self.names)

    @property
    def readable(self) -> bool:
        """Whether every certificate of the list could be parsed."""
        return all(not one.unreadable for one in self.chain)


@collector_paused()
def read_presented(tables: Tables) -> tuple[Presented, ...]:
    """The lists of all captures in the order they were first shown; certificates of other origins are left out."""
    shown = tables.certificates[tables.certificates["carried"] == "tls"]
    lists: dict[tuple[int, int, bool], list[Any]] = defaultdict(list)
    for row in rows_of(shown, ("flow", "frame", "from_client", "position", "sha256", "time")):
        lists[row.flow, row.frame, row.from_client].append(row)
    ends = _ends(tables, {flow for flow, _, _ in lists})
    found: dict[_Key, tuple[list[int], list[Showing]]] = {}
    for (flow, frame, from_client), rows in lists.items():
        capture, client, server, port = ends[flow]
        chain = sorted(rows, key=lambda row: row.position)
        holder, viewer = (client, server) if from_client else (server, client)
        key = (capture, holder, port, not from_client, tuple(row.sha256 or row.Index for row in chain))
        _, showings = found.setdefault(key, ([row.Index for row in chain], []))
        if len(showings) < MAX_SHOWINGS:
            showings.append(Showing(flow, frame, chain[0].time, viewer))
    wanted = shown.loc[[index for indexes, _ in found.values() for index in indexes]]
    whole = {row.Index: row for row in rows_of(wanted, tuple(CERTIFICATES))}
    made = [
        Presented(
            *(capture, holder, port, by_server),
            tuple(whole[index] for index in indexes),
            tuple(sorted(showings, key=lambda one: one.time)),
        )
        for (capture, holder, port, by_server, _), (indexes, showings) in found.items()
    ]
    return tuple(sorted(made, key=lambda one: (one.capture, one.showings[0].time, one.holder, one.port)))


def _ends(tables: Tables, wanted: set[int]) -> dict[int, tuple[int, str, str, int]]:
    columns = ("capture", "client", "server", "server_port")
    rows = rows_of(tables.flows.loc[sorted(wanted), list(columns)], columns)
    return {row.Index: (row.capture, row.client, row.server, row.server_port) for row in rows}
