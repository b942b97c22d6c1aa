"""TLS connections that the server's side ended while it owed an answer: the client had spoken last."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from lynccap.correlation.protocol_numbers import FIN, HTTPS, RST
from lynccap.correlation.rows import rows_of
from lynccap.tables import SECOND, Tables

SHORTEST_NS = 10 * SECOND  # no answer is due for a while only where the client waits for news
SEGMENT_BYTES = 1460  # the most that Ethernet carries of TCP in one frame
_ENDS = ("capture", "client", "server", "server_port", "data_frames_client", "data_frames_server")


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
    flows = flows[(flows["server_port"] == HTTPS) & (flows["closing"] != "")]
    some = flows[
        (flows["last_time"] - flows["first_time"] >= SHORTEST_NS) & (flows["lost_client"] + flows["lost_server"] == 0)
    ]
    some = some[some["stack"].str.startswith("tls")]
    return tuple(sorted(_read(tables, some), key=lambda one: (one.capture, one.ended))) if len(some) else ()


def _read(tables: Tables, flows: pd.DataFrame) -> Iterator[OwedAnswer]:
    tls, control = tables["tls"], tables.tcp_frames
    said = tls[tls["flow"].isin(flows.index)]
    data = said[said["kind"] == "application-data"]
    last = {row.flow: row for row in rows_of(data, ("flow", "frame", "time", "from_client"))}
    ends = control[control["flow"].isin(flows.index) & (control["flags"] & (FIN | RST) > 0)]
    left: dict[int, tuple[int, int, bool, bool]] = {}
    for row in rows_of(ends, ("flow", "frame", "time", "from_client", "flags")):
        left.setdefault(row.flow, (row.time, row.frame, row.from_client, bool(row.flags & RST)))
    # Who says goodbye in TLS ends it (RFC 5246 7.2.1); the other side may be the first to close TCP.
    goodbyes = said[said["kind"].isin(("alert", "encrypted-alert"))]
    for row in rows_of(goodbyes, ("flow", "frame", "time", "from_client")):
        if row.flow in left:
            left[row.flow] = min(left[row.flow], (row.time, row.frame, row.from_client, False))
    shown = _frames_shown(said[said["flow"].isin([flow for flow, row in last.items() if row.from_client])])
    for row in rows_of(flows, _ENDS):
        spoke, end = last.get(row.Index), left.get(row.Index)
        # Of protected data the tables have each side's first record only: more frames than those, and who spoke last
        # is not known.
        if row.data_frames_client > shown[row.Index, True] or row.data_frames_server > shown[row.Index, False]:
            continue
        if spoke and end and spoke.from_client and not end[2] and end[0] - spoke.time >= SHORTEST_NS:
            ids = (int(row.Index), int(row.capture), str(row.client), str(row.server), int(row.server_port))
            yield OwedAnswer(*ids, int(spoke.time), int(spoke.frame), int(end[0]), int(end[1]), reset=end[3])


def _frames_shown(said: pd.DataFrame) -> Counter[tuple[int, bool]]:
    """How many frames of each side, by flow and from_client, the TLS messages in the tables take up at least."""
    ends = {
        (row.flow, row.from_client, frame)
        for row in rows_of(said, ("flow", "from_client", "first_frame", "frame"))
        for frame in (row.first_frame, row.frame)
    }
    shown = Counter((flow, from_client) for flow, from_client, _ in ends)
    chains = said[said["kind"] == "certificate"]
    for row in rows_of(chains, ("flow", "from_client", "certificates")):
        between = -(-sum(map(len, row.certificates)) // SEGMENT_BYTES) - 2
        shown[row.flow, row.from_client] += max(0, between)
    return shown
