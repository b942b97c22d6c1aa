"""Packets that circle, beside those of somebody who traces the route and those recorded on both sides of a router."""

from typing import Any

import pytest
from proofs import fires, inconclusive, sample_fires, silent
from scenes import Scene, accused, findings

DOMAIN = "contoso.example"
POOL, CLIENT, PC, ROUTER = "10.9.0.5", "10.1.0.9", "10.2.0.9", "10.1.250.2"
SIP, OUT_OF_HOPS = 5061, (11, 0)
RULE = "routing-loop-ttl"


def office() -> Scene:
    scene = Scene()
    for name in ("lyncdiscoverinternal", "sipinternal"):
        scene.named(f"{name}.{DOMAIN}", POOL)
    scene.asks(CLIENT, f"pool.{DOMAIN}", -2.0)
    return scene


def lost(reports: int = 0, **facts: Any) -> tuple[Scene, set[int]]:
    """SYNs nobody answers, so many of them reported."""
    scene = office()
    of = scene.silent(CLIENT, POOL, SIP, 20.0)
    scene.flows[of] |= facts
    frames = {scene.reported(of, 20.1 + n, ROUTER, OUT_OF_HOPS) for n in range(reports)}
    return scene, {scene.frame(20.0, of), *frames}


@pytest.mark.parametrize(("reports", "confidence"), [(1, "likely"), (2, "likely"), (3, "certain")])
def test_reports_of_packets_with_hops_enough(reports: int, confidence: str) -> None:
    scene, frames = lost(reports)
    one = fires(scene, RULE, CLIENT, frames)

    assert (one.confidence, one.peer, one.port) == (confidence, POOL, SIP)
    assert accused(scene) == {(RULE, CLIENT)}


def test_the_same_packet_again_and_again_is_certain() -> None:
    scene, frames = lost(copies_client=180, ttl_client_max=128, ttl_client_min=4)
    scene.secure(PC, POOL, SIP, 25.0)

    assert fires(scene, RULE, CLIENT, frames).confidence == "certain"


def test_is_the_cause_of_silence() -> None:
    scene, _ = lost(copies_client=180, ttl_client_max=128, ttl_client_min=4)
    scene.secure(PC, POOL, SIP, 25.0)
    scene.asks(CLIENT, "www.news.test", 40.0)

    assert {(one.rule, bool(one.caused_by)) for one in findings(scene)} == {
        (RULE, False),
        ("tcp-filtered-silent", True),
    }


@pytest.mark.parametrize("ttl", [1, 5, 30])
def test_a_traced_route_is_no_loop(ttl: int) -> None:
    scene, _ = lost(3, ttl_client_max=ttl, ttl_client_min=1)

    silent(scene, RULE)


def test_one_program_that_traces_and_connects_is_no_loop() -> None:
    scene, _ = lost(3, ttl_client_max=128, ttl_client_min=1)

    silent(scene, RULE)


@pytest.mark.parametrize("routers", [1, 3])
def test_recorded_before_and_behind_routers_is_no_loop(routers: int) -> None:
    scene, _ = lost(copies_client=3 * routers, ttl_client_max=127, ttl_client_min=127 - routers)

    silent(scene, RULE)


def test_a_loop_that_is_over_is_nothing() -> None:
    scene = office()
    of = scene.secure(CLIENT, POOL, SIP, 20.0)
    for at in (20.1, 20.2, 20.3):
        scene.reported(of, at, ROUTER, OUT_OF_HOPS)

    silent(scene, RULE)


def test_of_somebody_elses_server_is_nothing() -> None:
    scene = office()
    of = scene.silent(CLIENT, "10.9.0.60", 445, 20.0)
    for at in (20.1, 23.1, 29.1):
        scene.reported(of, at, ROUTER, OUT_OF_HOPS)

    silent(scene, RULE)


def test_reassembly_that_took_too_long_is_no_loop() -> None:
    scene = office()
    of = scene.silent(CLIENT, POOL, SIP, 20.0)
    for at in (20.1, 23.1, 29.1):
        scene.reported(of, at, ROUTER, (11, 1))

    silent(scene, RULE)


def test_reports_of_packets_that_are_not_in_the_capture_are_doubted() -> None:
    scene, _ = lost(3)
    for row in scene.errors:
        row |= {"flow": -1, "from_client": False}

    inconclusive(scene, RULE, because="trace the route")


def test_real_routers() -> None:
    assert sample_fires("paths-reported", RULE)
