"""The first line of a request or a response, whole or not (RFC 9112 3 and 4)."""

import re

from dissectors.contract import Verdict

MAX_LINE = 16 * 1024  # IIS refuses URLs past 16 KiB, so nothing real is longer
MAX_BLANK = 64  # bytes of blank lines before a start line; RFC 9112 2.2 asks for one line

METHODS = frozenset(
    b"GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK "
    b"REPORT SEARCH RPC_IN_DATA RPC_OUT_DATA BITS_POST CCM_POST MERGE".split()
)
"""RFC 9110, WebDAV (RFC 4918), RPC over HTTP ([MS-RPCH]), BITS upload: what a first line may begin with."""

REQUEST = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,20})[ \t]+(\S(?:.*\S)?)[ \t]+HTTP/(1\.\d)[ \t]*")
RESPONSE = re.compile(rb"HTTP/(1\.\d)[ \t]+(\d{3})(?:[ \t]+(.*))?")
STATUS_LINE_AHEAD = re.compile(rb"HTTP/1\.\d \d{3}[ \r\n]")
TLS_RECORD_AHEAD = re.compile(rb"[\x14-\x17]\x03[\x00-\x04]")

_OTHER_SCHEME = re.compile(rb"(?:sips?|tel|rtspu?):", re.IGNORECASE)
_STATUS_BEGINS = re.compile(rb"HTTP/1\.\d[ \t]+\d{3}(?:[ \t]|$)")
_STATUS_MAY_FOLLOW = re.compile(rb"HTTP/(?:1(?:\.(?:\d\s*\d*)?)?)?$")


def probe_line(head: bytes) -> Verdict:
    """Judge bytes by their first line; CERTAIN when it is a whole start line of HTTP/1."""
    line, newline, _ = head.partition(b"\n")
    line = line.rstrip(b"\r")
    if line.startswith(b"HTTP/"):
        if newline or len(line) >= 13:
            return Verdict.CERTAIN if _STATUS_BEGINS.match(line) else Verdict.REJECT
        return Verdict.UNSURE if _STATUS_MAY_FOLLOW.match(line) else Verdict.REJECT
    if newline:
        return Verdict.CERTAIN if REQUEST.fullmatch(line) else Verdict.REJECT
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
