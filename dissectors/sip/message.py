"""One SIP message as a row: the standard fields, and those of the headers Lync adds ([MS-SIPRE], [MS-SIPREGE])."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from dissectors.contract import Message
from dissectors.sip.authentication import read_authentication
from dissectors.sip.candidates import MAX_CANDIDATES
from dissectors.sip.diagnostics import Diagnostics, read_diagnostics
from dissectors.sip.headers import (
    MAX_ROUTES,
    MAX_VALUE,
    Headers,
    address,
    address_parameters,
    first,
    items,
    leading_number,
    parameters,
    without_parameters,
)
from dissectors.sip.parts import parts_for_lync

MAX_BODY = 64 * 1024
"""Bytes kept of a body: every SDP and the in-band settings fit."""

_VIA = re.compile(r"SIP\s*/\s*2\.0\s*/\s*([\w-]{1,16})\s+([^;,\s]{1,256})", re.IGNORECASE)
_EPID = re.compile(r";\s*epid=([\w.-]{1,64})", re.IGNORECASE)
_HOST = re.compile(r"sips?:(?:[^@;>]*@)?([^;?>]{1,256})", re.IGNORECASE)
_CANDIDATE_LINE = re.compile(rb"^a=((?:remote-)?candidates?:[^\r\n]*)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class SipMessage(Message):
    """One SIP request or response."""

    protocol: ClassVar[str] = "sip"

    kind: str
    """request or response"""
    method: str | None = None
    """Of the request; of a response, the method its CSeq names."""
    uri: str | None = None
    status: int | None = None
    reason: str | None = None
    call_id: str | None = None
    cseq: int | None = None
    from_uri: str | None = None
    to_uri: str | None = None
    from_tag: str | None = None
    to_tag: str | None = None
    epid: str | None = None
    """The device of From, else of To."""
    from_epid: str | None = None
    to_epid: str | None = None
    branch: str | None = None
    """Of the topmost Via, like the next four."""
    via_transport: str | None = None
    """UDP, TCP or TLS, as written"""
    via_host: str | None = None
    """ "host:port" the sender calls itself """
    received: str | None = None
    """Address the server saw, when it is another than via_host."""
    received_port: int | None = None
    """ms-received-port, else rport"""
    contact: str | None = None
    instance: str | None = None
    """+sip.instance of Contact, the device's own number, without "<urn:uuid:" """
    gruu: str | None = None
    """The address the registrar gave this device."""
    record_routes: tuple[str, ...] = ()
    """ "host:port" of the servers that stay in the path, topmost first"""
    route_signed: bool = False
    """Record-Route bears ms-route-sig."""
    expires: int | None = None
    """Seconds, of Expires, else of Contact."""
    user_agent: str | None = None
    server: str | None = None
    content_type: str | None = None
    """Without parameters, lower case."""
    event: str | None = None
    """The event package of SUBSCRIBE, NOTIFY and BENOTIFY, without parameters."""
    subscription_state: str | None = None
    """active, pending, terminated"""
    subscription_reason: str | None = None
    retry_after: int | None = None
    """Seconds."""
    cause: str | None = None
    """The Reason header, as sent (RFC 3326)."""
    warning: str | None = None
    compression: str | None = None
    """LZ77-8K, when NEGOTIATE asks for it, and of messages that came compressed."""
    diagnostics_id: int | None = None
    diagnostics: str | None = None
    """ms-diagnostics, ms-diagnostics-public or ms-client-diagnostics, as sent."""
    diagnostics_header: str | None = None
    """Which of the three diagnostics and diagnostics_id are of."""
    diagnostics_source: str | None = None
    """The server that wrote diagnostics."""
    diagnostics_reason: str | None = None
    diagnostics_public: str | None = None
    """ms-diagnostics-public, as sent, even when diagnostics is another."""
    client_diagnostics: str | None = None
    """ms-client-diagnostics, as sent, even when diagnostics is another; it may hold media debug text."""
    authenticate: str | None = None
    """Schemes of WWW-/Proxy-Authenticate, comma-separated."""
    authorization: str | None = None
    """Scheme of (Proxy-)Authorization."""
    realm: str | None = None
    target_name: str | None = None
    """The server the client is to authenticate with; for Kerberos its service principal name."""
    sts_uri: str | None = None
    """Where TLS-DSK sends the client for its certificate."""
    gssapi_length: int | None = None
    """Bytes of the longest gssapi-data; the data is not kept."""
    handshake: tuple[str, ...] = ()
    """What gssapi-data carries: the TLS version and messages of TLS-DSK, or the message of NTLM."""
    authenticated: bool = False
    """(Proxy-)Authentication-Info: the server vouches for the sender."""
    remote_user: bool = False
    """ms-user-logon-data: RemoteUser, i.e. the client came through the Edge."""
    presence_state: str | None = None
    """As sent."""
    connected_to_primary: str | None = None
    """yes or no, of presence-state; no is a backup registrar."""
    keep_alive: str | None = None
    """ms-keep-alive, as sent."""
    keep_alive_timeout: int | None = None
    """Seconds between keep-alives the server accepts."""
    subnet: str | None = None
    """ms-subnet"""
    split_domain: str | None = None
    """ms-split-domain-info: the user's domain is shared with Office 365."""
    trunking_peer: str | None = None
    """ms-trunking-peer: the gateway."""
    candidates: tuple[str, ...] = ()
    """a=candidate and a=remote-candidates lines of the body, as sent without the 'a='.

    Of a multipart offer, those of the part for Lync rather than of the one for Communicator 2007.
    """
    body: bytes = b""
    """At most MAX_BODY bytes."""
    body_length: int = 0
    """Bytes the body had."""


class StartLine(NamedTuple):
    """The first line of a message."""

    kind: str
    method: str | None = None
    uri: str | None = None
    status: int | None = None
    reason: str | None = None


class _Via(NamedTuple):
    transport: str | None = None
    host: str | None = None
    branch: str | None = None
    received: str | None = None
    port: int | None = None


def build(start: StartLine, headers: Headers, body: bytes) -> SipMessage:
    """The message these parts make."""
    sender, receiver, contact = (first(headers, name) or "" for name in ("from", "to", "contact"))
    cseq, via = first(headers, "cseq"), _via(headers)
    from_epid, to_epid = _epid(sender), _epid(receiver)
    contact_says, subscription = address_parameters(contact), first(headers, "subscription-state")
    state, alive = first(headers, "presence-state"), first(headers, "ms-keep-alive")
    said = {one.header: one for one in read_diagnostics(headers)}
    diagnostics = next(iter(said.values()), _NOTHING)
    authentication = read_authentication(headers)
    routes = headers.get("record-route", [])
    expires = leading_number(first(headers, "expires"))
    return SipMessage(
        kind=start.kind,
        method=start.method or _cseq_method(cseq),
        uri=start.uri,
        status=start.status,
        reason=start.reason,
        call_id=first(headers, "call-id"),
        cseq=leading_number(cseq),
        from_uri=address(sender),
        to_uri=address(receiver),
        from_tag=address_parameters(sender).get("tag"),
        to_tag=address_parameters(receiver).get("tag"),
        epid=from_epid or to_epid,
        from_epid=from_epid,
        to_epid=to_epid,
        branch=via.branch,
        via_transport=via.transport,
        via_host=via.host,
        received=via.received,
        received_port=via.port,
        contact=address(contact),
        instance=_instance(contact_says.get("+sip.instance")),
        gruu=contact_says.get("gruu") or None,
        record_routes=tuple(_hosts(routes)),
        route_signed=any("ms-route-sig=" in one.lower() for one in routes),
        expires=leading_number(contact_says.get("expires")) if expires is None else expires,
        user_agent=first(headers, "user-agent"),
        server=first(headers, "server"),
        content_type=without_parameters(first(headers, "content-type")),
        event=without_parameters(first(headers, "event")),
        subscription_state=without_parameters(subscription),
        subscription_reason=parameters(subscription).get("reason"),
        retry_after=leading_number(first(headers, "retry-after")),
        cause=first(headers, "reason"),
        warning=first(headers, "warning"),
        compression=first(headers, "compression"),
        diagnostics_id=diagnostics.id,
        diagnostics=first(headers, diagnostics.header),
        diagnostics_header=diagnostics.header or None,
        diagnostics_source=diagnostics.source,
        diagnostics_reason=diagnostics.reason,
        diagnostics_public=first(headers, "ms-diagnostics-public"),
        client_diagnostics=first(headers, "ms-client-diagnostics"),
        authenticate=authentication.offered,
        authorization=authentication.used,
        realm=authentication.realm,
        target_name=authentication.target,
        sts_uri=authentication.sts_uri,
        gssapi_length=authentication.gssapi_length,
        handshake=authentication.steps,
        authenticated=authentication.confirmed,
        remote_user=(first(headers, "ms-user-logon-data") or "").lower().startswith("remoteuser"),
        presence_state=state,
        connected_to_primary=parameters(state).get("is-connected-to-primary", "").lower() or None,
        keep_alive=alive,
        keep_alive_timeout=leading_number(parameters(alive).get("timeout")),
        subnet=first(headers, "ms-subnet"),
        split_domain=first(headers, "ms-split-domain-info"),
        trunking_peer=first(headers, "ms-trunking-peer"),
        candidates=tuple(_candidates(first(headers, "content-type") or "", body[:MAX_BODY])),
        body=body[:MAX_BODY],
        body_length=len(body),
    )


_NOTHING = Diagnostics(header="", id=None, source=None, reason=None, parameters={})


def _cseq_method(value: str | None) -> str | None:
    words = (value or "").split(maxsplit=2)
    return words[1] if len(words) > 1 else None


def _epid(value: str) -> str | None:
    found = _EPID.search(value)
    return found[1] if found else None


def _via(headers: Headers) -> _Via:
    top = next(iter(items(first(headers, "via") or "")), "")
    found, said = _VIA.match(top), parameters(top)
    return _Via(
        transport=found[1].upper() if found else None,
        host=found[2] if found else None,
        branch=said.get("branch") or None,
        received=said.get("received") or None,
        port=leading_number(said.get("ms-received-port") or said.get("rport")),
    )


def _instance(value: str | None) -> str | None:
    return (value or "").strip("<>").removeprefix("urn:uuid:")[:MAX_VALUE] or None


def _hosts(routes: list[str]) -> Iterator[str]:
    entries = (entry for route in routes for entry in items(route[:MAX_VALUE]))
    for place, entry in enumerate(entries):
        if place == MAX_ROUTES:
            return
        found = _HOST.search(entry)
        if found:
            yield found[1]


def _candidates(content_type: str, body: bytes) -> Iterator[str]:
    lines = (line for part in parts_for_lync(body, content_type) for line in _CANDIDATE_LINE.finditer(part))
    for place, line in enumerate(lines):
        if place == MAX_CANDIDATES:
            return
        yield line[1].decode("utf-8", "replace")[:MAX_VALUE].rstrip()
