"""What a deployment says of itself, whatever file it came in.

Names are lower case, addresses are IP addresses as text, `""` and None are "not said". Sides are primary, internal,
external and pstn, as Topology Builder has them; protocols are mtls, tls, tcp, udp, tcporudp, http and https.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

SIDES = ("primary", "internal", "external", "pstn")
TRANSPORTS = {
    "mtls": ("tcp",),
    "tls": ("tcp",),
    "tcp": ("tcp",),
    "http": ("tcp",),
    "https": ("tcp",),
    "udp": ("udp",),
    "tcporudp": ("tcp", "udp"),
}
"""Which transports a protocol of a port stands for."""
ANY_NUMBER = 0
"""The number of the interface is not said."""


@dataclass(frozen=True, slots=True)
class Site:
    """A place with servers."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class SimpleUrl:
    """An address that people type: component is meet, dialin or cscp; domain is a SIP domain or "*"."""

    component: str
    domain: str
    url: str


@dataclass(frozen=True, slots=True)
class Interface:
    """One address of a machine."""

    side: str
    number: int
    address: str
    """"" where the machine listens on all of its addresses and the export does not say which these are."""
    nat: str = ""
    """By which address others reach it (ConfiguredIPAddress)."""


@dataclass(frozen=True, slots=True)
class Machine:
    """One computer of a pool."""

    name: str
    interfaces: tuple[Interface, ...] = ()


@dataclass(frozen=True, slots=True)
class Pool:
    """Machines that share their services; a single server is a pool of its own."""

    name: str
    site: str = ""
    """Id of its site."""
    branch: bool = False
    """Whether the site is a branch office."""
    machines: tuple[Machine, ...] = ()


@dataclass(frozen=True, slots=True)
class Port:
    """Where a service listens, first port to last."""

    first: int
    last: int
    protocol: str
    side: str = "primary"
    number: int = ANY_NUMBER
    """Of the interface."""
    owner: str = ""
    """The component: AccessEdge, OCSWebSite"""
    usage: str = ""
    """SipServer, TURNServer, WebSite"""
    published: int | None = None
    """By which port others reach it, through a load balancer or reverse proxy (ConfiguredPort)."""
    fqdn: str = ""
    """By which name others reach it (ConfiguredFqdn)."""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """What a pool does."""

    name: str
    """As the export calls it: Registrar, EdgeServer"""
    pool: str
    """Name of the pool."""
    role: str = ""
    """Role code, where it is not the one that the name stands for: a Director is a Registrar too."""
    version: int | None = None
    external_fqdn: str = ""
    """The name of its web services for people outside."""
    ports: tuple[Port, ...] = ()
    depends_on: tuple[str, ...] = ()
    """The services it needs, `name:pool`."""


@dataclass(frozen=True, slots=True)
class Host:
    """What no export says: a reverse proxy, a load balancer's address, a gateway; or the address of a known machine."""

    role: str
    """Role code; "" where only the address of a machine is told."""
    name: str
    address: str
    nat: str = ""
    ports: tuple[Port, ...] = ()


@dataclass(frozen=True, slots=True)
class Topology:
    """A deployment, as its owner describes it."""

    source: str
    """Which files, of which kind."""
    sip_domains: tuple[str, ...] = ()
    """The default one first."""
    sites: tuple[Site, ...] = ()
    simple_urls: tuple[SimpleUrl, ...] = ()
    pools: tuple[Pool, ...] = ()
    services: tuple[Service, ...] = ()
    hosts: tuple[Host, ...] = ()
    inside: tuple[str, ...] = ()
    """Networks of the company, as prefixes."""
    outside: tuple[str, ...] = ()
    """Networks beyond its firewalls."""
    remarks: tuple[str, ...] = ()
    """What could not be read."""

    @property
    def published_names(self) -> tuple[str, ...]:
        """The web names that a reverse proxy answers for: external web services and simple URLs."""
        hosts = [one.external_fqdn for one in self.services]
        hosts += [_host_of(one.url) for one in self.simple_urls if one.component != "cscp"]
        return tuple(dict.fromkeys(host for host in hosts if host))


def _host_of(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""
