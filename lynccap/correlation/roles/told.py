"""What a topology tells of addresses, in the words of the captures: roles, ports, services, sides."""

from functools import cached_property, lru_cache

from lynccap import reference
from lynccap.topology.directory import Directory, Listener, Place

TRANSPORTS = ("tcp", "udp")
MAX_TOLD = 20_000  # addresses claimed: the largest deployments have a few thousand, a hostile file far more

_SIP_SPEAKERS = frozenset({"fe", "fe_vip", "director", "director_vip", "sba", "mediation", "cms", "pchat"})
_EDGE_SIP = frozenset({"edge_int", "edge_access", "edge_xmpp", "federated_edge"})
_WEB_SERVERS = frozenset({"fe", "fe_vip", "director", "director_vip", "sba", "cms", "rp_ext", "rp_int"})
FACES = {
    "fe": _SIP_SPEAKERS | _EDGE_SIP,  # what is seen of a Front End is its SIP, and every Edge answers alike
    "fe_vip": _WEB_SERVERS,
    "rp_ext": _WEB_SERVERS,
    "edge_access": _EDGE_SIP,
    "edge_webconf": frozenset({"edge_webconf"}),
    "edge_av": frozenset({"edge_av", "federated_av"}),
    "edge_int": frozenset({"edge_int"}),
    "relay": frozenset({"edge_av", "edge_int", "federated_av"}),
}
"""Role that frames show, to the roles of a topology that look so. What is not here may be beside any role."""
FIRST_CHOICE = ("fe", "fe_vip", "director", "sba", "edge_access", "edge_webconf", "edge_av", "edge_int", "mediation")
"""Of several roles of one address the one it is called by; those that are not here come after them."""

INNER_SIDES, OUTER_SIDE = ("primary", "internal", "pstn"), "external"
EDGE_OUTSIDE = frozenset({"edge_access", "edge_webconf", "edge_av", "edge_xmpp"})
OUTER_ROLES = frozenset(
    EDGE_OUTSIDE | {"rp_ext", "federated_edge", "federated_av"} | {"pic_partner", "xmpp_partner", "adfs_proxy", "apns"}
)
ROLES_OF_ONE_SERVICE = {
    "edge_access": "sip",
    "edge_webconf": "psom",
    "rp_ext": "web",
    "rp_int": "web",
    "fe_vip": "web",
    "director_vip": "web",
    "edge_xmpp": "xmpp",
}
"""What a port of these roles serves when the topology does not say more."""


class Told:
    """One topology, asked by address."""

    def __init__(self, directory: Directory) -> None:
        """`directory` is of the deployment that the capture shows."""
        self.directory = directory

    @cached_property
    def places(self) -> dict[str, list[Place]]:
        """By address, own or NAT: the roles it has, MAX_TOLD addresses at most."""
        found: dict[str, list[Place]] = {}
        for place in self.directory.places:
            for address in dict.fromkeys((place.address, place.nat)):
                if address and place.role and (address in found or len(found) < MAX_TOLD):
                    found.setdefault(address, []).append(place)
        return found

    def roles_of(self, address: str) -> frozenset[str]:
        """The roles an address has, empty when the topology does not know it."""
        return frozenset(one.role for one in self.places.get(address, ()))

    def roles_at(self, address: str, port: int) -> frozenset[str]:
        """The roles that listen at a port of an address."""
        return frozenset(one.role for one in self._listeners_at(address, port, *TRANSPORTS) if one.role)

    def services_at(self, address: str, port: int, *transports: str) -> frozenset[str]:
        """The services that the topology has at a port, media pools left out; empty when it tells none."""
        found = self._listeners_at(address, port, *(transports or TRANSPORTS))
        return frozenset(service for one in found if (service := service_of(one)))

    def tells_ports(self, address: str, service: str) -> bool:
        """Whether the topology says at which ports of an address a service is."""
        return any(service_of(one) == service for one in self._listeners.get(address, ()))

    def leaves_out(self, address: str, port: int) -> bool:
        """Whether an address is only an Edge's outer side, its ports are told, and TCP `port` is not among them."""
        roles = self.roles_of(address)
        told = roles and roles <= EDGE_OUTSIDE and self._listeners.get(address)
        return bool(told) and not self._listeners_at(address, port, "tcp")

    def face_of(self, address: str, seen: str) -> str:
        """The told role that looks like `seen` in frames; "" when none of the address does."""
        if seen not in FACES:
            return seen
        told = self.roles_of(address)
        if seen in told:
            return seen
        fitting = told & FACES[seen]
        return min(fitting, key=rank, default="")

    def side_of(self, address: str) -> str:
        """inside or outside: by the side of the machine's interface or its role, then by the networks; "" unknown."""
        places = self.places.get(address, ())
        sides = {_side(one, address) for one in places}
        return next(iter(sides)) if len(sides) == 1 else self.directory.side_of(address)

    @cached_property
    def _listeners(self) -> dict[str, list[Listener]]:
        found: dict[str, list[Listener]] = {}
        for one in self.directory.listeners:
            for address in dict.fromkeys((one.address, one.nat)):
                if address:
                    found.setdefault(address, []).append(one)
        return found

    def _listeners_at(self, address: str, port: int, *transports: str) -> list[Listener]:
        fitting = (one for one in self._listeners.get(address, ()) if one.first <= port <= one.last)
        return [one for one in fitting if one.transport in transports]


def rank(role: str) -> tuple[int, str]:
    """Orders roles, the one an address is called by first."""
    return (FIRST_CHOICE.index(role) if role in FIRST_CHOICE else len(FIRST_CHOICE), role)


def _side(place: Place, address: str) -> str:
    if place.side:
        outer = place.side == OUTER_SIDE and place.role in OUTER_ROLES
        return "outside" if outer or address == place.nat else "inside"
    return "outside" if place.role in OUTER_ROLES else "inside"


def service_of(one: Listener) -> str:
    """The service of a listener: by what the export calls it, by the port table, by its role; "" for pools."""
    component, _, usage = one.purpose.rpartition(" ")
    return _service(one.role, one.transport, one.first, one.last, component, usage)


@lru_cache(maxsize=4096)
def _service(role: str, transport: str, first: int, last: int, component: str, usage: str) -> str:
    if first != last:
        return ""
    for row in reference.topology_usages():
        if row.usage == usage and row.component in ("", component):
            return row.service
    rows = [one for one in reference.services_on(transport, first) if one.to_role == role and not one.is_pool]
    services = {one.service for one in rows} - {"other"}
    return next(iter(services)) if len(services) == 1 else ROLES_OF_ONE_SERVICE.get(role, "")
