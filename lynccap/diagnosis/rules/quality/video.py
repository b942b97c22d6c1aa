"""Pictures that come too slowly (catalogue group 7)."""

from collections.abc import Iterator

from lynccap import reference
from lynccap.correlation.media.received import Received
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement
from lynccap.diagnosis.rules.quality.telling import capture_doubt, subject_of_stream, where
from lynccap.document import Confidence, Severity

LEAST_WHOLE_SECONDS = 10  # the first pictures of a call come slowly everywhere
SLOW_SHARE = 0.1  # catalogue, video-rate-low
STILL_BYTES = 600  # of a picture: half a packet, nothing moves
MOVING_BYTES = 1500  # more than one packet


@rule(
    title="Video comes with few pictures a second",
    severity=Severity.MINOR,
    stage=Stage.MEDIA,
    causes=("Too little bandwidth.", "A camera or device that is too slow."),
    fix=("Look at the bandwidth policy and the load of the sending device.",),
    act=("network/firewall team", "owner of the device"),
    sources=("jenstr-qoe",),
)
def video_rate_low(inquiry: Inquiry) -> Iterator[Judgement]:
    """The video of a Lync call shows fewer than 7 pictures a second for a tenth of its time and more.

    Evidence: packets that end a picture (RTP marker), second by second, in seconds in which video came at all; the
    pictures are of more than one packet each.

    Not this: a picture in which nothing moves: few and small ones; sharing of a desktop; video that was paused.
    Inconclusive where the pictures are neither small nor large, or the capture itself lacks packets.
    """
    limits = reference.quality_thresholds()["video-frame-rate"]
    for one in inquiry.case.received.counted:
        rates = one.row.picture_rates
        seconds = sum(count for _, count, _ in rates)
        if one.leg.kind != "video" or seconds < LEAST_WHOLE_SECONDS:
            continue
        slow = [each for each in rates if each[0] < limits.poor]
        slow_seconds = sum(count for _, count, _ in slow)
        size = sum(sent for _, _, sent in slow) / max(sum(rate * count for rate, count, _ in slow), 1)
        if slow_seconds < SLOW_SHARE * seconds or size <= STILL_BYTES:
            yield Clear(one.device)
        elif doubt := _doubt(inquiry, one, size):
            yield Doubt(one.device, doubt)
        else:
            yield _slow(inquiry, one, slow_seconds, seconds, size)


def _doubt(inquiry: Inquiry, one: Received, size: float) -> str | None:
    if size < MOVING_BYTES:
        return f"its pictures are small ({size:.0f} bytes each): nothing much may move in them"
    return capture_doubt(inquiry, one) if one.row.lost else None


def _slow(inquiry: Inquiry, one: Received, slow: int, seconds: int, size: float) -> Found:
    limits, subject, row = reference.quality_thresholds()["video-frame-rate"], subject_of_stream(one), one.row
    mean = sum(rate * count for rate, count, _ in row.picture_rates) / seconds
    lost = f" {one.loss:.1%} of the packets are missing." if row.lost else " None of its packets is missing."
    return subject.found(
        f"{inquiry.word(subject.device)} gets fewer than {limits.poor:.0f} pictures a second in {slow} of "
        f"{seconds} s, {one.way}.",
        f"On average {mean:.1f} pictures a second; the slow ones have {size / 1000:.1f} kB each, so they do move."
        f"{lost} {where(one)}",
        Confidence.LIKELY,
        subject.shows("the first and last packet of the stream", row.first_frame, row.last_frame),
        rejected=(("rtp-loss-poor", f"{row.lost} packets are missing: that alone does not make pictures so few"),)
        if one.loss < SLOW_SHARE
        else (),
    )
