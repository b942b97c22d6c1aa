"""Media over TCP that is merged between two points, and clumps that are nobody's between."""

from proofs import fires, inconclusive, silent
from scenes import Scene

from lynccap.correlation.points.crossing import Crossing
from lynccap.correlation.points.crossings import Crossings
from lynccap.correlation.points.vantage import Vantage
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.document import Confidence

RULE = "lb-nagle-delay"
PC, RELAY = "192.168.40.7", "203.0.113.61"
EVEN, CLUMPED = 1_200, 24_000


def call(jitter: int, packets: int = 1000, carried: str = "turn-tcp") -> tuple[Scene, int]:
    """Speech of a client to its relay over TCP, with that mean jitter in microseconds."""
    scene = Scene()
    of = scene.allocates(PC, RELAY, 1.0, relay=f"{RELAY}:52000", over="tcp")
    scene.speaks(of, 2.0, sides=(True,), carried=carried)
    scene.streams[-1].update({"jitter_us": jitter, "packets": packets, "clock_rate": 16_000, "expected": packets})
    return scene, of


def seen(here: int, there: int, nearer: int = 1) -> Inquiry:
    """The first of two points, with what the other one shows."""
    (scene, of), (other, number) = call(here), call(there)
    cases = [scene.case(), other.case()]
    one = Crossing(
        capture_a=0, flow_a=of, capture_b=1, flow_b=number, basis="tuple", relation="same", confidence="certain",
        nearer_client=nearer,
    )  # fmt: skip
    return Inquiry(cases[0], Vantage(0, cases, Crossings((one,))))


def test_even_before_and_clumped_behind() -> None:
    found = fires(seen(CLUMPED, EVEN), RULE, PC)

    assert (found.peer, found.confidence) == (RELAY, Confidence.LIKELY)
    assert [one.place for one in found.proof] == [None, 1]


def test_clumps_at_both_points_are_the_senders() -> None:
    silent(seen(CLUMPED, CLUMPED), RULE)


def test_point_behind_proves_nothing_of_the_way_before() -> None:
    silent(seen(CLUMPED, EVEN, nearer=0), RULE)


def test_even_stream() -> None:
    silent(call(EVEN)[0], RULE)


def test_datagrams_are_never_merged() -> None:
    silent(call(CLUMPED, carried="udp")[0], RULE)


def test_one_point_only() -> None:
    inconclusive(call(CLUMPED)[0], RULE, because="only a second capture point")


def test_bad_moment() -> None:
    silent(call(CLUMPED, packets=30)[0], RULE)
