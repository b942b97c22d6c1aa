"""What the laboratory's SIP, TLS-DSK, OCSP, LLDP, CDP and browsers' STUN say is what the samples rely on."""

import asyncio
import socket
import struct
import zlib
from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest
from cryptography import x509
from cryptography.x509 import ocsp

from sample_pcaps.lab import neighbours, pki, revocation, tls_dsk, turn, webrtc
from sample_pcaps.lab.gateway import COMFORT_NOISE, DIGIT, MARKER, PCMA, Heard, packets
from sample_pcaps.lab.media import Agent
from sample_pcaps.lab.sip_messages import Message, Offer, answer, read, session


@pytest.fixture(scope="module")
def authority() -> pki.Authority:
    return pki.Authority("Test", "test", ocsp="http://ocsp.example/ocsp")


def test_a_message_survives_writing_and_reading() -> None:
    message = Message("INVITE sip:b@x SIP/2.0", (("Call-ID", "1"), ("CSeq", "1 INVITE"), ("To", "<sip:b@x>")), b"v=0")

    async def reread() -> Message | None:
        reader = asyncio.StreamReader()
        reader.feed_data(message.encode() + b"SIP/2.0 200 OK\r\n")
        reader.feed_eof()
        return await read(reader)

    assert asyncio.run(reread()) == message
    assert (message.method, message.target, message.dialog) == ("INVITE", "b@x", ("1", "1 INVITE"))


def test_an_answer_belongs_to_its_request_and_marks_the_dialog() -> None:
    request = Message("BYE sip:b@x SIP/2.0", (("Via", "v"), ("To", "<sip:b@x>"), ("Call-ID", "7"), ("CSeq", "2 BYE")))
    reply = answer(request, 200, "OK", ("ms-diagnostics", "1"))
    assert (reply.status, reply.method, reply.dialog) == (200, "", request.dialog)
    assert reply.get("To").startswith("<sip:b@x>;tag=")
    assert reply.get("ms-diagnostics") == "1"


def agent() -> Agent:
    return Agent(lambda kind: socket.socket(socket.AF_INET, kind), "10.0.0.1", 50000)


def test_a_session_lists_both_components_and_the_chosen_pair() -> None:
    lines = session(agent(), chosen=("10.0.0.2", 50010)).decode().split("\r\n")
    candidates = [line.split() for line in lines if line.startswith("a=candidate:")]
    assert [(one[1], one[5], one[7]) for one in candidates] == [("1", "50000", "host"), ("2", "50001", "host")]
    assert "a=remote-candidates:1 10.0.0.2 50010 2 10.0.0.2 50011" in lines


def test_an_offer_holds_the_old_syntax_first_and_says_so() -> None:
    offer = Offer(agent())
    parts = offer.body().split(f"--{offer.boundary}".encode())
    assert len(parts) == 4
    assert b"ms-proxy-2007fallback" in parts[1]
    assert b" UDP 0.830 " in parts[1]
    assert b"typ host" in parts[2]
    assert parts[3] == b"--\r\n"


def test_tls_dsk_completes_in_two_rounds_of_sip(authority: pki.Authority) -> None:
    client = tls_dsk.client_side(authority.issue("user@x", client=True), authority.root_pem)
    server = tls_dsk.server_side(authority.issue("fe.x"), authority.root_pem)
    flight = server.step(f'TLS-DSK gssapi-data="{client.step()}"')
    flight = client.step(f'TLS-DSK gssapi-data="{flight}"')
    flight = server.step(f'TLS-DSK gssapi-data="{flight}"')
    assert flight
    assert client.step(f'TLS-DSK gssapi-data="{flight}"') == ""


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("revoked", [False, True])
def test_the_responder_answers_about_the_certificate_asked_for(
    authority: pki.Authority, method: str, revoked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaf = x509.load_pem_x509_certificate(authority.issue("sip.partner.example").chain)
    other = x509.load_pem_x509_certificate(authority.issue("sip.other.example").chain)
    known = {leaf.serial_number: authority.certify_status(leaf, revoked=revoked)}

    def ask(about: x509.Certificate) -> ocsp.OCSPCertStatus | None:
        ours, theirs = socket.socketpair()
        talking = Thread(target=revocation.ocsp_responder(known), args=(theirs,))
        talking.start()
        monkeypatch.setattr(revocation, "open_tcp_as_windows", lambda *_: ours)
        inquiry = revocation.Inquiry(authority.issuing, method)
        status = inquiry.ask(
            type("R", (), {"address": lambda *_: ""})(), about.public_bytes(pki.serialization.Encoding.DER)
        )
        talking.join(5)
        theirs.close()
        return status

    assert ask(leaf) is (ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD)
    assert ask(other) is None


def test_a_revocation_list_can_be_out_of_date(authority: pki.Authority) -> None:
    crl = x509.load_der_x509_crl(authority.revocation_list(1, 4711, age=timedelta(days=12)))
    assert crl.next_update_utc is not None
    assert crl.next_update_utc < datetime.now(UTC)
    assert crl.get_revoked_certificate_by_serial_number(4711) is not None


def test_the_network_policy_has_the_published_layout() -> None:
    # TIA-1057 section 10.2.3: type 127, OUI, subtype 2, then application, flags, VLAN, priority, DSCP.
    assert neighbours.network_policy(200) == bytes.fromhex("fe08 0012bb 02 01 41 91 6e")
    assert neighbours.network_policy(0, unknown=True) == bytes.fromhex("fe08 0012bb 02 01 80 00 00")


def test_cdp_names_the_voice_vlan_under_a_checksum() -> None:
    data = neighbours.switch_cdp(200)
    assert bytes.fromhex("000e 0007 01 00c8") in data
    assert len(data) % 2 == 1
    # Of an odd number of bytes the last one counts as the low one, less one and with its sign, as Wireshark checks it.
    total = sum(struct.unpack(f"!{len(data) // 2}H", data[:-1])) + (0xFF00 | data[-1] - 1)
    assert (total & 0xFFFF) + (total >> 16) == 0xFFFF


def test_a_browser_s_message_ends_in_the_standard_fingerprint() -> None:
    data = webrtc.Message(webrtc.BINDING, ((webrtc.USERNAME, b"a:b"),)).encode(b"password")
    assert data[4:8] == bytes.fromhex("2112a442")
    assert int.from_bytes(data[2:4], "big") == len(data) - 20
    assert int.from_bytes(data[-4:], "big") == zlib.crc32(data[:-8]) ^ 0x5354554E
    message = webrtc.decode(data)
    assert message is not None
    assert message.get(webrtc.USERNAME) == b"a:b"


@pytest.mark.parametrize(
    ("script", "kinds"),
    [
        ((("speech", 2),), [PCMA | MARKER, PCMA]),
        ((("pause", 20),), [COMFORT_NOISE, COMFORT_NOISE]),
        ((("digit", 5),), [DIGIT | MARKER, *[DIGIT] * 6]),
    ],
)
def test_a_script_becomes_the_right_packets(script: tuple[tuple[str, int], ...], kinds: list[int]) -> None:
    assert [kind for _, kind, _, _ in packets(script)] == kinds


def test_a_digit_says_its_end_three_times() -> None:
    bodies = [body for *_, body in packets((("digit", 11),))]
    assert [bool(body[1] & 0x80) for body in bodies] == [False] * 4 + [True] * 3
    assert {body[0] for body in bodies} == {11}
    assert [int.from_bytes(body[2:], "big") for body in bodies] == [160, 320, 480, 640, 800, 800, 800]


def test_a_report_counts_what_is_missing() -> None:
    heard = Heard()
    for number in (10, 11, 14):
        heard.hear(struct.pack("!BBHII", 0x80, PCMA, number, number * 160, 9), number * 0.02)
    ssrc, lost, highest, jitter, _, _ = struct.unpack("!6I", heard.block())
    assert (ssrc, lost, highest, jitter) == (9, 2, 14, 0)


def test_the_role_with_the_smaller_tie_breaker_gives_in() -> None:
    def check(tie_breaker: bytes) -> turn.Message:
        return turn.Message(turn.BINDING, [(turn.ICE_CONTROLLING, tie_breaker)])

    one = agent()
    one.controlling, one.tie_breaker = True, b"\x80" * 8
    assert one._disputes_role(check(b"\x10" * 8))
    assert one.controlling
    assert not one._disputes_role(check(b"\xf0" * 8))
    assert not one.controlling
