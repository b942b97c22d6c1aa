"""Credentials refused again and again, and clocks that differ."""

from typing import Any

import pytest
from proofs import fires, inconclusive, silent
from scenes import Scene, accused, moment

from lynccap.document import Confidence, Reading

DOMAIN, POOL, MEMBER, PC, SIP = "cedar.example", "10.4.0.5", "10.4.0.6", "10.4.1.20", 5061
NTLM = {"authorization": "NTLM"}
BEGINS = {"authorization": "TLS-DSK", "handshake": ("tls1.0", "client-hello"), "gssapi_length": 90}
GOES_ON = {"handshake": ("tls1.0", "server-hello"), "gssapi_length": 900}
SECOND = 1_000_000_000


def office() -> Scene:
    scene = Scene()
    scene.pool(DOMAIN, POOL)
    scene.named(f"pool.{DOMAIN}", MEMBER)
    return scene


def register(
    scene: Scene, status: int, at: float, of: int = -1, asked: dict[str, Any] | None = None, **answer: Any
) -> list[int]:
    """One REGISTER with its answer, on a connection of its own unless one is given."""
    if of < 0:
        of = scene.opened(scene.secure(PC, POOL, SIP, at - 0.5, seconds=3.0))
    return scene.asks_sip(of, at, "REGISTER", status, call_id=f"c{of}", asked=asked, **answer)


def loop(scene: Scene, times: int = 3, first: float = 5.0, **answer: Any) -> list[int]:
    """Sign-ins on connections of their own: the challenge, then credentials that are refused."""
    frames = []
    for place in range(times):
        at = first + 4 * place
        of = scene.opened(scene.secure(PC, POOL, SIP, at - 0.5, seconds=3.0))
        register(scene, 401, at, of)
        frames += register(scene, 401, at + 0.2, of, NTLM, **answer)
    return frames


class TestLoop:
    RULE = "sip-auth-loop-401"

    def test_three_refusals_on_three_connections(self) -> None:
        scene = office()
        frames = loop(scene)

        found = fires(scene, self.RULE, PC, frames=frames)

        assert (found.confidence, found.reading, found.peer) == (Confidence.CERTAIN, Reading.DECRYPTED, POOL)
        assert accused(scene) == {(self.RULE, PC)}

    def test_on_one_connection(self) -> None:
        scene = office()
        of = scene.connect(PC, POOL, SIP, 4.0, stack="sip", basis="bytes")
        frames = [frame for at in (5.0, 6.0, 7.0) for frame in register(scene, 407, at, of, NTLM)]

        assert fires(scene, self.RULE, PC, frames=frames).reading is Reading.CLEAR

    def test_handshake_that_begins_anew_each_time(self) -> None:
        scene = office()
        of = scene.opened(scene.secure(PC, POOL, SIP, 4.0, seconds=20.0))
        frames = []
        for at in (5.0, 7.0, 9.0, 11.0):
            register(scene, 401, at, of, BEGINS, **GOES_ON)
            frames += register(scene, 401, at + 0.5, of, {"authorization": "TLS-DSK"})

        found = fires(scene, self.RULE, PC, frames=frames)

        assert "certificate" in found.causes[0]

    def test_handshake_that_is_dropped_each_time(self) -> None:
        scene = office()
        of = scene.opened(scene.secure(PC, POOL, SIP, 4.0, seconds=20.0))
        frames = [frame for at in (5.0, 7.0, 9.0, 11.0) for frame in register(scene, 401, at, of, BEGINS, **GOES_ON)]

        fires(scene, self.RULE, PC, frames=frames[:6])

    @pytest.mark.parametrize("times", [1, 2])
    def test_challenges_before_the_server_accepts_are_normal(self, times: int) -> None:
        scene = office()
        loop(scene, times)
        register(scene, 200, 30.0, asked=NTLM)

        silent(scene, self.RULE)
        assert accused(scene) == set()

    def test_offers_without_credentials_are_none(self) -> None:
        scene = office()
        for at in (5.0, 9.0, 13.0, 17.0):
            register(scene, 401, at)

        silent(scene, self.RULE)

    def test_steps_of_one_handshake_are_none(self) -> None:
        scene = office()
        of = scene.opened(scene.secure(PC, POOL, SIP, 4.0, seconds=20.0))
        register(scene, 401, 5.0, of, BEGINS, **GOES_ON)
        for at in (6.0, 7.0, 8.0):
            register(scene, 401, at, of, {"authorization": "TLS-DSK", "gssapi_length": 90}, **GOES_ON)

        silent(scene, self.RULE)

    def test_success_in_the_middle_begins_anew(self) -> None:
        scene = office()
        loop(scene, 2)
        register(scene, 200, 15.0, asked=NTLM)
        loop(scene, 2, 20.0)

        silent(scene, self.RULE)

    def test_refusal_that_says_its_reason_is_no_loop(self) -> None:
        scene = office()
        loop(scene)
        register(scene, 403, 30.0, asked=NTLM)

        silent(scene, self.RULE)

    def test_server_that_passes_on_is_not_accused(self) -> None:
        scene = office()
        of = scene.opened(scene.secure(MEMBER, POOL, SIP, 4.0, seconds=20.0))
        for at in (5.0, 6.0, 7.0):
            register(scene, 401, at, of, {**NTLM, "hops": 2})

        silent(scene, self.RULE)

    def test_two_at_the_end_of_the_capture_are_doubted(self) -> None:
        scene = office()
        loop(scene, 2)

        inconclusive(scene.case(12.0), self.RULE, because="refused twice")

    def test_capture_that_ends_after_the_third_is_doubted(self) -> None:
        scene = office()
        loop(scene)

        inconclusive(scene.case(18.0), self.RULE, because="capture ends")


class TestTimeSkew:
    RULE = "sip-auth-time-skew"

    def test_server_says_so(self) -> None:
        scene = office()
        frames = register(scene, 401, 5.0, asked=NTLM, diagnostics_id=1013, diagnostics_reason="Significant time skew")

        found = fires(scene, self.RULE, PC, frames=frames)

        assert found.confidence is Confidence.CERTAIN
        assert "Significant time skew" in found.why

    def test_loop_is_not_told_beside_it(self) -> None:
        scene = office()
        loop(scene, diagnostics_id=1013)

        assert accused(scene) == {(self.RULE, PC)}

    def _dated(self, ahead: float, *clocks: float) -> Scene:
        """Three refusals by a server whose Date is ahead, and the answers of time servers."""
        scene = office()
        loop(scene, date=(moment(5.0) + round(ahead * SECOND)) // SECOND)
        for place, off in enumerate(clocks):
            scene.asks_time(PC, f"10.4.0.{40 + place}", 1.0, answered=True)
            scene.messages["ntp"][-1]["transmit_time"] += round(off * SECOND)
        return scene

    def test_date_far_from_a_clock_that_time_servers_confirm(self) -> None:
        scene = self._dated(900.0, 0.0)

        found = fires(scene, self.RULE, PC)

        assert found.confidence is Confidence.LIKELY
        assert "15.0 min ahead" in found.says or "14.9 min ahead" in found.says

    def test_date_that_is_right_is_none(self) -> None:
        scene = self._dated(2.0, 0.0)

        silent(scene, self.RULE)
        fires(scene, "sip-auth-loop-401", PC)

    def test_recorder_with_a_wrong_clock_is_doubted(self) -> None:
        inconclusive(self._dated(900.0, 900.0), self.RULE, because="what time servers say")

    def test_nobody_to_confirm_the_recorder_is_doubted(self) -> None:
        inconclusive(self._dated(900.0), self.RULE, because="no time server")

    def test_sign_in_that_works_with_a_strange_date_is_none(self) -> None:
        scene = self._dated(900.0, 0.0)
        register(scene, 200, 40.0, asked=NTLM)

        silent(scene, self.RULE)

    def test_said_once_and_signed_in_later_is_none(self) -> None:
        scene = office()
        register(scene, 401, 5.0, asked=NTLM, diagnostics_id=1013)
        register(scene, 200, 15.0, asked=NTLM)

        silent(scene, self.RULE)
