"""SIP compressed with LZ77-8K, written here by a compressor of the same facts ([MS-SIPCOMP], RFC 2118)."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.contract import AnomalyKind, Cursor, Dissection, Malformed, Truncated, dissect
from dissectors.sip import SIP, SipMessage
from dissectors.sip.compression import AT_FRONT, COMPRESSED, FLUSHED, HISTORY, Inflater

NEGOTIATE = (
    b"NEGOTIATE sip:192.0.2.1:5061 SIP/2.0\r\nVia: SIP/2.0/TLS 192.0.2.2:2616\r\nCSeq: 1 NEGOTIATE\r\n"
    b"Call-ID: 8d8b\r\nCompression: LZ77-8K\r\nMax-Forwards: 0\r\nContent-Length: 0\r\n\r\n"
)


def message(number: int, body: bytes = b"") -> bytes:
    return (
        f"MESSAGE sip:ada@contoso.com SIP/2.0\r\nCall-ID: call-{number}\r\nCSeq: {number} MESSAGE\r\n"
        f"From: <sip:bob@contoso.com>;tag=1;epid=0a\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def coded_offset(offset: int) -> str:
    if offset < 64:
        return f"1111{offset:06b}"
    return f"1110{offset - 64:08b}" if offset < 320 else f"110{offset - 320:013b}"


def coded_length(length: int) -> str:
    if length == 3:
        return "0"
    width = length.bit_length() - 1
    return "1" * (width - 1) + "0" + f"{length - (1 << width):0{width}b}"


def literal(byte: int) -> str:
    return f"0{byte:07b}" if byte < 0x80 else f"10{byte & 0x7F:07b}"


def header(flags: int, size: int) -> bytes:
    return bytes([flags, 0, 0, 0]) + size.to_bytes(2, "big")


def packed(bits: str) -> bytes:
    padded = bits + "0" * (-len(bits) % 8)
    return int(padded, 2).to_bytes(len(padded) // 8, "big") if padded else b""


class Compressor:
    """Greedy matches in its own history."""

    def __init__(self) -> None:
        self.history = b""
        self.begun = False

    def packet(self, text: bytes) -> bytes:
        front = not self.begun or len(self.history) + len(text) > HISTORY
        self.begun = True
        known = b"" if front else self.history
        bits, place = "", 0
        while place < len(text):
            length, offset = self._match(known + text[:place], text[place:])
            bits += coded_offset(offset) + coded_length(length) if length else literal(text[place])
            place += length or 1
        self.history = known + text
        return header(COMPRESSED | (AT_FRONT if front else 0), len(text)) + packed(bits)

    @staticmethod
    def _match(known: bytes, rest: bytes) -> tuple[int, int]:
        best = (0, 0)
        for length in range(3, min(len(rest), 200) + 1):
            found = known.rfind(rest[:length])
            if found < 0:
                break
            best = (length, len(known) - found)
        return best


def read(*after: bytes) -> Dissection:
    return dissect(SIP, NEGOTIATE + b"".join(after))


def calls(dissection: Dissection) -> list[str | None]:
    return [one.message.call_id for one in dissection.messages if isinstance(one.message, SipMessage)]


def test_the_bells_toll_as_in_the_specification():
    said = b"for.whom.the.bell.tolls,.the.bell.tolls.for.thee!"
    data = bytes.fromhex("666f722e77686f6d2e7468652e62656c6c2e746f6c6c732cf4372e66fa1f199484")

    assert Inflater().inflate(Cursor(header(COMPRESSED | AT_FRONT, len(said)) + data)) == said


def test_messages_in_packets_are_read_with_the_bytes_they_stand_in():
    compressor = Compressor()
    packets = [compressor.packet(message(number, b"hello " * number)) for number in range(1, 30)]

    found = read(*packets)

    assert found.anomaly is None
    assert calls(found) == ["8d8b", *(f"call-{number}" for number in range(1, 30))]
    assert sum(map(len, packets)) < sum(len(message(number, b"hello " * number)) for number in range(1, 30)) / 3
    assert [one.end - one.start for one in found.messages][1:] == list(map(len, packets))
    assert {one.message.compression for one in found.messages if isinstance(one.message, SipMessage)} == {"LZ77-8K"}


def test_packets_that_do_not_compress_are_plain():
    text = message(1)

    found = read(header(FLUSHED, len(text)) + text, Compressor().packet(message(2)))

    assert (calls(found), found.anomaly) == (["8d8b", "call-1", "call-2"], None)


def test_a_message_may_span_packets_and_a_packet_hold_two():
    compressor, text = Compressor(), message(1, b"x" * 500) + message(2)

    found = read(compressor.packet(text[:90]), compressor.packet(text[90:300]), compressor.packet(text[300:]))

    assert (calls(found), found.anomaly) == (["8d8b", "call-1", "call-2"], None)


def test_keep_alives_in_packets_yield_nothing():
    compressor = Compressor()

    found = read(compressor.packet(b"\r\n\r\n"), compressor.packet(b"\r\n" + message(1)))

    assert (calls(found), found.anomaly) == (["8d8b", "call-1"], None)


@pytest.mark.parametrize(
    ("packet", "says"),
    [
        (header(COMPRESSED | FLUSHED, 50) + bytes(50), "flushed"),
        (header(0x10, 50) + bytes(50), "no packet"),
        (header(COMPRESSED, 0) + bytes(50), "no packet"),
        (header(COMPRESSED, 9000) + bytes(50), "does not fit"),
        (header(COMPRESSED, 50) + packed(coded_offset(8000) + coded_length(9)), "a copy from 8000 bytes back"),
        (header(COMPRESSED, 5) + packed(literal(65) + coded_offset(1) + coded_length(9)), "exceeds its packet"),
        (header(COMPRESSED, 50) + packed(literal(65) + coded_offset(1) + "1" * 12), "longer than the history"),
        (Compressor().packet(b"nobody speaks so\r\n"), "no SIP start line"),
        (b"\x17\x03\x03\0\x10" + bytes(50), "no packet"),
    ],
)
def test_contradictions_leave_the_rest_unread_and_say_how_much(packet: bytes, says: str):
    found = read(Compressor().packet(message(1)), packet)

    assert calls(found) == ["8d8b", "call-1"]
    assert found.anomaly
    assert found.anomaly.kind is AnomalyKind.MALFORMED
    assert found.anomaly.offset == len(NEGOTIATE) + len(Compressor().packet(message(1)))
    assert f"{len(packet)} bytes of compressed SIP are not read from here on" in found.anomaly.says
    assert says in found.anomaly.says


def test_history_behind_a_plain_packet_is_not_believed():
    inflater, text = Inflater(), message(1)
    inflater.inflate(Cursor(Compressor().packet(text)))
    inflater.inflate(Cursor(header(0, 10) + b"0123456789"))

    with pytest.raises(Malformed, match="of 0 known"):
        inflater.inflate(Cursor(header(COMPRESSED, 5) + packed(coded_offset(12) + coded_length(5))))


def test_every_prefix_of_a_compressed_stream_is_cut_and_never_wrong():
    compressor = Compressor()
    packets = [compressor.packet(message(number)) for number in (1, 2)]
    data = NEGOTIATE + b"".join(packets)
    ends = {len(NEGOTIATE), len(NEGOTIATE) + len(packets[0])}

    for end in range(len(NEGOTIATE), len(data)):
        found = dissect(SIP, data[:end])
        assert calls(found) == ["8d8b", "call-1"][: 1 + (end >= max(ends))]
        assert (found.anomaly is None) is (end in ends)
        assert found.anomaly is None or found.anomaly.kind is AnomalyKind.TRUNCATED


def test_a_text_in_many_small_packets_is_searched_once():
    text = message(1, b"y" * 3000)
    packets = [header(0, 1) + bytes([byte]) for byte in text]

    assert calls(read(*packets)) == ["8d8b", "call-1"]


@given(st.lists(st.binary(min_size=1, max_size=400), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_whatever_is_compressed_comes_back(texts: list[bytes]):
    compressor, inflater = Compressor(), Inflater()

    for text in texts:
        packet = compressor.packet(text)
        cursor = Cursor(packet)
        assert inflater.inflate(cursor) == text
        assert cursor.remaining == 0


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_arbitrary_packets_never_raise(data: bytes):
    found = read(data)

    assert found.consumed <= len(NEGOTIATE) + len(data)


@given(st.binary(max_size=60))
def test_arbitrary_bits_are_read_or_refused(data: bytes):
    cursor = Cursor(header(COMPRESSED, 40) + data)
    with contextlib.suppress(Truncated, Malformed):
        assert len(Inflater().inflate(cursor)) == 40
