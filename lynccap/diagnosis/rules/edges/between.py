"""What A/V Edges send each other: UDP 3478, and from their relay ports (catalogue group 6)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lynccap.correlation.addresses import is_public, split_endpoint
from lynccap.correlation.attempts import FAILED, TWO_WAY
from lynccap.correlation.media.relays import RELAY_PORTS, TURN_UDP_PORT
from lynccap.correlation.roles.claims import EDGE_AV, PARTNER, RELAY
from lynccap.correlation.rows import rows_of
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Proof

TRIES = 4  # datagrams, repeats among them: fewer may be lost by chance
SYNS = 3  # a SYN and two repeats
LISTED = 20
_COLUMNS = (
    *("capture", "transport", "client", "client_port", "server", "server_port", "opening", "service"),
    *("frames_client", "frames_server", "first_time", "last_time", "first_frame", "last_frame", "syns"),
)


@dataclass(frozen=True, slots=True)
class Between:
    """One flow between an outer address of ours and another host."""

    row: Any
    own: str
    peer: str
    own_port: int
    peer_port: int
    outward: bool
    """Our side sent the first packet."""

    @property
    def answered(self) -> bool:
        """Whether both sides were heard."""
        return self.row.opening in TWO_WAY

    @property
    def tried(self) -> int:
        """Packets, or SYNs, in vain."""
        return int(self.row.syns if self.row.transport == "tcp" else self.row.frames_client + self.row.frames_server)


def talks(inquiry: Inquiry) -> tuple[Between, ...]:
    """The flows of our Edges' outer addresses, those that ICMP reports left out."""
    outer = inquiry.case.edges.outer
    if not outer:
        return ()
    flows = inquiry.case.flows
    mine = flows[flows["client"].isin(outer) | flows["server"].isin(outer)]
    quoted = set(inquiry.case.tables.icmp["flow"])
    return tuple(_between(row, outer) for row in rows_of(mine, _COLUMNS) if row.Index not in quoted)


def _between(row: Any, outer: frozenset[str]) -> Between:
    if row.client in outer:
        return Between(row, row.client, row.server, row.client_port, row.server_port, outward=True)
    return Between(row, row.server, row.client, row.server_port, row.client_port, outward=False)


def among_edges(one: Between) -> bool:
    """UDP between the two TURN ports, as Edges talk to Edges."""
    return one.row.transport == "udp" and one.own_port == one.peer_port == TURN_UDP_PORT


def from_relay_ports(one: Between) -> bool:
    """Sent first by one of our relay ports."""
    return one.outward and one.own_port in RELAY_PORTS


def partner_edges(inquiry: Inquiry, talked: Iterable[Between]) -> frozenset[str]:
    """Public hosts that are others' A/V Edges: by what Edges say to them, by what our clients want sent there."""
    case = inquiry.case
    named = {end[0] for one in case.relays.allocations for peer in one.peers if (end := split_endpoint(peer))}
    spoke = {one.peer for one in talked if among_edges(one)}
    ours = case.edges.outer
    roles = {one.peer for one in talked if case.roles.has(one.peer, EDGE_AV, RELAY, PARTNER)}
    return frozenset(one for one in named | spoke | roles if is_public(one) and one not in ours)


def is_alive(talked: Iterable[Between], peer: str) -> bool:
    """Whether a host answers our Edges on anything, TCP for instance."""
    return any(one.peer == peer and one.row.opening in TWO_WAY for one in talked)


def in_vain(one: Between) -> bool:
    """Whether it was tried often enough to call it unanswered, or was refused."""
    if one.row.transport == "tcp":
        return one.row.opening == "refused" or (one.row.opening in FAILED and one.tried >= SYNS)
    return not one.answered and one.tried >= TRIES


def frames_of(ones: Iterable[Between], says: str) -> Proof:
    """First and last frame of some flows of one capture."""
    ones = list(ones)
    frames = {frame for one in ones for frame in (one.row.first_frame, one.row.last_frame)}
    return Proof(ones[0].row.capture, tuple(sorted(frames))[:LISTED], says)


def doubt_of(inquiry: Inquiry, ones: Iterable[Between]) -> str | None:
    """Why the silence of some flows of one Edge may not be believed; None when it may."""
    ones = list(ones)
    silent = [one for one in ones if one.row.opening != "refused"]
    if not silent:
        return None
    first, last = min(one.row.first_time for one in silent), max(one.row.last_time for one in silent)
    tries = sum(one.tried for one in silent)
    return inquiry.gates.absence(silent[0].row.capture, silent[0].own, first, last, tries)
