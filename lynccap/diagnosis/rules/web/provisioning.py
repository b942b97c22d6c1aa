"""Certificate provisioning: the web service behind ports 80 and 443 that phones need first (catalogue group 2)."""

from collections.abc import Iterator, Sequence

from lynccap.correlation.roles.claims import REVERSE_PROXY, WEB_ROLES
from lynccap.correlation.web_exchanges import WebExchange
from lynccap.diagnosis.asking import (
    answers_in_words,
    asked_of_lync,
    asked_of_servers,
    by_client,
    by_server,
    frames_of,
    sessions_after,
    subject_asking,
)
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement
from lynccap.diagnosis.purposes.root_chain import distrust
from lynccap.diagnosis.subjects import FOR_ROOT_CHAIN, times_in_words
from lynccap.document import Confidence, Severity

REPEATED = 2  # a phone that asks again was not served, whoever it asked
CHALLENGES = 3  # answers 401 to an anonymous request; one or two are a client trying its luck


@rule(
    title="The certificate provisioning service answers with an error",
    severity=Severity.CRITICAL,
    stage=Stage.BOOTSTRAP,
    causes=(
        "The web server's application pool for certificate provisioning is stopped.",
        "Request filtering on the web server refuses the request.",
        "The load balancer sends the request to another product's web server.",
    ),
    fix=(
        "Repair the web services of the Front End.",
        "Check that the load balancer leads to the Lync web server.",
    ),
    act=("Lync administrator",),
    sources=("ms-phoneboot", "ms-ocauthws"),
    explains=("tls-unknown-ca", "tlsdsk-enrolment-failed"),
)
def certprov_http_error(inquiry: Inquiry) -> Iterator[Judgement]:
    """The certificate provisioning service is reached and fails.

    Evidence: a request to CertProvisioningService.svc of a Lync server, answered with HTTP 4xx or 5xx, with a SOAP
    fault, or with a reset by the server before the answer was complete; an anonymous request answered 401 again and
    again; a request for the root chain answered without any certificate, after which the phone trusts nothing.

    Not this: a single 401 on a protected address, which is authentication; an answer the capture itself cut; a
    failure after which any server of the pool answers well; a forward proxy's page. Nothing shows that the host is a
    Lync server: inconclusive, unless it is a phone that asks, and again: then likely.
    """
    for client, asked in by_client(asked_of_servers(inquiry, "certprov")):
        bad = _failures(inquiry, client, asked)
        steps = {one.row.step for one in bad}
        good = [one for one in asked if one.row.outcome == "ok" and one.row.step in steps and one not in bad]
        if not bad or (good and good[-1].time > bad[-1].time):
            yield Clear(client)
            continue
        for part in by_server(bad):
            yield _failed(inquiry, part)


def _failures(inquiry: Inquiry, client: str, asked: Sequence[WebExchange]) -> list[WebExchange]:
    """Which exchanges of one client failed."""
    bad = [one for one in asked if one.row.outcome in ("http-error", "fault") or one.reset]
    chain = [one for one in asked if one.row.step == "root-chains"]
    challenged = [one for one in chain if one.row.outcome == "challenged"]
    if len(challenged) >= CHALLENGES:
        bad += challenged
    empty = [one for one in chain if one.row.outcome == "ok" and not one.row.certificates]
    if empty and distrust(inquiry.case, client):
        bad += empty
    return sorted(bad, key=lambda one: one.time)


def _failed(inquiry: Inquiry, bad: Sequence[WebExchange]) -> Judgement:
    first = bad[0]
    known, asker = inquiry.case.roles.is_lync(first.server), inquiry.device(first.client)
    if not known and not (asker and asker.is_phone and len(bad) >= REPEATED):
        because = f"nothing shows that {first.server}, which answers with an error, is a Lync server"
        return Doubt(first.client, because)
    chain = any(one.row.step == "root-chains" for one in bad)
    answered = _answered(bad)
    faults = sorted({str(one.row.fault_reason) for one in bad if one.row.fault_reason})
    sentences = ["The port is open and the request arrived; the service behind it failed."]
    if faults:
        sentences.append(f"The server's own words: {'; '.join(faults)}.")
    if chain:
        sentences.append(FOR_ROOT_CHAIN)
    if not known:
        sentences.append(f"Nothing else shows what {first.server} is: the phone may have been sent to a wrong host.")
    what = "the root certificates" if chain else "certificate provisioning"
    device, server = inquiry.word(first.client), inquiry.server(first.server, first.port)
    subject = subject_asking(inquiry, bad)
    return subject.found(
        f"{device} asked {server} for {what} and was answered with {answered}, {times_in_words(len(bad))}.",
        " ".join(sentences),
        Confidence.CERTAIN if known else Confidence.LIKELY,
        subject.shows(f"certificate provisioning: {answered}", *frames_of(bad)),
        rejected=(("rootchain-http80-refused", "the connection was accepted"),),
    )


def _answered(bad: Sequence[WebExchange]) -> str:
    """What came back, in words: statuses, and what they cannot say."""
    told = answers_in_words(bad)
    if any(one.row.outcome == "fault" for one in bad):
        return f"a SOAP fault ({told})"
    if all(one.row.outcome == "ok" for one in bad):
        return f"{told} without any certificate in it"
    return told


@rule(
    title="The request for the root certificates is redirected to HTTPS",
    severity=Severity.CRITICAL,
    stage=Stage.BOOTSTRAP,
    causes=("The load balancer redirects port 80 to HTTPS on the internal address too.",),
    fix=("Exempt the internal web services address from the redirect to HTTPS.",),
    act=("load balancer team",),
    sources=("ms-phoneboot", "ms-hlb"),
    explains=("tls-unknown-ca",),
)
def certprov_redirected_to_https(inquiry: Inquiry) -> Iterator[Judgement]:
    """A phone asks for the root chain over port 80 and is sent to HTTPS, which it cannot trust yet.

    Evidence: a request for the root chain to the internal web services, answered with a redirect to an https
    address; then the phone ends TLS with alert 48, unknown CA, or never starts it.

    Not this: a redirect outside, which is legitimate; a phone that trusts the server all the same; a chain fetched
    elsewhere. A capture that ends too soon, or shows one direction only: inconclusive.
    """
    for client, asked in by_client(asked_of_lync(inquiry, "certprov")):
        chain = [one for one in asked if one.row.step == "root-chains"]
        sent = [one for one in chain if _is_sent_to_tls(one) and not is_outer(inquiry, one.server)]
        if not sent or any(one.row.outcome == "ok" for one in chain):
            if chain:
                yield Clear(client)
        else:
            yield _redirected(inquiry, client, sent)


def is_outer(inquiry: Inquiry, server: str) -> bool:
    """Whether a host serves the outside only: the reverse proxy."""
    held = inquiry.case.roles.roles_of(server)
    return REVERSE_PROXY in held and not held & WEB_ROLES


def _is_sent_to_tls(one: WebExchange) -> bool:
    return one.row.outcome == "redirected" and (one.row.location or "").lower().startswith("https:")


def _redirected(inquiry: Inquiry, client: str, sent: Sequence[WebExchange]) -> Judgement:
    first = sent[0]
    subject = subject_asking(inquiry, sent)
    proof = [subject.shows(f"the request, and the redirect to {first.row.location}", *frames_of(sent))]
    alerts = [frame for _, frame, time in distrust(inquiry.case, client) if time >= first.time]
    if alerts:
        proof.append(subject.shows(f"{client} then ends TLS with alert 48, unknown CA", alerts[0]))
    elif any(one.completed for one in sessions_after(inquiry, client, first.time)):
        return Clear(client)
    elif because := _unseen(inquiry, client, sent[-1]):
        return Doubt(client, because)
    device, server = inquiry.word(client), inquiry.server(first.server, first.port)
    then = "" if alerts else " The phone never starts TLS after it."
    return subject.found(
        f"{device} asked {server} for the root certificates and was redirected to HTTPS.",
        f"HTTPS needs the very certificates it asked for.{then} {FOR_ROOT_CHAIN}",
        Confidence.CERTAIN,
        *proof,
        rejected=(("rootchain-http80-refused", "the connection was accepted"),),
    )


def _unseen(inquiry: Inquiry, client: str, last: WebExchange) -> str | None:
    """Why the capture does not show what the phone made of the redirect."""
    if sessions_after(inquiry, client, last.time):
        return "the capture does not show how the phone's TLS after the redirect ended"
    gates = inquiry.gates
    return gates.one_sided(last.capture, client) or gates.ended_early(last.capture, last.time)
