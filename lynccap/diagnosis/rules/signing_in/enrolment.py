"""The client's own Lync certificate, which it fetches over HTTPS once it is signed in (catalogue group 5)."""

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from lynccap.correlation.attempts import Attempt, read_attempts
from lynccap.correlation.protocol_numbers import HTTPS
from lynccap.correlation.sip.registrations import Registration, RegistrationEnd
from lynccap.correlation.web_exchanges import WebExchange
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement
from lynccap.diagnosis.rules.signing_in.asking import SignIn, sign_ins, user_word
from lynccap.diagnosis.rules.signing_in.unreached import doubt_of, failed, how
from lynccap.diagnosis.sip_answers import quoted
from lynccap.document import Confidence, Severity

BY_PASSWORD = "NTLM"
SERVICES = ("certprov", "web-ticket")
ERRORS = ("http-error", "fault")
LATER_NS = 5_000_000_000  # a further try, not a repeated packet


@rule(
    title="The client cannot fetch its Lync certificate",
    severity=Severity.MINOR,
    stage=Stage.SIGN_IN,
    causes=(
        "No reverse proxy, or firewall rule, leads to the web services (CertProv, web ticket).",
        "The web services answer with errors.",
    ),
    fix=(
        "Publish the address that the server names (sts-uri) on TCP port 443 for this network.",
        "Where NTLM is to be switched off, do this first: without NTLM the client cannot sign in at all.",
    ),
    act=("Lync administrator", "reverse proxy team"),
    sources=("notes-edge", "ms-ocauthws"),
)
def tlsdsk_enrolment_failed(inquiry: Inquiry) -> Iterator[Judgement]:
    """A client is signed in by its password (NTLM), because the web services that give it a certificate fail it.

    Evidence: a REGISTER with NTLM that is accepted, where the server offers TLS-DSK and names the address of the
    service; every connection of the device to that address on TCP port 443 refused, dropped or unanswered, or requests
    to it answered with errors. Likely when it was tried again later, else possible.

    Not this: a client that asks for no certificate, as it has one; one that gets through at last. Inconclusive: a
    capture that lacks answers; SIP that cannot be read says neither how a user signed in nor what is asked for then.
    """
    for one in sign_ins(inquiry):
        let_in = one.tries[-1]
        if let_in.end is not RegistrationEnd.REGISTERED or _scheme(let_in) != BY_PASSWORD:
            continue
        host = _service_named(one)
        addresses = inquiry.case.names.addresses_of(host) if host else ()
        if addresses:
            yield from _judged(inquiry, one, host, addresses)


def _scheme(one: Registration) -> str:
    return one.used[-1] if one.used else ""


def _service_named(one: SignIn) -> str:
    """The host of the certificate service, as the server's offers name it."""
    finals = (step.final for each in one.tries for step in each.transactions if step.final is not None)
    uri = next((row.sts_uri for row in finals if row.sts_uri), "")
    try:
        return urlsplit(uri).hostname or ""
    except ValueError:
        return ""


def _judged(inquiry: Inquiry, one: SignIn, host: str, addresses: Sequence[str]) -> Iterator[Judgement]:
    device = one.subject.device
    # The service may be known by this answer only: then it holds no role, and its attempts are not in the case.
    tries = [
        each
        for each in read_attempts(inquiry.case.tables, addresses)
        if each.client == device and each.port == HTTPS and each.capture == one.subject.capture
    ]
    asked = [
        each
        for each in inquiry.case.exchanges_of(device)
        if each.server in addresses and each.protocol in SERVICES and each.capture == one.subject.capture
    ]
    errors = [each for each in asked if each.row.outcome in ERRORS]
    if any(each.row.outcome == "ok" for each in asked):
        yield Clear(device)
    elif errors:
        yield _answered(inquiry, one, host, errors)
    elif tries and all(failed(each) for each in tries):
        doubt = next((because for each in tries if (because := doubt_of(inquiry, each))), None)
        yield Doubt(device, doubt) if doubt else _unreached(inquiry, one, host, tries)


def _answered(inquiry: Inquiry, one: SignIn, host: str, errors: Sequence[WebExchange]) -> Found:
    told = ", ".join(sorted({f"HTTP {int(each.row.status)}" for each in errors if each.row.status is not None}))
    frames = [frame for each in errors for frame in each.frames]
    again = errors[-1].time - errors[0].time >= LATER_NS
    return _found(inquiry, one, host, f"answers with errors ({told})", frames, errors[0].time, again)


def _unreached(inquiry: Inquiry, one: SignIn, host: str, tries: Sequence[Attempt]) -> Found:
    frames = [frame for each in tries for frame in each.failed_frames]
    again = tries[-1].last_time - tries[0].first_time >= LATER_NS and sum(len(each.flows) for each in tries) > 1
    said = f"cannot be reached: TCP port {HTTPS} is {' and '.join(sorted({how(each) for each in tries}))}"
    return _found(inquiry, one, host, said, frames, tries[0].first_time, again)


def _found(inquiry: Inquiry, one: SignIn, host: str, said: str, frames: Sequence[int], time: int, again: bool) -> Found:
    subject, let_in = one.subject, one.tries[-1]
    often = "It was tried again later, with the same result." if again else "It was tried once."
    return subject.found(
        f"{inquiry.word(subject.device)} is signed in with a password, and gets no Lync certificate: "
        f"{quoted(host)} {said}.",
        f"The server let {user_word(one.user)} in by NTLM and names {quoted(host)} as the place for the certificate "
        f"with which to sign in next time (TLS-DSK). {often}",
        Confidence.LIKELY if again else Confidence.POSSIBLE,
        subject.shows("the sign-in by NTLM, and its acceptance", *let_in.frames[-2:]),
        subject.shows(f"what became of the tries to reach {quoted(host)}", *frames),
        time=min(let_in.transactions[-1].time, time),
        flows=(let_in.flow,),
        reading=inquiry.reading(let_in.flow),
        rejected=(("sip-auth-loop-401", "the server accepts the user"),),
    )
