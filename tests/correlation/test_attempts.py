"""Attempts of one client to one port end in one way, all taken together."""

from typing import Any

import pytest
from cases import SECOND, START, flow, reset, syn, tables

from lynccap.correlation.attempts import Ending, read_attempts

CLIENT, SERVER = "10.1.0.9", "10.9.0.5"


def _attempt(*flows: dict[str, Any], **more: Any):  # type: ignore[no-untyped-def]
    (one,) = read_attempts(tables(list(flows), **more))
    return one


def _flow(opening: str, **facts: Any) -> dict[str, Any]:
    return flow(CLIENT, SERVER, 80, opening=opening, **facts)


@pytest.mark.parametrize(
    ("openings", "ending"),
    [
        (("refused", "refused"), Ending.REFUSED),
        (("unanswered",), Ending.UNANSWERED),
        (("refused", "established"), Ending.ANSWERED),
        (("unanswered", "refused"), Ending.REFUSED),
        (("midstream",), Ending.MIDSTREAM),
        (("half-open",), Ending.HALF_OPEN),
    ],
)
def test_ending(openings: tuple[str, ...], ending: Ending) -> None:
    assert _attempt(*(_flow(one) for one in openings)).ending is ending


@pytest.mark.parametrize(
    ("version", "kind", "code", "ending"),
    [
        (4, 3, 13, Ending.PROHIBITED),
        (4, 3, 0, Ending.NO_ROUTE),
        (4, 3, 1, Ending.UNREACHABLE),
        (6, 1, 3, Ending.UNREACHABLE),
        (4, 11, 0, Ending.EXPIRED),
        (6, 3, 0, Ending.EXPIRED),
        (6, 1, 1, Ending.PROHIBITED),
        (6, 1, 0, Ending.NO_ROUTE),
        (4, 3, 4, Ending.UNANSWERED),  # fragmentation needed says nothing of policy
    ],
)
def test_icmp_says_who_forbade_it(version: int, kind: int, code: int, ending: Ending) -> None:
    error = {
        "flow": 0,
        "frame": 5,
        "version": version,
        "type": kind,
        "code": code,
        "reporter": "10.1.0.1",
        "from_client": True,
    }

    one = _attempt(_flow("unanswered"), icmp=[error])

    assert one.ending is ending
    assert one.reporters == ("10.1.0.1",)


def test_success_outweighs_an_earlier_icmp() -> None:
    error = {"flow": 0, "frame": 5, "version": 4, "type": 3, "code": 13, "reporter": "10.1.0.1", "from_client": True}

    assert _attempt(_flow("unanswered"), _flow("established"), icmp=[error]).ending is Ending.ANSWERED


def test_mirror_copies_of_a_syn_are_one_try() -> None:
    copies = [syn(0, 1), syn(0, 2, START + 4_000), syn(0, 3, START + 3 * SECOND), syn(0, 4, START + 3 * SECOND + 4_000)]

    one = _attempt(_flow("unanswered"), tcp_frames=copies)

    assert len(one.syn_times) == 2
    assert one.syn_frames == (1, 2, 3, 4)


def test_resets_are_kept_with_their_ttl_and_delay() -> None:
    one = _attempt(_flow("refused"), tcp_frames=[syn(0, 1), reset(0, 2, START + 700_000, ttl=61)])

    assert (one.rst_frames, one.rst_ttls, one.rst_delays) == ((2,), (61,), (700_000,))
    assert one.failed_frames == (1, 2)
