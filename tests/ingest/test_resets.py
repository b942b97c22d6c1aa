"""What the table of TCP frames tells of the time before a reset, and of closed windows."""

import struct

from capture_files import ACK, CLIENT, PSH, RST, SERVER, START, SYN, Connection, ethernet, ipv4, pcap, read, tcp_body

SECOND = 1_000_000_000


def segment(sender, receiver, number, flags, ip_id, payload=b"", window=1024):
    body = bytearray(tcp_body(sender[1], receiver[1], number, 7, flags, payload))
    body[14:16] = struct.pack(">H", window)
    packet = bytearray(ipv4(sender[0], receiver[0], 6, bytes(body)))
    packet[4:6] = struct.pack(">H", ip_id)
    return ethernet(bytes(packet))


def opened():
    return [
        (0.0, segment(CLIENT, SERVER, 100, SYN, 40)),
        (0.01, segment(SERVER, CLIENT, 500, SYN | ACK, 900)),
        (0.02, segment(CLIENT, SERVER, 101, ACK, 41)),
        (0.03, segment(CLIENT, SERVER, 101, PSH | ACK, 42, b"ask")),
        (0.04, segment(SERVER, CLIENT, 501, PSH | ACK, 901, b"answer")),
    ]


def resets(frames, folder):
    table = read(pcap([(START + round(time * SECOND), frame) for time, frame in frames]), folder).tcp_frames
    return table[(table["flags"] & RST) > 0][["frame", "pause", "ip_id_before"]].values.tolist()


def test_a_reset_tells_how_long_its_side_had_been_silent_while_nobody_spoke(tmp_path):
    late = [(30.04, segment(CLIENT, SERVER, 104, PSH | ACK, 43, b"?")), (30.05, segment(SERVER, CLIENT, 507, RST, 902))]

    assert resets([*opened(), *late], tmp_path) == [[7, 30 * SECOND, 901]]


def test_a_pause_that_ended_with_an_answer_is_none(tmp_path):
    late = [
        (30.04, segment(CLIENT, SERVER, 104, PSH | ACK, 43, b"?")),
        (30.05, segment(SERVER, CLIENT, 507, PSH | ACK, 902, b"!")),
        (30.06, segment(SERVER, CLIENT, 508, RST, 903)),
    ]

    assert resets([*opened(), *late], tmp_path) == [[8, SECOND // 100, 902]]


def test_repeats_into_the_void_do_not_hide_the_pause(tmp_path):
    late = [(30.04 + n, segment(CLIENT, SERVER, 104, PSH | ACK, 43 + n, b"?")) for n in range(3)]

    assert resets([*opened(), *late, (33.0, segment(SERVER, CLIENT, 507, RST, 0))], tmp_path) == [[9, 30 * SECOND, 901]]


def test_a_reset_to_a_syn_follows_no_packet_of_its_side(tmp_path):
    frames = [(0.0, segment(CLIENT, SERVER, 100, SYN, 40)), (0.3, segment(SERVER, CLIENT, 0, RST | ACK, 0))]

    assert resets(frames, tmp_path) == [[2, 3 * SECOND // 10, -1]]


def test_two_connections_at_once_are_told_apart(tmp_path):
    other = ("10.0.0.7", 50_007)
    mixed = [(20.0, segment(other, SERVER, 5, PSH | ACK, 7, b"busy"))]
    frames = [*opened(), *mixed, (25.04, segment(SERVER, CLIENT, 507, RST, 902))]

    assert resets(frames, tmp_path) == [[7, 25 * SECOND, 901]]


def test_a_closed_window_is_listed_and_an_open_one_is_not(tmp_path):
    frames = [*opened(), (0.05, segment(CLIENT, SERVER, 104, ACK, 43, window=0))]
    tables = read(pcap([(START + round(time * SECOND), frame) for time, frame in frames]), tmp_path)

    closed = tables.tcp_frames[(tables.tcp_frames["flags"] & (SYN | RST)) == 0]
    assert closed[["frame", "window", "from_client"]].values.tolist() == [[6, 0, True]]


def test_the_next_sequence_number_of_each_side(tmp_path):
    link = Connection()
    frames = link.open() + link.say(0, b"question") + link.say(1, b"an answer")
    flow = read(pcap([(START + n, one) for n, one in enumerate(frames)]), tmp_path).flows.iloc[0]

    assert [flow["next_seq_client"], flow["next_seq_server"]] == link.next


def test_what_is_not_acknowledged_up_to_the_end(tmp_path):
    link = Connection()
    frames = link.open() + link.say(0, b"question") + link.say(1, b"an answer")
    answered = [*frames, link.send(0, ACK)]

    for sent, waits in ((frames, 9), (answered, 0)):
        flow = read(pcap([(START + n, one) for n, one in enumerate(sent)]), tmp_path).flows.iloc[0]
        assert [flow["unanswered_client"], flow["unanswered_server"]] == [0, waits]
