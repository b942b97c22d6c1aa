"""What the rules about names share: where a device is, what it did with an answer, how to word and show a question."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from lynccap.correlation.attempts import Attempt, Ending
from lynccap.correlation.names import CLOUD_DOMAINS, DNS_PORT
from lynccap.correlation.roles.claims import AROUND_LYNC, CLOUD
from lynccap.correlation.roles.sides import Location
from lynccap.correlation.searches import TYPE_WORDS, Question, Search
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Found, Proof
from lynccap.document import Confidence

FAILED = (Ending.REFUSED, Ending.REJECTED, Ending.PROHIBITED, Ending.NO_ROUTE, Ending.UNANSWERED)
SHOWN = 12  # frames one piece of evidence lists: what a person looks at
CUT_ANSWERS = "the capture lacks fragments of IP datagrams, and the answer may have been among them"


def is_inside(inquiry: Inquiry, *addresses: str) -> bool:
    """Whether a device is inside; what routes it to inner servers weighs more than the public server it was sent to."""
    sides = {inquiry.case.sides.of(one).location for one in addresses}
    device = inquiry.device(addresses[0])
    placed = device.location if device else Location.UNKNOWN
    return Location.INSIDE in sides or (placed is Location.INSIDE and Location.OUTSIDE not in sides)


def is_outside(inquiry: Inquiry, *addresses: str) -> bool:
    """Whether a device is outside."""
    device = inquiry.device(addresses[0])
    placed = {inquiry.case.sides.of(one).location for one in addresses} | {device.location if device else None}
    return Location.OUTSIDE in placed and not is_inside(inquiry, *addresses)


def is_client(inquiry: Inquiry, device: str) -> bool:
    """Whether it is no server that asks for itself."""
    facts = inquiry.device(device)
    return facts is None or (facts.kind != "server" and (facts.role is None or facts.role in AROUND_LYNC))


def of_cloud(inquiry: Inquiry, questions: Iterable[Question]) -> bool:
    """Whether any answer leads to Microsoft's own cloud, whose users need none of the deployment's records."""
    roles = inquiry.case.roles
    return any(
        roles.has(one.value, CLOUD) or one.value.lower().rstrip(".").endswith(CLOUD_DOMAINS)
        for question in questions
        for one in question.records
    )


def opened(inquiry: Inquiry, addresses: Sequence[str], since: int, capture: int) -> Iterator[tuple[int, Attempt]]:
    """(flow, attempt) of the device's connections to servers that look like Lync's and lived at or after a time."""
    case = inquiry.case
    for attempt in case.attempts_of(*addresses):
        if attempt.capture == capture and attempt.last_time >= since and case.roles.is_plausible(attempt.server):
            for flow in attempt.established:
                session = case.sessions.get(flow)
                if (session.last_time if session else int(case.flows.at[flow, "last_time"])) >= since:
                    yield flow, attempt


def signs_in(inquiry: Inquiry, addresses: Sequence[str], since: int, capture: int) -> tuple[int, Attempt] | None:
    """The first connection to a SIP service, or with a completed TLS session, opened or alive from a time on."""
    roles = inquiry.case.roles
    for flow, attempt in sorted(opened(inquiry, addresses, since, capture), key=lambda pair: pair[0]):
        session = inquiry.case.sessions.get(flow)
        if session.completed if session else roles.is_sip(attempt.server, attempt.port):
            return flow, attempt
    return None


def unheard(inquiry: Inquiry, capture: int, address: str, since: int, until: int, tries: int = 1) -> str | None:
    """Why an answer that is missing may have been sent: the gates, and answers that came in part only."""
    gates = inquiry.gates
    if int(inquiry.case.tables.captures.at[capture, "fragments_incomplete"]):
        return CUT_ANSWERS
    return gates.absence(capture, address, since, until, tries) or gates.cut_off(capture, address, since)


def answer_words(question: Question) -> str:
    """What the server said, in the words of DNS with help."""
    if question.is_no_name:
        return "does not exist (NXDOMAIN)"
    return f"has no {TYPE_WORDS.get(question.record_type, 'such')} record"


def shown(question: Question, says: str) -> Proof:
    """The question with its answer."""
    return Proof(question.capture, question.frames[:SHOWN], says)


def shown_all(questions: Sequence[Question], says: str) -> Proof:
    """Several questions with their answers."""
    frames = sorted({frame for one in questions for frame in one.frames})
    return Proof(questions[0].capture, tuple(frames[:SHOWN]), says)


def found(question: Question, says: str, why: str, confidence: Confidence, *proof: Proof, **more: Any) -> Found:
    """A finding on what a server said, filed under the device that asked."""
    usual: dict[str, Any] = {
        "device": question.device,
        "peer": question.best.server,
        "port": DNS_PORT,
        "transport": "udp",
        "service": "dns",
        "time": question.first_time,
    }
    return Found(says=says, why=why, confidence=confidence, proof=proof, **{**usual, **more})


def client_searches(inquiry: Inquiry) -> Iterator[Search]:
    """The searches of clients, those of servers left out."""
    return (one for one in inquiry.case.searches.searches if is_client(inquiry, one.device))
