"""TLS connections that the server's side ended while it owed an answer: the client had spoken last."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from lynccap.correlation.protocol_numbers import FIN, HTTPS, RST
from lynccap.correlation.rows import rows_of
from lynccap.tables import SECOND, Tables

SHORTEST_NS = 10 * SECOND  # no answer is due for a while only where the client waits for news
WHOLE_BYTES, WHOLE_FRAMES = 60_000, 500  # of one side: up to here every record of a flow is in the tables
_ENDS = ("capture", "client", "server", "server_port")


@dataclass(frozen=True, slots=True)
class OwedAnswer:
    """One connection: the client's last record, and how the server's side left it."""

    flow: int
    capture: int
    client: str
    server: str
    port: int
    asked: int
    """When the client sent its last record, nanoseconds."""
    asked_frame: int
    ended: int
    ended_frame: int
    reset: bool

    @property
    def waited(self) -> int:
        """From the client's last record to the end, nanoseconds."""
        return self.ended - self.asked


def read_owed_answers(tables: Tables) -> tuple[OwedAnswer, ...]:
    """Those on port 443 in the order of their end."""
    flows = tables.flows
    flows = flows[(flows["server_port"] == HTTPS) & flows["closing"].isin(("server-fin", "server-rst"))]
    open_long = flows["last_time"] - flows["first_time"] >= SHORTEST_NS
    whole = (flows["lost_client"] == 0) & (flows["lost_server"] == 0)
    for side in ("client", "server"):
        whole &= (flows[f"bytes_{side}"] <= WHOLE_BYTES) & (flows[f"data_frames_{side}"] <= WHOLE_FRAMES)
    some = flows[open_long & whole & flows["stack"].str.startswith("tls")]
    return tuple(sorted(_read(tables, some), key=lambda one: (one.capture, one.ended))) if len(some) else ()


def _read(tables: Tables, flows: pd.DataFrame) -> Iterator[OwedAnswer]:
    tls, control = tables["tls"], tables.tcp_frames
    data = tls[tls["flow"].isin(flows.index) & (tls["kind"] == "application-data")]
    last = {row.flow: row for row in rows_of(data, ("flow", "frame", "time", "from_client"))}
    ends = control[control["flow"].isin(flows.index) & ~control["from_client"] & (control["flags"] & (FIN | RST) > 0)]
    left = {row.flow: row for row in reversed(list(rows_of(ends, ("flow", "frame", "time", "flags"))))}
    for row in rows_of(flows, _ENDS):
        spoke, end = last.get(row.Index), left.get(row.Index)
        if spoke and end and spoke.from_client and end.time - spoke.time >= SHORTEST_NS:
            ids = (int(row.Index), int(row.capture), str(row.client), str(row.server), int(row.server_port))
            times = (int(spoke.time), int(spoke.frame), int(end.time), int(end.frame))
            yield OwedAnswer(*ids, *times, reset=bool(end.flags & RST))
