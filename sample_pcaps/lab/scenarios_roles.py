"""Scenarios of who is who: pools behind a load balancer and without one, a reverse proxy seen from both sides."""

import ssl
import time
from dataclasses import dataclass
from pathlib import Path

from sample_pcaps.lab.clients import Noise, noise
from sample_pcaps.lab.connecting import Resolver, close_tls, exchange, open_tcp, open_tls
from sample_pcaps.lab.network import F5, HP, JUNIPER, LINUX, PHONE, Host, Network, Stack
from sample_pcaps.lab.office import Office, Plan
from sample_pcaps.lab.passing import balance, publish
from sample_pcaps.lab.pki import Authority, client_context
from sample_pcaps.lab.scenario import Scenario
from sample_pcaps.lab.scene import Scene
from sample_pcaps.lab.services import serve_dns, serve_tcp
from sample_pcaps.lab.sip import registrar
from sample_pcaps.lab.web import Reply, Site, lync_http, lync_https

MEMBERS = ("10.155.9.21", "10.155.9.22")
SNAT = "10.155.9.202"
TAILWHEEL = Plan(
    domain="tailwheel.example",
    pcs="10.155.32.0/24",
    phones="10.155.48.0/24",
    servers="10.155.9.0/24",
    outside="192.0.2.128/25",
    web=("voicepool.tailwheel.example", "10.155.9.200"),
    pool=("voicepool.tailwheel.example", "10.155.9.200"),
    names="10.155.9.6",
    intranet=("hangar.tailwheel.example", "10.155.9.90"),
    files="10.155.9.91",
    last_gateway=True,
    router_vendor=JUNIPER,
)


class Farm(Office):
    """A site whose pool has two members behind a load balancer."""

    def __init__(self, net: Network, plan: Plan) -> None:
        """The pool's address is the load balancer's."""
        super().__init__(net, plan)
        self.members = [self.server(address) for address in MEMBERS]
        self.pool.ip("address", "add", f"{SNAT}/24", "dev", "eth0")

    def server(self, address: str, *, stack: Stack | None = None, vendor: str | None = None) -> Host:
        """Add a server; the shared address is a load balancer's."""
        if address == self.plan.pool[1]:
            return super().server(address, stack=LINUX, vendor=F5)
        return super().server(address, **({"stack": stack} if stack else {}), vendor=vendor)  # type: ignore[arg-type]

    def _open_lync(self, context: ssl.SSLContext, *, serves_sip: bool) -> None:
        name, shared = self.plan.pool
        pages = {80: Site(self.http_pages()).conversation(), 443: Site(lync_https(name, name)).conversation()}
        for member in self.members:
            self.net.serve(member, serve_tcp, 80, pages[80])
            self.net.serve(member, serve_tcp, 443, pages[443], context)
            self.net.serve(member, serve_tcp, 5061, registrar(name, name), context)
        for port in (80, 443, 5061):
            behind = [(address, port) for address in MEMBERS]
            self.net.serve(self.pool, balance, (shared, port), behind, SNAT)


def load_balancer(folder: Path) -> None:
    """Three PCs sign in at the shared address; SPAN of the server switch, so both legs are in it."""
    with Network() as net:
        farm = Farm(net, TAILWHEEL)
        pcs = [farm.device(f"10.155.32.{number}", farm.pcs, vendor=HP) for number in (31, 44, 58)]
        scene = Scene(farm, net.mirror(farm.servers))
        farm.open(serves_http=False)
        with scene.recorded(folder / "roles-load-balancer.pcap", "not port 445"):
            talks = list(farm.make_noise(2.0, pcs[0]))
            for name, pc in zip(("ilse", "omar", "petra"), pcs, strict=True):
                talks.append(scene.user(pc, name, stays=2.0))
                time.sleep(0.4)
            net.join(*talks, timeout=40)


@dataclass(frozen=True)
class Picking(Resolver):
    """A resolver that takes one of several addresses, as clients do with DNS load balancing."""

    place: int = 0

    def address(self, name: str) -> str:
        """Return the address at its own place, the first one where there is only one."""
        found = self.records(name)
        return found[self.place % len(found)]


class Pair(Office):
    """A site whose pool's name has two addresses: DNS load balancing for SIP, one server for the web."""

    def __init__(self, net: Network, plan: Plan) -> None:
        """The plan's pool is the first member."""
        super().__init__(net, plan)
        self.second = self.server(HANGAR_SECOND)

    def zone(self) -> dict[tuple[str, str], list[str]]:
        """Return the records of the site; the pool has two."""
        return {**super().zone(), (self.plan.pool[0], "A"): [self.plan.pool[1], HANGAR_SECOND]}

    def _open_lync(self, context: ssl.SSLContext, *, serves_sip: bool) -> None:
        super()._open_lync(context, serves_sip=serves_sip)
        self.net.serve(self.second, serve_tcp, 5061, registrar(self.plan.pool[0], self.plan.web[0]), context)


HANGAR_SECOND = "10.88.3.32"
HANGAR = Plan(
    domain="aileron.example",
    pcs="10.88.64.0/23",
    phones="10.88.80.0/24",
    servers="10.88.3.0/24",
    outside="198.51.100.128/25",
    web=("ucsites.aileron.example", "10.88.3.31"),
    pool=("ucfarm.aileron.example", "10.88.3.31"),
    names="10.88.3.9",
    intranet=("logbook.aileron.example", "10.88.3.77"),
    files="10.88.3.78",
)


def dns_balanced(folder: Path) -> None:
    """Four PCs sign in at two servers of one name; nothing stands in front of them."""
    with Network() as net:
        pair = Pair(net, HANGAR)
        pcs = [pair.device(f"10.88.64.{number}", pair.pcs, vendor=HP) for number in (12, 19, 27, 35)]
        scene = Scene(pair, net.mirror(pair.servers))
        pair.open()
        with scene.recorded(folder / "roles-dns-balanced.pcap", "not port 445"):
            talks = list(pair.make_noise(4.0, pcs[0]))
            for place, (name, pc) in enumerate(zip(("rosa", "sven", "tariq", "ulla"), pcs, strict=True)):
                talks.append(scene.user(pc, name, stays=2.0, resolver=Picking(HANGAR.names, place=place)))
                time.sleep(0.3)
            net.join(*talks, timeout=40)


PROXY, EDGE_NAMES, POOL, ELSEWHERE = "203.0.113.210", "198.51.100.10", "172.23.60.14", "203.0.113.211"
WEB, DISCOVERY = "ucweb.rudder.example", "lyncdiscover.rudder.example"
JOIN, SHOP = "meet.rudder.example", "tickets.rudder.example"
RUDDER = {(name, "A"): [PROXY] for name in (WEB, DISCOVERY, JOIN)} | {(SHOP, "A"): [ELSEWHERE]}


@dataclass(frozen=True)
class Visitor:
    """Somebody outside who opens the published sites."""

    resolver: Resolver
    root: bytes
    names: tuple[str, ...]


def visit(plan: Visitor) -> None:
    """Ask Autodiscover on both ports, and open the sites."""
    context = client_context([plan.root])
    agent = (("User-Agent", "iPhoneLync/6.3.1608.0000 (iOS 9.3)"),)
    if connection := open_tcp(plan.resolver.address(DISCOVERY), 80):
        with connection:
            exchange(connection, "GET", DISCOVERY, "/?sipuri=vera@rudder.example", headers=agent)
    for name in plan.names:
        if protected := open_tls(plan.resolver.address(name), 443, context, name):
            exchange(protected, "GET", name, "/", headers=agent)
            close_tls(protected)
        time.sleep(0.3)


def reverse_proxy(folder: Path) -> None:
    """Two visitors at the proxy, which asks the pool on 4443 and 8080; mirror of the DMZ switch.

    Beside it a web server that does the same for a shop, with a name and ports of its own.
    """
    with Network() as net:
        isp, dmz = net.segment("198.51.100.0/26", delay=0.006), net.segment("203.0.113.192/26")
        inside = net.segment("172.23.60.0/24")
        net.router({isp: "198.51.100.1", dmz: "203.0.113.193", inside: "172.23.60.1"}, vendor=JUNIPER)
        phones = [net.host(f"198.51.100.{n}", isp, gateway="198.51.100.1", stack=PHONE) for n in (20, 33)]
        names = net.host(EDGE_NAMES, isp, gateway="198.51.100.1", stack=LINUX)
        proxy = net.host(PROXY, dmz, gateway="203.0.113.193", stack=LINUX, vendor=F5)
        other = net.host(ELSEWHERE, dmz, gateway="203.0.113.193", stack=LINUX)
        pool = net.host(POOL, inside, gateway="172.23.60.1")
        shop = net.host("172.23.60.80", inside, gateway="172.23.60.1", stack=LINUX)
        span = net.mirror(dmz)
        net.start()
        public, own = Authority("Lab Trust Network", "Lab Public"), Authority("Rudder", "rudder")
        net.serve(names, serve_dns, RUDDER, 0.01)
        site = Site(lync_https(WEB, "sip.rudder.example")).conversation()
        net.serve(pool, serve_tcp, 4443, site, own.issue("fe04.rudder.example", WEB, DISCOVERY, JOIN).server_context())
        plain = Site(lync_http(WEB, own.chain_pkcs7(), DISCOVERY)).conversation()
        net.serve(pool, serve_tcp, 8080, plain)
        towards = client_context([own.root_pem])
        published = public.issue(WEB, DISCOVERY, JOIN).server_context()
        net.serve(proxy, serve_tcp, 443, publish((POOL, 4443), towards), published)
        net.serve(proxy, serve_tcp, 80, publish((POOL, 8080), None))
        front = Site({"/": Reply(b"<html>seats</html>" * 60)}, "nginx").conversation()
        net.serve(shop, serve_tcp, 8080, front)
        net.serve(other, serve_tcp, 443, publish(("172.23.60.80", 8080), None), public.issue(SHOP).server_context())
        with net.capture(span, folder / "roles-reverse-proxy.pcap"):
            resolver = Resolver(EDGE_NAMES)
            plan = Visitor(resolver, public.root_pem, (DISCOVERY, SHOP, WEB, JOIN))
            talks = [net.spawn(phone, visit, plan) for phone in phones]
            talks.append(net.spawn(phones[0], noise, Noise(resolver, 3.0, (SHOP,), public.root_pem)))
            net.join(*talks, timeout=40)


SCENARIOS = (
    Scenario(("roles-load-balancer",), load_balancer),
    Scenario(("roles-dns-balanced",), dns_balanced),
    Scenario(("roles-reverse-proxy",), reverse_proxy),
)
