"""Reads revocation lists and OCSP responses into rows of REVOCATIONS (RFC 5280 5, RFC 6960 4.2)."""

from typing import Any

from cryptography import x509
from cryptography.x509 import ocsp

from dissectors.bundles import unarmoured
from lynccap.ingest.streams.x509.leniency import UNREADABLE, hash_name, leniently, nanoseconds, unreadable

MAX_STATUSES = 64  # of one OCSP response: CryptoAPI asks about one certificate at a time
_WITHOUT_DATES = (0, 0, 0)
_NO_STATUS = ("", "", 0, "")

Fields = tuple[Any, ...]


def read_revocations(kind: str, content: bytes, this_update: int, next_update: int) -> list[Fields]:
    """The columns of REVOCATIONS from `issuer` on; the given dates stand where the content cannot be parsed."""
    with leniently():
        try:
            return _statuses(content) if kind == "ocsp" else [_list(content)]
        except UNREADABLE as problem:
            says = unreadable(f"not readable ({len(content)} bytes are kept)", problem)
            return [("", "", this_update, next_update, 0, "", "", -1, *_NO_STATUS, "", says)]


def _list(content: bytes) -> Fields:
    found = x509.load_der_x509_crl(next(unarmoured(content), b""))
    return (
        found.issuer.rfc4514_string(),
        "",
        nanoseconds(found.last_update_utc),
        nanoseconds(found.next_update_utc),
        0,
        _number(found, x509.CRLNumber),
        _number(found, x509.DeltaCRLIndicator),
        len(found),
        *_NO_STATUS,
        hash_name(found),
        "",
    )


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
    produced, signature = nanoseconds(response.produced_at_utc), hash_name(response)
    return [
        (
            responder,
            said,
            nanoseconds(one.this_update_utc),
            nanoseconds(one.next_update_utc),
            produced,
            "",
            "",
            -1,
            f"{one.serial_number:x}",
            one.certificate_status.name.lower(),
            nanoseconds(one.revocation_time_utc),
            str(one.revocation_reason.value) if one.revocation_reason else "",
            signature,
            "",
        )
        for one, _ in zip(response.responses, range(MAX_STATUSES), strict=False)
    ]
