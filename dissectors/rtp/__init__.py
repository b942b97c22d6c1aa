"""RTP and RTCP on one port (RFC 3550, RFC 5761); payloads stay closed, they are SRTP.

`media` reads the header of one media packet and tells RTP from RTCP, `control` reads RTCP compounds,
`extensions` what Microsoft appends to their reports ([MS-RTP] 2.2.11).
"""

from dissectors.rtp.control import MAX_PACKETS, RtcpMessage
from dissectors.rtp.media import RTP, Rtp, RtpMessage

__all__ = ["MAX_PACKETS", "RTP", "RtcpMessage", "Rtp", "RtpMessage"]
