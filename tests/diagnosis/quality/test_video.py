"""Pictures that come too slowly."""

from typing import Any

from proofs import fires, inconclusive, silent
from quality_calls import MCU, PC, Confidence, call, lost, office
from scenes import Scene, doubts


def film(*rates: tuple[int, int, int], **facts: Any) -> Scene:
    """A video call: pictures a second, seconds with so many, payload bytes in them."""
    scene = office()
    call(scene, payload_type=121, picture_rates=rates, **facts)
    scene.streams[-1].update(payload_type=121, payload_types=((121, 1000),))
    return scene


class TestRate:
    def test_few_large_pictures_are_found(self) -> None:
        scene = film((4, 6, 96_000), (15, 12, 700_000))
        stream = {scene.streams[0][name] for name in ("first_frame", "last_frame")}

        one = fires(scene, "video-rate-low", MCU, frames=stream)

        assert (one.peer, one.confidence) == (PC, Confidence.LIKELY)
        assert "in 6 of 18 s" in one.says

    def test_usual_video_is_silent(self) -> None:
        silent(film((5, 1, 9_000), (15, 17, 900_000)), "video-rate-low")

    def test_still_picture_is_silent(self) -> None:
        silent(film((2, 18, 9_000)), "video-rate-low")
        assert doubts("video-rate-low", film((2, 18, 9_000))) == []

    def test_shared_desktop_is_silent(self) -> None:
        scene = office()
        call(scene, payload_type=127, picture_rates=((2, 18, 400_000),))
        scene.streams[-1].update(payload_type=127, payload_types=((127, 1000),))

        silent(scene, "video-rate-low")

    def test_short_video_is_silent(self) -> None:
        silent(film((3, 5, 90_000)), "video-rate-low")

    def test_pictures_of_a_single_packet_are_inconclusive(self) -> None:
        inconclusive(film((4, 18, 72_000)), "video-rate-low", because="pictures are small")

    def test_recorder_that_lost_packets_is_inconclusive(self) -> None:
        scene = film((4, 18, 172_000), **lost(3.0, 5.0))
        scene.interfaces.append({"name": "e0", "description": "e0", "received": 5000, "frames": 4500, "dropped": 500})

        inconclusive(scene, "video-rate-low", because="recorder itself lost")
