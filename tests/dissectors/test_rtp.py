import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tshark_fields import capture, fields

from dissectors.contract import Cursor, Malformed, Truncated, Verdict, dissect
from dissectors.rtp import MAX_PACKETS, RTP, RtcpMessage, RtpMessage

SSRC = 0xCAFEBABE


def rtp(first: int = 0x80, payload_type: int = 114, payload: bytes = bytes(60), behind_header: bytes = b"") -> bytes:
    return struct.pack(">BBHII", first, payload_type, 7, 16000, SSRC) + behind_header + payload


def rtcp(packet_type: int, content: bytes, count: int = 0) -> bytes:
    return struct.pack(">BBH", 0x80 | count, packet_type, len(content) // 4) + content


def block(fraction: int = 64, lost: int = 5, jitter: int = 99) -> bytes:
    return struct.pack(">IB3sIIII", 0x11, fraction, lost.to_bytes(3, "big", signed=True), 1000, jitter, 0, 0)


SENDER = rtcp(200, struct.pack(">I", SSRC) + bytes(20) + block(), count=1)
RECEIVER = rtcp(201, struct.pack(">I", SSRC) + block(fraction=0, lost=-2), count=1)
DESCRIPTION = rtcp(202, struct.pack(">I", SSRC) + b"\1\2ab\0\0\0\0", count=1)


def messages(data: bytes) -> list[RtpMessage | RtcpMessage]:
    found = dissect(RTP, data)
    assert found.anomaly is None, found.anomaly
    return [placed.message for placed in found.messages if isinstance(placed.message, RtpMessage | RtcpMessage)]


def test_header_of_a_media_packet() -> None:
    (message,) = messages(rtp(payload_type=0x80 | 115))

    assert message == RtpMessage(
        payload_type=115, sequence=7, timestamp=16000, ssrc=SSRC, marker=True, payload_length=60
    )


def test_contributors_and_extension_are_not_payload() -> None:
    extension = struct.pack(">HH", 0xBEDE, 1) + bytes(4)

    (message,) = messages(rtp(first=0x92, behind_header=bytes(8) + extension))

    assert isinstance(message, RtpMessage)
    assert (message.contributors, message.payload_length) == (2, 60)


def test_compound_of_reports_in_clear() -> None:
    sender, receiver, description = messages(SENDER + RECEIVER + DESCRIPTION)

    assert sender == RtcpMessage(packet_type=200, ssrc=SSRC, reports=1, lost_fraction=0.25, lost_total=5, jitter=99)
    assert isinstance(receiver, RtcpMessage)
    assert (receiver.packet_type, receiver.lost_fraction, receiver.lost_total) == (201, 0.0, -2)
    assert description == RtcpMessage(packet_type=202, ssrc=SSRC)


def test_sealed_compound_tells_nothing_but_who_sent_it() -> None:
    assert messages(SENDER + b"\xa7" * 14) == [RtcpMessage(packet_type=200, ssrc=SSRC)]


def test_zeros_behind_a_compound_do_not_seal_it() -> None:
    assert messages(SENDER + bytes(2)) == messages(SENDER)


def test_report_without_a_block_has_no_loss() -> None:
    assert messages(rtcp(201, struct.pack(">I", SSRC))) == [RtcpMessage(packet_type=201, ssrc=SSRC)]


def test_a_packet_without_sender_reads() -> None:
    assert messages(rtcp(203, b"")) == [RtcpMessage(packet_type=203, ssrc=0)]


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\xfe\xfd" + bytes(40),
        b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12),
        b"\x40" + rtp()[1:],
        rtcp(199, bytes(24)),
        rtcp(201, struct.pack(">I", SSRC) + block(), count=2),
        b"\x80\xc8\xff\xff" + bytes(60),
        rtcp(203, b"") * (MAX_PACKETS + 1),
    ],
    ids=[
        "dtls",
        "stun",
        "version 1",
        "rtcp type",
        "more blocks than bytes",
        "longer than a datagram",
        "endless compound",
    ],
)
def test_what_cannot_be_media_is_rejected_and_malformed(data: bytes) -> None:
    assert RTP.probe(data) is Verdict.REJECT
    with pytest.raises(Malformed):
        RTP.parse(Cursor(data))


@pytest.mark.parametrize(
    "data",
    [rtp(payload_type=50), rtp(first=0x90, behind_header=b"\0\0\0\x60", payload=bytes(400))],
    ids=["payload type", "extension"],
)
def test_unlikely_headers_are_rejected_yet_readable(data: bytes) -> None:
    assert RTP.probe(data) is Verdict.REJECT
    assert len(messages(data)) == 1


@pytest.mark.parametrize("data", [rtp(), SENDER, SENDER + DESCRIPTION, SENDER + b"\xa7" * 14])
def test_claims_are_likely_never_certain(data: bytes) -> None:
    assert RTP.probe(data) is Verdict.LIKELY


@pytest.mark.parametrize(
    "data",
    [
        rtp(payload=b""),
        rtp(first=0x9F, payload=b"", behind_header=bytes(60) + b"\xbe\xde\0\2" + bytes(8)),
        SENDER,
        RECEIVER,
    ],
    ids=["header", "contributors and extension", "sender report", "receiver report"],
)
def test_every_prefix_is_truncated_and_not_rejected(data: bytes) -> None:
    for size in range(len(data)):
        assert RTP.probe(data[:size]) is Verdict.UNSURE
        with pytest.raises(Truncated):
            RTP.parse(Cursor(data[:size]))


def test_a_compound_cut_in_a_later_packet_is_truncated() -> None:
    whole = SENDER + DESCRIPTION

    for size in range(len(SENDER) + 1, len(whole)):
        with pytest.raises(Truncated):
            RTP.parse(Cursor(whole[:size]))


@given(st.binary(max_size=200))
def test_arbitrary_bytes_never_raise(data: bytes) -> None:
    assert RTP.probe(data) is not Verdict.CERTAIN
    assert dissect(RTP, data).consumed <= len(data)


@given(st.binary(min_size=4, max_size=120), st.integers(192, 223), st.integers(0, 31))
def test_damaged_reports_never_raise(content: bytes, packet_type: int, count: int) -> None:
    for message in dissect(RTP, rtcp(packet_type, content, count)).messages:
        assert isinstance(message.message, RtcpMessage)


@pytest.mark.tshark
@pytest.mark.parametrize(
    "name",
    [
        "real/29-VoIP-FullCapture-.pcapng",
        "real/31-SIP_CALL_RTP_G711",
        "protocols/Wireshark-Mobile-Originating-Call-AMR-.pcap",
        "protocols/nDPI-stun_signal.pcapng",
    ],
)
def test_agrees_with_tshark_on_headers(name: str) -> None:
    rows = fields(
        capture(name),
        "udp and !icmp and (rtp.version or rtcp.version)",
        *("frame.number", "udp.payload", "rtp.p_type", "rtp.seq", "rtp.timestamp", "rtp.ssrc", "rtcp.pt"),
    )
    assert rows
    for number, payload, payload_type, sequence, timestamp, ssrc, packet_type in rows:
        data = bytes.fromhex(payload)
        first = messages(data)[0]

        assert RTP.probe(data) is Verdict.LIKELY, number
        if isinstance(first, RtcpMessage):
            assert first.packet_type == int(packet_type), number
        else:
            assert (first.payload_type, first.sequence) == (int(payload_type), int(sequence)), number
            assert (first.timestamp, first.ssrc) == (int(timestamp), int(ssrc, 16)), number
