"""Option 43: absent, or wrong."""

from typing import Any

import pytest
from proofs import fires, inconclusive, silent
from scenes import Scene, moment

from lynccap.document import Confidence

PHONE, SERVER = "10.1.7.20", "10.1.0.21"
WEB = "lyncweb.contoso.com"
GOOD: dict[str, Any] = {
    "uc_identifier": "MS-UC-Client",
    "uc_scheme": "https",
    "uc_web_server": WEB,
    "uc_port": "443",
    "uc_path": "/CertProv/CertProvisioningService.svc",
}


def site() -> Scene:
    """A phone with its lease, seen in both directions, and a Lync server with a name."""
    scene = Scene()
    scene.named(WEB, SERVER)
    scene.service("_sipinternaltls._tcp.contoso.com", WEB, 5061)
    scene.boots(PHONE, -2.0, "CPE-OCPHONE")
    scene.asks(PHONE, "lyncweb.contoso.com", -1.0)
    return scene


class TestMissing:
    RULE = "phone-dhcp43-missing"

    def test_answered_without_it_and_distrusting(self) -> None:
        scene = site()
        asked = scene.asks_dhcp(PHONE, 0.0, {})
        alert = scene.distrusts(PHONE, SERVER, 443, 3.0)

        one = fires(scene, self.RULE, PHONE, {asked, asked + 1001, alert})

        assert one.confidence is Confidence.CERTAIN
        assert one.time == moment(0.0)

    def test_answered_without_it_and_silent_from_then_on(self) -> None:
        scene = site()
        scene.asks_dhcp(PHONE, 0.0, {})

        assert fires(scene, self.RULE, PHONE).confidence is Confidence.LIKELY

    def test_its_own_answer_counts_another_vendors_class_does_not(self) -> None:
        scene = site()
        scene.asks_dhcp(PHONE, 0.0, {}, vendor_class="ms-uc-client")

        silent(scene, self.RULE)

    def test_not_asked_for(self) -> None:
        scene = site()
        scene.asks_dhcp(PHONE, 0.0, {}, wants=(120,))

        silent(scene, self.RULE)

    def test_told_by_a_second_server(self) -> None:
        scene = site()
        scene.asks_dhcp(PHONE, 0.0, {})
        scene.asks_dhcp(PHONE, 1.0, GOOD)

        silent(scene, self.RULE)

    def test_holds_the_chain_from_before(self) -> None:
        scene = site()
        scene.asks_dhcp(PHONE, 0.0, {})
        scene.secure(PHONE, SERVER, 5061, 3.0)

        silent(scene, self.RULE)

    def test_asks_for_the_chain_all_the_same(self) -> None:
        scene = site()
        scene.asks_dhcp(PHONE, 0.0, {})
        scene.provisions(PHONE, SERVER, 2.0, "http-error", 500)

        silent(scene, self.RULE)

    def test_asks_the_directory(self) -> None:
        scene = site()
        scene.asks_dhcp(PHONE, 0.0, {})
        scene.connect(PHONE, "10.1.0.5", 389, 2.0)

        inconclusive(scene, self.RULE, because="LDAP")

    def test_phone_of_another_make_that_works_without(self) -> None:
        scene = site()
        scene.asks_dhcp(PHONE, 0.0, {})
        scene.browses(PHONE, "10.1.0.90", 2.0, "PolycomVVX-VVX_410-UA/5.9")

        silent(scene, self.RULE)

    def test_phone_of_another_make_that_does_not(self) -> None:
        scene = site()
        scene.asks_dhcp(PHONE, 0.0, {})
        scene.browses(PHONE, "10.1.0.90", 2.0, "PolycomVVX-VVX_410-UA/5.9")
        scene.distrusts(PHONE, SERVER, 443, 3.0)

        fires(scene, self.RULE, PHONE)

    def test_capture_that_ends_soon(self) -> None:
        scene = site()
        scene.asks_dhcp(PHONE, 0.0, {})

        inconclusive(scene.case(20.0), self.RULE, because="the capture ends 20.0 s after")

    def test_second_answer_that_is_cut(self) -> None:
        scene = site()
        scene.asks_dhcp(PHONE, 0.0, {})
        cut = {"flow": 1, "frame": 7, "protocol": "dhcp", "kind": "truncated", "says": "cut after 342 bytes"}
        scene.anomalies.append(cut)

        inconclusive(scene, self.RULE, because="cut after 342 bytes")

    def test_capture_of_one_direction(self) -> None:
        scene = Scene()
        scene.asks_dhcp(PHONE, 0.0, {})

        inconclusive(scene, self.RULE, because="no flow of 10.1.7.20 in both directions")


class TestMalformed:
    RULE = "phone-dhcp43-malformed"

    @pytest.mark.parametrize(
        ("wrong", "says"),
        [
            ({"uc_identifier": "MS-UC-CLIENT"}, "sub-option 1 (UCIdentifier) is MS-UC-CLIENT in place of MS-UC-Client"),
            ({"uc_identifier": None}, "sub-option 1 (UCIdentifier) is missing"),
            ({"uc_scheme": "http"}, "sub-option 2 (URLScheme) is http in place of https"),
            ({"uc_web_server": "10.1.0.21"}, "sub-option 3 (WebServerFqdn) is the address 10.1.0.21"),
            ({"uc_web_server": None}, "sub-option 3 (WebServerFqdn) is missing"),
            ({"uc_port": "4443"}, "sub-option 4 (WebServerPort) is 4443 in place of 443"),
            ({"uc_path": "/CertProv"}, "sub-option 5 (CertProvRelPath) is /CertProv in place of"),
            ({"vendor_damaged": True}, "the lengths of its parts do not add up"),
        ],
    )
    def test_each_part(self, wrong: dict[str, Any], says: str) -> None:
        scene = site()
        asked = scene.asks_dhcp(PHONE, 0.0, {**GOOD, **wrong})
        alert = scene.distrusts(PHONE, SERVER, 443, 3.0)

        one = fires(scene, self.RULE, PHONE, {asked, asked + 1001, alert})

        assert says in one.says
        assert one.confidence is Confidence.CERTAIN

    def test_name_that_dns_does_not_know(self) -> None:
        scene = site()
        asked = scene.asks_dhcp(PHONE, 0.0, {**GOOD, "uc_web_server": "lyncwbe.contoso.com"})
        looked = scene.looks_up(PHONE, "lyncwbe.contoso.com", 1.0)[0]

        one = fires(scene, self.RULE, PHONE, {asked, asked + 1001, looked, looked + 1000})

        assert "DNS does not know that name" in one.says
        assert one.confidence is Confidence.CERTAIN

    def test_name_known_at_the_second_try(self) -> None:
        scene = site()
        scene.asks_dhcp(PHONE, 0.0, GOOD)
        scene.looks_up(PHONE, WEB, 1.0)
        scene.looks_up(PHONE, WEB, 2.0, "10.99.0.9")

        silent(scene, self.RULE)

    def test_letters_of_the_path_may_be_small(self) -> None:
        scene = site()
        scene.asks_dhcp(PHONE, 0.0, {**GOOD, "uc_path": "/certprov/CertProvisioningService.svc"})

        silent(scene, self.RULE)

    def test_option_of_another_class(self) -> None:
        scene = site()
        scene.asks_dhcp(PHONE, 0.0, {"uc_identifier": "10.9.9.9"}, vendor_class="Cisco AP c1240")

        silent(scene, self.RULE)

    def test_another_vendors_content_is_none_at_all(self) -> None:
        scene = site()
        scene.asks_dhcp(PHONE, 0.0, {"vlan": 20})

        silent(scene, self.RULE)

    def test_right_one_from_a_second_server(self) -> None:
        scene = site()
        scene.asks_dhcp(PHONE, 0.0, {**GOOD, "uc_port": "80"})
        scene.asks_dhcp(PHONE, 1.0, GOOD)

        silent(scene, self.RULE)

    def test_holds_the_chain_from_before(self) -> None:
        scene = site()
        scene.asks_dhcp(PHONE, 0.0, {**GOOD, "uc_port": "80"})
        scene.secure(PHONE, SERVER, 5061, 3.0)

        silent(scene, self.RULE)

    def test_capture_that_ends_soon(self) -> None:
        scene = site()
        scene.asks_dhcp(PHONE, 0.0, {**GOOD, "uc_port": "80"})

        inconclusive(scene.case(20.0), self.RULE, because="the capture ends 20.0 s after")
