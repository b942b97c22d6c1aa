"""Calls of which no pair of addresses works, and checks that are refused."""

from typing import Any

import pytest
from proofs import fires, inconclusive, sample_fires, silent
from scenes import Scene, accused
from two_users import ANNA, BEN, POOL, office

INNER, OUTER, GATEWAY = "10.9.0.8", "203.0.113.13", "10.8.0.7"
NO_MEDIA = '22; reason="Call failed to establish"; CallerMediaDebug="audio:ICEWarn=0x1"'


class TestAllChecksFailed:
    RULE = "ice-all-checks-failed"

    def _call(self, *, tries: int = 21, says: str = "", ended: float = 0.0, **checks: Any) -> tuple[Scene, list[int]]:
        scene = office()
        if ended:
            signal = scene.opened(scene.secure(ANNA, POOL, 5061, 2.0))
            scene.calls(signal, 5.0, (ANNA, 50_030), ended=ended, says=says)
        of = scene.pair(ANNA, BEN, 6.0, sides=(True, False))
        return scene, scene.checks(of, 6.0, tries, 0.45, sides=(True, False), **checks)

    def test_nine_seconds_in_vain_are_likely(self) -> None:
        scene, asked = self._call()

        one = fires(scene, self.RULE, ANNA)

        assert (one.confidence, one.peer, one.reading) == ("likely", BEN, "packets")
        assert {frame for proof in one.proof for frame in proof.frames} == {asked[0], asked[1]}

    def test_the_clients_own_word_makes_it_certain_at_once(self) -> None:
        scene, asked = self._call(tries=3, says=NO_MEDIA, ended=4.0)
        bye = next(one["frame"] for one in scene.messages["sip"] if one["method"] == "BYE")

        one = fires(scene, self.RULE, ANNA, {asked[0], asked[1], bye})

        assert (one.confidence, one.reading) == ("certain", "decrypted")
        assert 'number 22 "Call failed to establish". The relay could not be reached.' in one.why

    def test_a_user_who_hangs_up_early_is_doubted(self) -> None:
        inconclusive(self._call(tries=3, ended=3.0)[0], self.RULE, because="was ended 2.0 s after the first check")

    def test_checks_that_stop_soon_are_doubted_where_sip_is_hidden(self) -> None:
        inconclusive(self._call(tries=3)[0], self.RULE, because="a key log would show")

    def test_an_answered_pair_beside_it_is_nothing(self) -> None:
        scene, _ = self._call()
        of = scene.pair(ANNA, BEN, 6.0, (50_031, 50_041), answered=True)
        scene.checks(of, 6.1, answered=True)

        silent(scene, self.RULE)

    def test_a_chosen_pair_beside_it_is_nothing(self) -> None:
        scene, _ = self._call()
        of = scene.pair(ANNA, BEN, 6.0, (50_031, 50_041), answered=True)
        scene.checks(of, 6.1, answered=True, nominated=True)

        silent(scene, self.RULE)

    @pytest.mark.parametrize("at", [9.0, 22.0])
    def test_relayed_media_that_begins_meanwhile_may_be_the_calls(self, at: float) -> None:
        scene, _ = self._call()
        of = scene.allocates(ANNA, INNER, 5.0, f"{OUTER}:51000")
        scene.speaks(of, at)

        inconclusive(scene, self.RULE, because=f"media by the relay {INNER} begins meanwhile")

    @pytest.mark.parametrize(("at", "seconds"), [(5.5, 30.0), (40.0, 20.0), (9.0, 2.0)])
    def test_relayed_media_of_another_call_changes_nothing(self, at: float, seconds: float) -> None:
        scene, _ = self._call()
        of = scene.allocates(ANNA, INNER, 5.0, f"{OUTER}:51000")
        scene.speaks(of, at, seconds)

        assert fires(scene, self.RULE, ANNA).peer == BEN

    def test_checks_of_others_than_lync_are_nothing(self) -> None:
        scene, _ = self._call()
        for row in scene.messages["stun"]:
            row["dialect"] = "rfc5389"

        silent(scene, self.RULE)

    def test_a_telephone_gateway_is_another_rules_matter(self) -> None:
        scene, _ = self._call()
        scene.holds(("gateway", BEN, "gw.cedar.example"), ("fe", POOL, "fe.cedar.example"))

        silent(scene, self.RULE)

    def test_of_audio_and_video_it_is_one_failure(self) -> None:
        scene, _ = self._call()
        of = scene.pair(ANNA, BEN, 6.2, (50_031, 50_041), sides=(True, False))
        scene.checks(of, 6.2, 21, 0.45, sides=(True, False), names="dd:cc")

        fires(scene, self.RULE, ANNA)

    def test_what_only_a_relay_carries_is_doubted(self) -> None:
        scene = office()
        of = scene.allocates(ANNA, INNER, 5.0, f"{OUTER}:52002")
        asked = scene.checks(of, 6.0, 21, 0.45)
        for row in scene.messages["stun"]:
            if row["frame"] in asked:
                row |= {"destination": f"{BEN}:50040", "framing": "turn-data"}

        inconclusive(scene, self.RULE, because="only the checks that a relay carries")

    def test_in_a_capture_that_begins_then_is_doubted(self) -> None:
        scene = Scene()
        for name in ("lyncdiscoverinternal", "sipinternal"):
            scene.named(f"{name}.dunlin.example", POOL)
        scene.secure(ANNA, POOL, 5061, -9.9)
        of = scene.pair(ANNA, BEN, -9.5, sides=(True, False))
        scene.checks(of, -9.5, 21, 0.45, sides=(True, False))

        inconclusive(scene, self.RULE, because="the capture starts 0.5 s before")

    def test_in_a_capture_of_one_direction_is_doubted(self) -> None:
        scene = office()
        for row in scene.flows:
            if ANNA in row.values():
                row |= {"frames_server": 0, "last_time_server": 0, "first_time_server": 0}
        of = scene.pair(ANNA, BEN, 6.0)
        scene.checks(of, 6.0, 21, 0.45)

        inconclusive(scene, self.RULE, because="in both directions")

    def test_in_a_lossy_capture_is_doubted(self) -> None:
        scene, _ = self._call()
        scene.interfaces.append({"frames": 100, "received": 1_000, "dropped": 900, "name": "eth0", "description": ""})

        inconclusive(scene, self.RULE, because="the recorder itself lost")

    @pytest.mark.parametrize("name", ["ice-unanswered", "ice-answers-lost", "mras-504"])
    def test_real_checks(self, name: str) -> None:
        assert sample_fires(name, self.RULE)


class TestIntegrity:
    RULE = "ice-message-integrity-failed"

    def _call(self, code: int = 431, **checks: Any) -> tuple[Scene, list[int]]:
        scene = office()
        of = scene.pair(ANNA, BEN, 6.0, sides=(True, False))
        return scene, scene.checks(of, 6.0, 21, 0.45, code=code, **checks)

    @pytest.mark.parametrize("code", [401, 431])
    def test_refused_checks(self, code: int) -> None:
        scene, said = self._call(code)

        one = fires(scene, self.RULE, ANNA, {said[0], said[1], said[3], said[5], said[7]})

        assert (one.confidence, one.peer) == ("likely", BEN)
        assert f"STUN error {code}" in one.says

    def test_is_the_cause_of_a_call_without_media(self) -> None:
        assert accused(self._call()[0]) == {(self.RULE, ANNA), ("ice-all-checks-failed", ANNA)}

    @pytest.mark.parametrize("code", [487, 500])
    def test_other_errors_are_other_matters(self, code: int) -> None:
        silent(self._call(code)[0], self.RULE)

    def test_stale_checks_beside_those_that_succeed_are_nothing(self) -> None:
        scene, _ = self._call()
        of = scene.pair(ANNA, BEN, 7.0, (50_031, 50_041), answered=True)
        scene.checks(of, 7.0, answered=True, nominated=True, names="dd:cc")

        silent(scene, self.RULE)

    def test_checks_after_the_end_of_their_call_are_nothing(self) -> None:
        scene = office()
        signal = scene.opened(scene.secure(ANNA, POOL, 5061, 2.0))
        scene.calls(signal, 3.0, (ANNA, 50_030), ended=2.5)
        of = scene.pair(ANNA, BEN, 6.0, sides=(True, False))
        scene.checks(of, 6.0, 5, code=431)

        silent(scene, self.RULE)

    def test_a_relay_that_asks_for_credentials_is_in_order(self) -> None:
        scene = office()
        scene.allocates(ANNA, INNER, 5.0, f"{OUTER}:52002")

        silent(scene, self.RULE)

    def test_a_capture_that_begins_with_them_is_doubted(self) -> None:
        scene = office()
        of = scene.pair(ANNA, BEN, -9.5, sides=(True, False))
        scene.checks(of, -9.5, 5, code=431)

        inconclusive(scene, self.RULE, because="of an earlier call")
