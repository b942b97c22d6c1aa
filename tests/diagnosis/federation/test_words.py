"""What servers say in SIP between domains."""

from typing import Any, ClassVar

import pytest
from proofs import fires, inconclusive, silent
from scenes import Scene, accused, found

from lynccap.diagnosis.catalogue import BY_NAME
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.document import Confidence, Reading

PC, POOL, EDGE = "10.63.8.21", "10.63.1.11", "172.28.7.5"
NAME = "fe7.cedar.example"
UNREACHABLE = {
    "diagnostics_id": 1007,
    "diagnostics": '1007;reason="Temporarily cannot route"',
    "diagnostics_reason": "Temporarily cannot route",
    "diagnostics_source": NAME,
    "reason": "Server time-out",
}


def site(*, opened: bool = True) -> tuple[Scene, int]:
    """A user who is signed in at a pool."""
    scene = Scene()
    scene.pool("cedar.example", POOL)
    scene.named(NAME, POOL)
    of = scene.secure(PC, POOL, 5061, 1.0, seconds=60.0, stack="tls/sip")
    return scene, scene.opened(of) if opened else of


class TestNextHop:
    RULE = "sip-504-nexthop"

    def test_quoted_with_its_number_and_its_source(self) -> None:
        scene, of = site()
        frames = [*scene.asks_sip(of, 5.0, "MESSAGE", 504, **UNREACHABLE)]
        frames += scene.asks_sip(of, 25.0, "MESSAGE", 504, **UNREACHABLE)

        one = fires(scene, self.RULE, PC, frames=frames)

        assert (one.peer, one.confidence, one.reading) == (POOL, Confidence.CERTAIN, Reading.DECRYPTED)
        assert 'number 1007 "Temporarily cannot route"' in one.why
        assert NAME in one.why
        assert "The next server cannot be reached for now." in one.why

    def test_hangs_under_the_connection_that_failed_at_that_server(self) -> None:
        scene, of = site()
        scene.holds(("fe", POOL, NAME), ("edge_int", EDGE, "edge.cedar.example"))
        blocked = scene.silent(POOL, EDGE, 5061, 3.0)
        scene.secure(EDGE, POOL, 5061, 20.0)
        scene.asks_sip(of, 25.0, "MESSAGE", 504, **UNREACHABLE)

        one = fires(scene, self.RULE, PC)

        assert one.flows == (of, blocked)
        assert any("fails to reach" in proof.says for proof in one.proof)

    def test_certificates_are_named_as_the_cause(self) -> None:
        scene, of = site(opened=False)
        scene.asks_sip(of, 5.0, "INVITE", 504, **{**UNREACHABLE, "diagnostics_id": 1010})

        one = fires(scene, self.RULE, PC)

        assert "certificate" in one.causes[0]
        assert one.reading is Reading.CLEAR

    def test_a_failover(self) -> None:
        scene, of = site()
        scene.asks_sip(of, 5.0, "MESSAGE", 504, **UNREACHABLE)
        scene.asks_sip(of, 9.0, "MESSAGE", 200)

        silent(scene, self.RULE)

    @pytest.mark.parametrize("number", [None, 1003, 13004])
    def test_another_number_is_another_matter(self, number: int | None) -> None:
        scene, of = site()
        scene.asks_sip(of, 5.0, "MESSAGE", 504, **{**UNREACHABLE, "diagnostics_id": number})

        silent(scene, self.RULE)

    def test_contacts_of_one_domain_are_told_together(self) -> None:
        scene, of = site()
        for place in range(6):
            asked = {"to_uri": f"sip:k{place}@tailspin.example"}
            scene.asks_sip(of, 5.0 + place, "SUBSCRIBE", 504, asked=asked, **UNREACHABLE)
        scene.asks_sip(of, 20.0, "SUBSCRIBE", 504, asked={"to_uri": "sip:x@fabrikam.example"}, **UNREACHABLE)

        says = [one.says for one in found(self.RULE, scene)]

        assert len(says) == 2
        assert "k2@tailspin.example and 3 more" in says[0]

    def test_the_contact_that_is_reached_later_is_left_out(self) -> None:
        scene, of = site()
        for who in "ab":
            asked = {"to_uri": f"sip:{who}@tailspin.example"}
            scene.asks_sip(of, 5.0, "SUBSCRIBE", 504, asked=asked, **UNREACHABLE)
        scene.asks_sip(of, 9.0, "SUBSCRIBE", 200, asked={"to_uri": "sip:a@tailspin.example"})

        one = fires(scene, self.RULE, PC)

        assert "sip:b@tailspin.example" in one.says
        assert "sip:a@" not in one.says

    def test_relay_credentials_have_a_rule_of_their_own(self) -> None:
        scene, of = site()
        asked = {"content_type": "application/msrtc-media-relay-auth+xml"}
        scene.asks_sip(of, 5.0, "SERVICE", 504, asked=asked, **UNREACHABLE)

        silent(scene, self.RULE)
        fires(scene, "mras-request-refused", PC)

    def test_a_system_that_is_not_lync(self) -> None:
        scene = Scene()
        of = scene.connect(PC, "10.63.1.90", 5060, 1.0, stack="sip")
        scene.asks_sip(of, 5.0, "MESSAGE", 504, **UNREACHABLE)

        silent(scene, self.RULE)

    def test_one_right_before_the_end(self) -> None:
        scene, of = site()
        scene.asks_sip(of, 5.0, "MESSAGE", 504, **UNREACHABLE)

        inconclusive(scene.case(8.0), self.RULE, "may be a failover")


class TestNotAuthorised:
    RULE = "federation-domain-not-authorised"
    ASKED: ClassVar = {"from_uri": "sip:ada@cedar.example", "to_uri": "sip:kim@tailspin.example"}

    @pytest.mark.parametrize(("status", "number"), [(403, 1002), (404, 1005), (403, 1012), (403, 1027)])
    def test_quoted_with_its_number(self, status: int, number: int) -> None:
        scene, of = site()
        frames = scene.asks_sip(
            of, 5.0, "SUBSCRIBE", status, asked=self.ASKED, diagnostics_id=number, diagnostics_reason="No"
        )

        one = fires(scene, self.RULE, PC, frames=frames)

        assert "kim@tailspin.example" in one.says
        assert f'status {status}, diagnostics number {number} "No"' in one.why
        assert (one.confidence, one.reading) == (Confidence.CERTAIN, Reading.DECRYPTED)

    def test_seen_on_the_next_leg_too_is_one_finding(self) -> None:
        scene, of = site()
        scene.holds(("fe", POOL, NAME), ("edge_int", EDGE, "edge.cedar.example"))
        behind = scene.opened(scene.secure(POOL, EDGE, 5061, 1.0, seconds=60.0, stack="tls/sip"))
        told: dict[str, Any] = {"asked": {**self.ASKED, "cseq": 7}, "cseq": 7, "diagnostics_id": 1005, "call_id": "one"}
        scene.asks_sip(of, 5.0, "SUBSCRIBE", 404, **told)
        scene.asks_sip(behind, 5.001, "SUBSCRIBE", 404, **told)

        fires(scene, self.RULE, PC)

    @pytest.mark.parametrize("number", [1003, 4003, 12004])
    def test_another_refusal(self, number: int) -> None:
        scene, of = site()
        scene.asks_sip(of, 5.0, "SUBSCRIBE", 403, asked=self.ASKED, diagnostics_id=number)

        silent(scene, self.RULE)

    def test_accepted_the_next_time(self) -> None:
        scene, of = site()
        scene.asks_sip(of, 5.0, "SUBSCRIBE", 403, asked=self.ASKED, diagnostics_id=1002)
        scene.asks_sip(of, 9.0, "SUBSCRIBE", 200, asked=self.ASKED)

        silent(scene, self.RULE)

    def test_a_partner_that_is_held_back_for_its_number_of_requests(self) -> None:
        scene, of = site()
        scene.asks_sip(of, 5.0, "SUBSCRIBE", 503, asked=self.ASKED)

        silent(scene, self.RULE)
        assert accused(scene) == set()

    def test_a_refusal_without_a_number(self) -> None:
        scene, of = site()
        scene.asks_sip(of, 5.0, "SUBSCRIBE", 403, asked=self.ASKED)

        inconclusive(scene, self.RULE, "without a number of diagnostics")

    @pytest.mark.parametrize(
        "to", ["sip:+4930@10.63.1.90;user=phone", "sip:+4930@[2001:db8::90]", "sip:+4930@trunk.example"]
    )
    def test_a_number_at_a_gateway_is_in_no_domain(self, to: str) -> None:
        scene = Scene()
        scene.holds(("mediation", POOL, NAME), ("gateway", "10.63.1.90", "gw.cedar.example"))
        of = scene.connect(POOL, "10.63.1.90", 5060, 1.0, stack="sip")
        scene.asks_sip(of, 5.0, "INVITE", 404, asked={"from_uri": f"sip:+491@{NAME}", "to_uri": to})

        assert list(BY_NAME[self.RULE].judge(Inquiry(scene.case()))) == []
