"""The kept payload of one flow, and how much more of it is wanted."""

from enum import IntEnum

import numpy as np

from dissectors.contract import Dissector
from lynccap.ingest.streams.assembly import Segment


class Kind(IntEnum):
    """What is kept of a flow."""

    UNDECIDED_TCP = 0
    UNDECIDED_UDP = 1
    TLS = 2
    """Up to the first segment that begins with application data."""
    TEXT = 3
    """HTTP or SIP in the clear."""
    FRAMED = 4
    """STUN or TURN over TCP."""
    DATAGRAMS = 5
    """Every datagram: DNS, DHCP, NTP, SIP."""
    MEDIA = 6
    """Datagrams that are neither RTP nor RTCP."""
    SETTLED = 7
    """Nothing more."""
    RECOGNISED = 8
    """Nothing: another product's protocol, whose datagrams are no media whatever their shape."""


# Bytes and frames kept of one side, by kind. A head of 64 KiB holds any TLS handshake (its largest message is
# a list of certificate authorities of some 16 KiB); 1 MiB holds every request of a sign-in and the lists a
# client fetches; relayed media over TCP repeats itself after 256 KiB.
KEPT_BYTES = np.array([65536, 8192, 65536, 1 << 20, 256 << 10, 1 << 20, 1 << 20, 0, 0], np.int64)
KEPT_FRAMES = np.array([24, 6, 512, 4096, 2048, 4096, 4096, 0, 0], np.int64)

KIND_OF_TCP = {
    "tls": Kind.TLS,
    "http": Kind.TEXT,
    "http2": Kind.SETTLED,
    "sip": Kind.TEXT,
    "stun": Kind.FRAMED,
    "dns": Kind.DATAGRAMS,
}
KIND_OF_UDP = {"stun": Kind.MEDIA, "rtp": Kind.MEDIA}
KIND_OF_RECOGNISED = {"dtls": Kind.SETTLED}
"""Of what is only recognised; DTLS shares its port with the media it gives the keys for (RFC 5764)."""


class Conversation:
    """Segments of both sides in capture order; side 0 and 1 as in the flow table."""

    __slots__ = ("dissector", "flow", "kept", "on_tcp", "rejected", "sides")

    def __init__(self, flow: int, on_tcp: bool) -> None:
        """Nothing kept yet."""
        self.flow = flow
        self.on_tcp = on_tcp
        self.sides: tuple[list[Segment], list[Segment]] = ([], [])
        self.dissector: Dissector | None = None
        self.kept = 0
        """Bytes held."""
        self.rejected = 0
        """Times every dissector refused its heads."""
