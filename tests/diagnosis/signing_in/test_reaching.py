"""Servers for sign-in that nobody reaches: inside, outside, after being sent on."""

import pytest
from proofs import fires, inconclusive, silent
from scenes import RESOLVER, Scene, accused

from lynccap.document import Confidence, Reading

DOMAIN = "elm.example"
POOL, SECOND, OTHER_POOL = "10.71.2.11", "10.71.2.12", "10.71.6.40"
PC, BESIDE, FAR = "10.71.20.31", "10.71.20.32", "10.71.30.31"
EDGE, PROXY = "198.51.100.61", "198.51.100.62"
HOTEL, GUEST, HOME = "192.0.2.31", "192.0.2.32", "203.0.113.31"


def office(*members: str) -> Scene:
    """A pool that DNS names, whose web services answer a PC all along."""
    scene = Scene()
    scene.service(f"_sipinternaltls._tcp.{DOMAIN}", f"pool.{DOMAIN}", 5061)
    for one in members or (POOL,):
        scene.named(f"pool.{DOMAIN}", one)
        scene.secure(PC, one, 443, 1.0)
    scene.exchange(PC, RESOLVER, 53, 40.0, stack="dns")
    scene.secure(PC, POOL, 443, 45.0)
    return scene


class TestRegistrar:
    RULE = "sip-registrar-unreachable-internal"

    def test_dropped_on_the_way_to_the_only_server(self) -> None:
        scene = office()
        of = scene.silent(PC, POOL, 5061, 5.0)
        scene.secure(FAR, POOL, 5061, 16.0)

        one = fires(scene, self.RULE, PC)

        assert {scene.frame(at, of) for at in (5.0, 8.0, 14.0)} <= {x for proof in one.proof for x in proof.frames}
        assert (one.peer, one.port, one.confidence) == (POOL, 5061, Confidence.CERTAIN)
        assert f"{FAR} in another network does" in one.why
        assert accused(scene) == {(self.RULE, PC)}

    def test_refused_by_every_server_of_the_pool_is_one_finding(self) -> None:
        scene = office(POOL, SECOND)
        flows = [scene.refused(PC, POOL, 5061, 5.0), scene.refused(PC, SECOND, 5061, 7.0)]

        one = fires(scene, self.RULE, PC)

        assert one.flows == tuple(flows)
        assert "all 2 addresses" in one.why
        assert one.act[0] == "service owner of the server"
        assert accused(scene) == {(self.RULE, PC)}

    def test_a_pool_that_is_down_altogether_is_likely(self) -> None:
        scene = Scene()
        scene.service(f"_sipinternaltls._tcp.{DOMAIN}", f"pool.{DOMAIN}", 5061)
        scene.named(f"pool.{DOMAIN}", POOL)
        scene.secure(PC, "10.71.2.99", 443, 1.0)
        scene.secure(PC, POOL, 443, 2.0, seconds=1.0)
        scene.silent(PC, POOL, 5061, 5.0)
        scene.exchange(PC, RESOLVER, 53, 40.0, stack="dns")

        assert fires(scene, self.RULE, PC).confidence is Confidence.LIKELY

    def test_a_host_that_may_be_an_edge(self) -> None:
        scene = office()
        scene.exchange(FAR, RESOLVER, 53, 2.0, stack="dns")
        scene.secure(FAR, POOL, 3389, 3.0)
        scene.refused(FAR, POOL, 5061, 5.0)

        silent(scene, self.RULE)
        assert accused(scene) == {("tcp-refused-by-host", FAR)}

    def test_one_dead_member(self) -> None:
        scene = office(POOL, SECOND)
        scene.refused(PC, POOL, 5061, 5.0)
        scene.secure(PC, SECOND, 5061, 6.5)

        silent(scene, self.RULE)
        assert accused(scene) == set()

    def test_one_member_of_two_that_was_tried_stays_a_port(self) -> None:
        scene = office(POOL, SECOND)
        scene.refused(PC, POOL, 5061, 5.0)

        silent(scene, self.RULE)
        assert accused(scene) == {("tcp-refused-by-host", PC)}

    @pytest.mark.parametrize("seconds", [2.0, 60.0])
    def test_one_client_beside_one_that_works_stays_a_port(self, seconds: float) -> None:
        scene = office()
        scene.silent(PC, POOL, 5061, 5.0)
        scene.secure(BESIDE, POOL, 5061, 15.0 if seconds < 10 else 2.0, seconds=seconds)

        silent(scene, self.RULE)
        assert accused(scene) == {("tcp-filtered-silent", PC)}

    def test_a_client_outside(self) -> None:
        scene = office()
        scene.named(f"sip.{DOMAIN}", EDGE)
        scene.silent(HOTEL, POOL, 5061, 5.0)

        silent(scene, self.RULE)

    def test_the_capture_ends_too_early(self) -> None:
        scene = office()
        scene.silent(PC, POOL, 5061, 5.0, after=(0, 3))

        inconclusive(scene.case(9.0), self.RULE, "the capture ends")


def outside(port: int = 443) -> Scene:
    """An Access Edge by its record, and a reverse proxy that answers a client in a hotel."""
    scene = Scene()
    scene.service(f"_sip._tls.{DOMAIN}", f"sip.{DOMAIN}", port)
    scene.named(f"sip.{DOMAIN}", EDGE)
    scene.named(f"lyncdiscover.{DOMAIN}", PROXY)
    for at in (1.0, 30.0):
        scene.secure(HOTEL, PROXY, 443, at)
    return scene


class TestAccessEdge:
    RULE = "sip-access-edge-unreachable"

    def test_silent_while_web_services_answer(self) -> None:
        scene = outside()
        of = scene.silent(HOTEL, EDGE, 443, 5.0)

        one = fires(scene, self.RULE, HOTEL)

        assert (one.peer, one.port, one.flows) == (EDGE, 443, (of,))
        assert one.confidence is Confidence.LIKELY
        assert any("answers" in proof.says for proof in one.proof)
        assert accused(scene) == {(self.RULE, HOTEL)}

    def test_from_two_networks_is_certain(self) -> None:
        scene = outside()
        scene.secure(HOME, PROXY, 443, 1.5)
        scene.secure(HOME, PROXY, 443, 31.0)
        for client in (HOTEL, HOME):
            scene.silent(client, EDGE, 443, 5.0)

        assert fires(scene, self.RULE, HOTEL, beside=[HOME]).confidence is Confidence.CERTAIN

    def test_refused_on_the_port_that_the_record_names(self) -> None:
        scene = outside(5061)
        scene.refused(HOTEL, EDGE, 5061, 5.0)

        assert fires(scene, self.RULE, HOTEL).port == 5061

    def test_a_network_that_keeps_5061_in(self) -> None:
        scene = outside(5061)
        scene.silent(HOTEL, EDGE, 5061, 5.0)
        scene.secure(HOME, EDGE, 5061, 5.0)

        silent(scene, self.RULE)

    def test_a_guest_beside_one_who_gets_through(self) -> None:
        scene = outside()
        scene.silent(HOTEL, EDGE, 443, 5.0)
        scene.secure(GUEST, EDGE, 443, 6.0)

        silent(scene, self.RULE)

    def test_a_port_that_nobody_named(self) -> None:
        scene = outside()
        scene.silent(HOTEL, EDGE, 5061, 5.0)

        silent(scene, self.RULE)

    def test_nothing_else_of_the_deployment_answers_either(self) -> None:
        scene = Scene()
        scene.named(f"sipexternal.{DOMAIN}", EDGE)
        scene.silent(HOTEL, EDGE, 443, 5.0)

        silent(scene, self.RULE)

    def test_the_capture_ends_too_early(self) -> None:
        scene = outside()
        scene.silent(HOTEL, EDGE, 443, 5.0, after=(0, 3))

        inconclusive(scene.case(9.0), self.RULE, "the capture ends")


class TestGuestNetwork:
    RULE = "sip-guest-firewall-blocks-nonstandard"

    @pytest.mark.parametrize("port", [5061, 444])
    def test_443_passes_and_others_reach_the_port(self, port: int) -> None:
        scene = outside(5061)
        of = scene.silent(HOTEL, EDGE, port, 5.0)
        scene.secure(HOME, EDGE, port, 7.0)

        one = fires(scene, self.RULE, HOTEL)

        assert (one.peer, one.port, one.flows) == (EDGE, port, (of,))
        assert one.confidence is Confidence.LIKELY
        assert accused(scene) == {(self.RULE, HOTEL)}

    def test_an_edge_that_answers_nobody(self) -> None:
        scene = outside(5061)
        scene.secure(HOME, PROXY, 443, 1.5)
        scene.secure(HOME, PROXY, 443, 31.0)
        for client in (HOTEL, HOME):
            scene.silent(client, EDGE, 5061, 5.0)

        silent(scene, self.RULE)
        assert accused(scene) == {("sip-access-edge-unreachable", HOTEL), ("sip-access-edge-unreachable", HOME)}

    def test_a_network_in_which_443_fails_too(self) -> None:
        scene = outside(5061)
        scene.silent(GUEST, EDGE, 5061, 5.0)
        scene.secure(HOME, EDGE, 5061, 7.0)

        silent(scene, self.RULE)

    def test_nobody_elsewhere_to_compare_with(self) -> None:
        scene = outside(5061)
        scene.silent(HOTEL, EDGE, 5061, 5.0)

        inconclusive(scene, self.RULE, "a capture on the Edge would tell")
        assert accused(scene) == set()


class TestSentOn:
    RULE = "sip-redirect-target-unreachable"

    def _site(self, *, readable: bool = True, knew: bool = False) -> Scene:
        """A PC that signs in at one pool and then looks for another one."""
        scene = office()
        scene.looks_up(PC, f"home.{DOMAIN}", 1.5 if knew else 5.5, OTHER_POOL)
        of = scene.secure(PC, POOL, 5061, 5.0, closing="client-fin")
        if readable:
            scene.opened(of)
            contact = f"<sip:home.{DOMAIN}:5061;transport=tls>"
            scene.asks_sip(of, 5.2, "REGISTER", 301, contact=contact)
        scene.secure(FAR, OTHER_POOL, 443, 30.0)
        return scene

    def test_told_by_the_first_server(self) -> None:
        scene = self._site()
        of = scene.silent(PC, OTHER_POOL, 5061, 6.0)

        one = fires(scene, self.RULE, PC)

        assert (one.peer, one.port, one.flows, one.reading) == (OTHER_POOL, 5061, (of,), Reading.DECRYPTED)
        assert "status 301" in one.why
        assert accused(scene) == {(self.RULE, PC)}

    def test_a_home_pool_that_is_down_is_likely(self) -> None:
        scene = office()
        of = scene.opened(scene.secure(PC, POOL, 5061, 5.0, closing="client-fin"))
        scene.asks_sip(of, 5.2, "REGISTER", 301, contact=f"<sip:{OTHER_POOL}:5061;transport=tls>")
        scene.silent(PC, OTHER_POOL, 5061, 6.0)

        one = fires(scene, self.RULE, PC)

        assert (one.confidence, one.act[0]) == (Confidence.LIKELY, "Lync administrator")

    def test_by_the_pattern_of_encrypted_connections(self) -> None:
        scene = self._site(readable=False)
        scene.silent(PC, OTHER_POOL, 5061, 6.0)
        scene.secure(FAR, OTHER_POOL, 5061, 20.0)

        one = fires(scene, self.RULE, PC)

        assert (one.confidence, one.reading) == (Confidence.LIKELY, Reading.PATTERN)

    def test_a_server_that_the_client_knew_before(self) -> None:
        scene = self._site(readable=False, knew=True)
        scene.silent(PC, OTHER_POOL, 5061, 6.0)

        silent(scene, self.RULE)

    def test_a_client_that_stays_with_the_first_server(self) -> None:
        scene = self._site(readable=False)
        scene.secure(PC, POOL, 5061, 8.0, seconds=60.0)
        scene.silent(PC, OTHER_POOL, 5061, 6.0)

        silent(scene, self.RULE)

    def test_the_home_pool_accepts(self) -> None:
        scene = self._site()
        scene.secure(PC, OTHER_POOL, 5061, 6.0)

        silent(scene, self.RULE)
        assert accused(scene) == set()

    def test_the_capture_ends_too_early(self) -> None:
        scene = self._site()
        scene.silent(PC, OTHER_POOL, 5061, 6.0, after=(0, 3))

        inconclusive(scene.case(10.0), self.RULE, "the capture ends")
