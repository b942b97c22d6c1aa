"""Recognises and reads the protocols of a Lync deployment: bytes in, frozen messages out."""

from dissectors.contract import Dissector, Verdict, strongest
from dissectors.dhcp import DHCP
from dissectors.dns import DNS
from dissectors.http import HTTP
from dissectors.ntp import NTP
from dissectors.psom import PSOM
from dissectors.rtp import RTP
from dissectors.stun import STUN
from dissectors.tls import TLS

DISSECTORS: tuple[Dissector, ...] = (TLS, STUN, HTTP, DNS, DHCP, NTP, RTP, PSOM)
"""In the order in which ties between equal verdicts are broken: the more structure a probe checks, the earlier."""


def identify(head: bytes) -> tuple[Dissector | None, Verdict]:
    """The dissector that claims the first bytes of a stream most strongly, and how strongly.

    None with REJECT when nobody claims them. UNSURE names no protocol: it asks for more bytes. Never raises.
    """
    return strongest((dissector, dissector.probe(head)) for dissector in DISSECTORS)
