"""Media of inside devices that goes out to the Edge and back in (catalogue group 6)."""

from collections.abc import Iterator

from lynccap.correlation.media.allocations import Allocation
from lynccap.correlation.media.paths import MediaSession, Path
from lynccap.correlation.media.relays import Side
from lynccap.correlation.roles.sides import Location
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.ways import DETOURS, at_once, media_proof, worsened
from lynccap.document import Confidence, Severity


def _internal_allocations(inquiry: Inquiry, device: str) -> tuple[Allocation, ...]:
    """What the device tried at relay addresses that are not known as external."""
    relays = inquiry.case.relays
    return tuple(one for one in relays.allocations_of(device) if relays.side_of(one.server) is not Side.EXTERNAL)


def _our_edge(inquiry: Inquiry, relay: str, device: str) -> bool:
    """A relay is ours when the topology has it, or our own Edge's inner side hands its address out.

    Where no inner side answers in the capture: when the device asks another relay first, in vain. As a guest in a
    partner's meeting it would ask the partner's relay only.
    """
    relays = inquiry.case.relays
    if relay in relays.told:
        return True
    edges = [servers | {host} for host, servers in relays.relay_hosts.items()]
    ours = [one for one in edges if any(relays.side_of(server) is Side.INTERNAL for server in one)]
    if ours:
        return any(relay in one for one in ours)
    mine = relays.allocations_of(device)
    in_vain = any(one.server != relay and not one.success_frames for one in mine)
    return in_vain and any(one.server == relay and one.answered for one in mine)


@rule(
    title="Media of an inside device runs through the Edge's external interface",
    severity=Severity.MAJOR,
    stage=Stage.MEDIA,
    causes=(
        "Inside routing or firewall lets clients reach the Edge's external address, and that path is preferred.",
        "UDP 3478 and TCP 443 to the Edge's internal interface are blocked.",
        "The client was treated as external, so it was given the external Edge address.",
        "The Edge Server sends through its outer interface because of its gateway or routes.",
    ),
    fix=(
        "Allow UDP 3478 and TCP 443 from the clients to the Edge's internal interface.",
        "Block the way from inside to the external A/V Edge address.",
        "Check the Edge Server's static routes.",
    ),
    act=("network/firewall team", "Lync administrator"),
    sources=("notes-edge", "ms-turn"),
    explains=DETOURS,
)
def media_via_external_edge_from_inside(inquiry: Inquiry) -> Iterator[Judgement]:
    """A device inside sends its media to the external A/V Edge interface and back in, through the outer firewall.

    Evidence: a device that is inside (it signs in at a private address, or allocates at the internal interface);
    media of more than 5 s and 100 packets between it and the external interface of the organisation's own Edge; no
    media of the same device through the internal interface at that time.

    Not this: a few connectivity checks; mobile apps, which use the external side by design; clients that signed in
    from outside; a call whose relay is a partner's Edge.
    """
    for media in inquiry.case.media:
        if not media.sustained:
            continue
        for device in media.devices:
            if media.path is Path.RELAY_EXTERNAL and media.relay:
                yield _hairpin(inquiry, media, device, media.relay)
            elif media.path is Path.RELAY_UNPLACED and inquiry.device(device) is not None:
                because = f"the capture does not show on which side of the Edge {media.relay} is"
                yield Doubt(device, because)
            else:
                yield Clear(device)


def _hairpin(inquiry: Inquiry, media: MediaSession, device: str, relay: str) -> Judgement:
    facts = inquiry.device(device)
    if facts is None or facts.location is Location.OUTSIDE or facts.kind == "mobile" or facts.role is not None:
        return Clear(device)
    tried = _internal_allocations(inquiry, device)
    if not facts.signs_in and not tried:
        return Doubt(device, f"{device} opens no SIP connection: a mobile app uses the external side by design")
    if facts.location is Location.UNKNOWN:
        return Doubt(device, f"nothing in the capture shows whether {device} is inside or outside")
    if not _our_edge(inquiry, relay, device):
        return Doubt(device, f"nothing shows whether {relay} is this organisation's Edge or a partner's")
    inner = [one for one in inquiry.case.media if one.path is Path.RELAY_INTERNAL and device in one.devices]
    if any(one.sustained and at_once(one, media) for one in inner):
        return Clear(device)
    late = inquiry.gates.started_late(media.capture, media.first_time)
    both = any(side is Side.INTERNAL for side in inquiry.case.relays.sides.values())
    share = f"{media.packets} packets in {media.seconds:.1f} s"
    return Found(
        device=device,
        peer=relay,
        port=media.server_port if media.server == relay else media.client_port,
        transport=media.transport,
        service="rtp",
        says=(
            f"{inquiry.word(device)} is inside, but its media runs through the Edge's external interface {relay}: "
            f"{share}."
        ),
        why=f"{_inner_words(tried, late)} It is inside: it {facts.location_basis}.",
        confidence=Confidence.CERTAIN if both and not late else Confidence.LIKELY,
        proof=(media_proof(media), *_inner_proofs(tried)),
        time=media.first_time,
        explains=worsened(inquiry, device, (media.flow,)),
        rejected=tuple(_rejected(relay, device, signs_in=facts.signs_in)),
    )


def _rejected(relay: str, device: str, *, signs_in: bool) -> Iterator[tuple[str, str]]:
    yield "media-relayed-internal-edge", f"{relay} is the external interface: it hands itself out as relay"
    if signs_in:
        yield "state-mobile-external-edge", f"{device} signs in by SIP, as no mobile app does"


def _inner_words(tried: tuple[Allocation, ...], late: str | None) -> str:
    """What became of the internal side, where the media should have gone."""
    if late:
        return "The capture begins during the call: whether it tried the internal side before is not in it."
    if not tried:
        return "It did not try the Edge's internal interface."
    failed = [one for one in tried if not one.success_frames]
    places = ", ".join(dict.fromkeys(f"{one.server} {one.transport.upper()} {one.port}" for one in failed or tried))
    if not failed:
        return f"It had an allocation at the internal side ({places}) and did not use it."
    return f"It asked another relay address for an allocation and got none ({places})."


def _inner_proofs(tried: tuple[Allocation, ...]) -> tuple[Proof, ...]:
    return tuple(
        Proof(
            one.capture,
            one.request_frames,
            f"allocation requests to {one.server} {one.transport.upper()} {one.port}",
        )
        for one in tried
        if not one.success_frames
    )
