"""A/V Edges behind address translation that tells them, or tells of them, wrong addresses (catalogue group 6)."""

from collections import defaultdict
from collections.abc import Iterator

from lynccap.correlation.addresses import is_private, is_public, split_endpoint, subnet_of
from lynccap.correlation.media.allocations import Allocation
from lynccap.correlation.media.relays import Side
from lynccap.correlation.names import SOURCE_DNS
from lynccap.correlation.roles.claims import EDGE_AV, LOAD_BALANCER
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
    device = inquiry.device(one.client)
    if is_public(one.server) and device and device.location is Location.INSIDE:
        return f"{one.client} is inside, where {host} may be routed: a capture of an outside peer would tell"
    return None


@rule(
    title="The firewall rewrites the sources of what arrives at the A/V Edge",
    severity=Severity.MAJOR,
    stage=Stage.RELAY,
    causes=(
        "The publishing rule translates sources, too (full NAT).",
        "A load balancer in front of the A/V Edge puts its own address in (SNAT).",
    ),
    fix=("Translate the destination only on the way to the A/V Edge.",),
    act=("network/firewall team",),
    sources=("ms-av-fw", "sfb-edge", "ms-edge-hlb"),
)
def edge_nat_changes_source(inquiry: Inquiry) -> Iterator[Judgement]:
    """An A/V Edge sees all its outside clients at one address that is not theirs.

    Evidence: clients of different public networks, or several outside at all, are told one and the same reflexive
    address, which is not theirs: certain. Or, recorded before the external interface, everybody who allocates there
    comes from one private address, with several credentials: likely.

    Not this: several clients behind one translator of their own, such as a provider's; inside clients that the
    firewall turns back. Inconclusive with one client.
    """
    by_server: dict[tuple[int, str], list[Allocation]] = defaultdict(list)
    for one in inquiry.case.relays.allocations:
        if one.reflexive and not one.tunnelled and one.server not in inquiry.case.relays.cloud:
            by_server[one.capture, one.server].append(one)
    for (_, server), ones in by_server.items():
        yield from _seen_as(inquiry, server, ones)


def _seen_as(inquiry: Inquiry, server: str, ones: list[Allocation]) -> Iterator[Judgement]:
    seen: dict[str, list[Allocation]] = defaultdict(list)
    for one in ones:
        end = split_endpoint(one.reflexive)
        if (
            end
            and end[0] != one.client
            and _outside(inquiry, one, end[0])
            and not _of_balancer(inquiry, server, end[0])
        ):
            seen[end[0]].append(one)
    for address, mine in seen.items():
        clients = tuple(dict.fromkeys(one.client for one in mine))
        if _far_apart(clients, address):
            yield _rewritten(inquiry, server, address, mine, Confidence.CERTAIN)
        elif is_private(address):
            yield Doubt(server, f"only {clients[0]} is told the private address {address}: one client proves nothing")
    yield from _one_source(inquiry, server, ones)
    if not seen:
        yield Clear(server)


def _of_balancer(inquiry: Inquiry, server: str, address: str) -> bool:
    """Whether it is a load balancer that puts its address in: a rule of its own tells that."""
    farms = (farm for farm in inquiry.case.farms.values() if server in (farm.vip, *farm.members) and farm.sure)
    return inquiry.case.roles.has(address, LOAD_BALANCER) or any(address in farm.own for farm in farms)


def _outside(inquiry: Inquiry, one: Allocation, reflexive: str) -> bool:
    """Whether a client comes from outside, so that nothing near it can have put that address in."""
    if is_public(one.client):
        return True
    device = inquiry.device(one.client)
    outside = device is not None and device.location is Location.OUTSIDE
    return outside and is_private(reflexive) and is_public(one.server)


def _far_apart(clients: tuple[str, ...], address: str) -> bool:
    """Whether no one translator can be in front of some clients: public ones of several networks, or a private one."""
    public = {subnet_of(one) for one in clients if is_public(one)}
    return len(public) > 1 or (len(clients) > 1 and is_private(address))


def _rewritten(inquiry: Inquiry, server: str, address: str, ones: list[Allocation], confidence: Confidence) -> Found:
    clients = tuple(dict.fromkeys(one.client for one in ones))
    subject = subject_of(
        inquiry, ones[0].flow, of_client=ones[0].client != inquiry.case.flows.at[ones[0].flow, "client"]
    )
    frames = [frame for one in ones for frame in one.success_frames][:LISTED]
    who = f"{len(clients)} clients ({', '.join(clients[:4])})" if len(clients) > 1 else "all its clients"
    return subject.found(
        f"The A/V Edge {server} sees {who} as {address}: something in front of it rewrites their addresses.",
        f"Each is told {address} as its own outside address. Their peers send to it and reach nobody.",
        confidence,
        subject.shows(f"allocations that tell {address} as the client's outside address", *frames),
        device=server,
        peer=address,
        port=ones[0].port,
        service="stun-turn",
        time=ones[0].request_times[0],
        flows=tuple(one.flow for one in ones),
        rejected=(("lb-snat-on-av-edge", f"nothing shows that {address} is a load balancer's"),),
    )


def _one_source(inquiry: Inquiry, server: str, ones: list[Allocation]) -> Iterator[Judgement]:
    """Recorded behind the rewriting: everybody comes from one private address."""
    sources = {one.client for one in ones}
    if len(sources) != 1 or not is_private(server) or inquiry.case.relays.side_of(server) is not Side.EXTERNAL:
        return
    source = next(iter(sources))
    reached = {one.client for one in inquiry.case.relays.allocations if one.server == server}
    if not is_private(source) or reached != sources or _of_balancer(inquiry, server, source):
        return
    names = _credentials(inquiry, ones)
    if names > 1:
        yield _rewritten(inquiry, server, source, ones, Confidence.LIKELY)
    else:
        yield Doubt(server, f"only {source} asks {server}: whether that is a client or a translator is not shown")


def _credentials(inquiry: Inquiry, ones: list[Allocation]) -> int:
    """How many relay user names were shown: every client gets its own."""
    stun = inquiry.case.tables["stun"]
    mine = stun[stun["flow"].isin([one.flow for one in ones]) & (stun["method"] == "allocate")]
    return int(mine["username"].dropna().nunique())
