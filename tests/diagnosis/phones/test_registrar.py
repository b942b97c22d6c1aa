"""How a phone finds its registrar, and how it does not."""

from typing import Any

from proofs import fires, inconclusive, silent
from scenes import Scene, moment

from lynccap.document import Confidence

PHONE, PC, POOL = "10.1.7.20", "10.1.3.9", "10.1.0.21"
INSIDE = "_sipinternaltls._tcp.contoso.com"


class TestMissing:
    RULE = "phone-dhcp120-missing"

    def site(self, **told: Any) -> Scene:
        scene = Scene()
        scene.boots(PHONE, -2.0, "CPE-OCPHONE")
        self.asked = scene.asks_dhcp(PHONE, 0.0, told)
        return scene

    def test_neither_option_nor_record(self) -> None:
        scene = self.site()
        first = scene.looks_up(PHONE, INSIDE, 1.0, kind=33)[0]
        second = scene.looks_up(PHONE, "_sip._tls.contoso.com", 2.0, kind=33)[0]

        one = fires(
            scene, self.RULE, PHONE, {self.asked, self.asked + 1001, first, first + 1000, second, second + 1000}
        )

        assert one.confidence is Confidence.CERTAIN
        assert one.time == moment(0.0)

    def test_record_is_there(self) -> None:
        scene = self.site()
        scene.looks_up(PHONE, INSIDE, 1.0, ("SRV", "elsewhere.contoso.com", 5061), kind=33)

        silent(scene, self.RULE)

    def test_option_is_there(self) -> None:
        scene = self.site(sip_encoding=0, sip_servers=("pool.contoso.com",))
        scene.looks_up(PHONE, INSIDE, 1.0, kind=33)

        silent(scene, self.RULE)

    def test_not_asked_for(self) -> None:
        scene = Scene()
        scene.boots(PHONE, -2.0, "CPE-OCPHONE")
        scene.asks_dhcp(PHONE, 0.0, {}, wants=(43,))
        scene.looks_up(PHONE, INSIDE, 1.0, kind=33)

        silent(scene, self.RULE)

    def test_connects_all_the_same(self) -> None:
        scene = self.site()
        scene.looks_up(PHONE, INSIDE, 1.0, kind=33)
        scene.refused(PHONE, "10.1.0.99", 5061, 3.0)

        silent(scene, self.RULE)

    def test_dns_not_asked(self) -> None:
        inconclusive(self.site(), self.RULE, because="does not show that it asked DNS")

    def test_dns_does_not_answer(self) -> None:
        scene = self.site()
        scene.looks_up(PHONE, INSIDE, 1.0, kind=33, after=None)

        inconclusive(scene, self.RULE, because="DNS did not answer")

    def test_capture_that_ends_soon(self) -> None:
        scene = self.site()
        scene.looks_up(PHONE, INSIDE, 1.0, kind=33)

        inconclusive(scene.case(9.0), self.RULE, because="the capture ends 8.0 s after")


class TestAddress:
    RULE = "phone-dhcp120-is-ip"

    def site(self, encoding: int = 1, servers: tuple[str, ...] = (POOL,)) -> Scene:
        scene = Scene()
        scene.named("lyncweb.contoso.com", POOL)
        scene.boots(PHONE, -2.0, "CPE-OCPHONE")
        scene.asks(PHONE, "lyncweb.contoso.com", -1.0)
        self.asked = scene.asks_dhcp(PHONE, 0.0, {"sip_encoding": encoding, "sip_servers": servers})
        return scene

    def test_no_connection_follows(self) -> None:
        one = fires(self.site(), self.RULE, PHONE, {self.asked, self.asked + 1001})

        assert POOL in one.says
        assert "opens no connection" in one.why

    def test_refuses_the_certificate_there(self) -> None:
        scene = self.site()
        alert = scene.distrusts(PHONE, POOL, 5061, 3.0)

        assert alert in {frame for proof in fires(scene, self.RULE, PHONE).proof for frame in proof.frames}

    def test_signs_in(self) -> None:
        scene = self.site()
        scene.secure(PHONE, POOL, 5061, 3.0)

        silent(scene, self.RULE)

    def test_finds_its_registrar_by_dns(self) -> None:
        scene = self.site()
        scene.looks_up(PHONE, INSIDE, 1.0, ("SRV", "elsewhere.contoso.com", 5061), kind=33)

        silent(scene, self.RULE)

    def test_a_name(self) -> None:
        silent(self.site(0, ("pool.contoso.com",)), self.RULE)

    def test_phone_of_another_make(self) -> None:
        scene = self.site()
        scene.browses(PHONE, "10.1.0.90", 2.0, "PolycomVVX-VVX_410-UA/5.9")

        silent(scene, self.RULE)

    def test_capture_that_ends_soon(self) -> None:
        inconclusive(self.site().case(8.0), self.RULE, because="the capture ends 8.0 s after")


class TestStrictNames:
    RULE = "phone-strict-dns-refuses"
    TARGET = "pool01.fabrikam.com"

    def site(self, target: str = TARGET, *, searches: bool = True) -> Scene:
        scene = Scene()
        scene.named(target, POOL)
        scene.boots(PHONE, -5.0, "MS-UC-Client")
        self.told = scene.looks_up(PHONE, INSIDE, 0.0, ("SRV", target, 5061), kind=33)[0] + 1000
        if searches:
            self.next = scene.looks_up(PHONE, "sip.contoso.com", 2.0)[0]
        return scene

    def test_pc_follows_and_phone_does_not(self) -> None:
        scene = self.site()
        pc = scene.looks_up(PC, INSIDE, 4.0, ("SRV", self.TARGET, 5061), kind=33)[0] + 1000
        went = scene.frame(5.0, scene.secure(PC, POOL, 5061, 5.0))

        one = fires(scene, self.RULE, PHONE, {self.told, self.next, pc, went})

        assert one.confidence is Confidence.CERTAIN

    def test_nobody_to_compare_with(self) -> None:
        assert fires(self.site(), self.RULE, PHONE, {self.told, self.next}).confidence is Confidence.LIKELY

    def test_older_program_connects(self) -> None:
        scene = self.site()
        scene.secure(PHONE, POOL, 5061, 3.0)

        silent(scene, self.RULE)

    def test_target_in_the_users_domain(self) -> None:
        silent(self.site("pool01.eu.contoso.com"), self.RULE)

    def test_phone_of_another_make(self) -> None:
        scene = self.site()
        scene.browses(PHONE, "10.1.0.90", 2.0, "PolycomVVX-VVX_410-UA/5.9")

        silent(scene, self.RULE)

    def test_nobody_signs_in(self) -> None:
        inconclusive(self.site(searches=False), self.RULE, because="nothing shows that somebody signs in")

    def test_capture_that_ends_soon(self) -> None:
        inconclusive(self.site().case(8.0), self.RULE, because="the capture ends 8.0 s after")
