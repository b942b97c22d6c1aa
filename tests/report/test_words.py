"""How amounts, times and names are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lynccap.correlation.services import BASES
from lynccap.document import Confidence, Outcome, Severity, StepOutcome
from lynccap.report import words


def test_what_names_a_service_has_words() -> None:
    assert set(words.BASIS_NAMES) == set(BASES)


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((), "none"),
        ((7,), "7"),
        ((7, 8), "7, 8"),
        ((9, 7, 8, 8), "7–9"),
        ((1, 2, 3, 10, 12, 13), "1–3, 10, 12, 13"),
    ],
)
def test_runs_of_frames_are_joined(numbers: tuple[int, ...], text: str) -> None:
    assert words.frames(numbers) == text


def test_long_frame_lists_say_how_many_are_left_out() -> None:
    text = words.frames(range(1, 2 * 500, 2))
    assert text.endswith(f"and {500 - words.MAX_RANGES} more")


@given(st.sets(st.integers(1, 300), min_size=1, max_size=60))
def test_joined_frames_name_exactly_the_frames_given(numbers: set[int]) -> None:
    named: set[int] = set()
    for part in words.frames(sorted(numbers)).split(", "):
        first, _, last = part.partition("–")
        named |= set(range(int(first), int(last or first) + 1))
    assert named == numbers


@pytest.mark.parametrize(
    ("time", "text"),
    [
        ("2026-03-02T08:14:07.120034567Z", "2026-03-02 08:14:07.120 UTC"),
        ("2026-03-02T08:14:07Z", "2026-03-02 08:14:07 UTC"),
        (None, "no time"),
        ("garbage", "garbage"),
    ],
)
def test_times_carry_their_zone(time: str | None, text: str) -> None:
    assert words.moment(time) == text


@pytest.mark.parametrize(
    ("first", "last", "text"),
    [
        ("2026-03-02T08:14:07.5Z", "2026-03-02T08:14:16.7Z", "9.2 s"),
        ("2026-03-02T08:14:00Z", "2026-03-02T08:26:03Z", "12 min 3 s"),
        ("2026-03-02T08:14:00.000000001Z", "2026-03-03T10:15:00.000000001Z", "26 h 1 min"),
        ("2026-03-02T08:14:07Z", "2026-03-02T08:14:06Z", ""),
        (None, "2026-03-02T08:14:06Z", ""),
        ("garbage", "2026-03-02T08:14:06Z", ""),
    ],
)
def test_spans_carry_their_unit(first: str | None, last: str | None, text: str) -> None:
    assert words.span(first, last).replace(words.NO_BREAK, " ") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (2_520, "2.5 kB"),
        (31_400_512, "31.4 MB"),
        (5 * 10**12, "5000.0 GB"),
    ],
)
def test_sizes_carry_their_unit(value: int, text: str) -> None:
    assert words.size(value).replace(words.NO_BREAK, " ") == text


@pytest.mark.parametrize(
    ("text", "whole"),
    [("open the port", "Open the port."), ("pc-1 failed.", "pc-1 failed."), ("Why?", "Why?"), ("", "")],
)
def test_sentences_end_with_a_stop_and_leave_host_names_alone(text: str, whole: str) -> None:
    assert words.sentence(text) == whole


def test_nobody_has_to_act_on_what_is_normal() -> None:
    assert words.actors(("none",)) == "Nobody: there is nothing to do"
    assert words.actors(("network", "Lync admin")) == "Network, then Lync admin"


def test_steps_are_named_as_people_write_them() -> None:
    assert [words.step_name(one) for one in ("dns", "root chain", "sip connect", "sign-in")] == [
        "DNS",
        "Root chain",
        "SIP connect",
        "Sign-in",
    ]


@pytest.mark.parametrize(
    ("kinds", "amount", "name"),
    [
        (("Lync phone",), 1, "Lync phone"),
        (("Lync phone",), 2, "Lync phones"),
        (("Lync phone", "third-party phone"), 2, "phones"),
        (("Lync phone", "desktop"), 2, "devices"),
        (("unknown",), 1, "device"),
        ((), 3, "devices"),
    ],
)
def test_devices_are_called_by_their_kind(kinds: tuple[str, ...], amount: int, name: str) -> None:
    assert words.kind_name(kinds, amount) == name


def test_every_level_has_a_name_and_a_meaning() -> None:
    assert set(words.SEVERITY_NAMES) == set(words.SEVERITY_MEANINGS) == set(Severity)
    assert set(words.CONFIDENCE_NAMES) == set(words.CONFIDENCE_MEANINGS) == set(Confidence)
    assert set(words.STEP_NAMES) == set(words.STEP_SIGNS) == set(StepOutcome)
    assert set(words.OUTCOME_NAMES) == set(words.OUTCOME_MEANINGS) == set(Outcome)
