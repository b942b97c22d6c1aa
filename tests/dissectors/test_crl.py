from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509 import ocsp
from http_exchanges import request, response
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors import crl

THIS, NEXT = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 8, tzinfo=UTC)
THIS_NS, NEXT_NS = 1_704_067_200_000_000_000, 1_704_672_000_000_000_000
HTML = b"<html><body>Please log on</body></html>"


@dataclass(frozen=True)
class Issued:
    """What one certificate authority publishes, as DER."""

    certificate: bytes
    bundle: bytes
    crl: bytes
    long_crl: bytes
    ocsp_request: bytes
    ocsp_response: bytes


@pytest.fixture(scope="module")
def issued() -> Issued:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Contoso CA")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(77)
        .not_valid_before(THIS)
        .not_valid_after(datetime(2040, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )

    def revocations(count: int) -> bytes:
        builder = x509.CertificateRevocationListBuilder().issuer_name(name).last_update(THIS).next_update(NEXT)
        for serial in range(1, count + 1):
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(THIS).build()
            )
        return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)

    asked = ocsp.OCSPRequestBuilder().add_certificate(certificate, certificate, hashes.SHA1()).build()
    told = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            cert=certificate,
            issuer=certificate,
            algorithm=hashes.SHA1(),
            cert_status=ocsp.OCSPCertStatus.REVOKED,
            this_update=THIS,
            next_update=NEXT,
            revocation_time=THIS,
            revocation_reason=None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.HASH, certificate)
        .sign(key, hashes.SHA256())
    )
    return Issued(
        certificate.public_bytes(Encoding.DER),
        pkcs7.serialize_certificates([certificate], Encoding.DER),
        revocations(1),
        revocations(300),
        asked.public_bytes(Encoding.DER),
        told.public_bytes(Encoding.DER),
    )


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        (request("/pki/Contoso%20CA.crl"), "crl"),
        (request("/pki/Contoso CA+.crl"), "delta-crl"),
        (request("/pki/Contoso%2B.CRL"), "delta-crl"),
        (request("/ocsp", "POST", content_type="application/ocsp-request"), "ocsp"),
        (request("/pki/ca.crt"), "issuer-certificate"),
        (request("http://pki/ca.p7c"), "issuer-certificate"),
        (request("/msdownload/update/v3/static/trustedr/en/authrootstl.cab?1a2b"), "trust-list"),
        (request("/msdownload/update/v3/static/trustedr/en/D4DE20D05E66FC53.crt"), "trust-list"),
    ],
)
def test_address_tells_the_kind(asked, kind: str):
    assert crl.claims(asked)
    assert crl.read(asked, None).kind == kind


@pytest.mark.parametrize(
    "asked",
    [
        request("/"),
        request("/Maps/Main"),
        request("/MFEw/index.html"),
        request("/upload.crl", "PUT"),
        request("/update.cab"),
        request("/" + "M" * 4000),
    ],
)
def test_other_requests_are_not_claimed(asked):
    assert not crl.claims(asked)


@pytest.mark.parametrize("prefix", ["/", "/ocsp/", "/a/M/"])
def test_ocsp_request_in_the_path_is_recognised(issued: Issued, prefix: str):
    asked = request(prefix + quote(b64encode(issued.ocsp_request).decode(), safe=""), host="ocsp.contoso.com")

    exchange = crl.read(asked, response(200, issued.ocsp_response))

    assert crl.claims(asked)
    assert (exchange.kind, exchange.content_ok) == ("ocsp", True)


def test_crl_tells_its_dates(issued: Issued):
    exchange = crl.read(request("/ca.crl", host="pki.contoso.com"), response(200, issued.crl))

    assert (exchange.url, exchange.outcome, exchange.content_ok) == (
        "http://pki.contoso.com/ca.crl",
        "ok",
        True,
    )
    assert (exchange.this_update, exchange.next_update) == (THIS_NS, NEXT_NS)
    assert exchange.content == issued.crl


def test_beginning_of_a_long_crl_is_enough(issued: Issued):
    exchange = crl.read(request("/ca.crl"), response(200, issued.long_crl[:500], complete=False))

    assert (exchange.outcome, exchange.content_ok, exchange.next_update) == ("cut", True, NEXT_NS)


def test_crl_in_pem_is_read(issued: Issued):
    pem = x509.load_der_x509_crl(issued.crl).public_bytes(Encoding.PEM)

    assert crl.read(request("/ca.crl"), response(200, pem)).next_update == NEXT_NS


def test_ocsp_answer_tells_status_and_dates(issued: Issued):
    asked = request("/ocsp", "POST", content_type="application/ocsp-request")

    exchange = crl.read(asked, response(200, issued.ocsp_response))

    assert (exchange.ocsp_status, exchange.certificate_status) == (0, "revoked")
    assert (exchange.this_update, exchange.next_update) == (THIS_NS, NEXT_NS)


def test_ocsp_try_later_is_an_ocsp_answer_without_a_word():
    later = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER).public_bytes(Encoding.DER)
    asked = request("/ocsp", "POST", content_type="application/ocsp-request")

    exchange = crl.read(asked, response(200, later))

    assert (exchange.content_ok, exchange.ocsp_status, exchange.certificate_status) == (True, 3, None)


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/ca.crt", "certificate"),
        ("/ca.p7c", "bundle"),
        ("/trustedr/en/aa.crt", "certificate"),
    ],
)
def test_certificates_are_known_by_their_skeleton(issued: Issued, path: str, content: str):
    assert crl.read(request(path), response(200, getattr(issued, content))).content_ok


def test_root_list_is_a_cabinet():
    asked = request("/trustedr/en/authrootstl.cab")

    assert crl.read(asked, response(200, b"MSCF\0\0\0\0")).content_ok
    assert not crl.read(asked, response(200, HTML)).content_ok


@pytest.mark.parametrize("path", ["/ca.crl", "/ca+.crl", "/ca.crt", "/trustedr/en/authrootstl.cab"])
@pytest.mark.parametrize("content", [HTML, b"", b"\x30\x80\x30\x80\0\0", b"\x30"])
def test_other_content_with_status_200_is_not_what_was_asked(path: str, content: bytes):
    exchange = crl.read(request(path), response(200, content, content_type="text/html"))

    assert (exchange.outcome, exchange.content_ok, exchange.content_type) == ("ok", False, "text/html")
    assert (exchange.this_update, exchange.next_update) == (0, 0)


def test_certificate_is_no_crl_and_crl_no_certificate(issued: Issued):
    assert not crl.read(request("/ca.crl"), response(200, issued.certificate)).content_ok
    assert not crl.read(request("/ca.crt"), response(200, issued.crl)).content_ok


@pytest.mark.parametrize(("status", "outcome", "fine"), [(304, "ok", True), (404, "http-error", False)])
def test_unchanged_copy_is_fine_and_a_missing_one_is_not(status: int, outcome: str, fine: bool):
    exchange = crl.read(request("/ca.crl"), response(status))

    assert (exchange.outcome, exchange.content_ok) == (outcome, fine)


@pytest.mark.parametrize(
    ("asked", "content"),
    [
        (request("/ca.crl"), "crl"),
        (request("/o", "POST", content_type="application/ocsp-request"), "ocsp_response"),
        (request("/ca.crt"), "certificate"),
    ],
)
@given(place=st.integers(0, 400), replacement=st.binary(max_size=2))
@settings(max_examples=60, deadline=None)
def test_damaged_content_never_raises(issued: Issued, asked, content: str, place: int, replacement: bytes):
    whole: bytes = getattr(issued, content)
    damaged = whole[:place] + replacement + whole[place + 1 :]

    assert crl.read(asked, response(200, damaged)).status == 200
