"""TLS trust (catalogue group 4)."""

from collections.abc import Iterator

from lynccap.correlation.sessions import UNKNOWN_CA, TlsSession
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Found, Judgement, Proof
from lynccap.document import Confidence, Severity


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
)
def tls_unknown_ca(inquiry: Inquiry) -> Iterator[Judgement]:
    """One side of a TLS connection with a Lync server answers the other's certificate with alert 48, unknown CA.

    Evidence: the certificate, then alert 48 from its receiver.

    Not this: connections that are no Lync server's; an alert after protected data has flowed.
    """
    for flow, session in inquiry.case.sessions.items():
        row = inquiry.case.flows.loc[flow]
        if not inquiry.case.roles.is_plausible(row["server"]):
            continue
        alert = session.alert(UNKNOWN_CA)
        if alert and not session.completed:
            yield _untrusted(inquiry, session, alert.from_client)
        elif session.completed:
            yield Clear(row["client"])


def _untrusted(inquiry: Inquiry, session: TlsSession, from_client: bool) -> Found:
    case = inquiry.case
    row = case.flows.loc[session.flow]
    sender, shown_by = (row["client"], row["server"]) if from_client else (row["server"], row["client"])
    port = int(row["server_port"])
    alert = session.alert(UNKNOWN_CA)
    assert alert is not None
    shown = case.tables.certificates
    shown = shown[(shown["flow"] == session.flow) & (shown["from_client"] != from_client)]
    certificate = session.certificate_frame if from_client else session.client_certificate_frame
    issuers = tuple(dict.fromkeys(shown["issuer"]))
    issued = f" Its certificate was issued by {issuers[0]}." if issuers else ""
    return Found(
        device=sender,
        peer=shown_by,
        port=port,
        transport="tcp",
        service=row["service"],
        says=(
            f"{inquiry.word(sender)} ends TLS with {inquiry.server(shown_by, port)} on TCP port {port}: "
            "it does not know the certification authority (alert 48)."
        ),
        why=f"{sender} itself says so in its TLS alert.{issued} The chain shown has {max(len(shown), 0)} certificates.",
        confidence=Confidence.CERTAIN if certificate else Confidence.LIKELY,
        proof=(
            Proof(
                int(row["capture"]),
                tuple(sorted({frame for frame in (certificate, alert.frame) if frame})),
                "the certificate, and the alert that refuses it",
            ),
        ),
        time=alert.time,
    )
