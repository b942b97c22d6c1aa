"""Users whose credentials are refused again and again (catalogue group 5)."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from lynccap.correlation.sip.registrations import CHALLENGES, RegistrationEnd
from lynccap.correlation.sip.transactions import Transaction
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement
from lynccap.diagnosis.rules.signing_in.asking import SHOWN, TIME_SKEW, SignIn, number_of, sign_ins, user_word
from lynccap.diagnosis.sip_answers import said_by
from lynccap.document import Confidence, Severity

LOOP = 3  # catalogue, sip-auth-loop-401
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
    frames = [frame for step in vain[:SHOWN] for frame in frames_of(step)]
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


def frames_of(step: Transaction) -> tuple[int, int]:
    """Of a request and its final answer, 0 without one."""
    return step.frame, int(step.final.frame) if step.final is not None else 0
