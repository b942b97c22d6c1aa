"""Media relays: the TURN allocations devices made, and on which side of the Edge each relay address lies.

In an MS-TURN Allocate success MAPPED-ADDRESS is the allocated relay address and MS XOR-MAPPED-ADDRESS the
reflexive one ([MS-TURN] 2.2.2). The relay's ports are on the Edge's external interface. Whoever allocates on
the internal interface contacts one address and is given another; on the external one both are the same.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from lynccap import reference
from lynccap.correlation.addresses import is_private, is_public, split_endpoint
from lynccap.correlation.attempts import OPEN
from lynccap.correlation.discovery_names import DISCOVERY_NAMES
from lynccap.correlation.media.allocations import Allocation, read_allocations
from lynccap.correlation.names import SOURCE_DNS, NameBook, is_cloud
from lynccap.correlation.protocol_numbers import SIP_TLS_PORT
from lynccap.correlation.roles.claims import (
    CLOUD,
    EDGE_AV,
    EDGE_INT,
    RELAY,
    Basis,
    RoleBook,
    RoleClaim,
)
from lynccap.correlation.rows import rows_of
from lynccap.tables import Tables

RELAY_PORTS = range(50_000, 60_000)  # the A/V Edge's default allocation range
TURN_UDP_PORT = 3478
TURN_PORTS = frozenset({443, TURN_UDP_PORT})
MAX_TOLD = 3  # addresses named in one claim; an Edge pool has a few


class Side(StrEnum):
    """The Edge interface an address belongs to."""

    INTERNAL = "internal"
    EXTERNAL = "external"
    UNKNOWN = "unknown"


@dataclass
class RelayBook:
    """The allocations and what they say of relay addresses."""

    allocations: list[Allocation] = field(default_factory=list)
    relays: dict[str, str] = field(default_factory=dict)
    """Allocated "address:port" to the client that holds it."""
    relay_hosts: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """External relay address to the server addresses that handed it out."""
    sides: dict[str, Side] = field(default_factory=dict)
    """Server address to the interface it is."""
    cloud: set[str] = field(default_factory=set)
    told: set[str] = field(default_factory=set)
    """Addresses of the organisation's own relays, as its topology has them."""

    def allocations_of(self, client: str) -> list[Allocation]:
        """What one client asked relays for, in the order of its flows."""
        return self._by_client.get(client, [])

    def session_of(self, one: Allocation) -> list[Allocation]:
        """All allocations of the relay session an allocation belongs to, itself among them.

        A session is what the relay gave one connection id (MS-Sequence Number) or, in 0xFF10 frames, one session id
        ([MS-TURN] 2.2.2): a device that is sent to another address of the relay keeps it. Without any it is alone.
        """
        return self._by_session.get(self._session_key(one)) or [one]

    def holder_of(self, relay: str) -> Allocation | None:
        """The allocation that was given a relay address as "address:port"; the latest, when it was given again."""
        return self._by_relay.get(relay)

    def handed_out_by(self, server: str) -> tuple[str, ...]:
        """The hosts whose addresses a relay gave to its clients, sorted."""
        return self._handed_out.get(server, ())

    def translated(self, server: str) -> str | None:
        """The public address that an external interface behind translation has outside; None when it has none.

        Clients contact one address and are given another: inside, the other is the Edge's second interface; outside,
        it is the same interface as the Internet sees it.
        """
        given = self.handed_out_by(server)
        behind = self.side_of(server) is Side.EXTERNAL and is_private(server) and len(given) == 1
        return given[0] if behind and is_public(given[0]) else None

    @cached_property
    def _handed_out(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, set[str]] = defaultdict(set)
        for host, servers in self.relay_hosts.items():
            for server in servers:
                found[server].add(host)
        return {server: tuple(sorted(hosts)) for server, hosts in found.items()}

    @cached_property
    def _by_session(self) -> dict[bytes, list[Allocation]]:
        found: dict[bytes, list[Allocation]] = defaultdict(list)
        for one in self.allocations:
            found[self._session_key(one)].append(one)
        found.pop(b"", None)
        return found

    def _session_key(self, one: Allocation) -> bytes:
        return one.connection_id or self._connections.get(one.session_id, one.session_id)

    @cached_property
    def _connections(self) -> dict[bytes, bytes]:
        """Session id to connection id, where an allocation tells both."""
        return {one.session_id: one.connection_id for one in self.allocations if one.session_id and one.connection_id}

    @cached_property
    def _by_relay(self) -> dict[str, Allocation]:
        return {relay: one for one in self.allocations for relay in one.relays}

    @cached_property
    def _by_client(self) -> dict[str, list[Allocation]]:
        found: dict[str, list[Allocation]] = defaultdict(list)
        for one in self.allocations:
            found[one.client].append(one)
        return found

    def side_of(self, address: str) -> Side:
        """The Edge side an address is, UNKNOWN for addresses that are no relay's."""
        return self.sides.get(address, Side.UNKNOWN)


def read_relays(tables: Tables, names: NameBook, roles: RoleBook) -> RelayBook:
    """All allocations; adds the role claims they support to `roles`."""
    book = RelayBook()
    book.allocations = read_allocations(tables)
    for one in book.allocations:
        if is_cloud(one.server, names):
            book.cloud.add(one.server)
            says = "a relay of Microsoft's own cloud"
            roles.add(RoleClaim(one.server, CLOUD, Basis.NAME, False, says, one.capture, one.request_frames[0]))
            continue
        for relay in one.relays:
            book.relays[relay] = one.client
            endpoint = split_endpoint(relay)
            if endpoint:
                # A proxy hands on what the relay behind it gives.
                book.relay_hosts[endpoint[0]] |= set() if one.tunnelled else {one.server}
    _place_sides(book, names, _inside_by_sign_in(tables))
    _place_told_sides(book, roles, tables)
    _claim(book, roles, _led_by_names(tables, names))
    return book


def _led_by_names(tables: Tables, names: NameBook) -> frozenset[str]:
    """Clients that reached a server which DNS gave for one of the names Lync looks itself up by."""
    flows = tables.flows
    opened = flows.loc[flows["opening"].isin(OPEN), ["client", "server"]].drop_duplicates()
    asked = {
        server
        for server in opened["server"].unique()
        if not is_cloud(server, names)
        and any(one.startswith(DISCOVERY_NAMES) for one in names.names_of(server, SOURCE_DNS))
    }
    return frozenset(opened.loc[opened["server"].isin(list(asked)), "client"])


def _inside_by_sign_in(tables: Tables) -> frozenset[str]:
    """Clients whose SIP connection leads to a private address: they are inside, whatever their own address is."""
    flows = tables.flows
    signed = flows[(flows["server_port"] == SIP_TLS_PORT) & flows["opening"].isin(OPEN)]
    return frozenset(row.client for row in rows_of(signed, ("client", "server")) if is_private(row.server))


def _place_sides(book: RelayBook, names: NameBook, insiders: frozenset[str]) -> None:
    """Places every address that answered allocations, and every address handed out as a relay."""
    ours = [one for one in book.allocations if one.server not in book.cloud and one.answered and not one.tunnelled]
    by_server: dict[str, list[Allocation]] = defaultdict(list)
    for one in ours:
        by_server[one.server].append(one)
    givers = frozenset().union(*book.relay_hosts.values())
    for server, mine in by_server.items():
        outsiders = [one for one in mine if one.client not in insiders]
        book.sides[server] = _side(server, outsiders, book, names, server in givers)
    _leave_rivals_open(book)
    for host in book.relay_hosts:
        book.sides[host] = Side.EXTERNAL


_TOLD_SIDES = {EDGE_INT: Side.INTERNAL, EDGE_AV: Side.EXTERNAL}


def _place_told_sides(book: RelayBook, roles: RoleBook, tables: Tables) -> None:
    """The topology's word on every relay address that the capture shows."""
    if roles.told is None:
        return
    seen = {*tables.flows["client"].unique(), *tables.flows["server"].unique(), *book.relay_hosts}
    for address in sorted(seen & roles.told.places.keys()):
        sides = {_TOLD_SIDES[role] for role in roles.told.roles_of(address) if role in _TOLD_SIDES}
        if len(sides) == 1:
            book.sides[address] = sides.pop()
            book.told.add(address)
    for one in book.allocations:
        # An internal interface hands out the external one's address ([MS-TURN] 2.2.2): this claim is a conflict.
        itself = any((split_endpoint(relay) or ("",))[0] == one.server for relay in one.relays)
        if itself and book.sides.get(one.server) is Side.INTERNAL and one.server in book.told:
            says = "hands out its own address as relay"
            roles.add(RoleClaim(one.server, EDGE_AV, Basis.MESSAGES, True, says, one.capture, one.success_frames[0]))


def _side(server: str, mine: list[Allocation], book: RelayBook, names: NameBook, handed_out: bool) -> Side:
    """The side of an address; `mine` are the allocations at it by clients not known to be inside.

    `handed_out`: it gave some client a relay address.
    """
    outside = is_private(server) and any(is_public(one.client) for one in mine)
    if server in book.relay_hosts or outside:
        return Side.EXTERNAL
    # Behind NAT the Edge tells its public address in the challenge, and its outer name leads here.
    told = {end[0] for one in mine if (end := split_endpoint(one.alternate))}
    if not told.isdisjoint(book.relay_hosts) or any(is_outer_name(name) for name in names.names_of(server)):
        return Side.EXTERNAL
    # A public address that hands out another one may be either side: address plans do not tell.
    return Side.INTERNAL if handed_out and is_private(server) else Side.UNKNOWN


def is_outer_name(name: str) -> bool:
    """Whether a name is of the form that the outer side of an A/V Edge has."""
    return any(EDGE_AV in row.role for row in reference.name_rows(name))


def _leave_rivals_open(book: RelayBook) -> None:
    """Two private addresses of one Edge cannot both be inside: unless something tells them apart, neither is placed."""
    told = {end[0] for one in book.allocations if (end := split_endpoint(one.alternate)) and end[0] != one.server}
    for servers in book.relay_hosts.values():
        # An address another one sends its clients to is the same side: a load balancer in front of its member.
        inside = [one for one in servers if book.sides.get(one) is Side.INTERNAL and one not in told]
        if len(inside) > 1 and not any(book.sides.get(one) is Side.EXTERNAL for one in servers):
            book.sides.update(dict.fromkeys(inside, Side.UNKNOWN))


def _outside_of(server: str, book: RelayBook) -> str:
    """What to add about the address that the outside knows, "" when it is the same one or is not told."""
    outside = book.translated(server)
    if outside:
        return f", is {outside} to the outside"
    given = book.handed_out_by(server)
    return f" and hands out {', '.join(given[:MAX_TOLD])}" if given and given != (server,) else ""


_SIDE_ROLES = {Side.INTERNAL: EDGE_INT, Side.EXTERNAL: EDGE_AV, Side.UNKNOWN: RELAY}


def _claim(book: RelayBook, roles: RoleBook, led: frozenset[str]) -> None:
    for one in book.allocations:
        if one.server in book.cloud or not one.answered:
            continue
        role = _SIDE_ROLES[book.side_of(one.server)]
        frames = (*one.success_frames, *one.challenge_frames, *(frame for frame, _ in one.errors))
        # A private address that answers MS-TURN is no consumer relay. A public one may be one of Skype's, unless its
        # client came by the names of a deployment.
        decisive = (is_private(one.server) and not one.tunnelled) or one.client in led
        says = f"answers MS-TURN allocations{_outside_of(one.server, book)}"
        if not one.tunnelled:
            roles.add(RoleClaim(one.server, role, Basis.MESSAGES, decisive, says, one.capture, min(frames)))
        endpoint = split_endpoint(one.relay)
        if endpoint and endpoint[0] != one.server:
            says = f"handed out as relay address by {one.server}"
            claim = RoleClaim(endpoint[0], EDGE_AV, Basis.MESSAGES, decisive, says, one.capture, min(frames))
            roles.add(claim)
