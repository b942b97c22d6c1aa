"""Our Edge and those of partners: who gets through to whom."""

import pytest
from proofs import fires, inconclusive, silent
from scenes import RESOLVER, Scene, accused

from lynccap.document import Confidence

EDGE = "203.0.113.21"
FABRIKAM, NORTHWIND, CLOUD = "198.51.100.71", "192.0.2.71", "52.112.10.5"
RECORD = "_sipfederationtls._tcp."


def perimeter() -> Scene:
    """An Access Edge that asks where two partners are, and hears others all along."""
    scene = Scene()
    for domain, address in (("fabrikam.example", FABRIKAM), ("northwind.example", NORTHWIND)):
        target = f"sip.{domain}"
        scene.looks_up(EDGE, RECORD + domain, 1.0, ("SRV", target, 5061), ("A", address, 0, target), kind=33)
        scene.service(RECORD + domain, target, 5061)
        scene.named(target, address)
    for at in (20.0, 60.0):
        scene.exchange(EDGE, RESOLVER, 53, at, stack="dns")
    return scene


class TestOutbound:
    RULE = "federation-5061-outbound-blocked"

    def test_two_partners_are_certain_and_one_finding(self) -> None:
        scene = perimeter()
        flows = [scene.silent(EDGE, one, 5061, at) for one, at in ((FABRIKAM, 5.0), (NORTHWIND, 6.0))]

        one = fires(scene, self.RULE, EDGE)

        assert (one.peer, one.port, one.flows) == (FABRIKAM, 5061, tuple(flows))
        assert one.confidence is Confidence.CERTAIN
        assert {scene.frame(5.0, flows[0]), scene.frame(6.0, flows[1])} <= {
            x for proof in one.proof for x in proof.frames
        }
        assert accused(scene) == {(self.RULE, EDGE)}

    def test_one_partner_whose_host_answers_otherwise_is_likely(self) -> None:
        scene = perimeter()
        scene.silent(EDGE, FABRIKAM, 5061, 5.0)
        scene.secure(EDGE, FABRIKAM, 443, 15.0)

        assert fires(scene, self.RULE, EDGE).confidence is Confidence.LIKELY

    @pytest.mark.parametrize("at", [3.0, 15.0])
    def test_one_partner_is_down_and_the_other_is_reached(self, at: float) -> None:
        scene = perimeter()
        scene.silent(EDGE, FABRIKAM, 5061, 5.0)
        scene.secure(EDGE, FABRIKAM, 443, 14.0)
        scene.secure(EDGE, NORTHWIND, 5061, at, seconds=10.0)

        silent(scene, self.RULE)
        assert accused(scene) == set()

    @pytest.mark.parametrize("how", ["silent", "refused"])
    def test_one_partner_alone(self, how: str) -> None:
        scene = perimeter()
        getattr(scene, how)(EDGE, FABRIKAM, 5061, 5.0)

        inconclusive(scene, self.RULE, "a second partner would tell")
        assert accused(scene) == set()

    def test_the_capture_ends_too_early(self) -> None:
        scene = perimeter()
        for one in (FABRIKAM, NORTHWIND):
            scene.silent(EDGE, one, 5061, 5.0, after=(0, 3))

        inconclusive(scene.case(9.0), self.RULE, "the capture ends")


class TestInbound:
    RULE = "federation-5061-inbound-blocked"
    USER = "192.0.2.200"

    def test_443_answers_and_5061_does_not(self) -> None:
        scene = perimeter()
        of = scene.silent(FABRIKAM, EDGE, 5061, 5.0)
        scene.exchange(FABRIKAM, "192.0.2.53", 53, 20.0, stack="dns")
        scene.secure(self.USER, EDGE, 443, 16.0)

        one = fires(scene, self.RULE, EDGE)

        assert (one.peer, one.port, one.flows, one.confidence) == (FABRIKAM, 5061, (of,), Confidence.CERTAIN)
        assert accused(scene) == {(self.RULE, EDGE)}

    def test_a_stranger_who_tries_the_port(self) -> None:
        scene = perimeter()
        scene.silent("192.0.2.99", EDGE, 5061, 5.0)
        scene.secure(self.USER, EDGE, 443, 16.0)

        silent(scene, self.RULE)
        assert accused(scene) == set()

    def test_a_user_whose_443_works(self) -> None:
        scene = perimeter()
        scene.secure(FABRIKAM, EDGE, 443, 3.0)
        scene.silent(FABRIKAM, EDGE, 5061, 5.0)
        scene.secure(self.USER, EDGE, 443, 16.0)
        scene.exchange(FABRIKAM, "192.0.2.53", 53, 20.0, stack="dns")

        silent(scene, self.RULE)

    def test_federation_that_is_closed_after_tls(self) -> None:
        scene = perimeter()
        scene.secure(FABRIKAM, EDGE, 5061, 5.0, closing="server-fin")
        scene.secure(self.USER, EDGE, 443, 16.0)

        silent(scene, self.RULE)

    def test_nothing_is_seen_of_443(self) -> None:
        scene = perimeter()
        scene.refused(FABRIKAM, EDGE, 5061, 5.0)

        inconclusive(scene, self.RULE, "the whole Edge may be out of reach")


class TestXmpp:
    RULE = "xmpp-5269-blocked"

    def _scene(self) -> Scene:
        scene = perimeter()
        scene.service("_xmpp-server._tcp.northwind.example", "sip.northwind.example", 5269)
        scene.named("sip.northwind.example", NORTHWIND)
        return scene

    def test_out(self) -> None:
        scene = self._scene()
        of = scene.silent(EDGE, NORTHWIND, 5269, 5.0)
        scene.secure(EDGE, NORTHWIND, 5061, 16.0)

        one = fires(scene, self.RULE, EDGE)

        assert (one.peer, one.port, one.flows) == (NORTHWIND, 5269, (of,))
        assert accused(scene) == {(self.RULE, EDGE)}

    def test_in(self) -> None:
        scene = self._scene()
        scene.refused(NORTHWIND, EDGE, 5269, 5.0)

        assert fires(scene, self.RULE, EDGE).peer == NORTHWIND

    @pytest.mark.parametrize("out", [True, False])
    def test_a_host_that_no_record_names(self, out: bool) -> None:
        scene = self._scene()
        ends = (EDGE, FABRIKAM) if out else (FABRIKAM, EDGE)
        scene.refused(*ends, 5269, 5.0)

        silent(scene, self.RULE)

    def test_a_deployment_without_xmpp_does_not_try(self) -> None:
        scene = self._scene()
        scene.secure(EDGE, NORTHWIND, 5061, 5.0)

        silent(scene, self.RULE)

    def test_a_partner_of_whom_nothing_is_seen(self) -> None:
        scene = self._scene()
        scene.silent(EDGE, NORTHWIND, 5269, 5.0)

        inconclusive(scene, self.RULE, "the host itself may be down")


class TestPush:
    RULE = "push-notification-path-blocked"

    def _scene(self) -> Scene:
        scene = perimeter()
        scene.named("sipfed.online.lync.com", CLOUD)
        return scene

    def test_only_the_cloud_is_out_of_reach(self) -> None:
        scene = self._scene()
        of = scene.silent(EDGE, CLOUD, 5061, 5.0)

        one = fires(scene, self.RULE, EDGE)

        assert (one.peer, one.port, one.flows, one.confidence) == (CLOUD, 5061, (of,), Confidence.LIKELY)
        assert accused(scene) == {(self.RULE, EDGE)}

    def test_nobody_is_reached(self) -> None:
        scene = self._scene()
        for one in (CLOUD, FABRIKAM, NORTHWIND):
            scene.silent(EDGE, one, 5061, 5.0)

        silent(scene, self.RULE)
        assert accused(scene) == {("federation-5061-outbound-blocked", EDGE)}

    def test_phones_that_need_no_notices(self) -> None:
        scene = self._scene()
        scene.silent("10.71.9.9", "17.57.144.10", 5223, 5.0)

        silent(scene, self.RULE)

    def test_the_capture_ends_too_early(self) -> None:
        scene = self._scene()
        scene.silent(EDGE, CLOUD, 5061, 5.0, after=(0, 3))

        inconclusive(scene.case(9.0), self.RULE, "the capture ends")
