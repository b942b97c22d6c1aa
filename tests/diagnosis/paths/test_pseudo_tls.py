"""The relay's opening on TCP 443, destroyed on the way or just as it should be."""

from typing import Any

from proofs import fires, inconclusive, silent
from scenes import Scene

from lynccap.correlation.points.crossing import Crossing
from lynccap.correlation.points.crossings import Crossings
from lynccap.correlation.points.vantage import Vantage
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.rules.paths.pseudo_tls import pseudo_tls_broken_by_inspection
from lynccap.document import Confidence

RULE = "pseudo-tls-broken-by-inspection"
PC, RELAY, ACCESS = "192.168.77.5", "203.0.113.40", "203.0.113.41"
SPLIT, ALERT, CERTIFICATE = 88, 7, 3100


def home(*, works: bool = True) -> Scene:
    """A client at home whose relay is known by the candidates others got from it."""
    scene = Scene()
    scene.service("_sip._tls.moffat.example", "access.moffat.example", 443)
    scene.named("access.moffat.example", ACCESS)
    scene.allocates("192.168.77.6", RELAY, 1.0, relay=f"{RELAY}:51000")
    if works:
        scene.secure(PC, ACCESS, 443, 2.0)
    return scene


def opens(scene: Scene, size: int, at: float = 5.0, **facts: Any) -> int:
    """The client's opening, and that many bytes in return; returns the flow."""
    heard = {"bytes_server": size, "data_frames_server": int(size > 0)}
    of = scene.connect(PC, RELAY, 443, at, 3.0, **{"stack": "pseudo-tls/stun", "basis": "bytes", **heard, **facts})
    scene._say("stun", of, at + 0.1, kind="pseudo-client-hello", framing="turn-tcp")
    return of


def test_answer_cut_into_two_records() -> None:
    scene = home()
    of = opens(scene, SPLIT)

    found = fires(scene, RULE, PC, frames={scene.frame(5.1, of), scene.frame(8.0, of)})

    assert found.confidence is Confidence.LIKELY
    assert "two records" in found.says


def test_alert_and_real_handshake_are_told_apart() -> None:
    for size, words in ((ALERT, "TLS alert"), (CERTIFICATE, "other bytes")):
        scene = home()
        opens(scene, size)

        assert words in fires(scene, RULE, PC).says


def test_reset_is_possible() -> None:
    scene = home()
    scene.cut(opens(scene, 0), 8.0, 0.1, 255)

    found = fires(scene, RULE, PC)

    assert found.confidence is Confidence.POSSIBLE
    assert "a reset comes back" in found.says


def test_silence_is_possible() -> None:
    scene = home()
    opens(scene, 0)

    assert fires(scene, RULE, PC).confidence is Confidence.POSSIBLE


def test_right_answer_at_the_other_point_is_certain() -> None:
    scene, server = home(), home()
    of = opens(scene, SPLIT)
    there = opens(server, 83)
    server._say("stun", there, 5.2, False, kind="pseudo-server-hello", framing="turn-tcp")
    cases = [scene.case(), server.case()]
    one = Crossing(
        capture_a=0, flow_a=of, capture_b=1, flow_b=there, basis="tuple", relation="same", confidence="certain"
    )
    vantage = Vantage(0, cases, Crossings((one,)))
    found = list(pseudo_tls_broken_by_inspection.judge(Inquiry(cases[0], vantage)))

    assert [one.confidence for one in found if hasattr(one, "confidence")] == [Confidence.CERTAIN]


def test_opening_with_its_answer_is_normal() -> None:
    scene = home()
    of = opens(scene, 83)
    scene._say("stun", of, 5.2, False, kind="pseudo-server-hello", framing="turn-tcp")

    silent(scene, RULE)


def test_real_tls_at_the_access_edge() -> None:
    silent(home(), RULE)


def test_client_that_gets_through_at_the_second_try() -> None:
    scene = home()
    opens(scene, 0)
    scene.allocates(PC, RELAY, 9.0, relay=f"{RELAY}:51002", over="tcp")

    silent(scene, RULE)


def test_relay_that_nothing_ties_to_the_deployment() -> None:
    scene = Scene()
    opens(scene, SPLIT)

    inconclusive(scene, RULE, because="is a relay")


def test_capture_that_lacks_packets() -> None:
    scene = home()
    opens(scene, SPLIT, lost_server=83)

    inconclusive(scene, RULE, because="the capture lacks 83 bytes")


def test_connection_older_than_the_capture() -> None:
    scene = home()
    opens(scene, SPLIT, opening="midstream")

    inconclusive(scene, RULE, because="from its beginning")


def test_capture_that_ends_at_once() -> None:
    scene = home()
    opens(scene, 0)

    inconclusive(scene.case(9.0), RULE, because="the capture ends")


def test_network_that_lets_nothing_through() -> None:
    scene = home(works=False)
    opens(scene, 0)

    inconclusive(scene, RULE, because="no other connection of the device")
