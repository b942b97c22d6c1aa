"""TLS connections: how far each handshake came, who refused it, and whether data followed."""

from dataclasses import dataclass

import pandas as pd

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
    last_frame: int
    last_time: int
    alerts: tuple[Alert, ...]

    def alert(self, code: int) -> Alert | None:
        """The first alert of that code."""
        return next((one for one in self.alerts if one.code == code), None)

    @property
    def stalled_after_certificate(self) -> bool:
        """The server showed its certificate and no protected data ever followed."""
        return bool(self.certificate_frame) and not self.completed


def read_sessions(tables: Tables) -> dict[int, TlsSession]:
    """The TLS sessions by flow."""
    return {int(flow): _session(int(flow), rows) for flow, rows in tables["tls"].groupby("flow", sort=True)}


def _session(flow: int, rows: pd.DataFrame) -> TlsSession:
    kind, client = rows["kind"], rows["from_client"]
    protected = rows[kind == "application-data"]
    hellos = rows[kind.isin(("server-hello", "client-hello"))]
    server_hello = hellos[hellos["kind"] == "server-hello"]
    named = rows.loc[rows["sni"].notna(), "sni"]
    alerts = rows[(kind == "alert") & rows["alert"].notna()]
    versions = server_hello if len(server_hello) else hellos
    return TlsSession(
        flow=flow,
        hello_frame=_first(rows[kind == "client-hello"]),
        server_hello_frame=_first(server_hello),
        certificate_frame=_first(rows[(kind == "certificate") & ~client]),
        client_certificate_frame=_first(rows[(kind == "certificate") & client & (rows["certificates"].map(len) > 0)]),
        version=str(versions["version"].iloc[0]) if len(versions) else "",
        sni=str(named.iloc[0]) if len(named) else "",
        completed=bool(protected["from_client"].any() and (~protected["from_client"]).any()),
        data_frame=_first(protected[~protected["from_client"]]),
        last_frame=int(rows["frame"].max()),
        last_time=int(rows["time"].max()),
        alerts=tuple(
            Alert(int(one.frame), int(one.time), bool(one.from_client), int(one.alert), str(one.alert_name))
            for one in alerts.itertuples()
        ),
    )


def _first(rows: pd.DataFrame) -> int:
    return int(rows["frame"].iloc[0]) if len(rows) else 0
