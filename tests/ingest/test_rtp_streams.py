"""RTP streams on columns against a plain reading packet by packet, whatever the windows."""

import random
import struct
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import numpy as np
import pytest
from capture_files import (
    CLIENT,
    SERVER,
    START,
    Connection,
    ethernet,
    ipv4,
    ipv6,
    pcap,
    read,
    read_frames,
    udp,
    udp_body,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from protocol_examples import MS_COOKIE, STUN_BINDING, pseudo_client_hello, pseudo_server_hello

from lynccap.ingest.streams.rtp.numbers import LATE, LONG_BURST, RESTART_STEP
from lynccap.ingest.streams.rtp.packets import RtpPackets, clock_rates, irregular_types
from lynccap.ingest.streams.rtp.streams import RtpStreams
from lynccap.ingest.streams.rtp.timing import GAP_NS, RESTART_US
from lynccap.reference import codecs

Packet = tuple[int, int, int, int, int, int]
"""Stream, time (ns), payload type, marker, sequence number, timestamp."""
TICK = 20_000_000


@contextmanager
def trusting() -> Iterator[None]:
    """Streams count as RTP however broken they are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lynccap.ingest.streams.rtp.streams.MIN_ADVANCING", -1)
        patch.setattr("lynccap.ingest.streams.rtp.streams.MIN_PACKETS", 1)
        yield


def columns(packets: list[Packet], first_frame: int = 1) -> RtpPackets:
    table = np.array(packets, np.int64).reshape(-1, 6)
    stream, time, kind, marker, sequence, timestamp = table.T
    frames = np.arange(first_frame, first_frame + len(packets))
    nothing = np.zeros(len(packets), np.int64)
    return RtpPackets(
        stream, frames, time, kind, marker, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, stream + 100, nothing,
        nothing + 160, nothing + 46,
    )  # fmt: skip


def measured(packets: list[Packet], cuts: list[int]) -> dict[int, dict[str, object]]:
    """What the streams hold after reading the packets in pieces, by stream."""
    streams = RtpStreams()
    places = [0, *sorted(cuts), len(packets)]
    for start, end in pairwise(places):
        streams.add(columns(packets[start:end], start + 1))
    table = streams.measured()
    names = list(table)
    return {
        side: dict(zip(names, values, strict=True))
        for side, *values in zip(*([table["side"].tolist()] + [table[name].tolist() for name in names]), strict=True)
    }


def plainly(packets: list[Packet]) -> dict[str, object]:
    """The same of one stream, packet by packet."""
    number = highest = lowest = 0
    seen: set[int] = set()
    kept: list[tuple[int, Packet, bool]] = []
    late = duplicates = 0
    before = 0
    too_late: set[int] = set()
    for frame, packet in enumerate(packets, 1):
        sequence = packet[4] & 0xFFFF
        if not seen:
            number = highest = lowest = sequence
            seen.add(number)
            kept.append((frame, packet, False))
            before = sequence
            continue
        step = (sequence - before + 0x8000) % 0x10000 - 0x8000
        before = sequence
        number += step if abs(step) <= RESTART_STEP else 1
        if highest - LATE < number <= highest and number in seen:
            duplicates += 1
            continue
        if number <= highest:
            late += 1
        if number > highest - LATE:
            seen.add(number)
        else:
            too_late.add(number)
        highest = max(highest, number)
        kept.append((frame, packet, step == 1))
    bursts: list[int] = []
    inside = sorted(one for one in seen if one >= lowest)
    for one, other in pairwise(inside):
        if other - one > 1:
            bursts.append(other - one - 1)
    return {
        "packets": len(kept),
        "expected": highest - lowest + 1,
        "lost": sum(bursts),
        "loss_bursts": len(bursts),
        "longest_burst": max(bursts, default=0),
        "long_bursts": sum(one >= LONG_BURST for one in bursts),
        "reordered": late,
        "duplicates": duplicates,
        "markers": sum(packet[3] for _, packet, _ in kept),
        "payload_types": tuple(
            sorted(Counter(packet[2] for _, packet, _ in kept).items(), key=lambda one: (-one[1], one[0]))
        ),
        **_timing(kept),
    }


def _timing(kept: list[tuple[int, Packet, bool]]) -> dict[str, object]:
    jitter, seen = 0.0, [0.0]
    gaps = silences = jumps = longest = longest_frame = 0
    for (_, earlier, _), (frame, packet, following) in pairwise(kept):
        gap = packet[1] - earlier[1]
        if gap > longest:
            longest, longest_frame = gap, frame
        clock = int(clock_rates()[packet[2]])
        ticks = (packet[5] - earlier[5] + 0x80000000) % 0x100000000 - 0x80000000
        due = ticks * 1e6 / clock if clock else 0.0
        deviation = abs(gap / 1000 - due)
        if gap > GAP_NS:
            gaps += 1
            silences += bool(clock) and following and due * 2000 >= gap
        jumps += bool(clock) and deviation >= RESTART_US and abs(due) >= RESTART_US
        if clock and earlier[2] == packet[2] and not irregular_types()[packet[2]] and deviation < RESTART_US:
            jitter += (deviation - jitter) / 16
            seen.append(jitter)
    return {
        "jitter_us": sum(seen) / max(len(seen) - 1, 1),
        "jitter_max_us": max(seen),
        "longest_gap_us": longest // 1000,
        "longest_gap_frame": longest_frame,
        "gaps": gaps,
        "silences": silences,
        "timestamp_jumps": jumps,
    }


def agrees(found: dict[str, object], wanted: dict[str, object]) -> None:
    for name, value in wanted.items():
        if isinstance(value, float):
            assert found[name] == pytest.approx(value, abs=1), name
        else:
            assert found[name] == value, name


@st.composite
def spoken(draw: st.DrawFn, stream: int = 0) -> list[Packet]:
    """One stream as a bad network delivers it."""
    dice = random.Random(draw(st.integers(0, 1 << 30)))
    trouble = draw(st.sampled_from([0.0, 0.0, 0.02, 0.2, 0.6]))
    number, stamp, time = draw(st.sampled_from([0, 700, 65_500])), draw(st.sampled_from([0, 0xFFFFF000])), START
    packets: list[Packet] = []
    for _ in range(draw(st.integers(5, 300))):
        steps = [(0.25, 1, 1)]
        if dice.random() < trouble:
            steps = [(1, 0, 0), (1, -dice.randrange(90), 0), (2, dice.randrange(1, 150), 1), (0.2, 30_000, 40)]
            steps += [(0.5, 1, dice.randrange(200)), (0.1, -dice.randrange(2000), 1)]
        weights = [weight for weight, _, _ in steps]
        _, step, ticks = dice.choices(steps, weights)[0]
        number += step
        stamp += ticks * 160
        time += ticks * TICK + dice.choice([0, 1_000_000, -900_000, 250_000_000 if dice.random() < trouble / 9 else 0])
        kind = dice.choice([0, 13, 101, 97]) if dice.random() < trouble / 4 else 0
        packets.append((stream, time, kind, int(dice.random() < 0.1), number, stamp))
    return packets


@given(spoken(), st.data())
@settings(max_examples=250, deadline=None)
def test_streams_are_measured_as_packet_by_packet(packets, data):
    cuts = data.draw(st.lists(st.integers(0, len(packets)), max_size=12))
    with trusting():
        found = measured(packets, cuts)[0]
        agrees(found, plainly(packets))
    assert sum(missing for _, _, missing in found["lossy_seconds"]) >= found["lost"]


@given(spoken(stream=0), spoken(stream=1), st.data())
@settings(max_examples=100, deadline=None)
def test_windows_of_any_size_give_the_same_table(one, other, data):
    together = sorted(one + other, key=lambda packet: packet[1])
    cuts = data.draw(st.lists(st.integers(0, len(together)), max_size=30))
    with trusting():
        whole, parts = measured(together, []), measured(together, cuts)
    assert whole.keys() == parts.keys()
    for side, row in whole.items():
        for name, value in row.items():
            slack = 1 if name.startswith("jitter") else 0
            assert parts[side][name] == pytest.approx(value, abs=slack) if slack else parts[side][name] == value, name


def rtp(number: int, kind: int = 0, ssrc: int = 7, first: int = 0x80, tail: bytes = bytes(160)) -> bytes:
    return struct.pack(">BBHII", first, kind, number & 0xFFFF, number * 160 & 0xFFFFFFFF, ssrc) + tail


def rtcp(packet_type: int, content: bytes, count: int = 0) -> bytes:
    return struct.pack(">BBH", 0x80 | count, packet_type, len(content) // 4) + content


REPORT = rtcp(201, struct.pack(">IIIIIII", 9, 7, 0x40000003, 50, 8, 0, 0), 1)


def marked(number: int, tos: int, version: int = 4) -> bytes:
    body = udp_body(CLIENT[1], SERVER[1], rtp(number))
    if version == 6:
        packet = bytearray(ipv6("fd00::1", "fd00::2", 17, body))
        packet[0], packet[1] = 0x60 | tos >> 4, (tos & 15) << 4
        return ethernet(bytes(packet), kind=0x86DD)
    packet = bytearray(ipv4(CLIENT[0], SERVER[0], 17, body, ident=number + 1))
    packet[1] = tos
    return ethernet(bytes(packet))


@pytest.mark.parametrize("version", [4, 6])
def test_the_dscp_is_read_and_its_changes(tmp_path, version):
    frames = [marked(number, 0xB8 if number < 30 else 0, version) for number in range(40)]
    row = read_frames(frames, tmp_path).media.iloc[0]
    assert (row["dscp"], row["dscps"]) == (46, ((46, 30), (0, 10)))


def test_comfort_noise_and_keys_are_told_from_speech(tmp_path):
    kinds = [0] * 30 + [13] * 3 + [0x80] + [0] * 20 + [0x80 | 101, 101, 101]
    frames = [udp(CLIENT, SERVER, rtp(number, kind)) for number, kind in enumerate(kinds)]
    row = read_frames(frames, tmp_path).media.iloc[0]
    assert (row["payload_type"], row["payload_types"]) == (0, ((0, 51), (13, 3), (101, 3)))
    assert (row["markers"], row["clock_rate"], row["clock_basis"]) == (2, 8000, "static")


def test_keys_pressed_are_no_jitter(tmp_path):
    """All packets of one key bear the timestamp of its beginning (RFC 4733 2.3)."""
    event = struct.pack(">BBHII", 0x80, 101, 0, 0, 7)
    records = [(START + number * TICK, udp(CLIENT, SERVER, rtp(number))) for number in range(50)]
    keys = [event[:2] + struct.pack(">HI", 50 + number, 50 * 160) + event[8:] + bytes(4) for number in range(20)]
    records += [(START + (50 + number) * TICK, udp(CLIENT, SERVER, key)) for number, key in enumerate(keys)]
    assert read(pcap(records), tmp_path).media.iloc[0]["jitter_max_us"] == 0


def test_silence_is_told_from_an_interruption(tmp_path):
    """The sender that pauses goes on with the next number and a later timestamp; a network that stops does neither."""
    spoken = [(number, number, number) for number in range(20)]
    paused = [(number, number + 50, number + 50) for number in range(20, 40)]
    stalled = [(number, number + 90, number + 50) for number in range(40, 60)]
    lost = [(number, number + 90, number + 50) for number in range(80, 100)]
    records = [
        (START + due * TICK, udp(CLIENT, SERVER, struct.pack(">BBHII", 0x80, 0, number, stamp * 160, 7) + bytes(160)))
        for number, due, stamp in (*spoken, *paused, *stalled, *lost)
    ]
    row = read(pcap(records), tmp_path).media.iloc[0]
    assert row[["gaps", "silences", "lost", "loss_bursts", "longest_burst"]].tolist() == [3, 1, 20, 1, 20]
    assert row[["longest_gap_us", "longest_gap_frame"]].tolist() == [1_020_000, 21]


def test_the_speaker_of_a_conference_is_named(tmp_path):
    named = struct.pack(">I", 0xABCD) + bytes(160)
    frames = [udp(CLIENT, SERVER, rtp(number, 114, first=0x81, tail=named)) for number in range(20)]
    assert read_frames(frames, tmp_path).media.iloc[0]["contributor"] == 0xABCD


def turn(kind: int, body: bytes) -> bytes:
    return struct.pack(">BBH", kind, 0, len(body)) + body


def as_datagrams(packets: list[bytes]) -> list[bytes]:
    return [udp(CLIENT, SERVER, one) for one in packets]


def as_multiplexed(packets: list[bytes]) -> list[bytes]:
    return [udp(CLIENT, SERVER, struct.pack(">HH8s", 0xFF10, len(one) + 8, b"session!") + one) for one in packets]


def as_turn_data(packets: list[bytes]) -> list[bytes]:
    def wrapped(one: bytes) -> bytes:
        data = MS_COOKIE + struct.pack(">HH", 0x0013, len(one)) + one + bytes(-len(one) % 4)
        return struct.pack(">HH", 0x0004, len(data)) + bytes(range(16)) + data

    return [udp(CLIENT, SERVER, wrapped(one)) for one in packets]


def as_turn_frames(packets: list[bytes]) -> list[bytes]:
    link = Connection(server=("10.0.0.2", 443))
    frames = link.open() + link.say(0, pseudo_client_hello()) + link.say(1, pseudo_server_hello())
    return frames + [frame for one in packets for frame in link.say(0, turn(3, one))]


def with_lengths(packets: list[bytes]) -> list[bytes]:
    link = Connection(server=("10.0.0.2", 50_000))
    framed = [struct.pack(">H", len(one)) + one for one in (STUN_BINDING, *packets)]
    return link.open() + [frame for one in framed for frame in link.say(0, one)]


CARRIERS = {
    "udp": as_datagrams,
    "mturn": as_multiplexed,
    "turn-data": as_turn_data,
    "turn-tcp": as_turn_frames,
    "rfc4571": with_lengths,
}


@pytest.mark.parametrize("carrier", CARRIERS)
def test_wrapped_media_is_measured_like_any_other(tmp_path, carrier):
    numbers = [*range(30), 33, 32, *range(34, 60), 59]
    kinds = [0x80 if number == 0 else 13 if number == 40 else 0 for number in numbers]
    packets = [rtp(number, kind) for number, kind in zip(numbers, kinds, strict=True)] + [REPORT, REPORT]
    tables = read_frames(CARRIERS[carrier](packets), tmp_path)
    row = tables.media.iloc[0]
    assert row["carried"] == carrier
    assert row[["packets", "expected", "lost", "reordered", "duplicates", "loss_bursts"]].tolist() == [
        58,
        60,
        2,
        1,
        1,
        1,
    ]
    assert row[["payload_types", "markers", "rtcp"]].tolist() == [((0, 57), (13, 1)), 1, 2]
    reports = tables["rtcp"]
    assert reports[["packet_type", "ssrc", "source", "lost_total"]].to_numpy().tolist() == [[201, 9, 7, 3]] * 2
    assert reports["lost_fraction"].tolist() == [0.25, 0.25]
    assert set(reports["flow"]) == set(tables.media["flow"])


def test_a_flow_of_rtcp_alone_is_rtcp(tmp_path):
    tables = read_frames([udp(CLIENT, SERVER, REPORT) for _ in range(3)], tmp_path)
    assert tables.flows.loc[0, "stack"] == "rtcp"
    assert tables["rtcp"]["frame"].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    "packets",
    [
        [REPORT],
        [rtcp(201, struct.pack(">I", 9 + number)) for number in range(9)],
        [bytes([0xBB, 200, 0, 2]) + bytes(50)] * 9,
    ],
    ids=["one alone", "ever other senders", "more blocks than bytes"],
)
def test_what_only_resembles_rtcp_is_none(tmp_path, packets):
    tables = read_frames([udp(CLIENT, SERVER, one) for one in packets], tmp_path)
    assert tables.flows.loc[0, "stack"] == ""
    assert tables["rtcp"].empty


def test_a_report_captured_short_is_not_read(tmp_path):
    """Its encrypted end may be just what is missing."""
    frames = [udp(CLIENT, SERVER, REPORT + b"\xa5" * 14)] * 3
    tables = read(
        pcap([(START + at * 10**9, one) for at, one in enumerate(frames)], snap_length=14 + 28 + 32), tmp_path
    )
    assert tables["rtcp"]["ssrc"].tolist() == [9] * 3
    assert tables["rtcp"]["lost_total"].isna().all()


def test_what_is_kept_of_rtcp_is_bounded_and_said(tmp_path, monkeypatch):
    monkeypatch.setattr("lynccap.ingest.streams.rtp.reports.MAX_REPORTS_A_SIDE", 5)
    tables = read_frames([udp(CLIENT, SERVER, REPORT) for _ in range(9)], tmp_path)
    assert tables["rtcp"]["frame"].tolist() == [1, 2, 3, 4, 5]
    assert tables.anomalies[["protocol", "kind", "frame"]].to_numpy().tolist() == [["rtcp", "bounded", 6]]


@pytest.mark.parametrize(
    "packets",
    [
        [rtp(number, kind=50) for number in range(50)],
        [
            struct.pack(">BBHII", 0x80, 0, number, number * 0x9E3779B9 & 0xFFFFFFFF, 7) + bytes(50)
            for number in range(50)
        ],
        [struct.pack(">BBHII", 0x80, 0, 5, number * 160, 7) + bytes(50) for number in range(50)],
        [struct.pack(">BBHII", 0x80, 0, number, number * 160, number) + bytes(50) for number in range(50)],
    ],
    ids=["type nobody uses", "timestamps at random", "numbers that stand", "ever other sources"],
)
def test_what_only_resembles_rtp_is_none(tmp_path, packets):
    tables = read_frames([udp(CLIENT, SERVER, one) for one in packets], tmp_path)
    assert tables.media.empty
    assert "rtp" not in tables.flows.loc[0, "stack"]


def test_security_payload_and_games_are_no_media(tmp_path):
    """ESP in UDP whose SPI looks like a header (RFC 3948), and a game's reliable messages, which count too."""
    indexes = ((("10.0.0.8", 4500), 0x80000005), (("10.0.0.7", 4500), 0x80C80003))
    esp = [
        udp(end, SERVER, struct.pack(">II", index, number) + bytes(80))
        for end, index in indexes
        for number in range(60)
    ]
    heads = (bytes.fromhex("bbc80002") + struct.pack(">II", number, 7) for number in range(60))
    game = [udp(CLIENT, SERVER, head + bytes(40)) for head in heads]
    tables = read_frames([*esp, *game], tmp_path)
    assert tables.media.empty
    assert tables["rtcp"].empty
    assert set(tables.flows["stack"]) == {""}


@pytest.mark.parametrize("window", [1 << 12, 1 << 14, 1 << 16])
def test_a_capture_read_in_small_windows_gives_the_same_tables(tmp_path, monkeypatch, window):
    dice = random.Random(2)
    packets = [(START, rtp(0)), (START, rtp(0, 114, 8))]
    for ssrc, kind in ((7, 0), (8, 114)):
        numbers = [one for one in range(1, 700) if dice.random() > 0.03 for _ in range(1 + (dice.random() < 0.01))]
        packets += [(START + one * TICK + dice.randrange(30_000_000), rtp(one, kind, ssrc)) for one in numbers]
    records = [
        (time, udp(CLIENT, SERVER, packet, id=place + 1)) for place, (time, packet) in enumerate(sorted(packets))
    ]
    whole = read(pcap(records), tmp_path)
    monkeypatch.setattr("lynccap.ingest.formats.window.WINDOW_BYTES", window)
    cut = read(pcap(records), tmp_path)
    jitters = ["jitter_us", "jitter_max_us"]
    assert (whole.media[jitters] - cut.media[jitters]).abs().to_numpy().max() <= 1
    assert whole.media.drop(columns=jitters).equals(cut.media.drop(columns=jitters))
    assert (whole.media[["lost", "reordered", "duplicates"]] > 0).all(axis=None)


def test_clock_rates_are_those_of_the_codec_table():
    for kind, codec in codecs().items():
        assert clock_rates()[kind] == codec.clock_rate, codec.name
