"""How a SIP message takes part in authentication, without any of what proves it ([MS-SIPAE] 2.2, RFC 3261 22).

TLS-DSK carries a TLS handshake in gssapi-data, NTLM its three messages. Which ones is read; their bytes, like
nonces and signatures, are not kept.
"""

import binascii
import re
from collections.abc import Iterator
from typing import NamedTuple

from dissectors.sip.headers import MAX_VALUE, Headers, parameters

MAX_STEPS = 16
"""Handshake messages named of one gssapi-data: the longest flight, hello to hello-done, has five."""

_SCHEME = re.compile(r"\s*([A-Za-z][\w-]{0,31})")
_OFFERS = ("www-authenticate", "proxy-authenticate")
_PROOFS = ("authorization", "proxy-authorization")
_CONFIRMATIONS = ("authentication-info", "proxy-authentication-info")
PROOF = frozenset({*_OFFERS, *_PROOFS, *_CONFIRMATIONS})
"""The headers of authentication."""
_TLS_VERSIONS = {0x0300: "ssl3.0", 0x0301: "tls1.0", 0x0302: "tls1.1", 0x0303: "tls1.2"}
_CHANGE_CIPHER_SPEC, _ALERT, _HANDSHAKE = 20, 21, 22
_HANDSHAKE_TYPES = {
    1: "client-hello",
    2: "server-hello",
    11: "certificate",
    12: "server-key-exchange",
    13: "certificate-request",
    14: "server-hello-done",
    15: "certificate-verify",
    16: "client-key-exchange",
}  # RFC 5246 7.4
_NTLM = b"NTLMSSP\0"
_NTLM_TYPES = {1: "ntlm-negotiate", 2: "ntlm-challenge", 3: "ntlm-authenticate"}  # [MS-NLMP] 2.2.1


class Authentication(NamedTuple):
    """What the authentication headers of one message say."""

    offered: str | None = None
    used: str | None = None
    realm: str | None = None
    target: str | None = None
    sts_uri: str | None = None
    gssapi_length: int | None = None
    steps: tuple[str, ...] = ()
    confirmed: bool = False


def read_authentication(headers: Headers) -> Authentication:
    """The authentication of one message; the realm, target and address come from the first header that names them."""
    offers = [value for name in _OFFERS for value in headers.get(name, ())]
    proofs = [value for name in _PROOFS for value in headers.get(name, ())]
    confirmed = [value for name in _CONFIRMATIONS for value in headers.get(name, ())]
    said = [parameters(value) for value in (*proofs, *offers, *confirmed)]
    tokens = [one["gssapi-data"] for one in said if "gssapi-data" in one]
    token = _decoded(max(tokens, key=len)) if tokens else None
    return Authentication(
        offered=_schemes(offers),
        used=_schemes(proofs),
        realm=_named(said, "realm"),
        target=_named(said, "targetname"),
        sts_uri=_named(said, "sts-uri"),
        gssapi_length=None if token is None else len(token),
        steps=tuple(_steps(token or b"")),
        confirmed=bool(confirmed),
    )


def _named(said: list[dict[str, str]], name: str) -> str | None:
    return next((one[name][:MAX_VALUE] for one in said if one.get(name)), None)


def _schemes(values: list[str]) -> str | None:
    """The schemes in order and once each."""
    names = (found[1] for value in values if (found := _SCHEME.match(value)))
    return ",".join(dict.fromkeys(names)) or None


def _decoded(text: str) -> bytes:
    try:
        return binascii.a2b_base64(text.encode("ascii", "replace"))
    except binascii.Error:
        return b""


def _steps(token: bytes) -> Iterator[str]:
    if token.startswith(_NTLM):
        kind = int.from_bytes(token[8:12], "little")
        yield from (_NTLM_TYPES[kind],) if kind in _NTLM_TYPES else ()
        return
    count, position = 0, 0
    while position + 5 <= len(token) and count < MAX_STEPS:
        kind, version = token[position], int.from_bytes(token[position + 1 : position + 3], "big")
        if version not in _TLS_VERSIONS:
            return
        if not count:
            yield _TLS_VERSIONS[version]
        size = int.from_bytes(token[position + 3 : position + 5], "big")
        record = token[position + 5 : position + 5 + size]
        position += 5 + size
        count += 1
        if kind == _CHANGE_CIPHER_SPEC:
            yield "change-cipher-spec"
            return  # what follows is encrypted
        if kind == _ALERT and len(record) == 2:
            yield f"alert {record[1]}"
        elif kind == _HANDSHAKE:
            yield from _handshakes(record)


def _handshakes(record: bytes) -> Iterator[str]:
    position = 0
    for _ in range(MAX_STEPS):
        if position + 4 > len(record) or record[position] not in _HANDSHAKE_TYPES:
            return
        yield _HANDSHAKE_TYPES[record[position]]
        position += 4 + int.from_bytes(record[position + 1 : position + 4], "big")
