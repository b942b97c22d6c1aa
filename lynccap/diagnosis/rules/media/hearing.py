"""Parties of a call that are not heard: what they send is lost, or they send nothing (catalogue group 6)."""

from collections.abc import Iterator

from lynccap.correlation.media.calls.records import Call, Flowing, Half, Leg
from lynccap.correlation.media.checks import CheckOutcome
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement, Proof
from lynccap.diagnosis.rules.media.legs import (
    last_packet,
    legs,
    other_of,
    pairs_of,
    plays,
    reports,
    seen,
    subject_of_leg,
    with_gateway,
)
from lynccap.document import Confidence, Reading, Severity
from lynccap.tables import SECOND

UNHEARD_NS = 10 * SECOND  # catalogue, media-one-way and media-missing-after-ice
WITHOUT_REPORTS_NS = 30 * SECOND  # silent devices keep their way open about every 20 s ([MS-ICE2] 3.1.4.10)
SINCE_NS = SECOND  # packets that are under way


@rule(
    title="Audio flows in one direction only",
    severity=Severity.CRITICAL,
    stage=Stage.MEDIA,
    causes=(
        "A firewall lets the packets pass in one direction only.",
        "The Edge tells a wrong address to those outside (NAT).",
        "A firewall on the silent device itself.",
    ),
    fix=("Permit the pair of addresses and ports in the evidence in both directions; compare the Edge's NAT address.",),
    act=("network/firewall team",),
    sources=("notes-edge",),
)
def media_one_way(inquiry: Inquiry) -> Iterator[Judgement]:
    """One party of a call is not heard for 10 s and more, while it is spoken to all the time.

    Evidence: audio one way for 10 s, and none the other way, neither reports (RTCP) nor anything else on the same
    addresses and ports. Likely; certain when another capture shows packets of both sides.

    Not this: hold; a muted device, whose reports or keep-alives still arrive; a sender that leaves out silence; a
    server that plays an announcement. Inconclusive when it lasts less than 10 s, a conference server may just have
    nothing to pass on, there are no reports at all to tell mute from loss, or packets are missing in the capture.
    """
    for call, leg in legs(inquiry):
        if leg.kind != "audio" or not leg.flows or with_gateway(inquiry, leg):
            continue
        if leg.flowing is Flowing.ONE_WAY and leg.silent:
            yield from _unheard(inquiry, call, leg)
        elif leg.flowing is Flowing.BOTH_WAYS:
            yield from (Clear(one.address) for one in leg.parties if one.seen)


def _unheard(inquiry: Inquiry, call: Call, leg: Leg) -> Iterator[Judgement]:
    listener = other_of(leg, leg.silent).address
    since, alone = _alone(leg)
    if plays(inquiry, listener) or (not leg.silent_since and _sends_else(inquiry, leg)):
        yield Clear(listener)  # an announcement; who never speaks although his way is open is media-missing-after-ice
        return
    some, later = reports(inquiry, leg, leg.silent, since)
    if later:
        yield Clear(listener)
        return
    doubt = _doubt(inquiry, leg, listener, some)
    if doubt:
        yield Doubt(listener, doubt)
        return
    spoken = _talking(leg)
    elsewhere = inquiry.vantage.both_ways(leg.flows[0]) if inquiry.vantage and not leg.silent_since else None
    subject = subject_of_leg(inquiry, leg, listener)
    word = other_of(leg, listener).word
    began = f"after {(since - leg.first_time) / SECOND:.1f} s" if leg.silent_since else "from the beginning"
    proofs = [subject.shows("the first and the last packets of the streams", *leg.frames)]
    if elsewhere:
        proofs.append(Proof(0, elsewhere.frames, f"{elsewhere.name} shows packets of both sides", elsewhere.place))
    yield subject.found(
        f"{inquiry.word(listener)} does not hear {word}: {began} audio goes from {listener} to {word} only.",
        f"{spoken.packets} packets of {listener} in {(spoken.last_time - spoken.first_time) / SECOND:.1f} s; of {word} "
        f"nothing at all arrives here for {alone / SECOND:.1f} s, neither audio nor reports.",
        Confidence.CERTAIN if elsewhere else Confidence.LIKELY,
        *proofs,
        time=since,
        rejected=(
            ("media-missing-after-ice", f"nothing else of {leg.silent} arrives either, so it is its way that is shut"),
        ),
    )


def _talking(leg: Leg) -> Half:
    return leg.back if leg.parties[0].address == leg.silent else leg.forth


def _alone(leg: Leg) -> tuple[int, int]:
    """Since when, and for how many nanoseconds, one party was heard alone."""
    talking = _talking(leg)
    since = leg.silent_since or talking.first_time
    return since, talking.last_time - since


def _sends_else(inquiry: Inquiry, leg: Leg) -> bool:
    """Whether other packets of the silent party than media arrive on the leg's own addresses and ports."""
    since, _ = _alone(leg)
    return last_packet(inquiry, leg, leg.silent) > since + SINCE_NS


def _doubt(inquiry: Inquiry, leg: Leg, listener: str, reported: bool) -> str | None:
    since, alone = _alone(leg)
    if alone < UNHEARD_NS:
        return f"one direction is missing for {alone / SECOND:.1f} s only, and a pause may last as long"
    if _sends_else(inquiry, leg):
        return f"{leg.silent} sends no audio any more, but its other packets arrive: it may be muted"
    if plays(inquiry, leg.silent):
        return f"{leg.silent} is a server, which sends nothing while nobody else speaks in its conference"
    if not reported and alone < WITHOUT_REPORTS_NS:
        return "no reports (RTCP) are in the capture, so that a muted device would look the same"
    tries = _talking(leg).packets
    return inquiry.gates.absence(leg.capture, listener, since, since + alone, tries)


@rule(
    title="A pair of addresses was chosen, and no media follows on it",
    severity=Severity.MAJOR,
    stage=Stage.MEDIA,
    causes=(
        "A firewall or intrusion prevention on the way, or on the device, drops media packets and passes checks.",
        "The device has no working microphone, or its audio program failed.",
        "The two ends do not agree on encryption (SRTP).",
    ),
    fix=("Check the host's firewall and intrusion prevention, then the audio device of the silent party.",),
    act=("endpoint owner", "network team"),
    sources=("notes-edge",),
)
def media_missing_after_ice(inquiry: Inquiry) -> Iterator[Judgement]:
    """The connectivity checks succeed and a pair is chosen, but one party, or both, sends no media on it for 10 s.

    Evidence: an answered check with USE-CANDIDATE; no media of a party for 10 s of an accepted call; its keep-alives
    go on. Certain where signalling is readable and says that the call was up, else likely.

    Not this: hold; a muted device, whose reports and comfort noise still arrive; pictures that are only received; a
    call that still rings. Inconclusive when SIP is not readable and no side speaks (it may be ringing: a key log
    decides), when the call or the capture ends within 10 s, or shows one direction only.
    """
    for call, leg in legs(inquiry):
        if leg.used is None or leg.used.basis != "nomination" or leg.kind not in ("audio", ""):
            continue
        device = seen(leg)
        if device is None or leg.used.outcome is not CheckOutcome.SUCCEEDED or with_gateway(inquiry, leg):
            continue
        if leg.flowing is Flowing.NOTHING:
            yield _nobody_speaks(inquiry, call, leg, device.address)
        elif leg.flowing is Flowing.ONE_WAY and not leg.silent_since and leg.silent and _sends_else(inquiry, leg):
            yield _one_is_mute(inquiry, call, leg)
        elif leg.flowing is Flowing.BOTH_WAYS:
            yield Clear(device.address)


def _nobody_speaks(inquiry: Inquiry, call: Call, leg: Leg, device: str) -> Judgement:
    assert leg.used is not None
    if not call.dialog or not call.answered_time:
        return Doubt(
            device,
            "no media follows the chosen pair, but whether the call was accepted or still rang is not readable: "
            "a key log would tell",
        )
    since = max(leg.used.time, call.answered_time)
    closing = call.dialog.closing
    end = closing.time if closing is not None else int(inquiry.case.tables.captures.at[leg.capture, "last_time"])
    if end - since < UNHEARD_NS:
        return Doubt(device, f"the call went on for {max(end - since, 0) / SECOND:.1f} s only after a pair was chosen")
    doubt = inquiry.gates.one_sided(leg.capture, device) or inquiry.gates.lossy(leg.capture, since, end)
    if doubt:
        return Doubt(device, doubt)
    kept = leg.last_check_time > leg.used.time + SINCE_NS
    flows = tuple(dict.fromkeys(one.flow for one in pairs_of(inquiry, leg) if one.nominated))
    subject = subject_of_leg(inquiry, leg, device, flows)
    proofs = [subject.shows("the chosen pair's answered check (USE-CANDIDATE)", leg.used.frame)]
    if closing is not None:
        proofs.append(subject.shows("the end of the call", closing.frame))
    return subject.found(
        f"{inquiry.word(device)} and {other_of(leg, device).word} agree on a way for their audio, but neither sends "
        f"any: silence for {(end - since) / SECOND:.1f} s.",
        f"The pair {leg.used.one} with {leg.used.other} was checked, answered and chosen, and the call was accepted."
        + (" Their keep-alives on it go on." if kept else ""),
        Confidence.CERTAIN if kept else Confidence.LIKELY,
        *proofs,
        time=since,
        reading=inquiry.reading(call.dialog.opening.flow),
        rejected=(("ice-all-checks-failed", "a pair was answered and chosen"),),
    )


def _one_is_mute(inquiry: Inquiry, call: Call, leg: Leg) -> Judgement:
    assert leg.used is not None
    mute, since = leg.silent, _alone(leg)[0]
    kept = last_packet(inquiry, leg, mute)
    some, later = reports(inquiry, leg, mute, since)
    if later or plays(inquiry, other_of(leg, mute).address):
        return Clear(mute)
    if min(kept - since, _alone(leg)[1]) < UNHEARD_NS:
        return Doubt(mute, f"{mute} is silent, and known to be alive, for less than 10 s")
    if plays(inquiry, mute):
        return Doubt(mute, f"{mute} is a server, which sends nothing while nobody else speaks in its conference")
    if not some and not call.answered_time:
        return Doubt(mute, "no reports (RTCP) are in the capture, so that a muted device would look the same")
    doubt = inquiry.gates.absence(leg.capture, mute, since, kept, _talking(leg).packets)
    if doubt:
        return Doubt(mute, doubt)
    subject = subject_of_leg(inquiry, leg, mute)
    answered = bool(call.answered_time)
    return subject.found(
        f"{inquiry.word(mute)} sends no audio to {other_of(leg, mute).word} although its way is open.",
        f"The checks were answered and a pair was chosen; {_talking(leg).packets} packets come the other way, and its "
        f"keep-alives go on for {(kept - since) / SECOND:.1f} s.",
        Confidence.CERTAIN if answered else Confidence.LIKELY,
        subject.shows("the chosen pair's answered check (USE-CANDIDATE)", leg.used.frame),
        subject.shows("the first and the last packets of the only direction", *leg.frames),
        time=since,
        reading=inquiry.reading(call.dialog.opening.flow) if call.dialog else Reading.PACKETS,
        rejected=(("media-one-way", "its keep-alives arrive on the same addresses and ports"),),
    )
