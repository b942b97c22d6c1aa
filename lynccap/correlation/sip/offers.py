"""How speech is offered in a request: its transport and codecs (RFC 3264, RFC 3551)."""

from dataclasses import dataclass

from dissectors.sip.sdp import Media
from lynccap import reference
from lynccap.correlation.sip.bodies import read_body
from lynccap.correlation.sip.transactions import Transaction


@dataclass(frozen=True, slots=True)
class Offer:
    """The first audio line of a description; equal where both offer the same."""

    transport: str = ""
    """RTP/AVP, RTP/SAVP, …; "" when none could be read"""
    codecs: tuple[str, ...] = ()
    """Names, in the order of preference; numbers of which nothing tells the name."""

    @property
    def encrypted(self) -> bool:
        """Whether speech is to be encrypted (RFC 3711)."""
        return "SAVP" in self.transport


def read_offer(one: Transaction) -> Offer:
    """What a transaction's request offers."""
    described = read_body(one.request.body) if one.request is not None else None
    audio = next((media for media in described.media if media.kind == "audio"), None) if described else None
    return Offer(audio.protocol, _codecs(audio)) if audio else Offer()


def _codecs(audio: Media) -> tuple[str, ...]:
    named, static = dict(audio.codecs), reference.codecs()
    numbers = [int(one) for one in audio.formats if one.isdigit()]
    return tuple(named.get(one) or (static[one].name if one in static else str(one)) for one in numbers)
