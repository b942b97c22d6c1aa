"""snoop files: what RFC 1761 says, what editcap writes, what tshark sees in real ones."""

import struct
from pathlib import Path

import pytest
from capture_files import CLIENT, SECOND, SERVER, START, udp
from frames_read import converted, flows_of, frames_of, read_file, seen, seen_by_tshark
from rare_captures import snoop, snoop_record
from tshark_fields import capture

from lynccap.ingest.formats.window import WINDOW_BYTES
from lynccap.ingest.frames import MAX_RECORD

SAMPLES = Path(__file__).parents[2] / "sample_pcaps"
FRAMES = [udp(CLIENT, SERVER, bytes([number]) * (10 + number)) for number in range(5)]
REAL = ["20102008184715.pcap", "ICA.snoop", "fw1_mon2018.cap", "genbroad.snoop", "out.cap", "trace.snoop"]


def test_records_are_read_with_their_padding_times_and_lengths():
    records = [
        snoop_record(frame, START + number * SECOND + 123_456_789, wire=2000 + number, padding=number)
        for number, frame in enumerate(FRAMES)
    ]
    reader, frames = frames_of(snoop(records))
    assert (reader.format, reader.digits, reader.damage) == ("snoop", 6, "")
    assert [one.data for one in frames] == FRAMES
    assert [one.number for one in frames] == [1, 2, 3, 4, 5]
    assert [one.wire for one in frames] == [2000, 2001, 2002, 2003, 2004]
    assert [one.time for one in frames] == [START + number * SECOND + 123_456_000 for number in range(5)]


@pytest.mark.parametrize(
    ("datalink", "padding", "link"),
    [
        (0, 0, 1), (2, 0, 6), (4, 0, 1), (5, 0, -1), (8, 0, 10), (14, 0, 0), (18, 4, 123), (999, 0, -1),
        (0x80000005, 0, 226), (10, 15, -1), (10, 16, 1), (13, 16, 6), (19, 16, 1), (18, 16, -1),
    ],
)  # fmt: skip
def test_datalink_types_become_link_types_surveyor_files_told_by_their_trailer(datalink, padding, link):
    reader, frames = frames_of(snoop([snoop_record(FRAMES[0], padding=padding)], datalink=datalink))
    assert [one.link for one in frames] == [link]
    assert reader.notes.interfaces[0].link == link


@pytest.mark.parametrize("version", [2, 3, 4, 5])
def test_the_versions_of_surveyor_are_read_too(version):
    assert len(frames_of(snoop([snoop_record(FRAMES[0])], version))[1]) == 1


@pytest.mark.parametrize("version", [0, 1, 6])
def test_another_version_is_refused(version):
    with pytest.raises(ValueError, match=f"byte 8 is {version}"):
        frames_of(snoop([], version))


def test_the_count_of_lost_packets_is_kept_and_zero_is_no_count():
    reader, _ = frames_of(snoop([snoop_record(FRAMES[0], lost=count) for count in (0, 3, 7)]))
    assert reader.notes.interfaces[0].dropped == 7
    reader, _ = frames_of(snoop([snoop_record(FRAMES[0])]))
    assert reader.notes.interfaces[0].dropped == -1


def test_frames_that_cross_the_window_are_read_whole():
    frame = udp(CLIENT, SERVER, bytes(60_000))
    count = WINDOW_BYTES // 60_000 * 2 + 3
    reader, frames = frames_of(snoop([snoop_record(frame, padding=3)] * count))
    assert (len(frames), {one.data for one in frames}, reader.damage) == (count, {frame}, "")


def test_a_file_cut_at_any_byte_yields_the_frames_before_the_cut():
    whole = snoop([snoop_record(frame, padding=2) for frame in FRAMES[:3]])
    ends = [16]
    for frame in FRAMES[:3]:
        ends.append(ends[-1] + 26 + len(frame))
    for cut in range(8, 16):
        with pytest.raises(ValueError, match=f"byte {cut}"):
            frames_of(whole[:cut])
    for cut in range(16, len(whole)):
        reader, frames = frames_of(whole[:cut])
        assert [one.data for one in frames] == FRAMES[: sum(end <= cut for end in ends[1:])]
        assert (reader.damage == "") == (cut in ends)
        assert cut in ends or f"byte {cut}" in reader.damage


@pytest.mark.parametrize(
    ("captured", "length"),
    [(52, 23), (52, 75), (2**32 - 1, 76), (MAX_RECORD + 1, MAX_RECORD + 25), (52, MAX_RECORD + 1), (52, 2**32 - 1)],
)
def test_a_record_that_cannot_be_ends_the_reading_and_names_its_byte(captured, length):
    good = snoop([snoop_record(FRAMES[0])])
    bad = struct.pack(">6I", 60, captured, length, 0, 1, 1) + bytes(2 * MAX_RECORD)
    reader, frames = frames_of(good + bad)
    assert [one.data for one in frames] == FRAMES[:1]
    assert f"byte {len(good)}" in reader.damage


@pytest.mark.tshark
@pytest.mark.parametrize("name", ["rootchain-80-refused.pcap", "edge-crl-ok.pcapng"])
def test_what_editcap_writes_holds_the_frames_of_the_original(name, tmp_path):
    path = converted(SAMPLES / name, "snoop", tmp_path)
    _, frames = read_file(path)
    _, original = read_file(SAMPLES / name)
    assert [one.data for one in frames] == [one.data for one in original]
    assert [one.time for one in frames] == [one.time // 1000 * 1000 for one in original]
    assert seen(frames) == seen_by_tshark(path)
    assert flows_of(path) == flows_of(SAMPLES / name)


@pytest.mark.tshark
@pytest.mark.parametrize("name", REAL)
def test_real_files_read_as_tshark_reads_them(name):
    path = capture(f"formats/Wireshark-{name}")
    reader, frames = read_file(path)
    assert reader.damage == ""
    assert seen(frames) == seen_by_tshark(path)
