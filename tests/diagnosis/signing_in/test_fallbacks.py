"""Clients that work all the same: by password, at the backup registrar."""

from typing import Any

import pytest
from proofs import fires, inconclusive, silent
from scenes import Scene, accused

from lynccap.document import Confidence, Reading, Severity

DOMAIN, POOL, BACKUP, WEB = "cedar.example", "10.4.0.5", "10.8.0.5", "10.4.0.31"
PC, SIP, HTTPS = "10.4.1.20", 5061, 443
SERVICE = f"https://webext.{DOMAIN}/CertProv/CertProvisioningService.svc"


def office() -> Scene:
    scene = Scene()
    scene.pool(DOMAIN, POOL)
    return scene


def signed_in(scene: Scene, scheme: str = "NTLM", at: float = 5.0, server: str = POOL, **answer: Any) -> list[int]:
    """A sign-in that is accepted; returns its frames."""
    of = scene.opened(scene.secure(PC, server, SIP, at - 0.5, seconds=60.0))
    user = {"from_uri": f"sip:ada@{DOMAIN}"}
    first = scene.asks_sip(of, at, "REGISTER", 401, call_id="c", asked=user, sts_uri=SERVICE)
    proof = {**user, "authorization": scheme}
    return first + scene.asks_sip(of, at + 0.1, "REGISTER", 200, call_id="c", asked=proof, **answer)


class TestEnrolment:
    RULE = "tlsdsk-enrolment-failed"

    def _office(self) -> Scene:
        scene = office()
        scene.named(f"webext.{DOMAIN}", WEB)
        return scene

    def test_service_refuses_again_and_again(self) -> None:
        scene = self._office()
        frames = signed_in(scene)
        tries = [scene.refused(PC, WEB, HTTPS, at) for at in (7.0, 30.0)]

        found = fires(scene, self.RULE, PC)

        shown = {frame for one in found.proof for frame in one.frames}
        assert {*frames[-2:], *(scene.flows[of]["first_frame"] for of in tries)} <= shown
        assert (found.confidence, found.reading, found.peer) == (Confidence.LIKELY, Reading.DECRYPTED, POOL)

    def test_one_try_is_possible(self) -> None:
        scene = self._office()
        signed_in(scene)
        scene.refused(PC, WEB, HTTPS, 7.0, tries=1)

        assert fires(scene, self.RULE, PC).confidence is Confidence.POSSIBLE

    def test_service_answers_with_errors(self) -> None:
        scene = self._office()
        signed_in(scene)
        for at in (7.0, 20.0):
            scene.requests(PC, WEB, at, "certprov", "http-error", 500, port=HTTPS, step="publish")

        found = fires(scene, self.RULE, PC)

        assert "HTTP 500" in found.says
        assert found.confidence is Confidence.LIKELY

    def test_client_with_a_certificate_asks_for_none(self) -> None:
        scene = self._office()
        signed_in(scene)

        silent(scene, self.RULE)

    def test_sign_in_by_certificate_is_none(self) -> None:
        scene = self._office()
        signed_in(scene, "TLS-DSK")
        scene.refused(PC, WEB, HTTPS, 7.0)

        silent(scene, self.RULE)

    def test_service_that_is_reached_at_last_is_none(self) -> None:
        scene = self._office()
        signed_in(scene)
        scene.refused(PC, WEB, HTTPS, 7.0)
        scene.secure(PC, WEB, HTTPS, 12.0)

        silent(scene, self.RULE)

    def test_error_before_success_is_none(self) -> None:
        scene = self._office()
        signed_in(scene)
        scene.requests(PC, WEB, 7.0, "certprov", "http-error", 503, port=HTTPS, step="publish")
        scene.requests(PC, WEB, 12.0, "certprov", "ok", 200, port=HTTPS, step="publish")

        silent(scene, self.RULE)

    def test_other_hosts_are_none(self) -> None:
        scene = self._office()
        signed_in(scene)
        scene.refused(PC, "10.4.0.99", HTTPS, 7.0)

        silent(scene, self.RULE)

    def test_silence_at_the_end_of_the_capture_is_doubted(self) -> None:
        scene = self._office()
        signed_in(scene)
        scene.silent(PC, WEB, HTTPS, 7.0, after=(0.0, 1.0))

        inconclusive(scene.case(10.0), self.RULE, because="capture ends")


class TestBackup:
    RULE = "registrar-failover-to-backup"

    def test_server_says_that_it_is_a_backup(self) -> None:
        scene = office()
        frames = signed_in(scene, "TLS-DSK", connected_to_primary="no")

        found = fires(scene, self.RULE, PC, frames=frames[-1:])

        assert (found.confidence, found.reading) == (Confidence.LIKELY, Reading.DECRYPTED)
        assert accused(scene) == set()

    def test_tries_at_the_own_pool_are_told(self) -> None:
        scene = office()
        scene.pool("oak.example", BACKUP)
        lost = scene.refused(PC, POOL, SIP, 2.0)
        signed_in(scene, server=BACKUP, connected_to_primary="no")

        found = fires(scene, self.RULE, PC)

        assert scene.flows[lost]["first_frame"] in found.proof[0].frames
        assert "was refused" in found.why

    def test_user_who_was_moved_is_none(self) -> None:
        scene = office()
        scene.pool("oak.example", BACKUP)
        scene.refused(PC, POOL, SIP, 2.0)
        signed_in(scene, server=BACKUP, connected_to_primary="yes")

        silent(scene, self.RULE)

    def _sealed(self, *, told: bool, same: bool = False, **silence: Any) -> Scene:
        scene = office()
        pool = f"pool.{DOMAIN}"
        scene.named(pool if same else "pool2.cedar.example", BACKUP)
        scene.service(f"_sip._tls.{DOMAIN}", "pool2.cedar.example", SIP)
        if told:
            scene.holds(("fe", POOL, pool), ("fe", BACKUP, "pool2.cedar.example"))
        scene.silent(PC, POOL, SIP, 5.0, **silence)
        scene.secure(PC, BACKUP, SIP, 30.0, seconds=50.0)
        return scene

    def test_encrypted_with_pools_of_the_topology_is_possible(self) -> None:
        found = fires(self._sealed(told=True), self.RULE, PC)

        assert (found.confidence, found.reading, found.peer) == (Confidence.POSSIBLE, Reading.PATTERN, BACKUP)
        assert found.severity in (None, Severity.INFO)

    def test_encrypted_without_a_topology_is_doubted(self) -> None:
        inconclusive(self._sealed(told=False), self.RULE, because="topology would tell")

    def test_encrypted_member_of_the_same_pool_is_none(self) -> None:
        scene = office()
        scene.named(f"pool.{DOMAIN}", BACKUP)
        scene.silent(PC, POOL, SIP, 5.0)
        scene.secure(PC, BACKUP, SIP, 30.0, seconds=50.0)

        silent(scene, self.RULE)

    @pytest.mark.parametrize("after", [(0.0,), (0.0, 3.0)])
    def test_encrypted_with_packets_missing_is_doubted(self, after: tuple[float, ...]) -> None:
        scene = self._sealed(told=True, after=after)
        scene.connect(PC, "10.4.0.60", 445, 5.0, lost_server=500)

        inconclusive(scene, self.RULE, because="lacks packets")

    def test_session_that_does_not_last_is_none(self) -> None:
        scene = self._sealed(told=True)
        scene.flows[-1] |= {"closing": "server-fin", "last_time": scene.flows[-1]["first_time"] + 2_000_000_000}

        silent(scene, self.RULE)
