"""Packets of calls that do not arrive (catalogue group 7)."""

from collections.abc import Iterator

from lynccap import reference
from lynccap.correlation.media.received import Received
from lynccap.correlation.rows import rows_of
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement
from lynccap.diagnosis.rules.quality.telling import (
    COMPARED,
    LEAST_LOST,
    LEAST_SECONDS,
    all_lose,
    capture_doubt,
    first_loss,
    lossy_frames,
    subject_of_stream,
    where,
)
from lynccap.document import Confidence, Reading, Severity

REPEATED = 2  # long bursts: one is what roaming from one access point to the next costs
LONG = 5  # catalogue, rtp-burst-loss
AGREES = 0.5  # share of the loss seen here that the receiver's own count must reach


@rule(
    title="Packets of a call are lost",
    severity=Severity.MAJOR,
    stage=Stage.MEDIA,
    causes=(
        "A link on the way is congested.",
        "The wireless network loses packets.",
        "A device on the way limits the rate (policing).",
    ),
    fix=(
        "Record at two places at once to find the link that loses packets.",
        "Give voice priority on that link, or more bandwidth.",
    ),
    act=("network/firewall team",),
    sources=("jenstr-qoe", "ms-bw", "lynccap-terms"),
    explains=("rtp-burst-loss", "fec-active", "codec-downgraded"),
)
def rtp_loss_poor(inquiry: Inquiry) -> Iterator[Judgement]:
    """A stream of a Lync call lacks more than 10 % of its packets over 10 s and more; above 1 % it is minor.

    Evidence: sequence numbers that never come, of a stream of at least 10 s; or the receiver's own count in its
    reports (RTCP), which also tells of loss behind the capture. Certain where the receiver stands at the capture or
    counts the same; else what is missing was lost before the capture.

    Not this: pauses in speech, which skip no numbers; a stream that begins anew; packets that come late or twice;
    packets that the capture itself lacks: TCP shows unseen segments, the recorder counts drops, a file of the
    recording ends there, or the receiver reports that it has them. Inconclusive then.
    """
    limits = reference.quality_thresholds()["packet-loss"]
    for one in inquiry.case.received.counted:
        if one.seconds < LEAST_SECONDS:
            continue
        reported = (one.quality.reported_loss if one.quality else None) or 0.0
        if one.loss > limits.warn and one.row.lost >= LEAST_LOST:
            doubt = capture_doubt(inquiry, one) or all_lose(inquiry, one)
            yield Doubt(one.device, doubt) if doubt else _lossy(inquiry, one, reported)
        elif reported > limits.warn and (found := _lost_behind(inquiry, one, reported)):
            yield found
        else:
            yield Clear(one.device)


def _severity(loss: float) -> Severity:
    return Severity.MAJOR if loss > reference.quality_thresholds()["packet-loss"].poor else Severity.MINOR


def _limits(loss: float) -> str:
    limits = reference.quality_thresholds()["packet-loss"]
    if loss > limits.poor:
        return f"Above {limits.poor:.0%} Microsoft calls a call poor."
    return f"From {limits.warn:.0%} on people begin to hear it; above {limits.poor:.0%} Microsoft calls a call poor."


def _lossy(inquiry: Inquiry, one: Received, reported: float) -> Found:
    subject, row = subject_of_stream(one), one.row
    agrees = reported >= one.loss * AGREES
    told = f" {one.hearer.word} reports {reported:.1%} lost itself (RTCP)." if agrees else ""
    before = "" if one.at_receiver else " before the capture"
    return subject.found(
        f"{inquiry.word(subject.device)}: {one.loss:.1%} of the packets are lost{before}, {one.way}.",
        f"{row.lost} of {row.expected} packets are missing over {one.seconds:.0f} s, {row.longest_burst} in a row at "
        f"most. {_limits(one.loss)}{told} {where(one)}",
        Confidence.CERTAIN if one.at_receiver or agrees else Confidence.LIKELY,
        subject.shows("the first and last packet of the stream", row.first_frame, row.last_frame),
        subject.shows("the first packets behind missing ones", *lossy_frames(one)),
        time=first_loss(one),
        severity=_severity(one.loss),
        rejected=(
            ("rtp-jitter-poor", f"the packets do not come late: {row.lost} never come, {row.reordered} come later"),
        ),
    )


def _lost_behind(inquiry: Inquiry, one: Received, reported: float) -> Found | None:
    """Loss that only the receiver knows of: all packets are still there at the capture."""
    rtcp = inquiry.case.tables["rtcp"]
    mine = rtcp[(rtcp["source"] == one.row.ssrc) & rtcp["lost_total"].notna()]
    reports = list(rows_of(mine, ("flow", "frame", "time", "lost_total")))
    if len(reports) < REPEATED or reports[-1].time - reports[0].time < LEAST_SECONDS * 1e9 / 2:
        return None
    subject = subject_of_stream(one)
    return subject.found(
        f"{inquiry.word(subject.device)} reports {reported:.1%} of the packets lost, {one.way}.",
        f"At the capture {one.loss:.1%} of {one.row.expected} packets are missing: the rest is lost behind it, on the "
        f"way to {one.hearer.word}. {_limits(reported)}",
        Confidence.CERTAIN,
        subject.shows("the receiver's reports, first and last", reports[0].frame, reports[-1].frame),
        time=int(reports[0].time),
        severity=_severity(reported),
        reading=Reading.CLEAR,
    )


@rule(
    title="Packets of a call are lost in long bursts",
    severity=Severity.MINOR,
    stage=Stage.MEDIA,
    causes=("A wireless network with disturbances.", "Short bursts of other traffic fill a queue.", "Routes change."),
    fix=("Look at the link at the times of the evidence: wireless log, queue drops, route changes.",),
    act=("network/firewall team",),
    sources=("jenstr-qoe", "lynccap-terms"),
)
def rtp_burst_loss(inquiry: Inquiry) -> Iterator[Judgement]:
    """A stream of a Lync call loses five and more packets in a row, several times: words are missing.

    Evidence: at least two stretches of five and more sequence numbers in a row that never come, in a stream of at
    least 10 s. What else stops at the same moment is told.

    Not this: one interruption, as when a device changes its access point; pauses in speech, which skip no numbers.
    Inconclusive where the capture itself may lack the packets.
    """
    for one in inquiry.case.received.counted:
        if one.seconds < LEAST_SECONDS:
            continue
        if one.row.long_bursts < REPEATED:
            yield Clear(one.device)
        elif doubt := capture_doubt(inquiry, one) or all_lose(inquiry, one):
            yield Doubt(one.device, doubt)
        else:
            yield _in_bursts(inquiry, one)


def _in_bursts(inquiry: Inquiry, one: Received) -> Found:
    subject, row = subject_of_stream(one), one.row
    behind = lossy_frames(one, LONG) or lossy_frames(one)
    begun = next((time for _, time, missing in row.lossy_seconds if missing >= LONG), int(row.first_time))
    return subject.found(
        f"{inquiry.word(subject.device)}: five and more packets in a row are lost, {row.long_bursts} times, {one.way}.",
        f"The longest stretch lacks {row.longest_burst} packets; {row.lost} of {row.expected} are missing in all. "
        f"No receiver conceals a tenth of a second and more.{_together(inquiry, one)} {where(one)}",
        Confidence.CERTAIN if one.at_receiver else Confidence.LIKELY,
        subject.shows("the first packets behind long stretches of missing ones", *behind),
        time=begun,
        rejected=(("one-way-udp-path", f"the stream goes on behind each of them, {row.packets} packets in all"),),
    )


def _together(inquiry: Inquiry, one: Received) -> str:
    """Which other streams lose packets in the same seconds."""
    seconds = {time // 10**9 for _, time, missing in one.row.lossy_seconds if missing >= LONG}
    others = {
        other.way
        for other in inquiry.case.received.counted[:COMPARED]
        if other is not one
        and other.leg.capture == one.leg.capture
        and sum(time // 10**9 in seconds for _, time, _ in other.row.lossy_seconds) >= REPEATED
    }
    if not others:
        return ""
    more = f" and {len(others) - 1} more" if len(others) > 1 else ""
    return f" In the same seconds packets are missing of: {min(others)}{more}."
