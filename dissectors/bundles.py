"""What stands in PEM (RFC 7468), and certificates: bare, or in a PKCS#7 bundle (RFC 5280 4.1, RFC 2315 9)."""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator

from dissectors.contract import Cursor, Malformed, Truncated
from dissectors.der import enter_der, read_der

MAX_CERTIFICATES = 64  # of one file or answer: a deployment's root chains are fewer than ten certificates

_PEM = re.compile(rb"-----BEGIN [A-Z0-9 #]{1,40}-----([A-Za-z0-9+/=\s]+)-----END")
_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")  # 1.2.840.113549.1.7.2, RFC 2315 14
_SEQUENCE, _SET, _INTEGER, _OID, _CONTEXT_0 = 0x30, 0x31, 0x02, 0x06, 0xA0


def certificates_of(content: bytes) -> tuple[bytes, ...]:
    """The certificates of a DER value or of PEM texts, as DER and in order; () for other content. Never raises."""
    found: list[bytes] = []
    for der in unarmoured(content):
        try:
            found.extend(_certificates(der))
        except (Truncated, Malformed):
            continue
        if len(found) >= MAX_CERTIFICATES:
            break
    return tuple(found[:MAX_CERTIFICATES])


def unarmoured(content: bytes) -> Iterator[bytes]:
    """The DER values of PEM texts, which CryptoAPI takes too; other content as it is. Never raises."""
    if b"-----BEGIN " not in content[:1024]:
        yield content
        return
    for text in _PEM.finditer(content):
        try:
            yield b64decode(b"".join(text[1].split()), validate=True)
        except Base64Error:
            continue


def _certificates(der: bytes) -> Iterator[bytes]:
    """The certificates of one DER value. Raises Truncated or Malformed where it holds none."""
    content = enter_der(Cursor(der), _SEQUENCE)
    tag, first = read_der(content)
    if tag == _SEQUENCE:
        enter_certificate(first)
        yield der
    elif tag == _OID and first.rest() == _SIGNED_DATA:
        yield from _bundled(enter_der(enter_der(content, _CONTEXT_0), _SEQUENCE))


def enter_certificate(to_sign: Cursor) -> None:
    """Move behind the validity of what is signed of a certificate. Raises Truncated or Malformed for anything else."""
    if to_sign.peek(1) == b"\xa0":  # version
        enter_der(to_sign, _CONTEXT_0)
    for wanted in (_INTEGER, _SEQUENCE, _SEQUENCE, _SEQUENCE):  # serial, algorithm, issuer, validity
        enter_der(to_sign, wanted)


def _bundled(signed: Cursor) -> Iterator[bytes]:
    """RFC 2315 9.1: version, digest algorithms, content, then the certificates."""
    for tag in (_INTEGER, _SET, _SEQUENCE):
        enter_der(signed, tag)
    bundle = enter_der(signed, _CONTEXT_0)
    while bundle.remaining:
        start = bundle.position
        tag, _ = read_der(bundle)
        if tag == _SEQUENCE:
            yield bundle.data[start : bundle.position]
