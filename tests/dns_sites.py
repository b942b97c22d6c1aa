"""Networks for the rules about names: inside, where everybody shares a router with the pool, and outside."""

from scenes import ANYBODY, Scene

DOMAIN = "tarn.example"
POOL, MEMBER = "10.9.0.5", "10.9.0.6"
PC, OTHER_PC, THIRD_PC, PHONE = "10.1.4.9", "10.1.5.9", "10.1.6.9", "10.1.7.9"
AWAY, OUTER_DNS, PROXY, EDGE, WEBSITE = "198.51.100.61", "198.51.100.5", "203.0.113.10", "203.0.113.11", "203.0.113.12"
SRV, AAAA = 33, 28
DISCOVERY = ("lyncdiscoverinternal", "lyncdiscover")
EVERYTHING = (*DISCOVERY, "_sipinternaltls._tcp", "_sipinternal._tcp", "sipinternal", "sip")
MANY = (0.0, 1.0, 2.0, 4.0)


def inside() -> Scene:
    """The pool by its inner name, and somebody who signs in there."""
    scene = Scene()
    scene.named(f"sipinternal.{DOMAIN}", POOL)
    scene.secure(ANYBODY, POOL, 5061, -7.0)
    return scene


def mirrored(client: str, scene: Scene | None = None) -> Scene:
    """The same, with a conversation of the client in both directions."""
    scene = scene or inside()
    scene.connect(client, "10.1.0.80", 80, -1.0, seconds=60.0)
    return scene


def asks_for_all(scene: Scene, client: str, domain: str = DOMAIN, names: tuple[str, ...] = EVERYTHING) -> None:
    """Name after name, none of which exists."""
    for place, name in enumerate(names):
        scene.looks_up(client, f"{name}.{domain}", float(place), kind=SRV if name.startswith("_") else 1)


def fragmented(scene: Scene):
    """The case of a capture that lacks fragments of datagrams."""
    case = scene.case()
    case.tables.captures.loc[0, "fragments_incomplete"] = 1
    return case
