"""Files of old clients, and shared screens of conferences, on ports of their own."""

from proofs import fires, inconclusive, silent
from scenes import RESOLVER, Scene

from lynccap.document import Confidence

POOL, SENDER, RECEIVER = "10.65.1.11", "10.65.7.7", "10.65.8.8"
DOMAIN = "hazel.example"


def office() -> Scene:
    """Two users who are signed in."""
    scene = Scene()
    scene.pool(DOMAIN, POOL)
    for client in (SENDER, RECEIVER):
        scene.secure(client, POOL, 5061, 1.0, seconds=60.0)
        scene.exchange(client, RESOLVER, 53, 30.0, stack="dns")
    return scene


class TestOldFiles:
    RULE = "legacy-filetransfer-blocked"

    def test_refused(self) -> None:
        scene = office()
        of = scene.refused(RECEIVER, SENDER, 6893, 12.0, tries=3)
        tried = {one["frame"] for one in scene.controls if one["flow"] == of}

        one = fires(scene, self.RULE, RECEIVER)

        assert (one.peer, one.port) == (SENDER, 6893)
        assert tried <= {frame for proof in one.proof for frame in proof.frames}

    def test_newer_clients_use_other_ports(self) -> None:
        scene = office()
        scene.refused(RECEIVER, SENDER, 50_021, 12.0, tries=3)

        silent(scene, self.RULE)

    def test_hosts_that_do_not_sign_in(self) -> None:
        scene = office()
        scene.refused(RECEIVER, "10.65.8.99", 6893, 12.0, tries=3)
        scene.refused("10.65.8.98", "10.65.8.99", 6893, 12.0, tries=3)

        silent(scene, self.RULE)

    def test_file_that_is_sent(self) -> None:
        scene = office()
        scene.connect(RECEIVER, SENDER, 6893, 12.0)

        silent(scene, self.RULE)

    def test_capture_that_ends_early(self) -> None:
        scene = office()
        scene.silent(RECEIVER, SENDER, 6893, 12.0, after=(0, 1, 3))

        inconclusive(scene.case(17.0), self.RULE, "capture ends")


class TestConferenceScreen:
    RULE = "appshare-conference-49152-blocked"

    def test_dropped(self) -> None:
        scene = office()
        of = scene.silent(RECEIVER, POOL, 51_044, 12.0)

        one = fires(scene, self.RULE, RECEIVER)

        assert (one.peer, one.port, one.flows) == (POOL, 51_044, (of,))
        assert one.confidence is Confidence.LIKELY
        assert {row["frame"] for row in scene.controls if row["flow"] == of} <= set(one.proof[0].frames)

    def test_refused_addresses_are_normal(self) -> None:
        scene = office()
        scene.refused(RECEIVER, POOL, 51_044, 12.0, tries=3)

        silent(scene, self.RULE)

    def test_another_port_works(self) -> None:
        scene = office()
        scene.silent(RECEIVER, POOL, 51_044, 12.0)
        scene.connect(RECEIVER, POOL, 51_090, 14.0)

        silent(scene, self.RULE)

    def test_administrators_programs(self) -> None:
        scene = office()
        scene.connect(RECEIVER, POOL, 135, 11.0)
        scene.silent(RECEIVER, POOL, 51_044, 12.0)

        silent(scene, self.RULE)

    def test_another_range(self) -> None:
        scene = office()
        scene.silent(RECEIVER, POOL, 40_100, 12.0)

        silent(scene, self.RULE)

    def test_capture_that_ends_early(self) -> None:
        scene = office()
        scene.silent(RECEIVER, POOL, 51_044, 12.0, after=(0, 1, 3))

        inconclusive(scene.case(17.0), self.RULE, "capture ends")
