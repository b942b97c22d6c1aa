"""MRAS on SIP: who asks the A/V Edge for relay credentials, and which relays it names ([MS-AVEDGEA]).

User name and password of the answer are not kept.
"""

from dataclasses import dataclass
from typing import ClassVar

from dissectors.contract import Message
from dissectors.elements import Element, read_elements
from dissectors.sip import SipMessage
from dissectors.sip.exchange import SipOutcome, outcome_of

MEDIA_TYPE = "application/msrtc-media-relay-auth+xml"
MAX_RELAYS = 32
"""Relays kept of one answer; an Edge pool names one or two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MrasExchange(Message):
    """One request for relay credentials and what came of it."""

    protocol: ClassVar[str] = "mras"

    uri: str | None
    """Of the A/V authentication service asked."""
    user: str | None
    """The identity the credentials are for."""
    status: int | None
    outcome: str
    """One of SipOutcome."""
    reason_phrase: str | None = None
    """Of the answer's document; OK when it grants."""
    version: str | None = None
    route: str | None = None
    """loadbalanced or directip, when the request asks for it"""
    location: str | None = None
    """intranet or internet: from where the relays are to be reachable."""
    minutes: int | None = None
    """Lifetime asked for."""
    minutes_granted: int | None = None
    relay_hosts: tuple[str, ...] = ()
    """Names or addresses; the next three have one entry for each."""
    relay_locations: tuple[str, ...] = ()
    relay_udp_ports: tuple[int, ...] = ()
    """0 when none is named."""
    relay_tcp_ports: tuple[int, ...] = ()
    granted: bool = False
    """The answer holds credentials."""


def claims(request: SipMessage) -> bool:
    """Whether the request is for relay credentials, by its media type."""
    return request.content_type == MEDIA_TYPE


def read(request: SipMessage, response: SipMessage | None) -> MrasExchange:
    """What was asked for, how it ended, and which relays were named. Never raises."""
    asked = read_elements(request.body)
    answered = read_elements(response.body) if response and response.content_type == MEDIA_TYPE else []
    root = answered[0].attributes if answered else {}
    granted = any(one.path.endswith("credentials/password") for one in answered)
    relays = _relays(answered)
    outcome = outcome_of(response)
    if outcome is SipOutcome.OK and not granted:
        outcome = SipOutcome.FAULT
    return MrasExchange(
        uri=request.to_uri or request.uri,
        user=_text(asked, "credentialsRequest/identity"),
        status=response.status if response else None,
        outcome=outcome,
        reason_phrase=root.get("reasonPhrase"),
        version=asked[0].attributes.get("version") if asked else None,
        route=next((one.attributes["route"] for one in asked if "route" in one.attributes), None),
        location=_text(asked, "credentialsRequest/location"),
        minutes=_number(_text(asked, "credentialsRequest/duration")),
        minutes_granted=_number(_text(answered, "credentials/duration")),
        relay_hosts=tuple(one.get("hostName") or one.get("directIPAddress", "") for one in relays),
        relay_locations=tuple(one.get("location", "") for one in relays),
        relay_udp_ports=tuple(_number(one.get("udpPort")) or 0 for one in relays),
        relay_tcp_ports=tuple(_number(one.get("tcpPort")) or 0 for one in relays),
        granted=granted,
    )


def _text(elements: list[Element], path: str) -> str | None:
    return next((one.text for one in elements if one.path.endswith(path) and one.text), None)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None


def _relays(elements: list[Element]) -> list[dict[str, str]]:
    """Of each mediaRelay the texts of its elements by name ([MS-AVEDGEA] 2.2.4.4)."""
    relays: list[dict[str, str]] = []
    for one in elements:
        if one.path.endswith("mediaRelayList/mediaRelay"):
            if len(relays) == MAX_RELAYS:
                break
            relays.append({})
        elif relays and "/mediaRelay/" in one.path:
            relays[-1].setdefault(one.name, one.text)
    return relays
