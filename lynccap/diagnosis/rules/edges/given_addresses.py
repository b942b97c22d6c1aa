"""A/V Edges that hand out relay addresses at which nobody reaches them (catalogue group 6)."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from lynccap.correlation.addresses import is_private, is_public, split_endpoint
from lynccap.correlation.media.allocations import Allocation
from lynccap.correlation.media.calls.descriptions import read_descriptions
from lynccap.correlation.names import SOURCE_DNS
from lynccap.correlation.roles.claims import EDGE_AV
from lynccap.correlation.roles.sides import Location
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.rules.edges.unheard import Unheard, relays_there, unheard
from lynccap.diagnosis.subjects import subject_of
from lynccap.document import Confidence, Severity

LISTED = 20


@rule(
    title="The A/V Edge hands out an address at which nobody reaches it",
    severity=Severity.CRITICAL,
    stage=Stage.RELAY,
    causes=(
        "The topology lacks the public address of the A/V Edge behind translation, or has a wrong one.",
        "The provider's addresses changed, and the topology was not changed with them.",
    ),
    fix=("Set the A/V Edge's public address in the topology, and change DNS and translation together with it.",),
    act=("Lync administrator", "network/firewall team"),
    sources=("sfb-edge", "ms-av-fw", "notes-edge", "icewarn"),
    explains=("ice-all-checks-failed", "media-one-way", "media-start-late"),
)
def edge_nat_address_wrong(inquiry: Inquiry) -> Iterator[Judgement]:
    """The relay addresses that an A/V Edge gives are not of the public address by which it is reached.

    Evidence: the relay address of an allocation is private, or another public one than clients ask, or than DNS
    answers for the A/V name, or than the topology has as the Edge's public address; checks of others to it are
    never answered (certain), or none is in the capture (likely, and of a private address only).

    Not this: an inside client that is given the public address by the inner interface; private addresses that are
    routed to the peers; an address of another IP version; a pool member behind a load balancer, which is heard.
    """
    wrong: dict[tuple[int, str, str], list[tuple[Allocation, str]]] = defaultdict(list)
    for one in inquiry.case.relays.allocations:
        end = split_endpoint(one.relay)
        if end is None or one.tunnelled or one.server in inquiry.case.relays.cloud:
            continue
        known = _public_addresses(inquiry, one.server, end[0])
        if not known or end[0] in known:
            yield Clear(one.server)
        else:
            says = "; ".join(known.values())
            wrong[one.capture, one.server, end[0]].append((one, says))
    for (_, server, host), ones in wrong.items():
        yield _handed_out(inquiry, server, host, ones)
    yield from _described(inquiry, {host for _, _, host in wrong})


def _public_addresses(inquiry: Inquiry, server: str, host: str) -> dict[str, str]:
    """The public addresses at which an Edge is reached, of the version of the one it hands out; what tells each."""
    case = inquiry.case
    known: dict[str, str] = {}
    if is_public(server):
        known[server] = f"clients reach it at {server}"
    told = case.roles.told.places if case.roles.told else {}
    places = [one for address in (server, host) for one in told.get(address, ()) if one.role == EDGE_AV]
    names = {name for one in places for name in one.names}
    names |= {one for one in case.names.names_of(server, SOURCE_DNS) if is_public(server)}
    for name in sorted(names):
        for address in case.names.addresses_of(name):
            known.setdefault(address, f"DNS gives {address} for {name}")
    for place in places if not known else ():
        known.setdefault(place.nat, f"the topology has {place.nat} as its public address")
    return {one: says for one, says in known.items() if is_public(one) and (":" in one) == (":" in host)}


def _handed_out(inquiry: Inquiry, server: str, host: str, ones: list[tuple[Allocation, str]]) -> Judgement:
    allocation, says = ones[0]
    vain = unheard(inquiry, host)
    doubt = _doubt(inquiry, allocation, host, vain)
    if doubt:
        return Doubt(server, doubt)
    frames = tuple(frame for one, _ in ones for frame in one.success_frames)[:LISTED]
    kind = "private" if is_private(host) else "another public"
    proof = [Proof(allocation.capture, frames, f"relay addresses of {host} are handed out")]
    checked = ""
    if vain:
        proof.append(Proof(vain.capture, vain.frames[:LISTED], f"checks to {host} that nothing answers"))
        checked = f" {vain.packets} packets of {', '.join(vain.senders[:3])} to {host} got no answer."
    return Found(
        device=server,
        peer=host,
        port=allocation.port,
        transport=allocation.transport,
        service="stun-turn",
        says=f"The A/V Edge {server} hands out relay addresses of {host}, {kind} address: nobody reaches it there.",
        why=f"{says[:1].upper()}{says[1:]}.{checked} Whoever is told the relay address sends its media nowhere.",
        confidence=Confidence.CERTAIN if vain else Confidence.LIKELY,
        proof=tuple(proof),
        time=allocation.request_times[0],
        flows=tuple(one.flow for one, _ in ones),
    )


def _doubt(inquiry: Inquiry, one: Allocation, host: str, vain: Unheard | None) -> str | None:
    """Why an address that differs may be right all the same."""
    if relays_there(inquiry, host):
        return f"{host} is not what outsiders are told, but answers here: it may be routed to its peers"
    if vain and vain.doubt:
        return vain.doubt
    told = inquiry.case.roles.told.places if inquiry.case.roles.told else {}
    if is_public(host) and not (vain and one.server in told and host not in told):
        return f"{host} differs from what clients ask, as behind a load balancer: the topology would tell"
    if vain:
        return None
    if is_public(one.server) and inquiry.is_placed(one.client, Location.INSIDE):
        return f"{one.client} is inside, where {host} may be routed: a capture of an outside peer would tell"
    return None


def _described(inquiry: Inquiry, known: set[str]) -> Iterator[Found]:
    """Relay candidates of readable SIP that have an A/V Edge's own address, where the topology has a public one."""
    told = inquiry.case.roles.told.places if inquiry.case.roles.told else {}
    public = {
        address: place.nat
        for address, places in told.items()
        for place in places
        if place.role == EDGE_AV
        and place.address == address
        and place.nat not in ("", address)
        and address not in known
    }
    for one in read_descriptions(inquiry.case.dialogs.calls).described if public else ():
        for description in one.descriptions:
            offered = {each.ip for line in description.media for each in line.candidates if each.type == "relay"}
            for host in sorted(offered & public.keys()):
                rows = (one.dialog.opening.request, *one.dialog.opening.answers)
                row = next((each for each in rows if each is not None and each.time == description.time), None)
                if row is not None:
                    yield _offered(inquiry, row, host, public.pop(host))


def _offered(inquiry: Inquiry, row: Any, host: str, public: str) -> Found:
    subject = subject_of(inquiry, row.flow)
    return subject.found(
        f"The A/V Edge {host} hands out relay addresses of {host}, a private address: nobody reaches it there.",
        f"A session description offers it as the relay candidate. The topology has {public} as its public address.",
        Confidence.LIKELY,
        subject.shows("the session description with that relay candidate", int(row.frame)),
        device=host,
        peer=host,
        port=None,
        service="stun-turn",
        time=int(row.time),
        reading=inquiry.reading(int(row.flow)),
    )
