"""Media sessions as the rules on their way read them."""

from lynccap.correlation.media.paths import MediaSession
from lynccap.diagnosis.judgements import Proof


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
