"""Edge Servers whose two sides share a network or a network card (catalogue group 6)."""

from collections.abc import Iterator
from ipaddress import ip_address
from itertools import product

from lynccap.correlation.addresses import subnet_of
from lynccap.correlation.edges import EdgeServer
from lynccap.correlation.link_addresses import NOBODY
from lynccap.correlation.rows import rows_of
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.document import Confidence, Severity

Used = tuple[Proof, int]
"""Packets of both sides, and the time of the first."""
SMALLEST = 30  # bits: two hosts need a /30 at least (RFC 3021 has links of two, where no gateway has room)


@rule(
    title="The Edge's two sides share one network or one network card",
    severity=Severity.MAJOR,
    stage=Stage.NETWORK,
    causes=("The Edge Server was set up with one network card, or with both in one network: that is not supported.",),
    fix=("Give the Edge two network cards in two networks that are not routed to each other.",),
    act=("Lync administrator",),
    sources=("notes-edge", "ms-edge-nic", "ms-hlb"),
)
def edge_single_subnet_or_nic(inquiry: Inquiry) -> Iterator[Judgement]:
    """The internal and the external address of one Edge Server are in one network, or on one network card.

    Evidence: one host on the link asks by ARP for both addresses, so both are in its network, or the addresses are so
    near that no two networks have room for them (certain); or ARP gives both addresses to one card (likely). Traffic
    of both sides is in the capture.

    Not this: a trunk, where two VLANs are behind one card. Inconclusive where both addresses begin alike and nothing
    tells how long the network's mask is.
    """
    for edge in inquiry.case.edges.ours:
        if edge.inner and edge.outer:
            yield from _judged(inquiry, edge)


def _judged(inquiry: Inquiry, edge: EdgeServer) -> Iterator[Judgement]:
    pairs = [pair for pair in product(edge.inner, edge.outer) if _alike(*pair)]
    for inner, outer in pairs:
        asked = _asked_for_both(inquiry, inner, outer)
        near = _common_bits(inner, outer) >= SMALLEST
        used = _used(inquiry, inner, outer)
        if (asked or near) and used:
            yield _one_network(inner, outer, asked, used)
            return
    card = _one_card(inquiry, edge)
    if card:
        yield card
    elif pairs:
        inner, outer = pairs[0]
        yield Doubt(inner, f"{inner} and {outer} begin alike, but nothing shows how long the mask of their network is")
    else:
        yield Clear(edge.inner[0])


def _alike(inner: str, outer: str) -> bool:
    return (":" in inner) == (":" in outer) and subnet_of(inner) == subnet_of(outer)


def _common_bits(one: str, other: str) -> int:
    first, second = ip_address(one), ip_address(other)
    return first.max_prefixlen - (int(first) ^ int(second)).bit_length() if first.version == 4 else 0


def _asked_for_both(inquiry: Inquiry, inner: str, outer: str) -> Proof | None:
    """Questions of one host, in one VLAN, for both addresses: a host asks only for those of its own network."""
    arp = inquiry.case.tables.arp
    if arp.empty:
        return None
    told = arp[(arp["kind"] == "request") & arp["target"].isin((inner, outer)) & (arp["address"] != NOBODY)]
    seen: dict[tuple[int, int, str], dict[str, int]] = {}
    for row in rows_of(told, ("capture", "vlan", "address", "target", "frame")):
        if row.address != row.target:
            seen.setdefault((row.capture, row.vlan, row.address), {}).setdefault(row.target, row.frame)
    for (capture, _, asker), frames in seen.items():
        if len(frames) > 1:
            return Proof(capture, tuple(sorted(frames.values())), f"{asker} asks the link for {inner} and for {outer}")
    return None


def _used(inquiry: Inquiry, inner: str, outer: str) -> Used | None:
    """The first packets that both addresses send in one capture."""
    flows = inquiry.case.flows
    first: dict[tuple[int, str], tuple[int, int]] = {}
    for side in ("client", "server"):
        mine = flows[flows[side].isin((inner, outer)) & (flows[f"first_frame_{side}"] > 0)]
        for row in rows_of(mine, ("capture", side, f"first_frame_{side}", f"first_time_{side}")):
            first.setdefault((row[1], row[2]), (row[3], row[4]))
    for capture in sorted({capture for capture, _ in first}):
        ends = [first[capture, one] for one in (inner, outer) if (capture, one) in first]
        if len(ends) > 1:
            frames, times = zip(*ends, strict=True)
            return Proof(capture, tuple(sorted(frames)), "packets of both sides in one capture"), min(times)
    return None


def _one_network(inner: str, outer: str, asked: Proof | None, used: Used) -> Found:
    why = asked.says if asked else "the addresses are so near that no two networks have room for them"
    what = f"has its internal address in one network with the external one, {outer}"
    return _shared((inner, outer), what, why, asked, used)


def _shared(ends: tuple[str, str], what: str, why: str, told: Proof | None, used: Used, *, sure: bool = True) -> Found:
    proof, time = used
    return Found(
        device=ends[0],
        peer=ends[1],
        service="stun-turn",
        says=f"The Edge {ends[0]} {what}.",
        why=f"{why[:1].upper()}{why[1:]}. Which way its packets take is then a matter of chance.",
        confidence=Confidence.CERTAIN if sure else Confidence.LIKELY,
        proof=(told, proof) if told else (proof,),
        time=time,
    )


def _one_card(inquiry: Inquiry, edge: EdgeServer) -> Found | None:
    arp = inquiry.case.tables.arp
    own = set(edge.addresses) - inquiry.case.edges.balanced
    told = arp[(arp["kind"] == "reply") & arp["address"].isin(own)] if len(arp) else arp
    claims: dict[tuple[int, str, int], dict[str, int]] = {}
    for row in rows_of(told, ("capture", "mac", "vlan", "address", "frame")):
        claims.setdefault((row.capture, row.mac, row.vlan), {}).setdefault(row.address, row.frame)
    for (capture, mac, _), frames in claims.items():
        inner = next((one for one in frames if one in edge.inner), None)
        outer = next((one for one in frames if one in edge.outer), None)
        used = _used(inquiry, inner, outer) if inner and outer else None
        if inner and outer and used:
            proof = Proof(capture, tuple(sorted((frames[inner], frames[outer]))), f"{mac} claims {inner} and {outer}")
            what = f"has its internal address on the same network card as the external one, {outer}"
            return _shared((inner, outer), what, proof.says, proof, used, sure=False)
    return None
