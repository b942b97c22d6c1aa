"""What servers and clients say of a failure: the ms-diagnostics family and its media debug text ([MS-OCER] 2.2.1).

The media debug text is of the kind Lync clients send at the end of a call; its names are read as sent, and what
a client leaves out or writes otherwise is None.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from dissectors.sip.headers import Headers, first, leading_number, parameters

NAMES = ("ms-diagnostics", "ms-diagnostics-public", "ms-client-diagnostics")
"""The headers, most telling first."""

MAX_MEDIA = 8
"""Media described in one header; a client has audio, video and sharing."""

_SIDES = {"callermediadebug": "caller", "calleemediadebug": "callee"}
_MEDIUM = re.compile(r"(?<![\w-])([A-Za-z-]{1,32}):(?=[ \t]*[A-Za-z]{1,32}=)")
_PAIR = re.compile(r"(?<!\w)([A-Za-z]{1,32})=([^,;\s]*)")

Site = tuple[str, int]
"""Address and port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostics:
    """One header of the family."""

    header: str
    id: int | None
    source: str | None
    """The server that wrote it; ms-diagnostics-public hides it."""
    reason: str | None
    parameters: Mapping[str, str]
    """Everything it says, by lower-case name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaDebug:
    """What one end of a call says of how the media of one kind tried to connect."""

    side: str
    """caller or callee"""
    medium: str
    """audio, video, application-sharing, …"""
    ice_warn: int | None = None
    """The bits of the ICE flag table for clients."""
    local_site: Site | None = None
    """Reflexive or host address of the end that writes."""
    local_relay: Site | None = None
    remote_site: Site | None = None
    remote_relay: Site | None = None
    ports: tuple[int, int] | None = None
    """First and last media port the client may use."""
    local_relay_tcp_port: int | None = None
    remote_relay_tcp_port: int | None = None
    local_location: int | None = None
    """1 Internet, 2 intranet"""
    remote_location: int | None = None
    federation: int | None = None
    """0 none, 1 federated, 2 public provider"""
    interfaces: int | None = None
    base_interface: int | None = None
    base_address: Site | None = None


def read_diagnostics(headers: Headers) -> tuple[Diagnostics, ...]:
    """The headers of the family a message has, most telling first."""
    values = [(name, first(headers, name)) for name in NAMES]
    return tuple(_diagnostics(name, value) for name, value in values if value is not None)


def _diagnostics(name: str, value: str) -> Diagnostics:
    said = parameters(value)
    return Diagnostics(
        header=name,
        id=leading_number(value),
        source=said.get("source") or None,
        reason=said.get("reason") or None,
        parameters=said,
    )


def read_media_debug(value: str | None) -> tuple[MediaDebug, ...]:
    """The media a diagnostics header, as sent, describes; empty when it describes none."""
    said = parameters(value)
    found = [_media_debug(side, text) for name, side in _SIDES.items() if (text := said.get(name))]
    return tuple(one for side in found for one in side)[:MAX_MEDIA]


def _media_debug(side: str, text: str) -> list[MediaDebug]:
    starts = list(_MEDIUM.finditer(text))[:MAX_MEDIA]
    ends = [*(one.start() for one in starts[1:]), len(text)][: len(starts)]
    return [_medium(side, one[1].lower(), text[one.end() : end]) for one, end in zip(starts, ends, strict=True)]


def _medium(side: str, medium: str, text: str) -> MediaDebug:
    said = {name.lower(): value for name, value in _PAIR.findall(text)}
    return MediaDebug(
        side=side,
        medium=medium,
        ice_warn=_number(said.get("icewarn")),
        local_site=_site(said.get("localsite")),
        local_relay=_site(said.get("localmr")),
        remote_site=_site(said.get("remotesite")),
        remote_relay=_site(said.get("remotemr")),
        ports=_ports(said.get("portrange")),
        local_relay_tcp_port=_number(said.get("localmrtcpport")),
        remote_relay_tcp_port=_number(said.get("remotemrtcpport")),
        local_location=_number(said.get("locallocation")),
        remote_location=_number(said.get("remotelocation")),
        federation=_number(said.get("federationtype")),
        interfaces=_number(said.get("interfaces")),
        base_interface=_number(said.get("baseinterface")),
        base_address=_site(said.get("baseaddress")),
    )


def _number(text: str | None) -> int | None:
    """Decimal or 0x…; the size of what clients send is 32 bits."""
    if text and re.fullmatch(r"0[xX][0-9a-fA-F]{1,16}|[0-9]{1,10}", text):
        return int(text, 16 if text[:2] in ("0x", "0X") else 10)
    return None


def _site(text: str | None) -> Site | None:
    ip, _, port = (text or "").rpartition(":")
    number = _number(port)
    return (ip.strip("[]"), number) if ip and number is not None and number <= 0xFFFF else None


def _ports(text: str | None) -> tuple[int, int] | None:
    low, _, high = (text or "").partition(":")
    first_port, last_port = _number(low), _number(high)
    return None if first_port is None or last_port is None else (first_port, last_port)
