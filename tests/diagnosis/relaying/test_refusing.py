"""Relays that refuse: credentials, want of ports, an older allocation, tokens from before, another Edge."""

from typing import Any

import pytest
from proofs import fires, inconclusive, sample_fires, silent
from scenes import RESOLVER, Scene, accused, findings

from lynccap.document import Confidence

INNER, OUTER, SECOND, POOL = "172.20.8.4", "203.0.113.90", "203.0.113.91", "10.31.2.4"
PC, OTHER, NEW = "10.31.7.20", "10.31.9.22", "10.31.11.23"
HOME, FLAT = "198.51.100.7", "192.0.2.9"
LOOP = "turn-allocate-401-loop"
TOKEN = "turn-token-expired-after-cert-change"
PORTS = "turn-486-quota-or-300"
MISMATCH = "turn-437-mismatch"
SENT_ON = "turn-alternate-server-ignored"
RELAY = f"{OUTER}:51000"


def office() -> Scene:
    scene = Scene()
    scene.holds(("edge_int", INNER, "edge-in.cedar.example"), ("edge_av", OUTER, "av.cedar.example"))
    for client in (PC, OTHER, NEW, HOME, FLAT):
        scene.exchange(client, RESOLVER, 53, 40.0, stack="dns")
    return scene


class TestCredentials:
    @pytest.mark.parametrize("code", [401, 431])
    def test_three_rounds(self, code: int) -> None:
        scene = office()
        frames = scene.negotiates(PC, INNER, 2.0, code, code, code)

        one = fires(scene, LOOP, PC, frames=frames[2:])

        assert (one.peer, one.port, one.confidence) == (INNER, 3478, Confidence.CERTAIN)
        assert str(code) in one.why

    def test_a_code_whose_meaning_is_not_confirmed(self) -> None:
        scene = office()
        scene.negotiates(PC, INNER, 2.0, 436, 436, 436)

        assert fires(scene, LOOP, PC).confidence is Confidence.LIKELY

    def test_from_several_ports(self) -> None:
        scene = office()
        for at in (2.0, 4.0, 6.0):
            scene.negotiates(PC, INNER, at, 401)

        assert len(fires(scene, LOOP, PC).flows) == 3

    def test_others_are_served(self) -> None:
        scene = office()
        scene.negotiates(PC, INNER, 2.0, 401, 401, 401)
        scene.negotiates(OTHER, INNER, 4.0, RELAY)

        assert f"accepts {OTHER}" in fires(scene, LOOP, PC).why

    def test_the_first_401_is_normal(self) -> None:
        scene = office()
        scene.negotiates(PC, INNER, 2.0, RELAY)

        silent(scene, LOOP)

    def test_a_stale_nonce_once(self) -> None:
        scene = office()
        scene.negotiates(PC, INNER, 2.0, 438, RELAY)

        silent(scene, LOOP)

    def test_got_over(self) -> None:
        scene = office()
        scene.negotiates(PC, INNER, 2.0, 401, 401, 401, RELAY)

        silent(scene, LOOP)

    def test_repetitions_of_one_request(self) -> None:
        scene = office()
        scene.negotiates(PC, INNER, 2.0, 401)
        signed, refused = (dict(one) for one in scene.messages["stun"][-2:])
        for place in range(1, 4):
            for one in (signed, refused):
                again: dict[str, Any] = {name: one[name] + place * 10_000 for name in ("frame", "first_frame")}
                scene.messages["stun"].append({**one, **again, "time": one["time"] + place * 100_000_000})

        inconclusive(scene, LOOP, because="in 1 of 3 rounds")

    def test_two_rounds(self) -> None:
        scene = office()
        scene.negotiates(PC, INNER, 2.0, 401, 401)

        inconclusive(scene, LOOP, because="in 2 of 3 rounds")

    def test_one_sided(self) -> None:
        scene = office()
        scene.negotiates(PC, INNER, 2.0, 401, 401, 401)
        scene.messages["stun"] = [one for one in scene.messages["stun"] if not one["from_client"]]

        inconclusive(scene, LOOP, because="lacks the requests")

    def test_on_real_stacks(self) -> None:
        assert sample_fires("turn-401-again", LOOP)


class TestTokens:
    def _old(self) -> Scene:
        scene = office()
        for client in (PC, OTHER):
            scene.negotiates(client, INNER, 4.0, 401, 401, 401)
        return scene

    def _signs_in(self, scene: Scene, client: str = NEW, at: float = 5.0) -> None:
        scene.secure(client, POOL, 5061, at)

    def test_both_populations(self) -> None:
        scene = self._old()
        self._signs_in(scene)
        scene.negotiates(NEW, INNER, 7.0, RELAY)

        one = fires(scene, TOKEN, PC, beside=(OTHER,))

        assert (one.peer, one.port, one.confidence) == (INNER, 3478, Confidence.LIKELY)
        told = findings(scene)
        causes = {each.id: each.rule for each in told}
        assert {causes[each.caused_by or ""] for each in told if each.rule == LOOP} == {TOKEN}

    def test_with_a_new_certificate(self) -> None:
        scene = self._old()
        self._signs_in(scene)
        scene.negotiates(NEW, INNER, 7.0, RELAY)
        scene.meets(POOL, INNER, 5062, 1.0, leaf={"not_before": 1_700_000_000 * 10**9 - 3600 * 10**9})

        assert fires(scene, TOKEN, PC, beside=(OTHER,)).confidence is Confidence.CERTAIN

    def test_a_single_device(self) -> None:
        scene = office()
        scene.negotiates(PC, INNER, 4.0, 401, 401, 401)
        self._signs_in(scene)
        scene.negotiates(NEW, INNER, 7.0, RELAY)

        silent(scene, TOKEN)

    def test_who_has_just_signed_in_is_refused_too(self) -> None:
        scene = self._old()
        self._signs_in(scene, PC, 1.0)
        self._signs_in(scene)
        scene.negotiates(NEW, INNER, 7.0, RELAY)

        silent(scene, TOKEN)

    def test_nobody_signs_in_later(self) -> None:
        inconclusive(self._old(), TOKEN, because="nobody who signed in later")


class TestPorts:
    def test_several_devices(self) -> None:
        scene = office()
        frames = scene.negotiates(PC, INNER, 2.0, 486)
        scene.negotiates(OTHER, INNER, 30.0, 486)

        one = fires(scene, PORTS, PC, frames=frames[-1:], beside=(OTHER,))

        assert (one.peer, one.confidence) == (INNER, Confidence.CERTAIN)

    def test_one_device_may_be_at_its_own_limit(self) -> None:
        scene = office()
        scene.negotiates(PC, INNER, 2.0, 486)

        one = fires(scene, PORTS, PC)

        assert one.confidence is Confidence.LIKELY
        assert one.causes[0].startswith("One user")

    def test_300_to_several_devices(self) -> None:
        scene = office()
        for client in (PC, OTHER):
            scene.negotiates(client, INNER, 2.0, 300, told={"alternate_server": f"{SECOND}:3478"})

        fires(scene, PORTS, PC, beside=(OTHER,))

    def test_300_and_then_a_success_elsewhere(self) -> None:
        scene = office()
        scene.negotiates(PC, INNER, 2.0, 300, told={"alternate_server": f"{SECOND}:3478"})
        scene.negotiates(PC, SECOND, 3.0, f"{SECOND}:51000")

        silent(scene, PORTS)

    def test_one_300_whose_sequel_is_missing(self) -> None:
        scene = office()
        scene.negotiates(PC, INNER, 2.0, 300)

        inconclusive(scene, PORTS, because="only this device is sent on")

    def test_the_capture_ends_too_early(self) -> None:
        scene = office()
        scene.negotiates(PC, INNER, 2.0, 486)

        inconclusive(scene.case(5.0), PORTS, because="the capture ends")

    def test_on_real_stacks(self) -> None:
        assert sample_fires("relays-outside", PORTS)


class TestMismatch:
    def test_with_the_older_allocation(self) -> None:
        scene = office()
        frames = scene.negotiates(PC, INNER, 2.0, RELAY, 437)

        one = fires(scene, MISMATCH, PC, frames=(frames[3], frames[-1]))

        assert (one.peer, one.confidence) == (INNER, Confidence.LIKELY)

    def test_without_it(self) -> None:
        scene = office()
        scene.negotiates(PC, INNER, 2.0, 437)

        assert fires(scene, MISMATCH, PC).confidence is Confidence.POSSIBLE

    def test_only_what_the_relay_sends_is_recorded(self) -> None:
        scene = office()
        of = scene.oneway(INNER, PC, 50_020, 2.0, client_port=3478, stack="stun/rtp")
        told: dict[str, Any] = {"method": "allocate", "dialect": "ms-turn", "ms_version": 4, "framing": "udp"}
        scene._say("stun", of, 2.0, kind="error", error_code=437, transaction_id=b"437", **told)

        one = fires(scene, MISMATCH, PC)

        assert (one.peer, one.port) == (INNER, 3478)

    def test_another_port_works(self) -> None:
        scene = office()
        scene.negotiates(PC, INNER, 2.0, 437)
        scene.negotiates(PC, INNER, 4.0, RELAY)

        silent(scene, MISMATCH)

    def test_the_capture_ends_too_early(self) -> None:
        scene = office()
        scene.negotiates(PC, INNER, 2.0, 437)

        inconclusive(scene.case(5.0), MISMATCH, because="the capture ends")


class TestSentOn:
    def _strays(self) -> tuple[Scene, int]:
        scene = self._challenged(SECOND)
        scene.allocates(HOME, SECOND, 3.0, requests=1)
        scene.messages["stun"][-1]["transaction_id"] = b"sent on"
        of = scene.exchange(HOME, OUTER, 3478, 3.0, stack="stun/rtp")
        turn: dict[str, Any] = {"method": "allocate", "dialect": "ms-turn", "ms_version": 4, "framing": "udp"}
        return scene, scene._say(
            "stun", of, 3.1, False, kind="error", error_code=401, transaction_id=b"sent on", **turn
        )

    def _challenged(self, to: str, client: str = HOME) -> Scene:
        scene = office()
        scene.negotiates(client, OUTER, 2.0, challenge={"alternate_server": f"{to}:3478"})
        return scene

    def test_a_private_address_is_told_to_the_outside(self) -> None:
        scene = self._challenged("10.200.3.9")
        of = scene.allocates(HOME, "10.200.3.9", 3.0)

        one = fires(scene, SENT_ON, HOME)

        assert (one.peer, one.port, one.confidence) == (OUTER, 3478, Confidence.CERTAIN)
        assert scene.frame(3.0, of) in one.proof[1].frames
        assert one.causes[0].startswith("The address")

    def test_another_address_answers(self) -> None:
        scene, stray = self._strays()

        one = fires(scene, SENT_ON, HOME)

        assert one.confidence is Confidence.CERTAIN
        assert one.proof[2].frames == (stray,)

    def test_nothing_answers_there(self) -> None:
        scene = self._challenged(SECOND)
        scene.allocates(HOME, SECOND, 3.0)

        assert fires(scene, SENT_ON, HOME).confidence is Confidence.LIKELY
        assert accused(scene) == {(SENT_ON, HOME)}

    def test_the_address_already_used(self) -> None:
        scene = self._challenged(OUTER)

        silent(scene, SENT_ON)

    def test_it_answers(self) -> None:
        scene = self._challenged(SECOND)
        scene.negotiates(HOME, SECOND, 3.0, f"{SECOND}:51000")

        silent(scene, SENT_ON)

    def test_it_answers_in_the_end(self) -> None:
        scene, _ = self._strays()
        scene.negotiates(HOME, SECOND, 4.0, f"{SECOND}:51000")

        silent(scene, SENT_ON)

    def test_the_public_side_of_the_same_interface(self) -> None:
        scene = Scene()
        scene.holds(("edge_av", "172.16.9.9", "av.cedar.example"))
        scene.negotiates(HOME, "172.16.9.9", 2.0, challenge={"alternate_server": f"{OUTER}:3478"})

        silent(scene, SENT_ON)

    def test_the_other_side_of_the_translation_is_recorded_too(self) -> None:
        scene = self._challenged("10.200.3.9")
        scene.allocates(HOME, "10.200.3.9", 2.0)
        asked = next(one for one in scene.messages["stun"] if one["kind"] == "request")
        scene.messages["stun"][-1]["transaction_id"] = asked["transaction_id"]

        silent(scene, SENT_ON)

    def test_the_capture_ends_too_early(self) -> None:
        scene = self._challenged(SECOND)
        scene.allocates(HOME, SECOND, 3.0)

        inconclusive(scene.case(6.0), SENT_ON, because="the capture ends")

    def test_on_real_stacks(self) -> None:
        assert sample_fires("relays-outside", SENT_ON)
