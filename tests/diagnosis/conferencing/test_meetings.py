"""Join pages of meetings, and files that were put into them."""

import pytest
from proofs import fires, inconclusive, silent
from scenes import RESOLVER, Scene

from lynccap.document import Confidence, Reading

DOMAIN = "rowan.example"
ACCESS, PROXY, POOL = "198.51.100.31", "198.51.100.33", "10.64.1.11"
USER, MEMBER = "192.0.2.91", "10.64.7.7"
JOIN = f"meet.{DOMAIN}"


def outside(signed_in: bool = True) -> Scene:
    scene = Scene()
    scene.named(f"lyncdiscover.{DOMAIN}", PROXY)
    scene.named(f"sipexternal.{DOMAIN}", ACCESS)
    if signed_in:
        scene.secure(USER, ACCESS, 443, 1.0, seconds=60.0)
    scene.exchange(USER, RESOLVER, 53, 30.0, stack="dns")
    return scene


HOST = "198.51.100.77"
CONTENT = {"target": "/DataCollabWeb/int/4711", "service": "meeting-content", "operation": ""}


class TestJoinPage:
    RULE = "meeting-join-url-fails"

    def _asks(self, *told: str, signed_in: bool = True) -> tuple[Scene, list[int]]:
        scene = outside(signed_in)
        scene.looks_up(USER, f"lyncdiscover.{DOMAIN}", 0.5, PROXY)
        return scene, scene.looks_up(USER, JOIN, 12.0, *told)

    def test_name_that_does_not_exist(self) -> None:
        scene, frames = self._asks()

        one = fires(scene, self.RULE, USER)

        assert one.proof[0].frames == tuple(frames)
        assert one.confidence is Confidence.CERTAIN

    def test_without_a_sign_in_it_is_likely(self) -> None:
        scene, _ = self._asks(signed_in=False)

        assert fires(scene, self.RULE, USER).confidence is Confidence.LIKELY

    def test_port_that_is_refused(self) -> None:
        scene, _ = self._asks(PROXY)
        of = scene.refused(USER, PROXY, 443, 12.2, tries=3)
        tried = {one["frame"] for one in scene.controls if one["flow"] == of}

        one = fires(scene, self.RULE, USER)

        assert (one.peer, one.port) == (PROXY, 443)
        assert tried <= {frame for proof in one.proof for frame in proof.frames}

    @pytest.mark.parametrize("alert", [42, 48])
    def test_certificate_that_is_refused(self, alert: int) -> None:
        scene, _ = self._asks(PROXY)
        scene.meets(USER, PROXY, 443, 12.2, sni=JOIN, end=alert)

        assert f"alert {alert}" in fires(scene, self.RULE, USER).says

    def test_page_answered_with_an_error(self) -> None:
        scene, _ = self._asks(PROXY)
        facts = {"host": JOIN, "target": "/ada/4711", "service": "meet", "operation": ""}
        of = scene.requests(USER, PROXY, 12.2, "web-service", "http-error", 404, port=443, **facts)
        scene.opened(of)

        one = fires(scene, self.RULE, USER)

        assert "HTTP 404" in one.says
        assert one.reading is Reading.DECRYPTED

    def test_page_of_a_host_that_is_known_by_its_meet_name_only(self) -> None:
        scene, _ = self._asks(HOST)
        facts = {"host": JOIN, "target": "/meet/ada/4711", "service": "meet", "operation": ""}
        scene.opened(scene.requests(USER, HOST, 12.2, "web-service", "http-error", 502, port=443, **facts))

        assert fires(scene, self.RULE, USER).peer == HOST

    def test_error_page_of_a_stranger(self) -> None:
        scene, _ = self._asks(HOST)
        facts = {"host": "meet.shoes.example", "target": "/meet/ada/4711", "service": "meet", "operation": ""}
        scene.opened(scene.requests(USER, HOST, 12.2, "web-service", "http-error", 502, port=443, **facts))

        silent(scene, self.RULE)

    def test_page_that_comes(self) -> None:
        scene, _ = self._asks(PROXY)
        scene.secure(USER, PROXY, 443, 12.2)

        silent(scene, self.RULE)

    def test_page_that_comes_later(self) -> None:
        scene, _ = self._asks(PROXY)
        facts = {"port": 443, "host": JOIN, "target": "/meet/ada", "service": "meet", "operation": ""}
        scene.requests(USER, PROXY, 12.2, "web-service", "http-error", 503, **facts)
        scene.requests(USER, PROXY, 15.2, "web-service", "ok", 200, **facts)

        silent(scene, self.RULE)

    def test_people_called_into_a_meeting_need_no_page(self) -> None:
        silent(outside(), self.RULE)

    def test_another_companys_page(self) -> None:
        scene = outside()
        scene.looks_up(USER, "meet.shoes.example", 12.0)

        silent(scene, self.RULE)

    def test_answer_of_dns_that_the_capture_lacks(self) -> None:
        scene = outside()
        scene.looks_up(USER, f"lyncdiscover.{DOMAIN}", 0.5, PROXY)
        scene.looks_up(USER, JOIN, 12.0, after=None)

        inconclusive(scene, self.RULE, "not in the capture")

    def test_capture_that_ends_early(self) -> None:
        scene, _ = self._asks(PROXY)
        scene.silent(USER, PROXY, 443, 12.2, after=(0, 1, 3))

        inconclusive(scene.case(17.0), self.RULE, "capture ends")


class TestContent:
    RULE = "meeting-content-https-fails"

    def _meeting(self, data: bool = True) -> Scene:
        scene = Scene()
        scene.pool(DOMAIN, POOL)
        scene.named(f"lyncdiscoverinternal.{DOMAIN}", POOL)
        scene.secure(MEMBER, POOL, 5061, 1.0, seconds=60.0)
        if data:
            scene.secure(MEMBER, POOL, 8057, 3.0, seconds=60.0)
        return scene

    def test_content_answered_with_an_error_while_data_works(self) -> None:
        scene = self._meeting()
        of = scene.requests(MEMBER, POOL, 12.0, "web-service", "http-error", 503, port=443, **CONTENT)

        one = fires(scene, self.RULE, MEMBER)

        assert one.confidence is Confidence.LIKELY
        assert {scene.frame(12.1, of), scene.frame(12.2, of)} <= set(one.proof[0].frames)

    def test_web_services_that_are_closed_from_then_on(self) -> None:
        scene = self._meeting()
        scene.refused(MEMBER, POOL, 443, 12.0, tries=3)

        assert fires(scene, self.RULE, MEMBER).port == 443

    def test_meeting_without_files(self) -> None:
        silent(self._meeting(), self.RULE)

    def test_challenge_before_a_ticket(self) -> None:
        scene = self._meeting()
        scene.requests(MEMBER, POOL, 12.0, "web-service", "challenged", 401, port=443, **CONTENT)

        silent(scene, self.RULE)

    def test_slides_of_another_host(self) -> None:
        scene = self._meeting()
        slides = {**CONTENT, "service": "office-web-apps", "target": "/m/ParticipantFrame.aspx"}
        scene.requests(MEMBER, POOL, 12.0, "web-service", "http-error", 503, port=443, **slides)

        silent(scene, self.RULE)

    def test_nothing_shows_the_meetings_data(self) -> None:
        scene = self._meeting(data=False)
        scene.requests(MEMBER, POOL, 12.0, "web-service", "http-error", 503, port=443, **CONTENT)

        inconclusive(scene, self.RULE, "nothing shows")
