"""Which way media went, and whether it should have (catalogue group 6)."""

from collections.abc import Iterator

from lynccap.correlation.media.allocations import Allocation
from lynccap.correlation.media.paths import MediaSession, Path
from lynccap.correlation.media.relays import Side
from lynccap.correlation.roles.sides import Location
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.document import Confidence, Severity

LISTED_CHECKS = 20
UDP_TRIES, UDP_WAIT_NS = 3, 500_000_000  # one lost datagram is no blocked port
FALLBACK_SECONDS = 10.0
AUDIO_RATE = (15.0, 120.0)  # packets/s one way: 20 to 60 ms of audio in each, with some redundancy
AUDIO_TYPES = (0, 3, 4, 8, 9, 13, 97, 103, 104, 111, 112, 114, 115, 116, 117, 118)
"""RTP payload types of audio ([MS-SDPEXT] 3.1.5.3); 127 is desktop sharing, 121 to 123 are video."""
AUDIO_BYTES = 400  # RTP payload of one audio packet; desktop sharing fills its packets


def _overlap(one: MediaSession, other: MediaSession) -> bool:
    return one.capture == other.capture and one.first_time <= other.last_time and other.first_time <= one.last_time


def _media_proof(media: MediaSession) -> Proof:
    return Proof(
        media.capture,
        media.frames,
        f"{media.packets} media packets between {media.client} and {media.server} over {media.seconds:.1f} s "
        "(first and last of each stream)",
    )


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
    if any(one.sustained and _overlap(one, media) for one in inner):
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
        proof=(_media_proof(media), *_inner_proofs(tried)),
        time=media.first_time,
        rejected=(
            (
                "media-relayed-internal-edge",
                f"{relay} is the external interface: it hands itself out as relay",
            ),
        ),
    )


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


@rule(
    title="A call between two inside devices is relayed by the Edge's internal interface",
    severity=Severity.INFO,
    stage=Stage.MEDIA,
    causes=("The two subnets cannot reach each other directly for media.",),
    fix=("Nothing, unless the direct path is wanted: then open the media port range between the two subnets.",),
    act=("network team, if the direct path is wanted",),
    sources=("notes-edge", "ms-turn"),
)
def media_relayed_internal_edge(inquiry: Inquiry) -> Iterator[Judgement]:
    """Two inside devices talk to each other through the internal interface of the Edge for more than 5 s.

    Evidence: sustained media of both with the internal interface at the same time; one names the other's address, or
    the other's relay address, as its peer.

    Not this: the checks at call start; a call with someone outside, which has to be relayed. Inconclusive where the
    other end has a relay address of the same Edge, and who holds it is not in the capture.
    """
    relayed = [one for one in inquiry.case.media if one.sustained and one.path is Path.RELAY_INTERNAL]
    for media in relayed:
        device = media.devices[0]
        partner = next((one for one in relayed if _same_call(inquiry, media, one)), None)
        yield _relayed(inquiry, media, partner) if partner else _without_partner(inquiry, media, device)


def _without_partner(inquiry: Inquiry, media: MediaSession, device: str) -> Judgement:
    """Whether a call goes on at the Edge to somebody whom this capture does not show: inside or outside, who knows."""
    relays = inquiry.case.relays
    named = {peer for entry in relays.allocations_of(device) if entry.flow == media.flow for peer in entry.peers}
    hidden = [
        one for one in sorted(named) if one.rpartition(":")[0] in relays.relay_hosts and not relays.holder_of(one)
    ]
    if hidden:
        return Doubt(device, f"who holds the relay address {hidden[0]}, inside or outside, is not in the capture")
    return Clear(device)


def _same_call(inquiry: Inquiry, one: MediaSession, other: MediaSession) -> bool:
    mine, theirs = one.devices[0], other.devices[0]
    if mine == theirs or not _overlap(one, other):
        return False
    relays = inquiry.case.relays
    held = {
        device: {entry.relay for entry in relays.allocations_of(device) if entry.relay} for device in (mine, theirs)
    }
    for asker, asked in ((mine, theirs), (theirs, mine)):
        named = {peer for entry in relays.allocations_of(asker) for peer in entry.peers}
        if named & held[asked] or any(peer.rpartition(":")[0] == asked for peer in named):
            return True
    return False


def _relayed(inquiry: Inquiry, media: MediaSession, partner: MediaSession) -> Found:
    device, other = media.devices[0], partner.devices[0]
    checks = _direct_checks(inquiry, media.capture, device, other)
    proofs = [_media_proof(media), _media_proof(partner)]
    if checks:
        proofs.append(Proof(media.capture, checks, f"direct checks between {device} and {other}, unanswered"))
    return Found(
        device=device,
        peer=media.relay,
        port=media.server_port if media.server == media.relay else media.client_port,
        transport=media.transport,
        service="rtp",
        says=(
            f"{inquiry.word(device)} talks to {other} through the Edge's internal interface {media.relay}, "
            f"{media.packets} packets in {media.seconds:.1f} s."
        ),
        why=(
            "Both are inside, so a direct path would have been preferred. "
            + ("Their direct checks got no answer." if checks else "No direct check of theirs is in this capture.")
            + _both_ways(media, partner)
        ),
        confidence=Confidence.CERTAIN if checks else Confidence.LIKELY,
        proof=tuple(proofs),
        time=media.first_time,
    )


def _both_ways(media: MediaSession, partner: MediaSession) -> str:
    if all(one.packets_client and one.packets_server for one in (media, partner)):
        return " This is a working call."
    return " Media flows in one direction only: one side hears nothing."


def _direct_checks(inquiry: Inquiry, capture: int, one: str, other: str) -> tuple[int, ...]:
    """Frames of connectivity checks between two devices, if none of them was answered."""
    flows, stun = inquiry.case.flows, inquiry.case.tables["stun"]
    between = flows[
        (flows["capture"] == capture) & flows["client"].isin((one, other)) & flows["server"].isin((one, other))
    ]
    checks = stun[stun["flow"].isin(between.index) & (stun["method"] == "binding")]
    if (checks["kind"] == "response").any():
        return ()
    return tuple(int(frame) for frame in checks["frame"])[:LISTED_CHECKS]


@rule(
    title="Audio runs over TCP 443 because UDP 3478 is blocked",
    severity=Severity.MINOR,
    stage=Stage.RELAY,
    causes=("A firewall drops UDP 3478.",),
    fix=("Open UDP 3478 to the Edge: audio over TCP suffers from every lost packet.",),
    act=("network/firewall team",),
    sources=("ms-edge-nat", "ms-av-fw"),
)
def media_tcp443_fallback(inquiry: Inquiry) -> Iterator[Judgement]:
    """A device carries audio for more than 10 s in a TCP connection to port 443 of the Edge; UDP 3478 never answered.

    Evidence: MS-TURN requests over UDP 3478 without any answer; MS-TURN over TCP 443; media-sized packets at audio
    rate inside that connection for more than 10 s.

    Not this: desktop sharing and file transfer, which always use TCP; a TCP allocation made in parallel and unused.
    """
    for media in inquiry.case.media:
        if media.transport != "tcp" or not media.relayed or media.path in (Path.CLOUD, Path.PROXY):
            continue
        device = media.devices[0]
        over_udp = [one for one in inquiry.case.relays.allocations_of(device) if one.transport == "udp"]
        silent = [
            one for one in over_udp if one.capture == media.capture and one.server == media.relay and not one.answered
        ]
        works = any(one.answered for one in over_udp)
        if works or not _audio(inquiry, media):
            yield Clear(device)
        elif not silent:
            late = inquiry.gates.started_late(media.capture, media.first_time)
            yield Doubt(device, late or f"no attempt over UDP 3478 at {media.relay} is in the capture")
        else:
            yield _fallback(inquiry, media, device, silent)


def _audio(inquiry: Inquiry, media: MediaSession) -> bool:
    if media.seconds <= FALLBACK_SECONDS:
        return False
    streams = inquiry.case.tables.media
    streams = streams[(streams["flow"] == media.flow) & (streams["packets"] > 0)]
    streams = streams[streams["payload_type"].isin(AUDIO_TYPES)]
    for row in streams.itertuples():
        seconds = (row.last_time - row.first_time) / 1e9
        rate = row.packets / seconds if seconds else 0.0
        if (
            seconds > FALLBACK_SECONDS
            and AUDIO_RATE[0] <= rate <= AUDIO_RATE[1]
            and row.bytes / row.packets <= AUDIO_BYTES
        ):
            return True
    return False


def _fallback(inquiry: Inquiry, media: MediaSession, device: str, silent: list[Allocation]) -> Judgement:
    times = sorted(time for one in silent for time in one.request_times)
    first = times[0]
    doubt = inquiry.gates.absence(media.capture, device, first, media.last_time)
    if not doubt and (len(times) < UDP_TRIES or times[-1] - first < UDP_WAIT_NS):
        doubt = f"UDP 3478 was asked {len(times)} times within {(times[-1] - first) / 1e9:.1f} s only"
    if doubt:
        return Doubt(device, doubt)
    asked = tuple(frame for one in silent for frame in one.request_frames)
    places = ", ".join(dict.fromkeys(f"{one.server} UDP {one.port}" for one in silent))
    return Found(
        device=device,
        peer=media.relay,
        port=media.server_port,
        transport="tcp",
        service="rtp",
        says=(
            f"{inquiry.word(device)} sends its audio over TCP {media.server_port} to the Edge {media.relay} for "
            f"{media.seconds:.1f} s, because {places} does not answer."
        ),
        why=(
            f"{len(asked)} allocation requests to {places} got no answer. "
            "Audio over TCP stutters with every lost packet."
        ),
        confidence=Confidence.CERTAIN,
        proof=(
            Proof(media.capture, asked, f"unanswered allocation requests to {places}"),
            _media_proof(media),
        ),
        time=first,
    )


RULES = (media_tcp443_fallback, media_via_external_edge_from_inside, media_relayed_internal_edge)
