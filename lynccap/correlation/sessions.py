"""TLS connections: how far each handshake came, who refused it, and whether data followed."""

from dataclasses import dataclass
from typing import Any

from lynccap.tables import Tables

UNKNOWN_CA = 48  # RFC 5246 7.2.2
CLOSE_NOTIFY = 0


@dataclass(frozen=True, slots=True)
class Alert:
    """One TLS alert in the clear."""

    frame: int
    time: int
    from_client: bool
    code: int
    name: str
    fatal: bool


@dataclass(frozen=True, slots=True)
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
]


def read_sessions(tables: Tables) -> dict[int, TlsSession]:
    """The TLS sessions by flow."""
    by_flow: dict[int, list[Any]] = {}
    for row in tables["tls"][_COLUMNS].itertuples(index=False):
        by_flow.setdefault(row.flow, []).append(row)
    sent = tables.flows["data_frames_client"]
    return {flow: _session(flow, rows, int(sent[flow])) for flow, rows in sorted(by_flow.items())}


# TLS 1.3 sends its own handshake as protected data: a hello, then one flight with Finished (and a certificate).
# Whoever sends more than that has been let in (RFC 8446 2).
HANDSHAKE_SEGMENTS = 2


def _session(flow: int, rows: list[Any], segments: int) -> TlsSession:
    server_hellos = [row for row in rows if row.kind == "server-hello"]
    client_hellos = [row for row in rows if row.kind == "client-hello"]
    certificates = [row for row in rows if row.kind == "certificate"]
    data = [row for row in rows if row.kind == "application-data"]
    answers = [row for row in data if not row.from_client]
    hellos = server_hellos or client_hellos
    version = str(hellos[0].version) if hellos else ""
    let_in = version != "tls1.3" or segments > HANDSHAKE_SEGMENTS
    return TlsSession(
        flow=flow,
        hello_frame=_first(client_hellos),
        server_hello_frame=_first(server_hellos),
        certificate_frame=_first([row for row in certificates if not row.from_client]),
        client_certificate_frame=_first([row for row in certificates if row.from_client and row.certificates]),
        version=version,
        sni=next((str(row.sni) for row in rows if row.sni), ""),
        completed=len({row.from_client for row in data}) == 2 and let_in,
        data_frame=_first(answers),
        data_time=int(answers[0].time) if answers else 0,
        last_frame=max(row.frame for row in rows),
        last_time=max(row.time for row in rows),
        alerts=tuple(
            Alert(row.frame, row.time, row.from_client, row.alert, str(row.alert_name), row.alert_level == "fatal")
            for row in rows
            if row.kind == "alert" and row.alert is not None
        ),
    )


def _first(rows: list[Any]) -> int:
    return int(rows[0].frame) if rows else 0
