"""The way on which the configuration gets to the Edge."""

from proofs import fires, inconclusive, silent
from scenes import RESOLVER, Scene

from lynccap.document import Confidence

RULE = "cms-replication-4443-blocked"
FRONT_END, EDGE, PROXY = "10.61.1.11", "172.27.9.5", "10.61.1.80"


def site() -> Scene:
    """A Front End, and the inner side of an Edge that answers on another port."""
    scene = Scene()
    scene.holds(
        ("fe", FRONT_END, "pool.cedar.example"),
        ("edge_int", EDGE, "edge.cedar.example"),
        ("rp_int", PROXY, "proxy.cedar.example"),
    )
    scene.secure(FRONT_END, EDGE, 5061, 16.0)
    scene.exchange(FRONT_END, RESOLVER, 53, 20.0, stack="dns")  # it hears others all along
    return scene


def test_dropped_on_the_way() -> None:
    scene = site()
    of = scene.silent(FRONT_END, EDGE, 4443, 5.0)

    one = fires(scene, RULE, FRONT_END)

    assert (one.peer, one.port, one.flows) == (EDGE, 4443, (of,))
    assert one.confidence is Confidence.LIKELY
    assert one.act == ()  # the rule's own: the network team


def test_refused_by_the_edge_itself_is_no_matter_of_firewalls_first() -> None:
    scene = site()
    of = scene.refused(FRONT_END, EDGE, 4443, 5.0)

    one = fires(scene, RULE, FRONT_END)

    assert {scene.frame(at, of) for at in (5.0, 5.001, 5.5, 5.501)} <= set(one.proof[0].frames)
    assert one.act[0] == "service owner of the server"


def test_a_reverse_proxy_at_a_front_end_is_another_matter() -> None:
    scene = site()
    scene.silent(PROXY, FRONT_END, 4443, 5.0)

    silent(scene, RULE)


def test_reached() -> None:
    scene = site()
    scene.secure(FRONT_END, EDGE, 4443, 5.0)

    silent(scene, RULE)


def test_the_capture_ends_too_early() -> None:
    scene = site()
    scene.silent(FRONT_END, EDGE, 4443, 5.0, after=(0, 3))

    inconclusive(scene.case(9.0), RULE, "the capture ends")
