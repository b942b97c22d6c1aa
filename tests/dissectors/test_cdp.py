import pytest
from protocol_examples import CDP_OF_SWITCH, cdp

from dissectors.cdp import CDP, CdpMessage
from dissectors.contract import AnomalyKind, Verdict, dissect

LEAD = b"\x02\xb4\0\0"


def read(data: bytes) -> CdpMessage:
    (placed,) = dissect(CDP, data).messages
    assert isinstance(placed.message, CdpMessage)
    return placed.message


def test_what_a_switch_tells_phones():
    assert read(CDP_OF_SWITCH) == CdpMessage(
        device="switch-4",
        lifetime=180,
        port="FastEthernet0/3",
        native_vlan=20,
        voice_vlan=120,
        untrusted_priority=0,
    )


def test_a_phone_says_that_it_is_one_and_which_vlan_it_asks_for():
    one = read(LEAD + cdp(1, b"SEP001122334455") + cdp(4, b"\0\0\0\x90") + cdp(0x0F, b"\x20\x02\0\x01"))

    assert one.telephone
    assert one.voice_vlan == 512


@pytest.mark.parametrize("element", [cdp(0x0E, b"\1\0"), cdp(0x0A, b"\0"), cdp(0x04, b"\0"), cdp(0x13, b"")])
def test_elements_too_short_to_tell_tell_nothing(element: bytes):
    assert read(LEAD + element) == CdpMessage(device=None, lifetime=180)


def test_an_element_shorter_than_its_own_header_is_malformed():
    result = dissect(CDP, LEAD + cdp(1, b"a") + b"\0\x03\0\x03")

    assert result.anomaly
    assert result.anomaly.kind is AnomalyKind.MALFORMED


def test_other_versions_are_rejected():
    assert CDP.probe(b"\x03" + CDP_OF_SWITCH[1:]) == Verdict.REJECT
