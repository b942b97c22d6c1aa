"""Closed UDP ports: of the relay, and of media while the call goes on."""

from proofs import fires, inconclusive, silent
from scenes import Scene

DOMAIN = "contoso.example"
POOL, EDGE, CLIENT, PC, ROUTER = "10.9.0.5", "10.9.0.8", "10.1.0.9", "10.2.0.9", "10.1.0.1"
CLOSED = (3, 3)
RULE = "icmp-port-unreachable-udp"


def office() -> Scene:
    scene = Scene()
    for name in ("lyncdiscoverinternal", "sipinternal"):
        scene.named(f"{name}.{DOMAIN}", POOL)
    scene.asks(CLIENT, f"pool.{DOMAIN}", -2.0)
    return scene


class TestRelay:
    def _asked(self, hits: int, reporter: str = EDGE) -> tuple[Scene, set[int]]:
        scene = office()
        of = scene.allocates(CLIENT, EDGE, 5.0)
        return scene, {scene.frame(5.0, of), *(scene.reported(of, 5.01 + n / 5, reporter, CLOSED) for n in range(hits))}

    def test_closed_for_two_requests_is_certain(self) -> None:
        scene, frames = self._asked(2)
        one = fires(scene, RULE, CLIENT, frames)

        assert (one.confidence, one.peer, one.port, one.transport) == ("certain", EDGE, 3478, "udp")
        because = f"the 2 ICMP messages come from {EDGE} itself and say that the port is closed"
        assert one.rejected == (("icmp-admin-prohibited", because),)

    def test_closed_for_one_request_is_doubted(self) -> None:
        scene, _ = self._asked(1)

        inconclusive(scene, RULE, because="only one request")

    def test_rejected_by_somebody_else_is_doubted(self) -> None:
        scene, _ = self._asked(3, ROUTER)

        inconclusive(scene, RULE, because=ROUTER)

    def test_that_was_asked_before_the_capture_began_is_doubted(self) -> None:
        scene, _ = self._asked(3)
        for row in scene.messages["stun"]:
            row["has_username"] = True

        inconclusive(scene, RULE, because="amid the requests")

    def test_that_answers_is_nothing(self) -> None:
        scene = office()
        of = scene.allocates(CLIENT, EDGE, 5.0, "203.0.113.13:52000")
        for at in (6.0, 6.2):
            scene.reported(of, at, EDGE, CLOSED)

        silent(scene, RULE)

    def test_of_no_lync_client_is_nothing(self) -> None:
        scene = office()
        of = scene.oneway(CLIENT, "10.9.0.60", 3478, 5.0)
        for at in (5.1, 5.2):
            scene.reported(of, at, "10.9.0.60", CLOSED)

        silent(scene, RULE)


class TestMedia:
    def _talks(self, hits: tuple[float, ...], seconds: float = 30.0) -> tuple[Scene, int]:
        scene = office()
        of = scene.exchange(CLIENT, POOL, 49_180, 5.0, stack="rtp", last_time_client=0)
        scene.speaks(of, 5.0, seconds)
        for at in hits:
            scene.reported(of, at, POOL, CLOSED)
        return scene, of

    def test_that_is_rejected_for_long_is_likely(self) -> None:
        scene, of = self._talks((10.0, 13.0, 16.0))
        one = fires(scene, RULE, CLIENT, {scene.frame(at, of) for at in (5.0, 10.0, 13.0, 16.0)})

        assert (one.confidence, one.port) == ("likely", 49_180)

    def test_after_hanging_up_is_nothing(self) -> None:
        scene, _ = self._talks((35.0, 35.1, 35.4, 36.0))

        silent(scene, RULE)

    def test_checks_of_a_closed_candidate_are_nothing(self) -> None:
        scene = office()
        of = scene.oneway(CLIENT, PC, 50_020, 8.0, stack="stun")
        for at in (8.1, 9.2, 15.4):
            scene.reported(of, at, PC, CLOSED)

        silent(scene, RULE)

    def test_of_strangers_is_nothing(self) -> None:
        scene = office()
        of = scene.exchange(CLIENT, PC, 40_000, 5.0, stack="rtp")
        scene.speaks(of, 5.0, 30.0)
        for at in (10.0, 13.0, 16.0):
            scene.reported(of, at, PC, CLOSED)

        silent(scene, RULE)
