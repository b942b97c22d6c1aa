from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol_examples import DNS_QUERY, ntp
from tshark_fields import capture, fields

from dissectors.contract import AnomalyKind, Cursor, Verdict, dissect
from dissectors.ntp import MODES, NTP, NtpMessage

SECOND = 1_000_000_000


def read(data: bytes) -> NtpMessage:
    (message,) = NTP.parse(Cursor(data))
    return message


def test_server_answer_tells_time_stratum_and_leap():
    # 2024-01-01T00:00:00.5Z is 3 913 056 000 s after 1900
    message = read(ntp(4, stratum=3, transmit=(3_913_056_000 << 32) + (1 << 31), leap=0))

    assert (message.kind, message.version, message.stratum, message.leap) == ("server", 4, 3, 0)
    assert message.transmit_time == 1_704_067_200_500_000_000


def test_unsynchronised_clock_keeps_its_leap_warning():
    assert read(ntp(4, stratum=16, leap=3)).leap == 3


def test_empty_timestamp_is_zero_and_not_1900():
    assert read(ntp(3, transmit=0)).transmit_time == 0


def test_timestamp_without_top_bit_is_after_2036():
    assert read(ntp(4, transmit=1 << 32)).transmit_time == 2_085_978_497_000_000_000


@pytest.mark.parametrize(
    ("mode", "kind"), [(1, "symmetric"), (2, "symmetric"), (3, "client"), (4, "server"), (5, "broadcast")]
)
def test_mode_names_the_kind(mode: int, kind: str):
    assert read(ntp(mode)).kind == kind


def test_control_packet_is_read_by_its_count():
    packet = bytes.fromhex("16020001000000000000") + b"\0\4" + b"a=b,"

    assert NTP.probe(packet) == Verdict.LIKELY
    assert read(packet).kind == "control"


def test_extension_fields_are_accepted():
    assert NTP.probe(ntp(3) + bytes.fromhex("01040010") + bytes(12) + bytes(20)) == Verdict.LIKELY


def test_client_that_fills_only_its_time_is_accepted():
    assert NTP.probe(b"\x1b" + bytes(39) + b"\xe0" + bytes(7)) == Verdict.LIKELY


def test_authenticator_belongs_to_the_packet():
    dissection = dissect(NTP, ntp(4) + bytes(20))

    assert len(dissection.messages) == 1
    assert dissection.consumed == 68


@pytest.mark.parametrize("first", [0x00, 0x07, 0x17, 0x2B], ids=["mode 0", "version 0", "mode 7", "version 5"])
def test_other_modes_and_versions_are_malformed_and_rejected(first: int):
    packet = bytes([first]) + ntp(3)[1:]

    assert NTP.probe(packet) == Verdict.REJECT
    anomaly = dissect(NTP, packet).anomaly
    assert anomaly is not None
    assert anomaly.kind is AnomalyKind.MALFORMED


@pytest.mark.parametrize(
    "packet",
    [
        pytest.param(ntp(4, stratum=17), id="reserved stratum"),
        pytest.param(ntp(4, transmit=0), id="an answer without a time"),
        pytest.param(ntp(4) + b"\0", id="not whole words"),
        pytest.param(ntp(4) + bytes(28), id="an extension field without a length"),
        pytest.param(b"c\0\0\0\n5.5.40-MariaDB-0ubuntu".ljust(48, b"\0"), id="mysql"),
        pytest.param(DNS_QUERY.ljust(48, b"\xff"), id="dns"),
    ],
)
def test_fields_out_of_range_are_rejected(packet: bytes):
    assert NTP.probe(packet) == Verdict.REJECT


def packet(
    mode: int = 4, stratum: int = 2, reference: bytes = bytes([10, 0, 0, 5]), originate: int = 0, receive: int = 0
) -> bytes:
    head = bytes([4 << 3 | mode, stratum, 6, 0xEA]) + bytes.fromhex("00008000 00010000") + reference
    return (
        head
        + bytes(8)
        + originate.to_bytes(8, "big")
        + receive.to_bytes(8, "big")
        + (0xE0000000 << 32).to_bytes(8, "big")
    )


def test_server_says_how_wrong_it_may_be_and_whom_it_follows():
    message = read(packet())

    assert (message.root_delay, message.root_dispersion) == (500_000_000, 1_000_000_000)
    assert (message.reference, message.kiss) == ("10.0.0.5", None)


@pytest.mark.parametrize(
    ("mode", "stratum", "reference", "named", "kiss"),
    [
        (4, 1, b"GPS\0", "GPS", None),
        (4, 0, b"RATE", None, "RATE"),
        (4, 0, bytes(4), None, None),
        (4, 0, b"\1\2\3\4", None, None),
        (4, 1, b"\xff\0\0\0", None, None),
        (4, 3, bytes(4), None, None),
        (3, 0, b"INIT", None, None),
    ],
)
def test_reference_is_name_address_or_kiss_code(mode, stratum, reference, named, kiss):
    message = read(packet(mode, stratum, reference))

    assert (message.reference, message.kiss) == (named, kiss)


def test_times_of_question_and_arrival_are_told():
    message = read(packet(originate=3_913_056_000 << 32, receive=(3_913_056_000 << 32) + (1 << 30)))

    assert message.originate_time == 1_704_067_200_000_000_000
    assert message.receive_time == 1_704_067_200_250_000_000


@given(st.binary(min_size=48, max_size=120))
def test_whatever_the_fields_hold_is_read(data: bytes):
    for placed in dissect(NTP, data).messages:
        assert isinstance(placed.message, NtpMessage)
        assert placed.message.kiss is None or placed.message.stratum == 0


@pytest.mark.tshark
@pytest.mark.parametrize("name", ["damaged/Wireshark-NTP_with_MD5_key_foobar.pcap", "real/35-nb6-startup.pcap"])
def test_agrees_with_tshark(name: str):
    names = (
        "frame.number",
        "udp.payload",
        "ntp.flags.mode",
        "ntp.stratum",
        "ntp.rootdelay",
        "ntp.rootdispersion",
        "ntp.xmt",
        "ntp.org",
    )
    rows = fields(capture(name), "ntp and !icmp", *names)
    assert rows
    for number, payload, mode, stratum, delay, dispersion, sent, asked in rows:
        message = read(bytes.fromhex(payload))

        assert message.kind == MODES[int(mode)], number
        assert message.stratum == int(stratum), number
        # Some tsharks print these two in seconds, others as the 16.16 number they are.
        assert _as_seconds(delay, message.root_delay / SECOND), number
        assert _as_seconds(dispersion, message.root_dispersion / SECOND), number
        for mine, theirs in ((message.transmit_time, sent), (message.originate_time, asked)):
            assert mine // SECOND == _seconds(theirs), number


def _as_seconds(printed: str, seconds: float) -> bool:
    return seconds in (pytest.approx(float(printed), abs=2e-6), pytest.approx(float(printed) / 65536, abs=2e-6))


def _seconds(text: str) -> int:
    """Of tshark's form "Sep 27, 2004 03:18:04.922896299 UTC"; "NULL" and 1970 are no time."""
    if text in ("", "NULL") or "(0)" in text or " 1970 " in text:
        return 0
    return int(datetime.strptime(text.split(".")[0], "%b %d, %Y %H:%M:%S").replace(tzinfo=UTC).timestamp())
