"""Ways between companies, and from people outside to their Edge, each blocked at another place; seen in between."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sample_pcaps.lab import sip
from sample_pcaps.lab.clients import DESKTOP_AGENT
from sample_pcaps.lab.connecting import Resolver, close_tls, exchange, open_tcp_as_windows, open_tls
from sample_pcaps.lab.edge import Edge, call_in
from sample_pcaps.lab.network import HYPER_V, JUNIPER, LINUX, VMWARE, Host, Network
from sample_pcaps.lab.pki import Authority, Identity, client_context
from sample_pcaps.lab.scenario import Scenario
from sample_pcaps.lab.scenarios_edge import mutual
from sample_pcaps.lab.services import Zone, serve_dns, serve_tcp
from sample_pcaps.lab.web import Site, lync_https

DMZ, TRANSIT, HOMES = "203.0.113.160/28", "203.0.113.176/29", "192.0.2.160/27"
CAFE, HOTEL = "198.51.100.128/28", "198.51.100.160/28"
WINGTIP, HUMONGOUS, BLUE, COHO, PROXY = (f"203.0.113.{last}" for last in (162, 163, 164, 165, 166))
ADATUM, TREYNET, CHATTER, AT_HOME, AT_WORK = (f"192.0.2.{last}" for last in (163, 164, 165, 171, 172))
NAMES = "203.0.113.179"
AT_CAFE, GUEST = "198.51.100.131", "198.51.100.164"
EDGES = {"wingtip": WINGTIP, "humongous": HUMONGOUS, "blue": BLUE, "coho": COHO}
PARTNERS = {"adatum": ADATUM, "treynet": TREYNET}
SHARED_PORT = 5061
LIST_URL = "http://crl.labpublic.example/lab-public-issuing-ca-1.crl"
XMPP_PORT = 5269


def zone() -> Zone:
    """The public DNS of everybody."""
    records = {(f"sip.{name}.example", "A"): [address] for name, address in (EDGES | PARTNERS).items()}
    for name in (*PARTNERS, *EDGES):
        records[f"_sipfederationtls._tcp.{name}.example", "SRV"] = [f"0 0 5061 sip.{name}.example."]
    for name in EDGES:
        port = SHARED_PORT if name == "coho" else 443
        records[f"_sip._tls.{name}.example", "SRV"] = [f"0 0 {port} sip.{name}.example."]
        records[f"lyncdiscover.{name}.example", "A"] = [PROXY]
    records["_xmpp-server._tcp.chatter.example", "SRV"] = [f"5 0 {XMPP_PORT} xmpp.chatter.example."]
    records["xmpp.chatter.example", "A"] = [CHATTER]
    return records


@dataclass(frozen=True)
class Visitor:
    """Somebody outside who signs in at a company."""

    company: str
    port: int
    root: bytes
    stays: float = 1.0

    def sign_in(self) -> None:
        """Discover, ask for the record, sign in at what it names."""
        resolver, context, domain = Resolver(NAMES), client_context([self.root]), f"{self.company}.example"
        name = f"lyncdiscover.{domain}"
        web = open_tls(resolver.address(name), 443, context, name)
        assert web
        exchange(web, "GET", name, f"/?sipuri=kim@{domain}", headers=DESKTOP_AGENT)
        resolver.records(f"_sip._tls.{domain}", "SRV")
        server = f"sip.{domain}"
        if connection := open_tls(resolver.address(server), self.port, context, server):
            sip.sign_in(connection, f"kim@{domain}", sip.DESKTOP_AGENT)
            time.sleep(self.stays)
            close_tls(connection)
        exchange(web, "GET", name, "/Autodiscover/user", headers=DESKTOP_AGENT)
        close_tls(web)


def gossip() -> None:
    """The XMPP proxy of an Edge looks for its partner, whose web site answers."""
    resolver = Resolver(NAMES)
    resolver.records("_xmpp-server._tcp.chatter.example", "SRV")
    address = resolver.address("xmpp.chatter.example")
    open_tcp_as_windows(address, XMPP_PORT)
    if connection := open_tcp_as_windows(address, 443):
        connection.close()


class World:
    """Four companies behind one provider, two partners, a home, a café and a hotel."""

    def __init__(self, net: Network) -> None:
        self.net, self.ca = net, Authority("Lab Trust Network", "Lab Public", LIST_URL)
        dmz, transit = net.segment(DMZ), net.segment(TRANSIT, delay=0.002)
        homes, cafe, hotel = (net.segment(one, delay=0.005) for one in (HOMES, CAFE, HOTEL))
        self.inner = net.router({dmz: "203.0.113.161", transit: "203.0.113.178"}, gateway="203.0.113.177")
        legs = {transit: "203.0.113.177", homes: "192.0.2.161", cafe: "198.51.100.129", hotel: "198.51.100.161"}
        self.outer = net.router(legs, gateway="203.0.113.178", vendor=JUNIPER)
        self.hosts: dict[str, Host] = {
            name: net.host(address, dmz, gateway="203.0.113.161", vendor=VMWARE) for name, address in EDGES.items()
        }
        self.hosts["proxy"] = net.host(PROXY, dmz, gateway="203.0.113.161", stack=LINUX)
        outside = {"chatter": CHATTER, "home": AT_HOME, "work": AT_WORK, **PARTNERS}
        for name, address in outside.items():
            self.hosts[name] = net.host(address, homes, gateway="192.0.2.161", vendor=HYPER_V)
        self.hosts["cafe"] = net.host(AT_CAFE, cafe, gateway="198.51.100.129")
        self.hosts["hotel"] = net.host(GUEST, hotel, gateway="198.51.100.161")
        self.hosts["names"] = net.host(NAMES, transit, gateway="203.0.113.177", stack=LINUX)
        self.hosts["names"].ip("route", "add", DMZ, "via", "203.0.113.178")
        self.mirror = net.mirror((transit, hotel))
        self.identities: Mapping[str, Identity] = {
            name: self.ca.issue(f"sip.{name}.example", client=True) for name in (*EDGES, *PARTNERS)
        }

    def block(self) -> None:
        """What each company's firewall, and the hotel's, lacks."""
        self.outer.rule("forward", f"ip saddr {WINGTIP} tcp dport {{5061, 5269}} drop")
        self.outer.rule("forward", f"ip saddr {HOTEL} ip daddr {COHO} tcp dport 5061 drop")
        self.inner.rule("forward", f"ip daddr {HUMONGOUS} tcp dport 443 drop")
        self.inner.rule("forward", f"ip daddr {BLUE} tcp dport 5061 drop")

    def open(self) -> None:
        """Start everything."""
        net = self.net
        net.start()
        net.serve(self.hosts["names"], serve_dns, zone(), 0.005)
        for name, identity in self.identities.items():
            answer = sip.registrar(f"sip.{name}.example", f"web.{name}.example")
            # An Edge with one address for all its services takes users at 5061, who have no certificate.
            context = identity.server_context() if name == "coho" else mutual(identity, self.ca.root_pem)
            net.serve(self.hosts[name], serve_tcp, 5061, answer, context)
            if name != "coho":
                net.serve(self.hosts[name], serve_tcp, 443, answer, identity.server_context())
        web = self.ca.issue(*(f"lyncdiscover.{name}.example" for name in EDGES), "xmpp.chatter.example")
        pages = Site(lync_https("web.wingtip.example", "sip.wingtip.example")).conversation()
        for host in (self.hosts["proxy"], self.hosts["chatter"]):
            net.serve(host, serve_tcp, 443, pages, web.server_context())
        time.sleep(0.4)

    def edge(self, name: str) -> Edge:
        """The program of a company's Edge; it has the revocation list already."""
        return Edge(Resolver(NAMES), self.identities[name], self.ca.root_pem, {LIST_URL})


def perimeter(folder: Path) -> None:
    """Each of four companies has another fault; a hotel has one too."""
    with Network() as net:
        world = World(net)
        world.block()
        world.open()
        root, hosts = world.ca.root_pem, world.hosts
        with net.capture(world.mirror, folder / "partners-perimeter.pcap"):
            talks = [net.spawn(hosts["wingtip"], gossip)]
            for name, partner in (("wingtip", "adatum"), ("wingtip", "treynet"), ("blue", "treynet")):
                talks.append(net.spawn(hosts[name], world.edge(name).federate, f"sam@{partner}.example", 1, 0.5))
            for partner, company in (("adatum", WINGTIP), ("treynet", BLUE)):
                caller = (company, world.identities[partner], root, f"pat@{partner}.example")
                talks.append(net.spawn(hosts[partner], call_in, *caller))
            for host, company, port in (("cafe", "humongous", 443), ("home", "humongous", 443),
                                        ("hotel", "coho", 5061), ("home", "coho", 5061),
                                        ("work", "blue", 443)):  # fmt: skip
                talks.append(net.spawn(hosts[host], Visitor(company, port, root, 12.0).sign_in))
            net.join(*talks, timeout=60)
            time.sleep(4.0)


SCENARIOS = (Scenario(("partners-perimeter",), perimeter),)
