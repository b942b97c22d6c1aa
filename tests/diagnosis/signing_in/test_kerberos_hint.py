"""Kerberos tickets for registrars: unknown services, and clocks that differ."""

from typing import Any

import pytest
from proofs import fires, inconclusive, silent
from scenes import Scene, accused, findings

from lynccap.document import Confidence, Reading, Severity

DOMAIN, POOL, DC, PC = "cedar.example", "10.4.0.5", "10.4.0.2", "10.4.1.20"
SIP = f"sip/pool.{DOMAIN}"
NTLM = {"authorization": "NTLM"}


def office() -> Scene:
    scene = Scene()
    scene.pool(DOMAIN, POOL)
    return scene


def ask(scene: Scene, service: str = SIP, code: int = 7, at: float = 5.0, kind: str = "tgs", **error: Any) -> list[int]:
    """A request for a ticket and its refusal (a code), its grant (0), or nothing (-1); returns the frames."""
    add = scene.oneway if code < 0 else scene.exchange
    of = add(PC, DC, 88, at, stack="kerberos")
    frames = [scene._say("kerberos", of, at, kind=f"{kind}-req", service=service)]
    if code >= 0:
        told = {"kind": "error", "error": code} if code else {"kind": f"{kind}-rep"}
        frames.append(scene._say("kerberos", of, at + 0.005, False, service=service, **{**told, **error}))
    return frames


class TestHint:
    RULE = "ntlm-kerberos-failure-hint"

    def test_unknown_service_is_a_fact(self) -> None:
        scene = office()
        frames = ask(scene)

        found = fires(scene, self.RULE, PC, frames=frames)

        assert (found.confidence, found.reading) == (Confidence.CERTAIN, Reading.PACKETS)
        assert (found.peer, found.port, found.transport) == (DC, 88, "udp")
        assert "not shown" in found.why

    def test_session_that_lasts_all_the_same_is_told(self) -> None:
        scene = office()
        ask(scene)
        held = scene.secure(PC, POOL, 5061, 6.0, seconds=60.0)

        found = fires(scene, self.RULE, PC)

        assert "lasts" in found.why
        assert scene.flows[held]["last_frame"] in found.proof[1].frames

    def test_way_of_signing_in_is_told(self) -> None:
        scene = office()
        ask(scene)
        of = scene.opened(scene.secure(PC, POOL, 5061, 6.0, seconds=60.0))
        scene.asks_sip(of, 7.0, "REGISTER", 200, asked=NTLM)

        found = fires(scene, self.RULE, PC)

        assert "by NTLM" in found.why
        assert found.reading is Reading.DECRYPTED

    @pytest.mark.parametrize("service", [f"http/web.{DOMAIN}", f"HTTP/pool.{DOMAIN}", "krbtgt/CEDAR.EXAMPLE"])
    def test_tickets_for_other_services_are_none(self, service: str) -> None:
        scene = office()
        ask(scene, service)

        silent(scene, self.RULE)

    @pytest.mark.parametrize("code", [25, 52, 32, 37])
    def test_other_errors_are_none(self, code: int) -> None:
        scene = office()
        ask(scene, code=code)

        silent(scene, self.RULE)

    def test_ticket_that_is_granted_after_all(self) -> None:
        scene = office()
        ask(scene)
        ask(scene, code=0, at=9.0)

        silent(scene, self.RULE)

    def test_name_of_no_known_server_is_doubted(self) -> None:
        scene = office()
        ask(scene, "sip/pbx.cedar.example")

        inconclusive(scene, self.RULE, because="names a Lync server")

    def test_missing_answer_at_the_end_is_doubted(self) -> None:
        scene = office()
        ask(scene, code=-1)

        inconclusive(scene.case(8.0), self.RULE, because="no answer here")


class TestClocks:
    RULE = "sip-auth-time-skew"

    def test_ticket_for_the_registrar(self) -> None:
        scene = office()
        frames = ask(scene, code=37, client_time=1_700_000_900, server_time=1_700_000_000)

        found = fires(scene, self.RULE, PC, frames=frames)

        assert (found.confidence, found.severity, found.peer) == (Confidence.CERTAIN, None, DC)
        assert "15.0 min ahead of" in found.why

    def test_sign_in_that_works_all_the_same_is_minor(self) -> None:
        scene = office()
        ask(scene, code=37)
        scene.secure(PC, POOL, 5061, 6.0, seconds=60.0)

        assert fires(scene, self.RULE, PC).severity is Severity.MINOR

    def _loops(self, scene: Scene) -> None:
        of = scene.opened(scene.secure(PC, POOL, 5061, 6.0, seconds=20.0))
        for at in (7.0, 8.0, 9.0):
            scene.asks_sip(of, at, "REGISTER", 401, call_id="c", asked={"authorization": "Kerberos"})

    def test_log_on_of_a_device_whose_credentials_are_refused(self) -> None:
        scene = office()
        ask(scene, "krbtgt/CEDAR.EXAMPLE", 37, kind="as")
        self._loops(scene)

        fires(scene, self.RULE, PC)

    def test_loop_is_its_consequence(self) -> None:
        scene = office()
        ask(scene, code=37)
        self._loops(scene)

        told = {one.rule: one for one in findings(scene)}

        assert told["sip-auth-loop-401"].caused_by == told[self.RULE].id

    def test_log_on_of_others_is_none(self) -> None:
        scene = office()
        ask(scene, "krbtgt/CEDAR.EXAMPLE", 37, kind="as")

        silent(scene, self.RULE)
        assert accused(scene) == set()

    def test_clock_that_the_client_sets_right_by_the_answer(self) -> None:
        scene = office()
        ask(scene, code=37)
        ask(scene, code=0, at=5.1)

        silent(scene, self.RULE)
