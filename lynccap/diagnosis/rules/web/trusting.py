"""Phones that fetched root certificates, or tried to, and trust nobody all the same (catalogue group 2)."""

from collections.abc import Iterator, Sequence
from typing import Any

from lynccap.correlation.attempts import Attempt, Ending
from lynccap.correlation.protocol_numbers import HTTP
from lynccap.correlation.roles.claims import EXTERNAL_ROLES, WEB_ROLES
from lynccap.correlation.rows import rows_of
from lynccap.correlation.tls.presented import Presented
from lynccap.correlation.tls.sessions import UNKNOWN_CA, Alert, TlsSession
from lynccap.correlation.web_exchanges import WebExchange
from lynccap.diagnosis.asking import asked_of_lync, by_client, flows_of, frames_of, sessions_after
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.purposes.root_chain import completes_later
from lynccap.diagnosis.subjects import subject_of
from lynccap.document import Confidence, Severity

Refusal = tuple[TlsSession, Alert]
CLOSED = {
    Ending.REFUSED: "is refused",
    Ending.REJECTED: "is refused",
    Ending.UNANSWERED: "does not answer",
    Ending.PROHIBITED: "is forbidden by a router",
}


def _refusals(inquiry: Inquiry, client: str, since: int) -> list[Refusal]:
    """The TLS sessions with Lync servers that a client ended with alert 48 from a time on and did not get over."""
    case = inquiry.case
    found = []
    for one in sessions_after(inquiry, client, since):
        alert = one.alert(UNKNOWN_CA)
        known = alert and alert.from_client and case.roles.is_lync(str(case.flows.at[one.flow, "server"]))
        if alert and known and not completes_later(case, one):
            found.append((one, alert))
    return found


@rule(
    title="The root certificates handed out are not those of the server's certificate",
    severity=Severity.CRITICAL,
    stage=Stage.BOOTSTRAP,
    causes=(
        "The servers' certificates were renewed under a new authority, and the old chain is still published.",
        "The members of the pool have certificates of different authorities.",
    ),
    fix=(
        "Install the new root and intermediate certificates on every member of the pool.",
        "Sign out and in again at the phones afterwards.",
    ),
    act=("PKI team", "Lync administrator"),
    sources=("notes-http",),
    explains=("tls-unknown-ca",),
)
def certprov_chain_does_not_match_server(inquiry: Inquiry) -> Iterator[Judgement]:
    """A phone fetches the root certificates, and the server's certificate was issued by none of them.

    Evidence: a complete answer to the anonymous request for the root chain, with certificates; then a Lync server
    shows the same device a certificate whose chain leads to none of them, by names and key identifiers; the device
    ends TLS with alert 48, unknown CA.

    Not this: a device that trusts the server all the same, because it had the authority built in; an alert although
    the chain fits, which has another reason. Certificates that cannot be read, or were cut: inconclusive.
    """
    for client, asked in by_client(asked_of_lync(inquiry, "certprov")):
        chain = [one for one in asked if one.row.step == "root-chains" and one.row.outcome in ("ok", "cut")]
        fetched = [one for one in chain if one.row.certificates]
        if fetched:
            yield _compared(inquiry, client, fetched)


def _compared(inquiry: Inquiry, client: str, fetched: Sequence[WebExchange]) -> Judgement:
    refused = _refusals(inquiry, client, fetched[0].time)
    published = _published(inquiry, fetched)
    for session, alert in refused:
        shown = inquiry.case.shown_on.get(session.flow)
        if shown is None:
            return Doubt(client, "the certificate it refuses is not in the capture, or hidden by TLS 1.3")
        if _fits(shown, published):
            continue
        if not shown.readable or any(one.unreadable for one in published):
            return Doubt(client, "not all certificates can be read, so whether they belong together is unknown")
        if any(one.row.outcome == "cut" for one in fetched):
            return Doubt(client, "the capture lacks the rest of the answer with the root certificates")
        return _mismatch(inquiry, fetched, published, shown, (session, alert))
    return Clear(client)


def _published(inquiry: Inquiry, fetched: Sequence[WebExchange]) -> list[Any]:
    """The certificates that some answers brought: rows of the certificates table."""
    table = inquiry.case.tables.certificates
    table = table[(table["carried"] == "certprov") & table["flow"].isin(flows_of(fetched))]
    return list(rows_of(table, table.columns))


def _fits(shown: Presented, published: Sequence[Any]) -> bool:
    """Whether one of the certificates that were handed out is in the server's list, or issued one of it."""
    return any(_issued(above, one) for one in shown.chain for above in published)


def _issued(above: Any, one: Any) -> bool:
    if above.sha256 and above.sha256 == one.sha256:
        return True
    same_key = not above.subject_key or not one.authority_key or above.subject_key == one.authority_key
    return bool(one.issuer) and one.issuer == above.subject and same_key


def _mismatch(
    inquiry: Inquiry, fetched: Sequence[WebExchange], published: Sequence[Any], shown: Presented, refusal: Refusal
) -> Found:
    session, alert = refusal
    subject = subject_of(inquiry, session.flow)
    first = fetched[0]
    above = shown.chain[-1]
    renamed = any(one.subject == above.issuer for one in published)
    names = ", ".join(dict.fromkeys(one.subject for one in published))
    key = " Their authority has the same name, but another key: it was renewed." if renamed else ""
    device, source = inquiry.word(subject.device), inquiry.server(first.server, first.port)
    return subject.found(
        f"{device} fetched the root certificates from {source}, "
        f"but the certificate of {inquiry.server(subject.peer, subject.port)} was issued by none of them.",
        f"The server's certificate leads to {above.issuer}; handed out were {names}.{key} "
        "The phone ends TLS with alert 48, unknown CA.",
        Confidence.CERTAIN,
        subject.shows("the root certificates are asked for and handed out", *frames_of(fetched)),
        subject.shows(
            "the server's certificate, and the alert that refuses it", session.certificate_frame, alert.frame
        ),
        time=first.time,
        flows=(*flows_of(fetched), session.flow),
        reading=inquiry.reading(*flows_of(fetched)),
        rejected=(("certprov-http-error", "the answer was complete and brought certificates"),),
    )


@rule(
    title="A phone outside wants root certificates that are handed out inside only",
    severity=Severity.MAJOR,
    stage=Stage.BOOTSTRAP,
    causes=(
        "The certificates outside are of a private authority.",
        "The public authority is newer than the phone's built-in list.",
    ),
    fix=(
        "Use outside a certificate of a public authority that the phone's firmware knows.",
        "Or let the phone sign in inside once, where it fetches the chain.",
    ),
    act=("PKI team", "Lync administrator"),
    sources=("notes-http", "schertz-lpe-ca"),
    explains=("tls-unknown-ca", "cert-private-ca-on-external"),
)
def phone_external_wants_root_chain(inquiry: Inquiry) -> Iterator[Judgement]:
    """A phone outside asks the reverse proxy or the Edge for the root chain over port 80, where nobody hands it out.

    Evidence: a phone's connection to port 80 of a server for people outside is refused or dropped, or its request
    for the chain is answered with an error or a redirect; the phone ends TLS with such a server with alert 48.

    Not this: a phone whose TLS with these servers succeeds; a phone at the internal web services. No TLS of the
    phone is in the capture, or none that ended: inconclusive.
    """
    outer = [address for address in inquiry.case.roles.claims if _faces_outside(inquiry, address)]
    asking = (one.client for address in outer for one in inquiry.case.attempts_at(address) if one.port == HTTP)
    for client in dict.fromkeys(asking):
        device = inquiry.device(client)
        if device and device.is_phone:
            yield from _outside(inquiry, client)


def _outside(inquiry: Inquiry, client: str) -> Iterator[Judgement]:
    tries = [one for one in inquiry.case.attempts_of(client) if _faces_outside(inquiry, one.server)]
    wanted = [proof for one in tries if one.port == HTTP and (proof := _in_vain(inquiry, one))]
    if not wanted:
        return
    sessions = inquiry.case.sessions_of(tries)
    refused = [one for one in _refusals(inquiry, client, 0) if one[0] in sessions]
    if refused:
        yield _untrusting(inquiry, wanted, refused[0])
    elif any(one.completed for one in sessions):
        yield Clear(client)
    else:
        yield Doubt(client, "the capture does not show whether the phone trusts the servers outside without the chain")


def _faces_outside(inquiry: Inquiry, server: str) -> bool:
    held = inquiry.case.roles.roles_of(server)
    return bool(held & EXTERNAL_ROLES) and not held & WEB_ROLES and inquiry.case.roles.is_lync(server)


def _in_vain(inquiry: Inquiry, attempt: Attempt) -> tuple[int, Proof] | None:
    """When and how an attempt on port 80 brought nothing: no connection, or no chain; None when that is not shown."""
    if attempt.ending in CLOSED:
        says = f"TCP port 80 of {attempt.server} {CLOSED[attempt.ending]}"
        return attempt.first_time, Proof(attempt.capture, attempt.failed_frames, says)
    for one in inquiry.case.exchanges_of(attempt.client):
        chain = one.protocol == "certprov" and one.flow in attempt.flows and one.row.step == "root-chains"
        if chain and one.row.outcome in ("http-error", "redirected"):
            says = f"the request for the root certificates is answered with HTTP {one.row.status}"
            return one.time, Proof(attempt.capture, one.frames, says)
    return None


def _untrusting(inquiry: Inquiry, wanted: Sequence[tuple[int, Proof]], refusal: Refusal) -> Found:
    session, alert = refusal
    subject = subject_of(inquiry, session.flow)
    time, first = min(wanted, key=lambda one: one[0])
    frames = (session.certificate_frame, alert.frame)
    return subject.found(
        f"{inquiry.word(subject.device)} is outside and does not know the authority that issued the certificate of "
        f"{inquiry.server(subject.peer, subject.port)}; it asks for root certificates over TCP port 80 in vain.",
        f"{first.says[:1].upper()}{first.says[1:]}. Root certificates are handed out inside only; outside, a phone has "
        "to know the authority already. It ends TLS with alert 48, unknown CA.",
        Confidence.CERTAIN,
        first,
        subject.shows("the server's certificate, and the alert that refuses it", *frames),
        time=min(time, alert.time),
        rejected=(("rootchain-http80-refused", "outside, port 80 is closed by design"),),
    )
