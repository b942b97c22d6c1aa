import pytest

from dissectors.contract import Verdict, dissect
from dissectors.psom import PSOM, PsomMessage


@pytest.mark.parametrize("text", [b"GET / HTTP/1.1\r\n", b"REGISTER sip:a SIP/2.0\r\n", b"HTTP/1.1 200 OK\r\n"])
def test_text_is_rejected(text: bytes):
    assert PSOM.probe(text) == Verdict.REJECT


@pytest.mark.parametrize("binary", [b"", b"\0", b"GE", bytes(range(256)), b"\x01" * 4000])
def test_binary_is_never_more_than_unsure(binary: bytes):
    assert PSOM.probe(binary) == Verdict.UNSURE


def test_bytes_stay_opaque_and_only_their_number_is_told():
    (placed,) = dissect(PSOM, b"\x01\x02\x03").messages

    assert placed.message == PsomMessage(length=3)
