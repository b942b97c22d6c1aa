"""Packets that never come: loss, and loss in bursts."""

from proofs import fires, inconclusive, sample_fires, silent
from quality_calls import AT_SENDER, BETWEEN, MCU, PC, PEER, Confidence, Severity, call, clock_set, lost, office
from scenes import findings

SPREAD = tuple(1.5 + place for place in range(19))


class TestLossPoor:
    RULE = "rtp-loss-poor"

    def test_loss_above_ten_percent_is_told_of_who_hears_it(self) -> None:
        scene = office()
        of = call(scene, **lost(*SPREAD, each=6))
        stream = {one[name] for one in scene.streams[:1] for name in ("first_frame", "last_frame")}
        behind = {frame for frame, _, _ in scene.streams[0]["lossy_seconds"][:8]}

        one = fires(scene, "rtp-loss-poor", MCU, frames=stream | behind)

        assert (one.peer, one.severity, one.confidence) == (PC, Severity.MAJOR, Confidence.CERTAIN)
        assert one.port == scene.flows[of]["server_port"]
        assert "114 of 1000" in one.why

    def test_a_few_percent_are_minor(self) -> None:
        scene = office()
        call(scene, **lost(*SPREAD, each=1))

        assert fires(scene, "rtp-loss-poor", MCU).severity is Severity.MINOR

    def test_loss_beside_the_sender_is_its_own_network_s(self) -> None:
        scene = office()
        call(scene, ttls=AT_SENDER, **lost(*SPREAD))

        one = fires(scene, "rtp-loss-poor", MCU)

        assert one.confidence is Confidence.LIKELY
        assert "before any router" in one.why

    def test_loss_between_is_loss_before_the_capture(self) -> None:
        scene = office()
        call(scene, ttls=BETWEEN, **lost(*SPREAD))

        assert "before the capture" in fires(scene, "rtp-loss-poor", MCU).says

    def test_loss_that_only_the_receiver_reports_is_behind_the_capture(self) -> None:
        scene = office()
        of = call(scene, ttls=AT_SENDER)
        frames = [scene.reports(of, at, lost_total=round(at * 6)) for at in (2.0, 9.0, 18.0)]

        one = fires(scene, "rtp-loss-poor", MCU, frames={frames[0], frames[-1]})

        assert (one.severity, one.confidence) == (Severity.MAJOR, Confidence.CERTAIN)

    def test_a_recorder_that_drops_both_ways_beside_the_hearer(self) -> None:
        scene = office()
        call(scene, **lost(*SPREAD))
        scene.streams[-1].update(lost(*SPREAD))  # what the server sends is recorded beside it

        inconclusive(scene, "rtp-loss-poor", because="the recorder may have dropped packets both ways")

    def test_a_little_loss_of_its_own_hides_no_loss_of_the_network(self) -> None:
        scene = office()
        call(scene, **lost(*SPREAD))
        scene.streams[-1].update(lost(3.0, each=4))

        fires(scene, "rtp-loss-poor", MCU)

    def test_pauses_in_speech_lose_nothing(self) -> None:
        scene = office()
        call(scene, packets=400, expected=400, gaps=9, silences=9, payload_types=((114, 380), (118, 20)))

        silent(scene, "rtp-loss-poor")

    def test_short_stream_is_not_judged(self) -> None:
        scene = office()
        call(scene, seconds=8.0, **lost(2.0, 4.0, 6.0, each=50))

        silent(scene, "rtp-loss-poor")

    def test_packets_that_come_late_or_twice_are_not_lost(self) -> None:
        scene = office()
        call(scene, reordered=300, duplicates=200)

        silent(scene, "rtp-loss-poor")

    def test_strangers_calls_are_none_of_ours(self) -> None:
        scene = office()
        of = scene.exchange(PC, PEER, 40_000, 1.0, stack="rtp")
        scene.speaks(of, **lost(*SPREAD))

        silent(scene, "rtp-loss-poor")

    def test_media_in_relays_messages_is_not_counted(self) -> None:
        scene = office()
        call(scene, carried="turn-data", **lost(*SPREAD))

        silent(scene, "rtp-loss-poor")

    def test_recorder_that_lost_packets_is_inconclusive(self) -> None:
        scene = office()
        call(scene, **lost(*SPREAD))
        scene.interfaces.append(
            {"name": "eth0", "description": "eth0", "received": 5000, "frames": 4500, "dropped": 500}
        )

        inconclusive(scene, "rtp-loss-poor", because="recorder itself lost")

    def test_tcp_that_acknowledges_what_is_not_there_is_inconclusive(self) -> None:
        scene = office()
        call(scene, **lost(*SPREAD))
        scene.connect(PC, MCU, 5061, 4.0, lost_server=4000)

        inconclusive(scene, "rtp-loss-poor", because="acknowledged")

    def test_receiver_that_has_what_the_capture_lacks_is_inconclusive(self) -> None:
        scene = office()
        of = call(scene, **lost(*SPREAD))
        for at in (2.0, 9.0, 18.0):
            scene.reports(of, at, lost_total=1)

        inconclusive(scene, "rtp-loss-poor", because="itself reports")

    def test_every_stream_losing_alike_is_inconclusive(self) -> None:
        scene = office()
        for client in (PC, PEER, "10.31.4.22"):
            of = call(scene, client, ttls=BETWEEN, **lost(*SPREAD))
            scene.streams[-1].update(lost(*SPREAD, of=of))

        inconclusive(scene, "rtp-loss-poor", because="mirror port")

    def test_one_bad_call_beside_good_ones_is_found(self) -> None:
        scene = office()
        call(scene, ttls=BETWEEN, **lost(*SPREAD))
        call(scene, PEER, ttls=BETWEEN)
        call(scene, "10.31.4.22", ttls=BETWEEN)

        fires(scene, "rtp-loss-poor", MCU)

    def test_clock_that_was_set_is_inconclusive(self) -> None:
        scene = office()
        call(scene, **lost(*SPREAD))

        inconclusive(clock_set(scene, 5.0), "rtp-loss-poor", because="clock was set")


class TestBurstLoss:
    def test_long_stretches_are_found_with_the_packets_behind_them(self) -> None:
        scene = office()
        call(scene, **lost(3.0, 9.0, 14.0, each=8))

        one = fires(scene, "rtp-burst-loss", MCU, frames={frame for frame, _, _ in scene.streams[0]["lossy_seconds"]})

        assert "3 times" in one.says

    def test_single_interruption_is_roaming(self) -> None:
        scene = office()
        call(scene, **lost(9.0, each=60))

        silent(scene, "rtp-burst-loss")

    def test_single_packets_are_no_bursts(self) -> None:
        scene = office()
        call(scene, **lost(*SPREAD, each=2))

        silent(scene, "rtp-burst-loss")

    def test_silence_suppression_is_no_burst(self) -> None:
        scene = office()
        call(scene, gaps=5, silences=5)

        silent(scene, "rtp-burst-loss")

    def test_what_else_loses_in_the_same_seconds_is_told(self) -> None:
        scene = office()
        call(scene, **lost(3.0, 9.0, 14.0, each=8))
        call(scene, PEER, **lost(3.0, 9.0, each=1))

        assert f"from {PEER}" in fires(scene, "rtp-burst-loss", MCU).why

    def test_lossy_recorder_is_inconclusive(self) -> None:
        scene = office()
        call(scene, **lost(3.0, 9.0, each=8))
        scene.interfaces.append(
            {"name": "eth0", "description": "eth0", "received": 5000, "frames": 4500, "dropped": 500}
        )

        inconclusive(scene, "rtp-burst-loss", because="recorder itself lost")

    def test_bursts_hang_under_the_loss(self) -> None:
        scene = office()
        call(scene, **lost(*SPREAD, each=8))

        told = {one.rule: one for one in findings(scene)}

        assert told["rtp-burst-loss"].caused_by == told["rtp-loss-poor"].id


def test_a_real_bad_cable_is_found() -> None:
    assert sample_fires("rtp-loss-jitter", "rtp-loss-poor")
