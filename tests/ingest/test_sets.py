"""Files that are pieces of one recording are read as one; others are kept apart."""

import gzip
import weakref
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from capture_files import (
    CLIENT,
    SECOND,
    SERVER,
    START,
    Connection,
    Record,
    block,
    enhanced,
    option,
    pcap,
    section,
    udp,
)
from fuzz.seeds import files
from hypothesis import given, settings
from hypothesis import strategies as st

from lynccap.ingest import Source, UnreadableCapture, read_each, read_tables
from lynccap.ingest.collecting.collect import collect
from lynccap.ingest.formats.window import Window
from lynccap.ingest.frames import PACKED_BYTES
from lynccap.ingest.recordings.sets import ring_name, set_name

DATAGRAMS = [udp(CLIENT, SERVER, bytes([number]) * 9, id=number) for number in range(4)]
NPF = "\\Device\\NPF_{6F1A2B3C-0D4E-4F50-8A61-72839A4B5C6D}"


def write(folder: Path, **files: bytes) -> list[Source]:
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return [Source(str(folder / name)) for name in files]


def datagram(number: int) -> bytes:
    return udp(CLIENT, SERVER, number.to_bytes(4, "big"), id=number)


def adapter(name: str) -> bytes:
    return block(1, b"\x01\0\0\0\0\0\0\0" + option(2, name.encode()) + option(0, b""))


def of_adapter(records: Iterable[Record]) -> bytes:
    """A file recorded on an adapter that no other machine has."""
    return section() + adapter(NPF) + b"".join(enhanced(frame, time // 1000) for time, frame in records)


@pytest.mark.parametrize(
    ("name", "stem", "number"),
    [
        ("edge_00017_20231114221320.pcapng", "edge_*.pcapng", 17),
        ("edge_00017_20231114221320.pcapng.gz", "edge_*.pcapng", 17),
        ("edge_20231114221320_00017.pcapng", "edge_*.pcapng", 17),
        ("edge-2023-11-14_22.13.20.pcap", "edge-*.pcap", None),
        ("trace.pcap", "trace.pcap*", 0),
        ("trace.pcap12", "trace.pcap*", 12),
    ],
)
def test_the_names_recorders_give_are_known(name, stem, number):
    ring = ring_name(Source(name))
    assert (ring.stem, ring.number) == (stem, number)


@pytest.mark.parametrize(
    "name", ["client-1.etl", "inside", "notes.txt", "phone-000413245678.cap1x", "000413245678.txt"]
)
def test_other_names_say_nothing(name):
    assert ring_name(Source(name)) is None


@pytest.mark.parametrize("number", ["000413245678", "498912345678", "202313010830", "202301320830", "202301012430"])
def test_twelve_digits_are_a_time_only_when_they_can_be_one(number):
    one, other = (ring_name(Source(f"phone-{digits}.pcap")) for digits in (number, "202301010830"))
    assert one.stem != other.stem


def test_files_named_alike_that_overlap_are_no_ring(tmp_path):
    """Two recorders side by side; each numbers its files by the time."""
    records = [(START + number * SECOND, datagram(number)) for number in range(20)]
    sources = write(tmp_path, **{"20231114_2213.pcap": pcap(records[::2]), "20231114_2214.pcap": pcap(records[1::2])})
    assert read_tables(sources).captures["packets"].tolist() == [10, 10]


def test_a_ring_whose_frames_are_a_little_out_of_order_is_one(tmp_path):
    times = [0, 100, 105, 104, 200]
    records = [(START + at * 1_000_000, datagram(at)) for at in times]
    tables = read_tables(write(tmp_path, **{"h.pcap": pcap(records[:3]), "h.pcap1": pcap(records[3:])}))
    assert tables.captures[["packets", "reordered"]].values.tolist() == [[5, 1]]


@pytest.mark.parametrize(
    "numbers", [(1, 1), (3, 7)], ids=["recorder started anew", "files between are of an earlier round"]
)
def test_numbers_bridge_a_silence_only_when_they_follow_each_other(numbers, tmp_path):
    times = {numbers[0]: 1000, numbers[1]: 1030} | ({4: 0, 5: 1, 6: 2} if numbers == (3, 7) else {})
    files = {
        f"k_{number:05}_{20231114000000 + at}.pcap": pcap([(START + at * SECOND, datagram(at))])
        for number, at in [(numbers[0], 1000), *times.items()]
    }
    expected = [3, 1, 1] if numbers == (3, 7) else [1, 1]
    assert read_tables(write(tmp_path, **files)).captures["packets"].tolist() == expected


def test_numbers_bridge_no_silence_of_hours(tmp_path):
    files = {
        f"m_{number:05}_2023111{4 + day}080000.pcap": pcap([(START + day * 86_400 * SECOND, datagram(day))])
        for number, day in ((1, 0), (2, 1))
    }
    assert read_tables(write(tmp_path, **files)).captures["packets"].tolist() == [1, 1]


def test_an_empty_file_of_a_ring_bridges(tmp_path):
    """dumpcap changes files by time even when nothing comes."""
    at = {1: 0, 2: None, 3: 60}
    files = {
        f"n_{number:05}_202311140800{number:02}.pcap": pcap(
            [(START + time * SECOND, datagram(number))] if time is not None else []
        )
        for number, time in at.items()
    }
    assert read_tables(write(tmp_path, **files)).captures["packets"].tolist() == [2]


def test_folders_keep_rings_apart():
    one, other = (ring_name(Source(f"{folder}/x_00001_20231114221320.pcap")) for folder in ("a", "b"))
    assert one.stem != other.stem


def test_a_ring_is_one_recording_in_the_order_of_its_content(tmp_path):
    """The names lie (the ring has wrapped); a connection that spans files is one flow."""
    connection = Connection()
    frames = [*connection.open(), *connection.say(0, b"x" * 3000), *connection.close()]
    records = [(START + place * SECOND, frame) for place, frame in enumerate(frames)]
    sources = write(
        tmp_path,
        **{"r.pcap0": pcap(records[6:]), "r.pcap1": pcap(records[:2]), "r.pcap2": gzip.compress(pcap(records[2:6]))},
    )
    tables = read_tables(sources)
    assert tables.captures[["name", "packets", "first_time", "last_time"]].values.tolist() == [
        ["r.pcap*", len(frames), START, records[-1][0]]
    ]
    assert tables.files["name"].tolist() == ["r.pcap1", "r.pcap2", "r.pcap0"]
    assert tables.files["packets"].tolist() == [2, 4, len(frames) - 6]
    assert tables.files["format"].tolist() == ["pcap", "pcap+gzip", "pcap"]
    assert all(len(one) == 64 for one in tables.files["sha256"])
    assert tables.flows[["opening", "closing", "bytes_client"]].values.tolist() == [["established", "client-fin", 3000]]
    assert tables.origins.values.tolist() == [[0, 1, 0, 1], [0, 3, 1, 1], [0, 7, 2, 1]]


def test_a_silence_that_numbers_do_not_bridge_ends_the_recording(tmp_path):
    """Else silence would be taken for something the network did."""
    late = START + 6 * SECOND
    lone = write(
        tmp_path,
        **{"a-20231114_2213.pcap": pcap([(START, datagram(1))]), "a-20231114_2214.pcap": pcap([(late, datagram(2))])},
    )
    assert read_tables(lone).captures["packets"].tolist() == [1, 1]
    bridged = write(
        tmp_path,
        **{
            "b_00008_20231114221320.pcap": pcap([(START, datagram(1))]),
            "b_00009_20231114221326.pcap": pcap([(late, datagram(2))]),
            "b_00011_20231114221333.pcap": pcap([(late + 6 * SECOND, datagram(3))]),
        },
    )
    assert read_tables(bridged).captures["packets"].tolist() == [2, 1]


def test_a_file_that_is_missing_ends_the_recording_however_short_the_silence(tmp_path):
    numbers = {"g.pcap1": 0, "g.pcap2": 1, "g.pcap4": 2, "g.pcap": 3}  # the ring began again after 4
    files = {name: pcap([(START + at * SECOND, datagram(at))]) for name, at in numbers.items()}
    assert read_tables(write(tmp_path, **files)).captures["packets"].tolist() == [2, 2]


def test_files_of_one_adapter_are_merged_by_time(tmp_path):
    heads = section() + adapter(NPF)
    first, second = heads, heads
    for number in range(40):
        frame = enhanced(datagram(number), (START + number * SECOND // 10) // 1000)
        first, second = (first + frame, second) if number % 2 else (first, second + frame)
    other = section() + adapter("eth0") + enhanced(datagram(99), START // 1000)
    tables = read_tables(write(tmp_path, **{"one.pcapng": first, "two.pcapng": second, "three.pcapng": other}))
    assert tables.captures["name"].tolist() == ["two.pcapng + one.pcapng", "three.pcapng"]
    assert tables.captures["packets"].tolist() == [40, 1]
    assert tables.flows["frames_client"].tolist() == [40, 1]
    assert tables.flows["interface"].tolist() == [0, 0]
    assert len(tables.origins) == 41
    assert tables.origins.loc[:3, ["first", "file", "frame"]].values.tolist() == [
        [1, 0, 1],
        [2, 1, 1],
        [3, 0, 2],
        [4, 1, 2],
    ]


def test_files_of_one_adapter_with_other_filters_are_kept_apart(tmp_path):
    """One direction of a conversation in the first is no missing answer: the second would say there were answers."""

    def filtered(expression: bytes, at: int) -> bytes:
        options = option(2, NPF.encode()) + option(11, expression) + option(0, b"")
        return section() + block(1, b"\x01\0\0\0\0\0\0\0" + options) + enhanced(datagram(at), START // 1000 + at)

    expressions = {"p.pcapng": b"\0src host 10.0.0.1", "q.pcapng": b"\0ip", "r.pcapng": b"\1bytes", "s.pcapng": b"\0ip"}
    files = {name: filtered(expression, at) for at, (name, expression) in enumerate(expressions.items())}
    tables = read_tables(write(tmp_path, **files))
    assert tables.captures["name"].tolist() == ["p.pcapng", "q.pcapng + s.pcapng", "r.pcapng"]


def test_two_points_are_kept_apart(tmp_path):
    inside, outside = (pcap([(START + late, datagram(1))]) for late in (0, 70_000))
    sources = write(tmp_path, **{"inside.pcap": inside, "outside.pcap": outside})
    assert [len(tables.flows) for tables in read_each(sources)] == [1, 1]


def test_a_piece_that_cannot_be_read_leaves_the_others(tmp_path):
    sources = write(
        tmp_path,
        **{
            "c_00001_20231114221320.pcap": pcap([(START, datagram(1))]),
            "c_00002_20231114221321.pcap": b"gone with the disk",
            "c_00003_20231114221322.pcap": pcap([(START + SECOND, datagram(2))]),
        },
    )
    tables = read_tables(sources)
    assert sorted(tables.files["format"]) == ["pcap", "pcap", "unread"]
    assert tables.captures["packets"].sum() == 2
    assert "not a capture" in tables.captures["damage"].str.cat()


def test_large_overlapping_files_are_merged_whole(tmp_path):
    big = [udp(CLIENT, SERVER, number.to_bytes(4, "big") + bytes(60_000), id=number) for number in range(150)]
    records = [(START + number * 1_000_000, frame) for number, frame in enumerate(big)]
    assert sum(map(len, big)) > 2 * PACKED_BYTES
    tables = read_tables(
        write(tmp_path, **{"d.pcapng": of_adapter(records[::2]), "e.pcapng": of_adapter(records[1::2])})
    )
    assert tables.captures["packets"].tolist() == [150]
    assert tables.flows[["bytes_client", "first_frame", "last_frame"]].values.tolist() == [[150 * 60_004, 1, 150]]


def test_a_set_has_a_name_people_recognise():
    assert set_name([Source("/x/a.pcap")]) == "a.pcap"
    assert set_name([Source("/x/a_00001_20231114221320.pcap"), Source("/x/a_00002_20231114221321.pcap")]) == "a_*.pcap"


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 4_000)), min_size=1, max_size=40))
def test_merging_loses_nothing_and_keeps_the_order_of_time(tmp_path_factory, placed):
    folder = tmp_path_factory.mktemp("set")
    files: dict[str, list] = {"e.pcapng": [], "f.pcapng": [], "g.pcapng": []}
    for number, (file, at) in enumerate(sorted(placed, key=lambda one: one[1])):
        files[list(files)[file]].append((START + at * 1_000_000, datagram(number)))
    tables = read_tables(write(folder, **{name: of_adapter(records) for name, records in files.items() if records}))
    assert tables.captures["packets"].tolist() == [len(placed)]
    assert dict(zip(tables.files["name"], tables.files["packets"], strict=True)) == {
        name: len(records) for name, records in files.items() if records
    }
    times = {name: [time for time, _ in records] for name, records in files.items()}
    begun = [times[tables.files.at[run.file, "name"]][run.frame - 1] for run in tables.origins.itertuples()]
    assert begun == sorted(begun)


def test_files_of_a_ring_that_overlap_are_of_two_places(tmp_path):
    """Two sites may give their captures the same name; a recorder never writes two files of a ring at once."""
    first = pcap([(START + at * SECOND, datagram(at)) for at in range(6)])
    second = pcap([(START + at * SECOND, datagram(at)) for at in range(3, 9)])
    sources = write(tmp_path, **{"trace.pcap": first, "trace.pcap1": second})
    assert read_tables(sources).captures["packets"].tolist() == [6, 6]
    quick = pcap([(START + 5 * SECOND - SECOND // 2, datagram(at)) for at in range(3)])
    sources = write(tmp_path, **{"out.pcap": first, "out.pcap1": quick})
    assert read_tables(sources).captures["packets"].tolist() == [9]


def test_a_long_ring_holds_windows_only_of_files_that_are_being_read(tmp_path, monkeypatch):
    windows, held = weakref.WeakSet(), []
    begin = Window.__init__

    def counted(window, *arguments):
        windows.add(window)
        begin(window, *arguments)

    monkeypatch.setattr(Window, "__init__", counted)
    names = {f"h.pcap{number or ''}": pcap([(START + number * SECOND, datagram(number))]) for number in range(40)}
    tables = read_tables(write(tmp_path, **names), progress=lambda done, total: held.append(len(windows)))
    assert tables.captures["packets"].tolist() == [40]
    assert max(held) <= 3


FORMATS = files(DATAGRAMS) | {
    "adapter": section() + adapter(NPF) + b"".join(enhanced(one, START // 1000) for one in DATAGRAMS)
}
CHANGE = st.tuples(st.integers(0, 1 << 16), st.integers(0, 60), st.binary(max_size=6))
"""Where, how many bytes go, and which come."""


@settings(max_examples=30, deadline=10_000)
@given(st.lists(st.tuples(st.sampled_from(sorted(FORMATS)), st.lists(CHANGE, max_size=3)), min_size=2, max_size=4))
def test_no_change_of_a_member_breaks_the_set(tmp_path_factory, members):
    changed = []
    for kind, changes in members:
        data = FORMATS[kind]
        for place, gone, put in changes:
            place %= len(data)
            data = data[:place] + put + data[place + gone :]
        changed.append(data)
    whole = [kind for (kind, _), data in zip(members, changed, strict=True) if data == FORMATS[kind]]
    names = ["e.pcap", "e.pcap1", "e.pcap2", "e.pcap3"]
    try:
        tables = read_tables(write(tmp_path_factory.mktemp("set"), **dict(zip(names, changed, strict=False))))
    except UnreadableCapture:
        assert not whole
        return
    assert sorted(tables.files["name"]) == names[: len(members)]
    assert tables.captures["packets"].sum() == tables.files["packets"].sum() >= len(whole) * len(DATAGRAMS)
    flows, packets = tables.flows, tables.captures["packets"]
    counted = flows[["frames_client", "frames_server", "copies_client", "copies_server"]].sum(axis=1)
    assert (counted.groupby(flows["capture"]).sum().reindex(packets.index, fill_value=0) <= packets).all()
    assert (flows["last_frame"] <= flows["capture"].map(packets)).all()


def test_a_ring_in_an_archive_is_one_recording(tmp_path):
    with zipfile.ZipFile(tmp_path / "ticket.zip", "w") as archive:
        archive.writestr("trace/r.pcap1", pcap([(START, datagram(1))]))
        archive.writestr("trace/r.pcap", gzip.compress(pcap([(START + SECOND, datagram(2))])))
        archive.writestr("trace/other.pcap", pcap([(START, datagram(3))]))
    tables = read_tables(collect([str(tmp_path / "ticket.zip")]))
    assert sorted(tables.captures["packets"]) == [1, 2]
    assert sorted(tables.files["name"]) == [f"ticket.zip/trace/{name}" for name in ("other.pcap", "r.pcap", "r.pcap1")]
    assert tables.flows["frames_client"].tolist() in ([2, 1], [1, 2])


def test_flows_tell_the_interface_they_were_seen_on(tmp_path):
    inside, outside = adapter("inside"), adapter("outside")
    elsewhere = udp(("10.9.9.9", 7), SERVER, b"x")
    data = section() + inside + outside + enhanced(datagram(1), START // 1000) + enhanced(elsewhere, START // 1000, 1)
    names = {"f_00001_20231114221320.pcapng": data, "f_00002_20231114221321.pcapng": section() + inside}
    later = enhanced(udp(("10.9.9.8", 7), SERVER, b"x"), START // 1000 + 5)
    names["f_00002_20231114221321.pcapng"] += later
    tables = read_tables(write(tmp_path, **names))
    assert tables.captures["packets"].tolist() == [3]
    assert tables.flows["interface"].tolist() == [0, 1, 1 << 16]
    known = {(row.file << 16) | row.number: row.name for row in tables.interfaces.itertuples()}
    assert tables.flows["interface"].map(known).tolist() == ["inside", "outside", "inside"]


def test_a_capture_given_packed_and_unpacked_counts_once(tmp_path):
    files = {f"r.pcap{number}": pcap([(START + number * SECOND, datagram(number))]) for number in range(1, 4)}
    lone = pcap([(START, datagram(9))])
    given = files | {f"{name}.gz": gzip.compress(data) for name, data in files.items()}
    sources = write(tmp_path, **given, **{"lone.cap": lone, "z.bin": gzip.compress(lone)})
    assert [tables.captures.loc[0, "packets"] for tables in read_each(sources)] == [3, 1]
