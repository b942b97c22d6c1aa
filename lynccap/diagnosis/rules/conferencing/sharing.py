"""Shared screens: between two clients, and with people outside (catalogue group 8)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lynccap.correlation.attempts import Attempt, Ending
from lynccap.correlation.media.allocations import Allocation
from lynccap.correlation.media.paths import MediaSession
from lynccap.correlation.media.sharing import SharingOffer
from lynccap.correlation.protocol_numbers import HTTPS
from lynccap.correlation.roles.claims import EDGE_AV, EDGE_INT, RELAY
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement, Proof
from lynccap.diagnosis.subjects import subject_of
from lynccap.diagnosis.verdicts import Verdict
from lynccap.diagnosis.ways import media_proof
from lynccap.document import Confidence, Severity
from lynccap.tables import SECOND

SOON_NS = 60 * SECOND  # candidates are tried at once, the last ones some seconds later
SETTLED_NS = 5 * SECOND  # what is tried later than this after sound began is not tried for sound
IN_VAIN = (Ending.REFUSED, Ending.REJECTED, Ending.UNANSWERED, Ending.PROHIBITED)
SHOWN = 12
RELAYS = (EDGE_AV, EDGE_INT, RELAY)


@rule(
    title="A shared screen finds no direct way between two clients",
    severity=Severity.MINOR,
    stage=Stage.CONFERENCE,
    causes=("The firewall of a client, or one between the two, rejects the ports for shared screens.",),
    fix=(
        "Open the range for application sharing between the clients.",
        "Or see that both reach TCP 443 of the Edge, which relays it then.",
    ),
    act=("network/firewall team", "endpoint team"),
    sources=("ms-clientports", "notes-poster"),
)
def appshare_p2p_tcp_blocked(inquiry: Inquiry) -> Iterator[Judgement]:
    """One client cannot open TCP to any address at which the other one waits for a shared screen.

    Evidence: readable SIP that describes a shared screen, with addresses that wait for TCP; SYNs to such addresses,
    all of them refused or unanswered. Certain where the relay over TCP 443 is used instead, or fails as well.

    Not this: single addresses that are refused while another one works, as in every healthy call. Where SIP cannot be
    read nothing is said: a key log of either client shows the addresses.
    """
    for offer in inquiry.case.sharing:
        tries: dict[str, list[Attempt]] = {}
        for address in dict.fromkeys(address for address, _ in offer.waits_at):
            for one in inquiry.case.attempts_at(address):
                near = abs(one.first_time - offer.time) <= SOON_NS and one.capture == offer.capture
                if near and (address, one.port) in offer.waits_at:
                    tries.setdefault(one.client, []).append(one)
        for client, ones in tries.items():
            yield _no_direct_way(inquiry, offer, client, ones)


def _no_direct_way(inquiry: Inquiry, offer: SharingOffer, client: str, ones: Sequence[Attempt]) -> Judgement:
    if any(one.ending not in IN_VAIN for one in ones):
        return Clear(client)
    silent = [one for one in ones if one.ending is Ending.UNANSWERED]
    doubts = [inquiry.gates.absence(one.capture, client, one.first_time, one.last_time) for one in silent]
    if any(doubts):
        return Doubt(client, next(one for one in doubts if one))
    relay = _relay_words(inquiry, client)
    subject = subject_of(inquiry, ones[0].flows[0])
    ports = ", ".join(f"{one.server} TCP {one.port}" for one in ones)
    frames = [frame for one in ones for frame in one.failed_frames][:SHOWN]
    return subject.found(
        f"{inquiry.word(client)} gets no shared screen straight from {ones[0].server}: all addresses at which that one "
        f"waits are closed to it ({ports}).",
        f"{relay} Shared screens use TCP, which firewalls of PCs often reject.",
        Confidence.CERTAIN if relay else Confidence.LIKELY,
        subject.shows("connections to the addresses that were offered, all in vain", *frames),
        subject.shows("the description of the shared screen", offer.frame),
        flows=tuple(flow for one in ones for flow in one.flows),
        service="app-sharing",
        reading=inquiry.reading(offer.flow),
    )


def _relay_words(inquiry: Inquiry, client: str) -> str:
    """What became of the relay over TCP, a sentence; "" when it was not asked in the capture."""
    over_tcp = [one for one in inquiry.case.relays.allocations_of(client) if one.transport == "tcp"]
    if any(one.success_frames for one in over_tcp):
        return "It goes through the relay of the Edge over TCP 443 instead."
    failed = bool(over_tcp or _blocked_relays(inquiry, client))
    return "The relay of the Edge over TCP 443 fails as well." if failed else ""


def _blocked_relays(inquiry: Inquiry, device: str) -> list[Verdict]:
    return [
        one
        for one in inquiry.verdicts_of(device)
        if one.attempt.port == HTTPS and inquiry.case.roles.has(one.attempt.server, *RELAYS)
    ]


@dataclass(frozen=True, slots=True)
class _Blocked:
    """A way to the relay over TCP 443 that is closed."""

    server: str
    port: int
    time: int
    says: str
    frames: tuple[int, ...]
    flows: tuple[int, ...]
    sure: bool
    doubt: str | None = None


@rule(
    title="Shared screens with people outside fail while sound works",
    severity=Severity.MAJOR,
    stage=Stage.CONFERENCE,
    causes=(
        "TCP 443 to the A/V Edge is blocked: shared screens have no other way to people outside.",
        "Outgoing TCP from the Edge's ports 50000 to 59999 is blocked.",
        "A box that inspects TLS breaks the sham TLS of the relay.",
    ),
    fix=("Open TCP 443 to the A/V Edge, without inspection, and TCP 50000 to 59999 from it.",),
    act=("network/firewall team",),
    sources=("ms-turn", "notes-poster", "silbers-alf", "qchoi-proxy"),
)
def appshare_external_fails(inquiry: Inquiry) -> Iterator[Judgement]:
    """A device talks over UDP, and the relay over TCP 443, which a shared screen needs, is closed to it.

    Evidence: media over UDP, both ways, for more than 5 s; during it connections to TCP port 443 of an Edge's relay
    that are refused or unanswered, or on which the relay never answers. Certain where readable SIP describes a shared
    screen at that time; where it cannot be read, tries that begin 5 s after sound began make it likely.

    Not this: tries of the relay over TCP while a call is set up, which sound does not need; a relay over TCP that
    answers; a presenter who stopped, after which nothing is tried. Inconclusive: the capture cannot prove silence.
    """
    sound = [one for one in inquiry.case.media if one.transport == "udp" and one.sustained and _both_ways(one)]
    talking: dict[str, list[MediaSession]] = {}
    for one in sound:
        for device in one.devices:
            talking.setdefault(device, []).append(one)
    for device, heard in talking.items():
        facts = inquiry.device(device)
        if facts is None or facts.role is None:
            yield from _while_talking(inquiry, device, heard)


def _both_ways(one: MediaSession) -> bool:
    return one.packets_client > 0 and one.packets_server > 0


def _while_talking(inquiry: Inquiry, device: str, sound: Sequence[MediaSession]) -> Iterator[Judgement]:
    over_tcp = [one for one in inquiry.case.relays.allocations_of(device) if one.transport == "tcp"]
    if any(one.success_frames for one in over_tcp):
        yield Clear(device)
        return
    closed = [*map(_of_verdict, _blocked_relays(inquiry, device))]
    closed += [_of_allocation(inquiry, one) for one in over_tcp if not one.answered and one.request_times]
    for one in closed:
        call = next((each for each in sound if each.first_time <= one.time <= each.last_time), None)
        described = next((each for each in inquiry.case.sharing if _is_near(each, device, one.time)), None)
        if call and (described or one.time - call.first_time > SETTLED_NS):
            yield _no_screen(inquiry, device, one, call, described)
            return


def _is_near(offer: SharingOffer, device: str, time: int) -> bool:
    return device in offer.ends and abs(offer.time - time) <= SOON_NS


def _of_verdict(verdict: Verdict) -> _Blocked:
    one = verdict.attempt
    sure = verdict.confidence is Confidence.CERTAIN
    facts = (one.server, one.port, one.first_time, verdict.says, one.failed_frames, one.flows)
    return _Blocked(*facts, sure, verdict.doubt)


def _of_allocation(inquiry: Inquiry, one: Allocation) -> _Blocked:
    says = f"{one.server} accepts the connection to TCP port {one.port} and never answers as a relay"
    doubt = inquiry.gates.absence(one.capture, one.client, one.request_times[0], one.request_times[-1])
    facts = (one.server, one.port, one.request_times[0], says, one.request_frames, (one.flow,))
    return _Blocked(*facts, True, doubt)


def _no_screen(
    inquiry: Inquiry, device: str, closed: _Blocked, call: MediaSession, described: SharingOffer | None
) -> Judgement:
    if closed.doubt:
        return Doubt(device, closed.doubt)
    subject = subject_of(inquiry, closed.flows[0])
    server = inquiry.server(closed.server, closed.port)
    told = "SIP describes a shared screen at that time." if described else "It is tried long after sound began."
    proof = [subject.shows(closed.says, *closed.frames[:SHOWN]), media_proof(call)]
    proof += [Proof(described.capture, (described.frame,), "the description of a shared screen")] if described else []
    return subject.found(
        f"{inquiry.word(device)} cannot share its screen with people outside: {server} is closed to it on TCP port "
        f"{closed.port}, while it talks over UDP.",
        f"{closed.says}. Shared screens use TCP only. {told}",
        Confidence.CERTAIN if described and closed.sure else Confidence.LIKELY,
        *proof,
        time=closed.time,
        flows=closed.flows,
        service="app-sharing",
        rejected=(("media-tcp443-fallback", "sound runs over UDP, both ways"),),
    )
