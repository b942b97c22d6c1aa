"""How speech is coded during calls: narrowband where wideband was agreed, and redundancy (catalogue group 7)."""

from collections.abc import Iterator, Mapping

from lynccap import reference
from lynccap.correlation.media.calls.descriptions import offered_codecs
from lynccap.correlation.media.calls.records import Call
from lynccap.correlation.media.received import REDUNDANCY, Received
from lynccap.correlation.roles.claims import GATEWAY, MEDIATION
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement
from lynccap.diagnosis.rules.quality.telling import LEAST_SECONDS, first_loss, subject_of_stream
from lynccap.document import Confidence, Reading, Severity

WIDE = frozenset(one.payload_type for one in reference.codecs().values() if one.wideband)
NARROW = frozenset(one.payload_type for one in reference.codecs().values() if one.media == "audio") - WIDE
"""Payload types of speech: 16 kHz and more, and less."""
WIDE_NAMES = ("x-msrta/16000", "siren/16000", "g722/", "g7221/", "silk/16000", "silk/24000")
"""What descriptions call wideband codecs; G.722 bears the clock rate 8000 (RFC 3551 4.5.2)."""
LASTING = 50  # packets: one second of speech
ALWAYS = 0.9  # share of the speech of a stream that is sent redundantly from its beginning on


@rule(
    title="A call falls back to a narrowband codec",
    severity=Severity.MINOR,
    stage=Stage.MEDIA,
    causes=("Call admission control allows the call little bandwidth.", "The devices adapt to loss on the way."),
    fix=("Look at the bandwidth policy of the sites, and at the loss on the way.",),
    act=("network/firewall team", "Lync administrator"),
    sources=("ms-bw", "notes-poster", "ms-sdpext"),
)
def codec_downgraded(inquiry: Inquiry) -> Iterator[Judgement]:
    """A call between Lync's own devices speaks narrowband although wideband was possible.

    Evidence: a narrowband codec carries the speech while both descriptions (SDP) offer wideband; or a stream changes
    from a wideband to a narrowband codec during the call. Loss in the call beside it makes it sure where descriptions
    are readable.

    Not this: calls with the telephone network or a gateway, media bypass among them, which are G.711 by nature.
    Inconclusive where narrowband is spoken from the beginning and no description is readable.
    """
    lossy = _lossy_calls(inquiry)
    for one in inquiry.case.received.counted:
        if not one.is_speech or one.seconds < LEAST_SECONDS:
            continue
        kinds = dict(one.row.payload_types)
        narrow = sum(count for kind, count in kinds.items() if kind in NARROW)
        if narrow < LASTING or _telephony(inquiry, one):
            yield Clear(one.device)
        else:
            yield _narrow(inquiry, one, kinds, lossy=id(one.call) in lossy)


def _telephony(inquiry: Inquiry, one: Received) -> bool:
    """Whether an end is of the telephone network, or may be: a relay hides who is behind it."""
    roles = inquiry.case.roles
    ends = {one.sender, one.receiver, one.speaker.address, one.hearer.address} - {""}
    if any(roles.has(end, GATEWAY, MEDIATION) for end in ends):
        return True
    return any((facts := inquiry.device(end)) is not None and facts.kind == "gateway" for end in ends)


def _narrow(inquiry: Inquiry, one: Received, kinds: Mapping[int, int], *, lossy: bool) -> Judgement:
    offered = _both_offer_wideband(one.call)
    changed = _changed(one)
    if changed:
        sure = Confidence.LIKELY if lossy else Confidence.POSSIBLE
        return _downgraded(inquiry, one, changed, kinds, sure, read=False, lossy=lossy)
    if offered and not any(kind in WIDE for kind in kinds):
        sure = Confidence.CERTAIN if lossy else Confidence.LIKELY
        return _downgraded(inquiry, one, int(one.row.first_frame), kinds, sure, read=True, lossy=lossy)
    if one.call.dialog is not None or any(kind in WIDE for kind in kinds):
        return Clear(one.device)
    because = "it speaks narrowband from the beginning; whether wideband was offered only a key log would show"
    return Doubt(one.device, because)


def _both_offer_wideband(call: Call) -> bool:
    if call.dialog is None:
        return False
    told = offered_codecs(call.dialog, "audio")
    return all(any(name.lower().startswith(WIDE_NAMES) for name in one.values()) for one in told)


def _changed(one: Received) -> int:
    """The frame in which a stream went over to narrowband and stayed there, 0 when it did not."""
    first = dict(one.row.type_frames)
    begun = {kind for kind, _ in one.row.payload_types} - first.keys()
    later = [frame for kind, frame in first.items() if kind in NARROW]
    if not later or not begun & (WIDE | {REDUNDANCY}):
        return 0
    counts = dict(one.row.payload_types)
    return min(later) if sum(counts.get(kind, 0) for kind in NARROW) >= LASTING else 0


def _lossy_calls(inquiry: Inquiry) -> set[int]:
    """The id() of the calls of which packets are lost in either direction."""
    warn = reference.quality_thresholds()["packet-loss"].warn
    return {id(one.call) for one in inquiry.case.received.counted if one.loss > warn}


def _downgraded(
    inquiry: Inquiry,
    one: Received,
    frame: int,
    kinds: Mapping[int, int],
    confidence: Confidence,
    *,
    read: bool,
    lossy: bool,
) -> Found:
    subject = subject_of_stream(one)
    narrow = max((kind for kind in kinds if kind in NARROW), key=lambda kind: kinds[kind])
    codecs = reference.codecs()
    name = codecs[narrow].name if narrow in codecs else f"payload type {narrow}"
    how = "Both descriptions offer wideband codecs." if read else "It began with a wideband codec and changed."
    adapts = " Packets of the call are lost, to which devices adapt." if lossy else ""
    flow = one.call.dialog.opening.flow if read and one.call.dialog else one.row.flow
    return subject.found(
        f"{inquiry.word(subject.device)} hears narrowband speech ({name}), {one.way}.",
        f"{kinds[narrow]} of {one.row.packets} packets are {name}. {how}{adapts}",
        confidence,
        subject.shows(f"the first packet with {name}", frame),
        subject.shows("the first and last packet of the stream", one.row.first_frame, one.row.last_frame),
        time=_time_of(one, frame),
        reading=inquiry.reading(flow) if read else Reading.PACKETS,
    )


def _time_of(one: Received, frame: int) -> int:
    """About when a packet of the stream came: loss that came before it may be its cause."""
    row = one.row
    if frame <= row.first_frame or row.last_frame <= row.first_frame:
        return int(row.first_time)
    share = (frame - row.first_frame) / (row.last_frame - row.first_frame)
    return int(row.first_time + share * (row.last_time - row.first_time))


@rule(
    title="Audio is sent redundantly",
    severity=Severity.INFO,
    stage=Stage.NOTE,
    causes=("The receiver reported loss, and the sender sends speech twice against it.",),
    fix=("Look for the loss on the way.",),
    act=("network/firewall team",),
    sources=("ms-bw", "ms-sdpext"),
)
def fec_active(inquiry: Inquiry) -> Iterator[Judgement]:
    """During a call a sender begins to send its speech redundantly (RED): its receiver reports loss.

    Evidence: payload type 97 in an audio stream of a Lync call that began without it. Likely when packets of the
    stream are missing here too.

    Not this: redundancy from the first packet on, which may be how the device is set; less than a second of it.
    Inconclusive where the beginning of the call is not in the capture.
    """
    for one in inquiry.case.received.counted:
        kinds = dict(one.row.payload_types)
        if not one.is_speech or not kinds.keys() & (WIDE | NARROW | {REDUNDANCY}):
            continue
        begun = dict(one.row.type_frames).get(REDUNDANCY, 0)
        if kinds.get(REDUNDANCY, 0) < LASTING:
            yield Clear(one.device)
        elif begun and kinds[REDUNDANCY] < ALWAYS * one.row.packets:
            yield _redundant(inquiry, one, begun, kinds[REDUNDANCY])
        elif late := inquiry.gates.started_late(one.leg.capture, int(one.row.first_time)):
            yield Doubt(one.device, f"its speech comes redundantly, and {late}")
        else:
            yield Clear(one.device)


def _redundant(inquiry: Inquiry, one: Received, begun: int, packets: int) -> Found:
    subject = subject_of_stream(one)
    warn = reference.quality_thresholds()["packet-loss"].warn
    missing = f" {one.loss:.1%} of them are missing here." if one.row.lost else ""
    seen = one.loss > warn
    return subject.found(
        f"{inquiry.word(one.sender)} sends speech redundantly (RED, payload type {REDUNDANCY}), {one.way}.",
        f"{packets} of {one.row.packets} packets, not from the beginning on.{missing} Senders do so when the other "
        "side reports loss; it needs more bandwidth.",
        Confidence.LIKELY if seen else Confidence.POSSIBLE,
        subject.shows(f"the first packet of payload type {REDUNDANCY}", begun),
        time=max(_time_of(one, begun), first_loss(one) if seen else 0),
        rejected=(("codec-downgraded", "the codec within the redundancy is not told by the packets"),),
    )
