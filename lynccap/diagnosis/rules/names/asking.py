"""What the rules about names share: where a device is, what it did with an answer, how to word and show a question."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from lynccap.correlation.addresses import is_private, is_public, subnet_of
from lynccap.correlation.attempts import Attempt, Ending
from lynccap.correlation.names import CLOUD_DOMAINS, DNS_PORT
from lynccap.correlation.roles.claims import CLOUD
from lynccap.correlation.roles.sides import Location
from lynccap.correlation.searches import TYPE_WORDS, Question
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Found, Proof
from lynccap.document import Confidence

FAILED = (Ending.REFUSED, Ending.REJECTED, Ending.PROHIBITED, Ending.NO_ROUTE, Ending.UNANSWERED)
LED_ASTRAY = (
    "tcp-refused-by-host",
    "tcp-filtered-silent",
    "sip-registrar-unreachable-internal",
    "sip-access-edge-unreachable",
    "host-unreachable",
    "port80-open-443-filtered",
    "autodiscover-443-fails-80-works",
    "autodiscover-both-ports-fail",
    "tls-unknown-ca",
    "cert-lyncdiscover-missing-on-web",
    "cert-name-mismatch",
    "cert-missing-sip-domain",
    "cert-private-ca-on-external",
)
"""What a client may meet at a host that it should never have been led to."""
SHOWN = 12  # frames one piece of evidence lists: what a person looks at
CUT_ANSWERS = "the capture lacks fragments of IP datagrams, and the answer may have been among them"


def is_inside(inquiry: Inquiry, *addresses: str) -> bool:
    """Whether a device is inside: by what the network shows of it or of its neighbours, or by what it reached."""
    sides = inquiry.case.sides
    placed = {sides.of(one).location for one in addresses}
    if Location.INSIDE in placed or Location.OUTSIDE in placed:
        return Location.INSIDE in placed
    if any(is_private(one) and subnet_of(one) in sides.inner_subnets for one in addresses):
        return True
    device = inquiry.device(addresses[0])
    return bool(device and device.location is Location.INSIDE)


def is_outside(inquiry: Inquiry, *addresses: str) -> bool:
    """Whether a device is outside.

    That a private address went to a public server shows nothing here: names may have sent it there by mistake.
    """
    if is_inside(inquiry, *addresses):
        return False
    if any(inquiry.case.sides.of(one).location is Location.OUTSIDE for one in addresses):
        return True
    device = inquiry.device(addresses[0])
    return bool(device and device.location is Location.OUTSIDE) and any(map(is_public, addresses))


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


def silence_doubt(inquiry: Inquiry, attempt: Attempt) -> str | None:
    """Why it is not proven that a connection got no answer; None where it is, or where somebody said no."""
    if attempt.ending is not Ending.UNANSWERED:
        return None
    first = attempt.syn_times[0] if attempt.syn_times else attempt.first_time
    return unheard(inquiry, attempt.capture, attempt.client, first, attempt.last_time, len(attempt.syn_times))


def attempts_of(inquiry: Inquiry, device: str) -> tuple[Attempt, ...]:
    """The connections that a device tried from any of its addresses."""
    facts = inquiry.device(device)
    return inquiry.case.attempts_of(*(facts.addresses if facts else (device,)))


def within(name: str, domain: str) -> bool:
    """Whether a name is a domain's own, or below it."""
    return ("." + name.lower().rstrip(".")).endswith("." + domain)


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
