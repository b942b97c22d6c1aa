"""Revoked serial numbers are found in lists, and by nothing else."""

from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from dissectors.crl import lists_serial
from lynccap.ingest.streams.x509.certificates import read_certificate

NOW = datetime(2023, 11, 1, tzinfo=UTC)
NAME = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Lists CA")])


def listing(*serials: int, encoding: serialization.Encoding = serialization.Encoding.DER) -> bytes:
    builder = x509.CertificateRevocationListBuilder().issuer_name(NAME).last_update(NOW).next_update(NOW)
    for serial in serials:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW).build()
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()).public_bytes(encoding)


@pytest.mark.parametrize("encoding", [serialization.Encoding.DER, serialization.Encoding.PEM])
def test_list_holds_its_numbers_and_no_other(encoding: serialization.Encoding) -> None:
    content = listing(5, 0x1A00_0000_0003, 2**150, encoding=encoding)

    assert [lists_serial(content, one) for one in (5, 0x1A00_0000_0003, 2**150, 6)] == [True, True, True, False]


def test_empty_list_holds_none() -> None:
    assert not lists_serial(listing(), 5)


@pytest.mark.parametrize("cut", [0, 1, 20, 60, 120])
def test_list_that_is_cut_raises_nothing(cut: int) -> None:
    assert not lists_serial(listing(5)[:cut], 6)


@pytest.mark.parametrize(("padded", "says"), [(True, "sha256 pss"), (False, "sha256")])
def test_padding_of_a_signature_is_told(padded: bool, says: str) -> None:
    key = rsa.generate_private_key(65537, 2048)
    builder = x509.CertificateBuilder(NAME, NAME, key.public_key(), 7, NOW, datetime(2030, 1, 1, tzinfo=UTC))
    scheme = padding.PSS(padding.MGF1(hashes.SHA256()), 32) if padded else padding.PKCS1v15()
    made = builder.sign(key, hashes.SHA256(), rsa_padding=scheme)

    assert says in read_certificate(made.public_bytes(serialization.Encoding.DER))
