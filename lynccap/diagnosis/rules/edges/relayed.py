"""Calls between inside devices that the Edge relays (catalogue group 6)."""

from collections.abc import Iterator

from lynccap.correlation.media.paths import MediaSession, Path
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.ways import at_once, media_proof
from lynccap.document import Confidence, Severity

LISTED_CHECKS = 20


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
    if mine == theirs or not at_once(one, other):
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
    proofs = [media_proof(media), media_proof(partner)]
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
        rejected=(("media-via-external-edge-from-inside", f"{media.relay} is the Edge's internal interface"),),
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
