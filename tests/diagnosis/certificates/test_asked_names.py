"""Names that clients ask for and a certificate lacks."""

from typing import Any, ClassVar

import pytest
from proofs import fires, inconclusive, silent
from scenes import Scene

PC, OTHER = "10.20.0.7", "10.20.0.8"
POOL, EDGE, CONFERENCE = "10.20.9.4", "198.51.100.61", "198.51.100.62"
POOL_NAME = "uc1.alder.example"
POOL_LEAF = {"common_name": POOL_NAME, "names": (POOL_NAME, "meet.alder.example")}


def inside() -> Scene:
    """A pool by SRV record."""
    scene = Scene()
    scene.service("_sipinternaltls._tcp.alder.example", POOL_NAME, 5061)
    scene.named(POOL_NAME, POOL)
    return scene


def outside() -> Scene:
    """An Access Edge by SRV record, and a Web Conferencing Edge by name beside it."""
    scene = Scene()
    scene.asks(OTHER, "lyncdiscover.alder.example", -5.0)
    scene.service("_sip._tls.alder.example", "sip.alder.example", 443)
    scene.named("sip.alder.example", EDGE)
    scene.named("webcon.alder.example", CONFERENCE)
    return scene


class TestNameMismatch:
    RULE = "cert-name-mismatch"

    def test_a_name_the_certificate_lacks(self) -> None:
        scene = inside()
        of = scene.meets(PC, POOL, 5061, 1.0, sni="uc-old.alder.example", end=42, leaf=POOL_LEAF)
        frames = {scene.frame(1.01, of), scene.frame(1.03, of), scene.frame(1.1, of)}

        found = fires(scene, self.RULE, PC, frames=frames)

        assert found.confidence == "certain"
        assert found.severity is None
        assert "uc-old.alder.example" in found.says

    def test_by_the_dns_answer_where_the_hello_names_nobody(self) -> None:
        scene = inside()
        asked = scene.looks_up(PC, "uc-old.alder.example", -1.0, POOL)
        of = scene.meets(PC, POOL, 5061, 1.0, end="leaves", leaf=POOL_LEAF)
        frames = {asked[-1], scene.frame(1.03, of), scene.frame(1.2, of)}

        assert fires(scene, self.RULE, PC, frames=frames).confidence == "likely"

    def test_who_goes_on_with_the_handshake_has_taken_it(self) -> None:
        scene = inside()
        of = scene.meets(PC, POOL, 5061, 1.0, sni="uc-old.alder.example", end="leaves", leaf=POOL_LEAF)
        fires(scene, self.RULE, PC)

        for kind in ("client-key-exchange", "change-cipher-spec", "encrypted-handshake"):
            scene._say("tls", of, 1.05, kind=kind)

        silent(scene, self.RULE)

    def test_who_goes_on_is_a_note(self) -> None:
        scene = inside()
        scene.meets(PC, POOL, 5061, 1.0, sni="uc-old.alder.example", leaf=POOL_LEAF)

        assert fires(scene, self.RULE, PC).severity == "info"

    def test_another_alias_that_is_in_the_certificate(self) -> None:
        scene = inside()
        scene.looks_up(PC, "uc-old.alder.example", -2.0, POOL)
        scene.looks_up(PC, "meet.alder.example", -1.0, POOL)
        scene.meets(PC, POOL, 5061, 1.0, end=42, leaf=POOL_LEAF)

        silent(scene, self.RULE)

    def test_a_default_certificate_for_who_names_nobody(self) -> None:
        scene = inside()
        scene.looks_up(PC, "web.alder.example", -1.0, POOL)
        scene.meets(PC, POOL, 443, 1.0, end=42, leaf=POOL_LEAF)
        scene.meets(OTHER, POOL, 443, 2.0, sni="web.alder.example", leaf={"names": ("web.alder.example",)})

        silent(scene, self.RULE)

    def test_an_alert_about_something_else(self) -> None:
        scene = inside()
        scene.meets(PC, POOL, 5061, 1.0, sni="uc-old.alder.example", end=48, leaf=POOL_LEAF)

        silent(scene, self.RULE)

    def test_a_client_that_gets_over_it(self) -> None:
        scene = inside()
        scene.meets(PC, POOL, 5061, 1.0, sni="uc-old.alder.example", end="leaves", leaf=POOL_LEAF)
        scene.meets(PC, POOL, 5061, 3.0, sni="uc-old.alder.example", leaf=POOL_LEAF)

        assert fires(scene, self.RULE, PC).severity == "info"

    def test_a_stranger_with_the_names_in_its_certificate_only(self) -> None:
        scene = Scene()
        leaf = {"names": ("lyncdiscover.alder.example", "sip.alder.example")}
        scene.meets(PC, "203.0.113.9", 443, 1.0, sni="shop.alder.example", end=42, leaf=leaf)

        silent(scene, self.RULE)

    def test_a_neighbour_of_the_pool_with_the_names_in_its_certificate_only(self) -> None:
        scene = inside()
        leaf = {"names": ("lyncdiscover.alder.example", "sipinternal.alder.example")}
        scene.meets(PC, "10.20.9.77", 443, 1.0, sni="intranet.alder.example", end=42, leaf=leaf)

        silent(scene, self.RULE)

    @pytest.mark.parametrize("end", ["leaves", "data"])
    def test_a_wildcard_covers_one_label_only(self, end: str) -> None:
        scene = inside()
        leaf = {"common_name": POOL_NAME, "names": (POOL_NAME, "*.alder.example")}
        scene.meets(PC, POOL, 5061, 1.0, sni="a.alder.example", end=42, leaf=leaf)
        silent(scene, self.RULE)
        scene.meets(PC, POOL, 5061, 2.0, sni="a.b.alder.example", end=end, leaf=leaf)
        fires(scene, self.RULE, PC)

    def test_the_end_is_not_in_the_capture(self) -> None:
        scene = inside()
        scene.meets(PC, POOL, 5061, 1.0, sni="uc-old.alder.example", end="leaves", leaf=POOL_LEAF, lost_client=40)

        inconclusive(scene, self.RULE, "acknowledged")

    def test_who_finishes_and_says_nothing(self) -> None:
        scene = inside()
        scene.meets(PC, POOL, 5061, 1.0, sni="uc-old.alder.example", end="unused", leaf=POOL_LEAF)

        inconclusive(scene, self.RULE, "whether over the name is not shown")

    def test_a_certificate_that_cannot_be_read(self) -> None:
        scene = inside()
        leaf = {"unreadable": "cut off", "common_name": "", "names": ()}
        scene.meets(PC, POOL, 5061, 1.0, sni="uc-old.alder.example", end=42, leaf=leaf)

        silent(scene, self.RULE)


class TestSubjectNotRepeated:
    RULE = "cert-cn-not-repeated-in-san"
    LEAF: ClassVar[dict[str, Any]] = {"common_name": POOL_NAME, "names": ("meet.alder.example", "dialin.alder.example")}

    def test_the_subject_alone_has_the_name(self) -> None:
        scene = inside()
        scene.meets(PC, POOL, 5061, 1.0, sni=POOL_NAME, end=42, leaf=self.LEAF)

        assert fires(scene, self.RULE, PC).confidence == "certain"
        silent(scene, "cert-name-mismatch")

    def test_nobody_asks_for_the_subject(self) -> None:
        scene = inside()
        scene.meets(PC, POOL, 443, 1.0, sni="meet.alder.example", leaf=self.LEAF)

        silent(scene, self.RULE)

    def test_a_certificate_without_alternative_names(self) -> None:
        scene = inside()
        scene.meets(PC, POOL, 5061, 1.0, sni=POOL_NAME, end=42, leaf={"common_name": POOL_NAME})

        silent(scene, self.RULE)

    def test_the_end_is_not_in_the_capture(self) -> None:
        scene = inside()
        scene.meets(PC, POOL, 5061, 1.0, sni=POOL_NAME, end="leaves", leaf=self.LEAF, lost_client=40)

        inconclusive(scene, self.RULE, "acknowledged")


class TestSipDomain:
    RULE = "cert-missing-sip-domain"
    LEAF: ClassVar[dict[str, Any]] = {
        "common_name": "sip.alder.example",
        "names": ("sip.alder.example", "sip.birch.example"),
    }

    def added_later(self) -> Scene:
        scene = outside()
        scene.named("sip.larch.example", EDGE)
        return scene

    def test_a_domain_added_later(self) -> None:
        scene = self.added_later()
        scene.meets(PC, EDGE, 443, 1.0, sni="sip.larch.example", end=46, leaf=self.LEAF)

        found = fires(scene, self.RULE, PC)

        assert found.confidence == "certain"
        assert "sip.alder.example, sip.birch.example" in found.says

    def test_all_domains_lead_to_one_name(self) -> None:
        scene = self.added_later()
        scene.service("_sip._tls.larch.example", "sip.alder.example", 443)
        scene.meets(PC, EDGE, 443, 1.0, sni="sip.alder.example", end="leaves", leaf=self.LEAF)

        silent(scene, self.RULE)

    def test_a_client_set_to_another_name_by_hand(self) -> None:
        scene = self.added_later()
        scene.meets(PC, EDGE, 443, 1.0, sni="edge.larch.example", end=46, leaf=self.LEAF)

        silent(scene, self.RULE)
        fires(scene, "cert-name-mismatch", PC)

    def test_the_end_is_not_in_the_capture(self) -> None:
        scene = self.added_later()
        scene.meets(PC, EDGE, 443, 1.0, sni="sip.larch.example", end="leaves", leaf=self.LEAF, lost_client=40)

        inconclusive(scene, self.RULE, "acknowledged")


class TestConferenceName:
    RULE = "cert-missing-webconf-name"
    LEAF: ClassVar[dict[str, Any]] = {"common_name": "sip.alder.example", "names": ("sip.alder.example",)}

    def test_the_name_was_left_out(self) -> None:
        scene = outside()
        scene.meets(PC, EDGE, 443, 0.0, sni="sip.alder.example", leaf=self.LEAF)
        scene.meets(PC, CONFERENCE, 443, 1.0, sni="webcon.alder.example", end=42, leaf=self.LEAF)

        assert "slides" in fires(scene, self.RULE, PC).says
        silent(scene, "cert-name-mismatch")

    def test_one_name_for_all_services(self) -> None:
        scene = outside()
        scene.meets(PC, CONFERENCE, 444, 1.0, sni="sip.alder.example", end="leaves", leaf=self.LEAF)

        silent(scene, self.RULE)

    def test_the_end_is_not_in_the_capture(self) -> None:
        scene = outside()
        scene.meets(
            PC, CONFERENCE, 443, 1.0, sni="webcon.alder.example", end="leaves", leaf=self.LEAF, lost_client=40
        )  # fmt: skip

        inconclusive(scene, self.RULE, "acknowledged")


class TestDiscoveryName:
    RULE = "cert-lyncdiscover-missing-on-web"
    PROXY, NAME = "198.51.100.70", "lyncdiscover.alder.example"
    LEAF: ClassVar[dict[str, Any]] = {
        "common_name": "web.alder.example",
        "names": ("web.alder.example", "meet.alder.example"),
    }

    def published(self) -> Scene:
        scene = Scene()
        scene.named(self.NAME, self.PROXY)
        return scene

    def test_from_before_the_upgrade(self) -> None:
        scene = self.published()
        scene.meets(PC, self.PROXY, 443, 1.0, sni=self.NAME, end=42, leaf=self.LEAF)

        assert fires(scene, self.RULE, PC).confidence == "certain"

    def test_published_on_port_80_by_design(self) -> None:
        scene = self.published()
        scene.meets(PC, self.PROXY, 443, 1.0, sni=self.NAME, end=42, leaf=self.LEAF)
        of = scene.connect(PC, self.PROXY, 80, 1.0, stack="http", basis="bytes")
        scene._say("autodiscover", of, 1.2, outcome="ok", status=200)

        silent(scene, self.RULE)

    def test_the_end_is_not_in_the_capture(self) -> None:
        scene = self.published()
        scene.meets(PC, self.PROXY, 443, 1.0, sni=self.NAME, end="leaves", leaf=self.LEAF, lost_client=40)

        inconclusive(scene, self.RULE, "acknowledged")


class TestForeignHostname:
    RULE = "cert-foreign-hostname"
    CLOUD, NAME, ALIAS = "203.0.113.4", "lyncdiscover.alder.example", "webdir.online.lync.com"
    LEAF: ClassVar[dict[str, Any]] = {
        "common_name": "*.online.lync.com",
        "names": ("*.online.lync.com", "*.infra.lync.com"),
    }

    def hybrid(self) -> Scene:
        scene = Scene()
        scene.looks_up(PC, self.NAME, -1.0, ("CNAME", self.ALIAS, 0), ("A", self.CLOUD, 0, self.ALIAS))
        return scene

    def test_an_alias_of_the_cloud(self) -> None:
        scene = self.hybrid()
        scene.meets(PC, self.CLOUD, 443, 1.0, sni=self.NAME, end="leaves", leaf=self.LEAF)

        assert self.ALIAS in fires(scene, self.RULE, PC).says
        silent(scene, "cert-lyncdiscover-missing-on-web")

    def test_a_redirect_that_asks_for_the_hosted_name(self) -> None:
        scene = self.hybrid()
        scene.meets(PC, self.CLOUD, 443, 1.0, sni=self.ALIAS, leaf=self.LEAF)

        silent(scene, self.RULE)

    def test_the_end_is_not_in_the_capture(self) -> None:
        scene = self.hybrid()
        scene.meets(PC, self.CLOUD, 443, 1.0, sni=self.NAME, end="leaves", leaf=self.LEAF, lost_client=40)

        inconclusive(scene, self.RULE, "acknowledged")
