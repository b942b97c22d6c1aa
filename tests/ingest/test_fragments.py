import random
import struct
import time
from itertools import pairwise, permutations

import pytest
from capture_files import START, ethernet, ipv4, ipv6, pcap, read, read_frames, tcp_body, timed, udp_body
from hypothesis import given, settings
from hypothesis import strategies as st

from lynccap.ingest.decoding import Decoder, fragments
from lynccap.ingest.flows.flow_table import FlowTable
from lynccap.ingest.frames import FramePacker

SECOND = 1_000_000_000
FOUR, SIX = ("10.0.0.1", "10.0.0.2"), ("2001:db8::1", "2001:db8::2")
PAYLOAD = bytes(range(256)) * 12
BODY = udp_body(50000, 5060, PAYLOAD)


def piece(body, start, end, ends=FOUR, ident=7, protocol=17, tags=(), more=None):
    """One fragment of an IP datagram, as an Ethernet frame."""
    more = end < len(body) if more is None else more
    if ends is FOUR:
        field = (start // 8) | (0x2000 if more else 0)
        return ethernet(ipv4(*ends, protocol, body[start:end], id=ident, fragment=field), tags)
    header = struct.pack(">BBHI", protocol, 0, start | more, ident)
    return ethernet(ipv6(*ends, 44, header + body[start:end]), tags)


def pieces(body=BODY, cuts=(1024, 2048), **fields):
    bounds = [0, *cuts, len(body)]
    return [piece(body, start, end, **fields) for start, end in pairwise(bounds)]


def counts(tables):
    row = tables.captures.iloc[0]
    return row["fragments_incomplete"], row["fragments_overlapping"], row["undecoded"]


def only(tables):
    assert len(tables.flows) == 1
    return tables.flows.iloc[0]


@pytest.mark.parametrize("ends", [FOUR, SIX], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_datagram_is_one_packet_in_the_frame_that_completes_it(ends, order, tmp_path):
    fragments_of = pieces(ends=ends)
    tables = read_frames([fragments_of[place] for place in order], tmp_path)
    flow = only(tables)
    assert (flow["client"], flow["client_port"], flow["server_port"]) == (ends[0], 50000, 5060)
    assert (flow["frames_client"], flow["bytes_client"]) == (1, len(PAYLOAD))
    assert (flow["first_frame"], flow["last_frame"], flow["first_time"]) == (3, 3, START + 2_000_000)
    assert flow["client_mac"] == "02:00:00:00:00:01"
    assert counts(tables) == (0, 0, 0)


def test_what_fragments_say_is_read_as_one_message(tmp_path):
    headers = b"".join(b"X-Filler-%d: %s\r\n" % (number, b"x" * 60) for number in range(40))
    request = b"OPTIONS sip:a@b.example SIP/2.0\r\nCall-ID: one@b\r\nCSeq: 7 OPTIONS\r\n" + headers + b"\r\n"
    tables = read_frames(pieces(udp_body(5060, 5060, request), cuts=(1480, 2000)), tmp_path)
    message = tables["sip"].iloc[0]
    assert (message["method"], message["frame"], message["first_frame"]) == ("OPTIONS", 3, 3)
    assert len(tables["sip"]) == 1


def test_tcp_segments_in_fragments_are_read(tmp_path):
    body = tcp_body(50000, 443, 1000, 5, 24, bytes(3000))
    flow = only(read_frames(pieces(body, protocol=6), tmp_path))
    assert (flow["transport"], flow["bytes_client"]) == ("tcp", 3000)


def test_extension_headers_behind_the_fragment_header_are_stepped_over(tmp_path):
    options = bytes([17, 0]) + b"\x01\x04" + bytes(4)
    tables = read_frames(pieces(options + BODY, ends=SIX, protocol=60), tmp_path)
    assert only(tables)["bytes_client"] == len(PAYLOAD)


def test_copies_of_fragments_change_nothing(tmp_path):
    first, second, third = pieces()
    tables = read_frames([first, first, second, second, third, third, second], tmp_path)
    assert only(tables)["frames_client"] == 1
    assert counts(tables) == (0, 0, 0)


def test_a_datagram_that_is_sent_again_under_its_old_number_is_another_one(tmp_path):
    records = [(START + wait * 500_000_000, frame) for wait in range(3) for frame in pieces()]
    tables = read(pcap(records), tmp_path)
    assert only(tables)["frames_client"] == 3
    assert counts(tables) == (0, 0, 0)


def test_copies_of_one_datagram_on_two_vlans_stay_apart(tmp_path):
    both = [frame for pair in zip(pieces(tags=(5,)), pieces(tags=(6,)), strict=True) for frame in pair]
    tables = read_frames(both, tmp_path)
    assert only(tables)["frames_client"] == 2
    assert counts(tables) == (0, 0, 0)


def test_a_constant_identification_does_not_mix_datagrams_that_follow_each_other(tmp_path):
    datagrams = [udp_body(50000, 5060, bytes([number]) * 8 + bytes(2000)) for number in range(5)]
    tables = read_frames([frame for body in datagrams for frame in pieces(body, cuts=(1480,))], tmp_path)
    assert only(tables)["frames_client"] == 5
    assert counts(tables) == (0, 0, 0)


@pytest.mark.parametrize(
    "other",
    [
        piece(BODY, 1016, 2048),  # reaches into the first
        piece(BODY, 1024, 2056),  # reaches behind the second
        piece(BODY, 1032, 1040),  # lies within the second
        piece(bytes(len(BODY)), 1024, 2048),  # says something else at the same place
        piece(BODY, 1024, 1032, more=False),  # ends the datagram before the second does
    ],
)
def test_datagrams_with_overlapping_fragments_are_not_read(other, tmp_path):
    first, second, third = pieces()
    tables = read_frames([first, second, other, third, first], tmp_path)
    assert tables.flows.empty
    assert counts(tables) == (0, 1, 0)


def test_fragments_behind_the_last_one_contradict_it(tmp_path):
    first, second, third = pieces()
    tables = read_frames([third, piece(bytes(4096), 3200, 3300), first, second], tmp_path)
    assert tables.flows.empty
    assert counts(tables) == (0, 1, 0)


@pytest.mark.parametrize("ends", [FOUR, SIX], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("missing", [1, 2])
def test_without_the_rest_the_first_fragment_is_read_as_cut_short(ends, missing, tmp_path):
    kept = [frame for place, frame in enumerate(pieces(ends=ends)) if place != missing]
    tables = read_frames([*kept, ethernet(ipv4("10.0.0.9", "10.0.0.2", 17, udp_body(1, 2, b"x")))], tmp_path)
    flow = tables.flows[tables.flows["client"] == ends[0]].iloc[0]
    assert (flow["client_port"], flow["frames_client"], flow["bytes_client"]) == (50000, 1, len(PAYLOAD))
    assert (flow["first_frame"], flow["last_frame"], flow["first_time"]) == (1, 1, START)
    assert flow["client_mac"] == "02:00:00:00:00:01"
    assert counts(tables) == (1, 0, 0)


def test_without_the_first_fragment_nothing_is_read_and_no_bytes_are_taken_for_ports(tmp_path):
    tables = read_frames(pieces()[1:], tmp_path)
    assert tables.flows.empty
    assert counts(tables) == (1, 0, 0)


def test_fragments_captured_short_are_incomplete_and_the_first_is_read_where_it_is(tmp_path):
    tables = read(pcap(timed(pieces()), snap_length=200), tmp_path)
    flow = only(tables)
    assert (flow["frames_client"], flow["bytes_client"], flow["first_frame"]) == (1, len(PAYLOAD), 1)
    assert counts(tables) == (1, 0, 0)


def test_a_fragment_that_comes_after_a_minute_belongs_to_another_datagram(tmp_path):
    first, second, third = pieces()
    tables = read(pcap([(START, first), (START + SECOND, second), (START + 70 * SECOND, third)]), tmp_path)
    flow = only(tables)
    assert (flow["frames_client"], flow["first_frame"], flow["last_time"]) == (1, 1, START)
    assert counts(tables)[0] == 2


def windows(*batches):
    """The packets of each window, and the decoder; each batch is a window of (time, frame)."""
    decoder, packer = Decoder(FlowTable().intern), FramePacker()
    read_packets = []
    for batch in batches:
        for moment, frame in batch:
            packer.add(moment, len(frame), 1, 0, frame)
        read_packets.append(decoder.decode(packer.flush()))
    return [*read_packets, *decoder.finish()], decoder


def test_datagrams_are_completed_over_windows():
    first, second, third = pieces()
    early, late, end = windows([(START, first)], [(START, second)], [(START, third)])[0]
    assert (len(early), len(late)) == (0, 0)
    assert (end.frame.tolist(), end.length.tolist(), end.source_port.tolist()) == ([3], [len(PAYLOAD)], [50000])
    at, count = int(end.payload[0]), int(end.available[0])
    assert end.buffer.view[at : at + count].tobytes() == PAYLOAD


def test_a_first_fragment_of_an_earlier_window_keeps_its_frame_and_time():
    first = pieces()[0]
    other = ethernet(ipv4("10.0.0.1", "10.0.0.2", 17, BODY))
    packets, decoder = windows([(START, first)], [(START + 61 * SECOND, other)])
    assert packets[1].frame.tolist() == [1, 2]
    assert packets[1].time.tolist() == [START, START + 61 * SECOND]
    assert packets[1].available.tolist() == [1016, len(PAYLOAD)]
    assert packets[1].length.tolist() == [len(PAYLOAD), len(PAYLOAD)]
    assert packets[1].hardware_addresses([0, 1]).tolist() == [0x020000000001] * 2
    assert decoder.incomplete == 1


def test_late_packets_never_turn_a_flow_back(tmp_path):
    table, packer = FlowTable(), FramePacker()
    decoder = Decoder(table.intern)
    whole = ethernet(ipv4(*FOUR, 17, udp_body(50000, 5060, b"whole")))
    for batch in ([pieces()[0], whole], [whole]):
        for frame in batch:
            packer.add(START, len(frame), 1, 0, frame)
        table.add(decoder.decode(packer.flush()))
    for packets in decoder.finish():
        assert packets.frame.tolist() == [1]
        table.add(packets)
    side = int(table.sides["frames"].argmax())
    assert [int(table.sides[name][side]) for name in ("first_frame", "last_frame", "frames")] == [1, 3, 3]


def test_what_finds_no_room_is_incomplete_and_its_beginning_is_still_read(monkeypatch):
    monkeypatch.setattr("lynccap.ingest.frames.ROOM_BYTES", 2000)
    packets, decoder = windows([(START, frame) for frame in pieces()])
    assert (packets[0].frame.tolist(), packets[0].available.tolist()) == ([1], [1016])
    assert decoder.incomplete == 1


def test_the_beginnings_of_many_windows_are_all_read_though_room_is_short(monkeypatch):
    monkeypatch.setattr("lynccap.ingest.frames.ROOM_BYTES", 2500)
    batch = [(START, piece(BODY, 0, 1024, ident=ident)) for ident in range(9)]
    packets, decoder = windows(batch)
    assert [number for one in packets for number in one.frame.tolist()] == list(range(1, 10))
    assert decoder.incomplete == 9


@pytest.mark.parametrize("level", [1, 3])
def test_outer_fragments_of_tunnels_are_put_together(level, tmp_path):
    packet = ipv4(*FOUR, 17, BODY)
    for number in range(level):
        packet = ipv4(f"192.0.2.{number}", "192.0.2.9", 4, packet)
    tables = read_frames(pieces(packet[20:], protocol=4), tmp_path)
    flow = only(tables)
    assert (flow["client"], flow["client_port"], flow["bytes_client"]) == ("10.0.0.1", 50000, len(PAYLOAD))


def test_fragments_inside_a_tunnel_are_put_together(tmp_path):
    inner = [ipv4("192.0.2.1", "192.0.2.2", 4, frame[14:]) for frame in pieces()]
    tables = read_frames([ethernet(packet) for packet in inner], tmp_path)
    flow = only(tables)
    assert (flow["client"], flow["bytes_client"], flow["first_frame"]) == ("10.0.0.1", len(PAYLOAD), 3)
    assert counts(tables) == (0, 0, 0)


def test_the_inside_of_a_first_fragment_is_read_when_the_rest_is_missing(tmp_path):
    tables = read_frames(pieces(ipv4(*FOUR, 17, BODY), protocol=4)[:1], tmp_path)
    flow = only(tables)
    assert (flow["client"], flow["client_port"], flow["bytes_client"]) == ("10.0.0.1", 50000, len(PAYLOAD))
    assert counts(tables)[0] == 1


def test_an_atomic_fragment_is_a_whole_packet(tmp_path):
    assert only(read_frames([piece(BODY, 0, len(BODY), ends=SIX)], tmp_path))["bytes_client"] == len(PAYLOAD)


def test_a_datagram_longer_than_ip_allows_is_incomplete(tmp_path):
    tables = read_frames([pieces()[0], piece(bytes(65600), 65528, 65592)], tmp_path)
    assert only(tables)["frames_client"] == 1
    assert counts(tables)[0] == 1


def test_a_fragment_header_within_a_datagram_of_fragments_is_not_followed(tmp_path):
    nested = struct.pack(">BBHI", 17, 0, 8, 1) + bytes(3000)
    flow = only(read_frames(pieces(nested, ends=SIX, protocol=44), tmp_path))
    assert (flow["transport"], flow["frames_client"]) == ("ip-44", 1)


@pytest.mark.parametrize("offset", [0, 1480])
def test_a_flood_of_fragments_stays_bounded(offset):
    count = 60_000
    decoder, packer = Decoder(FlowTable().intern), FramePacker()
    template = bytearray(piece(bytes(1480) + bytes(40), 0, 40, more=True))
    struct.pack_into(">H", template, 20, 0x2000 | offset // 8)
    packets, began = 0, time.thread_time()
    for number in range(count):
        struct.pack_into(">HI", template, 24, 17, number)  # one sender each
        struct.pack_into(">I", template, 26, number)
        if (full := packer.add(START, len(template), 1, 0, bytes(template))) is not None:
            packets += len(decoder.decode(full))
            held = decoder._fragments
            assert sum(len(one.first.data) for one in held._pending.values() if one.first) <= held._held
            assert len(held._pending) <= fragments.MAX_DATAGRAMS
            assert held._held <= fragments.MAX_HELD_BYTES
    packets += len(decoder.decode(packer.flush()))
    packets += sum(map(len, decoder.finish()))
    assert packets == (0 if offset else count)
    assert decoder.incomplete == count
    assert time.thread_time() - began < 6


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_whatever_the_cuts_and_the_order_the_datagram_is_the_same(data):
    cuts = sorted(data.draw(st.sets(st.integers(1, len(BODY) // 8), max_size=12)))
    ends = data.draw(st.sampled_from([FOUR, SIX]))
    frames = pieces(cuts=[cut * 8 for cut in cuts if cut * 8 < len(BODY)] or (8,), ends=ends)
    frames += data.draw(st.lists(st.sampled_from(frames), max_size=3))
    random.Random(data.draw(st.integers(0, 99))).shuffle(frames)
    packets, decoder = windows(*([(START, frame)] for frame in frames))
    whole = [one for one in packets if len(one)]
    assert [one.length.tolist() for one in whole] == [[len(PAYLOAD)]]
    at = int(whole[0].payload[0])
    assert whole[0].buffer.view[at : at + len(PAYLOAD)].tobytes() == PAYLOAD
    assert (decoder.incomplete, decoder.overlapping) == (0, 0)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 40), st.integers(0, 30), st.booleans(), st.integers(1, 2), st.sampled_from([FOUR, SIX])
        ),
        min_size=1,
        max_size=24,
    ),
    st.integers(1, 5),
)
def test_any_fragments_are_survived_and_no_frame_is_two_packets(chosen, size):
    body = udp_body(7, 9, bytes(600))
    frames = [
        (START, piece(body, place * 8, place * 8 + count, ends=ends, ident=ident, more=more))
        for place, count, more, ident, ends in chosen
    ]
    packets, _ = windows(*(frames[at : at + size] for at in range(0, len(frames), size)))
    numbers = [number for one in packets for number in one.frame.tolist()]
    assert len(numbers) == len(set(numbers))
    assert all(one.frame.tolist() == sorted(one.frame.tolist()) for one in packets)
