"""Encrypted sessions that end as soon as they began, and SIP connections that nobody keeps alive."""

from typing import Any

import pytest
from proofs import fires, inconclusive, silent
from scenes import Scene, accused, findings, moment

from lynccap.document import Confidence, Reading

DOMAIN, POOL, DIRECTOR = "cedar.example", "10.4.0.5", "10.4.0.7"
PC, OTHER, SIP = "10.4.1.20", "10.4.1.21", 5061
FOREIGN = 255
SMALL = {"data_frames_client": 5, "data_frames_server": 5, "bytes_client": 3200, "bytes_server": 6400}


def office() -> Scene:
    scene = Scene()
    scene.pool(DOMAIN, POOL)
    return scene


def come_and_go(
    scene: Scene, times: int = 3, *, client: str = PC, server: str = POOL, seconds: float = 2.0,
    closing: str = "client-fin", **facts: Any,
) -> list[int]:  # fmt: skip
    """Sessions that end soon; returns their flows."""
    usual = {**SMALL, "closing": closing, **facts}
    return [scene.secure(client, server, SIP, 5.0 + 6 * place, seconds=seconds, **usual) for place in range(times)]


def ends_of(scene: Scene, flows: list[int]) -> set[int]:
    return {scene.flows[of][name] for of in flows for name in ("first_frame", "last_frame")}


class TestLoop:
    RULE = "sip-tls-then-close-loop"

    @pytest.mark.parametrize("closing", ["client-fin", "server-fin", "server-rst"])
    def test_nobody_else_is_held(self, closing: str) -> None:
        scene = office()
        flows = come_and_go(scene, closing=closing)

        found = fires(scene, self.RULE, PC, frames=ends_of(scene, flows))

        assert (found.confidence, found.reading) == (Confidence.POSSIBLE, Reading.PATTERN)
        assert (found.peer, found.port, found.service) == (POOL, SIP, "sip")

    def test_others_are_held(self) -> None:
        scene = office()
        flows = come_and_go(scene)
        held = scene.secure(OTHER, POOL, SIP, 4.0, seconds=70.0)

        found = fires(scene, self.RULE, PC, frames=ends_of(scene, [*flows, held]))

        assert found.confidence is Confidence.LIKELY
        assert accused(scene) == {(self.RULE, PC)}

    def test_challenge_and_redirection_are_two_sessions(self) -> None:
        scene = office()
        come_and_go(scene, 2)

        silent(scene, self.RULE)

    def test_redirection_to_a_pool_that_keeps_the_client(self) -> None:
        scene = office()
        scene.named(f"sipinternal.{DOMAIN}", DIRECTOR)
        come_and_go(scene, server=DIRECTOR)
        scene.secure(PC, POOL, SIP, 25.0, seconds=60.0)

        silent(scene, self.RULE)

    def test_session_from_before_the_capture_counts(self) -> None:
        scene = office()
        come_and_go(scene)
        scene.midstream(PC, POOL, SIP, 40.0, closing="client-fin")

        silent(scene, self.RULE)

    def test_sessions_of_different_sizes_are_work(self) -> None:
        scene = office()
        come_and_go(scene, 2)
        come_and_go(scene, 2, bytes_server=21_000)

        silent(scene, self.RULE)

    @pytest.mark.parametrize(
        "facts", [{"bytes_server": 90_000}, {"seconds": 30.0}, {"data_frames_client": 3}], ids=["much", "long", "probe"]
    )
    def test_what_is_no_short_exchange(self, facts: dict[str, Any]) -> None:
        scene = office()
        come_and_go(scene, **facts)

        silent(scene, self.RULE)

    def test_connections_that_a_box_cuts_are_another_matter(self) -> None:
        scene = office()
        for place, of in enumerate(come_and_go(scene)):
            scene.cut(of, 7.0 + 6 * place, 0.2, FOREIGN)

        silent(scene, self.RULE)
        assert accused(scene) == {("rst-midstream-active", PC)}

    def test_handshakes_that_fail_are_another_matter(self) -> None:
        scene = office()
        for place in range(4):
            scene.distrusts(PC, POOL, SIP, 5.0 + 4 * place)

        silent(scene, self.RULE)

    def test_servers_that_probe_one_another_are_none(self) -> None:
        scene = office()
        scene.holds(("fe", POOL, f"pool.{DOMAIN}"), ("fe", DIRECTOR, f"fe2.{DOMAIN}"))
        come_and_go(scene, 5, client=DIRECTOR)

        silent(scene, self.RULE)

    def test_sessions_that_can_be_read_speak_for_themselves(self) -> None:
        scene = office()
        for of in come_and_go(scene):
            scene.opened(of)

        silent(scene, self.RULE)

    def test_capture_that_ends_too_soon_is_doubted(self) -> None:
        scene = office()
        come_and_go(scene)

        inconclusive(scene.case(21.0), self.RULE, because="capture ends")

    def test_capture_that_lacks_packets_is_doubted(self) -> None:
        scene = office()
        come_and_go(scene, lost_server=800)

        inconclusive(scene, self.RULE, because="lacks packets")


class TestKeepAlive:
    RULE = "sip-keepalive-missing"

    def _idle(self, pause: float, ttl: int = FOREIGN, *, awake: bool = True) -> tuple[Scene, int]:
        scene = office()
        at = pause + 10.0
        of = scene.secure(PC, POOL, SIP, 5.0, seconds=at - 5.0, **SMALL)
        scene.cut(of, at, pause, ttl)
        if awake:
            scene.asks(PC, f"canteen.{DOMAIN}", at - pause / 2)
        return scene, of

    def test_long_silence_that_a_box_ends(self) -> None:
        scene, of = self._idle(600.0)

        found = fires(scene.case(700.0), self.RULE, PC, frames={scene.frame(610.0, of), scene.frame(609.999, of)})

        assert (found.confidence, found.reading) == (Confidence.LIKELY, Reading.PATTERN)
        assert "encrypted" in found.why

    @pytest.mark.parametrize(("timeout", "words"), [(300, "within 300 s"), (None, "asks for none")])
    def test_readable_agreement_is_told(self, timeout: int | None, words: str) -> None:
        scene, of = self._idle(600.0)
        scene.opened(of)
        frames = scene.asks_sip(of, 6.0, "REGISTER", 200, keep_alive_timeout=timeout)

        found = fires(scene.case(700.0), self.RULE, PC)

        assert words in found.why
        assert found.reading is Reading.DECRYPTED
        assert found.time == moment(6.01)
        assert frames[-1] in found.proof[1].frames

    def test_cut_of_the_idle_connection_is_its_consequence(self) -> None:
        scene, _ = self._idle(600.0)

        told = {one.rule: one for one in findings(scene, 700.0)}

        assert set(told) == {self.RULE, "rst-midstream-idle"}
        assert told["rst-midstream-idle"].caused_by == told[self.RULE].id

    def test_keep_alives_are_packets(self) -> None:
        scene, _ = self._idle(60.0)

        silent(scene.case(700.0), self.RULE)

    def test_reset_of_the_server_itself_is_none(self) -> None:
        scene, _ = self._idle(600.0, ttl=126)

        silent(scene.case(700.0), self.RULE)

    def test_server_connections_are_none(self) -> None:
        scene, _ = self._idle(600.0)
        scene.holds(("fe", POOL, f"pool.{DOMAIN}"), ("edge_int", PC, f"edge.{DOMAIN}"))

        silent(scene.case(700.0), self.RULE)

    def test_device_that_may_have_slept_is_doubted(self) -> None:
        scene, _ = self._idle(600.0, awake=False)

        inconclusive(scene.case(700.0), self.RULE, because="slept")
