"""Scenarios of media relays that devices do not get: blocked ways, refused credentials, Edges that send them on."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from sample_pcaps.lab import network, services, sip, web
from sample_pcaps.lab.connecting import Resolver, close_tls, open_tcp, open_tls
from sample_pcaps.lab.media import Agent
from sample_pcaps.lab.media_network import serve_relay
from sample_pcaps.lab.network import Host, LabError, Network, Program
from sample_pcaps.lab.pki import Authority, client_context
from sample_pcaps.lab.scenario import Scenario
from sample_pcaps.lab.turn_client import AUDIO, Allocation
from sample_pcaps.lab.turn_faults import Manner, serve_faulty_relay
from sample_pcaps.lab.turn_relay import open_datagrams

DOMAIN = "hollin.example"
FLOORS = ("10.143.11.0/24", "10.143.12.0/24", "10.143.13.0/24", "10.143.14.0/24")
SERVERS, BRANCH, PERIMETER, OUTSIDE = "10.143.40.0/24", "10.143.60.0/24", "10.143.90.0/24", "192.0.2.192/28"
NAMES, OTHER_NAMES = "10.143.40.10", "10.143.40.11"
POOL, BRANCH_POOL = "10.143.40.21", "10.143.60.22"
EDGE, EDGE_OUTSIDE = "10.143.90.7", "192.0.2.199"
EDGE_NAME = f"edge-in.{DOMAIN}"
WRONG = b"c2lnbmVkIGJ5IHRoZSBvbGQgb25l"
AFTERWARDS_S = 9.5
"""How long a device is still heard after its failure: silence has to last to be one."""

ZONE = {
    (f"_sipinternaltls._tcp.{DOMAIN}", "SRV"): [f"0 0 5061 pool.{DOMAIN}."],
    (f"pool.{DOMAIN}", "A"): [POOL],
    (f"branch.{DOMAIN}", "A"): [BRANCH_POOL],
}
WHOLE_ZONE = {**ZONE, (EDGE_NAME, "A"): [EDGE]}


@dataclass(frozen=True)
class User:
    """What one PC does: it signs in, looks up the relay, and asks for it."""

    name: str
    address: str
    udp: bool = True
    tcp: bool = False
    rounds: int = 1
    secret: bytes | None = None
    """Another password than the relay's."""
    resolver: str = NAMES
    signs_in: bool = True


def act(root: bytes, user: User) -> None:
    """Sign in, ask for a relay, and keep the connection to the pool until the end."""
    resolver = Resolver(user.resolver)
    connection: ssl.SSLSocket | None = None
    if user.signs_in:
        resolver.records(f"_sipinternaltls._tcp.{DOMAIN}", "SRV")
        pool = resolver.address(f"pool.{DOMAIN}")
        connection = open_tls(pool, 5061, client_context([root]), f"pool.{DOMAIN}")
        if connection is None:
            raise LabError(f"{user.name} cannot sign in")
        sip.sign_in(connection, f"{user.name}@{DOMAIN}", sip.DESKTOP_AGENT)
    if resolver.records(EDGE_NAME):
        asyncio.run(_ask(user))
    _stay(resolver, connection, user)


def _stay(resolver: Resolver, connection: ssl.SSLSocket | None, user: User) -> None:
    end = time.monotonic() + AFTERWARDS_S
    while time.monotonic() < end:
        time.sleep(3.0)
        resolver.records(f"pool.{DOMAIN}")
    if connection:
        connection.sendall(sip.request("REGISTER", f"{user.name}@{DOMAIN}", 9, sip.DESKTOP_AGENT, authorized=True))
        web.read_message(connection, b"")
        close_tls(connection)


async def _ask(user: User) -> None:
    agent = Agent(lambda kind: socket.socket(socket.AF_INET, kind), user.address, 50010, version=4)
    agent.secret = user.secret or agent.secret
    await agent.open()
    for _ in range(user.rounds):
        ways = [agent.gather_udp(EDGE)] if user.udp else []
        ways += [agent.gather_tcp(EDGE)] if user.tcp else []
        await asyncio.gather(*ways)
        agent.allocations = [one for one in agent.allocations if one.relayed]
        await asyncio.sleep(0.4)
    for one in agent.allocations:
        if one.relayed:
            await one.release()


def knock(address: str, port: int, context: ssl.SSLContext | None = None, name: str = "", times: int = 1) -> None:
    """Connect, with TLS where there is a context, and give up."""
    for _ in range(times):
        with contextlib.suppress(OSError):
            if context:
                open_tls(address, port, context, name)
            elif connection := open_tcp(address, port):
                connection.close()
        time.sleep(0.5)


class Site:
    """Floors, servers, a branch and the Edge, each behind a router of its own at one backbone."""

    def __init__(self, net: Network) -> None:
        """Build routers and servers."""
        self.net = net
        self.backbone = net.segment("10.143.0.0/24")
        self.authority = Authority("Hollin", "Hollin")
        self.floors = [net.segment(one) for one in FLOORS]
        self.servers, self.branch, self.inner = (net.segment(one) for one in (SERVERS, BRANCH, PERIMETER))
        self.outer = net.segment(OUTSIDE)
        self.floor_router = self._router(1, self.floors)
        self.server_router = self._router(2, [self.servers])
        self.branch_router = self._router(3, [self.branch])
        self.guard = self._router(4, [self.inner], vendor=network.JUNIPER)
        self.dc, self.other_dc, self.pool = (self._host(one, self.servers) for one in (NAMES, OTHER_NAMES, POOL))
        self.branch_pool = self._host(BRANCH_POOL, self.branch)
        self.edge = net.host(EDGE, self.inner, gateway="10.143.90.1", vendor=network.HYPER_V)
        self.edge.plug(self.outer, EDGE_OUTSIDE)
        self.programs: list[Program] = []

    def _router(self, number: int, segments: Sequence[network.Segment], vendor: str = network.CISCO) -> Host:
        legs = {one: str(one.subnet[1]) for one in segments} | {self.backbone: f"10.143.0.{number}"}
        router = self.net.router(legs, vendor=vendor)
        behind = {1: FLOORS, 2: (SERVERS,), 3: (BRANCH,), 4: (PERIMETER,)}
        for other, subnets in behind.items():
            for subnet in subnets if other != number else ():
                router.ip("route", "add", subnet, "via", f"10.143.0.{other}")
        return router

    def _host(self, address: str, segment: network.Segment) -> Host:
        return self.net.host(address, segment, gateway=str(segment.subnet[1]), vendor=network.VMWARE)

    def desk(self, floor: int, last: int) -> Host:
        """Add a PC on a floor."""
        address = f"10.143.{10 + floor}.{last}"
        return self.net.host(address, self.floors[floor - 1], gateway=f"10.143.{10 + floor}.1", vendor=network.DELL)

    def open(self) -> None:
        """Switch everything on."""
        net = self.net
        net.start()
        net.serve(self.dc, services.serve_dns, WHOLE_ZONE)
        net.serve(self.other_dc, services.serve_dns, ZONE)
        for host, name in ((self.pool, f"pool.{DOMAIN}"), (self.branch_pool, f"branch.{DOMAIN}")):
            context = self.authority.issue(name, DOMAIN).server_context()
            net.serve(host, services.serve_tcp, 5061, sip.registrar(name, name), context)
        stranger = Authority("Elsewhere", "Elsewhere").issue(EDGE_NAME)
        context = stranger.server_context()
        net.serve(self.edge, services.serve_tcp, 5062, sip.registrar(EDGE_NAME, EDGE_NAME), context)
        net.serve(self.edge, serve_relay, [EDGE], EDGE_OUTSIDE)
        time.sleep(0.6)

    def run(self, host: Host, program: object, *arguments: object) -> None:
        """Let a host do something that ends by itself."""
        self.programs.append(self.net.spawn(host, program, *arguments))  # type: ignore[arg-type]


def inside(folder: Path) -> None:
    """Nine PCs on four floors, two pools and one Edge: almost everybody gets no relay for a reason of his own."""
    with Network() as net:
        site = Site(net)
        users = {
            (1, 21): {},
            (1, 22): {"tcp": True, "signs_in": False},
            (1, 23): {"rounds": 3, "secret": WRONG, "signs_in": False},
            (1, 24): {"rounds": 3, "secret": WRONG, "signs_in": False},
            (1, 25): {"resolver": OTHER_NAMES, "signs_in": False},
            (2, 31): {"tcp": True},
            (3, 41): {"tcp": True, "signs_in": False},
            (4, 51): {"tcp": True, "signs_in": False},
        }
        desks = {place: site.desk(*place) for place in users}
        site.guard.rule("forward", f"ip saddr 10.143.12.0/24 ip daddr {EDGE} udp dport 3478 drop")
        site.guard.rule("forward", f"ip saddr 10.143.13.0/24 ip daddr {EDGE} drop")
        site.guard.rule("forward", f"ip saddr 10.143.14.0/24 ip daddr {EDGE} udp dport 3478 reject")
        site.guard.rule("forward", f"ip saddr 10.143.11.22 ip daddr {EDGE} tcp dport 443 drop")
        site.guard.rule("forward", f"ip saddr {POOL} ip daddr {EDGE} tcp dport 5062 drop")
        site.branch_router.rule("forward", f"ip saddr {POOL} tcp dport 448 drop")
        point = net.mirror(site.backbone)
        site.open()
        with net.capture(point, folder / "relays-inside.pcap"):
            time.sleep(1.5)
            root = site.authority.root_pem
            for (floor, last), wants in users.items():
                address = f"10.143.{10 + floor}.{last}"
                plan = User(f"user{last}", address, **wants)  # type: ignore[arg-type]
                site.run(desks[floor, last], act, root, plan)
                time.sleep(0.15)
            site.run(site.pool, knock, EDGE, 5062)
            site.run(site.pool, knock, BRANCH_POOL, 448)
            site.run(site.pool, knock, BRANCH_POOL, 5062)
            site.run(site.pool, knock, BRANCH_POOL, 5061, client_context([root]), f"branch.{DOMAIN}")
            site.run(site.branch_pool, knock, EDGE, 5062, client_context([root]), EDGE_NAME, 2)
            net.join(*site.programs, timeout=60)


PROVIDER, DMZ = "198.51.100.128/28", "203.0.113.64/28"
RESOLVER = "203.0.113.66"
ACCESS, AV_EDGE, OTHER_AV, CLOSED_AV, HIDDEN = (*(f"203.0.113.{last}" for last in (69, 70, 71, 72)), "10.200.3.9")
HOMES = ("192.0.2.16/28", "192.0.2.32/28", "198.51.100.32/28", "198.51.100.48/28")
MANNERS = {
    "192.0.2.34": Manner(error=486),
    "198.51.100.50": Manner(error=486),
    "192.0.2.35": Manner(alternate=(HIDDEN, 3478)),
    "198.51.100.51": Manner(denied=True),
    "192.0.2.36": Manner(error=437),
    "198.51.100.52": Manner(error=300, alternate=(OTHER_AV, 3478)),
}
"""How the relay treats single clients."""
HOTEL, CLOSED_FOR = "192.0.2.18", ("192.0.2.37", "198.51.100.34")
PEOPLE = (HOTEL, *CLOSED_FOR, *MANNERS)
SIGNING_IN = frozenset({HOTEL, *CLOSED_FOR, "192.0.2.34", "192.0.2.35"})
OUTER_ZONE = {
    (f"_sip._tls.{DOMAIN}", "SRV"): [f"0 0 443 sip.{DOMAIN}."],
    (f"sip.{DOMAIN}", "A"): [ACCESS],
    (f"av.{DOMAIN}", "A"): [AV_EDGE],
    (f"av2.{DOMAIN}", "A"): [CLOSED_AV],
}


def act_outside(root: bytes, address: str) -> None:
    """Sign in at the Access Edge, ask an A/V Edge for a relay, follow it where it sends one."""
    names = Resolver(RESOLVER)
    connection: ssl.SSLSocket | None = None
    if address in SIGNING_IN:
        names.records(f"_sip._tls.{DOMAIN}", "SRV")
        connection = open_tls(names.address(f"sip.{DOMAIN}"), 443, client_context([root]), f"sip.{DOMAIN}")
        if connection is None:
            raise LabError(f"{address} cannot sign in")
        sip.sign_in(connection, f"user{address.rpartition('.')[2]}@{DOMAIN}", sip.DESKTOP_AGENT)
    asyncio.run(_ask_outside(address, names))
    end = time.monotonic() + AFTERWARDS_S
    while time.monotonic() < end:
        time.sleep(3.0)
        names.records(f"sip.{DOMAIN}")
    if connection:
        close_tls(connection)


async def _ask_outside(address: str, names: Resolver) -> None:
    server = names.address(f"av{'2' if address in CLOSED_FOR else ''}.{DOMAIN}")
    manner = MANNERS.get(address, Manner())
    if manner.alternate and not manner.error:
        await _follow(address, server)
        return
    agent = Agent(lambda kind: socket.socket(socket.AF_INET, kind), address, 50020, version=4)
    await agent.open()
    ways = [agent.gather_udp(server)] + ([agent.gather_tcp(server)] if address not in MANNERS else [])
    await asyncio.gather(*ways)
    if manner.alternate:
        await agent.gather_udp(manner.alternate[0])


async def _follow(address: str, server: str) -> None:
    """Ask over UDP and go on where the challenge says."""
    one = Allocation((server, 3478), "udp", lambda *_: None, version=4, stream=AUDIO)
    line = await open_datagrams(
        lambda kind: socket.socket(socket.AF_INET, kind), (address, 50022), lambda data, _: one.control(data)
    )
    one.write = lambda _kind, data: line.send(data, one.server)
    one.follows = True
    for _ in range(2):
        one.server = (server, 3478)
        await one.allocate()


def outside(folder: Path) -> None:
    """People in four networks outside and three A/V Edges, recorded before the firewall of the Edges."""
    with Network() as net:
        authority = Authority("Hollin", "Hollin")
        homes = [net.segment(one, delay=0.003) for one in HOMES]
        line, dmz = net.segment(PROVIDER, delay=0.008), net.segment(DMZ)
        legs = {one: str(one.subnet[1]) for one in homes} | {line: "198.51.100.129"}
        net.router(legs, gateway="198.51.100.130")
        firewall = net.router({line: "198.51.100.130", dmz: "203.0.113.65"}, vendor=network.JUNIPER)
        for subnet in HOMES:
            firewall.ip("route", "add", subnet, "via", "198.51.100.129")
        firewall.rule("forward", f"ip daddr {HIDDEN} drop")
        firewall.rule("forward", f"ip saddr {HOMES[0]} udp dport 3478 drop")
        firewall.rule("forward", f"ip daddr {CLOSED_AV} udp dport 3478 drop")
        names = net.host(RESOLVER, dmz, gateway="203.0.113.65", vendor=network.VMWARE)
        access, edge, other, closed = (
            net.host(one, dmz, gateway="203.0.113.65", vendor=network.HYPER_V)
            for one in (ACCESS, AV_EDGE, OTHER_AV, CLOSED_AV)
        )
        hosts = {}
        for one in PEOPLE:
            home = next(each for each in homes if IPv4Address(one) in each.subnet)
            hosts[one] = net.host(one, home, gateway=str(home.subnet[1]), vendor=network.HP)
        point = net.mirror(line)
        net.start()
        net.serve(names, services.serve_dns, OUTER_ZONE)
        context = authority.issue(f"sip.{DOMAIN}").server_context()
        net.serve(access, services.serve_tcp, 443, sip.registrar(f"sip.{DOMAIN}", f"sip.{DOMAIN}"), context)
        net.serve(edge, serve_faulty_relay, AV_EDGE, MANNERS)
        net.serve(other, serve_relay, [OTHER_AV], OTHER_AV)
        net.serve(closed, serve_relay, [CLOSED_AV], CLOSED_AV)
        time.sleep(0.6)
        with net.capture(point, folder / "relays-outside.pcap"):
            time.sleep(1.5)
            acting = []
            for one, host in hosts.items():
                acting.append(net.spawn(host, act_outside, authority.root_pem, one))
                time.sleep(0.2)
            net.join(*acting, timeout=60)


SCENARIOS = (Scenario(("relays-inside",), inside), Scenario(("relays-outside",), outside))
