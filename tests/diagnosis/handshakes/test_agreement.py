"""Versions, suites, names in the hello, and servers that do not answer."""

from typing import Any

import pytest
from proofs import fires, inconclusive, sample_fires, silent
from tls_scenes import DOMAIN, EDGE, OTHER, PARTNER, PC, PHONE, POOL, PROXY, SIP, TlsScene, chain


class TestVersion:
    RULE = "tls-version-mismatch"

    def test_alert_70(self) -> None:
        scene = TlsScene()
        of = scene.hello(PHONE, POOL, SIP, 1.0, offers="tls1.0")
        frames = {scene.at(of, 0.01), scene.alert(of, 70, from_client=False)}

        one = fires(scene, self.RULE, PHONE, frames=frames)

        assert (one.peer, one.port, one.confidence) == (POOL, SIP, "certain")
        assert "TLS 1.0" in one.says

    def test_server_chooses_a_version_that_the_client_refuses(self) -> None:
        scene = TlsScene()
        of = scene.hello(PC, POOL, SIP, 1.0)
        scene._say("tls", of, 1.02, False, kind="server-hello", version="tls1.0", suites=(0x2F,))
        scene.alert(of, 70)

        assert "the server chose TLS 1.0" in fires(scene, self.RULE, PC).says

    def _split(self, tries: int = 2, offers: str = "tls1.0", others: str = "tls1.2") -> TlsScene:
        scene = TlsScene()
        scene.works(OTHER, POOL, at=0.5, version=others)
        for number in range(tries):
            scene.leaves(scene.hello(PHONE, POOL, SIP, 2.0 + number, offers=offers), from_client=False, flags=20)
        return scene

    def test_split_by_version_without_an_alert(self) -> None:
        assert fires(self._split(), self.RULE, PHONE).confidence == "certain"

    def test_others_get_through_with_the_same_version(self) -> None:
        silent(self._split(others="tls1.0"), self.RULE)

    def test_client_that_gets_through_with_another_version(self) -> None:
        scene = TlsScene()
        scene.alert(scene.hello(PC, POOL, SIP, 1.0, offers="ssl3"), 70, from_client=False)
        scene.works(PC, POOL, at=2.0)

        silent(scene, self.RULE)

    def test_scanner_that_tries_all_versions(self) -> None:
        scene = TlsScene()
        of = scene.hello(PC, POOL, SIP, 1.0, offers="tls1.2")
        scene._say("tls", of, 1.02, False, kind="server-hello", version="tls1.2", suites=(0xC030,))
        scene.alert(scene.hello(PC, POOL, SIP, 2.0, offers="tls1.3"), 70, from_client=False)

        silent(scene, self.RULE)

    def test_pseudo_tls_of_media_is_no_tls(self) -> None:
        scene = TlsScene()
        scene.connect(PC, EDGE, 443, stack="pseudo-tls/stun", basis="bytes")

        silent(scene, self.RULE)

    def test_once_without_a_reason(self) -> None:
        inconclusive(self._split(1), self.RULE, because="once proves nothing")

    def test_nobody_to_compare_with(self) -> None:
        scene = TlsScene()
        for at in (2.0, 3.0):
            scene.leaves(scene.hello(PHONE, POOL, SIP, at, offers="tls1.0"), from_client=False)

        inconclusive(scene, self.RULE, because="nobody else's is shown")

    def test_recorded(self) -> None:
        assert sample_fires("handshakes-office", self.RULE)


class TestSuites:
    RULE = "tls-cipher-mismatch"

    def _refused(self, taken: int | None = 0xC030, code: int = 40, **hello: Any) -> TlsScene:
        scene = TlsScene()
        if taken:
            scene.works(OTHER, POOL, at=0.5, chosen=taken, sni="pool")
        usual = {"suites": (0x0005, 0x000A), "sni": "pool"}
        scene.alert(scene.hello(PHONE, POOL, SIP, 2.0, **{**usual, **hello}), code, from_client=False)
        return scene

    def test_signals_and_grease_are_no_suites(self) -> None:
        one = fires(self._refused(suites=(0x2A2A, 0x0005, 0x00FF, 0x5600)), self.RULE, PHONE)

        assert "the only cipher suite" in one.says
        assert "0x00ff" not in one.why

    @pytest.mark.parametrize("code", [40, 71])
    def test_others_get_suites_it_does_not_offer(self, code: int) -> None:
        one = fires(self._refused(code=code), self.RULE, PHONE)

        assert (one.peer, one.port, one.confidence) == (POOL, SIP, "certain")
        assert "0x0005, 0x000a" in one.why

    def test_scanner_that_tries_all_suites(self) -> None:
        scene = self._refused()
        of = scene.hello(PHONE, POOL, SIP, 0.2)
        scene._say("tls", of, 0.22, False, kind="server-hello", version="tls1.2", suites=(0xC030,))

        silent(scene, self.RULE)

    def test_likely_where_nobody_else_is_seen(self) -> None:
        assert fires(self._refused(None), self.RULE, PHONE).confidence == "likely"

    def test_alert_after_the_servers_hello(self) -> None:
        scene = TlsScene()
        scene.alert(scene.shake(PHONE, POOL), 40, from_client=False)

        silent(scene, self.RULE)

    @pytest.mark.parametrize("code", [112, 70])
    def test_another_alert(self, code: int) -> None:
        silent(self._refused(code=code), self.RULE)

    def test_hello_without_a_name(self) -> None:
        inconclusive(self._refused(sni=""), self.RULE, because="names no server")

    def test_it_offers_what_others_get(self) -> None:
        inconclusive(self._refused(0x000A), self.RULE, because="the reason is another one")

    def test_hello_that_is_cut(self) -> None:
        inconclusive(self._refused(suites=()), self.RULE, because="cannot be read")

    def test_recorded(self) -> None:
        assert sample_fires("handshakes-office", self.RULE)


class TestDefaultCertificate:
    RULE = "tls-sni-missing-default-cert"
    NAME = f"lyncdiscover.{DOMAIN}"

    def _scene(self, default: str = "shop.example", other: bool = True, sni: str = "") -> TlsScene:
        scene = TlsScene()
        if other:
            scene.works(OTHER, PROXY, 443, 0.5, sni=self.NAME, shown=chain(self.NAME))
        self.of = scene.shake(PHONE, PROXY, 443, 2.0, sni=sni, shown=chain(default))
        self.end = scene.leaves(self.of)
        return scene

    def test_other_client_gets_the_right_one(self) -> None:
        scene = self._scene()
        frames = {scene.at(self.of, 0.03), self.end, scene.at(1, 0.01), scene.at(1, 0.03)}

        one = fires(scene, self.RULE, PHONE, frames=frames)

        assert (one.peer, one.port, one.confidence) == (PROXY, 443, "certain")

    def test_default_that_covers_the_name(self) -> None:
        silent(self._scene(self.NAME), self.RULE)

    def test_client_that_sends_a_name(self) -> None:
        silent(self._scene(sni=self.NAME), self.RULE)

    def test_client_that_goes_on(self) -> None:
        scene = TlsScene()
        scene.works(OTHER, PROXY, 443, 0.5, sni=self.NAME, shown=chain(self.NAME))
        scene.works(PHONE, PROXY, 443, 2.0, shown=chain("shop.example"))

        silent(scene, self.RULE)

    def test_listener_with_one_certificate(self) -> None:
        inconclusive(self._scene(other=False), self.RULE, because="no other one is shown")

    def test_recorded(self) -> None:
        assert sample_fires("handshakes-office", self.RULE)


class TestStalled:
    RULE = "tls-handshake-stalled"

    def _silence(self, **facts: Any) -> TlsScene:
        scene = TlsScene()
        self.of = scene.hello(PC, POOL, SIP, 1.0, seconds=12.0, **facts)
        return scene

    def test_nothing_after_the_hello(self) -> None:
        scene = self._silence()
        frames = {scene.at(self.of, 0.01), scene.leaves(self.of, 11.0)}

        one = fires(scene, self.RULE, PC, frames=frames)

        assert (one.peer, one.port, one.confidence) == (POOL, SIP, "certain")
        assert "11 s" in one.says

    def test_certificate_and_then_nothing(self) -> None:
        scene = TlsScene()
        of = scene.hello(PC, POOL, SIP, 1.0, seconds=12.0)
        scene._say("tls", of, 1.02, False, kind="server-hello", version="tls1.2", suites=(0x2F,))
        scene.show(of, 1.03, chain())
        scene.leaves(of, 11.0)

        assert "after the certificate" in fires(scene, self.RULE, PC).says

    def test_answer_that_comes_late_is_minor(self) -> None:
        scene = TlsScene()
        of = scene.hello(PC, POOL, SIP, 1.0, seconds=12.0)
        scene._say("tls", of, 9.0, False, kind="server-hello", version="tls1.2", suites=(0x2F,))
        for from_client in (True, False):
            scene._say("tls", of, 9.2, from_client, kind="application-data")

        one = fires(scene, self.RULE, PC)

        assert (one.severity, "8 s" in one.says) == ("minor", True)

    def test_client_that_owes_the_next_message(self) -> None:
        scene = TlsScene()
        scene.leaves(scene.shake(PC, POOL, seconds=20.0), 15.0)

        silent(scene, self.RULE)

    def test_client_that_leaves_early(self) -> None:
        scene = self._silence()
        scene.leaves(self.of, 1.0)

        silent(scene, self.RULE)

    def test_server_that_waits_for_a_revocation_list(self) -> None:
        scene = TlsScene()
        scene.asks(EDGE, "_sipfederationtls._tcp.partner.example", 0.2)
        shown = chain("sip.partner.example", crl_urls=("http://crl.example/a.crl",))
        scene.named("crl.example", "198.51.100.80")
        of = scene.shake(PARTNER, EDGE, SIP, 1.0, asks=(), answer=shown, seconds=20.0)
        scene.silent(EDGE, "198.51.100.80", 80, 1.2)
        scene.leaves(of, 16.0)

        fires(scene, "edge-crl-http-blocked", EDGE)
        silent(scene, self.RULE)

    def test_stranger_that_stalls(self) -> None:
        scene = TlsScene()
        scene.leaves(scene.hello(PC, "198.51.100.99", 443, 1.0, seconds=12.0), 11.0)

        silent(scene, self.RULE)

    @pytest.mark.parametrize(
        ("facts", "because"),
        [
            ({"retransmitted_server": 3}, "never confirms"),
            ({"retransmitted_client": 3, "unanswered_client": 200}, "never confirms"),
            ({"lost_server": 1400}, "lacks 1400 bytes"),
            ({"frames_server": 0}, "only one side's packets"),
        ],
        ids=["large packets lost on the way", "hello lost", "capture lost it", "one-sided"],
    )
    def test_what_may_have_been_lost(self, facts: dict[str, int], because: str) -> None:
        scene = self._silence(**facts)
        scene.leaves(self.of, 11.0)

        inconclusive(scene, self.RULE, because=because)

    def test_capture_that_ends(self) -> None:
        scene = TlsScene()
        scene.hello(PC, POOL, SIP, 1.0)

        inconclusive(TlsSceneThatEnds(scene), self.RULE, because="the capture ends")

    def test_recorded(self) -> None:
        assert sample_fires("handshakes-office", self.RULE)


class TlsSceneThatEnds:
    """The scene in a capture that ends after 3 s."""

    def __init__(self, scene: TlsScene) -> None:
        self._scene = scene

    def case(self) -> Any:
        return self._scene.case(seconds=3.0)
