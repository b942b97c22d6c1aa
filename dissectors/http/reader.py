"""The HTTP/1 dissector: start line, headers, body, and what follows a tunnel's opening.

Only one direction is read at a time, so the method a response answers is unknown. Two things cannot be told
from a response alone, and are guessed from what follows its head:

- the answer to a HEAD request announces a body it does not carry: taken as such when the next status line
  follows at once; when the capture ends right behind the head, it is incomplete although it may be whole;
- a 2xx answer to CONNECT has no body: taken as such when a TLS record follows at once.
"""

import re
from dataclasses import dataclass

from dissectors.contract import Cursor, Malformed, Truncated, Verdict
from dissectors.http.bodies import NO_BODY, Body, framed_body, unpacked, until_close
from dissectors.http.headers import (
    BAD_LENGTH,
    MAX_HEADERS,
    MAX_VALUE,
    Headers,
    content_length,
    cookie_names,
    cookies_set,
    first,
    joined,
    read_headers,
    soap_action,
    text_of,
    without_user,
)
from dissectors.http.log_on import challenge_schemes, credential_scheme, token_kind
from dissectors.http.message import HttpMessage
from dissectors.http.start_line import (
    MAX_BLANK,
    MAX_LINE,
    REQUEST,
    RESPONSE,
    STATUS_LINE_AHEAD,
    TLS_RECORD_AHEAD,
    probe_line,
)

MAX_HEAD = 64 * 1024  # whole head: Kerberos tokens fill up to 48 KiB of base64

_EMPTY_LINE = re.compile(rb"\n\r?\n")
_TUNNEL = "tunnel"


@dataclass(frozen=True, slots=True)
class Http:
    """Reads HTTP/1.0 and HTTP/1.1 requests and responses."""

    name: str = "http"

    def probe(self, head: bytes, /) -> Verdict:
        """CERTAIN with a whole start line, LIKELY with a known method and target; never SIP or RTSP."""
        return probe_line(head[: MAX_LINE + MAX_BLANK].lstrip(b"\r\n")[:MAX_LINE])

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
        request = REQUEST.fullmatch(start_line)
        if request:
            return (_request(request, headers, cursor),)
        response = RESPONSE.fullmatch(start_line)
        if response:
            return (_response(response, headers, cursor),)
        raise Malformed(f"no HTTP start line before offset {cursor.position}")


HTTP = Http()


def _skip_blank_lines(cursor: Cursor) -> None:
    blank = cursor.peek(MAX_BLANK)
    cursor.take(len(blank) - len(blank.lstrip(b"\r\n")))


def _head(cursor: Cursor) -> tuple[bytes, Headers]:
    """The start line and the headers by lower-case name; the cursor moves behind the empty line."""
    start = cursor.position
    if probe_line(cursor.peek(MAX_LINE)) == Verdict.REJECT:
        raise Malformed(f"no HTTP start line at offset {start}")
    limit = min(start + MAX_HEAD, cursor.end)
    end = _EMPTY_LINE.search(cursor.data, start, limit)
    if end is None:
        if limit < cursor.end:
            raise Malformed(f"head longer than {MAX_HEAD} bytes at offset {start}")
        raise Truncated(f"head at offset {start} does not end")
    head = cursor.take(end.end() - start)[: end.start() - end.end()]
    lines = head.split(b"\n", MAX_HEADERS + 1)[: MAX_HEADERS + 1]
    return lines[0].rstrip(b"\r"), read_headers(lines[1:])


def _request(line: re.Match[bytes], headers: Headers, cursor: Cursor) -> HttpMessage:
    method = text_of(line[1]).upper()
    body = framed_body(headers, cursor) or NO_BODY
    tunnel = method == "CONNECT" or ("upgrade" in headers and cursor.remaining > 0)
    target = without_user(text_of(line[2])[:MAX_VALUE])
    tunnel = tunnel and _opens_tunnel(cursor)
    return _message("request", headers, body, version=line[3], method=method, target=target, tunnel=tunnel)


def _response(line: re.Match[bytes], headers: Headers, cursor: Cursor) -> HttpMessage:
    status = int(line[2])
    follows = cursor.peek(16)
    unframed = content_length(headers) in (None, 0) and "transfer-encoding" not in headers
    tunnel = status == 101 or (200 <= status < 300 and unframed and bool(TLS_RECORD_AHEAD.match(follows)))
    if tunnel or status < 200 or status in (204, 304) or STATUS_LINE_AHEAD.match(follows):
        body = NO_BODY
    else:
        body = framed_body(headers, cursor) or until_close(cursor)
    if tunnel:
        cursor.notes.add(_TUNNEL)
    reason = text_of((line[3] or b"").strip())[:MAX_VALUE]
    return _message("response", headers, body, version=line[1], status=status, reason=reason, tunnel=tunnel)


def _opens_tunnel(cursor: Cursor) -> bool:
    """After CONNECT or an upgrade another protocol follows, unless it was refused and HTTP goes on."""
    cursor.notes.add(_TUNNEL)
    return probe_line(cursor.peek(MAX_LINE)) < Verdict.LIKELY


def _message(
    kind: str,
    headers: Headers,
    body: Body,
    *,
    version: bytes,
    method: str | None = None,
    target: str | None = None,
    status: int | None = None,
    reason: str | None = None,
    tunnel: bool = False,
) -> HttpMessage:
    length = content_length(headers)
    challenges = (*headers.get("www-authenticate", ()), *headers.get("proxy-authenticate", ()))
    credentials = (*headers.get("authorization", ()), *headers.get("proxy-authorization", ()))
    location = first(headers, "location")
    return HttpMessage(
        kind=kind,
        version=text_of(version),
        method=method,
        target=target,
        host=first(headers, "host"),
        status=status,
        reason=reason,
        user_agent=first(headers, "user-agent"),
        server=first(headers, "server"),
        via=first(headers, "via"),
        location=None if location is None else without_user(location),
        accept=first(headers, "accept"),
        content_type=first(headers, "content-type"),
        content_length=None if length == BAD_LENGTH else length,
        authenticate=joined(scheme for one in challenges for scheme in challenge_schemes(one)),
        authorization=joined(map(credential_scheme, credentials)),
        token=token_kind(headers) if challenges or credentials else None,
        soap_action=soap_action(headers),
        web_ticket="x-ms-webticket" in headers,
        web_ticket_url=first(headers, "x-ms-webticketurl"),
        ms_diagnostics=first(headers, "x-ms-diagnostics"),
        server_fqdn=first(headers, "x-ms-server-fqdn"),
        cookies=cookie_names(headers),
        set_cookies=cookies_set(headers),
        body=unpacked(body.content, headers),
        complete=body.complete,
        missing=body.missing,
        tunnel=tunnel,
    )
