"""Ties the certificates of one handshake together: whose key made whose signature (RFC 5280 6.1).

What a chain proves is that its links hold. Whether anybody trusts its end is not in the packets.
"""

from collections.abc import Sequence

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from lynccap.ingest.streams.certificates import UNREADABLE, Fields, leniently, read_certificate
from lynccap.tables import CERTIFICATES

MAX_CANDIDATES = 4  # certificates of one name in a list: an authority and its renewals; nobody shows more
MAX_CHECKS = 1000  # signatures checked of one capture: a large key takes milliseconds, and captures are hostile

SELF_SIGNED, VERIFIED = "self-signed", "verified"
WRONG_SIGNATURE = "wrong-signature"
"""One with the issuer's name is shown, but another key made the signature: a renewed authority, or a forgery."""
NOT_SHOWN = "not-shown"
"""No certificate beside it bears the issuer's name: usual for the last one, whose issuer the other side must have."""
UNCHECKED = "unchecked"
"""It cannot be read, its signature is of an unknown or forbidden kind, or too much was checked already."""
_COLUMNS = list(CERTIFICATES)[list(CERTIFICATES).index("subject") :]
_SUBJECT, _ISSUER, _UNREADABLE = map(_COLUMNS.index, ("subject", "issuer", "unreadable"))
Link = tuple[int, str]
"""Columns `issued_by` and `link` of CERTIFICATES."""


class Chains:
    """Reads certificate lists; every different certificate is parsed once, and every pair checked once."""

    def __init__(self) -> None:
        """Nothing read."""
        self._fields: dict[bytes, Fields] = {}
        self._checked: dict[tuple[bytes, bytes], bool | None] = {}
        self._links: dict[tuple[bytes, ...], tuple[Fields, ...]] = {}

    def read(self, chain: tuple[bytes, ...]) -> tuple[Fields, ...]:
        """For each certificate (DER, as shown) the columns of CERTIFICATES from `subject` on. Never raises."""
        if chain not in self._links:
            rows = zip(map(self._fields_of, chain), self._linked(chain), strict=True)
            self._links[chain] = tuple([(*fields, *link) for fields, link in rows])
        return self._links[chain]

    def _fields_of(self, der: bytes) -> Fields:
        if der not in self._fields:
            self._fields[der] = read_certificate(der)
        return self._fields[der]

    def _linked(self, chain: Sequence[bytes]) -> list[Link]:
        by_subject: dict[str, list[int]] = {}
        for position, der in enumerate(chain):
            if self._is_readable(der):
                by_subject.setdefault(str(self._fields_of(der)[_SUBJECT]), []).append(position)
        unread = not all(map(self._is_readable, chain))
        return [self._link(chain, position, by_subject, unread) for position in range(len(chain))]

    def _link(self, chain: Sequence[bytes], position: int, by_subject: dict[str, list[int]], unread: bool) -> Link:
        der = chain[position]
        if not self._is_readable(der):
            return -1, UNCHECKED
        bearers = by_subject.get(str(self._fields_of(der)[_ISSUER]), [])
        if not bearers:
            return -1, UNCHECKED if unread else NOT_SHOWN
        if len(bearers) > MAX_CANDIDATES:
            return -1, UNCHECKED
        # Its issuer mostly comes right behind it; itself is tried first, which settles roots.
        nearest = sorted(bearers, key=lambda one: (one != position, one < position, abs(one - position)))
        verdicts = []
        for one in nearest:
            verdicts.append(self._issued(der, chain[one]))
            if verdicts[-1]:
                return one, SELF_SIGNED if one == position else VERIFIED
        return -1, UNCHECKED if unread or None in verdicts else WRONG_SIGNATURE

    def _issued(self, der: bytes, issuer: bytes) -> bool | None:
        """Whether the issuer's key made the signature; None when that cannot be told."""
        pair = der, issuer
        if pair not in self._checked:
            self._checked[pair] = _verifies(der, issuer) if len(self._checked) < MAX_CHECKS else None
        return self._checked[pair]

    def _is_readable(self, der: bytes) -> bool:
        return not self._fields_of(der)[_UNREADABLE]


def _verifies(der: bytes, issuer: bytes) -> bool | None:
    with leniently():
        try:
            _verify(x509.load_der_x509_certificate(der), x509.load_der_x509_certificate(issuer))
        except InvalidSignature:
            return False
        except UNREADABLE:
            return None
    return True


def _verify(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    """The library's own check of certificates refuses SHA-1, which many deployments still sign with."""
    key = issuer.public_key()
    signature, signed = certificate.signature, certificate.tbs_certificate_bytes
    kind, digest = certificate.signature_algorithm_parameters, certificate.signature_hash_algorithm
    if isinstance(key, rsa.RSAPublicKey) and isinstance(kind, padding.AsymmetricPadding) and digest:
        key.verify(signature, signed, kind, digest)
    elif isinstance(key, ec.EllipticCurvePublicKey) and isinstance(kind, ec.ECDSA):
        key.verify(signature, signed, kind)
    else:
        certificate.verify_directly_issued_by(issuer)
