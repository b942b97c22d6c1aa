"""Mutual TLS between servers: what the one that connects shows, and what the other makes of it (catalogue group 4)."""

from collections.abc import Iterator
from typing import Any

from lynccap import reference
from lynccap.correlation.rows import rows_of
from lynccap.correlation.tls.handshakes import HandshakeOutcome
from lynccap.correlation.tls.sessions import UNKNOWN_CA, TlsSession
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.failed_tls import FailedTls, mutual_ports
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Doubt, Found, Judgement
from lynccap.diagnosis.rules.handshakes.objections import (
    BAD,
    LISTED,
    UNKNOWN,
    UNSUPPORTED,
    alert_word,
    served,
)
from lynccap.diagnosis.subjects import subject_of
from lynccap.document import Confidence, Severity

REJECTIONS = frozenset({BAD, UNSUPPORTED, UNKNOWN, UNKNOWN_CA})
SCHANNEL_BYTES = 16_384  # KB 2464556: longer lists are cut
NEAR_BYTES = 15_000  # what is cut at a whole name ends a little below
MANY_NAMES = 150  # a fresh Windows store sends some dozens


def between_servers(inquiry: Inquiry) -> Iterator[FailedTls]:
    """Lync's failed handshakes on ports of mutual TLS in which the server asked for a certificate."""
    for failed in inquiry.failed_tls:
        asked = tuple(one for one in failed.sessions if one.certificate_request_frame)
        if failed.listener.port in mutual_ports() and asked:
            yield failed.some(asked)


def _is_server(inquiry: Inquiry, client: str) -> bool:
    device = inquiry.device(client)
    return bool(device and device.role and device.kind in ("server", "gateway"))


def _ended_by_server(session: TlsSession) -> bool:
    end = session.handshake.end
    return end is not None and not end.from_client


def _found(
    inquiry: Inquiry, failed: FailedTls, what: str, why: str, confidence: Confidence, frames: set[int], **more: Any
) -> Found:
    listener, client, sessions = failed.listener, failed.client, failed.sessions
    subject = subject_of(inquiry, sessions[0].flow)
    server = inquiry.server(listener.server, listener.port)
    times = f" {len(sessions)} times" if len(sessions) > 1 else ""
    says = f"{inquiry.word(client)} fails mutual TLS with {server} on TCP port {listener.port}{times}: {what}."
    frames |= {one.certificate_request_frame for one in sessions}
    frames |= {one.handshake.end.frame for one in sessions if one.handshake.end}
    shows = subject.shows("the request for a certificate, the answer, and the end", *sorted(frames - {0})[:LISTED])
    flows = tuple(one.flow for one in sessions)
    return subject.found(says, why, confidence, shows, flows=flows, **more)


@rule(
    title="The certificate of the server that connects is refused",
    severity=Severity.CRITICAL,
    stage=Stage.TRUST,
    causes=(
        "The certificate lacks client authentication where the other side demands it (Persistent Chat, AOL).",
        "The other side does not trust the authority that issued it.",
        "Its name is not the server's name in the other side's topology.",
    ),
    fix=("Correct the purposes or the name of the certificate, or the trust of the other side.",),
    act=("PKI team", "Lync administrator"),
    sources=("notes-poster", "notes-sec2", "ms-cert-xmpp"),
    explains=(
        "tls-unknown-ca",
        "federation-tls-failed",
        "mras-tls-failed",
    ),
)
def mtls_client_cert_rejected(inquiry: Inquiry) -> Iterator[Judgement]:
    """A server connects to another one, shows the certificate it is asked for, and is turned away.

    Evidence: the certificate request; the certificate of the one that connects; alert 42, 43, 46 or 48 of the other
    side, or its leaving without one; again on the next try.

    Not this: users' certificates, which travel inside SIP; an empty certificate; a server that gets through later.
    """
    yield from served(inquiry)
    for failed in between_servers(inquiry):
        showed = tuple(one for one in failed.sessions if one.client_certificate_frame and _ended_by_server(one))
        alerted = tuple(one for one in showed if one.refusal and one.refusal.code in REJECTIONS)
        left = tuple(one for one in showed if one.handshake.outcome is HandshakeOutcome.CLOSED)
        if alerted:
            yield _rejected(inquiry, failed.some(alerted))
        elif len(left) > 1:
            yield _rejected(inquiry, failed.some(left))
        elif left:
            yield Doubt(
                failed.client,
                "the other side leaves once after this certificate, without a reason: once proves nothing",
            )
    yield from _hidden(inquiry)


def _hidden(inquiry: Inquiry) -> Iterator[Doubt]:
    """TLS 1.3 hides the request, the certificate and the alert."""
    for one in inquiry.failed_tls:
        hidden = any(each.version == "tls1.3" for each in one.sessions)
        if hidden and one.listener.port in mutual_ports() and _is_server(inquiry, one.client):
            yield Doubt(one.client, f"TLS 1.3 hides what {one.listener.server} makes of its certificate")


def _rejected(inquiry: Inquiry, failed: FailedTls) -> Found:
    listener, sessions = failed.listener, failed.sessions
    leaf = _leaf_of(inquiry, sessions)
    code = sessions[0].refusal.code if sessions[0].refusal else 0
    how = f"answers its certificate with {alert_word(code)}" if code else "leaves right after its certificate"
    # What may be behind it is told of clients; here both are servers.
    meaning = f" {reference.tls_alerts()[code].meaning.partition(':')[0].rstrip('.')}." if code else ""
    purposes = ", ".join(leaf.usages) if leaf is not None and leaf.usages else "any"
    shown = (
        f" It is the certificate of {leaf.common_name or leaf.subject}, issued by {leaf.issuer}, for: {purposes}."
        if leaf is not None
        else ""
    )
    confidence = Confidence.CERTAIN if code and len(sessions) > 1 else Confidence.LIKELY
    frames = {one.client_certificate_frame for one in sessions}
    causes = _causes(code, leaf)
    rejected = (("mtls-empty-client-certificate", f"it shows a certificate in frame {min(frames)}"),)
    why = f"The other side asked for it.{shown}{meaning}"
    return _found(
        inquiry, failed, f"{listener.server} {how}", why, confidence, frames, causes=causes, rejected=rejected
    )


def _causes(code: int, leaf: Any) -> tuple[str, ...]:
    """Those of the rule, the one first that the frames speak for."""
    purpose, issuer, name = mtls_client_cert_rejected.causes
    if code == UNKNOWN_CA:
        return (issuer, purpose, name)
    lacks = leaf is not None and leaf.usages and "clientAuth" not in leaf.usages
    return (purpose, issuer, name) if lacks else (issuer, name, purpose)


def _leaf_of(inquiry: Inquiry, sessions: tuple[TlsSession, ...]) -> Any:
    """The client's own certificate, as it showed it; None where it cannot be read."""
    flows = {one.flow for one in sessions}
    for one in inquiry.case.presented:
        if not one.by_server and one.readable and any(showing.flow in flows for showing in one.showings):
            return one.leaf
    return None


@rule(
    title="The server that connects has no certificate to show",
    severity=Severity.CRITICAL,
    stage=Stage.TRUST,
    causes=(
        "No certificate is assigned to the service that connects.",
        "The other side's list of authorities does not hold the issuer of its certificate.",
    ),
    fix=("Assign a certificate to the service.", "Repair the list of trusted authorities on both sides."),
    act=("Lync administrator", "PKI team"),
    sources=("notes-sec2", "rfc5246"),
    explains=("federation-tls-failed", "mras-tls-failed"),
)
def mtls_empty_client_certificate(inquiry: Inquiry) -> Iterator[Judgement]:
    """A server connects to another one and answers its request for a certificate with an empty list.

    Evidence: the certificate request; an empty certificate message of a server on a port between servers; the other
    side ends the handshake.

    Not this: desktop clients, which have none to show; a handshake that completes all the same; a request whose list
    of authorities is too long, for which mtls-authority-list-truncated speaks.
    """
    yield from served(inquiry)
    for failed in between_servers(inquiry):
        client = failed.client
        empty = tuple(one for one in failed.sessions if one.empty_certificate_frame)
        if not empty or not _is_server(inquiry, client) or any(_at_limit(one) for one in empty):
            continue
        turned = tuple(one for one in empty if _ended_by_server(one))
        if not turned:
            doubt = empty[0].handshake.doubt or "the other side's answer is not in the capture"
            yield Doubt(client, f"it shows an empty certificate, but {doubt}")
            continue
        names = turned[0].authorities
        why = (
            f"The request names {names} authorities; the answer is a certificate message of length 0."
            if names
            else "The request names no authorities, so any certificate would do; the answer is one of length 0."
        )
        frames = {one.empty_certificate_frame for one in turned}
        what = "it shows no certificate and is turned away"
        rejected = _short_list(turned[0])
        yield _found(inquiry, failed.some(turned), what, why, Confidence.CERTAIN, frames, rejected=rejected)


def _short_list(session: TlsSession) -> tuple[tuple[str, str], ...]:
    """That the list of authorities is not cut, where there is one."""
    if not session.authorities:
        return ()
    size = f"{session.authorities} authorities in {session.authorities_bytes} bytes"
    return (("mtls-authority-list-truncated", f"the request names only {size}"),)


def _at_limit(session: TlsSession) -> bool:
    return session.authorities_bytes >= NEAR_BYTES or session.authorities >= MANY_NAMES


@rule(
    title="The list of trusted authorities is too long for the handshake",
    severity=Severity.CRITICAL,
    stage=Stage.TRUST,
    causes=("The store Trusted Root of the server that accepts holds too many, or the wrong, certificates.",),
    fix=("Remove what does not belong there from the store, or let the server send no list.",),
    act=("Lync administrator (Windows trust store)",),
    sources=("kb2464556",),
    explains=("mtls-empty-client-certificate", "mtls-client-cert-rejected", "federation-tls-failed"),
)
def mtls_authority_list_truncated(inquiry: Inquiry) -> Iterator[Judgement]:
    """The request for a certificate names so many authorities that the one that is needed was cut off.

    Evidence: names of about 16 KB, or well over a hundred of them; none of them issued the certificate of the one that
    connects; its certificate is empty or refused.

    Not this: a long list of up to 16 KB that holds the issuer; a list that is long and a server that gets through.
    """
    yield from served(inquiry)
    for failed in between_servers(inquiry):
        listener, client = failed.listener, failed.client
        long = tuple(one for one in failed.sessions if _at_limit(one))
        hurt = tuple(one for one in long if _ended_by_server(one) and _lacks_certificate(one))
        if long and not hurt:
            yield Doubt(client, f"the list of authorities of {listener.server} is very long, but no refusal is shown")
        if not hurt:
            continue
        held = _holds_issuer(inquiry, client, hurt[0])
        size = hurt[0].authorities_bytes
        if held and size <= SCHANNEL_BYTES:
            continue
        certain = held is False and size >= NEAR_BYTES
        issuer = {True: "", None: " Which authority issued its certificate is not shown."}.get(
            held, " None of them issued its certificate."
        )
        longer = " That is more than Windows reads." if size > SCHANNEL_BYTES else " Windows cuts such a list at 16 KB."
        why = f"The request names {hurt[0].authorities} authorities in {size} bytes.{longer}{issuer}"
        what = f"the list of authorities it is sent is too long ({size} bytes)"
        frames = {one.empty_certificate_frame or one.client_certificate_frame for one in hurt}
        confidence = Confidence.CERTAIN if certain else Confidence.LIKELY
        yield _found(inquiry, failed.some(hurt), what, why, confidence, frames)


def _lacks_certificate(session: TlsSession) -> bool:
    refused = session.refusal is not None and session.refusal.code in REJECTIONS
    return bool(session.empty_certificate_frame or (session.client_certificate_frame and refused))


def _holds_issuer(inquiry: Inquiry, client: str, session: TlsSession) -> bool | None:
    """Whether the list names an authority of any certificate the client shows anywhere; None: it shows none."""
    issuers = {
        row.issuer for one in inquiry.case.presented if one.holder == client and one.readable for row in one.chain
    }
    if not issuers:
        return None
    tls = inquiry.case.tables["tls"]
    asked = tls[(tls["flow"] == session.flow) & (tls["frame"] == session.certificate_request_frame)]
    names = {name for row in rows_of(asked, ("authority_names",)) for name in row.authority_names or ()}
    return not issuers.isdisjoint(names)
