"""Roles by the customer's topology: it is followed wherever it knows an address, and what contradicts it is told."""

from collections.abc import Iterator
from dataclasses import replace

from lynccap.correlation.addresses import is_private
from lynccap.correlation.names import SOURCE_DNS, NameBook, is_cloud, parent_of
from lynccap.correlation.roles.by_name import STRANGE_DOMAINS
from lynccap.correlation.roles.claims import (
    EDGE_INT,
    FRONT_END,
    MAX_CONFLICTS,
    Basis,
    RoleBook,
    RoleClaim,
    RoleConflict,
    role_name,
)
from lynccap.correlation.roles.fitting import OwnNames, borne_out, misfit
from lynccap.correlation.roles.told import INNER_SIDES, Told, rank
from lynccap.reference import roles
from lynccap.tables import Tables
from lynccap.topology.directory import Directory, Place, with_addresses
from lynccap.topology.model import Host, Topology

MAX_CLAIMED = 2000  # addresses: the largest deployments have fewer servers, and every rule looks at all claims
NEVER_BALANCED = frozenset({FRONT_END, EDGE_INT})
"""Roles that an export always knows; a load balancer or a reverse proxy is in none."""


def with_dns_answers(directory: Directory, names: NameBook) -> Directory:
    """The directory with addresses of the capture's DNS answers, for machines whose addresses no file tells.

    Clients ask for their pool: where nothing is known of its machines, it is at the addresses of its name.
    """
    placed = {name for one in directory.places if one.address for name in (one.machine, one.pool)}
    nameless = [one for one in directory.places if not one.address and one.machine not in placed]
    own = OwnNames(directory.topology)
    machines = {one: _plausible(one, names, own) for one in sorted({one.machine for one in nameless})}
    placed |= {one.pool for one in nameless if machines[one.machine]}
    pools = [
        Host(one.role, one.pool, address, ports=one.ports)
        for one in nameless
        if one.pool not in placed and one.side in INNER_SIDES
        for address in _plausible(one.pool, names, own)
    ]
    if not pools and not any(machines.values()):
        return directory
    topology = with_addresses(directory.topology, machines)
    return Directory(replace(topology, hosts=(*topology.hosts, *dict.fromkeys(pools))))


def _plausible(name: str, names: NameBook, own: OwnNames) -> list[str]:
    """The addresses of a name, without those that DNS gives for everybody's names."""

    def strange(address: str) -> set[str]:
        return {parent_of(one) for one in names.names_of(address, SOURCE_DNS) if not own.hold(one)}

    return [one for one in names.addresses_of(name) if len(strange(one)) < STRANGE_DOMAINS]


def claim_by_topology(seen: RoleBook, tables: Tables, names: NameBook, directory: Directory) -> RoleBook:
    """The claims of a topology, with those seen in the capture that it does not contradict.

    A topology of another deployment claims nothing: `set_aside` says why.
    """
    told = Told(with_dns_answers(directory, names))
    book = RoleBook(told=told, members=seen.members)
    for claim in _claims(told, seen, tables, names):
        book.add(claim)
    for claims in seen.claims.values():
        for claim in claims:
            book.add(claim)
    seen.set_aside = misfit(told, seen, tables, names)
    if seen.set_aside:
        seen.conflicts = book.conflicts
        return seen
    names.told = {address: told.directory.names_of(address) for address in told.places}
    book.conflicts += [*_moved(told, names, directory.topology), *_unknown(book, names, directory.topology)]
    del book.conflicts[MAX_CONFLICTS:]
    return book


def _claims(told: Told, seen: RoleBook, tables: Tables, names: NameBook) -> Iterator[RoleClaim]:
    """What the topology says; without any name in it, its roles decide only where the capture bears them out.

    Addresses are alike everywhere: one that fits by chance must not make servers, or accused ones, of the others.
    """
    nameless = not OwnNames(told.directory.topology)
    sure = borne_out(told, seen, tables, names) if nameless else frozenset(told.places)
    serving = {*tables.flows["server"].unique()}
    for address in _claimed(told, tables, names):
        for place in sorted(told.places[address], key=lambda one: rank(one.role)):
            claim = _claim(address, place)
            if address in sure:
                yield claim
            elif address in serving:
                yield replace(claim, decisive=False, says=f"{claim.says}, which nothing in the capture bears out")


def _claimed(told: Told, tables: Tables, names: NameBook) -> list[str]:
    """The told addresses, MAX_CLAIMED at most: those that the capture shows before the others."""
    seen = {*tables.flows["client"].unique(), *tables.flows["server"].unique(), *names.by_address}
    return sorted(told.places, key=lambda one: one not in seen)[:MAX_CLAIMED]


def _claim(address: str, place: Place) -> RoleClaim:
    who = place.machine or place.pool or role_name(place.role)
    pool = f" of {place.pool}" if place.pool not in ("", place.machine) else ""
    outer = f", the NAT address of {place.address or 'it'}" if address == place.nat != place.address else ""
    row = roles().get(place.role)
    decisive = row is not None and row.kind == "server"
    return RoleClaim(address, place.role, Basis.TOPOLOGY, decisive, f"{who}{pool}{outer}", 0, 0)


def _moved(told: Told, names: NameBook, topology: Topology) -> Iterator[RoleConflict]:
    """Machines whose name leads to an address that the topology does not know."""
    known: dict[str, dict[str, Place]] = {}
    for place in told.directory.places:
        for address in (place.address, place.nat):
            if address and place.machine:
                known.setdefault(place.machine, {}).setdefault(address, place)
    for machine, places in known.items():
        for address in names.addresses_of(machine):
            alike = [one for one in places if (":" in one) == (":" in address)]
            if address in told.places or not alike:
                continue
            link = names.addresses[machine][address]
            place = places[alike[0]]
            says = f"{machine} has the address {', '.join(alike)} in the topology, but DNS answers {address}"
            yield RoleConflict(address, (), place.role, Basis.NAME, link.capture, link.frame, says)


def _unknown(book: RoleBook, names: NameBook, topology: Topology) -> Iterator[RoleConflict]:
    """Servers inside that the topology should know and does not."""
    own = OwnNames(topology)
    told = book.told
    for address, claims in book.claims.items():
        if told is None or told.roles_of(address) or not is_private(address) or is_cloud(address, names):
            continue
        # A pool's name leads to its load balancer, which no export knows.
        if any(own.hold(name) for name in names.names_of(address)):
            continue
        for one in claims:
            if one.decisive and one.basis is Basis.MESSAGES and one.role in NEVER_BALANCED:
                says = f"{address} is not in the topology, but acts as {role_name(one.role)}: {one.says}"
                yield RoleConflict(address, (), one.role, one.basis, one.capture, one.frame, says)
