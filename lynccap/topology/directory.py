"""Who has which address, name, port: the questions other parts ask a topology."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from itertools import chain

from lynccap.reference import topology_services
from lynccap.topology.model import ANY_NUMBER, TRANSPORTS, Host, Interface, Machine, Pool, Port, Service, Topology

EXTERNAL, PRIMARY, INTERNAL = "external", "primary", "internal"
MAX_STEPS = 1_000_000  # machines times ports: a thousand pools have a quarter of a million, a hostile file far more
MAX_CACHED = 4096  # names of services and components in hostile files are endless
FRONT_END, DIRECTOR, BRANCH = "fe", "director", "sba"


@dataclass(frozen=True, slots=True)
class Place:
    """A role that one address of one machine has."""

    role: str
    """Role code, as in `lynccap.reference.roles()`; "" for a service that has none."""
    pool: str
    machine: str
    side: str
    address: str
    """"" where no file says which."""
    nat: str
    names: tuple[str, ...]
    """By which others reach it."""
    ports: tuple[Port, ...]


@dataclass(frozen=True, slots=True)
class Listener:
    """Where connections are expected."""

    role: str
    machine: str
    address: str
    """"" where no file says which; then the names are all there is."""
    nat: str
    names: tuple[str, ...]
    transport: str
    """tcp or udp"""
    first: int
    last: int
    published: int | None
    """The port others use, where something in between translates it."""
    purpose: str
    """The component and what it does: "AccessEdge SipClient"."""


@dataclass(slots=True)
class _Gathered:
    """What several services say of one place."""

    nat: str = ""
    names: dict[str, None] = field(default_factory=dict)
    ports: dict[Port, None] = field(default_factory=dict)

    def add(self, one: Place) -> None:
        self.nat = self.nat or one.nat
        self.names.update(dict.fromkeys(one.names))
        self.ports.update(dict.fromkeys(one.ports))


def role_of(service: Service, port: Port | None = None) -> str:
    """The role that a service has where this port is; "" when it has none of its own."""
    if service.role:
        return service.role
    component, side = (port.owner, port.side) if port else ("", "")
    return _role(service.name, component, side)


@lru_cache(maxsize=MAX_CACHED)
def _role(name: str, component: str, side: str) -> str:
    for row in topology_services():
        if row.name == name and row.component in ("", component) and row.side in ("", side):
            return row.role
    return ""


def with_addresses(topology: Topology, addresses: Mapping[str, Sequence[str]]) -> Topology:
    """The topology with addresses of names from elsewhere, such as DNS answers: for machines that listen everywhere.

    Addresses that a file told are kept: what a name resolved to is told only of machines without any.
    """
    told = {one.name for one in topology.hosts}
    hints = [
        Host("", name.lower(), address)
        for name, found in addresses.items()
        for address in found
        if name.lower() not in told
    ]
    return replace(topology, hosts=(*topology.hosts, *hints))


class Directory:
    """Looks things up in one topology."""

    def __init__(self, topology: Topology) -> None:
        """Built once, asked often."""
        self.topology = topology

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """Every role with its machines and addresses: services first, then the hosts that no export knows."""
        gathered: dict[tuple[str, str, str, str, str], _Gathered] = {}
        steps = 0
        for one in chain(self._of_services(), self._of_hosts()):
            steps += 1 + len(one.ports)
            if steps > MAX_STEPS:
                break
            key = (one.role, one.pool, one.machine, one.side, one.address)
            gathered.setdefault(key, _Gathered()).add(one)
        return tuple(
            Place(*key, nat=one.nat, names=tuple(one.names), ports=tuple(one.ports)) for key, one in gathered.items()
        )

    @cached_property
    def listeners(self) -> tuple[Listener, ...]:
        """Every port of every address, one a transport."""
        return tuple(
            Listener(
                *(place.role, place.machine, place.address, place.nat, place.names, transport),
                *(port.first, port.last, port.published, f"{port.owner} {port.usage}".strip()),
            )
            for place in self.places
            for port in place.ports
            for transport in TRANSPORTS[port.protocol]
        )

    def addresses_of(self, role: str) -> tuple[str, ...]:
        """The addresses of a role, NAT addresses among them."""
        found = (address for one in self.places if one.role == role for address in (one.address, one.nat))
        return tuple(dict.fromkeys(address for address in found if address))

    def roles_of(self, address: str) -> tuple[str, ...]:
        """The roles that an address has, its own or by NAT."""
        return tuple(dict.fromkeys(one.role for one in self._by_address.get(address, ()) if one.role))

    def roles_at(self, address: str, port: int, transport: str) -> tuple[str, ...]:
        """The roles that listen there: on an Edge with one outer address the port tells which of them it is."""
        fitting = (one for one in self._listeners_of.get(address, ()) if one.first <= port <= one.last)
        return tuple(dict.fromkeys(one.role for one in fitting if one.transport == transport and one.role))

    def names_of(self, address: str) -> tuple[str, ...]:
        """The names that the topology gives an address."""
        return tuple(dict.fromkeys(name for one in self._by_address.get(address, ()) for name in one.names))

    def side_of(self, address: str) -> str:
        """inside or outside, by the narrowest network the topology names; "" when none fits or it is no address."""
        try:
            value = ip_address(address)
        except ValueError:
            return ""
        fitting = [(net.prefixlen, where) for net, where in self._networks if value in net]
        return max(fitting, default=(0, ""))[1]

    @cached_property
    def _networks(self) -> tuple[tuple[IPv4Network | IPv6Network, str], ...]:
        told = (("inside", self.topology.inside), ("outside", self.topology.outside))
        return tuple((ip_network(text), where) for where, texts in told for text in texts)

    @cached_property
    def _by_address(self) -> dict[str, list[Place]]:
        found: dict[str, list[Place]] = defaultdict(list)
        for place in self.places:
            for address in {place.address, place.nat} - {""}:
                found[address].append(place)
        return dict(found)

    @cached_property
    def _listeners_of(self) -> dict[str, list[Listener]]:
        found: dict[str, list[Listener]] = defaultdict(list)
        for one in self.listeners:
            for address in {one.address, one.nat} - {""}:
                found[address].append(one)
        return dict(found)

    @cached_property
    def _hints(self) -> dict[str, list[Host]]:
        """Addresses of machines by name."""
        found: dict[str, list[Host]] = defaultdict(list)
        for host in self.topology.hosts:
            if not host.role and host.address:
                found[host.name].append(host)
        return dict(found)

    def _of_hosts(self) -> Iterator[Place]:
        for host in self.topology.hosts:
            if host.role:
                names = (host.name,) if host.name else ()
                yield Place(host.role, "", host.name, "", host.address, host.nat, names, host.ports)

    def _of_services(self) -> Iterator[Place]:
        pools = {one.name: one for one in self.topology.pools}
        kinds = _kinds(self.topology, pools)
        for service in self.topology.services:
            pool = pools.get(service.pool, Pool(service.pool))
            for (role, side, number), ports in _grouped(service).items():
                known = kinds.get(pool.name, role) if role == FRONT_END else role
                configured = tuple(dict.fromkeys(one.fqdn for one in ports if one.fqdn))
                place = Place(known, pool.name, "", side, "", "", configured, tuple(ports))
                for machine in pool.machines or (Machine(pool.name),):
                    yield from self._of_machine(place, machine, number)

    def _of_machine(self, place: Place, machine: Machine, number: int) -> Iterator[Place]:
        side = place.side
        outside = side == EXTERNAL and place.role.startswith("edge")
        # An Edge's machine and pool names are those of its inner side: outside only configured names count.
        names = place.names if outside else (machine.name, place.pool, *place.names)
        hints = [] if outside else self._hints.get(machine.name, [])
        for one in _interfaces(machine, side, number, hints, outside=outside):
            yield Place(place.role, place.pool, machine.name, one.side, one.address, one.nat, names, place.ports)


def _interfaces(machine: Machine, side: str, number: int, hints: Sequence[Host], *, outside: bool) -> list[Interface]:
    """The interfaces that fit; of a machine that listens everywhere the addresses of its name; one without any."""
    wanted = side or (PRIMARY if any(one.side == PRIMARY for one in machine.interfaces) else INTERNAL)
    on_side = [one for one in machine.interfaces if one.side == wanted]
    if number == ANY_NUMBER:
        fitting = on_side if len({one.number for one in on_side}) == 1 else []
    else:
        fitting = [one for one in on_side if one.number == number]
    known = [one for one in fitting if one.address]
    shown = wanted if on_side else side
    if not known and fitting and wanted != PRIMARY and not outside:
        # All addresses of a machine are also those it tells elsewhere.
        known = [replace(one, side=shown, number=number) for one in machine.interfaces if one.address]
    if not known and not any(one.address for one in on_side):
        known = [Interface(shown, number, one.address, one.nat) for one in hints]
    return known or [Interface(shown, number, "")]


def _grouped(service: Service) -> dict[tuple[str, str, int], list[Port]]:
    """Its ports by role and interface; a service without ports has its role all the same."""
    groups: dict[tuple[str, str, int], list[Port]] = defaultdict(list)
    for port in service.ports:
        groups[role_of(service, port), port.side, port.number].append(port)
    if not groups:
        inner = _role(service.name, "", INTERNAL)  # an Edge whose ports are not told has this side at least
        side = "" if role_of(service) or not inner else INTERNAL
        groups[role_of(service) or inner, side, ANY_NUMBER] = []
    return dict(groups)


def _kinds(topology: Topology, pools: Mapping[str, Pool]) -> dict[str, str]:
    """Pools that look like Front Ends and are not: all services of a Director's pool are the Director's.

    A registrar at a branch site is taken for a survivable branch appliance or server (UNVERIFIED: no export of one was
    at hand).
    """
    kinds = {name: BRANCH for name, pool in pools.items() if pool.branch}
    return kinds | {one.pool: DIRECTOR for one in topology.services if role_of(one) == DIRECTOR}
