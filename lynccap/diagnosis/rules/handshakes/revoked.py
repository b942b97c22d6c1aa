"""Certificates that their authority has taken back (catalogue group 4)."""

from collections.abc import Iterator
from typing import Any

from lynccap.correlation.tls.revoked import Revoked, read_revoked
from lynccap.correlation.tls.sessions import TlsSession
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.failed_tls import concerns_lync
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Doubt, Judgement, Proof
from lynccap.diagnosis.purposes.revocation import acts_as_server
from lynccap.diagnosis.rules.handshakes.objections import CLOSED, LISTED, REVOKED, objection, served
from lynccap.diagnosis.subjects import day, subject_of
from lynccap.document import Confidence, Severity


@rule(
    title="The certificate is revoked",
    severity=Severity.CRITICAL,
    stage=Stage.TRUST,
    causes=("A new certificate was issued and the old one revoked, but the old one is still in use.",),
    fix=("Assign the new certificate on this listener, and restart the service.",),
    act=("PKI team",),
    sources=("notes-http", "rfc6960"),
    explains=("federation-tls-failed", "mras-tls-failed"),
)
def cert_revoked(inquiry: Inquiry) -> Iterator[Judgement]:
    """A certificate shown in Lync's TLS is revoked, by an OCSP response or a revocation list in the same capture.

    Evidence: the OCSP response says revoked for its serial number, or the list of its issuer holds that number; the
    other side ends the handshake with alert 44, or closes.

    Not this: another serial number; the list of another authority.
    """
    yield from served(inquiry)
    for revoked in read_revoked(inquiry.case.tables, inquiry.case.presented):
        shown = revoked.shown
        viewer = shown.showings[0].viewer
        ends = (viewer, shown.holder) if shown.by_server else (shown.holder, viewer)
        if concerns_lync(inquiry.case, *ends, shown.port):
            yield _found(inquiry, revoked)
    for row in _unread(inquiry):
        client = inquiry.case.flows.at[row.flow, "client"]
        yield Doubt(client, f"the revocation list {row.url} cannot be read in this capture")


def _unread(inquiry: Inquiry) -> Iterator[Any]:
    table = inquiry.case.tables.revocations
    told = inquiry.case.flows["client"]
    for row in () if table.empty else table[table["unreadable"] != ""].itertuples():
        if acts_as_server(inquiry.case, str(told[row.flow])):
            yield row


def _found(inquiry: Inquiry, revoked: Revoked) -> Judgement:
    shown, case = revoked.shown, inquiry.case
    sessions = [case.sessions[one.flow] for one in shown.showings]
    refused = [one for one in sessions if _refused(one, shown.by_server)]
    first = (refused or sessions)[0]
    subject = subject_of(inquiry, first.flow, of_client=not shown.by_server)
    place = f" on TCP port {shown.port}" if shown.by_server else ""
    by = "an OCSP response" if revoked.by == "ocsp" else "the authority's revocation list"
    since = f" since {day(revoked.revoked_at)}" if revoked.revoked_at else ""
    server = inquiry.server(shown.holder, shown.port)
    says = f"{server[:1].upper()}{server[1:]} shows a certificate{place} that is revoked{since}, by {by}."
    ends = f" {subject.peer} ends TLS over it." if refused else " No handshake in this capture ends over it."
    why = f"The serial number of {shown.leaf.common_name} is {shown.leaf.serial}; {by} names that number.{ends}"
    frames = {one.certificate_frame if shown.by_server else one.client_certificate_frame for one in refused or [first]}
    frames |= {one.handshake.end.frame for one in refused if one.handshake.end}
    return subject.found(
        says,
        why,
        Confidence.CERTAIN if refused else Confidence.LIKELY,
        subject.shows("the certificate, and how the other side ends the handshake", *sorted(frames)[:LISTED]),
        Proof(shown.capture, (revoked.frame,), f"{by}, which names its serial number"),
        time=shown.showings[0].time,
        flows=tuple(one.flow for one in refused or [first]),
    )


def _refused(session: TlsSession, by_server: bool) -> bool:
    """Whether the one it was shown to ended the handshake with alert 44, or left."""
    if by_server:
        return objection(session) in (CLOSED, REVOKED)
    end = session.handshake.end
    left = not session.completed and end is not None and not end.from_client
    return left and (session.refusal is None or session.refusal.code == REVOKED)
