"""Kerberos on the way into SIP: a service that the directory does not know (catalogue group 5)."""

from collections.abc import Iterator

from lynccap.correlation.tickets import UNKNOWN_SERVICE, Ticket
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement
from lynccap.diagnosis.rules.signing_in.asking import SHOWN, sign_ins
from lynccap.diagnosis.rules.signing_in.loops import SipSession, sip_sessions
from lynccap.diagnosis.sip_answers import quoted
from lynccap.diagnosis.subjects import subject_of, times_in_words
from lynccap.document import Confidence, Reading, Severity

SIP_SERVICE = "sip/"


@rule(
    title="Kerberos cannot be used for signing in",
    severity=Severity.MINOR,
    stage=Stage.NOTE,
    causes=(
        "The service principal name sip/ of the pool is missing in Active Directory, or belongs to another account.",
    ),
    fix=("Set the service principal name of the pool, if Kerberos is wanted: setspn. Signing in works without it.",),
    act=("Active Directory administrator", "Lync administrator"),
    sources=("notes-edge", "rfc4120"),
)
def ntlm_kerberos_failure_hint(inquiry: Inquiry) -> Iterator[Judgement]:
    """A client asks for a Kerberos ticket for its SIP server, and the directory knows no such service.

    Evidence: KRB-ERROR 7 (unknown principal) in answer to a request for a ticket for sip/ and the name of a registrar;
    how the client signs in then, by NTLM or by certificate, is told where it is seen.

    Not this: tickets for other services: those for web services (http/) fail until an account for them is set up; a
    ticket that is granted after all. Inconclusive: nothing shows that the name is a Lync server's, or the answer is
    missing.
    """
    for one in inquiry.case.tickets:
        if one.service.lower().startswith(SIP_SERVICE):
            yield from _judged(inquiry, one)


def is_registrar(inquiry: Inquiry, service: str) -> bool:
    """Whether the host in a principal name is known to be a Lync server."""
    host = service.partition("/")[2].partition("/")[0].partition(":")[0]
    return any(map(inquiry.case.roles.is_lync, inquiry.case.names.addresses_of(host)))


def _judged(inquiry: Inquiry, one: Ticket) -> Iterator[Judgement]:
    if one.refusals(UNKNOWN_SERVICE):
        if is_registrar(inquiry, one.service):
            yield _unknown(inquiry, one)
        else:
            yield Doubt(one.client, f"nothing shows that {quoted(one.service)} names a Lync server")
    elif one.granted:
        yield Clear(one.client)
    elif one.unanswered:
        first, last = one.unanswered[0].time, one.unanswered[-1].time
        if because := inquiry.gates.absence(one.capture, one.client, first, last, len(one.unanswered)):
            yield Doubt(one.client, f"the request for {quoted(one.service)} has no answer here: {because}")


def _unknown(inquiry: Inquiry, one: Ticket) -> Found:
    errors = one.refusals(UNKNOWN_SERVICE)
    subject = subject_of(inquiry, one.flows[0])
    later, then, reading = _afterwards(inquiry, one)
    return subject.found(
        f"{inquiry.word(one.client)} asked for a Kerberos ticket for {quoted(one.service)}, and {one.server} knows no "
        f"such service ({times_in_words(len(errors))}).",
        f"Without the ticket the client proves itself in another way, which takes longer. {then} This is by design.",
        Confidence.CERTAIN,
        subject.shows(
            "the requests, and KRB-ERROR 7, unknown principal",
            *(int(row.frame) for row in (*one.asked[:SHOWN], *errors[:SHOWN])),
        ),
        *([subject.shows("the SIP session that lasts", later.first_frame, later.last_frame)] if later else []),
        time=int(min(row.time for row in (*one.asked, *errors))),
        flows=one.flows,
        reading=reading,
        rejected=(("sip-auth-time-skew", "the error is 7, not 37: the clocks agree"),),
    )


def _afterwards(inquiry: Inquiry, one: Ticket) -> tuple[SipSession | None, str, Reading]:
    """A session of the device that lasts, how the user signed in, in a sentence, and from what that was read."""
    mine = [each for each in sign_ins(inquiry) if each.subject.device == one.client and each.signed_in]
    used = sorted({scheme for each in mine for registration in each.tries for scheme in registration.used})
    held = next((each for each in sip_sessions(inquiry) if each.client == one.client and each.held), None)
    if used:
        reading = inquiry.reading(*(each.subject.flow for each in mine))
        return held, f"It signed in by {', '.join(used)}.", reading
    return held, "Its SIP session lasts." if held else "How it signs in then is not shown.", Reading.PACKETS
