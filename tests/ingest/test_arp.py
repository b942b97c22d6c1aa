"""Questions for hardware addresses and their answers become rows of ARP; damaged ones have none and are no loss."""

import ipaddress

import pytest
from capture_files import SERVER, pcap, read, read_frames, timed, udp
from hypothesis import given
from hypothesis import strategies as st

from lynccap.ingest.decoding import arp as arp_module
from lynccap.tables import ARP

MAC = bytes.fromhex("021122334455")
TAG = bytes.fromhex("8100 0064")
REQUEST, REPLY = 1, 2


def arp(
    kind: int = REQUEST, address: str = "10.0.0.1", target: str = "10.0.0.2", *, mac: bytes = MAC, tags: bytes = b"",
    form: bytes = bytes.fromhex("0001 0800 06 04"),
) -> bytes:  # fmt: skip
    first, second = (ipaddress.ip_address(one).packed for one in (address, target))
    body = form + kind.to_bytes(2, "big") + mac + first + bytes(6) + second
    return b"\xff" * 6 + mac + tags + b"\x08\x06" + body + bytes(18)


def told(tables) -> list[tuple[object, ...]]:
    return [(row.kind, row.mac, row.address, row.target, row.vlan) for row in tables.arp.itertuples()]


def test_questions_answers_and_announcements_beside_other_frames(tmp_path):
    other = udp(("10.0.0.1", 50000), SERVER, b"x")
    frames = [other, arp(), arp(REPLY, "10.0.0.2", "10.0.0.1"), other, arp(REQUEST, "10.0.0.1", "10.0.0.1")]
    tables = read_frames(frames, tmp_path)

    assert told(tables) == [
        ("request", "02:11:22:33:44:55", "10.0.0.1", "10.0.0.2", -1),
        ("reply", "02:11:22:33:44:55", "10.0.0.2", "10.0.0.1", -1),
        ("request", "02:11:22:33:44:55", "10.0.0.1", "10.0.0.1", -1),
    ]
    assert tables.arp["frame"].tolist() == [2, 3, 5]
    assert tables.arp["time"].is_monotonic_increasing
    assert list(tables.arp.columns) == list(ARP)
    assert tables.captures.loc[0, "undecoded"] == 0


@pytest.mark.parametrize(("tags", "vlan"), [(TAG, 100), (TAG + bytes.fromhex("8100 0007"), 7)])
def test_behind_vlan_tags(tmp_path, tags, vlan):
    assert told(read_frames([arp(tags=tags)], tmp_path)) == [
        ("request", "02:11:22:33:44:55", "10.0.0.1", "10.0.0.2", vlan)
    ]


@pytest.mark.parametrize(
    "frame",
    [
        arp()[:41],
        arp()[:14],
        arp(3),
        arp(0),
        arp(form=bytes.fromhex("0001 86dd 06 04")),
        arp(form=bytes.fromhex("0006 0800 06 04")),
        arp(form=bytes.fromhex("0001 0800 08 04")),
    ],
    ids=["cut in the last address", "cut in front", "reverse", "none", "other protocol", "other link", "long address"],
)
def test_cut_and_other_messages_have_no_row_and_are_no_loss(tmp_path, frame):
    tables = read(pcap(timed([frame])), tmp_path)

    assert tables.arp.empty
    assert tables.captures.loc[0, "undecoded"] == 0


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_any_bytes_give_only_sound_rows(tmp_path_factory, bodies):
    frames = [b"\xff" * 6 + MAC + b"\x08\x06" + body for body in bodies]
    rows = read_frames([arp(), *frames], tmp_path_factory.mktemp("arp")).arp

    assert rows["frame"].tolist()[0] == 1
    assert rows["frame"].is_monotonic_increasing
    assert set(rows["kind"]) <= {"request", "reply"}
    assert all(ipaddress.ip_address(one) for name in ("address", "target") for one in rows[name])


def test_only_the_first_ones_are_kept_and_the_table_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(arp_module, "MAX_RESOLUTIONS", 3)
    monkeypatch.setattr("lynccap.ingest.engine.MAX_RESOLUTIONS", 3)
    tables = read_frames([arp()] * 5, tmp_path)

    assert tables.arp["frame"].tolist() == [1, 2, 3]
    (bounded,) = tables.anomalies[tables.anomalies["protocol"] == "arp"].itertuples()
    assert bounded.kind == "bounded"
    assert bounded.says.startswith("5 questions")
