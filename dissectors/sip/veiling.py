"""Bodies without the secrets they carry: each is overwritten in its own length, so that all else stays where it was.

Media keys (RFC 4568 6.1), ICE passwords of both generations, relay credentials ([MS-AVEDGEA] 2.2.4), and the token that
admits to web conferencing ([MS-CONFBAS] 2.2.3.18).
"""

import re

_SECRETS = (
    (b"inline:", re.compile(rb"(?<=inline:)[^\s|;]+", re.IGNORECASE)),
    (b"ice-pwd:", re.compile(rb"(?<=a=ice-pwd:)[^\r\n]+", re.IGNORECASE)),
    (
        b"candidate:",
        re.compile(rb"(?<=a=candidate:)(?P<open>\S{1,256}[ \t]+\d+[ \t]+)\S+(?=[ \t]+(?:UDP|TCP)[ \t]+0?\.)"),
    ),
    (b"username", re.compile(rb"(?P<open><(?:[\w-]{1,32}:)?username\b[^<>]*>)[^<]+", re.IGNORECASE)),
    (b"password", re.compile(rb"(?P<open><(?:[\w-]{1,32}:)?password\b[^<>]*>)[^<]+", re.IGNORECASE)),
    (
        b"sauthid",
        re.compile(
            rb"(?P<open><(?:[\w-]{1,32}:)?key>\s*sAuthId\s*</(?:[\w-]{1,32}:)?key>\s*<(?:[\w-]{1,32}:)?value>)[^<]+",
            re.IGNORECASE,
        ),
    ),
)
"""A word without which the pattern cannot match, and the pattern; what it opens with stays."""
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def veil(body: bytes) -> bytes:
    """The body with its secrets overwritten; empty when it is text in which they would not be found."""
    if body.startswith(_UTF16):
        return b""
    lower = body.lower()
    for word, pattern in _SECRETS:
        if word in lower:
            body = pattern.sub(_overwritten, body)
    return body


def _overwritten(found: re.Match[bytes]) -> bytes:
    kept = found.groupdict().get("open") or b""
    return kept + b"x" * (len(found[0]) - len(kept))
