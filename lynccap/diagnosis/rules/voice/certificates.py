"""TLS between the Mediation Server, gateways and voice mail that ends over a certificate (catalogue group 12)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lynccap.correlation.roles.claims import GATEWAY, MEDIATION
from lynccap.correlation.tls.handshakes import HandshakeOutcome
from lynccap.correlation.tls.listeners import Listener
from lynccap.correlation.tls.presented import Presented
from lynccap.correlation.tls.sessions import UNKNOWN_CA, TlsSession
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement
from lynccap.diagnosis.rules.voice.ports import CLEAR, TLS, trunk_ports
from lynccap.diagnosis.subjects import subject_of
from lynccap.document import Confidence, Severity

OVER_CERTIFICATES = range(42, 50)  # RFC 5246 7.2.2: bad_certificate to access_denied
GENERAL = (
    *("cert-name-mismatch", "cert-cn-not-repeated-in-san", "cert-missing-sip-domain", "tls-unknown-ca"),
    *("cert-expired", "cert-revoked", "cert-chain-incomplete", "mtls-client-cert-rejected"),
)
"""Rules on certificates and handshakes at large, whose findings here are this one failure seen again."""
NAMED = 3  # names of a server a sentence holds
LISTED = 20  # frames shown of a server that tries again and again


@dataclass(frozen=True, slots=True)
class Broken:
    """Handshakes of two hosts that one of them ended over the other's certificate."""

    client: str
    server: str
    sessions: tuple[TlsSession, ...]
    shown: Presented | None
    """The certificates of whoever was refused: the server's, as a rule; None where they cannot be read."""
    by_client: bool
    code: int
    """Of the alert that says so, 0 when there was none."""

    @property
    def stated(self) -> bool:
        """Whether an alert says so, or it happened more than once."""
        return bool(self.code) or len(self.sessions) > 1

    @property
    def ended(self) -> str:
        """Who ended it, and how: a clause."""
        who = self.client if self.by_client else self.server
        times = f", {len(self.sessions)} times" if len(self.sessions) > 1 else ""
        how = f"refuses the certificate (TLS alert {self.code})" if self.code else "leaves after the certificate"
        return f"{who} {how}{times}"

    def found(self, inquiry: Inquiry, says: str, why: str, confidence: Confidence, **more: Any) -> Found:
        """A finding on the client, with the certificate and the end of each handshake as its proof."""
        subject = subject_of(inquiry, self.sessions[0].flow)
        ends = [one.handshake.end for one in self.sessions]
        frames = sorted({one.certificate_frame for one in self.sessions} | {one.frame for one in ends if one})
        shows = subject.shows("the certificate, and how the handshake ends", *frames[:LISTED])
        alone = {one.listener.server for one in inquiry.failed_tls if one.client == self.client} <= {self.server}
        usual = {"flows": tuple(one.flow for one in self.sessions), "explains": GENERAL if alone else ()}
        return subject.found(says, why, confidence, shows, **{**usual, **more})


def broken(inquiry: Inquiry, listener: Listener, client: str, sessions: tuple[TlsSession, ...]) -> Broken | str:
    """What a client and a listener fell out over; else why that is not shown, "" when it was no certificate."""
    told = [(one, _code(one)) for one in sessions]
    over = [(one, code) for one, code in told if code >= 0]
    if not over:
        return next((one.handshake.doubt for one in sessions if one.handshake.doubt), "")
    by_client = bool(over[0][0].handshake.end and over[0][0].handshake.end.from_client)
    mine = tuple(one for one, _ in over)
    shown = inquiry.case.shown_on.get(mine[0].flow) if by_client else None
    return Broken(client, listener.server, mine, shown, by_client, max(code for _, code in over))


def _code(session: TlsSession) -> int:
    """The alert over a certificate that ended a handshake, 0 for a client that left right after it; else -1."""
    shake = session.handshake
    if session.completed or not session.certificate_frame or shake.end is None:
        return -1
    if shake.outcome is HandshakeOutcome.REFUSED and session.refusal:
        return session.refusal.code if session.refusal.code in OVER_CERTIFICATES else -1
    return 0 if shake.left_at_certificate else -1


def leaf_words(inquiry: Inquiry, one: Broken) -> str:
    """Whose certificate it is, and what the server is called elsewhere."""
    if not one.by_client:
        return f"{one.server} refuses the certificate that {one.client} shows."
    if one.shown is None or not one.shown.readable:
        return "The certificate cannot be read."
    leaf = one.shown.leaf
    names = ", ".join(dict.fromkeys([leaf.common_name or "no name", *one.shown.names]))
    says = f"The certificate is for {names}, issued by {leaf.issuer}."
    called = wanted_names(inquiry, one)
    if not called:
        return f"{says} By which name the server is known is not in the capture."
    fits = any(one.shown.covers(name) for name in called)
    return f"{says} The server is known as {', '.join(called)}: {'the name fits' if fits else 'the name does not fit'}."


def wanted_names(inquiry: Inquiry, one: Broken) -> tuple[str, ...]:
    """The names that the client's hello, DNS or the topology gives the server."""
    asked = [session.sni for session in one.sessions if session.sni]
    return tuple(dict.fromkeys([*asked, *inquiry.case.names.called(one.server)]))[:NAMED]


@rule(
    title="TLS between the Mediation Server and a gateway fails on a certificate",
    severity=Severity.MAJOR,
    stage=Stage.TRUST,
    causes=(
        "The certificate comes from an authority that the other end does not trust.",
        "The certificate has an IP address or another name where the trunk has a full name.",
    ),
    fix=(
        "Give the gateway a certificate with the name that the topology has for it.",
        "Let both ends trust each other's authority.",
    ),
    act=("voice administrator", "PKI team"),
    sources=("notes-poster", "ms-mediation"),
    explains=(*GENERAL, "trunk-options-unanswered"),
)
def gateway_tls_name_mismatch(inquiry: Inquiry) -> Iterator[Judgement]:
    """TLS on a trunk ends after a certificate, so that no call passes it.

    Evidence: TLS of a gateway with port 5067 of a Mediation Server, or of a Mediation Server with port 5082 or 5061 of
    a gateway, ends by an alert over a certificate or right after it; the certificate's name and issuer beside the name
    the server is known by. Certain when an alert says so or it happens again.

    Not this: a trunk over TCP between the same two, which carries the calls; a handshake that got through later.
    """
    for listener in inquiry.case.listeners:
        roles = inquiry.case.roles
        inward = listener.port in trunk_ports(MEDIATION, TLS) and roles.has(listener.server, MEDIATION)
        outward = listener.port in trunk_ports(GATEWAY, TLS) and roles.has(listener.server, GATEWAY)
        if inward or outward:
            yield from (Clear(client) for client in listener.completed)
            for client, sessions in listener.failed.items():
                if inward or roles.has(client, MEDIATION):
                    yield from _trunk(inquiry, listener, client, sessions)


def _trunk(inquiry: Inquiry, listener: Listener, client: str, sessions: tuple[TlsSession, ...]) -> Iterator[Judgement]:
    one = broken(inquiry, listener, client, sessions)
    if not isinstance(one, Broken):
        if one:
            yield Doubt(client, one)
        return
    beside = _trunk_in_clear(inquiry, client, listener.server)
    if beside:
        yield Doubt(client, f"a trunk over TCP (port {beside}) between {client} and {listener.server} works beside it")
        return
    device, server = inquiry.word(client), inquiry.server(listener.server, listener.port)
    yield one.found(
        inquiry,
        f"{device} has no TLS trunk with {server} on TCP port {listener.port}: {one.ended}.",
        f"{leaf_words(inquiry, one)} No call passes this trunk.",
        Confidence.CERTAIN if one.stated else Confidence.LIKELY,
        causes=() if one.code in (0, UNKNOWN_CA) and _fits(inquiry, one) else gateway_tls_name_mismatch.causes[::-1],
    )


def _fits(inquiry: Inquiry, one: Broken) -> bool:
    shown = one.shown
    return shown is None or any(shown.covers(name) for name in wanted_names(inquiry, one))


def _trunk_in_clear(inquiry: Inquiry, one: str, other: str) -> int:
    """The port of a connection without TLS between two ends of a trunk, in whichever direction, 0 without one."""
    both = (each for each in inquiry.case.attempts_of(one, other) if {each.client, each.server} == {one, other})
    clear = trunk_ports(MEDIATION, CLEAR) | trunk_ports(GATEWAY, CLEAR)
    return next((each.port for each in both if each.port in clear and each.established), 0)
