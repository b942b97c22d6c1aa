"""Users who cannot prove who they are: credentials refused again and again, clocks that differ (catalogue group 5)."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from lynccap.correlation.sip.registrations import CHALLENGES, RegistrationEnd
from lynccap.correlation.sip.transactions import Transaction
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.gates import CLOCK_SLACK
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement
from lynccap.diagnosis.rules.signing_in.asking import SHOWN, Refused, SignIn, number_of, refused, sign_ins, user_word
from lynccap.diagnosis.sip_answers import said_by
from lynccap.document import Confidence, Severity
from lynccap.tables import SECOND

LOOP = 3  # catalogue, sip-auth-loop-401
TIME_SKEW = 1013
TLS_DSK = "TLS-DSK"
BY_CERTIFICATE = (
    "The client's own Lync certificate is not accepted: it has run out, was revoked, or the server lost its copy.",
    "The certificate of the server that the proof is made for is not valid.",
    "The clocks of client and server differ by more than 5 min.",
)


@rule(
    title="The server asks for credentials again and again",
    severity=Severity.MAJOR,
    stage=Stage.SIGN_IN,
    causes=(
        "The password is wrong or has expired, or the clocks of client and server differ.",
        "Client and server allow different levels of NTLM.",
        "The client's Lync certificate (TLS-DSK) is not accepted.",
    ),
    fix=(
        "Enter the credentials again; delete the client's Lync certificate, so that it fetches a new one.",
        "Compare the clocks of client, server and domain controller, and the LAN Manager level of both sides.",
    ),
    act=("Lync administrator", "owner of the endpoint"),
    sources=("ms-ocer", "ms-sipregistration"),
    explains=("sip-tls-then-close-loop",),
)
def sip_auth_loop_401(inquiry: Inquiry) -> Iterator[Judgement]:
    """A sign-in with credentials is answered with the question for credentials, three times and more.

    Evidence: three answers 401 or 407 to REGISTER requests of one user on one device that carry credentials, on
    whatever connection, and none accepted after them. Steps of a handshake that goes on are none of these.

    Not this: one or two challenges before the server accepts; a refusal that says its reason; differing clocks, where
    the server says so. Inconclusive: two, or a capture that ends within 9 s after the third, or lacks packets.
    """
    for one in sign_ins(inquiry):
        vain = in_vain(one)
        if not vain:
            if one.signed_in:
                yield Clear(one.subject.device)
        elif doubt := _undecided(inquiry, one, vain):
            yield Doubt(one.subject.device, doubt)
        elif not any(number_of(step) == TIME_SKEW for step in vain) and len(vain) >= LOOP:
            yield _loop(inquiry, one, vain)


def in_vain(one: SignIn) -> list[Transaction]:
    """The proofs that were not taken, since the server last accepted or refused the user for good."""
    given: list[Transaction] = []
    for each in one.tries:
        if each.end in (RegistrationEnd.CHALLENGED, RegistrationEnd.UNANSWERED):
            given += [step for step in each.transactions if step.request is not None and step.request.authorization]
        else:
            given.clear()
    return [step for step, then in pairwise([*given, None]) if step is not None and _is_vain(step, then)]


def _is_vain(step: Transaction, then: Transaction | None) -> bool:
    """Asked for proof again: without a next step of the handshake, or one that is not taken."""
    if step.status not in CHALLENGES or step.final is None:
        return False
    goes_on = bool(step.final.handshake or step.final.gssapi_length)
    return not goes_on or (then is not None and "client-hello" in then.first.handshake)


def _undecided(inquiry: Inquiry, one: SignIn, vain: Sequence[Transaction]) -> str | None:
    decisive = vain[min(LOOP, len(vain)) - 1]
    because = inquiry.gates.absence(one.subject.capture, one.subject.device, decisive.last_time, vain[-1].last_time)
    if len(vain) == LOOP - 1 and because:
        return f"the credentials were refused twice, and what followed may be missing: {because}"
    return because if len(vain) >= LOOP else None


def _loop(inquiry: Inquiry, one: SignIn, vain: Sequence[Transaction]) -> Found:
    subject, schemes = one.subject, sorted({step.first.authorization for step in vain})
    by_certificate = TLS_DSK in schemes
    frames = [frame for step in vain[:SHOWN] for frame in _frames(step)]
    return subject.found(
        f"{inquiry.word(subject.device)} gave the credentials of {user_word(one.user)} to "
        f"{inquiry.server(subject.peer, subject.port)} {len(vain)} times, and was asked for them again each time.",
        f"The server takes no proof of kind {', '.join(schemes)}, and accepts the user nowhere in the capture. Its "
        f"last answer: {said_by(vain[-1].final)}.",
        Confidence.CERTAIN,
        subject.shows("the requests with credentials, and the answers that ask again", *frames),
        time=vain[0].time,
        flows=tuple(dict.fromkeys(step.flow for step in vain)),
        causes=BY_CERTIFICATE if by_certificate else (),
        reading=inquiry.reading(*(step.flow for step in vain)),
        rejected=(("state-sip-challenge", "the normal challenge comes once or twice, and then the server accepts"),),
    )


def _frames(step: Transaction) -> tuple[int, int]:
    return step.frame, int(step.final.frame) if step.final is not None else 0


@rule(
    title="Signing in fails because clocks differ",
    severity=Severity.MAJOR,
    stage=Stage.SIGN_IN,
    causes=("The clock of the client, or of the server, is wrong: its time service does not work.",),
    fix=("Set the clock, and repair the time service of the computer whose clock is wrong.",),
    act=("owner of the endpoint", "owner of the time service (NTP)"),
    sources=("ms-ocer",),
    explains=("sip-auth-loop-401", "sip-403-forbidden", "sip-tls-then-close-loop"),
)
def sip_auth_time_skew(inquiry: Inquiry) -> Iterator[Judgement]:
    """The clocks of client and server differ too much for the proof of who the user is. Only where SIP can be read.

    Evidence: an error with diagnostics number 1013. Or credentials refused with a Date that is more than 5 min from
    the recorder's clock, where time servers agree with the recorder: likely.

    Not this: a Date that only a recorder with a wrong clock contradicts; a sign-in that works. Inconclusive: no time
    server tells whose clock is right, or it contradicts the recorder.
    """
    stated = refused(inquiry, lambda step: number_of(step) == TIME_SKEW)
    for each in stated:
        yield _stated(inquiry, each)
    told = {each.subject.device for each in stated}
    for one in sign_ins(inquiry):
        if one.subject.device not in told:
            yield from _by_date(inquiry, one)


def _stated(inquiry: Inquiry, one: Refused) -> Found:
    subject = one.subject
    apart = _apart(one.row)
    date = f" Its Date is {_words(apart)} the recorder's clock." if apart is not None else ""
    return subject.found(
        f"{inquiry.word(subject.device)} cannot sign {one.user} in at {inquiry.server(subject.peer, subject.port)}: "
        "their clocks are too far apart.",
        f"The server answers: {said_by(one.row)}. The number means that the clocks of client and server differ too "
        f"much to check the credentials; 5 min are allowed.{date}",
        Confidence.CERTAIN,
        subject.shows("the requests, and the refusals", *one.frames),
        reading=inquiry.reading(subject.flow),
        rejected=(("sip-auth-loop-401", "the server says that it is the clocks, not the credentials"),),
    )


def _apart(row: Any) -> float | None:
    """Seconds the server's clock is ahead of the recorder's by its Date; None without one."""
    return None if row.date is None else int(row.date) - int(row.time) / SECOND


def _words(apart: float) -> str:
    return f"{abs(apart) / 60:.1f} min {'ahead of' if apart > 0 else 'behind'}"


def _by_date(inquiry: Inquiry, one: SignIn) -> Iterator[Judgement]:
    vain = [step for step in in_vain(one) if step.final is not None and abs(_apart(step.final) or 0.0) > CLOCK_SLACK]
    device, gates = one.subject.device, inquiry.gates
    if not vain:
        if one.signed_in:
            yield Clear(device)
        return
    last = vain[-1].final
    apart, error = _apart(last), gates.clock_error(one.subject.capture)
    if apart is None or last is None:
        return
    if error is None:
        yield Doubt(
            device,
            f"the Date of the server that refuses the credentials is {_words(apart)} the recorder's clock, and no time "
            "server in the capture tells which of them is right",
        )
    elif doubt := gates.clock_wrong(one.subject.capture):
        yield Doubt(device, doubt)
    else:
        yield _dated(inquiry, one, vain, apart)


def _dated(inquiry: Inquiry, one: SignIn, vain: Sequence[Transaction], apart: float) -> Found:
    subject, capture = one.subject, inquiry.case.flows["capture"]
    clocks = [each.frame for each in inquiry.case.clocks if capture[each.flow] == subject.capture]
    return subject.found(
        f"{inquiry.word(subject.device)} cannot sign {user_word(one.user)} in at "
        f"{inquiry.server(subject.peer, subject.port)}, whose clock is {_words(apart)} the right time.",
        "Credentials are good for 5 min around the time at which they were made. The server's own Date is further off "
        "from the recorder's clock, and a time server agrees with the recorder.",
        Confidence.LIKELY,
        subject.shows(
            "the refusals with the server's Date", *(frame for step in vain[:SHOWN] for frame in _frames(step))
        ),
        subject.shows("the answers of time servers", *clocks[:SHOWN]),
        time=vain[0].time,
        flows=tuple(dict.fromkeys(step.flow for step in vain)),
        reading=inquiry.reading(*(step.flow for step in vain)),
        rejected=(("sip-auth-loop-401", "the clocks differ by more than credentials allow"),),
    )
