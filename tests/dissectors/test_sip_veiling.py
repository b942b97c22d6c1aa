"""No row keeps a key or a password that a body carried."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors.contract import dissect
from dissectors.sip import SIP, SipMessage, read_sdp
from dissectors.sip.veiling import veil


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (b"a=crypto:1 SUITE inline:SECRET|2^31|1:1", b"a=crypto:1 SUITE inline:xxxxxx|2^31|1:1"),
        (b"v=0\r\na=ice-pwd:SEC/RET+\r\na=ice-ufrag:ab", b"v=0\r\na=ice-pwd:xxxxxxxx\r\na=ice-ufrag:ab"),
        (b"a=candidate:dXNlcg 1 SECRET UDP 0.830 192.0.2.1 5", b"a=candidate:dXNlcg 1 xxxxxx UDP 0.830 192.0.2.1 5"),
        (b"<u:username a='1'>SECRET</u:username>", b"<u:username a='1'>xxxxxx</u:username>"),
        (b"<Password>SECRET</Password>", b"<Password>xxxxxx</Password>"),
        (b"<password>SECRET", b"<password>xxxxxx"),
        (b"<key>sAuthId</key>\n<value>SECRET</value>", b"<key>sAuthId</key>\n<value>xxxxxx</value>"),
        ("<password>SECRET</password>".encode("utf-16"), b""),
    ],
)
def test_secrets_are_overwritten_in_their_length(said: bytes, kept: bytes):
    assert veil(said) == kept


@pytest.mark.parametrize(
    "said",
    [
        b"a=candidate:1 1 UDP 2130706431 192.0.2.10 50000 typ host",
        b"a=candidate:2 1 TCP-PASS 6556159 203.0.113.9 50111 typ relay raddr 192.0.2.10 rport 50001",
        b"<key>Mcu-Server-Uri</key><value>sip:mcu</value>",
        b"<password/>",
        b"",
    ],
)
def test_everything_else_stays(said: bytes):
    assert veil(said) == said


def test_no_column_of_a_message_holds_them():
    body = (
        b"v=0\r\nm=audio 1 RTP/SAVP 0\r\na=ice-pwd:SECRETONE\r\na=crypto:1 X inline:SECRETTWO\r\n"
        b"a=candidate:dXNlcg 1 SECRETTHREE UDP 0.830 192.0.2.10 50000\r\n"
    )
    data = b"INVITE sip:a SIP/2.0\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n" % len(body) + body

    (placed,) = dissect(SIP, data).messages

    assert isinstance(placed.message, SipMessage)
    assert "SECRET" not in repr(placed.message)
    assert len(placed.message.body) == placed.message.body_length == len(body)
    found = read_sdp(placed.message.body)
    assert found
    assert (found.media[0].crypto, len(found.media[0].candidates)) == (("X",), 1)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_keep_their_length(data: bytes):
    for start in (b"", b"inline:", b"<password>", b"a=candidate:"):
        assert len(veil(start + data)) == len(start + data) or data.startswith((b"\xff\xfe", b"\xfe\xff"))
