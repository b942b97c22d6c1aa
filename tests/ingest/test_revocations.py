"""Revocation lists, OCSP responses and certificates that HTTP carried become rows; what is damaged says so."""

import shutil
import subprocess
from base64 import b64encode, encodebytes
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from capture_files import Connection, read_frames
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509 import ocsp
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.bundles import certificates_of
from lynccap.ingest.streams.x509.revocations import read_revocations
from lynccap.tables import REVOCATIONS

WEB = ("10.0.0.2", 80)
SECOND = 1_000_000_000
THIS, NEXT = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 8, tzinfo=UTC)
THIS_NS, NEXT_NS = (int(one.timestamp()) * SECOND for one in (THIS, NEXT))
COLUMNS = list(REVOCATIONS)[5:]


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


class Authority:
    """A certification authority and what it publishes."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = name("Contoso CA")
        self.certificate = self.issue(self.name, self.key.public_key(), 7)
        self.leaf = self.issue(name("sip.contoso.com"), ec.generate_private_key(ec.SECP256R1()).public_key(), 77)

    def issue(self, subject: x509.Name, key, serial: int) -> x509.Certificate:
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key)
        builder = builder.serial_number(serial).not_valid_before(THIS).not_valid_after(THIS + timedelta(days=3650))
        return builder.sign(self.key, hashes.SHA256())

    def revoke(self, *serials: int, number: int | None = None, base: int | None = None, until=NEXT) -> bytes:
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.name).last_update(THIS).next_update(until)
        for serial in serials:
            one = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(THIS).build()
            builder = builder.add_revoked_certificate(one)
        if number is not None:
            builder = builder.add_extension(x509.CRLNumber(number), False)
        if base is not None:
            builder = builder.add_extension(x509.DeltaCRLIndicator(base), True)
        return builder.sign(self.key, hashes.SHA384()).public_bytes(Encoding.DER)

    def tell(self, status: ocsp.OCSPCertStatus, encoding=ocsp.OCSPResponderEncoding.NAME) -> bytes:
        revoked = status is ocsp.OCSPCertStatus.REVOKED
        builder = ocsp.OCSPResponseBuilder().add_response(
            cert=self.leaf,
            issuer=self.certificate,
            algorithm=hashes.SHA1(),
            cert_status=status,
            this_update=THIS,
            next_update=NEXT,
            revocation_time=THIS if revoked else None,
            revocation_reason=x509.ReasonFlags.key_compromise if revoked else None,
        )
        return (
            builder.responder_id(encoding, self.certificate).sign(self.key, hashes.SHA256()).public_bytes(Encoding.DER)
        )


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


def told(kind: str, content: bytes) -> list[dict[str, object]]:
    return [dict(zip(COLUMNS, row, strict=True)) for row in read_revocations(kind, content, 1, 2)]


def fetched(folder: Path, *exchanges: tuple[bytes, bytes]):
    link = Connection(server=WEB)
    frames = link.open()
    for request, body in exchanges:
        frames += link.say(0, request)
        frames += link.say(1, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
    return read_frames([*frames, *link.close()], folder)


def get(path: bytes) -> bytes:
    return b"GET %b HTTP/1.1\r\nHost: pki.contoso.com\r\n\r\n" % path


def test_list_tells_issuer_dates_numbers_and_how_many_it_revokes(authority: Authority):
    (row,) = told("crl", authority.revoke(5, 6, 7, number=300))

    assert (row["issuer"], row["revoked"], row["number"], row["base_number"]) == ("CN=Contoso CA", 3, "300", "")
    assert (row["this_update"], row["next_update"], row["signature"]) == (THIS_NS, NEXT_NS, "sha384")
    assert row["unreadable"] == ""


def test_delta_list_names_the_list_it_adds_to(authority: Authority):
    (row,) = told("delta-crl", authority.revoke(number=1 << 130, base=12))

    assert (row["number"], row["base_number"], row["revoked"]) == (str(1 << 130), "12", 0)


@pytest.mark.parametrize("status", list(ocsp.OCSPCertStatus))
def test_response_tells_the_certificates_status(authority: Authority, status: ocsp.OCSPCertStatus):
    (row,) = told("ocsp", authority.tell(status))
    revoked = status is ocsp.OCSPCertStatus.REVOKED

    assert (row["serial"], row["certificate_status"], row["response_status"]) == (
        "4d",
        status.name.lower(),
        "successful",
    )
    assert (row["this_update"], row["next_update"], row["issuer"]) == (THIS_NS, NEXT_NS, "CN=Contoso CA")
    assert (row["revoked_at"], row["reason"]) == ((THIS_NS, "keyCompromise") if revoked else (0, ""))
    assert isinstance(row["produced_at"], int)
    assert row["produced_at"] > NEXT_NS


def test_responder_that_names_itself_by_its_key_has_no_name(authority: Authority):
    (row,) = told("ocsp", authority.tell(ocsp.OCSPCertStatus.GOOD, ocsp.OCSPResponderEncoding.HASH))

    assert row["issuer"] == ""


def test_refusal_of_a_responder_is_told():
    refusal = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)
    (row,) = told("ocsp", refusal.public_bytes(Encoding.DER))

    assert (row["response_status"], row["certificate_status"], row["unreadable"]) == ("try_later", "", "")


@pytest.mark.parametrize("kind", ["crl", "ocsp"])
def test_cut_answer_keeps_the_dates_of_its_skeleton(authority: Authority, kind: str):
    content = authority.revoke(*range(1, 200)) if kind == "crl" else authority.tell(ocsp.OCSPCertStatus.GOOD)
    (row,) = told(kind, content[:-40])

    assert "not readable" in str(row["unreadable"])
    assert (row["this_update"], row["next_update"], row["revoked"]) == (1, 2, -1)


def test_list_of_a_version_there_is_not_is_unreadable():
    version = KEPT["crl"].index(b"\2\1\1") + 2
    (row,) = told("crl", KEPT["crl"][:version] + b"\x30" + KEPT["crl"][version + 1 :])

    assert "not readable" in str(row["unreadable"])


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_damaged_answers_never_raise(data):
    kind = data.draw(st.sampled_from(["crl", "ocsp"]))
    whole = bytearray(KEPT[kind])
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    rows = read_revocations(kind, bytes(whole), 0, 0)

    assert all(len(row) == len(COLUMNS) for row in rows)


@given(st.binary(max_size=200), st.sampled_from(["crl", "delta-crl", "ocsp"]))
def test_arbitrary_content_never_raises(content: bytes, kind: str):
    assert all(len(row) == len(COLUMNS) for row in read_revocations(kind, content, 0, 0))


_AUTHORITY = Authority()
KEPT = {"crl": _AUTHORITY.revoke(1, 2, number=3, base=1), "ocsp": _AUTHORITY.tell(ocsp.OCSPCertStatus.REVOKED)}


def test_fetches_of_a_connection_become_rows(authority: Authority, tmp_path: Path):
    asked = (
        b"POST /ocsp HTTP/1.1\r\nHost: ocsp.contoso.com\r\nContent-Type: application/ocsp-request\r\n"
        b"Content-Length: 1\r\n\r\nx"
    )
    pem = b"-----BEGIN X509 CRL-----\n" + encodebytes(authority.revoke(1)) + b"-----END X509 CRL-----\n"
    tables = fetched(
        tmp_path,
        (get(b"/ca.crl"), authority.revoke(1, 2)),
        (get(b"/ca%2B.crl"), authority.revoke(number=4, base=3)),
        (get(b"/pem.crl"), pem),
        (get(b"/portal.crl"), b"<html>log on</html>"),
        (asked, authority.tell(ocsp.OCSPCertStatus.GOOD)),
    )
    rows = tables.revocations

    assert rows["kind"].tolist() == ["crl", "delta-crl", "crl", "ocsp"]
    assert rows["revoked"].tolist() == [2, 0, 1, -1]
    assert rows["url"].tolist()[0] == "http://pki.contoso.com/ca.crl"
    assert rows["frame"].is_monotonic_increasing
    assert set(rows["unreadable"]) == {""}
    assert rows["certificate_status"].tolist()[-1] == "good"


def test_certificates_say_how_they_were_carried(authority: Authority, tmp_path: Path):
    bundle = pkcs7.serialize_certificates([authority.certificate, authority.leaf], Encoding.DER)
    tables = fetched(
        tmp_path,
        (get(b"/ca.crt"), authority.certificate.public_bytes(Encoding.DER)),
        (get(b"/ca.cer"), authority.certificate.public_bytes(Encoding.PEM)),
        (get(b"/ca.p7c"), bundle),
        (get(b"/gone.crt"), b"<html/>"),
    )
    rows = tables.certificates

    assert rows["carried"].tolist() == ["aia"] * 4
    assert rows["position"].tolist() == [0, 0, 0, 1]
    assert rows["common_name"].tolist() == ["Contoso CA", "Contoso CA", *sorted(rows["common_name"][2:])]
    assert not rows["from_client"].any()


def test_what_never_ends_is_kept_to_the_last_time_a_column_holds(authority: Authority, tmp_path: Path):
    endless = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)  # RFC 5280 4.1.2.5: no well-defined end
    builder = x509.CertificateBuilder().subject_name(name("device")).issuer_name(authority.name).serial_number(5)
    builder = builder.not_valid_before(THIS).not_valid_after(endless).public_key(authority.key.public_key())
    device = builder.sign(authority.key, hashes.SHA256()).public_bytes(Encoding.DER)

    tables = fetched(
        tmp_path,
        (get(b"/device.cer"), device),
        (get(b"/ca.crl"), authority.revoke(1, until=endless)),
        (get(b"/own.crl"), authority.revoke(1)),
    )

    assert tables.certificates["not_after"].tolist() == [2**63 - 1]
    assert tables.revocations["next_update"].tolist() == [2**63 - 1, NEXT_NS]
    assert tables["crl"]["next_update"].tolist() == [0, 2**63 - 1, NEXT_NS]


def test_root_chain_handed_to_a_phone_is_certificates_too(authority: Authority, tmp_path: Path):
    bundle = pkcs7.serialize_certificates([authority.certificate], Encoding.DER)
    asked = b"GET /CertProv/CertProvisioningService.svc/anon HTTP/1.1\r\nHost: web\r\n\r\n"
    tables = fetched(tmp_path, (asked, b"<a>" + b64encode(bundle) + b"</a>"))

    assert tables.certificates[["carried", "common_name"]].to_numpy().tolist() == [["certprov", "Contoso CA"]]


def test_pem_files_may_hold_several_certificates(authority: Authority):
    ders = tuple(one.public_bytes(Encoding.DER) for one in (authority.certificate, authority.leaf))
    text = b"".join(one.public_bytes(Encoding.PEM) for one in (authority.certificate, authority.leaf))

    assert certificates_of(text) == ders
    assert certificates_of(b"-----BEGIN CERTIFICATE-----\nMIIB!\n-----END CERTIFICATE-----" + text) == ders
    assert certificates_of(b"<html/>") == ()


@pytest.fixture
def openssl() -> str:
    found = shutil.which("openssl")
    if not found:
        pytest.skip("openssl is not installed")
    return found


def test_openssl_reads_the_same_in_what_it_made(openssl: str, tmp_path: Path):
    """`openssl ca -gencrl` makes the list, `openssl crl` says what is in it."""
    (tmp_path / "index.txt").write_text("R\t400101000000Z\t240101000000Z,keyCompromise\t0A\tunknown\t/CN=old\n")
    (tmp_path / "number").write_text("1F\n")
    (tmp_path / "ca.cnf").write_text(
        f"[ca]\ndefault_ca=d\n[d]\ndatabase={tmp_path}/index.txt\ncrlnumber={tmp_path}/number\n"
        "default_md=sha256\ndefault_crl_days=7\n"
    )

    def run(*words: str) -> bytes:
        return subprocess.run([openssl, *words], cwd=tmp_path, capture_output=True, check=True, timeout=60).stdout

    run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "k", "-out", "c", "-subj", "/CN=Ca/O=Contoso")
    run("ca", "-config", "ca.cnf", "-gencrl", "-keyfile", "k", "-cert", "c", "-out", "list.pem")
    run("crl", "-in", "list.pem", "-outform", "DER", "-out", "list.crl")
    said = run("crl", "-in", "list.pem", "-noout", "-lastupdate", "-nextupdate", "-crlnumber", "-issuer").decode()
    (row,) = told("crl", (tmp_path / "list.crl").read_bytes())
    dates = dict(line.split("=", 1) for line in said.splitlines())

    def nanoseconds(text: str) -> int:
        return int(datetime.strptime(text, "%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC).timestamp()) * SECOND

    assert row["this_update"] == nanoseconds(dates["lastUpdate"])
    assert row["next_update"] == nanoseconds(dates["nextUpdate"])
    assert int(str(row["number"])) == int(dates["crlNumber"], 16)
    assert (row["revoked"], row["signature"], row["issuer"]) == (1, "sha256", "O=Contoso,CN=Ca")
    assert told("crl", (tmp_path / "list.pem").read_bytes()) == [row]
