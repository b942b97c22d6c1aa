"""What rules say of requests to a relay's UDP port: whose matter they are, why silence may not count, who is served."""

from collections.abc import Iterator
from dataclasses import dataclass

from lynccap.correlation.addresses import is_public, subnet_of
from lynccap.correlation.attempts import PORT_CODES, PROHIBITED_CODES, Attempt
from lynccap.correlation.media.allocations import Allocation
from lynccap.correlation.media.relay_asks import RelayAsk
from lynccap.correlation.media.relays import Side
from lynccap.correlation.protocol_numbers import HTTPS
from lynccap.correlation.roles.claims import EDGE_ACCESS, EDGE_AV, EDGE_INT, EDGE_WEBCONF, PARTNER, RELAY
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Proof
from lynccap.diagnosis.subjects import Subject, judged
from lynccap.diagnosis.verdicts import How, Verdict

TCP_443 = "av-edge-tcp443-blocked"
TRIES, SPREAD_NS = 2, 500_000_000  # catalogue: two or more; sent at once they may be lost together
EDGES = (EDGE_AV, EDGE_INT, EDGE_ACCESS, EDGE_WEBCONF, PARTNER)
WITHOUT_RELAY = ("ice-all-checks-failed", "appshare-external-fails")
"""What fails where a device has no relay at all and no direct way."""
LISTED = 12  # requests shown as evidence: a client sends some a second


@dataclass(frozen=True, slots=True)
class Way:
    """One device's way to one relay: what it asked over UDP, and how its TCP attempts ended."""

    ask: RelayAsk
    side: Side
    tcp: Verdict | None
    """Of its failed attempts at TCP 443, None when it made none or one was accepted."""
    accepted: Attempt | None
    """Its accepted attempts there."""
    served: tuple[Allocation, ...]
    """What the relay answered to other devices; not asked for where it answers this one."""


def ways(inquiry: Inquiry) -> Iterator[Way]:
    """The ways to relays of the deployment that devices tried over UDP."""
    case = inquiry.case
    if not case.relay_asks:
        return
    failed = {(one.attempt.capture, one.attempt.client, one.attempt.server): one for one in judged(inquiry, TCP_443)}
    for ask in case.relay_asks:
        side = side_of(inquiry, ask.server)
        if side is None or case.roles.has(ask.client, *EDGES):
            continue
        same = (one for one in case.attempts_of(ask.client) if one.server == ask.server and one.port == HTTPS)
        accepted = next((one for one in same if one.capture == ask.capture and one.established), None)
        tcp = failed.get((ask.capture, ask.client, ask.server))
        yield Way(ask, side, tcp, accepted, () if ask.answered else _served(inquiry, ask))


def consequences(inquiry: Inquiry, device: str, every: tuple[str, ...]) -> tuple[str, ...]:
    """Those of some consequences that a device's trouble with one relay can have: no call lacks a way that it got."""
    served = any(one.success_frames for one in inquiry.case.relays.allocations_of(device))
    return tuple(one for one in every if one not in WITHOUT_RELAY) if served else every


def side_of(inquiry: Inquiry, server: str) -> Side | None:
    """Which side of the Edge a relay is, by itself or by its role; None when it is no relay of the deployment."""
    case = inquiry.case
    if server in case.relays.cloud or not case.roles.has(server, EDGE_INT, EDGE_AV, RELAY):
        return None
    side = case.relays.side_of(server)
    if side is not Side.UNKNOWN:
        return side
    if case.roles.has(server, EDGE_INT) != case.roles.has(server, EDGE_AV):
        return Side.INTERNAL if case.roles.has(server, EDGE_INT) else Side.EXTERNAL
    return Side.EXTERNAL if is_public(server) else Side.UNKNOWN


def _served(inquiry: Inquiry, ask: RelayAsk) -> tuple[Allocation, ...]:
    """Answers of the same relay to others, those over UDP to other subnets first."""
    others = (
        one
        for one in inquiry.case.relays.allocations
        if one.server == ask.server and one.answered and one.client != ask.client and one.capture == ask.capture
    )
    here = subnet_of(ask.client)
    return tuple(sorted(others, key=lambda one: (one.transport != "udp", subnet_of(one.client) == here, one.flow)))


def others_over_udp(way: Way) -> tuple[Allocation, ...]:
    """What the relay answered over UDP to devices of other subnets."""
    here = subnet_of(way.ask.client)
    return tuple(one for one in way.served if one.transport == "udp" and subnet_of(one.client) != here)


def doubt_of(inquiry: Inquiry, way: Way) -> str | None:
    """Why the missing answers may not count as a blocked way; None when they may."""
    ask, gates = way.ask, inquiry.gates
    first, last = ask.times[0], ask.times[-1]
    doubt = gates.absence(ask.capture, ask.client, first, last, len(ask.times))
    if not doubt and (len(ask.times) < TRIES or last - first < SPREAD_NS):
        doubt = (
            f"UDP {ask.port} of {ask.server} was asked {len(ask.times)} times within {(last - first) / 1e9:.1f} s only"
        )
    if not doubt and not inquiry.case.heard_after(ask.capture, ask.server, first):
        doubt = f"nothing comes from {ask.server} from then on: the Edge itself may be down"
    if not doubt and way.tcp and way.tcp.how is How.REFUSED_BY_HOST and not way.served:
        doubt = f"{ask.server} itself refuses TCP {HTTPS} and serves nobody: its relay service may be down"
    return doubt or gates.cut_off(ask.capture, ask.client, first)


def told_otherwise(inquiry: Inquiry, way: Way) -> bool:
    """Whether ICMP says why, and the rules on ICMP say it."""
    ask = way.ask
    if not ask.reports:
        return False
    codes = {(one.type, one.code) for one in ask.reports}
    version = ask.reports[0].version
    if codes <= PORT_CODES[version]:
        return {one.reporter for one in ask.reports} == {ask.server}
    # What is forbidden on one of several ways is no failure to the rules on ICMP.
    served = any(one.success_frames for one in inquiry.case.relays.allocations_of(ask.client))
    return not (codes <= PROHIBITED_CODES[version] and served)


def subject_of_ask(ask: RelayAsk) -> Subject:
    """The requests, seen from who asked."""
    return Subject(
        *(ask.capture, ask.client, ask.server, ask.port, "udp", "stun-turn", ask.times[0]),
        flow=ask.flows[0],
        others=ask.flows[1:],
    )


def asked_words(ask: RelayAsk) -> str:
    """How often it asked, over how long, and what came back."""
    spread = (ask.times[-1] - ask.times[0]) / 1e9
    asked = f"{len(ask.times)} requests to {ask.server} UDP port {ask.port} over {spread:.1f} s got no answer"
    if not ask.reports:
        return asked
    who = ", ".join(dict.fromkeys(one.reporter for one in ask.reports))
    return f"{asked}, and {who} rejects them with ICMP"


def asked_proof(ask: RelayAsk) -> Proof:
    """The first of the requests, and what ICMP says of them."""
    frames = (*ask.frames[:LISTED], *(int(one.frame) for one in ask.reports[:LISTED]))
    return Proof(ask.capture, tuple(sorted(frames)), f"requests to {ask.server} UDP port {ask.port} without an answer")


def heard_proof(inquiry: Inquiry, way: Way) -> Proof:
    """That the relay is up: its answer to somebody else, else its last packet."""
    ask = way.ask
    if way.served:
        other = way.served[0]
        says = f"{ask.server} answers {other.client} on {other.transport.upper()} port {other.port}"
        frame = (*other.success_frames, *other.challenge_frames, *(one for one, _ in other.errors))[0]
        return Proof(ask.capture, (frame,), says)
    frame = inquiry.case.heard_after(ask.capture, ask.server, ask.times[0])
    return Proof(ask.capture, (frame,), f"{ask.server} sends packets: the host is up")
