"""Session descriptions in the bodies of readable SIP, each read once (RFC 8866)."""

from functools import lru_cache

from dissectors.sip.sdp import Sdp, read_sdp


@lru_cache(maxsize=4096)
def read_body(body: bytes | None) -> Sdp | None:
    """What a message describes; None without a body, or where it is none that can be read."""
    return read_sdp(body) if body else None
