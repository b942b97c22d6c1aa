"""SIP with the headers Lync adds (RFC 3261, [MS-SIPRE], [MS-SIPREGE], [MS-OCER]), and what its bodies offer.

`framing` finds the messages, `message` makes them rows; the readers of what a row keeps as text or bytes stand
beside them: SDP, candidates, diagnostics, in-band settings.
"""

from dissectors.sip.candidates import MAX_CANDIDATES, Candidate, read_candidate, read_remote_candidates
from dissectors.sip.diagnostics import Diagnostics, MediaDebug, read_media_debug
from dissectors.sip.framing import COMPRESSED, MAX_HEAD, SIP, Sip
from dissectors.sip.headers import MAX_VALUE
from dissectors.sip.message import MAX_BODY, SipMessage
from dissectors.sip.provisioning import Provisioning, read_provisioning
from dissectors.sip.sdp import Media, Sdp, read_sdp

__all__ = [
    "COMPRESSED",
    "MAX_BODY",
    "MAX_CANDIDATES",
    "MAX_HEAD",
    "MAX_VALUE",
    "SIP",
    "Candidate",
    "Diagnostics",
    "Media",
    "MediaDebug",
    "Provisioning",
    "Sdp",
    "Sip",
    "SipMessage",
    "read_candidate",
    "read_media_debug",
    "read_provisioning",
    "read_remote_candidates",
    "read_sdp",
]
