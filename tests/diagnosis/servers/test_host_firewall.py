"""A server that answers Windows' ports and none of Lync's."""

from proofs import fires, inconclusive, silent
from scenes import RESOLVER, Scene

from lynccap.document import Confidence

RULE = "windows-firewall-off-at-start"
SERVER, PEER, USER = "10.73.3.11", "10.73.3.12", "10.73.60.5"


def site(answering: int = 3389) -> Scene:
    scene = Scene()
    scene.holds(("fe", SERVER, "pool.elder.example"), domain="elder.example")
    scene.exchange(USER, RESOLVER, 53, 40.0, stack="dns")
    scene.connect(USER, SERVER, answering, 25.0)
    return scene


def test_nothing_but_remote_desktop_answers() -> None:
    scene = site()
    first, second = scene.silent(USER, SERVER, 5061, 5.0), scene.silent(USER, SERVER, 443, 6.0)

    one = fires(scene, RULE, SERVER)

    assert one.confidence is Confidence.POSSIBLE
    assert {scene.frame(5.0, first), scene.frame(6.0, second)} <= {*one.proof[0].frames}


def test_a_stopped_service_refuses() -> None:
    scene = site()
    scene.silent(USER, SERVER, 443, 6.0)
    scene.silent(USER, SERVER, 444, 6.0)
    scene.refused(USER, SERVER, 5061, 5.0)

    silent(scene, RULE)


def test_one_port_of_several() -> None:
    scene = site()
    scene.silent(USER, SERVER, 5061, 5.0)
    scene.silent(USER, SERVER, 443, 5.0)
    scene.secure(USER, SERVER, 444, 6.0)

    silent(scene, RULE)


def test_nothing_of_windows_answers() -> None:
    scene = site(answering=9100)
    scene.silent(USER, SERVER, 5061, 5.0)
    scene.silent(USER, SERVER, 443, 6.0)

    silent(scene, RULE)


def test_its_own_network_says_nothing_of_others() -> None:
    scene = site()
    scene.silent(PEER, SERVER, 5061, 5.0)
    scene.silent(PEER, SERVER, 443, 6.0)

    silent(scene, RULE)


def test_the_capture_ends_too_early() -> None:
    scene = site()
    scene.silent(USER, SERVER, 5061, 38.0, after=(0, 3))
    scene.silent(USER, SERVER, 443, 38.0, after=(0, 3))

    inconclusive(scene.case(42.0), RULE, because="the capture ends")
