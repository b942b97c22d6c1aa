"""Packets of calls that come unevenly or late (catalogue group 7)."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lynccap import reference
from lynccap.correlation.media.checks import Checks
from lynccap.correlation.media.received import Received
from lynccap.correlation.rows import rows_of
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.rules.quality.telling import LEAST_SECONDS, subject_of_stream, where
from lynccap.document import Confidence, Severity

FADES = 32  # packets until the estimate has forgotten the beginning of a talk spurt (RFC 3550 6.4.1: gain 1/16)
MILLISECOND = 1_000_000
OTHER_SERVERS = 3  # connections of fewer servers do not tell the line from the way to one of them
OWN_LINE = 0.8  # of the round trip: where every connection of a device takes that long, its own line does
_CONNECTIONS = ("server", "syn_time", "syn_ack_time")


@rule(
    title="Packets of a call come unevenly",
    severity=Severity.MINOR,
    stage=Stage.MEDIA,
    causes=("Queues on the way.", "A VPN.", "A sending or receiving device that is busy."),
    fix=("Give voice priority where the queue is.", "Leave the VPN out of the way of media."),
    act=("network/firewall team",),
    sources=("jenstr-qoe", "lynccap-terms"),
)
def rtp_jitter_poor(inquiry: Inquiry) -> Iterator[Judgement]:
    """The packets of an audio stream come with a mean jitter above 30 ms over 10 s and more; above 20 ms it is a note.

    Evidence: the inter-arrival jitter of RFC 3550, on average over a stream of at least 10 s. Certain where the
    receiver stands at the capture.

    Not this: uneven sending, which a capture beside the sender shows: that is the sender's own load; talk spurts that
    begin so often that the estimate never settles. Inconclusive then, and where the recorder's clock was set.
    """
    limits = reference.quality_thresholds()["jitter"]
    for one in inquiry.case.received.counted:
        jitter = one.quality.jitter_ms if one.quality else None
        if jitter is None or one.seconds < LEAST_SECONDS:
            continue
        if jitter <= limits.warn:
            yield Clear(one.device)
        elif doubt := _jitter_doubt(inquiry, one):
            yield Doubt(one.device, doubt)
        else:
            yield _uneven(inquiry, one, jitter)


def _jitter_doubt(inquiry: Inquiry, one: Received) -> str | None:
    row = one.row
    if row.markers * FADES > row.packets:
        return f"{one.speaker.word} begins to speak so often ({row.markers} times) that its jitter cannot be measured"
    if one.at_sender and not one.at_receiver:
        return (
            f"recorded beside {one.sender}: it sends unevenly itself, as a busy device does; what the network adds "
            "a capture beside the receiver would show"
        )
    return inquiry.gates.clock_set(one.leg.capture, int(row.first_time), int(row.last_time))


def _uneven(inquiry: Inquiry, one: Received, jitter: float) -> Found:
    limits, row = reference.quality_thresholds()["jitter"], one.row
    subject = subject_of_stream(one)
    poor = jitter > limits.poor
    return subject.found(
        f"{inquiry.word(subject.device)}: packets come with a jitter of {jitter:.0f} ms on average, {one.way}.",
        f"Over {one.seconds:.0f} s, {row.packets} packets; the longest pause between two lasts "
        f"{row.longest_gap_us / 1000:.0f} ms. Above {limits.poor:.0f} ms Microsoft calls a call poor. {where(one)}",
        Confidence.CERTAIN if one.at_receiver else Confidence.LIKELY,
        subject.shows("the first and last packet of the stream", row.first_frame, row.last_frame),
        subject.shows("the packet that ends the longest pause", row.longest_gap_frame),
        severity=Severity.MINOR if poor else Severity.INFO,
        rejected=(("rtp-loss-poor", f"{one.loss:.1%} of the packets are missing: they come, but unevenly"),),
    )


@dataclass(frozen=True, slots=True)
class _Trip:
    """A round trip of a leg."""

    milliseconds: float
    whole: bool
    """From end to end; else from the capture to one end and back: it is longer in all."""
    says: str
    frames: tuple[int, ...]


@rule(
    title="The round trip of a call takes long",
    severity=Severity.MINOR,
    stage=Stage.MEDIA,
    causes=("Media takes a detour (an Edge or a data centre far away).", "A VPN.", "A satellite line, by nature."),
    fix=("Let media take the direct way.", "Use an Edge or a pool near the users."),
    act=("network/firewall team",),
    sources=("jenstr-qoe", "lynccap-terms"),
)
def media_rtt_high(inquiry: Inquiry) -> Iterator[Judgement]:
    """The media of a Lync call takes more than 500 ms there and back; above 200 ms it is a note.

    Evidence: the reports of both ends (RTCP), else the fastest answered connectivity checks, both directions added.
    Where only one direction was answered it is the way from the capture to that end: at least that.

    Not this: a slow answer to one check; a device of which every connection takes as long: a satellite line has that
    by nature. Inconclusive where the recorder's clock was set.
    """
    limits = reference.quality_thresholds()["round-trip"]
    streams: dict[int, list[Received]] = defaultdict(list)
    for one in inquiry.case.received.last:
        streams[id(one.leg)].append(one)
    for ones in streams.values():
        trip = _round_trip(inquiry, ones)
        if trip is None:
            continue
        first = min(ones, key=lambda one: one.row.first_time)
        device = first.leg.parties[0].address or first.device
        clock = inquiry.gates.clock_set(first.leg.capture, first.leg.begun, first.leg.last_time)
        if trip.milliseconds <= limits.warn or _is_own_line(inquiry, first, trip):
            yield Clear(device)
        elif clock:
            yield Doubt(device, clock)
        else:
            yield _slow(inquiry, first, device, trip)


def _round_trip(inquiry: Inquiry, ones: Sequence[Received]) -> _Trip | None:
    """By RTCP, else by checks on the flows that carry the media."""
    for one in ones:
        if one.quality and one.quality.round_trip_ms is not None:
            frames = (one.row.first_frame, one.row.last_frame)
            return _Trip(one.quality.round_trip_ms, True, "the reports of both ends (RTCP) tell it", frames)
    pairs = [pair for flow in ones[0].leg.flows for pair in inquiry.case.ice.pairs_on(flow)]
    sides = [(pair.forth, pair.back) for pair in pairs]
    return max(filter(None, (_by_checks(*side) for side in sides)), key=lambda one: one.milliseconds, default=None)


def _by_checks(forth: Checks, back: Checks) -> _Trip | None:
    answered = [one for one in (forth, back) if one.round_trip is not None]
    if not answered:
        return None
    whole = len(answered) > 1
    total = sum(one.round_trip or 0 for one in answered) / MILLISECOND
    frames = tuple(frame for one in answered for frame in (*one.frames[:1], *one.answer_frames[:1]))
    says = "the fastest answers to connectivity checks of both ends tell it"
    return _Trip(total, whole, says if whole else "the fastest answer to a connectivity check takes that long", frames)


def _is_own_line(inquiry: Inquiry, one: Received, trip: _Trip) -> bool:
    """Whether every connection of an end takes as long, wherever it leads."""
    flows = inquiry.case.flows
    for address in {one.sender, one.receiver}:
        mine = flows[(flows["client"] == address) & (flows["syn_ack_time"] > 0) & (flows["syn_time"] > 0)]
        times = {row.server: (row.syn_ack_time - row.syn_time) / MILLISECOND for row in rows_of(mine, _CONNECTIONS)}
        if len(times) >= OTHER_SERVERS and min(times.values()) >= OWN_LINE * trip.milliseconds:
            return True
    return False


def _slow(inquiry: Inquiry, one: Received, device: str, trip: _Trip) -> Found:
    limits, leg = reference.quality_thresholds()["round-trip"], one.leg
    other = next((party for party in leg.parties if party.address != device), leg.parties[1])
    subject = subject_of_stream(one)
    least = "" if trip.whole else "at least "
    through = f", through the relay {', '.join(leg.relays)}" if leg.relays else ""
    return Found(
        device=device,
        peer=other.address or None,
        transport=subject.transport,
        service="rtp",
        says=f"{inquiry.word(device)} and {other.word}: {leg.kind or 'media'} takes {least}{trip.milliseconds:.0f} ms "
        f"there and back{through}.",
        why=f"{trip.says[:1].upper()}{trip.says[1:]}. Above {limits.poor:.0f} ms Microsoft calls a call poor: people "
        "fall into each other's words.",
        confidence=Confidence.CERTAIN,
        proof=(Proof(leg.capture, tuple(sorted({*trip.frames} - {0})), trip.says),),
        time=int(leg.begun or one.row.first_time),
        severity=Severity.MINOR if trip.milliseconds > limits.poor else Severity.INFO,
        flows=leg.flows,
        rejected=(("rtp-jitter-poor", "the fastest answer counts, not one that was held up"),),
    )
