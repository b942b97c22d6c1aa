"""By which names clients came to the servers whose certificates they were shown."""

from scenes import Scene

PC, OTHER, SERVER = "10.60.0.9", "10.60.0.10", "10.60.9.5"
LEAF = {"common_name": "web.oak.example", "names": ("web.oak.example", "*.oak.example")}


def test_the_name_of_the_hello() -> None:
    scene = Scene()
    scene.looks_up(PC, "alias.oak.example", -1.0, SERVER)
    of = scene.meets(PC, SERVER, 443, 1.0, sni="Web.Oak.example.", leaf=LEAF)

    (one,) = scene.case().arrivals

    assert [(aim.name, aim.source, aim.frame) for aim in one.aims] == [
        ("web.oak.example", "sni", scene.frame(1.01, of))
    ]
    assert one.covered


def test_without_one_every_name_the_client_had_looked_up() -> None:
    scene = Scene()
    scene.looks_up(PC, "old.oak.example", -3.0, SERVER)
    scene.looks_up(PC, "new.oak.example", -2.0, SERVER)
    scene.looks_up(PC, "later.oak.example", 5.0, SERVER)
    scene.looks_up(OTHER, "other.oak.example", -2.0, SERVER)
    scene.meets(PC, SERVER, 443, 1.0, leaf=LEAF)

    (one,) = scene.case().arrivals

    assert [aim.name for aim in one.aims] == ["old.oak.example", "new.oak.example"]


def test_a_client_whose_names_nothing_shows() -> None:
    scene = Scene()
    scene.meets(PC, SERVER, 443, 1.0, leaf=LEAF)

    assert scene.case().arrivals == ()


def test_aliases_and_services_that_led_there() -> None:
    scene = Scene()
    scene.service("_sip._tls.oak.example", "sip.oak.example", 443)
    alias = "edge.hosted.example"
    scene.looks_up(PC, "sip.oak.example", -1.0, ("CNAME", alias, 0), ("A", SERVER, 0, alias))
    scene.meets(PC, SERVER, 443, 1.0, sni="sip.oak.example", leaf=LEAF)

    (aim,) = scene.case().arrivals[0].aims

    assert aim.aliases == ("edge.hosted.example",)
    assert aim.services == ("_sip._tls.oak.example",)


def test_what_is_said_through_a_proxy_is_meant_for_others() -> None:
    scene = Scene()
    scene.meets(PC, SERVER, 8080, 1.0, sni="web.oak.example", leaf=LEAF, stack="http/tls")

    assert scene.case().arrivals == ()
