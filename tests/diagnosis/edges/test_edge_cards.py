"""By which network card an Edge Server sends, on its own link: each rule's three proofs."""

import pytest
from proofs import fires, inconclusive, sample_fires, silent
from scenes import Scene

from lynccap.document import Confidence

DOMAIN = "godwit.example"
POOL, INNER, OUTER = "10.9.0.5", "10.9.0.8", "203.0.113.13"
WEST, EAST = "10.1.0.9", "10.2.0.9"
HOME, CAFE = "198.51.100.7", "192.0.2.9"
INSIDE_CARD, OUTSIDE_CARD, ROUTER = "00:15:5d:00:00:01", "00:15:5d:00:00:02", "00:1b:0d:00:00:01"
TURN = 3478


class Edge(Scene):
    """A network whose Edge's own link is recorded."""

    def __init__(self) -> None:
        super().__init__()
        self.named(f"sipinternal.{DOMAIN}", POOL)

    def sends_by(self, of: int, card: str, *, hops: int = 0) -> int:
        """The server of a flow sends by this card, so many hops away."""
        self.flows[of].update(server_mac=card, ttl_server_min=128 - hops, ttl_server_max=128 - hops)
        return of

    def asks(self, client: str, at: float, card: str, *, server: str = INNER, hops: int = 0) -> int:
        """A client allocates, and is answered by a card."""
        return self.sends_by(self.allocates(client, server, at, f"{OUTER}:{52_000 + len(self.flows)}"), card, hops=hops)

    def signals(self, card: str) -> int:
        """A Front End talks to the inner side."""
        return self.sends_by(self.connect(POOL, INNER, 5061, 1.0, stack="tls"), card)

    def first(self, *flows: int) -> set[int]:
        """First frames of both sides."""
        return {self.flows[one][name] for one in flows for name in ("first_frame_client", "first_frame_server")}


class TestLeavingOutside:
    RULE = "edge-uses-external-nic-for-internal"

    def test_answers_by_the_outer_card_are_found(self) -> None:
        scene = Edge()
        signal = scene.signals(INSIDE_CARD)
        scene.asks(HOME, 2.0, OUTSIDE_CARD, server=OUTER)
        lost = [scene.asks(WEST, 3.0, OUTSIDE_CARD), scene.asks(EAST, 4.0, OUTSIDE_CARD)]

        one = fires(scene, self.RULE, INNER, frames=scene.first(*lost) | {scene.flows[signal]["first_frame_server"]})

        assert (one.peer, one.port, one.confidence) == (WEST, TURN, Confidence.CERTAIN)

    def test_answers_from_the_outer_address_are_found(self) -> None:
        scene = Edge()
        scene.asks(EAST, 1.0, INSIDE_CARD)
        asked = scene.oneway(WEST, INNER, TURN, 3.0)
        told = scene.oneway(OUTER, WEST, scene.flows[asked]["client_port"], 3.1, client_port=TURN)

        one = fires(scene, self.RULE, OUTER, frames={scene.flows[of]["first_frame"] for of in (asked, told)})

        assert one.peer == WEST

    def test_connection_of_the_outer_address_to_a_front_end_is_found(self) -> None:
        scene = Edge()
        scene.holds(("edge_int", INNER, "edge.x"), ("edge_av", OUTER, "edge.x"), ("fe", POOL, "fe.x"), domain=DOMAIN)
        of = scene.connect(OUTER, POOL, 5061, 3.0, stack="tls")

        one = fires(scene, self.RULE, OUTER, frames={scene.flows[of]["first_frame"]})

        assert (one.peer, one.port) == (POOL, 5061)

    def test_client_that_asks_the_outer_address_is_answered_by_it(self) -> None:
        scene = Edge()
        scene.asks(EAST, 1.0, INSIDE_CARD)
        scene.asks(WEST, 2.0, OUTSIDE_CARD, server=OUTER)

        silent(scene, self.RULE)

    def test_relay_port_may_test_inside_addresses(self) -> None:
        scene = Edge()
        scene.asks(EAST, 1.0, INSIDE_CARD)
        scene.oneway(OUTER, WEST, 50_010, 2.0, client_port=52_001)

        silent(scene, self.RULE)

    def test_single_networks_lack_a_route(self) -> None:
        scene = Edge()
        scene.asks(HOME, 1.0, OUTSIDE_CARD, server=OUTER)
        scene.asks(EAST, 2.0, INSIDE_CARD)
        scene.asks(WEST, 3.0, OUTSIDE_CARD)

        silent(scene, self.RULE)

    def test_router_between_tells_no_card(self) -> None:
        scene = Edge()
        scene.signals(INSIDE_CARD)
        scene.asks(HOME, 2.0, ROUTER, server=OUTER, hops=1)
        scene.asks(WEST, 3.0, ROUTER, hops=1)

        silent(scene, self.RULE)

    def test_one_card_for_everything_is_doubted(self) -> None:
        scene = Edge()
        scene.asks(HOME, 2.0, OUTSIDE_CARD, server=OUTER)
        scene.asks(WEST, 3.0, OUTSIDE_CARD)

        inconclusive(scene, self.RULE, because="which network card")


class TestRouteMissing:
    RULE = "edge-internal-route-missing"

    def _split(self) -> tuple[Edge, int, int]:
        scene = Edge()
        scene.asks(HOME, 1.0, OUTSIDE_CARD, server=OUTER)
        return scene, scene.asks(EAST, 2.0, INSIDE_CARD), scene.asks(WEST, 3.0, OUTSIDE_CARD)

    def test_answers_for_one_network_that_leave_outside_are_found(self) -> None:
        scene, well, lost = self._split()

        one = fires(scene, self.RULE, WEST, frames=scene.first(lost) | {scene.flows[well]["first_frame_server"]})

        assert (one.peer, one.confidence) == (INNER, Confidence.CERTAIN)

    def test_requests_on_the_link_that_nothing_answers_are_likely(self) -> None:
        scene = Edge()
        scene.asks(EAST, 3.5, INSIDE_CARD)
        self._in_vain(scene)

        assert fires(scene, self.RULE, WEST).confidence is Confidence.LIKELY

    def _in_vain(self, scene: Edge) -> int:
        of = scene.allocates(WEST, INNER, 3.0)
        scene.flows[of].update(frames_client=5)
        scene.secure(WEST, POOL, 5061, 20.0)
        return of

    def test_firewall_before_the_edge_is_not_told_from_it_elsewhere(self) -> None:
        scene = Edge()
        scene.asks(EAST, 3.5, ROUTER, hops=2)
        self._in_vain(scene)

        inconclusive(scene, self.RULE, because="only a capture at the Edge's internal interface")

    def test_end_of_the_capture_is_doubted(self) -> None:
        scene = Edge()
        scene.asks(EAST, 3.5, INSIDE_CARD)
        self._in_vain(scene)

        inconclusive(scene.case(6.0), self.RULE, because="capture ends")

    def test_network_of_which_another_client_is_answered_has_its_route(self) -> None:
        scene = Edge()
        scene.asks(EAST, 3.5, INSIDE_CARD)
        scene.asks("10.1.0.77", 2.5, INSIDE_CARD)
        self._in_vain(scene)

        silent(scene, self.RULE)

    def test_icmp_says_by_itself_what_is_wrong(self) -> None:
        scene = Edge()
        scene.asks(EAST, 3.5, INSIDE_CARD)
        scene.forbidden(self._in_vain(scene), 3.1)

        silent(scene, self.RULE)

    def test_edge_that_answers_all_by_the_right_card_is_in_order(self) -> None:
        scene = Edge()
        scene.asks(HOME, 1.0, OUTSIDE_CARD, server=OUTER)
        for client in (WEST, EAST):
            scene.asks(client, 2.0, INSIDE_CARD)

        silent(scene, self.RULE)


class TestGateway:
    RULE = "edge-gateway-on-internal-nic"

    def _edge(self, *clients: str, card: str = INSIDE_CARD) -> tuple[Edge, list[int]]:
        scene = Edge()
        scene.asks(WEST, 1.0, INSIDE_CARD)
        scene.link("reply", INSIDE_CARD, INNER, "10.9.0.1", 0.5)
        scene.link("reply", OUTSIDE_CARD, OUTER, "203.0.113.1", 0.6)
        return scene, [scene.asks(one, 2.0, card, server=OUTER) for one in clients]

    def test_internet_answered_by_the_inner_card_is_found(self) -> None:
        scene, lost = self._edge(HOME, CAFE)

        one = fires(scene, self.RULE, INNER, frames={scene.flows[of]["first_frame_server"] for of in lost})

        assert (one.peer, one.port, one.confidence) == (HOME, TURN, Confidence.CERTAIN)

    def test_inner_address_on_its_way_to_the_internet_is_likely(self) -> None:
        scene, _ = self._edge()
        went = [scene.silent(INNER, one, 5061, 3.0) for one in (HOME, CAFE)]

        one = fires(scene, self.RULE, INNER, frames={scene.flows[of]["first_frame"] for of in went})

        assert one.confidence is Confidence.LIKELY

    def test_outer_card_is_the_right_one(self) -> None:
        silent(self._edge(HOME, CAFE, card=OUTSIDE_CARD)[0], self.RULE)

    def test_private_partner_networks_may_be_inside(self) -> None:
        silent(self._edge("172.30.1.9", "172.31.1.9")[0], self.RULE)

    def test_public_networks_may_be_inside(self) -> None:
        scene, _ = self._edge(HOME, CAFE)
        for client in (HOME, CAFE):
            scene.secure(client, POOL, 5061, 5.0)

        silent(scene, self.RULE)

    def test_list_of_an_authority_is_another_rule_s_matter(self) -> None:
        scene, _ = self._edge()
        for host in (HOME, CAFE):
            scene.connect(INNER, host, 80, 3.0)

        silent(scene, self.RULE)

    def test_one_public_network_may_have_its_own_route(self) -> None:
        inconclusive(self._edge(HOME)[0], self.RULE, because="own route")

    def test_without_arp_the_card_is_not_told(self) -> None:
        scene, _ = self._edge(HOME, CAFE)
        scene.links.clear()

        inconclusive(scene, self.RULE, because="which network card")


class TestOneNetwork:
    RULE = "edge-single-subnet-or-nic"

    def _edge(self, outer: str = "10.9.0.90") -> tuple[Edge, int, int]:
        scene = Edge()
        inside = scene.sends_by(scene.allocates(WEST, INNER, 1.0, f"{OUTER}:52000"), INSIDE_CARD)
        return scene, inside, scene.sends_by(scene.allocates(HOME, outer, 2.0, f"{OUTER}:52002"), OUTSIDE_CARD)

    def test_neighbour_of_both_addresses_tells(self) -> None:
        scene, *used = self._edge()
        asked = {scene.link("request", ROUTER, "10.9.0.1", one, 0.5) for one in (INNER, "10.9.0.90")}

        one = fires(scene, self.RULE, INNER, frames=asked | {scene.flows[of]["first_frame_server"] for of in used})

        assert (one.peer, one.confidence) == ("10.9.0.90", Confidence.CERTAIN)

    def test_addresses_with_no_room_between_tell(self) -> None:
        assert fires(self._edge("10.9.0.9")[0], self.RULE, INNER).confidence is Confidence.CERTAIN

    def test_one_card_for_both_addresses_is_likely(self) -> None:
        scene, *_ = self._edge("172.16.4.90")
        for address in (INNER, "172.16.4.90"):
            scene.link("reply", INSIDE_CARD, address, "10.9.0.1", 0.5)

        assert fires(scene, self.RULE, INNER).confidence is Confidence.LIKELY

    def test_trunk_has_two_networks_on_one_card(self) -> None:
        scene, *_ = self._edge("172.16.4.90")
        for vlan, address in ((70, INNER), (80, "172.16.4.90")):
            scene.link("reply", INSIDE_CARD, address, "10.9.0.1", 0.5)
            scene.links[-1]["vlan"] = vlan

        silent(scene, self.RULE)

    def test_two_cards_in_two_networks_are_as_it_should_be(self) -> None:
        scene, *_ = self._edge("172.16.4.90")
        scene.link("reply", INSIDE_CARD, INNER, "10.9.0.1", 0.5)
        scene.link("reply", OUTSIDE_CARD, "172.16.4.90", "172.16.4.1", 0.5)

        silent(scene, self.RULE)

    def test_addresses_that_begin_alike_are_doubted(self) -> None:
        inconclusive(self._edge()[0], self.RULE, because="how long the mask")


@pytest.mark.parametrize(
    "rule",
    [
        "edge-gateway-on-internal-nic",
        "edge-internal-route-missing",
        "edge-single-subnet-or-nic",
        "edge-uses-external-nic-for-internal",
    ],
)
def test_real_edges(rule: str) -> None:
    assert sample_fires("edges-cards", rule)
