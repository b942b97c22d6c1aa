"""What a topology says: for people, for a program, or as the project's own file."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from lynccap.reference import roles, service_versions
from lynccap.report.plain import visible
from lynccap.topology import Directory, Place, Topology, to_toml, traps
from lynccap.topology.model import TRANSPORTS, Pool
from lynccap.topology.ports import numbers

UNKNOWN = "?"
HEAD = ("machine", "side", "address", "NAT address")


def _table(topology: Topology) -> str:
    directory = Directory(topology)
    lines = [*_facts(topology), *_roles(directory)]
    remarks = (*traps(directory), *topology.remarks)
    if remarks:
        lines += ["", "Mind:", *(f"  - {one}" for one in remarks)]
    return "".join(f"{visible(line).rstrip()}\n" for line in lines)


def _facts(topology: Topology) -> Iterator[str]:
    yield f"Topology from {topology.source}"
    facts = {
        "SIP domains": topology.sip_domains,
        "sites": [one.name or one.id for one in topology.sites],
        "products": _products(topology),
        "simple URLs": [f"{one.component} {one.url}" for one in topology.simple_urls],
        "web names outside": topology.published_names,
        "inside networks": topology.inside,
        "outside networks": topology.outside,
    }
    for name, values in facts.items():
        if values:
            yield f"  {name + ':':<18} {', '.join(values)}"


def _products(topology: Topology) -> list[str]:
    versions = sorted({one.version for one in topology.services if one.version is not None})
    known = service_versions()
    return [known[one].product if one in known else f"service version {one}" for one in versions]


def _roles(directory: Directory) -> Iterator[str]:
    """Of each role and pool what it is, its addresses, its ports and names."""
    pools = {one.name: one for one in directory.topology.pools}
    groups: dict[tuple[str, str], list[Place]] = {}
    for one in directory.places:
        if one.role:
            groups.setdefault((one.role, one.pool), []).append(one)
    for (role, pool), places in groups.items():
        yield ""
        yield f"{role}: {roles()[role].description}"
        yield from _pool(pools.get(pool), directory.topology)
        yield from _aligned([HEAD, *(_cells(one) for one in places)])
        yield from _listening(places)


def _pool(pool: Pool | None, topology: Topology) -> Iterator[str]:
    if pool is None:
        return
    site = next((one.name or one.id for one in topology.sites if one.id == pool.site), "")
    yield f"  pool {pool.name}" + (f", site {site}" if site else "")


def _cells(place: Place) -> tuple[str, ...]:
    return (place.machine, place.side, place.address or UNKNOWN, place.nat)


def _aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    shown = [tuple(visible(cell) for cell in row) for row in rows]
    widths = [max(len(row[place]) for row in shown) for place in range(len(HEAD))]
    for row in shown:
        yield "    " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))


def _listening(places: Sequence[Place]) -> Iterator[str]:
    """Ports and names by side: the machines of a pool share them."""
    for side in dict.fromkeys(one.side for one in places):
        here = [one for one in places if one.side == side]
        on = f" ({side})" if side else ""
        ports = _ports(here)
        if ports:
            yield f"    ports{on}: {', '.join(ports)}"
        own = {name for one in here for name in (one.machine, one.pool)}
        names = dict.fromkeys(name for one in here for name in one.names if name not in own)
        if names:
            yield f"    names{on}: {', '.join(names)}"


def _ports(places: Sequence[Place]) -> list[str]:
    """`443/tcp`, `50000-59999/tcp+udp`, in the order of numbers."""
    transports: dict[tuple[int, int, str], set[str]] = {}
    for port in (port for one in places for port in one.ports):
        outside = f" (others use {port.published})" if port.published not in (None, port.first) else ""
        key = (port.first, port.last, f"{numbers(port)}/%s{outside}")
        transports.setdefault(key, set()).update(TRANSPORTS[port.protocol])
    return [key[2] % "+".join(sorted(found)) for key, found in sorted(transports.items())]


def _json(topology: Topology) -> str:
    directory = Directory(topology)
    value = {
        "source": topology.source,
        "sip_domains": topology.sip_domains,
        "sites": [{"id": one.id, "name": one.name} for one in topology.sites],
        "products": _products(topology),
        "simple_urls": [
            {"component": one.component, "domain": one.domain, "url": one.url} for one in topology.simple_urls
        ],
        "published_names": topology.published_names,
        "networks": {"inside": topology.inside, "outside": topology.outside},
        "roles": [_place(one) for one in directory.places if one.role],
        "remarks": [*traps(directory), *topology.remarks],
    }
    return json.dumps(value, indent=1) + "\n"


def _place(one: Place) -> dict[str, Any]:
    ports = [
        {
            "ports": numbers(port),
            "transports": TRANSPORTS[port.protocol],
            "protocol": port.protocol,
            "published": port.published,
            "purpose": f"{port.owner} {port.usage}".strip(),
        }
        for port in one.ports
    ]
    where = {"role": one.role, "pool": one.pool, "machine": one.machine, "side": one.side}
    return where | {"address": one.address or None, "nat": one.nat or None, "names": one.names, "ports": ports}


TOPOLOGY_FORMATS: Mapping[str, Callable[[Topology], str]] = MappingProxyType(
    {"table": _table, "json": _json, "toml": to_toml}
)
