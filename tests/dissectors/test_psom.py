import struct

import pytest
from protocol_examples import STUN_BINDING, client_hello, record

from dissectors.contract import Verdict, dissect
from dissectors.psom import PSOM, PsomMessage


@pytest.mark.parametrize("text", [b"GET / HTTP/1.1\r\n", b"REGISTER sip:a SIP/2.0\r\n", b"HTTP/1.1 200 OK\r\n"])
def test_text_is_rejected(text: bytes):
    assert PSOM.probe(text) == Verdict.REJECT


@pytest.mark.parametrize("binary", [b"", b"\0", b"GE", bytes(range(256)), b"\x01" * 4000])
def test_binary_alone_is_never_more_than_unsure(binary: bytes):
    assert PSOM.probe(binary) == Verdict.UNSURE


@pytest.mark.parametrize(
    "other",
    [
        record(22, client_hello(), 0x0301),
        STUN_BINDING,
        struct.pack(">H", len(STUN_BINDING)) + STUN_BINDING,
        b"\x17\x03\x03\0\x05 app:conf:data-conf:id:1",
    ],
)
def test_what_may_stand_on_its_port_and_is_another_protocol_is_rejected(other: bytes):
    assert PSOM.probe(other) == Verdict.REJECT


@pytest.mark.parametrize("encoding", ["ascii", "utf-16-le"])
def test_binary_that_names_a_data_conference_is_likely(encoding: str):
    uri = "sip:ada@contoso.example;gruu;opaque=app:conf:data-conf:id:5D3747C1"

    assert PSOM.probe(b"\x01\0\0\x42" + uri.encode(encoding)) == Verdict.LIKELY
    assert PSOM.probe(b"\x01\0\0\x42" + uri.replace("data-conf", "chat").encode(encoding)) == Verdict.UNSURE
    assert PSOM.probe(uri.encode("ascii")) == Verdict.REJECT


def test_bytes_stay_opaque_and_only_their_number_is_told():
    (placed,) = dissect(PSOM, b"\x01\x02\x03").messages

    assert placed.message == PsomMessage(length=3)
