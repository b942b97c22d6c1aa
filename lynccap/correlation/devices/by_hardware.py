"""Addresses of one machine by its hardware address: seen on its link, leased to it, or written into IPv6 addresses.

Two IPv4 addresses before one MAC may as well be two machines behind a bridge: only DHCP makes them one machine's, and
only when they were used one after the other.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from itertools import pairwise

import pandas as pd

from lynccap.correlation.addresses import Scope, scope_of, sort_key
from lynccap.correlation.devices.book import Link
from lynccap.correlation.devices.hardware import (
    ROUTER_ADDRESSES,
    ROUTER_ADDRESSES_V6,
    Hardware,
    Holding,
    embedded_mac,
    is_shared_mac,
)
from lynccap.correlation.devices.leases import Leases

SELF_GIVEN = "169.254."  # what a host takes that DHCP leaves alone (RFC 3927)


def read_holdings(
    flows: pd.DataFrame, hardware: Hardware, leases: Leases, owners: Mapping[str, str]
) -> dict[str, dict[str, tuple[Holding, str]]]:
    """By MAC, then by address: the first sign that the machine held it, and what it says."""
    found: dict[str, dict[str, tuple[Holding, str]]] = defaultdict(dict)
    for held in leases.values():
        for one in held:
            if owners.get(one.address, one.mac) == one.mac and not is_shared_mac(one.mac):
                found[one.mac].setdefault(one.address, (one, f"DHCP gave it to hardware address {one.mac}"))
    for one in hardware.proven:
        if owners.get(one.address, one.mac) == one.mac:
            found[one.mac].setdefault(one.address, (one, f"hardware address {one.mac} on its own link"))
    for one in _embedded(flows):
        found[one.mac].setdefault(one.address, (one, f"made of hardware address {one.mac}"))
    return {mac: held for mac, held in found.items() if mac not in hardware.routers}


def _embedded(flows: pd.DataFrame) -> Iterator[Holding]:
    for side in ("client", "server"):
        sent = flows.loc[
            flows[f"first_frame_{side}"] > 0, [side, "capture", f"first_frame_{side}", f"first_time_{side}"]
        ]
        for address, capture, frame, time in sent.drop_duplicates(side).itertuples(index=False):
            mac = embedded_mac(address)
            if mac and not is_shared_mac(mac):
                yield Holding(address, mac, int(capture), int(frame), int(time))


def link_by_hardware(
    holdings: Mapping[str, Mapping[str, tuple[Holding, str]]], flows: pd.DataFrame, excluded: Collection[str]
) -> list[Link]:
    """The links between addresses that one machine held; none with an address that several machines claim."""
    claims: dict[str, set[str]] = defaultdict(set)
    for mac, held in holdings.items():
        for address in held:
            claims[address].add(mac)
    wanted: dict[str, list[tuple[Holding, str]]] = {}
    for mac, held in holdings.items():
        sure = [one for address, one in held.items() if len(claims[address]) == 1 and address not in excluded]
        if len(sure) > 1 and _is_one_machine(mac, sure):
            wanted[mac] = sorted(sure, key=lambda one: (":" in one[0].address, one[0].time, sort_key(one[0].address)))
    several = [held for held in wanted.values() if sum(":" not in one.address for one, _ in held) > 1]
    used = _spans(flows, [one.address for held in several for one, _ in held]) if several else {}
    return [link for held in wanted.values() if _in_turn(held, used) for link in _star(held)]


def _is_one_machine(mac: str, held: list[tuple[Holding, str]]) -> bool:
    addresses = [one.address for one, _ in held]
    four = [one for one in held if ":" not in one[0].address]
    local = [one for one in addresses if one.startswith("fe80:")]
    if len(four) > ROUTER_ADDRESSES or len(addresses) - len(four) > ROUTER_ADDRESSES_V6 or len(local) > 1:
        return False
    if any(scope_of(one) is Scope.GROUP for one in addresses):
        return False
    # A bridge puts its MAC before others' addresses, which may tell their own.
    if any(embedded_mac(one) not in (None, mac) for one in addresses):
        return False
    return len(four) < 2 or all("DHCP" in says or one.address.startswith(SELF_GIVEN) for one, says in four)


def _spans(flows: pd.DataFrame, addresses: list[str]) -> dict[str, tuple[int, int]]:
    """When each address was first and last used, DHCP left out."""
    found: dict[str, tuple[int, int]] = {}
    for side in ("client", "server"):
        mine = flows[side].isin(addresses) & (flows[f"first_frame_{side}"] > 0) & (flows["stack"] != "dhcp")
        times = {f"first_time_{side}": "min", f"last_time_{side}": "max"}
        spans = flows.loc[mine, [side, *times]].groupby(side, sort=False).agg(times)
        for address, first, last in spans.itertuples():
            before = found.get(address, (int(first), int(last)))
            found[address] = (min(before[0], int(first)), max(before[1], int(last)))
    return found


def _in_turn(held: list[tuple[Holding, str]], used: Mapping[str, tuple[int, int]]) -> bool:
    """Whether its IPv4 addresses were used one after another."""
    spans = sorted(used[one.address] for one, _ in held if ":" not in one.address and one.address in used)
    return all(before[1] < after[0] for before, after in pairwise(spans))


def _star(held: list[tuple[Holding, str]]) -> Iterator[Link]:
    (first, says), *others = held
    for one, how in others:
        yield Link(first.address, one.address, says if how == says else f"{says}; {how}", one.capture, one.frame)
