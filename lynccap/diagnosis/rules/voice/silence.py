"""Calls that end because the gateway fell silent (catalogue group 12)."""

from collections.abc import Iterator

from lynccap.correlation.media.trunks import TrunkLeg
from lynccap.correlation.sip.transactions import Transaction
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement, Proof
from lynccap.diagnosis.rules.voice.legs import (
    LEAST_NS,
    MOST_NS,
    leg_of,
    sender_of,
    stream_frames,
    timed_out,
    with_mediation,
)
from lynccap.document import Confidence, Reading, Severity
from lynccap.tables import SECOND

PASSED_ON_NS = 2 * SECOND  # from the user's BYE to the one on the trunk
AFTERWARDS_NS = 2 * SECOND


@rule(
    title="Calls drop 30 s after the gateway falls silent",
    severity=Severity.MAJOR,
    stage=Stage.MEDIA,
    causes=("The gateway sends neither speech nor reports (RTCP) while a call is held, muted or in voice mail.",),
    fix=(
        "Let the gateway send RTCP throughout the call.",
        "Or switch off in the trunk configuration that calls are ended when RTCP is missing.",
    ),
    act=("voice administrator",),
    sources=("kb981218", "ucstatus-trunk"),
)
def trunk_media_timeout_30s(inquiry: Inquiry) -> Iterator[Judgement]:
    """The Mediation Server ends a call because nothing came from the gateway for 30 s.

    Evidence: speech of the gateway in a call, then neither speech nor RTCP from it for 28 to 32 s, then a BYE of the
    Mediation Server. Where signalling is encrypted: the Mediation Server's own speech stops after that time;
    possible, and likely when it happens to two calls.

    Not this: a user who hangs up, whose BYE reaches the Mediation Server just before; a BYE of the gateway; a gateway
    that goes on with RTCP.
    """
    stopped = []
    for one in with_mediation(inquiry):
        closing = one.call.dialog.closing if one.call.dialog else None
        if not one.sent.packets:
            continue
        if closing is not None:
            yield _ended(inquiry, one, closing)
        elif one.call.dialog is None and _stops_in_time(inquiry, one):
            stopped.append(one)
        else:
            yield Clear(one.gateway)
    by_gateway: dict[str, list[TrunkLeg]] = {}
    for one in stopped:
        by_gateway.setdefault(one.gateway, []).append(one)
    for ones in by_gateway.values():
        yield _by_pattern(inquiry, ones)


def _ended(inquiry: Inquiry, one: TrunkLeg, closing: Transaction) -> Judgement:
    if not timed_out(inquiry, one):
        return Clear(one.gateway)
    user = _user_hung_up(inquiry, one, closing)
    if user:
        return Clear(one.gateway)
    missing = inquiry.gates.missing(one.leg.capture, one.last_heard, closing.time)
    if missing:
        return Doubt(one.gateway, missing)
    seconds = (closing.time - one.last_heard) / SECOND
    subject = leg_of(inquiry, one, one.gateway)
    return subject.found(
        f"{inquiry.word(one.gateway)} falls silent, and {inquiry.server(one.other)} ends the call "
        f"{seconds:.1f} s later.",
        "Neither speech nor RTCP comes from the gateway in that time. The Mediation Server takes that for a call "
        "that is over after 30 s.",
        Confidence.CERTAIN,
        subject.shows("the gateway's last packets of the call", _last_frame(inquiry, one)),
        subject.shows(f"the BYE of {one.other}", closing.frame),
        time=one.last_heard,
        service="rtp",
        flows=one.leg.flows,
        reading=inquiry.reading(closing.flow),
        rejected=(("gateway-one-way-audio", "the call is ended by signalling right when the time limit is over"),),
    )


def _user_hung_up(inquiry: Inquiry, one: TrunkLeg, closing: Transaction) -> bool:
    """Whether somebody else's BYE reached the Mediation Server right before."""
    for each in inquiry.case.dialogs.transactions:
        if each.method == "BYE" and each.flow != closing.flow and 0 <= closing.time - each.time <= PASSED_ON_NS:
            ends = inquiry.case.facts_of(each.flow, "client", "server")
            if one.other in ends and sender_of(inquiry, each) != one.other:
                return True
    return False


def _stops_in_time(inquiry: Inquiry, one: TrunkLeg) -> bool:
    """Whether the other end's speech stops as the timeout would stop it, and the capture goes on."""
    end = int(inquiry.case.tables.captures.at[one.leg.capture, "last_time"])
    waited = one.heard.last_time - one.last_heard
    return LEAST_NS <= waited <= MOST_NS and end - one.heard.last_time >= AFTERWARDS_NS


def _by_pattern(inquiry: Inquiry, ones: list[TrunkLeg]) -> Judgement:
    first = ones[0]
    missing = inquiry.gates.missing(first.leg.capture, first.last_heard, first.heard.last_time)
    if missing:
        return Doubt(first.gateway, missing)
    seconds = (first.heard.last_time - first.last_heard) / SECOND
    subject = leg_of(inquiry, first, first.gateway)
    times = f" The same happens to {len(ones)} calls." if len(ones) > 1 else ""
    return subject.found(
        f"{inquiry.word(first.gateway)} falls silent, and the speech of {inquiry.server(first.other)} stops "
        f"{seconds:.1f} s later.{times}",
        "So ends a call that the Mediation Server gives up because nothing comes from the gateway. A user may have "
        "hung up just then: a key log would show who ended the call.",
        Confidence.LIKELY if len(ones) > 1 else Confidence.POSSIBLE,
        *(_ends(inquiry, one) for one in ones),
        time=first.last_heard,
        service="rtp",
        flows=tuple(flow for one in ones for flow in one.leg.flows),
        reading=Reading.PATTERN,
    )


def _ends(inquiry: Inquiry, one: TrunkLeg) -> Proof:
    """The last packets of both ends of a leg."""
    subject = leg_of(inquiry, one, one.gateway)
    return subject.shows("the last packets of both ends", _last_frame(inquiry, one), max(one.leg.frames))


def _last_frame(inquiry: Inquiry, one: TrunkLeg) -> int:
    """The frame with which the gateway was last heard."""
    if one.reports and one.reports[-1][0] > one.sent.last_time:
        return one.reports[-1][1]
    return stream_frames(inquiry, one, one.gateway)[1]
