"""What routers say of packets they do not pass on."""

import pytest
from proofs import fires, inconclusive, silent
from scenes import Scene, accused

DOMAIN = "contoso.example"
POOL, EDGE, CLIENT, PC, ROUTER, FAR = "10.9.0.5", "10.9.0.8", "10.1.0.9", "10.2.0.9", "10.1.0.1", "192.168.7.40"
SIP, FORBIDDEN, NO_NETWORK = 5061, (3, 13), (3, 0)


def office() -> Scene:
    scene = Scene()
    for name in ("lyncdiscoverinternal", "sipinternal"):
        scene.named(f"{name}.{DOMAIN}", POOL)
    scene.asks(CLIENT, f"pool.{DOMAIN}", -2.0)
    return scene


def told(code: tuple[int, int], reports: int, tries: int = 3) -> tuple[Scene, set[int]]:
    """A connection of which so many tries are reported."""
    scene = office()
    of = scene.silent(CLIENT, POOL, SIP, 20.0, after=tuple(range(0, 3 * tries, 3)))
    frames = {scene.frame(20.0 + 3 * n, of) for n in range(tries)}
    return scene, frames | {scene.reported(of, 20.1 + 3 * n, ROUTER, code) for n in range(reports)}


class TestNoRoute:
    RULE = "icmp-no-route"

    @pytest.mark.parametrize("code", [(3, 0), (3, 5), (3, 6), (3, 7)])
    def test_for_every_try_is_certain(self, code: tuple[int, int]) -> None:
        scene, frames = told(code, reports=3)
        one = fires(scene, self.RULE, CLIENT, frames)

        assert (one.confidence, one.peer, one.port) == ("certain", POOL, SIP)
        assert ROUTER in one.says
        assert accused(scene) == {(self.RULE, CLIENT)}

    def test_for_most_tries_is_likely(self) -> None:
        scene, frames = told(NO_NETWORK, reports=2)

        assert fires(scene, self.RULE, CLIENT, frames).confidence == "likely"

    def test_said_once_is_doubted(self) -> None:
        scene, _ = told(NO_NETWORK, reports=1)

        inconclusive(scene, self.RULE, because="once only")

    def test_of_the_relay_is_found(self) -> None:
        scene = office()
        of = scene.allocates(CLIENT, EDGE, 5.0)
        for at in (5.1, 5.3, 5.5):
            scene.reported(of, at, ROUTER, NO_NETWORK)

        assert fires(scene, self.RULE, CLIENT).port == 3478

    def test_of_the_relay_said_once_is_doubted(self) -> None:
        scene = office()
        scene.reported(scene.allocates(CLIENT, EDGE, 5.0), 5.1, ROUTER, NO_NETWORK)

        inconclusive(scene, self.RULE, because="once only")

    def test_of_a_private_candidate_of_a_far_party_is_nothing(self) -> None:
        scene = office()
        of = scene.oneway(CLIENT, FAR, 50_020, 8.0, stack="stun")
        for at in (8.1, 8.2, 8.4):
            scene.reported(of, at, ROUTER, NO_NETWORK)

        silent(scene, self.RULE)

    def test_of_a_connection_that_works_all_the_same_is_nothing(self) -> None:
        scene = office()
        of = scene.secure(CLIENT, POOL, SIP, 20.0)
        for at in (20.1, 20.2):
            scene.reported(of, at, ROUTER, NO_NETWORK)

        silent(scene, self.RULE)

    def test_of_somebody_elses_server_is_nothing(self) -> None:
        scene = office()
        of = scene.silent(CLIENT, "10.9.0.60", 445, 20.0)
        for at in (20.1, 23.1, 29.1):
            scene.reported(of, at, ROUTER, NO_NETWORK)

        silent(scene, self.RULE)


class TestProhibited:
    RULE = "icmp-admin-prohibited"

    @pytest.mark.parametrize("code", [(3, 9), (3, 10), (3, 13)])
    def test_once_is_certain(self, code: tuple[int, int]) -> None:
        scene, frames = told(code, reports=1)
        one = fires(scene, self.RULE, CLIENT, frames)

        assert (one.confidence, one.peer, one.port) == ("certain", POOL, SIP)
        assert ROUTER in one.says

    def test_of_a_check_while_another_pair_works_is_nothing(self) -> None:
        scene = office()
        scene.allocates(CLIENT, EDGE, 5.0, "203.0.113.13:52000")
        scene.forbidden(scene.oneway(CLIENT, "203.0.113.13", 3478, 8.0, stack="stun"))
        scene.forbidden(scene.oneway(CLIENT, FAR, 50_020, 8.0, stack="stun"))

        silent(scene, self.RULE)

    def test_whose_quotation_cannot_be_read_is_nothing(self) -> None:
        scene, _ = told(FORBIDDEN, reports=1)
        scene.errors[0] |= {"flow": -1, "from_client": False, "quoted_destination": POOL}

        silent(scene, self.RULE)

    def test_of_a_connection_that_was_answered_is_nothing(self) -> None:
        scene = office()
        scene.forbidden(scene.secure(CLIENT, POOL, SIP, 20.0), 20.1)

        silent(scene, self.RULE)
