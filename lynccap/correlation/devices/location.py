"""Inside or outside the organisation, by what a device reached; homes have private addresses too: no proof."""

from collections.abc import Sequence
from dataclasses import dataclass

from lynccap.correlation.addresses import is_private, is_public
from lynccap.correlation.devices.habits import Habits
from lynccap.correlation.discovery_names import INNER_NAMES
from lynccap.correlation.media.relays import RelayBook, Side
from lynccap.correlation.names import NameBook
from lynccap.correlation.protocol_numbers import SIP_PORT, SIP_TLS_PORT
from lynccap.correlation.roles.claims import EXTERNAL_ROLES, RoleBook
from lynccap.correlation.roles.sides import Location, SideBook

Placed = tuple[Location, str]
"""Where, and what shows it."""


@dataclass(frozen=True)
class LocationClues:
    """What the place of a device is read from."""

    names: NameBook
    roles: RoleBook
    relays: RelayBook
    habits: Habits
    sides: SideBook
    servers: frozenset[str]
    """Addresses that look like a Lync server's."""
    inner: frozenset[str]
    """Addresses with a name that only insiders are told."""


def read_location_clues(
    names: NameBook, roles: RoleBook, relays: RelayBook, habits: Habits, sides: SideBook
) -> LocationClues:
    """Gather them, each looked up once."""
    inner = (address for address, links in names.by_address.items() if any(_is_inner(link.name) for link in links))
    return LocationClues(names, roles, relays, habits, sides, frozenset(roles.servers()), frozenset(inner))


def _is_inner(name: str) -> bool:
    return name.startswith(INNER_NAMES)


def location_of(addresses: Sequence[str], clues: LocationClues) -> Placed:
    """Where the machine that holds some addresses is."""
    for read in (_by_topology, _by_inner_servers, _by_own_address, _by_outer_servers, _by_inner_names, _by_side):
        if placed := read(addresses, clues):
            return placed
    return Location.UNKNOWN, "nothing shows on which side it is"


def _by_topology(addresses: Sequence[str], clues: LocationClues) -> Placed | None:
    placed = (clues.sides.told(one) for one in addresses)
    return next(((one.location, one.says) for one in placed if one), None)


def _by_side(addresses: Sequence[str], clues: LocationClues) -> Placed | None:
    """What the network around an address shows of its side."""
    placed = (clues.sides.of(one) for one in addresses)
    return next(((one.location, one.says) for one in placed if one.location is not Location.UNKNOWN), None)


def _opened(addresses: Sequence[str], clues: LocationClues) -> list[tuple[str, int]]:
    return [pair for address in addresses for pair in sorted(clues.habits.opened.get(address, ()))]


def _by_inner_servers(addresses: Sequence[str], clues: LocationClues) -> Placed | None:
    for server, port in _opened(addresses, clues):
        if port in (SIP_PORT, SIP_TLS_PORT) and server in clues.servers:
            inner = server in clues.inner
            if inner or is_private(server):
                return Location.INSIDE, f"signs in at {server}, {'an inner' if inner else 'a private'} address"
    for one in (one for address in addresses for one in clues.relays.allocations_of(address)):
        if one.success_frames and clues.relays.side_of(one.server) is Side.INTERNAL:
            return Location.INSIDE, f"allocates on the Edge's internal interface {one.server}"
    return None


def _by_own_address(addresses: Sequence[str], clues: LocationClues) -> Placed | None:
    """A public address is an outsider's, but beside a private one a public IPv6 address says nothing."""
    if not any(map(is_public, addresses)) or any(map(is_private, addresses)):
        return None
    if _asks_inside(addresses, clues):
        return Location.UNKNOWN, "its address is public, but it asks for inner servers"
    return Location.OUTSIDE, "its address is public, and it reached nothing inner"


def _asks_inside(addresses: Sequence[str], clues: LocationClues) -> bool:
    """It asked for an inner name that exists: some organisations have public addresses inside."""
    names = clues.names
    asked = [one for address in addresses for one in clues.habits.asked.get(address, ()) if _is_inner(one)]
    answered = {link.name for links in names.srv.values() for link in links} if asked else set()
    return any(names.addresses_of(one) or one in answered for one in asked)


def _by_outer_servers(addresses: Sequence[str], clues: LocationClues) -> Placed | None:
    for server, port in _opened(addresses, clues):
        if port == 443 and is_public(server) and clues.roles.roles_of(server) & EXTERNAL_ROLES:
            return Location.OUTSIDE, f"signs in through {server}, a public address"
    return None


def _by_inner_names(addresses: Sequence[str], clues: LocationClues) -> Placed | None:
    for server, _ in _opened(addresses, clues):
        if is_private(server) and server in clues.inner:
            return Location.INSIDE, f"reaches {server}, a private address with inner names"
    return None
