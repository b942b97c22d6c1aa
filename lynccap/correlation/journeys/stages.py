"""The stages of all journeys and the branches they are taken in: which kind of device passes which, in what order."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from lynccap.correlation.devices.book import DeviceFacts
from lynccap.correlation.journeys import (
    call_steps,
    lookup_steps,
    media_steps,
    network_steps,
    server_steps,
    sip_steps,
    web_steps,
)
from lynccap.correlation.journeys.coverage import WEB
from lynccap.correlation.journeys.facts import StageFacts, StageName
from lynccap.correlation.journeys.view import DeviceView


class Branch(StrEnum):
    """The ways a journey may go."""

    PHONE = "phone"
    """From the switch to REGISTER, root chain and web ticket on the way."""
    CLIENT = "client"
    """A desktop client, or one that may be a desktop client."""
    MOBILE = "mobile"
    """HTTP only: autodiscover, web ticket, UCWA; never SIP."""
    SERVER = "server"
    """No sign-in: from server to server."""
    OTHER = "other"
    """Nothing shows what it is: only what is seen is told."""


@dataclass(frozen=True)
class Stage:
    """One stage in one branch."""

    name: StageName
    read: Callable[[DeviceView], StageFacts | None]
    """What the capture shows of it; None when that is nothing."""
    proves: tuple[StageName, ...] = ()
    """Stages that were good enough, or not needed, once this one worked afterwards."""
    absent: str = ""
    """What to say when nothing of it is seen, "" where a journey goes well without it."""
    services: tuple[str, ...] = ()
    """The services by which a capture point shows that it sees such traffic."""


S = StageName
_REACH = (S.LINK, S.ADDRESS, S.NAMES)
_FOUND = (*_REACH, S.AUTODISCOVER)
_TRUST = (S.TIME, S.ROOT_CHAIN)
_PROOF = (S.WEB_TICKET, S.CERTIFICATE)
_SIGNED_IN = (*_FOUND, *_TRUST, *_PROOF, S.SIP_CONNECT, S.TLS)

_LINK = Stage(S.LINK, network_steps.link)
_ADDRESS = Stage(S.ADDRESS, network_steps.address, (S.LINK,), "DHCP of this phone", ("dhcp",))
_LEASE = Stage(S.ADDRESS, network_steps.address)
_NAMES = Stage(S.NAMES, lookup_steps.names, (), "DNS question of this device for a Lync name", ("dns",))
_SERVER_NAMES = Stage(S.NAMES, lookup_steps.names)
_TIME = Stage(S.TIME, lookup_steps.time, (), "NTP of this phone", ("ntp",))
_AUTODISCOVER = Stage(S.AUTODISCOVER, web_steps.autodiscover, _REACH)
_ROOT_CHAIN = Stage(
    S.ROOT_CHAIN, web_steps.root_chain, _REACH, "request of this phone for the root certificates", (WEB, "http")
)
_WEB_SERVICES = Stage(S.WEB_SERVICES, web_steps.web_services, (*_REACH, *_TRUST))
_WEB_TICKET = Stage(S.WEB_TICKET, web_steps.web_ticket, (*_REACH, *_TRUST, S.WEB_SERVICES))
_CERTIFICATE = Stage(S.CERTIFICATE, web_steps.certificate, (*_REACH, *_TRUST, S.WEB_SERVICES, S.WEB_TICKET))
_SIP_CONNECT = Stage(S.SIP_CONNECT, sip_steps.sip_connect, _FOUND, "SIP connection of this device", ("sip",))
_SIP_TLS = Stage(S.TLS, sip_steps.sip_tls, (*_FOUND, *_TRUST, S.SIP_CONNECT))
_SIGN_IN = Stage(S.SIGN_IN, sip_steps.sign_in, _SIGNED_IN)
_CREDENTIALS = Stage(S.RELAY_CREDENTIALS, sip_steps.relay_credentials, (*_SIGNED_IN, S.SIGN_IN))
_RELAY = Stage(S.RELAY, media_steps.relay, (S.RELAY_CREDENTIALS,))
_CALL = Stage(S.CALL, call_steps.call)
_MEDIA = Stage(S.MEDIA, call_steps.media)
_CONFERENCE = Stage(S.WEB_CONFERENCE, media_steps.conference)

_SIP = (_SIP_CONNECT, _SIP_TLS, _SIGN_IN, _CREDENTIALS)
_TALK = (_RELAY, _CALL, _MEDIA, _CONFERENCE)
_WEB_USER = (_WEB_SERVICES, _WEB_TICKET, _CERTIFICATE)

BRANCHES: Mapping[Branch, tuple[Stage, ...]] = {
    Branch.PHONE: (
        *(_LINK, _ADDRESS, _NAMES, _TIME, _AUTODISCOVER, _ROOT_CHAIN),
        *(
            _WEB_SERVICES,
            replace(_WEB_TICKET, absent="request of this phone for a web ticket", services=(WEB,)),
            _CERTIFICATE,
        ),
        *_SIP,
        *_TALK,
    ),
    Branch.CLIENT: (_LEASE, _NAMES, _AUTODISCOVER, *_WEB_USER, *_SIP, *_TALK),
    Branch.MOBILE: (
        *(_LEASE, _NAMES),
        replace(_AUTODISCOVER, absent="autodiscover request of this device", services=(WEB, "http")),
        replace(_WEB_SERVICES, absent="connection of this device to the web services", services=(WEB,)),
        _WEB_TICKET,
        Stage(S.APPLICATIONS, web_steps.applications, (*_FOUND, S.WEB_SERVICES, S.WEB_TICKET)),
        *_TALK,
    ),
    Branch.SERVER: (
        _SERVER_NAMES,
        Stage(S.NEXT_HOP, server_steps.next_hop, (S.NAMES,)),
        Stage(S.CRL, server_steps.revocation),  # goes on while a handshake waits for it
        Stage(S.TLS, server_steps.next_hop_tls, (S.NAMES, S.NEXT_HOP, S.CRL)),
        Stage(S.FEDERATION, server_steps.federation, (S.NAMES,)),
        Stage(S.RELAY_CREDENTIALS, sip_steps.relay_credentials, (S.TLS,)),
        *(_RELAY, _MEDIA, _CONFERENCE),  # the calls it passes on are other people's
    ),
    Branch.OTHER: tuple(replace(one, absent="") for one in (_LEASE, _NAMES, _AUTODISCOVER, *_WEB_USER, *_SIP, *_TALK)),
}
"""The stages of each branch, in their order."""


def branch_of(view: DeviceView) -> Branch:
    """Which way a device goes, by its kind; what is unknown goes a client's way once it looks for Lync's servers."""
    device: DeviceFacts = view.device
    if device.role or device.kind == "server":
        return Branch.SERVER
    if device.is_phone:
        return Branch.PHONE
    if device.kind == "mobile":
        return Branch.MOBILE
    return Branch.CLIENT if device.kind in ("desktop", "client") else Branch.OTHER
