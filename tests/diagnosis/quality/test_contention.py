"""Other traffic that pushes calls aside, and media inside TCP."""

from typing import Any

from proofs import fires, inconclusive, silent
from quality_calls import MCU, PC, PEER, Confidence, call, lost, office
from scenes import Scene, findings, moment

RULE = "quality-bulk-contention"


def bulk(scene: Scene, *begins: float, seconds: float = 2.0, size: int = 900_000) -> list[int]:
    """Copies of a file server, each for some seconds; returns their first and last frames."""
    made = [scene.connect(PEER, "10.31.90.80", 445, at, seconds, bytes_server=size) for at in begins]
    return [scene.flows[of][name] for of in made for name in ("first_frame", "last_frame")]


class TestContention:
    def test_three_transfers_with_loss_each_are_likely(self) -> None:
        scene = office()
        call(scene, **lost(3.5, 9.5, 15.5, each=8))
        frames = bulk(scene, 3.0, 9.0, 15.0)
        behind = [frame for frame, _, _ in scene.streams[0]["lossy_seconds"]]

        one = fires(scene, "quality-bulk-contention", MCU, frames=[*frames, *behind])

        assert (one.peer, one.confidence) == (PC, Confidence.LIKELY)
        assert "3 transfers" in one.says

    def test_then_the_loss_hangs_under_it(self) -> None:
        scene = office()
        call(scene, **lost(3.5, 9.5, 15.5, each=8))
        bulk(scene, 3.0, 9.0, 15.0)

        told = {one.rule: one for one in findings(scene)}

        assert told["rtp-loss-poor"].caused_by == told["quality-bulk-contention"].id

    def test_one_coincidence_is_possible_and_explains_nothing(self) -> None:
        scene = office()
        call(scene, **lost(3.5, 4.2, each=8))
        bulk(scene, 3.0)

        assert fires(scene, "quality-bulk-contention", MCU).confidence is Confidence.POSSIBLE
        assert [one.caused_by for one in findings(scene) if one.rule == "rtp-loss-poor"] == [None]

    def test_loss_that_goes_on_without_transfers_is_silent(self) -> None:
        scene = office()
        call(scene, **lost(3.5, 6.5, 9.5, 12.5, 15.5, each=8))
        bulk(scene, 3.0, 9.0)

        silent(scene, "quality-bulk-contention")

    def test_transfer_that_runs_all_the_time_coincides_with_everything(self) -> None:
        scene = office()
        call(scene, **lost(3.5, 9.5, 15.5, each=8))
        bulk(scene, 1.5, seconds=19.0, size=9_000_000)

        silent(scene, "quality-bulk-contention")

    def test_small_transfers_fill_no_link(self) -> None:
        scene = office()
        call(scene, **lost(3.5, 9.5, 15.5, each=8))
        bulk(scene, 3.0, 9.0, 15.0, size=40_000)

        silent(scene, "quality-bulk-contention")

    def test_most_transfers_without_loss_are_silent(self) -> None:
        scene = office()
        call(scene, **lost(3.5, each=24))
        bulk(scene, 3.0, 7.0, 10.0, 14.0)

        silent(scene, "quality-bulk-contention")

    def test_recorder_that_lost_packets_is_inconclusive(self) -> None:
        scene = office()
        call(scene, **lost(3.5, 9.5, 15.5, each=8))
        bulk(scene, 3.0, 9.0, 15.0)
        scene.interfaces.append({"name": "e0", "description": "e0", "received": 5000, "frames": 4500, "dropped": 500})

        inconclusive(scene, "quality-bulk-contention", because="recorder itself lost")


class TestTcp:
    def _shares(self, port: int = 8057, **facts: Any) -> Scene:
        scene = office()
        usual = {"data_frames_client": 400, "retransmitted_client": 24, "stack": "psom", "basis": "bytes"}
        scene.connect(PC, MCU, port, 2.0, 30.0, **{**usual, **facts})
        return scene

    def test_repeats_above_two_percent_are_found(self) -> None:
        scene = self._shares()
        row = scene.flows[-1]

        one = fires(
            scene, "tcp-media-retransmissions", PC, frames={row["first_frame_client"], row["last_frame_client"]}
        )

        assert (one.peer, one.port, one.confidence) == (MCU, 8057, Confidence.CERTAIN)
        assert "6.0%" in one.says

    def test_one_segment_for_half_a_second_is_found(self) -> None:
        scene = self._shares(retransmitted_client=3)
        times = {"time": moment(5.0), "last_time": moment(6.2), "frame": 901, "last_frame": 902}
        scene.repeats.append({"flow": 1, "from_client": True, "acknowledged": True, "tries": 3, **times})

        one = fires(scene, "tcp-media-retransmissions", PC)

        assert {901, 902} <= {frame for proof in one.proof for frame in proof.frames}

    def test_relayed_audio_inside_tcp_is_judged(self) -> None:
        scene = Scene()
        of = scene.allocates(PC, "10.31.60.8", 1.0, "203.0.113.9:52000", over="tcp")
        scene.speaks(of, 3.0, carried="turn-tcp")
        scene.flows[of].update(data_frames_server=900, retransmitted_server=60)

        assert fires(scene, "tcp-media-retransmissions", "10.31.60.8").peer == PC

    def test_few_repeats_are_silent(self) -> None:
        silent(self._shares(retransmitted_client=5), "tcp-media-retransmissions")
        silent(self._shares(data_frames_client=40, retransmitted_client=12), "tcp-media-retransmissions")

    def test_other_people_s_connections_are_silent(self) -> None:
        scene = office()
        facts = {"data_frames_client": 400, "retransmitted_client": 24}
        scene.connect(PC, "10.31.90.80", 445, 2.0, 30.0, **facts)

        silent(scene, "tcp-media-retransmissions")

    def test_capture_that_lacks_segments_is_inconclusive(self) -> None:
        inconclusive(self._shares(lost_client=3000), "tcp-media-retransmissions", because="first one recorded")
