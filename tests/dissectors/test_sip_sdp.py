"""Offers and answers in the shapes Lync clients, servers and gateways send."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors.sip import MAX_CANDIDATES, Candidate, read_candidate, read_sdp
from dissectors.sip.parts import split_parts
from dissectors.sip.sdp import MAX_ENTRIES, MAX_MEDIA

OFFER = b"""v=0\r
o=- 0 3 IN IP4 198.51.100.7\r
s=session\r
c=IN IP4 198.51.100.7\r
b=CT:99980\r
t=0 0\r
a=x-devicecaps:audio:send,recv;video:send,recv\r
m=audio 52732 RTP/SAVP 114 9 0 101\r
a=x-ssrc-range:362803970-362803972\r
a=rtcp-mux\r
a=label:main-audio\r
a=ice-ufrag:/4N5\r
a=ice-pwd:ICESECRET+3l2Yir4ryApc\r
a=candidate:1 1 UDP 2130706431 192.0.2.10 50000 typ host \r
a=candidate:3 1 TCP-PASS 6556159 198.51.100.7 52732 typ relay raddr 203.0.113.9 rport 1025\r
a=x-candidate-ipv6:4 1 UDP 33553407 2001:db8::7 24634 typ host \r
a=remote-candidates:1 198.51.100.8 50123 2 198.51.100.8 50124\r
a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:CRYPTOSECRET|2^31|1:1\r
a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:CRYPTOSECRET|2^31\r
a=rtcp:52733 IN IP4 198.51.100.9\r
a=rtpmap:114 x-msrta/16000\r
a=rtpmap:101 telephone-event/8000\r
a=encryption:Required\r
a=x-bypassid:be38f190-a24a-4a72-b66c-b09fd0909ebc\r
m=applicationsharing 0 TCP/RTP/SAVP 127\r
a=inactive\r
a=fingerprint:sha-256 AA:BB\r
"""
FALLBACK = b"""v=0\r
o=- 0 0 IN IP4 198.51.100.7\r
s=session\r
c=IN IP4 198.51.100.7\r
t=0 0\r
m=audio 50000 RTP/AVP 0\r
a=candidate:dXNlcg 1 OLDSECRET UDP 0.830 192.0.2.10 50000\r
a=remote-candidate:cGVlcg\r
"""


def multipart(*parts: tuple[str, bytes]) -> bytes:
    blocks = (
        f"--=_b.1\r\nContent-Type: application/sdp\r\n{disposition}\r\n\r\n".encode() + part + b"\r\n"
        for disposition, part in parts
    )
    return b"".join(blocks) + b"--=_b.1--\r\n"


OLD = "Content-Disposition: session; handling=optional; ms-proxy-2007fallback"
NEW = "Content-Disposition: session; handling=optional"


def test_an_offer_of_a_client():
    found = read_sdp(OFFER)

    assert found
    assert (found.origin, found.version, found.fallback) == ("198.51.100.7", 3, False)
    audio, sharing = found.media
    assert (audio.kind, audio.port, audio.protocol) == ("audio", 52732, "RTP/SAVP")
    assert audio.formats == ("114", "9", "0", "101")
    assert (audio.address, audio.direction, audio.held, audio.label) == (
        "198.51.100.7",
        "sendrecv",
        False,
        "main-audio",
    )
    assert (audio.rtcp_port, audio.rtcp_address, audio.rtcp_mux) == (52733, "198.51.100.9", True)
    assert audio.codecs == ((114, "x-msrta/16000"), (101, "telephone-event/8000"))
    assert audio.crypto == ("AES_CM_128_HMAC_SHA1_80",) * 2
    assert (audio.encryption, audio.ice_ufrag, audio.ice) == ("required", "/4N5", "ice2")
    assert audio.ssrcs == (362803970, 362803972)
    assert audio.bypass_id == "be38f190-a24a-4a72-b66c-b09fd0909ebc"
    assert audio.remote_candidates == ((1, "198.51.100.8", 50123), (2, "198.51.100.8", 50124))
    assert [(one.type, one.ip) for one in audio.candidates] == [
        ("host", "192.0.2.10"),
        ("relay", "198.51.100.7"),
        ("host", "2001:db8::7"),
    ]
    assert (sharing.kind, sharing.port, sharing.held, sharing.fingerprint) == ("applicationsharing", 0, True, True)
    assert (sharing.candidates, sharing.ice, sharing.address) == ((), "none", "198.51.100.7")


def test_keys_and_passwords_are_not_kept():
    said = repr(read_sdp(OFFER)) + repr(read_sdp(FALLBACK))

    assert "SECRET" not in said


def test_the_old_generation_of_ice():
    found = read_sdp(FALLBACK)

    assert found
    (audio,) = found.media
    assert (audio.ice, audio.remote_candidate, audio.encryption) == ("draft-06", "cGVlcg", None)
    assert audio.candidates[0].priority == 0.83


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_a_multipart_offer_the_part_for_lync_is_read(order: tuple[int, int]):
    parts = ((OLD, FALLBACK), (NEW, OFFER))

    found = read_sdp(multipart(*(parts[place] for place in order)))

    assert found
    assert (found.fallback, found.version, found.media[0].ice) == (True, 3, "ice2")


def test_parts_by_their_content_type_or_by_their_first_line():
    body = multipart((OLD, FALLBACK), (NEW, OFFER))

    assert split_parts(body) == split_parts(body, 'multipart/alternative;boundary="=_b.1"')
    assert split_parts(OFFER) == [OFFER]
    assert split_parts(b"--no line end") == [b"--no line end"]
    assert split_parts(body, "application/sdp") == [body]


@pytest.mark.parametrize(
    ("session", "medium", "held"),
    [
        ("a=sendonly", "", True),
        ("a=inactive", "a=sendrecv", False),
        ("", "a=sendonly", True),
        ("", "a=recvonly", False),
        ("c=IN IP4 0.0.0.0", "", True),
        ("c=IN IP4 0.0.0.0", "c=IN IP4 192.0.2.1/127", False),
        ("c=IN IP6 2001:db8::1", "", False),
    ],
)
def test_hold_is_told_by_direction_and_address(session: str, medium: str, held: bool):
    found = read_sdp(f"v=0\n{session}\nm=audio 4000 RTP/AVP 0\n{medium}\n".encode())

    assert found
    assert found.media[0].held is held


@pytest.mark.parametrize(
    "line",
    [
        "m=audio",
        "m=audio x RTP/AVP 0",
        "m=audio 70000 RTP/AVP 0",
        "a=candidate:1 1 UDP",
        "a=rtcp:",
        "a=rtpmap:x y",
        "a=crypto:",
        "a=x-ssrc-range:1",
        "c=IN",
        "o=-",
        "=",
        "a=",
        "nonsense",
        "a=candidate:1 1 UDP 1 192.0.2.1 99999 typ host",
    ],
)
def test_lines_that_cannot_be_read_are_skipped(line: str):
    found = read_sdp(f"v=0\n{line}\nm=audio 4000/2 RTP/AVP 0\n{line}\nm=video 4002 RTP/AVP 31\n".encode())

    assert found
    assert [(one.kind, one.port) for one in found.media] == [("audio", 4000), ("video", 4002)]


def test_what_is_no_description_is_none():
    assert read_sdp(b"") is None
    assert read_sdp(b"<xml>m=</xml>") is None
    assert read_sdp(b"xv=0\r\nm=audio 1 RTP/AVP 0\r\n") is None


def test_everything_is_bounded():
    media = b"m=audio 1 RTP/AVP 0\n"
    entries = b"a=rtpmap:1 x/1\na=crypto:1 X inline:y\n" * (MAX_ENTRIES + 1)
    candidates = b"a=candidate:1 1 UDP 1 192.0.2.1 5 typ host\n" * (MAX_CANDIDATES + 1)

    found = read_sdp(b"v=0\n" + media + entries + candidates + media * MAX_MEDIA)

    assert found
    assert len(found.media) == MAX_MEDIA
    first = found.media[0]
    assert (len(first.codecs), len(first.crypto), len(first.candidates)) == (MAX_ENTRIES, MAX_ENTRIES, MAX_CANDIDATES)


def test_ipv6_candidates_stand_under_a_name_of_their_own():
    line = "a=x-candidate-ipv6:3 1 UDP 33553407 2001:db8::7 24634 typ host"

    assert read_candidate(line) == Candidate(
        foundation="3", component=1, transport="UDP", priority=33553407, ip="2001:db8::7", port=24634, type="host"
    )


@given(st.binary(max_size=300))
def test_arbitrary_bytes_never_raise(data: bytes):
    read_sdp(data)
    read_sdp(b"v=0\nm=audio 1 RTP/AVP 0\na=" + data)


@given(st.integers(0, len(OFFER)), st.binary(max_size=5))
def test_damage_never_raises(place: int, piece: bytes):
    read_sdp(OFFER[:place] + piece + OFFER[place + len(piece) :])
