"""Challenges, hand-overs, phones outside, and what stays encrypted."""

from typing import Any

import pytest
from proofs import fires, inconclusive, sample_fires, silent
from scenes import Scene, accused, moment

DOMAIN = "plover.example"
POOL, DIRECTOR, CLIENT = "10.9.0.5", "10.9.0.7", "10.1.0.9"
PHONE, PROXY, ACCESS = "192.0.2.40", "203.0.113.10", "203.0.113.9"
SIP = 5061


def office() -> Scene:
    scene = Scene()
    scene.named(f"sipinternal.{DOMAIN}", POOL, DIRECTOR)
    return scene


def registers(scene: Scene, *statuses: int, at: float = 5.0, server: str = POOL, **last: Any) -> list[int]:
    """REGISTER requests of one Call-ID in the clear and their answers; returns the frames of the answers."""
    of = scene.connect(CLIENT, server, SIP, at, seconds=5.0, stack="sip", basis="bytes")
    frames = []
    for number, status in enumerate(statuses, 1):
        when = at + number / 10
        same = {"method": "REGISTER", "cseq": number, "call_id": f"c{of}", "from_uri": f"sip:ann@{DOMAIN}"}
        scene._say("sip", of, when, kind="request", **same)
        more = last if number == len(statuses) else {}
        frames.append(scene._say("sip", of, when + 0.01, False, kind="response", status=status, **same, **more))
    return frames


class TestChallenge:
    @pytest.mark.parametrize("statuses", [(401, 200), (407, 200), (401, 401, 200)])
    def test_then_acceptance_is_told(self, statuses: tuple[int, ...]) -> None:
        scene = office()
        frames = registers(scene, *statuses)

        one = fires(scene, "state-sip-challenge", CLIENT, frames=frames)

        assert (one.peer, one.port) == (POOL, SIP)
        assert accused(scene) == set()

    @pytest.mark.parametrize("statuses", [(401, 401, 401, 200), (401, 403), (200,)], ids=["loop", "refused", "at once"])
    def test_loops_and_refusals_are_not(self, statuses: tuple[int, ...]) -> None:
        scene = office()
        registers(scene, *statuses)

        silent(scene, "state-sip-challenge")

    def test_of_another_providers_registrar_is_not(self) -> None:
        scene = Scene()
        registers(scene, 401, 200)

        silent(scene, "state-sip-challenge")

    def test_without_what_followed_is_doubted(self) -> None:
        scene = office()
        registers(scene, 401)

        inconclusive(scene.case(8.0), "state-sip-challenge", because="capture ends")

    @pytest.mark.parametrize("name", ["signin-keys-tls12-embedded", "signin-keys-tls13-embedded"])
    def test_steps_of_the_handshake_are_no_challenges(self, name: str) -> None:
        assert sample_fires(name, "state-sip-challenge")


class TestHandOver:
    def test_redirection_that_can_be_read_is_told(self) -> None:
        scene = office()
        moved = registers(scene, 401, 301, server=DIRECTOR, contact=f"sip:pool.{DOMAIN}")
        home = registers(scene, 401, 200, at=7.0)

        one = fires(scene, "state-director-redirect", CLIENT, frames=[moved[-1], home[-1]])

        assert (one.peer, one.port) == (DIRECTOR, SIP)

    def test_second_server_that_refuses_is_a_failure(self) -> None:
        scene = office()
        registers(scene, 301, server=DIRECTOR, contact="sip:x")
        registers(scene, 401, 403, at=7.0)

        silent(scene, "state-director-redirect")

    def test_second_server_that_cannot_be_reached_is_a_failure(self) -> None:
        scene = office()
        registers(scene, 301, server=DIRECTOR, contact="sip:x")
        scene.refused(CLIENT, POOL, SIP, 7.0)

        silent(scene, "state-director-redirect")

    def test_one_server_is_no_hand_over(self) -> None:
        scene = office()
        registers(scene, 401, 200)
        registers(scene, 200, at=12.0)

        silent(scene, "state-director-redirect")

    def test_capture_that_ends_with_the_redirection_is_doubted(self) -> None:
        scene = office()
        registers(scene, 301, server=DIRECTOR, contact="sip:x")

        inconclusive(scene.case(8.0), "state-director-redirect", because="capture ends")

    def _sealed(self, scene: Scene) -> Scene:
        scene.secure(CLIENT, DIRECTOR, SIP, 5.0, closing="server-fin")
        of = scene.secure(CLIENT, POOL, SIP, 7.0)
        scene.flows[of] |= {"last_time": moment(80.0), "last_time_server": moment(80.0)}
        return scene

    def test_sealed_sessions_need_a_known_director(self) -> None:
        inconclusive(self._sealed(office()), "state-director-redirect", because="nothing shows that it is a Director")

    def test_sealed_sessions_with_a_known_director_are_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        case = self._sealed(office()).case()
        has = type(case.roles).has
        monkeypatch.setattr(
            type(case.roles),
            "has",
            lambda book, one, *roles: one == DIRECTOR if "director" in roles else has(book, one, *roles),
        )

        assert fires(case, "state-director-redirect", CLIENT).peer == DIRECTOR


class TestPhoneOutside:
    def _phone(self, at: float = 5.0) -> tuple[Scene, int]:
        scene = Scene()
        scene.named(f"sipexternal.{DOMAIN}", ACCESS)
        scene.named(f"lyncdiscover.{DOMAIN}", PROXY)
        scene.asks(PHONE, f"ucupdates-r2.{DOMAIN}", at - 0.5)
        return scene, scene.secure(PHONE, ACCESS, 443, at)

    def test_that_asks_for_no_roots_is_told(self) -> None:
        scene, of = self._phone()
        told = [one["frame"] for one in scene.messages["tls"] if one["flow"] == of]

        one = fires(scene, "state-external-no-root-download", PHONE, frames=[told[0], told[-1]])

        assert (one.peer, one.port) == (ACCESS, 443)
        assert accused(scene) == set()

    def test_that_distrusts_the_server_is_a_failure(self) -> None:
        scene, _ = self._phone()
        scene.distrusts(PHONE, PROXY, 443, 9.0)

        silent(scene, "state-external-no-root-download")

    def test_that_asks_for_them_is_another_matter(self) -> None:
        scene, _ = self._phone()
        scene.provisions(PHONE, PROXY, 8.0, "ok", 200)

        silent(scene, "state-external-no-root-download")

    def test_inside_is_another_matter(self) -> None:
        scene = office()
        scene.asks(CLIENT, f"ucupdates-r2.{DOMAIN}", 4.5)
        scene.secure(CLIENT, POOL, SIP, 5.0)

        silent(scene, "state-external-no-root-download")

    def test_capture_that_starts_with_it_is_doubted(self) -> None:
        inconclusive(self._phone(-9.5)[0], "state-external-no-root-download", because="capture starts")


class TestEncryption:
    def test_sealed_sessions_are_told(self) -> None:
        scene = office()
        of = scene.secure(CLIENT, POOL, SIP, 5.0)
        sealed = [one["frame"] for one in scene.messages["tls"] if one["flow"] == of and not one["from_client"]]

        fires(scene, "state-encrypted-limits", None, frames=sealed[-1:])

    def test_sessions_with_others_are_nobodys_matter(self) -> None:
        scene = office()
        scene.secure(CLIENT, "198.51.100.99", 443, 5.0)

        silent(scene, "state-encrypted-limits")

    def test_hellos_without_data_hide_nothing(self) -> None:
        scene = office()
        scene.distrusts(CLIENT, POOL, SIP, 5.0)

        silent(scene, "state-encrypted-limits")

    def test_registrar_in_the_clear_hides_nothing(self) -> None:
        scene = office()
        registers(scene, 401, 200)

        silent(scene, "state-encrypted-limits")
