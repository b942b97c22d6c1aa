"""Network Monitor files of every version: what editcap writes, what tshark sees in real and in built ones."""

import gzip
import io
import struct
from pathlib import Path

import pytest
from capture_files import CLIENT, SERVER, START, read, udp
from frames_read import converted, flows_of, frames_of, read_file, seen, seen_by_tshark
from rare_captures import FILETIME_1970, SYSTEMTIME, netmon, netmon_comment, netmon_record
from tshark_fields import capture

from lynccap.ingest import Source
from lynccap.ingest.formats.netmon import LOCAL_TIME, NetmonReader
from lynccap.ingest.formats.window import Window
from lynccap.ingest.frames import MAX_RECORD, PACKED_FRAMES
from lynccap.ingest.sources.source import Feed

SAMPLES = Path(__file__).parents[2] / "sample_pcaps"
FRAMES = [udp(CLIENT, SERVER, bytes([number]) * (10 + number)) for number in range(12)]
VERSIONS = [(1, 0), (1, 1), (2, 0), (2, 1), (2, 2), (2, 3)]
MICROSECOND, MILLISECOND = 1000, 1_000_000
FILETIME = FILETIME_1970 + START // 100
REAL = [
    "BitTorrent.Transfer1.cap", "DAAP-mDNS.CAP", "More-mDNS.cap", "PPPHandshake.cap", "RTSPPACKETS1.cap",
    "SoulSeekRoom.cap", "forensics5.cap", "mDNS3.cap",
]  # fmt: skip
MEDIA = [1, 0, 2, 3, 7, 9, 0xE001, 0xE065, 0xE080, 0xFFE0, 0xFFFB, 0xFFFC, 0xFFFD, 0xFFFE, 0xFFFF, 1]


@pytest.fixture(autouse=True)
def utc(monkeypatch):
    """Wireshark takes the recorder's local time for its own."""
    monkeypatch.setenv("TZ", "UTC")


def records_of(version, count=5, **fields):
    return [
        netmon_record(version, frame, ticks=place * 1001, filetime=FILETIME + place * 10_010 + 3, **fields)
        for place, frame in enumerate(FRAMES[:count])
    ]


def times_of(version, count=5):
    if version == (2, 3):
        return [START + place * 1001 * MICROSECOND + 300 for place in range(count)]
    return [START + place * 1001 * (MILLISECOND if version[0] == 1 else MICROSECOND) for place in range(count)]


def check_with_tshark(data, folder):
    path = folder / "built.cap"
    path.write_bytes(data)
    _, frames = read_file(path)
    assert seen(frames) == seen_by_tshark(path)
    return frames


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_gives_frames_and_exact_times(version):
    reader, frames = frames_of(netmon(records_of(version, wire=4000), version))
    assert (reader.format, reader.damage) == (f"netmon-{version[0]}.{version[1]}", "")
    assert reader.digits == {1: 3, 2: 7 if version[1] == 3 else 6}[version[0]]
    assert [one.data for one in frames] == FRAMES[:5]
    assert [one.time for one in frames] == times_of(version)
    assert {one.wire for one in frames} == {4000}
    assert {one.link for one in frames} == {1}


def test_what_has_no_time_zone_says_so_and_what_has_one_does_not():
    for version in VERSIONS:
        reader, _ = frames_of(netmon(records_of(version), version))
        assert reader.notes.comments == ([] if version == (2, 3) else [(0, LOCAL_TIME)])


def test_frames_are_numbered_by_the_frame_table():
    order = [3, 0, 4, 2, 1]
    reader, frames = frames_of(netmon(records_of((2, 0)), order=order))
    assert reader.damage == ""
    assert [one.data for one in frames] == [FRAMES[place] for place in order]
    assert [one.number for one in frames] == [1, 2, 3, 4, 5]
    assert [one.time for one in frames] == [times_of((2, 0))[place] for place in order]


@pytest.mark.parametrize("media", [0, 1, 2, 3, 4, 5, 7, 99])
@pytest.mark.parametrize("version", [(1, 1), (2, 0)])
def test_the_header_tells_the_media_type_of_old_files(version, media):
    link = {0: 1, 1: 1, 2: 6, 3: 10, 7: 101}.get(media, -1)
    reader, frames = frames_of(netmon(records_of(version), version, media=media))
    assert {one.link for one in frames} == {link}
    assert reader.notes.interfaces[0].link == link


@pytest.mark.parametrize(
    ("media", "link"),
    [
        (0, 1),
        (1, 1),
        (5, -1),
        (8, 101),
        (0xE001, 1),
        (0xE069, 105),
        (0xE080, 105),
        (0xE083, -1),
        (0xFFE0, -1),
        (77, -1),
    ],
)
def test_each_packet_tells_its_media_type_from_2_1_on(media, link):
    version = (2, 1)
    _, frames = frames_of(netmon([netmon_record(version, FRAMES[0], media=media)], version, media=3))
    assert [one.link for one in frames] == [link]


def test_wifi_frames_come_without_the_header_of_network_monitor():
    wifi = struct.pack("<BH", 2, 32) + bytes(29) + b"\x08\x02 an 802.11 frame"
    version = (2, 2)
    short = struct.pack("<BH", 2, 500) + bytes(40)
    records = [netmon_record(version, data, media=6, wire=100) for data in (wifi, short, b"\x02")]
    _, frames = frames_of(netmon(records, version))
    assert [(one.link, one.data, one.wire) for one in frames] == [
        (105, wifi[32:], 68),
        (-1, short, 100),
        (-1, b"\x02", 100),
    ]


@pytest.mark.tshark
@pytest.mark.parametrize("version", VERSIONS[3:])
def test_records_of_the_recorder_itself_count_where_tshark_counts_them(version, tmp_path):
    records = [netmon_record(version, FRAMES[3], 5, media=media, filetime=FILETIME) for media in MEDIA]
    frames = check_with_tshark(netmon(records, version), tmp_path)
    assert len(frames) == len(MEDIA) - 3
    assert [one.number for one in frames if one.link == 1] == [1, 2, 7, 13]


@pytest.mark.tshark
@pytest.mark.parametrize("version", VERSIONS)
def test_built_files_read_as_tshark_reads_them(version, tmp_path):
    assert len(check_with_tshark(netmon(records_of(version), version, order=[4, 0, 2]), tmp_path)) == 3


@pytest.mark.tshark
def test_frames_may_be_older_than_the_start(tmp_path):
    ticks = [2**64 - 1000, (2**64 - 5_000_000) // 10, 5]
    frames = check_with_tshark(netmon([netmon_record((2, 0), FRAMES[0], one) for one in ticks]), tmp_path)
    assert [one.time - START for one in frames] == [-1_000_000, -500_000_600, 5000]


@pytest.mark.tshark
def test_a_start_with_fields_beyond_their_range_is_carried_over(tmp_path):
    started = (2005, 0, 0, 17, 25, 61, 75, 2000)
    frames = check_with_tshark(netmon(records_of((2, 0)), started=started), tmp_path)
    assert frames[0].time == 1_103_335_337_000_000_000


@pytest.mark.parametrize("started", [(0,) * 8, (65535, 1, 1, 1, 0, 0, 0, 0), (9999, 12, 0, 65535, 0, 0, 0, 0)])
def test_a_start_that_cannot_be_told_gives_no_times(started):
    _, frames = frames_of(netmon(records_of((2, 0)), started=started))
    assert [one.time for one in frames] == [0] * 5


@pytest.mark.parametrize("filetime", [0, 1, FILETIME_1970 - 1, 2**63, 2**64 - 1])
def test_a_filetime_that_cannot_be_told_is_no_time(filetime):
    _, frames = frames_of(netmon([netmon_record((2, 3), FRAMES[0], filetime=filetime)], (2, 3)))
    assert [one.time for one in frames] == [0]


def test_comments_belong_to_their_frames():
    version, records = (2, 2), records_of((2, 2))
    records[1] = netmon_record(version, b"adapters", media=0xFFFD)
    second = 128 + len(records[0]) + len(records[1])
    comments = (
        netmon_comment(second, "no answer – why?") + netmon_comment(128, "first", b"") + netmon_comment(7, "none")
    )
    reader, frames = frames_of(netmon(records, version, comments=comments))
    assert (len(frames), reader.damage) == (4, "")
    assert sorted(reader.notes.comments) == [(0, LOCAL_TIME), (1, "first"), (2, "no answer – why?")]


def test_comments_that_are_cut_off_lose_no_frame():
    data = netmon(records_of((2, 2)), (2, 2), comments=netmon_comment(128, "first"))
    reader, frames = frames_of(data[:-3])
    assert len(frames) == 5
    assert f"byte {len(data) - 3}" in reader.damage


def test_what_old_files_have_in_the_place_of_comments_means_nothing():
    data = bytearray(netmon(records_of((2, 0))))
    data[40:48] = struct.pack("<2I", 5, 2**32 - 1)
    reader, frames = frames_of(bytes(data))
    assert (len(frames), reader.damage) == (5, "")


@pytest.mark.parametrize("version", [(1, 1), (2, 0), (2, 3)])
def test_a_file_cut_at_any_byte_yields_the_frames_before_the_cut(version):
    short = [frame[:5] for frame in FRAMES[:3]]
    records = [netmon_record(version, frame, filetime=FILETIME) for frame in short]
    whole = netmon(records, version)
    ends = [128 + sum(map(len, records[: count + 1])) for count in range(3)]
    for cut in (4, 32, 47):
        with pytest.raises(ValueError, match=f"byte {cut}"):
            frames_of(whole[:cut])
    for cut in (48, *range(127, len(whole))):
        reader, frames = frames_of(whole[:cut])
        assert [one.data for one in frames] == short[: sum(end <= cut for end in ends)]
        assert f"ends at byte {cut}" in reader.damage


def test_a_cut_frame_table_keeps_the_order_it_still_tells():
    order = [2, 0, 1, 3, 4]
    whole = netmon(records_of((2, 0)), order=order)
    reader, frames = frames_of(whole[:-8])
    assert [one.data for one in frames] == [FRAMES[place] for place in order]
    assert "cut off" in reader.damage


@pytest.mark.parametrize("place", ["none", "beyond", "nonsense"])
def test_without_a_usable_frame_table_records_are_read_in_file_order(place):
    data = bytearray(netmon(records_of((2, 1)), (2, 1)))
    at, length = struct.unpack_from("<2I", data, 24)
    if place == "none":
        data[24:32] = bytes(8)
        del data[at:]
    elif place == "beyond":
        data[24:32] = struct.pack("<2I", 2**32 - 10, length)
    else:
        data[at:] = b"\xff" * length
    reader, frames = frames_of(bytes(data))
    assert [one.data for one in frames] == FRAMES[:5]
    assert "frame table" in reader.damage
    assert f"file order up to byte {at}" in reader.damage


def test_without_a_frame_table_a_gap_behind_the_header_is_stepped_over():
    version = (2, 0)
    gap = struct.pack("<Q3I", 0x063C1358, 54, 3967, 54).ljust(88, b"\x5a")
    whole = netmon([gap, *records_of(version)], version, order=[1, 2, 3, 4, 5])
    assert [one.data for one in frames_of(whole)[1]] == FRAMES[:5]
    reader, frames = frames_of(whole[:-30])
    assert [one.data for one in frames] == FRAMES[:4]
    assert "cut off" in reader.damage


def test_a_frame_table_that_only_misleads_is_given_up():
    records = records_of((2, 0))
    data = bytearray(netmon(records))
    at = struct.unpack_from("<I", data, 24)[0]
    data[28:32] = struct.pack("<I", 4 * 5000)
    data[at:] = b"\xff" * 4 * 4990 + data[at:] + b"\xff" * 20
    reader, frames = frames_of(bytes(data))
    assert [one.data for one in frames] == FRAMES[:5]
    assert f"file order up to byte {at}" in reader.damage


@pytest.mark.parametrize("captured", [5000, MAX_RECORD + 1, 2**32 - 1])
def test_a_record_that_makes_no_sense_is_left_out_and_the_others_are_kept(captured):
    records = records_of((2, 0))
    data = bytearray(netmon(records))
    at = 128 + len(records[0])
    data[at + 12 : at + 16] = struct.pack("<I", captured)
    reader, frames = frames_of(bytes(data))
    assert [one.data for one in frames] == [FRAMES[0], *FRAMES[2:5]]
    assert f"byte {at}" in reader.damage


def test_a_frame_table_of_four_thousand_million_bytes_is_not_believed():
    data = bytearray(netmon(records_of((2, 0))))
    data[28:32] = b"\xfc\xff\xff\xff"
    reader, frames = frames_of(bytes(data))
    assert [one.data for one in frames] == FRAMES[:5]
    assert "cut off" in reader.damage


def test_a_frame_table_that_names_one_record_without_end_ends():
    big = netmon_record((2, 0), bytes(1_000_000))
    reader, frames = frames_of(netmon([big], order=[0] * 50_000))
    assert len(frames) <= 3
    assert "again and again" in reader.damage


def test_many_empty_frames_are_handed_on_in_batches():
    count = PACKED_FRAMES + 10
    records = [netmon_record((1, 1), b"", wire=60)] * count
    with Feed(Source("empty", io.BytesIO(netmon(records, (1, 1))))) as feed:
        reader = NetmonReader(Window(feed))
        assert [(batch.number, len(batch)) for batch in reader.frames()] == [
            (1, PACKED_FRAMES),
            (PACKED_FRAMES + 1, 10),
        ]


@pytest.mark.parametrize(("major", "minor"), [(0, 9), (3, 0), (255, 0)])
def test_another_version_is_refused(major, minor):
    data = bytearray(netmon(records_of((2, 0))))
    data[4:6] = bytes([minor, major])
    with pytest.raises(ValueError, match=f"byte 4 is {major}.{minor}"):
        frames_of(bytes(data))


def test_a_compressed_file_is_read_too(tmp_path):
    row = read(gzip.compress(netmon(records_of((2, 0)))), tmp_path, "a.cap").files.iloc[0]
    assert (row["format"], row["packets"], row["digits"], row["damage"]) == ("netmon-2.0+gzip", 5, 6, "")


def rounded(time, start, unit):
    """editcap rounds the distance from the start, which has whole milliseconds."""
    return start + (time - start + unit // 2) // unit * unit


@pytest.mark.tshark
@pytest.mark.parametrize("name", ["rootchain-80-refused.pcap", "edge-crl-ok.pcapng"])
@pytest.mark.parametrize(("kind", "unit"), [("netmon1", MILLISECOND), ("netmon2", MICROSECOND)])
def test_what_editcap_writes_holds_the_frames_of_the_original(name, kind, unit, tmp_path):
    path = converted(SAMPLES / name, kind, tmp_path)
    _, frames = read_file(path)
    _, original = read_file(SAMPLES / name)
    start = original[0].time // MILLISECOND * MILLISECOND
    assert [one.data for one in frames] == [one.data for one in original]
    assert [one.time for one in frames] == [rounded(one.time, start, unit) for one in original]
    assert seen(frames) == seen_by_tshark(path)
    assert flows_of(path) == flows_of(SAMPLES / name)


@pytest.mark.tshark
@pytest.mark.parametrize("name", REAL)
def test_real_files_read_as_tshark_reads_them(name):
    path = capture(f"formats/Wireshark-{name}")
    reader, frames = read_file(path)
    assert (reader.format, reader.damage) == ("netmon-2.0", "")
    assert seen(frames) == seen_by_tshark(path)


def test_the_times_do_not_hang_on_the_zone_of_the_machine(monkeypatch):
    monkeypatch.setenv("TZ", "America/New_York")
    _, frames = frames_of(netmon(records_of((2, 0)), started=SYSTEMTIME))
    assert frames[0].time == START
