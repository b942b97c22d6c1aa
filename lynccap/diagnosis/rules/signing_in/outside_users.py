"""Users outside who are not let in although they reach the Access Edge (catalogue group 5)."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from lynccap.correlation.roles.claims import EDGE_ACCESS
from lynccap.correlation.roles.sides import Location
from lynccap.correlation.sip.transactions import Transaction
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement
from lynccap.diagnosis.rules.signing_in.asking import SIGN_IN, Refused, number_of, refused, sign_ins
from lynccap.diagnosis.rules.signing_in.loops import Loop, SipSession, loops, sip_sessions
from lynccap.diagnosis.sip_answers import meaning_of_number, said_by
from lynccap.document import Confidence, Reading, Severity

NOT_FROM_OUTSIDE = 4003
STATUSES = (403, 404, 504)
SEVERAL = 2  # of one user alone, his own policy may be the cause


def shut_out(inquiry: Inquiry) -> list[Refused]:
    """The users refused because they are outside, at servers where no other user of the same kind is let in."""
    found = refused(inquiry, _from_outside, SIGN_IN)
    if not found:
        return []
    let_in = {(each.subject.capture, each.subject.peer) for each in sign_ins(inquiry) if each.signed_in}
    return [one for one in found if (one.subject.capture, one.subject.peer) not in let_in]


def _from_outside(one: Transaction) -> bool:
    return one.status in STATUSES and number_of(one) == NOT_FROM_OUTSIDE


@rule(
    title="Nobody can sign in from outside",
    severity=Severity.CRITICAL,
    stage=Stage.SIGN_IN,
    causes=(
        "Access for users outside is switched off in the settings of the Access Edge.",
        "The external access policy of the users does not allow it.",
    ),
    fix=(
        "Switch it on: Set-CsAccessEdgeConfiguration -AllowOutsideUsers $true.",
        "Then look at the external access policy of the users.",
    ),
    act=("Lync administrator",),
    sources=("notes-edge", "ms-ocer"),
    explains=("sip-tls-then-close-loop", "sip-403-forbidden"),
)
def sip_remote_access_disabled(inquiry: Inquiry) -> Iterator[Judgement]:
    """Users outside reach the Access Edge, and all of them are refused.

    Evidence: where SIP can be read, REGISTER answered 403, 404 or 504 with diagnostics 4003, and nobody let in by that
    server. Two users: certain; one: likely, and major, for it may be that user's own policy. Encrypted: every client
    outside comes and goes at the Access Edge (see sip-tls-then-close-loop), two at least, while one inside keeps its
    session: possible.

    Not this: others who are let in there; other numbers. Inconclusive: REGISTER from outside answered 403 without a
    number; encrypted sessions of one client outside, or where none inside is seen to work.
    """
    readable = shut_out(inquiry)
    for one in readable:
        users = {each.user for each in readable if each.subject.peer == one.subject.peer}
        yield _refused(inquiry, one, len(users))
    for one in refused(inquiry, lambda step: step.status in STATUSES and number_of(step) < 0, SIGN_IN):
        if _outside(inquiry, one.subject.device, one.subject.peer):
            yield Doubt(
                one.subject.device, f"the refusal of {one.user} bears no diagnostics number; a server log would say why"
            )
    for each in sign_ins(inquiry):
        if each.signed_in and _outside(inquiry, each.subject.device, each.subject.peer):
            yield Clear(each.subject.device)
    yield from _patterns(inquiry)


def _outside(inquiry: Inquiry, device: str, server: str) -> bool:
    return not inquiry.is_placed(device, Location.INSIDE) and inquiry.case.roles.has(server, EDGE_ACCESS)


def _refused(inquiry: Inquiry, one: Refused, users: int) -> Found:
    subject, several = one.subject, users >= SEVERAL
    rest = (
        f"{users} users are refused so, and none is let in." if several else "Whether others are let in is not shown."
    )
    return subject.found(
        f"{inquiry.word(subject.device)}: {inquiry.server(subject.peer, subject.port)} does not let {one.user} sign in "
        "from outside.",
        f"The connection and TLS work. The server answers: {said_by(one.row)}. The number means: "
        f"{meaning_of_number(one.row)} {rest}",
        Confidence.CERTAIN if several else Confidence.LIKELY,
        subject.shows("the sign-in, and the refusal", *one.frames),
        severity=None if several else Severity.MAJOR,
        reading=inquiry.reading(subject.flow),
        rejected=(("sip-access-edge-unreachable", "the Access Edge answers"),),
    )


def _patterns(inquiry: Inquiry) -> Iterator[Judgement]:
    """What encrypted sessions at Access Edges say."""
    by_edge: dict[tuple[int, str], list[Loop]] = defaultdict(list)
    for one in loops(inquiry):
        if _outside(inquiry, one.subject.device, one.subject.peer) and not any(
            _outside(inquiry, each.client, each.server) for each in one.held
        ):
            by_edge[one.subject.capture, one.subject.peer].append(one)
    if not by_edge:
        return
    works = [one for one in sip_sessions(inquiry) if one.held and inquiry.is_placed(one.client, Location.INSIDE)]
    for ones in by_edge.values():
        yield from _pattern(inquiry, ones, works)


def _pattern(inquiry: Inquiry, ones: Sequence[Loop], works: Sequence[SipSession]) -> Iterator[Judgement]:
    for one in ones:
        device, last = one.subject.device, one.sessions[-1].last_time
        if len(ones) < SEVERAL:
            yield Doubt(
                device, "only one client outside comes and goes: its user alone may be refused; a key log would tell"
            )
        elif not works:
            yield Doubt(device, "no client inside is seen to work: the whole service may refuse; a key log would tell")
        elif because := inquiry.gates.absence(one.subject.capture, device, one.sessions[0].last_time, last):
            yield Doubt(device, because)
        else:
            yield _hidden(inquiry, one, len(ones), works[0])


def _hidden(inquiry: Inquiry, one: Loop, clients: int, inside: SipSession) -> Found:
    subject, sessions = one.subject, one.sessions
    frames = (frame for each in sessions for frame in (each.first_frame, each.last_frame))
    return subject.found(
        f"{inquiry.word(subject.device)}, like every client outside, is turned away by "
        f"{inquiry.server(subject.peer, subject.port)} after each short session. Signing in from outside may be "
        "switched off.",
        f"{clients} clients outside come and go there and none is kept; {inside.client} inside keeps its session. The "
        "ports and certificates are in order. What the server said is encrypted.",
        Confidence.POSSIBLE,
        subject.shows("first and last packet of each session", *frames),
        subject.shows(f"the session of {inside.client} inside, which lasts", inside.first_frame, inside.last_frame),
        reading=Reading.PATTERN,
        rejected=(("sip-access-edge-unreachable", "the Access Edge answers, and TLS works"),),
    )
