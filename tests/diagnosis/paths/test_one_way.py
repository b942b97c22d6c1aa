"""Media that nothing answers, beside calls in which one side just has nothing to say."""

from typing import Any

import pytest
from proofs import fires, inconclusive, sample_fires, silent
from scenes import Scene, moment

DOMAIN = "contoso.example"
POOL, CLIENT, PC = "10.9.0.5", "10.1.0.9", "10.2.0.9"
SIP, PORT = 5061, 49_170
RULE = "one-way-udp-path"


def call(seconds: float = 20.0, alive: bool = True, payload_type: int = 8, **facts: Any) -> tuple[Scene, int]:
    """Audio of a device to a Lync server, which sends none."""
    scene = Scene()
    for name in ("lyncdiscoverinternal", "sipinternal"):
        scene.named(f"{name}.{DOMAIN}", POOL)
    if alive:
        scene.secure(CLIENT, POOL, SIP, 1.0, last_time_server=moment(12.0), last_frame_server=4_321)
    else:
        scene.asks(CLIENT, "www.news.test", 1.0)
    of = scene.oneway(CLIENT, POOL, PORT, 5.0, stack="rtp", client_port=50_030, **facts)
    scene.speaks(of, 5.0, seconds, sides=(True,), payload_type=payload_type)
    scene.flows[of]["last_time_client"] = moment(5.0 + seconds)
    return scene, of


def test_is_likely() -> None:
    scene, of = call()
    row = scene.flows[of]
    one = fires(scene, RULE, CLIENT, {row["first_frame_client"], row["last_frame_client"], 4_321})

    assert (one.confidence, one.peer, one.port, one.transport) == ("likely", POOL, PORT, "udp")
    ((look_alike, because),) = one.rejected
    assert look_alike == "icmp-port-unreachable-udp"
    assert because.startswith("no ICMP message quotes the ")


@pytest.mark.parametrize("seconds", [0.9, 4.8])
def test_for_less_than_five_seconds_is_nothing(seconds: float) -> None:
    silent(call(seconds)[0], RULE)


def test_rejected_by_icmp_is_another_matter() -> None:
    scene, of = call()
    scene.reported(of, 6.0, POOL, (3, 3))

    silent(scene, RULE)


def test_answered_is_nothing() -> None:
    scene, of = call()
    scene.flows[of] |= {"frames_server": 400, "opening": "answered"}
    scene.speaks(of, 5.0, 20.0, sides=(False,))

    silent(scene, RULE)


def test_a_muted_side_that_reports_is_nothing() -> None:
    scene, _ = call()
    scene.exchange(CLIENT, POOL, PORT + 1, 8.0, stack="rtcp", client_port=50_031)

    silent(scene, RULE)


def test_an_announcement_of_a_server_is_nothing() -> None:
    scene, _ = call()
    scene.flows.pop()
    scene.streams.clear()
    scene.secure(CLIENT, POOL, 443, 8.0)
    of = scene.oneway(POOL, CLIENT, 50_030, 5.0, stack="rtp", client_port=PORT)
    scene.speaks(of, 5.0, 20.0, sides=(True,), payload_type=8)

    silent(scene, RULE)


def test_pictures_are_nothing() -> None:
    silent(call(payload_type=122)[0], RULE)


def test_of_strangers_is_nothing() -> None:
    scene, _ = call()
    scene.flows[-1]["server"] = PC
    scene.exchange(PC, CLIENT, 40_000, 8.0)

    silent(scene, RULE)


def test_towards_somebody_who_is_not_heard_is_doubted() -> None:
    inconclusive(call(alive=False)[0], RULE, because=f"nothing else of {POOL}")


def test_in_a_capture_of_one_direction_is_doubted() -> None:
    scene, of = call()
    for row in scene.flows:
        if row["client"] == CLIENT:
            row |= {"frames_server": 0, "first_time_server": 0, "last_time_server": 0}

    assert scene.flows[of]["client"] == CLIENT
    inconclusive(scene, RULE, because="in both directions")


def test_in_a_capture_with_many_losses_is_doubted() -> None:
    scene, _ = call()
    scene.interfaces.append({"frames": 100, "received": 1_000, "dropped": 900, "name": "eth0", "description": ""})

    inconclusive(scene, RULE, because="the recorder itself lost")


def test_real_router() -> None:
    assert sample_fires("paths-one-way", RULE)
