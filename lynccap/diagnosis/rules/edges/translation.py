"""A/V Edges that see all their clients at one address, because something rewrites it (catalogue group 6)."""

from collections import defaultdict
from collections.abc import Iterator

from lynccap.correlation.addresses import is_private, is_public, split_endpoint, subnet_of
from lynccap.correlation.media.allocations import Allocation
from lynccap.correlation.media.relays import Side
from lynccap.correlation.roles.claims import LOAD_BALANCER
from lynccap.correlation.roles.sides import Location
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement
from lynccap.diagnosis.subjects import subject_of
from lynccap.document import Confidence, Severity

LISTED = 20


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
    explains=("ice-all-checks-failed", "media-one-way"),
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
    return inquiry.is_placed(one.client, Location.OUTSIDE) and is_private(reflexive) and is_public(one.server)


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
