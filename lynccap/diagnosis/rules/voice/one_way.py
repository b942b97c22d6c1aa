"""Speech between gateways and Mediation Servers or clients that goes one way only (catalogue group 12)."""

from collections.abc import Iterator

from lynccap.correlation.addresses import subnet_of
from lynccap.correlation.media.calls.records import Flowing
from lynccap.correlation.media.trunks import TrunkLeg
from lynccap.correlation.roles.claims import MEDIATION
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement
from lynccap.diagnosis.rules.voice.legs import leg_of, stream_frames, timed_out, with_mediation
from lynccap.document import Confidence, Reading, Severity
from lynccap.tables import SECOND

RINGING_NS = 60 * SECOND  # ringing tones and announcements come one way, and hardly last longer
LEAST_NS, LEAST_PACKETS = 5 * SECOND, 50  # catalogue, one-way-udp-path
G711 = ("PCMU", "PCMA")


@rule(
    title="Speech between the Mediation Server and a gateway goes one way",
    severity=Severity.MAJOR,
    stage=Stage.MEDIA,
    causes=(
        "A firewall lets UDP 49152 to 57500 of the Mediation Server pass in one direction only.",
        "One end names a wrong address in its session description (c= line), behind address translation for example.",
    ),
    fix=(
        "Open UDP 49152 to 57500 between the Mediation Server and the gateway's media ports in both directions.",
        "Check the addresses that both ends name for their media.",
    ),
    act=("voice administrator", "network/firewall team"),
    sources=("ms-int-ports",),
    explains=("trunk-media-timeout-30s",),
)
def gateway_one_way_audio(inquiry: Inquiry) -> Iterator[Judgement]:
    """In a call with the telephone network one side hears nothing.

    Evidence: RTP between a Mediation Server and a gateway in one direction only, or one direction stops, for more than
    5 s of an accepted call that neither side put on hold; no reports (RTCP) from the silent side. Where signalling is
    encrypted: only what lasts longer than ringing and announcements, a minute, and at most likely.

    Not this: ringing tones and announcements before the call is accepted; hold; a muted side that sends RTCP; a call
    that the Mediation Server ended 30 s after the gateway fell silent.
    """
    for one in with_mediation(inquiry):
        yield _judged(inquiry, one)


def _judged(inquiry: Inquiry, one: TrunkLeg) -> Judgement:
    silent = _silent(one)
    hears_nothing = one.other if silent == one.gateway else one.gateway
    if not silent or one.leg.flowing in (Flowing.HELD, Flowing.QUIET) or timed_out(inquiry, one):
        return Clear(one.gateway)
    reports = one.reports if silent == one.gateway else one.other_reports
    since = one.leg.silent_since or one.leg.first_time
    if any(time > since for time, _ in reports):
        return Clear(one.gateway)
    doubt = inquiry.gates.absence(one.leg.capture, hears_nothing, since, one.leg.last_time, LEAST_PACKETS)
    return Doubt(hears_nothing, doubt) if doubt else _one_way(inquiry, one, silent, hears_nothing)


def _silent(one: TrunkLeg) -> str:
    """Who sends nothing, from the start or later, while the other side goes on; "" when both speak."""
    if one.leg.silent:
        return one.leg.silent
    talking = max(one.sent, one.heard, key=lambda half: half.packets)
    lasting = talking.packets >= LEAST_PACKETS and talking.last_time - talking.first_time >= LEAST_NS
    if one.leg.flowing is not Flowing.UNKNOWN or not lasting or (one.sent.packets and one.heard.packets):
        return ""
    return one.gateway if not one.sent.packets else one.other


def _one_way(inquiry: Inquiry, one: TrunkLeg, silent: str, device: str) -> Judgement:
    readable = one.call.dialog is not None
    talking = one.heard if silent == one.gateway else one.sent
    since = one.leg.silent_since or talking.first_time
    alone = talking.last_time - since
    if one.leg.flowing is not Flowing.ONE_WAY:
        return Doubt(device, f"the capture does not show whether {silent} had anything to send to {device}")
    if not readable and (one.leg.silent_since or alone < RINGING_NS):
        because = "an announcement, ringing or hold looks the same while signalling is encrypted: a key log would tell"
        return Doubt(device, f"{silent} is silent towards {device}; {because}")
    subject = leg_of(inquiry, one, device)
    went = "stops" if one.leg.silent_since else "never comes"
    how = "The call was accepted and is not on hold." if readable else "Signalling cannot be read."
    return subject.found(
        f"{inquiry.word(device)} hears nothing in a call with {inquiry.server(silent)}: its speech {went}.",
        f"{talking.packets} packets go from {device} to {silent}, {alone / SECOND:.1f} s of them without any packet "
        f"the other way, reports (RTCP) included. {how}",
        Confidence.CERTAIN if readable else Confidence.LIKELY,
        subject.shows(f"speech of {device}, first and last packet", *stream_frames(inquiry, one, device)),
        *(
            [subject.shows(f"the last packet of {silent}", last)]
            if (last := stream_frames(inquiry, one, silent)[1])
            else []
        ),
        time=since,
        service="rtp",
        flows=one.leg.flows,
        reading=inquiry.reading(one.call.dialog.opening.flow) if one.call.dialog else Reading.PATTERN,
        rejected=(("trunk-media-timeout-30s", "the silence does not end in a BYE after 30 s"),),
    )


@rule(
    title="Media bypass is used, but the client and the gateway cannot exchange speech",
    severity=Severity.MAJOR,
    stage=Stage.MEDIA,
    causes=(
        "The gateway takes media from the Mediation Server only.",
        "A firewall between the client's network and the gateway drops media.",
    ),
    fix=(
        "Open the gateway's media ports from the client's subnet, and permit the clients at the gateway.",
        "Or switch media bypass off for that site, so that media goes through the Mediation Server.",
    ),
    act=("network/firewall team", "voice administrator"),
    sources=("ms-bypass", "notes-poster"),
    explains=("icmp-port-unreachable-udp", "icmp-admin-prohibited"),
)
def media_bypass_path_blocked(inquiry: Inquiry) -> Iterator[Judgement]:
    """A client sends speech straight to a gateway, and nothing comes back.

    Evidence: G.711 of a client, for 5 s and more, to the address of a gateway; no packet of the gateway to that port;
    the gateway is alive elsewhere. Likely when a client of another subnet talks with the same gateway, or routers
    reject the speech (ICMP); else possible.

    Not this: a call that is not accepted yet; hold; speech through the Mediation Server.
    """
    for one in inquiry.case.trunk_legs:
        if inquiry.is_client(one.other) and not inquiry.case.roles.has(one.other, MEDIATION):
            yield _bypass(inquiry, one)


def _bypass(inquiry: Inquiry, one: TrunkLeg) -> Judgement:
    if one.sent.packets or one.reports or one.leg.flowing in (Flowing.HELD, Flowing.QUIET):
        return Clear(one.other)
    lasts = one.heard.last_time - one.heard.first_time
    if one.heard.codec.upper().startswith(G711) is False or one.heard.packets < LEAST_PACKETS or lasts < LEAST_NS:
        return Clear(one.other)
    doubt = _bypass_doubt(inquiry, one)
    if doubt:
        return Doubt(one.other, doubt)
    others = _others(inquiry, one)
    errors = _errors(inquiry, one)
    subject = leg_of(inquiry, one, one.other)
    rejecting = " Routers or the gateway reject it (ICMP)." if errors else ""
    beside = f" {others[0].other}, in another subnet, talks with the same gateway." if others else ""
    return subject.found(
        f"{inquiry.word(one.other)} sends speech straight to {inquiry.server(one.gateway)} and gets nothing back.",
        f"{one.heard.packets} packets in {lasts / SECOND:.1f} s, and none the other way.{rejecting}{beside} "
        "With media bypass speech goes around the Mediation Server, so the client needs the gateway itself.",
        Confidence.LIKELY if others or errors else Confidence.POSSIBLE,
        subject.shows("the client's speech, first and last packet", *stream_frames(inquiry, one, one.other)),
        *([subject.shows("ICMP messages that reject it", *errors)] if errors else []),
        *(
            [leg_of(inquiry, others[0], others[0].other).shows("speech of the other client", *others[0].leg.frames)]
            if others
            else []
        ),
        time=one.heard.first_time,
        service="rtp",
        flows=one.leg.flows,
    )


def _bypass_doubt(inquiry: Inquiry, one: TrunkLeg) -> str | None:
    dialog = one.call.dialog
    if dialog is not None and not one.call.answered_time:
        return f"the call of {one.other} is not accepted: the gateway may be waiting for signalling"
    if not inquiry.case.heard_after(one.leg.capture, one.gateway, one.heard.first_time):
        return f"nothing shows that {one.gateway} is up meanwhile"
    return inquiry.gates.absence(
        one.leg.capture, one.other, one.heard.first_time, one.heard.last_time, one.heard.packets
    )


def _others(inquiry: Inquiry, one: TrunkLeg) -> list[TrunkLeg]:
    """Legs of clients in other subnets with the same gateway, in which both are heard."""
    mine = subnet_of(one.other)
    alike = (each for each in inquiry.case.trunk_legs if each.gateway == one.gateway and each.sent.packets)
    return [each for each in alike if inquiry.is_client(each.other) and subnet_of(each.other) != mine]


def _errors(inquiry: Inquiry, one: TrunkLeg) -> list[int]:
    """Frames of ICMP errors that quote the speech, the first few."""
    icmp = inquiry.case.tables.icmp
    return [int(frame) for frame in icmp[icmp["flow"].isin(one.leg.flows)]["frame"][:5]]
