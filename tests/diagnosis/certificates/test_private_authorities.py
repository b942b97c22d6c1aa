"""Private authorities where strangers come, and inner names shown to them."""

from typing import Any

import pytest
from proofs import fires, inconclusive, silent
from scenes import Scene, accused, findings

PC, GUEST, TABLET = "192.0.2.101", "192.0.2.102", "10.50.6.30"
PROXY, EDGE, POOL = "198.51.100.101", "198.51.100.102", "10.50.1.9"
NAME, INNER = "lyncdiscover.willow.example", "lyncdiscoverinternal.willow.example"
OWN = "CN=willow-DC01-CA,DC=ad,DC=willow,DC=example"
PUBLIC = "CN=DigiCert TLS RSA SHA256 2020 CA1,O=DigiCert Inc,C=US"
STRANGE = "CN=Trust Services 3,O=Somebody Ltd"


def leaf(issuer: str = OWN, **more: Any) -> dict[str, Any]:
    names = (NAME, INNER, "sip.willow.example")
    return {"common_name": "web.willow.example", "names": names, "issuer": issuer, **more}


def outside() -> Scene:
    scene = Scene()
    scene.named(NAME, PROXY)
    return scene


class TestOutside:
    RULE = "cert-private-ca-on-external"

    def test_refused_by_one_and_taken_by_another(self) -> None:
        scene = outside()
        of = scene.meets(GUEST, PROXY, 443, 1.0, sni=NAME, end=48, leaf=leaf())
        scene.meets(PC, PROXY, 443, 2.0, sni=NAME, leaf=leaf())

        found = fires(scene, self.RULE, GUEST, frames={scene.frame(1.03, of), scene.frame(1.1, of)})

        assert found.confidence == "certain"
        assert PC in found.why

    def test_a_public_address_that_inner_names_lead_to_is_inside(self) -> None:
        scene = Scene()
        scene.service("_sipinternaltls._tcp.willow.example", "sip.willow.example", 5061)
        scene.named("sip.willow.example", EDGE)
        scene.meets(GUEST, EDGE, 5061, 1.0, sni="sip.willow.example", end=48, leaf=leaf())

        silent(scene, self.RULE)
        silent(scene, "cert-internal-names-leaked")

    def test_an_edge_with_a_private_address_behind_a_translator(self) -> None:
        edge = "10.50.200.5"
        scene = Scene()
        scene.asks(edge, "_sipfederationtls._tcp.birch.example", -1.0)
        scene.meets(GUEST, edge, 443, 1.0, sni="sip.willow.example", end=48, leaf=leaf())
        scene.meets(PC, edge, 443, 2.0, sni="sip.willow.example", leaf=leaf())

        assert fires(scene, self.RULE, GUEST).confidence == "certain"

    def test_the_same_shown_to_the_inside_only(self) -> None:
        edge = "10.50.200.5"
        scene = Scene()
        scene.asks(edge, "_sipfederationtls._tcp.birch.example", -1.0)
        scene.meets("10.50.7.1", edge, 443, 1.0, sni="sip.willow.example", end=48, leaf=leaf())

        silent(scene, self.RULE)

    def test_the_alert_is_folded_under_it(self) -> None:
        scene = outside()
        scene.meets(GUEST, PROXY, 443, 1.0, sni=NAME, end=48, leaf=leaf())

        told = {one.rule: one for one in findings(scene)}

        assert told["tls-unknown-ca"].caused_by == told[self.RULE].id

    def test_a_note_where_nobody_refuses(self) -> None:
        scene = outside()
        scene.meets(PC, PROXY, 443, 2.0, sni=NAME, leaf=leaf())

        found = fires(scene, self.RULE, PROXY)

        assert (found.severity, found.confidence) == ("info", "likely")

    def test_an_authority_with_the_organisation_in_its_name(self) -> None:
        scene = outside()
        scene.meets(PC, PROXY, 443, 2.0, sni=NAME, end=48, leaf=leaf("CN=Issuing CA 2,O=Willow Ltd"))

        assert "(willow)" in fires(scene, self.RULE, PC).why

    def test_a_public_authority(self) -> None:
        scene = outside()
        scene.meets(GUEST, PROXY, 443, 1.0, sni=NAME, end=48, leaf=leaf(PUBLIC))

        silent(scene, self.RULE)

    def test_inside(self) -> None:
        scene = Scene()
        scene.named(INNER, POOL)
        scene.meets(TABLET, POOL, 443, 1.0, sni=INNER, end=48, leaf=leaf())

        silent(scene, self.RULE)

    def test_an_authority_that_is_only_unknown(self) -> None:
        scene = outside()
        scene.meets(GUEST, PROXY, 443, 1.0, sni=NAME, end=48, leaf=leaf(STRANGE))

        inconclusive(scene, self.RULE, "no list of them is complete")

    def test_an_authority_of_many_owners(self) -> None:
        scene = outside()
        scene.meets(GUEST, PROXY, 443, 1.0, sni=NAME, end=48, leaf=leaf())
        shop = {"common_name": "tickets.example", "names": ("www.tickets.example",), "issuer": OWN}
        scene.meets(GUEST, "203.0.113.80", 443, 2.0, sni="www.tickets.example", leaf=shop)

        inconclusive(scene, self.RULE, "TLS may be inspected")

    def test_two_authorities_at_one_port(self) -> None:
        scene = outside()
        scene.meets(GUEST, PROXY, 443, 1.0, sni=NAME, end=48, leaf=leaf())
        scene.meets(PC, PROXY, 443, 2.0, sni=NAME, leaf=leaf(PUBLIC))

        inconclusive(scene, self.RULE, "certificates of two authorities")


class TestMobile:
    RULE = "cert-mobile-gets-private-ca"

    def inside(self, agent: str = "iPadLync/6.3.1608.0000 (iOS 9.3)") -> Scene:
        scene = Scene()
        scene.named(INNER, POOL)
        scene.browses(TABLET, POOL, -2.0, agent)
        return scene

    def test_led_to_the_pool(self) -> None:
        scene = self.inside()
        of = scene.meets(TABLET, POOL, 443, 1.0, sni=INNER, end=48, leaf=leaf())

        fires(scene, self.RULE, TABLET, frames={scene.frame(at, of) for at in (1.01, 1.03, 1.1)})

        assert (self.RULE, TABLET) in accused(scene)

    def test_a_device_with_the_root(self) -> None:
        scene = self.inside()
        scene.meets(TABLET, POOL, 443, 1.0, sni=INNER, leaf=leaf())

        silent(scene, self.RULE)

    def test_a_phone_on_the_desk(self) -> None:
        scene = self.inside("OCPhone/4.0.7577.4420 (Microsoft Lync Phone Edition)")
        scene.meets(TABLET, POOL, 443, 1.0, sni=INNER, end=48, leaf=leaf())

        silent(scene, self.RULE)

    def test_nothing_shows_the_device(self) -> None:
        scene = self.inside("Mozilla/5.0")
        scene.meets(TABLET, POOL, 443, 1.0, sni=INNER, end=48, leaf=leaf())

        inconclusive(scene, self.RULE, "User-Agent would decide")

    def test_an_authority_that_is_only_unknown(self) -> None:
        scene = self.inside()
        scene.meets(TABLET, POOL, 443, 1.0, sni=INNER, end=48, leaf=leaf(STRANGE))

        inconclusive(scene, self.RULE, "no list of them is complete")


class TestInnerNames:
    RULE = "cert-internal-names-leaked"

    @pytest.mark.parametrize("name", ["fe01.willow.local", "fe01", "fe01.ad.willow.example"])
    def test_an_inner_name(self, name: str) -> None:
        scene = outside()
        scene.meets(PC, PROXY, 443, 1.0, sni=NAME, leaf=leaf(names=(NAME, name)))

        found = fires(scene, self.RULE, PROXY)

        assert found.says.endswith(f"TCP port 443: {name}.")

    def test_a_directory_in_the_public_domain(self) -> None:
        scene = outside()
        issuer = "CN=willow-CA,DC=willow,DC=example"
        scene.meets(PC, PROXY, 443, 1.0, sni=NAME, leaf=leaf(issuer, names=(NAME, "fe01.willow.example")))

        silent(scene, self.RULE)

    def test_the_inner_side(self) -> None:
        scene = Scene()
        scene.named(INNER, POOL)
        scene.meets(TABLET, POOL, 443, 1.0, sni=INNER, leaf=leaf(names=(INNER, "fe01.willow.local")))

        silent(scene, self.RULE)

    def test_a_guessed_edge(self) -> None:
        scene = Scene()
        scene.asks(PC, NAME, -5.0)
        scene.named("sip.willow.example", EDGE)
        scene.meets(PC, EDGE, 443, 1.0, leaf=leaf(names=("sip.willow.example", "fe01.willow.local")))

        inconclusive(scene, self.RULE, "fits other servers too")
