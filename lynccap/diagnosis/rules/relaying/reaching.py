"""Ways to the Edge's relay that are blocked: UDP 3478, TCP 443, or both (catalogue group 6)."""

from collections.abc import Iterator
from dataclasses import replace

from lynccap.correlation.addresses import subnet_of
from lynccap.correlation.media.relays import Side
from lynccap.correlation.protocol_numbers import HTTPS
from lynccap.correlation.roles.claims import EDGE_ACCESS, EDGE_AV, EDGE_WEBCONF
from lynccap.correlation.roles.sides import Location
from lynccap.diagnosis.blocked import blocked, open_paths
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.rules.relaying.asks import (
    TCP_443,
    WITHOUT_RELAY,
    Way,
    asked_proof,
    asked_words,
    consequences,
    doubt_of,
    heard_proof,
    others_over_udp,
    subject_of_ask,
    told_otherwise,
    ways,
)
from lynccap.diagnosis.subjects import judged
from lynccap.diagnosis.verdicts import Verdict
from lynccap.document import Confidence, Severity

LATER = (
    "media-tcp443-fallback",
    "media-via-external-edge-from-inside",
    "no-relay-candidates-offered",
    "media-start-late",
)
"""What a device does that has no way, or only the worse one, to a relay."""


@rule(
    title="Devices inside cannot use UDP 3478 of the Edge's internal interface",
    severity=Severity.MAJOR,
    stage=Stage.RELAY,
    causes=("An internal firewall lacks UDP 3478.", "The Edge lacks the route back to this subnet."),
    fix=("Allow UDP 3478 from all internal subnets to each internal address of the Edge.",),
    act=("network/firewall team",),
    sources=("notes-poster", "ms-edge-nat", "notes-edge"),
    explains=(*LATER, *WITHOUT_RELAY),
)
def stun_3478_blocked_internal(inquiry: Inquiry) -> Iterator[Judgement]:
    """A client or server inside asks the Edge's internal interface for a relay over UDP 3478 and hears nothing.

    Evidence: two or more requests to UDP 3478 of the inner interface without an answer, or rejected by a box in
    between; the Edge sends packets from then on; how TCP 443 of the same Edge ended is said. Certain when the relay
    answers another subnet over UDP.

    Not this: a first Allocate that is answered by 401; an Edge that answers nobody; both ways blocked, which is a
    finding of its own; ICMP of the Edge itself. Inconclusive in a capture that lacks packets or ends too soon.
    """
    yield from _blocked_datagrams(inquiry, Side.INTERNAL)


@rule(
    title="Devices outside cannot use UDP 3478 of the A/V Edge",
    severity=Severity.MAJOR,
    stage=Stage.RELAY,
    causes=(
        "The network in which the device is lets no UDP out, as in hotels.",
        "The firewall before the Edge lacks UDP 3478.",
        "The address translation before the Edge is set up for TCP only.",
    ),
    fix=("Open UDP 3478 in and out at the A/V Edge.", "Ask the remote network whether it lets UDP out."),
    act=("network/firewall team",),
    sources=("ms-edge-nat", "notes-poster", "ucprimer-23"),
    explains=(*LATER, *WITHOUT_RELAY),
)
def stun_3478_blocked_external(inquiry: Inquiry) -> Iterator[Judgement]:
    """Somebody outside asks the A/V Edge for a relay over UDP 3478 and hears nothing.

    Evidence: two or more requests to UDP 3478 of the outer interface without an answer, the Edge sends packets from
    then on; TCP 443 is used instead. Certain when several networks fail so and none is answered.

    Not this: one network that blocks UDP while the Edge answers others: inconclusive, the Edge is not at fault.
    A device inside that asks the outer interface.
    """
    yield from _blocked_datagrams(inquiry, Side.EXTERNAL)


def _blocked_datagrams(inquiry: Inquiry, side: Side) -> Iterator[Judgement]:
    every = [one for one in ways(inquiry) if one.side is side]
    for way in every:
        if way.ask.answered:
            yield Clear(way.ask.client)
            continue
        if told_otherwise(inquiry, way):
            continue
        doubt = doubt_of(inquiry, way)
        if doubt:
            yield Doubt(way.ask.client, doubt)
        elif not _wholly(way):
            yield _inner(inquiry, way) if side is Side.INTERNAL else _outer(inquiry, way, every)


def _wholly(way: Way) -> bool:
    """Whether TCP is blocked as well, as far as the capture can prove it."""
    return way.tcp is not None and not way.tcp.doubt


def _inner(inquiry: Inquiry, way: Way) -> Found:
    others = others_over_udp(way)
    confidence = Confidence.CERTAIN if others else Confidence.LIKELY
    here = subnet_of(way.ask.client)
    near = next((one for one in way.served if one.transport == "udp" and subnet_of(one.client) == here), None)
    causes = (f"A firewall on the device itself: {near.client} beside it is answered.",) if near and not others else ()
    return _found(inquiry, way, confidence, causes)


def _outer(inquiry: Inquiry, way: Way, every: list[Way]) -> Judgement:
    ask, others = way.ask, others_over_udp(way)
    if inquiry.is_placed(ask.client, Location.INSIDE):
        return Doubt(ask.client, f"it is inside, and {ask.server} is for devices outside: it may be closed to it")
    if others:
        return Doubt(
            ask.client, f"{ask.server} answers {others[0].client} over UDP: the network of {ask.client} may block UDP"
        )
    failing = {subnet_of(one.ask.client) for one in every if one.ask.server == ask.server and not one.ask.answered}
    several = len(failing) > 1
    causes = stun_3478_blocked_external.causes[1:] if several else ()
    return _found(inquiry, way, Confidence.CERTAIN if several else Confidence.LIKELY, causes)


def _found(inquiry: Inquiry, way: Way, confidence: Confidence, causes: tuple[str, ...]) -> Found:
    ask = way.ask
    proof = [asked_proof(ask), heard_proof(inquiry, way)]
    words, tcp = _over_tcp(inquiry, way)
    return subject_of_ask(ask).found(
        f"{inquiry.word(ask.client)} gets no answer from {inquiry.server(ask.server, ask.port)} on UDP port "
        f"{ask.port}. {words}",
        f"{asked_words(ask)}. Over UDP 3478 a device gets a relay for its media, for calls that no direct way carries.",
        confidence,
        *proof,
        *tcp,
        causes=causes,
        explains=consequences(inquiry, ask.client, stun_3478_blocked_internal.explains),
        rejected=(("icmp-port-unreachable-udp", f"{ask.server} does not say by ICMP that the port is closed"),),
    )


def _over_tcp(inquiry: Inquiry, way: Way) -> tuple[str, tuple[Proof, ...]]:
    """How TCP 443 of the same Edge ended, a sentence with its proof."""
    ask = way.ask
    mine = inquiry.case.relays.allocations_of(ask.client)
    over = next((one for one in mine if one.server == ask.server and one.transport == "tcp" and one.answered), None)
    if over:
        frames = (over.request_frames[0], *over.challenge_frames[:1], *over.success_frames[:1])
        return f"TCP {HTTPS} of the same Edge answers.", (
            Proof(over.capture, frames, f"the relay answers over TCP {HTTPS}"),
        )
    if way.accepted:
        return f"TCP {HTTPS} of the same Edge is accepted, but no answer of the relay is seen on it.", ()
    if way.tcp:
        return f"TCP {HTTPS} of the same Edge seems to fail too, which this capture cannot prove.", way.tcp.proof[:1]
    return f"TCP {HTTPS} of the same Edge was not tried in this capture.", ()


@rule(
    title="TCP 443 of the A/V Edge is closed",
    severity=Severity.MAJOR,
    stage=Stage.RELAY,
    causes=("The firewall's rule covers only the address of the Access Edge.",),
    fix=("Open TCP 443 to the A/V address too, inside as well as outside.",),
    act=("network/firewall team",),
    sources=("ms-edge-nat", "notes-poster", "schertz-ports"),
    explains=WITHOUT_RELAY,
)
def av_edge_tcp443_blocked(inquiry: Inquiry) -> Iterator[Judgement]:
    """A device cannot connect to TCP 443 of a media relay, inside or outside.

    Evidence: SYNs to TCP 443 of an A/V Edge address or of the Edge's internal interface are refused or unanswered; of
    a client outside, that port 443 of the Access Edge works is added.

    Not this: one address for several Edge services, where nothing tells which of them has port 443; both ways to the
    relay blocked, which is a finding of its own; an Edge that is down.
    """
    absorbed = {id(one.tcp) for one in ways(inquiry) if one.tcp and _both_fail(inquiry, one)}
    yield from open_paths(inquiry, TCP_443)
    for verdict in judged(inquiry, TCP_443):
        attempt = verdict.attempt
        if id(verdict) in absorbed:
            continue
        if _is_shared(inquiry, attempt.server):
            yield Doubt(
                attempt.client, f"{attempt.server} has several Edge services, and nothing tells which one is at 443"
            )
            continue
        effect = (
            "Over TCP 443 the relay carries shared desktops and files, and all media of devices whose UDP is blocked."
        )
        shown = blocked(inquiry, verdict, effect, extra=_access_edge(inquiry, verdict))
        later = consequences(inquiry, attempt.client, WITHOUT_RELAY)
        yield replace(shown, explains=later) if isinstance(shown, Found) else shown


def _is_shared(inquiry: Inquiry, server: str) -> bool:
    roles = inquiry.case.roles
    if roles.told and roles.told.services_at(server, HTTPS, "tcp"):
        return False
    return roles.has(server, EDGE_AV) and roles.has(server, EDGE_ACCESS, EDGE_WEBCONF)


def _access_edge(inquiry: Inquiry, verdict: Verdict) -> tuple[Proof, ...]:
    """That the same client reaches port 443 of the Access Edge."""
    attempt = verdict.attempt
    for one in inquiry.case.attempts_of(attempt.client):
        reached = one.established and one.port == HTTPS and inquiry.case.roles.has(one.server, EDGE_ACCESS)
        if reached and one.server != attempt.server and one.capture == attempt.capture:
            frame = int(inquiry.case.flows.at[one.established[0], "first_frame_server"])
            if frame:
                says = f"TCP {HTTPS} of the Access Edge {one.server} works from there"
                return (Proof(one.capture, (frame,), says),)
    return ()


@rule(
    title="Neither UDP 3478 nor TCP 443 of the Edge works: the device gets no relay",
    severity=Severity.CRITICAL,
    stage=Stage.RELAY,
    causes=("No firewall rule at all covers this subnet.",),
    fix=("Open UDP 3478 and TCP 443 from this subnet to each address of the Edge's relay.",),
    act=("network/firewall team",),
    sources=("ms-edge-nat",),
    explains=(*LATER, *WITHOUT_RELAY),
)
def relay_all_transports_blocked(inquiry: Inquiry) -> Iterator[Judgement]:
    """A device tries both ways to a media relay, UDP 3478 and TCP 443, and both are blocked.

    Evidence: requests to UDP 3478 without an answer and SYNs to TCP 443 of the same address refused or unanswered,
    from one device, while the Edge sends packets to somebody. Where another relay serves the device it is less grave.

    Not this: an Edge that answers nobody, which may be down; one way that works. It takes the place of the findings
    on a single way.
    """
    for way in ways(inquiry):
        ask = way.ask
        if way.accepted or ask.answered:
            yield Clear(ask.client)
        elif way.tcp and not told_otherwise(inquiry, way):
            doubt = doubt_of(inquiry, way) or way.tcp.doubt
            if not doubt and way.side is Side.EXTERNAL and inquiry.is_placed(ask.client, Location.INSIDE):
                doubt = f"it is inside, and {ask.server} is for devices outside: it may be closed to it"
            yield Doubt(ask.client, doubt) if doubt else _neither(inquiry, way, way.tcp)


def _both_fail(inquiry: Inquiry, way: Way) -> bool:
    return _wholly(way) and not way.ask.answered and not told_otherwise(inquiry, way) and not doubt_of(inquiry, way)


def _neither(inquiry: Inquiry, way: Way, tcp: Verdict) -> Found:
    ask = way.ask
    elsewhere = next((one for one in inquiry.case.relays.allocations_of(ask.client) if one.success_frames), None)
    effect = "Calls that no direct way carries fail."
    if elsewhere:
        effect = f"It gets a relay from {elsewhere.server} instead."
    return subject_of_ask(ask).found(
        f"{inquiry.word(ask.client)} reaches {inquiry.server(ask.server, ask.port)} neither on UDP port {ask.port} nor "
        f"on TCP port {HTTPS}. {effect}",
        f"{asked_words(ask)}. {tcp.says}.",
        Confidence.CERTAIN if way.served else Confidence.LIKELY,
        asked_proof(ask),
        tcp.proof[0],
        heard_proof(inquiry, way),
        time=min(ask.times[0], tcp.attempt.first_time),
        flows=(*ask.flows, *tcp.attempt.flows),
        explains=consequences(inquiry, ask.client, relay_all_transports_blocked.explains),
        severity=Severity.MAJOR if elsewhere else None,
        rejected=tcp.rejected,
    )
