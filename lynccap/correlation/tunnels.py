"""Connections through a proxy: what a device asked it for with CONNECT (RFC 9110 9.3.6), and what it answered."""

from dataclasses import dataclass
from typing import Any

from lynccap.correlation.clues import UNKNOWN, service_of_name
from lynccap.correlation.http_pairs import request_answers
from lynccap.correlation.names import NameBook
from lynccap.correlation.rows import rows_of
from lynccap.tables import Tables

CHALLENGE = 407
_FLOW = ("capture", "client", "server", "stack")
_HTTP = ("flow", "frame", "time", "kind", "method", "target", "status")


@dataclass(frozen=True, slots=True)
class Tunnel:
    """One request to a proxy for a connection."""

    flow: int
    capture: int
    time: int
    frame: int
    client: str
    proxy: str
    host: str
    port: int
    service: str
    """sip, psom, stun-turn or web by the host's name; ? when the name tells none."""
    status: int | None
    """None when no answer is readable."""
    answer_frame: int

    @property
    def opened(self) -> bool:
        """Whether the proxy let it through."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def refused(self) -> bool:
        """Whether the proxy said no; a request for the user's name is none."""
        return self.status is not None and self.status >= 400 and self.status != CHALLENGE

    def says(self, words: str) -> str:
        """What the proxy made of it, in a sentence about `words`."""
        target = f"{words} {self.host} TCP {self.port} through the proxy {self.proxy}"
        if self.opened:
            return f"reached {target}"
        said = "no answer can be read" if self.status is None else f"the proxy answered {self.status}"
        return f"asked for {target}: {said}"


def read_tunnels(tables: Tables, names: NameBook) -> tuple[Tunnel, ...]:
    """The tunnels that were asked for in all captures, in order of time."""
    http = tables["http"]
    through = http.loc[(http["kind"] == "request") & (http["method"] == "CONNECT"), "flow"].unique()
    if not len(through):
        return ()
    flows = {row.Index: row for row in rows_of(tables.flows.loc[sorted(through)], _FLOW)}
    pairs = request_answers(rows_of(http[http["flow"].isin(through)], _HTTP))
    made = (_tunnel(flows[row.flow], names, row, answer) for row, answer in pairs if row.method == "CONNECT")
    return tuple(sorted(made, key=lambda one: (one.time, one.frame)))


def _tunnel(flow: Any, names: NameBook, request: Any, answer: Any | None) -> Tunnel:
    host, _, port = str(request.target or "").lower().rpartition(":")
    status = None if answer is None or answer.status is None else int(answer.status)
    return Tunnel(
        flow=request.flow,
        capture=flow.capture,
        time=int(request.time),
        frame=int(request.frame),
        client=flow.client,
        proxy=flow.server,
        host=host,
        port=int(port) if port.isdecimal() and port.isascii() else 0,
        service=_service(flow.stack, names, host),
        status=status,
        answer_frame=0 if answer is None else int(answer.frame),
    )


def _service(stack: str, names: NameBook, host: str) -> str:
    if "sip" in stack.split("/"):
        return "sip"
    leads = {link.name for link in names.srv.get(host, ())}
    if any(one.startswith(("_sip._tls.", "_sipinternaltls._tcp.")) for one in leads):
        return "sip"
    return service_of_name(host) if host else UNKNOWN
