"""Whose a hardware address is: seen on its machine's own link, where nothing was forwarded before it was captured.

A router puts its own address on all it forwards. It gives itself away by the packets' TTL, which is no longer one that
hosts start with, or by standing before many addresses.
"""

import ipaddress
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import lru_cache

import pandas as pd

from lynccap import reference
from lynccap.correlation.addresses import Scope, scope_of
from lynccap.correlation.protocol_numbers import INITIAL_TTLS

ROUTER_ADDRESSES = 3  # a MAC in front of more IPv4 addresses than this is a router's, and no device's identity
ROUTER_ADDRESSES_V6 = 8  # a host keeps a temporary IPv6 address of each of the last days (RFC 8981 3.4: seven)
UNSPECIFIED = ("0.0.0.0", "::")  # of hosts that have no address yet
LINK_LOCAL = ("fe80:", "169.254.")


@dataclass(frozen=True, slots=True)
class Holding:
    """A sign that a machine held an address."""

    address: str
    mac: str
    capture: int
    frame: int
    time: int


@dataclass
class Hardware:
    """Addresses and the hardware addresses seen before them."""

    own: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """By address: its machine's own MACs, as far as the frames show."""
    proven: list[Holding] = field(default_factory=list)
    """Those of which every packet came straight from the machine."""
    routers: set[str] = field(default_factory=set)
    """MACs that stand before other machines, or that several machines share."""


def read_hardware(flows: pd.DataFrame) -> Hardware:
    """What the captured MACs tell of addresses."""
    book = Hardware()
    pairs = _pairs(flows)
    book.routers = _routers(pairs)
    both_sides: list[tuple[str, str]] = []
    for (mac, address), row in zip(pairs.index, pairs.itertuples(index=False), strict=True):
        if mac in book.routers:
            continue
        local = address.startswith(LINK_LOCAL)  # never forwarded
        if row.fresh or local:
            book.own[address].append(mac)
        if local or (row.fresh and not row.mixed):
            book.proven.append(Holding(address, mac, int(row.capture), int(row.frame), int(row.time)))
        elif row.mixed:
            both_sides.append((mac, address))
    for mac, address in _only_pairs(both_sides):
        if address not in book.own:
            book.own[address].append(mac)
    return book


def _only_pairs(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """On both sides of a router its MAC may come first: of these pairs, those of a MAC and address with no other."""
    macs, addresses = Counter(mac for mac, _ in pairs), Counter(address for _, address in pairs)
    return [(mac, address) for mac, address in pairs if macs[mac] == addresses[address] == 1]


def _pairs(flows: pd.DataFrame) -> pd.DataFrame:
    """One row a MAC and address that sent anything, ordered by first appearance."""
    groups = [one for one in flows["server"].unique() if scope_of(one) is Scope.GROUP]
    client, server = _side(flows, "client"), _side(flows, "server")
    client["to_group"], server["to_group"] = flows["server"].isin(groups), False
    sides = pd.concat([client, server], ignore_index=True)
    sides = sides[(sides["mac"] != "") & (sides["frame"] > 0) & ~sides["address"].isin(UNSPECIFIED)]
    top = sides["ttl_max"]
    told = (top > 0) & ~sides["to_group"]  # what goes to groups may have a TTL of 1 to begin with
    initial, one = top.isin(INITIAL_TTLS), sides["ttl_min"] == top
    sides = sides.assign(fresh=told & initial & one, mixed=told & initial & ~one, hops=told & ~initial)
    kinds = {"capture": "first", "frame": "min", "time": "min", "fresh": "any", "hops": "any", "mixed": "any"}
    return sides.groupby(["mac", "address"], sort=False)[list(kinds)].agg(kinds)


def _side(flows: pd.DataFrame, side: str) -> pd.DataFrame:
    columns = ["capture", side, f"{side}_mac", f"ttl_{side}_min", f"ttl_{side}_max"]
    columns += [f"first_frame_{side}", f"first_time_{side}"]
    names = ["capture", "address", "mac", "ttl_min", "ttl_max", "frame", "time"]
    return flows[columns].set_axis(names, axis=1)


def _routers(pairs: pd.DataFrame) -> set[str]:
    four: Counter[str] = Counter()
    six: Counter[str] = Counter()
    found: set[str] = set()
    for (mac, address), hops in zip(pairs.index, pairs["hops"], strict=True):
        if address.startswith(LINK_LOCAL):
            continue
        (six if ":" in address else four)[mac] += 1
        if hops or is_shared_mac(mac):
            found.add(mac)
    found |= {mac for mac, count in four.items() if count > ROUTER_ADDRESSES}
    return found | {mac for mac, count in six.items() if count > ROUTER_ADDRESSES_V6}


@lru_cache(maxsize=65536)
def is_shared_mac(mac: str) -> bool:
    """Whether a hardware address is one that a group of machines answers for, or a group address."""
    return mac.startswith(tuple(row.prefix for row in reference.virtual_macs())) or mac[1:2] in set("13579bdf")


@lru_cache(maxsize=65536)
def embedded_mac(address: str) -> str | None:
    """The hardware address an IPv6 address was made of (RFC 4291 appendix A: modified EUI-64), None without one."""
    try:
        value = ipaddress.ip_address(address)
    except ValueError:
        return None
    if value.version == 4:
        return None
    host = value.packed[8:]
    if host[3:5] != b"\xff\xfe":
        return None
    return bytes((host[0] ^ 2, host[1], host[2], *host[5:])).hex(":")
