"""What was asked of web services and answered, with both ends and the words of HTTP around it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lynccap.correlation.rows import rows_of
from lynccap.tables import Tables

PROTOCOLS = ("autodiscover", "certprov", "web-ticket", "web-service", "crl")
"""The message tables that are requests with their answers."""
_FLOW = ("capture", "client", "server", "server_port", "closing", "lost_server")
_REQUEST = (
    *("flow", "first_frame", "kind", "method", "target", "host", "user_agent"),
    *("authorization", "web_ticket"),
)
_RESPONSE = ("flow", "frame", "kind", "server", "via", "content_type")


@dataclass(frozen=True, slots=True)
class WebExchange:
    """One request and its answer."""

    protocol: str
    """The table it is in: one of PROTOCOLS."""
    row: Any
    """Its row there: `outcome`, `status`, `location` and what else the protocol tells."""
    capture: int
    client: str
    server: str
    """A proxy, where `flow` is in Case.proxied."""
    port: int
    reset: bool
    """The server reset the connection before the answer was complete, and the capture lacks nothing of it."""
    request: Any | None
    """Row of the http table, where it is kept: `method`, `target`, `host`, `user_agent`, `authorization`,
    `web_ticket`."""
    response: Any | None
    """The same: `server`, `via`, `content_type`."""

    @property
    def flow(self) -> int:
        """The conversation it is in."""
        return int(self.row.flow)

    @property
    def time(self) -> int:
        """Nanoseconds since 1970 of the frame that completed it."""
        return int(self.row.time)

    @property
    def frames(self) -> tuple[int, ...]:
        """The request's first frame and the answer's last."""
        return tuple(sorted({int(self.row.first_frame), int(self.row.frame)}))

    @property
    def host(self) -> str:
        """The host asked for, lower case and without port; "" when it is not kept."""
        name = (self.request.host or "") if self.request else ""
        return name.lower().rpartition(":")[0] if name.rpartition(":")[2].isdecimal() else name.lower()


def read_exchanges(tables: Tables) -> tuple[WebExchange, ...]:
    """The exchanges of all captures in the order of their time."""
    wanted = {int(flow) for protocol in PROTOCOLS for flow in tables[protocol]["flow"].unique()}
    if not wanted:
        return ()
    flows = {row.Index: row for row in rows_of(tables.flows.loc[sorted(wanted)], _FLOW)}
    http = tables["http"][tables["http"]["flow"].isin(wanted)]
    asked = {(row.flow, row.first_frame): row for row in rows_of(http, _REQUEST) if row.kind == "request"}
    answered = {(row.flow, row.frame): row for row in rows_of(http, _RESPONSE) if row.kind == "response"}
    found = [
        _exchange(protocol, row, flows[row.flow], asked, answered)
        for protocol in PROTOCOLS
        for row in _rows(tables, protocol)
    ]
    return tuple(sorted(found, key=lambda one: (one.capture, one.time, one.row.frame, one.protocol)))


def _rows(tables: Tables, protocol: str) -> Iterator[Any]:
    return rows_of(tables[protocol], tables[protocol].columns)


def _exchange(protocol: str, row: Any, flow: Any, asked: dict[Any, Any], answered: dict[Any, Any]) -> WebExchange:
    cut = row.outcome in ("no-answer", "cut")
    return WebExchange(
        protocol,
        row,
        flow.capture,
        flow.client,
        flow.server,
        flow.server_port,
        cut and flow.closing == "server-rst" and not flow.lost_server,
        asked.get((row.flow, row.first_frame)),
        answered.get((row.flow, row.frame)),
    )
