"""Phones and their root certificates: each rule on its case, its look-alikes and a capture that cannot carry it."""

import pytest
from proofs import fires, inconclusive, sample_fires, silent
from scenes import RESOLVER, Scene

DOMAIN = "harbour.example"
POOL, MEMBER, PHONE, PC, PROXY = "10.9.0.5", "10.9.0.6", "10.1.6.7", "10.2.0.9", "203.0.113.10"
AWAY = "192.0.2.77"
OLD, NEW = "CN=Old Root", "CN=New Root"


def office() -> Scene:
    scene = Scene()
    for name in ("lyncdiscoverinternal", "sipinternal"):
        scene.named(f"{name}.{DOMAIN}", POOL)
    return scene


def outside() -> Scene:
    scene = Scene()
    scene.named(f"lyncdiscover.{DOMAIN}", PROXY)
    return scene


class TestRefusedPort80:
    RULE = "rootchain-http80-refused"

    def _boot(self, phone: bool = True) -> Scene:
        scene = office()
        if phone:
            scene.boots(PHONE, 1.0)
        scene.secure(PC, POOL, 443, 1.0, seconds=60.0)
        scene.refused(PHONE, POOL, 80, 3.0, tries=3)
        return scene

    def test_fires_with_the_refusals_and_the_alert(self) -> None:
        scene = self._boot()
        alert = scene.distrusts(PHONE, POOL, 443, 10.0)

        one = fires(scene, self.RULE, PHONE)

        assert alert in {frame for proof in one.proof for frame in proof.frames}
        assert one.confidence == "certain"

    def test_fires_on_a_real_phone(self) -> None:
        assert sample_fires("rootchain-80-refused", self.RULE)

    def test_silent_on_a_phone_that_holds_the_chain(self) -> None:
        scene = self._boot()
        scene.secure(PHONE, POOL, 443, 10.0)

        silent(scene, self.RULE)

    def test_silent_on_a_pc_that_races(self) -> None:
        silent(self._boot(phone=False), self.RULE)

    def test_silent_on_a_phone_outside(self) -> None:
        scene = outside()
        scene.asks(AWAY, f"ucupdates-r2.{DOMAIN}", 1.0)
        scene.named("sip.harbour.example", "203.0.113.9")
        scene.service(f"_sip._tls.{DOMAIN}", "sip.harbour.example", 5061)
        scene.refused(AWAY, "203.0.113.9", 80, 3.0, tries=3)
        scene.distrusts(AWAY, "203.0.113.9", 5061, 6.0)

        silent(scene, self.RULE)

    def test_inconclusive_when_the_service_accepts_right_after(self) -> None:
        scene = self._boot()
        scene.connect("10.1.6.8", POOL, 80, 6.0)

        inconclusive(scene, self.RULE, because="restarting")


class TestDroppedPort80:
    RULE = "rootchain-http80-filtered"

    def _boot(self, phone: bool = True) -> Scene:
        scene = office()
        if phone:
            scene.boots(PHONE, 1.0)
        scene.looks_up(PHONE, f"sip.{DOMAIN}", 1.5)
        scene.secure(PC, POOL, 443, 1.0, seconds=60.0)
        scene.silent(PHONE, POOL, 80, 3.0)
        scene.looks_up(PHONE, f"sip.{DOMAIN}", 30.0)
        return scene

    def test_fires_with_the_syns_and_the_proof_that_the_server_is_up(self) -> None:
        one = fires(self._boot(), self.RULE, PHONE)

        assert len(one.proof[0].frames) == 3
        assert one.confidence == "likely"

    def test_is_certain_where_another_subnet_reaches_port_80(self) -> None:
        scene = self._boot()
        scene.connect("10.1.7.9", POOL, 80, 20.0)

        assert fires(scene, self.RULE, PHONE).confidence == "certain"

    def test_silent_on_a_phone_that_holds_the_chain(self) -> None:
        scene = self._boot()
        scene.secure(PHONE, POOL, 443, 14.0)

        silent(scene, self.RULE)

    def test_silent_on_a_pc(self) -> None:
        silent(self._boot(phone=False), self.RULE)

    def test_inconclusive_in_a_short_capture(self) -> None:
        inconclusive(self._boot().case(8.0), self.RULE, because="the capture ends")


class TestErrors:
    RULE = "certprov-http-error"

    def test_fires_with_request_and_answer(self) -> None:
        scene = office()
        of = scene.requests(PHONE, POOL, 3.0, "certprov", "http-error", 500, step="root-chains")

        fires(scene, self.RULE, PHONE, frames={scene.frame(3.1, of), scene.frame(3.2, of)})

    def test_fires_on_a_real_server(self) -> None:
        assert sample_fires("certprov-500", self.RULE)

    def test_silent_on_a_challenge(self) -> None:
        scene = office()
        scene.requests(PHONE, POOL, 3.0, "certprov", "challenged", 401, step="get-certificate", port=443)

        silent(scene, self.RULE)

    def test_silent_when_a_member_answers_well_later(self) -> None:
        scene = office()
        scene.requests(PHONE, POOL, 3.0, "certprov", "http-error", 503, step="root-chains")
        scene.requests(PHONE, MEMBER, 4.0, "certprov", "ok", 200, step="root-chains", certificates=(b"x",))

        silent(scene, self.RULE)

    def test_silent_on_a_forward_proxys_page(self) -> None:
        scene = office()
        target = "http://web.harbour.example/CertProv/CertProvisioningService.svc/anon"
        scene.requests(PHONE, POOL, 3.0, "certprov", "http-error", 503, step="root-chains", target=target)

        silent(scene, self.RULE)

    def test_silent_on_an_answer_the_capture_cut(self) -> None:
        scene = office()
        scene.requests(PHONE, POOL, 3.0, "certprov", "cut", 200, step="root-chains")

        silent(scene, self.RULE)

    def test_inconclusive_where_nothing_shows_a_lync_server(self) -> None:
        scene = Scene()
        scene.requests(PHONE, "10.9.9.9", 3.0, "certprov", "http-error", 404, step="root-chains")

        inconclusive(scene, self.RULE, because="nothing shows that 10.9.9.9")

    def test_inconclusive_where_a_phone_asks_an_unknown_host_once(self) -> None:
        scene = Scene()
        scene.boots(PHONE, 1.0)
        scene.requests(PHONE, "10.9.9.9", 3.0, "certprov", "http-error", 404, step="root-chains")

        inconclusive(scene, self.RULE, because="nothing shows that 10.9.9.9")

    def test_is_likely_where_a_phone_asks_an_unknown_host_again(self) -> None:
        scene = Scene()
        scene.boots(PHONE, 1.0)
        for at in (3.0, 8.0):
            scene.requests(PHONE, "10.9.9.9", at, "certprov", "http-error", 404, step="root-chains")

        assert fires(scene, self.RULE, PHONE).confidence == "likely"


class TestRedirectToTls:
    RULE = "certprov-redirected-to-https"

    def _sent(self, server: str = POOL, scene: Scene | None = None, location: str = "https://web/") -> Scene:
        scene = scene or office()
        facts = {"step": "root-chains", "location": location}
        scene.requests(PHONE, server, 3.0, "certprov", "redirected", 302, **facts)
        return scene

    def test_fires_with_the_redirect_and_the_alert(self) -> None:
        scene = self._sent()
        of = len(scene.flows) - 1
        alert = scene.distrusts(PHONE, POOL, 443, 6.0)

        fires(scene, self.RULE, PHONE, frames={scene.frame(3.1, of), scene.frame(3.2, of), alert})

    def test_fires_when_no_tls_follows(self) -> None:
        fires(self._sent(), self.RULE, PHONE)

    def test_silent_at_the_reverse_proxy(self) -> None:
        silent(self._sent(PROXY, outside()), self.RULE)

    def test_silent_on_another_http_address(self) -> None:
        silent(self._sent(location="http://web2/"), self.RULE)

    def test_silent_on_a_phone_that_trusts_all_the_same(self) -> None:
        scene = self._sent()
        scene.secure(PHONE, POOL, 443, 6.0)

        silent(scene, self.RULE)

    def test_silent_on_a_host_nothing_shows_to_be_lyncs(self) -> None:
        silent(self._sent("10.9.9.9", Scene()), self.RULE)

    def test_inconclusive_in_a_capture_that_ends(self) -> None:
        inconclusive(self._sent().case(8.0), self.RULE, because="the capture ends")


class TestOtherChain:
    RULE = "certprov-chain-does-not-match-server"

    def _phone(self, published: str = OLD, issuer: str = NEW, outcome: str = "ok", **shown: object) -> Scene:
        scene = office()
        facts = {"step": "root-chains", "certificates": (b"x",)}
        self.fetch = scene.requests(PHONE, POOL, 3.0, "certprov", outcome, 200, **facts)
        frame = scene.frame(3.2, self.fetch)
        one = {"flow": self.fetch, "frame": frame, "carried": "certprov", "subject": published, "sha256": "aa"}
        scene.certificates.append({**one, "issuer": published, "subject_key": "11"})
        self.alert = scene.distrusts(PHONE, POOL, 443, 6.0)
        scene.presents(issuer=issuer, sha256="bb", authority_key="22", **shown)
        return scene

    def test_fires_with_the_fetch_the_certificate_and_the_alert(self) -> None:
        scene = self._phone()
        shown = scene.certificates[-1]["frame"]
        fetched = {scene.frame(3.1, self.fetch), scene.frame(3.2, self.fetch)}

        one = fires(scene, self.RULE, PHONE, frames={*fetched, shown, self.alert})

        assert one.confidence == "certain"

    def test_fires_on_an_authority_renewed_under_its_name(self) -> None:
        assert "renewed" in fires(self._phone(published=NEW), self.RULE, PHONE).why

    def test_silent_where_the_chain_fits_and_the_alert_has_another_reason(self) -> None:
        scene = self._phone(published=NEW)
        scene.certificates[-1]["authority_key"] = "11"

        silent(scene, self.RULE)

    def test_silent_where_the_device_has_the_authority_built_in(self) -> None:
        scene = self._phone()
        scene.secure(PHONE, POOL, 443, 8.0)

        silent(scene, self.RULE)

    def test_inconclusive_with_a_certificate_that_cannot_be_read(self) -> None:
        inconclusive(self._phone(unreadable="cut"), self.RULE, because="not all certificates can be read")

    def test_inconclusive_with_half_an_answer(self) -> None:
        inconclusive(self._phone(outcome="cut"), self.RULE, because="lacks the rest")


class TestPhoneTakenHome:
    RULE = "phone-external-wants-root-chain"

    def _away(self, question: str = "ucupdates-r2") -> Scene:
        scene = outside()
        scene.asks(AWAY, f"{question}.{DOMAIN}", 1.0)
        self.of = scene.refused(AWAY, PROXY, 80, 3.0, tries=2)
        return scene

    def test_fires_with_the_refusals_and_the_alert(self) -> None:
        scene = self._away()
        alert = scene.distrusts(AWAY, PROXY, 443, 6.0)

        one = fires(scene, self.RULE, AWAY)

        assert one.proof[0].frames == tuple(scene.controls[n]["frame"] for n in range(4))
        assert alert in one.proof[1].frames

    def test_fires_on_a_404(self) -> None:
        scene = outside()
        scene.asks(AWAY, f"ucupdates-r2.{DOMAIN}", 1.0)
        scene.requests(AWAY, PROXY, 3.0, "certprov", "http-error", 404, step="root-chains")
        scene.distrusts(AWAY, PROXY, 443, 6.0)

        fires(scene, self.RULE, AWAY)

    def test_fires_on_a_real_phone(self) -> None:
        assert sample_fires("led-inside", self.RULE)

    def test_silent_where_tls_succeeds(self) -> None:
        scene = self._away()
        scene.secure(AWAY, PROXY, 443, 6.0)

        silent(scene, self.RULE)

    def test_silent_on_a_client_that_is_no_phone(self) -> None:
        scene = self._away("lyncdiscoverinternal")
        scene.distrusts(AWAY, PROXY, 443, 6.0)

        silent(scene, self.RULE)

    def test_silent_on_a_phone_inside(self) -> None:
        scene = office()
        scene.boots(PHONE, 1.0)
        scene.refused(PHONE, POOL, 80, 3.0)
        scene.distrusts(PHONE, POOL, 443, 6.0)

        silent(scene, self.RULE)

    def test_inconclusive_without_its_tls(self) -> None:
        inconclusive(self._away(), self.RULE, because="does not show whether the phone trusts")


def test_resolver_is_nobodys_lync() -> None:
    scene = Scene()
    scene.requests(PHONE, RESOLVER, 3.0, "certprov", "http-error", 500, step="root-chains")

    silent(scene, "certprov-http-error")


@pytest.mark.parametrize("rule", ["certprov-chain-does-not-match-server", "certprov-redirected-to-https"])
def test_a_phone_that_boots_well_is_silent(rule: str) -> None:
    scene = office()
    scene.boots(PHONE, 1.0)
    scene.provisions(PHONE, POOL, 3.0, "ok", 200, certificates=(b"x",))
    scene.secure(PHONE, POOL, 443, 6.0)

    silent(scene, rule)
