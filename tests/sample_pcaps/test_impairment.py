"""The laboratory's bad cables do exactly what they are told, and the samples of damaged audio hold exactly that."""

import struct
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from sample_pcaps.lab.wire import Impairment, is_rtp

SAMPLES = Path(__file__).parents[2] / "sample_pcaps"


def frame(payload: bytes, source_port: int = 5000) -> bytes:
    ip = bytes([0x45]) + bytes(8) + b"\x11" + bytes(10)
    return bytes(12) + b"\x08\x00" + ip + struct.pack("!HHHH", source_port, 6000, 8 + len(payload), 0) + payload


def audio(number: int, source_port: int = 5000) -> bytes:
    return frame(struct.pack("!BBHII", 0x80, 111, number, 0, 1), source_port)


@pytest.mark.parametrize(
    "other",
    [
        audio(0, 5001),
        frame(struct.pack("!BBHII", 0x81, 200, 0, 0, 1)),
        frame(bytes(20)),
        frame(b"\x80\x6f"),
        audio(0).replace(b"\x08\x00", b"\x08\x06", 1),
    ],
    ids=["another port", "RTCP", "a check", "too short", "ARP"],
)
def test_only_rtp_of_the_named_port_suffers(other: bytes) -> None:
    cable = Impairment(5000, lost=frozenset({0}))
    assert not is_rtp(other, 5000)
    assert cable.arrivals(other, 1.0) == (1.0,)
    assert cable.arrivals(audio(0), 1.0) == ()


def test_packets_are_lost_doubled_and_held_back_by_number() -> None:
    cable = Impairment(5000, lost=frozenset({1}), doubled=frozenset({2}), late=frozenset({3}))
    assert [cable.arrivals(audio(n), float(n)) for n in range(5)] == [(0.0,), (), (2.0, 2.0), (3.05,), (4.0,)]


def test_jitter_delays_and_never_reorders() -> None:
    cable = Impairment(5000, jitter=0.05)
    out = [cable.arrivals(audio(n), n * 0.02)[0] for n in range(200)]
    assert out == sorted(out)
    delays = [moment - n * 0.02 for n, moment in enumerate(out)]
    assert min(delays) >= 0.0
    assert 0.02 < max(delays) < 0.06


def udp_payloads(capture: Path, source: tuple[str, int]) -> Iterator[tuple[int, bytes]]:
    """DSCP and payload of each datagram of one sender in a pcap of untagged Ethernet."""
    data, at = capture.read_bytes(), 24
    address = bytes(int(part) for part in source[0].split("."))
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at + 8)
        packet, at = data[at + 16 : at + 16 + length], at + 16 + length
        if packet[12:14] == b"\x08\x00" and packet[23] == 17 and packet[26:30] == address:
            udp = 14 + (packet[14] & 15) * 4
            if int.from_bytes(packet[udp : udp + 2], "big") == source[1]:
                yield packet[15] >> 2, packet[udp + 8 :]


def stream(capture: Path, source: tuple[str, int]) -> tuple[list[int], set[int]]:
    """Sequence numbers as they came, counted from the lowest one without a wrap, and the DSCPs seen."""
    heard = [(dscp, data) for dscp, data in udp_payloads(capture, source) if data[0] == 0x80]
    numbers = [int.from_bytes(data[2:4], "big") for _, data in heard]
    first = numbers[0]
    return [(number - first + 0x8000) % 0x10000 - 0x8000 for number in numbers], {dscp for dscp, _ in heard}


def test_the_lossy_sample_has_the_damage_its_label_states() -> None:
    numbers, marks = stream(SAMPLES / "rtp-loss-jitter.pcap", ("10.20.31.57", 50006))
    assert marks == {46}
    assert set(range(1000)) - set(numbers) == {
        n
        for start, size in ((100, 3), (250, 5), (400, 1), (402, 1), (520, 12), (700, 8), (860, 16))
        for n in range(start, start + size)
    }
    assert {n for n, times in Counter(numbers).items() if times == 2} == {50, 150, 300, 301, 600, 900}
    highest, late = -1, []
    for number in numbers:
        if number < highest:
            late.append(number)
        highest = max(highest, number)
    assert late == [60, 160, 330, 450, 640, 760, 960]


def test_the_other_direction_of_the_lossy_sample_is_whole_and_unmarked() -> None:
    numbers, marks = stream(SAMPLES / "rtp-loss-jitter.pcap", ("10.20.32.83", 50012))
    assert marks == {0}
    assert numbers == list(range(990))


def test_the_gateway_sample_lacks_five_packets_one_way() -> None:
    numbers, marks = stream(SAMPLES / "rtp-gateway-clear.pcap", ("10.60.12.90", 6000))
    assert marks == {0}
    assert set(range(numbers[-1] + 1)) - set(numbers) == {40, 41, 42, 230, 330}
    numbers, marks = stream(SAMPLES / "rtp-gateway-clear.pcap", ("10.60.2.75", 49160))
    assert marks == {46}
    assert numbers == list(range(len(numbers)))


def test_the_one_way_sample_loses_one_direction() -> None:
    gone, _ = stream(SAMPLES / "rtp-one-way.pcap", ("10.20.32.83", 50012))
    goes_on, _ = stream(SAMPLES / "rtp-one-way.pcap", ("10.20.31.57", 50006))
    assert goes_on == list(range(450))
    assert 120 < len(gone) < 240
