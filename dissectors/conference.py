"""Conference control (C3P) on SIP: joining a conference, its media servers, and their answers ([MS-CONFBAS] 2.2).

A command and its answer ride in request and response, or the answer comes later in a request of its own.
"""

import re
from dataclasses import dataclass
from typing import ClassVar

from dissectors.contract import Message
from dissectors.elements import Element, read_elements
from dissectors.sip import SipMessage
from dissectors.sip.exchange import SipOutcome, outcome_of

MEDIA_TYPE = "application/cccp+xml"
MAX_ENTRIES = 32
"""Connection entries kept of one answer; [MS-CONFBAS] 2.2.3.18 defines under ten."""

_MCU = re.compile(r"opaque=app:conf:([a-z-]{1,32})", re.IGNORECASE)
_OPEN_KEYS = ("mcu-server-uri", "mcu-conference-uri")
"""Connection entries that hold addresses; the values of others may be tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConferenceExchange(Message):
    """One conference control command and what came of it."""

    protocol: ClassVar[str] = "conference"

    method: str | None
    """SERVICE, INVITE or INFO"""
    command: str | None
    """addUser, addConference, getConference, …"""
    request_id: str | None
    status: int | None
    outcome: str
    """One of SipOutcome; fault is an answer whose code is failure."""
    code: str | None = None
    """success, pending, failure, …, of the answer; None while it is not there."""
    reason: str | None = None
    """Why it failed, in the answer's word."""
    conference: str | None = None
    """URI of the conference's focus."""
    mcu: str | None = None
    """What the command was for: focus, focusfactory, or a media server: audio-video, chat, applicationsharing, …"""
    mcu_uri: str | None = None
    user: str | None = None
    """Whom the command is about."""
    role: str | None = None
    joining: str | None = None
    """dialed-in or dialed-out"""
    connection_info: tuple[str, ...] = ()
    """ "key=value" of addresses, the key alone of what may be a token """


def claims(request: SipMessage) -> bool:
    """Whether the request carries a conference control document."""
    return request.content_type == MEDIA_TYPE


def read(request: SipMessage, response: SipMessage | None) -> ConferenceExchange:
    """The command and its answer, from whichever of the two messages holds them. Never raises."""
    asked = read_elements(request.body)
    answered = read_elements(response.body) if response and response.content_type == MEDIA_TYPE else []
    if not answered and asked and asked[0].name == "response":
        answered = asked
    answer = answered[0].attributes if answered and answered[0].name == "response" else {}
    both = asked + (answered if answered is not asked else [])
    code, outcome = answer.get("code"), outcome_of(response)
    if code and code.lower() in ("failure", "fail") and outcome in (SipOutcome.OK, SipOutcome.NO_ANSWER):
        outcome = SipOutcome.FAULT
    mcu_uri = _attribute(both, "mcuUri")
    return ConferenceExchange(
        method=request.method,
        command=next((one.name for one in both if one.path.count("/") == 1), None),
        request_id=_attribute(both, "requestId"),
        status=response.status if response else None,
        outcome=outcome,
        code=code,
        reason=answer.get("reason") or _attribute(answered[1:2], "reason"),
        conference=_attribute(both, "confEntity") or _entity(both, "conference-info"),
        mcu=_mcu(mcu_uri, request.to_uri, request.from_uri, request.uri),
        mcu_uri=mcu_uri,
        user=_entity(both, "user") or _attribute(both, "userEntity"),
        role=next((one.text for one in both if one.path.endswith("roles/entry") and one.text), None),
        joining=next((one.text for one in both if one.name == "joining-method" and one.text), None),
        connection_info=tuple(_connection_info(answered)),
    )


def _attribute(elements: list[Element], name: str) -> str | None:
    return next((one.attributes[name] for one in elements if one.attributes.get(name)), None)


def _entity(elements: list[Element], name: str) -> str | None:
    return _attribute([one for one in elements if one.name == name], "entity")


def _mcu(*uris: str | None) -> str | None:
    found = (_MCU.search(uri) for uri in uris if uri)
    return next((one[1].lower() for one in found if one), None)


def _connection_info(elements: list[Element]) -> list[str]:
    found: list[str] = []
    for one in elements:
        if one.path.endswith("connection-info/entry/key") and len(found) < MAX_ENTRIES:
            found.append(one.text)
        elif one.path.endswith("connection-info/entry/value") and found and found[-1].lower() in _OPEN_KEYS:
            found[-1] = f"{found[-1]}={one.text}"
    return found
