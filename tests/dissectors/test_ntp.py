import pytest
from protocol_examples import DNS_QUERY, ntp

from dissectors.contract import AnomalyKind, Cursor, Verdict, dissect
from dissectors.ntp import NTP, NtpMessage


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
