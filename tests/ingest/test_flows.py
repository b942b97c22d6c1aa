import numpy as np
import pytest
from capture_files import (
    ACK,
    CLIENT,
    FIN,
    PSH,
    RST,
    SERVER,
    START,
    SYN,
    Connection,
    ethernet,
    ipv4,
    ipv6,
    pcap,
    read,
    read_frames,
    tcp,
    tcp_body,
    timed,
    udp,
    udp_body,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from lynccap.ingest import Source, read_tables
from lynccap.ingest.flows.hashtable import HashTable
from lynccap.tables import FLOWS, ICMP, TCP_FRAMES


def only_flow(frames, folder):
    flows = read_frames(frames, folder).flows
    assert len(flows) == 1
    return flows.iloc[0]


def test_a_whole_connection_is_one_flow_with_every_column(tmp_path):
    link = Connection()
    frames = link.open() + link.say(0, b"question") + link.say(1, b"an answer") + link.close()
    tables = read_frames(frames, tmp_path)
    flow = tables.flows.iloc[0]
    assert tables.flows.dtypes.astype(str).to_dict() == dict(FLOWS)
    expected = {
        "transport": "tcp", "client": "10.0.0.1", "client_port": 50000, "server": "10.0.0.2", "server_port": 443,
        "originator": "syn", "opening": "established", "closing": "client-fin", "syns": 1,
        "frames_client": 5, "frames_server": 3, "bytes_client": 8, "bytes_server": 9,
        "data_frames_client": 1, "data_frames_server": 1, "first_frame": 1, "last_frame": 8,
        "first_frame_client": 1, "first_frame_server": 2, "last_frame_client": 8, "last_frame_server": 7,
        "first_time": START, "last_time": START + 7_000_000, "last_time_server": START + 6_000_000,
        "syn_time": START, "syn_ack_time": START + 1_000_000, "ttl_client_min": 64, "ttl_server_max": 64,
        "lost_client": 0, "lost_server": 0, "retransmitted_client": 0,
    }  # fmt: skip
    assert {name: flow[name] for name in expected} == expected
    assert tables.tcp_frames["flags"].tolist() == [SYN, SYN | ACK, FIN | ACK, FIN | ACK]
    assert tables.tcp_frames["from_client"].tolist() == [True, False, True, False]
    assert tables.tcp_frames.dtypes.astype(str).to_dict() == dict(TCP_FRAMES)


def test_the_server_may_have_the_lower_address(tmp_path):
    link = Connection(("10.9.9.9", 50000), ("10.0.0.2", 443))
    flow = only_flow(link.open() + link.say(1, b"hi"), tmp_path)
    assert (flow["client"], flow["server"], flow["bytes_server"]) == ("10.9.9.9", "10.0.0.2", 2)


@pytest.mark.parametrize(
    ("frames", "opening", "closing"),
    [
        ([(0, SYN), (1, SYN | ACK), (0, ACK)], "established", ""),
        ([(0, SYN), (1, SYN | ACK), (1, SYN | ACK)], "half-open", ""),
        ([(0, SYN), (1, RST | ACK)], "refused", "server-rst"),
        ([(0, SYN), (0, SYN), (0, SYN)], "unanswered", ""),
        ([(0, SYN), (0, ACK), (0, PSH | ACK)], "established", ""),
        ([(0, SYN), (1, SYN | ACK), (0, ACK), (1, RST)], "established", "server-rst"),
        ([(0, SYN), (1, SYN | ACK), (0, ACK), (0, RST), (1, RST)], "established", "client-rst"),
        ([(0, SYN), (1, SYN | ACK), (0, ACK), (1, FIN | ACK), (0, RST)], "established", "server-fin"),
        ([(0, PSH | ACK), (1, ACK)], "midstream", ""),
        ([(0, ACK), (1, FIN | ACK)], "midstream", "server-fin"),
    ],
)
def test_how_a_connection_opened_and_closed(frames, opening, closing, tmp_path):
    ends = (CLIENT, SERVER)
    flow = only_flow([tcp(ends[side], ends[1 - side], 10, 10, flags) for side, flags in frames], tmp_path)
    assert (flow["opening"], flow["closing"]) == (opening, closing)


@pytest.mark.parametrize(
    ("first", "originator", "client"),
    [((0, SYN), "syn", CLIENT[0]), ((1, SYN | ACK), "syn-ack", CLIENT[0]), ((1, ACK), "first-frame", SERVER[0])],
)
def test_who_is_the_client_and_on_what_that_rests(first, originator, client, tmp_path):
    ends = (CLIENT, SERVER)
    side, flags = first
    flow = only_flow([tcp(ends[side], ends[1 - side], 1, 1, flags), tcp(*ends, 2, 2, ACK)], tmp_path)
    assert (flow["originator"], flow["client"]) == (originator, client)


def test_a_syn_with_another_number_opens_a_new_flow_and_a_repeated_one_does_not(tmp_path):
    ends = (CLIENT, SERVER)
    frames = [tcp(*ends, 100, 0, SYN), tcp(*ends, 100, 0, SYN), tcp(SERVER, CLIENT, 7, 101, RST | ACK)]
    frames += [tcp(*ends, 100, 0, SYN), tcp(*ends, 5000, 0, SYN), tcp(SERVER, CLIENT, 9, 5001, SYN | ACK)]
    frames += [tcp(*ends, 5001, 10, ACK), tcp(*ends, 77, 0, SYN)]
    flows = read_frames(frames, tmp_path).flows
    assert flows["syns"].tolist() == [3, 1, 1]
    assert flows["opening"].tolist() == ["refused", "established", "unanswered"]
    assert flows["first_frame"].tolist() == [1, 5, 8]
    assert flows["last_frame"].tolist() == [4, 7, 8]


def test_an_answer_by_another_host_than_was_asked_is_a_flow_that_begins_with_it(tmp_path):
    member = ("10.0.0.3", SERVER[1])
    frames = [tcp(CLIENT, SERVER, 100, 0, SYN), tcp(member, CLIENT, 7, 101, SYN | ACK)]
    frames.append(tcp(CLIENT, member, 101, 0, RST))
    flows = read_frames(frames * 2, tmp_path).flows
    columns = ["client", "server", "opening", "originator"]
    assert flows[columns].to_numpy().tolist() == [
        [CLIENT[0], SERVER[0], "unanswered", "syn"],
        [CLIENT[0], member[0], "midstream", "syn-ack"],
    ]


def test_a_syn_after_a_stream_that_began_before_the_capture_opens_a_new_flow(tmp_path):
    frames = [tcp(CLIENT, SERVER, 900, 5, ACK, b"x"), tcp(CLIENT, SERVER, 50, 0, SYN)]
    assert read_frames(frames, tmp_path).flows["opening"].tolist() == ["midstream", "unanswered"]


def test_ports_are_reused_the_same_way_across_windows(tmp_path):
    filler = [udp(("10.1.1.1", 9), ("10.1.1.2", 9), bytes(60_000))] * 80
    frames = [tcp(CLIENT, SERVER, 1, 0, SYN), *filler, tcp(CLIENT, SERVER, 1, 0, SYN)]
    frames += [*filler, tcp(CLIENT, SERVER, 2, 0, SYN)]
    flows = read_frames(frames, tmp_path).flows
    assert flows[flows["transport"] == "tcp"]["syns"].tolist() == [2, 1]


def test_udp_is_answered_or_one_way_and_other_protocols_have_no_ports(tmp_path):
    other = ("10.0.0.3", 5)
    frames = [udp(CLIENT, SERVER, b"?"), udp(SERVER, CLIENT, b"!"), udp(CLIENT, other, b"?")]
    frames.append(ethernet(ipv4("10.0.0.1", "10.0.0.2", 47, bytes(8))))
    flows = read_frames(frames, tmp_path).flows
    assert flows["opening"].tolist() == ["answered", "one-way", "one-way"]
    assert flows["transport"].tolist() == ["udp", "udp", "ip-47"]
    assert flows.loc[2, ["client_port", "server_port"]].tolist() == [0, 0]


def test_a_reset_by_a_box_in_between_does_not_blur_the_servers_distance(tmp_path):
    def frame(source, destination, ttl, flags):
        body = tcp_body(source[1], destination[1], 1, 1, flags)
        return ethernet(ipv4(source[0], destination[0], 6, body, ttl=ttl))

    frames = [frame(CLIENT, SERVER, 64, SYN), frame(SERVER, CLIENT, 120, SYN | ACK)]
    frames += [frame(CLIENT, SERVER, 63, ACK), frame(SERVER, CLIENT, 250, RST)]
    tables = read_frames(frames, tmp_path)
    limits = tables.flows.loc[0, ["ttl_client_min", "ttl_client_max", "ttl_server_min", "ttl_server_max"]]
    assert limits.tolist() == [63, 64, 120, 120]
    assert tables.tcp_frames["ttl"].tolist() == [64, 120, 250]


def test_data_sent_again_is_counted_and_keep_alives_are_not(tmp_path):
    link = Connection()
    frames = link.open() + link.say(0, b"a" * 100) + link.say(0, b"b" * 100)
    frames += [frames[3], frames[4], tcp(CLIENT, SERVER, link.next[0] - 1, link.next[1], ACK, b"\0")]
    flow = read(pcap(timed(frames, 300_000_000)), tmp_path).flows.iloc[0]
    assert (flow["retransmitted_client"], flow["lost_client"]) == (2, 0)


@pytest.mark.parametrize(("late", "again"), [(1_000_000, 0), (50_000_000, 1)])
def test_a_gap_filled_at_once_is_reordering_and_filled_late_is_a_retransmission(late, again, tmp_path):
    link = Connection()
    opened, data = link.open(), link.say(0, bytes(300), 100)
    records = [*timed(opened), (START + 5_000_000, data[0]), (START + 6_000_000, data[2])]
    records += [(START + 6_000_000 + late, data[1])]
    flow = read(pcap(records), tmp_path).flows.iloc[0]
    assert (flow["retransmitted_client"], flow["lost_client"]) == (again, 0)


@pytest.mark.parametrize("start", [1000, 2**32 - 150])
@pytest.mark.parametrize("missing", [[1], [2], [0, 1], [1, 2]])
def test_acknowledged_bytes_that_the_capture_lacks_are_lost(missing, start, tmp_path):
    link = Connection(starts=(start, 9000))
    opened, data = link.open(), link.say(0, bytes(300), 100)
    frames = opened + [one for place, one in enumerate(data) if place not in missing] + [link.send(1, ACK)]
    flow = only_flow(frames, tmp_path)
    assert (flow["lost_client"], flow["lost_server"]) == (100 * len(missing), 0)


def test_a_gap_nobody_acknowledged_is_not_lost_by_the_capture(tmp_path):
    link = Connection()
    opened, data = link.open(), link.say(0, bytes(300), 100)
    ack = tcp(SERVER, CLIENT, link.next[1], 1101, ACK)
    assert only_flow([*opened, data[0], data[2], ack], tmp_path)["lost_client"] == 0


def test_a_stray_number_on_one_connection_does_not_blind_the_others(tmp_path):
    link = Connection()
    opened, data = link.open(), link.say(0, bytes(300), 100)
    stray = [tcp(("10.0.0.9", 9), SERVER, number, 1, ACK, b"x") for number in (1, 2_000_000_000)]
    flows = read_frames([*opened, data[0], *stray, data[2], link.send(1, ACK)], tmp_path).flows
    assert flows["lost_client"].tolist() == [100, 0]


def test_a_stray_sequence_number_is_not_a_loss_of_gigabytes(tmp_path):
    link = Connection()
    frames = link.open() + link.say(0, b"abc")
    frames += [tcp(CLIENT, SERVER, 2_000_000_000, 9001, ACK, b"x"), tcp(SERVER, CLIENT, 9001, 1_999_000_000, ACK)]
    flow = only_flow(frames, tmp_path)
    assert flow["lost_client"] < 1_000_000


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(8)), st.integers(0, 2**32 - 1))
def test_reordering_alone_never_looks_like_loss(tmp_path_factory, order, start):
    link = Connection(starts=(start, 9000))
    opened, data = link.open(), link.say(1, bytes(range(80)), 10)
    frames = [*opened, *(data[place] for place in order), link.send(0, ACK)]
    records = [(START + place * 100_000, frame) for place, frame in enumerate(frames)]
    flow = read(pcap(records), tmp_path_factory.mktemp("order")).flows.iloc[0]
    assert (flow["lost_server"], flow["retransmitted_server"]) == (0, 0)


def test_an_icmp_error_finds_the_flow_it_quotes(tmp_path):
    sent = udp(CLIENT, SERVER, b"anyone there?")
    quoted = sent[14 : 14 + 28]
    error = ethernet(ipv4("10.0.0.254", "10.0.0.1", 1, b"\x03\x0d" + bytes(6) + quoted))
    stranger = ipv4("10.0.0.1", "10.7.7.7", 17, udp_body(1, 2, b""))
    unknown = ethernet(ipv4("10.0.0.254", "10.0.0.1", 1, b"\x0b\x00" + bytes(6) + stranger))
    echo = ethernet(ipv4("10.0.0.1", "10.0.0.2", 1, b"\x08\x00" + bytes(40)))
    tables = read_frames([sent, error, unknown, echo], tmp_path)
    icmp = tables.icmp
    assert icmp.dtypes.astype(str).to_dict() == dict(ICMP)
    assert icmp["flow"].tolist() == [0, -1]
    assert icmp["from_client"].tolist() == [True, False]
    first = icmp.iloc[0]
    assert (first["reporter"], first["recipient"], first["type"], first["code"]) == ("10.0.0.254", "10.0.0.1", 3, 13)
    assert (first["quoted_transport"], first["quoted_destination"], first["quoted_destination_port"]) == (
        "udp",
        "10.0.0.2",
        443,
    )


def test_an_icmp_error_belongs_to_the_flow_of_its_time(tmp_path):
    frames = []
    for sequence in (1000, 2000):
        syn = tcp(CLIENT, SERVER, sequence, 0, SYN)
        frames += [syn, ethernet(ipv4("10.0.0.254", "10.0.0.1", 1, b"\x03\x0d" + bytes(6) + syn[14 : 14 + 28]))]
    tables = read_frames(frames, tmp_path)
    quoted = tables.flows.loc[tables.icmp["flow"]]
    assert quoted[["transport", "first_frame"]].values.tolist() == [["tcp", 1], ["tcp", 3]]


def test_an_icmpv6_error_with_a_cut_quote_is_read(tmp_path):
    inner = ipv6("2001:db8::1", "2001:db8::2", 6, tcp_body(50000, 443, 1, 0, SYN))
    sent = ethernet(inner)
    error = ethernet(ipv6("2001:db8::9", "2001:db8::1", 58, b"\x01\x01" + bytes(6) + inner[:48]))
    icmp = read_frames([sent, error], tmp_path).icmp
    assert icmp.loc[0, ["version", "type", "code", "flow", "quoted_source"]].tolist() == [6, 1, 1, 0, "2001:db8::1"]


def test_flows_of_several_captures_are_numbered_on(tmp_path):
    for name in ("a", "b"):
        link = Connection()
        (tmp_path / name).write_bytes(pcap(timed(link.open() + link.close())))
    tables = read_tables([Source(str(tmp_path / name)) for name in ("a", "b")])
    assert tables.flows["capture"].tolist() == [0, 1]
    assert set(tables.tcp_frames["flow"]) == {0, 1}


def test_addresses_compare_with_text(tmp_path):
    flows = read_frames([udp(CLIENT, SERVER, b"a"), udp(("10.0.0.1", 1), SERVER, b"b")], tmp_path).flows
    assert (flows["client"] == "10.0.0.1").all()
    assert flows["client"].iloc[0] is flows["client"].iloc[1]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=60), st.integers(1, 10))
def test_the_hash_table_numbers_like_a_dictionary(pairs, pieces):
    table, known = HashTable(), {}
    for rows in np.array_split(np.array(pairs, np.uint64).reshape(-1, 2), pieces):
        numbers = table.number(rows[:, 0].copy(), rows[:, 1].copy())
        for row, number in zip(rows.tolist(), numbers.tolist(), strict=True):
            assert known.setdefault(tuple(row), number) == number
    assert sorted(known.values()) == list(range(table.size))
    absent = np.array([99], np.uint64)
    assert table.find(absent, absent).tolist() == [-1]


def test_the_hash_table_grows():
    table = HashTable()
    keys = np.arange(50_000, dtype=np.uint64)
    for piece in np.array_split(keys, 7):
        table.number(piece, piece * np.uint64(3))
    assert table.size == 50_000
    assert (np.sort(table.find(keys, keys * np.uint64(3))) == np.arange(50_000)).all()


@pytest.mark.parametrize(("after", "again"), [(20_000, 0), (300_000_000, 1)])
def test_a_segment_recorded_twice_was_not_sent_again(after, again, tmp_path):
    link = Connection()
    opened, data = link.open(), link.say(0, b"once")
    records = [*timed(opened), (START + 5_000_000, data[0]), (START + 5_000_000 + after, data[0])]
    assert read(pcap(records), tmp_path).flows.loc[0, "retransmitted_client"] == again
