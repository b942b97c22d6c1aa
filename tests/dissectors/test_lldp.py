import pytest
from protocol_examples import LLDP_OF_SWITCH, lldp
from tshark_fields import capture, fields

from dissectors.contract import AnomalyKind, Verdict, dissect
from dissectors.lldp import LLDP, LldpMessage
from lynccap.ingest import Source, read_tables

LEAD = lldp(1, b"\x04\x02\0\0\0\0\x01") + lldp(2, b"\x03\x02\0\0\0\0\x02") + lldp(3, b"\0\x78")


def read(data: bytes) -> LldpMessage:
    (placed,) = dissect(LLDP, data).messages
    assert isinstance(placed.message, LldpMessage)
    return placed.message


def policy(application: int, flags: int, vlan: int, priority: int, dscp: int) -> bytes:
    value = flags << 21 | vlan << 9 | priority << 6 | dscp
    return lldp(127, b"\0\x12\xbb\x02" + bytes([application]) + value.to_bytes(3, "big"))


def test_what_a_switch_tells_phones():
    assert read(LLDP_OF_SWITCH) == LldpMessage(
        chassis="02:00:00:00:00:01",
        port="Gi1/0/7",
        lifetime=120,
        system_name="switch-3",
        native_vlan=20,
        voice_vlan=120,
        voice_priority=5,
        voice_dscp=46,
    )


def test_a_phone_says_that_it_is_one():
    assert read(LEAD + lldp(7, b"\0\x24\0\x20")).telephone
    assert not read(LEAD + lldp(7, b"\0\x24\0\x04")).telephone  # it could be, and is not


@pytest.mark.parametrize(
    ("element", "vlan", "priority", "dscp"),
    [
        (policy(1, 0b010, 0, 5, 46), 0, 5, 46),
        (policy(1, 0b000, 120, 5, 46), None, None, 46),
        (policy(1, 0b100, 0, 0, 0), None, None, None),
        (policy(2, 0b010, 120, 3, 24), None, None, None),
    ],
    ids=["priority-tags-only", "untagged", "unknown-policy", "signalling-is-not-voice"],
)
def test_policies_with_less_to_tell(element: bytes, vlan: int | None, priority: int | None, dscp: int | None):
    one = read(LEAD + element)

    assert (one.voice_vlan, one.voice_priority, one.voice_dscp) == (vlan, priority, dscp)


@pytest.mark.parametrize(
    ("chassis", "named"),
    [
        (b"\x05\x01\x0a\0\0\x07", "10.0.0.7"),
        (b"\x05\x02" + bytes(15) + b"\1", "::1"),
        (b"\x07core-1", "core-1"),
        (b"\x04abc", "abc"),
    ],
)
def test_identities_in_every_form(chassis: bytes, named: str):
    assert read(lldp(1, chassis) + lldp(2, b"\x07x") + lldp(3, b"\0\0")).chassis == named


def test_elements_that_must_lead_are_demanded():
    result = dissect(LLDP, lldp(2, b"\x07x") + LEAD)

    assert LLDP.probe(lldp(2, b"\x07x") + LEAD) == Verdict.REJECT
    assert result.anomaly
    assert result.anomaly.kind is AnomalyKind.MALFORMED


def test_a_short_element_is_malformed_and_a_cut_frame_truncated():
    short, cut = dissect(LLDP, LEAD + lldp(127, b"\0\x80")), dissect(LLDP, LLDP_OF_SWITCH[:-20])

    assert short.anomaly
    assert short.anomaly.kind is AnomalyKind.MALFORMED
    assert cut.anomaly
    assert cut.anomaly.kind is AnomalyKind.TRUNCATED


def test_padding_behind_the_end_is_passed():
    assert dissect(LLDP, LLDP_OF_SWITCH + bytes(30)).anomaly is None


@pytest.mark.tshark
@pytest.mark.parametrize(
    ("name", "field", "column"),
    [
        ("formats/Wireshark-lldp-shutdown-pdu.pcapng.gz", "lldp.tlv.system.name", "device"),
        ("protocols/Wireshark-startmenu_Dameware.pcap", "lldp.ieee.802_1.port_vlan.id", "native_vlan"),
        ("protocols/Wireshark-port-16_vlan24_200.pcap", "lldp.tlv.system.name", "device"),
        ("real/36-jul23-fastbusy-at-ccm-when-flex-oh-hook_1.pcap", "cdp.native_vlan", "native_vlan"),
        ("real/36-jul23-fastbusy-at-ccm-when-flex-oh-hook_1.pcap", "cdp.deviceid", "device"),
        ("protocols/nfstream-capwap.pcap", "cdp.voice_vlan", "voice_vlan"),
        ("protocols/Wireshark-LDAP-capture2.pcap", "cdp.portid", "port"),
        ("layers/Wireshark-R0_to_R1.cap", "cdp.deviceid", "device"),
    ],
)
def test_neighbours_are_those_tshark_reads(name: str, field: str, column: str):
    path = capture(name)
    told = {int(frame): value for frame, value in fields(path, "lldp || cdp", "frame.number", field)}

    table = read_tables([Source(str(path))]).neighbours

    assert sorted(told) == table["frame"].tolist()
    ours = {row["frame"]: str(row[column]) for _, row in table.iterrows()}
    named = {frame: value for frame, value in told.items() if value}
    assert named
    assert {frame: ours[frame] for frame in named} == named
