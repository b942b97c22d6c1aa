"""Reads X.509 certificates into rows of CERTIFICATES (RFC 5280)."""

import hashlib
from collections.abc import Callable
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID, SignatureAlgorithmOID

from lynccap.ingest.streams.x509.leniency import (
    UNREADABLE,
    hash_name,
    leniently,
    load_certificate,
    nanoseconds,
    unreadable,
)

MAX_NAMES = 1000  # names kept of one certificate; public ones hold at most a few hundred
KEY_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
)
"""RFC 5280 4.2.1.3, in the order of its bits; two more only narrow down key_agreement."""

Fields = tuple[Any, ...]


def read_certificate(der: bytes) -> Fields:
    """The columns of CERTIFICATES from `subject` to `unreadable`, which says why a certificate cannot be parsed."""
    digest = hashlib.sha256(der).hexdigest()
    with leniently():
        try:
            return _fields(load_certificate(der), digest)
        except UNREADABLE as problem:
            says = unreadable(f"not a readable X.509 certificate ({len(der)} bytes)", problem)
            return ("", "", "", (), (), (), "", 0, 0, (), (), (), (), (), False, False, "", "", "", "", digest, says)


def _fields(certificate: x509.Certificate, digest: str) -> Fields:
    return (
        _name(certificate.subject),
        _common_name(certificate.subject),
        _name(certificate.issuer),
        _part(lambda: _names(certificate, x509.DNSName)),
        _part(lambda: tuple(map(str, _names(certificate, x509.IPAddress)))),
        _part(lambda: _names(certificate, x509.UniformResourceIdentifier)),
        f"{certificate.serial_number:x}",
        nanoseconds(certificate.not_valid_before_utc),
        nanoseconds(certificate.not_valid_after_utc),
        _part(lambda: _crl_urls(certificate)),
        _part(lambda: _access_urls(certificate, AuthorityInformationAccessOID.OCSP)),
        _part(lambda: _access_urls(certificate, AuthorityInformationAccessOID.CA_ISSUERS)),
        _part(lambda: _usages(certificate)),
        _part(lambda: _key_usages(certificate)),
        bool(_part(lambda: _authority(certificate))),
        certificate.subject == certificate.issuer,
        "".join(_part(lambda: _subject_key(certificate))),
        "".join(_part(lambda: _authority_key(certificate))),
        _key(certificate),
        _signature(certificate),
        digest,
        "",
    )


def _part(read: Callable[[], tuple[Any, ...]]) -> tuple[Any, ...]:
    """An extension's values; () when it is absent or damaged, which does not make the rest unreadable."""
    try:
        return read()
    except (x509.ExtensionNotFound, x509.DuplicateExtension, *UNREADABLE):
        return ()


def _name(name: x509.Name) -> str:
    return name.rfc4514_string()


def _common_name(name: x509.Name) -> str:
    values = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(values[-1].value) if values else ""


def _names(certificate: x509.Certificate, kind: Any) -> tuple[Any, ...]:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return tuple(names.get_values_for_type(kind)[:MAX_NAMES])


def _crl_urls(certificate: x509.Certificate) -> tuple[str, ...]:
    points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    found = [name.value for point in points for name in point.full_name or () if _is_url(name)]
    return tuple(found[:MAX_NAMES])


def _access_urls(certificate: x509.Certificate, method: x509.ObjectIdentifier) -> tuple[str, ...]:
    access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    places = [one.access_location for one in access if one.access_method == method]
    return tuple([place.value for place in places if _is_url(place)][:MAX_NAMES])


def _is_url(name: x509.GeneralName) -> bool:
    return isinstance(name, x509.UniformResourceIdentifier)


def _usages(certificate: x509.Certificate) -> tuple[str, ...]:
    usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    return tuple(_usage(one) for one in usages)[:MAX_NAMES]


def _usage(identifier: x509.ObjectIdentifier) -> str:
    name = getattr(identifier, "_name", "Unknown OID")
    return identifier.dotted_string if name == "Unknown OID" else str(name)


def _key_usages(certificate: x509.Certificate) -> tuple[str, ...]:
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    return tuple(name for name in KEY_USAGES if getattr(usage, name))


def _authority(certificate: x509.Certificate) -> tuple[bool, ...]:
    return (True,) if certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca else ()


def _subject_key(certificate: x509.Certificate) -> tuple[str, ...]:
    return (certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest.hex(),)


def _authority_key(certificate: x509.Certificate) -> tuple[str, ...]:
    identifier = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    return (identifier.hex(),) if identifier else ()


def _signature(certificate: x509.Certificate) -> str:
    padded = certificate.signature_algorithm_oid == SignatureAlgorithmOID.RSASSA_PSS
    return hash_name(certificate) + " pss" * padded


def _key(certificate: x509.Certificate) -> str:
    try:
        key = certificate.public_key()
    except UNREADABLE:
        return ""
    if isinstance(key, rsa.RSAPublicKey):
        return f"rsa {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"ec {key.curve.name}"
    if isinstance(key, dsa.DSAPublicKey):
        return f"dsa {key.key_size}"
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "ed25519"
    return "ed448" if isinstance(key, ed448.Ed448PublicKey) else type(key).__name__.lower()
