"""The fuzz targets on inputs near valid ones, in seconds; and that they notice what they are there to notice."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from fuzz import SECONDS_AN_INPUT
from fuzz.promises import keep_document, keep_parts
from fuzz.seeds import FRAMES, SEEDS, files, packed
from fuzz.targets import TARGETS
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from samples import document_of

from lynccap.document import Outcome
from lynccap.ingest import Source, read_each
from lynccap.ingest.collecting.collect import collect
from lynccap.ingest.engine import Engine
from lynccap.ingest.formats.pcap import PcapReader
from lynccap.ingest.formats.pcapng import PcapngReader
from lynccap.ingest.formats.window import Window
from lynccap.ingest.sources.source import Feed

ROOT = Path(__file__).parent.parent
EXAMPLES = {
    **{"capture": 300, "frames": 200, "reader": 600, "conversation": 200},
    **{"media": 60, "dialogue": 15, "analysis": 15},
}  # what a few seconds allow
KINDS = files() | packed(files()["pcap<6"])
PLACES = st.integers(0, 160) | st.integers(0, 1 << 20)
"""Where: mostly near the beginning, where lengths and counts lie."""
VALUES = st.sampled_from([b"", b"\0", b"\1", b"\x7f", b"\xff", b"\xff\xff", b"\xff\xff\xff\xff", bytes(8)]) | st.binary(
    max_size=8
)
EDITS = st.lists(st.tuples(PLACES, VALUES, st.sampled_from([0, 0, 0, 1, 4, 100, 5000])), min_size=1, max_size=6)
"""What is put over the bytes at a place, and how many more bytes go."""


def edited(data: bytes, edits: list[tuple[int, bytes, int]]) -> bytes:
    for place, put, gone in edits:
        place %= len(data) + 1
        data = data[:place] + put + data[place + len(put) + gone :]
    return data


@pytest.mark.parametrize("target", TARGETS)
def test_no_input_near_a_valid_one_breaks_a_promise(target):
    seeds = list(SEEDS[target]())

    @settings(max_examples=EXAMPLES[target], deadline=SECONDS_AN_INPUT * 1000)
    @given(st.sampled_from(seeds), EDITS)
    def check(seed, edits):
        TARGETS[target](edited(seed, edits))

    check()


@pytest.mark.parametrize("kind", KINDS)
def test_the_files_to_begin_with_are_read_whole(kind, tmp_path):
    path = tmp_path / "ticket"
    path.write_bytes(KINDS[kind])
    captures = [tables.captures.iloc[0] for tables in read_each(collect([str(path)]))]
    assert {(one["packets"], one["damage"]) for one in captures} == {(len(FRAMES), "")}


def test_an_error_of_a_reader_is_noticed(monkeypatch):
    monkeypatch.setattr(PcapngReader, "frames", lambda reader: iter([1 // 0]))
    with pytest.raises(ZeroDivisionError):
        TARGETS["frames"](b"")


def test_frames_that_are_not_in_the_capture_are_noticed():
    with Feed(Source("a.pcap", io.BytesIO(KINDS["pcap<6"]))) as feed:
        engine = Engine()
        for frames in PcapReader(Window(feed)).frames():
            engine.add(frames)
    parts = engine.finish()
    keep_parts(parts)
    parts.packets -= 1
    with pytest.raises(AssertionError):
        keep_parts(parts)


DOCUMENT = document_of("rootchain-80-refused")
FINDING = DOCUMENT.findings[0]
BROKEN = {
    "a rule that failed": {"assessments": [replace(DOCUMENT.assessments[0], outcome=Outcome.RULE_FAILED)]},
    "a frame beyond the capture": {
        "findings": [replace(FINDING, evidence=(replace(FINDING.evidence[0], frames=(1, 10**6)),))]
    },
    "a cause that is not there": {"findings": [replace(FINDING, caused_by="F99")]},
    "a name that cannot be written": {"captures": [replace(DOCUMENT.captures[0], name="\ud800")]},
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_document_that_breaks_a_promise_is_noticed(what):
    keep_document(DOCUMENT)
    with pytest.raises((AssertionError, UnicodeError)):
        keep_document(replace(DOCUMENT, **{name: tuple(values) for name, values in BROKEN[what].items()}))


def test_without_atheris_the_search_says_so_in_one_line():
    code = "import sys; sys.modules['atheris'] = None; from tests.fuzz.__main__ import main; main(['capture', '1'])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (1, "atheris is not installed; pip install 'lynccap[fuzz]'\n")


def test_a_file_is_tried_again_without_atheris(tmp_path):
    path = tmp_path / "crash-1"
    path.write_bytes(KINDS["etl"])
    command = [sys.executable, "-m", "tests.fuzz", "capture", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, f"{path}: nothing wrong\n"), done.stderr
