"""Bodies as their headers frame them, cut ones included (RFC 9112 6 and 7)."""

import re
import zlib
from dataclasses import dataclass

from dissectors.contract import Cursor
from dissectors.http.headers import BAD_LENGTH, MAX_HEADERS, Headers, content_length, first
from dissectors.http.start_line import MAX_LINE

MAX_BODY = 128 * 1024  # bytes kept of a body: a root chain or the front of a CRL fits, a download does not
MAX_RATIO = 64  # bytes out of each packed one; XML and JSON shrink to a tenth, hostile bodies to a thousandth

_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?")
_BOUNDARY = re.compile(r'multipart/byteranges\s*;(?:.*;)?\s*boundary="?([^";,]{1,70})', re.IGNORECASE)
_WINDOWS = {
    "gzip": (zlib.MAX_WBITS | 16,),
    "x-gzip": (zlib.MAX_WBITS | 16,),
    "deflate": (zlib.MAX_WBITS, -zlib.MAX_WBITS),  # some send it without the zlib wrapper (RFC 9110 8.4.1.2)
}
"""The window argument of zlib for each coding; it also names the wrapper."""


@dataclass(frozen=True, slots=True)
class Body:
    """What is kept of a body, whether it ended, and how much of an announced length is not here."""

    content: bytes
    complete: bool
    missing: int = 0


NO_BODY = Body(b"", True)


def framed_body(headers: Headers, cursor: Cursor) -> Body | None:
    """The body as its headers frame it (RFC 9112 6.3); None when they do not."""
    if "chunked" in transfer_coding(headers):
        return _chunked(cursor)
    length = content_length(headers)
    if length is None:
        return _byte_ranges(headers, cursor)
    if length == BAD_LENGTH:  # where this body ends cannot be known: keep the head, give up on the rest
        return Body(until_close(cursor).content, False)
    present = min(length, cursor.remaining)
    content = cursor.peek(min(present, MAX_BODY))
    cursor.take(present)
    return Body(content, present == length, length - present)


def until_close(cursor: Cursor) -> Body:
    """All that is left."""
    content = cursor.peek(MAX_BODY)
    cursor.position = cursor.end
    return Body(content, True)


def unpacked(content: bytes, headers: Headers) -> bytes:
    """What gzip or deflate packed, within MAX_BODY and MAX_RATIO; the bytes as they are when they are not that."""
    most = min(MAX_BODY, MAX_RATIO * len(content))
    coding = (first(headers, "content-encoding") or transfer_coding(headers).partition(",")[0]).strip().lower()
    for window in _WINDOWS.get(coding, ()):
        try:
            plain = zlib.decompressobj(window).decompress(content, most)
        except zlib.error:
            continue
        if plain:
            return plain
    return content


def transfer_coding(headers: Headers) -> str:
    """The transfer codings in order, lower case, with commas between."""
    return ",".join(headers.get("transfer-encoding", ())).lower()


def _byte_ranges(headers: Headers, cursor: Cursor) -> Body | None:
    """Parts of a file say themselves where they end, as old servers had it (RFC 2616 4.4); None for other bodies."""
    boundary = _BOUNDARY.match(first(headers, "content-type") or "")
    if boundary is None:
        return None
    last = b"--" + boundary[1].encode("utf-8", "replace") + b"--"
    found = cursor.data.find(last, cursor.position, cursor.end)
    if found < 0:
        return Body(until_close(cursor).content, False)
    content = cursor.take(found + len(last) - cursor.position)
    if cursor.peek(2) == b"\r\n":
        cursor.take(2)
    return Body(content[:MAX_BODY], True)


def _chunked(cursor: Cursor) -> Body:
    """RFC 9112 7.1. A broken chunk ends the body and is left unread, for the next message to stumble over."""
    content = bytearray()
    while True:
        start = cursor.position
        line = _line(cursor)
        if line is None:
            return Body(bytes(content), False)
        size = _CHUNK_SIZE.fullmatch(line)
        if size is None:
            cursor.position = start
            return Body(bytes(content), False)
        length = int(size[1], 16)
        if length == 0:
            return Body(bytes(content), _trailers_end(cursor))
        present = min(length, cursor.remaining)
        content += cursor.peek(min(present, MAX_BODY - len(content)))
        cursor.take(present)
        start = cursor.position
        behind = _line(cursor)
        if behind != b"":
            cursor.position = cursor.end if behind is None else start
            return Body(bytes(content), False)


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
