"""The search for cycles is off while it only costs, and as it was afterwards."""

import gc

import pytest

from lynccap.correlation.collector import collector_paused


@pytest.fixture(autouse=True)
def _as_before() -> object:
    was_on = gc.isenabled()
    yield
    (gc.enable if was_on else gc.disable)()


@collector_paused()
def _fails() -> None:
    raise KeyError(gc.isenabled())


def test_is_paused_and_on_again_whatever_happens() -> None:
    with pytest.raises(KeyError, match="False"):
        _fails()

    assert gc.isenabled()


def test_stays_off_where_it_was_off() -> None:
    gc.disable()

    with collector_paused():
        pass

    assert not gc.isenabled()
