"""Frames of LLDP and Cisco's discovery become rows of NEIGHBOURS, and count for quality as they ever did."""

import pytest
from capture_files import SERVER, pcap, read, read_frames, timed, udp
from protocol_examples import CDP_OF_SWITCH, LLDP_OF_SWITCH

from lynccap.ingest.decoding import neighbours
from lynccap.ingest.streams.neighbours import UNTOLD

TO_ALL = bytes.fromhex("01000ccccccc")
SENDER = bytes.fromhex("021122334455")
SNAP = bytes.fromhex("aaaa0300000c2000")


def frame_of_lldp(data: bytes = LLDP_OF_SWITCH, tags: bytes = b"") -> bytes:
    return bytes.fromhex("0180c200000e") + SENDER + tags + b"\x88\xcc" + data


def frame_of_cdp(data: bytes = CDP_OF_SWITCH, header: bytes = SNAP, tags: bytes = b"", padding: int = 0) -> bytes:
    size = len(header) + len(data)
    return TO_ALL + SENDER + tags + size.to_bytes(2, "big") + header + data + bytes(padding)


def told(row) -> tuple[object, ...]:
    return (row.mac, row.protocol, row.device, row.port, row.voice_vlan, row.native_vlan, row.dscp, row.priority)


OF_LLDP = ("02:11:22:33:44:55", "lldp", "switch-3", "Gi1/0/7", 120, 20, 46, 5)
OF_CDP = ("02:11:22:33:44:55", "cdp", "switch-4", "FastEthernet0/3", 120, 20, UNTOLD, UNTOLD)
TAG = bytes.fromhex("8100 0064")


def test_both_protocols_beside_other_frames(tmp_path):
    other = udp(("10.0.0.1", 50000), SERVER, b"x")
    tables = read_frames([other, frame_of_lldp(), other, frame_of_cdp(padding=9)], tmp_path)

    assert [told(row) for row in tables.neighbours.itertuples()] == [OF_LLDP, OF_CDP]
    assert tables.neighbours["frame"].tolist() == [2, 4]
    assert tables.neighbours["capture"].tolist() == [0, 0]
    assert tables.neighbours["time"].is_monotonic_increasing
    assert tables.captures.loc[0, "undecoded"] == 0


@pytest.mark.parametrize("tags", [TAG, TAG * 2], ids=["one", "two"])
def test_behind_vlan_tags(tmp_path, tags):
    tables = read_frames([frame_of_lldp(tags=tags), frame_of_cdp(tags=tags)], tmp_path)

    assert [told(row) for row in tables.neighbours.itertuples()] == [OF_LLDP, OF_CDP]


@pytest.mark.parametrize(
    "header", [bytes.fromhex("aaaa0300000c2003"), bytes.fromhex("aaaa0300000c2004"), bytes.fromhex("424203")]
)
def test_other_frames_of_802_2_are_nobodys(tmp_path, header):
    tables = read_frames([frame_of_cdp(header=header)], tmp_path)

    assert tables.neighbours.empty
    assert tables.captures.loc[0, "undecoded"] == 0


def test_cut_and_broken_frames_have_no_row_and_are_no_loss(tmp_path):
    cut = [frame_of_lldp()[:40], frame_of_cdp()[:18], frame_of_cdp()[:30], frame_of_lldp(b"\0" * 40)]
    tables = read(pcap(timed(cut)), tmp_path)

    assert tables.neighbours.empty
    assert tables.captures.loc[0, "undecoded"] == 0


def test_only_the_first_ones_are_kept_and_the_table_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(neighbours, "MAX_ANNOUNCEMENTS", 3)
    monkeypatch.setattr("lynccap.ingest.engine.MAX_ANNOUNCEMENTS", 3)
    tables = read_frames([frame_of_lldp()] * 5, tmp_path)

    assert tables.neighbours["frame"].tolist() == [1, 2, 3]
    (bounded,) = tables.anomalies[tables.anomalies["protocol"] == "lldp"].itertuples()
    assert bounded.kind == "bounded"
    assert bounded.says.startswith("5 announcements")
