"""The clocks of two recorders, from packets that were never faster than time."""

import numpy as np
import pandas as pd
import pytest
from cases import SECOND, START
from hypothesis import given
from hypothesis import strategies as st

from lynccap.correlation.points.clock_relations import relate

MICROSECOND = 1_000


def shared(
    offset: int = 0,
    *,
    transits: tuple[list[int], list[int]] = ([300, 500, 420], [350, 900, 310]),
    ttl: int = 1,
    drift_ppm: float = 0.0,
    spacing: int = SECOND,
) -> pd.DataFrame:
    """Packets of one conversation: the client's pass A first; transits in microseconds, client's and server's."""
    rows = []
    for from_client, some in zip((True, False), transits, strict=True):
        for number, transit in enumerate(some):
            time = START + number * spacing
            a, b = (time, time + transit * MICROSECOND) if from_client else (time + transit * MICROSECOND, time)
            b += offset + int((b - START) * drift_ppm / 1e6)
            first = 128, 128 - ttl
            rows.append((0, from_client, number, number, a, b, *(first if from_client else first[::-1])))
    columns = ["pair", "from_client", "frame_a", "frame_b", "time_a", "time_b", "ttl_a", "ttl_b"]
    return pd.DataFrame(rows, columns=columns)


TRANSITS = st.lists(st.integers(1, 50_000), min_size=1, max_size=20)


@given(st.integers(-(10**12), 10**12), TRANSITS, TRANSITS, st.sampled_from([0, 1, 3]))
def test_the_truth_is_within_the_error(offset: int, client: list[int], server: list[int], ttl: int) -> None:
    found = relate(0, 1, shared(offset, transits=(client, server), ttl=ttl), 6, False)

    if found.same_recording:  # only where every transit is the same to the microsecond
        assert ttl == 0
        return
    assert found.offset_ns is not None
    assert found.error_ns is not None
    assert abs(found.offset_ns - offset) <= found.error_ns <= (min(client) + min(server)) * MICROSECOND + MICROSECOND


@pytest.mark.parametrize("ppm", [40.0, -80.0])
def test_drift_of_a_long_recording_is_measured(ppm: float) -> None:
    transits = [300 + number % 7 * 40 for number in range(300)]
    found = relate(0, 1, shared(5 * SECOND, transits=(transits, transits), drift_ppm=ppm, spacing=4 * SECOND), 6, False)

    assert found.drift_ppm == pytest.approx(ppm, abs=2)
    assert found.error_ns is not None
    assert found.error_ns < 500 * MICROSECOND
    for time in (START, START + 1_000 * SECOND):
        told = found.at_b(time)
        assert told is not None
        assert abs(int(told) - (time + 5 * SECOND + int((time - START) * ppm / 1e6))) < SECOND // 1000


def test_a_clock_without_drift_has_none() -> None:
    transits = [300 + number % 7 * 40 for number in range(300)]
    found = relate(0, 1, shared(transits=(transits, transits), spacing=4 * SECOND), 6, False)

    assert found.drift_ppm is None
    assert found.doubt == ""


def test_a_clock_that_jumps_is_unsteady() -> None:
    rows = shared(transits=([300] * 40, [300] * 40))
    rows.loc[rows["time_a"] > START + 20 * SECOND, "time_b"] += SECOND
    found = relate(0, 1, rows, 6, False)

    assert (found.error_ns, found.doubt) == (None, "unsteady")


def test_one_direction_bounds_one_side_only() -> None:
    rows = shared(SECOND)
    found = relate(0, 1, rows[rows["from_client"]], 6, False)

    assert (found.error_ns, found.directions, found.doubt) == (None, 1, "one-direction")
    assert found.offset_ns is not None


def test_a_pair_that_is_no_pair_is_left_out() -> None:
    rows = shared(SECOND)
    wrong = rows.iloc[[0]].assign(time_b=rows["time_b"].iloc[0] - 60 * SECOND)
    found = relate(0, 1, pd.concat([rows, wrong], ignore_index=True), 6, False)

    assert found == relate(0, 1, rows, 6, False)


@pytest.mark.parametrize(("digits", "same"), [(6, True), (3, False)])
def test_times_alike_to_the_microsecond_are_one_recording(digits: int, same: bool) -> None:
    rows = shared(transits=([0] * 4, [0] * 4), ttl=0)

    assert relate(0, 1, rows, digits, False).same_recording == same


def test_a_router_between_tells_two_points_apart_whatever_the_times() -> None:
    assert not relate(0, 1, shared(transits=([0] * 4, [0] * 4)), 6, False).same_recording


def test_nothing_in_common_tells_nothing() -> None:
    found = relate(0, 1, shared().iloc[:0], 6, False)

    assert (found.offset_ns, found.doubt, found.at_b(np.array([1]))) == (None, "no-packets", None)
