"""Media that leaves a device while nothing ever comes back on the same pair of addresses (catalogue group 1)."""

from collections.abc import Iterator
from dataclasses import dataclass

from lynccap.correlation.media.calls.records import Flowing, Leg
from lynccap.correlation.points.vantage import Elsewhere
from lynccap.correlation.roles.claims import GATEWAY, MEDIATION, NOT_LYNC
from lynccap.correlation.rows import rows_of
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement, Proof
from lynccap.diagnosis.subjects import Subject, subject_of
from lynccap.document import Confidence, Severity
from lynccap.tables import SECOND

SENT, SENT_NS = 50, 5 * SECOND  # catalogue, one-way-udp-path


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A flow on which one end sends media and the other never sends anything."""

    subject: Subject
    """With the end that sends as the device."""
    leg: Leg
    sender_port: int
    peer_port: int
    packets: int
    first_time: int
    last_time: int
    frames: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Sent:
    """What the other side sends on one other flow."""

    to_device: bool
    is_sip: bool
    ports: tuple[int, int]
    """Its own, and the receiver's."""
    frame: int
    """Its last one there."""


@rule(
    title="Media goes out and nothing comes back",
    severity=Severity.CRITICAL,
    stage=Stage.MEDIA,
    causes=(
        "A firewall lets the packets pass in one direction only.",
        "The address translation has forgotten the pair of ports (UDP timeout).",
        "The way back is routed elsewhere.",
        "A firewall on the host itself drops what comes in.",
    ),
    fix=("Permit the packets of the pair of addresses and ports in the evidence in both directions.",),
    act=("network/firewall team",),
    sources=("notes-poster", "ms-av-fw"),
    explains=("media-one-way", "gateway-one-way-audio", "media-bypass-path-blocked"),
)
def one_way_udp_path(inquiry: Inquiry) -> Iterator[Judgement]:
    """A device sends audio over UDP for 5 s and more, and never gets a packet back, although the other side is alive.

    Evidence: 50 and more packets over 5 s one way and none at all the other way between the two addresses and ports;
    meanwhile the other side sends to the device on other ports, or to its SIP server; no ICMP. Certain when another
    capture shows its packets.

    Not this: hold; a muted side whose reports (RTCP) arrive; announcements a server plays; pictures that are only
    received. Inconclusive when the capture shows one direction only or lost packets, or nothing shows that the other
    side is alive.
    """
    for call in inquiry.case.calls.calls:
        for leg in call.legs:
            if leg.basis and leg.transport == "udp" and leg.kind == "audio":
                yield from _of_leg(inquiry, leg)


def _of_leg(inquiry: Inquiry, leg: Leg) -> Iterator[Judgement]:
    if leg.forth.packets and leg.back.packets:
        for party in leg.parties:
            if party.seen:
                yield Clear(party.address)
        return
    for flow in leg.flows:
        one = _unanswered(inquiry, leg, flow)
        if one is not None:
            yield _judged(inquiry, one)


def _unanswered(inquiry: Inquiry, leg: Leg, flow: int) -> Unanswered | None:
    row = inquiry.case.flows.loc[flow]
    by_client = not row["frames_server"]
    half = leg.forth if leg.forth.packets else leg.back
    side, other = ("client", "server") if by_client else ("server", "client")
    if row[f"frames_{other}"] or half.packets < SENT or half.last_time - half.first_time < SENT_NS:
        return None
    ports = int(row[f"{side}_port"]), int(row[f"{other}_port"])
    frames = int(row[f"first_frame_{side}"]), int(row[f"last_frame_{side}"])
    subject = subject_of(inquiry, flow, by_client)
    return Unanswered(subject, leg, *ports, half.packets, half.first_time, half.last_time, frames)


def _judged(inquiry: Inquiry, one: Unanswered) -> Judgement:
    subject, case = one.subject, inquiry.case
    held = case.roles.roles_of(subject.device)
    server_plays = not {MEDIATION, GATEWAY} & {*held, *case.roles.roles_of(subject.peer)} and bool(held - NOT_LYNC)
    icmp = bool((case.tables.icmp["flow"] == subject.flow).any())
    if one.leg.flowing in (Flowing.HELD, Flowing.QUIET) or server_plays or icmp or _reports(inquiry, one):
        return Clear(subject.device)
    elsewhere = inquiry.vantage.both_ways(subject.flow) if inquiry.vantage else None
    alive = _alive(inquiry, one)
    doubt = inquiry.gates.absence(subject.capture, subject.device, one.first_time, one.last_time, one.packets)
    if not doubt and not alive:
        doubt = f"nothing else of {subject.peer} shows that it is alive meanwhile"
    if not doubt and one.leg.flowing is not Flowing.ONE_WAY:
        doubt = f"the capture does not show whether {subject.peer} had anything to send"
    if doubt:
        return Doubt(subject.device, doubt)
    seconds = (one.last_time - one.first_time) / SECOND
    ways = f"{subject.device} port {one.sender_port} and {subject.peer} port {one.peer_port}"
    sent = f"{one.packets} media packets in {seconds:.1f} s one way between {ways}, and none the other way"
    return subject.found(
        f"{inquiry.word(subject.device)} sends media to {subject.peer} and gets nothing back: it hears nobody.",
        f"{sent}. {subject.peer} is alive meanwhile." + (f" {elsewhere.name} shows its packets." if elsewhere else ""),
        Confidence.CERTAIN if elsewhere else Confidence.LIKELY,
        subject.shows(f"{sent} (first and last)", *one.frames),
        subject.shows(f"{subject.peer} sends packets elsewhere meanwhile", alive),
        *_shown(elsewhere),
        time=one.first_time,
        port=one.peer_port,
        service="rtp",
        rejected=(("icmp-port-unreachable-udp", f"no ICMP message quotes the {one.packets} packets"),),
    )


def _shown(elsewhere: Elsewhere | None) -> Iterator[Proof]:
    if elsewhere:
        yield Proof(0, elsewhere.frames, f"{elsewhere.name} shows packets of both sides", elsewhere.place)


def _elsewhere(inquiry: Inquiry, one: Unanswered) -> Iterator[Sent]:
    """What the other side sends on other flows in the same time."""
    subject = one.subject
    for side, other in (("client", "server"), ("server", "client")):
        flows = inquiry.case.flows_of(side, subject.peer)
        flows = flows[(flows["capture"] == subject.capture) & (flows.index != subject.flow)]
        mine = flows[flows[f"last_time_{side}"] >= one.first_time]
        mine = mine[mine[f"first_time_{side}"] <= one.last_time]
        columns = (other, f"{side}_port", f"{other}_port", "service", f"last_frame_{side}")
        for _, receiver, *ports, service, frame in rows_of(mine, columns):
            yield Sent(receiver == subject.device, service == "sip", (ports[0], ports[1]), frame)


def _alive(inquiry: Inquiry, one: Unanswered) -> int:
    """A frame in which the other side shows itself, 0 without one."""
    return max((sent.frame for sent in _elsewhere(inquiry, one) if sent.to_device or sent.is_sip), default=0)


def _reports(inquiry: Inquiry, one: Unanswered) -> bool:
    """Whether its reports arrive on the ports beside: RTCP (RFC 3550 11), which a muted side sends too."""
    beside = (one.peer_port + 1, one.sender_port + 1)
    return any(sent.to_device and sent.ports == beside for sent in _elsewhere(inquiry, one))
