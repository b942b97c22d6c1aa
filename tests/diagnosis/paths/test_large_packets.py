"""Large packets that vanish, and losses that have nothing to do with size."""

from typing import Any

from proofs import fires, inconclusive, sample_fires, silent
from scenes import Scene, moment

from lynccap.document import Confidence

RULE = "mtu-blackhole"
PC, POOL, SIP = "10.12.1.60", "10.12.9.5", 5061
SIZE = 1380


def stuck(*, from_client: bool = False, flow: dict[str, Any] | None = None, **repeat: Any) -> tuple[Scene, int]:
    """A SIP connection on which one segment is sent again four times."""
    scene = Scene()
    scene.pool("callander.example", POOL)
    side = "client" if from_client else "server"
    of = scene.connect(PC, POOL, SIP, 1.0, seconds=20.0, **{f"retransmitted_{side}": 4, **(flow or {})})
    first, last = scene.frame(3.0, of), scene.frame(9.0, of)
    usual = {"frame": first, "last_frame": last, "time": moment(3.0), "last_time": moment(9.0), "passed": 517}
    scene.repeats.append({"flow": of, "from_client": from_client, "size": SIZE, "tries": 4, **usual, **repeat})
    return scene, of


def test_server_whose_certificate_does_not_arrive() -> None:
    scene, of = stuck()

    found = fires(scene, RULE, POOL, frames={scene.frame(at, of) for at in (3.0, 9.0, 20.998)})

    assert found.confidence is Confidence.LIKELY
    assert (found.peer, found.port) == (PC, SIP)


def test_shorter_piece_that_passes_is_certain() -> None:
    scene, _ = stuck(from_client=True, cut=536, cut_frame=77, acknowledged=True, flow={"retransmitted_client": 5})

    found = fires(scene, RULE, PC)

    assert found.confidence is Confidence.CERTAIN
    assert "A piece of 536 bytes of it passes" in found.why


def test_router_that_says_so_in_vain() -> None:
    scene, of = stuck(from_client=True)
    scene.forbidden(of, 3.0, reporter="10.12.1.1")
    scene.errors[-1].update({"type": 3, "code": 4})

    assert "10.12.1.1 says that the packets are too large" in fires(scene, RULE, PC).why


def test_real_tunnel() -> None:
    assert sample_fires("large-packets-lost", RULE)


def test_receiver_whose_window_is_closed() -> None:
    scene, of = stuck()
    scene.shuts(of, (4.0, 5.0), by_client=True)

    silent(scene, RULE)


def test_peer_that_is_gone() -> None:
    scene, _ = stuck(flow={"last_time_client": moment(2.0)})

    silent(scene, RULE)


def test_segments_as_long_as_it_pass() -> None:
    silent(stuck(passed=SIZE)[0], RULE)


def test_outage_that_ended() -> None:
    silent(stuck(acknowledged=True)[0], RULE)


def test_small_segments_are_lost_too() -> None:
    silent(stuck(flow={"retransmitted_server": 9})[0], RULE)


def test_small_segment_is_not_too_large() -> None:
    silent(stuck(size=400)[0], RULE)


def test_other_peoples_server() -> None:
    scene, of = stuck()
    scene.flows[of].update({"server": "10.12.9.80", "server_port": 7410})

    silent(scene, RULE)


def test_segments_not_yet_cut_by_the_network_card() -> None:
    inconclusive(stuck(size=4200)[0], RULE, because="before they were cut")


def test_capture_that_lacks_packets() -> None:
    inconclusive(stuck(flow={"lost_client": 30})[0], RULE, because="the capture lacks 30 bytes")
