"""Web pages that devices asked for and did not get: how TLS ended on the way there, and what HTTP answered."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from lynccap.correlation.tls.handshakes import HandshakeOutcome
from lynccap.correlation.tls.sessions import TlsSession
from lynccap.correlation.web_exchanges import WebExchange
from lynccap.diagnosis.inquiry import Inquiry

UNAUTHORIZED, FIRST_ERROR = 401, 400  # 401 comes before every web ticket
OF_TLS = (
    "tls-unknown-ca",
    "tls-version-mismatch",
    "tls-cipher-mismatch",
    "tls-handshake-stalled",
    "cert-name-mismatch",
    "cert-expired",
)
"""General rules on the same handshakes."""


@dataclass(frozen=True, slots=True)
class FailedSession:
    """One client's TLS sessions at one port of a server that ended the same way and that it did not get over."""

    client: str
    server: str
    port: int
    says: str
    """How they end, with its subject: "the server ends TLS with alert 40 (handshake_failure)"."""
    by_client: bool
    sessions: tuple[TlsSession, ...]

    @property
    def frames(self) -> tuple[int, ...]:
        """The hellos and the ends."""
        ends = [one.handshake.end.frame for one in self.sessions if one.handshake.end]
        return tuple(sorted({*(one.hello_frame for one in self.sessions), *ends} - {0}))

    @property
    def flows(self) -> tuple[int, ...]:
        """The connections."""
        return tuple(one.flow for one in self.sessions)


def failed_sessions(inquiry: Inquiry, is_wanted: Callable[[str], bool], name: str = "") -> Iterator[FailedSession]:
    """By client the failed sessions with wanted servers, by a name that begins with `name`, whose end is shown."""
    for listener in inquiry.case.listeners:
        failed = listener.failed
        if not failed or not is_wanted(listener.server):
            continue
        for client, sessions in failed.items():
            mine = [one for one in sessions if one.sni.lower().startswith(name)]
            ends: dict[tuple[str, bool], list[TlsSession]] = {}
            for one in mine:
                if end := ending_of(one):
                    ends.setdefault(end, []).append(one)
            for (says, by_client), ones in ends.items():
                yield FailedSession(client, listener.server, listener.port, says, by_client, tuple(ones))


def ending_of(session: TlsSession) -> tuple[str, bool] | None:
    """How a handshake came to nothing, and whether the client ended it; None where that is not shown."""
    alert, shake = session.refusal, session.handshake
    if alert:
        who = "the device" if alert.from_client else "the server"
        return f"{who} ends TLS with {alert.word}", alert.from_client
    if shake.outcome is HandshakeOutcome.STALLED and not shake.client_due:
        return "the server says no more in the middle of the TLS handshake", False
    if shake.outcome is HandshakeOutcome.CLOSED and shake.end and not shake.end.from_client:
        return "the server closes the connection in the middle of the TLS handshake", False
    return ("the device leaves after it has seen the certificate", True) if shake.left_at_certificate else None


def bad_answers(asked: Sequence[WebExchange]) -> list[WebExchange]:
    """Of one client's requests to one server, in order: the errors, none when a later request is answered well.

    A challenge is none; a reset instead of an answer is one.
    """
    bad = [one for one in asked if one.reset or (one.row.status or 0) >= FIRST_ERROR]
    bad = [one for one in bad if one.row.status != UNAUTHORIZED]
    good = [one for one in asked if one.row.outcome in ("ok", "redirected")]
    return [] if bad and good and good[-1].time > bad[-1].time else bad
