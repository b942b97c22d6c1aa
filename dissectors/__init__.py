"""Recognises and reads the protocols of a Lync deployment: bytes in, frozen messages out."""

from typing import Protocol

from dissectors import autodiscover, certprov, conference, crl, mras, web_service, web_ticket
from dissectors.contract import Dissector, Message, Verdict, strongest
from dissectors.dhcp import DHCP
from dissectors.dhcpv6 import DHCPV6
from dissectors.dns import DNS
from dissectors.http import HTTP, HttpMessage
from dissectors.http2 import HTTP2
from dissectors.kerberos import KERBEROS
from dissectors.ntp import NTP
from dissectors.psom import PSOM
from dissectors.rtp import RTP
from dissectors.sip import SIP, SipMessage
from dissectors.stun import STUN
from dissectors.tls import TLS


class Rider(Protocol):
    """Recognises and reads one service that rides on HTTP; the services' modules are its instances."""

    def claims(self, request: HttpMessage) -> bool:
        """Whether the request is the service's, by what it says; hosts' addresses are not known here."""

    def read(self, request: HttpMessage, response: HttpMessage | None) -> Message:
        """What the exchange was for and how it ended; None is a request without a response in the stream."""


class SipRider(Protocol):
    """The same on SIP."""

    def claims(self, request: SipMessage) -> bool:
        """Whether the request is the service's, by what it says."""

    def read(self, request: SipMessage, response: SipMessage | None) -> Message:
        """What the exchange was for and how it ended; None is a request without a final response."""


DISSECTORS: tuple[Dissector, ...] = (SIP, TLS, STUN, HTTP, HTTP2, DNS, DHCP, DHCPV6, KERBEROS, NTP, RTP, PSOM)
"""In the order in which ties between equal verdicts are broken: what checks more stands earlier."""

RIDERS: tuple[Rider, ...] = (certprov, web_ticket, autodiscover, crl, web_service)
"""Asked in this order; the first that claims a request reads it."""

SIP_RIDERS: tuple[SipRider, ...] = (mras, conference)
"""The same on SIP."""


def identify(head: bytes) -> tuple[Dissector | None, Verdict]:
    """The dissector that claims the first bytes of a stream most strongly, and how strongly.

    None with REJECT when nobody claims them. UNSURE names no protocol: it asks for more bytes. Never raises.
    """
    return strongest((dissector, dissector.probe(head)) for dissector in DISSECTORS)


def rider_of(request: HttpMessage) -> Rider | None:
    """The service that claims an HTTP request; None when it is none of RIDERS'."""
    return next((rider for rider in RIDERS if rider.claims(request)), None)


def sip_rider_of(request: SipMessage) -> SipRider | None:
    """The service that claims a SIP request; None when it is none of SIP_RIDERS'."""
    return next((rider for rider in SIP_RIDERS if rider.claims(request)), None)
