"""Addresses that several machines use: many behind one (NAT), or one after another (DHCP)."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

import pandas as pd

from lynccap.correlation.devices.endpoints import Endpoint
from lynccap.correlation.devices.hardware import Hardware, Holding
from lynccap.correlation.devices.leases import Leases
from lynccap.correlation.devices.signs import Sign, Signs, Strength
from lynccap.tables import SECOND

MAX_COMPARED = 50  # clients at one address that are compared; two are enough
ONE_MACHINES = frozenset({"Lync phone", "third-party phone", "desktop", "mobile", "room system"})
"""Kinds of which a machine is only one."""


@dataclass(frozen=True, slots=True)
class Sharing:
    """Why an address is not one machine's."""

    says: str
    frame: int
    in_turn: bool
    """One machine after another, not several at once."""


def read_sharing(endpoints: Iterable[Endpoint], signs: Signs, hardware: Hardware) -> dict[str, Sharing]:
    """Addresses with several machines behind them at once."""
    found: dict[str, Sharing] = {}
    at: dict[str, list[Endpoint]] = defaultdict(list)
    for one in endpoints:
        at[one.address].append(one)
    for address, ones in at.items():
        if pair := _two_machines(ones[:MAX_COMPARED]):
            says = f"several devices behind one address: SIP clients of {pair[0].host} and {pair[1].host}"
            found[address] = Sharing(says, pair[1].frame, in_turn=False)
    direct = {one.address for one in hardware.proven}
    for address, told in signs.items():
        # On its own link a machine is one: two programs then are both its own.
        if address not in found and address not in direct and (two := _two_kinds(told)):
            says = f"several devices behind one address: {two[0].says} and {two[1].says}"
            found[address] = Sharing(says, two[1].frame, in_turn=False)
    return found


def _two_machines(ones: list[Endpoint]) -> tuple[Endpoint, Endpoint] | None:
    """Two clients with numbers of their own that believe to have different addresses."""
    pairs = combinations([one for one in ones if one.host], 2)
    return next((pair for pair in pairs if pair[0].epid != pair[1].epid and pair[0].host != pair[1].host), None)


def _two_kinds(told: list[Sign]) -> tuple[Sign, Sign] | None:
    programs = [one for one in told if one.strength >= Strength.PROGRAM and one.kind in ONE_MACHINES]
    return next(((one, two) for one, two in combinations(programs, 2) if one.kind != two.kind), None)


def read_turns(leases: Leases, flows: pd.DataFrame) -> tuple[dict[str, Sharing], dict[str, str]]:
    """Addresses that DHCP gave to several MACs: those used in the time of more than one, and the MAC of the others."""
    moved = {address: held for address, held in leases.items() if len({one.mac for one in held}) > 1}
    used = _used(flows, list(moved)) if moved else {}
    shared: dict[str, Sharing] = {}
    owner: dict[str, str] = {}
    for address, held in moved.items():
        holders = _holders(held, used.get(address, []))
        if len(holders) > 1:
            says = f"DHCP gave its address to {held[0].mac} first and to {held[-1].mac} later"
            shared[address] = Sharing(says, held[-1].frame, in_turn=True)
        else:
            owner[address] = next(iter(holders), held[-1].mac)
    return shared, owner


def _used(flows: pd.DataFrame, addresses: list[str]) -> dict[str, list[tuple[int, int]]]:
    """First and last time of everything each address sent, DHCP left out."""
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for side in ("client", "server"):
        mine = flows[side].isin(addresses) & (flows[f"first_frame_{side}"] > 0) & (flows["stack"] != "dhcp")
        sent = flows.loc[mine, [side, f"first_time_{side}", f"last_time_{side}"]]
        for address, first, last in sent.itertuples(index=False):
            found[address].append((int(first), int(last)))
    return found


def _holders(held: list[Holding], used: list[tuple[int, int]]) -> set[str]:
    """The MACs that held the address while it was used; what is said in the second of a change is left out."""
    found: set[str] = set()
    for place, one in enumerate(held):
        since = one.time - SECOND if place else 0
        until = held[place + 1].time - SECOND if place + 1 < len(held) else None
        if any(last >= since and (until is None or first < until) for first, last in used):
            found.add(one.mac)
    return found
