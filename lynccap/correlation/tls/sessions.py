"""TLS connections: how far each handshake came, who refused it, and whether data followed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from dissectors.tls import key_exchange
from lynccap.correlation.rows import rows_of
from lynccap.correlation.tls.handshakes import (
    CLOSE_NOTIFY,
    Handshake,
    Surroundings,
    ends_of,
    judge_handshake,
    parting_of,
)
from lynccap.tables import Tables

UNKNOWN_CA = 48  # RFC 5246 7.2.2


@dataclass(frozen=True, slots=True)
class Alert:
    """One TLS alert in the clear."""

    frame: int
    time: int
    from_client: bool
    code: int
    name: str
    fatal: bool

    @property
    def word(self) -> str:
        """Its number and name, for a sentence: "alert 48 (unknown_ca)"."""
        return f"alert {self.code} ({self.name})"


@dataclass(frozen=True)
class TlsSession:
    """One flow's TLS, as far as it can be read."""

    flow: int
    hello_frame: int
    """The client's first hello, 0 when the capture lacks it."""
    server_hello_frame: int
    certificate_frame: int
    client_certificate_frame: int
    """A certificate the client showed: mutual TLS."""
    version: str
    sni: str
    completed: bool
    """Protected data went both ways after the handshake."""
    data_frame: int
    """First protected data of the server, 0 when there is none."""
    data_time: int
    last_frame: int
    last_time: int
    alerts: tuple[Alert, ...]
    suite: str
    """IANA name of the chosen suite, its number in hex where the name is not known, "" without a server-hello."""
    key_exchange: str
    """rsa, dhe, ecdhe, tls1.3 …: see dissectors.tls.key_exchange."""
    resumed: bool
    """An earlier session goes on: by its id, a ticket or a PSK; no certificate is shown then."""
    certificate_request_frame: int
    """The server asked for a client certificate; in TLS 1.3 this is hidden."""
    authorities: int
    """Names of authorities in that request, and their bytes: Schannel cuts its list at 16 KB (KB 2464556)."""
    authorities_bytes: int
    empty_certificate_frame: int
    """The client answered that request with an empty list."""
    judge: Callable[[], Handshake] = field(repr=False, compare=False)
    """Gives the verdict on the handshake, which few sessions are asked for."""

    @cached_property
    def handshake(self) -> Handshake:
        """How far the handshake came, whose turn it was, and who ended it how."""
        return self.judge()

    @property
    def refusal(self) -> Alert | None:
        """The alert that ended the handshake, None when none did; a warning or a close_notify does not."""
        return next((one for one in self.alerts if one.fatal and one.code != CLOSE_NOTIFY), None)

    def alert(self, code: int) -> Alert | None:
        """The first alert of that code."""
        return next((one for one in self.alerts if one.code == code), None)

    @property
    def stalled_after_certificate(self) -> bool:
        """The server showed its certificate and no protected data ever followed."""
        return bool(self.certificate_frame) and not self.completed


_COLUMNS = [
    *("flow", "frame", "time", "from_client"),
    *("kind", "version", "sni", "certificates", "alert", "alert_name", "alert_level"),
    *("suite", "suites", "session_id", "ticket", "authorities", "authorities_bytes"),
]


def read_sessions(tables: Tables) -> dict[int, TlsSession]:
    """The TLS sessions by flow."""
    by_flow: dict[int, list[Any]] = {}
    for row in rows_of(tables["tls"], _COLUMNS):
        by_flow.setdefault(row.flow, []).append(row)
    sent = tables.flows["data_frames_client"].to_numpy()
    around = _Around(tables, sorted(by_flow))
    return {flow: _session(flow, rows, int(sent[flow]), around) for flow, rows in sorted(by_flow.items())}


@dataclass(frozen=True)
class _Around:
    """What the capture shows beside the messages of these flows, read when the first one is judged."""

    tables: Tables
    flows: list[int]

    def of(self, flow: int) -> Surroundings:
        """What it shows beside one flow's messages."""
        row = self._rows[flow]
        stop_time, snapped = self._captures[row.capture]
        return Surroundings(
            parting_of(self._ends.get(flow)),
            row.last_frame,
            row.last_time,
            stop_time,
            _doubt(row, self._damage.get(flow), snapped),
        )

    @cached_property
    def _rows(self) -> dict[int, Any]:
        told = self.tables.flows.loc[self.flows, list(_FLOW_COLUMNS)]
        return {row.Index: row for row in rows_of(told, _FLOW_COLUMNS)}

    @cached_property
    def _captures(self) -> dict[int, tuple[int, bool]]:
        """When each ends, and whether its packets are cut short."""
        rows = rows_of(self.tables.captures, ("last_time", "snapped"))
        return {row.Index: (row.last_time, row.snapped) for row in rows}

    @cached_property
    def _ends(self) -> Mapping[int, Any]:
        return ends_of(self.tables.tcp_frames)

    @cached_property
    def _damage(self) -> dict[int, tuple[str, str]]:
        anomalies = self.tables.anomalies
        told = anomalies[anomalies["protocol"] == "tls"].drop_duplicates("flow")
        return {row.flow: (row.kind, row.says) for row in rows_of(told, ("flow", "kind", "says"))}


_FLOW_COLUMNS = (
    *("capture", "opening", "last_frame", "last_time"),
    *("frames_client", "frames_server", "lost_client", "lost_server"),
)


def _doubt(flow: Any, damage: tuple[str, str] | None, snapped: bool) -> str:
    """What forbids to judge how a handshake of this flow ended."""
    if not flow.frames_client or not flow.frames_server:
        return "only one side's packets are in the capture"
    if flow.opening == "midstream":
        return "the capture lacks the beginning of this connection"
    if flow.lost_client or flow.lost_server:
        lost = flow.lost_client + flow.lost_server
        return f"the capture lacks {lost} bytes of this connection that were acknowledged"
    if damage and (damage[0] != "truncated" or snapped):
        return f"TLS cannot be read to its end: {damage[1]}"
    return ""


# TLS 1.3 sends its own handshake as protected data: a hello, then one flight with Finished (and a certificate).
# Whoever sends more than that has been let in (RFC 8446 2).
HANDSHAKE_SEGMENTS = 2


def _session(flow: int, rows: list[Any], segments: int, around: _Around) -> TlsSession:
    kinds: dict[str, list[Any]] = {}
    for row in rows:
        kinds.setdefault(row.kind, []).append(row)
    server_hellos, client_hellos = kinds.get("server-hello", []), kinds.get("client-hello", [])
    certificates, data = kinds.get("certificate", []), kinds.get("application-data", [])
    answers = [row for row in data if not row.from_client]
    hellos = server_hellos or client_hellos
    version = str(hellos[0].version) if hellos else ""
    let_in = version != "tls1.3" or segments > HANDSHAKE_SEGMENTS
    completed = len({row.from_client for row in data}) == 2 and let_in
    request = next(iter(kinds.get("certificate-request", ())), None)
    return TlsSession(
        flow=flow,
        hello_frame=_first(client_hellos),
        server_hello_frame=_first(server_hellos),
        certificate_frame=_first([row for row in certificates if not row.from_client]),
        client_certificate_frame=_first([row for row in certificates if row.from_client and row.certificates]),
        version=version,
        sni=next((str(row.sni) for row in client_hellos if row.sni), ""),
        completed=completed,
        data_frame=_first(answers),
        data_time=int(answers[0].time) if answers else 0,
        last_frame=max([row.frame for row in rows]),
        last_time=max([row.time for row in rows]),
        alerts=tuple(
            Alert(row.frame, row.time, row.from_client, row.alert, str(row.alert_name), row.alert_level == "fatal")
            for row in kinds.get("alert", ())
            if row.alert is not None
        ),
        suite=str(server_hellos[0].suite or "") if server_hellos else "",
        key_exchange=key_exchange(server_hellos[0].suites[0]) if server_hellos and server_hellos[0].suites else "",
        resumed=bool(server_hellos) and _resumed(client_hellos[-1:], server_hellos[0], rows),
        certificate_request_frame=_first([request] if request else []),
        authorities=int(request.authorities) if request else 0,
        authorities_bytes=int(request.authorities_bytes) if request else 0,
        empty_certificate_frame=_first([row for row in certificates if row.from_client and not row.certificates]),
        judge=partial(_judged, flow, rows, version, completed, around),
    )


def _judged(flow: int, rows: list[Any], version: str, completed: bool, around: _Around) -> Handshake:
    return judge_handshake(rows, version, completed, around.of(flow))


def _resumed(client_hellos: list[Any], server_hello: Any, rows: list[Any]) -> bool:
    """RFC 5246 7.3 and 7.4.1.3, RFC 5077 3.1, RFC 8446 2.2."""
    if server_hello.version == "tls1.3":
        return bool(server_hello.ticket)
    told = {row.kind for row in rows if not row.from_client}
    if not client_hellos or "certificate" in told:
        return False
    echoed = bool(server_hello.session_id) and server_hello.session_id == client_hellos[0].session_id
    return echoed or bool(client_hellos[0].ticket and "change-cipher-spec" in told)


def _first(rows: list[Any]) -> int:
    return int(rows[0].frame) if rows else 0
