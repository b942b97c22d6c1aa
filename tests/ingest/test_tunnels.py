import struct

import pytest
from capture_files import START, ethernet, ipv4, ipv6, pcap, read, read_frames, timed, udp_body
from hypothesis import given, settings
from hypothesis import strategies as st
from tshark_fields import fields

from lynccap.ingest.decoding.decoder import MAX_TUNNELS

FOUR = ipv4("10.0.0.1", "10.0.0.2", 17, udp_body(50000, 443, b"payload"))
SIX = ipv6("2001:db8::1", "2001:db8::2", 17, udp_body(50000, 443, b"payload"))
INNER_MAC = "02:00:00:00:00:07"


def inner(packet: bytes, tags: tuple[int, ...] = ()) -> bytes:
    return ethernet(packet, tags, sender=7)


def over_ip(protocol: int, body: bytes) -> bytes:
    return ipv4("192.0.2.1", "192.0.2.2", protocol, body)


def over_udp(port: int, body: bytes, source: int = 33333) -> bytes:
    return over_ip(17, udp_body(source, port, body))


def gre(kind: int, body: bytes, flags: int = 0, options: bytes = b"") -> bytes:
    return over_ip(47, struct.pack(">HH", flags, kind) + options + body)


def pptp(body: bytes, flags: int = 0, options: bytes = b"") -> bytes:
    return gre(0x880B, body, 0x2001 | flags, struct.pack(">HH", len(body), 9) + options)


def erspan2(frame: bytes) -> bytes:
    return gre(0x88BE, struct.pack(">HHI", 0x1000, 9, 1) + frame, 0x1000, bytes(4))


def erspan3(frame: bytes, kind: int = 0, long: bool = False) -> bytes:
    header = struct.pack(">HHIHH", 0x2000, 9, 77, 0, kind << 10 | long) + bytes(8 * long)
    return gre(0x22EB, header + frame, 0x1000, bytes(4))


def vxlan(frame: bytes, flags: int = 8, port: int = 4789) -> bytes:
    return over_udp(port, struct.pack(">BBHI", flags, 0, 0, 77 << 8) + frame)


def geneve(body: bytes, kind: int = 0x6558, options: int = 0) -> bytes:
    return over_udp(6081, struct.pack(">BBHI", options, 0, kind, 77 << 8) + bytes(4 * options) + body)


def gtp(packet: bytes, flags: int = 0x30, optional: bytes = b"", source: int = 2152) -> bytes:
    return over_udp(2152, struct.pack(">BBHI", flags, 255, len(optional + packet), 1) + optional + packet, source)


def ppp(packet: bytes) -> bytes:
    return b"\xff\x03" + (b"\0\x21" if packet[0] >> 4 == 4 else b"\0\x57") + packet


def l2tp(packet: bytes, flags: int = 0, optional: bytes = b"") -> bytes:
    length = struct.pack(">H", 8 + len(optional) + len(ppp(packet))) if flags & 0x4000 else b""
    return over_udp(
        1701, struct.pack(">H", flags | 2) + length + struct.pack(">HH", 1, 2) + optional + ppp(packet), 1701
    )


TUNNELS = {
    "ip-in-ip": over_ip(4, FOUR),
    "6in4": over_ip(41, SIX),
    "4in6": ipv6("2001:db8::8", "2001:db8::9", 4, FOUR),
    "6in6": ipv6("2001:db8::8", "2001:db8::9", 41, SIX),
    "mpls-in-ip": over_ip(137, struct.pack(">I", 1 << 12 | 1 << 8 | 64) + FOUR),
    "gre": gre(0x0800, FOUR),
    "gre-checksum-key-number": gre(0x86DD, SIX, 0xB000, bytes(12)),
    "gre-mpls": gre(0x8847, struct.pack(">I", 1 << 12 | 1 << 8 | 64) + FOUR),
    "wccp-1": gre(0x883E, FOUR),
    "wccp-2": gre(0x883E, b"\x00\x01\x02\x03" + FOUR),
    "pptp": pptp(ppp(FOUR)),
    "pptp-numbered": pptp(ppp(SIX), 0x1080, bytes(8)),
    "teredo": over_udp(3544, SIX),
    "teredo-origin": over_udp(40000, bytes(8) + SIX, 3544),
    "teredo-authenticated": over_udp(3544, b"\0\x01\x02\x03" + bytes(14) + bytes(8) + SIX),
    "gtp": gtp(FOUR),
    "gtp-answer": gtp(SIX, source=40000),
    "gtp-numbered": gtp(SIX, 0x32, bytes(4)),
    "gtp-extended": gtp(FOUR, 0x36, b"\0\0\0\x85" + b"\x01\0\0\xc0" + b"\x02" + bytes(6) + b"\0"),
    "l2tp": l2tp(FOUR),
    "l2tp-long": l2tp(SIX, 0x4800, bytes(4)),
    "l2tp-offset": l2tp(FOUR, 0x0200, struct.pack(">H", 3) + bytes(3)),
    "geneve-ip": geneve(FOUR, 0x0800),
    "vxlan-gpe": over_udp(4790, b"\x0c\0\0\x02" + bytes(4) + SIX),
    "erspan-3-ip": erspan3(FOUR, kind=2),
}
BRIDGED = {
    "ether-ip": over_ip(97, b"\x30\0" + inner(FOUR, (42,))),
    "nvgre": gre(0x6558, inner(SIX, (42,)), 0x2000, bytes(4)),
    "eoip": gre(0x6400, inner(FOUR, (42,)), 0x2001, struct.pack(">H", len(inner(FOUR, (42,)))) + b"\x01\0"),
    "erspan-1": gre(0x88BE, inner(FOUR, (42,))),
    "erspan-2": erspan2(inner(SIX, (42,))),
    "erspan-3": erspan3(inner(FOUR, (42,))),
    "erspan-3-subheader": erspan3(inner(SIX, (42,)), long=True),
    "vxlan": vxlan(inner(FOUR, (42,))),
    "vxlan-8472": vxlan(inner(SIX, (42,)), port=8472),
    "vxlan-policy": vxlan(inner(FOUR, (42,)), flags=0x88),
    "geneve": geneve(inner(FOUR, (42,))),
    "geneve-options": geneve(inner(SIX, (42,)), options=3),
}


def only(tables):
    assert len(tables.flows) == 1
    return tables.flows.iloc[0]


def is_inner(flow) -> bool:
    assert (flow["client"], flow["server"]) in (("10.0.0.1", "10.0.0.2"), ("2001:db8::1", "2001:db8::2"))
    return (flow["transport"], flow["client_port"], flow["bytes_client"]) == ("udp", 50000, 7)


@pytest.mark.parametrize("name", TUNNELS)
def test_the_packet_inside_is_the_packet(name, tmp_path):
    flow = only(read_frames([ethernet(TUNNELS[name], (5,))], tmp_path))
    assert is_inner(flow)
    assert (flow["client_mac"], flow["vlan"]) == ("02:00:00:00:00:01", 5)


@pytest.mark.parametrize("name", BRIDGED)
def test_of_a_bridged_frame_its_own_addresses_and_tags_count(name, tmp_path):
    flow = only(read_frames([ethernet(BRIDGED[name], (5,)) + bytes(9)], tmp_path))
    assert is_inner(flow)
    assert (flow["client_mac"], flow["vlan"]) == (INNER_MAC, 42)


def test_an_untagged_frame_in_a_tagged_tunnel_has_no_vlan(tmp_path):
    assert only(read_frames([ethernet(vxlan(inner(FOUR)), (5,))], tmp_path))["vlan"] == -1


def test_tunnels_in_tunnels_are_opened_up_to_a_limit(tmp_path):
    packet = FOUR
    for level in range(MAX_TUNNELS):
        packet = over_ip(4, packet) if level % 2 else vxlan(inner(packet))
    assert is_inner(only(read_frames([ethernet(packet)], tmp_path)))
    deeper = only(read_frames([ethernet(over_ip(4, packet))], tmp_path))
    assert (deeper["transport"], deeper["client"]) == ("udp", "192.0.2.1")


def test_frames_of_many_kinds_keep_their_order(tmp_path):
    frames = [ethernet(one) for pair in zip(TUNNELS.values(), BRIDGED.values(), strict=False) for one in pair]
    frames = [one for frame in frames for one in (frame, ethernet(FOUR))]
    flows = read_frames(frames, tmp_path).flows
    assert flows["frames_client"].sum() == len(frames)
    assert sorted(flows["first_frame"])[0] == 1
    assert flows["last_frame"].max() == len(frames)
    assert (flows["bytes_client"] == flows["frames_client"] * 7).all()


ORDINARY = {
    "vxlan-without-its-flag": vxlan(inner(FOUR), flags=0),
    "vxlan-around-arp": vxlan(ethernet(bytes(28), kind=0x0806)),
    "vxlan-around-nonsense": over_udp(4789, b"\x08" + bytes(60)),
    "vxlan-around-a-broken-header": vxlan(inner(b"\x41" + FOUR[1:])),
    "geneve-of-another-version": over_udp(6081, b"\x40\0\x65\x58" + bytes(4) + inner(FOUR)),
    "gtp-signalling": over_udp(2152, b"\x32\x01\0\x04" + bytes(8)),
    "gtp-of-another-version": over_udp(2152, struct.pack(">BBHI", 0x50, 255, len(FOUR), 1) + FOUR),
    "l2tp-control": over_udp(1701, b"\xc8\x02" + bytes(40), 1701),
    "teredo-bubble-of-nothing": over_udp(3544, bytes(8)),
    "rtp-on-a-tunnel-port": over_udp(8472, b"\x80\0\0\x01" + bytes(170), 4789),
}


@pytest.mark.parametrize("name", ORDINARY)
def test_what_only_uses_a_tunnels_port_stays_a_datagram(name, tmp_path):
    packet = ORDINARY[name]
    flow = only(read_frames([ethernet(packet)], tmp_path))
    assert (flow["client"], flow["transport"]) == ("192.0.2.1", "udp")
    assert flow["bytes_client"] == len(packet) - 28


@pytest.mark.parametrize(
    "packet",
    [
        gre(0x0800, FOUR, 0x4000),  # source routing
        gre(0x0800, FOUR, 0x0002),
        gre(0x1234, FOUR),
        pptp(b"\0\xfd" + bytes(30)),  # compressed or encrypted
        erspan2(b""),
        gre(0x88BE, bytes(8) + inner(FOUR), 0x1000, bytes(4)),  # type II of version 0
        over_ip(97, bytes(2) + inner(FOUR)),
        over_ip(4, SIX),
    ],
)
def test_tunnels_that_are_not_read_stay_what_they_are(packet, tmp_path):
    flow = only(read_frames([ethernet(packet)], tmp_path))
    assert (flow["client"], flow["transport"]) == ("192.0.2.1", f"ip-{packet[9]}")


def test_encrypted_tunnels_are_counted(tmp_path):
    tables = read_frames(
        [ethernet(pptp(b"\0\xfd" + bytes(30))), ethernet(over_ip(4, over_ip(50, bytes(30))))], tmp_path
    )
    assert tables.captures.loc[0, "undecoded_reasons"] == (("encrypted", 2),)


def test_the_lengths_of_the_outside_bound_the_inside(tmp_path):
    longer = ipv4("10.0.0.1", "10.0.0.2", 17, udp_body(50000, 443, bytes(500)), total=2000)
    flow = only(read_frames([ethernet(vxlan(inner(longer))) + bytes(300)], tmp_path))
    assert flow["bytes_client"] == 500


def test_errors_inside_tunnels_find_the_flow_they_quote(tmp_path):
    error = ipv4("10.0.0.9", "10.0.0.1", 1, struct.pack(">BBHI", 3, 13, 0, 0) + FOUR)
    tables = read_frames([ethernet(vxlan(inner(FOUR))), ethernet(erspan2(inner(error)))], tmp_path)
    row = tables.icmp.iloc[0]
    assert (row["reporter"], row["code"], row["frame"], row["from_client"]) == ("10.0.0.9", 13, 2, True)
    assert tables.flows.loc[row["flow"], "client_port"] == 50000
    assert (row["quoted_source"], row["quoted_source_port"]) == ("10.0.0.1", 50000)


@pytest.mark.parametrize("packet", [*TUNNELS.values(), *BRIDGED.values()], ids=[*TUNNELS, *BRIDGED])
def test_tunnels_cut_anywhere_are_packets_of_the_outside_or_the_inside(packet, tmp_path):
    frame = ethernet(packet)
    tables = read(pcap([(START, frame[:cut]) for cut in range(len(frame) + 1)]), tmp_path)
    flows = tables.flows
    assert set(flows["client"]) <= {"192.0.2.1", "2001:db8::8", "10.0.0.1", "2001:db8::1"}
    assert flows[flows["client"].isin(("10.0.0.1", "2001:db8::1"))]["frames_client"].sum() == 8
    row = tables.captures.iloc[0]
    assert flows["frames_client"].sum() + row["undecoded"] == row["packets"]


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([*TUNNELS.values(), *BRIDGED.values()]),
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=8),
    st.integers(0, 60),
)
def test_changed_tunnels_are_survived_and_never_two_packets(tmp_path_factory, packet, changes, cut):
    frame = bytearray(ethernet(packet))
    for place, value in changes:
        frame[place % len(frame)] = value
    tables = read(pcap(timed([bytes(frame), bytes(frame[: len(frame) - cut])])), tmp_path_factory.mktemp("any"))
    assert tables.flows["frames_client"].sum() + tables.flows["frames_server"].sum() <= 2


@pytest.mark.tshark
def test_tshark_finds_the_same_packets_inside(tmp_path):
    packets = {**TUNNELS, **BRIDGED}
    del packets["erspan-3-ip"]  # tshark reads Ethernet only there
    del packets["vxlan-8472"]  # which tshark gives to another overlay
    path = tmp_path / "tunnels.pcap"
    path.write_bytes(pcap(timed(map(ethernet, packets.values()))))
    names = ("ip.src", "ipv6.src", "udp.srcport", "udp.length", "_ws.malformed")
    found = fields(path, "frame", *names, options=("-n",), occurrence="l")
    seen = {name: (row + [""] * 5)[2:5] for name, row in zip(packets, found, strict=True)}
    assert seen == {name: ["50000", "15", ""] for name in packets}


def test_questions_from_a_port_of_a_tunnel_stay_what_they_are(tmp_path):
    """Older systems ask DNS from ports 1025 to 5000; its number may be any, so the first byte may look like IPv6."""
    question = b"\x01\0\0\1\0\0\0\0\0\0\x14_sipinternaltls_tcp1\x07contoso\x03com\0\0\x21\0\1"
    frames = [
        ethernet(ipv4("10.0.0.1", "10.0.0.2", 17, udp_body(3544, 53, number.to_bytes(2, "big") + question)))
        for number in range(0, 65536, 64)
    ]
    assert read_frames(frames, tmp_path).flows[["client", "frames_client"]].values.tolist() == [["10.0.0.1", 1024]]
