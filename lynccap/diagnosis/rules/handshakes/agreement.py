"""Hellos that find nothing in common: versions and cipher suites (catalogue group 4)."""

from collections.abc import Iterator

from lynccap.correlation.tls.handshakes import PATIENCE_NS, HandshakeOutcome
from lynccap.correlation.tls.listeners import Listener
from lynccap.correlation.tls.sessions import TlsSession
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.failed_tls import FailedTls
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Doubt, Found, Judgement, Proof
from lynccap.diagnosis.rules.handshakes.objections import LISTED, alert_word, served
from lynccap.diagnosis.subjects import subject_of
from lynccap.document import Confidence, Severity

PROTOCOL_VERSION, HANDSHAKE_FAILURE, INSUFFICIENT_SECURITY = 70, 40, 71
VERSIONS = ("ssl2", "ssl3", "tls1.0", "tls1.1", "tls1.2", "tls1.3")
VERSION_WORDS = {"ssl2": "SSL 2.0", "ssl3": "SSL 3.0"}
OLD = frozenset(VERSIONS[:4])
SHOWN_SUITES = 12
SIGNALS = frozenset({0x00FF, 0x5600})  # renegotiation info, fallback


def _word(version: str) -> str:
    return VERSION_WORDS.get(version, version.replace("tls", "TLS "))


def _rank(version: str) -> int:
    return VERSIONS.index(version) if version in VERSIONS else -1


def _turned_away(session: TlsSession) -> bool:
    """The server leaves at once after the hello, without a reason."""
    shake = session.handshake
    closed = shake.outcome is HandshakeOutcome.CLOSED and shake.end is not None and not shake.end.from_client
    return closed and shake.stage == "client-hello" and shake.waited < PATIENCE_NS / 1e9


def _found(
    inquiry: Inquiry, failed: FailedTls, what: str, why: str, confidence: Confidence, *proof: Proof, **more: object
) -> Found:
    listener, client, sessions = failed.listener, failed.client, failed.sessions
    subject = subject_of(inquiry, sessions[0].flow)
    server = inquiry.server(listener.server, listener.port)
    times = f" {len(sessions)} times" if len(sessions) > 1 else ""
    says = f"{inquiry.word(client)} cannot agree on TLS with {server} on TCP port {listener.port}{times}: {what}."
    frames = {one.hello_frame for one in sessions} | {one.handshake.end.frame for one in sessions if one.handshake.end}
    shows = subject.shows("the client's hello, and how the handshake ends", *sorted(frames)[:LISTED])
    flows = tuple(one.flow for one in sessions)
    return subject.found(says, why, confidence, shows, *proof, flows=flows, **more)


@rule(
    title="Client and server have no TLS version in common",
    severity=Severity.CRITICAL,
    stage=Stage.TRUST,
    causes=(
        "TLS 1.0 and 1.1 are switched off on the server or the proxy.",
        "TLS 1.2 is missing on an old load balancer.",
    ),
    fix=("Switch on a version that both sides speak, or replace phones that speak TLS 1.0 only.",),
    act=("security policy", "endpoint team"),
    sources=("ucvnext-lpe-tls", "ms-hlb"),
    explains=(
        "autodiscover-443-fails-80-works",
        "federation-tls-failed",
        "mobile-desktop-ok-mobile-fails",
        "mras-tls-failed",
    ),
)
def tls_version_mismatch(inquiry: Inquiry) -> Iterator[Judgement]:
    """A client offers TLS versions of which the server speaks none.

    Evidence: the highest version of the client's hello; alert 70 of either side, or the server leaves at once after
    the hello; others get through with a higher version, and nobody with this one.

    Not this: the pseudo-TLS hello that media clients send to the Edge, which always looks old; a client whose other
    hello the server answers, such as a scanner that tries all versions.
    """
    yield from served(inquiry)
    for failed in inquiry.failed_tls:
        if failed.client in failed.listener.agreed:
            continue
        told = tuple(one for one in failed.sessions if one.refusal and one.refusal.code == PROTOCOL_VERSION)
        left = tuple(one for one in failed.sessions if _turned_away(one))
        if told:
            yield _versions(inquiry, failed.some(told))
        elif left:
            yield from _split(inquiry, failed.some(left))


def _offered(session: TlsSession, inquiry: Inquiry) -> str:
    """The highest version of the client's hello."""
    hello = inquiry.case.hello_of(session.flow, "client-hello")
    return str(hello.version) if hello and hello.version else session.version


def _split(inquiry: Inquiry, failed: FailedTls) -> Iterator[Judgement]:
    """Whether who gets through and who does not is told apart by the version."""
    listener, client, sessions = failed.listener, failed.client, failed.sessions
    offered = _offered(sessions[0], inquiry)
    through = [_rank(one.version) for one in listener.completed.values()]
    if through and min(through) > _rank(offered) >= 0:
        if len(sessions) > 1:
            yield _versions(inquiry, failed)
        else:
            yield Doubt(client, f"{listener.server} leaves after its hello once, without a reason: once proves nothing")
    elif not through and offered in OLD:
        yield Doubt(client, f"{listener.server} leaves after a hello of {_word(offered)}, and nobody else's is shown")


def _versions(inquiry: Inquiry, failed: FailedTls) -> Found:
    listener, sessions = failed.listener, failed.sessions
    offered = _offered(sessions[0], inquiry)
    answer = sessions[0].version if sessions[0].server_hello_frame else ""
    refusal = sessions[0].refusal
    how = (
        f"ends with {alert_word(refusal.code)}"
        if refusal
        else "ends right after the hello: the server closes the connection"
    )
    what = f"its highest version is {_word(offered)}" + (f", the server chose {_word(answer)}" if answer else "")
    higher = sorted({one.version for one in listener.completed.values() if _rank(one.version) > _rank(offered)})
    others = f" Others get through with {' and '.join(map(_word, higher))}." if higher else ""
    why = f"The handshake {how}.{others}"
    about = f"{alert_word(refusal.code)} is about the version, not about the suites" if refusal else ""
    rejected = (("tls-cipher-mismatch", about),) if about else ()
    return _found(inquiry, failed, what, why, Confidence.CERTAIN, *_others(listener), rejected=rejected)


def _others(listener: Listener) -> tuple[Proof, ...]:
    """A session that works at the same port."""
    one = next(iter(listener.completed.values()), None)
    if one is None:
        return ()
    frames = tuple(sorted({frame for frame in (one.hello_frame, one.server_hello_frame) if frame}))
    return (Proof(listener.capture, frames, "another client gets through at the same port"),) if frames else ()


@rule(
    title="Client and server have no cipher suite in common",
    severity=Severity.MAJOR,
    stage=Stage.TRUST,
    causes=("The server was hardened: the old suites (3DES, RC4) were switched off.",),
    fix=("Switch on a suite that both sides know, or replace or update the device.",),
    act=("security policy",),
    sources=("ucvnext-lpe-tls", "rfc5246"),
    explains=("federation-tls-failed", "mras-tls-failed"),
)
def tls_cipher_mismatch(inquiry: Inquiry) -> Iterator[Judgement]:
    """A client offers cipher suites of which the server takes none.

    Evidence: alert 40 (or 71) of the server right after the client's hello; the suites that were offered; others get
    through with suites that this client does not offer.

    Not this, and then inconclusive: a hello without a server name where others send one; a client that offers what
    others get. Not this at all: a client whose other hello the server answers, such as a scanner.
    """
    yield from served(inquiry)
    for failed in inquiry.failed_tls:
        refused = tuple(one for one in failed.sessions if _no_suite(one))
        if refused and failed.client not in failed.listener.agreed:
            yield _suites(inquiry, failed.some(refused))


def _no_suite(session: TlsSession) -> bool:
    alert = session.refusal
    codes = (HANDSHAKE_FAILURE, INSUFFICIENT_SECURITY)
    return bool(alert and not alert.from_client and alert.code in codes and session.handshake.stage == "client-hello")


def _suites(inquiry: Inquiry, failed: FailedTls) -> Judgement:
    listener, client, sessions = failed.listener, failed.client, failed.sessions
    offered = [one for one in _hello_suites(inquiry, sessions[0], "client-hello") if not _is_signal(one)]
    through = listener.completed.values()
    if not sessions[0].sni and (not through or all(one.sni for one in through)):
        because = "its hello names no server, and that may be the reason for the alert as well as its cipher suites"
        return Doubt(client, because)
    taken = {suite for one in through for suite in _hello_suites(inquiry, one, "server-hello")}
    if taken & set(offered):
        return Doubt(client, "it offers a cipher suite that others get at the same port: the reason is another one")
    if not offered:
        return Doubt(client, "its hello cannot be read in this capture")
    listed = ", ".join(f"0x{one:04x}" for one in offered[:SHOWN_SUITES])
    more = f" and {len(offered) - SHOWN_SUITES} more" if len(offered) > SHOWN_SUITES else ""
    chosen = sorted({one.suite for one in through if one.suite})
    others = f" Others get {' and '.join(chosen)}." if chosen else ""
    alert = sessions[0].refusal
    why = f"The server answers with {alert_word(alert.code) if alert else ''}. Offered are: {listed}{more}.{others}"
    confidence = Confidence.CERTAIN if taken else Confidence.LIKELY
    what = f"the server takes none of the {len(offered)} cipher suites it offers"
    if len(offered) == 1:
        what = "the server does not take the only cipher suite it offers"
    named = f"its hello names {sessions[0].sni}" if sessions[0].sni else "others get through without naming a server"
    rejected = (("tls-sni-missing-default-cert", named),)
    return _found(inquiry, failed, what, why, confidence, *_others(listener), rejected=rejected)


def _is_signal(suite: int) -> bool:
    """Whether a value among the suites is none: a signal (RFC 5746 3.3, RFC 7507 1) or grease (RFC 8701 2)."""
    return suite in SIGNALS or (suite & 0x0F0F == 0x0A0A and suite >> 8 == suite & 0xFF)


def _hello_suites(inquiry: Inquiry, session: TlsSession, kind: str) -> list[int]:
    hello = inquiry.case.hello_of(session.flow, kind)
    return list(hello.suites or ()) if hello else []
