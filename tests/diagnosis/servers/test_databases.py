"""The SQL Server of a pool."""

from proofs import fires, inconclusive, silent
from scenes import RESOLVER, Scene

from lynccap.document import Confidence

RULE = "sql-unreachable"
FRONT_END, PRINCIPAL, MIRROR, SHOP = "10.71.2.11", "10.71.9.31", "10.71.9.32", "10.71.9.90"


def site() -> Scene:
    scene = Scene()
    scene.holds(("fe", FRONT_END, "fe1.alder.example"), domain="alder.example")
    scene.exchange(FRONT_END, RESOLVER, 53, 30.0, stack="dns")
    return scene


def test_refused_by_its_host() -> None:
    scene = site()
    scene.connect(FRONT_END, PRINCIPAL, 8080, 2.0)
    of = scene.refused(FRONT_END, PRINCIPAL, 1433, 5.0)

    one = fires(scene, RULE, FRONT_END)

    assert (one.peer, one.port, one.flows) == (PRINCIPAL, 1433, (of,))
    assert one.confidence is Confidence.LIKELY  # nothing but the port tells that it is a database
    assert "only its port and who asks" in one.why


def test_a_database_of_the_topology_is_known() -> None:
    scene = site()
    sql, front_end = ("sql", PRINCIPAL, "sql.alder.example"), ("fe", FRONT_END, "fe1.alder.example")
    scene.holds(front_end, sql, domain="alder.example")
    scene.connect(FRONT_END, PRINCIPAL, 1433, 2.0, stack="tds", basis="bytes")
    scene.refused(FRONT_END, PRINCIPAL, 1433, 15.0)

    assert fires(scene, RULE, FRONT_END).confidence is Confidence.CERTAIN


def test_its_port_list_is_silent_as_well() -> None:
    scene = site()
    scene.connect(FRONT_END, PRINCIPAL, 3389, 30.0)
    scene.silent(FRONT_END, PRINCIPAL, 1433, 5.0)
    asked = scene.oneway(FRONT_END, PRINCIPAL, 1434, 4.0)

    one = fires(scene, RULE, FRONT_END)

    assert scene.frame(4.0, asked) in one.proof[-1].frames


def test_the_port_list_alone_falls_silent() -> None:
    scene = site()
    first = scene.exchange(FRONT_END, PRINCIPAL, 1434, 1.0)
    lost = scene.oneway(FRONT_END, PRINCIPAL, 1434, 20.0)

    frames = {scene.frame(at, of) for at, of in ((1.0, first), (1.01, first), (20.0, lost), (21.0, lost))}
    fires(scene, RULE, FRONT_END, frames=frames)


def test_a_port_list_that_never_answers_is_not_needed() -> None:
    scene = site()
    scene.oneway(FRONT_END, PRINCIPAL, 1434, 20.0)

    silent(scene, RULE)


def test_the_port_list_of_a_server_that_works() -> None:
    scene = site()
    scene.exchange(FRONT_END, PRINCIPAL, 1434, 1.0)
    scene.connect(FRONT_END, PRINCIPAL, 1433, 2.0, seconds=60.0, stack="tds", basis="bytes")
    scene.oneway(FRONT_END, PRINCIPAL, 1434, 20.0)

    inconclusive(scene, RULE, because="only its port list")


def test_a_mirror_takes_over() -> None:
    scene = site()
    scene.connect(FRONT_END, PRINCIPAL, 8080, 2.0)
    scene.refused(FRONT_END, PRINCIPAL, 1433, 5.0)
    scene.connect(FRONT_END, MIRROR, 1433, 7.0)

    inconclusive(scene, RULE, because="a mirror may have taken over")


def test_somebody_else_s_database() -> None:
    scene = site()
    scene.connect("10.71.40.5", SHOP, 8080, 2.0)
    scene.refused("10.71.40.5", SHOP, 1433, 5.0)

    silent(scene, RULE)


def test_nothing_shows_that_the_host_is_up() -> None:
    scene = site()
    scene.silent(FRONT_END, PRINCIPAL, 1433, 5.0)

    inconclusive(scene, RULE, because="the host itself may be down")


def test_the_port_list_at_the_end_of_the_capture() -> None:
    scene = site()
    scene.exchange(FRONT_END, PRINCIPAL, 1434, 1.0)
    scene.oneway(FRONT_END, PRINCIPAL, 1434, 25.0)

    inconclusive(scene.case(31.0), RULE, because="the capture ends")
