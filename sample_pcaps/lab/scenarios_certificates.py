"""Scenarios of what certificates say: missing names outside, an Edge's inner side, one certificate on both sides."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sample_pcaps.lab import sip
from sample_pcaps.lab.connecting import Resolver, close_tls, exchange, open_tcp, open_tls
from sample_pcaps.lab.media import Agent
from sample_pcaps.lab.media_network import opener, serve_relay
from sample_pcaps.lab.network import F5, HP, HYPER_V, JUNIPER, LINUX, PHONE, VMWARE, Host, Network
from sample_pcaps.lab.pki import Authority, Identity, client_context
from sample_pcaps.lab.scenario import Scenario
from sample_pcaps.lab.services import Zone, serve_dns, serve_tcp
from sample_pcaps.lab.sip import registrar
from sample_pcaps.lab.web import Reply, Site, lync_http, lync_https, read_message

IPHONE = "iPhoneLync/6.3.1608.0000 (iOS 9.3)"
DESKTOP = "OC/15.0.4569.1503 (Microsoft Lync)"


@dataclass(frozen=True)
class Visit:
    """Where somebody goes, one after another, and whom he trusts."""

    resolver: str
    roots: tuple[bytes, ...]
    meets: tuple[tuple[str, int], ...]
    """Name and port."""
    questions: tuple[tuple[str, str], ...] = ()
    agent: str = DESKTOP
    pause: float = 0.3


def visit(plan: Visit) -> None:
    """Ask DNS, then open every place under its name and say one thing there."""
    resolver = Resolver(plan.resolver)
    for name, kind in plan.questions:
        resolver.answer(name, kind)
    context = client_context(plan.roots)
    for name, port in plan.meets:
        address = resolver.address(name)
        if port == 80:
            if plain := open_tcp(address, port):
                with plain:
                    browse(plain, name, plan.agent)
        elif protected := open_tls(address, port, context, name):
            if name.startswith(("sip", "edge", "pool", "access")) or port == 5061:
                protected.sendall(
                    sip.request("SUBSCRIBE", f"ann@{name.partition('.')[2]}", 1, plan.agent, authorized=False)
                )
                read_message(protected, b"")
            else:
                browse(protected, name, plan.agent)
            close_tls(protected)
        time.sleep(plan.pause)


def browse(connection: object, name: str, agent: str) -> None:
    headers = (("User-Agent", agent),)
    exchange(connection, "GET", name, f"/?sipuri=ann@{name.partition('.')[2]}", headers=headers)  # type: ignore[arg-type]


def signs_in(domain: str) -> tuple[tuple[str, str], ...]:
    """What a client outside asks DNS for."""
    return ((f"lyncdiscoverinternal.{domain}", "A"), (f"lyncdiscover.{domain}", "A"), (f"_sip._tls.{domain}", "SRV"))


RESOLVER = "203.0.113.9"
SEQUOIA_EDGE, SEQUOIA_CONFERENCE, SEQUOIA_PROXY = "198.51.100.141", "198.51.100.142", "198.51.100.145"
HEMLOCK_EDGE, YEW_EDGE, SHOP = "192.0.2.35", "192.0.2.67", "203.0.113.130"
GUESTS = ("203.0.113.40", "203.0.113.41", "203.0.113.42", "203.0.113.43", "203.0.113.44", "203.0.113.45")
PUBLIC_NAMES: Zone = {
    ("sip.sequoia.example", "A"): [SEQUOIA_EDGE],
    ("sip.tamarack.example", "A"): [SEQUOIA_EDGE],
    ("webcon.sequoia.example", "A"): [SEQUOIA_CONFERENCE],
    ("lyncdiscover.sequoia.example", "A"): [SEQUOIA_PROXY],
    ("lyncdiscover.tamarack.example", "A"): [SEQUOIA_PROXY],
    ("meet.sequoia.example", "A"): [SEQUOIA_PROXY],
    ("uc-old.sequoia.example", "A"): [SEQUOIA_PROXY],
    ("meetings.sequoia.example", "A"): [SEQUOIA_PROXY],
    ("_sip._tls.sequoia.example", "SRV"): ["0 0 443 sip.sequoia.example."],
    ("_sip._tls.tamarack.example", "SRV"): ["0 0 443 sip.tamarack.example."],
    ("access.hemlock.example", "A"): [HEMLOCK_EDGE],
    ("_sip._tls.hemlock.example", "SRV"): ["0 0 443 access.hemlock.example."],
    ("access.yew.example", "A"): [YEW_EDGE],
    ("_sip._tls.yew.example", "SRV"): ["0 0 443 access.yew.example."],
    ("garden.shop.example", "A"): [SHOP],
}


def outside(folder: Path) -> None:
    """Three companies' servers for the outside and a shop, seen from the provider of their users."""
    with Network() as net:
        home, dmz = net.segment("203.0.113.0/25", delay=0.004), net.segment("198.51.100.128/27", delay=0.002)
        north, town = net.segment("192.0.2.0/24", delay=0.007), net.segment("203.0.113.128/25", delay=0.005)
        net.router(
            {home: "203.0.113.1", dmz: "198.51.100.129", north: "192.0.2.1", town: "203.0.113.129"}, vendor=JUNIPER
        )
        guests = [net.host(one, home, gateway="203.0.113.1", vendor=HP) for one in GUESTS[:5]]
        guests.append(net.host(GUESTS[5], home, gateway="203.0.113.1", stack=PHONE))
        names = net.host(RESOLVER, home, gateway="203.0.113.1", stack=LINUX)
        edge, conference = (
            net.host(one, dmz, gateway="198.51.100.129", vendor=VMWARE) for one in (SEQUOIA_EDGE, SEQUOIA_CONFERENCE)
        )
        proxy = net.host(SEQUOIA_PROXY, dmz, gateway="198.51.100.129", stack=LINUX, vendor=F5)
        hemlock, yew = (net.host(one, north, gateway="192.0.2.1", vendor=HYPER_V) for one in (HEMLOCK_EDGE, YEW_EDGE))
        shop = net.host(SHOP, town, gateway="203.0.113.129", stack=LINUX)
        span = net.mirror(home)
        net.start()
        public, own = Authority("Lab Trust Network", "Lab Public"), Authority("Hemlock", "Hemlock")
        net.serve(names, serve_dns, PUBLIC_NAMES, 0.01)
        ours = public.issue("webmail.sequoia.example", "sip.sequoia.example", "av.sequoia.example").server_context()
        for host in (edge, conference):
            net.serve(host, serve_tcp, 443, registrar("sip.sequoia.example", "web.sequoia.example"), ours)
        old = public.issue(
            "uc-old.sequoia.example", "lyncdiscover.sequoia.example", "meet.sequoia.example", repeats=False
        )
        net.serve(proxy, serve_tcp, 443, Site(lync_https("web.sequoia.example", "sip.sequoia.example")).conversation(),
                  old.server_context())  # fmt: skip
        plain = Site(lync_http("web.sequoia.example", public.chain_pkcs7(), "lyncdiscover.tamarack.example"))
        net.serve(proxy, serve_tcp, 80, plain.conversation())
        private = own.issue("access.hemlock.example", "edge7.hemlock.local").server_context()
        net.serve(hemlock, serve_tcp, 443, registrar("access.hemlock.example", "web.hemlock.example"), private)
        star = public.issue("*.yew.example").server_context()
        net.serve(yew, serve_tcp, 443, registrar("access.yew.example", "web.yew.example"), star)
        garden = Site({"/": Reply(b"<html>tulips</html>" * 40)}, "nginx").conversation()
        net.serve(shop, serve_tcp, 443, garden, public.issue("www.shop.example").server_context())
        plans = guest_plans(public.root_pem, own.root_pem)
        with net.capture(span, folder / "certificates-outside.pcap"):
            net.join(*(net.spawn(guest, visit, plan) for guest, plan in zip(guests, plans, strict=True)), timeout=40)


def guest_plans(public: bytes, own: bytes) -> Sequence[Visit]:
    """A colleague of each company, a stranger, and a mobile device that is helped by port 80."""
    both = (public, own)
    sequoia, tamarack = signs_in("sequoia.example"), signs_in("tamarack.example")
    return (
        Visit(RESOLVER, both, (("lyncdiscover.sequoia.example", 443), ("sip.sequoia.example", 443),
              ("webcon.sequoia.example", 443), ("garden.shop.example", 443)), sequoia),
        Visit(RESOLVER, (public,), (("lyncdiscover.tamarack.example", 443), ("sip.tamarack.example", 443)), tamarack),
        Visit(RESOLVER, (public,), (("meet.sequoia.example", 443), ("uc-old.sequoia.example", 443),
              ("meetings.sequoia.example", 443)), sequoia, pause=0.5),
        Visit(RESOLVER, (public,), (("access.hemlock.example", 443), ("access.yew.example", 443)),
              (*signs_in("hemlock.example"), *signs_in("yew.example"))),
        Visit(RESOLVER, both, (("access.hemlock.example", 443),), signs_in("hemlock.example"), pause=0.6),
        Visit(RESOLVER, (public,), (("lyncdiscover.tamarack.example", 80), ("lyncdiscover.tamarack.example", 443),
              ("meet.sequoia.example", 443)), tamarack[:2], IPHONE),
    )  # fmt: skip


INNER_RESOLVER, POOL = "172.20.8.6", "172.20.8.20"
EDGES = (
    ("172.20.8.111", "198.51.100.201"),
    ("172.20.8.121", "198.51.100.202"),
    ("172.20.8.131", "198.51.100.203"),
)
INNER_NAMES: Zone = {
    ("pool.spruce.example", "A"): [POOL],
    ("lyncdiscoverinternal.spruce.example", "A"): [POOL],
    ("_sipinternaltls._tcp.spruce.example", "SRV"): ["0 0 5061 pool.spruce.example."],
    ("edgeeast.spruce.example", "A"): [EDGES[0][0]],
    ("edgewest.spruce.example", "A"): [EDGES[1][0]],
    ("edgew1.spruce.example", "A"): [EDGES[1][0]],
    ("edgenorth.spruce.example", "A"): [EDGES[2][0]],
}


class Campus:
    """Users, a pool, and Edges with two legs; every Edge's relay is used by one user, which shows its inner side."""

    def __init__(self, net: Network, edges: Sequence[tuple[str, str]]) -> None:
        self.net, self.edges = net, edges
        self.users, self.servers = net.segment("172.20.40.0/24"), net.segment("172.20.8.0/24")
        self.outside = net.segment("198.51.100.192/26", delay=0.004)
        net.router({self.users: "172.20.40.1", self.servers: "172.20.8.1"}, vendor=JUNIPER)
        self.names = net.host(INNER_RESOLVER, self.servers, gateway="172.20.8.1")
        self.pool = net.host(POOL, self.servers, gateway="172.20.8.1", vendor=VMWARE)
        self.pcs = [net.host(f"172.20.40.{n}", self.users, gateway="172.20.40.1", vendor=HP) for n in (31, 32)]
        self.tablet = net.host("172.20.40.77", self.users, gateway="172.20.40.1", stack=PHONE)
        self.doors = [self._edge(*one) for one in edges]
        self.ca = Authority("Spruce", "Spruce")

    def _edge(self, inner: str, outer: str) -> Host:
        edge = self.net.host(outer, self.outside, vendor=HYPER_V)
        edge.plug(self.servers, inner)
        edge.ip("route", "add", "172.20.0.0/16", "via", "172.20.8.1")
        return edge

    def open(self, identities: Sequence[Identity], ports: Sequence[int]) -> None:
        """Start everything; the Edges show these certificates."""
        net = self.net
        net.start()
        net.serve(self.names, serve_dns, INNER_NAMES)
        own = self.ca.issue("pool.spruce.example", "lyncdiscoverinternal.spruce.example").server_context()
        net.serve(self.pool, serve_tcp, 5061, registrar("pool.spruce.example", "pool.spruce.example"), own)
        net.serve(self.pool, serve_tcp, 443, Site(lync_https("pool.spruce.example", "pool.spruce.example"))
                  .conversation(), own)  # fmt: skip
        pages = lync_http("pool.spruce.example", self.ca.chain_pkcs7(), "lyncdiscoverinternal.spruce.example")
        net.serve(self.pool, serve_tcp, 80, Site(pages).conversation())
        for edge, (inner, outer), identity in zip(self.doors, self.edges, identities, strict=True):
            net.serve(edge, serve_relay, [inner], outer)
            for port in ports:
                net.serve(edge, serve_tcp, port, registrar("edge", "edge"), identity.server_context())
        time.sleep(0.5)

    def allocate(self) -> None:
        """A user gets a port of every relay."""

        async def ask() -> None:
            for place, (inner, _) in enumerate(self.edges):
                agent = Agent(opener(self.pcs[0]), self.pcs[0].addresses[0], 22000 + place, version=5)
                await agent.open()
                await agent.gather_udp(inner)
                await agent.allocations[0].release()

        asyncio.run(ask())


def inside(folder: Path) -> None:
    """A pool asks Edges by names their certificates lack; a tablet on the company's Wi-Fi refuses the pool's."""
    with Network() as net:
        campus = Campus(net, EDGES)
        ca = campus.ca
        span = net.mirror(campus.servers)
        bare = [ca.issue(name, repeats=False) for name in ("edgee1.spruce.example", "edgewest.spruce.example")]
        campus.open((*bare, ca.issue("edgenorth.spruce.example", "access.spruce.example")), (5061, 4443))
        discovery = ("lyncdiscoverinternal.spruce.example", 443)
        office = Visit(
            INNER_RESOLVER,
            (ca.root_pem,),
            (discovery, ("pool.spruce.example", 5061)),
            (("_sipinternaltls._tcp.spruce.example", "SRV"),),
        )
        tablet = replace(office, roots=(), meets=((discovery[0], 80), discovery), questions=(), agent=IPHONE)
        copied = (("edgewest.spruce.example", 5061), ("edgew1.spruce.example", 4443))
        edges = (("edgeeast.spruce.example", 5061), *copied, ("edgenorth.spruce.example", 5061))
        with net.capture(span, folder / "certificates-inside.pcap"):
            talks = [net.spawn(pc, visit, office) for pc in campus.pcs]
            campus.allocate()
            talks.append(net.spawn(campus.tablet, visit, tablet))
            talks.append(net.spawn(campus.pool, visit, replace(office, meets=edges * 3, questions=(), pause=0.5)))
            net.join(*talks, timeout=40)


SCENARIOS = (
    Scenario(("certificates-outside",), outside),
    Scenario(("certificates-inside",), inside),
)
