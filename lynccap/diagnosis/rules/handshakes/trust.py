"""TLS trust (catalogue group 4)."""

from collections import defaultdict
from collections.abc import Iterator

from lynccap.correlation.tls.sessions import UNKNOWN_CA, TlsSession
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.failed_tls import concerns_lync, mutual_ports
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Found, Judgement, Proof
from lynccap.diagnosis.purposes.root_chain import completes_later
from lynccap.document import Confidence, Severity

LISTED = 40  # alerts shown of a device that tries again and again

PHONE_CAUSES = (
    "The phone never got the root certificates: its request on TCP port 80 failed before the capture or beside it.",
    "The certification authority was replaced and the phone still has the old one.",
    "The phone's built-in list of public authorities is too old.",
)
SERVER_CAUSES = (
    "The client certificate was issued by an authority this server does not trust.",
    "The authority's root certificate is missing in the server's machine store.",
)
SERVER_FIX = ("Give the server the root certificate of the authority that issued the client's certificate.",)


@rule(
    title="A device does not trust the server's certification authority",
    severity=Severity.CRITICAL,
    stage=Stage.TRUST,
    causes=(
        "The private root certificate was never given to this device.",
        "The certification authority was replaced and the device still has the old one.",
        "The phone's built-in list of public authorities is too old.",
    ),
    fix=(
        "Give the device the root certificate of the authority that issued the server's certificate.",
        "On a phone: sign out and in again after the chain has changed.",
    ),
    act=("PKI team", "endpoint team"),
    sources=("rfc5246", "ms-phoneboot"),
    explains=(
        "autodiscover-443-fails-80-works",
        "federation-tls-failed",
        "mobile-desktop-ok-mobile-fails",
        "mras-tls-failed",
    ),
)
def tls_unknown_ca(inquiry: Inquiry) -> Iterator[Judgement]:
    """One side of a TLS connection with a Lync server answers the other's certificate with alert 48, unknown CA.

    Evidence: the certificate, then alert 48 from its receiver.

    Not this: connections of unknown clients with servers nothing shows to be Lync's; an alert after protected data;
    a client that completes TLS with the same server later.
    """
    refusals: dict[tuple[int, str, str, int, bool], list[TlsSession]] = {}
    flows = inquiry.case.flows
    for flow, session in inquiry.case.sessions.items():
        alert = session.alert(UNKNOWN_CA)
        if not alert and not session.completed:
            continue
        client, server = flows.at[flow, "client"], flows.at[flow, "server"]
        port = int(flows.at[flow, "server_port"])
        if not concerns_lync(inquiry.case, client, server, port) or _turned_away(session, port):
            continue
        if alert and not session.completed and not completes_later(inquiry.case, session):
            key = (
                int(flows.at[flow, "capture"]),
                client,
                server,
                port,
                alert.from_client,
            )
            refusals.setdefault(key, []).append(session)
        else:
            yield Clear(client)
    issuers = _issuers(inquiry) if refusals else {}
    for (capture, client, server, port, from_client), sessions in refusals.items():
        shown = next((issuer for one in sessions for issuer in issuers.get((one.flow, not from_client), ())), "")
        yield _untrusted(inquiry, capture, (client, server), port, from_client, sessions, shown)


def _issuers(inquiry: Inquiry) -> dict[tuple[int, bool], list[str]]:
    """By flow and side: who issued the certificates that it showed in TLS."""
    shown = inquiry.case.tables.certificates
    shown = shown[shown["carried"] == "tls"]
    found: dict[tuple[int, bool], list[str]] = defaultdict(list)
    for flow, from_client, issuer in shown[["flow", "from_client", "issuer"]].itertuples(index=False):
        found[flow, from_client].append(issuer)
    return found


def _turned_away(session: TlsSession, port: int) -> bool:
    """A server that connects is turned away for its certificate: mtls-client-cert-rejected says so."""
    alert = session.alert(UNKNOWN_CA)
    asked = session.certificate_request_frame and session.client_certificate_frame
    return bool(alert and not alert.from_client and asked and port in mutual_ports())


def _untrusted(
    inquiry: Inquiry,
    capture: int,
    ends: tuple[str, str],
    port: int,
    from_client: bool,
    sessions: list[TlsSession],
    issuer: str,
) -> Found:
    """One finding for all alerts of one side towards the other."""
    sender, shown_by = ends if from_client else ends[::-1]
    alerts = [alert for one in sessions if (alert := one.alert(UNKNOWN_CA))]
    frames = {one.certificate_frame if from_client else one.client_certificate_frame for one in sessions}
    certificates = {frame for frame in frames if frame}
    issued = f" The certificate of {shown_by} was issued by {issuer}." if issuer else ""
    other = inquiry.server(shown_by, port) if from_client else f"the client {shown_by}"
    listener = "" if from_client else " of the server"
    times = f" {len(alerts)} times" if len(alerts) > 1 else ""
    return Found(
        device=sender,
        peer=shown_by,
        port=port,
        transport="tcp",
        service=inquiry.case.flows.at[sessions[0].flow, "service"],
        says=(
            f"{inquiry.word(sender)} ends TLS with {other} on TCP port {port}{listener}{times}: "
            "it does not know the certification authority (alert 48)."
        ),
        why=f"{sender} itself says so in its TLS alert.{issued}",
        confidence=Confidence.CERTAIN if certificates else Confidence.LIKELY,
        proof=(
            Proof(
                capture,
                tuple(sorted({*certificates, *(one.frame for one in alerts)}))[:LISTED],
                "the certificate, and the alert that refuses it",
            ),
        ),
        time=min(one.time for one in alerts),
        causes=_causes(inquiry, sender) if from_client else SERVER_CAUSES,
        fix=() if from_client else SERVER_FIX,
        act=() if from_client else ("Lync administrator", "PKI team"),
    )


def _causes(inquiry: Inquiry, device: str) -> tuple[str, ...]:
    facts = inquiry.device(device)
    return PHONE_CAUSES if facts and facts.is_phone else ()
