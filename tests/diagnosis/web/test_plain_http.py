"""Firmware and services in the clear: each rule on its case, its look-alikes and a capture that cannot carry it."""

import pytest
from proofs import fires, inconclusive, sample_fires, silent
from scenes import Scene, accused

DOMAIN = "harbour.example"
POOL, PHONE, PC, BALANCER = "10.9.0.5", "10.1.6.7", "10.2.0.9", "10.9.0.200"


def office() -> Scene:
    scene = Scene()
    for name in ("lyncdiscoverinternal", "sipinternal", "ucupdates-r2"):
        scene.named(f"{name}.{DOMAIN}", POOL)
    return scene


class TestFirmware:
    RULE = "firmware-http-download-blocked"

    def _phone(self, registered: bool = True) -> Scene:
        scene = office()
        scene.boots(PHONE, 1.0)
        if registered:
            scene.secure(PHONE, POOL, 5061, 2.0, seconds=60.0)
        return scene

    def _asks(self, scene: Scene, outcome: str, status: int, at: float = 5.0, target: str = "/RequestHandler/x") -> int:
        return scene.requests(PHONE, POOL, at, "web-service", outcome, status, target=target, service="device-update")

    @pytest.mark.parametrize("target", ["/RequestHandler/ucdevice.upx", "/DeviceUpdateFiles_Int/UCPhone/a.cat"])
    def test_fires_with_the_request_and_the_sign_in(self, target: str) -> None:
        scene = self._phone()
        of = self._asks(scene, "http-error", 404, target=target)
        signed_in = next(one["frame"] for one in scene.messages["tls"] if one["kind"] == "application-data")

        one = fires(scene, self.RULE, PHONE)

        assert {scene.frame(5.1, of), scene.frame(5.2, of)} == set(one.proof[0].frames)
        assert one.proof[1].frames[0] >= signed_in
        because = f"it asked for {target}, which is firmware, not for certificates"
        assert one.rejected == (("certprov-http-error", because),)

    def test_fires_on_a_closed_port_and_nothing_else_does(self) -> None:
        scene = self._phone()
        scene.secure(PHONE, POOL, 443, 3.0)
        scene.refused(PHONE, POOL, 80, 5.0, tries=3)

        one = fires(scene, self.RULE, PHONE)

        assert "certprov-http-error" not in dict(one.rejected)
        assert accused(scene) == {(self.RULE, PHONE)}

    def test_fires_on_a_real_phone(self) -> None:
        assert sample_fires("old-root-chain", self.RULE)

    @pytest.mark.parametrize(("outcome", "status"), [("ok", 200), ("challenged", 401)])
    def test_silent_on_nothing_new_and_on_a_challenge(self, outcome: str, status: int) -> None:
        scene = self._phone()
        self._asks(scene, outcome, status)

        silent(scene, self.RULE)

    def test_silent_on_the_path_for_phones_outside(self) -> None:
        scene = self._phone()
        self._asks(scene, "http-error", 404, target="/RequestHandlerExt/x")

        silent(scene, self.RULE)

    def test_silent_where_a_later_request_is_answered(self) -> None:
        scene = self._phone()
        self._asks(scene, "http-error", 503)
        self._asks(scene, "ok", 200, at=8.0)

        silent(scene, self.RULE)

    def test_silent_on_a_phone_that_wants_the_root_chain(self) -> None:
        scene = self._phone(registered=False)
        scene.refused(PHONE, POOL, 80, 5.0, tries=3)

        silent(scene, self.RULE)

    def test_inconclusive_where_nothing_shows_the_phone_signed_in(self) -> None:
        scene = self._phone(registered=False)
        self._asks(scene, "http-error", 500)

        inconclusive(scene, self.RULE, because="signed in")


class TestInTheClear:
    RULE = "cleartext-beyond-autodiscover"

    def _uses(self, target: str, outcome: str = "ok", protocol: str = "web-service", **more: object) -> Scene:
        scene = office()
        self.of = scene.requests(PC, POOL, 3.0, protocol, outcome, 200, target=target, **more)  # type: ignore[arg-type]
        return scene

    def test_fires_with_the_request(self) -> None:
        scene = self._uses("/abs/int/handler")

        one = fires(scene, self.RULE, PC, frames={scene.frame(3.1, self.of), scene.frame(3.2, self.of)})
        assert "log-on" not in one.why

    @pytest.mark.parametrize("secret", [{"authorization": "NTLM"}, {"web_ticket": True}])
    def test_says_that_a_log_on_is_readable(self, secret: dict[str, object]) -> None:
        scene = self._uses("/WebTicket/WebTicketService.svc", protocol="web-ticket", outcome="challenged", asked=secret)

        assert "readable" in fires(scene, self.RULE, PC).why

    def test_fires_on_a_real_pc(self) -> None:
        assert sample_fires("old-root-chain", self.RULE)

    @pytest.mark.parametrize(
        ("protocol", "target"),
        [
            ("certprov", "/CertProv/CertProvisioningService.svc/anon"),
            ("autodiscover", "/?sipuri=a@harbour.example"),
            ("web-service", "/RequestHandler/ucdevice.upx"),
            ("web-service", "/DeviceUpdateFiles_Int/a.cat"),
            ("web-service", "/meet/a/b"),
            ("web-service", "/dialin"),
        ],
    )
    def test_silent_on_what_is_meant_for_port_80(self, protocol: str, target: str) -> None:
        silent(self._uses(target, protocol=protocol), self.RULE)

    def test_silent_on_the_root_chain_at_another_path(self) -> None:
        scene = self._uses("/CertProv/CertProvisioningService.svc", protocol="certprov", step="root-chains")

        silent(scene, self.RULE)

    def test_silent_on_a_request_sent_on_to_https(self) -> None:
        silent(self._uses("/abs/int/handler", "redirected"), self.RULE)

    def test_silent_on_what_a_key_opened(self) -> None:
        silent(self._uses("/abs/int/handler", port=443), self.RULE)

    def test_silent_on_a_stranger(self) -> None:
        scene = Scene()
        scene.requests(PC, "10.9.9.9", 3.0, "web-service", "ok", 200, target="/abs/int/handler")

        silent(scene, self.RULE)

    def test_inconclusive_without_the_answer(self) -> None:
        inconclusive(self._uses("/abs/int/handler", "unseen"), self.RULE, because="not in the capture")
