"""RTP packets as columns: the fixed header of RFC 3550 5.1, read from many datagrams at once."""

from dataclasses import dataclass, fields
from functools import cache

import numpy as np
from numpy.typing import NDArray

from lynccap import reference
from lynccap.ingest.frames import Buffer, Flags, Ints

HEADER_BYTES = 12
MTURN_BYTES = 12  # the multiplexed TURN header in front of RTP ([MS-TURN] 2.2.3)
FIRST_DYNAMIC = 96  # payload types from here on mean what the call agreed on (RFC 3551 6)
NO_DSCP = -1  # of packets inside TCP, or inside a relay's message

# Clock rates of the static payload types (RFC 3551 6, tables 4 and 5).
STATIC_CLOCKS = {
    8_000: (0, 3, 4, 5, 7, 8, 9, 12, 13, 15, 18, 19),
    11_025: (16,),
    16_000: (6,),
    22_050: (17,),
    44_100: (10, 11),
    90_000: (14, 25, 26, 28, 31, 32, 33, 34),
}

_HEADER = np.dtype(
    {
        "names": ["first", "second", "sequence", "timestamp", "ssrc"],
        "formats": ["u1", "u1", ">u2", ">u4", ">u4"],
        "offsets": [0, 1, 2, 4, 8],
        "itemsize": 12,
    }
)


@dataclass(slots=True)
class RtpPackets:
    """RTP packets as columns, in capture order."""

    side: Ints
    frame: Ints
    time: Ints
    payload_type: Ints
    marker: Ints
    sequence: Ints
    timestamp: Ints
    ssrc: Ints
    contributor: Ints
    """The first CSRC, 0 without one."""
    length: Ints
    """Payload bytes behind the fixed header."""
    dscp: NDArray[np.signedinteger]
    """Of the IP packet around it, NO_DSCP when that is not known."""

    def where(self, rows: NDArray[np.int64] | Flags) -> "RtpPackets":
        """The packets `rows` selects."""
        return RtpPackets(*(getattr(self, name)[rows] for name in _NAMES))

    def __len__(self) -> int:
        """Packets."""
        return len(self.side)


_NAMES = tuple(one.name for one in fields(RtpPackets))


@dataclass(slots=True)
class Headers:
    """What may be RTP or RTCP, of many datagrams."""

    is_rtp: Flags
    """Has the shape of RTP."""
    is_rtcp: Flags
    header: NDArray[np.void]
    """The fixed header of each."""
    contributor: Ints

    def packets(self, rows: Ints, side: Ints, frame: Ints, time: Ints, length: Ints, dscp: Ints) -> RtpPackets:
        """The columns of these rows; `length` counts the datagram's bytes from the header on."""
        header = self.header[rows]
        second = header["second"]
        return RtpPackets(
            side=side,
            frame=frame,
            time=time,
            payload_type=(second & 0x7F).astype(np.int64),
            marker=(second >> 7).astype(np.int64),
            sequence=header["sequence"].astype(np.int64),
            timestamp=header["timestamp"].astype(np.int64),
            ssrc=header["ssrc"].astype(np.int64),
            contributor=self.contributor[rows],
            length=np.maximum(length - HEADER_BYTES, 0),
            dscp=dscp,
        )


def read_headers(buffer: Buffer, position: Ints, available: Ints) -> Headers:
    """Which datagrams have the shape of RTP, which of RTCP, and every fixed header."""
    header = buffer.gather("V12", position).view(_HEADER)
    first, second = header["first"], header["second"]
    version2 = (first >> 6 == 2) & (available >= 8)
    control = version2 & (second >= 192) & (second <= 223)
    # The length of the first RTCP packet stands where RTP has its sequence number; it must fit the datagram.
    fits = (header["sequence"].astype(np.int64) + 1) * 4 <= available
    is_rtp = version2 & ~control & (available >= HEADER_BYTES)
    contributor = np.zeros(len(position), np.int64)
    mixed = np.flatnonzero(is_rtp & ((first & 0xF) > 0) & (available >= HEADER_BYTES + 4))
    if mixed.size:
        contributor[mixed] = buffer.uint(">u4", position[mixed] + HEADER_BYTES)
    return Headers(is_rtp, control & fits, header, contributor)


@cache
def clock_rates() -> Ints:
    """Hz by payload type: RFC 3551 for static ones, Lync's defaults for dynamic ones, 0 where neither says."""
    rates = np.zeros(128, np.int64)
    for rate, types in STATIC_CLOCKS.items():
        rates[list(types)] = rate
    for codec in reference.codecs().values():
        if codec.payload_type >= FIRST_DYNAMIC:
            rates[codec.payload_type] = codec.clock_rate or 0
    return rates


@cache
def irregular_types() -> Flags:
    """Payload types that are sent when there is something to say, not with the clock: comfort noise and keys."""
    types = np.zeros(128, np.bool_)
    types[19] = True  # comfort noise of old (RFC 3551 table 4)
    for codec in reference.codecs().values():
        types[codec.payload_type] |= codec.media in ("silence", "dtmf")
    return types
