"""What phones ask beside their registrar: the time, a web ticket, the directory, their updates."""

from typing import Any

from proofs import fires, inconclusive, silent
from scenes import Scene, moment

from lynccap.document import Confidence

PHONE, OTHER, SERVER, DIRECTORY = "10.1.7.20", "10.1.7.21", "10.1.0.21", "10.1.0.5"
CLOCK = "51.105.208.173"


def site(**lease: Any) -> Scene:
    scene = Scene()
    scene.named("lyncweb.contoso.com", SERVER)
    scene.service("_sipinternaltls._tcp.contoso.com", "lyncweb.contoso.com", 5061)
    scene.asks_dhcp(PHONE, -5.0, lease, kind="request", vendor_class="CPE-OCPHONE")
    return scene


class TestTime:
    RULE = "phone-ntp-missing"

    def site(self, *, tries: int = 3, answered: bool = False, **lease: Any) -> Scene:
        scene = site(**lease)
        scene.named("time.windows.com", CLOCK)
        self.looked = scene.looks_up(PHONE, "_ntp._udp.contoso.com", 0.0, kind=33)[0]
        self.asked = scene.asks_time(PHONE, CLOCK, 1.0, tries=tries, answered=answered)
        return scene

    def refuses(self, scene: Scene, alert: int = 45) -> None:
        scene.distrusts(PHONE, SERVER, 443, 6.0)
        scene.messages["tls"][-1].update(alert=alert, alert_name="certificate_expired")

    def test_certificate_refused_for_its_dates(self) -> None:
        scene = self.site()
        self.refuses(scene)
        alert = scene.messages["tls"][-1]["frame"]
        asked = {self.asked + place * 100_000 for place in range(3)}

        one = fires(scene, self.RULE, PHONE, {self.looked, self.looked + 1000, alert, *asked})

        assert one.confidence is Confidence.CERTAIN
        assert "time.windows.com left 3 questions" in one.says
        assert one.time == moment(0.0)

    def test_no_tls_at_all(self) -> None:
        assert fires(self.site(), self.RULE, PHONE).confidence is Confidence.LIKELY

    def test_time_server_answers(self) -> None:
        silent(self.site(answered=True), self.RULE)

    def test_option_42(self) -> None:
        silent(self.site(ntp_servers=("10.1.0.53",)), self.RULE)

    def test_clock_is_right(self) -> None:
        scene = self.site()
        scene.secure(PHONE, SERVER, 443, 6.0)

        silent(scene, self.RULE)

    def test_refuses_for_another_reason(self) -> None:
        scene = self.site()
        self.refuses(scene, 48)

        inconclusive(scene, self.RULE, because="it opens TLS")

    def test_phone_of_another_make(self) -> None:
        scene = self.site()
        scene.browses(PHONE, "10.1.0.90", 2.0, "PolycomVVX-VVX_410-UA/5.9")

        silent(scene, self.RULE)

    def test_one_question(self) -> None:
        inconclusive(self.site(tries=1), self.RULE, because="it asked for the time 1 times")

    def test_capture_that_ends_soon(self) -> None:
        inconclusive(self.site().case(20.0), self.RULE, because="the capture ends 17.0 s after")

    def test_lease_before_the_capture(self) -> None:
        scene = Scene()
        scene.boots(PHONE, -5.0)
        scene.messages["dhcp"] = [row for row in scene.messages["dhcp"] if row["kind"] == "request"]
        scene.messages["dhcp"][0].update(client_address=PHONE)
        scene.looks_up(PHONE, "_ntp._udp.contoso.com", 0.0, kind=33)
        scene.asks_time(PHONE, CLOCK, 1.0)

        inconclusive(scene, self.RULE, because="its lease is not in the capture")


class TestPin:
    RULE = "phone-webticket-pin-failed"

    def test_refused_in_readable_words(self) -> None:
        scene = site()
        of = scene.tickets(PHONE, SERVER, 1.0, "fault", 500, fault_reason="Authentication failed.")

        one = fires(scene, self.RULE, PHONE, {scene.frame(1.2, of)})

        assert one.confidence is Confidence.CERTAIN
        assert "The server's own words: Authentication failed." in one.why

    def test_refused_again_and_again_behind_tls(self) -> None:
        scene = site()
        scene.provisions(PHONE, SERVER, 0.0, "ok", 200, certificates=(b"x",))
        for place in range(3):
            scene.secure(PHONE, SERVER, 443, 2.0 + 4 * place)

        assert fires(scene, self.RULE, PHONE).confidence is Confidence.LIKELY

    def test_two_connections_only(self) -> None:
        scene = site()
        scene.provisions(PHONE, SERVER, 0.0, "ok", 200, certificates=(b"x",))
        for place in range(2):
            scene.secure(PHONE, SERVER, 443, 2.0 + 4 * place)

        silent(scene, self.RULE)

    def test_goes_on_to_its_registrar(self) -> None:
        scene = site()
        scene.provisions(PHONE, SERVER, 0.0, "ok", 200, certificates=(b"x",))
        for place in range(3):
            scene.secure(PHONE, SERVER, 443, 2.0 + 4 * place)
        scene.silent(PHONE, SERVER, 5061, 20.0)

        silent(scene, self.RULE)

    def test_accepted_at_the_second_try(self) -> None:
        scene = site()
        scene.tickets(PHONE, SERVER, 1.0, "fault", 500)
        scene.tickets(PHONE, SERVER, 9.0, "ok", 200)

        silent(scene, self.RULE)

    def test_another_phone_is_accepted(self) -> None:
        scene = site()
        scene.asks(OTHER, "ucupdates-r2.contoso.com", -5.0)
        scene.tickets(PHONE, SERVER, 1.0, "fault", 500)
        scene.tickets(OTHER, SERVER, 2.0, "ok", 200)

        fires(scene, self.RULE, PHONE)

    def test_every_phone_is_refused(self) -> None:
        scene = site()
        scene.asks(OTHER, "ucupdates-r2.contoso.com", -5.0)
        scene.tickets(PHONE, SERVER, 1.0, "fault", 500)
        scene.tickets(OTHER, SERVER, 2.0, "fault", 500)

        inconclusive(scene, self.RULE, because="every phone that tries is refused")

    def test_capture_that_ends_soon(self) -> None:
        scene = site()
        scene.provisions(PHONE, SERVER, 0.0, "ok", 200, certificates=(b"x",))
        for place in range(3):
            scene.secure(PHONE, SERVER, 443, 2.0 + 4 * place)

        inconclusive(scene.case(25.0), self.RULE, because="30 s are needed")


class TestDirectory:
    RULE = "phone-ldap-root-fallback-blocked"

    def test_refused(self) -> None:
        scene = site()
        of = scene.refused(PHONE, DIRECTORY, 389, 1.0)

        one = fires(scene, self.RULE, PHONE, {scene.frame(1.0, of), scene.frame(1.501, of)})

        assert one.confidence is Confidence.CERTAIN

    def test_dropped(self) -> None:
        scene = site()
        scene.looks_up(PHONE, "contoso.com", 0.0)
        scene.silent(PHONE, DIRECTORY, 389, 1.0)

        assert "gets no answer" in fires(scene, self.RULE, PHONE).says

    def test_another_domain_controller_answers(self) -> None:
        scene = site()
        scene.refused(PHONE, DIRECTORY, 389, 1.0)
        scene.connect(PHONE, "10.1.0.6", 389, 3.0)

        silent(scene, self.RULE)

    def test_phone_that_has_its_root_otherwise(self) -> None:
        scene = site()
        scene.refused(PHONE, DIRECTORY, 389, 1.0)
        scene.secure(PHONE, SERVER, 5061, 3.0)

        silent(scene, self.RULE)

    def test_pc(self) -> None:
        scene = site()
        scene.refused("10.1.3.9", DIRECTORY, 389, 1.0)

        silent(scene, self.RULE)

    def test_capture_of_one_direction(self) -> None:
        scene = site()
        scene.silent(PHONE, DIRECTORY, 389, 1.0)

        inconclusive(scene, self.RULE, because="no flow of 10.1.7.20 in both directions")


class TestUpdates:
    RULE = "phone-ucupdates-missing"
    NAME = "ucupdates-r2.contoso.com"

    def test_name_does_not_exist(self) -> None:
        scene = site()
        asked = scene.looks_up(PHONE, self.NAME, 1.0)[0]

        fires(scene, self.RULE, PHONE, {asked, asked + 1000})

    def test_name_under_another_suffix(self) -> None:
        scene = site()
        scene.looks_up(PHONE, self.NAME, 1.0)
        scene.looks_up(PHONE, "ucupdates-r2.corp.contoso.com", 2.0, "10.99.0.9")

        silent(scene, self.RULE)

    def test_signed_in_before(self) -> None:
        scene = site()
        scene.secure(PHONE, SERVER, 5061, -3.0)
        scene.looks_up(PHONE, self.NAME, 1.0)

        silent(scene, self.RULE)

    def test_signed_in_before_the_capture(self) -> None:
        scene = site()
        scene.midstream(PHONE, SERVER, 5061, -9.0)
        scene.looks_up(PHONE, self.NAME, 1.0)

        silent(scene, self.RULE)

    def test_no_answer(self) -> None:
        scene = site()
        scene.looks_up(PHONE, self.NAME, 1.0, after=None)

        inconclusive(scene, self.RULE, because="DNS did not say")
