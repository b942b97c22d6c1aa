"""The E-model against what G.107 and G.113 print."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lynccap.correlation.media.speech_rating import (
    ASSUMPTIONS,
    DEFAULT_RATING,
    IMPAIRMENTS,
    UNRATED,
    Impairment,
    burst_ratio,
    delay_impairment,
    loss_impairment,
    opinion,
    rate,
)
from lynccap.reference import codecs


@pytest.mark.parametrize(
    ("rating", "mos"),
    [(93.2, 4.41), (90, 4.34), (80, 4.03), (70, 3.60), (60, 3.10), (50, 2.58), (100, 4.5), (0, 1), (-7, 1), (120, 4.5)],
)
def test_opinions_of_g107_annex_b(rating, mos):
    assert opinion(rating) == pytest.approx(mos, abs=0.01)  # the table prints 4.03 where its formula makes 4.024


def test_a_sound_call_has_the_rating_of_the_defaults():
    found = rate(0, 0.0)
    assert (found.rating, round(found.mos, 2)) == (DEFAULT_RATING, 4.41)
    assert "not known" in found.basis


# G.113 (02/2001) Appendix I: Ie under random loss, as measured; the formula of 2002 comes near.
@pytest.mark.parametrize(
    ("payload_type", "percent", "impairment"),
    [(0, 1, 5), (0, 2, 7), (0, 3, 10), (0, 5, 15), (8, 10, 25), (18, 1, 15), (18, 2, 19), (18, 4, 26), (4, 1, 19),
     (4, 2, 24), (4, 4, 32)],
)  # fmt: skip
def test_loss_takes_what_g113_measured(payload_type, percent, impairment):
    assert loss_impairment(IMPAIRMENTS[payload_type], percent / 100) == pytest.approx(impairment, abs=2.5)


@pytest.mark.parametrize(("percent", "impairment"), [(1, 17.9), (5, 51.1)])
def test_loss_without_concealment_takes_far_more(percent, impairment):
    unconcealed = Impairment("G.711", 0.0, 4.3, "G.113 I: G.711 without packet loss concealment, 10 ms")

    assert loss_impairment(unconcealed, percent / 100) == pytest.approx(impairment, abs=0.1)


# The curve of G.107 clause 3.4, worked out by hand.
@pytest.mark.parametrize(("delay", "impairment"), [(0, 0), (100, 0), (200, 3.04), (400, 24.07)])
def test_delay_takes_nothing_up_to_100_ms(delay, impairment):
    assert delay_impairment(delay) == pytest.approx(impairment, abs=0.01)


def test_bunched_loss_takes_more():
    assert rate(0, 0.01, 2.0).rating < rate(0, 0.01).rating
    assert rate(0, 0.05, 2.0) == rate(0, 0.05, 9.0)  # the model does not hold for more


@pytest.mark.parametrize(
    ("expected", "lost", "bursts", "ratio"),
    [(1000, 0, 0, 1), (1000, 10, 10, 1), (1000, 10, 2, 4.95), (1000, 500, 250, 1), (5, 5, 1, 1)],
)
def test_burst_ratio_is_1_where_chance_alone_loses(expected, lost, bursts, ratio):
    assert burst_ratio(expected, lost, bursts) == pytest.approx(ratio)


@pytest.mark.parametrize(
    ("payload_type", "loss", "delay", "word"),
    [(114, 0, None, "RTAudio"), (104, 0, None, "SILK"), (111, 0, None, "Siren"), (9, 0, None, "wideband"),
     (99, 0, None, "99"), (3, 0.01, None, "loss"), (0, 0.3, None, "20%"), (0, 0, 600.0, "500 ms")],
)  # fmt: skip
def test_what_nobody_published_is_not_invented(payload_type, loss, delay, word):
    found = rate(payload_type, loss, 1.0, delay)
    assert (found.rating, found.mos) == (None, None)
    assert word in found.basis


def test_codecs_have_figures_or_a_reason_never_both():
    assert not IMPAIRMENTS.keys() & UNRATED.keys()
    audio = {kind for kind, codec in codecs().items() if codec.media == "audio" and codec.verified}
    assert audio <= IMPAIRMENTS.keys() | UNRATED.keys()


def test_a_report_can_say_what_was_assumed():
    assert "delay" in ASSUMPTIONS
    assert "narrowband" in ASSUMPTIONS


@given(st.sampled_from(sorted(IMPAIRMENTS)), st.floats(0, 1), st.floats(0, 500), st.floats(0, 1000))
def test_worse_is_never_rated_better(payload_type, loss, ratio, delay):
    found, better = rate(payload_type, loss, ratio, delay), rate(payload_type, loss / 2, ratio, delay / 2)
    if found.rating is not None and better.rating is not None and loss < 0.02:
        assert 0 <= found.rating <= better.rating <= DEFAULT_RATING
        assert 1 <= found.mos <= better.mos <= 4.5
