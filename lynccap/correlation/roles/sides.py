"""On which side of the organisation's border an address is: what a topology says, else what routing shows.

An address plan proves little: homes have private addresses as well, and some organisations have public ones inside.
Private addresses that answer each other are routed in one network; one that holds a Lync server is the
organisation's. Of everything else the book says that it does not know.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from lynccap.correlation.addresses import is_private, is_public, split_endpoint, subnet_of
from lynccap.correlation.attempts import TWO_WAY
from lynccap.correlation.discovery_names import INNER_NAMES
from lynccap.correlation.disjoint_sets import DisjointSets
from lynccap.correlation.names import SOURCE_DNS, NameBook, is_cloud
from lynccap.correlation.roles.claims import EXTERNAL_ROLES, RoleBook
from lynccap.correlation.rows import rows_of
from lynccap.tables import Tables

INTERNET_NETWORKS = 4  # public networks behind one router's MAC: more than the prefixes an organisation routes inside


class Location(StrEnum):
    """Where an address is, seen from the organisation whose servers are used."""

    INSIDE = "inside"
    OUTSIDE = "outside"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Placement:
    """Where an address is, and what shows it."""

    location: Location
    says: str
    capture: int = 0
    frame: int = 0
    """That shows it, 0 when it is told elsewhere or not at all."""


UNPLACED = Placement(Location.UNKNOWN, "nothing shows on which side it is")


class _Pair(NamedTuple):
    """Two addresses that heard each other: columns of the flows table."""

    capture: int
    client: str
    server: str
    first_frame: int


@dataclass
class SideBook:
    """Places addresses, each when it is asked for."""

    tables: Tables
    names: NameBook
    roles: RoleBook
    _known: dict[str, Placement] = field(default_factory=dict)

    def of(self, address: str) -> Placement:
        """Where an address is; topology first, then what the captures show."""
        if address not in self._known:
            self._known[address] = self.told(address) or self._seen(address) or UNPLACED
        return self._known[address]

    def told(self, address: str) -> Placement | None:
        """Where the topology has an address: by its server's interface, then by its network; None: it tells nothing."""
        told = self.roles.told
        side = told.side_of(address) if told else ""
        if told is None or not side:
            return None
        what = "has an interface" if address in told.places else "is in a network"
        return Placement(Location(side), f"{what} that the topology file puts {side}")

    def has_inner_names(self, address: str) -> bool:
        """Whether DNS gives it for names that only insiders are told."""
        return _inner_names(self.names, address)

    def _seen(self, address: str) -> Placement | None:
        if is_private(address):
            return self._beside_servers.get(address)
        return self._of_public(address) if is_public(address) else None

    def _of_public(self, address: str) -> Placement | None:
        inner = self._leased.get(address) or self._users.get(address)
        if inner:
            return inner
        if is_cloud(address, self.names):
            return Placement(Location.OUTSIDE, "it is of Microsoft's own cloud")
        if _inner_names(self.names, address):
            return Placement(Location.UNKNOWN, "its address is public, but inner names lead to it")
        return self._faces_outside(address) or self._translated.get(address) or self._far.get(address)

    def _faces_outside(self, address: str) -> Placement | None:
        claim = self.roles.best(address, *EXTERNAL_ROLES)
        if claim is None or not claim.decisive:
            return None
        return Placement(Location.OUTSIDE, f"it serves the outside: {claim.says}", claim.capture, claim.frame)

    @cached_property
    def _pairs(self) -> list[_Pair]:
        """The first two-way flow of every pair of addresses of one capture."""
        flows = self.tables.flows
        heard = flows[flows["opening"].isin(TWO_WAY)]
        first: dict[tuple[int, str, str], int] = {}
        for *pair, frame in zip(*(heard[name].to_list() for name in _Pair._fields), strict=True):
            first.setdefault((pair[0], pair[1], pair[2]), frame)
        return [_Pair(*pair, frame) for pair, frame in first.items()]

    @cached_property
    def _beside_servers(self) -> dict[str, Placement]:
        """Private addresses in one network with a private address that is a Lync server's."""
        joined = [one for one in self._pairs if is_private(one.client) and is_private(one.server)]
        networks = _networks((one.capture, one.client, one.server) for one in joined)
        anchors: dict[tuple[int, str], str] = {}
        for (_, address), network in sorted(networks.items()):
            if self.roles.is_lync(address):
                anchors.setdefault(network, address)
        found: dict[str, Placement] = {}
        for pair in joined:
            for address in (pair.client, pair.server):
                server = anchors.get(networks[pair.capture, address])
                if server:
                    says = f"it is routed in one private network with {server}, a Lync server"
                    found.setdefault(address, Placement(Location.INSIDE, says, pair.capture, pair.first_frame))
        return found

    @cached_property
    def inner_subnets(self) -> frozenset[str]:
        """Subnets of private addresses that are routed in one network with a Lync server."""
        return frozenset(subnet_of(one) for one in self._beside_servers)

    @cached_property
    def _users(self) -> dict[str, Placement]:
        """Public addresses that reach an inner server's private address under their own: no border is between."""
        inner = {one.server for one in self._pairs if is_private(one.server)}
        inner = {one for one in inner if _inner_names(self.names, one)}
        return {
            one.client: Placement(
                Location.INSIDE,
                f"it reaches {one.server}, which inner names lead to, without any translation",
                *(one.capture, one.first_frame),
            )
            for one in reversed(self._pairs)
            if one.server in inner and is_public(one.client)
        }

    @cached_property
    def _leased(self) -> dict[str, Placement]:
        """Addresses whose lease came with the deployment's own servers (options 43 and 120)."""
        dhcp = self.tables["dhcp"]
        given = dhcp[(dhcp["kind"] == "ack") & dhcp["your_address"].notna()]
        captures = self.tables.flows["capture"]
        return {
            row.your_address: Placement(
                Location.INSIDE, "its lease names the deployment's servers", int(captures[row.flow]), int(row.frame)
            )
            for row in rows_of(given, ("flow", "frame", "your_address", "uc_web_server", "sip_servers"))
            if row.uc_web_server or row.sip_servers
        }

    @cached_property
    def _translated(self) -> dict[str, Placement]:
        """Public addresses under which a STUN server sees private ones (XOR-MAPPED-ADDRESS): translators' outsides."""
        stun = self.tables["stun"]
        seen = stun["xor_mapped_address"].fillna(stun["mapped_address"].where(stun["method"] == "binding"))
        told = stun[(stun["kind"] == "response") & seen.notna()].assign(seen=seen)
        found: dict[str, Placement] = {}
        flows = self.tables.flows
        ends = {True: flows["server"].to_list(), False: flows["client"].to_list()}
        for row in rows_of(told, ("flow", "frame", "from_client", "seen")):
            end, asker = split_endpoint(row.seen), ends[row.from_client][row.flow]
            if end and is_private(asker) and is_public(end[0]):
                says = f"it is the address that {asker} is translated to"
                capture = int(flows.at[row.flow, "capture"])
                found.setdefault(end[0], Placement(Location.OUTSIDE, says, capture, int(row.frame)))
        return found

    @cached_property
    def _far(self) -> dict[str, Placement]:
        """Public addresses behind a router that leads to many public networks, none of them with a known inner host."""
        behind: dict[tuple[int, str], dict[str, int]] = defaultdict(dict)
        flows = self.tables.flows
        for side in ("client", "server"):
            public = [one for one in flows[side].unique() if is_public(one)]
            heard = flows[flows[side].isin(public) & (flows[f"frames_{side}"] > 0) & (flows[f"{side}_mac"] != "")]
            columns = ("capture", f"{side}_mac", side, f"first_frame_{side}")
            for capture, mac, address, frame in zip(*(heard[name].to_list() for name in columns), strict=True):
                behind[capture, mac].setdefault(address, frame)
        inner = {_network_of(one) for one in (*self._users, *self._leased)}
        found: dict[str, Placement] = {}
        for (capture, mac), addresses in sorted(behind.items()):
            if len({_network_of(one) for one in addresses}) < INTERNET_NETWORKS:
                continue
            says = f"it is behind {mac}, which leads to many public networks"
            for address, frame in addresses.items():
                if _network_of(address) not in inner:
                    found.setdefault(address, Placement(Location.OUTSIDE, says, capture, frame))
        return found


def read_sides(tables: Tables, names: NameBook, roles: RoleBook) -> SideBook:
    """The sides of all addresses; `roles` with the media relays' claims."""
    return SideBook(tables, names, roles)


def _inner_names(names: NameBook, address: str) -> bool:
    return any(one.startswith(INNER_NAMES) for one in names.names_of(address, SOURCE_DNS))


def _network_of(address: str) -> str:
    """The /16 (IPv4) or /32 (IPv6) of an address: about what one organisation is given."""
    return str(ip_network(f"{address}/{16 if ip_address(address).version == 4 else 32}", strict=False))


def _networks(pairs: Iterable[tuple[int, str, str]]) -> dict[tuple[int, str], tuple[int, str]]:
    """Of every address (and its capture) one that stands for all it is connected with."""
    groups: DisjointSets[tuple[int, str]] = DisjointSets()
    for capture, client, server in pairs:
        groups.join((capture, client), (capture, server))
    return groups.leaders()
