"""Which way of logging on a message speaks of, without keeping what it carries (RFC 9110 11, RFC 4559, [MS-NTHT])."""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable

from dissectors.http.headers import MAX_VALUE, Headers

MAX_TOKEN = 4096  # base64 characters looked at: what names the token stands in its first bytes

_TOKEN = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,31}")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)')  # an open one reaches to the end: nothing is scanned twice
_SCHEMES = frozenset({"basic", "bearer", "digest", "kerberos", "negotiate", "ntlm", "passport1.4", "tls-dsk"})
_WITH_TOKEN = frozenset({"kerberos", "negotiate", "ntlm"})
_NTLM = re.compile(rb"NTLMSSP\0([\1-\3])\0\0\0")  # [MS-NLMP] 2.2.1
_KERBEROS = (bytes.fromhex("2a864886f712010202"), bytes.fromhex("2a864882f712010202"))
"""The mechanism's OID, and the spelling Windows 2000 got wrong and all later ones keep offering ([MS-SPNG])."""
_CARRIERS = ("authorization", "proxy-authorization", "www-authenticate", "proxy-authenticate")


def credential_scheme(value: str) -> str:
    """The scheme of an Authorization value; "unnamed" when the value could be a bare credential."""
    scheme, _, credential = value[:MAX_VALUE].partition(" ")
    named = scheme.lower() in _SCHEMES or (credential and _TOKEN.fullmatch(scheme))
    return scheme if named else "unnamed"


def challenge_schemes(value: str) -> Iterable[str]:
    """The schemes of a WWW-Authenticate value, which may hold several challenges (RFC 9110 11.6.1)."""
    for part in _QUOTED.sub("", value[:MAX_VALUE]).split(","):
        word = part.split(maxsplit=1)[0] if part.strip() else ""
        if _TOKEN.fullmatch(word):
            yield word


def token_kind(headers: Headers) -> str | None:
    """What the log-on token of a message is, as HttpMessage has it; None when it carries none."""
    for name in _CARRIERS:
        for value in headers.get(name, ()):
            scheme, _, token = value.partition(" ")
            kind = _kind(token.strip()) if scheme.lower() in _WITH_TOKEN else None
            if kind:
                return kind
    return None


def _kind(token: str) -> str | None:
    text = token[:MAX_TOKEN]
    try:
        raw = b64decode(text[: len(text) - len(text) % 4])
    except (Base64Error, ValueError):
        return None
    ntlm = _NTLM.search(raw)  # bare, or inside what Negotiate wraps around it
    if ntlm:
        return f"ntlm-{ntlm[1][0]}"
    if any(one in raw for one in _KERBEROS):
        return "kerberos"
    return "spnego" if raw[:1] in (b"\x60", b"\xa0", b"\xa1") else None
