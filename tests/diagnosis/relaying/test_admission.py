"""Call admission control, and names of relays that DNS lacks."""

import pytest
from proofs import fires, inconclusive, sample_fires, silent
from scenes import RESOLVER, Scene

from lynccap.document import Confidence

INNER, OUTER, POOL, FAR_POOL = "172.20.8.4", "203.0.113.90", "10.31.2.4", "10.44.2.4"
PC, OTHER, HOME = "10.31.7.20", "10.44.7.21", "198.51.100.7"
DENIED = "cac-denied"
PORTS = "cac-ports-blocked"
NAME = "relay-fqdn-unresolved"
INNER_NAME, OUTER_NAME = "edge-in.cedar.example", "av.cedar.example"


def office() -> Scene:
    scene = Scene()
    scene.holds(
        ("edge_int", INNER, INNER_NAME),
        ("edge_av", OUTER, OUTER_NAME),
        ("fe", POOL, "pool.cedar.example"),
        ("fe", FAR_POOL, "pool2.cedar.example"),
    )
    for client in (PC, OTHER, POOL):
        scene.exchange(client, RESOLVER, 53, 40.0, stack="dns")
    return scene


class TestDenied:
    def _asked(self, *, admitted: bool = False) -> tuple[Scene, int]:
        scene = office()
        frames = scene.negotiates(PC, INNER, 2.0, f"{OUTER}:51000", told={"admitted": admitted})
        return scene, frames[-1]

    def test_the_relay_is_used_instead(self) -> None:
        scene, frame = self._asked()
        of = len(scene.flows) - 1
        scene.speaks(of, 4.0)

        one = fires(scene, DENIED, PC)

        assert (one.peer, one.port, one.confidence) == (INNER, 3478, Confidence.CERTAIN)
        assert one.proof[0].frames == (frame,)
        assert len(one.proof) == 2

    def test_nothing_follows(self) -> None:
        scene, _ = self._asked()

        assert fires(scene, DENIED, PC).confidence is Confidence.LIKELY

    def test_the_direct_path_is_used_all_the_same(self) -> None:
        scene, _ = self._asked()
        of = scene.exchange(PC, OTHER, 50010, 4.0, stack="stun/rtp")
        scene.speaks(of, 4.0)

        silent(scene, DENIED)

    def test_admitted(self) -> None:
        scene, _ = self._asked(admitted=True)

        silent(scene, DENIED)

    def test_the_capture_ends_too_early(self) -> None:
        scene, _ = self._asked()

        inconclusive(scene.case(5.0), DENIED, because="the capture ends")

    def test_on_real_stacks(self) -> None:
        assert sample_fires("relays-outside", DENIED)


class TestPorts:
    @pytest.mark.parametrize("port", [448, 5080])
    def test_dropped(self, port: int) -> None:
        scene = office()
        of = scene.silent(POOL, FAR_POOL, port, 5.0)
        scene.secure(POOL, FAR_POOL, 5061, 30.0)

        one = fires(scene, PORTS, POOL)

        assert (one.peer, one.port, one.flows) == (FAR_POOL, port, (of,))

    def test_switched_off(self) -> None:
        scene = office()
        scene.refused(POOL, FAR_POOL, 448, 5.0)
        scene.secure(POOL, FAR_POOL, 5061, 30.0)

        inconclusive(scene, PORTS, because="switched off")

    def test_reached(self) -> None:
        scene = office()
        scene.secure(POOL, FAR_POOL, 448, 5.0)

        silent(scene, PORTS)

    def test_the_capture_ends_too_early(self) -> None:
        scene = office()
        scene.silent(POOL, FAR_POOL, 448, 40.0, after=(0, 3))
        scene.secure(POOL, FAR_POOL, 5061, 30.0)

        inconclusive(scene.case(44.0), PORTS, because="the capture ends")


class TestNames:
    def test_inside(self) -> None:
        scene = office()
        frames = scene.looks_up(PC, INNER_NAME, 5.0)

        one = fires(scene, NAME, PC, frames=frames)

        assert (one.peer, one.port, one.confidence) == (RESOLVER, 53, Confidence.CERTAIN)
        assert "topology" in one.why

    def test_the_answer_with_the_credentials_names_it(self) -> None:
        scene = Scene()
        of = scene.opened(scene.secure(PC, POOL, 5061, 1.0))
        told = {"status": 200, "outcome": "ok", "granted": True, "relay_hosts": ("relay7.cedar.example",)}
        scene._say("mras", of, 2.0, False, **told)
        scene.looks_up(PC, "relay7.cedar.example", 5.0)

        assert "credentials" in fires(scene, NAME, PC).why

    def test_the_outer_name_is_only_likely(self) -> None:
        scene = Scene()
        scene.looks_up(HOME, "lyncdiscover.dunlin.example", 3.0, OUTER)
        scene.looks_up(HOME, "av.dunlin.example", 5.0)

        assert fires(scene, NAME, HOME).confidence is Confidence.LIKELY

    def test_an_outer_name_of_nobody_knows_whom(self) -> None:
        scene = Scene()
        scene.looks_up(HOME, "av.dunlin.example", 5.0)

        inconclusive(scene, NAME, because="nothing shows")

    def test_told_addresses_it_asks_them(self) -> None:
        scene = office()
        scene.looks_up(PC, INNER_NAME, 5.0)
        scene.negotiates(PC, INNER, 8.0, f"{OUTER}:51000")

        silent(scene, NAME)

    def test_another_server_knows_it(self) -> None:
        scene = office()
        scene.looks_up(PC, INNER_NAME, 5.0)
        scene.looks_up(PC, INNER_NAME, 6.0, INNER, server="10.1.0.54")

        silent(scene, NAME)

    def test_an_outer_name_is_not_needed_by_who_finds_the_inner_one(self) -> None:
        scene = office()
        scene.looks_up(PC, INNER_NAME, 5.0, INNER)
        scene.looks_up(PC, "av.cedar.example", 6.0)

        silent(scene, NAME)

    def test_an_outer_name_alone_is_missed(self) -> None:
        scene = office()
        scene.looks_up(PC, "av.cedar.example", 6.0)

        assert fires(scene, NAME, PC).peer == RESOLVER

    def test_some_other_name(self) -> None:
        scene = office()
        scene.looks_up(PC, "printer.cedar.example", 5.0)

        silent(scene, NAME)

    def test_the_capture_ends_too_early(self) -> None:
        scene = office()
        scene.looks_up(PC, INNER_NAME, 80.0)

        inconclusive(scene.case(85.0), NAME, because="the capture ends")

    def test_on_real_stacks(self) -> None:
        assert sample_fires("relays-inside", NAME)
