"""Parties of a call that are not heard, beside those who just say nothing."""

from typing import Any

import pytest
from proofs import fires, inconclusive, silent
from scenes import Scene, accused, moment
from two_users import ANNA, BEN, POOL, office


def chosen(scene: Scene, at: float = 5.0, **facts: Any) -> tuple[int, int]:
    """A pair that is checked, answered and chosen; the flow, and the frame of the answer."""
    of = scene.pair(ANNA, BEN, at, answered=True, **facts)
    return of, scene.checks(of, at, answered=True, nominated=True)[1]


class TestOneWay:
    RULE = "media-one-way"

    def _call(self, heard: float = 6.0, alone: float = 15.0, *, reported: bool = True) -> tuple[Scene, int]:
        """Ben is heard for some seconds, Anna for longer."""
        scene = office()
        of, _ = chosen(scene)
        scene.speaks(of, 6.0, heard + alone, sides=(True,))
        if heard:
            scene.speaks(of, 6.0, heard, sides=(False,))
        scene.flows[of] |= {"last_time_client": moment(6.0 + heard + alone), "last_time_server": moment(6.0 + heard)}
        if reported:
            for side in (True, False):
                scene.reports(of, 8.0, by_client=side)
        return scene, of

    def test_a_direction_that_stops_is_likely(self) -> None:
        scene, _ = self._call()

        ends = {one[name] for one in scene.streams for name in ("first_frame", "last_frame")}
        checks = min(one["frame"] for one in scene.messages["stun"])
        one = fires(scene, self.RULE, ANNA, ends | {checks})

        assert (one.confidence, one.peer) == ("likely", BEN)
        assert "after 6.0 s audio goes from 10.1.0.9 to 10.2.0.9 only" in one.says

    def test_less_than_ten_seconds_are_doubted(self) -> None:
        inconclusive(self._call(alone=8.0)[0], self.RULE, because="for 8.0 s only")

    def test_hold_is_nothing(self) -> None:
        scene, _ = self._call()
        signal = scene.opened(scene.secure(ANNA, POOL, 5061, 2.0))
        scene.calls(signal, 4.0, (ANNA, 50_030))
        held = scene.messages["sip"][0]["body"].replace(b"m=audio 50030", b"a=inactive\r\nm=audio 50030")
        again = {"call_id": "call", "from_tag": "a", "to_tag": "b", "cseq": 3, "body": held}
        scene.asks_sip(signal, 11.5, "INVITE", 200, asked=again, call_id="call", from_tag="a", to_tag="b", cseq=3)

        silent(scene, self.RULE)

    def test_a_muted_side_that_reports_is_nothing(self) -> None:
        scene, of = self._call()
        scene.reports(of, 20.0, by_client=False)

        silent(scene, self.RULE)

    def test_a_muted_side_that_reports_on_the_port_beside_is_nothing(self) -> None:
        scene, _ = self._call()
        beside = scene.exchange(ANNA, BEN, 50_041, 8.0, stack="rtcp", client_port=50_031)
        scene.reports(beside, 20.0, by_client=False)

        silent(scene, self.RULE)

    def test_a_muted_side_that_keeps_its_way_open_is_doubted(self) -> None:
        scene, of = self._call()
        scene.flows[of]["last_time_server"] = moment(20.0)

        inconclusive(scene, self.RULE, because="it may be muted")

    def test_without_any_reports_mute_looks_the_same(self) -> None:
        inconclusive(self._call(reported=False)[0], self.RULE, because="no reports (RTCP)")

    def test_half_a_minute_without_any_keep_alive_is_no_mute(self) -> None:
        fires(self._call(alone=35.0, reported=False)[0], self.RULE, ANNA)

    def test_a_sender_that_leaves_out_silence_is_nothing(self) -> None:
        scene, _ = self._call()
        scene.streams[-1]["silences"] = 4

        silent(scene, self.RULE)

    def test_an_announcement_of_a_server_is_nothing(self) -> None:
        scene = office()
        scene.exchange(ANNA, POOL, 40_000, 4.0)
        of = scene.oneway(POOL, ANNA, 50_030, 5.0, stack="rtp", client_port=49_170)
        scene.speaks(of, 6.0, 40.0, sides=(True,), payload_type=8)

        silent(scene, self.RULE)

    def test_a_conference_in_which_nobody_else_speaks_is_doubted(self) -> None:
        scene = office()
        of = scene.oneway(ANNA, POOL, 49_170, 5.0, stack="rtp", client_port=50_030)
        scene.speaks(of, 6.0, 40.0, sides=(True,), payload_type=8)

        inconclusive(scene, self.RULE, because="nobody else speaks in its conference")

    def test_both_ways_are_nothing(self) -> None:
        silent(self._call(alone=1.0)[0], self.RULE)

    def test_of_a_telephone_gateway_it_is_another_rules_matter(self) -> None:
        scene, _ = self._call()
        scene.holds(("gateway", BEN, "gw.cedar.example"), ("fe", POOL, "fe.cedar.example"))

        silent(scene, self.RULE)

    def test_in_a_lossy_capture_is_doubted(self) -> None:
        scene, _ = self._call()
        scene.interfaces.append({"frames": 100, "received": 1_000, "dropped": 900, "name": "eth0", "description": ""})

        inconclusive(scene, self.RULE, because="the recorder itself lost")

    def test_a_way_that_is_shut_from_the_beginning_is_its_cause(self) -> None:
        scene = office()
        scene.exchange(BEN, ANNA, 40_000, 8.0)
        scene.flows[-1]["last_time_client"] = moment(30.0)
        of = scene.oneway(ANNA, BEN, 50_040, 5.0, stack="stun/rtp", client_port=50_030)
        scene.checks(of, 5.0, 2)
        scene.speaks(of, 6.0, 40.0, sides=(True,), payload_type=8)
        scene.flows[of]["last_time_client"] = moment(46.0)

        assert accused(scene) == {(self.RULE, ANNA), ("one-way-udp-path", ANNA)}


class TestMissing:
    RULE = "media-missing-after-ice"

    def _call(self, *, ended: float = 20.0, kept: float = 15.0, readable: bool = True) -> tuple[Scene, int, int]:
        """A pair is chosen, and neither side speaks."""
        scene = office()
        if readable:
            signal = scene.opened(scene.secure(ANNA, POOL, 5061, 2.0))
            scene.calls(signal, 4.0, (ANNA, 50_030), ended=ended)
        of, frame = chosen(scene)
        if kept:
            scene.checks(of, 5.0 + kept, answered=True)
        return scene, of, frame

    def test_nobody_speaks_in_an_accepted_call(self) -> None:
        scene, _, frame = self._call()
        bye = next(one["frame"] for one in scene.messages["sip"] if one["method"] == "BYE")

        one = fires(scene, self.RULE, ANNA, {frame, bye})

        assert (one.confidence, one.peer, one.reading) == ("certain", BEN, "decrypted")

    def test_without_keep_alives_is_likely(self) -> None:
        assert fires(self._call(kept=0.0)[0], self.RULE, ANNA).confidence == "likely"

    def test_a_call_that_may_still_ring_is_doubted(self) -> None:
        inconclusive(self._call(readable=False)[0], self.RULE, because="a key log would tell")

    def test_a_call_that_ends_soon_is_doubted(self) -> None:
        inconclusive(self._call(ended=6.0)[0], self.RULE, because="went on for 5.0 s only")

    def test_in_a_lossy_capture_is_doubted(self) -> None:
        scene, _, _ = self._call()
        scene.interfaces.append({"frames": 100, "received": 1_000, "dropped": 900, "name": "eth0", "description": ""})

        inconclusive(scene, self.RULE, because="the recorder itself lost")

    def test_hold_is_nothing(self) -> None:
        scene, _, _ = self._call()
        for row in scene.messages["sip"]:
            if row.get("body"):
                row["body"] = row["body"].replace(b"m=audio", b"a=inactive\r\nm=audio")

        silent(scene, self.RULE)

    def _mute(self, *, alive: float = 25.0, reported: bool = True, speaks: float = 20.0) -> tuple[Scene, int, int]:
        """Anna speaks; of Ben only keep-alives come."""
        scene = office()
        of, frame = chosen(scene)
        scene.speaks(of, 6.0, speaks, sides=(True,))
        scene.flows[of] |= {"last_time_client": moment(26.0), "last_time_server": moment(alive)}
        if reported:
            scene.reports(of, 8.0, by_client=True)
        return scene, of, frame

    def test_one_side_never_speaks_although_its_way_is_open(self) -> None:
        scene, _, frame = self._mute()
        ends = {one[name] for one in scene.streams for name in ("first_frame", "last_frame")}
        asked = min(one["frame"] for one in scene.messages["stun"])

        one = fires(scene, self.RULE, BEN, {asked, frame, *ends})

        assert (one.confidence, one.peer) == ("likely", ANNA)
        silent(scene, "media-one-way")

    def test_a_muted_side_that_reports_is_nothing(self) -> None:
        scene, of, _ = self._mute()
        scene.reports(of, 20.0, by_client=False)

        silent(scene, self.RULE)

    def test_without_any_reports_is_doubted(self) -> None:
        inconclusive(self._mute(reported=False)[0], self.RULE, because="no reports (RTCP)")

    @pytest.mark.parametrize("facts", [{"alive": 12.0}, {"speaks": 7.0}])
    def test_for_less_than_ten_seconds_is_doubted(self, facts: dict[str, float]) -> None:
        inconclusive(self._mute(**facts)[0], self.RULE, because="for less than 10 s")

    def test_pictures_that_are_only_received_are_nothing(self) -> None:
        scene, _, _ = self._mute()
        for one in scene.streams:
            one |= {"payload_type": 122, "payload_types": ((122, 1000),)}

        silent(scene, self.RULE)
