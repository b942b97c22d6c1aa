"""What gateways say to calls in readable SIP: offers they refuse, and causes of the telephone network (group 12)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from lynccap import reference
from lynccap.correlation.roles.claims import GATEWAY, MEDIATION
from lynccap.correlation.sip.offers import Offer, read_offer
from lynccap.correlation.sip.transactions import Transaction
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement
from lynccap.diagnosis.sip_answers import asker_of, quoted, said_by
from lynccap.document import Confidence, Severity

NOT_THIS_OFFER = frozenset({415, 488, 606})
"""RFC 3261 21.4.13, 21.4.26, 21.6.4: the offer, and not the callee, is what it does not like."""
SHOWN = 6  # calls a proof lists
_Q850 = re.compile(r"Q\.850\b[^,]*?\bcause\s*=\s*(\d{1,3})", re.IGNORECASE)
_TEXT = re.compile(r'\btext\s*=\s*"([^"]*)"', re.IGNORECASE)


@dataclass
class Offers:
    """Calls that one end of a trunk opened to the other, in order of time."""

    asker: str
    other: str
    refused: list[Transaction] = field(default_factory=list)
    accepted: list[Transaction] = field(default_factory=list)


def trunk_calls(inquiry: Inquiry) -> Iterator[tuple[str, str, Transaction]]:
    """The INVITEs between gateways and Mediation Servers that open calls: who asks, whom, and the transaction."""
    roles = inquiry.case.roles
    for one in inquiry.case.dialogs.transactions:
        if one.method == "INVITE" and one.request is not None and not one.request.to_tag and one.status:
            subject = asker_of(inquiry, one)
            ends = (subject.device, subject.peer)
            if any(roles.has(first, MEDIATION) and roles.has(second, GATEWAY) for first, second in (ends, ends[::-1])):
                yield subject.device, subject.peer, one


@rule(
    title="The other end of a trunk refuses the offer of speech",
    severity=Severity.MAJOR,
    stage=Stage.MEDIA,
    causes=(
        "One end demands encrypted speech (SRTP) and the other end does not have it.",
        "The two have no codec in common.",
    ),
    fix=("Set the trunk's encryption to what the gateway has.", "Enable G.711 at the gateway."),
    act=("voice administrator",),
    sources=("ms-mediation",),
)
def gateway_codec_or_srtp_mismatch(inquiry: Inquiry) -> Iterator[Judgement]:
    """A gateway, or the Mediation Server, refuses calls because of how speech is offered.

    Evidence: an INVITE of a trunk in readable SIP that is answered with 488, 415 or 606; its offer, with transport
    (RTP/SAVP is encrypted) and codecs. Certain when calls to two numbers are refused so and none is accepted; likely
    with one.

    Not this: one number that is refused while others are accepted with the same offer; an offer that is accepted when
    it is made again without encryption; a change within a call, such as to fax.
    """
    trunks: dict[tuple[int, str, str], Offers] = {}
    for asker, other, one in trunk_calls(inquiry):
        trunk = trunks.setdefault((one.capture, asker, other), Offers(asker, other))
        if one.status in NOT_THIS_OFFER:
            trunk.refused.append(one)
        elif (one.status or 999) < 300:
            trunk.accepted.append(one)
    for trunk in trunks.values():
        yield _mismatch(inquiry, trunk)


def _mismatch(inquiry: Inquiry, trunk: Offers) -> Judgement:
    accepted = {read_offer(one) for one in trunk.accepted}
    calls = {one.first.call_id for one in trunk.accepted}
    refused = [one for one in trunk.refused if read_offer(one) not in accepted and one.first.call_id not in calls]
    if not trunk.refused:
        return Clear(trunk.asker)
    if not refused:
        return Doubt(trunk.asker, f"{trunk.other} accepts the same offer for other numbers, or the next one for this")
    first = refused[0]
    numbers = {one.request.to_uri for one in refused if one.request is not None}
    subject = asker_of(inquiry, first)
    frames = [frame for one in refused[:SHOWN] for frame in (one.frame, int(one.final.frame) if one.final else 0)]
    taken = next(iter(accepted), None)
    beside = f" It accepts {_words(taken)}." if taken else ""
    times = f", {len(refused)} times" if len(refused) > 1 else ""
    return subject.found(
        f"{inquiry.word(trunk.other)} refuses the offer of {trunk.asker} with {said_by(first.final)}{times}.",
        f"Offered is {_words(read_offer(first))}.{beside}",
        Confidence.CERTAIN if len(numbers) > 1 or taken else Confidence.LIKELY,
        subject.shows("the offers and the answers that refuse them", *frames),
        flows=tuple(dict.fromkeys(one.flow for one in refused)),
        reading=inquiry.reading(first.flow),
        causes=gateway_codec_or_srtp_mismatch.causes[:: 1 if read_offer(first).encrypted else -1],
        rejected=(("pstn-rejects-call", "the status is about the offer, not about the number"),),
    )


def _words(offer: Offer) -> str:
    if not offer.transport:
        return "no readable description of speech"
    kind = "encrypted" if offer.encrypted else "unencrypted"
    return f"{kind} speech ({offer.transport}) with {', '.join(offer.codecs[:SHOWN]) or 'no codec'}"


@rule(
    title="The telephone network rejects a call",
    severity=Severity.INFO,
    stage=Stage.NOTE,
    causes=("The number is not in the form the provider wants.", "The provider, or the line, cannot take the call."),
    fix=("Check the dialled number against the normalization and trunk rules.", "Ask the provider about the cause."),
    act=("voice administrator", "telephone provider"),
    sources=("rfc3326", "itu-q850", "unconfirmed"),
)
def pstn_rejects_call(inquiry: Inquiry) -> Iterator[Judgement]:
    """A gateway answers a call with an error and with the cause that the telephone network gave.

    Evidence: an INVITE to a gateway in readable SIP, answered with an error that bears a Reason of Q.850.

    Not this: a busy or absent callee, or one who rejects the call (causes 16 to 19 and 21), which is everyday; an error
    without such a cause, which the gateway may have made itself.
    """
    found: dict[tuple[int, str, str, int], list[Transaction]] = {}
    for asker, other, one in trunk_calls(inquiry):
        cause = _cause(one) if (one.status or 0) >= 400 and inquiry.case.roles.has(other, GATEWAY) else None
        if cause is not None:
            found.setdefault((one.capture, asker, other, cause), []).append(one)
    for (_, asker, other, cause), calls in found.items():
        row = reference.q850_causes().get(cause)
        yield Clear(asker) if row is not None and row.everyday else _rejected(inquiry, other, cause, calls)


def _cause(one: Transaction) -> int | None:
    told = _Q850.search(one.final.cause or "") if one.final is not None else None
    return int(told.group(1)) if told else None


def _rejected(inquiry: Inquiry, gateway: str, cause: int, calls: list[Transaction]) -> Judgement:
    first = calls[0]
    subject = asker_of(inquiry, first)
    row = reference.q850_causes().get(cause)
    text = _TEXT.search(first.final.cause or "") if first.final is not None else None
    own = f' "{quoted(text.group(1))}"' if text and text.group(1) else ""
    meaning = f" It means: {row.meaning}." if row else ""
    frames = [frame for one in calls[:SHOWN] for frame in (one.frame, int(one.final.frame) if one.final else 0)]
    return subject.found(
        f"{inquiry.word(gateway)} answers {_count(calls)} of {subject.device} with {said_by(first.final)}; "
        f"the telephone network gives cause {cause}{own}.",
        f"The cause is one of Q.850, the telephone network's own list.{meaning}",
        Confidence.CERTAIN,
        subject.shows("the calls and the answers with the cause", *frames),
        flows=tuple(dict.fromkeys(one.flow for one in calls)),
        reading=inquiry.reading(first.flow),
    )


def _count(calls: list[Transaction]) -> str:
    return "a call" if len(calls) == 1 else f"{len(calls)} calls"
