"""The devices of a case: who used, or tried to use, Lync services, each once over all its addresses."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd

from lynccap.correlation.addresses import Scope, scope_of, sort_key
from lynccap.correlation.devices.book import DeviceBook, DeviceFacts
from lynccap.correlation.devices.habits import Habits, read_habits
from lynccap.correlation.devices.identity import Identity, read_identity
from lynccap.correlation.devices.kinds import KindClues, kind_of, read_telephones
from lynccap.correlation.devices.leases import Leases, read_docks, read_leases
from lynccap.correlation.devices.location import LocationClues, location_of, read_location_clues
from lynccap.correlation.devices.signs import Signs, read_questions, read_signs
from lynccap.correlation.discovery_names import DISCOVERY_NAMES
from lynccap.correlation.media.relays import RelayBook
from lynccap.correlation.names import NameBook
from lynccap.correlation.roles.claims import RoleBook
from lynccap.correlation.roles.sides import SideBook
from lynccap.tables import Tables


@dataclass(frozen=True)
class _Clues:
    """What the captures tell of addresses, each looked up once."""

    names: NameBook
    roles: RoleBook
    habits: Habits
    identity: Identity
    told: dict[str, set[str]]
    """By address: the names its machine told a DHCP server."""
    uses: dict[str, int]
    """By address: flows to Lync servers."""
    kinds: KindClues
    places: LocationClues


def read_devices(
    tables: Tables, flows: pd.DataFrame, names: NameBook, roles: RoleBook, relays: RelayBook, sides: SideBook
) -> DeviceBook:
    """The devices that used, or tried to use, Lync services; servers that act as clients are devices too."""
    leases = read_leases(tables)
    questions = read_questions(tables, flows)
    signs, habits = read_signs(tables, flows, leases, questions), read_habits(flows, questions)
    identity = read_identity(tables, flows, roles, relays, leases, signs)
    served = flows.loc[flows["server"].isin(list(roles.servers())), "client"].value_counts().to_dict()
    kinds = KindClues(signs, habits, roles, identity.shared, read_telephones(tables))
    places = read_location_clues(names, roles, relays, habits, sides)
    clues = _Clues(names, roles, habits, identity, _told_names(tables, leases), served, kinds, places)
    book = DeviceBook()
    for address in sorted(_wanted(served, signs, habits, relays), key=sort_key):
        if address not in book.devices and (addresses := _addresses(address, clues)):
            book.devices.update(dict.fromkeys(addresses, _device(addresses, clues)))
    return book


def _wanted(served: Collection[str], signs: Signs, habits: Habits, relays: RelayBook) -> set[str]:
    """The addresses that show Lync in what they do or are."""
    wanted = {*served, *signs}
    wanted |= {one.client for one in relays.allocations if one.server not in relays.cloud}
    return wanted | {
        asker for asker, names in habits.asked.items() if any(one.startswith(DISCOVERY_NAMES) for one in names)
    }


def _addresses(address: str, clues: _Clues) -> tuple[str, ...]:
    """All addresses of the machine, its id first; () when no address is one that others could reach."""
    group = clues.identity.addresses_of(address)
    own = [one for one in group if scope_of(one) not in (Scope.GROUP, Scope.LOCAL)]
    if not own:
        return ()
    first = min(own, key=lambda one: (-clues.uses.get(one, 0), sort_key(one)))
    return (first, *(one for one in group if one != first))


def _device(addresses: tuple[str, ...], clues: _Clues) -> DeviceFacts:
    identity, habits = clues.identity, clues.habits
    macs = tuple(sorted({mac for one in addresses for mac in identity.macs.get(one, ())}))
    reached = {pair for one in addresses for pair in habits.opened.get(one, ())}
    signs_in = any(server in clues.places.servers and clues.roles.is_sip(server, port) for server, port in reached)
    kind = kind_of(addresses, macs, signs_in, clues.kinds)
    location, why = location_of(addresses, clues.places)
    return DeviceFacts(
        id=addresses[0],
        addresses=addresses,
        macs=macs,
        names=_names(addresses, clues),
        kind=kind.name,
        role=kind.role,
        basis=kind.basis,
        location=location,
        location_basis=why,
        signs_in=signs_in,
        frame=kind.frame,
        links=identity.links.get(addresses[0], ()),
        instances=tuple(sorted({name for one in addresses for name in identity.instances.get(one, ())})),
        shared=any(one in identity.shared for one in addresses),
    )


def _names(addresses: tuple[str, ...], clues: _Clues) -> tuple[str, ...]:
    """The names that packets tell, then those of the recorder's own table."""
    proven = {name for one in addresses for name in (*clues.told.get(one, ()), *clues.names.names_of(one, "dns"))}
    told = (name for one in addresses for name in clues.names.told.get(one, ()))
    recorded = (name for one in addresses for name in clues.names.recorded.get(one, ()))
    return tuple(dict.fromkeys((*sorted(proven), *told, *recorded)))


def _told_names(tables: Tables, leases: Leases) -> dict[str, set[str]]:
    held: dict[str, set[str]] = defaultdict(set)
    for address, ones in leases.items():
        for one in ones:
            held[one.mac].add(address)
    dhcp = tables["dhcp"]
    found: dict[str, set[str]] = defaultdict(set)
    docks = read_docks(tables)  # whose name is whose, nothing tells
    for column in ("host_name", "client_fqdn"):
        said = dhcp[dhcp["from_client"] & dhcp[column].notna() & ~dhcp["mac"].isin(docks)].drop_duplicates(
            ["mac", column]
        )
        for mac, name in zip(said["mac"], said[column], strict=True):
            for address in held.get(mac, ()) if name else ():
                found[address].add(name)
    return found
