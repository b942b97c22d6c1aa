"""Blocked ways to the Edge's relay: UDP 3478, TCP 443, both."""

import pytest
from proofs import fires, inconclusive, sample_fires, silent
from scenes import RESOLVER, Scene, accused

from lynccap.document import Confidence, Severity

INNER, OUTER, ACCESS, POOL = "172.20.8.4", "203.0.113.90", "203.0.113.89", "10.31.2.4"
PC, NEAR, FAR = "10.31.7.20", "10.31.7.21", "10.31.9.22"
HOME, FLAT = "198.51.100.7", "192.0.2.9"
INTERNAL = "stun-3478-blocked-internal"
EXTERNAL = "stun-3478-blocked-external"
TCP = "av-edge-tcp443-blocked"
BOTH = "relay-all-transports-blocked"


def office() -> Scene:
    """An Edge with its two sides, and a PC that hears others all along."""
    scene = Scene()
    scene.holds(
        ("edge_int", INNER, "edge-in.cedar.example"),
        ("edge_av", OUTER, "av.cedar.example"),
        ("edge_access", ACCESS, "sip.cedar.example"),
        ("fe", POOL, "pool.cedar.example"),
    )
    for client in (PC, NEAR, FAR, HOME, FLAT):
        scene.exchange(client, RESOLVER, 53, 40.0, stack="dns")
    return scene


def up(scene: Scene, server: str = INNER) -> None:
    """The Edge sends packets to somebody, on no relay port."""
    scene.secure(POOL, server, 5062, 30.0)


class TestInside:
    def test_another_subnet_is_answered(self) -> None:
        scene = office()
        of = scene.allocates(PC, INNER, 2.0)
        scene.allocates(FAR, INNER, 4.0, f"{OUTER}:51000")

        one = fires(scene, INTERNAL, PC)

        assert (one.peer, one.port, one.transport, one.flows) == (INNER, 3478, "udp", (of,))
        assert one.confidence is Confidence.CERTAIN
        assert {scene.frame(2.0 + place / 5, of) for place in range(4)} == set(one.proof[0].frames)
        assert "TCP 443 of the same Edge was not tried" in one.says

    def test_nobody_else_asks(self) -> None:
        scene = office()
        scene.allocates(PC, INNER, 2.0)
        up(scene)

        assert fires(scene, INTERNAL, PC).confidence is Confidence.LIKELY

    def test_tcp_works_and_is_said_to(self) -> None:
        scene = office()
        scene.allocates(PC, INNER, 2.0)
        scene.allocates(PC, INNER, 3.0, f"{OUTER}:51002", over="tcp")

        assert "TCP 443 of the same Edge answers" in fires(scene, INTERNAL, PC).says

    def test_without_any_relay_it_explains_a_call_that_fails(self) -> None:
        scene = office()
        scene.allocates(PC, INNER, 2.0)
        up(scene)

        assert "ice-all-checks-failed" in (fires(scene, INTERNAL, PC).explains or ())

    def test_with_a_relay_over_tcp_it_does_not(self) -> None:
        scene = office()
        scene.allocates(PC, INNER, 2.0)
        scene.allocates(PC, INNER, 3.0, f"{OUTER}:51002", over="tcp")

        explained = fires(scene, INTERNAL, PC).explains or ()

        assert "media-tcp443-fallback" in explained
        assert "ice-all-checks-failed" not in explained

    def test_a_neighbour_is_answered(self) -> None:
        scene = office()
        scene.allocates(PC, INNER, 2.0)
        scene.allocates(NEAR, INNER, 4.0, f"{OUTER}:51000")

        one = fires(scene, INTERNAL, PC)

        assert (one.confidence, one.causes) == (
            Confidence.LIKELY,
            (f"A firewall on the device itself: {NEAR} beside it is answered.",),
        )

    def test_rejected_by_a_box_in_between(self) -> None:
        scene = office()
        of = scene.allocates(PC, INNER, 2.0)
        up(scene)
        told = scene.reported(of, 2.01, "10.31.7.1", (3, 3))

        one = fires(scene, INTERNAL, PC)

        assert told in one.proof[0].frames
        assert "10.31.7.1 rejects them" in one.why

    def test_rejected_by_the_edge_itself_is_told_by_the_rule_on_icmp(self) -> None:
        scene = office()
        of = scene.allocates(PC, INNER, 2.0)
        up(scene)
        for place in range(3):
            scene.reported(of, 2.01 + place / 5, INNER, (3, 3))

        silent(scene, INTERNAL)
        assert accused(scene) == {("icmp-port-unreachable-udp", PC)}

    def test_forbidden_is_told_by_the_rule_on_icmp(self) -> None:
        scene = office()
        of = scene.allocates(PC, INNER, 2.0)
        up(scene)
        scene.forbidden(of, 2.01)

        assert accused(scene) == {("icmp-admin-prohibited", PC)}

    def test_forbidden_beside_a_way_that_works(self) -> None:
        scene = office()
        of = scene.allocates(PC, INNER, 2.0)
        scene.forbidden(of, 2.01)
        scene.allocates(PC, INNER, 3.0, f"{OUTER}:51002", over="tcp")

        assert accused(scene) == {(INTERNAL, PC)}

    def test_the_first_answer_is_401(self) -> None:
        scene = office()
        scene.allocates(PC, INNER, 2.0, f"{OUTER}:51000")

        silent(scene, INTERNAL)

    def test_a_member_that_is_down(self) -> None:
        scene = office()
        scene.allocates(PC, INNER, 2.0)

        inconclusive(scene, INTERNAL, because="may be down")

    def test_a_service_that_is_down(self) -> None:
        scene = office()
        scene.allocates(PC, INNER, 2.0)
        scene.refused(PC, INNER, 443, 3.0)
        up(scene)

        inconclusive(scene, INTERNAL, because="its relay service may be down")
        silent(scene, BOTH)

    def test_one_request_proves_nothing(self) -> None:
        scene = office()
        scene.allocates(PC, INNER, 2.0, requests=1)
        up(scene)

        inconclusive(scene, INTERNAL, because="asked 1 times")

    def test_the_capture_ends_too_early(self) -> None:
        scene = office()
        scene.allocates(PC, INNER, 85.0)
        up(scene)

        inconclusive(scene.case(90.0), INTERNAL, because="the capture ends")

    def test_somebody_elses_stun_server(self) -> None:
        scene = office()
        scene.allocates(PC, "198.51.100.200", 2.0)

        silent(scene, INTERNAL)
        silent(scene, EXTERNAL)

    def test_an_edge_that_asks_another_edge(self) -> None:
        scene = office()
        scene.allocates(OUTER, "192.0.2.77", 2.0)
        scene.allocates(HOME, "192.0.2.77", 3.0, "192.0.2.77:52000", over="tcp")
        scene.exchange(OUTER, RESOLVER, 53, 40.0, stack="dns")

        silent(scene, EXTERNAL)

    def test_the_audio_over_tcp_is_its_consequence(self) -> None:
        assert sample_fires("media-tcp443-fallback", INTERNAL)


class TestOutside:
    def test_two_networks_fail(self) -> None:
        scene = office()
        for client in (HOME, FLAT):
            scene.allocates(client, OUTER, 2.0)
            scene.allocates(client, OUTER, 4.0, f"{OUTER}:51000", over="tcp")

        one = fires(scene, EXTERNAL, HOME, beside=(FLAT,))

        assert (one.peer, one.port, one.confidence) == (OUTER, 3478, Confidence.CERTAIN)
        assert "hotels" not in " ".join(one.causes)

    def test_one_network_may_be_at_fault_itself(self) -> None:
        scene = office()
        scene.allocates(HOME, OUTER, 2.0)
        scene.allocates(HOME, OUTER, 4.0, f"{OUTER}:51000", over="tcp")

        one = fires(scene, EXTERNAL, HOME)

        assert (one.confidence, one.causes) == (Confidence.LIKELY, ())  # the rule's own: hotels first

    def test_a_hotel_blocks_udp_while_others_are_answered(self) -> None:
        scene = office()
        scene.allocates(HOME, OUTER, 2.0)
        scene.allocates(FLAT, OUTER, 4.0, f"{OUTER}:51000")

        inconclusive(scene, EXTERNAL, because=f"the network of {HOME} may block UDP")

    def test_a_device_inside_has_no_business_there(self) -> None:
        scene = office()
        scene.secure(PC, POOL, 5061, 1.0)
        scene.allocates(PC, OUTER, 2.0)
        scene.secure(HOME, OUTER, 443, 30.0)

        inconclusive(scene, EXTERNAL, because="it is inside")

    def test_one_sided(self) -> None:
        scene = office()
        scene.flows = [one for one in scene.flows if one["client"] != HOME]
        scene.allocates(HOME, OUTER, 2.0)
        scene.secure(FLAT, OUTER, 443, 30.0)

        inconclusive(scene, EXTERNAL, because="no flow of")


class TestTcp:
    def test_while_the_access_edge_works(self) -> None:
        scene = office()
        reached = scene.secure(HOME, ACCESS, 443, 1.0)
        of = scene.silent(HOME, OUTER, 443, 5.0)
        scene.allocates(FLAT, OUTER, 16.0, f"{OUTER}:51000")

        one = fires(scene, TCP, HOME)

        assert (one.peer, one.port, one.flows) == (OUTER, 443, (of,))
        assert one.proof[-1].frames == (scene.frame(1.001, reached),)
        assert accused(scene) == {(TCP, HOME)}

    def test_inside(self) -> None:
        scene = office()
        scene.silent(PC, INNER, 443, 5.0)
        up(scene)

        assert fires(scene, TCP, PC).peer == INNER

    def test_one_address_with_several_services(self) -> None:
        scene = Scene()
        scene.holds(("edge_av", OUTER, "av.cedar.example"), ("edge_access", OUTER, "sip.cedar.example"))
        scene.allocates(FLAT, OUTER, 1.0, f"{OUTER}:51000")
        scene.exchange(HOME, RESOLVER, 53, 40.0, stack="dns")
        scene.silent(HOME, OUTER, 443, 5.0)
        scene.allocates(FLAT, OUTER, 20.0, f"{OUTER}:51002")

        inconclusive(scene, TCP, because="several Edge services")

    def test_accepted(self) -> None:
        scene = office()
        scene.allocates(PC, INNER, 3.0, f"{OUTER}:51002", over="tcp")

        silent(scene, TCP)

    def test_the_capture_ends_too_early(self) -> None:
        scene = office()
        scene.silent(PC, INNER, 443, 80.0)
        up(scene)

        inconclusive(scene.case(85.0), TCP, because="the capture ends")


class TestBoth:
    def _blocked(self) -> Scene:
        scene = office()
        scene.allocates(PC, INNER, 2.0)
        scene.silent(PC, INNER, 443, 3.0)
        return scene

    def test_takes_the_place_of_the_findings_on_one_way(self) -> None:
        scene = self._blocked()
        scene.allocates(FAR, INNER, 16.0, f"{OUTER}:51000")

        one = fires(scene, BOTH, PC)

        assert (one.peer, one.port, one.confidence, one.severity) == (INNER, 3478, Confidence.CERTAIN, None)
        assert len(one.flows) == 2
        assert accused(scene) == {(BOTH, PC)}

    def test_another_relay_serves_the_device(self) -> None:
        scene = self._blocked()
        scene.allocates(FAR, INNER, 16.0, f"{OUTER}:51000")
        scene.allocates(PC, OUTER, 4.0, f"{OUTER}:51004")

        one = fires(scene, BOTH, PC)

        assert one.severity is Severity.MAJOR
        assert f"gets a relay from {OUTER}" in one.says

    def test_one_way_works(self) -> None:
        scene = office()
        scene.allocates(PC, INNER, 2.0)
        scene.allocates(PC, INNER, 3.0, f"{OUTER}:51002", over="tcp")

        silent(scene, BOTH)

    def test_the_edge_is_down(self) -> None:
        inconclusive(self._blocked(), BOTH, because="may be down")

    @pytest.mark.parametrize("rule", [INTERNAL, TCP, BOTH])
    def test_nobody_is_accused_of_an_edge_that_is_down(self, rule: str) -> None:
        silent(self._blocked(), rule)
