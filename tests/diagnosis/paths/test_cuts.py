"""Connections that are cut: after a silence, in the middle of data; and whom that is not to be said of."""

from dataclasses import replace

from proofs import fires, inconclusive, sample_fires, silent
from scenes import Scene

from lynccap.correlation.closings.kinds import EndedBy, Points, Sign
from lynccap.correlation.closings.signs import SECOND_POINT
from lynccap.correlation.points.vantage import Vantage
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.rules.paths.cuts import rst_midstream_active
from lynccap.document import Confidence

PC, OTHER, THIRD = "10.7.1.20", "10.7.1.21", "10.7.2.22"
POOL, SIP = "10.7.9.5", 5061
FOREIGN, GOODBYE = 255, 1.0
SIGN_IN = {"data_frames_client": 6, "data_frames_server": 6, "bytes_client": 4000, "bytes_server": 6000}


def office() -> Scene:
    """A pool, known by its SRV record."""
    scene = Scene()
    scene.pool("kelso.example", POOL)
    return scene


def idle(scene: Scene, client: str, at: float, pause: float = 300.0, ttl: int = FOREIGN, *, awake: bool = True) -> int:
    """A SIP connection that is silent for `pause` seconds and then reset; returns its flow."""
    of = scene.secure(client, POOL, SIP, at - pause - 2.0, seconds=pause + 2.0, **SIGN_IN)
    scene.cut(of, at, pause, ttl)
    if awake:
        scene.asks(client, "canteen.kelso.example", at - pause / 2)
    return of


def active(scene: Scene, client: str = PC, at: float = 5.0, ttl: int = FOREIGN, **facts: int) -> int:
    """A SIP connection that is reset while it carries data; returns its flow."""
    of = scene.secure(client, POOL, SIP, at - 4.0, seconds=4.0, **{**SIGN_IN, **facts})
    scene.cut(of, at, 0.2, ttl)
    return of


class TestIdle:
    RULE = "rst-midstream-idle"

    def test_one_clean_case_is_likely(self) -> None:
        scene = office()
        of = idle(scene, PC, 310.0)

        found = fires(scene, self.RULE, PC, frames={scene.frame(310.0, of), scene.frame(309.999, of)})

        assert found.confidence is Confidence.LIKELY
        assert (found.peer, found.port) == (POOL, SIP)

    def test_three_devices_with_one_timer_are_certain(self) -> None:
        scene = office()
        for client, at, pause in ((PC, 310.0, 300.0), (OTHER, 320.0, 303.0), (THIRD, 330.0, 310.0)):
            idle(scene, client, at, pause, awake=False)
        scene.asks(OTHER, "canteen.kelso.example", 160.0)

        found = [one for one in self.judged(scene) if hasattr(one, "confidence")]

        assert {one.confidence for one in found} == {Confidence.CERTAIN}
        assert {one.device for one in found} == {PC, OTHER, THIRD}

    def judged(self, scene: Scene) -> list[object]:
        from lynccap.diagnosis.catalogue import BY_NAME

        return list(BY_NAME[self.RULE].judge(Inquiry(scene.case(400.0))))

    def test_real_firewall(self) -> None:
        assert sample_fires("closings-idle-firewall", self.RULE)

    def test_reset_of_the_server_itself_is_its_own_affair(self) -> None:
        scene = office()
        idle(scene, PC, 310.0, ttl=126)

        silent(scene, self.RULE)

    def test_reset_after_a_goodbye(self) -> None:
        scene = office()
        of = idle(scene, PC, 310.0)
        scene._say("tls", of, 300.0, False, kind="encrypted-alert")

        silent(scene, self.RULE)

    def test_reset_after_a_short_pause_is_no_timer(self) -> None:
        scene = office()
        idle(scene, PC, 20.0, pause=4.0)

        silent(scene, self.RULE)

    def test_other_peoples_server(self) -> None:
        scene = office()
        of = scene.connect(PC, "10.7.9.80", 7410, 0.0, seconds=310.0, **SIGN_IN)
        scene.cut(of, 310.0, 300.0, FOREIGN)

        silent(scene, self.RULE)

    def test_device_that_slept_loses_all_at_once(self) -> None:
        scene = office()
        for port in (SIP, 443):
            of = scene.secure(PC, POOL, port, 1.0, seconds=300.0, **SIGN_IN)
            scene.cut(of, 310.0 + port / 10_000, 300.0, FOREIGN)

        inconclusive(scene, self.RULE, because="it may have slept")
        inconclusive(scene, self.RULE, because="loses 2 connections at once")

    def test_device_that_changed_its_network(self) -> None:
        scene = office()
        idle(scene, PC, 310.0)
        of = scene.exchange("0.0.0.0", "255.255.255.255", 67, 200.0, stack="dhcp", client_port=68)
        scene._say("dhcp", of, 200.0, kind="discover", mac="00:00:00:00:00:01", client_address=PC)

        inconclusive(scene, self.RULE, because="changed its network")

    def test_nothing_shows_who_sent_it(self) -> None:
        scene = office()
        of = idle(scene, PC, 310.0)
        scene.flows[of].update({"ttl_server_min": 0, "ttl_server_max": 0})

        inconclusive(scene, self.RULE, because="nothing shows who sent the reset")


class TestActive:
    RULE = "rst-midstream-active"

    def test_foreign_ttl_is_likely(self) -> None:
        scene = office()
        of = active(scene)

        found = fires(scene, self.RULE, PC, frames={scene.frame(5.0, of), scene.frame(4.999, of)})

        assert found.confidence is Confidence.LIKELY

    def test_reconnecting_and_dying_at_the_same_place_is_one_finding(self) -> None:
        scene = office()
        for at in (5.0, 11.0, 17.0):
            active(scene, at=at)

        assert "3 connections in a row ended so, after 10000 to 10000 bytes" in fires(scene, self.RULE, PC).why

    def test_capture_nearer_to_the_server_makes_it_certain(self, monkeypatch) -> None:  # type: ignore[no-untyped-def]
        scene = office()
        active(scene)
        case = scene.case()
        sign = Sign(SECOND_POINT, Points.BOX, "it never passed there", (1,))

        def closing(_self: Vantage, one: object) -> object:
            return replace(one, signs=(sign,), ended_by=EndedBy.BOX_BETWEEN)  # type: ignore[type-var]

        monkeypatch.setattr(Vantage, "closing", closing)
        vantage = Vantage(0, [case], None)  # type: ignore[arg-type]
        (found,) = rst_midstream_active.judge(Inquiry(case, vantage))

        assert found.confidence is Confidence.CERTAIN  # type: ignore[union-attr]

    def test_program_that_closes_with_unread_data(self) -> None:
        scene = office()
        active(scene, ttl=126)

        silent(scene, self.RULE)

    def test_connection_that_goes_on_was_not_cut(self) -> None:
        scene = office()
        of = active(scene)
        scene.flows[of].update({f"last_time_{side}": scene.flows[of]["last_time"] + 9 * 10**9 for side in SIDES})

        silent(scene, self.RULE)

    def test_idle_connection_is_another_matter(self) -> None:
        scene = office()
        idle(scene, PC, 310.0)

        silent(scene, self.RULE)

    def test_connection_that_never_worked(self) -> None:
        scene = office()
        of = scene.connect(PC, POOL, SIP, 1.0, seconds=4.0, stack="tls", basis="bytes")
        scene._hello(of, 1.0)
        scene.cut(of, 5.0, 0.2, FOREIGN)

        silent(scene, self.RULE)

    def test_nothing_shows_who_sent_it(self) -> None:
        scene = office()
        of = active(scene)
        scene.flows[of].update({"ttl_server_min": 0, "ttl_server_max": 0})

        inconclusive(scene, self.RULE, because="nothing shows who sent the reset")


SIDES = ("client", "server")
