"""SIP messages as bytes and back, with the bodies Lync puts into them.

Sources: RFC 3261, [MS-SIPAE] (TLS-DSK), [MS-AVEDGEA] (relay credentials), [MS-OCPROTO] (provisioning), [MS-SDPEXT]
and [MS-ICE2] 2.2.1 (candidates), [MS-ICE] (the older candidates of the 2007 part).
"""

from __future__ import annotations

import asyncio
import base64
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sample_pcaps.lab.media import Agent, Candidate

SDP_TYPE = "application/sdp"
RELAY_TYPE = "application/msrtc-media-relay-auth+xml"
PROVISIONING_TYPE = "application/vnd-microsoft-roaming-provisioning-v2+xml"
PROVISIONING_EVENT = "vnd-microsoft-provisioning-v2"
RELAY_NAMESPACE = "http://schemas.microsoft.com/2006/09/sip/mrasp"
PAYLOADS = (
    (104, "SILK/16000"),
    (114, "x-msrta/16000"),
    (9, "G722/8000"),
    (112, "G7221/16000"),
    (111, "SIREN/16000"),
    (0, "PCMU/8000"),
    (8, "PCMA/8000"),
    (103, "SILK/8000"),
    (115, "x-msrta/8000"),
    (97, "RED/8000"),
    (13, "CN/8000"),
    (118, "CN/16000"),
    (101, "telephone-event/8000"),
)

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Message:
    """One request or response."""

    start: str
    headers: Headers
    body: bytes = b""

    @property
    def method(self) -> str:
        """The method of a request, empty for a response."""
        return "" if self.start.startswith("SIP/2.0 ") else self.start.partition(" ")[0]

    @property
    def status(self) -> int:
        return 0 if self.method else int(self.start.split(" ")[1])

    @property
    def target(self) -> str:
        """The user a request is for."""
        return self.start.split(" ")[1].removeprefix("sip:").partition(";")[0]

    @property
    def dialog(self) -> tuple[str, str]:
        """What joins request and response: Call-ID and CSeq."""
        return self.get("Call-ID"), self.get("CSeq")

    def get(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    def all(self, name: str) -> Headers:
        return tuple(one for one in self.headers if one[0].lower() == name.lower())

    def encode(self) -> bytes:
        lines = [self.start, *(f"{name}: {value}" for name, value in self.headers)]
        return "\r\n".join([*lines, f"Content-Length: {len(self.body)}", "", ""]).encode() + self.body


async def read(reader: asyncio.StreamReader) -> Message | None:
    """The next message; None at the end of the connection."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().strip()
        start, *lines = head.split("\r\n")
        headers = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in lines))
        length = int(Message(start, headers).get("Content-Length") or 0)
        body = await reader.readexactly(length)
    except (asyncio.IncompleteReadError, OSError):
        return None
    return Message(start, tuple(one for one in headers if one[0].lower() != "content-length"), body)


def answer(
    request: Message, status: int, reason: str, *more: tuple[str, str], kind: str = "", body: bytes = b""
) -> Message:
    """A response with what RFC 3261 section 8.2.6.2 copies from the request; the tag of To marks the dialog."""
    copied = [one for name in ("Via", "From", "Call-ID", "CSeq") for one in request.all(name)]
    to = request.get("To")
    tagged = to if ";tag=" in to or status == 100 else f"{to};tag={secrets.token_hex(5).upper()}"
    content = (("Content-Type", kind),) if body else ()
    return Message(f"SIP/2.0 {status} {reason}", (*copied, ("To", tagged), *more, *content), body)


def provisioning(names: dict[str, str]) -> bytes:
    """What a client is told in-band: server settings by element name."""
    inside = "".join(f"<{name}>{value}</{name}>" for name, value in names.items())
    return (
        '<provisionGroupList xmlns="http://schemas.microsoft.com/2006/09/sip/provisiongrouplist-notification">'
        f'<provisionGroup name="ServerConfiguration">{inside}</provisionGroup></provisionGroupList>'
    ).encode()


def relay_request(user: str, service: str, location: str) -> bytes:
    number = secrets.randbelow(1 << 24)
    return (
        f'<request requestID="{number}" from="sip:{user}" to="{service}" version="2.0" xmlns="{RELAY_NAMESPACE}">'
        f'<credentialsRequest credentialsRequestID="{number}"><identity>sip:{user}</identity>'
        f"<location>{location}</location><duration>480</duration></credentialsRequest></request>"
    ).encode()


def relay_answer(user: str, service: str, location: str, relay: str, token: bytes, password: bytes) -> bytes:
    """Credentials for the relay, made up for the sample, and where it listens."""
    name, secret = base64.b64encode(token).decode(), password.decode()
    return (
        f'<response requestID="1" from="sip:{user}" to="{service}" version="2.0" serverVersion="2.0" '
        f'reasonPhrase="OK" xmlns="{RELAY_NAMESPACE}"><credentialsResponse credentialsRequestID="1"><credentials>'
        f"<username>{name}</username><password>{secret}</password><duration>480</duration></credentials>"
        f"<mediaRelayList><mediaRelay><location>{location}</location><hostName>{relay}</hostName>"
        "<udpPort>3478</udpPort><tcpPort>443</tcpPort></mediaRelay></mediaRelayList></credentialsResponse></response>"
    ).encode()


def _candidate(one: Candidate, component: int, base: tuple[str, int]) -> str:
    address, port = one.address
    transport = "UDP" if one.transport == "udp" else "TCP-ACT"
    related = "" if one.kind == "host" else f" raddr {base[0]} rport {base[1] + component - 1}"
    return (
        f"a=candidate:{one.foundation.decode().rstrip(chr(0))} {component} {transport} {one.priority + 1 - component} "
        f"{address} {port + component - 1} typ {one.kind}{related}"
    )


def session(agent: Agent, *, chosen: tuple[str, int] | None = None) -> bytes:
    """An SDP offer or answer of one audio stream; `chosen`: the peer's address of the pair both now use."""
    host, port = agent.at
    lines = ["v=0", f"o=- 0 {1 if chosen else 0} IN IP4 {host}", "s=session", f"c=IN IP4 {host}", "b=CT:99980"]
    lines += ["t=0 0", "a=x-devicecaps:audio:send,recv;video:recv"]
    lines += [f"m=audio {port} RTP/SAVP {' '.join(str(number) for number, _ in PAYLOADS)}"]
    lines += [f"a=ice-ufrag:{agent.ufrag}", f"a=ice-pwd:{agent.password}"]
    lines += [_candidate(one, number, agent.at) for one in agent.candidates for number in (1, 2)]
    if chosen:
        lines.append(f"a=remote-candidates:1 {chosen[0]} {chosen[1]} 2 {chosen[0]} {chosen[1] + 1}")
    key = base64.b64encode(secrets.token_bytes(30)).decode()
    lines += [f"a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:{key}|2^31|1:1", "a=maxptime:200", f"a=rtcp:{port + 1}"]
    lines += [f"a=rtpmap:{number} {name}" for number, name in PAYLOADS]
    lines += ["a=fmtp:111 bitrate=16000", "a=fmtp:112 bitrate=24000", "a=fmtp:101 0-16", "a=ptime:20", ""]
    return "\r\n".join(lines).encode()


def session_of_2007(agent: Agent) -> bytes:
    """The same stream in the syntax of OCS 2007 clients."""
    host, port = agent.at
    name, password = (base64.b64encode(secrets.token_bytes(24)).decode().rstrip("=") for _ in range(2))
    lines = ["v=0", f"o=- 0 0 IN IP4 {host}", "s=session", f"c=IN IP4 {host}", "t=0 0"]
    lines += [f"m=audio {port} RTP/SAVP 114 9 111 0 8 115 97 101"]
    for component in (1, 2):
        lines.append(f"a=candidate:{name} {component} {password} UDP 0.830 {host} {port + component - 1}")
    lines += [f"a=rtcp:{port + 1}", "a=rtpmap:101 telephone-event/8000", "a=encryption:required", ""]
    return "\r\n".join(lines).encode()


@dataclass
class Offer:
    """Both syntaxes in one multipart body, as Lync 2010 and later offer to peers they do not know."""

    agent: Agent
    boundary: str = field(default_factory=lambda: f"----=_NextPart_000_{secrets.token_hex(4).upper()}")

    @property
    def kind(self) -> str:
        return f'multipart/alternative;boundary="{self.boundary}"'

    def body(self) -> bytes:
        old = b"Content-Disposition: session; handling=optional; ms-proxy-2007fallback"
        parts = ((old, session_of_2007(self.agent)), (b"", session(self.agent)))
        mark, out = f"--{self.boundary}".encode(), b""
        for disposition, body in parts:
            head = [f"Content-Type: {SDP_TYPE}".encode(), b"Content-ID: <" + secrets.token_hex(8).encode() + b"@lab>"]
            out += mark + b"\r\n" + b"\r\n".join([*head, *([disposition] if disposition else [])]) + b"\r\n\r\n" + body
            out += b"\r\n"
        return out + mark + b"--\r\n"
