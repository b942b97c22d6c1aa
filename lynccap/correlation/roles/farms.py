"""Farms: servers of one pool that share an address of a load balancer, by what is seen and by the topology.

A topology knows the machines of a pool and their addresses, and no load balancer: an address that is nobody's, to which
DNS leads with a name of a pool of several machines, is the load balancer's.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from lynccap.correlation.names import NameBook
from lynccap.correlation.roles.balancers import MIN_MEMBERS
from lynccap.correlation.roles.claims import LOAD_BALANCER, MEDIATION, RoleBook
from lynccap.correlation.roles.told import Told

POOLS = {"director": "director", "director_vip": "director", MEDIATION: MEDIATION, "edge_int": "edge"}
OUTER = {"edge_access": "edge", "edge_webconf": "edge", "edge_av": "edge"}
USUAL = "fe"


@dataclass(frozen=True, slots=True)
class Farm:
    """One shared address and the servers behind it."""

    vip: str
    members: tuple[str, ...]
    sources: tuple[str, ...]
    """Addresses from which the load balancer opens its own connections, where that is seen."""
    pool: str
    """What stands behind it: fe, director, mediation, edge."""
    sure: bool
    """The topology tells it, or bytes that were passed on; else only the times of connections speak for it."""
    says: str
    capture: int
    frame: int
    """That shows it, 0 where the topology does."""

    @property
    def own(self) -> tuple[str, ...]:
        """All addresses that are the load balancer's."""
        return tuple(dict.fromkeys((self.vip, *self.sources)))


def read_farms(roles: RoleBook, names: NameBook) -> dict[str, Farm]:
    """By shared address: what the topology tells, and what is seen."""
    sources: dict[str, dict[str, None]] = defaultdict(dict)
    for one in roles.passed:
        if one.source and one.source != one.vip:
            sources[one.vip][one.source] = None
    seen = {vip: _seen(roles, vip, tuple(sources[vip])) for vip in sorted(roles.members) if roles.members_of(vip)}
    told = {one.vip: one for one in _told(roles.told, names)} if roles.told else {}
    return {**told, **seen}


def _seen(roles: RoleBook, vip: str, sources: tuple[str, ...]) -> Farm:
    members = roles.members_of(vip)
    held = roles.roles_of(vip).union(*(roles.roles_of(one) for one in members))
    pool = next((name for role, name in {**POOLS, **OUTER}.items() if role in held), USUAL)
    claim = roles.best(vip, LOAD_BALANCER)
    if claim is None:
        return Farm(vip, members, sources, pool, False, "", 0, 0)
    return Farm(vip, members, sources, pool, claim.decisive, claim.says, claim.capture, claim.frame)


def _told(told: Told, names: NameBook) -> Iterator[Farm]:
    """Pools of several machines, and a name of theirs that DNS leads to an address that no machine has."""
    machines: dict[tuple[str, str, str], dict[str, None]] = defaultdict(dict)
    called: dict[tuple[str, str, str], dict[str, None]] = defaultdict(dict)
    for place in told.directory.places:
        key = (place.pool, place.side, place.role)
        if place.pool and place.address:
            machines[key].update(dict.fromkeys((place.nat or place.address,)))
            called[key].update(dict.fromkeys(place.names))
    for (pool, side, role), addresses in machines.items():
        if len(addresses) < MIN_MEMBERS:
            continue
        for name in called[pool, side, role]:
            found = names.addresses_of(name)
            if len(found) == 1 and found[0] not in told.places:
                kind = {**POOLS, **OUTER}.get(role, USUAL)
                says = f"{name} leads to it, and the topology file has it on no machine of {pool}"
                yield Farm(found[0], tuple(addresses), (), kind, True, says, 0, 0)
