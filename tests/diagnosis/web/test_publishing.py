"""Reverse proxies: each rule on its case, its look-alikes and a capture that cannot carry it."""

import pytest
from proofs import fires, inconclusive, sample_fires, silent
from scenes import Scene, accused

DOMAIN = "harbour.example"
NAME, JOIN = f"lyncdiscover.{DOMAIN}", f"meet.{DOMAIN}"
PROXY, EDGE, POOL, CLIENT = "203.0.113.10", "203.0.113.9", "10.9.0.5", "192.0.2.77"
INNER = "fe3.corp.harbour.example"
LINK = (f"Redirect=https://{INNER}/Autodiscover/AutodiscoverService.svc/root",)


def outside() -> Scene:
    scene = Scene()
    scene.named(NAME, PROXY)
    return scene


def perimeter(port: int = 8080) -> Scene:
    """A capture on both sides of the proxy: outsiders at its 443, the pool at 8080."""
    scene = outside()
    scene.secure(CLIENT, PROXY, 443, 1.0)
    scene.presents(NAME, common_name="ucext.harbour.example")
    if port:
        scene.requests(PROXY, POOL, 1.5, "autodiscover", "ok", 200, port=port, host=NAME, links=("User=https://x/y",))
    return scene


class TestInnerSite:
    RULE = "rp-maps-443-to-internal-site"

    def _passes(self, name: str = NAME, client: str = PROXY) -> Scene:
        scene = perimeter(port=0)
        scene.secure(client, POOL, 443, 2.0)
        scene.presents(name, common_name="fe3.harbour.example")
        return scene

    def test_fires_with_the_hello_to_the_inner_port(self) -> None:
        scene = self._passes()
        hello = next(
            one["frame"]
            for one in scene.messages["tls"]
            if one["flow"] == len(scene.flows) - 1 and one["kind"] == "client-hello"
        )

        assert fires(scene, self.RULE, PROXY, frames={hello}).confidence == "certain"

    def test_fires_once_for_both_ports(self) -> None:
        scene = self._passes()
        scene.requests(PROXY, POOL, 3.0, "autodiscover", "ok", 200, host=NAME, links=("User=https://x/y",))

        assert len(fires(scene, self.RULE, PROXY).flows) == 2

    def test_fires_outside_where_the_client_then_looks_for_an_inner_name(self) -> None:
        scene = outside()
        told = {"access_location": "internal", "sip_client_internal": f"{INNER}:5061", "links": ("User=https://x/y",)}
        scene.requests(CLIENT, PROXY, 3.0, "autodiscover", "ok", 200, host=NAME, **told)
        scene.looks_up(CLIENT, INNER, 4.0)

        assert fires(scene, self.RULE, CLIENT).confidence == "likely"

    def test_fires_on_a_real_proxy(self) -> None:
        assert sample_fires("published-wrongly", self.RULE)

    def test_silent_on_office_web_apps(self) -> None:
        scene = self._passes("officeapps.harbour.example")
        scene.named(NAME, POOL)  # what is asked is a Lync server all the same

        silent(scene, self.RULE)

    def test_silent_on_a_client_inside(self) -> None:
        silent(self._passes(client="10.2.0.9"), self.RULE)

    def test_silent_on_the_right_ports(self) -> None:
        silent(perimeter(), self.RULE)

    def test_silent_where_the_proxy_is_seen_to_ask_on_8080(self) -> None:
        scene = perimeter()
        told = {"access_location": "internal", "sip_client_internal": f"{INNER}:5061", "links": ("User=https://x/y",)}
        scene.requests(CLIENT, PROXY, 3.0, "autodiscover", "ok", 200, host=NAME, **told)
        scene.looks_up(CLIENT, INNER, 4.0)

        silent(scene, self.RULE)

    def test_inconclusive_without_what_the_client_does_next(self) -> None:
        scene = outside()
        told = {"access_location": "internal", "links": ("User=https://x/y",)}
        scene.requests(CLIENT, PROXY, 3.0, "autodiscover", "ok", 200, host=NAME, **told)

        inconclusive(scene, self.RULE, because="where it goes next")


class TestInnerName:
    RULE = "rp-redirects-to-internal-fqdn"

    def _told(self, links: tuple[str, ...] = LINK, **facts: object) -> Scene:
        scene = outside()
        self.of = scene.requests(
            CLIENT, PROXY, 3.0, "autodiscover", "ok", 200, host=NAME, links=links, **facts  # type: ignore[arg-type]
        )  # fmt: skip
        return scene

    def test_fires_with_the_answer_and_the_lookup(self) -> None:
        scene = self._told()
        asked = scene.looks_up(CLIENT, INNER, 4.0)
        answer = {scene.frame(3.1, self.of), scene.frame(3.2, self.of)}

        fires(scene, self.RULE, CLIENT, frames={*answer, *asked})

    def test_fires_on_a_redirect_of_a_join_page(self) -> None:
        scene = outside()
        facts = {"service": "meet", "location": f"https://{INNER}/meet"}
        scene.requests(CLIENT, PROXY, 3.0, "web-service", "redirected", 302, host=JOIN, **facts)
        scene.looks_up(CLIENT, INNER, 4.0)

        fires(scene, self.RULE, CLIENT)

    def test_fires_on_a_name_with_a_private_address(self) -> None:
        scene = self._told()
        scene.named(INNER, "10.9.0.7")
        scene.looks_up(CLIENT, INNER, 4.0, rcode="noerror")

        assert "private" in fires(scene, self.RULE, CLIENT).says

    def test_fires_on_a_real_proxy(self) -> None:
        assert sample_fires("led-inside", self.RULE)

    def test_silent_on_links_for_clients_inside(self) -> None:
        scene = self._told((f"Internal/Ucwa=https://{INNER}/ucwa/v1/applications",))
        scene.looks_up(CLIENT, INNER, 4.0)

        silent(scene, self.RULE)

    def test_silent_on_an_online_host(self) -> None:
        scene = self._told(("Redirect=https://webdir0a.online.lync.com/Autodiscover/root",))
        scene.looks_up(CLIENT, "webdir0a.online.lync.com", 4.0)

        silent(scene, self.RULE)

    def test_silent_on_a_name_asked_for_before(self) -> None:
        scene = self._told()
        scene.looks_up(CLIENT, INNER, 1.0)
        scene.looks_up(CLIENT, INNER, 4.0)

        silent(scene, self.RULE)

    def test_silent_on_a_client_inside(self) -> None:
        scene = outside()
        scene.named(f"sipinternal.{DOMAIN}", POOL)
        scene.secure("10.2.0.9", POOL, 5061, 1.0)
        scene.requests("10.2.0.9", PROXY, 3.0, "autodiscover", "ok", 200, host=NAME, links=LINK)
        scene.looks_up("10.2.0.9", INNER, 4.0)

        silent(scene, self.RULE)

    HOME = "192.168.2.60"

    def _told_at_home(self) -> Scene:
        """A client behind a home router, or inside: its own address does not tell."""
        scene = outside()
        scene.requests(self.HOME, PROXY, 3.0, "autodiscover", "ok", 200, host=NAME, links=LINK)
        return scene

    def test_of_a_client_on_an_unknown_side_is_likely_where_its_dns_knows_no_such_name(self) -> None:
        scene = self._told_at_home()
        scene.looks_up(self.HOME, INNER, 4.0)

        one = fires(scene, self.RULE, self.HOME)
        assert one.confidence == "likely"
        assert "public record is missing" in one.why

    def test_silent_on_a_private_address_of_a_client_on_an_unknown_side(self) -> None:
        scene = self._told_at_home()
        scene.named(INNER, "10.9.0.7")
        scene.looks_up(self.HOME, INNER, 4.0, rcode="noerror")

        silent(scene, self.RULE)

    def test_inconclusive_without_the_answer_of_dns(self) -> None:
        scene = self._told()
        scene.looks_up(CLIENT, INNER, 4.0, after=None)

        inconclusive(scene, self.RULE, because=INNER)


class TestPoolBehindProxy:
    RULE = "rp-backend-4443-unreachable"

    def test_fires_on_refusals_and_nothing_else_does(self) -> None:
        scene = perimeter()
        scene.refused(PROXY, POOL, 4443, 5.0, tries=2)

        fires(scene, self.RULE, PROXY)
        assert accused(scene) == {(self.RULE, PROXY)}

    def test_fires_on_silence(self) -> None:
        scene = perimeter()
        scene.silent(PROXY, POOL, 4443, 5.0)
        scene.requests(PROXY, POOL, 30.0, "autodiscover", "ok", 200, port=8080, host=NAME, links=("User=https://x/y",))

        fires(scene, self.RULE, PROXY)

    def test_fires_likely_inside_where_only_the_proxys_tries_are_seen(self) -> None:
        scene, proxy = Scene(), "172.30.9.9"
        scene.named(f"lyncdiscoverinternal.{DOMAIN}", POOL)
        for at in (5.0, 12.0, 19.0):
            scene.refused(proxy, POOL, 4443, at)
        scene.secure("10.1.44.7", POOL, 443, 30.0)

        assert fires(scene, self.RULE, proxy).confidence == "likely"

    @pytest.mark.parametrize("status", [502, 504])
    def test_fires_likely_outside(self, status: int) -> None:
        scene = outside()
        of = scene.requests(CLIENT, PROXY, 3.0, "autodiscover", "http-error", status, host=NAME)

        one = fires(scene, self.RULE, CLIENT, frames={scene.frame(3.1, of), scene.frame(3.2, of)})
        assert one.confidence == "likely"

    def test_fires_on_a_real_proxy(self) -> None:
        assert sample_fires("published-wrongly", self.RULE)

    def test_silent_on_a_member_that_fails_now_and_then(self) -> None:
        scene = outside()
        scene.requests(CLIENT, PROXY, 3.0, "autodiscover", "http-error", 502, host=NAME)
        scene.requests(CLIENT, PROXY, 4.0, "autodiscover", "ok", 200, host=NAME, links=LINK)

        silent(scene, self.RULE)
        inconclusive(scene, self.RULE, because="one member")

    def test_silent_on_another_hosts_refusal(self) -> None:
        scene = perimeter()
        scene.refused("10.2.0.9", POOL, 4443, 5.0)

        silent(scene, self.RULE)

    def test_silent_on_an_error_of_the_pool_itself(self) -> None:
        scene = outside()
        scene.requests(CLIENT, PROXY, 3.0, "autodiscover", "http-error", 500, host=NAME)

        silent(scene, self.RULE)

    def test_inconclusive_in_a_short_capture(self) -> None:
        scene = perimeter()
        scene.silent(PROXY, POOL, 4443, 5.0)

        inconclusive(scene.case(9.0), self.RULE, because="the capture ends")


class TestHostHeader:
    RULE = "rp-host-header-rewritten"

    def _passed(self, host: str, outcome: str = "http-error", status: int = 404, outer: str = NAME) -> Scene:
        scene = perimeter()
        if outer:
            self.outer = scene.requests(
                CLIENT, PROXY, 3.0, "autodiscover", outcome, status, host=outer, target="/?sipuri=a", lasts=0.8
            )
        facts = {"host": host, "target": "/?sipuri=a", "port": 8080}
        self.inner = scene.requests(PROXY, POOL, 3.2, "autodiscover", outcome, status, **facts)  # type: ignore[arg-type]
        return scene

    def test_fires_with_both_sides(self) -> None:
        scene = self._passed("fe3.harbour.example")
        outer = {scene.frame(3.1, self.outer), scene.frame(3.9, self.outer)}

        one = fires(
            scene, self.RULE, CLIENT, frames={*outer, scene.frame(3.3, self.inner), scene.frame(3.4, self.inner)}
        )
        assert one.confidence == "certain"

    def test_fires_on_a_real_proxy(self) -> None:
        assert sample_fires("published-wrongly", self.RULE)

    def test_silent_where_the_name_is_passed_on(self) -> None:
        silent(self._passed(NAME), self.RULE)

    def test_silent_on_a_proxy_that_changes_names_and_answers_well(self) -> None:
        silent(self._passed("fe3.harbour.example", "ok", 200), self.RULE)

    def test_inconclusive_without_the_outer_side(self) -> None:
        inconclusive(self._passed("fe3.harbour.example", outer=""), self.RULE, because="not readable")


class TestNoProxy:
    RULE = "reverse-proxy-absent"

    def _signs_in(self, *names: str, after: float | None = 0.01) -> Scene:
        scene = Scene()
        scene.named(f"sip.{DOMAIN}", EDGE)
        scene.service(f"_sip._tls.{DOMAIN}", f"sip.{DOMAIN}", 443)
        for number, name in enumerate(names):
            scene.looks_up(CLIENT, name, 2.0 + number, after=after)
        scene.secure(CLIENT, EDGE, 443, 6.0)
        return scene

    def test_fires_with_the_lookups_and_the_sign_in(self) -> None:
        one = fires(self._signs_in(NAME, JOIN), self.RULE, CLIENT)

        assert len(one.proof[1].frames) == 4
        assert one.rejected == (("dns-server-no-answer", "DNS answers for all 2 web names"),)
        assert one.confidence == "likely"

    def test_fires_on_names_that_lead_to_the_edge_or_to_a_closed_port(self) -> None:
        scene = Scene()
        scene.named(JOIN, EDGE)
        scene.named(NAME, PROXY)
        scene.named(f"sip.{DOMAIN}", EDGE)
        scene.service(f"_sip._tls.{DOMAIN}", f"sip.{DOMAIN}", 443)
        for at, name in ((2.0, NAME), (3.0, JOIN)):
            scene.looks_up(CLIENT, name, at, rcode="noerror")
        scene.refused(CLIENT, PROXY, 443, 4.0)
        scene.secure(CLIENT, EDGE, 443, 6.0)

        fires(scene, self.RULE, CLIENT)

    def test_fires_on_a_real_client(self) -> None:
        assert sample_fires("led-inside", self.RULE)

    def test_silent_on_one_missing_name(self) -> None:
        silent(self._signs_in(NAME), self.RULE)

    def test_silent_on_a_client_that_asks_for_no_web_name(self) -> None:
        silent(self._signs_in("www.example.org", "mail.example.org"), self.RULE)

    def test_silent_where_one_name_works(self) -> None:
        scene = self._signs_in(JOIN)
        scene.named(NAME, PROXY)
        scene.looks_up(CLIENT, NAME, 4.0, rcode="noerror")
        scene.secure(CLIENT, PROXY, 443, 5.0)

        silent(scene, self.RULE)

    def test_inconclusive_without_the_answers(self) -> None:
        inconclusive(self._signs_in(NAME, JOIN, after=None), self.RULE, because="not in the capture")
