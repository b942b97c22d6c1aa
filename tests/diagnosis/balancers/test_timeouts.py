"""Load balancers that end idle connections themselves, and others that do."""

from cases import START
from proofs import fires, inconclusive, silent
from scenes import SERVER_TTL, Scene

from lynccap.correlation.case import Case
from lynccap.correlation.roles.claims import LOAD_BALANCER, Basis, RoleClaim
from lynccap.document import Confidence

RULE = "lb-idle-timeout-short"
PC, VIP, SIP = "10.8.1.30", "10.8.9.5", 5061
AFTER = 300.0


def cuts(*pauses: float, ttl: int = SERVER_TTL, balancer: bool = True) -> Case:
    """Connections of one PC, each reset after a pause."""
    scene = Scene()
    scene.pool("hawick.example", VIP)
    for place, pause in enumerate(pauses):
        of = scene.secure(PC, VIP, SIP, place * 20.0, seconds=pause + 2.0, bytes_client=900)
        scene.cut(of, place * 20.0 + pause + 2.0, pause, ttl)
    case = scene.case(3000.0)
    if balancer:
        case.roles.add(RoleClaim(VIP, LOAD_BALANCER, Basis.MESSAGES, True, "passes TLS on unread", 0, 1))
    return case


def test_same_pause_twice_is_likely() -> None:
    case = cuts(AFTER, AFTER + 1)

    found = fires(case, RULE, PC)

    assert found.confidence is Confidence.LIKELY
    assert found.time < START + 303 * 10**9
    assert len({frame for proof in found.proof for frame in proof.frames}) == 4


def test_three_times_is_certain() -> None:
    assert fires(cuts(AFTER, AFTER, AFTER + 2), RULE, PC).confidence is Confidence.CERTAIN


def test_server_that_ends_idle_connections_itself() -> None:
    silent(cuts(AFTER, AFTER, AFTER, balancer=False), RULE)


def test_box_before_the_load_balancer() -> None:
    silent(cuts(AFTER, AFTER, AFTER, ttl=255), RULE)


def test_timeout_as_long_as_it_should_be() -> None:
    silent(cuts(1800.0, 1801.0, 1800.0), RULE)


def test_one_connection_shows_no_timer() -> None:
    inconclusive(cuts(AFTER), RULE, because="only the same pause on others")


def test_different_pauses_are_no_timer() -> None:
    inconclusive(cuts(AFTER, AFTER + 200), RULE, because="only the same pause on others")


def test_unknown_sender() -> None:
    inconclusive(cuts(AFTER, AFTER, ttl=SERVER_TTL + 1), RULE, because="nothing shows who sent the reset")
