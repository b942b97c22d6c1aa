"""STUN, MS-TURN and ICE checks, over UDP, multiplexed (0xFF10), and over TCP behind the pseudo-TLS opening.

[MS-TURN] 2.1 and 2.2, [MS-ICE2] 2.2, RFC 5389, RFC 5766, RFC 3489, RFC 4571. What differs between the
dialects and the framings is told apart by bytes alone: `message` reads one STUN-shaped message, `framing`
what carries it.
"""

from dissectors.stun.framing import STUN, Stun
from dissectors.stun.message import MAX_INNER, StunMessage

__all__ = ["MAX_INNER", "STUN", "Stun", "StunMessage"]
