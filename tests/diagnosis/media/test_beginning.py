"""Media that begins late and addresses that are of no use, beside those that do no harm."""

from typing import Any

from proofs import fires, inconclusive, silent
from scenes import Scene
from two_users import ANNA, BEN, POOL, office

APIPA = "169.254.33.7"


class TestLate:
    RULE = "media-start-late"

    def _call(
        self, *, chosen: float = 9.5, begun: float = 10.0, readable: bool = True, tried: bool = True
    ) -> tuple[Scene, int, int]:
        """A call accepted at 4.5 s, with a pair in vain from 5 s on; one is chosen, then media begins."""
        scene = office()
        if readable:
            signal = scene.opened(scene.secure(ANNA, POOL, 5061, 2.0))
            scene.calls(signal, 4.0, (ANNA, 50_030), ended=30.0)
        if tried:
            scene.checks(scene.pair(ANNA, BEN, 5.0, (50_031, 50_041)), 5.0)
        of = scene.pair(ANNA, BEN, chosen, answered=True)
        frame = scene.checks(of, chosen, answered=True, nominated=True)[1]
        scene.speaks(of, begun, 10.0)
        return scene, of, frame

    def test_is_certain(self) -> None:
        scene, _, chosen = self._call()
        accepted = next(one["frame"] for one in scene.messages["sip"] if one.get("status") == 200)
        tried = sorted(one["frame"] for one in scene.messages["stun"])[:2]

        one = fires(scene, self.RULE, ANNA, {accepted, chosen, *tried})

        assert (one.confidence, one.peer, one.reading) == ("certain", BEN, "decrypted")
        assert "only 5.5 s after the call was accepted" in one.says

    def test_in_time_is_nothing(self) -> None:
        silent(self._call(chosen=5.5, begun=6.0)[0], self.RULE)

    def test_somebody_who_says_nothing_at_first_is_nothing(self) -> None:
        silent(self._call(chosen=5.5, begun=12.0)[0], self.RULE)

    def test_media_before_the_answer_is_nothing(self) -> None:
        scene, _, _ = self._call()
        scene.streams[-1]["first_time"] = scene.messages["sip"][0]["time"]

        silent(scene, self.RULE)

    def test_without_anything_in_vain_it_is_nothing(self) -> None:
        silent(self._call(tried=False)[0], self.RULE)

    def test_a_call_that_may_have_rung_meanwhile_is_doubted(self) -> None:
        inconclusive(self._call(readable=False)[0], self.RULE, because="a key log would tell")


class TestUseless:
    RULE = "candidate-useless-addresses"

    def _call(self, address: str = APIPA, chosen: float | None = 7.5, **facts: Any) -> tuple[Scene, list[int]]:
        scene = office()
        asked = scene.checks(scene.pair(ANNA, address, 6.0), 6.0)
        if chosen:
            of = scene.pair(ANNA, BEN, chosen, (50_030, 50_042), answered=True)
            scene.checks(of, chosen, answered=True, nominated=True, **facts)
            scene.speaks(of, chosen + 0.5, 10.0)
        return scene, asked

    def test_and_a_pair_that_is_chosen_late(self) -> None:
        scene, asked = self._call()

        one = fires(scene, self.RULE, BEN, set(asked[:2]))

        assert one.confidence == "certain"
        assert f"offers {APIPA}:50040" in one.says
        assert "only after 1.5 s" in one.why

    def test_and_no_pair_at_all(self) -> None:
        scene, asked = self._call(chosen=None)

        assert "is offered" in fires(scene, self.RULE, ANNA, set(asked[:2])).says

    def test_is_harmless_when_another_pair_wins_at_once(self) -> None:
        silent(self._call(chosen=6.8)[0], self.RULE)

    def test_addresses_that_others_can_reach_are_nothing(self) -> None:
        silent(self._call(address="10.3.0.8")[0], self.RULE)

    def test_a_pair_that_works_on_one_link_is_nothing(self) -> None:
        scene = office()
        of = scene.pair(ANNA, APIPA, 6.0, answered=True)
        scene.checks(of, 6.0, answered=True, nominated=True)
        scene.speaks(of, 8.0, 10.0)

        silent(scene, self.RULE)

    def test_without_the_choice_in_the_capture_is_doubted(self) -> None:
        scene = office()
        scene.checks(scene.pair(ANNA, APIPA, 6.0), 6.0)
        of = scene.pair(ANNA, BEN, 7.5, (50_030, 50_042), answered=True)
        scene.checks(of, 7.5, answered=True)
        scene.speaks(of, 8.0, 10.0)

        inconclusive(scene, self.RULE, because="is not in the capture")
