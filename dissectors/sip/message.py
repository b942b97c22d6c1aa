"""One SIP message as a row: the standard fields, and those of the headers Lync adds ([MS-SIPRE], [MS-SIPREGE])."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from dissectors.contract import Message
from dissectors.sip.authentication import PROOF, read_authentication
from dissectors.sip.candidates import MAX_CANDIDATES
from dissectors.sip.diagnostics import NAMES, read_diagnostics
from dissectors.sip.headers import (
    MAX_ROUTES,
    MAX_VALUE,
    Headers,
    address,
    address_parameters,
    date,
    first,
    items,
    leading_number,
    parameters,
    without_parameters,
)
from dissectors.sip.parts import parts_for_lync
from dissectors.sip.veiling import veil

MAX_BODY = 64 * 1024
"""Bytes kept of a body: every SDP and the in-band settings fit."""

_VIA = re.compile(r"SIP\s*/\s*2\.0\s*/\s*([\w-]{1,16})\s+([^;,\s]{1,256})", re.IGNORECASE)
_EPID = re.compile(r";\s*epid=([\w.-]{1,64})", re.IGNORECASE)
_HOST = re.compile(r"sips?:(?:[^@;>]{0,256}@)?([^;?>]{1,256})", re.IGNORECASE)
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
    hops: int = 0
    """Via entries: one in a request of the sender's own, for each proxy on the way adds its own (RFC 3261 16.6)."""
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
    date: int | None = None
    """The sender's clock, seconds since 1970-01-01 UTC."""
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
    """At most MAX_BODY bytes, keys and passwords in it overwritten with "x"."""
    body_length: int = 0
    """Bytes the body had."""
    complete: bool = True
    """False when the capture lacks the end of the body."""


class StartLine(NamedTuple):
    """The first line of a message."""

    kind: str
    method: str | None = None
    uri: str | None = None
    status: int | None = None
    reason: str | None = None


def build(start: StartLine, headers: Headers, body: bytes, complete: bool = True) -> SipMessage:
    """The message these parts make."""
    cseq = first(headers, "cseq")
    return SipMessage(
        kind=start.kind,
        method=start.method or _cseq_method(cseq),
        uri=start.uri,
        status=start.status,
        reason=start.reason,
        call_id=first(headers, "call-id"),
        cseq=leading_number(cseq),
        user_agent=first(headers, "user-agent"),
        server=first(headers, "server"),
        **_parties(headers),
        **_contact(headers),
        **_path(headers),
        **(_event(headers) if not _EVENT.isdisjoint(headers) else {}),
        **(_failure(headers) if not _FAILURE.isdisjoint(headers) else {}),
        **(_proof(headers) if not PROOF.isdisjoint(headers) else {}),
        **(_registration(headers) if not _REGISTRATION.isdisjoint(headers) else {}),
        complete=complete,
        **_content(headers, body),
    )


# Most messages have none of a group, and not reading it then saves a fifth of a message's time (measured).
_EVENT = frozenset({"event", "subscription-state"})
_FAILURE = frozenset({"date", "retry-after", "reason", "warning", *NAMES})
_REGISTRATION = frozenset(
    {
        *("ms-user-logon-data", "presence-state", "ms-keep-alive", "ms-subnet"),
        *("ms-split-domain-info", "ms-trunking-peer", "compression"),
    }
)

Columns = dict[str, Any]
"""Some columns of a message; those left out have nothing to tell."""


def _parties(headers: Headers) -> Columns:
    sender, receiver = first(headers, "from") or "", first(headers, "to") or ""
    from_epid, to_epid = _epid(sender), _epid(receiver)
    return {
        "from_uri": address(sender),
        "to_uri": address(receiver),
        "from_tag": address_parameters(sender).get("tag"),
        "to_tag": address_parameters(receiver).get("tag"),
        "epid": from_epid or to_epid,
        "from_epid": from_epid,
        "to_epid": to_epid,
    }


def _contact(headers: Headers) -> Columns:
    contact, expires = first(headers, "contact"), leading_number(first(headers, "expires"))
    if contact is None:
        return {"expires": expires}
    says = address_parameters(contact)
    return {
        "contact": address(contact),
        "instance": says.get("+sip.instance", "").strip("<>").removeprefix("urn:uuid:") or None,
        "gruu": says.get("gruu") or None,
        "expires": leading_number(says.get("expires")) if expires is None else expires,
    }


def _path(headers: Headers) -> Columns:
    path = [entry for line in headers.get("via", ()) for entry in items(line)]
    top, routes = path[0] if path else "", headers.get("record-route", [])
    found, said = _VIA.match(top), parameters(top)
    return {
        "hops": len(path),
        "via_transport": found[1].upper() if found else None,
        "via_host": found[2] if found else None,
        "branch": said.get("branch") or None,
        "received": said.get("received") or None,
        "received_port": leading_number(said.get("ms-received-port") or said.get("rport")),
        "record_routes": tuple(_hosts(routes)),
        "route_signed": any("ms-route-sig=" in one.lower() for one in routes),
    }


def _event(headers: Headers) -> Columns:
    state = first(headers, "subscription-state")
    return {
        "event": without_parameters(first(headers, "event")),
        "subscription_state": without_parameters(state),
        "subscription_reason": parameters(state).get("reason") if state else None,
    }


def _failure(headers: Headers) -> Columns:
    diagnostics = next(iter(read_diagnostics(headers)), None)
    columns = {
        "date": date(first(headers, "date")),
        "retry_after": leading_number(first(headers, "retry-after")),
        "cause": first(headers, "reason"),
        "warning": first(headers, "warning"),
    }
    if diagnostics is None:
        return columns
    return {
        **columns,
        "diagnostics_id": diagnostics.id,
        "diagnostics": first(headers, diagnostics.header),
        "diagnostics_header": diagnostics.header,
        "diagnostics_source": diagnostics.source,
        "diagnostics_reason": diagnostics.reason,
        "diagnostics_public": first(headers, "ms-diagnostics-public"),
        "client_diagnostics": first(headers, "ms-client-diagnostics"),
    }


def _proof(headers: Headers) -> Columns:
    said = read_authentication(headers)
    return {
        "authenticate": said.offered,
        "authorization": said.used,
        "realm": said.realm,
        "target_name": said.target,
        "sts_uri": said.sts_uri,
        "gssapi_length": said.gssapi_length,
        "handshake": said.steps,
        "authenticated": said.confirmed,
    }


def _registration(headers: Headers) -> Columns:
    """What a pool and its clients tell each other of a registration and the connection ([MS-SIPREGE] 2.2)."""
    state, alive = first(headers, "presence-state"), first(headers, "ms-keep-alive")
    return {
        "remote_user": (first(headers, "ms-user-logon-data") or "").lower().startswith("remoteuser"),
        "presence_state": state,
        "connected_to_primary": parameters(state).get("is-connected-to-primary", "").lower() or None,
        "keep_alive": alive,
        "keep_alive_timeout": leading_number(parameters(alive).get("timeout")),
        "subnet": first(headers, "ms-subnet"),
        "split_domain": first(headers, "ms-split-domain-info"),
        "trunking_peer": first(headers, "ms-trunking-peer"),
        "compression": first(headers, "compression"),
    }


def _content(headers: Headers, body: bytes) -> Columns:
    content_type, kept = first(headers, "content-type"), veil(body[:MAX_BODY])
    return {
        "content_type": without_parameters(content_type),
        "candidates": tuple(_candidates(content_type or "", kept)),
        "body": kept,
        "body_length": len(body),
    }


def _cseq_method(value: str | None) -> str | None:
    words = (value or "").split(maxsplit=2)
    return words[1] if len(words) > 1 else None


def _epid(value: str) -> str | None:
    found = _EPID.search(value)
    return found[1] if found else None


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
