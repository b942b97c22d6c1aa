"""Certificates as rows: those that are damaged on the way say so, and never raise."""

import shutil
import subprocess
from datetime import UTC, datetime
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st
from tls_sessions import mint

from lynccap.ingest.streams.x509.certificates import read_certificate
from lynccap.ingest.streams.x509.chains import MAX_CANDIDATES, Chains
from lynccap.tables import CERTIFICATES

OCSP, CA_ISSUERS = AuthorityInformationAccessOID.OCSP, AuthorityInformationAccessOID.CA_ISSUERS

FIELDS = list(CERTIFICATES)[list(CERTIFICATES).index("subject") : list(CERTIFICATES).index("issued_by")]
VERSION_3 = bytes.fromhex("a003020102")


EXTRAS = (
    x509.SubjectAlternativeName(
        [
            x509.DNSName("*.contoso.com"),
            x509.DNSName("sip.contoso.com"),
            x509.IPAddress(ip_address("192.0.2.7")),
            x509.IPAddress(ip_address("2001:db8::7")),
            x509.UniformResourceIdentifier("sip:contoso.com"),
        ]
    ),
    x509.CRLDistributionPoints(
        [x509.DistributionPoint([x509.UniformResourceIdentifier("http://pki.contoso.com/ca.crl")], None, None, None)]
    ),
    x509.AuthorityInformationAccess(
        [
            x509.AccessDescription(OCSP, x509.UniformResourceIdentifier("http://ocsp.contoso.com/")),
            x509.AccessDescription(CA_ISSUERS, x509.UniformResourceIdentifier("http://pki.contoso.com/ca.crt")),
        ]
    ),
    x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, x509.ObjectIdentifier("1.3.6.1.4.1.311.10.3.3")]),
    x509.KeyUsage(True, False, True, False, False, False, False, False, False),
)


def issue(name, issuer=None, issuer_key=None, *, authority=False, extras=(), rsa_key=False, digest=hashes.SHA256):
    """A certificate (DER) with its key, signed by itself unless an issuer is given."""
    key = rsa.generate_private_key(65537, 2048) if rsa_key else ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    parent = x509.load_der_x509_certificate(issuer) if issuer else None
    signer = issuer_key or key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(parent.subject if parent else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2040, 1, 1, tzinfo=UTC))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    for extra in extras:
        builder = builder.add_extension(extra, critical=False)
    return builder.sign(signer, digest()).public_bytes(serialization.Encoding.DER), key


@pytest.fixture(scope="module")
def der(tmp_path_factory):
    return mint(tmp_path_factory.mktemp("identity"))[1]


def row(der):
    return dict(zip(FIELDS, read_certificate(der), strict=True))


def test_a_certificate_of_an_unknown_version_is_unreadable(der):
    assert VERSION_3 in der
    assert row(der)["unreadable"] == ""
    found = row(der.replace(VERSION_3, VERSION_3[:-1] + b"\1"))
    assert "1 is not a valid X509 version" in found["unreadable"]
    assert found["common_name"] == ""


def test_wildcard_written_as_printable_string_is_read():
    der, _ = issue("*.contoso.com")
    as_utf8 = bytes((0x0C, 13)) + b"*.contoso.com"
    assert as_utf8 in der

    found = row(der.replace(as_utf8, b"\x13" + as_utf8[1:]))

    assert (found["common_name"], found["unreadable"]) == ("*.contoso.com", "")


def test_no_changed_byte_raises(der):
    for at in range(len(der)):
        for value in (0, 1, 0x7F, 0x80, 0xFF, der[at] ^ 1, der[at] ^ 0x80):
            row(der[:at] + bytes([value]) + der[at + 1 :])


@settings(max_examples=100, deadline=2000)
@given(st.binary(max_size=300), st.floats(0, 1))
def test_no_bytes_raise(der, rest, share):
    cut = int(share * len(der))
    assert set(row(der[:cut] + rest)) == set(FIELDS)


def test_what_identifies_and_limits_a_certificate_is_told():
    authority, key = issue("Root CA", authority=True)
    told = row(issue("*.contoso.com", authority, key, extras=EXTRAS)[0])

    assert told["names"] == ("*.contoso.com", "sip.contoso.com")
    assert told["ip_addresses"] == ("192.0.2.7", "2001:db8::7")
    assert told["uris"] == ("sip:contoso.com",)
    assert told["crl_urls"] == ("http://pki.contoso.com/ca.crl",)
    assert told["ocsp_urls"] == ("http://ocsp.contoso.com/",)
    assert told["issuer_urls"] == ("http://pki.contoso.com/ca.crt",)
    assert told["usages"] == ("serverAuth", "1.3.6.1.4.1.311.10.3.3")
    assert told["key_usages"] == ("digital_signature", "key_encipherment")
    assert not told["authority"]
    assert told["authority_key"] == row(authority)["subject_key"] != ""
    assert row(authority)["authority"]


@pytest.fixture(scope="module")
def family():
    """Root, intermediate and leaf, each with its key."""
    root, root_key = issue("Root CA", authority=True)
    middle, middle_key = issue("Issuing CA", root, root_key, authority=True)
    leaf, _ = issue("sip.contoso.com", middle, middle_key)
    return leaf, middle, root


def links(*chain):
    return [fields[-2:] for fields in Chains().read(chain)]


class TestChains:
    def test_every_link_of_a_whole_chain_is_verified(self, family):
        assert links(*family) == [(1, "verified"), (2, "verified"), (2, "self-signed")]

    @pytest.mark.parametrize("digest", [hashes.SHA256, hashes.SHA512])
    def test_rsa_chain_is_verified_whatever_its_hash(self, digest):
        root, root_key = issue("Root CA", authority=True, rsa_key=True, digest=digest)
        leaf, _ = issue("sip.contoso.com", root, root_key, rsa_key=True, digest=digest)
        other, _ = issue("Root CA", authority=True, rsa_key=True, digest=digest)

        assert links(leaf, root) == [(1, "verified"), (1, "self-signed")]
        assert links(leaf, other)[0] == (-1, "wrong-signature")

    def test_sha1_of_older_deployments_is_verified(self, tmp_path):
        program = shutil.which("openssl") or pytest.skip("the openssl program is not installed")
        made = tmp_path / "old.der"
        options = ["-x509", "-sha1", "-newkey", "rsa:2048", "-nodes", "-keyout", str(tmp_path / "key")]
        target = ["-subj", "/CN=Old Root CA", "-outform", "DER", "-out", str(made)]
        subprocess.run([program, "req", *options, *target], check=True, capture_output=True, timeout=60)

        assert row(made.read_bytes())["signature"] == "sha1"
        assert links(made.read_bytes()) == [(0, "self-signed")]

    def test_order_does_not_matter(self, family):
        leaf, middle, root = family

        assert links(leaf, root, middle) == [(2, "verified"), (1, "self-signed"), (1, "verified")]

    def test_chain_without_its_root_ends_with_an_issuer_that_is_not_shown(self, family):
        assert links(*family[:2]) == [(1, "verified"), (-1, "not-shown")]

    def test_authority_of_the_same_name_with_another_key_did_not_sign(self, family):
        renewed, _ = issue("Issuing CA", *issue("Root CA", authority=True), authority=True)

        assert links(family[0], renewed)[0] == (-1, "wrong-signature")
        assert links(family[0], renewed, family[1])[0] == (2, "verified")

    def test_unreadable_neighbour_leaves_the_issuer_open(self, family):
        assert links(family[0], b"damaged") == [(-1, "unchecked"), (-1, "unchecked")]

    def test_same_certificate_twice_is_its_own_issuer(self, family):
        assert links(family[2], family[2]) == [(0, "self-signed"), (1, "self-signed")]

    def test_flood_of_authorities_of_one_name_is_given_up(self, family):
        flood = [issue("Issuing CA", authority=True)[0] for _ in range(MAX_CANDIDATES + 1)]

        assert links(family[0], *flood)[0] == (-1, "unchecked")

    def test_signatures_of_one_capture_are_bounded(self, family, monkeypatch):
        monkeypatch.setattr("lynccap.ingest.streams.x509.chains.MAX_CHECKS", 1)

        assert links(*family) == [(1, "verified"), (-1, "unchecked"), (-1, "unchecked")]

    def test_every_pair_is_checked_once(self, family, monkeypatch):
        checked = []
        monkeypatch.setattr("lynccap.ingest.streams.x509.chains._verifies", lambda *pair: checked.append(pair) or True)
        chains = Chains()

        for length in (3, 3, 2):
            chains.read(family[:length])

        assert len(checked) == 3  # two children by their parents, and the root by itself

    @settings(max_examples=60, deadline=2000)
    @given(at=st.integers(0, 5000), value=st.integers(0, 255))
    def test_no_changed_byte_raises(self, family, at, value):
        leaf, *others = family
        at %= len(leaf)
        damaged = leaf[:at] + bytes([value]) + leaf[at + 1 :]

        (position, link), *_ = links(damaged, *others)

        assert link != "verified" or damaged == leaf
        assert (position == -1) == (link in ("wrong-signature", "not-shown", "unchecked"))
