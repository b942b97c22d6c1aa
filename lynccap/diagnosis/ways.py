"""Media sessions as the rules on their way read them."""

from collections.abc import Collection

from lynccap.correlation.media.paths import MediaSession
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Proof

DETOURS = ("media-rtt-high", "rtp-jitter-poor", "tcp-media-retransmissions")
"""What media suffers on a detour, or inside TCP."""


def at_once(one: MediaSession, other: MediaSession) -> bool:
    """Whether two sessions of one capture go on at the same time."""
    return one.capture == other.capture and one.first_time <= other.last_time and other.first_time <= one.last_time


def media_proof(media: MediaSession) -> Proof:
    """How much of it there was, with its first and last frames."""
    return Proof(
        media.capture,
        media.frames,
        f"{media.packets} media packets between {media.client} and {media.server} over {media.seconds:.1f} s "
        "(first and last of each stream)",
    )


def worsened(inquiry: Inquiry, device: str, flows: Collection[int]) -> tuple[str, ...]:
    """The rules on quality whose findings a detour of a device's media can have caused: none with other media beside.

    What those rules find is told of the device, and would be taken for the detour's when another call suffers.
    """
    others = any(one.sustained and one.flow not in flows for one in inquiry.case.media_of(device))
    return () if others else DETOURS
