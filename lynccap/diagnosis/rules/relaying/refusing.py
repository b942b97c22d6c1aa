"""Relays that refuse allocations: for the credentials, for want of ports, for an older allocation (group 6)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from lynccap import reference
from lynccap.correlation.media.allocations import Allocation, AllocationStep, AllocationStepKind
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement
from lynccap.diagnosis.rules.relaying.asks import WITHOUT_RELAY, consequences
from lynccap.diagnosis.subjects import Subject, subject_of
from lynccap.document import Confidence, Severity

ROUNDS = 3  # catalogue, turn-allocate-401-loop
CREDENTIALS = frozenset({401, 431, 436})
"""Answers to a signed request that refuse its credentials (catalogue, turn-allocate-401-loop)."""
NO_PORTS, MISMATCH, ELSEWHERE = frozenset({486, 508}), 437, 300
TOGETHER_NS = 600_000_000_000  # what is refused for want of ports within ten minutes is one shortage
LISTED = 12
_ANSWERS = (AllocationStepKind.REJECTED, AllocationStepKind.ERROR)


@dataclass(frozen=True, slots=True)
class Asked:
    """All that one device asked one relay for, in one capture."""

    capture: int
    client: str
    server: str
    allocations: tuple[Allocation, ...]

    @property
    def subject(self) -> Subject:
        """Its first conversation with the relay, for all of them."""
        first = self.allocations[0]
        return Subject(
            *(self.capture, self.client, self.server, first.port, first.transport, "stun-turn"),
            time=first.request_times[0],
            flow=first.flow,
            others=tuple(one.flow for one in self.allocations[1:]),
        )

    def steps(self) -> list[AllocationStep]:
        """Of all conversations, in order of time."""
        return sorted((step for one in self.allocations for step in one.steps), key=lambda step: step.time)


def everything_asked(inquiry: Inquiry) -> Iterator[Asked]:
    """What devices asked the deployment's relays for; cloud relays, and what proxies stand for, left out."""
    found: dict[tuple[int, str, str], list[Allocation]] = defaultdict(list)
    for one in inquiry.case.relays.allocations:
        if one.server not in inquiry.case.relays.cloud and not one.tunnelled:
            found[one.capture, one.client, one.server].append(one)
    for (capture, client, server), ones in found.items():
        yield Asked(capture, client, server, tuple(ones))


def refusals_of(asked: Asked) -> tuple[tuple[AllocationStep, AllocationStep], ...]:
    """(signed request, its refusal) for each round in which the relay refused the credentials."""
    found = []
    for one in asked.allocations:
        pending: AllocationStep | None = None
        for step in one.steps:
            if step.kind in (AllocationStepKind.SIGNED, AllocationStepKind.REFRESH):
                pending = step
            elif pending and step.kind in _ANSWERS and step.code in CREDENTIALS:
                found.append((pending, step))
                pending = None
    return tuple(sorted(found, key=lambda pair: pair[1].time))


def granted_after(allocations: Iterable[Allocation], time: int) -> AllocationStep | None:
    """The first success behind a time."""
    kinds = (AllocationStepKind.GRANTED, AllocationStepKind.REFRESHED)
    good = (step for one in allocations for step in one.steps if step.kind in kinds and step.time > time)
    return min(good, key=lambda step: step.time, default=None)


def code_words(codes: Collection[int]) -> str:
    """Error codes with what they are called."""
    known = reference.stun_errors()
    return " and ".join(f"{one} ({known[one].name})" if one in known else str(one) for one in sorted(set(codes)))


@rule(
    title="The relay refuses a device's credentials again and again",
    severity=Severity.CRITICAL,
    stage=Stage.RELAY,
    causes=(
        "The members of the Edge pool have different certificates for A/V authentication.",
        "The device's token has expired, or the certificate that signed it was replaced.",
        "The request reaches another Edge than the one that the challenge named.",
        "The Edge's clock is wrong.",
    ),
    fix=(
        "Use the same A/V authentication certificate on all members; replace it with -Roll.",
        "Let the users sign in again.",
    ),
    act=("Lync administrator (A/V authentication certificate)",),
    sources=("ms-turn", "ms2010-avedge", "ms-edge-changes", "notes-edge"),
    explains=("no-relay-candidates-offered", "media-via-external-edge-from-inside", *WITHOUT_RELAY),
)
def turn_allocate_401_loop(inquiry: Inquiry) -> Iterator[Judgement]:
    """A device signs its requests for a relay, and the relay refuses the credentials every time.

    Evidence: requests with user name, realm, nonce and signature, three or more of them answered with error 401, 431
    or 436; no success at that relay afterwards. At most likely where only 436 is seen, whose meaning no specification
    that could be read confirms.

    Not this: the first 401, which asks for the credentials; one refusal and then a success; error 438 once;
    repetitions of one request. Fewer rounds, requests that the capture lacks, and lost packets are inconclusive.
    """
    for asked in everything_asked(inquiry):
        refused = refusals_of(asked)
        if not refused:
            yield from _unsigned(asked)
        elif granted_after(asked.allocations, refused[0][1].time):
            yield Clear(asked.client)
        else:
            yield _loop(inquiry, asked, refused)


def _unsigned(asked: Asked) -> Iterator[Judgement]:
    """Challenges whose requests are missing may be refusals."""
    steps = asked.steps()
    challenges = sum(one.kind is AllocationStepKind.CHALLENGED for one in steps)
    requests = sum(one.kind is AllocationStepKind.REQUEST for one in steps)
    if challenges >= ROUNDS and not requests:
        yield Doubt(asked.client, "the capture lacks the requests: whether they were signed is not in it")
    elif any(one.success_frames for one in asked.allocations):
        yield Clear(asked.client)


def _loop(inquiry: Inquiry, asked: Asked, refused: Sequence[tuple[AllocationStep, AllocationStep]]) -> Judgement:
    first, last = refused[0][0], refused[-1][1]
    times = len(refused)
    if times < ROUNDS:
        return Doubt(asked.client, f"{asked.server} refuses the credentials in {times} of {ROUNDS} rounds only")
    if lossy := inquiry.gates.lossy(asked.capture, first.time, last.time, times):
        return Doubt(asked.client, lossy)
    codes = {answer.code for _, answer in refused if answer.code}
    others = [one for one in served_at(inquiry, asked) if one.client != asked.client]
    beside = f" {asked.server} accepts {others[0].client}, so the relay itself works." if others else ""
    frames = [step.frame for pair in refused[:LISTED] for step in pair]
    return asked.subject.found(
        f"{inquiry.word(asked.client)} gets no media relay: {inquiry.server(asked.server, asked.allocations[0].port)} "
        f"refuses its credentials, {times} times.",
        f"Requests with user name and signature are answered with error {code_words(codes)}. The first 401 only asks "
        f"for credentials; these refuse them.{beside}",
        Confidence.LIKELY if codes == {436} else Confidence.CERTAIN,
        asked.subject.shows("signed requests, each with the answer that refuses it", *frames),
        time=first.time,
        explains=consequences(inquiry, asked.client, turn_allocate_401_loop.explains),
        rejected=(("state-turn-401-challenge", "the requests were signed, and no success follows"),),
    )


def served_at(inquiry: Inquiry, asked: Asked) -> list[Allocation]:
    """The allocations that the same relay granted in the same capture."""
    every = inquiry.case.relays.allocations
    return [one for one in every if one.server == asked.server and one.capture == asked.capture and one.success_frames]


@rule(
    title="The relay has no port left to give",
    severity=Severity.MAJOR,
    stage=Stage.RELAY,
    causes=(
        "The range of relay ports is used up: it was made smaller, or translated.",
        "One user has reached the limit for each user.",
        "The Edge has too little capacity.",
    ),
    fix=("Restore the range 50000 to 59999.", "Add an Edge Server."),
    act=("Lync administrator",),
    sources=("ms-turn", "ms-edge-nat"),
    explains=("no-relay-candidates-offered", *WITHOUT_RELAY),
)
def turn_486_quota_or_300(inquiry: Inquiry) -> Iterator[Judgement]:
    """A relay turns devices away for want of ports: error 486 or 508, or 300, which sends them to another relay.

    Evidence: the error as the answer to an Allocate, and no success at any relay afterwards. Certain for several
    devices within ten minutes; of one device alone likely, and with error 300 inconclusive.

    Not this: one 300 and then a success at the relay it names, which is load sharing; a later success.
    """
    short = []
    for asked in everything_asked(inquiry):
        steps = [one for one in asked.steps() if one.code in NO_PORTS or one.code == ELSEWHERE]
        if not steps:
            continue
        if granted_after(inquiry.case.relays.allocations_of(asked.client), steps[0].time):
            yield Clear(asked.client)
        else:
            short.append((asked, steps))
    for asked, steps in short:
        others = [
            other.client
            for other, theirs in short
            if other.server == asked.server
            and other.client != asked.client
            and abs(theirs[0].time - steps[0].time) <= TOGETHER_NS
        ]
        yield _short_of_ports(inquiry, asked, steps, others)


def _short_of_ports(
    inquiry: Inquiry, asked: Asked, steps: Sequence[AllocationStep], others: Sequence[str]
) -> Judgement:
    codes = {one.code for one in steps if one.code}
    if codes == {ELSEWHERE} and not others:
        return Doubt(
            asked.client, f"only this device is sent on by {asked.server}, and what the other relay said is missing"
        )
    if early := inquiry.gates.ended_early(asked.capture, steps[0].time):
        return Doubt(asked.client, early)
    so = f"; so it does to {len(others)} other device{'s' if len(others) > 1 else ''} at that time" if others else ""
    causes = turn_486_quota_or_300.causes
    return asked.subject.found(
        f"{inquiry.word(asked.client)} gets no media relay: {inquiry.server(asked.server, asked.allocations[0].port)} "
        f"answers with error {code_words(codes)}.",
        f"The relay says that it has nothing to give{so}. No relay serves the device afterwards.",
        Confidence.CERTAIN if others else Confidence.LIKELY,
        asked.subject.shows("the errors", *(one.frame for one in steps[:LISTED])),
        time=steps[0].time,
        explains=consequences(inquiry, asked.client, turn_486_quota_or_300.explains),
        causes=() if others else (causes[1], causes[0], causes[2]),
    )


@rule(
    title="The relay still holds an older allocation of the same address and port",
    severity=Severity.MINOR,
    stage=Stage.RELAY,
    causes=("An address translator gave the port to the device again too soon.", "The device's program restarted."),
    fix=("Usually nothing: it heals when the older allocation ends, or with another port.",),
    act=("endpoint", "network team"),
    sources=("unconfirmed",),
)
def turn_437_mismatch(inquiry: Inquiry) -> Iterator[Judgement]:
    """A relay answers an Allocate with error 437: the addresses and ports still hold an allocation.

    Evidence: the error, and no success of the device at that relay afterwards. Likely where the capture shows an older
    allocation from the same address and port, else possible.

    Not this: a device that gets its relay from another port. Inconclusive where the capture ends soon.
    """
    for asked in everything_asked(inquiry):
        errors = [(one, step) for one in asked.allocations for step in one.steps if step.code == MISMATCH]
        if not errors:
            continue
        one, step = errors[0]
        if granted_after(asked.allocations, step.time):
            yield Clear(asked.client)
        elif early := inquiry.gates.ended_early(asked.capture, step.time):
            yield Doubt(asked.client, early)
        else:
            held = next((each for each in one.steps if each.kind is AllocationStepKind.GRANTED), None)
            held = held if held and held.time < step.time else None
            yield subject_of(inquiry, one.flow).found(
                f"{inquiry.word(asked.client)} gets no media relay from {inquiry.server(asked.server, one.port)}: "
                f"error {code_words({MISMATCH})}.",
                "The relay still holds an allocation for the address and port that the request came from."
                + (" This capture shows that allocation." if held else ""),
                Confidence.LIKELY if held else Confidence.POSSIBLE,
                asked.subject.shows("the error, and the older allocation", step.frame, held.frame if held else 0),
                device=asked.client,
                peer=asked.server,
                port=one.port,
                time=step.time,
            )
