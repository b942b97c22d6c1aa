"""Between the pool and the inner side of its Edge."""

import pytest
from proofs import fires, inconclusive, silent
from scenes import RESOLVER, Scene, accused

FRONT_END, SECOND, EDGE = "10.62.1.11", "10.62.1.12", "172.28.9.5"


def site() -> Scene:
    """Two Front Ends of one pool and an Edge's inner side, each of which hears others all along."""
    scene = Scene()
    scene.holds(
        ("fe", FRONT_END, "pool.cedar.example"),
        ("fe", SECOND, "pool.cedar.example"),
        ("edge_int", EDGE, "edge.cedar.example"),
    )
    for one in (FRONT_END, EDGE):
        scene.exchange(one, RESOLVER, 53, 20.0, stack="dns")
        scene.exchange(one, RESOLVER, 53, 60.0, stack="dns")
    return scene


class TestEdgeToPool:
    RULE = "sip-edge-to-nexthop-5061-blocked"

    def test_dropped_on_the_way(self) -> None:
        scene = site()
        of = scene.silent(EDGE, FRONT_END, 5061, 5.0)
        scene.secure(FRONT_END, EDGE, 5061, 16.0)

        one = fires(scene, self.RULE, EDGE)

        assert (one.peer, one.port, one.flows) == (FRONT_END, 5061, (of,))
        assert "The other direction works" in one.why
        assert accused(scene) == {(self.RULE, EDGE)}

    def test_a_name_that_the_edge_does_not_find(self) -> None:
        scene = site()
        scene.looks_up(EDGE, "director.cedar.example", 5.0)

        silent(scene, self.RULE)

    def test_one_dead_member(self) -> None:
        scene = site()
        scene.refused(EDGE, FRONT_END, 5061, 5.0)
        scene.secure(EDGE, SECOND, 5061, 6.0)

        silent(scene, self.RULE)

    def test_the_capture_ends_too_early(self) -> None:
        scene = site()
        scene.silent(EDGE, FRONT_END, 5061, 5.0, after=(0, 3))

        inconclusive(scene.case(9.0), self.RULE, "the capture ends")


class TestPoolToEdge:
    RULE = "sip-pool-to-edge-5061-blocked"

    def test_refused_while_the_edge_gets_in(self) -> None:
        scene = site()
        scene.refused(FRONT_END, EDGE, 5061, 5.0)
        scene.secure(EDGE, FRONT_END, 5061, 8.0, ttl_client_min=126, ttl_client_max=126)

        one = fires(scene, self.RULE, FRONT_END)

        assert one.act[0] == "service owner of the server"
        assert any("accepts" in proof.says for proof in one.proof)
        assert accused(scene) == {(self.RULE, FRONT_END)}

    def test_messages_lost_while_the_connection_stands(self) -> None:
        scene = site()
        of = scene.opened(scene.secure(FRONT_END, EDGE, 5061, 5.0))
        scene.asks_sip(of, 5.5, "MESSAGE", 480)

        silent(scene, self.RULE)

    def test_an_edge_of_which_nothing_is_seen(self) -> None:
        scene = Scene()
        scene.holds(("fe", FRONT_END, "pool.cedar.example"), ("edge_int", EDGE, "edge.cedar.example"))
        scene.exchange(FRONT_END, RESOLVER, 53, 20.0, stack="dns")
        scene.silent(FRONT_END, EDGE, 5061, 5.0)

        inconclusive(scene, self.RULE, "the host itself may be down")


class TestXmppGateway:
    RULE = "xmpp-23456-blocked"

    @pytest.mark.parametrize("how", ["silent", "refused"])
    def test_blocked(self, how: str) -> None:
        scene = site()
        of = getattr(scene, how)(FRONT_END, EDGE, 23456, 5.0)
        scene.secure(FRONT_END, EDGE, 5061, 16.0)

        assert fires(scene, self.RULE, FRONT_END).flows == (of,)

    def test_a_pool_without_xmpp_never_tries(self) -> None:
        scene = site()
        scene.secure(FRONT_END, EDGE, 5061, 5.0)

        silent(scene, self.RULE)

    def test_the_port_of_somebody_else(self) -> None:
        scene = site()
        scene.silent(FRONT_END, "10.62.1.90", 23456, 5.0)

        silent(scene, self.RULE)

    def test_the_capture_ends_too_early(self) -> None:
        scene = site()
        scene.silent(FRONT_END, EDGE, 23456, 5.0, after=(0, 3))

        inconclusive(scene.case(9.0), self.RULE, "the capture ends")
