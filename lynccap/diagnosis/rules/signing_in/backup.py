"""Users signed in at their backup registrar (catalogue group 5)."""

from collections.abc import Iterator

from lynccap.correlation.attempts import Attempt
from lynccap.correlation.roles.sides import Location
from lynccap.correlation.sip.registrations import RegistrationEnd
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.rules.signing_in.asking import SignIn, sign_ins, user_word
from lynccap.diagnosis.rules.signing_in.loops import SipSession, sip_sessions
from lynccap.diagnosis.rules.signing_in.unreached import doubt_of, failed, how
from lynccap.diagnosis.subjects import subject_of
from lynccap.document import Confidence, Reading, Severity

NEAR_NS = 120_000_000_000  # a client goes through all addresses of its pool before it takes the backup


@rule(
    title="Signed in at the backup registrar",
    severity=Severity.INFO,
    stage=Stage.NOTE,
    causes=("The user's own pool, or branch appliance, or the line to it, is down.",),
    fix=("Bring the user's own pool back; until then some functions are missing (limited functionality).",),
    act=("Lync administrator", "network team"),
    sources=("notes-poster", "ms-sipregistration"),
)
def registrar_failover_to_backup(inquiry: Inquiry) -> Iterator[Judgement]:
    """A client signed in at a registrar that is not its user's own.

    Evidence: the accepting answer says that it is not connected to the user's primary pool (presence-state); its tries
    to reach another registrar before, where they are seen. Encrypted: a registrar is refused or silent, and a session
    with a registrar of another pool lasts, by the topology: possible.

    Not this: another member of the same pool; a user who was moved, whose answer names the new pool as primary.
    Inconclusive: the pools are not known, or the capture cannot show that the first registrar did not answer.
    """
    told = set()
    for one in sign_ins(inquiry):
        last = one.tries[-1]
        let_in = last.answer if last.end is RegistrationEnd.REGISTERED else None
        state = None if let_in is None else let_in.connected_to_primary
        if state is not None:
            told.add(one.subject.device)
            yield _stated(inquiry, one) if state == "no" else Clear(one.subject.device)
    lost = [one for one in inquiry.case.attempts if one.client not in told and _is_lost(inquiry, one)]
    held = [one for one in sip_sessions(inquiry) if one.held] if lost else []
    for attempt in lost:
        yield from _pattern(inquiry, attempt, held)


def _is_lost(inquiry: Inquiry, one: Attempt) -> bool:
    """A registrar inside that a client tried in vain."""
    case = inquiry.case
    if not failed(one) or not case.roles.is_sip(one.server, one.port) or not inquiry.is_client(one.client):
        return False
    facts = inquiry.device(one.client)
    return case.roles.is_lync(one.server) and (facts is None or facts.location is not Location.OUTSIDE)


def _stated(inquiry: Inquiry, one: SignIn) -> Found:
    subject, last = one.subject, one.tries[-1]
    before = [
        each
        for each in inquiry.case.attempts_of(subject.device)
        if each.server != subject.peer
        and _is_lost(inquiry, each)
        and each.capture == subject.capture
        and 0 <= last.time - each.first_time <= NEAR_NS
    ]
    seen = f" Before, TCP port {before[0].port} of {before[0].server} was {how(before[0])}." if before else ""
    answer = last.answer
    assert answer is not None  # a registration that worked has one
    return subject.found(
        f"{inquiry.word(subject.device)} signed {user_word(one.user)} in at "
        f"{inquiry.server(subject.peer, subject.port)}, which is not the user's own pool but its backup.",
        f"The server says that it is not connected to the user's primary pool (is-connected-to-primary=no).{seen} "
        "The client works with limited functionality until the own pool is back.",
        Confidence.LIKELY,
        *_tried(before),
        subject.shows("the acceptance that names a backup", int(answer.frame)),
        time=min([last.time, *(each.first_time for each in before)]),
        flows=(last.flow,),
        reading=inquiry.reading(last.flow),
    )


def _tried(before: list[Attempt]) -> Iterator[Proof]:
    for each in before[:2]:
        yield Proof(each.capture, each.failed_frames, f"{each.server} is tried in vain")


def _pattern(inquiry: Inquiry, attempt: Attempt, held: list[SipSession]) -> Iterator[Judgement]:
    """What a session that lasts elsewhere says after a registrar failed."""
    for one in held:
        mine = (one.capture, one.client) == (attempt.capture, attempt.client) and one.server != attempt.server
        if not mine or not 0 <= one.first_time - attempt.first_time <= NEAR_NS:
            continue
        pools = _pool(inquiry, attempt.server), _pool(inquiry, one.server)
        if not all(pools):
            if _may_be_apart(inquiry, attempt.server, one.server):
                yield Doubt(
                    one.client,
                    f"whether {attempt.server} and {one.server} are of one pool is not known: a topology would tell",
                )
        elif pools[0] != pools[1]:
            doubt = doubt_of(inquiry, attempt)
            yield Doubt(one.client, doubt) if doubt else _elsewhere(inquiry, attempt, one)
        return


def _pool(inquiry: Inquiry, address: str) -> str:
    """The pool of a host as the topology has it; "" without one."""
    told = inquiry.case.roles.told
    places = told.places.get(address, ()) if told else ()
    return next((place.pool or place.machine for place in places if place.pool or place.machine), "")


def _may_be_apart(inquiry: Inquiry, first: str, second: str) -> bool:
    """Whether no name was asked that led to both."""
    names = inquiry.case.names
    return set(names.called(first)).isdisjoint(names.called(second))


def _elsewhere(inquiry: Inquiry, attempt: Attempt, one: SipSession) -> Found:
    subject = subject_of(inquiry, one.flow)
    return subject.found(
        f"{inquiry.word(one.client)} got no connection to {inquiry.server(attempt.server, attempt.port)} and keeps a "
        f"session with {inquiry.server(one.server, one.port)}, of another pool.",
        f"TCP port {attempt.port} of the first was {how(attempt)}. A client that loses its pool signs in at the backup "
        "registrar, with limited functionality. What was said is encrypted: the user may also have been moved.",
        Confidence.POSSIBLE,
        *_tried([attempt]),
        subject.shows("first and last packet of the session that lasts", one.first_frame, one.last_frame),
        time=attempt.first_time,
        flows=(one.flow, *attempt.flows),
        reading=Reading.PATTERN,
    )
