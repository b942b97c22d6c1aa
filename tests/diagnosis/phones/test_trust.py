"""Certificates that phones refuse and others accept."""

from typing import Any

from proofs import fires, inconclusive, silent
from scenes import Scene, findings

from lynccap.diagnosis.catalogue import BY_NAME
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Found
from lynccap.document import Confidence

FIRST, SECOND, THIRD, PC = "10.1.7.20", "10.1.7.21", "10.1.7.22", "10.1.3.9"
POOL, OTHER = "10.1.0.21", "10.1.0.22"
OLD = {"issuer": "CN=Contoso Root", "sha256": "old"}
PUBLIC = "CN=DigiCert TLS RSA SHA256 2020 CA1,O=DigiCert Inc,C=US"


def site() -> Scene:
    scene = Scene()
    scene.named("lyncpool.contoso.com", POOL)
    scene.named("lyncweb.contoso.com", POOL)
    scene.service("_sipinternaltls._tcp.contoso.com", "lyncpool.contoso.com", 5061)
    scene.named("lyncpool.contoso.com", OTHER)
    for place, one in enumerate((FIRST, SECOND, THIRD)):
        scene.asks(one, "ucupdates-r2.contoso.com", -5.0 + place)
    return scene


def shows(scene: Scene, **certificate: Any) -> None:
    """Let the last connection's certificate be another."""
    usual = {"issuer": "CN=Contoso Root G2", "names": ("lyncpool.contoso.com",), "sha256": "new"}
    scene.certificates[-1].update({**usual, **certificate})


def refuses(scene: Scene, phone: str, at: float, **certificate: Any) -> int:
    alert = scene.distrusts(phone, POOL, 5061, at)
    shows(scene, **certificate)
    return alert


def accepts(scene: Scene, client: str, at: float, server: str = POOL, **certificate: Any) -> None:
    scene.secure(client, server, 5061, at)
    shows(scene, **certificate)


class TestStale:
    RULE = "phone-stale-ca-after-replacement"

    def fleet(self) -> Scene:
        scene = site()
        self.alerts = [refuses(scene, one, 1.0 + place) for place, one in enumerate((FIRST, SECOND))]
        return scene

    def found(self, scene: Scene) -> list[Found]:
        return [one for one in BY_NAME[self.RULE].judge(Inquiry(scene.case())) if isinstance(one, Found)]

    def test_fleet_that_accepts_the_old_one(self) -> None:
        scene = self.fleet()
        accepts(scene, THIRD, 0.5, OTHER, **OLD)

        told = self.found(scene)

        assert [one.device for one in told] == [FIRST, SECOND]
        assert {one.confidence for one in told} == {Confidence.CERTAIN}
        assert all(alert in one.proof[0].frames for alert, one in zip(self.alerts, told, strict=True))

    def test_fleet_and_a_pc_that_accepts(self) -> None:
        scene = self.fleet()
        accepts(scene, PC, 4.0)

        assert {one.confidence for one in self.found(scene)} == {Confidence.LIKELY}

    def test_records_the_reasons_it_excludes(self) -> None:
        scene = self.fleet()
        accepts(scene, PC, 4.0)
        scene.secure(FIRST, POOL, 80, 0.2)

        first, second = self.found(scene)

        assert first.rejected == (("rootchain-http80-refused", f"{POOL} accepts its connection to TCP port 80"),)
        assert second.rejected == ()

    def test_the_plain_alert_hangs_under_it(self) -> None:
        scene = self.fleet()
        accepts(scene, PC, 4.0)

        told = findings(scene)

        assert {(one.rule, one.device) for one in told if one.caused_by is None} == {
            (self.RULE, FIRST),
            (self.RULE, SECOND),
        }

    def test_one_phone_refuses_another_asks_for_the_chain(self) -> None:
        scene = self.fleet()
        accepts(scene, PC, 4.0)
        scene.provisions(SECOND, POOL, 3.0, "ok", 200, certificates=(b"x",))

        fires(scene, self.RULE, FIRST)

    def test_single_phone(self) -> None:
        scene = site()
        refuses(scene, FIRST, 1.0)
        accepts(scene, PC, 4.0)

        silent(scene, self.RULE)

    def test_port_80_fails(self) -> None:
        scene = self.fleet()
        accepts(scene, PC, 4.0)
        for phone in (FIRST, SECOND):
            scene.refused(phone, POOL, 80, 0.2)

        inconclusive(scene, self.RULE, because="TCP port 80 fails")

    def test_dhcp_does_not_name_the_service(self) -> None:
        scene = self.fleet()
        accepts(scene, PC, 4.0)
        for place, phone in enumerate((FIRST, SECOND)):
            scene.asks_dhcp(phone, 0.1 + place / 10, {}, mac=f"00:04:f2:00:00:0{place}")

        inconclusive(scene, self.RULE, because="DHCP does not tell it")

    def test_no_time(self) -> None:
        scene = self.fleet()
        accepts(scene, PC, 4.0)
        for phone in (FIRST, SECOND):
            scene.asks_time(phone, "51.105.208.173", 0.1)

        inconclusive(scene, self.RULE, because="its clock may be wrong")

    def test_public_authority(self) -> None:
        scene = site()
        for place, phone in enumerate((FIRST, SECOND)):
            refuses(scene, phone, 1.0 + place, issuer=PUBLIC)
        accepts(scene, PC, 4.0, issuer=PUBLIC)

        silent(scene, self.RULE)

    def test_trusts_at_the_next_try(self) -> None:
        scene = self.fleet()
        accepts(scene, PC, 4.0)
        for phone in (FIRST, SECOND):
            accepts(scene, phone, 6.0)

        silent(scene, self.RULE)

    def test_nobody_accepts(self) -> None:
        inconclusive(self.fleet(), self.RULE, because="neither an older certificate nor anybody who accepts this one")


class TestOutdatedList:
    RULE = "phone-outdated-public-ca-store"

    def site(self, **certificate: Any) -> Scene:
        scene = site()
        self.alert = refuses(scene, FIRST, 1.0, **{"issuer": PUBLIC, "issued_by": 1, **certificate})
        return scene

    def test_pc_accepts(self) -> None:
        scene = self.site()
        accepts(scene, PC, 4.0, issuer=PUBLIC, issued_by=1)

        one = fires(scene, self.RULE, FIRST)

        assert self.alert in one.proof[0].frames
        assert "DigiCert" in one.why
        assert one.rejected == (("cert-chain-incomplete", f"{POOL} sends the issuing authority's too"),)

    def test_private_authority(self) -> None:
        scene = self.site(issuer="CN=Contoso Issuing CA,O=Contoso")
        accepts(scene, PC, 4.0, issuer="CN=Contoso Issuing CA,O=Contoso")

        silent(scene, self.RULE)

    def test_intermediate_is_missing(self) -> None:
        scene = self.site(issued_by=-1)
        accepts(scene, PC, 4.0, issuer=PUBLIC, issued_by=-1)

        silent(scene, self.RULE)

    def test_certificate_that_cannot_be_read(self) -> None:
        scene = self.site(unreadable="cut")
        accepts(scene, PC, 4.0, issuer=PUBLIC, unreadable="cut")

        silent(scene, self.RULE)

    def test_phone_accepts_later(self) -> None:
        scene = self.site()
        accepts(scene, PC, 4.0, issuer=PUBLIC)
        accepts(scene, FIRST, 5.0, issuer=PUBLIC)

        silent(scene, self.RULE)

    def test_nobody_else_is_shown_it(self) -> None:
        inconclusive(self.site(), self.RULE, because="nobody else is shown this certificate")


class TestOldVersion:
    RULE = "phone-tls10-only"

    def test_refused_where_a_pc_is_let_in(self) -> None:
        scene = site()
        hello = scene.turned_away(FIRST, POOL, 5061, 1.0)
        newer(scene, 4.0)

        one = fires(scene, self.RULE, FIRST)

        assert one.confidence is Confidence.CERTAIN
        assert one.proof[0].frames == (hello, hello + 1000)
        assert "(no SNI)" in one.why

    def test_reset_where_a_pc_is_let_in(self) -> None:
        scene = site()
        hello = scene.turned_away(FIRST, POOL, 5061, 1.0, alert=0)
        newer(scene, 4.0)

        assert fires(scene, self.RULE, FIRST).proof[0].frames == (hello, hello + 2000)

    def test_server_states_it_itself(self) -> None:
        scene = site()
        scene.turned_away(FIRST, POOL, 5061, 1.0)

        assert fires(scene, self.RULE, FIRST).confidence is Confidence.LIKELY

    def test_newer_hello_is_refused_too(self) -> None:
        scene = site()
        scene.turned_away(FIRST, POOL, 5061, 1.0, version="tls1.2")

        silent(scene, self.RULE)

    def test_pc_is_no_phone(self) -> None:
        scene = site()
        scene.turned_away(PC, POOL, 5061, 1.0)

        silent(scene, self.RULE)

    def test_let_in_later(self) -> None:
        scene = site()
        scene.turned_away(FIRST, POOL, 5061, 1.0)
        scene.secure(FIRST, POOL, 5061, 3.0)

        silent(scene, self.RULE)

    def test_pseudo_tls(self) -> None:
        scene = site()
        scene.allocates(FIRST, POOL, 1.0, "203.0.113.9:50000", over="tcp")

        silent(scene, self.RULE)

    def test_alert_40_alone(self) -> None:
        scene = site()
        scene.turned_away(FIRST, POOL, 5061, 1.0, alert=40)

        inconclusive(scene, self.RULE, because="may have another reason")

    def test_capture_of_one_direction(self) -> None:
        scene = site()
        scene.turned_away(FIRST, POOL, 5061, 1.0, alert=0, frames_server=0)
        newer(scene, 4.0)

        inconclusive(scene, self.RULE, because="only one side's packets")


def newer(scene: Scene, at: float) -> None:
    of = scene.secure(PC, POOL, 5061, at)
    for row in scene.messages["tls"]:
        if row["flow"] == of and "hello" in row["kind"]:
            row["version"] = "tls1.2"
