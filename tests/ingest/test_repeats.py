"""Segments that are sent again at the same length, window by window."""

import numpy as np

from lynccap.ingest.flows.repeats import Repeats


def add(repeats: Repeats, *rows: tuple[int, int, int]) -> None:
    """Segments sent again: side, start, size; their frames count on."""
    side, start, size = (np.array(one, np.int64) for one in zip(*rows, strict=True))
    frame = np.arange(1, len(rows) + 1, dtype=np.int64)
    repeats.add(side, start, size, frame, frame * 1000)


def test_equal_repeats_are_counted_across_windows() -> None:
    repeats = Repeats()
    add(repeats, (4, 0, 1460), (4, 0, 1460))
    add(repeats, (4, 0, 1460))

    (one,) = repeats.stuck().values()
    assert (one.tries, one.first_frame, one.last_frame) == (3, 1, 1)


def test_two_repeats_are_a_bad_moment() -> None:
    repeats = Repeats()
    add(repeats, (4, 0, 1460), (4, 0, 1460), (6, 0, 1460))

    assert repeats.stuck() == {}


def test_other_segments_in_between_begin_anew() -> None:
    repeats = Repeats()
    add(repeats, (4, 0, 1460), (4, 0, 1460), (4, 1460, 700), (4, 0, 1460), (4, 0, 1460), (4, 0, 1460))

    assert repeats.stuck()[4].tries == 3


def test_shorter_piece_of_a_stuck_segment_is_noted_once() -> None:
    repeats = Repeats()
    add(repeats, *[(4, 0, 1460)] * 3, (4, 0, 536), (4, 0, 300), (4, 9000, 800))

    one = repeats.stuck()[4]
    assert (one.size, one.cut, one.cut_frame) == (1460, 536, 4)


def test_nothing_sent_again() -> None:
    repeats = Repeats()
    repeats.add(*[np.zeros(0, np.int64)] * 5)

    assert repeats.stuck() == {}
