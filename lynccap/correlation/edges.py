"""Edge Servers: the addresses each has on either side, and by which network card their packets leave.

Only what is recorded on an Edge's own link tells cards: its packets have made no hop yet, and nobody else sends from
their hardware address. Farther away every address of the Edge is behind a router's.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from lynccap.correlation.addresses import is_private
from lynccap.correlation.devices.hardware import is_shared_mac
from lynccap.correlation.disjoint_sets import DisjointSets
from lynccap.correlation.media.relays import RelayBook, Side
from lynccap.correlation.protocol_numbers import INITIAL_TTLS
from lynccap.correlation.roles.claims import EDGE_ACCESS, EDGE_AV, EDGE_INT, EDGE_WEBCONF, LOAD_BALANCER, RoleBook
from lynccap.correlation.rows import rows_of
from lynccap.tables import Tables

OUTER_ROLES = (EDGE_ACCESS, EDGE_WEBCONF, EDGE_AV)


@dataclass(frozen=True, slots=True)
class EdgeServer:
    """One Edge Server, or the members of a pool that share an address."""

    inner: tuple[str, ...]
    outer: tuple[str, ...]
    """Its own outer addresses, and those that translation gives them."""
    told: bool
    """The topology has it."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """All of both sides."""
        return self.inner + self.outer

    @property
    def ours(self) -> bool:
        """Whether it is this organisation's: of a partner's Edge nobody here sees an inner or a private address."""
        return self.told or bool(self.inner) or any(is_private(one) for one in self.outer)


@dataclass(frozen=True, slots=True)
class Sending:
    """What one address of an Edge sends in one flow, recorded on the Edge's link."""

    flow: int
    capture: int
    address: str
    peer: str
    mac: str
    first_frame: int
    last_frame: int
    time: int
    both_ways: bool
    """The peer's packets are in the capture, too."""


@dataclass(frozen=True, slots=True)
class Cards:
    """The hardware addresses that the two sides of an Edge have in one capture."""

    inner: frozenset[str]
    outer: frozenset[str]
    claimed: bool
    """ARP tells the cards of both sides, not use alone."""

    @property
    def apart(self) -> bool:
        """Whether both sides are known and share none."""
        return bool(self.inner and self.outer) and self.inner.isdisjoint(self.outer)


@dataclass(frozen=True)
class EdgeBook:
    """All Edge Servers, partners' among them."""

    tables: Tables
    edges: tuple[EdgeServer, ...]
    balanced: frozenset[str] = frozenset()
    """Addresses that are a load balancer's: its cards are not an Edge's."""

    def of(self, address: str) -> EdgeServer | None:
        """The Edge that has an address on either side."""
        return self._by_address.get(address)

    @cached_property
    def ours(self) -> tuple[EdgeServer, ...]:
        """Those of this organisation."""
        return tuple(one for one in self.edges if one.ours)

    @cached_property
    def outer(self) -> frozenset[str]:
        """The outer addresses of our own Edges."""
        return frozenset(address for one in self.ours for address in one.outer)

    @cached_property
    def _by_address(self) -> dict[str, EdgeServer]:
        return {address: one for one in self.edges for address in one.addresses}

    def sendings_of(self, addresses: Iterable[str]) -> list[Sending]:
        """What some addresses of Edges send, as recorded on their link, in order of flow."""
        found = [one for address in addresses for one in self._sendings.get(address, ())]
        return sorted(found, key=lambda one: (one.flow, one.first_frame))

    @cached_property
    def _sendings(self) -> dict[str, list[Sending]]:
        addresses = [address for one in self.ours for address in one.addresses if address not in self.balanced]
        found: dict[str, list[Sending]] = defaultdict(list)
        sent = list(_sendings(self.tables.flows, addresses)) if addresses else []
        foreign = self._foreign({one.mac for one in sent}, addresses)
        for one in sent:
            if one.mac not in foreign and not is_shared_mac(one.mac):
                found[one.address].append(one)
        return found

    def _foreign(self, macs: Collection[str], addresses: Collection[str]) -> set[str]:
        """The hardware addresses from which others send as well: a router's."""
        flows, found = self.tables.flows, set()
        for side in ("client", "server"):
            held = flows[flows[f"{side}_mac"].isin(macs)]
            found |= set(held.loc[~held[side].isin(addresses), f"{side}_mac"])
        return found

    def cards(self, edge: EdgeServer, capture: int) -> Cards:
        """By which cards the sides of an Edge are on its links.

        What ARP claims for an address is its card. Else the card is what one side uses and the other does not.
        """
        inner, outer = self._used(edge.inner, capture), self._used(edge.outer, capture)
        claims = self._claimed(edge.inner, capture), self._claimed(edge.outer, capture)
        return Cards(
            inner=claims[0] or (inner - outer) or (inner - (outer - inner)),
            outer=claims[1] or (outer - inner) or (outer - (inner - outer)),
            claimed=all(claims),
        )

    def _used(self, addresses: Iterable[str], capture: int) -> frozenset[str]:
        mine = [one for one in self.sendings_of(addresses) if one.capture == capture]
        return frozenset(one.mac for one in mine if one.both_ways)

    def _claimed(self, addresses: Collection[str], capture: int) -> frozenset[str]:
        arp = self.tables.arp
        if arp.empty:
            return frozenset()
        told = (arp["kind"] == "reply") & arp["address"].isin(addresses) & (arp["capture"] == capture)
        return frozenset(arp.loc[told, "mac"])


def _sendings(flows: pd.DataFrame, addresses: Collection[str]) -> Iterator[Sending]:
    for side, other in (("client", "server"), ("server", "client")):
        lowest, highest = flows[f"ttl_{side}_min"], flows[f"ttl_{side}_max"]
        mine = flows[side].isin(addresses) & lowest.isin(INITIAL_TTLS) & (lowest == highest)
        mine &= flows[f"{side}_mac"] != ""
        columns = ["capture", side, other, f"{side}_mac", f"first_frame_{side}", f"last_frame_{side}"]
        columns += [f"first_time_{side}", f"frames_{other}"]
        for row in rows_of(flows.loc[mine, columns], columns):
            flow, capture, address, peer, mac, first, last, time, heard = row
            yield Sending(flow, capture, address, peer, mac, first, last, time, heard > 0)


def read_edges(tables: Tables, roles: RoleBook, relays: RelayBook) -> EdgeBook:
    """The Edge Servers: the topology's, and those that hand out relay addresses; `relays` with the sides it placed."""
    groups: DisjointSets[str] = DisjointSets()
    told: set[str] = set()
    for address, machine in _told(roles):
        told.add(address)
        groups.join(address, f"machine {machine}")
    for host, servers in sorted(relays.relay_hosts.items()):
        for server in sorted(servers):
            groups.join(server, host)
    members: dict[str, list[str]] = defaultdict(list)
    for member, leader in groups.leaders().items():
        if not member.startswith("machine "):
            members[leader].append(member)
    edges = tuple(_edge(ones, told, roles, relays) for ones in members.values())
    balanced = (one for edge in edges for one in edge.addresses if roles.has(one, LOAD_BALANCER))
    return EdgeBook(tables, edges, frozenset(balanced))


def _told(roles: RoleBook) -> Iterator[tuple[str, str]]:
    """Every address that the topology gives an Edge, with the machine that has it."""
    places = roles.told.places if roles.told else {}
    for address, ones in places.items():
        for one in ones:
            if one.role in (EDGE_INT, *OUTER_ROLES):
                yield address, f"{one.pool}/{one.machine or address}"


def _edge(addresses: list[str], told: set[str], roles: RoleBook, relays: RelayBook) -> EdgeServer:
    inner = [one for one in addresses if _is_inner(one, roles, relays)]
    outer = [one for one in addresses if one not in inner and _is_outer(one, roles, relays)]
    return EdgeServer(tuple(sorted(inner)), tuple(sorted(outer)), not told.isdisjoint(addresses))


def _is_inner(address: str, roles: RoleBook, relays: RelayBook) -> bool:
    if address in relays.sides:
        return relays.side_of(address) is Side.INTERNAL
    return roles.has(address, EDGE_INT) and not roles.has(address, *OUTER_ROLES)


def _is_outer(address: str, roles: RoleBook, relays: RelayBook) -> bool:
    return relays.side_of(address) is Side.EXTERNAL or roles.has(address, *OUTER_ROLES)
