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


def block(fraction: int = 64, lost: int = 5, jitter: int = 99, source: int = 0x11) -> bytes:
    times = 0xABCD1234, 0x8000
    return struct.pack(">IB3sIIII", source, fraction, lost.to_bytes(3, "big", signed=True), 1000, jitter, *times)


SENDER = rtcp(200, struct.pack(">IQIII", SSRC, 0xE0000000_80000000, 16000, 50, 8000) + block(), count=1)
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
    types = (200, 201, 202)

    assert sender == RtcpMessage(
        packet_type=200, ssrc=SSRC, compound=types, reports=1,
        ntp_time=0xE0000000_80000000, rtp_time=16000, packets_sent=50, bytes_sent=8000,
        source=0x11, lost_fraction=0.25, lost_total=5, highest_sequence=1000, jitter=99,
        last_report=0xABCD1234, delay=0x8000,
    )  # fmt: skip
    assert isinstance(receiver, RtcpMessage)
    assert (receiver.packet_type, receiver.lost_fraction, receiver.lost_total) == (201, 0.0, -2)
    assert description == RtcpMessage(packet_type=202, ssrc=SSRC, compound=types, name="ab")


def test_each_block_of_a_report_is_a_message() -> None:
    found = messages(rtcp(201, struct.pack(">I", SSRC) + block(source=1) + block(source=2, lost=9), count=2))

    assert [(one.source, one.lost_total, one.reports) for one in found] == [(1, 5, 2), (2, 9, 2)]


@pytest.mark.parametrize("size", [8, 14, 18])
def test_sealed_compound_tells_nothing_but_who_sent_it(size: int) -> None:
    sealed = RtcpMessage(packet_type=200, ssrc=SSRC, compound=(200,), sealed=True, reports=1)

    assert messages(SENDER + b"\xa7" * size) == [sealed]
    assert messages(SENDER + b"\x80\0\0\1" + bytes(range(1, size - 3))) == [sealed]


@given(st.binary(min_size=24, max_size=200), st.integers(0, 1 << 31))
def test_what_encryption_leaves_never_becomes_a_report(cipher: bytes, index: int) -> None:
    """Whatever the encrypted bytes are: the compound's first length is in clear, and mark, index and tag end it."""
    words = len(cipher) // 4
    compound = struct.pack(">BBHI", 0x81, 201, 7, SSRC) + cipher[: 4 * words]
    data = compound + struct.pack(">I", 0x80000000 | index) + bytes(range(10))
    for placed in dissect(RTP, data).messages:
        assert getattr(placed.message, "sealed", False), placed.message


@pytest.mark.parametrize("tag", [4, 10])
def test_signed_compounds_are_read(tag: int) -> None:
    assert messages(SENDER + DESCRIPTION + struct.pack(">I", 7) + b"\x5a" * tag) == messages(SENDER + DESCRIPTION)


def test_zeros_behind_a_compound_do_not_seal_it() -> None:
    assert messages(SENDER + bytes(2)) == messages(SENDER)


def test_report_without_a_block_has_no_loss() -> None:
    assert messages(rtcp(201, struct.pack(">I", SSRC))) == [RtcpMessage(packet_type=201, ssrc=SSRC, compound=(201,))]


def test_a_packet_without_sender_reads() -> None:
    assert messages(rtcp(203, b"")) == [RtcpMessage(packet_type=203, ssrc=0, compound=(203,))]


def test_leavers_say_why() -> None:
    found = messages(rtcp(203, struct.pack(">II", SSRC, 8) + b"\x07teardow", count=2))

    assert [(one.ssrc, one.reason) for one in found] == [(SSRC, "teardow"), (8, "teardow")]


def test_every_chunk_of_a_description_is_a_message() -> None:
    chunks = struct.pack(">I", 1) + b"\2\1x\1\3abc\0\0\0\0" + struct.pack(">I", 2) + b"\1\2de\0\0\0\0"

    found = messages(rtcp(202, chunks, count=2))

    assert [(one.ssrc, one.name) for one in found] == [(1, "abc"), (2, "de")]


@pytest.mark.parametrize(
    ("packet_type", "count", "feedback"), [(205, 1, "nack"), (206, 1, "pli"), (206, 15, "application"), (205, 9, "9")]
)
def test_feedback_names_what_it_is_and_about_whom(packet_type: int, count: int, feedback: str) -> None:
    (found,) = messages(rtcp(packet_type, struct.pack(">II", SSRC, 0x11), count=count))

    assert (found.ssrc, found.source, found.feedback) == (SSRC, 0x11, feedback)


def test_application_packets_have_a_name() -> None:
    (found,) = messages(rtcp(204, struct.pack(">I", SSRC) + b"PoC1" + bytes(4)))

    assert (found.ssrc, found.name) == (SSRC, "PoC1")


def extension(kind: int, content: bytes) -> bytes:
    return struct.pack(">HH", kind, 4 + len(content)) + content


def test_microsoft_extensions_behind_the_blocks() -> None:
    extensions = (
        extension(1, struct.pack(">III", SSRC, 512_000, 0x10000000)),
        extension(4, bytes(8)),
        *(extension(kind, struct.pack(">II", 0, 1000 * kind)) for kind in (7, 8, 10)),
        extension(14, struct.pack(">II", 0x02000000, 14_000)),
    )
    (found,) = messages(rtcp(201, struct.pack(">I", SSRC) + block() + b"".join(extensions), count=1))

    assert found.extensions == (1, 4, 7, 8, 10, 14)
    assert (found.bandwidth, found.policy_limit, found.relay_limit, found.receiver_limit, found.sender_limit) == (
        512_000, 7000, 8000, 10_000, 14_000,
    )  # fmt: skip


@pytest.mark.parametrize("rate", [0xFFFFFFFA, 0xFFFFFFFB, 0xFFFFFFFD])
def test_a_missing_estimate_is_no_bandwidth(rate: int) -> None:
    (found,) = messages(rtcp(201, struct.pack(">I", SSRC) + extension(1, struct.pack(">II", SSRC, rate))))

    assert (found.extensions, found.bandwidth) == ((1,), None)


@pytest.mark.parametrize("tail", [b"\0\7\0\2", b"\0\7\xff\xff", bytes(8), b"\0\7\0\x08abcd"])
def test_other_tails_of_reports_are_let_be(tail: bytes) -> None:
    (found,) = messages(rtcp(201, struct.pack(">I", SSRC) + tail))

    assert found.policy_limit is None


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
