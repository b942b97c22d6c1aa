"""Autodiscover that fails: on one port, on both, or by what it answers (catalogue group 2)."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain
from urllib.parse import urlsplit

from lynccap.correlation.names import parent_of
from lynccap.correlation.protocol_numbers import HTTP, HTTPS
from lynccap.correlation.tls.sessions import TlsSession
from lynccap.correlation.web_exchanges import WebExchange
from lynccap.diagnosis.asking import (
    answers_in_words,
    by_client,
    by_server,
    frames_of,
    sessions_after,
    speaker_in_words,
    subject_asking,
)
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.purposes.web import discovery_names
from lynccap.diagnosis.rules.web.discovery_answers import MOBILE_STOPS, asked_by_users, errors_of, is_on_both
from lynccap.diagnosis.subjects import found, judged, subject_of
from lynccap.diagnosis.verdicts import Verdict
from lynccap.document import Confidence, Severity


@rule(
    title="Autodiscover works over HTTP only",
    severity=Severity.MAJOR,
    stage=Stage.BOOTSTRAP,
    causes=("The certificate lacks the lyncdiscover name.", "Port 443 is not published."),
    fix=(
        "Add the lyncdiscover names to the certificate and publish port 443.",
        "Where many SIP domains make that impossible: document that autodiscover is meant to start over HTTP.",
    ),
    act=("PKI team", "network/firewall team"),
    sources=("ms-autod", "ms-ocdiscws", "notes-http"),
    explains=("mobile-desktop-ok-mobile-fails",),
)
def autodiscover_443_fails_80_works(inquiry: Inquiry) -> Iterator[Judgement]:
    """Autodiscover fails on port 443 of an address whose port 80 answers with a link to go on with.

    Evidence: a client asks for autodiscover on both ports; port 443 is refused or dropped, or its TLS ends with an
    alert; port 80 answers 200 with a link. Certain where 443 failed before that answer.

    Not this: the slower connection of the race, closed unused; HTTP by design for other SIP domains, where the link
    leads to another domain's name and works there; a client inside whose port 443 is closed, for which the rule on
    the two web ports speaks.
    """
    for verdict in judged(inquiry, "autodiscover-443-fails-80-works"):
        yield _closed_443(inquiry, verdict)
    for client, asked in by_client(asked_by_users(inquiry)):
        for part in by_server([one for one in asked if _leads_on(one)]):
            yield _sealed_way(inquiry, client, part[0])


def _leads_on(one: WebExchange) -> bool:
    return one.port == HTTP and one.row.outcome == "ok" and bool(one.row.links)


def _answer_over_http(inquiry: Inquiry, verdict: Verdict) -> WebExchange:
    attempt = verdict.attempt
    asked = (one for one in inquiry.case.exchanges_of(attempt.client) if one.protocol == "autodiscover")
    return next(one for one in asked if one.server == attempt.server and _leads_on(one))


def _closed_443(inquiry: Inquiry, verdict: Verdict) -> Judgement:
    attempt, answer = verdict.attempt, _answer_over_http(inquiry, verdict)
    device, server = inquiry.ends(attempt)
    says = f"{device} gets autodiscover from {server} over TCP port 80 only: port 443 is closed to it."
    first = attempt.first_time <= answer.time
    confidence = None if first else Confidence.LIKELY
    return found(inquiry, verdict, says, f"{verdict.says}. {_link_words(answer)}", confidence, (_answered(answer),))


def _link_words(answer: WebExchange) -> str:
    return f"Port 80 answers with the link {answer.row.links[0].partition('=')[2]}, which has to work over TLS."


def _answered(answer: WebExchange) -> Proof:
    return Proof(answer.capture, answer.frames, "over port 80 autodiscover answers with a link")


def _sealed_way(inquiry: Inquiry, client: str, answer: WebExchange) -> Judgement:
    names = discovery_names(inquiry.case, client, answer.server)
    tries = [one for one in inquiry.case.attempts_of(client) if (one.server, one.port) == (answer.server, HTTPS)]
    sessions = [one for one in inquiry.case.sessions_of(tries) if one.sni.lower().rstrip(".") in names]
    refused = [one for one in sessions if one.refusal and not one.completed]
    if not refused or any(one.completed for one in sessions):
        return Clear(client)
    other = [host for host in _link_hosts(answer) if parent_of(host) != parent_of(refused[0].sni)]
    followed = _tries(inquiry, client, answer.time, other)
    if any(one.completed for one in followed):
        return Clear(client)  # one certificate for many SIP domains: HTTP is the way in by design
    if other and not any(one.refusal for one in followed):
        return Doubt(client, f"the link leads to {other[0]}, and the capture does not show whether that works")
    return _refused_443(inquiry, answer, refused[0])


def _link_hosts(answer: WebExchange) -> list[str]:
    hosts = (urlsplit(link.partition("=")[2]).hostname for link in answer.row.links)
    return list(dict.fromkeys(host.lower() for host in hosts if host))


def _tries(inquiry: Inquiry, client: str, since: int, hosts: Sequence[str]) -> list[TlsSession]:
    return [one for one in sessions_after(inquiry, client, since) if one.sni.lower() in hosts]


def _refused_443(inquiry: Inquiry, answer: WebExchange, session: TlsSession) -> Found:
    subject, alert = subject_of(inquiry, session.flow), session.refusal
    assert alert
    who = subject.device if alert.from_client else subject.peer
    device, server = inquiry.word(subject.device), inquiry.server(subject.peer, HTTPS)
    return subject.found(
        f"{device} gets autodiscover from {server} over TCP port 80 only: TLS on port 443 for {session.sni} fails.",
        f"{who} ends TLS with {alert.word}. {_link_words(answer)}",
        Confidence.CERTAIN if alert.time <= answer.time else Confidence.LIKELY,
        subject.shows("the certificate, and the alert that ends TLS", session.certificate_frame, alert.frame),
        _answered(answer),
        time=alert.time,
        flows=(session.flow, answer.flow),
        service="autodiscover",
        reading=inquiry.reading(answer.flow),
        rejected=(("state-autodiscover-race", "the connection was not closed unused, but ended with an alert"),),
    )


@rule(
    title="Autodiscover answers on neither port",
    severity=Severity.CRITICAL,
    stage=Stage.BOOTSTRAP,
    causes=(
        "The load balancer's address or the publishing rule is down.",
        "DNS gives a wrong address.",
        "The web server is stopped.",
    ),
    fix=("Restore the web listener on ports 443 and 80; mobile users are blocked until then.",),
    act=("network/firewall team", "load balancer team", "Lync administrator"),
    sources=("ms-dns", "notes-edge"),
    explains=("autodiscover-http-error", "mobile-desktop-ok-mobile-fails"),
)
def autodiscover_both_ports_fail(inquiry: Inquiry) -> Iterator[Judgement]:
    """Autodiscover is dead on both ports 80 and 443, so clients fall back to SRV records or stop.

    Evidence: the name resolves; on the address both ports are refused, dropped or answer with HTTP 4xx or 5xx.

    Not this: an inner name that leads a client outside to a stranger; a host whose other Lync ports are closed too;
    a client that reaches autodiscover at another address.
    """
    closed: dict[tuple[int, str, str], list[Verdict]] = defaultdict(list)
    for verdict in judged(inquiry, "autodiscover-both-ports-fail"):
        closed[verdict.attempt.capture, verdict.attempt.client, verdict.attempt.server].append(verdict)
    for ones in closed.values():
        yield _both_closed(inquiry, ones)
    for client, asked in by_client(asked_by_users(inquiry)):
        bad = [part for part in by_server(errors_of(inquiry, client, asked)) if is_on_both(part)]
        for part in bad:
            yield _both_errors(inquiry, part)
        if not bad:
            yield Clear(client)


def _both_closed(inquiry: Inquiry, verdicts: Sequence[Verdict]) -> Judgement:
    attempt = verdicts[0].attempt
    if len(verdicts) < 2:
        return Doubt(attempt.client, f"only port {attempt.port} of {attempt.server} is shown to be closed")
    doubt = next((one.doubt for one in verdicts if one.doubt), None)
    if doubt:
        return Doubt(attempt.client, doubt)
    device, server = inquiry.ends(attempt)
    says = f"{device} gets autodiscover from {server} on neither TCP port 443 nor 80."
    more, extra = _fallback(inquiry, attempt.client, attempt.capture, attempt.first_time)
    why = f"{'; '.join(one.says for one in verdicts)}. {more}"
    confidence = Confidence.CERTAIN if all(one.how != "silently dropped" for one in verdicts) else Confidence.LIKELY
    proof = tuple(dict.fromkeys((*chain.from_iterable(one.proof for one in verdicts[1:]), *extra)))
    return found(inquiry, verdicts[0], says, why, confidence, proof)


def _fallback(inquiry: Inquiry, client: str, capture: int, since: int) -> tuple[str, tuple[Proof, ...]]:
    """What the client does instead: SRV records, or nothing."""
    asked = [one for one in inquiry.case.lookups if (one.client, one.capture) == (client, capture)]
    later = [one for one in asked if one.first_time >= since and one.name.startswith("_sip")]
    if not later:
        return MOBILE_STOPS, ()
    says = f"it falls back to {later[0].name}"
    return f"{MOBILE_STOPS} This one falls back.", (Proof(capture, (later[0].request_frames[0],), says),)


def _both_errors(inquiry: Inquiry, bad: Sequence[WebExchange]) -> Found:
    subject, answered = subject_asking(inquiry, bad), answers_in_words(bad)
    device, server = inquiry.word(subject.device), inquiry.server(subject.peer, subject.port)
    return subject.found(
        f"{device} gets autodiscover from {server} on neither TCP port 443 nor 80: both answer with {answered}.",
        f"{MOBILE_STOPS}{speaker_in_words(bad)}",
        Confidence.CERTAIN,
        subject.shows(f"autodiscover is asked for on both ports and answered with {answered}", *frames_of(bad)),
    )
