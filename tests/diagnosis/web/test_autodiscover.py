"""Autodiscover that fails: each rule on its case, its look-alikes and a capture that cannot carry it."""

import pytest
from proofs import fires, inconclusive, sample_fires, silent
from scenes import Scene, accused

DOMAIN = "harbour.example"
NAME, INNER = f"lyncdiscover.{DOMAIN}", f"lyncdiscoverinternal.{DOMAIN}"
PROXY, OTHER, POOL, MOBILE, PC = "203.0.113.10", "203.0.113.11", "10.9.0.5", "192.0.2.77", "10.2.0.9"
LINK = (f"Redirect=https://{NAME}/Autodiscover/AutodiscoverService.svc/root",)
ELSEWHERE = ("Redirect=https://ucext.anchor.example/Autodiscover/AutodiscoverService.svc/root",)


def outside() -> Scene:
    scene = Scene()
    scene.named(NAME, PROXY)
    scene.looks_up(MOBILE, f"sip.{DOMAIN}", 0.5)
    return scene


def answers(scene: Scene, at: float = 5.0, links: tuple[str, ...] = LINK, server: str = PROXY) -> int:
    return scene.requests(MOBILE, server, at, "autodiscover", "ok", 200, host=NAME, links=links)


class TestOnlyHttpWorks:
    RULE = "autodiscover-443-fails-80-works"

    def _distrusted(self, scene: Scene, at: float = 3.0) -> int:
        """TLS for the name, ended with an alert."""
        frame = scene.distrusts(MOBILE, PROXY, 443, at)
        scene.presents(NAME)
        return frame

    def test_fires_with_the_alert_and_the_answer(self) -> None:
        scene = outside()
        alert = self._distrusted(scene)
        of = answers(scene)
        shown = scene.certificates[-1]["frame"]

        frames = {shown, alert, scene.frame(5.1, of), scene.frame(5.2, of)}
        assert fires(scene, self.RULE, MOBILE, frames=frames).confidence == "certain"

    def test_is_likely_where_443_fails_after_the_answer(self) -> None:
        scene = outside()
        answers(scene)
        self._distrusted(scene, 8.0)

        assert fires(scene, self.RULE, MOBILE).confidence == "likely"

    @pytest.mark.parametrize("how", ["refused", "silent"])
    def test_fires_on_a_closed_port_outside(self, how: str) -> None:
        scene = outside()
        getattr(scene, how)(MOBILE, PROXY, 443, 3.0)
        answers(scene, 13.0)

        fires(scene, self.RULE, MOBILE)
        assert accused(scene) == {(self.RULE, MOBILE)}

    def test_fires_on_real_tls(self) -> None:
        assert sample_fires("discovery-outside", self.RULE)

    def test_silent_on_the_loser_of_the_race(self) -> None:
        scene = outside()
        unused = {"closing": "client-rst", "data_frames_client": 0, "data_frames_server": 0}
        scene.connect(MOBILE, PROXY, 443, 5.0, **unused)
        answers(scene)

        silent(scene, self.RULE)

    def test_silent_where_the_link_leads_to_another_domain_and_works(self) -> None:
        scene = outside()
        self._distrusted(scene)
        answers(scene, links=ELSEWHERE)
        scene.secure(MOBILE, PROXY, 443, 8.0)
        scene.presents("ucext.anchor.example")

        silent(scene, self.RULE)

    def test_silent_where_another_name_of_the_proxy_is_distrusted(self) -> None:
        scene = outside()
        scene.distrusts(MOBILE, PROXY, 443, 3.0)
        scene.presents("shop.harbour.example")
        answers(scene)

        silent(scene, self.RULE)

    def test_leaves_a_closed_port_inside_to_the_rule_on_the_two_web_ports(self) -> None:
        scene = Scene()
        scene.named(INNER, POOL)
        scene.secure(PC, POOL, 5061, 1.0)
        scene.refused(PC, POOL, 443, 3.0)
        scene.requests(PC, POOL, 5.0, "autodiscover", "ok", 200, host=INNER, links=LINK)

        silent(scene, self.RULE)
        assert ("port80-open-443-filtered", PC) in accused(scene)

    @pytest.mark.parametrize("begun", [False, True])
    def test_inconclusive_where_the_links_end_is_not_shown(self, begun: bool) -> None:
        scene = outside()
        self._distrusted(scene)
        answers(scene, links=ELSEWHERE)
        if begun:
            of = scene.secure(MOBILE, PROXY, 443, 8.0)
            scene.presents("ucext.anchor.example")
            data = [one for one in scene.messages["tls"] if one["flow"] == of and one["kind"] == "application-data"]
            scene.messages["tls"].remove(data[0])

        inconclusive(scene, self.RULE, because="ucext.anchor.example")


class TestNeitherPort:
    RULE = "autodiscover-both-ports-fail"

    def _refused(self, client: str = MOBILE, server: str = PROXY, scene: Scene | None = None) -> Scene:
        scene = scene or outside()
        self.controls = len(scene.controls)
        scene.refused(client, server, 443, 3.0)
        scene.refused(client, server, 80, 3.5)
        return scene

    def test_fires_once_with_the_refusals_of_both(self) -> None:
        scene = self._refused()

        fires(scene, self.RULE, MOBILE, frames={one["frame"] for one in scene.controls})
        assert accused(scene) == {(self.RULE, MOBILE)}

    def test_tells_the_fallback_of_a_desktop(self) -> None:
        scene = self._refused()
        scene.looks_up(MOBILE, f"_sip._tls.{DOMAIN}", 6.0)

        assert "falls back" in fires(scene, self.RULE, MOBILE).why

    def test_fires_on_silence(self) -> None:
        scene = outside()
        scene.silent(MOBILE, PROXY, 443, 3.0)
        scene.silent(MOBILE, PROXY, 80, 3.0)
        scene.looks_up(MOBILE, f"_sip._tls.{DOMAIN}", 40.0)

        assert fires(scene, self.RULE, MOBILE).confidence == "likely"

    def test_fires_on_errors_of_both_where_443_is_readable(self) -> None:
        scene = outside()
        for at, port in ((3.0, 443), (4.0, 80)):
            scene.requests(MOBILE, PROXY, at, "autodiscover", "http-error", 503, port=port, host=NAME)

        fires(scene, self.RULE, MOBILE)
        silent(scene, "autodiscover-http-error")

    def test_fires_on_a_real_host(self) -> None:
        assert sample_fires("discovery-outside", self.RULE)

    def test_silent_on_an_inner_name_that_leads_outside(self) -> None:
        scene = Scene()
        scene.named(INNER, OTHER)

        silent(self._refused(server=OTHER, scene=scene), self.RULE)

    @pytest.mark.parametrize("at", [6.0, 60.0])
    def test_silent_where_autodiscover_answers_at_another_address(self, at: float) -> None:
        scene = self._refused()
        scene.named(NAME, OTHER)
        answers(scene, at, server=OTHER)

        silent(scene, self.RULE)

    def test_silent_where_the_whole_host_is_closed(self) -> None:
        scene = self._refused()
        scene.refused(MOBILE, PROXY, 5061, 5.0)

        silent(scene, self.RULE)

    def test_silent_on_a_phone(self) -> None:
        scene = self._refused()
        scene.asks(MOBILE, f"ucupdates-r2.{DOMAIN}", 1.0)

        silent(scene, self.RULE)

    def test_inconclusive_in_a_short_capture(self) -> None:
        scene = outside()
        scene.silent(MOBILE, PROXY, 443, 3.0, after=(0, 1))
        scene.silent(MOBILE, PROXY, 80, 3.0, after=(0, 1))

        inconclusive(scene.case(6.0), self.RULE, because="the capture ends")


class TestErrors:
    RULE = "autodiscover-http-error"

    def _error(self, status: int = 404, outcome: str = "http-error", at: float = 3.0, **more: object) -> Scene:
        scene = outside()
        facts: dict[str, object] = {"answered": {"content_type": "text/html"}, **more}
        self.of = scene.requests(MOBILE, PROXY, at, "autodiscover", outcome, status, host=NAME, **facts)  # type: ignore[arg-type]
        return scene

    @pytest.mark.parametrize("status", [403, 404, 500, 503])
    def test_fires_with_request_and_answer(self, status: int) -> None:
        scene = self._error(status)

        fires(scene, self.RULE, MOBILE, frames={scene.frame(3.1, self.of), scene.frame(3.2, self.of)})

    def test_fires_on_a_page_without_links(self) -> None:
        fires(self._error(200, "ok"), self.RULE, MOBILE)

    def test_fires_on_a_loop_of_401(self) -> None:
        scene = outside()
        for at in (3.0, 4.0, 5.0):
            scene.requests(MOBILE, PROXY, at, "autodiscover", "challenged", 401, host=NAME)

        fires(scene, self.RULE, MOBILE)

    def test_says_who_spoke(self) -> None:
        told = fires(self._error(502, answered={"server": "nginx"}), self.RULE, MOBILE)

        assert "nginx" in told.why

    def test_fires_on_a_real_portal(self) -> None:
        assert sample_fires("discovery-outside", self.RULE)

    def test_silent_on_a_link_onwards(self) -> None:
        scene = outside()
        answers(scene)

        silent(scene, self.RULE)

    def test_silent_on_401_and_then_200(self) -> None:
        scene = outside()
        scene.requests(MOBILE, PROXY, 3.0, "autodiscover", "challenged", 401, host=NAME)
        answers(scene)

        silent(scene, self.RULE)

    def test_silent_on_an_error_that_passes(self) -> None:
        scene = self._error(503)
        answers(scene, 6.0)

        silent(scene, self.RULE)

    def test_silent_on_an_inner_name_that_leads_outside(self) -> None:
        scene = Scene()
        scene.named(INNER, OTHER)
        scene.requests(MOBILE, OTHER, 3.0, "autodiscover", "http-error", 404, host=INNER)

        silent(scene, self.RULE)

    def test_silent_on_a_stranger(self) -> None:
        scene = Scene()
        scene.requests(MOBILE, OTHER, 3.0, "autodiscover", "http-error", 404, host="example.org")

        silent(scene, self.RULE)

    def test_inconclusive_without_the_answer(self) -> None:
        inconclusive(self._error(0, "unseen"), self.RULE, because="not in the capture")


class TestRedirectToTls:
    RULE = "rp-80-to-443-redirect-breaks-autodiscover"

    def _sent(self, location: str = f"https://{NAME}/root") -> Scene:
        scene = outside()
        self.of = scene.requests(MOBILE, PROXY, 3.0, "autodiscover", "redirected", 302, host=NAME, location=location)
        return scene

    def _left(self, scene: Scene, *names: str, sni: str = NAME) -> int:
        frame = scene.distrusts(MOBILE, PROXY, 443, 5.0)
        scene.presents(sni, names=names)
        return frame

    def test_fires_with_the_redirect_the_certificate_and_the_end(self) -> None:
        scene = self._sent()
        alert = self._left(scene, "ucext.harbour.example")
        shown = scene.certificates[-1]["frame"]

        fires(scene, self.RULE, MOBILE, frames={scene.frame(3.1, self.of), scene.frame(3.2, self.of), shown, alert})

    def test_fires_on_a_real_proxy(self) -> None:
        assert sample_fires("discovery-outside", self.RULE)

    @pytest.mark.parametrize("name", [NAME, "*.harbour.example"])
    def test_silent_where_the_certificate_covers_the_name(self, name: str) -> None:
        scene = self._sent()
        self._left(scene, name)

        silent(scene, self.RULE)

    def test_silent_where_the_client_goes_on(self) -> None:
        scene = self._sent()
        scene.secure(MOBILE, PROXY, 443, 5.0)
        scene.presents(NAME, names=("ucext.harbour.example",))

        silent(scene, self.RULE)

    def test_silent_on_a_join_page(self) -> None:
        scene = outside()
        facts = {"service": "meet", "location": "https://meet.harbour.example/"}
        scene.requests(MOBILE, PROXY, 3.0, "web-service", "redirected", 302, host="meet.harbour.example", **facts)
        self._left(scene, "ucext.harbour.example", sni="meet.harbour.example")

        silent(scene, self.RULE)

    def test_inconclusive_without_tls_after_it(self) -> None:
        inconclusive(self._sent(), self.RULE, because="with which certificate")

    def test_inconclusive_with_a_certificate_that_cannot_be_read(self) -> None:
        scene = self._sent()
        self._left(scene)
        scene.certificates[-1]["unreadable"] = "cut"

        inconclusive(scene, self.RULE, because="with which certificate")
