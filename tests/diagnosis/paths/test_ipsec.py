"""IPsec between the two ends of a call, beside VPNs and calls that begin in time."""

import pytest
from proofs import fires, inconclusive, silent
from scenes import Scene, accused

DOMAIN = "contoso.example"
POOL, CLIENT, PC, CONCENTRATOR = "10.9.0.5", "10.1.0.9", "10.2.0.9", "203.0.113.99"
RULE = "ipsec-delays-media"


def call(wait: float = 2.4, checks: bool = True, begins: float = 20.0) -> tuple[Scene, int]:
    """A call of two devices, whose media follows so long after its first check."""
    scene = Scene()
    for name in ("lyncdiscoverinternal", "sipinternal"):
        scene.named(f"{name}.{DOMAIN}", POOL)
    of = scene.exchange(CLIENT, PC, 50_020, begins, stack="stun/rtp", client_port=50_010)
    for number, at in enumerate((begins, begins + wait - 0.1)) if checks else ():
        facts = {"method": "binding", "dialect": "ms-ice2", "framing": "udp", "has_username": True}
        facts["transaction_id"] = bytes([number]) * 16
        scene._say("stun", of, at, kind="request", **facts)
        if number:
            scene._say("stun", of, at + 0.01, False, kind="response", **facts)
    scene.speaks(of, begins + wait, 20.0)
    return scene, scene.frame(begins + wait, of)


def negotiate(scene: Scene, other: str = PC, at: float = 20.1, port: int = 500) -> set[int]:
    of = scene.exchange(CLIENT, other, port, at, client_port=port)
    return {scene.flows[of]["first_frame"], scene.flows[of]["last_frame"]}


@pytest.mark.parametrize("port", [500, 4500])
def test_before_media_that_is_late_is_likely(port: int) -> None:
    scene, first = call()
    one = fires(scene, RULE, CLIENT, negotiate(scene, port=port) | {first})

    assert (one.confidence, one.peer) == ("likely", PC)
    assert accused(scene) == {(RULE, CLIENT)}


def test_of_a_vpn_is_nothing() -> None:
    scene, _ = call()
    negotiate(scene, CONCENTRATOR)

    silent(scene, RULE)


def test_before_media_in_time_is_nothing() -> None:
    scene, _ = call(wait=0.6)
    negotiate(scene)

    silent(scene, RULE)


@pytest.mark.parametrize("at", [-5.0, 30.0], ids=["long before", "during the call"])
def test_at_another_time_is_nothing(at: float) -> None:
    scene, _ = call()
    negotiate(scene, at=at)

    silent(scene, RULE)


def test_late_media_without_it_is_nothing() -> None:
    silent(call()[0], RULE)


def test_in_a_capture_that_begins_during_the_call_is_doubted() -> None:
    scene, _ = call(wait=0.0, checks=False, begins=-9.9)
    scene.flows[-1]["server"] = POOL
    negotiate(scene, POOL, at=-9.8)

    inconclusive(scene, RULE, because="the capture starts")


def test_media_inside_it_is_doubted() -> None:
    scene, _ = call()
    scene.streams.clear()
    of = scene.exchange(CLIENT, PC, 0, 20.2, client_port=0)
    scene.flows[of]["transport"] = "ip-50"

    inconclusive(scene, RULE, because="ESP")
