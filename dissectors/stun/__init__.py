"""STUN, MS-TURN and ICE checks, over UDP, multiplexed (0xFF10), and over TCP behind the pseudo-TLS opening.

[MS-TURN] 2.1 and 2.2, [MS-ICE2] 2.2, RFC 5389, RFC 5766, RFC 3489, RFC 4571. What differs between the
dialects and the framings is told apart by bytes alone: `shape` tells where a message lies, `attributes`,
`bandwidth` and `fingerprint` what its parts mean, `message` reads it, `framing` what carries it.
"""

from dissectors.stun.attributes import MAX_INNER
from dissectors.stun.bandwidth import Bandwidth, SiteAnswer
from dissectors.stun.framing import STUN, Stun
from dissectors.stun.message import StunMessage

__all__ = ["MAX_INNER", "STUN", "Bandwidth", "SiteAnswer", "Stun", "StunMessage"]
