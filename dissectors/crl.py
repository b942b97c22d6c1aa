"""Revocation and chain fetches on HTTP: CRLs, OCSP, issuer certificates, Microsoft's root lists.

RFC 5280 4.2.1.13 and 4.2.2.1, RFC 6960 A.1, RFC 5019 5. Answers are checked by the skeleton of their DER:
enough to tell a CRL from the HTML page of a captive portal, and to read when it expires.
"""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from calendar import timegm
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from dissectors.bundles import enter_certificate, unarmoured
from dissectors.contract import Cursor, Malformed, Message, Truncated
from dissectors.der import enter_der, open_der, read_der
from dissectors.http import HttpMessage, outcome_of, path_of

OCSP_REQUEST = "application/ocsp-request"
ROOT_LIST_FOLDER = "/trustedr/"  # of ctldl.windowsupdate.com, the only service with such a folder
MAX_OCSP_PATH = 512  # RFC 5019 5: longer requests are sent by POST

_CABINET = b"MSCF"
_SEQUENCE, _INTEGER, _OID, _ENUMERATED, _OCTETS = 0x30, 0x02, 0x06, 0x0A, 0x04
_UTC_TIME, _GENERALIZED_TIME = 0x17, 0x18
_CONTEXT_0, _CONTEXT_1, _CONTEXT_2 = 0xA0, 0xA1, 0xA2
_CERTIFICATE_STATUS = {0x80: "good", 0xA1: "revoked", 0x81: "revoked", 0x82: "unknown"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CrlExchange(Message):
    """One fetch of revocation or chain data and what came of it."""

    protocol: ClassVar[str] = "crl"

    kind: str
    """crl, delta-crl, ocsp, issuer-certificate, trust-list"""
    url: str
    status: int | None
    outcome: str
    """One of ExchangeOutcome."""
    content_ok: bool
    """The answer is of the kind asked for (an HTML page is not), or 304: the copy held is current."""
    content_type: str | None = None
    this_update: int = 0
    """Nanoseconds since 1970-01-01 UTC; 0 unknown. Of the CRL, or of OCSP's word on its first certificate."""
    next_update: int = 0
    ocsp_status: int | None = None
    """responseStatus: 0 successful, 1 malformed, 2 internal error, 3 try later, 5 sign it, 6 unauthorized."""
    certificate_status: str | None = None
    """good, revoked, unknown: OCSP's word on the first certificate."""
    location: str | None = None
    """Where a redirect points."""
    content: bytes = b""
    """The answer's body, at most http.MAX_BODY bytes."""


@dataclass(frozen=True, slots=True)
class _Told:
    """What the skeleton of an answer says."""

    this_update: int = 0
    next_update: int = 0
    ocsp_status: int | None = None
    certificate_status: str | None = None


def claims(request: HttpMessage) -> bool:
    """Whether the request fetches revocation or chain data, by path and content type."""
    return _kind(request) is not None


def read(request: HttpMessage, response: HttpMessage | None) -> CrlExchange:
    """What was fetched, how it ended and, when the answer is what it should be, its dates. Never raises."""
    kind = _kind(request) or "crl"
    content = response.body if response else b""
    told = _check(kind, content)
    current = response is not None and response.status == 304
    told = told if told or not current else _Told()
    return CrlExchange(
        kind=kind,
        url=_url(request),
        status=response.status if response else None,
        outcome=outcome_of(request, response),
        content_ok=told is not None,
        content_type=response.content_type if response else None,
        this_update=told.this_update if told else 0,
        next_update=told.next_update if told else 0,
        ocsp_status=told.ocsp_status if told else None,
        certificate_status=told.certificate_status if told else None,
        location=response.location if response else None,
        content=content,
    )


def _kind(request: HttpMessage) -> str | None:
    path = path_of(request)
    name = path.lower()
    if (request.content_type or "").lower().startswith(OCSP_REQUEST):
        return "ocsp"
    if request.method not in ("GET", "HEAD"):
        return None
    if ROOT_LIST_FOLDER in name and name.endswith((".cab", ".crt", ".stl")):
        return "trust-list"
    if name.endswith(".crl"):
        return "delta-crl" if name.endswith("+.crl") else "crl"
    if name.endswith((".crt", ".cer", ".p7c", ".p7b")):
        return "issuer-certificate"
    return "ocsp" if _holds_ocsp_request(path) else None


def _url(request: HttpMessage) -> str:
    target = request.target or ""
    return target if "://" in target[:8] or not request.host else f"http://{request.host}{target}"


def _holds_ocsp_request(path: str) -> bool:
    """RFC 6960 A.1: the request's DER in base64 ends the path; base64 may hold slashes itself."""
    if len(path) > MAX_OCSP_PATH:
        return False
    return any(_is_ocsp_request(path[start.end() :]) for start in re.finditer("/(?=M)", path))


def _is_ocsp_request(text: str) -> bool:
    try:
        der = Cursor(b64decode(text + "=" * (-len(text) % 4), validate=True))
        to_sign = enter_der(enter_der(der, _SEQUENCE), _SEQUENCE)
        while to_sign.peek(1) in (b"\xa0", b"\xa1"):  # version, requestor name
            read_der(to_sign)
        certificate = enter_der(enter_der(enter_der(to_sign, _SEQUENCE), _SEQUENCE), _SEQUENCE)
        algorithm, name_hash, key_hash = (read_der(certificate)[0] for _ in range(3))
    except (Base64Error, ValueError, Truncated, Malformed):
        return False
    return (algorithm, name_hash, key_hash) == (_SEQUENCE, _OCTETS, _OCTETS)


def _check(kind: str, content: bytes) -> _Told | None:
    """What the content says when it is of the kind asked for, else None."""
    try:
        der = next(unarmoured(content), b"")
        if kind in ("crl", "delta-crl"):
            return _crl(Cursor(der))
        if kind == "ocsp":
            return _ocsp(Cursor(der))
        if kind == "trust-list" and content.startswith(_CABINET):
            return _Told()
        return _certificate(Cursor(der))
    except (Truncated, Malformed):
        return None


def _crl(content: Cursor) -> _Told:
    """RFC 5280 5.1, up to nextUpdate: the list itself may be longer than what is kept of the body."""
    open_der(content, _SEQUENCE)
    open_der(content, _SEQUENCE)
    if content.peek(1) == b"\x02":
        enter_der(content, _INTEGER)
    enter_der(content, _SEQUENCE)
    enter_der(content, _SEQUENCE)
    this_update = _time(*read_der(content))
    follows = content.peek(1)
    next_update = _time(*read_der(content)) if follows in (b"\x17", b"\x18") else 0
    return _Told(this_update, next_update)


def lists_serial(content: bytes, serial: int) -> bool:
    """Whether a revocation list (DER or PEM) has an entry for that serial number. Never raises."""
    try:
        entries = _entries(Cursor(next(unarmoured(content), b"")))
        while entries.remaining:
            if int.from_bytes(enter_der(enter_der(entries, _SEQUENCE), _INTEGER).rest(), "big") == serial:
                return True
    except (Truncated, Malformed):
        return False
    return False


def _entries(content: Cursor) -> Cursor:
    """The revoked certificates (RFC 5280 5.1), behind the dates. Raises Truncated or Malformed."""
    signed = enter_der(enter_der(content, _SEQUENCE), _SEQUENCE)
    if signed.peek(1) == b"\x02":
        enter_der(signed, _INTEGER)
    for _ in range(3):  # algorithm, issuer, thisUpdate
        read_der(signed)
    if signed.peek(1) in (b"\x17", b"\x18"):
        read_der(signed)
    return enter_der(signed, _SEQUENCE) if signed.peek(1) == b"\x30" else Cursor(b"")


def _ocsp(content: Cursor) -> _Told:
    """RFC 6960 4.2.1, the first single response."""
    response = enter_der(content, _SEQUENCE)
    status = enter_der(response, _ENUMERATED).uint(1)
    if not response.remaining:
        return _Told(ocsp_status=status)
    typed = enter_der(enter_der(response, _CONTEXT_0), _SEQUENCE)
    enter_der(typed, _OID)
    basic = enter_der(enter_der(typed, _OCTETS), _SEQUENCE)
    data = enter_der(basic, _SEQUENCE)
    tag, _ = read_der(data)
    if tag == _CONTEXT_0:  # version; the responder's id follows
        tag, _ = read_der(data)
    if tag not in (_CONTEXT_1, _CONTEXT_2):
        raise Malformed("no responder id")
    enter_der(data, _GENERALIZED_TIME)
    single = enter_der(enter_der(data, _SEQUENCE), _SEQUENCE)
    enter_der(single, _SEQUENCE)
    word = _CERTIFICATE_STATUS.get(read_der(single)[0])
    this_update = _time(*read_der(single))
    until = enter_der(single, _CONTEXT_0) if single.peek(1) == b"\xa0" else None
    return _Told(this_update, _time(*read_der(until)) if until else 0, status, word)


def _certificate(content: Cursor) -> _Told:
    """A certificate (RFC 5280 4.1) or a PKCS#7 bundle (RFC 2315 7), by how it begins."""
    open_der(content, _SEQUENCE)
    tag = open_der(content, _SEQUENCE, _OID)
    if tag == _SEQUENCE:
        enter_certificate(content)
    return _Told()


def _time(tag: int, content: Cursor) -> int:
    """RFC 5280 5.1.2.4: UTCTime's two-digit year is of 1950 to 2049."""
    text = content.rest().decode("ascii", "replace")
    if tag == _UTC_TIME:
        text = ("19" if text[:2] >= "50" else "20") + text
    elif tag != _GENERALIZED_TIME:
        raise Malformed(f"DER tag {tag:#x} where a time belongs")
    try:
        moment = datetime.strptime(text, "%Y%m%d%H%M%SZ")
    except ValueError as wrong:
        raise Malformed(f"no time: {wrong}") from wrong
    return timegm(moment.timetuple()) * 1_000_000_000
