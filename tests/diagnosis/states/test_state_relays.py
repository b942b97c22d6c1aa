"""What devices say to relays in calls that work, and which way the media goes."""

from typing import Any

import pytest
from proofs import fires, inconclusive, sample_fires, silent
from samples import document_of
from scenes import Scene, accused, moment

from lynccap.correlation.roles.sides import Location, Placement, SideBook
from lynccap.document import Confidence

DOMAIN = "curlew.example"
POOL, CLIENT, PC = "10.9.0.5", "10.1.0.9", "10.2.0.9"
INNER, OUTER, PROXY = "10.9.0.8", "203.0.113.13", "203.0.113.10"
APP = "iPhoneLync/5.4 (iPhone iOS 8.1)"


def office() -> Scene:
    scene = Scene()
    for name in ("lyncdiscoverinternal", "sipinternal"):
        scene.named(f"{name}.{DOMAIN}", POOL)
    return scene


class TestRelayChallenge:
    def test_then_success_is_told(self) -> None:
        scene = office()
        scene.allocates(CLIENT, INNER, 5.0, f"{OUTER}:52000")
        frames = [one["frame"] for one in scene.messages["stun"] if not one["from_client"]]

        one = fires(scene, "state-turn-401-challenge", CLIENT, frames=frames)

        assert (one.peer, one.port, one.transport) == (INNER, 3478, "udp")
        assert accused(scene) == set()

    def test_loop_is_a_failure(self) -> None:
        scene = office()
        of = scene.allocates(CLIENT, INNER, 5.0, f"{OUTER}:52000")
        turn = {"method": "allocate", "dialect": "ms-turn", "ms_version": 4, "framing": "udp"}
        for place in range(2):
            scene._say("stun", of, 4.0 + place / 10, False, kind="error", error_code=401, **turn)

        silent(scene, "state-turn-401-challenge")

    def test_without_the_success_in_a_short_capture_is_doubted(self) -> None:
        scene = office()
        scene.allocates(CLIENT, INNER, 5.0, f"{OUTER}:52000")
        scene.messages["stun"].pop()

        inconclusive(scene.case(7.0), "state-turn-401-challenge", because="capture ends")

    def test_without_the_success_in_a_long_capture_is_a_failure(self) -> None:
        scene = office()
        scene.allocates(CLIENT, INNER, 5.0, f"{OUTER}:52000")
        scene.messages["stun"].pop()

        silent(scene, "state-turn-401-challenge")


class TestPseudoTls:
    def _opened(self, *kinds: str) -> Scene:
        scene = office()
        of = scene.allocates(CLIENT, INNER, 5.0, f"{OUTER}:52000", over="tcp")
        for place, kind in enumerate(kinds):
            scene._say("stun", of, 4.8 + place / 10, place == 0, kind=kind, dialect="ms-turn")
        return scene

    def test_two_hellos_before_framed_messages_are_told(self) -> None:
        scene = self._opened("pseudo-client-hello", "pseudo-server-hello")
        first = scene.messages["stun"][0]["frame"]
        hellos = [one["frame"] for one in scene.messages["stun"] if one["kind"].startswith("pseudo")]

        one = fires(scene, "state-pseudo-tls", CLIENT, frames=[first, *hellos])

        assert (one.peer, one.port) == (INNER, 443)

    def test_real_tls_is_not(self) -> None:
        scene = office()
        scene.secure(CLIENT, INNER, 443, 5.0)

        silent(scene, "state-pseudo-tls")

    def test_half_of_it_is_doubted(self) -> None:
        inconclusive(self._opened("pseudo-client-hello"), "state-pseudo-tls", because="one of the two hellos")


class TestProbesOfTheEdge:
    def _call(self, server: str = PC) -> Scene:
        scene = office()
        scene.allocates(CLIENT, INNER, 5.0, f"{OUTER}:52000")
        of = scene.exchange(CLIENT, server, 50_020, 5.5, stack="stun/rtp")
        scene._say("stun", of, 5.5, kind="request", method="binding", dialect="ms-ice2", framing="udp")
        scene._say("stun", of, 5.51, False, kind="response", method="binding", dialect="ms-ice2", framing="udp")
        scene.speaks(of, 6.0)
        return scene

    def test_before_direct_media_are_told(self) -> None:
        one = fires(self._call(), "state-ice-probes-edge", CLIENT)

        assert one.peer == PC
        assert accused(self._call()) == set()

    def test_before_relayed_media_are_used(self) -> None:
        scene = office()
        scene.speaks(scene.allocates(CLIENT, INNER, 5.0, f"{OUTER}:52000"), 6.0)

        silent(scene, "state-ice-probes-edge")

    def test_before_media_to_a_public_address_are_doubted(self) -> None:
        inconclusive(self._call("198.51.100.77"), "state-ice-probes-edge", because="a partner's relay")


class TestWayOfTheMedia:
    def test_relayed_media_is_told_with_its_relay(self) -> None:
        scene = office()
        scene.speaks(scene.allocates(CLIENT, INNER, 5.0, f"{OUTER}:52000", peer=f"{PC}:50020"), 6.0)

        one = fires(scene, "state-media-path-classified", CLIENT)

        assert INNER in one.says
        assert one.confidence is Confidence.LIKELY

    @pytest.mark.parametrize(
        ("name", "word"),
        [("media-direct-ice-probes", "direct over UDP"), ("media-relayed-internal-edge", "internal interface")],
    )
    def test_on_real_calls(self, name: str, word: str) -> None:
        assert sample_fires(name, "state-media-path-classified")
        told = [one for one in document_of(name).findings if one.rule == "state-media-path-classified"]
        assert any(word in one.says for one in told)
        assert {one.severity for one in told} == {"info"}

    def test_probes_are_no_media(self) -> None:
        scene = office()
        scene.speaks(scene.allocates(CLIENT, INNER, 5.0, f"{OUTER}:52000"), 6.0, seconds=1.0)

        silent(scene, "state-media-path-classified")

    def test_media_of_others_is_nobodys(self) -> None:
        scene = office()
        scene.speaks(scene.exchange(CLIENT, "198.51.100.60", 16_400, 5.0, stack="rtp"), 6.0)

        silent(scene, "state-media-path-classified")

    def test_relay_on_an_unknown_side_is_doubted(self) -> None:
        scene = office()
        of = scene.midstream(CLIENT, "203.0.113.77", 3478, 5.0, transport="udp", stack="stun/rtp")
        turn: dict[str, Any] = {"dialect": "ms-turn", "ms_version": 4, "framing": "udp"}
        scene._say("stun", of, 5.0, kind="request", method="send", **turn)
        scene.speaks(of, 6.0, carried="turn-data")

        inconclusive(scene, "state-media-path-classified", because="could not be placed")


class TestMobileInside:
    @pytest.fixture(autouse=True)
    def _inside(self, monkeypatch: pytest.MonkeyPatch) -> None:
        where = {CLIENT: Location.INSIDE, "192.0.2.50": Location.OUTSIDE}
        monkeypatch.setattr(SideBook, "of", lambda _, one: Placement(where.get(one, Location.UNKNOWN), "it is told"))

    def _call(self, client: str = CLIENT, agent: str = APP, target: str = "/", proxy: bool = True) -> Scene:
        scene = office()
        scene.named(f"lyncdiscover.{DOMAIN}", PROXY)
        scene.browses(client, PROXY, 2.0, agent)
        scene.messages["http"][0]["target"] = target
        if proxy:
            scene.secure(client, PROXY, 443, 3.0)
        scene.allocates(PC, INNER, 1.0, f"{OUTER}:52002")
        scene.speaks(scene.allocates(client, OUTER, 5.0, f"{OUTER}:52000"), 6.0)
        return scene

    @pytest.mark.parametrize(("target", "sure"), [("/ucwa/v1/x", Confidence.CERTAIN), ("/", Confidence.LIKELY)])
    def test_external_services_are_told(self, target: str, sure: Confidence) -> None:
        scene = self._call(target=target)
        frames = {scene.streams[0]["first_frame"], scene.streams[0]["last_frame"]}

        one = fires(scene, "state-mobile-external-edge", CLIENT)

        assert (one.peer, one.confidence) == (OUTER, sure)
        assert frames <= {frame for proof in one.proof for frame in proof.frames}

    def test_desktop_that_does_so_is_a_defect(self) -> None:
        silent(self._call(agent="UCCAPI/15.0 OC/15.0 (Microsoft Lync)"), "state-mobile-external-edge")

    def test_outside_it_is_no_matter(self) -> None:
        silent(self._call("192.0.2.50"), "state-mobile-external-edge")

    def test_somewhere_is_doubted(self) -> None:
        inconclusive(self._call("192.0.2.51"), "state-mobile-external-edge", because="inside or outside")

    def test_without_the_proxy_is_doubted(self) -> None:
        inconclusive(self._call(proxy=False), "state-mobile-external-edge", because="no HTTPS")


class TestLateMedia:
    """A call between two devices; one hangs up at 20 s and rejects what still comes."""

    def _call(self, late: float = 20.5, rejected: float = 20.3, own: float = 20.0) -> tuple[Scene, int]:
        scene = office()
        of = scene.exchange(CLIENT, PC, 50_020, 5.0, stack="stun/rtp")
        scene._say("stun", of, 5.0, kind="request", method="binding", dialect="ms-ice2", framing="udp")
        scene._say("stun", of, 5.01, False, kind="response", method="binding", dialect="ms-ice2", framing="udp")
        scene.speaks(of, 6.0, late - 6.0, sides=(True,))
        scene.speaks(of, 6.0, own - 6.0, sides=(False,))
        scene.forbidden(of, rejected, reporter=PC)
        scene.errors[-1] |= {"code": 3}
        return scene, scene.errors[-1]["frame"]

    def test_rejected_after_the_end_is_told(self) -> None:
        scene, frame = self._call()

        one = fires(scene, "state-udp-port-unreachable-after-bye", PC, frames=[frame])

        assert (one.peer, one.time, one.confidence) == (CLIENT, moment(20.3), Confidence.LIKELY)
        assert accused(scene) == set()

    @pytest.mark.parametrize(
        "times",
        [{"own": 40.0}, {"late": 40.0}, {"own": 15.0}],
        ids=["the rejecting side talks on", "the other side talks on", "long after its own media"],
    )
    def test_in_the_middle_of_a_call_is_another_matter(self, times: dict[str, float]) -> None:
        silent(self._call(**times)[0], "state-udp-port-unreachable-after-bye")

    def test_reported_by_a_router_is_another_matter(self) -> None:
        scene, _ = self._call()
        scene.errors[-1]["reporter"] = "10.2.0.1"

        silent(scene, "state-udp-port-unreachable-after-bye")

    def test_policy_is_another_matter(self) -> None:
        scene, _ = self._call()
        scene.errors[-1]["code"] = 13

        silent(scene, "state-udp-port-unreachable-after-bye")

    def test_at_the_end_of_the_capture_is_doubted(self) -> None:
        scene, _ = self._call()

        inconclusive(scene.case(21.0), "state-udp-port-unreachable-after-bye", because="whether the call went on")
