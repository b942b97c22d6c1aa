"""Which clients ended TLS with a Lync server over the certificate they were shown."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from lynccap import reference
from lynccap.correlation.tls.handshakes import HandshakeOutcome
from lynccap.correlation.tls.listeners import Listener
from lynccap.correlation.tls.presented import Presented
from lynccap.correlation.tls.sessions import TlsSession
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Found, Proof
from lynccap.diagnosis.subjects import subject_of
from lynccap.document import Confidence

BAD, UNSUPPORTED, REVOKED, EXPIRED, UNKNOWN = 42, 43, 44, 45, 46  # RFC 5246 7.2.2, all of them about certificates
CLOSED = 0  # stands for a client that leaves without an alert right after the certificate
LISTED = 40  # frames shown of a client that tries again and again


def served(inquiry: Inquiry) -> Iterator[Clear]:
    """The Lync servers with whom somebody completed TLS: the subjects on which a rule of this room is clear."""
    done = {one.server for one in inquiry.case.listeners if one.completed}
    yield from (Clear(server) for server in sorted(done) if inquiry.case.roles.is_lync(server))


def alert_word(code: int) -> str:
    """An alert by its number and name."""
    row = reference.tls_alerts().get(code)
    return f"alert {code}" + (f" ({row.name})" if row else "")


@dataclass(frozen=True, slots=True)
class Objection:
    """Handshakes that one client ended over one list of certificates, by one alert or by leaving."""

    listener: Listener
    client: str
    shown: Presented
    code: int
    """Of the alert, CLOSED without one."""
    sessions: tuple[TlsSession, ...]

    @property
    def time(self) -> int:
        """When the list was first shown on these connections."""
        flows = {one.flow for one in self.sessions}
        return min(one.time for one in self.shown.showings if one.flow in flows)

    def sentence(self, inquiry: Inquiry, what: str) -> str:
        """The device, what it does and how often, the server, and what is wrong."""
        how = f"ends TLS with {alert_word(self.code)}" if self.code else "closes the connection"
        times = f", {len(self.sessions)} times" if len(self.sessions) > 1 else ""
        server = inquiry.server(self.listener.server, self.listener.port)
        place = f"{server} on TCP port {self.listener.port}"
        return f"{inquiry.word(self.client)} {how} after the certificate of {place}{times}: {what}."

    def found(self, inquiry: Inquiry, what: str, why: str, confidence: Confidence, *proof: Proof, **more: Any) -> Found:
        """A finding on the client."""
        subject = subject_of(inquiry, self.sessions[0].flow)
        ends = [one.handshake.end for one in self.sessions]
        frames = sorted({one.certificate_frame for one in self.sessions} | {one.frame for one in ends if one})
        shows = subject.shows("the certificate, and how the client ends the handshake", *frames[:LISTED])
        flows = tuple(one.flow for one in self.sessions)
        usual: dict[str, Any] = {"time": self.time, "flows": flows}
        return subject.found(self.sentence(inquiry, what), why, confidence, shows, *proof, **{**usual, **more})


def objections(inquiry: Inquiry, codes: Collection[int]) -> Iterator[Objection]:
    """What clients object to certificates of Lync's listeners with these alerts; CLOSED among them for leaving."""
    for failed in inquiry.failed_tls:
        groups: dict[tuple[int, int], list[TlsSession]] = defaultdict(list)
        for session in failed.sessions:
            code = objection(session)
            shown = inquiry.case.shown_on.get(session.flow)
            if code in codes and shown and shown.readable:
                groups[id(shown), code].append(session)
        for (_, code), ones in groups.items():
            yield Objection(failed.listener, failed.client, inquiry.case.shown_on[ones[0].flow], code, tuple(ones))


def objection(session: TlsSession) -> int:
    """The alert by which the client ended the handshake after it saw the certificate, CLOSED without; else -1."""
    if session.completed or not session.certificate_frame:
        return -1
    shake = session.handshake
    if shake.end is None or not shake.end.from_client:
        return -1
    if shake.outcome is HandshakeOutcome.REFUSED and session.refusal:
        return session.refusal.code
    return CLOSED if shake.left_at_certificate else -1


def servers_lists(inquiry: Inquiry) -> Iterator[Presented]:
    """The readable lists that Lync's listeners showed, each once."""
    for one in inquiry.case.presented:
        if one.by_server and one.readable and inquiry.case.roles.is_lync(one.holder):
            yield one
