"""OPTIONS and calls of trunks in readable SIP, and their TLS."""

from typing import ClassVar

import pytest
from proofs import fires, inconclusive, silent
from scenes import RESOLVER, Scene

from lynccap.document import Confidence, Reading

MEDIATION, GATEWAY, OTHER, FE = "10.84.2.21", "10.84.90.5", "10.84.90.6", "10.84.2.11"
NAMES = ("med.rowan.example", "gw1.rowan.example", "gw2.rowan.example", "fe.rowan.example")
SDP = "v=0\r\no=- 1 1 IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\nm=audio 49170 {1} {2}\r\n"


def site() -> Scene:
    scene = Scene()
    hosts = zip(("mediation", "gateway", "gateway", "fe"), (MEDIATION, GATEWAY, OTHER, FE), NAMES, strict=True)
    scene.holds(*hosts, domain="rowan.example")
    scene.exchange(MEDIATION, RESOLVER, 53, 300.0, stack="dns")
    scene.exchange(GATEWAY, RESOLVER, 53, 300.0, stack="dns")
    return scene


def trunk(scene: Scene, gateway: str = GATEWAY, port: int = 5068) -> int:
    return scene.connect(MEDIATION, gateway, port, 0.5, seconds=300.0, stack="sip", basis="bytes")


class TestOptions:
    RULE = "trunk-options-unanswered"

    def test_three_in_a_row(self) -> None:
        scene = site()
        of = trunk(scene)
        scene.asks_sip(of, 5.0, "OPTIONS", 200)
        asked = [scene.asks_sip(of, at, "OPTIONS")[0] for at in (65.0, 125.0, 185.0)]

        one = fires(scene.case(320.0), self.RULE, MEDIATION, frames=asked)

        assert (one.peer, one.confidence, one.reading) == (GATEWAY, Confidence.CERTAIN, Reading.CLEAR)

    def test_the_gateway_asks_in_vain(self) -> None:
        scene = site()
        of = trunk(scene)
        for at in (65.0, 125.0, 185.0):
            scene.asks_sip(of, at, "OPTIONS", from_client=False)

        fires(scene.case(320.0), self.RULE, GATEWAY)

    def test_an_error_is_quoted(self) -> None:
        scene = site()
        of = trunk(scene)
        frames = scene.asks_sip(of, 65.0, "OPTIONS", 403, reason="Unknown peer")

        one = fires(scene.case(320.0), self.RULE, MEDIATION, frames=frames)

        assert 'status 403 "Unknown peer"' in one.says

    @pytest.mark.parametrize("status", [405, 501])
    def test_whoever_does_not_know_the_question_lives(self, status: int) -> None:
        scene = site()
        scene.asks_sip(trunk(scene), 65.0, "OPTIONS", status)

        inconclusive(scene.case(320.0), self.RULE, because="it lives")

    def test_a_question_for_proof(self) -> None:
        scene = site()
        of = trunk(scene)
        scene.asks_sip(of, 65.0, "OPTIONS", 401)
        scene.asks_sip(of, 65.2, "OPTIONS", 200)

        silent(scene.case(320.0), self.RULE)

    def test_answers_come_again(self) -> None:
        scene = site()
        of = trunk(scene)
        for at in (5.0, 65.0, 125.0):
            scene.asks_sip(of, at, "OPTIONS")
        scene.asks_sip(of, 185.0, "OPTIONS", 200)

        silent(scene.case(320.0), self.RULE)

    def test_within_a_call(self) -> None:
        scene = site()
        of = trunk(scene)
        for at in (5.0, 65.0, 125.0):
            scene.asks_sip(of, at, "OPTIONS", 481, asked={"to_tag": "x"})

        silent(scene.case(320.0), self.RULE)

    def test_somebody_else_s(self) -> None:
        scene = site()
        of = scene.connect(FE, "10.84.90.77", 5068, 0.5, seconds=300.0, stack="sip", basis="bytes")
        for at in (5.0, 65.0, 125.0):
            scene.asks_sip(of, at, "OPTIONS")

        silent(scene.case(320.0), self.RULE)

    def test_too_few(self) -> None:
        scene = site()
        of = trunk(scene)
        for at in (65.0, 125.0):
            scene.asks_sip(of, at, "OPTIONS")

        inconclusive(scene.case(320.0), self.RULE, because="only 2 OPTIONS")

    def test_the_capture_ends(self) -> None:
        scene = site()
        of = trunk(scene)
        for at in (65.0, 125.0, 185.0):
            scene.asks_sip(of, at, "OPTIONS")

        inconclusive(scene.case(200.0), self.RULE, because="the capture ends")

    def test_resets_of_a_trunk_over_tls(self) -> None:
        scene = site()
        flows = [scene.secure(MEDIATION, GATEWAY, 5082, at, closing="server-rst") for at in (5.0, 65.0, 125.0)]

        one = fires(scene.case(320.0), self.RULE, MEDIATION)

        assert one.flows == tuple(flows)
        assert (one.confidence, one.reading) == (Confidence.POSSIBLE, Reading.PATTERN)

    def test_a_trunk_over_tls_that_stays(self) -> None:
        scene = site()
        for at in (5.0, 65.0, 125.0):
            scene.secure(MEDIATION, GATEWAY, 5082, at)

        silent(scene.case(320.0), self.RULE)


def offer(transport: str = "RTP/SAVP", formats: str = "0 8") -> bytes:
    return SDP.format(MEDIATION, transport, formats).encode()


class TestOffers:
    RULE = "gateway-codec-or-srtp-mismatch"

    def _call(self, scene: Scene, of: int, at: float, *statuses: int, **asked: object) -> list[int]:
        told = {"body": offer(), "to_uri": f"sip:+1555{round(at)}@rowan.example", **asked}
        return scene.asks_sip(of, at, "INVITE", *statuses, reason="Not Acceptable Here", asked=told)

    def test_two_numbers(self) -> None:
        scene = site()
        of = trunk(scene)
        frames = [*self._call(scene, of, 5.0, 488), *self._call(scene, of, 15.0, 488)]

        one = fires(scene, self.RULE, MEDIATION, frames=frames)

        assert one.confidence is Confidence.CERTAIN
        assert "encrypted speech (RTP/SAVP) with PCMU" in one.why
        assert 'status 488 "Not Acceptable Here"' in one.says
        assert "encrypted" in one.causes[0]

    def test_one_number_alone_may_be_the_number(self) -> None:
        scene = site()
        self._call(scene, trunk(scene), 5.0, 606)

        assert fires(scene, self.RULE, MEDIATION).confidence is Confidence.LIKELY

    def test_another_offer_is_taken(self) -> None:
        scene = site()
        of = trunk(scene)
        self._call(scene, of, 5.0, 488)
        self._call(scene, of, 15.0, 200, body=offer("RTP/AVP"))

        one = fires(scene, self.RULE, MEDIATION)

        assert one.confidence is Confidence.CERTAIN
        assert "It accepts unencrypted speech (RTP/AVP)" in one.why

    def test_without_encryption_the_codec_is_suspected_first(self) -> None:
        scene = site()
        self._call(scene, trunk(scene), 5.0, 488, body=offer("RTP/AVP", "9"))

        assert "codec" in fires(scene, self.RULE, MEDIATION).causes[0]

    def test_one_destination(self) -> None:
        scene = site()
        of = trunk(scene)
        self._call(scene, of, 5.0, 488)
        self._call(scene, of, 15.0, 200)

        inconclusive(scene, self.RULE, because="accepts the same offer for other numbers")

    def test_offered_again_without_encryption(self) -> None:
        scene = site()
        of = trunk(scene)
        for at, status, transport in ((5.0, 488, "RTP/SAVP"), (5.3, 200, "RTP/AVP")):
            asked = {"body": offer(transport), "to_uri": "sip:+15550@rowan.example"}
            scene.asks_sip(of, at, "INVITE", status, call_id="same", asked=asked)

        silent(scene, self.RULE)

    def test_fax_within_a_call(self) -> None:
        scene = site()
        self._call(scene, trunk(scene), 5.0, 488, to_tag="x")

        silent(scene, self.RULE)

    def test_the_call_of_a_user(self) -> None:
        scene = site()
        of = scene.connect("10.84.50.3", FE, 5060, 0.5, seconds=300.0, stack="sip", basis="bytes")
        self._call(scene, of, 5.0, 488)

        silent(scene, self.RULE)


class TestCauses:
    RULE = "pstn-rejects-call"

    def _call(self, status: int, cause: str | None, from_client: bool = True) -> tuple[Scene, list[int]]:
        scene = site()
        told = {"from_client": from_client, "reason": "No", "cause": cause}
        return scene, scene.asks_sip(trunk(scene), 5.0, "INVITE", 100, status, **told)

    @pytest.mark.parametrize(
        ("status", "cause", "meaning"),
        [
            (404, 'Q.850;cause=1;text="Unallocated number"', "the number is not in use"),
            (484, "q.850 ;cause=28", "incomplete"),
            (503, 'SIP;cause=503, Q.850;cause=34;text="No circuit"', "no line is free"),
        ],
    )
    def test_the_cause_is_quoted(self, status: int, cause: str, meaning: str) -> None:
        scene, frames = self._call(status, cause)

        one = fires(scene, self.RULE, MEDIATION, frames=(frames[0], frames[2]))

        assert meaning in one.why
        assert f"status {status}" in one.says
        assert one.confidence is Confidence.CERTAIN

    def test_its_own_text(self) -> None:
        scene, _ = self._call(404, 'Q.850;cause=1;text="Unallocated number"')

        assert 'cause 1 "Unallocated number"' in fires(scene, self.RULE, MEDIATION).says

    def test_busy(self) -> None:
        silent(self._call(486, "Q.850;cause=17")[0], self.RULE)

    def test_without_a_cause(self) -> None:
        silent(self._call(404, None)[0], self.RULE)

    def test_the_pool_refuses_a_call_from_outside(self) -> None:
        silent(self._call(404, "Q.850;cause=1", from_client=False)[0], self.RULE)


class TestTrunkTls:
    RULE = "gateway-tls-name-mismatch"
    LEAF: ClassVar = {"common_name": "10.84.90.5", "names": (), "issuer": "CN=Gateway Maker"}

    def test_of_the_gateway(self) -> None:
        scene = site()
        of = scene.meets(MEDIATION, GATEWAY, 5082, 5.0, end=48, leaf=self.LEAF)

        one = fires(scene, self.RULE, MEDIATION, frames={scene.frame(5.03, of), scene.frame(5.1, of)})

        assert (one.peer, one.port, one.confidence) == (GATEWAY, 5082, Confidence.CERTAIN)
        assert "issued by CN=Gateway Maker" in one.why
        assert "gw1.rowan.example: the name does not fit" in one.why

    def test_of_the_mediation_server_for_any_gateway(self) -> None:
        scene = site()
        scene.meets("10.84.90.77", MEDIATION, 5067, 5.0, end=48, leaf={"common_name": NAMES[0], "names": (NAMES[0],)})

        one = fires(scene, self.RULE, "10.84.90.77")

        assert "the name fits" in one.why
        assert "authority" in (one.causes or ("authority",))[0]

    def test_it_leaves_once(self) -> None:
        scene = site()
        scene.meets(MEDIATION, GATEWAY, 5082, 5.0, end="leaves", leaf=self.LEAF)

        assert fires(scene, self.RULE, MEDIATION).confidence is Confidence.LIKELY

    def test_a_trunk_over_tcp_beside_it(self) -> None:
        scene = site()
        scene.meets(MEDIATION, GATEWAY, 5082, 5.0, end=48, leaf=self.LEAF)
        scene.connect(GATEWAY, MEDIATION, 5068, 6.0)

        inconclusive(scene, self.RULE, because="a trunk over TCP")

    def test_got_over_it(self) -> None:
        scene = site()
        scene.meets(MEDIATION, GATEWAY, 5082, 5.0, end=48, leaf=self.LEAF)
        scene.meets(MEDIATION, GATEWAY, 5082, 25.0)

        silent(scene, self.RULE)

    def test_the_other_end_resets_it(self) -> None:
        scene = site()
        of = scene.meets(MEDIATION, GATEWAY, 5082, 5.0, end="nothing", leaf=self.LEAF)
        scene.cut(of, 5.2)

        silent(scene, self.RULE)

    def test_another_reason(self) -> None:
        scene = site()
        scene.turned_away(MEDIATION, GATEWAY, 5082, 5.0)

        silent(scene, self.RULE)
