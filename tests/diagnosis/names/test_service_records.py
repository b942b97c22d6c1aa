import pytest
from dns_sites import (
    AWAY,
    DOMAIN,
    EDGE,
    MANY,
    OTHER_PC,
    PC,
    PHONE,
    POOL,
    SRV,
    fragmented,
    inside,
    mirrored,
)
from proofs import fires, inconclusive, silent
from scenes import RESOLVER, Scene

from lynccap.document import Confidence

RECORD, TARGET = f"_sipinternaltls._tcp.{DOMAIN}", f"pool.{DOMAIN}"
ELSEWHERE, PARTNER = "pool.holding.example", "partner.example"


def told(scene: Scene, client: str, target: str = TARGET, port: int = 5061, address: str = "", **facts) -> list[int]:
    """The answer for the record, with the target's address along or without."""
    along = [("A", address, 0, target)] if address else []
    return scene.looks_up(client, RECORD, 0.0, ("SRV", target, port), *along, kind=SRV, **facts)


class TestForeignTarget:
    RULE = "dns-srv-target-domain-mismatch"

    def _phone(self, target: str = ELSEWHERE, scene: Scene | None = None) -> tuple[Scene, list[int]]:
        scene = mirrored(PHONE, scene)
        scene.looks_up(PHONE, f"ucupdates-r2.{DOMAIN}", -0.5, POOL)
        return scene, told(scene, PHONE, target, address=POOL)

    def test_phone_stops(self):
        scene, frames = self._phone()

        one = fires(scene, self.RULE, PHONE, frames=set(frames))

        assert one.confidence is Confidence.LIKELY

    def test_user_is_asked_first(self):
        scene = mirrored(PC)
        told(scene, PC, ELSEWHERE, address=POOL)
        scene.secure(PC, POOL, 5061, 9.0)

        assert "9.0 s later" in fires(scene, self.RULE, PC).why

    def test_target_in_the_domain(self):
        silent(self._phone(TARGET)[0], self.RULE)
        silent(self._phone(f"fe01.site.{DOMAIN}")[0], self.RULE)

    def test_client_that_trusts_the_domain(self):
        scene = mirrored(PC)
        told(scene, PC, ELSEWHERE, address=POOL)
        scene.secure(PC, POOL, 5061, 0.5)

        silent(scene, self.RULE)

    def test_signed_in_by_autodiscover(self):
        scene, _ = self._phone()
        scene.named(f"lyncdiscoverinternal.{DOMAIN}", "10.9.0.7")
        scene.secure(PHONE, "10.9.0.7", 5061, 1.0)

        silent(scene, self.RULE)

    def test_pc_that_does_not_connect(self):
        scene = mirrored(PC)
        told(scene, PC, ELSEWHERE, address=POOL)

        inconclusive(scene, self.RULE, because="nothing shows that it is a phone")

    def test_target_cannot_be_reached_at_all(self):
        scene, _ = self._phone()
        scene.refused(PHONE, POOL, 5061, 1.0)

        inconclusive(scene, self.RULE, because="cannot be reached")

    def test_capture_ends(self):
        inconclusive(self._phone()[0].case(seconds=5), self.RULE, because="the capture ends")


class TestWrongPort:
    RULE = "dns-srv-wrong-port"

    def _sent(self, port: int = 5601) -> tuple[Scene, list[int]]:
        scene = mirrored(PC)
        return scene, told(scene, PC, port=port, address=POOL)

    def test_fires_at_record_and_refusal(self):
        scene, frames = self._sent()
        of = scene.refused(PC, POOL, 5601, 0.5)
        tries = {one["frame"] for one in scene.controls if one["flow"] == of}

        one = fires(scene, self.RULE, PC, frames={*frames, *tries})

        assert (one.peer, one.port, one.confidence) == (POOL, 5601, Confidence.CERTAIN)
        assert one.rejected == (("tcp-filtered-silent", f"{POOL} refuses TCP port 5601, it is not silent"),)

    def test_silence_is_likely(self):
        scene, _ = self._sent()
        scene.silent(PC, POOL, 5601, 0.5)

        one = fires(scene, self.RULE, PC)

        assert (one.confidence, one.rejected) == (Confidence.LIKELY, ())

    @pytest.mark.parametrize("port", [5061])
    def test_usual_port(self, port):
        scene, _ = self._sent(port)
        scene.refused(PC, POOL, port, 0.5)

        silent(scene, self.RULE)

    def test_edge_with_one_address(self):
        scene = mirrored(AWAY, Scene())
        scene.looks_up(AWAY, f"lyncdiscover.{DOMAIN}", -0.5)
        scene.looks_up(
            AWAY, f"_sip._tls.{DOMAIN}", 0.0, ("SRV", f"sip.{DOMAIN}", 5061), ("A", EDGE, 0, f"sip.{DOMAIN}"), kind=SRV
        )
        scene.refused(AWAY, EDGE, 5061, 0.5)

        silent(scene, self.RULE)

    def test_port_that_works(self):
        scene, _ = self._sent()
        scene.secure(OTHER_PC, POOL, 5601, 0.2)
        scene.refused(PC, POOL, 5601, 0.5)

        silent(scene, self.RULE)

    def test_nobody_tries(self):
        inconclusive(self._sent()[0], self.RULE, because="nobody tries it")

    def test_capture_ends(self):
        scene, _ = self._sent()
        scene.silent(PC, POOL, 5601, 0.5)

        inconclusive(scene.case(seconds=9), self.RULE, because="the capture ends")


class TestTargetWithoutAddress:
    RULE = "dns-srv-target-unresolvable"

    def _sent(self, **answered) -> tuple[Scene, list[int]]:
        scene = mirrored(PC)
        frames = told(scene, PC)
        return scene, frames + scene.looks_up(PC, TARGET, 0.5, **answered)

    def test_fires_at_both_answers(self):
        scene, frames = self._sent()

        assert fires(scene, self.RULE, PC, frames=set(frames)).confidence is Confidence.CERTAIN

    def test_address_came_along(self):
        scene = mirrored(PC)
        told(scene, PC, address=POOL)
        scene.looks_up(PC, TARGET, 0.5)

        silent(scene, self.RULE)

    def test_address_of_the_other_kind(self):
        scene, _ = self._sent(rcode="noerror")
        scene.looks_up(PC, TARGET, 0.6, "fd00::5", kind=28)

        silent(scene, self.RULE)

    def test_another_server_knows_it(self):
        scene, _ = self._sent()
        scene.looks_up(OTHER_PC, TARGET, 0.6, POOL, server="10.1.0.54")

        silent(scene, self.RULE)

    def test_nobody_asks_for_the_target(self):
        scene = mirrored(PC)
        told(scene, PC)

        silent(scene, self.RULE)

    def test_only_one_of_two_targets(self):
        scene = mirrored(PC)
        scene.looks_up(PC, TARGET, 0.5)
        scene.looks_up(
            PC, RECORD, 0.0, ("SRV", TARGET, 5061), ("SRV", f"other.{DOMAIN}", 5061), ("A", POOL, 0, f"other.{DOMAIN}"),
            kind=SRV,
        )  # fmt: skip

        silent(scene, self.RULE)

    @pytest.mark.parametrize("answered", [{"after": None, "tries": MANY}, {"rcode": "servfail"}])
    def test_no_answer_about_the_target(self, answered):
        inconclusive(self._sent(**answered)[0], self.RULE, because="did not come")


class TestFederation:
    RULE = "dns-federation-srv-missing"
    ASKED = f"_sipfederationtls._tcp.{PARTNER}"

    def _edge(self, *, known: bool = True) -> tuple[Scene, list[int]]:
        scene = mirrored(EDGE, Scene())
        if known:
            scene.looks_up(AWAY, f"lyncdiscover.{PARTNER}", -2.0, "192.0.2.77")
        return scene, scene.looks_up(EDGE, self.ASKED, 0.0, kind=SRV)

    def test_fires_at_the_answer(self):
        scene, frames = self._edge()

        one = fires(scene, self.RULE, EDGE)

        assert one.proof[0].frames == tuple(frames)
        assert one.peer == RESOLVER

    def test_partner_is_listed_with_its_edge(self):
        scene, _ = self._edge()
        scene.named(f"access.{PARTNER}", "192.0.2.78")
        scene.secure(EDGE, "192.0.2.78", 5061, 1.0)

        silent(scene, self.RULE)

    def test_record_exists(self):
        scene, _ = self._edge()
        scene.looks_up(EDGE, self.ASKED, 1.0, ("SRV", f"sip.{PARTNER}", 5061), kind=SRV)

        silent(scene, self.RULE)

    def test_not_every_domain_is_a_partner(self):
        inconclusive(self._edge(known=False)[0], self.RULE, because="not every domain")

    def test_closed_federation_asks_nothing(self):
        silent(mirrored(EDGE, inside()), self.RULE)

    def test_capture_ends(self):
        inconclusive(self._edge()[0].case(seconds=5), self.RULE, because="the capture ends")

    def test_fragments_are_missing(self):
        inconclusive(fragmented(self._edge()[0]), self.RULE, because="fragments")
