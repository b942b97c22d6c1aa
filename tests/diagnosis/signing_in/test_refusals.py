"""Refusals that say their reason: not allowed, not known, not with this program, not from outside."""

from typing import Any

import pytest
from proofs import fires, inconclusive, silent
from scenes import Scene, accused

from lynccap.document import Confidence, Reading, Severity

DOMAIN = "cedar.example"
POOL, EDGE = "10.4.0.5", "203.0.113.25"
PC, OTHER, FRONT_END = "10.4.1.20", "10.4.1.21", "10.4.0.6"
HOME, HOTEL = "198.51.100.40", "192.0.2.77"
SIP, HTTPS = 5061, 443


def office() -> Scene:
    scene = Scene()
    scene.pool(DOMAIN, POOL)
    return scene


def outside() -> Scene:
    """An Access Edge, known by its SRV record."""
    scene = office()
    scene.service(f"_sip._tls.{DOMAIN}", f"sip.{DOMAIN}", HTTPS)
    scene.named(f"sip.{DOMAIN}", EDGE)
    return scene


def ask(
    scene: Scene, status: int, number: int | None = None, *, client: str = PC, server: str = POOL, at: float = 5.0,
    method: str = "REGISTER", times: int = 1, opened: bool = True, user: str = "ada", to: str = "", **answer: Any,
) -> list[int]:  # fmt: skip
    """One user's requests on one connection, each refused alike; returns all their frames."""
    of = scene.secure(client, server, HTTPS if server == EDGE else SIP, at, seconds=20.0)
    if opened:
        scene.opened(of)
    asked = {"from_uri": f"sip:{user}@{DOMAIN}", "to_uri": to or f"sip:{user}@{DOMAIN}", "user_agent": "OC/15.0.4420"}
    told = {"diagnostics_id": number, "diagnostics": str(number) if number else None, **answer}
    same = {"from_uri": asked["from_uri"], "to_uri": asked["to_uri"]}
    frames = []
    for place in range(times):
        frames += scene.asks_sip(of, at + 1 + place, method, status, asked=asked, **{**told, **same})
    return frames


class TestForbidden:
    RULE = "sip-403-forbidden"

    @pytest.mark.parametrize("method", ["REGISTER", "SUBSCRIBE", "INVITE", "MESSAGE"])
    def test_repeated_refusal_is_certain(self, method: str) -> None:
        scene = office()
        frames = ask(scene, 403, method=method, times=2)

        found = fires(scene, self.RULE, PC, frames=frames)

        assert (found.confidence, found.reading) == (Confidence.CERTAIN, Reading.DECRYPTED)
        assert (found.peer, found.port, found.service) == (POOL, SIP, "sip")

    def test_number_and_words_are_quoted(self) -> None:
        scene = office()
        ask(scene, 403, 1001, method="INVITE", diagnostics_reason="Public IM is not allowed", opened=False)

        found = fires(scene, self.RULE, PC)

        assert "number 1001" in found.why
        assert "Public IM is not allowed" in found.why
        assert found.reading is Reading.CLEAR

    @pytest.mark.parametrize("number", [1002, 1005, 1012, 1027, 1013, 17002, 17003, 17042])
    def test_reasons_with_rules_of_their_own_are_theirs(self, number: int) -> None:
        scene = office()
        ask(scene, 403, number, times=2)

        silent(scene, self.RULE)

    @pytest.mark.parametrize(
        ("method", "number"), [("SUBSCRIBE", 17002), ("INVITE", 17003), ("REGISTER", 4005), ("MESSAGE", 1003)]
    )
    def test_numbers_that_no_other_rule_reads_in_this_answer(self, method: str, number: int) -> None:
        scene = office()
        ask(scene, 403, number, method=method, times=2)

        fires(scene, self.RULE, PC)
        assert accused(scene) == {(self.RULE, PC)}

    def test_number_that_speaks_of_no_version_is_a_refusal(self) -> None:
        scene = office()
        ask(scene, 403, 17000)

        fires(scene, self.RULE, PC)

    def test_success_after_new_proof_is_none(self) -> None:
        scene = office()
        ask(scene, 403)
        ask(scene, 200, at=20.0)

        silent(scene, self.RULE)

    def test_success_of_somebody_else_changes_nothing(self) -> None:
        scene = office()
        ask(scene, 403, times=2)
        ask(scene, 200, at=20.0, user="ben", client=OTHER)

        fires(scene, self.RULE, PC)

    def test_other_kinds_of_requests_and_answers_are_none(self) -> None:
        scene = office()
        ask(scene, 403, method="OPTIONS", times=2)
        ask(scene, 488, method="INVITE", times=2)

        silent(scene, self.RULE)

    def test_server_that_passes_on_is_not_accused(self) -> None:
        scene = office()
        of = scene.opened(scene.secure(FRONT_END, POOL, SIP, 4.0))
        for at in (5.0, 6.0):
            scene.asks_sip(of, at, "INVITE", 403, asked={"hops": 2})

        silent(scene, self.RULE)

    def test_other_providers_registrar_is_none(self) -> None:
        scene = Scene()
        ask(scene, 403, times=2)

        silent(scene, self.RULE)

    def test_one_refusal_at_the_end_of_the_capture_is_doubted(self) -> None:
        scene = office()
        ask(scene, 403)

        inconclusive(scene.case(9.0), self.RULE, because="capture ends")

    def test_known_number_needs_nothing_that_follows(self) -> None:
        scene = office()
        ask(scene, 403, 4004)

        fires(scene.case(9.0), self.RULE, PC)


class TestUnknownUser:
    RULE = "sip-user-not-found"

    @pytest.mark.parametrize("number", [1003, 4005])
    def test_sign_in_with_a_wrong_name(self, number: int) -> None:
        scene = office()
        frames = ask(scene, 404, number, user="adda", to=f"sip:adda@{DOMAIN}")

        found = fires(scene, self.RULE, PC, frames=frames)

        assert found.says.count("adda@cedar.example") == 1
        assert found.confidence is Confidence.CERTAIN
        assert accused(scene) == {(self.RULE, PC)}

    def test_callees_are_told_together(self) -> None:
        scene = office()
        for place in range(7):
            ask(scene, 404, 1003, method="INVITE", at=5.0 + 3 * place, to=f"sip:b{place}@{DOMAIN}")

        found = fires(scene, self.RULE, PC)

        assert "b4@cedar.example and 2 more" in found.says

    @pytest.mark.parametrize(("status", "number"), [(404, 1005), (403, 1003), (480, 4005)])
    def test_other_answers_are_none(self, status: int, number: int) -> None:
        scene = office()
        ask(scene, status, number)

        silent(scene, self.RULE)

    def test_presence_of_a_contact_that_left_is_none(self) -> None:
        scene = office()
        ask(scene, 404, 1003, method="SUBSCRIBE", to=f"sip:gone@{DOMAIN}")

        silent(scene, self.RULE)

    def test_user_found_later_is_none(self) -> None:
        scene = office()
        ask(scene, 404, 4005)
        ask(scene, 200, at=20.0)

        silent(scene, self.RULE)

    def test_wrong_domain_is_doubted(self) -> None:
        scene = office()
        ask(scene, 404, 1003, method="INVITE", to="sip:ben@ceder.example")

        inconclusive(scene, self.RULE, because="the domain may be wrong")

    @pytest.mark.parametrize("shown", ["source", "topology", "user"])
    def test_domain_is_known_by_other_signs(self, shown: str) -> None:
        scene = office()
        mail = "sip:nobody@mail.birch.example"
        source = "fe01.mail.birch.example" if shown == "source" else None
        ask(scene, 404, 1003, method="INVITE", to=mail, diagnostics_source=source)
        if shown == "topology":
            scene.holds(("fe", POOL, f"pool.{DOMAIN}"), domain="mail.birch.example")
        if shown == "user":
            of = scene.opened(scene.secure(OTHER, POOL, SIP, 30.0))
            scene.asks_sip(of, 31.0, "REGISTER", 200, asked={"from_uri": "sip:eva@mail.birch.example"})

        fires(scene, self.RULE, PC)

    def test_sign_in_without_a_number_is_doubted(self) -> None:
        scene = office()
        ask(scene, 404)

        inconclusive(scene, self.RULE, because="without a diagnostics number")


class TestVersion:
    RULE = "client-version-blocked"

    @pytest.mark.parametrize("number", [17002, 17003])
    def test_declined_version(self, number: int) -> None:
        scene = office()
        frames = ask(scene, 403, number, times=2)

        found = fires(scene, self.RULE, PC, frames=frames)

        assert "OC/15.0.4420" in found.says
        assert found.confidence is Confidence.CERTAIN
        assert accused(scene) == {(self.RULE, PC)}

    def test_unknown_number_of_the_filter_is_likely(self) -> None:
        scene = office()
        ask(scene, 403, 17042)

        assert fires(scene, self.RULE, PC).confidence is Confidence.LIKELY

    @pytest.mark.parametrize("number", [None, 4003, 1000, 17000, 17001, 17004])
    def test_other_reasons_are_none(self, number: int | None) -> None:
        scene = office()
        ask(scene, 403, number)

        silent(scene, self.RULE)

    def test_version_that_is_let_in_later_is_none(self) -> None:
        scene = office()
        ask(scene, 403, 17002)
        ask(scene, 200, at=20.0)

        silent(scene, self.RULE)


class TestFromOutside:
    RULE = "sip-remote-access-disabled"

    def test_all_users_outside_are_refused(self) -> None:
        scene = outside()
        frames = ask(scene, 403, 4003, client=HOME, server=EDGE)
        ask(scene, 403, 4003, client=HOTEL, server=EDGE, user="ben", at=9.0)

        found = fires(scene, self.RULE, HOME, beside=[HOTEL])

        assert {frame for one in found.proof for frame in one.frames} == set(frames)
        assert (found.confidence, found.severity, found.port) == (Confidence.CERTAIN, None, HTTPS)
        assert accused(scene) == {(self.RULE, HOME), (self.RULE, HOTEL)}

    def test_one_user_may_lack_the_policy(self) -> None:
        scene = outside()
        ask(scene, 403, 4003, client=HOME, server=EDGE)

        found = fires(scene, self.RULE, HOME)

        assert (found.confidence, found.severity) == (Confidence.LIKELY, Severity.MAJOR)

    def test_user_without_external_policy_beside_one_who_is_let_in(self) -> None:
        scene = outside()
        ask(scene, 403, 4003, client=HOME, server=EDGE)
        ask(scene, 200, client=HOTEL, server=EDGE, user="ben", at=9.0)

        silent(scene, self.RULE)
        fires(scene, "sip-403-forbidden", HOME)

    def test_other_number_is_none(self) -> None:
        scene = outside()
        ask(scene, 403, 4004, client=HOME, server=EDGE)

        silent(scene, self.RULE)

    def test_refusal_without_number_is_doubted(self) -> None:
        scene = outside()
        ask(scene, 403, client=HOME, server=EDGE)

        inconclusive(scene, self.RULE, because="no diagnostics number")

    def _turned_away(self, scene: Scene, *clients: str) -> Scene:
        facts = {"closing": "server-fin", "data_frames_client": 6, "data_frames_server": 6, "bytes_server": 7000}
        for client in clients:
            for at in (5.0, 9.0, 13.0):
                scene.secure(client, EDGE, HTTPS, at, seconds=2.0, **facts)
        scene.boots(PC, -5.0)
        scene.secure(PC, POOL, SIP, 1.0, seconds=70.0)
        return scene

    def test_encrypted_pattern_is_possible(self) -> None:
        scene = self._turned_away(outside(), HOME, HOTEL)

        found = fires(scene, self.RULE, HOME, beside=[HOTEL])

        assert (found.confidence, found.reading) == (Confidence.POSSIBLE, Reading.PATTERN)
        assert accused(scene) == {
            (rule, device) for rule in (self.RULE, "sip-tls-then-close-loop") for device in (HOME, HOTEL)
        }

    def test_encrypted_pattern_of_one_client_is_doubted(self) -> None:
        inconclusive(self._turned_away(outside(), HOME), self.RULE, because="only one client outside")

    def test_encrypted_session_that_is_kept_outside_tells_against_it(self) -> None:
        scene = self._turned_away(outside(), HOME, HOTEL)
        scene.secure("198.51.100.90", EDGE, HTTPS, 2.0, seconds=70.0)

        silent(scene, self.RULE)
