"""DHCP leaves the phone without an answer: to its class, or in the VLAN it is sent to."""

from typing import Any

from cases import START
from proofs import fires, inconclusive, silent
from scenes import Scene, moment

PHONE, SERVER = "10.1.7.20", "10.1.0.21"
NAMED: dict[str, Any] = {"uc_web_server": "lyncweb.contoso.com", "uc_identifier": "MS-UC-Client"}


class TestInformUnanswered:
    RULE = "phone-dhcp-inform-unanswered"

    def site(self, tries: int = 2, **lease: Any) -> Scene:
        scene = Scene()
        self.leased = scene.asks_dhcp(PHONE, -5.0, lease, kind="request", vendor_class="CPE-OCPHONE") + 1001
        scene.looks_up(PHONE, "lyncweb.contoso.com", -1.0, "10.99.0.9")
        self.asked = scene.asks_dhcp(PHONE, 0.0, tries=tries)
        return scene

    def test_two_questions(self) -> None:
        one = fires(scene := self.site(), self.RULE, PHONE, {self.leased, self.asked, self.asked + 400_000})

        assert one.says.endswith("2 times in 4.0 s for the options of phones (class MS-UC-Client) and got no answer.")
        assert one.time == moment(0.0)
        unanswered = "none of its 2 questions of class MS-UC-Client is answered"
        assert one.rejected == (("phone-dhcp43-missing", unanswered),)
        silent(scene, "phone-dhcp43-missing")

    def test_answered_at_another_time(self) -> None:
        scene = self.site()
        scene.asks_dhcp(PHONE, 20.0, {})

        silent(scene, self.RULE)

    def test_options_came_with_the_address(self) -> None:
        silent(self.site(**NAMED), self.RULE)

    def test_another_class(self) -> None:
        scene = Scene()
        scene.asks_dhcp(PHONE, -5.0, {}, kind="request", vendor_class="CPE-OCPHONE")
        scene.looks_up(PHONE, "lyncweb.contoso.com", -1.0)
        scene.asks_dhcp(PHONE, 0.0, tries=3, vendor_class="MSFT 5.0")

        silent(scene, self.RULE)

    def test_one_question(self) -> None:
        inconclusive(self.site(tries=1), self.RULE, because="it asked once")

    def test_lease_before_the_capture(self) -> None:
        scene = Scene()
        scene.looks_up(PHONE, "lyncweb.contoso.com", -1.0)
        scene.asks_dhcp(PHONE, 0.0, tries=2)

        inconclusive(scene, self.RULE, because="does not show that DHCP answers this phone at all")

    def test_only_broadcasts_are_heard(self) -> None:
        scene = Scene()
        scene.asks_dhcp(PHONE, -5.0, {}, kind="request", vendor_class="CPE-OCPHONE")
        scene.asks_dhcp(PHONE, 0.0, tries=2)

        inconclusive(scene, self.RULE, because="no flow of 10.1.7.20 in both directions")

    def test_capture_that_ends_soon(self) -> None:
        inconclusive(self.site().case(8.0), self.RULE, because="the capture ends 8.0 s after")

    def test_answers_that_are_cut(self) -> None:
        scene = self.site()
        cut = {"flow": 1, "frame": 7, "protocol": "dhcp", "kind": "truncated", "says": "cut after 342 bytes"}
        scene.anomalies.append(cut)

        inconclusive(scene, self.RULE, because="cannot be read to their end: cut after 342 bytes")

    def test_recorder_that_lost_packets(self) -> None:
        scene = self.site()
        scene.interfaces.append({"name": "eth0", "received": 1000, "dropped": 50})

        inconclusive(scene, self.RULE, because="the recorder itself lost 50")


class TestVlanOption:
    RULE = "phone-vlan-option-wrong"

    def site(self, tries: int = 3) -> Scene:
        scene = Scene()
        sent = {"kind": "request", "vendor_class": "CPE-OCPHONE", "wants": (1, 3, 43)}
        self.sent = scene.asks_dhcp(PHONE, 0.0, {"vlan": 300}, **sent) + 1001
        self.asked = scene.asks_dhcp(PHONE, 5.0, kind="discover", vendor_class="CPE-OCPHONE", tries=tries)
        return scene

    def test_no_address_in_the_vlan_it_is_sent_to(self) -> None:
        scene = self.site()

        one = fires(scene, self.RULE, PHONE, {self.sent, *(self.asked + place * 400_000 for place in range(3))})

        assert "voice VLAN 300" in one.says

    def test_gets_an_address_there(self) -> None:
        scene = self.site()
        scene.asks_dhcp("10.1.9.20", 20.0, {}, kind="request", vendor_class="CPE-OCPHONE")

        silent(scene, self.RULE)

    def test_stays_where_it_is(self) -> None:
        scene = Scene()
        scene.asks_dhcp(PHONE, 0.0, {"vlan": 300}, kind="request", vendor_class="CPE-OCPHONE")

        silent(scene, self.RULE)

    def test_the_switch_gives_the_vlan(self) -> None:
        scene = self.site()
        neighbour = {"frame": 1, "time": START, "protocol": "lldp", "device": "sw1", "voice_vlan": 300, "port": "3"}
        scene.neighbours.append(neighbour)

        silent(scene, self.RULE)

    def test_no_vlan_was_told(self) -> None:
        scene = Scene()
        scene.asks_dhcp(PHONE, 0.0, {}, kind="request", vendor_class="CPE-OCPHONE")
        scene.asks_dhcp(PHONE, 5.0, kind="discover", vendor_class="CPE-OCPHONE", tries=3)

        silent(scene, self.RULE)

    def test_one_question(self) -> None:
        inconclusive(self.site(tries=1), self.RULE, because="asks for an address 1 times")

    def test_capture_that_ends_soon(self) -> None:
        inconclusive(self.site().case(13.5), self.RULE, because="the capture ends 8.5 s after")
