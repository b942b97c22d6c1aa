"""Scenarios of load balancers that are set up wrongly, and of pools that DNS spreads their clients over."""

import itertools
import socket
import ssl
import struct
import time
from dataclasses import dataclass
from pathlib import Path

from sample_pcaps.lab import sip
from sample_pcaps.lab.clients import join_data
from sample_pcaps.lab.connecting import Resolver, close_tls, exchange, open_tcp, open_tls
from sample_pcaps.lab.network import F5, HP, LINUX, Host, Network, Stack
from sample_pcaps.lab.office import Office, Plan
from sample_pcaps.lab.passing import carry_both
from sample_pcaps.lab.pki import client_context
from sample_pcaps.lab.scenario import Scenario
from sample_pcaps.lab.scene import Scene
from sample_pcaps.lab.services import data_conference, serve_tcp
from sample_pcaps.lab.sip import registrar
from sample_pcaps.lab.web import Reply, Site, lync_http, lync_https

BAROMETER = Plan(
    domain="barometer.example",
    pcs="10.171.20.0/24",
    phones="10.171.21.0/24",
    servers="10.171.4.0/24",
    outside="198.51.100.192/26",
    web=("pressure.barometer.example", "10.171.4.100"),
    pool=("pressure.barometer.example", "10.171.4.100"),
    names="10.171.4.5",
    intranet=("charts.barometer.example", "10.171.4.70"),
    files="10.171.4.71",
)
NODES = ("10.171.4.11", "10.171.4.12")
DEAD = "10.171.4.13"
OWN = "10.171.4.101"
TURNS = 0.35
"""Seconds between two connections, so that the load balancer's turns are the order of the clients."""


class Blind(Office):
    """A pool behind a load balancer that knows nothing of its servers."""

    def __init__(self, net: Network, plan: Plan) -> None:
        """The pool's address is the load balancer's."""
        super().__init__(net, plan)
        self.nodes = [self.server(address) for address in NODES]
        self.dead = self.server(DEAD)
        self.pool.ip("address", "add", f"{OWN}/24", "dev", "eth0")

    def server(self, address: str, *, stack: Stack | None = None, vendor: str | None = None) -> Host:
        """Add a server; the shared address is a load balancer's."""
        if address == self.plan.pool[1]:
            return super().server(address, stack=LINUX, vendor=F5)
        return super().server(address, **({"stack": stack} if stack else {}), vendor=vendor)  # type: ignore[arg-type]

    def _open_lync(self, context: ssl.SSLContext, *, serves_sip: bool) -> None:
        name = self.plan.pool[0]
        for node in self.nodes:
            self.net.serve(node, serve_tcp, 80, Site(self.http_pages()).conversation())
            self.net.serve(node, serve_tcp, 443, Site(lync_https(name, name)).conversation(), context)
            self.net.serve(node, serve_tcp, 5061, registrar(name, name), context)
            self.net.serve(node, serve_tcp, 8057, data_conference, context)
        for port, nodes in ((443, NODES), (8057, NODES), (5061, (*NODES, DEAD))):
            self.net.serve(self.pool, pass_blindly, self.plan.pool[1], port, nodes, OWN)


def pass_blindly(address: str, port: int, nodes: tuple[str, ...], source: str) -> None:
    """Give each connection to the next server; what cannot be passed on is reset, and the server stays in turn."""
    listener = socket.create_server((address, port), backlog=32)
    for node in itertools.cycle(nodes):
        near, _ = listener.accept()
        try:
            far = socket.create_connection((node, port), source_address=(source, 0))
        except OSError:
            near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            near.close()
        else:
            carry_both(near, far)


@dataclass(frozen=True)
class Visitor:
    """A client of web services."""

    resolver: Resolver
    root: bytes
    name: str
    times: int = 1


def visit(plan: Visitor) -> None:
    """Open the web services over HTTPS again and again."""
    context = client_context([plan.root])
    for _ in range(plan.times):
        if connection := open_tls(plan.resolver.address(plan.name), 443, context, plan.name):
            exchange(connection, "GET", plan.name, "/", headers=(("User-Agent", sip.DESKTOP_AGENT),))
            close_tls(connection)
        time.sleep(TURNS)


def greet(plan: Visitor) -> None:
    """Open a SIP connection and close it again."""
    context = client_context([plan.root])
    if connection := open_tls(plan.resolver.address(plan.name), 5061, context, plan.name):
        close_tls(connection)


def confer(plan: Visitor) -> None:
    """Join the data of a meeting at the shared address."""
    join_data(plan.resolver, client_context([plan.root]), plan.name, 8057, turns=1)


def fetch(address: str, name: str, agent: str, times: int = 1) -> None:
    """Ask a web server over HTTP, each time in the same connection."""
    if connection := open_tcp(address, 80):
        with connection:
            for _ in range(times):
                exchange(connection, "GET", name, "/", headers=(("User-Agent", agent),))
                time.sleep(0.1)


def faults(folder: Path) -> None:
    """No listener on 80, a dead server in turn on 5061, no affinity on 443, conference data at the shared address.

    SPAN of the server switch, so both sides of the load balancer are in it.
    """
    with Network() as net:
        farm = Blind(net, BAROMETER)
        pcs = [farm.device(f"10.171.20.{number}", farm.pcs, vendor=HP) for number in (14, 37, 61, 88)]
        scene = Scene(farm, net.mirror(farm.servers))
        name, address = BAROMETER.pool
        farm.open(serves_http=False)
        with scene.recorded(folder / "balancer-faults.pcap", "not port 445"):
            resolver = BAROMETER.resolver
            net.join(net.spawn(pcs[3], fetch, NODES[0], name, "Mozilla/5.0"), timeout=20)
            net.join(net.spawn(pcs[0], fetch, address, name, sip.DESKTOP_AGENT), timeout=20)
            root = farm.ca.root_pem
            net.join(net.spawn(pcs[0], visit, Visitor(resolver, root, name, times=3)), timeout=30)
            net.join(net.spawn(pcs[1], visit, Visitor(resolver, root, name)), timeout=20)
            talks = [net.spawn(pcs[2], confer, Visitor(resolver, root, name))]
            for turn in range(9):
                talks.append(net.spawn(pcs[turn % 2], greet, Visitor(resolver, root, name)))
                time.sleep(2 * TURNS)
            net.join(*talks, timeout=40)


ISOBAR = Plan(
    domain="isobar.example",
    pcs="172.29.8.0/24",
    phones="172.29.9.0/24",
    servers="172.29.3.0/24",
    outside="192.0.2.0/26",
    web=("wx.isobar.example", "172.29.3.20"),
    pool=("wx.isobar.example", "172.29.3.20"),
    names="172.29.3.8",
    intranet=("maps.isobar.example", "172.29.3.60"),
    files="172.29.3.61",
    last_gateway=True,
)
FORWARDING, BEHIND, SECOND = "172.29.3.40", "172.29.3.41", "172.29.3.21"
APP_2010, APP_2013 = "iPhoneLync/4.3.8120.0 (iPhone iOS 6.1)", "iPhoneLync/5.4.1.280 (iPhone iOS 8.1)"


class Spread(Office):
    """A pool of two servers under one name, which its web services have too, and a box that only forwards."""

    def __init__(self, net: Network, plan: Plan) -> None:
        """`FORWARDING` changes destinations, and what is behind it answers by the router."""
        super().__init__(net, plan)
        self.second = self.server(SECOND)
        self.forwarding = self.server(FORWARDING, stack=LINUX, vendor=F5)
        self.behind = self.server(BEHIND)

    def zone(self) -> dict[tuple[str, str], list[str]]:
        """Return the records of the site: the pool has two addresses, an old name leads to the forwarding box."""
        zone = super().zone()
        zone[self.plan.pool[0], "A"] = [self.plan.pool[1], SECOND]
        zone[f"sipinternal.{self.plan.domain}", "A"] = [FORWARDING]
        zone[f"lyncdiscoverinternal.{self.plan.domain}", "A"] = [SECOND]
        return zone

    def http_pages(self) -> dict[str, object]:  # type: ignore[override]  # pages are looked up only
        """Return the pages on port 80, with a cookie as load balancers set it."""
        name = self.plan.web[0]
        pages = lync_http(name, self.ca.chain_pkcs7(), f"lyncdiscoverinternal.{self.plan.domain}")
        cookie = ("Set-Cookie", "MS-WSMAN=node.1; path=/; HttpOnly")
        return {**pages, "/": Reply(b"{}", "application/json", headers=(cookie,))}

    def _open_lync(self, context: ssl.SSLContext, *, serves_sip: bool) -> None:
        name = self.plan.pool[0]
        for host in (self.pool, self.second):
            self.net.serve(host, serve_tcp, 443, Site(lync_https(name, name)).conversation(), context)
        for host in (self.second, self.behind):
            self.net.serve(host, serve_tcp, 5061, registrar(name, name), context)
        with self.forwarding.entered():
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        self.forwarding.rule("prerouting", f"ip daddr {FORWARDING} tcp dport 5061 dnat to {BEHIND}")


@dataclass(frozen=True)
class Stubborn:
    """A client that goes through the addresses of a pool."""

    resolver: Resolver
    root: bytes
    user: str
    name: str


def sign_in_anywhere(plan: Stubborn) -> None:
    """Sign in at the first address of the name that accepts."""
    context = client_context([plan.root])
    plan.resolver.records(f"_sipinternaltls._tcp.{plan.user.partition('@')[2]}", "SRV")
    for address in plan.resolver.records(plan.name):
        if connection := open_tls(address, 5061, context, plan.name):
            sip.sign_in(connection, plan.user, sip.DESKTOP_AGENT)
            time.sleep(1.0)
            close_tls(connection)
            return


def spread(folder: Path) -> None:
    """The pool's name for web services, a first server that refuses once, answers past a load balancer, cookies.

    SPAN of the server switch.
    """
    with Network() as net:
        pair = Spread(net, ISOBAR)
        pcs = [pair.device(f"172.29.8.{number}", pair.pcs, vendor=HP) for number in (23, 46, 69, 92)]
        scene = Scene(pair, net.mirror(pair.servers))
        pair.open()
        resolver, root, name = ISOBAR.resolver, pair.ca.root_pem, ISOBAR.pool[0]
        with scene.recorded(folder / "balancer-by-dns.pcap", "not port 445"):
            talks = [net.spawn(pcs[0], sign_in_anywhere, Stubborn(resolver, root, "kaja@isobar.example", name))]
            talks.append(net.spawn(pcs[1], visit, Visitor(resolver, root, name)))
            talks.append(net.spawn(pcs[2], fetch, ISOBAR.web[1], name, APP_2010, 2))
            talks.append(net.spawn(pcs[3], fetch, ISOBAR.web[1], name, APP_2013, 2))
            time.sleep(1.5)
            old = f"sipinternal.{ISOBAR.domain}"
            talks.append(net.spawn(pcs[1], sign_in_anywhere, Stubborn(resolver, root, "lars@isobar.example", old)))
            net.join(*talks, timeout=60)


SCENARIOS = (
    Scenario(("balancer-faults",), faults),
    Scenario(("balancer-by-dns",), spread),
)
