"""What devices asked relays over UDP, all conversations of the same two hosts together, and whether anything came back.

One answer shows that the way is open, whichever of a device's ports it reached.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lynccap.correlation.media.allocations import Allocation, AllocationEnding
from lynccap.correlation.media.relays import TURN_UDP_PORT
from lynccap.correlation.rows import rows_of
from lynccap.tables import Tables

MAX_FLOWS = 20_000  # conversations read one by one; a device in a call has two or four
METHODS = ("allocate", "binding")
_FLOW = ("capture", "client", "server", "server_port", "frames_server")
_REPORT = ("flow", "frame", "version", "type", "code", "reporter")


@dataclass(frozen=True, slots=True)
class RelayAsk:
    """The requests of one device to UDP port 3478 of one host, in one capture."""

    capture: int
    client: str
    server: str
    port: int
    flows: tuple[int, ...]
    frames: tuple[int, ...]
    """Of the requests, repeated ones included."""
    times: tuple[int, ...]
    """Of them, nanoseconds since 1970."""
    answered: bool
    """Something came back from the host's port, or the answer to a request came from elsewhere."""
    reports: tuple[Any, ...]
    """ICMP errors that quote them: rows with frame, version, type, code and reporter."""


def read_relay_asks(tables: Tables, allocations: Iterable[Allocation]) -> tuple[RelayAsk, ...]:
    """All of them, in the order in which they began."""
    flows = tables.flows
    asked = flows.loc[(flows["transport"] == "udp") & (flows["server_port"] == TURN_UDP_PORT), list(_FLOW)]
    if asked.empty:
        return ()
    stun = tables["stun"]
    requests = stun[
        stun["flow"].isin(asked.index)
        & (stun["kind"] == "request")
        & stun["method"].isin(METHODS)
        & stun["from_client"]
    ]
    if requests.empty:
        return ()
    elsewhere = {one.flow for one in allocations if one.ending is AllocationEnding.ELSEWHERE}
    said: dict[int, list[Any]] = defaultdict(list)
    for row in rows_of(requests, ("flow", "frame", "time")):
        said[row.flow].append(row)
    kept = asked.loc[sorted(said)[:MAX_FLOWS]]
    pairs: dict[tuple[int, str, str], list[Any]] = defaultdict(list)
    for row in rows_of(kept, _FLOW):
        pairs[row.capture, row.client, row.server].append(row)
    reports = _reports(tables)
    made = [_ask(key, rows, said, elsewhere, reports) for key, rows in pairs.items()]
    return tuple(sorted(made, key=lambda one: (one.capture, one.times[0], one.flows)))


def _ask(
    key: tuple[int, str, str],
    rows: list[Any],
    said: dict[int, list[Any]],
    elsewhere: set[int],
    reports: dict[int, list[Any]],
) -> RelayAsk:
    flows = tuple(int(row.Index) for row in rows)
    requests = sorted((one for flow in flows for one in said[flow]), key=lambda one: (one.time, one.frame))
    return RelayAsk(
        *key,
        port=int(rows[0].server_port),
        flows=flows,
        frames=tuple(int(one.frame) for one in requests),
        times=tuple(int(one.time) for one in requests),
        answered=any(row.frames_server > 0 for row in rows) or not elsewhere.isdisjoint(flows),
        reports=tuple(one for flow in flows for one in reports.get(flow, ())),
    )


def _reports(tables: Tables) -> dict[int, list[Any]]:
    icmp = tables.icmp
    found: dict[int, list[Any]] = defaultdict(list)
    for row in rows_of(icmp[(icmp["quoted_transport"] == "udp") & icmp["from_client"]], _REPORT):
        found[row.flow].append(row)
    return found
