"""RTP streams on columns against a plain reading packet by packet, whatever the windows."""

import random
import struct
from collections import Counter

import numpy as np
import pytest
from capture_files import CLIENT, SERVER, START, Connection, ethernet, ipv4, ipv6, pcap, read, udp
from hypothesis import given, settings
from hypothesis import strategies as st

from lynccap.ingest.streams.rtp_numbers import LATE, RESTART_STEP
from lynccap.ingest.streams.rtp_packets import RtpPackets, clock_rates, irregular_types
from lynccap.ingest.streams.rtp_streams import RtpStreams
from lynccap.ingest.streams.rtp_timing import GAP_NS, RESTART_US
from lynccap.reference import codecs

Packet = tuple[int, int, int, int, int, int]
"""Stream, time (ns), payload type, marker, sequence number, timestamp."""
TICK = 20_000_000


@pytest.fixture(scope="module")
def trusting():
    """Streams count as RTP however broken they are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lynccap.ingest.streams.rtp_streams.MIN_ADVANCING", -1)
        patch.setattr("lynccap.ingest.streams.rtp_streams.MIN_PACKETS", 1)
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
    for start, end in zip(places, places[1:], strict=False):
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
    for one, other in zip(inside, inside[1:], strict=False):
        if other - one > 1:
            bursts.append(other - one - 1)
    return {
        "packets": len(kept),
        "expected": highest - lowest + 1,
        "lost": sum(bursts),
        "loss_bursts": len(bursts),
        "longest_burst": max(bursts, default=0),
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
    for (_, earlier, _), (frame, packet, following) in zip(kept, kept[1:], strict=False):
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


@pytest.mark.usefixtures("trusting")
@given(spoken(), st.data())
@settings(max_examples=250, deadline=None)
def test_streams_are_measured_as_packet_by_packet(packets, data):
    cuts = data.draw(st.lists(st.integers(0, len(packets)), max_size=12))
    agrees(measured(packets, cuts)[0], plainly(packets))


@pytest.mark.usefixtures("trusting")
@given(spoken(stream=0), spoken(stream=1), st.data())
@settings(max_examples=100, deadline=None)
def test_windows_of_any_size_give_the_same_table(one, other, data):
    together = sorted(one + other, key=lambda packet: packet[1])
    whole = measured(together, [])
    cuts = data.draw(st.lists(st.integers(0, len(together)), max_size=30))
    parts = measured(together, cuts)
    assert whole.keys() == parts.keys()
    for side, row in whole.items():
        for name, value in row.items():
            slack = 1 if name.startswith("jitter") else 0
            assert parts[side][name] == pytest.approx(value, abs=slack) if slack else parts[side][name] == value, name
