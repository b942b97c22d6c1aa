"""What autodiscover answers when it fails: errors, pages, redirects that lead nowhere (catalogue group 2)."""

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from lynccap.correlation.addresses import is_public
from lynccap.correlation.protocol_numbers import HTTP, HTTPS
from lynccap.correlation.tls.handshakes import HandshakeOutcome
from lynccap.correlation.tls.sessions import TlsSession
from lynccap.correlation.web_exchanges import WebExchange
from lynccap.diagnosis.asking import (
    answers_in_words,
    asked_of_lync,
    by_client,
    by_server,
    frames_of,
    sessions_after,
    speaker_in_words,
    subject_asking,
)
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement
from lynccap.diagnosis.purposes.web import discovery_names
from lynccap.diagnosis.subjects import subject_of, times_in_words
from lynccap.document import Confidence, Severity

CHALLENGES = 3  # answers 401 without an end; one comes before every web ticket
LISTED = 6  # names of a certificate that are told
MOBILE_STOPS = "A mobile app has no other way and cannot sign in; a desktop client goes on with SRV records."


def asked_by_users(inquiry: Inquiry) -> list[WebExchange]:
    """Requests for autodiscover; not what a reverse proxy passes on of requests that are in the capture themselves."""
    asked = list(asked_of_lync(inquiry, "autodiscover"))
    asking = {one.server for one in asked}
    return [one for one in asked if one.client not in asking]


def is_on_both(exchanges: Sequence[WebExchange]) -> bool:
    """Whether they are spread over both web ports."""
    return {one.port for one in exchanges} >= {HTTP, HTTPS}


@rule(
    title="Autodiscover answers with an error",
    severity=Severity.MAJOR,
    stage=Stage.BOOTSTRAP,
    causes=(
        "The publishing rule lacks the path or the public name.",
        "The reverse proxy replaces the host header.",
        "The reverse proxy wants a log-on of its own.",
        "The web server's application pool is stopped.",
    ),
    fix=("Publish every path (/*), pass the host header on, and switch the proxy's own log-on off.",),
    act=("Lync administrator", "reverse proxy team"),
    sources=("ms-rpconf", "ms-mobility", "ms-ocdiscws"),
    explains=("mobile-desktop-ok-mobile-fails",),
)
def autodiscover_http_error(inquiry: Inquiry) -> Iterator[Judgement]:
    """Autodiscover is reached and answers with an error, or with a page that is no autodiscover document.

    Evidence: a request for autodiscover to a Lync server is answered with HTTP 4xx or 5xx, with 401 again and again,
    with a reset, or with 200 and a page without any link.

    Not this: 200 with only a link onwards, which is all that HTTP may answer; 401 and then 200 with a web ticket; an
    error after which the client is answered well; an inner name that leads a client outside to a stranger; errors on
    both ports, which are one finding. An answer the capture lacks: inconclusive.
    """
    for client, asked in by_client(asked_by_users(inquiry)):
        bad = errors_of(inquiry, client, asked)
        for part in by_server(bad):
            if not is_on_both(part):
                yield _answered_badly(inquiry, part)
        if not bad:
            seen = any(one.row.outcome not in ("no-answer", "unseen", "cut") for one in asked)
            yield Clear(client) if seen else Doubt(client, "the answers to its requests are not in the capture")


def errors_of(inquiry: Inquiry, client: str, asked: Sequence[WebExchange]) -> list[WebExchange]:
    """The exchanges of one client that failed, none when a later one went well."""
    meant = [one for one in asked if not _misled(inquiry, client, one)]
    bad = [one for one in meant if _is_error(one)]
    challenged = [one for one in meant if one.row.outcome == "challenged"]
    if len(challenged) >= CHALLENGES:
        bad = sorted([*bad, *challenged], key=lambda one: one.time)
    good = [one for one in asked if one.row.outcome in ("ok", "redirected") and not _is_error(one)]
    return [] if bad and good and good[-1].time > bad[-1].time else bad


def _is_error(one: WebExchange) -> bool:
    row = one.row
    if row.outcome in ("http-error", "fault") or one.reset:
        return True
    told = row.links or row.access_location or row.sip_client_internal or row.sip_client_external
    asked = one.request is not None and one.request.method == "GET"
    typed = one.response is not None and bool(one.response.content_type)
    return row.outcome == "ok" and row.status == 200 and not told and asked and typed


def _misled(inquiry: Inquiry, client: str, one: WebExchange) -> bool:
    """An inner name that leads to a public address is a wildcard record's doing."""
    return is_public(one.server) and not discovery_names(inquiry.case, client, one.server)


def _answered_badly(inquiry: Inquiry, bad: Sequence[WebExchange]) -> Found:
    subject, answered = subject_asking(inquiry, bad), answers_in_words(bad)
    if all(one.row.outcome == "ok" for one in bad):
        answered = f"{answered} and a page without any link"
    device, server = inquiry.word(subject.device), inquiry.server(subject.peer, subject.port)
    return subject.found(
        f"{device} asked {server} for autodiscover and was answered with {answered}, {times_in_words(len(bad))}.",
        f"{MOBILE_STOPS}{speaker_in_words(bad)}",
        Confidence.CERTAIN,
        subject.shows(f"autodiscover: {answered}", *frames_of(bad)),
    )


@rule(
    title="The proxy redirects autodiscover to HTTPS under a name its certificate lacks",
    severity=Severity.MAJOR,
    stage=Stage.BOOTSTRAP,
    causes=("A general rule redirects port 80 to HTTPS, where it should be passed on to port 8080 of the pool.",),
    fix=("Pass port 80 on to port 8080 of the pool for the lyncdiscover names, or add them to the certificate.",),
    act=("reverse proxy team",),
    sources=("ms-autod", "notes-http", "notes-rp"),
    explains=("cert-lyncdiscover-missing-on-web", "cert-name-mismatch"),
)
def rp_80_to_443_redirect_breaks_autodiscover(inquiry: Inquiry) -> Iterator[Judgement]:
    """Autodiscover over HTTP is redirected to HTTPS on a name that the certificate there does not carry.

    Evidence: a client's request for autodiscover on port 80 is answered with a redirect to https; the certificate
    shown there lacks the name of that address; the client gives up without sending data.

    Not this: a redirect to a name the certificate covers; pages for browsers such as meet and dialin; a client that
    goes on all the same. TLS after the redirect not in the capture, or its certificate hidden: inconclusive.
    """
    for client, asked in by_client(asked_of_lync(inquiry, "autodiscover")):
        for one in [one for one in asked if one.port == HTTP and one.row.outcome == "redirected"]:
            target = urlsplit(one.row.location or "")
            if target.scheme.lower() == "https" and target.hostname:
                yield _followed(inquiry, client, one, target.hostname.lower())


def _followed(inquiry: Inquiry, client: str, sent: WebExchange, name: str) -> Judgement:
    sessions = [one for one in sessions_after(inquiry, client, sent.time) if _is_for(inquiry, one, name)]
    if any(one.completed for one in sessions):
        return Clear(client)
    shown = [(one, there) for one in sessions if (there := inquiry.case.shown_on.get(one.flow))]
    if any(there.covers(name) for _, there in shown):
        return Clear(client)
    ended = [one for one, there in shown if there.readable and _gave_up(one)]
    if not ended:
        return Doubt(client, f"the capture does not show with which certificate TLS for {name} fails")
    return _uncovered(inquiry, sent, ended[0], name)


def _is_for(inquiry: Inquiry, session: TlsSession, name: str) -> bool:
    """By the name asked for in TLS; old clients ask for none and are told by the address."""
    if session.sni:
        return session.sni.lower().rstrip(".") == name
    return str(inquiry.case.flows.at[session.flow, "server"]) in inquiry.case.names.addresses_of(name)


def _gave_up(session: TlsSession) -> bool:
    """The client ended the handshake after it had seen the certificate."""
    handshake = session.handshake
    left = handshake.outcome in (HandshakeOutcome.REFUSED, HandshakeOutcome.CLOSED)
    return left and handshake.end is not None and handshake.end.from_client


def _uncovered(inquiry: Inquiry, sent: WebExchange, session: TlsSession, name: str) -> Found:
    subject, end = subject_asking(inquiry, [sent]), session.handshake.end
    shown = inquiry.case.shown_on.get(session.flow)
    assert shown
    assert end
    device, server = inquiry.word(subject.device), inquiry.server(sent.server, sent.port)
    names = ", ".join(shown.names[:LISTED]) or "no name"
    there = subject_of(inquiry, session.flow)
    return subject.found(
        f"{device} asked {server} for autodiscover over HTTP and was sent to https://{name}, "
        f"but the certificate of {there.peer} is not for that name.",
        f"The certificate is for {names}. The client ends TLS after it has seen it. {MOBILE_STOPS}",
        Confidence.CERTAIN,
        subject.shows(f"the request, and the redirect to {sent.row.location}", *sent.frames),
        subject.shows("the certificate, and how the client leaves", session.certificate_frame, end.frame),
        flows=(sent.flow, session.flow),
        rejected=(("autodiscover-http-error", "a redirect is no error by itself"),),
    )
