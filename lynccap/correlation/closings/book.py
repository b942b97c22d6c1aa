"""The ends of all connections that did not simply close, found by flow, client or server."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import pandas as pd

from lynccap.correlation.attempts import Attempt
from lynccap.correlation.closings.claims import Closing, Refusal
from lynccap.correlation.closings.endings import (
    REPEATS,
    SILENT_NS,
    Connection,
    Control,
    Error,
    Goodbye,
    ending_of,
)
from lynccap.correlation.closings.hosts import Hosts
from lynccap.correlation.closings.judging import judge
from lynccap.correlation.closings.kinds import EndedBy, Points
from lynccap.correlation.protocol_numbers import CONTROL, RST
from lynccap.correlation.rows import rows_of
from lynccap.correlation.tls.handshakes import CLOSE_NOTIFY
from lynccap.tables import Tables

MAX_CLOSINGS = 20_000  # a day of a busy pool behind a broken firewall; of a flood of SYNs the beginning is enough
MAX_FRAMES = 64  # of one connection: how it opened and ended, and whole trains of closed windows
_ROW = [
    *("capture", "client", "server", "server_port", "opening", "closing", "first_time", "last_time"),
    *("last_time_client", "last_time_server", "last_frame_client", "last_frame_server"),
    *("frames_client", "frames_server", "bytes_client", "bytes_server"),
    *("retransmitted_client", "retransmitted_server"),
    *("unanswered_client", "unanswered_server"),
    *("lost_client", "lost_server", "next_seq_client", "next_seq_server"),
    *("ttl_client_min", "ttl_client_max", "ttl_server_min", "ttl_server_max"),
]
_BAD = ("refused", "unanswered", "half-open")
_Entry = TypeVar("_Entry", Control, Error)


@dataclass(frozen=True)
class ClosingBook:
    """Every closing of a case, in order of flows."""

    closings: tuple[Closing, ...]
    hosts: Hosts
    left_out: int = 0
    """Connections beyond the bound that were not looked at."""

    def of(self, flow: int) -> Closing | None:
        """The closing of a flow, None when it simply closed, or is still open."""
        return self._by_flow.get(flow)

    def of_client(self, *addresses: str) -> tuple[Closing, ...]:
        """The closings of the connections that some addresses opened."""
        return tuple(one for address in addresses for one in self._by_client.get(address, ()))

    def of_server(self, *addresses: str) -> tuple[Closing, ...]:
        """The closings of the connections to some addresses."""
        return tuple(one for address in addresses for one in self._by_server.get(address, ()))

    def refusal_of(self, attempt: Attempt) -> Refusal:
        """Who refused a client's connections to a port, all its resets taken together."""
        hosts, capture = self.hosts, attempt.capture
        own = hosts.ttls_of(capture, attempt.server)
        points = hosts.judge_ttls(capture, own, frozenset(attempt.rst_ttls))
        who = {Points.HOST: EndedBy.SERVER, Points.BOX: EndedBy.BOX_BETWEEN}.get(points, EndedBy.UNKNOWN)
        return Refusal(who, hosts.too_quick(capture, attempt.client, attempt.server, attempt.rst_delays))

    @cached_property
    def _by_flow(self) -> dict[int, Closing]:
        return {one.flow: one for one in self.closings}

    @cached_property
    def _by_client(self) -> dict[str, list[Closing]]:
        found: dict[str, list[Closing]] = defaultdict(list)
        for one in self.closings:
            found[one.client].append(one)
        return found

    @cached_property
    def _by_server(self) -> dict[str, list[Closing]]:
        found: dict[str, list[Closing]] = defaultdict(list)
        for one in self.closings:
            found[one.server].append(one)
        return found


def read_closings(tables: Tables, hosts: Hosts) -> ClosingBook:
    """The closings of all TCP connections."""
    suspects = _suspects(tables)
    rows = _bounded(suspects)
    made = []
    for connection in _connections(tables, rows):
        if ending := ending_of(connection):
            made.append(judge(connection, ending, hosts))
    return ClosingBook(tuple(made), hosts, len(suspects) - len(rows))


def _bounded(suspects: pd.DataFrame) -> pd.DataFrame:
    """The first connections; SYNs that nothing answered only as far as the others leave room."""
    if len(suspects) <= MAX_CLOSINGS:
        return suspects
    floods = suspects["opening"] == "unanswered"
    return pd.concat([suspects[~floods], suspects[floods]])[:MAX_CLOSINGS].sort_index()


def _connections(tables: Tables, rows: pd.DataFrame) -> Iterable[Connection]:
    """Connections with their frames."""
    frames = _grouped(tables.tcp_frames, rows.index, Control)
    errors = _grouped(tables.icmp, rows.index, Error)
    goodbyes = _goodbyes(tables["tls"], rows.index)
    for row in rows_of(rows, _ROW):
        yield Connection(row, frames.get(row.Index, []), errors.get(row.Index, []), goodbyes.get(row.Index))


def _suspects(tables: Tables) -> pd.DataFrame:
    """The rows of the connections that may have ended badly."""
    flows, frames = tables.flows, tables.tcp_frames
    bad = flows["opening"].isin(_BAD)
    later = (flows["last_time_client"] - flows["last_time_server"]).abs()
    again = flows[["retransmitted_client", "retransmitted_server"]].max(axis=1)
    silent = (later >= SILENT_NS) & (again + 1 >= REPEATS) & (flows["frames_server"] > 0)
    repeated = (later > 0) & (flows["bytes_server"] == 0) & (flows["frames_server"] > 2)
    odd = frames["flow"][((frames["flags"] & RST) > 0) | ((frames["window"] == 0) & ((frames["flags"] & CONTROL) == 0))]
    told = pd.concat([odd, tables.icmp["flow"]])
    suspect = bad | silent | repeated | flows.index.isin(told.unique())
    return flows.loc[suspect & (flows["transport"] == "tcp"), _ROW]


def _grouped(table: pd.DataFrame, numbers: pd.Index, kind: type[_Entry]) -> dict[int, list[_Entry]]:
    """The rows of a table by flow, as tuples of a kind whose fields are its columns."""
    kept = table[table["flow"].isin(numbers)]
    columns = [kept[name].tolist() for name in kind._fields]
    found: dict[int, list[_Entry]] = {}
    for flow, one in zip(kept["flow"].tolist(), map(kind._make, zip(*columns, strict=True)), strict=True):
        held = found.setdefault(flow, [])
        if len(held) < MAX_FRAMES:
            held.append(one)
    return found


def _goodbyes(tls: pd.DataFrame, numbers: pd.Index) -> dict[int, Goodbye]:
    """The first alert of each flow; one that cannot be read is taken for a close_notify, which ends most sessions."""
    told = tls[tls["kind"].isin(("alert", "encrypted-alert")) & tls["flow"].isin(numbers)]
    first = told.drop_duplicates("flow")[["flow", "frame", "kind", "alert", "alert_level"]]
    return {
        int(row.flow): Goodbye(
            int(row.frame), row.kind == "alert" and row.alert_level == "fatal" and row.alert != CLOSE_NOTIFY
        )
        for row in first.itertuples(index=False)
    }
