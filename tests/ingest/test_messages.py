import random
import struct
from itertools import zip_longest

import pytest
from capture_files import (
    ACK,
    CLIENT,
    SECOND,
    SERVER,
    START,
    Connection,
    ethernet,
    ipv4,
    pcap,
    read,
    read_frames,
    tcp,
    timed,
    udp,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from protocol_examples import (
    DHCP_DISCOVER,
    DNS_ANSWER,
    DNS_QUERY,
    MS_COOKIE,
    RTP_PACKET,
    SIP_ANSWER,
    SIP_REGISTER,
    STUN_BINDING,
    TURN_ALLOCATE,
    TURN_CHALLENGE,
    ntp,
    pseudo_client_hello,
    pseudo_server_hello,
)
from tls_sessions import NAME, contexts, mint, speak

from lynccap.ingest import UnreadableCapture
from lynccap.ingest.schemas import MESSAGES
from lynccap.ingest.streams.rtp.streams import MIN_PACKETS
from lynccap.tables import ANOMALIES, CERTIFICATES, DNS_ANSWERS, MEDIA, columns_of

GET = b"GET /certprov/x HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


@pytest.fixture(scope="module")
def identity(tmp_path_factory):
    return mint(tmp_path_factory.mktemp("identity"))


def conversation(*turns: tuple[int, bytes], size: int = 1460, server: tuple[str, int] = SERVER) -> list[bytes]:
    link = Connection(server=server)
    frames = link.open()
    for side, data in turns:
        frames += link.say(side, data, size)
    return frames + link.close()


def tls_conversation(identity, size: int = 1460) -> list[bytes]:
    spoken = speak(*contexts(identity[0]))
    hello = 5 + int.from_bytes(spoken.client[3:5], "big")
    return conversation((0, spoken.client[:hello]), (1, spoken.server), (0, spoken.client[hello:]), size=size)


def rtp(number: int, ssrc: int = 7, kind: int = 0, step: int = 160) -> bytes:
    return struct.pack(">BBHII", 0x80, kind, number & 0xFFFF, number * step & 0xFFFFFFFF, ssrc) + bytes(160)


def test_every_table_has_its_columns_even_when_empty(tmp_path):
    tables = read_frames([udp(CLIENT, SERVER, b"?")], tmp_path)
    for name, kind in MESSAGES.items():
        assert tables[name].dtypes.astype(str).to_dict() == columns_of(kind), name
    for table, columns in (
        (tables.media, MEDIA),
        (tables.certificates, CERTIFICATES),
        (tables.dns_answers, DNS_ANSWERS),
        (tables.anomalies, ANOMALIES),
    ):
        assert table.dtypes.astype(str).to_dict() == dict(columns)
        assert table.empty


@pytest.mark.parametrize("size", [1460, 100, 7])
def test_tls_messages_come_with_the_frames_that_began_and_completed_them(identity, size, tmp_path):
    frames = tls_conversation(identity, size)
    tables = read_frames(frames, tmp_path)
    tls = tables["tls"]
    assert tables.flows.loc[0, ["stack", "basis"]].tolist() == ["tls", "bytes"]
    assert tls["kind"].tolist()[:3] == ["client-hello", "server-hello", "certificate"]
    assert tls.loc[0, "sni"] == NAME
    assert (tls["first_frame"] <= tls["frame"]).all()
    assert tls["frame"].is_monotonic_increasing
    hello = 5 + int.from_bytes(frames[3][57:59], "big")
    assert tls.loc[0, ["first_frame", "frame"]].tolist() == [4, 4 + (hello - 1) // size]
    assert (tls["time"] == START + (tls["frame"] - 1) * 1_000_000).all()
    assert (tls[tls["kind"] == "certificate"]["from_client"] == [False]).all()
    assert tables.anomalies.empty


def test_certificates_are_read_and_unreadable_ones_say_so(identity, tmp_path):
    tables = read_frames(tls_conversation(identity), tmp_path)
    row = tables.certificates.iloc[0]
    assert (row["common_name"], row["names"], row["subject"], row["self_signed"]) == (NAME, (NAME,), f"CN={NAME}", True)
    assert (row["position"], row["key"], row["signature"], row["unreadable"]) == (0, "ec secp256r1", "sha256", "")
    assert (row["not_before"], row["not_after"]) == (1_577_836_800 * SECOND, 2_208_988_800 * SECOND)
    assert tables["tls"].loc[2, "certificates"] == (identity[1],)
    spoken = speak(*contexts(identity[0]))
    broken = spoken.server.replace(identity[1], identity[1][:40] + bytes(40) + identity[1][80:])
    hello = 5 + int.from_bytes(spoken.client[3:5], "big")
    frames = conversation((0, spoken.client[:hello]), (1, broken))
    row = read_frames(frames, tmp_path).certificates.iloc[0]
    assert row["unreadable"]
    assert (row["common_name"], row["not_after"]) == ("", 0)


def test_application_data_is_not_kept_beyond_its_first_record(identity, tmp_path):
    record = b"\x17\x03\x03\x05\x9f" + bytes(1439)
    spoken = speak(*contexts(identity[0]))
    hello = 5 + int.from_bytes(spoken.client[3:5], "big")
    flight = spoken.server.index(b"\x14\x03\x03\x00\x01\x01")
    link = Connection()
    frames = [*link.open(), *link.say(0, spoken.client[:hello]), *link.say(1, spoken.server[:flight])]
    for side in (0, 1):
        frames += link.say(side, record * 20, len(record)) + link.say(side, b"\xee" * 500)
    tables = read_frames(frames, tmp_path)
    assert tables["tls"]["kind"].tolist().count("application-data") == 2
    assert tables.anomalies.empty


def test_reordered_and_repeated_segments_read_the_same(identity, tmp_path):
    frames = tls_conversation(identity, 300)
    shuffled = frames[3:-3]
    random.Random(1).shuffle(shuffled)
    tables = read_frames([*frames[:3], *shuffled, *shuffled[:4], *frames[-3:]], tmp_path)
    plain = read_frames(frames, tmp_path)
    assert sorted(tables["tls"]["kind"]) == sorted(plain["tls"]["kind"])
    assert tables.anomalies.empty


def test_a_lost_segment_is_a_gap_and_reading_goes_on_behind_it(tmp_path):
    frames = conversation((0, GET), (1, OK), (0, GET), (1, OK), (0, GET), (1, OK))
    del frames[5]
    tables = read_frames(frames, tmp_path)
    assert tables["http"]["kind"].tolist().count("request") == 2
    row = tables.anomalies.iloc[0]
    assert (row["kind"], row["protocol"], row["from_client"], row["frame"]) == ("gap", "http", True, 7)
    assert str(len(GET)) in row["says"]


def test_a_gap_in_a_tls_handshake_is_said_and_one_behind_it_is_not(identity, tmp_path):
    frames = tls_conversation(identity, 200)
    hole = read_frames([*frames[:6], *frames[7:]], tmp_path)
    assert hole.anomalies["kind"].tolist() == ["gap"]
    data = Connection()
    data.next = [50_000, 60_000]
    later = read_frames([*frames[:-3], *data.say(0, b"\x17\x03\x03\x10\x00" + bytes(900))], tmp_path)
    assert later.anomalies.empty


def test_http_riders_get_their_request_and_response(tmp_path):
    path = b"/Autodiscover/AutodiscoverService.svc/root"
    request = b"GET " + path + b" HTTP/1.1\r\nHost: lyncdiscover.contoso.com\r\n\r\n"
    refused = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
    server = ("10.0.0.2", 80)
    tables = read_frames(conversation((0, request), (1, refused), (0, request), server=server), tmp_path)
    found = tables["autodiscover"]
    assert found["status"].tolist() == [403, None]
    assert found["frame"].tolist() == [5, 6]
    assert found["first_frame"].tolist() == [4, 6]
    assert found["from_client"].tolist() == [False, True]


def test_a_tunnel_through_a_proxy_is_looked_into(identity, tmp_path):
    spoken = speak(*contexts(identity[0]))
    hello = 5 + int.from_bytes(spoken.client[3:5], "big")
    turns = [(0, b"CONNECT sip.contoso.com:443 HTTP/1.1\r\nHost: sip.contoso.com\r\n\r\n")]
    turns += [(1, b"HTTP/1.1 200 Connection established\r\n\r\n"), (0, spoken.client[:hello]), (1, spoken.server)]
    tables = read_frames(conversation(*turns, server=("10.0.0.2", 8080)), tmp_path)
    assert tables.flows.loc[0, "stack"] == "http/tls"
    assert tables["tls"]["kind"].tolist()[:2] == ["client-hello", "server-hello"]
    assert tables["tls"]["frame"].tolist()[:2] == [6, 7]


@pytest.mark.parametrize("inside", [RTP_PACKET, b"\x80\xc8" + bytes(30), bytes(40), b"\xff" * 40])
def test_a_tunnel_of_something_else_is_only_a_tunnel(inside, tmp_path):
    turns = [
        (0, b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n"),
        (1, b"HTTP/1.1 200 OK\r\n\r\n"),
        (0, inside),
        (1, inside),
    ]
    tables = read_frames(conversation(*turns, server=("10.0.0.2", 8080)), tmp_path)
    assert tables.flows.loc[0, "stack"] == "http"


@pytest.mark.parametrize(
    ("port", "data", "stack", "count"),
    [
        (53, DNS_QUERY, "dns", 1),
        (67, DHCP_DISCOVER, "dhcp", 1),
        (123, ntp(3), "ntp", 1),
        (3478, STUN_BINDING, "stun", 1),
    ],
)
def test_datagrams_are_known_by_their_bytes_whatever_the_port(port, data, stack, count, tmp_path):
    frames = [udp(CLIENT, (SERVER[0], here), data) for here in (port, 40404)]
    tables = read_frames(frames, tmp_path)
    assert tables.flows["stack"].tolist() == [stack, stack]
    assert tables.flows["basis"].tolist() == ["bytes", "bytes"]
    assert len(tables[stack]) == 2 * count


def test_a_shape_that_fits_one_side_by_chance_names_nothing(tmp_path):
    by_chance = b"\x00\x14\x00\x01\x00\x00" + bytes(range(16))
    turns = [(0, b"binary nonsense " * 4), (1, by_chance)]
    assert read_frames(conversation(*turns), tmp_path).flows.loc[0, ["stack", "basis"]].tolist() == ["", "port"]


def test_ports_name_only_what_has_no_bytes_to_tell(tmp_path):
    nonsense = b"\x00\xffnobody speaks this\x00" * 3
    frames = [
        tcp(CLIENT, SERVER, 1, 0, 2),
        udp(CLIENT, (SERVER[0], 3478), nonsense),
        udp(CLIENT, (SERVER[0], 9), nonsense),
    ]
    frames += conversation((0, SIP_REGISTER), (1, SIP_ANSWER), server=("10.0.0.3", 443))
    flows = read_frames(frames, tmp_path).flows
    assert flows["stack"].tolist() == ["", "", "", "sip"]
    assert flows["basis"].tolist() == ["port", "port", "", "bytes"]


def test_dns_answers_are_rows(tmp_path):
    server = ("10.0.0.9", 53)
    tables = read_frames([udp(CLIENT, server, DNS_QUERY), udp(server, CLIENT, DNS_ANSWER)], tmp_path)
    row = tables.dns_answers.iloc[0]
    assert (row["question"], row["record_type"], row["value"], row["port"]) == ("sip.contoso.com", "A", "10.0.0.7", 0)
    assert (row["flow"], row["frame"], row["transaction_id"]) == (0, 2, 0x1A2B)


def turn_frame(kind: int, body: bytes) -> bytes:
    return struct.pack(">BBH", kind, 0, len(body)) + body


def test_turn_behind_pseudo_tls_is_read_and_so_is_the_media_in_it(tmp_path):
    media = b"".join(turn_frame(3, rtp(number)) for number in range(20))
    turns = [(0, pseudo_client_hello()), (1, pseudo_server_hello()), (0, turn_frame(2, TURN_ALLOCATE))]
    turns += [(1, turn_frame(2, TURN_CHALLENGE)), (0, media)]
    tables = read_frames(conversation(*turns), tmp_path)
    assert tables.flows.loc[0, "stack"] == "pseudo-tls/stun/rtp"
    assert tables["stun"]["kind"].tolist()[:4] == ["pseudo-client-hello", "pseudo-server-hello", "request", "error"]
    row = tables.media.iloc[0]
    assert (row["carried"], row["packets"], row["ssrc"], row["from_client"], row["lost"]) == (
        "turn-tcp",
        20,
        7,
        True,
        0,
    )


def test_an_ice_check_wrapped_by_the_relay_is_a_row_of_its_own(tmp_path):
    data = struct.pack(">HH", 0x0013, len(STUN_BINDING)) + STUN_BINDING
    send = bytes.fromhex("0004") + struct.pack(">H", 8 + len(data)) + bytes(range(16)) + MS_COOKIE + data
    stun = read_frames([udp(CLIENT, ("10.0.0.2", 3478), send)], tmp_path)["stun"]
    assert stun["method"].tolist() == ["binding", "send"] or stun["method"].tolist() == ["send", "binding"]
    assert set(stun["framing"]) == {"udp", "turn-data"}


@pytest.mark.parametrize("size", [3, 7, 100, 1460], ids="segments of {}".format)
def test_frames_of_relayed_tcp_may_lie_across_segments(tmp_path, size):
    def prefixed(packet):
        return struct.pack(">H", len(packet)) + packet

    check = turn_frame(3, STUN_BINDING)
    media = turn_frame(3, prefixed(rtp(0))) + turn_frame(3, rtp(1)) + turn_frame(3, prefixed(rtp(2)) + prefixed(rtp(3)))
    more = b"".join(turn_frame(3, prefixed(rtp(number))) for number in range(4, 20))
    turns = [(0, pseudo_client_hello()), (1, pseudo_server_hello()), (0, turn_frame(2, TURN_ALLOCATE) + check)]
    tables = read_frames(
        conversation(*turns, (1, turn_frame(2, TURN_CHALLENGE)), (0, media + more), size=size), tmp_path
    )

    stun = tables["stun"]
    assert tables.anomalies.empty
    assert stun["method"].value_counts().to_dict() == {"allocate": 2, "binding": 1}
    assert tables.media[["packets", "lost"]].iloc[0].tolist() == [20, 0]


@pytest.mark.parametrize(
    ("number", "kind", "column"),
    [(0x0011, bytes.fromhex("0004"), "destination"), (0x0012, bytes.fromhex("0115"), "remote")],
)
def test_what_a_relay_carries_has_the_peer_of_its_wrapper(tmp_path, number, kind, column):
    peer = struct.pack(">HH", number, 8) + bytes.fromhex("00019c40c000022c")
    body = MS_COOKIE + peer + struct.pack(">HH", 0x0013, len(STUN_BINDING)) + STUN_BINDING
    message = kind + struct.pack(">H", len(body)) + bytes(range(16)) + body

    stun = read_frames([udp(CLIENT, ("10.0.0.2", 3478), message)], tmp_path)["stun"]

    assert stun[column].tolist() == ["192.0.2.44:40000"] * 2
    assert set(stun["method"]) == {"binding", "send" if column == "destination" else "data"}


def test_media_is_measured(tmp_path):
    numbers = [number for number in range(65_500, 65_600) if number not in (65_520, 65_540, 65_541)]
    records = []
    for place, number in enumerate(numbers):
        late = 3_000_000 if place % 2 else 0
        records.append((START + (number - 65_500) * 20_000_000 + late, udp(CLIENT, SERVER, rtp(number))))
    control = bytes.fromhex("81c90007") + bytes(28)
    records += [(START + at * SECOND, udp(CLIENT, SERVER, control)) for at in (3, 4)]
    tables = read(pcap(records), tmp_path)
    row = tables.media.iloc[0]
    assert tables.flows.loc[0, ["stack", "basis"]].tolist() == ["rtp", "bytes"]
    assert (row["packets"], row["lost"], row["payload_type"], row["rtcp"]) == (97, 3, 0, 2)
    assert (row["bytes"], row["carried"], row["from_client"]) == (97 * 160, "udp", True)
    assert row[["first_frame", "last_frame"]].tolist() == [1, 97]
    assert 2000 < row["jitter_us"] < 3000


def test_jitter_agrees_with_the_estimator_of_the_rfc(tmp_path):
    dice = random.Random(3)
    times = sorted(START + number * 20_000_000 + dice.randrange(15_000_000) for number in range(300))
    table = read(
        pcap([(time, udp(CLIENT, SERVER, rtp(number))) for number, time in enumerate(times)], digits=9), tmp_path
    )
    jitter, seen = 0.0, []
    for number in range(1, 300):
        deviation = abs((times[number] - times[number - 1]) / 1000 - 20_000)
        jitter += (deviation - jitter) / 16
        seen.append(jitter)
    assert table.media.loc[0, "jitter_us"] == pytest.approx(sum(seen) / len(seen), abs=1)


def test_a_restarted_sender_lost_nothing(tmp_path):
    numbers = [*range(20), *range(40_000, 40_020), *range(5, 25)]
    frames = [udp(CLIENT, SERVER, rtp(number)) for number in numbers]
    assert read_frames(frames, tmp_path).media.loc[0, ["packets", "lost"]].tolist() == [60, 0]


def test_stun_and_rtp_on_one_pair_of_ports(tmp_path):
    frames = [udp(CLIENT, SERVER, STUN_BINDING), *(udp(CLIENT, SERVER, rtp(number)) for number in range(200))]
    frames.append(udp(SERVER, CLIENT, STUN_BINDING))
    tables = read_frames(frames, tmp_path)
    assert tables.flows.loc[0, "stack"] == "stun/rtp"
    assert tables["stun"]["frame"].tolist() == [1, 202]


def test_media_that_began_before_its_stun_still_shows_the_stun(tmp_path):
    frames = [udp(CLIENT, SERVER, rtp(number, kind=114)) for number in range(9)] + [udp(SERVER, CLIENT, STUN_BINDING)]
    tables = read_frames(frames, tmp_path)
    assert tables.flows.loc[0, "stack"] == "stun/rtp"
    assert tables["stun"]["frame"].tolist() == [10]


def test_multiplexed_turn_carries_rtp(tmp_path):
    def wrapped(packet: bytes) -> bytes:
        return struct.pack(">HH8s", 0xFF10, len(packet) + 8, b"session!") + packet

    frames = [udp(CLIENT, SERVER, wrapped(rtp(number))) for number in range(30)]
    row = read_frames(frames, tmp_path).media.iloc[0]
    assert (row["carried"], row["packets"], row["bytes"]) == ("mturn", 30, 30 * 160)


def test_a_few_packets_that_look_like_rtp_are_none(tmp_path):
    frames = [udp(CLIENT, SERVER, rtp(number)) for number in range(MIN_PACKETS - 1)]
    assert read_frames(frames, tmp_path).media.empty


def test_random_datagrams_never_become_rtp(tmp_path):
    dice = random.Random(5)
    noise = [udp(("10.0.0.9", 7), SERVER, dice.randbytes(60)) for _ in range(3000)]
    assert read_frames(noise, tmp_path).flows["stack"].tolist() == [""]
    frames = [udp(CLIENT, SERVER, b"\x80" + dice.randbytes(40)) for _ in range(3000)]
    frames += [udp(("10.0.0.8", 7), SERVER, b"\x80\x00" + dice.randbytes(2) + bytes(30)) for _ in range(3000)]
    assert read_frames(frames, tmp_path).media.empty


def test_frames_captured_short_are_truncated_and_not_malformed(identity, tmp_path):
    tables = read(pcap(timed(tls_conversation(identity)), snap_length=100), tmp_path)
    assert set(tables.anomalies["kind"]) <= {"truncated", "gap"}
    assert not tables.anomalies.empty


def test_a_stream_cut_by_the_end_of_the_capture_is_truncated(tmp_path):
    frames = conversation((0, GET), (1, OK[:20]))[:-3]
    anomalies = read_frames(frames, tmp_path).anomalies
    assert anomalies["kind"].tolist() == ["truncated"]


def test_a_small_store_reads_the_same_messages(identity, tmp_path, monkeypatch):
    frames = []
    for number in range(40):
        link = Connection(("10.0.1.1", 1000 + number), SERVER)
        frames += link.open() + link.say(0, GET) + link.say(1, OK) + link.close()
    filler = [udp(("10.1.1.1", 9), ("10.1.1.2", 9), bytes(60_000))] * 75  # the halves are read in two windows
    frames = [*frames[: len(frames) // 2], *filler, *frames[len(frames) // 2 :]]
    whole = read_frames(frames, tmp_path)
    monkeypatch.setattr("lynccap.ingest.streams.kept.STORE_BYTES", 100)
    small = read_frames(frames, tmp_path)
    assert len(whole["http"]) == 80
    assert abs(len(small["http"]) - 80) <= 2
    assert len(small.anomalies) <= 2


@pytest.mark.parametrize("build", [lambda link: link.open(), lambda link: [udp(link.ends[0], link.ends[1], b"")]])
def test_payload_that_comes_windows_after_the_first_frame_is_read(build, tmp_path):
    filler = [udp(("10.1.1.1", 9), ("10.1.1.2", 9), bytes(60_000))] * 150
    link = Connection(server=("10.0.0.2", 80))
    frames = [*build(link), *filler, *link.say(0, GET), *filler, *link.say(1, OK)]
    frames += [udp(CLIENT, ("10.0.0.2", 80), STUN_BINDING)]
    tables = read_frames(frames, tmp_path)
    assert len(tables["http"]) == 2
    assert len(tables["stun"]) == 1


def test_a_keep_alive_before_the_first_byte_does_not_hide_the_protocol(tmp_path):
    link = Connection(server=("10.0.0.2", 80))
    opened = link.open()
    keep_alive = tcp(CLIENT, ("10.0.0.2", 80), link.next[0] - 1, link.next[1], ACK, b"\0")
    tables = read_frames([*opened, keep_alive, *link.say(0, GET), *link.say(1, OK)], tmp_path)
    assert len(tables["http"]) == 2
    assert tables.anomalies.empty


def test_huge_streams_are_cut_and_said_to_be(tmp_path):
    body = bytes(3 << 20)
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    link = Connection(server=("10.0.0.2", 80))
    frames = [*link.open(), *link.say(0, GET), *link.say(1, answer)]
    tables = read_frames(frames, tmp_path)
    assert tables["http"]["kind"].tolist() == ["request", "response"]
    assert not tables["http"].loc[1, "complete"]


@pytest.fixture(scope="module")
def sample(identity) -> bytes:
    """A capture with something of every protocol, frames interleaved."""
    parts = [
        tls_conversation(identity, 500),
        conversation((0, GET), (1, OK), server=("10.0.0.2", 80)),
        conversation((0, SIP_REGISTER), (1, SIP_ANSWER), server=("10.0.0.2", 5060)),
        [udp(CLIENT, ("10.0.0.9", 53), DNS_QUERY), udp(("10.0.0.9", 53), CLIENT, DNS_ANSWER)],
        [udp(("0.0.0.0", 68), ("255.255.255.255", 67), DHCP_DISCOVER), udp(CLIENT, SERVER, ntp(3))],
        [udp(CLIENT, ("10.0.0.2", 3478), TURN_ALLOCATE), udp(("10.0.0.2", 3478), CLIENT, TURN_CHALLENGE)],
        [udp(("10.0.0.7", 6000), ("10.0.0.8", 6000), rtp(number)) for number in range(8)],
        [udp(("10.0.0.7", 6000), ("10.0.0.8", 6000), RTP_PACKET)],
    ]
    return pcap(timed(frame for row in zip_longest(*parts) for frame in row if frame))


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=12), st.floats(0, 1))
def test_no_mutation_of_a_capture_raises_anything_but_unreadable(sample, tmp_path_factory, changes, part):
    content = bytearray(sample)
    for share, value in changes:
        content[24 + int(share * (len(content) - 25))] = value
    try:
        tables = read(bytes(content[: max(1, int(part * len(content)))]), tmp_path_factory.mktemp("mutated"))
    except UnreadableCapture:
        return
    flows = tables.flows
    for table in tables.messages.values():
        assert table["flow"].isin(flows.index).all()
        assert (table["first_frame"] <= table["frame"]).all()
    assert flows["frames_client"].ge(0).all()
    assert flows["lost_client"].ge(0).all()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=200)), max_size=12), st.booleans())
def test_any_payload_is_survived(tmp_path_factory, turns, on_tcp):
    if on_tcp:
        frames = conversation(*((int(side), data) for side, data in turns), size=50)
    else:
        ends = (CLIENT, SERVER)
        frames = [udp(ends[side], ends[1 - side], data) for side, data in turns] or [tcp(*ends, 1, 1, ACK)]
    tables = read_frames(frames, tmp_path_factory.mktemp("payload"))
    assert tables.captures.loc[0, "packets"] == len(frames)


def test_what_is_bounded_is_said(tmp_path, monkeypatch):
    for name in (
        "flows.flow_table.MAX_CONTROL_ROWS",
        "engine.MAX_CONTROL_ROWS",
        "flows.icmp.MAX_ERRORS",
        "engine.MAX_ERRORS",
    ):
        monkeypatch.setattr(f"lynccap.ingest.{name}", 2)
    monkeypatch.setattr("lynccap.ingest.streams.dissection.MAX_MESSAGE_ROWS", 2)
    query = udp(CLIENT, ("10.0.0.9", 53), DNS_QUERY)
    error = ethernet(ipv4("10.0.0.9", "10.0.0.1", 1, b"\x03\x03" + bytes(6) + query[14:42]))
    tables = read_frames([*[query] * 5, *[error] * 5, *Connection().open(), *Connection().close()], tmp_path)
    assert (len(tables["dns"]), len(tables.icmp), len(tables.tcp_frames)) == (2, 2, 2)
    assert sorted(tables.anomalies["protocol"]) == ["dns", "icmp", "tcp"]
    assert set(tables.anomalies["kind"]) == {"bounded"}


def test_reading_twice_gives_the_same_tables(sample, tmp_path):
    first, second = read(sample, tmp_path), read(sample, tmp_path)
    assert first.flows.equals(second.flows)
    for name in MESSAGES:
        assert first[name].equals(second[name]), name
