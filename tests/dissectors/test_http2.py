"""HTTP/2 is told from what only begins like it."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors import identify
from dissectors.contract import AnomalyKind, Verdict, dissect
from dissectors.http2 import HTTP2, MAX_SETTINGS, PREFACE, Http2Message


def settings_frame(*pairs: tuple[int, int], flags: int = 0, stream: int = 0) -> bytes:
    content = b"".join(struct.pack(">HI", *pair) for pair in pairs)
    return len(content).to_bytes(3, "big") + struct.pack(">BBI", 4, flags, stream) + content


SERVER = settings_frame((3, 100), (4, 65_535), (5, 16_384), (0x1A1A, 7))


@pytest.mark.parametrize(
    ("head", "verdict"),
    [
        pytest.param(PREFACE + SERVER, Verdict.CERTAIN, id="preface"),
        pytest.param(b"PRI * HTTP", Verdict.UNSURE, id="part of the preface"),
        pytest.param(SERVER + settings_frame(flags=1), Verdict.LIKELY, id="settings"),
        pytest.param(SERVER[:-1], Verdict.UNSURE, id="cut settings"),
        pytest.param(settings_frame(), Verdict.REJECT, id="empty settings"),
        pytest.param(settings_frame((3, 1), flags=1), Verdict.REJECT, id="acknowledged"),
        pytest.param(settings_frame((3, 1), stream=1), Verdict.REJECT, id="of a stream"),
        pytest.param(settings_frame((2, 2)), Verdict.REJECT, id="flag out of range"),
        pytest.param(settings_frame((5, 100)), Verdict.REJECT, id="frame size out of range"),
        pytest.param(settings_frame((4, 1 << 31)), Verdict.REJECT, id="window out of range"),
        pytest.param(settings_frame((0x77, 1)), Verdict.REJECT, id="unregistered"),
        pytest.param(settings_frame((0x0A0A, 1)), Verdict.UNSURE, id="nothing but exercise"),
        pytest.param(settings_frame(*[(3, 1)] * (MAX_SETTINGS + 1)), Verdict.REJECT, id="too many"),
        pytest.param(b"\x00\x00\x00\x2a\xffSMB", Verdict.REJECT, id="smb"),
        pytest.param(b"PRI * HTTP/1.1\r\n", Verdict.REJECT, id="a request of that name"),
    ],
)
def test_beginning_is_judged(head: bytes, verdict: Verdict):
    assert HTTP2.probe(head) is verdict


def test_each_side_is_one_message():
    (client,), (server,) = (dissect(HTTP2, data).messages for data in (PREFACE + SERVER, SERVER))

    assert client.message == Http2Message(kind="preface", length=len(PREFACE + SERVER))
    assert server.message == Http2Message(kind="settings", length=len(SERVER))
    assert identify(PREFACE)[0] is HTTP2


def test_other_bytes_are_malformed():
    anomaly = dissect(HTTP2, b"\x00\x00\x00\x04").anomaly

    assert anomaly is not None
    assert anomaly.kind is AnomalyKind.MALFORMED


@given(st.binary(min_size=16, max_size=80))
def test_random_bytes_are_not_taken_for_it(data: bytes):
    assert HTTP2.probe(data) < Verdict.LIKELY or data[:9] == b"\0\0" + data[2:3] + b"\4\0\0\0\0\0"
