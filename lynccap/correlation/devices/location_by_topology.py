"""Inside or outside, as the customer's topology says."""

from lynccap.correlation.devices.book import Location
from lynccap.correlation.roles.claims import RoleBook

_LOCATIONS = {"inside": Location.INSIDE, "outside": Location.OUTSIDE}


def location_by_topology(address: str, roles: RoleBook) -> tuple[Location, str] | None:
    """Where an address is and why, None when no topology tells: by its server's interface, then by its network."""
    told = roles.told
    where = told.side_of(address) if told else ""
    if told is None or not where:
        return None
    what = "has an interface" if address in told.places else "is in a network"
    return _LOCATIONS[where], f"{what} that the topology file puts {where}"
