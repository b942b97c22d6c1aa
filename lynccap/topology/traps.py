"""What a topology does not say, and what people who know Lync still misread in it."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from lynccap.topology.directory import EXTERNAL, Directory, Place

OUTER_ROLES = ("edge_access", "edge_webconf", "edge_av")
MAX_NAMED = 5  # names in one sentence


def traps(directory: Directory) -> tuple[str, ...]:
    """One sentence or two for each."""
    return (*_shared_edges(directory), *_unknown_addresses(directory), *_proxies(directory), *_vips(directory))


def _shared_edges(directory: Directory) -> Iterator[str]:
    """An Edge with one outer address moves its services to other ports: 443 is the relay there, not SIP."""
    shared: dict[tuple[str, str], dict[str, Place]] = defaultdict(dict)
    for one in directory.places:
        if one.role in OUTER_ROLES and one.side == EXTERNAL and one.address:
            shared[one.machine, one.address][one.role] = one
    for (machine, address), roles in shared.items():
        if len(roles) > 1:
            ports = "; ".join(f"{role} on {_lowest(roles[role])}" for role in OUTER_ROLES if role in roles)
            yield (
                f"{machine} has one outer address, {address}, for all Edge services: {ports}. "
                "A port number alone does not tell which service it is."
            )


def _lowest(place: Place) -> str:
    return ", ".join(str(port) for port in sorted({one.first for one in place.ports}))


def _unknown_addresses(directory: Directory) -> Iterator[str]:
    known = {one.machine for one in directory.places if one.address}
    names = list(dict.fromkeys(one.machine for one in directory.places if one.role and one.machine not in known))
    if names:
        yield (
            f"The addresses of {_named(names)} are not in the export (0.0.0.0 stands for all addresses of a machine). "
            "Their names in the capture's DNS answers can tell them, or add them as [[host]] with name and address."
        )
    edges = [one.machine for one in directory.places if one.role in OUTER_ROLES and not one.address]
    names = list(dict.fromkeys(one for one in edges if one in known))
    if names:
        yield (
            f"The export does not say which outer address of {_named(names)} belongs to which Edge service. "
            "Get-CsTopology -AsXml does."
        )


def _proxies(directory: Directory) -> Iterator[str]:
    names = directory.topology.published_names
    if names and not directory.addresses_of("rp_ext"):
        yield (
            f"A reverse proxy answers outside for {_named(names)}; it is not part of a topology. "
            'Add it as [[host]] with role = "rp_ext".'
        )


def _vips(directory: Directory) -> Iterator[str]:
    """Web services of a pool are reached through a load balancer, whatever DNS does for SIP."""
    for kind, balanced in (("fe", "fe_vip"), ("director", "director_vip")):
        members: dict[str, set[str]] = defaultdict(set)
        for one in directory.places:
            if one.role == kind:
                members[one.pool].add(one.machine)
        pools = [pool for pool, machines in members.items() if len(machines) > 1]
        if pools and not directory.addresses_of(balanced):
            yield (
                f"The web services of {_named(pools)} need a load balancer; its address is not part of a topology. "
                f'Add it as [[host]] with role = "{balanced}".'
            )


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(names[:MAX_NAMED])
    return f"{shown} and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else shown
