"""The laboratory's own parts do what the samples rely on, without network namespaces."""

import os
import socket
import ssl
import time
from datetime import UTC, datetime
from threading import Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs7

from sample_pcaps.lab import connecting, edge, pki, services, web
from sample_pcaps.lab.wire import MirrorPort, Port, Wire

CDP = "http://crl.example/ca.crl"
BROADCAST, PC, WEB = b"\xff" * 6, b"\x02\x00\x00\x00\x00\x01", b"\x02\x00\x00\x00\x00\x02"


@pytest.fixture(scope="module")
def authority() -> pki.Authority:
    return pki.Authority("Test", "test", CDP)


def frame(target: bytes, source: bytes) -> bytes:
    return target + source + b"\x08\x00" + bytes(46)


def test_dhcp_options_survive_writing_and_reading() -> None:
    options = {53: b"\x01", 60: b"MS-UC-Client", 55: bytes([43, 120])}
    assert services.dhcp_options(bytes(236) + services.encode_options(options)) == options


def test_dhcp_server_tells_lync_options_to_lync_phones_only() -> None:
    mac = "00:04:f2:01:02:03"
    lease = services.Lease(
        server="10.0.0.1",
        by_mac={mac: "10.0.0.9"},
        router="10.0.0.1",
        mask="255.255.255.0",
        dns_server="10.0.0.2",
        domain="a.example",
        web_server="web.a.example",
        registrar="p.a.example",
    )
    head = bytes(28) + bytes.fromhex(mac.replace(":", "")) + bytes(202)
    asked = {53: b"\x08", 55: bytes([43, 120])}
    phone = services.dhcp_options(
        services.answer_lease(head + services.encode_options(asked | {60: b"MS-UC-Client"}), lease) or b""
    )
    assert connecting.web_server_of(phone[43]) == "web.a.example"
    assert phone[120] == b"\x00\x01p\x01a\x07example\x00"
    other = services.dhcp_options(services.answer_lease(head + services.encode_options(asked), lease) or b"")
    assert 43 not in other


def test_root_chain_is_a_pkcs7_with_root_and_issuer(authority: pki.Authority) -> None:
    chain = pkcs7.load_der_pkcs7_certificates(authority.chain_pkcs7())
    assert [one.subject.rfc4514_string() for one in chain] == [
        "CN=test Root CA,O=Test",
        "CN=test Issuing CA 1,O=Test",
    ]
    assert web.root_chains_answer(authority.chain_pkcs7()).startswith(b"<s:Envelope")


def test_revocation_list_is_current_and_lists_serials(authority: pki.Authority) -> None:
    crl = x509.load_der_x509_crl(authority.revocation_list(3))
    assert len(list(crl)) == 3
    assert crl.next_update_utc is not None
    assert crl.last_update_utc < datetime.now(UTC) < crl.next_update_utc


def test_edge_reads_the_certificate_out_of_a_server_flight(authority: pki.Authority) -> None:
    identity = authority.issue("sip.partner.example")
    client_in, client_out, server_in, server_out = (ssl.MemoryBIO() for _ in range(4))
    client = pki.client_context([authority.root_pem], names_checked=False).wrap_bio(client_in, client_out)
    server = identity.server_context().wrap_bio(server_in, server_out, server_side=True)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    server_in.write(client_out.read())
    with pytest.raises(ssl.SSLWantReadError):
        server.do_handshake()
    certificate = edge.first_certificate(server_out.read())
    assert certificate == identity.leaf_der
    assert edge.distribution_points(certificate) == [CDP]


def test_client_without_roots_refuses_with_unknown_ca(authority: pki.Authority) -> None:
    client_in, client_out, server_in, server_out = (ssl.MemoryBIO() for _ in range(4))
    newest = ssl.TLSVersion.TLSv1
    client = pki.client_context(names_checked=False, newest=newest).wrap_bio(client_in, client_out)
    server = authority.issue("sip.a.example").server_context().wrap_bio(server_in, server_out, server_side=True)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    server_in.write(client_out.read())
    with pytest.raises(ssl.SSLWantReadError):
        server.do_handshake()
    client_in.write(server_out.read())
    with pytest.raises(ssl.SSLCertVerificationError):
        client.do_handshake()
    assert client_out.read() == bytes.fromhex("15 03 01 00 02 02 30")


class Cables:
    """A wire whose ports are pipes: what it forwards can be read back."""

    def __init__(self, names: str) -> None:
        self.readers: dict[int, int] = {}
        self.wire = Wire()
        for name in names:
            self.wire.ports.append(Port(self.pipe(), name, 0.0))

    def pipe(self) -> int:
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        self.readers[writer] = reader
        return writer

    def heard(self, writer: int) -> bytes:
        try:
            return os.read(self.readers[writer], 4096)
        except BlockingIOError:
            return b""

    def send(self, port: Port, data: bytes) -> None:
        self.wire.forward(port, data)
        time.sleep(0.001)
        self.wire.deliver_due()


def test_switch_floods_then_learns_and_keeps_segments_apart() -> None:
    cables = Cables("aaab")
    pc, server, other, foreign = cables.wire.ports
    cables.send(pc, frame(BROADCAST, PC))
    assert cables.heard(server.fd) == cables.heard(other.fd) == frame(BROADCAST, PC)
    cables.send(server, frame(PC, WEB))
    assert cables.heard(pc.fd) == frame(PC, WEB)
    assert cables.heard(other.fd) == cables.heard(foreign.fd) == b""


def test_mirror_hears_its_port_once_and_tags_its_segment() -> None:
    cables = Cables("aaa")
    pc, server, other = cables.wire.ports
    mirror = MirrorPort(cables.pipe(), ("a",), (server,), {"a": 200})
    cables.wire.mirrors.append(mirror)
    cables.send(pc, frame(BROADCAST, PC))
    assert cables.heard(mirror.fd) == BROADCAST + PC + b"\x81\x00\x00\xc8\x08\x00" + bytes(46)
    cables.send(other, frame(PC, WEB))
    assert cables.heard(mirror.fd) == b""


def test_web_site_answers_by_path_and_keeps_the_connection() -> None:
    ours, theirs = socket.socketpair()
    site = web.Site({"/a": web.Reply(b"found", thinking=0.0)})
    talking = Thread(target=site.conversation(), args=(theirs,))
    talking.start()
    with ours:
        assert connecting.exchange(ours, "GET", "x", "/A?b=1") == (200, b"found")
        assert connecting.exchange(ours, "POST", "x", "/no", body=b"12345")[0] == 404
    talking.join(5)
    theirs.close()
    assert not talking.is_alive()
