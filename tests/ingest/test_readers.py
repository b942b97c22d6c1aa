import gzip
import hashlib
import io
import struct
from pathlib import Path
from random import Random

import pytest
from capture_files import (
    CLIENT,
    RAW,
    SECOND,
    SERVER,
    START,
    block,
    enhanced,
    interface,
    ipv4,
    obsolete,
    pcap,
    read,
    section,
    simple,
    timed,
    udp,
    udp_body,
)
from frames_read import frames_of
from fuzz.seeds import files
from hypothesis import given, settings
from hypothesis import strategies as st

from lynccap.ingest import Source, UnreadableCapture, read_tables
from lynccap.ingest.formats import window as window_module
from lynccap.ingest.formats.pcap import PcapReader
from lynccap.ingest.formats.pcapng import PcapngReader
from lynccap.ingest.formats.window import WINDOW_BYTES, Window
from lynccap.ingest.frames import MAX_RECORD
from lynccap.ingest.sources.source import Feed

FRAMES = [udp(CLIENT, SERVER, bytes([number]) * (10 + number)) for number in range(5)]
TICKS = START // 1000


def capture_of(data: bytes, folder: Path) -> dict[str, object]:
    tables = read(data, folder)
    return {**tables.captures.iloc[0], **tables.files.iloc[0]}


@pytest.mark.parametrize(("digits", "modified"), [(6, False), (9, False), (6, True)])
@pytest.mark.parametrize("order", ["<", ">"])
def test_every_pcap_variant_gives_the_same_frames_and_exact_times(order, digits, modified, tmp_path):
    records = [(START + 123_456_789 + number * SECOND, frame) for number, frame in enumerate(FRAMES)]
    tables = read(pcap(records, order, digits, modified=modified), tmp_path)
    row = tables.files.iloc[0]
    exact = START + (123_456_789 if digits == 9 else 123_456_000)
    assert (row["format"], row["packets"], row["digits"]) == ("pcap", 5, digits)
    assert (row["first_time"], row["last_time"]) == (exact, exact + 4 * SECOND)
    assert row["bytes"] == sum(map(len, FRAMES))
    assert row["damage"] == ""
    assert tables.flows["bytes_client"].tolist() == [sum(10 + number for number in range(5))]


@pytest.mark.parametrize(("minor", "swapped"), [(0, True), (2, True), (3, False), (4, False)])
def test_records_of_old_pcap_versions_begin_with_the_length_on_the_wire(minor, swapped, tmp_path):
    frame = udp(CLIENT, SERVER, bytes(60))
    data = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, minor, 0, 0, 68, 1)
    for place in range(2):
        lengths = (len(frame), 68) if swapped else (68, len(frame))
        data += struct.pack("<4I", START // SECOND + place, 0, *lengths) + frame[:68]
    tables = read(data, tmp_path)
    assert tables.captures.loc[0, ["packets", "bytes", "snapped", "damage"]].tolist() == [2, 136, 2, ""]
    assert tables.flows["bytes_client"].tolist() == [120]


@pytest.mark.parametrize("order", ["<", ">"])
def test_every_kind_of_packet_block_is_a_frame(order, tmp_path):
    data = section(order) + interface(order) + block(0x0BADF00D, b"what is this?", order)
    data += enhanced(FRAMES[0], TICKS, order=order) + simple(FRAMES[1], order)
    data += obsolete(FRAMES[2], TICKS + 7, order=order) + block(5, bytes(12), order)
    row = capture_of(data, tmp_path)
    assert (row["format"], row["packets"], row["damage"]) == ("pcapng", 3, "")
    assert (row["first_time"], row["last_time"]) == (START, START + 7000)


def test_sections_of_both_byte_orders_have_interfaces_of_their_own(tmp_path):
    raw = ipv4("10.0.0.1", "10.0.0.2", 17, udp_body(50000, 443, b"raw"))
    data = section("<") + interface("<", resolution=9) + enhanced(FRAMES[0], START)
    data += section(">") + interface(">", link=RAW) + interface(">", resolution=3)
    data += enhanced(raw, TICKS + 1, 0, ">") + enhanced(FRAMES[1], START // 10**6 + 1, 1, ">")
    data += section("<") + interface("<") + enhanced(FRAMES[2], TICKS + 5)
    tables = read(data, tmp_path)
    row = tables.captures.iloc[0]
    assert (row["packets"], row["digits"], row["undecoded"]) == (4, 9, 0)
    assert row["last_time"] == START + 1_000_000
    assert tables.flows["frames_client"].tolist() == [4]


@pytest.mark.parametrize(
    ("resolution", "ticks", "nanoseconds"),
    [
        (0, 1_700_000_000, START),
        (3, 1_700_000_000_123, START + 123_000_000),
        (6, 1_700_000_000_123_456, START + 123_456_000),
        (9, START + 123_456_789, START + 123_456_789),
        (10, (START + 5) * 10 + 9, START + 5),
        (12, 5_000_000_000_999, 5_000_000_000),
        (0x80, 1_700_000_000, START),
        (0x80 | 10, (1_700_000_000 << 10) + 512, START + SECOND // 2),
        (0x80 | 32, (1_700_000_000 << 32) + (1 << 31), START + SECOND // 2),
    ],
)
def test_time_stamps_of_every_resolution_are_exact(resolution, ticks, nanoseconds, tmp_path):
    data = section() + interface(resolution=resolution) + enhanced(FRAMES[0], ticks)
    assert capture_of(data, tmp_path)["first_time"] == nanoseconds


def test_the_interface_offset_is_added(tmp_path):
    data = section() + interface(resolution=9, offset=1_700_000_000) + enhanced(FRAMES[0], 42)
    assert capture_of(data, tmp_path)["first_time"] == START + 42


@pytest.mark.parametrize("resolution", [0, 9, 200, 255])
def test_a_time_beyond_what_can_be_told_is_no_time(resolution, tmp_path):
    data = section() + interface(resolution=resolution, offset=2**62) + enhanced(FRAMES[0], 2**64 - 1)
    assert capture_of(data, tmp_path)["packets"] == 1


def test_a_simple_packet_is_cut_at_the_snap_length(tmp_path):
    data = section() + interface(snap_length=60) + simple(FRAMES[4][:60], wire=500)
    row = capture_of(data, tmp_path)
    assert (row["bytes"], row["snapped"], row["snap_length"]) == (min(60, len(FRAMES[4])), 1, 60)


def test_frames_are_numbered_like_wireshark_does_across_undecoded_ones(tmp_path):
    data = section() + interface() + interface(link=195)
    data += enhanced(b"\x01\x02", TICKS, 1) + enhanced(FRAMES[0], TICKS) + block(0xBAD, bytes(8))
    data += enhanced(FRAMES[1], TICKS)
    tables = read(data, tmp_path)
    assert tables.captures.loc[0, "undecoded"] == 2
    assert tables.flows.loc[0, ["first_frame", "last_frame"]].tolist() == [2, 4]


def test_an_unknown_block_larger_than_the_buffer_is_skipped(tmp_path):
    huge = block(0x0BADF00D, bytes(MAX_RECORD + WINDOW_BYTES + 1000))
    data = section() + interface() + enhanced(FRAMES[0], TICKS) + huge + enhanced(FRAMES[1], TICKS)
    row = capture_of(data, tmp_path)
    assert (row["packets"], row["damage"]) == (2, "")


def test_frames_that_cross_the_window_are_read_whole(tmp_path):
    big = [udp(CLIENT, SERVER, bytes(60_000)) for _ in range(WINDOW_BYTES // 60_000 * 2 + 3)]
    tables = read(pcap(timed(big)), tmp_path)
    assert tables.flows["bytes_client"].tolist() == [60_000 * len(big)]


@pytest.mark.parametrize(
    ("reader_type", "head", "parts"),
    [
        (PcapReader, pcap([]), [pcap([(START, frame)])[24:] for frame in FRAMES[:3]]),
        (PcapngReader, section() + interface(), [enhanced(frame, TICKS) for frame in FRAMES[:3]]),
    ],
)
def test_a_file_cut_at_any_byte_yields_the_frames_before_the_cut(reader_type, head, parts):
    whole = head + b"".join(parts)
    ends = [len(head) + sum(map(len, parts[:count])) for count in range(4)]
    for cut in range(len(head), len(whole)):
        with Feed(Source("cut", io.BytesIO(whole[:cut]))) as feed:
            reader = reader_type(Window(feed))
            assert sum(map(len, reader.frames())) == sum(end <= cut for end in ends[1:])
        assert (reader.damage == "") == (cut in ends)
        assert cut in ends or f"byte {cut}" in reader.damage


@pytest.mark.parametrize(("reader_type", "head"), [(PcapReader, pcap([])), (PcapngReader, section())])
def test_a_cut_file_header_is_no_capture(reader_type, head):
    for cut in range(1, 12):
        with Feed(Source("cut", io.BytesIO(head[:cut]))) as feed, pytest.raises(ValueError, match=f"byte {cut}"):
            reader_type(Window(feed))


def test_a_record_beyond_every_snap_length_is_damage_and_names_its_byte(tmp_path):
    good = pcap(timed(FRAMES))
    bad = good + (b"\0" * 8 + (MAX_RECORD + 1).to_bytes(4, "little") * 2) + bytes(2 * MAX_RECORD)
    row = capture_of(bad, tmp_path)
    assert row["packets"] == 5
    assert f"byte {len(good)}" in row["damage"]


def test_a_packet_block_that_lies_about_its_length_ends_the_reading(tmp_path):
    good = section() + interface() + enhanced(FRAMES[0], TICKS)
    lying = bytearray(enhanced(FRAMES[1], TICKS))
    lying[20:24] = (5000).to_bytes(4, "little")
    row = capture_of(good + bytes(lying) + enhanced(FRAMES[2], TICKS), tmp_path)
    assert row["packets"] == 1
    assert f"byte {len(good)}" in row["damage"]


def test_gzip_is_recognised_by_its_bytes_and_hashed_as_handed_over(tmp_path):
    data = gzip.compress(pcap(timed(FRAMES[:3]))) + gzip.compress(pcap(timed(FRAMES[3:]))[24:])
    row = read(data, tmp_path, "capture.cap").files.iloc[0]
    assert (row["format"], row["packets"], row["name"]) == ("pcap+gzip", 5, "capture.cap")
    assert (row["sha256"], row["file_bytes"]) == (hashlib.sha256(data).hexdigest(), len(data))


def test_a_cut_gzip_file_yields_what_was_inflated(tmp_path):
    whole = gzip.compress(pcap(timed(FRAMES * 2000)), 1)
    row = capture_of(whole[: len(whole) // 2], tmp_path)
    assert 0 < row["packets"] < 10_000
    assert "gzip" in row["damage"]


def test_the_hash_covers_what_was_not_read(tmp_path):
    data = pcap(timed(FRAMES)) + b"\xff" * 3_000_000
    row = capture_of(data, tmp_path)
    assert row["damage"]
    assert row["sha256"] == hashlib.sha256(data).hexdigest()


def test_a_stream_is_read_like_a_file():
    source = Source("from-an-archive.pcap", io.BytesIO(pcap(timed(FRAMES))))
    row = read_tables([source]).captures.iloc[0]
    assert (row["name"], row["packets"]) == ("from-an-archive.pcap", 5)


def test_progress_ends_at_the_size_of_all_files(tmp_path):
    told = []
    paths = [tmp_path / name for name in ("a", "b")]
    for path in paths:
        path.write_bytes(pcap(timed(FRAMES)))
    read_tables([Source(str(path)) for path in paths], progress=lambda done, total: told.append((done, total)))
    size = sum(path.stat().st_size for path in paths)
    assert told[-1] == (size, size)
    assert told == sorted(told)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"x", "not a capture"),
        (b"hello, this is text", "not a capture"),
        (b"PK\x03\x04 and more", "zip"),
        (b"GMBU\x00\x02", "Network Monitor"),
        (pcap([]), "no packets"),
        (pcap([])[:10], "cut off at byte 10"),
        (section(), "no packets"),
        (section()[:8] + b"junk" * 4, "byte 8"),
        (gzip.compress(b"nothing of the kind", mtime=0), "not a capture"),
        (gzip.compress(pcap([]), mtime=0)[:15], ""),
    ],
)
def test_what_is_no_capture_is_refused_in_one_line_that_names_it(content, says, tmp_path):
    with pytest.raises(UnreadableCapture) as caught:
        read(content, tmp_path, "suspect.pcap")
    assert "suspect.pcap" in str(caught.value)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_files_and_folders_are_refused(tmp_path):
    with pytest.raises(UnreadableCapture, match="no such file"):
        read_tables([Source(str(tmp_path / "gone.pcap"))])
    with pytest.raises(UnreadableCapture, match="folder"):
        read_tables([Source(str(tmp_path))])
    with pytest.raises(UnreadableCapture, match="no capture was named"):
        read_tables([])


def test_one_capture_without_packets_does_not_hide_the_others(tmp_path):
    (tmp_path / "full.pcap").write_bytes(pcap(timed(FRAMES)))
    (tmp_path / "bare.pcap").write_bytes(pcap([]))
    tables = read_tables([Source(str(tmp_path / name)) for name in ("bare.pcap", "full.pcap")])
    assert tables.captures["packets"].tolist() == [0, 5]
    assert tables.flows["capture"].tolist() == [1]


def test_the_window_never_grows(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(bytes(3 * WINDOW_BYTES))
    with Feed(Source(str(path))) as feed:
        window = Window(feed)
        size = len(window.view)
        while window.advance(window.filled - 100):
            assert window.filled <= MAX_RECORD + WINDOW_BYTES
        assert len(window.view) == size


@pytest.mark.parametrize("kind", files())
def test_where_a_window_ends_changes_no_frame(kind, monkeypatch):
    @settings(max_examples=15, deadline=10_000)
    @given(st.integers(3_000, 9_000), st.lists(st.integers(0, 1_400), min_size=5, max_size=30), st.integers(0, 1 << 32))
    def check(size, lengths, chance):
        frames = [udp(CLIENT, SERVER, Random(chance + place).randbytes(one)) for place, one in enumerate(lengths)]
        data = files(frames)[kind]
        monkeypatch.setattr(window_module, "WINDOW_BYTES", size)
        reader, found = frames_of(data, size)
        assert [one.data for one in found] == frames
        assert [one.number for one in found] == list(range(1, len(frames) + 1))
        assert reader.damage == ""

    check()
