"""NetScaler traces of every version. No tool makes them of other captures: they are built, and tshark reads along."""

import struct

import pytest
from capture_files import CLIENT, SECOND, SERVER, START, udp
from frames_read import converted, frames_of, read_file, seen, seen_by_tshark
from rare_captures import (
    microseconds,
    nstrace,
    nstrace_absolute,
    nstrace_packet,
    nstrace_relative,
    nstrace_signature,
)
from tshark_fields import fields

from lynccap.ingest.formats.nstrace import NstraceReader
from lynccap.ingest.formats.registry import reader_of
from lynccap.ingest.formats.window import WINDOW_BYTES

FRAMES = [udp(CLIENT, SERVER, bytes([number]) * (10 + number)) for number in range(5)]
BIG = udp(CLIENT, SERVER, bytes(5000))
PAGE = 16384
INTERVALS, STAMPS = ("1.0", "2.0", "2.1", "2.2"), ("2.3", "2.4", "2.5", "2.6")
KINDS = [(kind, "1.0" if kind == "1.0" else "2.0") for kind in INTERVALS + STAMPS]
HEADS = {
    "1.0": (12, 16), "2.0": (8, 12), "2.1": (16, 20), "2.2": (18, 22), "2.3": (24, 28), "2.4": (29, 33),
    "2.5": (31, 35), "2.6": (48, 52), "3.0": (52, 0), "3.5": (35, 0),
}  # fmt: skip
"""Bytes before the frame in full and in partial records."""


def packets(kind, directions=(0, 1, 2)):
    """A full record for each direction, 5 µs apart."""
    times = [microseconds(5) if kind in INTERVALS else START + 5000 * (1 + place) for place in range(len(directions))]
    return [
        nstrace_packet(kind, FRAMES[place], time, direction)
        for place, (time, direction) in enumerate(zip(times, directions, strict=True))
    ]


def check_with_tshark(data, heads, folder):
    """Times, lengths and UDP lengths are those of tshark, for which a frame begins `heads` bytes earlier."""
    path = folder / "built.cap"
    path.write_bytes(data + bytes(-len(data) % PAGE))  # tshark 4.0 complains where the last page is not filled up
    _, frames = read_file(path)
    expected = seen_by_tshark(path)
    found = [
        (time, wire + head, captured + head) for (time, wire, captured), head in zip(seen(frames), heads, strict=True)
    ]
    assert found == expected
    lengths = [int(length) for (length,) in fields(path, "udp", "udp.length", options=("-n",))]
    assert lengths == [struct.unpack_from(">H", one.data, 38)[0] for one in frames if len(one.data) >= 42]
    return frames


@pytest.mark.parametrize(("kind", "version"), [*KINDS, ("3.0", "3.0"), ("3.5", "3.5")])
def test_full_records_are_frames(kind, version):
    assert len(packets(kind)[0]) == HEADS[kind][0] + len(FRAMES[0])
    reader, frames = frames_of(nstrace(version, packets(kind)))
    assert (reader.format, reader.digits, reader.damage) == (f"nstrace-{version}", 9, "")
    assert [one.data for one in frames] == FRAMES[:3]
    assert [one.time for one in frames] == [START + 5000, START + 10_000, START + 15_000]
    assert [(one.wire, one.link) for one in frames] == [(len(frame), 1) for frame in FRAMES[:3]]


@pytest.mark.parametrize(("kind", "version"), KINDS)
def test_partial_records_know_the_length_of_the_packet_and_where_they_begin(kind, version):
    time = microseconds(5) if kind in INTERVALS else START
    first = nstrace_packet(kind, FRAMES[0][:20], time, part=(900, 0))
    later = nstrace_packet(kind, FRAMES[0][20:], time, part=(900, 20))
    assert len(first) == HEADS[kind][1] + 20
    reader, frames = frames_of(nstrace(version, [first, later]))
    assert reader.damage == ""
    assert [(one.data, one.wire, one.link) for one in frames] == [(FRAMES[0][:20], 900, 1), (FRAMES[0][20:], 900, -1)]


@pytest.mark.tshark
@pytest.mark.parametrize(("kind", "version"), KINDS)
def test_records_read_as_tshark_reads_them(kind, version, tmp_path):
    time = microseconds(7) if kind in INTERVALS else START + 77
    parts = [nstrace_packet(kind, FRAMES[3][:20], time, direction, part=(len(FRAMES[3]), 0)) for direction in range(3)]
    extra = [nstrace_packet(kind, FRAMES[4], time, 3)] if kind in STAMPS[1:] else []
    heads = [HEADS[kind][0]] * 3 + [HEADS[kind][1]] * 3 + [HEADS[kind][0]] * len(extra)
    check_with_tshark(nstrace(version, packets(kind) + parts + extra), heads, tmp_path)


@pytest.mark.tshark
@pytest.mark.parametrize("version", ["3.0", "3.5"])
def test_records_that_cross_pages_read_as_tshark_reads_them(version, tmp_path):
    big = [nstrace_packet(version, BIG, START + place, 3) for place in range(10)]
    frames = check_with_tshark(nstrace(version, packets(version) + big), [HEADS[version][0]] * 13, tmp_path)
    assert [one.data for one in frames] == [*FRAMES[:3], *[BIG] * 10]


@pytest.mark.tshark
def test_names_of_virtual_machines_lie_before_the_frame(tmp_path):
    named = [nstrace_packet(kind, FRAMES[0], START, names=(b"abc", b"de")) for kind in ("2.5", "2.6")]
    frames = check_with_tshark(nstrace("2.0", named), [36, 53], tmp_path)
    assert [one.data for one in frames] == [FRAMES[0]] * 2
    parts = [
        nstrace_packet(kind, FRAMES[0][:40], START, part=(800, 0), names=(b"a", b"bcd")) for kind in ("2.5", "2.6")
    ]
    _, frames = frames_of(nstrace("2.0", parts))
    assert [(one.data, one.wire) for one in frames] == [(FRAMES[0][:40], 800)] * 2
    named = [nstrace_packet("3.0", FRAMES[0][:40], START, names=(b"abc", b"de"), wire=800)]
    _, frames = frames_of(nstrace("3.0", named))
    assert [(one.data, one.wire) for one in frames] == [(FRAMES[0][:40], 800)]


@pytest.mark.tshark
def test_details_of_3_5_lie_before_the_frame_and_what_is_no_frame_has_no_link(tmp_path):
    details = ((0x83, b"a remark"), (0x8A, b"\x01"), (0x87, bytes(8)))
    records = [
        nstrace_packet("3.5", FRAMES[0], START, details=details),
        nstrace_packet("3.5", FRAMES[1][:30], START, wire=700),
    ]
    frames = check_with_tshark(nstrace("3.5", records), [35 + 11 + 4 + 11, 35], tmp_path)
    assert [(one.data, one.link) for one in frames] == [(FRAMES[0], 1), (FRAMES[1][:30], 1)]
    http = [nstrace_packet("3.5", b"GET / HTTP/1.1\r\n\r\n", START, details=details, last_detail=2)]
    _, frames = frames_of(nstrace("3.5", [*http, *packets("3.5")]))
    assert [(one.number, one.link) for one in frames] == [(1, -1), (2, 1), (3, 1), (4, 1)]


@pytest.mark.parametrize(
    ("interval", "nanoseconds"),
    [(7, 7 * SECOND), (0x40000007, 7_000_000), (0x80000007, 7000), (0xC0000007, 7), (0xFFFFFFFF, 0x3FFFFFFF)],
)
def test_intervals_have_four_units(interval, nanoseconds):
    _, frames = frames_of(nstrace("2.0", [nstrace_packet("2.0", FRAMES[0], interval)]))
    assert frames[0].time == START + nanoseconds


@pytest.mark.tshark
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_time_records_move_the_clock(version, tmp_path):
    packet = nstrace_packet(version, FRAMES[0], microseconds(5))
    records = [
        packet, nstrace_relative(version, 999), packet, nstrace_relative(version, 1), packet,
        nstrace_absolute(version, START // SECOND + 100), packet, nstrace_relative(version, 2500), packet,
    ]  # fmt: skip
    frames = check_with_tshark(nstrace(version, records), [HEADS[version][0]] * 5, tmp_path)
    seconds = [0, 0, 1, 100, 102]
    assert [one.time for one in frames] == [START + at * SECOND + 5000 * (1 + n) for n, at in enumerate(seconds)]


@pytest.mark.tshark
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_nothing_is_read_before_the_first_absolute_time(version, tmp_path):
    second = START // SECOND
    records = [*packets(version), nstrace_absolute(version, second), *packets(version)[:2]]
    frames = check_with_tshark(nstrace(version, records, None), [HEADS[version][0]] * 2, tmp_path)
    assert [one.number for one in frames] == [1, 2]


@pytest.mark.tshark
@pytest.mark.parametrize(("kind", "version"), [("2.3", "2.0"), ("3.5", "3.5")])
def test_without_an_absolute_time_everything_is_read(kind, version, tmp_path):
    check_with_tshark(nstrace(version, packets(kind), None), [HEADS[kind][0]] * 3, tmp_path)


@pytest.mark.parametrize(("kind", "version"), [("1.0", "1.0"), ("2.6", "2.0"), ("3.0", "3.0"), ("3.5", "3.5")])
def test_frames_are_read_across_pages_and_windows(kind, version):
    frame = udp(CLIENT, SERVER, bytes(1000))
    count = WINDOW_BYTES // 1000 * 2
    records = [nstrace_packet(kind, frame, microseconds(1) if kind == "1.0" else START)] * count
    reader, frames = frames_of(nstrace(version, records))
    assert (len(frames), {one.data for one in frames}, reader.damage) == (count, {frame}, "")
    assert [one.number for one in frames] == list(range(1, count + 1))


def test_zeros_fill_a_half_page_up_in_2_0_and_a_whole_one_otherwise():
    for version, filled in (("1.0", 8192), ("2.0", 4096), ("3.0", 16384), ("3.5", 16384)):
        record = packets(version)[0]
        begun = nstrace(version, [record])
        reader, frames = frames_of(begun + bytes(filled - len(begun)) + nstrace_signature(version) + record)
        assert ([one.data for one in frames], reader.damage) == ([FRAMES[0]] * 2, "")


def test_other_records_are_passed_over():
    other = b"\x42\x06abcd" + b"\x43\x83\x01" + bytes(128)
    reader, frames = frames_of(nstrace("2.0", [other, *packets("2.0"), other]))
    assert ([one.number for one in frames], reader.damage) == ([1, 2, 3], "")


@pytest.mark.parametrize("version", ["1.0", "2.0", "3.0", "3.5"])
def test_a_file_cut_at_any_byte_yields_the_frames_before_the_cut(version):
    kind = "2.4" if version == "2.0" else version
    records = [nstrace_packet(kind, frame[:6], microseconds(5)) for frame in FRAMES[:2]]
    whole = nstrace(version, records)
    begin = len(nstrace(version, []))
    ends = [begin, begin + len(records[0]), len(whole)]
    for cut in range(begin, len(whole)):
        reader, frames = frames_of(whole[:cut])
        assert len(frames) == sum(end <= cut for end in ends[1:])
        assert (reader.damage == "") == (cut in ends)
        assert cut in ends or f"byte {cut}" in reader.damage


@pytest.mark.parametrize(
    ("version", "bad"),
    [
        ("1.0", b"\x42\x42\x00\x00"),
        ("1.0", b"\x10\x03\x0b\x00" + bytes(40)),
        ("1.0", b"\x42\x42\xff\xff"),
        ("2.0", b"\x42\x00"),
        ("2.0", b"\x42\x01"),
        ("2.0", b"\xc0\x07" + bytes(40)),
        ("2.0", b"\x42\xff\xff"),
        ("3.0", b"\xa8\x33" + bytes(60)),
        ("3.5", b"\xac\x22" + bytes(60)),
    ],
)
def test_a_record_that_cannot_be_ends_the_reading_and_names_its_byte(version, bad):
    good = nstrace(version, packets(version))
    reader, frames = frames_of(good + bad.ljust(50, b"\x42") + packets(version)[0])
    assert [one.data for one in frames] == FRAMES[:3]
    assert f"byte {len(good)}" in reader.damage


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_record_that_crosses_a_page_is_none_where_records_do_not(version):
    good = nstrace(version, packets(version))
    size = 8192 - 20 - len(good)
    head = struct.pack("<BBH", 0x42, 0x42, size) if version == "1.0" else bytes([0x42, 0x80 | size & 0x7F, size >> 7])
    good += head.ljust(size, b"\x42")
    reader, frames = frames_of(good + packets(version)[0] + bytes(1000))
    assert [one.data for one in frames] == FRAMES[:3]
    assert f"byte {len(good)}" in reader.damage


@pytest.mark.parametrize("lengths", [b"\xff\xff", b"\x20\x00"])
def test_names_longer_than_the_record_leave_no_frame(lengths):
    record = bytearray(nstrace_packet("2.5", b"four", START))
    record[29:31] = lengths
    _, frames = frames_of(nstrace("2.0", [bytes(record), *packets("2.0")]))
    assert [(one.number, one.link) for one in frames] == [(1, -1), (2, 1), (3, 1), (4, 1)]
    assert frames[0].data == b""


@pytest.mark.parametrize("headlen", [0, 3, 34, 50, 65535])
def test_a_chain_of_details_that_leads_nowhere_ends(headlen):
    record = bytearray(nstrace_packet("3.5", b"\x80" * 60, START, details=((0x83, b"x"),)))
    record[26:28] = struct.pack("<H", headlen)
    record[35:38] = b"\0\0\x83"
    _, frames = frames_of(nstrace("3.5", [bytes(record), *packets("3.5")]))
    assert [one.number for one in frames] == [1, 2, 3, 4]
    assert frames[0].link == -1


@pytest.mark.tshark
@pytest.mark.parametrize("version", ["2.0", "3.0", "3.5"])
def test_what_editcap_writes_anew_is_read(version, tmp_path):
    kind = "2.6" if version == "2.0" else version
    records = [nstrace_packet(kind, frame, START + place) for place, frame in enumerate([*FRAMES, *[BIG] * 7, *FRAMES])]
    original = tmp_path / "built.cap"
    original.write_bytes(nstrace(version, records))
    path = converted(original, f"nstrace{version.replace('.', '')}", tmp_path)
    reader, frames = read_file(path)
    assert reader.damage == ""
    assert frames == read_file(original)[1]
    assert [one.data for one in frames] == [*FRAMES, *[BIG] * 7, *FRAMES]
    assert [time for time, _, _ in seen(frames)] == [time for time, _, _ in seen_by_tshark(path)]


def test_a_trace_is_known_by_its_signature_wherever_it_lies_in_the_first_bytes():
    other = b"\x42\x06abcd"
    for version in ("1.0", "2.0", "3.0", "3.5"):
        assert reader_of(other * 3 + nstrace_signature(version)) is NstraceReader
    assert reader_of(b"NetScaler Performance Data, and other tales") is None
    assert reader_of(nstrace_signature("2.0").replace(b"V20", b"V21")) is None
