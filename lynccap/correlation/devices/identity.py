"""Which addresses are one machine's: joined on strong evidence only, and each joint says why.

When unsure they stay two devices: what two machines did must never be told of one.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from lynccap.correlation.addresses import sort_key
from lynccap.correlation.devices.book import Link
from lynccap.correlation.devices.by_hardware import link_by_hardware, read_holdings
from lynccap.correlation.devices.endpoints import MAX_ADDRESSES, Endpoint, EndpointBook, read_endpoints
from lynccap.correlation.devices.hardware import is_shared_mac, read_hardware
from lynccap.correlation.devices.leases import Leases, read_docks
from lynccap.correlation.devices.sharing import Sharing, read_sharing, read_turns
from lynccap.correlation.devices.signs import Signs
from lynccap.correlation.disjoint_sets import DisjointSets
from lynccap.correlation.media.allocations import Allocation
from lynccap.correlation.media.relays import RelayBook
from lynccap.correlation.roles.claims import RoleBook
from lynccap.tables import SECOND, Tables

COPY_NS = 2 * SECOND  # a packet seen before and behind a NAT is seen twice within this time


@dataclass(frozen=True)
class Identity:
    """Machines and their addresses."""

    groups: dict[str, tuple[str, ...]]
    """By address: all addresses of its machine; an address that stands alone is not in it."""
    links: dict[str, tuple[Link, ...]]
    """By address: why its group is one machine."""
    macs: dict[str, tuple[str, ...]]
    """By address."""
    instances: dict[str, tuple[str, ...]]
    """By address: the SIP clients that signed in from it."""
    shared: dict[str, Sharing]
    """Addresses of several machines."""

    def addresses_of(self, address: str) -> tuple[str, ...]:
        """All addresses of a machine, in order, by one of them."""
        return self.groups.get(address, (address,))


def read_identity(
    tables: Tables, flows: pd.DataFrame, roles: RoleBook, relays: RelayBook, leases: Leases, signs: Signs
) -> Identity:
    """Join the addresses that belong together."""
    hardware = read_hardware(flows)
    servers = frozenset(roles.servers())
    book = read_endpoints(tables, servers)
    turns, owners = read_turns(leases, flows)
    shared = {**read_sharing(book.endpoints, signs, hardware), **turns}
    excluded = {*shared, *servers}
    holdings = read_holdings(flows, hardware, leases, owners)
    docks = read_docks(tables)
    links = link_by_hardware({mac: held for mac, held in holdings.items() if mac not in docks}, flows, excluded)
    links += _by_endpoint(book, excluded)
    links += _by_relay(relays, excluded)
    macs: dict[str, list[str]] = defaultdict(list)
    for address, ones in hardware.own.items():
        macs[address] += ones
    for mac, held in holdings.items():
        for address in held:
            macs[address].append(mac)
    for address in turns:
        macs[address] += [one.mac for one in leases[address] if not is_shared_mac(one.mac)]
    instances: dict[str, list[str]] = defaultdict(list)
    for one in book.endpoints:
        instances[one.address].append(one.name)
    groups, kept = _joined(links)
    return Identity(groups, kept, _sorted(macs), _sorted(instances), shared)


def _sorted(found: dict[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {key: tuple(sorted(set(values))) for key, values in found.items()}


def _by_endpoint(book: EndpointBook, excluded: Collection[str]) -> Iterator[Link]:
    """One SIP client at several addresses: it moved, or signs in through a VPN.

    Behind NAT its address is others' as well, and the same message at two addresses is one packet seen twice.
    """
    by_name: dict[str, dict[str, Endpoint]] = defaultdict(dict)
    for one in book.endpoints:
        by_name[one.name].setdefault(one.address, one)
    for name, ones in by_name.items():
        free = [one for one in ones.values() if one.address not in excluded and not one.translated]
        if len(free) > 1 and len(ones) <= MAX_ADDRESSES and name not in book.copied:
            for before, after in pairwise(free):
                says = f"the same SIP client (epid {after.epid}) signs in from both"
                yield Link(before.address, after.address, says, after.capture, after.frame)


def _by_relay(relays: RelayBook, excluded: Collection[str]) -> Iterator[Link]:
    """One relay session used from several addresses, one after another ([MS-TURN] 2.2.2, connection id)."""
    sessions: dict[bytes, dict[str, Allocation]] = defaultdict(dict)
    for one in relays.allocations:
        if one.connection_id and one.request_times and one.server not in relays.cloud:
            sessions[one.connection_id].setdefault(one.client, one)
    for ones in sessions.values():
        free = [one for one in ones.values() if one.client not in excluded]
        if len(free) != len(ones) or len(free) > MAX_ADDRESSES:
            continue
        for before, after in pairwise(sorted(free, key=lambda one: one.request_times[0])):
            if after.request_times[0] - before.request_times[-1] > COPY_NS:
                says = "the same relay session is used from both"
                yield Link(before.client, after.client, says, after.capture, after.request_frames[0])


def _joined(links: Iterable[Link]) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[Link, ...]]]:
    """Groups by any of their addresses, and the links that made them; a link within a group adds nothing."""
    joined: DisjointSets[str] = DisjointSets()
    kept = [link for link in links if joined.join(link.second, link.first)]
    members: dict[str, list[str]] = defaultdict(list)
    for address, leader in joined.leaders().items():
        members[leader].append(address)
    whys: dict[str, list[Link]] = defaultdict(list)
    for link in kept:
        whys[joined.find(link.first)].append(link)
    groups, reasons = {}, {}
    for key, addresses in members.items():
        ordered, why = tuple(sorted(addresses, key=sort_key)), tuple(whys[key])
        for address in addresses:
            groups[address], reasons[address] = ordered, why
    return groups, reasons
