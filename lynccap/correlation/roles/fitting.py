"""Whether a topology is of the deployment that a capture shows.

Private networks are alike everywhere: a topology of somebody else gives its roles to hosts that have nothing to do with
Lync. Names tell best; where none is seen, what the addresses answer.
"""

from collections.abc import Iterator

from lynccap import reference
from lynccap.correlation.names import CLOUD_DOMAINS, NameBook
from lynccap.correlation.roles.claims import NOT_LYNC, SIP_SERVER, RoleBook
from lynccap.correlation.roles.told import Told
from lynccap.tables import Tables
from lynccap.topology.model import Topology

OF_PARTNERS = "_sipfederationtls._tcp.*"  # asked for other organisations' domains
OF_MANY_PORTS = frozenset({53, 80, 443, 444, 445, 8080})  # ports of everybody's servers say nothing
SHOWN_DOMAINS = 3


class OwnNames:
    """The names a topology knows as its own."""

    def __init__(self, topology: Topology) -> None:
        """`topology` may know none, when it is written by hand."""
        servers = {name for pool in topology.pools for name in (pool.name, *(one.name for one in pool.machines))}
        servers |= {one.name for one in topology.hosts}
        published = {name for one in topology.services for name in (one.external_fqdn, *(at.fqdn for at in one.ports))}
        self.exact = frozenset({*servers, *published, *topology.published_names} - {""})
        self.domains = frozenset({*topology.sip_domains, *filter(None, map(_domain_of, servers))} - {""})

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.exact or self.domains)

    def hold(self, name: str) -> bool:
        """Whether a name is the deployment's own."""
        return name in self.exact or name in self.domains or any(one in self.domains for one in _parents(name))


def _domain_of(server: str) -> str:
    """The domain of a server's name; "" for names with fewer than three labels, whose domain may be anybody's."""
    domain = server.partition(".")[2]
    return domain if "." in domain else ""


def _parents(name: str) -> Iterator[str]:
    while "." in name:
        name = name.partition(".")[2]
        yield name


def misfit(told: Told, book: RoleBook, tables: Tables, names: NameBook) -> str:
    """Why the topology is not of this capture's deployment; "" when it is, or tells nothing but networks."""
    own = OwnNames(told.directory.topology)
    seen = _names_seen(tables, names)
    if any(own.hold(name) for name in seen):
        return ""
    strange = sorted({domain for name in seen for domain in _lync_domains(name)})
    if own and strange:
        shown = ", ".join(strange[:SHOWN_DOMAINS])
        return f"the capture shows servers of {shown}, and no name of the topology"
    if not told.places:
        return ""
    agreeing, against = _acts_as_told(told, book)
    if own:  # whoever has names, and none of the topology's, is somebody else
        agreeing = [one for one in agreeing if not names.names_of(one)]
    if len(against) > len(agreeing) or (against and not agreeing):
        return f"{against[0]} acts otherwise than it says, and the capture shows no name of it"
    if agreeing or _wants_told_port(told, tables, names):
        return ""
    return "the capture shows no name of it, and nothing that acts as it says"


def borne_out(told: Told, book: RoleBook, tables: Tables, names: NameBook) -> frozenset[str]:
    """The told addresses that act as told as far as the capture shows, or that somebody wants a told port of."""
    acting = {
        address for address, claims in book.claims.items() if any(_acts(told, address, one.role) for one in claims)
    }
    return frozenset((acting | _wanted(told, tables, names)) & told.places.keys())


def _acts(told: Told, address: str, seen: str) -> bool:
    if seen in NOT_LYNC:
        return seen in told.roles_of(address)
    return bool(told.roles_of(address) - NOT_LYNC and told.face_of(address, seen))


def _names_seen(tables: Tables, names: NameBook) -> set[str]:
    asked = {str(name).lower().rstrip(".") for name in tables["dns"]["name"].dropna().unique()}
    return asked | {link.name for links in names.by_address.values() for link in links} | set(names.srv)


def _lync_domains(name: str) -> Iterator[str]:
    """The domain of a name that nobody but Lync looks for; Microsoft's own are everybody's."""
    if f".{name}".endswith(CLOUD_DOMAINS):
        return
    for row in reference.name_rows(name):
        if row.decisive and row.pattern != OF_PARTNERS and NOT_LYNC.isdisjoint(row.role):
            yield name.removeprefix(row.pattern.removesuffix("*"))


def _acts_as_told(told: Told, book: RoleBook) -> tuple[list[str], list[str]]:
    """The told addresses that decisively act as told, and those that act otherwise."""
    agreeing: list[str] = []
    against: list[str] = []
    for address, claims in book.claims.items():
        roles = told.roles_of(address)
        shown = [one.role for one in claims if one.decisive and one.role not in (*NOT_LYNC, SIP_SERVER)]
        if roles and shown:
            (agreeing if all(told.face_of(address, role) for role in shown) else against).append(address)
    return agreeing, against


def _wants_told_port(told: Told, tables: Tables, names: NameBook) -> bool:
    """Somebody wants a port that few but Lync have, at a nameless address where the topology has its service."""
    return bool(_wanted(told, tables, names))


def _wanted(told: Told, tables: Tables, names: NameBook) -> set[str]:
    flows = tables.flows[tables.flows["server"].isin(list(told.places))]
    ends = flows[["server", "server_port", "transport"]].drop_duplicates()
    return {
        server
        for server, port, transport in ends.itertuples(index=False)
        if port not in OF_MANY_PORTS and _listens(told, server, port, transport) and not names.names_of(server)
    }


def _listens(told: Told, server: str, port: int, transport: str) -> bool:
    """By the topology, or, where it tells roles only, by the port table."""
    roles = told.roles_of(server) - NOT_LYNC
    usual = any(one.to_role in roles and not one.is_pool for one in reference.services_on(transport, port))
    return usual or bool(roles and told.services_at(server, port, transport))
