"""Connections of mobile apps: cut while they wait, or refused for their version of TLS."""

import pytest
from cases import reset
from proofs import fires, inconclusive, silent
from scenes import SERVER_TTL, Scene, moment

from lynccap.document import Confidence, Reading

DOMAIN = "larch.example"
PROXY, MOBILE, SECOND_DEVICE = "198.51.100.61", "192.0.2.111", "192.0.2.112"
FIN = 17


def outside() -> Scene:
    scene = Scene()
    scene.named(f"lyncdiscover.{DOMAIN}", PROXY)
    scene.browses(MOBILE, PROXY, 0.5, "iPhoneLync")
    return scene


class TestPoll:
    RULE = "mobile-longpoll-cut"

    def _waits(
        self, scene: Scene, at: float, seconds: float, *, answered: bool = False, by_client: bool = False,
        end_with_reset: bool = False, **frames: int,
    ) -> int:  # fmt: skip
        """A connection that asks, waits, and is ended after a time."""
        side = "client" if by_client else "server"
        end = "rst" if end_with_reset else "fin"
        of = scene.secure(MOBILE, PROXY, 443, at, seconds=seconds + 0.2, closing=f"{side}-{end}", **frames)
        asked = scene._say("tls", of, at + 0.2, kind="application-data")
        if answered:
            scene._say("tls", of, at + 0.3, False, kind="application-data")
        frame = scene.frame(at + 0.2 + seconds, of)
        control = {"flow": of, "frame": frame, "time": moment(at + 0.2 + seconds), "ttl": SERVER_TTL}
        scene.controls.append(
            reset(of, frame, control["time"], SERVER_TTL)
            if end_with_reset
            else {**control, "from_client": by_client, "flags": FIN}
        )
        return asked

    def _cycles(self, *waits: float, **how: int) -> tuple[Scene, list[int]]:
        scene = outside()
        return scene, [self._waits(scene, 2.0 + 30.0 * place, one, **how) for place, one in enumerate(waits)]

    def test_three_cycles_of_one_length(self) -> None:
        scene, asked = self._cycles(20.0, 20.3, 19.9)

        one = fires(scene.case(120.0), self.RULE, MOBILE)

        assert one.reading is Reading.PATTERN
        assert one.confidence is Confidence.LIKELY
        assert set(asked) < set(one.proof[0].frames)
        assert "20 s" in one.says

    def test_resets_count_as_well(self) -> None:
        scene, _ = self._cycles(20.0, 20.3, 19.9, end_with_reset=True)

        assert len(fires(scene.case(120.0), self.RULE, MOBILE).flows) == 3

    def test_app_that_goes_to_the_background(self) -> None:
        scene, _ = self._cycles(20.0, 20.3, 19.9, by_client=True)

        silent(scene.case(120.0), self.RULE)

    def test_every_request_was_answered(self) -> None:
        scene, _ = self._cycles(20.0, 20.3, 19.9, answered=True)

        silent(scene.case(120.0), self.RULE)

    @pytest.mark.parametrize("more", [{"data_frames_server": 9}, {"data_frames_client": 9}])
    def test_records_that_the_tables_leave_out(self, more: dict[str, int]) -> None:
        scene, _ = self._cycles(20.0, 20.3, 19.9, **more)  # answered, perhaps, and idle for the same time

        silent(scene.case(120.0), self.RULE)

    def test_lengths_without_a_rule(self) -> None:
        scene, _ = self._cycles(12.0, 20.0, 27.0)

        silent(scene.case(120.0), self.RULE)

    def test_poll_that_the_server_lets_wait_long_enough(self) -> None:
        scene = outside()
        for place in range(3):
            self._waits(scene, 2.0 + 1000.0 * place, 905.0)

        silent(scene.case(4000.0), self.RULE)

    def test_too_few(self) -> None:
        scene, _ = self._cycles(20.0, 20.3)

        inconclusive(scene.case(120.0), self.RULE, "show a timer")


class TestVersion:
    RULE = "mobile-tls12-required"

    def _chooses(self, version: str, *, leaves: bool = True, client: str = MOBILE) -> tuple[Scene, int]:
        """The server's hello has an older version than the device's; the device leaves, or goes on."""
        scene = outside()
        facts = {"closing": "client-fin"} if leaves else {}
        of = scene.connect(client, PROXY, 443, 5.0, seconds=0.3, stack="tls", basis="bytes", **facts)
        hello = scene._say("tls", of, 5.01, kind="client-hello", version="tls1.2")
        scene._say("tls", of, 5.02, False, kind="server-hello", version=version)
        if leaves:
            told = {"alert": 70, "alert_level": "fatal", "alert_name": "protocol_version"}
            scene._say("tls", of, 5.03, kind="alert", **told)
        else:
            scene._say("tls", of, 5.1, kind="application-data")
            scene._say("tls", of, 5.11, False, kind="application-data")
        return scene, hello

    def test_older_version_is_chosen_and_refused(self) -> None:
        scene, hello = self._chooses("tls1.0")

        one = fires(scene, self.RULE, MOBILE)

        assert one.confidence is Confidence.CERTAIN
        assert hello in one.proof[0].frames
        assert "TLS 1.0" in one.says

    def test_server_that_refuses_the_newer_one(self) -> None:
        scene = outside()
        hello = scene.turned_away(MOBILE, PROXY, 443, 5.0, version="tls1.2")

        assert hello in fires(scene, self.RULE, MOBILE).proof[0].frames

    def test_nothing_shows_that_it_is_a_mobile_device(self) -> None:
        scene, _ = self._chooses("tls1.1", client=SECOND_DEVICE)
        scene.browses(SECOND_DEVICE, PROXY, 0.5, "Anything/1.0")

        assert fires(scene, self.RULE, SECOND_DEVICE).confidence is Confidence.LIKELY

    def test_device_that_goes_on(self) -> None:
        scene, _ = self._chooses("tls1.0", leaves=False)

        silent(scene, self.RULE)

    def test_old_device_is_another_matter(self) -> None:
        scene = outside()
        scene.turned_away(MOBILE, PROXY, 443, 5.0, version="tls1.0")

        silent(scene, self.RULE)

    def test_listener_that_speaks_it_with_others(self) -> None:
        scene, _ = self._chooses("tls1.0")
        of = scene.connect(SECOND_DEVICE, PROXY, 443, 9.0, stack="tls", basis="bytes")
        scene.shows(of, 9.0, f"lyncdiscover.{DOMAIN}")

        inconclusive(scene, self.RULE, "speaks TLS 1.2 with others")
