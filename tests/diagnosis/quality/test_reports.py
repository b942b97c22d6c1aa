"""Media without RTCP."""

from proofs import fires, inconclusive, silent
from quality_calls import MCU, PC, Confidence, call, office
from scenes import Scene


def talk(seconds: float = 45.0, *, reported: bool = False) -> tuple[Scene, int]:
    """A call of the gateway; the server reports."""
    scene = office("mediation")
    of = call(scene, seconds=seconds, rtcp=9 if reported else 0)
    scene.streams[-1]["rtcp"] = 9
    return scene, of


def test_sender_without_reports_is_noted() -> None:
    scene, _ = talk()
    stream = {scene.streams[0][name] for name in ("first_frame", "last_frame")}

    one = fires(scene, "rtcp-absent", PC, frames=stream)

    assert (one.peer, one.confidence) == (MCU, Confidence.LIKELY)


def test_reports_on_the_same_port_are_silent() -> None:
    silent(talk(reported=True)[0], "rtcp-absent")


def test_reports_on_the_port_beside_are_silent() -> None:
    scene, of = talk()
    ports = scene.flows[of]
    beside = scene.oneway(PC, MCU, ports["server_port"] + 1, 2.0, client_port=ports["client_port"] + 1, stack="rtcp")
    scene.reports(beside, 3.0, by_client=True)
    scene.messages["rtcp"][-1]["ssrc"] = 99  # some report on several streams in the name of one

    silent(scene, "rtcp-absent")


def test_short_media_is_silent() -> None:
    silent(talk(20.0)[0], "rtcp-absent")


def test_one_direction_only_is_inconclusive() -> None:
    scene = office("mediation")
    of = scene.oneway(PC, MCU, 50_000, 1.0, stack="rtp", frames_client=2000)
    scene.speaks(of, 1.0, 45.0, sides=(True,))

    inconclusive(scene, "rtcp-absent", because="in both directions")
