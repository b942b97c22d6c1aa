"""HTTP/1 heads and bodies, read tolerantly (RFC 9112): mid-stream, LF only, chunked, pipelined.

Only one direction is read at a time, so the method a response answers is unknown. Two things cannot be told
from a response alone, and are guessed from what follows its head:

- the answer to a HEAD request announces a body it does not carry: taken as such when the next status line
  follows at once; when the capture ends right behind the head, it is incomplete although it may be whole;
- a 2xx answer to CONNECT has no body: taken as such when a TLS record follows at once.
"""

import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from html import unescape
from typing import ClassVar
from urllib.parse import unquote

from dissectors.contract import Cursor, Malformed, Message, Truncated, Verdict

MAX_LINE = 16 * 1024  # start line; IIS refuses URLs past 16 KiB, so nothing real is longer
MAX_HEAD = 64 * 1024  # whole head: Kerberos tokens fill up to 48 KiB of base64
MAX_HEADERS = 256  # header lines kept; keeps a head of 30 000 one-letter lines from costing time
MAX_VALUE = 4 * 1024  # characters kept of one header value: enough for any URL a person can use
MAX_BODY = 128 * 1024  # bytes kept of a body: a root chain or the front of a CRL fits, a download does not
MAX_FAULT = 8 * 1024  # bytes of a SOAP fault searched for its reason; Lync's are below 2 KiB
MAX_BLANK = 64  # bytes of blank lines before a start line; RFC 9112 2.2 asks for one line

METHODS = frozenset(
    b"GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK "
    b"REPORT SEARCH RPC_IN_DATA RPC_OUT_DATA BITS_POST CCM_POST MERGE".split()
)
"""RFC 9110, WebDAV (RFC 4918), RPC over HTTP ([MS-RPCH]), BITS upload: what a first line may begin with."""

_REQUEST = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,20})[ \t]+(\S(?:.*\S)?)[ \t]+HTTP/(1\.\d)[ \t]*")
_RESPONSE = re.compile(rb"HTTP/(1\.\d)[ \t]+(\d{3})(?:[ \t]+(.*))?")
_EMPTY_LINE = re.compile(rb"\n\r?\n")
_OTHER_SCHEME = re.compile(rb"(?:sips?|tel|rtspu?):", re.IGNORECASE)
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?")
_TOKEN = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,31}")
_USER_INFO = re.compile(r"(?<=://)[^/?#@]*@")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_SCHEMES = frozenset({"basic", "bearer", "digest", "kerberos", "negotiate", "ntlm", "passport1.4", "tls-dsk"})
_STATUS_LINE_AHEAD = re.compile(rb"HTTP/1\.\d \d{3}[ \r\n]")
_TLS_RECORD_AHEAD = re.compile(rb"[\x14-\x17]\x03[\x00-\x04]")
_TUNNEL = "tunnel"
_BAD_LENGTH = -1
_WINDOWS = {
    "gzip": (zlib.MAX_WBITS | 16,),
    "x-gzip": (zlib.MAX_WBITS | 16,),
    "deflate": (
        zlib.MAX_WBITS,
        -zlib.MAX_WBITS,
    ),  # some send it bare, without the zlib wrapper (RFC 9110 8.4.1.2)
}
"""The window argument of zlib for each content coding; it also names the wrapper."""
_SOAP_FAULT = re.compile(rb"<(?:[\w.-]{1,32}:)?Fault[\s>]")
_ERROR_ID = re.compile(rb"<(?:[\w.-]{1,32}:)?ErrorId(?:\s[^<>]{0,200})?>\s*(\d{1,9})\s*<")
_DIAGNOSTICS_REASON = re.compile(
    rb"<(?:[\w.-]{1,32}:)?Ms-Diagnostics-Fault[\s>].{0,4000}?<(?:[\w.-]{1,32}:)?Reason(?:\s[^<>]{0,200})?>([^<]{0,4000})<",
    re.DOTALL,
)
_FAULT_TEXT = re.compile(rb"<(?:[\w.-]{1,32}:)?(?:faultstring|Text)(?:\s[^<>]{0,200})?>([^<]{0,4000})<")
_DIAGNOSTICS = re.compile(r'\s*(\d{1,9})\s*(?:;(?:.*?;)?\s*reason="([^"]*)")?')
_SOAP_ENVELOPE = re.compile(rb"<(?:[\w.-]{1,32}:)?Envelope[\s>]")


class ExchangeOutcome(StrEnum):
    """How one request ended, in the words all services on HTTP share."""

    OK = "ok"
    CHALLENGED = "challenged"
    """401 or 407: a normal first answer."""
    REDIRECTED = "redirected"
    FAULT = "fault"
    """A SOAP fault, whatever the status that carried it."""
    HTTP_ERROR = "http-error"
    NO_ANSWER = "no-answer"
    CUT = "cut"
    """The answer began and did not end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpMessage(Message):
    """One request or response."""

    protocol: ClassVar[str] = "http"

    kind: str
    """request or response"""
    version: str
    method: str | None = None
    target: str | None = None
    """As sent: a path with query, an absolute URL (to a proxy; without user information), or host:port."""
    host: str | None = None
    status: int | None = None
    reason: str | None = None
    user_agent: str | None = None
    server: str | None = None
    via: str | None = None
    location: str | None = None
    accept: str | None = None
    content_type: str | None = None
    content_length: int | None = None
    authenticate: str | None = None
    """WWW-Authenticate or Proxy-Authenticate schemes, comma-separated."""
    authorization: str | None = None
    """Scheme only: the credential is never kept."""
    soap_action: str | None = None
    web_ticket: bool = False
    """The request carried X-MS-WebTicket."""
    web_ticket_url: str | None = None
    """X-MS-WebTicketURL of a 401: where to get the ticket."""
    ms_diagnostics: str | None = None
    server_fqdn: str | None = None
    """X-MS-Server-Fqdn: the Front End that answered."""
    body: bytes = b""
    """De-chunked, decompressed, at most MAX_BODY bytes."""
    complete: bool = True
    """The body ended where its framing says; a body that ends with the connection always counts as ended."""
    tunnel: bool = False
    """What follows on this stream is another protocol: CONNECT succeeded, or 101 switched."""


@dataclass(frozen=True, slots=True)
class _Body:
    content: bytes
    complete: bool


_NO_BODY = _Body(b"", True)


@dataclass(frozen=True, slots=True)
class Http:
    """Reads HTTP/1.0 and HTTP/1.1 requests and responses."""

    name: str = "http"

    def probe(self, head: bytes, /) -> Verdict:
        """CERTAIN with a whole start line, LIKELY with a known method and target; never SIP or RTSP."""
        return _probe_line(head[: MAX_LINE + MAX_BLANK].lstrip(b"\r\n")[:MAX_LINE])

    def parse(self, cursor: Cursor, /) -> tuple[HttpMessage, ...]:
        """One message; none for trailing blank lines and for the bytes inside a tunnel.

        A body that the capture cuts short still yields its message, with `complete=False`. Raises Truncated
        inside a head and Malformed where no start line stands.
        """
        if _TUNNEL in cursor.notes and self.probe(cursor.peek(MAX_LINE)) < Verdict.LIKELY:
            cursor.rest()
            return ()
        _skip_blank_lines(cursor)
        if cursor.peek(1) in (b"", b"\r", b"\n"):
            return ()
        start_line, headers = _head(cursor)
        request = _REQUEST.fullmatch(start_line)
        if request:
            return (_request(request, headers, cursor),)
        response = _RESPONSE.fullmatch(start_line)
        if response:
            return (_response(response, headers, cursor),)
        raise Malformed(f"no HTTP start line before offset {cursor.position}")


HTTP = Http()


def outcome_of(request: HttpMessage, response: HttpMessage | None) -> ExchangeOutcome:
    """How the exchange ended, judged from the response to `request`; None is no response in the stream."""
    if response is None or response.status is None or response.status < 200:
        return ExchangeOutcome.NO_ANSWER
    if _soap_fault(response.body):
        return ExchangeOutcome.FAULT
    if response.status in (401, 407):
        return ExchangeOutcome.CHALLENGED
    if response.status >= 400:
        return ExchangeOutcome.HTTP_ERROR
    if 300 <= response.status < 400 and response.status != 304:
        return ExchangeOutcome.REDIRECTED
    bodiless = request.method == "HEAD"
    return ExchangeOutcome.OK if response.complete or bodiless else ExchangeOutcome.CUT


def fault_of(response: HttpMessage | None) -> tuple[int | None, str | None]:
    """Error number and reason a Lync web service gave; None for what it did not say.

    Ms-Diagnostics-Fault in a SOAP fault comes first, then the X-Ms-diagnostics header, then the fault's own
    text ([MS-OCAUTHWS]; SOAP 1.1 4.4).
    """
    if response is None:
        return None, None
    fault = _soap_fault(response.body)
    number, reason = _element(fault, _ERROR_ID), None
    header = _DIAGNOSTICS.match(response.ms_diagnostics or "")
    if number:
        reason = _element(fault, _DIAGNOSTICS_REASON)
    elif header:
        number, reason = header[1], header[2]
    return (int(number) if number else None), reason or _element(fault, _FAULT_TEXT)


def path_of(request: HttpMessage) -> str:
    """The path of the request's target, percent-decoded, without query; "" for CONNECT and responses."""
    target = request.target or ""
    if request.method == "CONNECT":
        return ""
    if "://" in target[:8]:
        target = "/" + target.split("://", 1)[1].partition("/")[2]
    return unquote(target.split("?", 1)[0].split("#", 1)[0])


def _soap_fault(body: bytes) -> bytes:
    """The body from its SOAP Fault on, at most MAX_FAULT bytes; empty when it bears none."""
    fault = _SOAP_FAULT.search(body) if _SOAP_ENVELOPE.search(body) else None
    return body[fault.start() : fault.start() + MAX_FAULT] if fault else b""


def _element(body: bytes, pattern: re.Pattern[bytes]) -> str | None:
    found = pattern.search(body)
    return unescape(_text(found[1])).strip()[:MAX_VALUE] if found else None


def _probe_line(head: bytes) -> Verdict:
    line, newline, _ = head.partition(b"\n")
    line = line.rstrip(b"\r")
    if line.startswith(b"HTTP/"):
        if newline or len(line) >= 13:
            return Verdict.CERTAIN if re.match(rb"HTTP/1\.\d[ \t]+\d{3}(?:[ \t]|$)", line) else Verdict.REJECT
        return Verdict.UNSURE if re.match(rb"HTTP/(?:1(?:\.(?:\d\s*\d*)?)?)?$", line) else Verdict.REJECT
    if newline:
        return Verdict.CERTAIN if _REQUEST.fullmatch(line) else Verdict.REJECT
    return _probe_open_line(line, b"HTTP/".startswith(line))


def _probe_open_line(line: bytes, maybe_response: bool) -> Verdict:
    """Judge a first line whose end is not in sight."""
    method, space, target = line.partition(b" ")
    if not space:
        known = maybe_response or any(one.startswith(method) for one in METHODS)
        return Verdict.UNSURE if known else Verdict.REJECT
    if method not in METHODS or _OTHER_SCHEME.match(target):
        return Verdict.REJECT
    shape = rb"[\w.\[-]" if method == b"CONNECT" else rb"/|https?://|\*"
    return Verdict.LIKELY if re.match(shape, target) else Verdict.UNSURE


def _skip_blank_lines(cursor: Cursor) -> None:
    blank = cursor.peek(MAX_BLANK)
    cursor.take(len(blank) - len(blank.lstrip(b"\r\n")))


def _head(cursor: Cursor) -> tuple[bytes, dict[str, list[str]]]:
    """The start line and the headers by lower-case name; the cursor moves behind the empty line."""
    start = cursor.position
    if _probe_line(cursor.peek(MAX_LINE)) == Verdict.REJECT:
        raise Malformed(f"no HTTP start line at offset {start}")
    limit = min(start + MAX_HEAD, cursor.end)
    end = _EMPTY_LINE.search(cursor.data, start, limit)
    if end is None:
        if limit < cursor.end:
            raise Malformed(f"head longer than {MAX_HEAD} bytes at offset {start}")
        raise Truncated(f"head at offset {start} does not end")
    head = cursor.take(end.end() - start)[: end.start() - end.end()]
    lines = head.split(b"\n", MAX_HEADERS + 1)[: MAX_HEADERS + 1]
    return lines[0].rstrip(b"\r"), _headers(lines[1:])


def _message(
    kind: str,
    headers: Mapping[str, list[str]],
    body: _Body,
    *,
    version: bytes,
    method: str | None = None,
    target: str | None = None,
    status: int | None = None,
    reason: str | None = None,
    tunnel: bool = False,
) -> HttpMessage:
    length = _content_length(headers)
    challenges = headers.get("www-authenticate", []) + headers.get("proxy-authenticate", [])
    credentials = headers.get("authorization", []) + headers.get("proxy-authorization", [])
    location = _first(headers, "location")
    return HttpMessage(
        kind=kind,
        version=_text(version),
        method=method,
        target=target,
        host=_first(headers, "host"),
        status=status,
        reason=reason,
        user_agent=_first(headers, "user-agent"),
        server=_first(headers, "server"),
        via=_first(headers, "via"),
        location=None if location is None else _without_user(location),
        accept=_first(headers, "accept"),
        content_type=_first(headers, "content-type"),
        content_length=None if length == _BAD_LENGTH else length,
        authenticate=_joined(scheme for one in challenges for scheme in _challenge_schemes(one)),
        authorization=_joined(map(_credential_scheme, credentials)),
        soap_action=(_first(headers, "soapaction") or "").strip('"') or _action_parameter(headers),
        web_ticket="x-ms-webticket" in headers,
        web_ticket_url=_first(headers, "x-ms-webticketurl"),
        ms_diagnostics=_first(headers, "x-ms-diagnostics"),
        server_fqdn=_first(headers, "x-ms-server-fqdn"),
        body=_decompressed(body.content, _first(headers, "content-encoding")),
        complete=body.complete,
        tunnel=tunnel,
    )


def _request(line: re.Match[bytes], headers: Mapping[str, list[str]], cursor: Cursor) -> HttpMessage:
    method = _text(line[1]).upper()
    body = _framed_body(headers, cursor) or _NO_BODY
    tunnel = method == "CONNECT" or ("upgrade" in headers and cursor.remaining > 0)
    return _message(
        "request",
        headers,
        body,
        version=line[3],
        method=method,
        target=_without_user(_text(line[2])[:MAX_VALUE]),
        tunnel=tunnel and _opens_tunnel(cursor),
    )


def _response(line: re.Match[bytes], headers: Mapping[str, list[str]], cursor: Cursor) -> HttpMessage:
    status = int(line[2])
    follows = cursor.peek(16)
    unframed = _content_length(headers) in (None, 0) and "transfer-encoding" not in headers
    tunnel = status == 101 or (200 <= status < 300 and unframed and bool(_TLS_RECORD_AHEAD.match(follows)))
    if tunnel or status < 200 or status in (204, 304) or _STATUS_LINE_AHEAD.match(follows):
        body = _NO_BODY
    else:
        body = _framed_body(headers, cursor) or _until_close(cursor)
    if tunnel:
        cursor.notes.add(_TUNNEL)
    reason = _text((line[3] or b"").strip())[:MAX_VALUE]
    return _message("response", headers, body, version=line[1], status=status, reason=reason, tunnel=tunnel)


def _opens_tunnel(cursor: Cursor) -> bool:
    """After CONNECT or an upgrade another protocol follows, unless it was refused and HTTP goes on."""
    cursor.notes.add(_TUNNEL)
    return _probe_line(cursor.peek(MAX_LINE)) < Verdict.LIKELY


def _framed_body(headers: Mapping[str, list[str]], cursor: Cursor) -> _Body | None:
    """The body as its headers frame it (RFC 9112 6.3); None when they do not."""
    coding = ",".join(headers.get("transfer-encoding", [])).lower()
    if "chunked" in coding:
        return _chunked(cursor)
    length = _content_length(headers)
    if length is None:
        return None
    if length == _BAD_LENGTH:  # where this body ends cannot be known: keep the head, give up on the rest
        return _Body(_until_close(cursor).content, False)
    present = min(length, cursor.remaining)
    content = cursor.peek(min(present, MAX_BODY))
    cursor.take(present)
    return _Body(content, present == length)


def _until_close(cursor: Cursor) -> _Body:
    content = cursor.peek(MAX_BODY)
    cursor.position = cursor.end
    return _Body(content, True)


def _chunked(cursor: Cursor) -> _Body:
    """RFC 9112 7.1. A broken chunk ends the body and is left unread, for the next message to stumble over."""
    content = bytearray()
    while True:
        start = cursor.position
        line = _line(cursor)
        if line is None:
            return _Body(bytes(content), False)
        size = _CHUNK_SIZE.fullmatch(line)
        if size is None:
            cursor.position = start
            return _Body(bytes(content), False)
        length = int(size[1], 16)
        if length == 0:
            return _Body(bytes(content), _trailers_end(cursor))
        present = min(length, cursor.remaining)
        content += cursor.peek(min(present, MAX_BODY - len(content)))
        cursor.take(present)
        start = cursor.position
        behind = _line(cursor)
        if behind != b"":
            cursor.position = cursor.end if behind is None else start
            return _Body(bytes(content), False)


def _line(cursor: Cursor) -> bytes | None:
    """The next line without its end; None, and everything read, when the bytes end first."""
    limit = min(cursor.position + MAX_LINE, cursor.end)
    end = cursor.data.find(b"\n", cursor.position, limit)
    if end >= 0:
        return cursor.take(end + 1 - cursor.position).rstrip(b"\r\n")
    if limit == cursor.end:
        cursor.position = cursor.end
        return None
    return cursor.take(MAX_LINE)  # no line is this long: whoever asked finds no chunk size in it


def _trailers_end(cursor: Cursor) -> bool:
    for _ in range(MAX_HEADERS):
        line = _line(cursor)
        if line is None:
            return False
        if not line:
            return True
    return False


def _content_length(headers: Mapping[str, list[str]]) -> int | None:
    """None without the header, _BAD_LENGTH when it is no number or several that differ."""
    values = {one.strip() for value in headers.get("content-length", []) for one in value.split(",")}
    if not values:
        return None
    only = values.pop()
    valid = not values and only.isascii() and only.isdecimal() and len(only) <= 18
    return int(only) if valid else _BAD_LENGTH


def _decompressed(content: bytes, coding: str | None) -> bytes:
    """At most MAX_BODY bytes of what gzip or deflate packed; the bytes as they are when they are not that."""
    for window in _WINDOWS.get((coding or "").strip().lower(), ()):
        try:
            unpacked = zlib.decompressobj(window).decompress(content, MAX_BODY)
        except zlib.error:
            continue
        if unpacked:
            return unpacked
    return content


def _headers(lines: Iterable[bytes]) -> dict[str, list[str]]:
    headers: dict[str, list[str]] = {}
    values: list[str] = []
    for line in lines:
        text = _text(line.rstrip(b"\r"))
        if text[:1] in (" ", "\t"):  # folded (RFC 9112 5.2): continues the value above
            if values and len(values[-1]) < MAX_VALUE:
                values[-1] = f"{values[-1]} {text.strip()}".strip()
            continue
        name, colon, value = text.partition(":")
        if colon:
            values = headers.setdefault(name.strip().lower(), [])
            values.append(value.strip())
    return headers


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


def _first(headers: Mapping[str, list[str]], name: str) -> str | None:
    values = headers.get(name)
    return values[0][:MAX_VALUE] if values else None


def _joined(words: Iterable[str]) -> str | None:
    return ", ".join(dict.fromkeys(words)) or None


def _without_user(url: str) -> str:
    return _USER_INFO.sub("", url)


def _credential_scheme(value: str) -> str:
    """The scheme of an Authorization value; "unnamed" when the value could be a bare credential."""
    scheme, _, credential = value[:MAX_VALUE].partition(" ")
    named = scheme.lower() in _SCHEMES or (credential and _TOKEN.fullmatch(scheme))
    return scheme if named else "unnamed"


def _challenge_schemes(value: str) -> Iterable[str]:
    """The schemes of a WWW-Authenticate value, which may hold several challenges (RFC 9110 11.6.1)."""
    for part in _QUOTED.sub("", value[:MAX_VALUE]).split(","):
        word = part.split(maxsplit=1)[0] if part.strip() else ""
        if _TOKEN.fullmatch(word):
            yield word


def _action_parameter(headers: Mapping[str, list[str]]) -> str | None:
    """SOAP 1.2 names its action in the content type."""
    action = re.search(r'action="?([^";]+)', _first(headers, "content-type") or "", re.IGNORECASE)
    return action[1].strip() if action else None
