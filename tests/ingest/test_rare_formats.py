"""What holds for every rarer format alike: no bytes break its reader, and its findings are those of the original."""

import json
import struct
from itertools import pairwise
from pathlib import Path

import pytest
from capture_files import CLIENT, SERVER, START, udp
from click.testing import CliRunner
from frames_read import converted, frames_of
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rare_captures import (
    FILETIME_1970,
    microseconds,
    netmon,
    netmon_comment,
    netmon_record,
    nstrace,
    nstrace_packet,
    nstrace_signature,
    snoop,
    snoop_record,
)
from samples import FOLDER, recorded

from lynccap.cli import main
from lynccap.ingest.formats.registry import READERS, reader_of
from lynccap.ingest.sources.refusals import refused

FRAMES = [udp(CLIENT, SERVER, bytes([65 + number]) * (8 + number)) for number in range(6)]
HEADS = {
    "snoop": b"snoop\0\0\0\0\0\0\2",
    "netmon-1": b"RTSS\1\1",
    "netmon-2.0": b"GMBU\0\2",
    "netmon-2.3": b"GMBU\3\2",
    "nstrace-1": nstrace_signature("1.0"),
    "nstrace-2": nstrace_signature("2.0"),
    "nstrace-3": nstrace_signature("3.0"),
    "nstrace-35": nstrace_signature("3.5"),
}
MANY = settings(max_examples=25, deadline=5000)  # milliseconds for a few kilobytes, on a machine with other work


def netmon_of(version):
    records = [netmon_record(version, one, filetime=FILETIME_1970 + START // 100) for one in FRAMES]
    comments = netmon_comment(128, "a comment") if version >= (2, 2) else b""
    return netmon(records, version, comments=comments), 128, [len(one) for one in records]


def nstrace_of(version, kind):
    time = microseconds(3) if kind < "2.3" else START
    records = [nstrace_packet(kind, one, time) for one in FRAMES]
    return nstrace(version, records), len(nstrace(version, [])), [len(one) for one in records]


def snoop_of():
    records = [snoop_record(one, padding=2) for one in FRAMES]
    return snoop(records), 16, [len(one) for one in records]


NETMON = ((1, 1), (2, 0), (2, 1), (2, 2), (2, 3))
NSTRACE = {"1.0": "1.0", "2.0": "2.0", "2.6": "2.0", "3.0": "3.0", "3.5": "3.5"}
"""Versions of the file by kind of record."""
WHOLE = {
    "snoop": snoop_of(),
    **{f"netmon-{major}.{minor}": netmon_of((major, minor)) for major, minor in NETMON},
    **{f"nstrace-{kind}": nstrace_of(version, kind) for kind, version in NSTRACE.items()},
}
"""A valid file of each kind, where its records begin, and how long each is."""


def read_or_refused(data):
    """The frames, None when the reader refuses the header, as it may."""
    assert reader_of(data) in READERS
    try:
        reader, frames = frames_of(data)
    except ValueError:
        return None
    assert "\n" not in reader.damage
    assert all(0 <= one.time < 1 << 63 and one.wire >= len(one.data) for one in frames)
    assert [one.number for one in frames] == list(range(1, len(frames) + 1))
    assert sum(len(one.data) for one in frames) <= 2 * len(data)
    return [one.data for one in frames]


@pytest.mark.parametrize("kind", HEADS)
@MANY
@given(rest=st.binary(max_size=3000))
@example(rest=b"\xff" * 600)
@example(rest=bytes(20_000))
@example(rest=bytes(range(1, 200)) * 10)
def test_any_bytes_behind_the_magic_are_read_or_refused(kind, rest):
    read_or_refused(HEADS[kind] + rest)


@pytest.mark.parametrize("kind", WHOLE)
@MANY
@given(data=st.data())
def test_any_change_of_a_file_is_read_or_refused(kind, data):
    whole = bytearray(WHOLE[kind][0])
    for _ in range(data.draw(st.integers(1, 8), label="changes")):
        at = data.draw(st.integers(12, len(whole) - 1), label="at")
        patch = data.draw(st.sampled_from([b"\0", b"\xff", b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x01", b"\x80"]))
        whole[at : at + len(patch)] = patch
    if reader_of(bytes(whole)) is not None:
        read_or_refused(bytes(whole))


@pytest.mark.parametrize("kind", WHOLE)
@MANY
@given(share=st.floats(0, 1), value=st.integers(0, 255))
def test_a_changed_byte_loses_no_frame_before_it(kind, share, value):
    whole, begin, lengths = WHOLE[kind]
    end = begin + sum(lengths)
    at = begin + int(share * (end - begin - 1))
    changed = whole[:at] + bytes([value]) + whole[at + 1 :]
    before = sum(begin + sum(lengths[: count + 1]) <= at for count in range(len(lengths)))
    found = read_or_refused(changed)
    assert found is not None
    assert found[:before] == FRAMES[:before]
    if kind.startswith("netmon"):  # each record is found by the frame table, whatever happened to the one before
        behind = FRAMES[before + 1 :]
        assert not behind or found[-len(behind) :] == behind


@pytest.mark.parametrize("kind", [one for one in WHOLE if one.startswith("netmon")])
@MANY
@given(entry=st.integers(0, len(FRAMES) - 1), value=st.integers(0, 2**32 - 1))
def test_a_changed_entry_of_the_frame_table_loses_one_frame(kind, entry, value):
    whole, begin, lengths = WHOLE[kind]
    at = begin + sum(lengths) + 4 * entry
    found = read_or_refused(whole[:at] + struct.pack("<I", value) + whole[at + 4 :])
    assert found is not None
    assert found[:entry] == FRAMES[:entry]
    behind = FRAMES[entry + 1 :]
    assert not behind or found[-len(behind) :] == behind


@pytest.mark.parametrize("kind", WHOLE)
@MANY
@given(share=st.floats(0, 1))
def test_a_cut_file_keeps_the_frames_before_the_cut_and_says_so(kind, share):
    whole, begin, lengths = WHOLE[kind]
    ends = [begin + sum(lengths[: count + 1]) for count in range(len(lengths))]
    cut = begin + int(share * (len(whole) - 1 - begin))
    reader, frames = frames_of(whole[:cut])
    before = sum(end <= cut for end in ends)
    assert [one.data for one in frames] == FRAMES[:before]
    streamed = not kind.startswith("netmon")
    assert f"byte {cut}" in reader.damage or (streamed and cut in (begin, *ends))


def test_no_head_is_taken_by_two_readers_and_none_of_them_is_refused():
    for kind, (whole, _, _) in WHOLE.items():
        assert [one for one in READERS if one.accepts(whole[:4096])] == [reader_of(whole)], kind
        assert refused(whole, kind) == ""


def analyzed(path: Path) -> dict[str, object]:
    run = CliRunner().invoke(main, ["analyze", str(path), "--format", "json"])
    assert run.exit_code == 0, run.output
    return json.loads(run.stdout)


def findings(document):
    """What a document accuses, and with which frames it proves it."""
    return [
        (one["rule"], one["device"], one["peer"], one["port"], one["severity"], one["confidence"], one["caused_by"],
         [evidence["frames"] for evidence in one["evidence"]])
        for one in document["findings"]
    ]  # fmt: skip


def as_nstrace(kind: str, name: str, folder: Path) -> Path:
    """The sample as a trace of the appliance, which has no other way to come about."""
    version, frames = NSTRACE[kind], recorded(name)
    if version == "1.0":
        start = frames[0].time // 1_000_000_000
        times = [start * 1_000_000_000, *(one.time for one in frames)]
        stamps = [microseconds((after - before) // 1000) for before, after in pairwise(times)]
    else:
        start, stamps = 0, [one.time for one in frames]
    packets = [nstrace_packet(kind, one.data, stamp) for one, stamp in zip(frames, stamps, strict=True)]
    path = folder / f"{name}.cap"
    path.write_bytes(nstrace(version, packets, start))
    return path


@pytest.mark.parametrize(
    ("kind", "format_name"),
    [
        ("snoop", "snoop"), ("netmon1", "netmon-1.1"), ("netmon2", "netmon-2.0"),
        ("1.0", "nstrace-1.0"), ("2.6", "nstrace-2.0"), ("3.0", "nstrace-3.0"), ("3.5", "nstrace-3.5"),
    ],
)  # fmt: skip
def test_the_findings_are_those_of_the_original(kind, format_name, tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    name = "rootchain-80-refused"
    original = FOLDER / f"{name}.pcap"
    path = as_nstrace(kind, name, tmp_path) if kind[0].isdigit() else converted(original, kind, tmp_path)
    document, expected = analyzed(path), analyzed(original)
    capture = document["captures"][0]
    assert (capture["format"], capture["packets"]) == (format_name, expected["captures"][0]["packets"])
    assert capture["bytes"] == expected["captures"][0]["bytes"]
    assert findings(document) == findings(expected) != []
