"""A sign-in that a Director or a first pool hands on (catalogue group 14)."""

from collections.abc import Iterator
from itertools import pairwise

from lynccap.correlation.sip.registrations import Registration, RegistrationEnd
from lynccap.correlation.tls.sessions import TlsSession
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement
from lynccap.diagnosis.rules.states.by_design import NOBODY, NOTHING_TO_DO
from lynccap.diagnosis.subjects import Subject, subject_of
from lynccap.document import Confidence, Severity
from lynccap.tables import SECOND

DIRECTORS = ("director", "director_vip")
SHORT = 10 * SECOND  # a hand-over takes one exchange of messages
SOON = 10 * SECOND  # from the end of the first connection to the second
LASTS = 30 * SECOND


@rule(
    title="A Director or first pool handed the sign-in on",
    severity=Severity.INFO,
    stage=Stage.NOTE,
    causes=("Every user has a home pool. Other servers tell the client which one it is.",),
    fix=NOTHING_TO_DO,
    act=NOBODY,
    sources=("notes-poster", "notes-edge"),
)
def state_director_redirect(inquiry: Inquiry) -> Iterator[Judgement]:
    """A client talks to one SIP server for a moment and then stays with another.

    Evidence: where SIP can be read, a REGISTER answered with a redirection and one that another server accepts; else
    a short TLS session with a server that is known as a Director, then a lasting one with another server.

    Not this: a second server that refuses or cannot be reached. Inconclusive where the first server is not known as a
    Director and SIP cannot be read, or where the capture ends before the second connection is due.
    """
    yield from _redirected(inquiry)
    sip: dict[str, list[TlsSession]] = {}
    for attempt in inquiry.case.attempts:
        if inquiry.case.roles.is_sip(attempt.server, attempt.port) and len(attempt.established):
            sip.setdefault(attempt.client, []).extend(inquiry.case.sessions_of([attempt]))
    for sessions in sip.values():
        if len(sessions) > 1:
            yield from _moved(inquiry, sorted((one for one in sessions if one.completed), key=lambda one: one.flow))


def _redirected(inquiry: Inquiry) -> Iterator[Judgement]:
    registrations = inquiry.case.dialogs.registrations
    for one in registrations:
        if one.end is not RegistrationEnd.REDIRECTED:
            continue
        first = subject_of(inquiry, one.flow, one.from_client)
        then = next((other for other in registrations if _takes_over(inquiry, one, other)), None)
        if then is None:
            early = inquiry.gates.ended_early(one.capture, one.transactions[-1].last_time)
            yield Doubt(first.device, early) if early else Clear(first.device)
            continue
        second = subject_of(inquiry, then.flow, then.from_client)
        frames = (*one.frames[-1:], *then.frames[-1:])
        yield _handed_on(inquiry, first, second, "the redirection, and the acceptance by the other server", frames)


def _takes_over(inquiry: Inquiry, one: Registration, other: Registration) -> bool:
    if other.end is not RegistrationEnd.REGISTERED or other.user != one.user or other.time < one.time:
        return False
    first, second = subject_of(inquiry, one.flow, one.from_client), subject_of(inquiry, other.flow, other.from_client)
    return first.device == second.device and first.peer != second.peer


def _moved(inquiry: Inquiry, sessions: list[TlsSession]) -> Iterator[Judgement]:
    """Of the sessions of one client, in order: a short one, and soon after it a lasting one elsewhere."""
    case, flows = inquiry.case, inquiry.case.flows
    for one, then in pairwise(sessions):
        first, second = subject_of(inquiry, one.flow), subject_of(inquiry, then.flow)
        begun, ended = int(flows.at[one.flow, "first_time"]), int(flows.at[one.flow, "last_time"])
        brief = bool(flows.at[one.flow, "closing"]) and ended - begun <= SHORT
        if not brief or first.peer == second.peer or not begun <= second.time <= ended + SOON:
            continue
        if {one.flow, then.flow} & case.decrypted or int(flows.at[then.flow, "last_time"]) - second.time < LASTS:
            continue
        if case.roles.has(first.peer, *DIRECTORS):
            frames = (one.data_frame, then.data_frame)
            yield _handed_on(inquiry, first, second, "protected data of both servers", frames)
        elif case.roles.is_lync(first.peer):
            yield Doubt(first.device, f"what {first.peer} said is encrypted, and nothing shows that it is a Director")


def _handed_on(inquiry: Inquiry, first: Subject, second: Subject, says: str, frames: tuple[int, ...]) -> Found:
    return first.found(
        f"{inquiry.word(first.device)} was handed on by {inquiry.server(first.peer, first.port)} and signed in at "
        f"{inquiry.server(second.peer, second.port)}.",
        "The first server only tells the client where its user is at home. The short first connection is no failure.",
        Confidence.CERTAIN,
        first.shows(says, *frames),
        flows=(first.flow, second.flow),
    )
