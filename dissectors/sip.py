"""SIP with the headers Lync adds (RFC 3261, [MS-SIPRE], [MS-SIPREGE], [MS-OCER]), and its SDP (RFC 4566).

After NEGOTIATE with LZ77-8K ([MS-SIPCOMP]) a connection carries compression packets instead of text. Their
layout is not certain enough to read: the note COMPRESSED marks the stream, and from the first bytes that
begin no SIP message on, all are consumed as opaque, without a message and without a guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from dissectors.contract import Cursor, Malformed, Message, Truncated, Verdict

MAX_HEAD = 64 * 1024
"""Bytes of start line and headers; Lync's longest, with Kerberos data and route sets, stay under half."""

MAX_LINE = 8 * 1024
"""Bytes of a start line: the longest GRUU with its parameters is under 1 KiB."""

MAX_HEADERS = 512
"""Header lines read of one message; a real one has under 60."""

MAX_VALUE = 4 * 1024
"""Characters kept of one header: a diagnostics header with its media debug text fits."""

MAX_BODY = 64 * 1024
"""Bytes kept of a body: every SDP and the in-band settings fit."""

MAX_CANDIDATES = 128
"""Candidate lines kept of one body; a client with many addresses offers about 60."""

COMPRESSED = "sip-compressed"
"""In a cursor's notes: compression was negotiated on this stream."""


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
    epid: str | None = None
    """The device of From, else of To."""
    contact: str | None = None
    user_agent: str | None = None
    server: str | None = None
    content_type: str | None = None
    """Without parameters, lower case."""
    event: str | None = None
    """The event package of SUBSCRIBE, NOTIFY and BENOTIFY, without parameters."""
    retry_after: int | None = None
    """Seconds."""
    compression: str | None = None
    """LZ77-8K, when NEGOTIATE asks for it."""
    diagnostics_id: int | None = None
    diagnostics: str | None = None
    """ms-diagnostics, ms-diagnostics-public or ms-client-diagnostics, as sent."""
    authenticate: str | None = None
    """Schemes of WWW-/Proxy-Authenticate, comma-separated."""
    remote_user: bool = False
    """ms-user-logon-data: RemoteUser, i.e. the client came through the Edge."""
    candidates: tuple[str, ...] = ()
    """a=candidate and a=remote-candidates lines of the body, as sent without the 'a='.

    Of a multipart offer, those of the part for Lync rather than of the one for Communicator 2007.
    """
    body: bytes = b""
    """At most MAX_BODY bytes."""
    body_length: int = 0
    """Bytes the body had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One transport address offered for media."""

    foundation: str
    """In draft-06 the username that names the candidate."""
    component: int
    """1 RTP, 2 RTCP"""
    transport: str
    """UDP, TCP-ACT, TCP-PASS; TCP, both ways, in draft-06"""
    priority: float
    """A whole number below 2^32, in draft-06 a fraction of 1."""
    ip: str
    port: int
    type: str | None = None
    """host, srflx, prflx, relay; None in draft-06, which does not say"""
    raddr: str | None = None
    rport: int | None = None


def read_candidate(line: str) -> Candidate:
    """Read "candidate:…", with or without "a=".

    Both forms: [MS-ICE2] (RFC 5245 15.1), and draft-ietf-mmusic-ice-06, whose password is not kept. Raises
    Malformed.
    """
    name, _, content = line.strip().removeprefix("a=").partition(":")
    tokens = content.split(maxsplit=32)
    try:
        if name != "candidate":
            raise Malformed(f"no candidate line: {line[:40]!r}")
        if len(tokens) > 7 and tokens[6] == "typ":
            return _ice2_candidate(tokens)
        username, component, _password, transport, priority, ip, port, *_ = tokens
        return Candidate(
            foundation=username,
            component=int(component),
            transport=transport.upper(),
            priority=float(priority),
            ip=ip,
            port=_port(port),
        )
    except ValueError as fault:
        raise Malformed(f"candidate line {line[:40]!r}: {fault}") from None


def _ice2_candidate(tokens: list[str]) -> Candidate:
    extras = dict(zip(tokens[8::2], tokens[9::2], strict=False))
    return Candidate(
        foundation=tokens[0],
        component=int(tokens[1]),
        transport=tokens[2].upper(),
        priority=int(tokens[3]),
        ip=tokens[4],
        port=_port(tokens[5]),
        type=tokens[7],
        raddr=extras.get("raddr"),
        rport=_port(extras["rport"]) if "rport" in extras else None,
    )


def _port(token: str) -> int:
    port = int(token)
    if not 0 <= port <= 0xFFFF:
        raise ValueError(f"port {token[:20]}")
    return port


def read_remote_candidates(line: str) -> tuple[tuple[int, str, int], ...]:
    """Read "remote-candidates:…" as (component, ip, port) triples: the path ICE chose. Raises Malformed."""
    name, _, content = line.strip().removeprefix("a=").partition(":")
    tokens = content.split(maxsplit=3 * MAX_CANDIDATES)
    if name != "remote-candidates" or not tokens or len(tokens) % 3:
        raise Malformed(f"no remote-candidates line: {line[:40]!r}")
    try:
        return tuple(
            (int(component), ip, _port(port))
            for component, ip, port in zip(tokens[::3], tokens[1::3], tokens[2::3], strict=True)
        )
    except ValueError as fault:
        raise Malformed(f"remote-candidates line {line[:40]!r}: {fault}") from None


_REQUEST = re.compile(rb"([!%'*+.`~\w-]{1,32})[ \t]+(\S+)[ \t]+SIP/2\.0[ \t]*")
_RESPONSE = re.compile(rb"SIP/2\.0[ \t]+(\d{3})(?:[ \t](.*))?")
_REQUEST_BEGINS = re.compile(rb"[A-Z]{1,32}(?:[ \t]+(?P<uri>\S*)(?P<rest>[ \t].*)?)?")
_SCHEMES = (b"sip:", b"sips:", b"tel:", b"im:", b"pres:")
_VERSION = b"SIP/2.0"
_BLANK = re.compile(rb"[\r\n]+")
_FIRST_BYTES = frozenset(byte for byte in range(256) if re.match(rb"[!%'*+.`~\w\r\n-]", bytes((byte,))))
"""A blank line's, or the first letter of a method or a version; most bytes of other protocols are neither."""
_EMPTY_LINE = re.compile(rb"\n\r?\n")
_FOLD = re.compile(r"\r?\n[ \t]+")
_DISPLAY_NAME = re.compile(r'\s*"(?:[^"\\]|\\.)*"')
_NAME_ADDRESS = re.compile(r"<([^<>]*)>")
_BARE_ADDRESS = re.compile(r"\s*([^;,<>\s]+)")
_EPID = re.compile(r";\s*epid=([\w.-]{1,64})", re.IGNORECASE)
_DIGITS = re.compile(r"\s*(\d{1,9})")
_SCHEME = re.compile(r"\s*([A-Za-z][\w-]{0,31})")
_BOUNDARY = re.compile(r'boundary\s*=\s*"?([^";]{1,70})', re.IGNORECASE)
_CANDIDATE_LINE = re.compile(rb"^a=((?:remote-)?candidates?:[^\r\n]*)", re.MULTILINE)
_FALLBACK_PART = b"ms-proxy-2007fallback"

_COMPACT = {
    "b": "referred-by",
    "c": "content-type",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
    "x": "session-expires",
}
"""RFC 3261 7.3.3, RFC 6665 8.2.1, RFC 3515, RFC 3892, RFC 4028."""

_DIAGNOSTICS = ("ms-diagnostics", "ms-diagnostics-public", "ms-client-diagnostics")  # most telling first


class Sip:
    """SIP over UDP, one message a datagram, and over TCP, framed by Content-Length."""

    name = "sip"

    def probe(self, head: bytes, /) -> Verdict:
        """CERTAIN on a whole start line that names SIP/2.0, UNSURE while it is incomplete."""
        if head and head[0] not in _FIRST_BYTES:
            return Verdict.REJECT
        blank = _BLANK.match(head)
        return _judge_start(head, blank.end() if blank else 0, len(head))

    def parse(self, cursor: Cursor, /) -> tuple[SipMessage, ...]:
        """Read the next message; blank lines between messages (keep-alives) are consumed and yield nothing.

        A message without Content-Length reaches to the next start line or to the end of the bytes (RFC 3261
        18.3). Raises Truncated when head or announced body are cut short, Malformed when no start line stands
        where one must, when the head exceeds its limits, or on a Content-Length that is no number.
        """
        if blank := _BLANK.match(cursor.data, cursor.position, cursor.end):
            cursor.position = blank.end()
            return ()
        if not cursor.remaining:
            raise Truncated(f"no message at offset {cursor.position}")
        judged = _judge_start(cursor.data, cursor.position, cursor.end)
        if judged is Verdict.REJECT:
            if COMPRESSED in cursor.notes:
                cursor.rest()
                return ()
            raise Malformed(f"no SIP start line at offset {cursor.position}")
        message = _read(cursor)
        if message.method == "NEGOTIATE" and message.status in (None, 200):
            cursor.notes.add(COMPRESSED)
        return (message,)


def _judge_start(data: bytes, start: int, end: int) -> Verdict:
    limit = min(end, start + MAX_LINE)
    newline = data.find(b"\n", start, limit)
    line = data[start : limit if newline < 0 else newline].rstrip(b"\r")
    if newline >= 0:
        return Verdict.CERTAIN if _RESPONSE.fullmatch(line) or _REQUEST.fullmatch(line) else Verdict.REJECT
    if limit - start == MAX_LINE:
        return Verdict.REJECT
    return Verdict.UNSURE if _could_begin(line) else Verdict.REJECT


def _could_begin(line: bytes) -> bool:
    """Whether more bytes can make a start line of this one."""
    if line.startswith(_VERSION[: len(line)]):
        return len(line) <= len(_VERSION) + 1 or _response_begins(line)
    begun = _REQUEST_BEGINS.fullmatch(line)
    if not begun:
        return False
    uri, rest = begun["uri"], (begun["rest"] or b"").strip()
    if uri and not any(scheme.startswith(uri[: len(scheme)].lower()) for scheme in _SCHEMES):
        return False
    return _VERSION.startswith(rest)


def _response_begins(line: bytes) -> bool:
    code = line[len(_VERSION) :].split(maxsplit=1)[:1]
    return not code or code[0][:3].isdigit()


def _read(cursor: Cursor) -> SipMessage:
    start = cursor.position
    empty = _EMPTY_LINE.search(cursor.data, start, min(cursor.end, start + MAX_HEAD))
    if not empty:
        if cursor.remaining >= MAX_HEAD:
            raise Malformed(f"no end of the headers within {MAX_HEAD} bytes of offset {start}")
        raise Truncated(f"the headers of the message at offset {start} go on behind the last byte")
    head = cursor.take(empty.end() - start)
    first, _, lines = head.partition(b"\n")
    headers = _headers(lines)
    body = _body(cursor, headers)
    return _message(first.strip(), headers, body)


def _headers(lines: bytes) -> dict[str, list[str]]:
    """Values by long lower-case name, in order of appearance; folded lines are joined (RFC 3261 7.3.1)."""
    found: dict[str, list[str]] = {}
    text = _FOLD.sub(" ", lines.decode("utf-8", "replace"))
    for line in text.split("\n", MAX_HEADERS)[:MAX_HEADERS]:
        name, colon, value = line.partition(":")
        key = name.strip().lower()
        if colon and key:
            found.setdefault(_COMPACT.get(key, key), []).append(value.strip()[:MAX_VALUE])
    return found


def _body(cursor: Cursor, headers: dict[str, list[str]]) -> bytes:
    announced = headers.get("content-length")
    if announced:
        if not re.fullmatch(r"\d{1,9}", announced[0]):
            raise Malformed(f"Content-Length {announced[0][:20]!r}")
        return cursor.take(int(announced[0]))
    if _judge_start(cursor.data, cursor.position, cursor.end) is Verdict.CERTAIN:
        return b""
    return cursor.rest()


def _message(first: bytes, headers: dict[str, list[str]], body: bytes) -> SipMessage:
    def value(name: str) -> str | None:
        return headers[name][0] if name in headers else None

    kind, method, uri, status, reason = _start_line(first)
    number, cseq_method = _sequence(value("cseq") or "")
    sender, receiver = value("from") or "", value("to") or ""
    epid = _EPID.search(sender) or _EPID.search(receiver)
    diagnostics = next((found for name in _DIAGNOSTICS if (found := value(name))), None)
    return SipMessage(
        kind=kind,
        method=method or cseq_method,
        uri=uri,
        status=status,
        reason=reason,
        call_id=value("call-id"),
        cseq=number,
        from_uri=_address(sender),
        to_uri=_address(receiver),
        epid=epid[1] if epid else None,
        contact=_address(value("contact") or ""),
        user_agent=value("user-agent"),
        server=value("server"),
        content_type=_without_parameters(value("content-type")),
        event=_without_parameters(value("event")),
        retry_after=_leading_number(value("retry-after") or ""),
        compression=value("compression"),
        diagnostics_id=_leading_number(diagnostics or ""),
        diagnostics=diagnostics,
        authenticate=_schemes(headers),
        remote_user=(value("ms-user-logon-data") or "").lower().startswith("remoteuser"),
        candidates=tuple(_candidates(value("content-type") or "", body[:MAX_BODY])),
        body=body[:MAX_BODY],
        body_length=len(body),
    )


def _sequence(value: str) -> tuple[int | None, str | None]:
    words = value.split(maxsplit=2)
    return _leading_number(value), words[1] if len(words) > 1 else None


def _start_line(first: bytes) -> tuple[str, str | None, str | None, int | None, str | None]:
    """(kind, method, uri, status, reason)"""
    if response := _RESPONSE.fullmatch(first):
        return "response", None, None, int(response[1]), _text((response[2] or b"").strip()) or None
    if request := _REQUEST.fullmatch(first):
        return "request", _text(request[1]), _text(request[2]), None, None
    raise Malformed("no SIP start line")


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")[:MAX_VALUE]


def _address(value: str) -> str | None:
    """The URI of a name-addr or addr-spec (RFC 3261 20.10), header parameters left out."""
    named = _DISPLAY_NAME.match(value)
    rest = value[named.end() :] if named else value
    found = _NAME_ADDRESS.search(rest) or _BARE_ADDRESS.match(rest)
    return (found[1] or None) if found else None


def _leading_number(value: str) -> int | None:
    found = _DIGITS.match(value)
    return int(found[1]) if found else None


def _without_parameters(value: str | None) -> str | None:
    return value.partition(";")[0].strip().lower() or None if value else None


def _schemes(headers: dict[str, list[str]]) -> str | None:
    """The schemes offered, in order and once each; realms, nonces and security data are left out."""
    offers = [*headers.get("www-authenticate", ()), *headers.get("proxy-authenticate", ())]
    names = (found[1] for offer in offers if (found := _SCHEME.match(offer)))
    return ",".join(dict.fromkeys(names)) or None


def _candidates(content_type: str, body: bytes) -> Iterator[str]:
    parts = [body]
    boundary = _BOUNDARY.search(content_type)
    if boundary and content_type.lower().startswith("multipart/"):
        parts = body.split(b"--" + boundary[1].strip().encode())
    # The fallback part repeats the offer for Communicator 2007 in the old syntax ([MS-SDPEXT] 3.1.5).
    meant = [part for part in parts if _FALLBACK_PART not in part] if len(parts) > 1 else parts
    count = 0
    for part in meant:
        for line in _CANDIDATE_LINE.finditer(part):
            if count == MAX_CANDIDATES:
                return
            count += 1
            yield _text(line[1]).rstrip()


SIP = Sip()
