import pytest
from dns_sites import AWAY, DOMAIN, EDGE, OTHER_PC, OUTER_DNS, PC, POOL, PROXY, SRV, fragmented, inside, mirrored
from proofs import fires, inconclusive, silent
from scenes import ANYBODY, Scene

from lynccap.document import Confidence

INNER, OUTER = f"lyncdiscoverinternal.{DOMAIN}", f"lyncdiscover.{DOMAIN}"
PRIVATE = "10.77.0.9"


class TestPublicInside:
    RULE = "dns-internal-client-gets-public-ip"

    def _told(self, address: str = PROXY, name: str = INNER) -> tuple[Scene, list[int]]:
        scene = mirrored(PC)
        scene.looks_up(PC, "files.example", -2.0, "10.1.0.80")
        return scene, scene.looks_up(PC, name, 0.0, address, server=OUTER_DNS)

    def test_others_are_told_a_private_address(self):
        scene, frames = self._told()
        frames += scene.looks_up(OTHER_PC, INNER, 0.5, POOL)

        one = fires(scene, self.RULE, PC, frames=set(frames))

        assert one.confidence is Confidence.LIKELY

    def test_connections_there_fail(self):
        scene, _ = self._told()
        scene.looks_up(OTHER_PC, INNER, 0.5, POOL)
        scene.refused(PC, PROXY, 443, 1.0)

        assert fires(scene, self.RULE, PC).confidence is Confidence.CERTAIN

    def test_address_serves_outer_names(self):
        scene, _ = self._told(EDGE, f"sipinternal.{DOMAIN}")
        scene.named(f"sipexternal.{DOMAIN}", EDGE)

        assert "sipexternal" in fires(scene, self.RULE, PC).why

    def test_outer_web_services_are_for_everybody(self):
        scene, _ = self._told(name=OUTER)
        scene.looks_up(OTHER_PC, OUTER, 0.5, POOL)

        silent(scene, self.RULE)

    def test_meetings_may_go_out_and_back(self):
        scene, _ = self._told(name=f"meet.{DOMAIN}")
        scene.looks_up(PC, INNER, 0.5, POOL)
        scene.looks_up(OTHER_PC, f"meet.{DOMAIN}", 0.5, POOL)

        silent(scene, self.RULE)

    def test_client_outside(self):
        scene = mirrored(AWAY)
        scene.looks_up(AWAY, INNER, 0.0, PROXY, server=OUTER_DNS)
        scene.looks_up(OTHER_PC, INNER, 0.5, POOL)

        silent(scene, self.RULE)

    def test_public_addresses_may_be_used_inside(self):
        inconclusive(self._told()[0], self.RULE, because="not used inside")


class TestPrivateOutside:
    RULE = "dns-external-client-gets-private-ip"

    def _told(self, client: str = AWAY) -> tuple[Scene, list[int]]:
        scene = mirrored(client, Scene())
        return scene, scene.looks_up(client, OUTER, 0.0, PRIVATE, server=OUTER_DNS)

    def test_fires_at_answer_and_silence(self):
        scene, frames = self._told()
        of = scene.silent(AWAY, PRIVATE, 443, 0.5)

        one = fires(scene, self.RULE, AWAY, frames={*frames, scene.flows[of]["first_frame"]})

        assert one.confidence is Confidence.CERTAIN

    def test_address_answers_through_a_vpn(self):
        scene, _ = self._told()
        scene.secure(AWAY, PRIVATE, 443, 0.5)

        silent(scene, self.RULE)

    def test_client_inside(self):
        scene = mirrored(PC)
        scene.looks_up(PC, OUTER, 0.0, PRIVATE)
        scene.silent(PC, PRIVATE, 443, 0.5)

        silent(scene, self.RULE)

    def test_public_address(self):
        scene = mirrored(AWAY, Scene())
        scene.looks_up(AWAY, OUTER, 0.0, PROXY, server=OUTER_DNS)
        scene.silent(AWAY, PROXY, 443, 0.5)

        silent(scene, self.RULE)

    def test_nobody_tries_it(self):
        inconclusive(self._told()[0], self.RULE, because="nobody tries it")

    @pytest.mark.parametrize("seconds", [6])
    def test_capture_ends(self, seconds):
        scene, _ = self._told()
        scene.silent(AWAY, PRIVATE, 443, 0.5, after=(0, 3))

        inconclusive(scene.case(seconds=seconds), self.RULE, because="the capture ends")

    def test_fragments_are_missing(self):
        scene, _ = self._told()
        scene.silent(AWAY, PRIVATE, 443, 0.5)

        inconclusive(fragmented(scene), self.RULE, because="fragments")


class TestDisclosed:
    RULE = "dns-edge-internal-name-public"
    POOL_NAME = f"pool.{DOMAIN}"

    def _asked(self, client: str = AWAY, server: str = OUTER_DNS, name: str = POOL_NAME) -> tuple[Scene, list[int]]:
        scene = inside()
        record = f"_sipinternaltls._tcp.{DOMAIN}"
        scene.looks_up(ANYBODY, record, -3.0, ("SRV", self.POOL_NAME, 5061), kind=SRV)
        scene.looks_up(AWAY, OUTER, -2.0, PROXY, server=OUTER_DNS)
        return scene, scene.looks_up(client, name, 0.0, "192.0.2.60", server=server)

    def test_fires_at_question_and_answer(self):
        scene, frames = self._asked()

        fires(scene, self.RULE, AWAY, frames=set(frames))

    def test_inner_server_is_asked(self):
        silent(self._asked(server="10.1.0.53")[0], self.RULE)

    def test_somebody_inside_asks(self):
        scene, _ = self._asked(client=PC)
        scene.connect(PC, POOL, 443, 1.0)

        silent(scene, self.RULE)

    def test_names_of_services_belong_outside(self):
        silent(self._asked(name=f"sip.{DOMAIN}")[0], self.RULE)

    def test_no_such_name_outside(self):
        scene = inside()
        scene.looks_up(ANYBODY, f"_sipinternaltls._tcp.{DOMAIN}", -3.0, ("SRV", self.POOL_NAME, 5061), kind=SRV)
        scene.looks_up(AWAY, self.POOL_NAME, 0.0, server=OUTER_DNS)

        silent(scene, self.RULE)

    def test_side_is_unknown(self):
        inconclusive(self._asked(client="192.168.9.9")[0], self.RULE, because="on which side")
