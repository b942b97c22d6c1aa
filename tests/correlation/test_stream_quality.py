import struct
from dataclasses import replace

import pytest
from capture_files import CLIENT, SERVER, START, pcap, read, udp

from lynccap.correlation.media.stream_quality import read_stream_quality, round_trips

MS = 1_000_000
SENDERS = (7, 9)
"""SSRCs of client and server."""
NTP_START = 0xE000_0000 << 32


def rtp(number: int, ssrc: int, kind: int = 0) -> bytes:
    return struct.pack(">BBHII", 0x80, kind, number, number * 160, ssrc) + bytes(160)


def ntp(nanoseconds: int) -> int:
    return NTP_START + (nanoseconds << 32) // 1_000_000_000


def report(ssrc: int, sent: int, block: bytes = b"") -> bytes:
    body = struct.pack(">IQIII", ssrc, ntp(sent), 0, 10, 1600) + block
    return struct.pack(">BBH", 0x80 | bool(block), 200, len(body) // 4) + body


def block(source: int, last: int, waited: int, lost: int = 0, highest: int = 100) -> bytes:
    words = ntp(last) >> 16 & 0xFFFFFFFF, waited * 65536 // 1_000_000_000
    return struct.pack(">IB3sIIII", source, 26, lost.to_bytes(3, "big"), highest, 0, *words)


def frame(side: int, payload: bytes) -> bytes:
    return udp(CLIENT, SERVER, payload) if side == 0 else udp(SERVER, CLIENT, payload)


def call(tmp_path, kind: int = 0, to_client: int = 5 * MS, to_server: int = 30 * MS, reports: bool = True):
    """A call seen between both ends, which wait 100 ms before they answer a report; every tenth packet is lost."""
    records = [
        (START + number * 20 * MS, frame(side, rtp(number, SENDERS[side], kind)))
        for number in range(100)
        if number % 10
        for side in (0, 1)
    ]
    if reports:
        answered, answer = 1000 * MS + 2 * to_server + 100 * MS, 1000 * MS + to_server
        records.append((START + 1000 * MS, frame(0, report(7, 1000 * MS))))
        records.append((START + answered, frame(1, report(9, answer, block(7, 1000 * MS, 100 * MS, 3)))))
        back = answered + 2 * to_client + 100 * MS
        records.append((START + back, frame(0, report(7, back, block(9, answer, 100 * MS)))))
    return read(pcap(sorted(records), digits=9), tmp_path)


def test_a_round_trip_is_made_of_both_ways_from_the_capture(tmp_path):
    found = round_trips(call(tmp_path))
    assert found == {(0, 7): pytest.approx(70, abs=0.1), (0, 9): pytest.approx(70, abs=0.1)}


def test_one_end_alone_makes_no_round_trip(tmp_path):
    tables = call(tmp_path)
    one_sided = tables["rtcp"][tables["rtcp"]["ssrc"] == 9]
    assert round_trips(replace(tables, messages={**tables.messages, "rtcp": one_sided})) == {}


def test_streams_are_rated_with_what_was_lost_before_the_capture(tmp_path):
    streams = read_stream_quality(call(tmp_path, to_server=110 * MS, to_client=100 * MS))
    assert [(one.ssrc, one.codec, one.jitter_ms) for one in streams] == [
        (7, "PCMU (G.711)", 0.0),
        (9, "PCMU (G.711)", 0.0),
    ]
    assert streams[0].loss == pytest.approx(9 / 99)
    assert streams[0].round_trip_ms == pytest.approx(420, abs=0.1)
    assert streams[0].reported_loss == pytest.approx(26 / 256)
    assert streams[0].rating.mos < 3.5
    assert "210 ms" in streams[0].rating.basis


def test_without_reports_the_delay_counts_as_none_and_says_so(tmp_path):
    (one, _) = read_stream_quality(call(tmp_path, reports=False))
    assert (one.round_trip_ms, one.reported_loss) == (None, None)
    assert "the delay is not known" in one.rating.basis


def test_codecs_without_public_figures_get_no_rating(tmp_path):
    (one, _) = read_stream_quality(call(tmp_path, kind=114))
    assert (one.codec, one.rating.mos) == ("RTAudio wideband", None)
    assert "RTAudio" in one.rating.basis


def test_video_is_not_speech(tmp_path):
    assert read_stream_quality(call(tmp_path, kind=122)) == ()


def test_loss_between_two_reports_is_against_what_was_sent_between_them(tmp_path):
    records = [(START + number * 20 * MS, frame(0, rtp(number, 7))) for number in range(100)]
    records += [
        (START + at * MS, frame(1, report(9, at * MS, block(7, 0, 0, lost, highest))))
        for at, lost, highest in ((100, 500, 1000), (5000, 510, 1200))
    ]
    (one,) = read_stream_quality(read(pcap(sorted(records)), tmp_path))
    assert one.reported_loss == pytest.approx(0.05)
