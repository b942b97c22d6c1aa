"""Servers that are not there, beside those that are silent to one client only."""

from proofs import fires, inconclusive, silent
from scenes import Scene, accused

DOMAIN = "contoso.example"
POOL, CLIENT, PC, ROUTER = "10.9.0.5", "10.9.0.77", "10.2.0.9", "10.9.0.1"
MAC, OTHER = "00:15:5d:00:00:77", "00:15:5d:00:00:01"
SIP, HOST_UNREACHABLE = 5061, (3, 1)
RULE = "host-unreachable"


def office() -> Scene:
    scene = Scene()
    for name in ("lyncdiscoverinternal", "sipinternal"):
        scene.named(f"{name}.{DOMAIN}", POOL)
    scene.asks(CLIENT, f"pool.{DOMAIN}", -2.0)
    return scene


def asks_in_vain(scene: Scene, asker: str = CLIENT, times: tuple[float, ...] = (10.0, 11.0, 12.0)) -> list[int]:
    return [scene.link("request", MAC, asker, POOL, at) for at in times]


def answered(scene: Scene, asker: str = CLIENT, by: str = ROUTER) -> None:
    scene.link("request", MAC, asker, by, 1.0)
    scene.link("reply", OTHER, by, asker, 1.001)


class TestTheRoutersWord:
    def _told(self) -> tuple[Scene, set[int]]:
        scene = office()
        of = scene.silent(CLIENT, POOL, SIP, 20.0, after=(0, 1, 3))
        return scene, {
            scene.reported(of, 23.5, ROUTER, HOST_UNREACHABLE),
            *(scene.frame(20.0 + n, of) for n in (0, 1, 3)),
        }

    def test_is_certain(self) -> None:
        scene, frames = self._told()
        one = fires(scene, RULE, CLIENT, frames)

        assert (one.confidence, one.peer, one.port) == ("certain", POOL, SIP)
        assert accused(scene) == {(RULE, CLIENT)}

    def test_of_a_host_that_was_there_before_is_likely(self) -> None:
        scene, _ = self._told()
        scene.secure(PC, POOL, SIP, 2.0)

        assert fires(scene, RULE, CLIENT).confidence == "likely"

    def test_of_a_host_that_answers_others_meanwhile_is_doubted(self) -> None:
        scene, _ = self._told()
        scene.secure(PC, POOL, SIP, 25.0)

        inconclusive(scene, RULE, because="the host is up")

    def test_of_a_host_that_is_nobodys_server_is_nothing(self) -> None:
        scene = office()
        scene.reported(scene.silent(CLIENT, "10.9.0.60", 445, 20.0), 23.5, ROUTER, HOST_UNREACHABLE)

        silent(scene, RULE)

    def test_of_the_relay_is_found(self) -> None:
        scene = office()
        of = scene.allocates(CLIENT, "10.9.0.8", 5.0)
        scene.reported(of, 5.1, ROUTER, HOST_UNREACHABLE)

        assert fires(scene, RULE, CLIENT).transport == "udp"


class TestSilenceOnTheLink:
    def test_is_likely(self) -> None:
        scene = office()
        answered(scene)

        one = fires(scene, RULE, CLIENT, set(asks_in_vain(scene)))

        assert one.confidence == "likely"

    def test_of_a_router_that_asks_is_filed_under_who_waits(self) -> None:
        scene = office()
        answered(scene, ROUTER, "10.9.0.60")
        frames = set(asks_in_vain(scene, ROUTER))
        of = scene.silent(PC, POOL, SIP, 10.0)

        fires(scene, RULE, PC, frames | {scene.frame(10.0 + n, of) for n in (0, 3, 9)})

    def test_of_an_address_that_sends_from_elsewhere_is_nothing(self) -> None:
        """A load balancer's address in another VLAN."""
        scene = office()
        answered(scene)
        asks_in_vain(scene)
        scene.secure(PC, POOL, SIP, 30.0)

        silent(scene, RULE)

    def test_of_an_address_that_resets_is_nothing(self) -> None:
        scene = office()
        answered(scene)
        asks_in_vain(scene)
        scene.refused(PC, POOL, SIP, 30.0)

        silent(scene, RULE)

    def test_of_an_address_that_asks_itself_is_nothing(self) -> None:
        scene = office()
        answered(scene)
        asks_in_vain(scene)
        scene.link("request", OTHER, POOL, ROUTER, 30.0)

        silent(scene, RULE)

    def test_of_a_host_that_is_nobodys_server_is_nothing(self) -> None:
        scene = office()
        answered(scene)
        for at in (10.0, 11.0, 12.0):
            scene.link("request", MAC, CLIENT, "10.9.0.60", at)

        silent(scene, RULE)

    def test_of_probes_whether_an_address_is_free_is_nothing(self) -> None:
        scene = office()
        answered(scene)
        asks_in_vain(scene, "0.0.0.0")

        silent(scene, RULE)

    def test_where_no_answer_is_recorded_is_doubted(self) -> None:
        """Questions go to everybody, answers to one: on another port of the switch only the former are heard."""
        scene = office()
        asks_in_vain(scene)

        inconclusive(scene, RULE, because="no ARP answer")

    def test_after_two_questions_is_doubted(self) -> None:
        scene = office()
        answered(scene)
        asks_in_vain(scene, times=(10.0, 11.0))

        inconclusive(scene, RULE, because="2 times")

    def test_after_mirror_copies_of_two_questions_is_doubted(self) -> None:
        scene = office()
        answered(scene)
        asks_in_vain(scene, times=(10.0, 10.001, 12.0, 12.001))

        inconclusive(scene, RULE, because="2 times")

    def test_at_the_end_of_the_capture_is_doubted(self) -> None:
        scene = office()
        answered(scene)
        asks_in_vain(scene)

        inconclusive(scene.case(seconds=15.0), RULE, because="the capture ends")

    def test_in_a_capture_with_losses_is_doubted(self) -> None:
        scene = office()
        answered(scene)
        asks_in_vain(scene)
        scene.secure(PC, "10.9.0.6", 443, 11.0, lost_server=400)

        inconclusive(scene, RULE, because="lacks packets")
