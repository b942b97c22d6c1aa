"""The certificates of an Edge's two sides."""

from typing import Any, ClassVar

import pytest
from proofs import fires, inconclusive, silent
from scenes import Scene

from lynccap.topology import Directory, read_bytes

FE, FE2, PARTNER = "10.30.1.11", "10.30.1.12", "192.0.2.44"
INNER, ACCESS, CONFERENCE, PROXY = "10.30.7.5", "198.51.100.81", "198.51.100.82", "198.51.100.84"
POOL, SERVER = "edgepool.cedar.example", "edge01.cedar.example"
TOPOLOGY = f"""
format = "lynccap-topology/1"
sip_domains = ["cedar.example"]
[[host]]
role = "edge_int"
name = "{POOL}"
address = "{INNER}"
[[host]]
role = "edge_access"
name = "access.cedar.example"
address = "{ACCESS}"
[[host]]
role = "edge_webconf"
name = "webcon.cedar.example"
address = "{CONFERENCE}"
[[host]]
role = "rp_ext"
name = "web.cedar.example"
address = "{PROXY}"
"""


def told(extra: str = "") -> Scene:
    """An Edge and a reverse proxy by a topology, whose names the capture shows."""
    scene = Scene()
    scene.directory = Directory(read_bytes((TOPOLOGY + extra).encode(), "t.toml"))
    scene.named(POOL, INNER)
    scene.named("access.cedar.example", ACCESS)
    return scene


def named(*names: str, subject: str = "", **more: Any) -> dict[str, Any]:
    return {"common_name": subject or names[0], "names": names, **more}


def guessed(address: str = ACCESS) -> Scene:
    """An address that nothing but a usual name ties to the Access Edge."""
    scene = Scene()
    scene.asks(PARTNER, "lyncdiscover.cedar.example", -5.0)
    scene.named("sip.cedar.example", address)
    return scene


def wildcard_record(scene: Scene) -> Scene:
    """DNS leads names that cannot belong together to the Access Edge's address: its own may be anybody's, too."""
    scene.directory = None
    scene.asks(PARTNER, "lyncdiscover.cedar.example", -5.0)
    scene.service("_sip._tls.cedar.example", "access.cedar.example", 443)
    for name in ("access.cedar.example", "shop.one.example", "mail.two.example"):
        scene.named(name, ACCESS)
    return scene


class TestInnerNames:
    RULE = "cert-edge-internal-has-san"

    def test_alternative_names_inside(self) -> None:
        scene = told()
        of = scene.meets(FE, INNER, 5061, 1.0, leaf=named(POOL, "access.cedar.example"))

        found = fires(scene, self.RULE, INNER, frames={scene.frame(1.03, of)})

        assert found.confidence == "certain"
        assert found.why.startswith("Sources disagree.")

    def test_a_possible_cause_where_the_same_connection_fails(self) -> None:
        scene = told()
        scene.meets(FE, INNER, 5061, 1.0, sni=POOL, end="leaves", leaf=named(POOL, "access.cedar.example"))

        found = fires(scene, self.RULE, FE)

        assert found.confidence == "possible"
        assert "may be why" in found.says

    def test_a_repeated_subject_is_a_note(self) -> None:
        scene = told()
        scene.meets(FE, INNER, 5061, 1.0, leaf=named(POOL))

        assert fires(scene, self.RULE, INNER).severity == "info"

    def test_the_server_name_for_copying_the_configuration_is_no_error(self) -> None:
        scene = told()
        scene.meets(FE, INNER, 4443, 1.0, leaf=named(POOL, SERVER))

        assert "tools ask for the server's name" in fires(scene, self.RULE, INNER).why

    def test_no_alternative_names(self) -> None:
        scene = told()
        scene.meets(FE, INNER, 5061, 1.0, leaf={"common_name": POOL})

        silent(scene, self.RULE)

    def test_the_web_site_of_a_pool(self) -> None:
        scene = told()
        scene.meets(PROXY, FE, 4443, 1.0, leaf=named("web.cedar.example", "meet.cedar.example"))

        silent(scene, self.RULE)

    def test_an_address_that_only_its_certificate_ties_to_the_role(self) -> None:
        scene = Scene()
        scene.meets(FE, INNER, 5062, 1.0, leaf=named(POOL, "sipexternal.cedar.example"))

        silent(scene, self.RULE)

    def test_a_certificate_that_cannot_be_read(self) -> None:
        scene = told()
        scene.meets(FE, INNER, 5061, 1.0, leaf={"unreadable": "cut off", "common_name": ""})

        silent(scene, self.RULE)


class TestInnerSubject:
    RULE = "cert-edge-internal-cn-wrong"
    LEAF: ClassVar[dict[str, Any]] = {"common_name": SERVER}

    def test_the_server_name_where_the_pool_is_asked_for(self) -> None:
        scene = told()
        scene.looks_up(FE, POOL, -1.0, INNER)
        scene.meets(FE, INNER, 5061, 1.0, end="leaves", leaf=self.LEAF)
        scene.meets(FE, INNER, 5061, 9.0, end="leaves", leaf=self.LEAF)

        found = fires(scene, self.RULE, FE)

        assert found.confidence == "certain"
        assert SERVER in found.says

    def test_the_right_name(self) -> None:
        scene = told()
        scene.meets(FE, INNER, 5061, 1.0, sni=POOL, end="leaves", leaf={"common_name": POOL})

        silent(scene, self.RULE)

    def test_nothing_shows_the_name_asked_for(self) -> None:
        scene = told()
        scene.meets(FE, INNER, 5061, 1.0, end="leaves", leaf=self.LEAF)

        silent(scene, self.RULE)

    def test_the_end_is_not_in_the_capture(self) -> None:
        scene = told()
        scene.meets(FE, INNER, 5061, 1.0, sni=POOL, end="leaves", leaf=self.LEAF, lost_client=40)

        inconclusive(scene, self.RULE, "acknowledged")


class TestConfiguration:
    RULE = "cms-replication-name-mismatch"
    LEAF: ClassVar[dict[str, Any]] = {"common_name": POOL}

    def test_asked_by_the_server_name(self) -> None:
        scene = told()
        for at in (1.0, 20.0, 40.0):
            scene.meets(FE, INNER, 4443, at, sni=SERVER, end="leaves", leaf=self.LEAF)

        found = fires(scene, self.RULE, FE)

        assert found.confidence == "certain"
        assert "3 times" in found.says
        silent(scene, "cert-edge-internal-cn-wrong")

    def test_asked_by_the_pool_name(self) -> None:
        scene = told()
        scene.meets(FE, INNER, 4443, 1.0, sni=POOL, end="leaves", leaf=self.LEAF)

        silent(scene, self.RULE)

    def test_the_end_is_not_in_the_capture(self) -> None:
        scene = told()
        scene.meets(FE, INNER, 4443, 1.0, sni=SERVER, end="leaves", leaf=self.LEAF, lost_client=40)

        inconclusive(scene, self.RULE, "acknowledged")


class TestSameOnBothSides:
    RULE = "cert-same-inside-outside"

    def both(self, serial: str) -> Scene:
        scene = told()
        scene.meets(FE, INNER, 5061, 1.0, leaf=named(POOL, serial="0a"))
        scene.meets(PARTNER, ACCESS, 5061, 2.0, leaf=named(POOL, serial=serial))
        return scene

    def test_one_certificate(self) -> None:
        scene = self.both("0a")
        frames = {row["frame"] for row in scene.certificates}

        fires(scene, self.RULE, INNER, frames=frames)

    def test_two_certificates_of_the_same_names(self) -> None:
        silent(self.both("0b"), self.RULE)

    def test_one_side_only(self) -> None:
        scene = told()
        scene.meets(FE, INNER, 5061, 1.0, leaf=named(POOL))

        silent(scene, self.RULE)

    def test_a_certificate_that_cannot_be_read(self) -> None:
        scene = told()
        for client, server in ((FE, INNER), (PARTNER, ACCESS)):
            scene.meets(client, server, 5061, 1.0, leaf={"unreadable": "cut", "common_name": "", "serial": ""})

        silent(scene, self.RULE)


class TestOuterSubject:
    RULE = "cert-edge-external-cn-not-access"
    LEAF = named("access.cedar.example", "web.cedar.example", subject="web.cedar.example")

    def test_another_subject_is_advice(self) -> None:
        scene = told()
        scene.meets(PARTNER, ACCESS, 5061, 1.0, leaf=self.LEAF)

        found = fires(scene, self.RULE, ACCESS)

        assert found.severity == "info"
        assert found.why.startswith("Sources disagree.")

    def test_a_name_that_is_covered_is_not_the_matter(self) -> None:
        scene = told()
        scene.meets(PARTNER, ACCESS, 5061, 1.0, leaf=self.LEAF)

        (excluded,) = fires(scene, self.RULE, ACCESS).rejected

        assert excluded == ("cert-name-mismatch", "the certificate covers access.cedar.example")

    def test_a_name_that_is_missing_is_another_matter(self) -> None:
        scene = told()
        scene.meets(PARTNER, ACCESS, 5061, 1.0, leaf=named("web.cedar.example"))

        silent(scene, self.RULE)

    def test_a_partner_that_fails_makes_it_a_warning(self) -> None:
        scene = told()
        scene.meets("192.0.2.45", ACCESS, 443, 0.0, leaf=self.LEAF)
        scene.meets(PARTNER, ACCESS, 5061, 1.0, sni="access.cedar.example", end="leaves", leaf=self.LEAF)

        found = fires(scene, self.RULE, PARTNER)

        assert found.severity is None
        assert found.confidence == "possible"

    def test_the_right_subject(self) -> None:
        scene = told()
        scene.meets(PARTNER, ACCESS, 5061, 1.0, leaf=named("access.cedar.example", "sip.cedar.example"))

        silent(scene, self.RULE)

    def test_the_name_of_the_srv_record(self) -> None:
        scene = guessed()
        scene.service("_sip._tls.cedar.example", "sip.cedar.example", 443)
        scene.named("sip.cedar.example", ACCESS)
        scene.meets(PARTNER, ACCESS, 443, 1.0, leaf=named("web.cedar.example", "sip.cedar.example"))

        fires(scene, self.RULE, ACCESS)

    def test_a_record_that_answers_everything(self) -> None:
        scene = wildcard_record(Scene())
        scene.meets(PARTNER, ACCESS, 443, 1.0, leaf=self.LEAF)

        inconclusive(scene, self.RULE, "fits other servers too")

    def test_the_access_name_is_unknown(self) -> None:
        scene = guessed()
        scene.meets(PARTNER, ACCESS, 443, 1.0, leaf=named("web.cedar.example", "sip.cedar.example"))

        silent(scene, self.RULE)

    def test_a_certificate_that_cannot_be_read(self) -> None:
        scene = told()
        scene.meets(PARTNER, ACCESS, 5061, 1.0, leaf={"unreadable": "cut", "common_name": ""})

        silent(scene, self.RULE)


class TestOrder:
    RULE = "cert-san-order-access-not-first"

    def test_third_among_the_names(self) -> None:
        scene = told()
        names = ("web.cedar.example", "webcon.cedar.example", "access.cedar.example")
        scene.meets(PARTNER, ACCESS, 443, 1.0, leaf=named(*names))

        found = fires(scene, self.RULE, ACCESS)

        assert "number 3" in found.says
        assert "Microsoft says order is free" in found.why

    def test_first(self) -> None:
        scene = told()
        scene.meets(PARTNER, ACCESS, 443, 1.0, leaf=named("access.cedar.example", "webcon.cedar.example"))

        silent(scene, self.RULE)

    def test_a_record_that_answers_everything(self) -> None:
        scene = wildcard_record(Scene())
        scene.meets(PARTNER, ACCESS, 443, 1.0, leaf=named("web.cedar.example", "access.cedar.example"))

        inconclusive(scene, self.RULE, "fits other servers too")

    def test_not_among_them(self) -> None:
        scene = told()
        scene.meets(PARTNER, ACCESS, 443, 1.0, leaf=named("web.cedar.example", "webcon.cedar.example"))

        silent(scene, self.RULE)


class TestDiscoveryOnEdge:
    RULE = "cert-lyncdiscover-on-edge"
    LEAF = named("access.cedar.example", "lyncdiscover.cedar.example")

    def test_a_name_the_edge_never_answers(self) -> None:
        scene = told()
        scene.meets(PARTNER, ACCESS, 443, 1.0, leaf=self.LEAF)

        assert "lyncdiscover.cedar.example" in fires(scene, self.RULE, ACCESS).says

    def test_one_certificate_for_edge_and_proxy(self) -> None:
        scene = told()
        scene.meets(PARTNER, ACCESS, 443, 1.0, leaf=self.LEAF)
        scene.meets(PARTNER, PROXY, 443, 2.0, leaf=self.LEAF)

        silent(scene, self.RULE)

    def test_a_guessed_edge(self) -> None:
        scene = guessed()
        scene.meets(PARTNER, ACCESS, 443, 1.0, leaf=self.LEAF)

        inconclusive(scene, self.RULE, "fits other servers too")


class TestRelayName:
    RULE = "cert-av-name-present"
    LEAF = named("access.cedar.example", "av.cedar.example")

    def test_a_name_nobody_checks(self) -> None:
        scene = told('[[host]]\nrole = "edge_av"\nname = "av.cedar.example"\naddress = "198.51.100.83"\n')
        scene.meets(PARTNER, ACCESS, 443, 1.0, leaf=self.LEAF)

        assert "av.cedar.example" in fires(scene, self.RULE, ACCESS).says

    def test_an_edge_with_one_name(self) -> None:
        scene = told('[[host]]\nrole = "edge_av"\nname = "access.cedar.example"\naddress = "198.51.100.83"\n')
        scene.meets(PARTNER, ACCESS, 443, 1.0, leaf=named("access.cedar.example"))

        silent(scene, self.RULE)

    def test_a_guessed_edge(self) -> None:
        scene = guessed()
        scene.meets(PARTNER, ACCESS, 443, 1.0, leaf=self.LEAF)

        inconclusive(scene, self.RULE, "fits other servers too")


@pytest.mark.parametrize("rule", [TestInnerNames.RULE, TestSameOnBothSides.RULE, TestOuterSubject.RULE])
def test_a_guessed_role_accuses_nobody(rule: str) -> None:
    scene = guessed()
    scene.meets(PARTNER, ACCESS, 5061, 1.0, leaf=named("web.cedar.example", "sip.cedar.example"))

    silent(scene, rule)
