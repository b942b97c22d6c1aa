"""Mobile devices on the company's Wi-Fi: the way out and back in, and the wrong web site."""

from typing import Any

from proofs import fires, inconclusive, silent
from scenes import RESOLVER, Scene

from lynccap.document import Confidence

DOMAIN = "maple.example"
INNER, OUTER = f"lyncdiscoverinternal.{DOMAIN}", f"ucext.{DOMAIN}"
POOL, PROXY, MOBILE, GUEST = "10.66.1.11", "198.51.100.41", "10.66.40.7", "10.66.90.9"
VISITOR = "192.0.2.92"
AGENT = {"user_agent": "iPhoneLync"}


def wifi(**links: str) -> Scene:
    """A mobile device that discovers the pool inside and is told the external web name."""
    scene = Scene()
    scene.looks_up(MOBILE, INNER, 1.0, POOL)
    told = links or {"External/Ucwa": f"https://{OUTER}/ucwa/v1/applications"}
    rows = tuple(f"{token}={href}" for token, href in told.items())
    scene.requests(
        MOBILE, POOL, 2.0, "autodiscover", "ok", 200, host=INNER, asked=AGENT, links=rows, access_location="internal"
    )
    scene.exchange(MOBILE, RESOLVER, 53, 60.0, stack="dns")
    return scene


UCWA = {"service": "ucwa", "operation": "create-application", "target": "/ucwa/v1/applications"}


class TestHairpin:
    RULE = "mobile-hairpin-blocked"

    def _next(self, name: str = OUTER) -> Scene:
        scene = wifi()
        scene.looks_up(MOBILE, name, 4.0, PROXY)
        return scene

    def test_refused_from_inside(self) -> None:
        scene = self._next()
        of = scene.refused(MOBILE, PROXY, 443, 5.0, tries=3)
        tried = {one["frame"] for one in scene.controls if one["flow"] == of}

        one = fires(scene, self.RULE, MOBILE)

        assert (one.peer, one.port) == (PROXY, 443)
        assert one.confidence is Confidence.LIKELY
        assert tried <= {frame for proof in one.proof for frame in proof.frames}

    def test_silent_from_inside_and_answered_outside(self) -> None:
        scene = self._next()
        scene.silent(MOBILE, PROXY, 443, 5.0)
        scene.secure(VISITOR, PROXY, 443, 20.0)

        one = fires(scene, self.RULE, MOBILE)

        assert one.confidence is Confidence.CERTAIN
        assert VISITOR in one.why

    def test_way_that_is_open(self) -> None:
        scene = self._next()
        scene.secure(MOBILE, PROXY, 443, 5.0)

        silent(scene, self.RULE)

    def test_guests_do_not_know_the_inner_name(self) -> None:
        scene = wifi()
        scene.looks_up(GUEST, INNER, 4.0)
        scene.looks_up(GUEST, OUTER, 4.1, PROXY)
        scene.refused(GUEST, PROXY, 443, 5.0, tries=3)

        silent(scene, self.RULE)

    def test_race_to_discover_is_won_inside(self) -> None:
        scene = self._next(f"lyncdiscover.{DOMAIN}")
        scene.refused(MOBILE, PROXY, 443, 5.0, tries=3)

        silent(scene, self.RULE)

    def test_desktop_that_signs_in(self) -> None:
        scene = self._next()
        scene.secure(MOBILE, POOL, 5061, 3.0)
        scene.refused(MOBILE, PROXY, 443, 5.0, tries=3)

        silent(scene, self.RULE)

    def test_proxy_that_may_be_down(self) -> None:
        scene = self._next()
        scene.silent(MOBILE, PROXY, 443, 5.0)

        inconclusive(scene, self.RULE, "may be down")


class TestSite:
    RULE = "mobile-lands-on-internal-site"

    def _led(self, *names: str, address: str = POOL) -> Scene:
        scene = wifi()
        scene.looks_up(MOBILE, OUTER, 4.0, address)
        if names:
            of = scene.connect(MOBILE, address, 443, 5.0, stack="tls", basis="bytes")
            scene.shows(of, 5.0, OUTER, *names)
        return scene

    def test_certificate_of_the_inner_site(self) -> None:
        scene = self._led(f"pool.{DOMAIN}", INNER)
        shown = next(one["frame"] for one in scene.certificates)

        one = fires(scene, self.RULE, MOBILE)

        assert (one.peer, one.port) == (POOL, 443)
        assert one.confidence is Confidence.CERTAIN  # one address for both names
        assert shown in {frame for proof in one.proof for frame in proof.frames}

    def test_errors_of_the_inner_site(self) -> None:
        scene = self._led()
        facts: dict[str, Any] = {"port": 443, "host": OUTER, **UCWA}
        scene.requests(MOBILE, POOL, 5.0, "web-service", "http-error", 403, **facts)

        assert "HTTP 403" in fires(scene, self.RULE, MOBILE).says

    def test_another_inner_address_is_likely(self) -> None:
        scene = self._led(f"pool.{DOMAIN}", address="10.66.1.99")

        assert fires(scene, self.RULE, MOBILE).confidence is Confidence.LIKELY

    def test_address_that_is_passed_on_to_the_outer_site(self) -> None:
        scene = self._led()
        facts: dict[str, Any] = {"port": 443, "host": OUTER, **UCWA}
        scene.requests(MOBILE, POOL, 5.0, "web-service", "ok", 201, **facts)

        silent(scene, self.RULE)

    def test_public_address(self) -> None:
        scene = self._led(f"pool.{DOMAIN}", address=PROXY)

        silent(scene, self.RULE)

    def test_inner_name_at_the_inner_site(self) -> None:
        scene = wifi()
        of = scene.connect(MOBILE, POOL, 443, 5.0, stack="tls", basis="bytes")
        scene.shows(of, 5.0, INNER, f"pool.{DOMAIN}")

        silent(scene, self.RULE)

    def test_certificates_by_the_name_asked_for(self) -> None:
        scene = self._led(OUTER)
        of = scene.connect(MOBILE, POOL, 443, 2.5, stack="tls", basis="bytes")
        scene.shows(of, 2.5, INNER, f"pool.{DOMAIN}", INNER)

        inconclusive(scene, self.RULE, "may be passed on")

    def test_certificate_that_fits_both(self) -> None:
        inconclusive(self._led(INNER, OUTER), self.RULE, "may be passed on")
