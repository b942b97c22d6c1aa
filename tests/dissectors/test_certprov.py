from base64 import b64encode
from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from http_exchanges import request, response, soap_fault
from hypothesis import given, settings
from hypothesis import strategies as st
from tls_sessions import mint

from dissectors import certprov

SERVICE = "/CertProv/CertProvisioningService.svc"


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    folder = tmp_path_factory.mktemp("chain")
    return mint(folder, "root.contoso.com")[1], mint(folder, "issuing.contoso.com")[1]


@pytest.fixture(scope="module")
def bundle(chain: tuple[bytes, bytes]) -> bytes:
    certificates = [x509.load_der_x509_certificate(one) for one in chain]
    return pkcs7.serialize_certificates(certificates, Encoding.DER)


def in_xml(der: bytes, fold: Callable[[bytes], bytes] = bytes) -> bytes:
    return b"<Envelope><Body><a:Chain>" + fold(b64encode(der)) + b"</a:Chain></Body></Envelope>"


def folded(text: bytes) -> bytes:
    return b"\r\n" + b"&#xD;\n".join(text[at : at + 64] for at in range(0, len(text), 64)) + b"\n"


@pytest.mark.parametrize(
    ("asked", "claimed"),
    [
        (request(SERVICE), True),
        (request("http://fe/certprov/certprovisioningservice.svc/anon", "POST"), True),
        (request("/other", "POST", soap_action="http://x/GetAndPublishCert"), True),
        (request("/CertProv/"), False),
        (request("/WebTicket/WebTicketService.svc"), False),
    ],
)
def test_claims_by_path_or_action(asked, claimed: bool):
    assert certprov.claims(asked) == claimed


@pytest.mark.parametrize(
    ("asked", "step", "anonymous"),
    [
        (request(SERVICE + "/mex"), "metadata", True),
        (request(SERVICE + "?wsdl"), "metadata", True),
        (request(SERVICE + "/anon", "POST"), "root-chains", True),
        (request(SERVICE, "POST", body=b"<x:GetRootCertChains/>"), "root-chains", True),
        (request(SERVICE + "/WebTicket_Proof", "POST", body=b"<o:Security s='1'>"), "get-certificate", False),
        (
            request(SERVICE, "POST", soap_action="u/GetAndPublishCert", web_ticket=True),
            "get-certificate",
            False,
        ),
        (request(SERVICE, authorization="Negotiate"), "other", False),
        (request(SERVICE), "other", True),
    ],
)
def test_request_tells_step_and_log_on(asked, step: str, anonymous: bool):
    exchange = certprov.read(asked, None)

    assert (exchange.step, exchange.anonymous, exchange.outcome) == (step, anonymous, "no-answer")


@pytest.mark.parametrize("fold", [bytes, folded])
def test_root_chain_is_unpacked_from_its_bundle(
    bundle: bytes, chain: tuple[bytes, bytes], fold: Callable[[bytes], bytes]
):
    exchange = certprov.read(request(SERVICE + "/anon", "POST"), response(200, in_xml(bundle, fold)))

    assert sorted(exchange.certificates) == sorted(chain)
    assert exchange.outcome == "ok"


def test_bare_certificate_is_found(chain: tuple[bytes, bytes]):
    exchange = certprov.read(request(SERVICE + "/WebTicket_Proof", "POST"), response(200, in_xml(chain[0])))

    assert exchange.certificates == (chain[0],)


def test_chain_is_bounded(chain: tuple[bytes, bytes]):
    assert len(certprov.certificates_in(in_xml(chain[0]) * 200)) == certprov.MAX_CERTIFICATES


def test_base64_that_is_no_certificate_is_passed_over(chain: tuple[bytes, bytes]):
    signature = b"<SignatureValue>MI" + b"A" * 200 + b"</SignatureValue>"

    assert certprov.certificates_in(signature + in_xml(chain[0])) == (chain[0],)


@given(place=st.integers(0, 10_000), byte=st.integers(0, 255))
@settings(max_examples=80, deadline=None)
def test_damaged_bundle_never_raises(bundle: bytes, place: int, byte: int):
    place %= len(bundle)
    damaged = bundle[:place] + bytes([byte]) + bundle[place + 1 :]

    assert len(certprov.certificates_in(in_xml(damaged))) <= certprov.MAX_CERTIFICATES


def test_cut_bundle_yields_nothing_rather_than_half_a_certificate(bundle: bytes):
    assert certprov.certificates_in(in_xml(bundle[:-7])) == ()


def test_redirect_to_https_is_told_with_its_target():
    exchange = certprov.read(
        request(SERVICE + "/anon", "POST"), response(302, location="https://fe.contoso.com/CertProv")
    )

    assert (exchange.outcome, exchange.location) == ("redirected", "https://fe.contoso.com/CertProv")


def test_fault_is_told_with_number_and_reason():
    exchange = certprov.read(request(SERVICE, "POST"), response(500, soap_fault(28020, "No valid security token.")))

    assert (exchange.outcome, exchange.fault_id, exchange.fault_reason) == (
        "fault",
        28020,
        "No valid security token.",
    )
