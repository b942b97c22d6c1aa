"""Slides that an Office Web Apps server renders (catalogue group 8)."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from lynccap.correlation.attempts import Ending
from lynccap.correlation.protocol_numbers import HTTP
from lynccap.correlation.searches import Reply
from lynccap.correlation.tls.sessions import TlsSession
from lynccap.correlation.web_exchanges import WebExchange
from lynccap.diagnosis.asking import answers_in_words, by_client, by_server, frames_of, subject_asking
from lynccap.diagnosis.blocked import blocked
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement, Proof
from lynccap.diagnosis.purposes.conferencing import SLIDES, is_slides_host
from lynccap.diagnosis.purposes.users import meeting_frames
from lynccap.diagnosis.subjects import judged, subject_of
from lynccap.diagnosis.web_failures import OF_TLS, FailedSession, bad_answers, failed_sessions
from lynccap.document import Confidence, Severity

EFFECT = "Slides of meetings are rendered by this server: without it nobody sees a presentation."
OWN_PATHS = ("/m/presenter.aspx", "/m/participantframe.aspx")  # Lync's own; /hosting/discovery is asked by others too
TRUST_ALERTS = frozenset({42, 43, 44, 45, 48})  # the certificate itself is refused (RFC 5246 7.2.2)
BEFORE_NS, AFTER_NS = 5_000_000_000, 60_000_000_000


@rule(
    title="The Office Web Apps server cannot be reached",
    severity=Severity.MAJOR,
    stage=Stage.CONFERENCE,
    causes=(
        "A firewall lacks TCP 443 to the Office Web Apps server.",
        "The reverse proxy passes it on to port 4443, as for the pool, instead of 443.",
        "The service on the server is stopped.",
    ),
    fix=("Open TCP 443 to the Office Web Apps server from clients, pool and proxy; the proxy keeps the port.",),
    act=("network/firewall team", "Office Web Apps administrator"),
    sources=("notes-rp", "notes-poster", "ms-int-ports", "uclabs-wac"),
    explains=("wac-revocation-check-fails", *OF_TLS),
)
def wac_unreachable(inquiry: Inquiry) -> Iterator[Judgement]:
    """Somebody in a meeting, or the pool, gets no slides from the Office Web Apps server.

    Evidence: SYNs to its TCP port 443 are refused or unanswered; or the server ends TLS, or says no more in it; or a
    request for slides is answered with an error.

    Not this: clients of 2010, which never ask for it; a client that refuses the certificate; other products that use
    the same server; a request that is answered well later.
    """
    for host in [one for one in inquiry.case.roles.claims if inquiry.case.roles.has(one, SLIDES)]:
        for session in inquiry.case.sessions_of(inquiry.case.attempts_at(host)):
            if session.completed:
                yield Clear(host)
    for verdict in judged(inquiry, "wac-unreachable"):
        yield blocked(inquiry, verdict, EFFECT)
    for failed in failed_sessions(inquiry, lambda server: is_slides_host(inquiry.case, server)):
        if not failed.by_client and _is_ours(inquiry, failed.client, failed.server):
            yield _no_session(inquiry, failed)
    yield from _answered_badly(inquiry)


def _is_ours(inquiry: Inquiry, client: str, server: str) -> bool:
    """Whether Lync is concerned: the server or the asker is Lync's, or the asker is in a meeting."""
    roles = inquiry.case.roles
    return roles.is_lync(server) or roles.is_lync(client) or bool(meeting_frames(inquiry.case, client))


def _no_session(inquiry: Inquiry, failed: FailedSession) -> Judgement:
    subject = subject_of(inquiry, failed.flows[0])
    device, server = inquiry.word(failed.client), inquiry.server(failed.server, failed.port)
    return subject.found(
        f"{device} gets no slides from {server}: {failed.says}.",
        EFFECT,
        Confidence.CERTAIN,
        subject.shows("the hello, and how TLS ends", *failed.frames),
        flows=failed.flows,
        rejected=(("wac-revocation-check-fails", "the server, not the viewer, ends TLS"),),
    )


def _answered_badly(inquiry: Inquiry) -> Iterator[Judgement]:
    slides = [
        one
        for one in inquiry.case.exchanges
        if one.protocol == "web-service" and one.row.service == "office-web-apps" and _asks_for_lync(inquiry, one)
    ]
    for _, asked in by_client(slides):
        for part in by_server(asked):
            bad = bad_answers(part)
            if not bad:
                yield Clear(part[0].client)
                continue
            subject, answered = subject_asking(inquiry, bad), answers_in_words(bad)
            device, server = inquiry.word(subject.device), inquiry.server(subject.peer, subject.port)
            yield subject.found(
                f"{device} asked {server} for slides and was answered with {answered}.",
                EFFECT,
                Confidence.CERTAIN,
                subject.shows(f"requests for slides: {answered}", *frames_of(bad)),
                reading=inquiry.reading(*subject.others, subject.flow),
            )


def _asks_for_lync(inquiry: Inquiry, one: WebExchange) -> bool:
    target = (one.request.target or "").lower() if one.request else ""
    return target.startswith(OWN_PATHS) or _is_ours(inquiry, one.client, one.server)


@rule(
    title="A viewer cannot check whether the Office Web Apps certificate was revoked",
    severity=Severity.MINOR,
    stage=Stage.CONFERENCE,
    causes=(
        "The certificate names a revocation list in the directory only (LDAP), or on a host inside.",
        "A proxy or firewall is in the way to the revocation list.",
    ),
    fix=("Publish the revocation list over HTTP where viewers outside the domain can fetch it.",),
    act=("PKI team",),
    sources=("schertz-crl",),
    explains=("client-crl-ocsp-unreachable",),
)
def wac_revocation_check_fails(inquiry: Inquiry) -> Iterator[Judgement]:
    """A viewer leaves TLS with the Office Web Apps server because it cannot fetch the revocation list.

    Evidence: the certificate of the Office Web Apps server; a fetch of the list it names that fails, by DNS or TCP, or
    a certificate that names no list over HTTP at all; the viewer closes the connection after the certificate.

    Not this: an alert that refuses the certificate itself (trust, date, name); a viewer that goes on. Inconclusive: a
    viewer that leaves, and nothing shows why.
    """
    for failed in failed_sessions(inquiry, lambda server: is_slides_host(inquiry.case, server)):
        shown = inquiry.case.shown_on.get(failed.flows[0])
        alerts = {one.refusal.code for one in failed.sessions if one.refusal}
        if not failed.by_client or shown is None or alerts & TRUST_ALERTS:
            continue
        urls = (*shown.leaf.crl_urls, *shown.leaf.ocsp_urls)
        over_http = [url for url in urls if url.lower().startswith("http://")]
        vain = _fetched_in_vain(inquiry, failed, over_http)
        if vain is None and (over_http or not urls):
            yield Doubt(
                failed.client, f"it leaves TLS with {failed.server} after the certificate, and nothing shows why"
            )
            continue
        yield _unchecked(inquiry, failed, vain, urls)


def _fetched_in_vain(inquiry: Inquiry, failed: FailedSession, urls: list[str]) -> tuple[str, Proof] | None:
    """What came of the attempt to fetch a list around the handshakes, in words and frames."""
    case, hosts = inquiry.case, {(urlsplit(url).hostname or "").lower() for url in urls}
    since, until = _times(inquiry, failed.sessions)
    addresses = {address for host in hosts for address in case.names.addresses_of(host)}
    for attempt in case.attempts_of(failed.client):
        near = since <= attempt.last_time and attempt.first_time <= until
        if attempt.port == HTTP and attempt.server in addresses and near and not attempt.established:
            how = "get no answer" if attempt.ending is Ending.UNANSWERED else "are refused"
            says = f"its connections to TCP port 80 of {attempt.server} {how}"
            return says, Proof(attempt.capture, attempt.failed_frames, says)
    device = case.devices.id_of(failed.client) or failed.client
    for question in case.searches.of(device):
        if question.name in hosts and question.reply is Reply.EMPTY and since <= question.first_time <= until:
            says = f"DNS knows no address for {question.name}"
            return says, Proof(question.capture, question.frames, says)
    return None


def _times(inquiry: Inquiry, sessions: tuple[TlsSession, ...]) -> tuple[int, int]:
    flows = inquiry.case.flows.loc[[one.flow for one in sessions]]
    return int(flows["first_time"].min()) - BEFORE_NS, int(flows["last_time"].max()) + AFTER_NS


def _unchecked(
    inquiry: Inquiry, failed: FailedSession, vain: tuple[str, Proof] | None, urls: tuple[str, ...]
) -> Judgement:
    subject = subject_of(inquiry, failed.flows[0])
    device, server = inquiry.word(failed.client), inquiry.server(failed.server, failed.port)
    what = vain[0] if vain else f"the certificate names no list over HTTP, only {urls[0]}"
    frames = [one.certificate_frame for one in failed.sessions]
    return subject.found(
        f"{device} leaves TLS with {server} after the certificate, because it cannot check it: {what}.",
        "Without the revocation list the viewer does not show the slides. That one causes the other is likely, "
        "not proven.",
        Confidence.LIKELY,
        subject.shows("the certificate, and how the viewer leaves", *frames, *failed.frames),
        *([vain[1]] if vain else []),
        flows=failed.flows,
        rejected=(("tls-unknown-ca", "no alert refuses the certificate's authority"),),
    )
