import struct

import pytest
from capture_files import (
    CLIENT,
    RAW,
    SERVER,
    START,
    enhanced,
    ethernet,
    interface,
    ipv4,
    ipv6,
    pcap,
    read,
    read_frames,
    section,
    tcp_body,
    timed,
    udp,
    udp_body,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from lynccap.ingest.decoding.links import LINKS

BODY = udp_body(50000, 443, b"payload")
FOUR = ipv4("10.0.0.1", "10.0.0.2", 17, BODY)
SIX = ipv6("2001:db8::1", "2001:db8::2", 17, BODY)


def cooked(packet: bytes, kind: int) -> bytes:
    return struct.pack(">HHH8sH", 0, 1, 6, b"\x02\0\0\0\0\x07\0\0", kind) + packet


def cooked2(packet: bytes, kind: int) -> bytes:
    return struct.pack(">HHIHBB8s", kind, 0, 1, 1, 0, 6, b"\x02\0\0\0\0\x07\0\0") + packet


def ppp(packet: bytes) -> bytes:
    return (b"\0\x21" if packet[0] >> 4 == 4 else b"\0\x57") + packet


def snap(packet: bytes) -> bytes:
    return b"\xaa\xaa\x03\0\0\0" + (b"\x08\0" if packet[0] >> 4 == 4 else b"\x86\xdd") + packet


def wireless(packet: bytes, subtype: int = 0, flags: int = 0, padding: int = 0, quality: int = 0) -> bytes:
    """An 802.11 data frame; its four addresses end in 0a, 0b, 0c, 0d."""
    first, second, third, fourth = (b"\x02\0\0\0\0" + bytes([last]) for last in (10, 11, 12, 13))
    head = bytes([8 | subtype << 4, flags, 0, 0]) + first + second + third + b"\0\0"
    head += fourth if flags & 3 == 3 else b""
    head += struct.pack("<H", quality) if subtype & 8 else b""
    head += bytes(4) if subtype & 8 and flags & 0x80 else b""
    return head + bytes(padding) + snap(packet)


def radiotap(clock: bool = False, words: int = 1, padded: bool = False) -> bytes:
    present = [0x80000000] * (words - 1) + [0]
    present[0] |= 2 | clock
    data = struct.pack(f"<{words}I", *present)
    data += bytes(-(len(data) + 4) % 8 + 8) if clock else b""
    data += bytes([0x20 if padded else 0])
    return struct.pack("<BBH", 0, 0, 4 + len(data)) + data


def tlv(kind: int, value: bytes, order: str = "<") -> bytes:
    return struct.pack(f"{order}HH", len(value) + 4, kind) + value + bytes(-len(value) % 4)


def labelled(packet: bytes, labels: int = 1) -> bytes:
    stack = b"".join(struct.pack(">I", (16 + at) << 12 | (at == labels - 1) << 8 | 64) for at in range(labels))
    return stack + packet


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
        (108, struct.pack(">I", 2) + FOUR, ""),
        (0, struct.pack(">I", 2) + FOUR, ""),
        (9, ppp(FOUR), ""),
        (9, b"\xff\x03" + ppp(SIX), ""),
        (9, b"\x21" + FOUR, ""),
        (50, b"\xff\x03" + ppp(FOUR), ""),
        (50, b"\x0f\0\x08\0" + FOUR, ""),
        (51, struct.pack(">BBHH", 0x11, 0, 1, len(FOUR) + 2) + ppp(FOUR), ""),
        (104, b"\x8f\0\x86\xdd" + SIX, ""),
        (204, b"\x01\xff\x03" + ppp(FOUR), ""),
        (105, wireless(FOUR), "02:00:00:00:00:0b"),
        (105, wireless(FOUR, flags=1), "02:00:00:00:00:0b"),
        (105, wireless(SIX, flags=2), "02:00:00:00:00:0c"),
        (105, wireless(FOUR, flags=3), "02:00:00:00:00:0d"),
        (105, wireless(FOUR, subtype=8), "02:00:00:00:00:0b"),
        (105, wireless(SIX, subtype=8, flags=0x80 | 3), "02:00:00:00:00:0d"),
        (127, radiotap() + wireless(FOUR), "02:00:00:00:00:0b"),
        (127, radiotap(padded=True) + wireless(FOUR, subtype=8, padding=2), "02:00:00:00:00:0b"),
        (127, radiotap(clock=True, words=3, padded=True) + wireless(SIX, 8, padding=2), "02:00:00:00:00:0b"),
        (127, radiotap(clock=True) + wireless(FOUR, subtype=8), "02:00:00:00:00:0b"),
        (119, struct.pack("<II", 0x44, 144) + bytes(136) + wireless(FOUR), "02:00:00:00:00:0b"),
        (119, struct.pack(">II", 0x80211001, 64) + bytes(56) + wireless(FOUR), "02:00:00:00:00:0b"),
        (163, struct.pack(">II", 0x80211001, 64) + bytes(56) + wireless(SIX), "02:00:00:00:00:0b"),
        (192, struct.pack("<BBHI", 0, 0, 20, 105) + bytes(12) + wireless(FOUR), "02:00:00:00:00:0b"),
        (192, struct.pack("<BBHI", 0, 0, 8, 1) + ethernet(SIX), "02:00:00:00:00:01"),
        (239, b"\x02\0\0\0" + tlv(1, b"\x08\0\0\0") + tlv(10, b"eth0\0") + tlv(9, FOUR), ""),
        (239, b"\x0a\0\0\0" + tlv(9, SIX, ">"), ""),
        (239, b"\x07\0\0\0" + tlv(1, b"\x86\xdd\0\0", ">") + tlv(9, SIX, ">"), ""),
        (258, struct.pack("<III", 108, 1, 1) + bytes(96) + ethernet(FOUR), "02:00:00:00:00:01"),
        (149, struct.pack("<III", 108, 1, 12) + bytes(96) + FOUR, ""),
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


@pytest.mark.parametrize(
    "frame",
    [
        ethernet(labelled(FOUR), kind=0x8847),
        ethernet(labelled(SIX, labels=3), kind=0x8848),
        ethernet(labelled(bytes(4) + ethernet(FOUR)), kind=0x8847),
        ethernet(labelled(bytes(4) + ethernet(SIX, (3,))), tags=(9,), kind=0x8847),
        ethernet(snap(FOUR), kind=len(snap(FOUR))) + bytes(9),
        ethernet(b"\xaa\xaa\x03\0\0\xf8\x86\xdd" + SIX, tags=(4, 5), kind=len(SIX) + 8),
        ethernet(struct.pack(">I", 77) + ethernet(SIX, (5,)), kind=0x88E7),
        ethernet(struct.pack(">BBHH", 0x11, 0, 1, len(SIX) + 2) + ppp(SIX), (5, 6), kind=0x8864),
    ],
)
def test_what_lies_before_ip_is_stepped_over(frame, tmp_path):
    flow = read_frames([frame], tmp_path).flows.iloc[0]
    assert (flow["client_port"], flow["server_port"], flow["bytes_client"]) == (50000, 443, 7)


def test_labels_without_ip_or_a_known_frame_behind_them_are_not_guessed_at(tmp_path):
    unknown = labelled(bytes(4) + ethernet(FOUR, kind=0x1234))
    broken = labelled(FOUR, labels=40)
    tables = read_frames([ethernet(unknown, kind=0x8847), ethernet(broken, kind=0x8847)], tmp_path)
    assert tables.flows.empty
    assert tables.captures.loc[0, "undecoded"] == 2


def test_the_tag_in_a_cooked_capture_is_the_vlan(tmp_path):
    tagged = cooked(struct.pack(">HH", 42, 0x0800) + FOUR, 0x8100)
    assert read(pcap([(START, tagged)], link=113), tmp_path).flows.loc[0, "vlan"] == 42


def test_ah_is_stepped_over_in_ipv4_too(tmp_path):
    header = bytes([17, 4]) + bytes(22)
    packet = ipv4("10.0.0.1", "10.0.0.2", 51, header + BODY)
    assert read_frames([ethernet(packet)], tmp_path).flows.loc[0, "bytes_client"] == 7


def why(tables) -> dict[str, int]:
    row = tables.captures.iloc[0]
    assert row["undecoded"] == sum(count for _, count in row["undecoded_reasons"])
    return dict(row["undecoded_reasons"])


def test_frames_without_ip_are_no_loss_but_what_is_not_read_is_counted_by_reason(tmp_path):
    silent = [0x0806, 38, 0x88CC, 0x8863, 0x9000]
    sealed = [ethernet(bytes(46), kind=0x88E5), ethernet(ipv4("10.0.0.1", "10.0.0.2", 50, bytes(40)))]
    broken = [ethernet(FOUR)[:30], ethernet(ipv4("10.0.0.1", "10.0.0.2", 6, bytes(8))), ethernet(FOUR)[:13]]
    novell = [ethernet(bytes(46), kind=0x8137)]
    frames = [ethernet(bytes(46), kind=kind) for kind in silent] + sealed + broken + novell
    assert why(read_frames(frames, tmp_path)) == {
        "encrypted": 2,
        "header cut short or damaged": 3,
        "unknown network protocol": 1,
    }
    assert why(read(pcap(timed([FOUR, FOUR]), link=147), tmp_path)) == {"unknown link type": 2}


def test_wireless_frames_that_cannot_be_read_are_counted_and_management_is_no_loss(tmp_path):
    beacon = b"\x80\0" + bytes(60)
    empty = bytes([0x48, 0]) + bytes(22)
    sealed = wireless(FOUR, flags=0x40)
    aggregated = wireless(FOUR, subtype=8, quality=0x80)
    piece = bytearray(wireless(FOUR))
    piece[22] = 1
    tables = read(pcap(timed([beacon, empty, sealed, aggregated, bytes(piece)]), link=105), tmp_path)
    assert tables.flows.empty
    assert why(tables) == {"encrypted": 1, "aggregated or fragmented by the link": 2}


def test_trailers_behind_the_packet_are_no_payload(tmp_path):
    trailer = bytes([1, 20, 1]) + bytes(19) + b"\xde\xad\xbe\xef"  # as an F5 and a frame check sequence leave them
    flow = read_frames([ethernet(FOUR) + trailer, ethernet(SIX) + trailer], tmp_path).flows
    assert flow["bytes_client"].tolist() == [7, 7]


def test_a_frame_captured_short_still_counts_its_bytes_on_the_wire(tmp_path):
    tables = read(pcap(timed([udp(CLIENT, SERVER, bytes(500))]), snap_length=60), tmp_path)
    assert tables.flows.loc[0, "bytes_client"] == 500
    assert tables.captures.loc[0, ["snapped", "bytes", "snap_length"]].tolist() == [1, 60, 60]


WRAPPED = {
    0: struct.pack("<I", 2),
    1: ethernet(FOUR)[:14],
    9: b"\xff\x03\0\x21",
    51: struct.pack(">BBHH", 0x11, 0, 1, len(FOUR) + 2) + b"\0\x21",
    RAW: b"",
    105: wireless(FOUR, subtype=8, flags=0x83)[: -len(FOUR)],
    113: cooked(b"", 0x0800),
    127: radiotap(clock=True) + wireless(FOUR)[: -len(FOUR)],
    192: struct.pack("<BBHI", 0, 0, 20, 105) + bytes(12) + wireless(FOUR)[: -len(FOUR)],
    239: b"\x02\0\0\0" + tlv(1, b"\x08\0\0\0") + struct.pack("<HH", len(FOUR) + 4, 9),
    258: struct.pack("<III", 108, 1, 1) + bytes(96) + ethernet(FOUR)[:14],
    276: cooked2(b"", 0x0800),
}


@pytest.mark.parametrize("link", WRAPPED)
def test_headers_cut_anywhere_are_never_read_beyond_the_cut(link, tmp_path):
    frame = WRAPPED[link] + FOUR
    records = [(START, frame[:cut]) for cut in range(len(frame))]
    tables = read(pcap(records, link=link), tmp_path)
    assert tables.captures.loc[0, "packets"] == len(frame)
    flows = tables.flows
    assert set(zip(flows["client"], flows["client_port"], strict=True)) == {("10.0.0.1", 50000)}
    assert flows["frames_client"].tolist() == [7]  # those that hold the whole UDP header


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=120), min_size=1, max_size=8), st.sampled_from([*LINKS, 147]))
def test_any_bytes_in_frames_are_survived(tmp_path_factory, frames, link):
    tables = read(pcap(timed(frames), link=link), tmp_path_factory.mktemp("any"))
    assert tables.captures.loc[0, "packets"] == len(frames)
    assert tables.flows["frames_client"].sum() + tables.flows["frames_server"].sum() <= len(frames)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(WRAPPED)), st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=6))
def test_changed_bytes_are_survived_on_every_link(tmp_path_factory, link, changes):
    frame = bytearray(WRAPPED[link] + FOUR)
    for place, value in changes:
        frame[place % len(frame)] = value
    tables = read(pcap(timed([bytes(frame)] * 2), link=link), tmp_path_factory.mktemp("any"))
    assert tables.captures.loc[0, "packets"] == 2


def test_link_types_may_alternate_in_one_file(tmp_path):
    links = (1, 101, 105, 113, 127, 147)
    frames = {101: FOUR, 105: wireless(FOUR), 113: cooked(FOUR, 0x0800), 127: radiotap() + wireless(FOUR)}
    data = section() + b"".join(interface(link=link) for link in links)
    for turn in range(12):
        link = links[turn % len(links)]
        data += enhanced(frames.get(link, ethernet(FOUR)), START // 1000 + turn * 2000, links.index(link))
    tables = read(data, tmp_path, "a.pcapng")
    assert tables.flows["frames_client"].tolist() == [10]
    assert why(tables) == {"unknown link type": 2}
