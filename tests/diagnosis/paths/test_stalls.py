"""Servers that stop reading, and what only looks like it."""

from proofs import fires, inconclusive, silent
from scenes import Scene, found

from lynccap.document import Confidence

RULE = "server-zero-window"
PC, OTHER, POOL, SIP = "10.7.1.20", "10.7.1.21", "10.7.9.5", 5061
PROBES = (5.0, 5.3, 5.9, 7.1, 9.5, 14.3)


def office() -> Scene:
    """A pool, known by its SRV record."""
    scene = Scene()
    scene.pool("jedburgh.example", POOL)
    return scene


def busy(scene: Scene, client: str = PC) -> int:
    """A connection to the pool; returns its flow."""
    return scene.secure(client, POOL, SIP, 1.0, seconds=4.0)


def test_one_client_is_likely() -> None:
    scene = office()
    frames = scene.shuts(busy(scene), PROBES)

    one = fires(scene, RULE, PC, frames=set(frames))

    assert one.confidence is Confidence.LIKELY
    assert "9.3 s" in one.says


def test_several_clients_at_once_are_certain() -> None:
    scene = office()
    scene.shuts(busy(scene), PROBES)
    scene.shuts(busy(scene, OTHER), PROBES, ack=88)
    scene.shuts(busy(scene, "10.7.1.22"), (30.0, 30.5))

    assert {(one.device, one.confidence) for one in found(RULE, scene)} == {
        (PC, Confidence.CERTAIN),
        (OTHER, Confidence.CERTAIN),
    }


def test_client_that_stops_reading() -> None:
    scene = office()
    scene.shuts(busy(scene), PROBES, by_client=True)

    silent(scene, RULE)


def test_window_that_opens_again_soon() -> None:
    scene = office()
    scene.shuts(busy(scene), (5.0, 5.3, 5.9))

    silent(scene, RULE)


def test_slow_reader_that_takes_a_little_each_time() -> None:
    scene = office()
    of = busy(scene)
    for place, at in enumerate(PROBES):
        scene.shuts(of, (at, at + 0.2), ack=1000 * place)

    silent(scene, RULE)


def test_other_peoples_server() -> None:
    scene = office()
    scene.shuts(scene.connect(PC, "10.7.9.80", 7410, 1.0, seconds=4.0), PROBES)

    silent(scene, RULE)


def test_capture_that_ends_at_once() -> None:
    scene = office()
    scene.shuts(busy(scene), (5.0, 5.3, 5.9))

    inconclusive(scene.case(7.0), RULE, because="the capture ends")
