"""Connectivity checks that come to nothing, and those that are refused (catalogue group 6)."""

from collections import Counter
from collections.abc import Iterator

from lynccap.correlation.media.calls.records import Attempted, Call, Leg, Tried
from lynccap.correlation.sip.client_words import ClientWord, client_word
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement, Proof
from lynccap.diagnosis.rules.media.legs import (
    legs,
    other_of,
    pair_proof,
    pairs_of,
    relayed_beside,
    seen,
    subject_of_leg,
    with_gateway,
    word_of,
)
from lynccap.document import Confidence, Reading, Severity
from lynccap.tables import SECOND

NO_PATH = range(22, 26)
"""Numbers of ms-client-diagnostics for a call that found no way for its media ([MS-OCER] 2.2.1)."""
GIVEN_UP_NS = 8 * SECOND  # MS-ICE2 checks for 10 s; the last request leaves some time before the end
TOGETHER_NS = 30 * SECOND  # audio and video of one call are checked at the same time
SHOWN = 4  # errors that are listed
INTEGRITY = frozenset({401, 431})
"""Unauthorized (RFC 5389), Integrity Check Failure (earlier drafts, as MS-ICE2 uses them)."""


@rule(
    title="No pair of addresses works: the call gets no media",
    severity=Severity.CRITICAL,
    stage=Stage.MEDIA,
    causes=(
        "Direct media is blocked, and the relay cannot be used: no credentials, no relay address, or no way between "
        "two relays.",
    ),
    fix=("Mend the earliest step that fails: relay credentials, allocation, the way from relay to relay.",),
    act=("network team", "Edge administrator"),
    sources=("ms-ice2", "icewarn", "ucprimer-23", "kb2386684"),
)
def ice_all_checks_failed(inquiry: Inquiry) -> Iterator[Judgement]:
    """Two devices check all their pairs of addresses, get no usable answer on any of them, and the call has no media.

    Evidence: connectivity checks on every pair, none of them answered and none chosen; they went on for 8 s and more
    (clients give up after 10 s), or the client says itself that it found no media path (ms-client-diagnostics 22 to
    25); no media. Certain with the client's own word, likely without.

    Not this: a user who hangs up at once; pairs that are not needed because another one is chosen; checks whose
    answers only another capture shows. Inconclusive when the capture shows one direction only, lost packets, begins
    or ends within the checks, or holds only what a relay carries.
    """
    told: dict[frozenset[str], int] = {}
    for call, leg in legs(inquiry):
        device = seen(leg)
        if not leg.checked or leg.first_time or device is None or with_gateway(inquiry, leg):
            continue
        if leg.used is not None or any(one.outcome is Attempted.ANSWERED for one in _pairs(leg)):
            yield Clear(device.address)
            continue
        ends = frozenset(one.address for one in leg.parties)
        if leg.check_time - told.get(ends, -TOGETHER_NS) < TOGETHER_NS:
            continue  # the second medium of the same call
        told[ends] = leg.check_time
        yield _in_vain(inquiry, call, leg, device.address)


def _pairs(leg: Leg) -> list[Tried]:
    return [one for one in leg.tried if one.what == "pair"]


def _in_vain(inquiry: Inquiry, call: Call, leg: Leg, device: str) -> Judgement:
    said = client_word(call.dialog)
    said = said if said and said.number in NO_PATH else None
    doubt = _doubt(inquiry, leg, device, said) or ("" if said else _too_soon(call, leg))
    carried = None if said else relayed_beside(inquiry, leg, *(one.address for one in leg.parties if one.address))
    if carried and not doubt:
        doubt = f"media by the relay {carried.relay} begins meanwhile, which may be this call's"
    if doubt:
        return Doubt(device, doubt)
    failed = [one for one in _pairs(leg) if one.failed]
    pairs = pairs_of(inquiry, leg)
    subject = subject_of_leg(inquiry, leg, device, tuple(dict.fromkeys(one.flow for one in pairs)))
    proofs = [pair_proof(leg, f"checks of {len(failed)} pairs of addresses, none of them usable")]
    if said:
        proofs.append(Proof(leg.capture, (said.frame,), "the client's own word on the end of the call"))
    others = any(one.first_time for one in call.legs)
    return subject.found(
        f"{inquiry.word(device)} and {other_of(leg, device).word} find no way for their {leg.kind or 'media'}: "
        f"none of {len(failed)} pairs of addresses works.",
        f"{_outcomes(leg)} The checks went on for {(leg.last_check_time - leg.check_time) / SECOND:.1f} s."
        + (f" {word_of(said)}" if said else ""),
        Confidence.CERTAIN if said else Confidence.LIKELY,
        *proofs,
        severity=Severity.MAJOR if others else None,
        reading=inquiry.reading(said.flow) if said else Reading.PACKETS,
        rejected=(("media-missing-after-ice", "no pair was chosen"),),
    )


def _outcomes(leg: Leg) -> str:
    """What became of everything that was tried, in one sentence."""
    found = Counter(f"{one.what} {one.outcome}" for one in leg.tried if one.failed)
    listed = "; ".join(f"{count} x {what}" for what, count in found.most_common())
    pairs = ", ".join(f"{one.one} with {one.other or 'a peer of the relay'}" for one in _pairs(leg)[:3])
    return f"Tried: {listed} ({pairs})."


def _doubt(inquiry: Inquiry, leg: Leg, device: str, said: ClientWord | None) -> str | None:
    gates = inquiry.gates
    if not any(one.failed for one in _pairs(leg)):
        return gates.one_sided(leg.capture, device) or "nothing shows what became of the checks"
    begin, end, tries = leg.check_time, leg.last_check_time, sum(len(one.frames) for one in _pairs(leg))
    one_sided = gates.one_sided(leg.capture, device)
    if said:
        return one_sided or gates.lossy(leg.capture, begin, end, tries)
    if all(one.allocation is not None for one in pairs_of(inquiry, leg)):
        return "the capture holds only the checks that a relay carries: another way may have worked"
    return one_sided or gates.started_late(leg.capture, begin) or gates.missing(leg.capture, begin, end, tries)


def _too_soon(call: Call, leg: Leg) -> str:
    """Why the end of the checks proves nothing: the call was over before they were."""
    closing = call.dialog.closing if call.dialog else None
    lasted = (leg.last_check_time - leg.check_time) / SECOND
    if closing is not None and closing.time - leg.check_time < GIVEN_UP_NS:
        return f"the call was ended {(closing.time - leg.check_time) / SECOND:.1f} s after the first check"
    if leg.last_check_time - leg.check_time < GIVEN_UP_NS:
        more = "" if call.dialog else "; a key log would show how the call ended"
        return f"the checks stopped after {lasted:.1f} s, so that somebody may just have hung up{more}"
    return ""


@rule(
    title="Connectivity checks are refused: their credentials do not fit",
    severity=Severity.MAJOR,
    stage=Stage.MEDIA,
    causes=("A SIP helper (ALG) or session border controller on the way altered the session description.",),
    fix=("Switch the SIP helper off, or let the border controller pass on ICE user names and passwords unaltered.",),
    act=("network team", "owner of the session border controller"),
    sources=("ms-ice2", "ms-qoe"),
    explains=("ice-all-checks-failed",),
)
def ice_message_integrity_failed(inquiry: Inquiry) -> Iterator[Judgement]:
    """Checks reach the other device, which refuses them because they are signed with other credentials.

    Evidence: answers with STUN error 401 or 431 to the checks of a call of which no pair works. Likely.

    Not this: late checks of a call before, while the checks of this one succeed; the first 401 of a relay, which asks
    for credentials. Inconclusive when the capture begins with these checks: they may be an earlier call's.
    """
    for call, leg in legs(inquiry):
        refused = [one for one in _pairs(leg) if one.outcome is Attempted.REFUSED and INTEGRITY & {*one.codes}]
        device = seen(leg)
        if not refused or device is None or with_gateway(inquiry, leg):
            continue
        if leg.used is not None or leg.first_time or _succeeds(inquiry, leg, device.address):
            yield Clear(device.address)
            continue
        yield _refused(inquiry, call, leg, refused)


def _succeeds(inquiry: Inquiry, leg: Leg, device: str) -> bool:
    """Whether other checks between the same two work at the time: the refused ones are a former call's then."""
    ends = {one.address for one in leg.parties}
    return any(
        other.used is not None
        and {one.address for one in other.parties} == ends
        and other.check_time - TOGETHER_NS <= leg.check_time <= max(other.ended, other.last_check_time) + TOGETHER_NS
        for call in inquiry.case.calls.of(device)
        for other in call.legs
    )


def _refused(inquiry: Inquiry, call: Call, leg: Leg, refused: list[Tried]) -> Judgement:
    pairs = [one for one in pairs_of(inquiry, leg) if INTEGRITY & {*one.codes}]
    asks = [(pair, place, side) for pair in pairs for place, side in enumerate((pair.forth, pair.back)) if side.errors]
    pair, place, side = asks[0]
    asker = pair.hosts[place] if len(pair.hosts) > place else leg.parties[0].address
    closing = call.dialog.closing if call.dialog else None
    if closing is not None and closing.time < side.first_time:
        return Clear(asker)
    late = inquiry.gates.started_late(leg.capture, leg.check_time)
    if late:
        return Doubt(asker, f"{late}: the checks may be those of an earlier call")
    code = side.errors[0][1]
    subject = subject_of_leg(inquiry, leg, asker, tuple(dict.fromkeys(one.flow for one in pairs)))
    return subject.found(
        f"{inquiry.word(asker)} has its checks refused by {other_of(leg, asker).word} with STUN error {code}: they are "
        "signed with other credentials than expected.",
        f"Pairs of addresses refused so: {len(refused)}, and none works. What both were told of each other's "
        "credentials differs.",
        Confidence.LIKELY,
        subject.shows("a refused check", side.frames[0]),
        subject.shows(f"STUN error {code} in answer to checks", *(frame for frame, _ in side.errors[:SHOWN])),
        time=side.first_time,
        rejected=(("media-direct-blocked-between-subnets", "the checks reach the other device, which answers them"),),
    )
