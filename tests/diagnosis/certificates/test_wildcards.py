"""Wildcards in certificates."""

from typing import Any

from proofs import fires, inconclusive, silent
from scenes import Scene

PHONE, PC, PARTNER = "10.40.8.21", "10.40.4.9", "192.0.2.66"
POOL, EDGE, PROXY = "10.40.1.4", "198.51.100.91", "198.51.100.94"
WEB = "pool3.maple.example"
AGENT = "OCPhone/4.0.7577.4420 (Microsoft Lync Phone Edition)"


def inside() -> Scene:
    """A pool by SRV record, and a phone by its words."""
    scene = Scene()
    scene.service("_sipinternaltls._tcp.maple.example", WEB, 5061)
    scene.named(WEB, POOL)
    scene.browses(PHONE, POOL, -3.0, AGENT)
    return scene


def outside() -> Scene:
    """An Access Edge by SRV record, and a reverse proxy by its name."""
    scene = Scene()
    scene.service("_sip._tls.maple.example", "sip.maple.example", 443)
    scene.named("sip.maple.example", EDGE)
    scene.named("lyncdiscover.maple.example", PROXY)
    return scene


def named(subject: str, *names: str) -> dict[str, Any]:
    return {"common_name": subject, "names": names or (subject,)}


class TestSubject:
    RULE = "cert-wildcard-in-cn"
    LEAF = named("*.maple.example")

    def test_a_phone_fails_over_it(self) -> None:
        scene = inside()
        of = scene.meets(PHONE, POOL, 443, 1.0, sni=WEB, end=42, leaf=self.LEAF)

        found = fires(scene, self.RULE, PHONE, frames={scene.frame(1.03, of), scene.frame(1.1, of)})

        assert found.confidence == "likely"
        assert found.severity is None

    def test_a_risk_where_nobody_fails(self) -> None:
        scene = outside()
        scene.meets(PC, EDGE, 443, 1.0, sni="sip.maple.example", leaf=self.LEAF)

        assert fires(scene, self.RULE, EDGE).severity == "minor"

    def test_a_shared_proxy_on_which_all_succeed(self) -> None:
        scene = outside()
        scene.meets(PC, PROXY, 443, 1.0, sni="lyncdiscover.maple.example", leaf=self.LEAF)

        silent(scene, self.RULE)

    def test_a_wildcard_beside_a_proper_subject(self) -> None:
        scene = inside()
        scene.meets(PHONE, POOL, 443, 1.0, sni=WEB, end=42, leaf=named(WEB, WEB, "*.maple.example"))

        silent(scene, self.RULE)

    def test_a_phone_that_does_not_know_the_authority(self) -> None:
        scene = outside()
        scene.meets(PHONE, PROXY, 443, 1.0, sni="lyncdiscover.maple.example", end=48, leaf=self.LEAF)

        silent(scene, self.RULE)

    def test_a_guessed_edge(self) -> None:
        scene = Scene()
        scene.asks(PC, "lyncdiscover.maple.example", -5.0)
        scene.named("sip.maple.example", EDGE)
        scene.meets(PC, EDGE, 443, 1.0, sni="sip.maple.example", leaf=self.LEAF)

        inconclusive(scene, self.RULE, "fits other servers too")


class TestPhone:
    RULE = "cert-wildcard-only-san-phone-fails"
    LEAF = named("web.maple.example", "web.maple.example", "*.maple.example")

    def test_a_phone_rejects_what_a_pc_takes(self) -> None:
        scene = inside()
        of = scene.meets(PHONE, POOL, 443, 1.0, sni=WEB, end=42, leaf=self.LEAF)
        other = scene.meets(PC, POOL, 443, 2.0, sni=WEB, leaf=self.LEAF)
        shown = {scene.frame(at, of) for at in (1.01, 1.03, 1.1)}

        fires(scene, self.RULE, PHONE, frames={*shown, scene.frame(2.03, other)})

    def test_a_phone_that_does_not_know_the_authority(self) -> None:
        scene = inside()
        scene.meets(PHONE, POOL, 443, 1.0, sni=WEB, end=48, leaf=self.LEAF)
        scene.meets(PC, POOL, 443, 2.0, sni=WEB, leaf=self.LEAF)

        silent(scene, self.RULE)

    def test_a_phone_that_gets_over_it(self) -> None:
        scene = inside()
        scene.meets(PHONE, POOL, 443, 1.0, sni=WEB, end="leaves", leaf=self.LEAF)
        scene.meets(PHONE, POOL, 443, 2.0, sni=WEB, leaf=self.LEAF)
        scene.meets(PC, POOL, 443, 3.0, sni=WEB, leaf=self.LEAF)

        silent(scene, self.RULE)

    def test_a_name_that_is_listed(self) -> None:
        scene = inside()
        leaf = named(WEB, WEB, "*.maple.example")
        scene.meets(PHONE, POOL, 443, 1.0, sni=WEB, end=42, leaf=leaf)
        scene.meets(PC, POOL, 443, 2.0, sni=WEB, leaf=leaf)

        silent(scene, self.RULE)

    def test_no_pc_to_compare_with(self) -> None:
        scene = inside()
        scene.meets(PHONE, POOL, 443, 1.0, sni=WEB, end=42, leaf=self.LEAF)

        inconclusive(scene, self.RULE, "no PC is seen")


class TestEdge:
    RULE = "cert-wildcard-edge-services"

    def test_the_access_name_by_a_wildcard_only(self) -> None:
        scene = outside()
        scene.meets(PC, EDGE, 443, 1.0, leaf=named("web.maple.example", "web.maple.example", "*.maple.example"))

        assert "sip.maple.example by a wildcard only" in fires(scene, self.RULE, EDGE).says

    def test_a_wildcard_beside_the_listed_names(self) -> None:
        scene = outside()
        leaf = named("sip.maple.example", "sip.maple.example", "*.maple.example")
        scene.meets(PC, EDGE, 443, 1.0, sni="sip.maple.example", leaf=leaf)

        silent(scene, self.RULE)

    def test_a_guessed_edge(self) -> None:
        scene = Scene()
        scene.asks(PC, "lyncdiscover.maple.example", -5.0)
        scene.named("sip.maple.example", EDGE)
        scene.meets(PC, EDGE, 443, 1.0, sni="sip.maple.example", leaf=named("*.maple.example"))

        inconclusive(scene, self.RULE, "fits other servers too")
