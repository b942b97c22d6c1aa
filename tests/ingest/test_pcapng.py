"""pcapng: what files say about themselves, what damage costs, and that nothing in them can stop the reading."""

import io
import struct

import pytest
from capture_files import (
    CLIENT,
    KEY_LOG,
    SERVER,
    START,
    block,
    enhanced,
    full_pcapng,
    interface,
    obsolete,
    option,
    read,
    resolved,
    secrets,
    section,
    simple,
    statistics,
    udp,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from lynccap.ingest import Source, read_tables
from lynccap.ingest.formats import pcapng_notes
from lynccap.ingest.formats.pcapng import MAX_NOTE, PcapngReader
from lynccap.ingest.formats.window import WINDOW_BYTES, Window
from lynccap.ingest.frames import MAX_RECORD
from lynccap.ingest.sources.source import Feed

TICKS = START // 1000
FRAMES = [udp(CLIENT, SERVER, bytes([number]) * (10 + number)) for number in range(5)]
COMMENT, END = 1, bytes(4)
DAMAGED = 4  # what a trailer says more than the block is long


def reader_of(data: bytes) -> tuple[PcapngReader, list[int]]:
    """The reader of these bytes when it has read them, and the captured length of every frame."""
    with Feed(Source("a.pcapng", io.BytesIO(data))) as feed:
        reader = PcapngReader(Window(feed))
        lengths = []
        for frames in reader.frames():
            assert (frames.start >= 0).all()
            assert (frames.start + frames.captured <= frames.buffer.size).all()
            assert (frames.interface < len(reader.notes.interfaces)).all()
            assert (frames.captured >= 0).all()
            assert (frames.captured <= frames.wire).all()
            lengths += frames.captured.tolist()
    return reader, lengths


def packets(count: int = 3, **more: object) -> bytes:
    return b"".join(enhanced(frame, TICKS, **more) for frame in FRAMES[:count])  # type: ignore[arg-type]


@pytest.mark.parametrize("order", ["<", ">"])
def test_everything_a_file_says_becomes_tables(order, tmp_path):
    tables = read(full_pcapng(order), tmp_path)
    capture = tables.captures.iloc[0]
    assert (capture["packets"], capture["damage"]) == (5, "")
    assert capture["recorder"] == "Dumpcap 4, Windows 10, VM"
    assert capture["secrets"] == (KEY_LOG,)
    columns = ["file", "number", "name", "description", "link", "frames", "received", "dropped"]
    assert tables.interfaces[columns].values.tolist() == [
        [0, 0, r"\Device\NPF_{1}", "Ethernet 2", 1, 2, -1, 10],
        [0, 1, "lo", "", 1, 2, -1, 12],
    ]
    assert tables.host_names.values.tolist() == [
        [0, "10.0.0.2", "fe01.contoso.example"],
        [0, "10.0.0.2", "pool"],
        [0, "2001:db8::1", "edge"],
    ]
    assert tables.comments[["frame", "says"]].values.tolist() == [
        [0, "site Bremen no sign-in"],
        [0, "Capture filter: not port 22"],
        [0, "the loopback"],
        [1, "here"],
        [1, "é"],
        [3, "old"],
    ]


def test_a_file_that_says_nothing_has_one_nameless_interface(tmp_path):
    tables = read(section() + interface() + packets(), tmp_path)
    assert tables.captures.loc[0, ["recorder", "secrets"]].tolist() == ["", ()]
    assert tables.interfaces[["name", "frames", "received", "dropped"]].values.tolist() == [["", 3, -1, -1]]
    assert tables.host_names.empty
    assert tables.comments.empty


def test_each_file_of_several_has_its_own_interfaces_and_comments(tmp_path):
    paths = [tmp_path / f"r_0000{number}_20231114221320.pcapng" for number in (1, 2)]
    for number, path in enumerate(paths):
        said = option(COMMENT, f"file {number}".encode())
        path.write_bytes(section() + interface(options=said) + packets(2) + statistics(lost=number))
    tables = read_tables([Source(str(path)) for path in paths])
    assert tables.interfaces[["capture", "file", "frames", "dropped"]].values.tolist() == [[0, 0, 2, 0], [0, 1, 2, 1]]
    assert tables.comments.values.tolist() == [[0, 0, 0, "file 0"], [0, 1, 0, "file 1"]]


class TestStatistics:
    """Who lost how much."""

    def dropped(self, *blocks: bytes) -> list[tuple[int, int]]:
        reader, _ = reader_of(section() + interface() + b"".join(blocks))
        return [(one.received, one.dropped) for one in reader.notes.interfaces]

    def test_the_last_block_of_an_interface_counts(self):
        first, last = statistics(received=5, lost=4), statistics(received=9, lost=6)
        assert self.dropped(first, packets(1), last) == [(9, 6)]

    def test_what_the_last_block_does_not_say_stays(self):
        assert self.dropped(statistics(received=5, lost=4), statistics(received=9)) == [(9, 4)]

    def test_losses_of_the_interface_and_the_system_add_up(self):
        assert self.dropped(statistics(lost=4, lost_by_system=3)) == [(-1, 7)]

    def test_accepted_packets_are_the_better_base(self):
        assert self.dropped(statistics(received=500, accepted=50)) == [(50, -1)]

    def test_interfaces_are_those_of_the_section(self):
        blocks = (statistics(lost=1), section(">"), interface(">"), statistics(order=">", lost=2))
        assert self.dropped(*blocks) == [(-1, 1), (-1, 2)]

    @pytest.mark.parametrize("number", [1, 2**32 - 1])
    def test_an_unknown_interface_is_passed_over(self, number):
        assert self.dropped(statistics(number, lost=3), packets(1)) == [(-1, -1)]

    def test_a_count_beyond_belief_is_none(self):
        assert self.dropped(statistics(lost=2**64 - 1, received=2**63)) == [(-1, -1)]

    def test_packets_say_what_was_lost_before_them_where_there_are_no_statistics(self):
        lost = option(4, struct.pack("<Q", 40))
        assert self.dropped(packets(2, options=lost), obsolete(FRAMES[0], TICKS, dropped=2)) == [(-1, 82)]
        assert self.dropped(packets(2, options=lost), statistics(lost=1)) == [(-1, 1)]

    def test_an_old_packet_may_not_know(self):
        assert self.dropped(obsolete(FRAMES[0], TICKS, dropped=0xFFFF)) == [(-1, -1)]

    def test_sums_stay_within_what_a_table_holds(self):
        lost = option(4, struct.pack("<Q", pcapng_notes.MAX_COUNT - 1))
        assert self.dropped(packets(5, options=lost)) == [(-1, pcapng_notes.MAX_COUNT)]


class TestComments:
    """What people wrote into packets."""

    def test_frames_are_numbered_on_in_the_next_window(self):
        """A packet block before the window's end, one behind it."""
        count = WINDOW_BYTES // 60_000 + 2
        big = udp(CLIENT, SERVER, bytes(60_000))
        some = b"".join(enhanced(big, TICKS, options=option(COMMENT, b"%d" % (place + 1))) for place in range(count))
        reader, lengths = reader_of(section() + interface() + block(0xBAD, bytes(4)) + some)
        assert len(lengths) == count + 1
        assert reader.notes.comments == [(place + 2, str(place + 1)) for place in range(count)]

    def test_they_come_in_order_however_many_a_packet_has(self):
        two = option(COMMENT, b"a") + option(COMMENT, b"b")
        reader, _ = reader_of(section() + interface() + packets(2, options=two))
        assert reader.notes.comments == [(1, "a"), (1, "b"), (2, "a"), (2, "b")]

    def test_number_and_length_are_bounded(self):
        long = option(COMMENT, b"x" * (pcapng_notes.MAX_COMMENT + 100))
        many = enhanced(FRAMES[0], TICKS, options=long) * (pcapng_notes.MAX_COMMENTS + 50)
        reader, lengths = reader_of(section() + interface() + many)
        assert len(lengths) == pcapng_notes.MAX_COMMENTS + 50
        assert len(reader.notes.comments) == pcapng_notes.MAX_COMMENTS
        assert {len(says) for _, says in reader.notes.comments} == {pcapng_notes.MAX_COMMENT}

    def test_options_of_one_packet_are_bounded(self):
        many = option(2, bytes(4)) * (pcapng_notes.MAX_OPTIONS - 1)
        near, far = (many + option(2, bytes(4)) * more + option(COMMENT, b"here") for more in (0, 1))
        assert reader_of(section() + interface() + packets(1, options=near))[0].notes.comments == [(1, "here")]
        assert reader_of(section() + interface() + packets(1, options=far))[0].notes.comments == []

    def test_an_option_longer_than_its_block_is_none(self):
        data = section() + interface() + packets(2, options=struct.pack("<2H", COMMENT, 500) + b"abcd")
        reader, lengths = reader_of(data + packets(1))
        assert len(lengths) == 3
        assert (reader.notes.comments, reader.damage) == ([], "")

    def test_what_is_not_printable_is_a_space(self):
        reader, _ = reader_of(section() + interface() + packets(1, options=option(COMMENT, b"a\x1b[2J\nb\xff\0tail")))
        assert reader.notes.comments == [(1, "a [2J b\N{REPLACEMENT CHARACTER}")]

    def test_options_are_looked_for_only_where_there_is_room(self, monkeypatch):
        def refuse(*_):
            raise AssertionError

        monkeypatch.setattr(pcapng_notes.FileNotes, "packets", refuse)
        data = section() + interface()
        for length in range(8):
            data += enhanced(b"\x01" * length, TICKS) + obsolete(b"\x01" * length, TICKS) + simple(b"\x01" * length)
        assert len(reader_of(data)[1]) == 24


class TestNames:
    """The name table."""

    def test_other_records_are_passed_over(self):
        records = option(3, bytes(6) + b"mac\0") + option(1, b"\x0a\0\0\x01one\0\0two") + END + option(1, bytes(9))
        reader, _ = reader_of(section() + interface() + block(4, records))
        assert reader.notes.names == {"10.0.0.1": {"one", "two"}}

    def test_an_address_without_name_is_none(self):
        reader, _ = reader_of(section() + resolved({"10.0.0.1": (), "10.0.0.2": ("",)}))
        assert reader.notes.names == {}

    def test_their_number_is_bounded(self, monkeypatch):
        monkeypatch.setattr(pcapng_notes, "MAX_NAMES", 10)
        names = {f"10.0.0.{place}": ("a", "b", "c") for place in range(20)}
        reader, _ = reader_of(section() + resolved(names) + resolved({"10.9.9.9": ("more",)}))
        assert sum(map(len, reader.notes.names.values())) == 10

    def test_a_name_said_again_and_again_is_bounded_too(self, monkeypatch):
        monkeypatch.setattr(pcapng_notes, "MAX_NAME_RECORDS", 10)
        reader, _ = reader_of(section() + resolved({"10.0.0.1": ("a",)}) * 10 + resolved({"10.0.0.2": ("b",)}))
        assert reader.notes.names == {"10.0.0.1": {"a"}}

    def test_a_name_no_domain_can_have_is_none(self):
        reader, _ = reader_of(section() + resolved({"10.0.0.1": ("x" * 256, "y" * 255)}))
        assert reader.notes.names == {"10.0.0.1": {"y" * 255}}


class TestSecrets:
    """Key logs the file carries."""

    def test_other_kinds_are_ignored(self):
        reader, _ = reader_of(section() + secrets(KEY_LOG) + secrets(b"wg", 0x57474B4C) + secrets(KEY_LOG * 2))
        assert reader.notes.secrets == [KEY_LOG, KEY_LOG * 2]

    def test_they_are_bounded(self, monkeypatch):
        monkeypatch.setattr(pcapng_notes, "MAX_SECRETS", 3 * len(KEY_LOG))
        reader, _ = reader_of(section() + secrets(KEY_LOG * 2) + secrets(KEY_LOG * 2) + secrets(KEY_LOG))
        assert reader.notes.secrets == [KEY_LOG * 2, KEY_LOG]

    def test_a_length_beyond_the_block_is_none(self):
        reader, _ = reader_of(section() + block(10, struct.pack("<2I", 0x544C534B, 500) + b"abcd") + interface())
        assert reader.notes.secrets == []
        assert len(reader.notes.interfaces) == 1

    @pytest.mark.parametrize(
        "size", [MAX_RECORD + 100, WINDOW_BYTES + MAX_RECORD + 100, 2 * WINDOW_BYTES, MAX_NOTE - 20]
    )
    @pytest.mark.parametrize("before", [0, 900])
    def test_a_block_longer_than_the_window_is_read_whole(self, size, before):
        log = bytes(range(256)) * (size // 256) + bytes(size % 256)
        data = section() + interface() + enhanced(FRAMES[0], TICKS) * (1 + before) + secrets(log)
        reader, lengths = reader_of(data + packets(2))
        assert len(lengths) == 3 + before
        assert reader.notes.secrets == [log]
        assert reader.damage == ""

    def test_a_block_beyond_the_bound_is_stepped_over(self):
        data = section() + interface() + packets(1) + secrets(bytes(MAX_NOTE + 1)) + packets(2)
        reader, lengths = reader_of(data)
        assert (len(lengths), reader.notes.secrets, reader.damage) == (3, [], "")

    @pytest.mark.parametrize("size", [MAX_RECORD // 2, 2 * WINDOW_BYTES])
    def test_a_cut_block_names_both_bytes(self, size):
        head = section() + interface() + packets(1)
        data = (head + secrets(bytes(size)))[:-1000]
        reader, lengths = reader_of(data)
        assert len(lengths) == 1
        assert reader.damage == f"cut off at byte {len(data)}, inside the block that starts at byte {len(head)}"


def with_wrong_trailer(data: bytes) -> bytes:
    (length,) = struct.unpack("<I", data[-4:])
    return data[:-4] + struct.pack("<I", length + DAMAGED)


KINDS = {
    "section": with_wrong_trailer(section()) + interface() + packets(3),
    "interface": section() + with_wrong_trailer(interface()) + packets(3),
    "packet": section() + interface() + packets(1) + with_wrong_trailer(enhanced(FRAMES[1], TICKS)) + packets(1),
    "simple": section() + interface() + packets(1) + with_wrong_trailer(simple(FRAMES[1])) + packets(1),
    "names": section() + interface() + with_wrong_trailer(resolved({"10.0.0.1": ("a",)})) + packets(3),
    "unknown": section() + interface() + packets(1) + with_wrong_trailer(block(0x77, b"abcd")) + packets(2),
}


@pytest.mark.parametrize("kind", KINDS)
def test_two_lengths_that_differ_are_told_and_cost_nothing(kind):
    """tshark 4.0 reads nothing from such a block on."""
    reader, lengths = reader_of(KINDS[kind])
    assert len(lengths) == 3
    assert "begins with a length of" in reader.damage
    assert "byte " in reader.damage


def test_the_first_of_many_wrong_lengths_is_told():
    good = section() + interface()
    bad = with_wrong_trailer(enhanced(FRAMES[0], TICKS))
    reader, lengths = reader_of(good + bad * 50 + b"\0" * 20)
    assert len(lengths) == 50
    assert reader.damage == (
        f"the block at byte {len(good)} begins with a length of {len(bad)} bytes and ends with {len(bad) + DAMAGED}; "
        f"it was read; the block at byte {len(good) + 50 * len(bad)} claims 0 bytes; nothing after it was read"
    )


def test_a_length_without_its_padding_is_read_as_wireshark_does():
    frame = FRAMES[1]
    body = struct.pack("<5I", 0, TICKS >> 32, TICKS & 0xFFFFFFFF, len(frame), len(frame)) + frame
    length = 12 + len(body)
    assert length % 4
    unaligned = struct.pack("<2I", 6, length) + body + bytes(-len(body) % 4) + struct.pack("<I", length)
    reader, lengths = reader_of(section() + interface() + unaligned + packets(2))
    assert (len(lengths), reader.damage) == (3, "")


@pytest.mark.parametrize("version", [(0, 1), (1, 9), (2, 0), (256, 0)])
def test_a_section_of_an_unknown_version_is_read(version):
    header = bytearray(section())
    header[12:16] = struct.pack("<2H", *version)
    assert len(reader_of(bytes(header) + interface() + packets(3))[1]) == 3


@pytest.mark.parametrize("length", [0, 8, 2**62, -2])
def test_the_length_of_a_section_does_not_matter(length):
    header = bytearray(section())
    header[16:24] = struct.pack("<q", length)
    assert len(reader_of(bytes(header) + interface() + packets(3))[1]) == 3


def test_an_interface_of_a_later_section_is_not_the_packets():
    """Whatever the window happens to hold, packets name the interfaces of their own section."""
    data = section() + interface() + packets(1) + enhanced(FRAMES[0], TICKS, 1)
    reader, lengths = reader_of(data + section() + interface() + packets(2))
    assert len(lengths) == 1
    assert "unknown interface" in reader.damage


def test_a_file_of_many_sections_takes_time_by_its_bytes_only():
    both = b"".join(section(one) + interface(one) + enhanced(FRAMES[0], TICKS, order=one) for one in "<>")
    reader, lengths = reader_of(both * 10_000)
    assert (len(lengths), len(reader.notes.interfaces), reader.damage) == (20_000, 20_000, "")


def test_a_record_without_packet_belongs_to_no_interface(tmp_path):
    tables = read(section() + interface() + packets(2) + block(0xBAD, b"\xff" * 8), tmp_path)
    assert tables.captures.loc[0, "packets"] == 3
    assert tables.interfaces["frames"].tolist() == [2]


@given(st.binary(max_size=120), st.sampled_from("<>"))
def test_no_bytes_in_options_cost_a_frame(junk, order):
    junk += bytes(-len(junk) % 4)
    data = section(order, junk)
    data += block(1, struct.pack(f"{order}HHI", 1, 0, 0) + junk, order)
    data += enhanced(FRAMES[0], TICKS, order=order, options=junk) + obsolete(
        FRAMES[1], TICKS, order=order, options=junk
    )
    for kind in (4, 5, 10):
        data += block(kind, junk, order) + block(kind, bytes(12) + junk, order)
    reader, lengths = reader_of(data + enhanced(FRAMES[2], TICKS, order=order))
    assert lengths == [len(frame) for frame in FRAMES[:3]]
    assert reader.damage == ""


@settings(max_examples=300)
@given(
    st.sampled_from("<>"),
    st.lists(st.tuples(st.integers(0, len(full_pcapng()) - 1), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_no_mutation_stops_more_than_the_reading(order, changes):
    data = bytearray(full_pcapng(order))
    for place, value in changes:
        data[place] = value
    try:
        reader, lengths = reader_of(bytes(data))
    except ValueError:
        assert any(8 <= place < 12 for place, _ in changes)
        return
    assert len(lengths) <= len(data) // 12
    assert "\n" not in reader.damage


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_cut_anywhere_yields_what_came_before(order):
    whole = full_pcapng(order)
    _, lengths = reader_of(whole)
    before: list[int] = []
    for cut in range(12, len(whole)):
        reader, found = reader_of(whole[:cut])
        assert found == lengths[: len(found)]
        assert len(found) >= len(before)
        assert reader.damage == "" or f"byte {cut}" in reader.damage
        before = found


@given(st.integers(0, 2**64 - 1), st.integers(0, 255), st.integers(-(2**63), 2**63 - 1))
def test_any_time_stamp_resolution_and_offset_is_a_time_or_none(ticks, resolution, offset):
    data = section() + interface(resolution=resolution, offset=offset) + enhanced(FRAMES[0], ticks)
    with Feed(Source("a", io.BytesIO(data))) as feed:
        (frames,) = PcapngReader(Window(feed)).frames()
    assert int(frames.time[0]) >= 0
