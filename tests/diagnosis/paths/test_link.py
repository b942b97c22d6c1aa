"""Two machines at one address, beside the machines that may share or move one."""

import pytest
from proofs import fires, inconclusive, silent
from scenes import Scene, findings

DOMAIN = "contoso.example"
POOL, CLIENT, PC = "10.9.0.5", "10.9.0.77", "10.9.0.78"
ASKER, REAL, CLONE = "00:15:5d:00:00:77", "00:50:56:11:11:11", "00:50:56:22:22:22"
SIP = 5061
RULE = "duplicate-ip"


def office() -> Scene:
    scene = Scene()
    for name in ("lyncdiscoverinternal", "sipinternal"):
        scene.named(f"{name}.{DOMAIN}", POOL)
    return scene


def answers(scene: Scene, *turns: tuple[str, float], of: str = POOL) -> set[int]:
    frames = set()
    for mac, at in turns:
        scene.link("request", ASKER, CLIENT, of, at - 0.001)
        frames.add(scene.link("reply", mac, of, CLIENT, at))
    return frames


def connections(scene: Scene, real: str = REAL, clone: str = CLONE) -> set[int]:
    """One that the server accepts, one that the other machine refuses; the frames of the latter."""
    scene.secure(PC, POOL, SIP, 5.0, server_mac=real)
    of = scene.refused(CLIENT, POOL, SIP, 30.0)
    scene.flows[of]["server_mac"] = clone
    row = scene.flows[of]
    return {row["first_frame"], row["first_frame_server"]}


def test_in_turn_is_certain() -> None:
    scene = office()
    frames = answers(scene, (REAL, 4.0), (CLONE, 29.0), (REAL, 29.01))
    one = fires(scene, RULE, CLIENT, frames | connections(scene))

    assert (one.confidence, one.peer, one.port) == ("certain", POOL, SIP)


def test_once_is_likely() -> None:
    scene = office()
    frames = answers(scene, (REAL, 4.0), (CLONE, 29.0))

    assert fires(scene, RULE, CLIENT, frames | connections(scene)).confidence == "likely"


def test_is_the_cause_of_refusals() -> None:
    scene = office()
    answers(scene, (REAL, 4.0), (CLONE, 29.0), (REAL, 29.01))
    connections(scene)

    assert {(one.rule, bool(one.caused_by)) for one in findings(scene)} == {
        (RULE, False),
        ("tcp-refused-by-host", True),
    }


def test_taken_over_for_good_is_a_failover() -> None:
    scene = office()
    answers(scene, (REAL, 4.0))
    scene.link("request", CLONE, POOL, POOL, 29.0)
    answers(scene, (CLONE, 29.5))
    connections(scene)

    silent(scene, RULE)


@pytest.mark.parametrize("shared", ["00:00:5e:00:01:07", "00:00:0c:07:ac:07", "02:bf:0a:09:00:05"])
def test_virtual_routers_and_clusters_are_nothing(shared: str) -> None:
    scene = office()
    answers(scene, (REAL, 4.0), (shared, 29.0), (REAL, 29.01))
    connections(scene, clone=shared)

    silent(scene, RULE)


def test_more_than_a_minute_apart_is_nothing() -> None:
    scene = office()
    answers(scene, (REAL, -5.0), (CLONE, 60.0))
    connections(scene)

    silent(scene, RULE)


def test_of_nobodys_server_is_nothing() -> None:
    scene = office()
    answers(scene, (REAL, 4.0), (CLONE, 29.0), (REAL, 29.01), of="10.9.0.60")
    connections(scene)

    silent(scene, RULE)


def test_a_router_that_answers_for_others_is_doubted() -> None:
    scene = office()
    answers(scene, (REAL, 4.0), (CLONE, 29.0), (REAL, 29.01))
    for n in range(20, 30):
        answers(scene, (CLONE, float(n)), of=f"10.9.0.{n}")
    connections(scene)

    inconclusive(scene, RULE, because="answers for 11 addresses")


def test_two_network_cards_that_both_serve_are_doubted() -> None:
    scene = office()
    answers(scene, (REAL, 4.0), (CLONE, 29.0), (REAL, 29.01))
    scene.secure(PC, POOL, SIP, 5.0, server_mac=REAL)
    scene.secure(CLIENT, POOL, SIP, 30.0, server_mac=CLONE)

    inconclusive(scene, RULE, because="no connection shows")


def test_refused_by_the_server_itself_is_doubted() -> None:
    scene = office()
    answers(scene, (REAL, 4.0), (CLONE, 29.0), (REAL, 29.01))
    connections(scene, clone=REAL)

    inconclusive(scene, RULE, because="no connection shows")
