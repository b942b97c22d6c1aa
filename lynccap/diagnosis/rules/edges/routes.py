"""Inside networks that the Edge Server has no route to (catalogue group 6)."""

from collections.abc import Iterator

from lynccap.correlation.addresses import subnet_of
from lynccap.correlation.edges import Sending
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.rules.edges.cards import (
    LISTED,
    UNTOLD,
    Sent,
    first_frames,
    macs,
    networks,
    requests_of,
    sent_inside,
)
from lynccap.diagnosis.rules.edges.networks_lost import LostNetwork, lost_networks
from lynccap.document import Confidence, Severity

RELAYS = "stun-turn"


@rule(
    title="The Edge has no route to an inside network",
    severity=Severity.CRITICAL,
    stage=Stage.NETWORK,
    causes=("The Edge Server lacks a persistent static route to that network.",),
    fix=("Add a persistent static route by the internal interface for every network of clients and servers.",),
    act=("Lync administrator (routing)",),
    sources=("notes-edge", "ms-edge-nic"),
    explains=(
        "tcp-filtered-silent",
        "media-via-external-edge-from-inside",
        "media-tcp443-fallback",
        "no-relay-candidates-offered",
        "ice-all-checks-failed",
    ),
)
def edge_internal_route_missing(inquiry: Inquiry) -> Iterator[Judgement]:
    """One inside network gets no answers from the Edge's internal interface, while others do.

    Evidence: requests of that network at the internal interface, recorded on the Edge's own link; answers that leave
    by the external card (certain), or none at all on any port (likely); clients of other networks are answered by the
    internal card at that time.

    Not this: requests that a firewall drops before the Edge, and whatever is recorded elsewhere than on the Edge's
    link: inconclusive. A network of which one port alone is silent; a capture that lost packets or ends early.
    """
    for sent in sent_inside(inquiry):
        working = [one for one in sent.straight if one.both_ways and not inquiry.case.roles.is_lync(one.peer)]
        lost = networks(sent.astray) if working else {}
        for network, ones in lost.items():
            yield _astray(inquiry, network, ones, working)
        yield from _silent_networks(inquiry, sent, working, set(lost))
        for one in working:
            if subnet_of(one.peer) not in lost:
                yield Clear(one.peer)
    yield from _split_elsewhere(inquiry)


def _astray(inquiry: Inquiry, network: str, ones: list[Sending], working: list[Sending]) -> Found:
    inner = ones[0].address
    return Found(
        device=ones[0].peer,
        peer=inner,
        port=int(inquiry.case.facts_of(ones[0].flow, "server_port")[0]),
        transport=str(inquiry.case.facts_of(ones[0].flow, "transport")[0]),
        service=RELAYS,
        says=f"Network {network} gets no answers from the Edge's internal interface {inner}: they leave outside.",
        why=(
            f"The answers for it leave by the external card {macs(ones)}, those for "
            f"{', '.join(sorted(networks(working))[:4])} by the internal card {macs(working)}."
        ),
        confidence=Confidence.CERTAIN,
        proof=(
            requests_of(
                inquiry,
                ones[0].capture,
                [one.flow for one in ones],
                "requests of that network at the internal interface",
            ),
            first_frames(ones, "answers for that network, by the external card"),
            first_frames(working, "answers for other networks, by the internal card"),
        ),
        time=min(one.time for one in ones),
        flows=tuple(one.flow for one in ones),
        rejected=(("tcp-filtered-silent", "the Edge does answer: by the wrong card"),),
    )


def _silent_networks(inquiry: Inquiry, sent: Sent, working: list[Sending], told: set[str]) -> Iterator[Judgement]:
    """Networks whose requests are on the Edge's link while no card answers them."""
    for one in lost_networks(inquiry):
        if one.capture != sent.capture or one.server not in sent.edge.inner or one.network in told:
            continue
        first, last = min(row.first_time for row in one.asked), max(row.last_time for row in one.asked)
        doubt = inquiry.gates.missing(one.capture, first, last, one.tries)
        if doubt or not working:
            yield Doubt(one.clients[0], doubt or UNTOLD)
        else:
            yield _silent(inquiry, one, first)


def _silent(inquiry: Inquiry, one: LostNetwork, first: int) -> Found:
    row = one.asked[0]
    others = ", ".join(sorted({subnet_of(each.client) for each in one.answered})[:4])
    asked = [each.Index for each in one.asked]
    return Found(
        device=row.client,
        peer=one.server,
        port=row.server_port,
        transport=row.transport,
        service=RELAYS,
        says=f"Network {one.network} gets no answers from the Edge's internal interface {one.server}, others do.",
        why=(
            f"{one.tries} packets of {', '.join(one.clients[:4])} are on the Edge's own link and nothing comes back "
            f"on it. {others} is answered on the same port meanwhile. A capture of the external card would show "
            "whether the answers leave there."
        ),
        confidence=Confidence.LIKELY,
        proof=(
            requests_of(inquiry, one.capture, asked, "requests on the Edge's link without any answer"),
            Proof(one.capture, tuple(sorted(each.first_frame for each in one.answered))[:LISTED], "answered meanwhile"),
        ),
        time=first,
        flows=tuple(asked),
        rejected=(("tcp-filtered-silent", "the requests do arrive at the Edge: they are recorded on its link"),),
    )


def _split_elsewhere(inquiry: Inquiry) -> Iterator[Doubt]:
    """The same recorded elsewhere: a firewall may as well have dropped the requests."""
    edges = inquiry.case.edges
    for one in lost_networks(inquiry):
        if not any(sent.capture == one.capture for sent in edges.sendings_of([one.server])):
            because = (
                f"nobody in {one.network} is answered by {one.server} and others are: whether a firewall drops the "
                "requests or the Edge lacks a route only a capture at the Edge's internal interface shows"
            )
            yield Doubt(one.clients[0], because)
