"""How clients logged on to web services: the challenges (401, 407) on a connection before its answer."""

from dataclasses import dataclass, field
from typing import Any

from lynccap.tables import Tables

CHALLENGES = (401, 407)  # RFC 9110 11


@dataclass(slots=True)
class LogOn:
    """Challenges in a row on one connection, and the answer that ended them."""

    flow: int
    target: str
    """Of the last request before the answer."""
    challenges: int
    """401 and 407 answers: one is normal for Kerberos, two for NTLM."""
    offered: str
    """Schemes of the first challenge, comma-separated."""
    scheme: str
    """Of the last request's Authorization, "" without any."""
    tokens: tuple[str, ...]
    """Kinds of the tokens both sides sent, in order: ntlm-1, ntlm-2, ntlm-3, kerberos, spnego."""
    status: int | None
    """Of the answer that is no challenge; None when none is seen."""
    frames: tuple[int, ...]


@dataclass(slots=True)
class _UnderWay:
    """What a connection said since the last answer that was no challenge."""

    target: str = ""
    scheme: str = ""
    offered: str = ""
    challenges: int = 0
    tokens: list[str] = field(default_factory=list)
    frames: list[int] = field(default_factory=list)

    def ended(self, flow: int, status: int | None) -> LogOn:
        return LogOn(
            flow,
            self.target,
            self.challenges,
            self.offered,
            self.scheme,
            tuple(self.tokens),
            status,
            tuple(dict.fromkeys(self.frames)),
        )


def read_log_ons(tables: Tables) -> tuple[LogOn, ...]:
    """The log-ons of all connections whose HTTP is readable, connection by connection and in order.

    An exchange that met no challenge and carried no token is none. NTLM logs a connection on, not a request.
    """
    found: list[LogOn] = []
    http = tables["http"]
    for flow, rows in http.sort_values("frame", kind="stable").groupby("flow", sort=True):
        current = _UnderWay()
        for row in rows.itertuples():
            _note(current, row)
            final = row.kind == "response" and row.status >= 200 and row.status not in CHALLENGES
            if final:
                if current.challenges or current.tokens:
                    found.append(current.ended(int(flow), int(row.status)))
                current = _UnderWay()
        if current.challenges:
            found.append(current.ended(int(flow), None))
    return tuple(found)


def _note(current: _UnderWay, row: Any) -> None:
    if row.kind == "request":
        current.target, current.scheme = row.target or "", row.authorization or ""
    elif row.status in CHALLENGES:
        current.challenges += 1
        current.offered = current.offered or row.authenticate or ""
    if row.token:
        current.tokens.append(row.token)
    current.frames += (row.first_frame, row.frame)
