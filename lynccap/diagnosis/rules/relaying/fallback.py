"""Audio inside TCP because UDP is blocked (catalogue group 6)."""

from collections.abc import Iterator

from lynccap import reference
from lynccap.correlation.media.allocations import Allocation
from lynccap.correlation.media.paths import MediaSession, Path
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.ways import DETOURS, media_proof, worsened
from lynccap.document import Confidence, Severity

UDP_TRIES, UDP_WAIT_NS = 3, 500_000_000  # one lost datagram is no blocked port
FALLBACK_SECONDS = 10.0  # catalogue, media-tcp443-fallback
AUDIO_RATE = (15.0, 120.0)  # packets/s one way: 20 to 60 ms of audio in each, with some redundancy
AUDIO_BYTES = 400  # RTP payload of one audio packet; desktop sharing fills its packets


@rule(
    title="Audio runs over TCP 443 because UDP 3478 is blocked",
    severity=Severity.MINOR,
    stage=Stage.RELAY,
    causes=("A firewall drops UDP 3478.",),
    fix=("Open UDP 3478 to the Edge: audio over TCP suffers from every lost packet.",),
    act=("network/firewall team",),
    sources=("ms-edge-nat", "ms-av-fw"),
    explains=DETOURS,
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


def _audio_types() -> list[int]:
    """RTP payload types of speech, of its pauses, and of speech sent redundantly."""
    codecs = reference.codecs().values()
    return [one.payload_type for one in codecs if one.media in ("audio", "silence") or one.encoding == "RED"]


def _audio(inquiry: Inquiry, media: MediaSession) -> bool:
    if media.seconds <= FALLBACK_SECONDS:
        return False
    streams = inquiry.case.tables.media
    streams = streams[(streams["flow"] == media.flow) & (streams["packets"] > 0)]
    streams = streams[streams["payload_type"].isin(_audio_types())]
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
            media_proof(media),
        ),
        time=first,
        explains=worsened(inquiry, device, (media.flow,)),
    )
