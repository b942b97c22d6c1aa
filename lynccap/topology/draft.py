"""A topology while it is put together: several files may each know a part of it."""

import ipaddress
from collections import defaultdict
from dataclasses import dataclass, field, replace

from lynccap.topology.model import (
    ANY_NUMBER,
    SIDES,
    TRANSPORTS,
    Host,
    Interface,
    Machine,
    Pool,
    Port,
    Service,
    SimpleUrl,
    Site,
    Topology,
)

MAX_NAME = 255  # characters of a DNS name (RFC 1035 2.3.4): what is longer is none
MAX_TEXT = 600  # of a remark, a URL or a site's name: they are shown to people, and a line of the TOML file
MAX_REMARKS = 50  # a damaged file would have one for each line
NAMELESS = "(no name)"
MAX_PORT = 65535
MAX_INTERFACES = 64  # of a machine; an Edge has four
MAX_VERSION = 999  # of a service; 8 is Skype for Business Server 2019
EVERYWHERE = frozenset({"0.0.0.0", "::"})
"""Addresses that stand for all addresses of a machine."""


@dataclass
class _Service:
    role: str = ""
    version: int | None = None
    external_fqdn: str = ""
    ports: dict[Port, None] = field(default_factory=dict)
    depends_on: dict[str, None] = field(default_factory=dict)


@dataclass
class _Pool:
    site: str = ""
    branch: bool = False


class Draft:
    """Takes what files say, cleans it, and makes one topology of it. Nothing here raises for what a file says."""

    def __init__(self) -> None:
        """Nothing known yet."""
        self._sources: dict[str, None] = {}
        self._domains: dict[str, None] = {}
        self._sites: dict[str, Site] = {}
        self._urls: dict[SimpleUrl, None] = {}
        self._pools: dict[str, _Pool] = {}
        self._machines: dict[str, str] = {}
        self._interfaces: dict[str, dict[tuple[str, int, int], Interface]] = {}
        self._services: dict[tuple[str, str], _Service] = {}
        self._hosts: dict[Host, None] = {}
        self._networks: dict[str, dict[str, None]] = {"inside": {}, "outside": {}}
        self._remarks: dict[str, None] = {}

    def source(self, text: str) -> None:
        """Where a part comes from."""
        self._sources[clean(text)] = None

    def remark(self, text: str) -> None:
        """What could not be read."""
        if text.strip() and len(self._remarks) < MAX_REMARKS:
            self._remarks[clean(text)] = None

    def domain(self, name: str) -> None:
        """A SIP domain; the first told is the default one."""
        if name.strip():
            self._domains[clean_name(name)] = None

    def site(self, id: str, name: str) -> None:
        """A site; its name may become known later."""
        key = clean_name(id)
        if key and not (key in self._sites and self._sites[key].name):
            self._sites[key] = Site(key, clean(name))

    def simple_url(self, component: str, domain: str, url: str) -> None:
        """A simple URL in use."""
        if url.strip():
            self._urls[SimpleUrl(clean_name(component), clean_name(domain), clean(url))] = None

    def pool(self, name: str, site: str = "", *, branch: bool = False) -> str:
        """A pool; returns the name it has here."""
        name = clean_name(name) or NAMELESS
        known = self._pools.setdefault(name, _Pool())
        known.site = clean_name(site) or known.site
        known.branch = branch or known.branch
        return name

    def machine(self, name: str, pool: str = "") -> str:
        """A machine, of a pool if that is known; returns the name it has here."""
        name = clean_name(name) or NAMELESS
        if pool or name not in self._machines:
            self._machines[name] = self.pool(pool) if pool else ""
        return name

    def interface(self, machine: str, side: str, number: int, address: str, nat: str = "") -> None:
        """An address of a machine; 0.0.0.0 is all of its addresses."""
        side = side.strip().lower()
        if side not in SIDES:
            self.remark(f"{machine}: {side!r} is no side of a server; the interface was left out")
            return
        found, reached = self._address(address, machine), self._address(nat, machine)
        if found is None or reached is None:
            return
        family = 6 if ":" in found else 4
        number = number if 0 < number <= MAX_PORT else 1
        known = self._interfaces.setdefault(machine, {})
        if len(known) >= MAX_INTERFACES:
            self.remark(f"{machine}: more than {MAX_INTERFACES} interfaces; the others were left out")
            return
        old = known.get((side, number, family))
        if old is None or found or not old.address:
            known[(side, number, family)] = Interface(side, number, found, reached or (old.nat if old else ""))

    def _address(self, text: str, owner: str) -> str | None:
        """The address as Python writes it, "" for none and for all, None for what is no address."""
        text = text.strip()
        if not text or text in EVERYWHERE:
            return ""
        try:
            return str(ipaddress.ip_address(text))
        except ValueError:
            self.remark(f"{owner}: {text[:60]!r} is no IP address; it was left out")
            return None

    def service(
        self, name: str, pool: str, *, role: str = "", version: int | None = None, external_fqdn: str = ""
    ) -> str:
        """A service of a pool; returns `name:pool`, by which its ports are added."""
        key = (clean(name).replace(":", " ").strip() or NAMELESS, self.pool(pool))
        known = self._services.setdefault(key, _Service())
        known.role = role or known.role
        known.version = version if version is not None and 0 <= version <= MAX_VERSION else known.version
        known.external_fqdn = clean_name(external_fqdn) or known.external_fqdn
        return ":".join(key)

    def depends(self, service: str, other: str) -> None:
        """`service` needs `other`, both `name:pool`."""
        self._of(service).depends_on[clean(other)] = None

    def _of(self, service: str) -> _Service:
        name, _, pool = service.partition(":")
        return self._services[name, pool]

    def port(self, service: str, port: Port) -> None:
        """Where a service, `name:pool`, listens."""
        if self._plausible(port, service):
            self._of(service).ports[_cleaned(port)] = None

    def host(self, role: str, name: str, address: str, nat: str = "", ports: tuple[Port, ...] = ()) -> None:
        """A host that no export knows, or an address of a machine."""
        owner = name or role
        found, reached = self._address(address, owner), self._address(nat, owner)
        if found is not None and reached is not None:
            kept = tuple(_cleaned(one) for one in ports if self._plausible(one, owner))
            self._hosts[Host(role, clean_name(name), found, reached, kept)] = None

    def _plausible(self, port: Port, owner: str) -> bool:
        fits = 0 < port.first <= port.last <= MAX_PORT and port.protocol in TRANSPORTS and port.side in SIDES
        fits = fits and (port.published is None or 0 < port.published <= MAX_PORT)
        if not fits:
            what = f"{port.first}-{port.last}" if port.last != port.first else f"{port.first}"
            self.remark(f"{owner}: port {what} {port.protocol} {port.side} makes no sense; it was left out")
        return fits

    def network(self, where: str, text: str) -> None:
        """A network that is inside or outside."""
        try:
            self._networks[where][str(ipaddress.ip_network(text.strip(), strict=False))] = None
        except ValueError:
            self.remark(f"{text[:60]!r} is no network such as 10.0.0.0/8; it was left out")

    @property
    def empty(self) -> bool:
        """Whether nothing was told yet."""
        return not (self._pools or self._machines or self._services or self._hosts or any(self._networks.values()))

    def finished(self) -> Topology:
        """All of it."""
        members: dict[str, list[str]] = defaultdict(list)
        for name, pool in self._machines.items():
            members[pool or self.pool(name)].append(name)
        return Topology(
            source=clean(", ".join(self._sources)),
            sip_domains=tuple(self._domains),
            sites=tuple(self._sites.values()),
            simple_urls=tuple(self._urls),
            pools=tuple(self._pool(name, pool, members[name]) for name, pool in self._pools.items()),
            services=tuple(self._service(*key, one) for key, one in self._services.items()),
            hosts=tuple(self._hosts),
            inside=tuple(self._networks["inside"]),
            outside=tuple(self._networks["outside"]),
            remarks=tuple(self._remarks),
        )

    def _pool(self, name: str, pool: _Pool, members: list[str]) -> Pool:
        machines = tuple(Machine(one, tuple(self._interfaces.get(one, {}).values())) for one in members)
        return Pool(name, pool.site, pool.branch, machines)

    def _service(self, name: str, pool: str, one: _Service) -> Service:
        ports, needs = tuple(one.ports), tuple(one.depends_on)
        return Service(name, pool, one.role, one.version, one.external_fqdn, ports, needs)


def _cleaned(port: Port) -> Port:
    owner, usage, path = clean(port.owner), clean(port.usage), clean(port.path)
    number = port.number if 0 <= port.number <= MAX_PORT else ANY_NUMBER
    return replace(port, owner=owner, usage=usage, path=path, number=number, fqdn=clean_name(port.fqdn))


def clean(text: str) -> str:
    """A text without blanks around it, cut, and such that UTF-8 can hold it."""
    return text.strip()[:MAX_TEXT].encode("utf-8", "replace").decode("utf-8")


def clean_name(text: str) -> str:
    """A name in lower case, without the root's dot."""
    return clean(text)[:MAX_NAME].rstrip(".").lower()
