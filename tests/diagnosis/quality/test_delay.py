"""Packets that come unevenly, and round trips that take long."""

from typing import Any

from cases import binding
from proofs import fires, inconclusive, silent
from quality_calls import AT_SENDER, BETWEEN, MCU, PC, Confidence, Severity, call, clock_set, office
from scenes import Scene, moment


def uneven(jitter: int, **facts: Any) -> dict[str, Any]:
    """A stream with this mean jitter in ms."""
    return {"jitter_us": jitter * 1000, "clock_rate": 16_000, "longest_gap_us": 150_000, "markers": 4, **facts}


class TestJitter:
    def test_jitter_at_the_receiver_is_found(self) -> None:
        scene = office()
        call(scene, **uneven(42, longest_gap_frame=77))
        stream = {scene.streams[0][name] for name in ("first_frame", "last_frame")}

        one = fires(scene, "rtp-jitter-poor", MCU, frames=stream | {77})

        assert (one.peer, one.severity, one.confidence) == (PC, Severity.MINOR, Confidence.CERTAIN)
        assert "42 ms" in one.says

    def test_a_little_jitter_is_a_note(self) -> None:
        scene = office()
        call(scene, ttls=BETWEEN, **uneven(25))

        one = fires(scene, "rtp-jitter-poor", MCU)

        assert (one.severity, one.confidence) == (Severity.INFO, Confidence.LIKELY)

    def test_usual_jitter_is_silent(self) -> None:
        scene = office()
        call(scene, **uneven(12))

        silent(scene, "rtp-jitter-poor")

    def test_jitter_beside_the_sender_is_its_own_load(self) -> None:
        scene = office()
        call(scene, ttls=AT_SENDER, **uneven(42))

        inconclusive(scene, "rtp-jitter-poor", because="sends unevenly itself")

    def test_talk_spurts_that_begin_all_the_time_cannot_be_measured(self) -> None:
        scene = office()
        call(scene, **uneven(42, markers=60))

        inconclusive(scene, "rtp-jitter-poor", because="begins to speak so often")

    def test_short_stream_is_not_judged(self) -> None:
        scene = office()
        call(scene, seconds=6.0, **uneven(42))

        silent(scene, "rtp-jitter-poor")

    def test_codec_without_a_known_clock_is_not_judged(self) -> None:
        scene = office()
        call(scene, **uneven(42, clock_rate=0))

        silent(scene, "rtp-jitter-poor")

    def test_clock_that_was_set_is_inconclusive(self) -> None:
        scene = office()
        call(scene, **uneven(42))

        inconclusive(clock_set(scene, 5.0), "rtp-jitter-poor", because="clock was set")


def checked(client: float | None, server: float | None = None) -> Scene:
    """A call whose client's and server's checks are answered after these ms; the first answer is slower."""
    scene = office()
    of = call(scene, at=3.0)
    for by_client, answered in ((True, client), (False, server)):
        for place in range(3 if answered is not None else 0):
            number, at = place + 1 + 10 * by_client, 11.0 + place / 2  # binding() counts from START
            after = (answered or 0) / 1000 + (0.3 if place == 0 else 0.0)
            for kind, when, from_client in (("request", at, by_client), ("response", at + after, not by_client)):
                row = binding(when, kind, number, from_client, flow=of)
                scene.messages["stun"].append({**row, "time": moment(when - 10), "frame": scene.frame(when - 10, of)})
    return scene


class TestRoundTrip:
    def test_checks_of_both_ends_tell_the_whole_way(self) -> None:
        one = fires(checked(320, 310), "media-rtt-high", PC)

        assert (one.peer, one.severity, one.confidence) == (MCU, Severity.MINOR, Confidence.CERTAIN)
        assert "takes 630 ms there and back" in one.says

    def test_checks_of_one_end_tell_the_least(self) -> None:
        one = fires(checked(280), "media-rtt-high", PC)

        assert one.severity is Severity.INFO
        assert "at least 280 ms" in one.says

    def test_one_slow_answer_is_none(self) -> None:
        silent(checked(90, 60), "media-rtt-high")

    def test_line_on_which_everything_takes_as_long_is_the_user_s(self) -> None:
        scene = checked(550)
        for place in range(3):
            took = {"syn_time": moment(1.0), "syn_ack_time": moment(1.56)}
            scene.connect(PC, f"198.51.100.{place + 1}", 443, 1.0, **took)

        silent(scene, "media-rtt-high")

    def test_reports_of_both_ends_tell_it(self) -> None:
        scene = office()
        of = call(scene)
        for by_client in (True, False):
            mine, other = 1 + by_client, 2 - by_client
            sent = 0xAAAA0000 + mine
            say = {"packet_type": 200, "reports": 0}
            scene._say("rtcp", of, 5.0, by_client, ssrc=mine, ntp_time=sent << 16, **say)
            back = {"packet_type": 201, "ssrc": other, "source": mine, "last_report": sent, "delay": 0, "reports": 1}
            scene._say("rtcp", of, 5.3, not by_client, **back)

        assert "600 ms" in fires(scene, "media-rtt-high", PC).says

    def test_clock_that_was_set_is_inconclusive(self) -> None:
        inconclusive(clock_set(checked(620, 400), 5.0), "media-rtt-high", because="clock was set")
