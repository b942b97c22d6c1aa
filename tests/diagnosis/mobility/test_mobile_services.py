"""Errors of the service for mobile apps, and mobile devices that fail where desktops work."""

from typing import Any

import pytest
from proofs import fires, inconclusive, sample_fires, silent
from scenes import RESOLVER, Scene

from lynccap.document import Confidence, Reading

DOMAIN = "aspen.example"
PROXY, ACCESS = "198.51.100.51", "198.51.100.52"
MOBILE, DESKTOP = "192.0.2.105", "192.0.2.106"
NAME = f"lyncdiscover.{DOMAIN}"


def outside() -> Scene:
    """The reverse proxy and the Access Edge of a company."""
    scene = Scene()
    scene.named(NAME, PROXY)
    scene.named(f"sipexternal.{DOMAIN}", ACCESS)
    scene.exchange(MOBILE, RESOLVER, 53, 60.0, stack="dns")
    return scene


class TestErrors:
    RULE = "ucwa-http-errors"

    def _asks(self, *statuses: int | None, service: str = "ucwa", **facts: Any) -> Scene:
        scene = outside()
        target = "/ucwa/v1/applications" if service == "ucwa" else "/Mcx/McxService.svc"
        for place, status in enumerate(statuses):
            outcome = "no-answer" if status is None else "ok" if status < 400 else "http-error"
            outcome = "challenged" if status == 401 else outcome
            of = scene.requests(
                MOBILE, PROXY, 5.0 + 2 * place, "web-service", outcome, status, port=443, host=f"ucext.{DOMAIN}",
                target=target, service=service, operation="", **facts,
            )  # fmt: skip
            scene.opened(of)
        return scene

    def test_repeated_errors_are_certain(self) -> None:
        scene = self._asks(500, 503)
        frames = {one[name] for one in scene.messages["web-service"] for name in ("frame", "first_frame")}

        one = fires(scene, self.RULE, MOBILE, frames=frames)

        assert one.confidence is Confidence.CERTAIN
        assert one.reading is Reading.DECRYPTED
        assert "HTTP 500 and HTTP 503, 2 times" in one.says

    def test_once_with_the_servers_own_words_is_likely(self) -> None:
        scene = self._asks(500, ms_diagnostics='28020;reason="No valid security token."')

        one = fires(scene, self.RULE, MOBILE)

        assert one.confidence is Confidence.LIKELY
        assert "No valid security token." in one.why

    def test_challenge_before_a_ticket(self) -> None:
        silent(self._asks(401, 201), self.RULE)

    def test_error_that_a_good_answer_follows(self) -> None:
        silent(self._asks(503, 500, 201), self.RULE)

    @pytest.mark.parametrize("status", [408, 410])
    def test_poll_that_ran_out_once(self, status: int) -> None:
        silent(self._asks(status), self.RULE)

    def test_requests_that_cannot_be_read(self) -> None:
        scene = outside()
        scene.secure(MOBILE, PROXY, 443, 5.0)

        silent(scene, self.RULE)

    def test_server_of_2019_has_no_mcx(self) -> None:
        inconclusive(self._asks(404, 404, service="mcx"), self.RULE, "2019")

    def test_one_error_without_a_reason(self) -> None:
        inconclusive(self._asks(500), self.RULE, "one request")

    def test_answers_that_the_capture_lacks(self) -> None:
        inconclusive(self._asks(None), self.RULE, "not in the capture")

    def test_real_answer(self) -> None:
        assert sample_fires("ucwa-mobile-500", self.RULE)


class TestBesideDesktops:
    RULE = "mobile-desktop-ok-mobile-fails"

    def _network(self) -> Scene:
        """A desktop of the same network outside signs in."""
        scene = outside()
        scene.secure(DESKTOP, ACCESS, 443, 1.0, seconds=60.0)
        scene.looks_up(MOBILE, f"lyncdiscoverinternal.{DOMAIN}", 2.0)
        return scene

    def test_port_of_the_proxy_is_refused(self) -> None:
        scene = self._network()
        scene.looks_up(MOBILE, NAME, 2.5, PROXY)
        scene.refused(MOBILE, PROXY, 443, 5.0, tries=3)

        one = fires(scene, self.RULE, MOBILE)

        assert "fails at the TCP connection" in one.says
        assert DESKTOP in one.says

    def test_certificate_is_refused(self) -> None:
        scene = self._network()
        scene.looks_up(MOBILE, NAME, 2.5, PROXY)
        scene.distrusts(MOBILE, PROXY, 443, 5.0)

        assert "fails at TLS" in fires(scene, self.RULE, MOBILE).says

    def test_name_does_not_exist(self) -> None:
        scene = self._network()
        frames = scene.looks_up(MOBILE, NAME, 2.5)

        one = fires(scene, self.RULE, MOBILE)

        assert "fails at DNS" in one.says
        assert one.proof[0].frames == tuple(frames)

    def test_autodiscover_answers_an_error(self) -> None:
        scene = self._network()
        scene.looks_up(MOBILE, NAME, 2.5, PROXY)
        scene.requests(MOBILE, PROXY, 5.0, "autodiscover", "http-error", 403, host=NAME)

        assert "fails at HTTP" in fires(scene, self.RULE, MOBILE).says

    def test_mobile_device_that_works(self) -> None:
        scene = self._network()
        scene.looks_up(MOBILE, NAME, 2.5, PROXY)
        scene.refused(MOBILE, PROXY, 80, 5.0, tries=3)
        scene.secure(MOBILE, PROXY, 443, 5.0)

        silent(scene, self.RULE)

    def test_desktop_in_another_network(self) -> None:
        scene = outside()
        scene.secure("203.0.113.99", ACCESS, 443, 1.0, seconds=60.0)
        scene.looks_up(MOBILE, NAME, 2.5, PROXY)
        scene.refused(MOBILE, PROXY, 443, 5.0, tries=3)

        silent(scene, self.RULE)

    def test_desktop_of_another_company(self) -> None:
        scene = outside()
        scene.named("sipexternal.shoes.example", "198.51.100.99")
        scene.secure(DESKTOP, "198.51.100.99", 443, 1.0, seconds=60.0)
        scene.looks_up(MOBILE, NAME, 2.5, PROXY)
        scene.refused(MOBILE, PROXY, 443, 5.0, tries=3)

        silent(scene, self.RULE)

    def test_capture_that_ends_early(self) -> None:
        scene = self._network()
        scene.looks_up(MOBILE, NAME, 2.5, PROXY)
        scene.silent(MOBILE, PROXY, 443, 5.0, after=(0, 1, 3))

        inconclusive(scene.case(10.0), self.RULE, "capture ends")
