"""Edge Servers whose way to the Internet leads inside, and those whose two sides are one (catalogue group 6)."""

from collections.abc import Iterator

from lynccap.correlation.addresses import subnet_of
from lynccap.correlation.edges import EdgeServer
from lynccap.correlation.protocol_numbers import HTTP
from lynccap.correlation.rows import rows_of
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement
from lynccap.diagnosis.rules.edges.cards import (
    LISTED,
    UNTOLD,
    Sent,
    first_frames,
    is_internet,
    macs,
    networks,
    sent_outside,
)
from lynccap.diagnosis.subjects import subject_of
from lynccap.document import Confidence, Severity

INTERNET_NETWORKS = 2  # one alone may have a route of its own


@rule(
    title="The Edge's default gateway is on its internal interface",
    severity=Severity.CRITICAL,
    stage=Stage.NETWORK,
    causes=("The default gateway is set on the internal network card, or on both.",),
    fix=("Set the default gateway on the external card only, and static routes on the internal one.",),
    act=("Lync administrator (routing)",),
    sources=("notes-edge", "ms-edge-nic"),
    explains=("edge-crl-via-internal-nic", "tcp-filtered-silent", "asymmetric-routing"),
)
def edge_gateway_on_internal_nic(inquiry: Inquiry) -> Iterator[Judgement]:
    """What an Edge Server sends to the Internet leaves by its internal card.

    Evidence: answers of the Edge's external address to several public networks, with the internal card's hardware
    address; or connections of its internal address to several public networks (likely).

    Not this: private partner networks, and public networks that are inside; what an authority's list is fetched by
    alone. Inconclusive where one public network only is answered so, which may have a route of its own.
    """
    for sent in sent_outside(inquiry):
        yield from _by_inner_card(inquiry, sent)
    for edge in inquiry.case.edges.ours:
        yield from _from_inner_address(inquiry, edge)


def _by_inner_card(inquiry: Inquiry, sent: Sent) -> Iterator[Judgement]:
    device = (sent.edge.inner or sent.edge.outer)[0]
    reached = networks(sent.astray)
    if not sent.astray:
        yield Doubt(device, UNTOLD) if sent.untold and not sent.straight else Clear(device)
    elif len(reached) < INTERNET_NETWORKS or sent.straight:
        because = f"only {', '.join(sorted(reached)[:4])} is answered by the internal card: it may have its own route"
        yield Doubt(device, because)
    else:
        first = sent.astray[0]
        outgoing = macs(sent.astray)
        yield Found(
            device=device,
            peer=first.peer,
            port=int(inquiry.case.facts_of(first.flow, "server_port")[0]),
            transport=str(inquiry.case.facts_of(first.flow, "transport")[0]),
            service=str(inquiry.case.facts_of(first.flow, "service")[0]),
            says=f"The Edge {device} answers the Internet by its internal network card.",
            why=(
                f"Packets of {', '.join(sorted({one.address for one in sent.astray})[:4])} for {len(reached)} public "
                f"networks leave by {outgoing}, the card of the internal address. The firewall outside never sees them."
            ),
            confidence=Confidence.CERTAIN,
            proof=(first_frames(sent.astray, f"packets for the Internet that leave by the internal card {outgoing}"),),
            time=min(one.time for one in sent.astray),
            flows=tuple(one.flow for one in sent.astray),
        )


def _from_inner_address(inquiry: Inquiry, edge: EdgeServer) -> Iterator[Judgement]:
    flows = inquiry.case.flows
    asked = flows[flows["client"].isin(edge.inner) & (flows["server_port"] != HTTP)]
    rows = [row for row in rows_of(asked, ("client", "server", "first_frame")) if is_internet(inquiry, row.server)]
    if len({subnet_of(row.server) for row in rows}) < INTERNET_NETWORKS:
        return
    subject = subject_of(inquiry, rows[0].Index)
    frames = [row.first_frame for row in rows if inquiry.case.facts_of(row.Index, "capture")[0] == subject.capture]
    yield subject.found(
        f"The Edge {subject.device} goes to the Internet with its internal address.",
        f"{len(rows)} conversations of the internal address are for public networks. The address tells the card: its "
        "way to the Internet leads inside.",
        Confidence.LIKELY,
        subject.shows("conversations of the internal address with public ones", *frames[:LISTED]),
        flows=tuple(row.Index for row in rows),
    )
