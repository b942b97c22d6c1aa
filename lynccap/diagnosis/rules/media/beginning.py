"""How soon media begins, and what the time before it is lost on (catalogue group 6)."""

from collections.abc import Iterator

from lynccap.correlation.addresses import Scope, scope_of, split_endpoint
from lynccap.correlation.media.calls.records import Call, Flowing, Leg, Tried
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement
from lynccap.diagnosis.rules.media.legs import legs, other_of, pair_proof, pairs_of, seen, subject_of_leg, with_gateway
from lynccap.document import Confidence, Reading, Severity
from lynccap.tables import SECOND

LATE_S = 2.0  # catalogue, media-start-late
HARMLESS_NS = SECOND  # catalogue, candidate-useless-addresses
SHOWN = 4


@rule(
    title="Speech starts seconds after the call was answered",
    severity=Severity.MINOR,
    stage=Stage.MEDIA,
    causes=(
        "Pairs of addresses are dropped silently on the way, and time is spent on them.",
        "IPsec is negotiated first.",
        "The name of the relay is slow to be found in DNS.",
    ),
    fix=("Let firewalls reject what they do not pass instead of dropping it, or open the direct paths.",),
    act=("network team", "endpoint owner"),
    sources=("ms-ice2", "notes-sec2"),
)
def media_start_late(inquiry: Inquiry) -> Iterator[Judgement]:
    """Both parties are heard only 2 s and more after the call was accepted, and checks failed meanwhile.

    Evidence: the time from the accepting answer to the first media of the later party; a pair that was chosen only
    after that long; checks, allocations or connections that failed before. Certain: it is a measurement.

    Not this: media that flows before the answer already; a party that says nothing at first although the way is
    chosen. Inconclusive when SIP cannot be read: the checks may have begun while it rang (a key log decides).
    """
    for call, leg in legs(inquiry):
        device = seen(leg)
        if leg.flowing is not Flowing.BOTH_WAYS or device is None or not leg.checked:
            continue
        times = [half.first_time for half in (leg.forth, leg.back)]
        begun = max(times)
        late = (begun - (call.answered_time or leg.check_time)) / SECOND
        if late <= LATE_S or min(times) < call.answered_time or with_gateway(inquiry, leg):
            yield Clear(device.address)
        elif not call.answered_time:
            yield Doubt(
                device.address,
                f"media follows {late:.1f} s after the first check, but when the call was accepted is not readable: "
                "a key log would tell",
            )
        else:
            yield _late(inquiry, call, leg, device.address, late)


def _late(inquiry: Inquiry, call: Call, leg: Leg, device: str, late: float) -> Judgement:
    chosen = leg.used.time if leg.used else 0
    failed = [one for one in leg.failures if one.time < (chosen or leg.first_time)]
    if not failed or (chosen - call.answered_time) / SECOND <= LATE_S:
        return Clear(device)  # the way was there in time: somebody said nothing
    subject = subject_of_leg(inquiry, leg, device)
    listed = ", ".join(f"{one.what} {one.one} with {one.other} {one.outcome}" for one in failed[:SHOWN])
    final = call.dialog.opening.final if call.dialog else None
    return subject.found(
        f"{inquiry.word(device)} and {other_of(leg, device).word} hear each other only {late:.1f} s after the call was "
        "accepted.",
        f"A pair of addresses was chosen {(chosen - call.answered_time) / SECOND:.1f} s after the answer. Before: "
        f"{listed}" + (f" and {len(failed) - SHOWN} more." if len(failed) > SHOWN else "."),
        Confidence.CERTAIN,
        subject.shows("the answer that accepts the call", int(final.frame) if final is not None else 0),
        pair_proof(leg, "what was tried in vain meanwhile", *{one.outcome for one in failed}),
        subject.shows("the check by which the pair was chosen, and the first media", leg.used.frame if leg.used else 0),
        time=call.answered_time,
        reading=inquiry.reading(call.dialog.opening.flow) if call.dialog else Reading.PACKETS,
    )


@rule(
    title="A device offers addresses that cannot work, and waits for them",
    severity=Severity.INFO,
    stage=Stage.MEDIA,
    causes=("Virtual network adapters, or adapters without a lease (169.254…), are switched on.",),
    fix=("Switch off the adapters that are not needed on the device.",),
    act=("endpoint owner",),
    sources=("ms-ice2",),
)
def candidate_useless_addresses(inquiry: Inquiry) -> Iterator[Judgement]:
    """Checks go from or to addresses that no other network can reach (169.254…), and the call finds its way late.

    Evidence: connectivity checks from or to a link-local address; no pair chosen within 1 s of the first check.
    Certain: it is a fact.

    Not this: another pair wins within 1 s: harmless; two devices on one link without DHCP that work so. Inconclusive
    when nothing shows when a pair was chosen.
    """
    for _, leg in legs(inquiry):
        useless = [one for one in leg.tried if one.what == "pair" and one.failed and _is_useless(one)]
        device = seen(leg)
        if not useless or device is None or with_gateway(inquiry, leg):
            continue
        if leg.used is not None and not leg.used.time:
            yield Doubt(device.address, "the check by which the pair was chosen is not in the capture")
        elif leg.used is not None and leg.used.time - leg.check_time <= HARMLESS_NS:
            yield Clear(device.address)
        else:
            yield _useless(inquiry, leg, useless, device.address)


def _is_useless(tried: Tried) -> bool:
    return any(_is_local(one) for one in (tried.one, tried.other))


def _is_local(endpoint: str) -> bool:
    end = split_endpoint(endpoint)
    return end is not None and scope_of(end[0]) is Scope.LOCAL


def _useless(inquiry: Inquiry, leg: Leg, useless: list[Tried], device: str) -> Judgement:
    named = list(dict.fromkeys(one for tried in useless for one in (tried.one, tried.other) if _is_local(one)))
    owner = _owner(leg, named)
    flows = leg.flows or tuple(one.flow for one in pairs_of(inquiry, leg))
    subject = subject_of_leg(inquiry, leg, owner or device, flows)
    does = f"{'offers' if owner else 'is offered'} {', '.join(named[:SHOWN])}"
    lasted = f"{(leg.used.time - leg.check_time) / SECOND:.1f} s" if leg.used else ""
    outcome = f"a pair was chosen only after {lasted}" if leg.used else "no pair was chosen at all"
    frames = {frame for one in useless[:SHOWN] for frame in one.frames[:2]}
    return subject.found(
        f"{inquiry.word(owner or device)} {does} for media, which no other network can reach.",
        f"Pairs of addresses with it that were checked in vain: {len(useless)}; {outcome}.",
        Confidence.CERTAIN,
        subject.shows("checks with the address, unanswered", *frames),
        time=min(one.time for one in useless),
    )


def _owner(leg: Leg, named: list[str]) -> str:
    """The device that offered them, "" when nothing but these addresses is known of it."""
    owners = {one.party for one in leg.offered if one.endpoint in named}
    address = leg.parties[owners.pop()].address if len(owners) == 1 else ""
    return "" if address and scope_of(address) is Scope.LOCAL else address
