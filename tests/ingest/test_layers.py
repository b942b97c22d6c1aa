import struct

import pytest
from capture_files import (
    CLIENT,
    RAW,
    SERVER,
    START,
    ethernet,
    ipv4,
    ipv6,
    pcap,
    read,
    read_frames,
    tcp_body,
    timed,
    udp,
    udp_body,
)
from hypothesis import given, settings
from hypothesis import strategies as st

BODY = udp_body(50000, 443, b"payload")
FOUR = ipv4("10.0.0.1", "10.0.0.2", 17, BODY)
SIX = ipv6("2001:db8::1", "2001:db8::2", 17, BODY)


def cooked(packet: bytes, kind: int) -> bytes:
    return struct.pack(">HHH8sH", 0, 1, 6, b"\x02\0\0\0\0\x07\0\0", kind) + packet


def cooked2(packet: bytes, kind: int) -> bytes:
    return struct.pack(">HHIHBB8s", kind, 0, 1, 1, 0, 6, b"\x02\0\0\0\0\x07\0\0") + packet


@pytest.mark.parametrize(
    ("link", "frame", "mac"),
    [
        (1, ethernet(FOUR), "02:00:00:00:00:01"),
        (1, ethernet(SIX), "02:00:00:00:00:01"),
        (101, FOUR, ""),
        (101, SIX, ""),
        (12, FOUR, ""),
        (14, SIX, ""),
        (228, FOUR, ""),
        (229, SIX, ""),
        (0, struct.pack("<I", 2) + FOUR, ""),
        (108, struct.pack(">I", 30) + SIX, ""),
        (113, cooked(FOUR, 0x0800), "02:00:00:00:00:07"),
        (276, cooked2(SIX, 0x86DD), "02:00:00:00:00:07"),
    ],
)
def test_every_link_type_shows_the_same_datagram(link, frame, mac, tmp_path):
    flow = read(pcap([(START, frame)], link=link), tmp_path).flows.iloc[0]
    assert (flow["client"], flow["server"]) in (("10.0.0.1", "10.0.0.2"), ("2001:db8::1", "2001:db8::2"))
    assert (flow["transport"], flow["client_port"], flow["server_port"]) == ("udp", 50000, 443)
    assert (flow["bytes_client"], flow["client_mac"], flow["vlan"]) == (7, mac, -1)


@pytest.mark.parametrize("tags", [(5,), (5, 6), (0x2005, 7, 8, 9)])
def test_the_innermost_tag_is_the_vlan(tags, tmp_path):
    flow = read_frames([ethernet(FOUR, tags)], tmp_path).flows.iloc[0]
    assert (flow["vlan"], flow["bytes_client"]) == (tags[-1], 7)


def test_pppoe_sessions_are_looked_into(tmp_path):
    session = struct.pack(">BBHHH", 0x11, 0, 1, len(FOUR) + 2, 0x0021) + FOUR
    assert read_frames([ethernet(session, kind=0x8864)], tmp_path).flows.loc[0, "bytes_client"] == 7


def test_the_length_of_pppoe_cuts_padding_that_the_ip_length_counts(tmp_path):
    packet = ipv4("10.0.0.1", "10.0.0.2", 6, tcp_body(1, 2, 3, 4, 16), total=46) + bytes(6)
    session = struct.pack(">BBHHH", 0x11, 0, 1, 42, 0x0021) + packet
    assert read_frames([ethernet(session, kind=0x8864)], tmp_path).flows.loc[0, "bytes_client"] == 0


def test_ethernet_padding_is_no_payload(tmp_path):
    bare = ethernet(ipv4("10.0.0.1", "10.0.0.2", 6, tcp_body(1, 2, 3, 4, 16))) + bytes(6)
    flow = read_frames([bare, udp(CLIENT, SERVER, b"ab") + bytes(16)], tmp_path).flows
    assert flow["bytes_client"].tolist() == [0, 2]
    assert flow["data_frames_client"].tolist() == [0, 1]


def test_a_total_length_of_zero_is_offload_and_the_frame_tells_the_size(tmp_path):
    packet = ipv4("10.0.0.1", "10.0.0.2", 6, tcp_body(1, 2, 3, 4, 16, bytes(30_000)), total=0)
    assert read_frames([ethernet(packet)], tmp_path).flows.loc[0, "bytes_client"] == 30_000


def test_ip_options_are_stepped_over(tmp_path):
    packet = ipv4("10.0.0.1", "10.0.0.2", 17, BODY, options=40)
    assert read_frames([ethernet(packet)], tmp_path).flows.loc[0, "client_port"] == 50000


@pytest.mark.parametrize("kinds", [(0,), (60, 43), (0, 60, 43, 60), (44,), (51,), (0, 43, 44, 51, 60)])
def test_ipv6_extension_headers_are_stepped_over(kinds, tmp_path):
    body, following = BODY, 17
    for kind in reversed(kinds):
        rest = bytes(6) if kind != 44 else b"\0\x01" + bytes(4)
        units = {51: 1, 44: 0}.get(kind, 1)
        extra = {51: 4, 44: 0}.get(kind, 8)
        body, following = bytes([following, units]) + rest + bytes(extra) + body, kind
    flow = read_frames([ethernet(ipv6("2001:db8::1", "2001:db8::2", following, body))], tmp_path).flows.iloc[0]
    assert (flow["transport"], flow["client_port"], flow["bytes_client"]) == ("udp", 50000, 7)


def test_later_fragments_are_counted_and_never_read_as_ports(tmp_path):
    first = ipv4("10.0.0.1", "10.0.0.2", 17, udp_body(50000, 443, bytes(992)), fragment=0x2000)
    later = ipv4("10.0.0.1", "10.0.0.2", 17, b"\x12\x34\x56\x78" * 50, fragment=125)
    six = bytes([17, 0]) + struct.pack(">HI", 1000, 7) + b"\x12\x34\x56\x78" * 5
    frames = [ethernet(first), ethernet(later), ethernet(ipv6("2001:db8::1", "2001:db8::2", 44, six))]
    tables = read_frames(frames, tmp_path)
    assert tables.flows["client_port"].tolist() == [50000]
    assert tables.captures.loc[0, "undecoded"] == 2


def test_frames_without_ip_are_no_loss_but_other_links_are(tmp_path):
    arp = ethernet(bytes(46), kind=0x0806)
    spanning_tree = ethernet(bytes(46), kind=38)
    mpls = ethernet(bytes(46), kind=0x8847)
    assert read_frames([arp, spanning_tree, mpls], tmp_path).captures.loc[0, "undecoded"] == 1
    assert read(pcap(timed([FOUR]), link=105), tmp_path).captures.loc[0, "undecoded"] == 1


def test_a_frame_captured_short_still_counts_its_bytes_on_the_wire(tmp_path):
    tables = read(pcap(timed([udp(CLIENT, SERVER, bytes(500))]), snap_length=60), tmp_path)
    assert tables.flows.loc[0, "bytes_client"] == 500
    assert tables.captures.loc[0, ["snapped", "bytes", "snap_length"]].tolist() == [1, 60, 60]


@pytest.mark.parametrize("link", [0, 1, RAW, 113, 276])
def test_headers_cut_anywhere_are_never_read_beyond_the_cut(link, tmp_path):
    heads = {0: struct.pack("<I", 2), 1: ethernet(b"\x45")[:14], RAW: b"", 113: cooked(b"", 0x0800)}
    frame = heads.get(link, cooked2(b"", 0x0800)) + FOUR
    records = [(START, frame[:cut]) for cut in range(len(frame))]
    tables = read(pcap(records, link=link), tmp_path)
    assert tables.captures.loc[0, "packets"] == len(frame)
    flows = tables.flows
    assert set(zip(flows["client"], flows["client_port"], strict=True)) == {("10.0.0.1", 50000)}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=120), min_size=1, max_size=8), st.sampled_from([0, 1, 101, 113, 276, 9]))
def test_any_bytes_in_frames_are_survived(tmp_path_factory, frames, link):
    tables = read(pcap(timed(frames), link=link), tmp_path_factory.mktemp("any"))
    assert tables.captures.loc[0, "packets"] == len(frames)
    assert tables.flows["frames_client"].sum() + tables.flows["frames_server"].sum() <= len(frames)
