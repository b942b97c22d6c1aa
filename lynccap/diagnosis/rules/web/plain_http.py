"""What runs over plain HTTP: firmware, which has to, and services, which must not (catalogue group 2)."""

from collections.abc import Iterator, Sequence

from lynccap import reference
from lynccap.correlation.protocol_numbers import HTTP
from lynccap.correlation.web_exchanges import WebExchange
from lynccap.diagnosis.asking import (
    answers_in_words,
    asked_of_lync,
    by_client,
    by_server,
    frames_of,
    speaker_in_words,
    subject_asking,
)
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.purposes.users import signed_in
from lynccap.diagnosis.subjects import found, judged, times_in_words
from lynccap.diagnosis.verdicts import Verdict
from lynccap.document import Confidence, Severity

OUTER_PATHS = ("/requesthandlerext", "/deviceupdatefiles_ext")
PLAIN_PORTS = (HTTP, 8080)
ONLY_FIRMWARE = "The phone is signed in and works; it only stays at its firmware."


@rule(
    title="Phones cannot fetch firmware",
    severity=Severity.MINOR,
    stage=Stage.BOOTSTRAP,
    causes=(
        "Port 80 is closed between the phones and the web services.",
        "The web server does not serve these files: a missing file type or a missing right.",
        "The file is missing on one member of the pool.",
    ),
    fix=("Open TCP 80 from the phones to the web services, and check the update files of every member of the pool.",),
    act=("network/firewall team", "load balancer team"),
    sources=("ms-iis", "ms2010-devupd", "notes-http"),
)
def firmware_http_download_blocked(inquiry: Inquiry) -> Iterator[Judgement]:
    """A phone that is signed in asks for firmware and gets none.

    Evidence: its request to /RequestHandler or /DeviceUpdateFiles_Int of a Lync server is answered with HTTP 4xx or
    5xx or a reset; or the web port of the address it knows as ucupdates-r2 is refused or dropped. It is signed in.

    Not this: an answer that there is nothing new; a challenge for a log-on; the paths for phones outside; a phone
    that asks for the root chain on the same port; a request that is answered well later. A phone nothing shows to be
    signed in: inconclusive.
    """
    for verdict in judged(inquiry, "firmware-http-download-blocked"):
        device, server = inquiry.ends(verdict.attempt)
        says = f"{device} cannot ask {server} for firmware: TCP port {verdict.attempt.port} is closed to it."
        yield found(inquiry, verdict, says, f"{verdict.says}. {ONLY_FIRMWARE}", extra=(_signed_in(inquiry, verdict),))
    for client, asked in by_client(one for one in asked_of_lync(inquiry, "web-service") if _is_firmware(one)):
        facts = inquiry.device(client)
        if facts and facts.is_phone:
            yield _fetched(inquiry, client, asked)


def _signed_in(inquiry: Inquiry, verdict: Verdict) -> Proof:
    attempt = verdict.attempt
    return Proof(attempt.capture, signed_in(inquiry.case, attempt.client)[:1], "it is signed in: SIP works")


def _is_firmware(one: WebExchange) -> bool:
    target = (one.request.target or "").lower() if one.request else ""
    return one.row.service == "device-update" and not target.startswith(OUTER_PATHS)


def _fetched(inquiry: Inquiry, client: str, asked: Sequence[WebExchange]) -> Judgement:
    bad = [one for one in asked if one.row.outcome == "http-error" or one.reset]
    if not bad or any(one.row.outcome == "ok" and one.time > bad[-1].time for one in asked):
        return Clear(client)
    works = signed_in(inquiry.case, client)
    if not works:
        return Doubt(client, "nothing shows that the phone is signed in, so its firmware may be the least of it")
    subject = subject_asking(inquiry, bad)
    answered = answers_in_words(bad)
    device, server = inquiry.word(client), inquiry.server(bad[0].server, bad[0].port)
    return subject.found(
        f"{device} asked {server} for firmware and was answered with {answered}, {times_in_words(len(bad))}.",
        f"{ONLY_FIRMWARE}{speaker_in_words(bad)}",
        Confidence.CERTAIN,
        subject.shows(f"the request for firmware, answered with {answered}", *frames_of(bad)),
        subject.shows("it is signed in: SIP works", works[0]),
        causes=firmware_http_download_blocked.causes[1:],
        act=("Lync administrator",),
        rejected=(("certprov-http-error", f"it asked for {_path(bad[0])}, which is firmware, not for certificates"),),
    )


def _path(one: WebExchange) -> str:
    return str(one.request.target).partition("?")[0] if one.request else ""


@rule(
    title="A service runs over plain HTTP that must be encrypted",
    severity=Severity.MINOR,
    stage=Stage.NOTE,
    causes=(
        "The client's settings force http addresses.",
        "A load balancer takes TLS off and does not put it on again.",
    ),
    fix=("Use https addresses; where a load balancer takes TLS off, let it encrypt again towards the servers.",),
    act=("Lync administrator", "security team"),
    sources=("notes-http", "notes-poster", "ms-iis"),
)
def cleartext_beyond_autodiscover(inquiry: Inquiry) -> Iterator[Judgement]:
    """A client uses a Lync web service, or logs on to one, without encryption.

    Evidence: a readable request on port 80 or 8080 to a Lync server, for a path that is meant for HTTPS only, and
    the service answers it; or such a request carries a log-on or a web ticket in the clear.

    Not this: the root chain, the first step of autodiscover, firmware and the other paths that are meant for port 80;
    a request that is only sent on to HTTPS; what was decrypted with a key. The answer is not in the capture:
    inconclusive.
    """
    protocols = ("autodiscover", "certprov", "web-ticket", "web-service")
    plain = [one for one in asked_of_lync(inquiry, *protocols) if _is_plain(inquiry, one)]
    for client, asked in by_client(plain):
        told = [one for one in asked if _tells(one)]
        for part in by_server(told):
            yield _in_clear(inquiry, part)
        if not told:
            unseen = any(_is_sealed_service(one) and one.row.outcome in ("no-answer", "unseen") for one in asked)
            why = "the answer to its request without encryption is not in the capture"
            yield Doubt(client, why) if unseen else Clear(client)


def _is_plain(inquiry: Inquiry, one: WebExchange) -> bool:
    stack = str(inquiry.case.flows.at[one.flow, "stack"])
    return one.port in PLAIN_PORTS and not stack.startswith("tls") and one.flow not in inquiry.case.decrypted


def _is_sealed_service(one: WebExchange) -> bool:
    """Whether the path is meant for HTTPS only; fetching the root chain is not, under whatever path."""
    row = reference.url_row(one.request.target or "") if one.request else None
    if row is None or row.http80_allowed:
        return False
    return one.protocol != "certprov" or one.row.step == "get-certificate"


def _carries_secret(one: WebExchange) -> bool:
    return bool(one.request and (one.request.authorization or one.request.web_ticket))


def _tells(one: WebExchange) -> bool:
    if not _is_sealed_service(one):
        return False
    row = reference.url_row(one.request.target or "") if one.request else None
    served = one.row.outcome == "ok" and row is not None and row.verified and row.service != "autodiscover"
    return served or _carries_secret(one)


def _in_clear(inquiry: Inquiry, told: Sequence[WebExchange]) -> Found:
    subject = subject_asking(inquiry, told)
    paths = ", ".join(dict.fromkeys(str(one.request.target).partition("?")[0] for one in told if one.request))
    secret = any(map(_carries_secret, told))
    worse = " Its log-on or web ticket is readable on the way." if secret else ""
    device, server = inquiry.word(subject.device), inquiry.server(subject.peer, subject.port)
    return subject.found(
        f"{device} uses {paths} of {server} on TCP port {subject.port} without encryption.",
        f"These services are meant for HTTPS only.{worse}",
        Confidence.CERTAIN,
        subject.shows(f"{times_in_words(len(told))} a readable request to {paths}", *frames_of(told)),
    )
