"""Two users who are signed in at a pool inside, for the tests of their calls."""

from scenes import Scene

POOL, ANNA, BEN = "10.9.0.5", "10.1.0.9", "10.2.0.9"
DOMAIN = "dunlin.example"


def office() -> Scene:
    """Discovery leads to the pool, and both have spoken with it."""
    scene = Scene()
    for name in ("lyncdiscoverinternal", "sipinternal"):
        scene.named(f"{name}.{DOMAIN}", POOL)
    for client, at in ((ANNA, 1.0), (BEN, 1.2)):
        scene.secure(client, POOL, 5061, at)
    return scene
