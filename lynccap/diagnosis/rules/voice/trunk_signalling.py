"""OPTIONS on trunks: by them both ends know whether the other one lives (catalogue group 12)."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from lynccap.correlation.roles.claims import GATEWAY, MEDIATION
from lynccap.correlation.sip.transactions import Transaction
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement
from lynccap.diagnosis.rules.voice.ports import TLS, trunk_ports
from lynccap.diagnosis.sip_answers import asker_of, said_by
from lynccap.diagnosis.subjects import subject_of
from lynccap.document import Confidence, Reading, Severity
from lynccap.tables import SECOND

LEAST = 3  # in a row; one may be lost, or meet a restart
PATIENCE_NS = 32 * SECOND  # a request other than INVITE waits 64 * T1 for its answer (RFC 3261 17.1.2.2, timer F)
UNKNOWN_METHOD = frozenset({405, 501})
"""Whoever answers so lives: it only does not know the question (RFC 3261 21.4.6, 21.5.2)."""
CHALLENGES = frozenset({401, 407})  # RFC 3261 22.1
RESETS = 3  # in a row: one is any restart
SHOWN = 6  # questions a proof lists


@dataclass
class Asked:
    """OPTIONS of one end of a trunk to the other, in order of time."""

    asker: str
    other: str
    all: list[Transaction] = field(default_factory=list)

    @property
    def failing(self) -> list[Transaction]:
        """Those behind the last good answer."""
        good = [place for place, one in enumerate(self.all) if (one.status or 999) < 300]
        return self.all[good[-1] + 1 :] if good else self.all


@rule(
    title="The trunk looks dead: OPTIONS get no good answer",
    severity=Severity.MAJOR,
    stage=Stage.SIGN_IN,
    causes=(
        "The gateway does not know the Mediation Server, by its name or its address.",
        "The gateway's SIP service hangs, or answers by another way.",
    ),
    fix=("Add the peer to the gateway's list, by the name or address that its requests bear.",),
    act=("voice administrator",),
    sources=("ms-mediation",),
)
def trunk_options_unanswered(inquiry: Inquiry) -> Iterator[Judgement]:
    """One end of a trunk asks the other for a sign of life and gets none, or an error: it takes the trunk for dead.

    Evidence: OPTIONS between a Mediation Server and a gateway, in readable SIP: three in a row without an answer, or
    the last ones answered with 4xx or 5xx. On TLS: connections of the trunk that are opened and reset, three times in
    a row; possible, for the requests are hidden.

    Not this: a question for proof (401, 407); 405 and 501, by which the other end lives; answers that come again
    later; OPTIONS within a call.
    """
    for one in _asked(inquiry):
        yield _judged(inquiry, one)
    yield from _on_tls(inquiry)


def _asked(inquiry: Inquiry) -> list[Asked]:
    found: dict[tuple[int, str, str], Asked] = {}
    for one in inquiry.case.dialogs.transactions:
        if one.method != "OPTIONS" or one.request is None or one.request.to_tag:
            continue
        subject = asker_of(inquiry, one)
        if _is_trunk(inquiry, subject.device, subject.peer):
            key = (one.capture, subject.device, subject.peer)
            found.setdefault(key, Asked(subject.device, subject.peer)).all.append(one)
    return list(found.values())


def _is_trunk(inquiry: Inquiry, one: str, other: str) -> bool:
    """Whether these are a Mediation Server and a gateway: one that never spoke is told by who asks it."""
    roles = inquiry.case.roles
    pairs = ((one, other), (other, one))
    return any(roles.has(first, MEDIATION) and not roles.is_plausible(second) for first, second in pairs)


def _judged(inquiry: Inquiry, one: Asked) -> Judgement:
    failing = one.failing
    refused = [each for each in failing if each.status and each.status not in UNKNOWN_METHOD | CHALLENGES]
    unanswered = [each for each in failing if each.status is None]
    if not failing:
        return Clear(one.asker)
    if refused:
        return _refused(inquiry, one, refused)
    if not unanswered:
        because = f"{one.other} answers OPTIONS with {failing[-1].status}: it lives, and does not know the question"
        return Doubt(one.asker, because)
    first = unanswered[0]
    doubt = inquiry.gates.absence(first.capture, one.asker, first.time, unanswered[-1].time, len(unanswered))
    if not doubt and len(unanswered) <= LEAST:
        doubt = inquiry.gates.ended_early(first.capture, unanswered[-1].time, PATIENCE_NS)
    if not doubt and len(unanswered) < LEAST:
        doubt = f"only {len(unanswered)} OPTIONS to {one.other} stay unanswered: {LEAST} in a row are needed"
    return Doubt(one.asker, doubt) if doubt else _unanswered(inquiry, one, unanswered)


def _unanswered(inquiry: Inquiry, one: Asked, missing: list[Transaction]) -> Judgement:
    subject = asker_of(inquiry, missing[0])
    return subject.found(
        f"{inquiry.word(one.asker)} asks {inquiry.server(one.other, subject.port)} for a sign of life "
        f"(OPTIONS) {len(missing)} times in a row and gets no answer.",
        "It takes the trunk for dead and sends no calls over it.",
        Confidence.CERTAIN,
        subject.shows("OPTIONS without an answer", *(each.frame for each in missing[:SHOWN])),
        time=missing[0].time,
        flows=tuple(dict.fromkeys(each.flow for each in missing)),
        reading=inquiry.reading(subject.flow),
        rejected=(("mediation-gateway-port-closed", "the connection is open"),),
    )


def _refused(inquiry: Inquiry, one: Asked, refused: list[Transaction]) -> Judgement:
    subject, last = asker_of(inquiry, refused[0]), refused[-1]
    frames = [frame for each in refused[:SHOWN] for frame in (each.frame, int(each.final.frame) if each.final else 0)]
    return subject.found(
        f"{inquiry.word(one.asker)} asks {inquiry.server(one.other, subject.port)} for a sign of life (OPTIONS) "
        f"and gets {said_by(last.final)}.",
        "An error is no sign of life: the trunk is taken for dead, and no call goes over it.",
        Confidence.CERTAIN,
        subject.shows("OPTIONS and the errors they get", *frames),
        time=refused[0].time,
        flows=tuple(dict.fromkeys(each.flow for each in refused)),
        reading=inquiry.reading(subject.flow),
    )


def _on_tls(inquiry: Inquiry) -> Iterator[Judgement]:
    """Trunks whose TLS connections are opened and reset again and again; what is said on them is hidden."""
    case, tls = inquiry.case, trunk_ports(MEDIATION, TLS) | trunk_ports(GATEWAY, TLS)
    for attempt in case.attempts:
        if attempt.port in tls and _is_trunk(inquiry, attempt.client, attempt.server):
            flows = [flow for flow in attempt.established if flow not in case.decrypted]
            ends = [case.facts_of(flow, "closing")[0] for flow in flows]
            completed = [flow in case.sessions and case.sessions[flow].completed for flow in flows]
            if len(flows) >= RESETS and all(completed[-RESETS:]) and set(ends[-RESETS:]) == {"server-rst"}:
                yield _reset(inquiry, flows[-RESETS:])


def _reset(inquiry: Inquiry, flows: list[int]) -> Judgement:
    subject = subject_of(inquiry, flows[0])
    frames = tuple(inquiry.case.facts_of(flow, "last_frame")[0] for flow in flows)
    return subject.found(
        f"{inquiry.word(subject.device)} opens its trunk with {inquiry.server(subject.peer, subject.port)} over TLS, "
        f"and the other end resets it, {len(flows)} times in a row.",
        "What was asked is hidden by TLS. A peer that is not known to the gateway is turned away so. A key log would "
        "show what it says.",
        Confidence.POSSIBLE,
        subject.shows("how the connections end", *frames),
        flows=tuple(flows),
        reading=Reading.PATTERN,
    )
