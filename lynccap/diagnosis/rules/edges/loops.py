"""Media that turns round at the office's own firewall, or runs through a VPN (catalogue group 6)."""

from collections import defaultdict
from collections.abc import Iterator

from lynccap import reference
from lynccap.correlation.addresses import is_public, split_endpoint
from lynccap.correlation.media.calls.records import Call, Half, Leg, Party
from lynccap.correlation.media.paths import Path
from lynccap.correlation.roles.sides import Location
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.subjects import subject_of
from lynccap.diagnosis.ways import DETOURS, worsened
from lynccap.document import Confidence, Severity

LISTED = 20


@rule(
    title="Media of two inside devices turns round at the firewall",
    severity=Severity.MINOR,
    stage=Stage.MEDIA,
    causes=("The direct path between the two is blocked, and the firewall turns their packets back.",),
    fix=("Open the direct path between the two networks.",),
    act=("network/firewall team",),
    sources=("notes-edge", "schertz-stun"),
)
def media_reflexive_hairpin(inquiry: Inquiry) -> Iterator[Judgement]:
    """Two devices behind one address translator talk by its public address, out to the firewall and back in.

    Evidence: media of more than 5 s between a device inside and the public address that it is itself translated to;
    certain where readable SIP has the candidates of both. The longer way costs time.

    Not this: a direct pair; a relay address. Inconclusive where nothing shows that the devices are inside: two homes
    behind one provider's translator look the same.
    """
    seen_as = _translated(inquiry)
    for call in inquiry.case.calls.calls if seen_as else ():
        for leg in call.legs:
            if leg.basis and leg.used is not None and leg.sustained:
                yield from _turned(inquiry, call, leg, seen_as)


def _translated(inquiry: Inquiry) -> dict[str, dict[str, int]]:
    """By device the public addresses that relays saw it at, each with the frame that says so."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for one in inquiry.case.relays.allocations:
        end = split_endpoint(one.reflexive)
        if end and is_public(end[0]) and end[0] != one.client and one.success_frames:
            found[one.client].setdefault(end[0], one.success_frames[0])
    return found


def _turned(inquiry: Inquiry, call: Call, leg: Leg, seen_as: dict[str, dict[str, int]]) -> Iterator[Judgement]:
    pair = (leg.used.one, leg.used.other) if leg.used else ()
    ends = {end[0] for one in pair if (end := split_endpoint(one))}
    for party, other in (leg.parties, leg.parties[::-1]):
        public = next((one for one in seen_as.get(party.address, {}) if one in ends), None)
        if not party.seen:
            continue
        if public is None or leg.relays:
            yield Clear(party.address)
        elif not inquiry.is_placed(party.address, Location.INSIDE):
            because = f"{party.address} may be at home: two homes behind one provider's translator look the same"
            yield Doubt(party.address, because)
        else:
            yield _hairpin(inquiry, call, leg, (party, other), (public, seen_as[party.address][public]))
            return


def _hairpin(inquiry: Inquiry, call: Call, leg: Leg, parties: tuple[Party, Party], seen: tuple[str, int]) -> Found:
    party, other = parties
    subject = subject_of(inquiry, leg.flows[0])
    direct = [one for one in leg.failures if one.what == "pair"]
    tried = f" {len(direct)} other pairs got no answer." if direct else ""
    return subject.found(
        f"{inquiry.word(party.address)} talks to {other.word} by the public address {seen[0]}, which is its own "
        f"outside address, for {leg.seconds:.1f} s.",
        f"A relay saw {party.address} at {seen[0]} as well: both are behind the same translator, and the packets go "
        f"out to it and back in.{tried}",
        Confidence.CERTAIN if call.dialog is not None else Confidence.LIKELY,
        subject.shows(f"the relay tells {party.address} that its outside address is {seen[0]}", seen[1]),
        subject.shows("the media: first and last packet of each stream", *leg.frames),
        *(Proof(leg.capture, one.frames[:LISTED], f"{one.one} to {one.other} {one.outcome}") for one in direct[:2]),
        device=party.address,
        peer=seen[0],
        port=None,
        service="rtp",
        flows=leg.flows,
        time=leg.first_time,
        rejected=(("media-via-external-edge-from-inside", f"{seen[0]} hands out no relay address"),),
    )


@rule(
    title="Media runs through a VPN and suffers there",
    severity=Severity.MINOR,
    stage=Stage.MEDIA,
    causes=("The VPN has no exception for the Edge, so media goes through the tunnel.",),
    fix=("Exclude the Edge and the pool from the VPN, or send signalling and media the same way.",),
    act=("network team", "Lync administrator"),
    sources=("ms-cac", "jordan-vpn"),
    explains=DETOURS,
)
def media_through_vpn(inquiry: Inquiry) -> Iterator[Judgement]:
    """A device's media to inside goes through its VPN tunnel, and arrives unevenly, late or with gaps.

    Evidence: media of more than 5 s recorded on a tunnel interface; jitter or loss of a direction beyond the warning
    threshold. At most likely: the tunnel need not be what disturbs it.

    Not this: media through a tunnel that arrives well, which may be policy. Inconclusive where the capture itself
    lost packets.
    """
    for call in inquiry.case.calls.calls:
        for leg in call.legs:
            if leg.path is Path.VPN and leg.sustained:
                yield _in_tunnel(inquiry, leg)


def _in_tunnel(inquiry: Inquiry, leg: Leg) -> Judgement:
    party = leg.parties[0]
    suffers = [(sender, half, words) for sender, half in _halves(leg) if (words := _poor(half))]
    if not suffers:
        return Clear(party.address)
    lossy = inquiry.gates.lossy(leg.capture, leg.first_time, leg.last_time)
    if lossy:
        return Doubt(party.address, lossy)
    subject = subject_of(inquiry, leg.flows[0])
    told = "; ".join(f"what {sender.word} sends has {words}" for sender, _, words in suffers)
    return subject.found(
        f"{inquiry.word(subject.device)} talks to {subject.peer} through a VPN, and {told}.",
        f"The media was {leg.path_basis}. Each packet is sealed and sent twice over the same line; voice is sealed "
        "already.",
        Confidence.LIKELY,
        subject.shows("the media in the tunnel: first and last packet of each stream", *leg.frames),
        port=None,
        service="rtp",
        flows=leg.flows,
        time=leg.first_time,
        explains=worsened(inquiry, subject.device, leg.flows),
    )


def _halves(leg: Leg) -> Iterator[tuple[Party, Half]]:
    yield leg.parties[0], leg.forth
    yield leg.parties[1], leg.back


def _poor(half: Half) -> str:
    """What is beyond the warning threshold, in words; "" when nothing is."""
    bounds = {name: row.warn for name, row in reference.quality_thresholds().items()}
    told = []
    if half.jitter_ms is not None and half.jitter_ms >= bounds["jitter"]:
        told.append(f"{half.jitter_ms:.0f} ms of jitter")
    if half.loss is not None and half.loss >= bounds["packet-loss"]:
        told.append(f"{half.loss:.1%} of loss")
    return " and ".join(told)
