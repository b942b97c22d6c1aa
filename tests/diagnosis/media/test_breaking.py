"""Media that breaks off and ports a NAT forgot, beside calls that just end."""

from typing import Any

import pytest
from proofs import fires, inconclusive, silent
from scenes import Scene, moment
from two_users import ANNA, BEN, POOL, office

HOME, OUTER = "198.51.100.77", "203.0.113.13"
BROKE_OFF = '33; reason="Media broke off"'


class TestLost:
    RULE = "media-path-lost-midcall"

    def _call(self, *, ended: float = 0.0, says: str = "", asks: int = 0, talk: float = 10.0) -> tuple[Scene, int]:
        """A call that is set up at 5 s and talked in from 6 s on, then checks without answer, then a BYE."""
        scene = office()
        if ended:
            signal = scene.opened(scene.secure(ANNA, POOL, 5061, 2.0))
            scene.calls(signal, 4.0, (ANNA, 50_030), ended=ended - 4.0, says=says)
        of = scene.pair(ANNA, BEN, 5.0, answered=True)
        scene.checks(of, 5.0, answered=True, nominated=True)
        scene.speaks(of, 6.0, talk)
        if asks:
            scene.checks(of, 7.0 + talk, asks, 2.0)
        return scene, of

    def _last(self, scene: Scene, of: int) -> set[int]:
        return {one["last_frame"] for one in scene.streams if one["flow"] == of}

    def test_checks_in_vain_and_a_late_bye_are_certain(self) -> None:
        scene, of = self._call(ended=30.0, asks=4)
        bye = next(one["frame"] for one in scene.messages["sip"] if one["method"] == "BYE")
        asked = {one["frame"] for one in scene.messages["stun"] if one["time"] > moment(16.0)}

        one = fires(scene, self.RULE, ANNA)
        frames = {frame for proof in one.proof for frame in proof.frames}

        assert (one.confidence, one.peer, one.reading) == ("certain", BEN, "decrypted")
        assert asked | {bye} | self._last(scene, of) <= frames

    def test_the_clients_own_word_is_certain(self) -> None:
        one = fires(self._call(ended=20.0, says=BROKE_OFF)[0], self.RULE, ANNA)

        assert one.confidence == "certain"
        assert 'diagnostics number 33 "Media broke off"' in one.why

    def test_where_sip_is_hidden_checks_in_vain_are_likely(self) -> None:
        one = fires(self._call(asks=5)[0], self.RULE, ANNA)

        assert (one.confidence, one.reading) == ("likely", "packets")

    def test_two_last_checks_are_doubted(self) -> None:
        inconclusive(self._call(asks=2)[0], self.RULE, because="the call may just have ended")

    def test_a_user_who_hangs_up_is_nothing(self) -> None:
        silent(self._call(ended=16.5, asks=5)[0], self.RULE)

    def test_a_user_who_hangs_up_soon_after_is_nothing(self) -> None:
        silent(self._call(ended=22.0)[0], self.RULE)

    def test_silence_without_checks_is_nothing(self) -> None:
        silent(self._call(ended=40.0)[0], self.RULE)

    def test_checks_that_are_answered_are_a_call_in_which_nobody_speaks(self) -> None:
        scene, of = self._call(ended=30.0, asks=4)
        scene.checks(of, 20.0, answered=True)

        silent(scene, self.RULE)

    def test_a_device_that_rejects_late_media_has_hung_up(self) -> None:
        scene, of = self._call(asks=5)
        scene.reported(of, 17.1, BEN, (3, 3))

        silent(scene, self.RULE)

    def test_hold_is_nothing(self) -> None:
        scene, _ = self._call(ended=40.0, asks=4)
        signal = scene.messages["sip"][0]["flow"]
        again: dict[str, Any] = {"from_tag": "a", "to_tag": "b", "cseq": 3}
        scene.asks_sip(signal, 15.8, "INVITE", 200, asked=again, call_id="call", **again)

        silent(scene, self.RULE)

    def test_media_that_goes_on_in_another_way_is_nothing(self) -> None:
        scene, _ = self._call(asks=5)
        of = scene.pair(ANNA, BEN, 18.0, (50_032, 50_042), answered=True)
        scene.checks(of, 18.0, answered=True, nominated=True, names="dd:cc")
        scene.speaks(of, 19.0, 10.0)
        for one in scene.streams[-2:]:
            one["ssrc"] += 70_000

        silent(scene, self.RULE)

    def test_a_short_call_is_nothing(self) -> None:
        silent(self._call(asks=5, talk=3.0)[0], self.RULE)

    def test_in_a_lossy_capture_is_doubted(self) -> None:
        scene, _ = self._call(ended=30.0, asks=4)
        scene.interfaces.append({"frames": 100, "received": 1_000, "dropped": 900, "name": "eth0", "description": ""})

        inconclusive(scene, self.RULE, because="the recorder itself lost")


class TestForgottenPorts:
    RULE = "nat-udp-binding-expired"

    def _call(self, server: str = OUTER, client: str = HOME, ssrc: int = 0x70001, **facts: Any) -> tuple[Scene, int]:
        """A stream of a device at home at the outer side of the Edge, whose source port changes."""
        scene = office()
        scene.speaks(scene.allocates(client, OUTER, 4.0, f"{OUTER}:52000"), 5.0, 6.0, sides=(False,))
        for at, port in ((6.0, 61_030), (60.0, 61_544)):
            of = scene.exchange(client, server, 52_004, at, stack="rtp", client_port=port, **facts)
            scene.speaks(of, at, 10.0, sides=(True,))
            scene.streams[-1]["ssrc"] = ssrc
        return scene, of

    def test_is_likely(self) -> None:
        scene, _ = self._call()
        before, after = scene.streams[-2:]

        one = fires(scene, self.RULE, HOME, {before["last_frame"], after["first_frame"]})

        assert (one.confidence, one.peer, one.port) == ("likely", OUTER, 52_004)
        assert "source port 61544 instead of 61030" in one.says

    def test_checks_made_anew_are_deliberate(self) -> None:
        scene, of = self._call()
        scene.checks(of, 59.9, answered=True)

        silent(scene, self.RULE)

    def test_another_stream_is_another_call(self) -> None:
        scene, _ = self._call()
        scene.streams[-1]["ssrc"] = 0x70002

        silent(scene, self.RULE)

    def test_two_ports_at_the_same_time_are_two_ways(self) -> None:
        scene, _ = self._call()
        scene.streams[-1]["first_time"] = moment(8.0)

        silent(scene, self.RULE)

    def test_a_device_inside_has_no_nat_before_it(self) -> None:
        scene, _ = self._call(client=ANNA)

        silent(scene, self.RULE)

    def test_others_media_is_nothing(self) -> None:
        scene, _ = self._call(server="192.0.2.99")

        silent(scene, self.RULE)

    def test_in_a_lossy_capture_is_doubted(self) -> None:
        scene, _ = self._call()
        scene.interfaces.append({"frames": 100, "received": 1_000, "dropped": 900, "name": "eth0", "description": ""})

        inconclusive(scene, self.RULE, because="the recorder itself lost")


@pytest.mark.parametrize("rule", [TestLost.RULE, TestForgottenPorts.RULE])
def test_an_empty_capture_is_nothing(rule: str) -> None:
    silent(Scene(), rule)
