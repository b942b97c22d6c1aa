"""Certificates that have run out, old ones still served, and clocks that are wrong."""

import pytest
from cases import START
from proofs import fires, inconclusive, sample_fires, silent
from tls_scenes import DAY, DOMAIN, OTHER, PC, PHONE, POOL, SIP, WEB, TlsScene, chain

OLD = {"not_before": START - 800 * DAY, "not_after": START - DAY, "serial": "1"}
NAME = f"pool.{DOMAIN}"


class TestExpired:
    RULE = "cert-expired"

    @pytest.mark.parametrize("code", [45, 46, 42])
    def test_alert_after_a_certificate_that_has_ended(self, code: int) -> None:
        scene = TlsScene()
        scene.tells_time()
        of = scene.shake(PC, POOL, shown=chain(**OLD))
        frames = {scene.at(of, 0.03), scene.alert(of, code)}

        one = fires(scene, self.RULE, PC, frames=frames)

        assert (one.peer, one.port, one.confidence) == (POOL, SIP, "certain")
        assert one.time == START + 1_030_000_000

    def test_a_wrong_clock_is_excluded_where_time_servers_tell(self) -> None:
        scene = TlsScene()
        scene.tells_time()
        scene.alert(scene.shake(PC, POOL, shown=chain(**OLD)), 45)
        ((rule, _),) = fires(scene, self.RULE, PC).rejected
        assert rule == "cert-not-yet-valid-or-clock-skew"

        scene = TlsScene()
        scene.alert(scene.shake(PC, POOL, shown=chain(**OLD)), 45)
        assert not fires(scene, self.RULE, PC).rejected

    def test_client_that_closes_right_after_it(self) -> None:
        scene = TlsScene()
        scene.leaves(scene.shake(PC, POOL, shown=chain(**OLD)))

        assert fires(scene, self.RULE, PC).confidence == "likely"

    def test_certificate_in_force_is_not_it(self) -> None:
        scene = TlsScene()
        scene.alert(scene.shake(PC, POOL), 45)

        silent(scene, self.RULE)

    def test_resumed_session_shows_none(self) -> None:
        scene = TlsScene()
        scene.alert(scene.hello(PC, POOL, SIP, 1.0), 45)

        silent(scene, self.RULE)

    def test_client_that_gets_through_later_is_not_stopped(self) -> None:
        scene = TlsScene()
        scene.alert(scene.shake(PC, POOL, shown=chain(**OLD)), 45)
        scene.works(PC, POOL, at=5.0, shown=chain(**OLD))

        silent(scene, self.RULE)

    def test_strangers_server_is_nobodys_lync(self) -> None:
        scene = TlsScene()
        scene.alert(scene.shake(PC, "198.51.100.99", 443, shown=chain(**OLD)), 45)

        silent(scene, self.RULE)

    def test_clock_that_time_servers_contradict(self) -> None:
        scene = TlsScene()
        scene.tells_time(-10 * 86_400)
        scene.alert(scene.shake(PC, POOL, shown=chain(**OLD)), 45)

        inconclusive(scene, self.RULE, because="the recorder's clock is")

    def test_certificate_everybody_accepts(self) -> None:
        scene = TlsScene()
        scene.works(PC, POOL, shown=chain(**OLD))

        inconclusive(scene, self.RULE, because="the clock may be wrong")

    def test_unreadable_certificate(self) -> None:
        scene = TlsScene()
        scene.alert(scene.shake(PC, POOL, shown=chain(**OLD, unreadable="cut")), 45)

        silent(scene, self.RULE)


class TestOldStillServed:
    RULE = "cert-old-still-served"

    def _scene(self, old: dict[str, object] | None = None, serial: str = "2") -> TlsScene:
        scene = TlsScene()
        scene.works(OTHER, POOL, at=0.5, shown=chain(serial=serial))
        scene.alert(scene.shake(PC, WEB, 443, 2.0, shown=chain(**(old or OLD))), 45)
        return scene

    def test_newer_one_elsewhere(self) -> None:
        one = fires(self._scene(), self.RULE, PC)

        assert (one.peer, one.port, one.confidence) == (WEB, 443, "certain")
        assert "serial 2" in one.why

    def test_explains_that_it_has_run_out(self) -> None:
        from lynccap.diagnosis.catalogue import BY_NAME

        assert BY_NAME[self.RULE].explains == ("cert-expired",)

    def test_two_certificates_in_force(self) -> None:
        silent(self._scene({"serial": "1"}), self.RULE)

    def test_the_newer_one_is_refused_too(self) -> None:
        scene = self._scene()
        scene.alert(scene.shake(PC, POOL, at=3.0, shown=chain(**OLD)), 45)

        silent(scene, self.RULE)

    def test_another_name(self) -> None:
        scene = TlsScene()
        scene.works(OTHER, POOL, at=0.5, shown=chain("other.example"))
        scene.alert(scene.shake(PC, WEB, 443, 2.0, shown=chain(**OLD)), 45)

        silent(scene, self.RULE)

    def test_wrong_clock(self) -> None:
        scene = self._scene()
        scene.tells_time(-10 * 86_400)

        inconclusive(scene, self.RULE, because="the recorder's clock is")

    def test_recorded(self) -> None:
        assert sample_fires("handshakes-office", self.RULE)


class TestClock:
    RULE = "cert-not-yet-valid-or-clock-skew"

    def test_alert_alone_is_possible_only(self) -> None:
        scene = TlsScene()
        of = scene.shake(PHONE, POOL)
        frames = {scene.at(of, 0.03), scene.alert(of, 45)}

        assert fires(scene, self.RULE, PHONE, frames=frames).confidence == "possible"

    def test_with_unanswered_questions_for_the_time(self) -> None:
        scene = TlsScene()
        asked = scene.asks_time(PHONE, (2.0, 4.0, 6.0))
        of = scene.shake(PHONE, POOL, at=7.0)
        frames = {scene.at(of, 0.03), scene.alert(of, 45), asked[0], asked[-1]}

        assert fires(scene, self.RULE, PHONE, frames=frames).confidence == "certain"

    def test_with_questions_that_carry_a_wrong_time(self) -> None:
        scene = TlsScene()
        scene.asks_time(PHONE, (2.0, 4.0), clock=-3_000 * 86_400)
        scene.alert(scene.shake(PHONE, POOL, at=7.0), 46)

        one = fires(scene, self.RULE, PHONE)

        assert one.confidence == "certain"
        assert "2015-08" in one.why

    def test_random_stamps_in_questions_prove_nothing(self) -> None:
        scene = TlsScene()
        scene.asks_time(PHONE, (2.0,), clock=-3_000 * 86_400)
        scene.asks_time(PHONE, (3.0,), clock=9_000 * 86_400)
        for flow in scene.flows:
            flow["frames_server"] = flow["frames_server"] or 1
        scene.alert(scene.shake(PHONE, POOL, at=7.0), 46)

        silent(scene, self.RULE)

    @pytest.mark.parametrize("code", [42, 46])
    def test_vague_alert_of_a_device_whose_clock_nothing_shows(self, code: int) -> None:
        scene = TlsScene()
        scene.alert(scene.shake(PHONE, POOL), code)

        silent(scene, self.RULE)

    def test_certificate_that_has_ended_is_another_matter(self) -> None:
        scene = TlsScene()
        scene.alert(scene.shake(PHONE, POOL, shown=chain(**OLD)), 45)

        silent(scene, self.RULE)

    def test_issuer_that_has_ended_is_another_matter(self) -> None:
        scene = TlsScene()
        shown = chain()
        scene.alert(scene.shake(PHONE, POOL, shown=(shown[0], {**shown[1], "not_after": START - DAY})), 45)

        silent(scene, self.RULE)

    def test_certificate_that_begins_later_with_a_clock_that_is_confirmed(self) -> None:
        scene = TlsScene()
        scene.tells_time()
        scene.alert(scene.shake(PC, POOL, shown=chain(not_before=START + DAY)), 42)

        assert fires(scene, self.RULE, PC).confidence == "likely"

    def test_certificate_that_begins_later_or_a_wrong_clock(self) -> None:
        scene = TlsScene()
        scene.alert(scene.shake(PC, POOL, shown=chain(not_before=START + DAY)), 42)

        inconclusive(scene, self.RULE, because="or the recorder's clock is wrong")

    def test_wrong_clock_of_the_recorder(self) -> None:
        scene = TlsScene()
        scene.tells_time(3_600)
        scene.alert(scene.shake(PC, POOL), 45)

        inconclusive(scene, self.RULE, because="1.0 h behind")


class TestBehindTheProxy:
    """The reverse proxy's inner side: no DNS, no name in the hello, port 4443."""

    RULE = "cert-expired"

    def _behind(self, *names: str) -> TlsScene:
        scene = TlsScene()
        of = scene.shake("192.0.2.200", "192.0.2.11", 4443, shown=chain("fe.ad.example", names=names, **OLD))
        scene.alert(of, 45)
        return scene

    def test_lync_names_and_its_port_together_show_whose_it_is(self) -> None:
        assert fires(self._behind("web.tailspin.example", "lyncdiscover.tailspin.example"), self.RULE, "192.0.2.200")

    def test_the_port_alone_does_not(self) -> None:
        silent(self._behind("vpn.tailspin.example", "autodiscover.tailspin.example"), self.RULE)
