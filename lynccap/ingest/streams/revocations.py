"""Reads revocation lists and OCSP responses into rows of REVOCATIONS (RFC 5280 5, RFC 6960 4.2)."""

from base64 import b64decode
from typing import Any

from cryptography import x509
from cryptography.x509 import ocsp

from lynccap.ingest.streams.certificates import UNREADABLE, leniently

MAX_STATUSES = 64  # of one OCSP response: CryptoAPI asks about one certificate at a time
MAX_REASON = 200  # characters of the library's words

_PEM_BEGIN, _PEM_END = b"-----BEGIN X509 CRL-----", b"-----END"
_WITHOUT_DATES = (0, 0, 0)
_NO_STATUS = ("", "", 0, "")

Fields = tuple[Any, ...]


def read_revocations(kind: str, content: bytes, this_update: int, next_update: int) -> list[Fields]:
    """The columns of REVOCATIONS from `issuer` on; the given dates stand where the content cannot be parsed."""
    with leniently():
        try:
            return _statuses(content) if kind == "ocsp" else [_list(content)]
        except UNREADABLE as problem:
            says = f"not readable ({len(content)} bytes are kept): {str(problem)[:MAX_REASON]}"
            return [("", "", this_update, next_update, 0, "", "", -1, *_NO_STATUS, "", says)]


def _list(content: bytes) -> Fields:
    found = x509.load_der_x509_crl(_plain(content))
    return (
        found.issuer.rfc4514_string(),
        "",
        _time(found.last_update_utc),
        _time(found.next_update_utc),
        0,
        _number(found, x509.CRLNumber),
        _number(found, x509.DeltaCRLIndicator),
        len(found),
        *_NO_STATUS,
        _hash(found),
        "",
    )


def _plain(content: bytes) -> bytes:
    """The DER inside PEM; other content as it is."""
    _, begin, rest = content.partition(_PEM_BEGIN)
    return b64decode(b"".join(rest.partition(_PEM_END)[0].split())) if begin else content


def _number(found: x509.CertificateRevocationList, kind: Any) -> str:
    """A number from the extension; "" when it is absent or damaged, which does not make the rest unreadable."""
    try:
        value = found.extensions.get_extension_for_class(kind).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, *UNREADABLE):
        return ""
    return str(getattr(value, "crl_number", ""))


def _statuses(content: bytes) -> list[Fields]:
    response = ocsp.load_der_ocsp_response(content)
    said = response.response_status.name.lower()
    if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        return [("", said, *_WITHOUT_DATES, "", "", -1, *_NO_STATUS, "", "")]
    responder = response.responder_name.rfc4514_string() if response.responder_name else ""
    produced, signature = _time(response.produced_at_utc), _hash(response)
    return [
        (
            responder,
            said,
            _time(one.this_update_utc),
            _time(one.next_update_utc),
            produced,
            "",
            "",
            -1,
            f"{one.serial_number:x}",
            one.certificate_status.name.lower(),
            _time(one.revocation_time_utc),
            str(one.revocation_reason.value) if one.revocation_reason else "",
            signature,
            "",
        )
        for one, _ in zip(response.responses, range(MAX_STATUSES), strict=False)
    ]


def _time(moment: Any) -> int:
    return int(moment.timestamp()) * 1_000_000_000 if moment else 0


def _hash(signed: Any) -> str:
    try:
        algorithm = signed.signature_hash_algorithm
    except UNREADABLE:
        return ""
    return algorithm.name if algorithm else ""
