"""Edge Servers that answer inside by their outer network card, or with their outer address (catalogue group 6)."""

from collections.abc import Iterator
from typing import Any

from lynccap.correlation.addresses import is_private, subnet_of
from lynccap.correlation.edges import EdgeServer, Sending
from lynccap.correlation.media.relays import TURN_UDP_PORT
from lynccap.correlation.roles.claims import FRONT_END
from lynccap.correlation.rows import rows_of
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.rules.edges.cards import UNTOLD, Sent, first_frames, macs, networks, requests_of, sent_inside
from lynccap.diagnosis.subjects import subject_of
from lynccap.document import Confidence, Severity


@rule(
    title="The Edge answers inside networks through its external interface",
    severity=Severity.MAJOR,
    stage=Stage.NETWORK,
    causes=(
        "The Edge Server has no static routes to the inside networks.",
        "Its default gateway, on the external interface, has the better metric.",
    ),
    fix=("Add persistent static routes to the inside networks by the internal interface.",),
    act=("Lync administrator (routing)",),
    sources=("notes-edge", "ms-edge-nic"),
    explains=("media-via-external-edge-from-inside", "tcp-filtered-silent", "asymmetric-routing"),
)
def edge_uses_external_nic_for_internal(inquiry: Inquiry) -> Iterator[Judgement]:
    """What an Edge Server sends to inside networks leaves by its external card, or with its external address.

    Evidence: a request to the Edge's internal address whose answers leave with the external card's hardware address;
    or answers to it that come from the Edge's external address; or connections of the Edge's external address to a
    Front End.

    Not this: a client that asks the external address itself, and what it is answered; a relay port that tests the
    addresses it was told; single networks that are answered so while others are not, which lack a route only.
    """
    for sent in sent_inside(inquiry):
        yield from _by_outer_card(inquiry, sent)
    for edge in inquiry.case.edges.ours:
        yield from _with_outer_address(inquiry, edge)


def _by_outer_card(inquiry: Inquiry, sent: Sent) -> Iterator[Judgement]:
    device = (sent.astray or sent.straight or sent.untold)[0].address
    if not sent.astray:
        yield Doubt(device, UNTOLD) if sent.untold and not sent.straight else Clear(device)
        return
    if _relayed_straight(inquiry, sent):
        return  # some networks only: they lack a route
    signalling = [one for one in sent.straight if inquiry.case.roles.is_lync(one.peer)]
    rest = "What it sends to the Front Ends leaves by the right one. " if signalling else ""
    asked = [one.flow for one in sent.astray]
    proof = [requests_of(inquiry, sent.capture, asked, "requests of inside hosts at the internal address")]
    proof.append(first_frames(sent.astray, f"packets for inside that leave by the external card {macs(sent.astray)}"))
    if signalling:
        proof.append(
            first_frames(signalling, f"packets for Front Ends that leave by the internal card {macs(signalling)}")
        )
    yield _misled(
        inquiry,
        sent.astray[0],
        f"The Edge {device} sends what is for {_peers(sent.astray)} by its external network card.",
        f"{rest}The firewalls on that way do not expect it, and drop or translate it.",
        proof,
        sent.astray,
    )


def _relayed_straight(inquiry: Inquiry, sent: Sent) -> bool:
    """Whether clients of other networks are answered by the right card."""
    lost = set(networks(sent.astray))
    return any(not inquiry.case.roles.is_lync(one.peer) and subnet_of(one.peer) not in lost for one in sent.straight)


def _misled(
    inquiry: Inquiry, first: Sending, says: str, why: str, proof: list[Proof], ones: tuple[Sending, ...]
) -> Found:
    subject = subject_of(inquiry, first.flow)
    edge = subject.device == first.address
    return Found(
        device=first.address,
        peer=subject.peer if edge else subject.device,
        port=subject.port,
        transport=subject.transport,
        service=subject.service,
        says=says,
        why=why,
        confidence=Confidence.CERTAIN,
        proof=tuple(proof),
        time=min(one.time for one in ones),
        flows=tuple(one.flow for one in ones),
        rejected=(("media-via-external-edge-from-inside", "the internal address is asked, not the external one"),),
    )


def _peers(ones: tuple[Sending, ...]) -> str:
    return ", ".join(sorted(networks(ones))[:4])


def _with_outer_address(inquiry: Inquiry, edge: EdgeServer) -> Iterator[Judgement]:
    case = inquiry.case
    for outer in edge.outer:
        for attempt in case.attempts_of(outer):
            if case.roles.has(attempt.server, FRONT_END) and is_private(attempt.server) and edge.inner:
                yield _called_front_end(inquiry, attempt.flows[0], edge)
                break
    yield from _answered_from_outside(inquiry, edge)


def _called_front_end(inquiry: Inquiry, flow: int, edge: EdgeServer) -> Found:
    subject = subject_of(inquiry, flow)
    claim = inquiry.case.roles.best(subject.device)
    return subject.found(
        f"The Edge {subject.device} connects to {inquiry.server(subject.peer, subject.port)} from its external "
        "address.",
        f"Its internal address is {', '.join(edge.inner)}. The address tells the card: the route inside leads outside.",
        Confidence.CERTAIN if edge.told or (claim and claim.decisive) else Confidence.LIKELY,
        subject.shows("the connection from the external address", inquiry.case.facts_of(flow, "first_frame")[0]),
    )


def _answered_from_outside(inquiry: Inquiry, edge: EdgeServer) -> Iterator[Judgement]:
    """Datagrams to the internal address that the external one answers."""
    if not edge.inner or not edge.outer:
        return
    flows = inquiry.case.flows
    flows = flows[(flows["transport"] == "udp") & (flows["opening"] == "one-way")]
    columns = ("capture", "client", "client_port", "server", "server_port", "first_frame", "first_time")
    asked = {
        (row.capture, row.client, row.client_port): row
        for row in rows_of(flows[flows["server"].isin(edge.inner) & (flows["server_port"] == TURN_UDP_PORT)], columns)
    }
    said = flows[flows["client"].isin(edge.outer) & (flows["client_port"] == TURN_UDP_PORT)]
    for row in rows_of(said, columns):
        request: Any = asked.get((row.capture, row.server, row.server_port))
        if request is None or request.first_time > row.first_time:
            continue
        subject = subject_of(inquiry, row.Index)
        yield subject.found(
            f"{inquiry.word(row.server)} asks the Edge's internal address {request.server}, and the external one, "
            f"{row.client}, answers.",
            "The answers come from an address that was never asked, so the device takes no notice of them.",
            Confidence.CERTAIN,
            subject.shows(
                "the request, and the first answer from the other address", request.first_frame, row.first_frame
            ),
            port=TURN_UDP_PORT,
            service="stun-turn",
            flows=(request.Index, row.Index),
            time=request.first_time,
        )
