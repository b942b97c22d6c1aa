"""The parts of a multipart body (RFC 2046 5.1), and which of them speak to Lync."""

import re

MAX_PARTS = 32
"""Parts looked at of one body; Lync sends two."""

_BOUNDARY = re.compile(r'boundary\s*=\s*"?([^";]{1,70})', re.IGNORECASE)
_DASHES = re.compile(rb"\s*--([^\r\n]{1,70}?)[ \t]*\r?\n")
_FALLBACK = b"ms-proxy-2007fallback"


def split_parts(body: bytes, content_type: str = "") -> list[bytes]:
    """The parts, each with its own headers; the body itself when it has none.

    The boundary is the one of `content_type`, or, where that is not at hand, of the body's first line.
    """
    named = _BOUNDARY.search(content_type) if content_type.lower().startswith("multipart/") else None
    guessed = None if content_type else _DASHES.match(body)
    boundary = named[1].strip().encode() if named else guessed[1] if guessed else b""
    if not boundary:
        return [body]
    return body.split(b"--" + boundary, MAX_PARTS)


def parts_for_lync(body: bytes, content_type: str = "") -> list[bytes]:
    """The same without the one that repeats the offer for Communicator 2007 in the old syntax ([MS-SDPEXT] 3.1.5)."""
    parts = split_parts(body, content_type)
    return [part for part in parts if _FALLBACK not in part] if len(parts) > 1 else parts
