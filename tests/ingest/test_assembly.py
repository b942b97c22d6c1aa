from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from lynccap.ingest.streams.assembly import Segment, reassemble

STREAM = bytes(range(256)) * 4


def segment(start: int, end: int, frame: int = 1) -> Segment:
    return Segment(start, frame, frame * 10, STREAM[start:end], end - start)


@st.composite
def covering_segments(draw):
    """Segments that cover [0, length) in any order, with any overlap and duplication."""
    length = draw(st.integers(1, 200))
    cuts = sorted({0, length, *draw(st.lists(st.integers(0, length), max_size=12))})
    pieces = list(pairwise(cuts))
    extra = draw(st.lists(st.tuples(st.integers(0, length), st.integers(0, length)), max_size=8))
    pieces += [(min(one), max(one)) for one in extra]
    return length, draw(st.permutations(pieces))


@given(covering_segments())
def test_any_segmentation_reordering_and_duplication_gives_the_stream_back(case):
    length, pieces = case
    runs = reassemble(segment(start, end, frame) for frame, (start, end) in enumerate(pieces, 1))
    assert [run.data for run in runs] == [STREAM[:length]]
    assert runs[0].start == 0


@given(st.lists(st.tuples(st.integers(-50, 200), st.integers(0, 30)), max_size=30))
def test_runs_hold_exactly_the_bytes_seen_and_gaps_stay_gaps(places):
    segments = [Segment(start, 1, 1, bytes(size), size) for start, size in places]
    seen = {byte for start, size in places for byte in range(start, start + size)}
    runs = reassemble(segments)
    assert {byte for run in runs for byte in range(run.start, run.end)} == seen
    assert all(before.end < after.start for before, after in pairwise(runs))


@given(covering_segments())
def test_every_byte_is_marked_with_the_frame_that_brought_it_first(case):
    _, pieces = case
    segments = [segment(start, end, frame) for frame, (start, end) in enumerate(pieces, 1)]
    (run,) = reassemble(segments)
    for offset in range(len(run.data)):
        holders = [one.frame for one in segments if one.start <= offset < one.start + len(one.data)]
        assert run.first(offset).frame == min(holders)


def test_the_first_bytes_seen_win_over_a_rewritten_overlap():
    runs = reassemble([Segment(0, 1, 1, b"GET /", 5), Segment(2, 2, 2, b"XXXX", 4)])
    assert runs[0].data == b"GET /X"


def test_a_message_completes_with_the_latest_frame_it_needed():
    (run,) = reassemble([segment(0, 10, 1), segment(20, 30, 2), segment(10, 20, 3)])
    assert [mark.frame for mark in run.span(5, 25)] == [1, 3]
    assert [mark.frame for mark in run.span(20, 30)] == [2, 2]
    assert run.first(25).frame == 2


def test_a_missing_segment_is_a_gap():
    runs = reassemble([segment(0, 10), segment(15, 20)])
    assert [(run.start, run.end) for run in runs] == [(0, 10), (15, 20)]
