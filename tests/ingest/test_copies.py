"""Packets that a capture holds twice are one packet to judgement, and two frames to numbering."""

import pytest
from capture_files import (
    ACK,
    CLIENT,
    RST,
    SECOND,
    SERVER,
    START,
    SYN,
    Connection,
    enhanced,
    ethernet,
    interface,
    ip,
    ipv4,
    ipv6,
    pcap,
    read,
    section,
    tcp_body,
    udp,
    udp_body,
)
from hypothesis import given, settings
from hypothesis import strategies as st

MILLISECOND = 1_000_000
COUNTS = ["frames_client", "copies_client", "frames_server", "copies_server", "bytes_client", "bytes_server"]


def request(number: int = 7, ttl: int = 64, data: bytes = b"question", tags: tuple[int, ...] = ()) -> bytes:
    return ethernet(ip("10.0.0.1", "10.0.0.2", 17, udp_body(50000, 53, data), id=number, ttl=ttl), tags)


def counted(records, tmp_path):
    tables = read(pcap(records, digits=9), tmp_path)
    row = tables.captures.iloc[0]
    assert row["packets"] == len(records)
    return row["copies"], row["routed_copies"], tables.flows


@pytest.mark.parametrize(
    ("second", "after", "copies", "routed"),
    [
        (request(), 10_000, 1, 0),
        (request(tags=(200,)), 999_999, 1, 0),
        (request(), MILLISECOND, 0, 0),
        (request(ttl=63), 40 * MILLISECOND, 1, 1),
        (request(ttl=63), 60 * MILLISECOND, 0, 0),
        (request(number=8), 10_000, 0, 0),
        (request(data=b"answered"), 10_000, 0, 0),
    ],
    ids=["mirror", "both VLANs", "too late", "routed", "routed too late", "new identification", "other data"],
)
def test_what_is_a_copy(second, after, copies, routed, tmp_path):
    found = counted([(START, request()), (START + after, second)], tmp_path)
    assert found[:2] == (copies, routed)
    assert found[2].loc[0, COUNTS].tolist() == [2 - copies, copies, 0, 0, 8 * (2 - copies), 0]


def test_a_packet_seen_at_every_component_counts_once(tmp_path):
    records = [(START + place * 5_000, request()) for place in range(6)]
    assert counted(records, tmp_path)[:2] == (5, 0)


@pytest.mark.parametrize("number", [0, 9])
def test_a_repeat_of_the_sender_is_none_however_it_is_numbered(number, tmp_path):
    """RTO and DNS repeats wait longer; a last segment may be probed after a few milliseconds (RFC 8985 7)."""
    body = tcp_body(50000, 443, 1, 1, 24, b"data")
    sent, routed = (ethernet(ipv4("10.0.0.1", "10.0.0.2", 6, body, id=number, ttl=ttl)) for ttl in (64, 63))
    again = ethernet(ipv4("10.0.0.1", "10.0.0.2", 6, body, id=number + (number > 0), ttl=64))
    records = [(START, sent), (START + 50_000, routed), (START + 20 * MILLISECOND, again)]
    _, routed_copies, flows = counted(records, tmp_path)
    assert routed_copies == 1
    assert flows.loc[0, ["frames_client", "copies_client", "retransmitted_client"]].tolist() == [2, 1, 1]


@pytest.mark.parametrize("version", [4, 6])
def test_bare_acknowledgements_without_identification_are_never_copies(version, tmp_path):
    """A receiver that misses a segment says the same thing for each one that follows."""
    body = tcp_body(50000, 443, 1, 1000, ACK)
    packet = ipv4("10.0.0.1", "10.0.0.2", 6, body, id=0) if version == 4 else ipv6("fd00::1", "fd00::2", 6, body)
    records = [(START + place * 100, ethernet(packet)) for place in range(3)]
    assert counted(records, tmp_path)[2].loc[0, "frames_client"] == 3


def test_a_mirrored_connection_is_judged_as_if_it_were_not(tmp_path):
    connection = Connection()
    frames = [*connection.open(), *connection.say(0, b"x" * 5000), *connection.say(1, b"y" * 5000), *connection.close()]
    once = [(START + place * SECOND // 10, frame) for place, frame in enumerate(frames)]
    twice = [(time + late, frame) for time, frame in once for late in (0, 3_000)]
    plain, mirrored = (read(pcap(records, digits=9), tmp_path).flows.iloc[0] for records in (once, twice))
    same = [name for name in plain.index if "copies" not in name and "frame" not in name and "time" not in name]
    assert mirrored[same].tolist() == plain[same].tolist()
    assert mirrored[["copies_client", "copies_server"]].sum() == len(frames)
    assert mirrored["last_frame"] == 2 * len(frames) - 1


def test_the_ttls_of_copies_are_their_hosts_too(tmp_path):
    """Which copy comes first may change: a reset seen behind the router only is no box's in between."""
    records = [(START, request()), (START + 10_000, request(ttl=61))]
    assert counted(records, tmp_path)[2].loc[0, ["ttl_client_min", "ttl_client_max"]].tolist() == [61, 64]


@pytest.mark.parametrize("version", [4, 6])
def test_answers_that_begin_alike_are_no_copies(version, tmp_path):
    """A server that numbers nothing, recorded on itself, where all its checksums are still zero."""
    records = []
    for place, branch in enumerate((b"a", b"b", b"b")):
        body = udp_body(
            5060, 5060, b"SIP/2.0 100 Trying\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK-" + branch + b"1\r\n\r\n"
        )
        packet = ipv4("10.0.0.2", "10.0.0.1", 17, body, id=0) if version == 4 else ipv6("fd00::2", "fd00::1", 17, body)
        records.append((START + place * 100_000, ethernet(packet, (7,) if place == 2 else ())))
    copies, _, flows = counted(records, tmp_path)
    assert copies == 1
    assert flows[["frames_client", "copies_client"]].values.tolist() == [[2, 1]]


def test_copies_of_resets_stay_in_the_list_of_frames_in_their_order(tmp_path):
    """A reset on one side of a router may be the router's: it must be seen where it is not."""
    opening, refusal = tcp_body(50000, 443, 1000, 0, SYN), tcp_body(443, 50000, 0, 1001, RST | ACK)
    records = []
    for again in range(2):
        at = START + again * SECOND
        asked = (ethernet(ipv4("10.0.0.1", "10.0.0.2", 6, opening, id=5 + again, ttl=ttl)) for ttl in (64, 63))
        refused = (ethernet(ipv4("10.0.0.2", "10.0.0.1", 6, refusal, id=8 + again, ttl=ttl)) for ttl in (126, 125))
        records += [(at + place * 10_000, frame) for place, frame in enumerate((*asked, *refused))]
    tables = read(pcap(records, digits=9), tmp_path)
    assert tables.tcp_frames[["frame", "ttl"]].values.tolist() == [
        [1, 64], [3, 126], [4, 125], [5, 64], [7, 126], [8, 125],
    ]  # fmt: skip
    assert tables.flows[["frames_server", "copies_server"]].values.tolist() == [[2, 2]]


def test_copies_are_known_across_windows_and_interfaces(tmp_path):
    filler = [udp(CLIENT, SERVER, number.to_bytes(4, "big") + bytes(59_000), id=number + 100) for number in range(75)]
    data = section() + interface(resolution=9) + interface(resolution=9)
    for place, frame in enumerate(filler):
        data += enhanced(frame, START + place * 10_000_000)
        data += enhanced(frame, START + place * 10_000_000 + 2_000, 1)
    tables = read(data, tmp_path)
    assert tables.captures.loc[0, ["packets", "copies"]].tolist() == [150, 75]


def test_an_attempt_seen_twice_is_one_attempt(tmp_path):
    syn = ethernet(ipv4("10.0.0.1", "10.0.0.2", 6, tcp_body(50000, 443, 1000, 0, SYN), id=5))
    tables = read(pcap([(START, syn), (START + 1000, syn)], digits=9), tmp_path)
    assert tables.flows.loc[0, "syns"] == 1
    assert tables.tcp_frames["frame"].tolist() == [1]


def test_copies_of_reused_ports_belong_to_the_flow_of_their_time(tmp_path):
    """A refused client comes back from the same port with another initial sequence number."""
    records = []
    for attempt, sequence in enumerate((1000, 2000, 3000)):
        time = START + attempt * 500 * MILLISECOND
        syn = tcp_body(50000, 443, sequence, 0, SYN)
        reset = tcp_body(443, 50000, 0, sequence + 1, RST | ACK)
        sent = ethernet(ipv4("10.0.0.1", "10.0.0.2", 6, syn, id=attempt + 1))
        answered = ethernet(ipv4("10.0.0.2", "10.0.0.1", 6, reset, id=attempt + 11, ttl=60 - attempt))
        records += [(time, sent), (time + 1000, sent), (time + 9000, answered), (time + 10_000, answered)]
    flows = counted(records, tmp_path)[2]
    assert flows[COUNTS[:4]].values.tolist() == [[1, 1, 1, 1]] * 3


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 4), st.integers(60, 64), st.integers(0, 3_000_000)), max_size=30))
def test_every_packet_is_counted_once_somewhere(tmp_path_factory, packets):
    time, records = START, []
    for number, ttl, gap in packets:
        time += gap
        records.append((time, request(number, ttl)))
    if not records:
        return
    copies, _, flows = counted(records, tmp_path_factory.mktemp("copies"))
    assert flows["frames_client"].sum() + copies == len(records)
    assert flows["copies_client"].sum() == copies
    assert flows["frames_client"].sum() >= len({number for number, _, _ in packets})
