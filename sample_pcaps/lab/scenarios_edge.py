"""Scenarios at the external side of an Edge Server: federation and the revocation list on port 80."""

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sample_pcaps.lab.clients import Desktop, Noise, desktop, noise
from sample_pcaps.lab.connecting import Resolver
from sample_pcaps.lab.edge import Edge, call_in
from sample_pcaps.lab.network import HYPER_V, JUNIPER, LINUX, VMWARE, Mirror, Network, Program
from sample_pcaps.lab.pki import Authority, Identity
from sample_pcaps.lab.scenario import Scenario
from sample_pcaps.lab.services import serve_dns, serve_tcp, serve_time
from sample_pcaps.lab.sip import registrar
from sample_pcaps.lab.web import Reply, Site

CRL_PATH = "/lab-public-issuing-ca-1.crl"


@dataclass(frozen=True)
class Perimeter:
    """Names and addresses of one company's Edge, its partner and the public authority."""

    domain: str
    partner: str
    """SIP domain of the federated partner."""
    dmz: str
    gateway: str
    edge: str
    north: str
    """Subnet of the Internet with the partner and a user."""
    north_gateway: str
    partner_edge: str
    user: str
    south: str
    """Subnet of the Internet with name server, revocation list and a web site."""
    south_gateway: str
    names: str
    lists: str
    site: str

    @property
    def responder(self) -> str:
        """The OCSP responder, next to the revocation list."""
        return self.lists.rpartition(".")[0] + ".41"

    def zone(self) -> dict[tuple[str, str], list[str]]:
        """Return the public DNS of all of them."""
        addresses = {
            f"sip.{self.domain}": self.edge,
            f"sip.{self.partner}": self.partner_edge,
            "crl.labpublic.example": self.lists,
            "ocsp.labpublic.example": self.responder,
            "update.vendor.example": self.site,
        }
        zone = {(name, "A"): [address] for name, address in addresses.items()}
        zone[f"_sipfederationtls._tcp.{self.partner}", "SRV"] = [f"0 0 5061 sip.{self.partner}."]
        zone[f"_sip._tls.{self.domain}", "SRV"] = [f"0 0 443 sip.{self.domain}."]
        return zone


PROSEWARE = Perimeter(
    domain="proseware.example",
    partner="lucerne.example",
    dmz="192.0.2.0/28",
    gateway="192.0.2.1",
    edge="192.0.2.10",
    north="198.51.100.0/24",
    north_gateway="198.51.100.1",
    partner_edge="198.51.100.20",
    user="198.51.100.201",
    south="203.0.113.0/24",
    south_gateway="203.0.113.1",
    names="203.0.113.53",
    lists="203.0.113.40",
    site="203.0.113.91",
)
COHO = Perimeter(
    domain="coho.example",
    partner="graphic.example",
    dmz="203.0.113.16/28",
    gateway="203.0.113.30",
    edge="203.0.113.20",
    north="192.0.2.0/24",
    north_gateway="192.0.2.254",
    partner_edge="192.0.2.131",
    user="192.0.2.9",
    south="198.51.100.0/24",
    south_gateway="198.51.100.254",
    names="198.51.100.2",
    lists="198.51.100.66",
    site="198.51.100.99",
)


class Site2Site:
    """The two companies and the Internet between them, running."""

    def __init__(self, net: Network, plan: Perimeter, authority: Authority | None = None) -> None:
        """Build hosts; `open` starts them. `authority`: another one than that with a revocation list only."""
        self.net, self.plan = net, plan
        usual = Authority("Lab Trust Network", "Lab Public", f"http://crl.labpublic.example{CRL_PATH}")
        self.ca = authority or usual
        self.dmz = dmz = net.segment(plan.dmz)
        self.north = north = net.segment(plan.north, delay=0.008)
        south = net.segment(plan.south, delay=0.005)
        legs = {dmz: plan.gateway, north: plan.north_gateway, south: plan.south_gateway}
        self.firewall = net.router(legs, vendor=JUNIPER)
        self.edge = net.host(plan.edge, dmz, gateway=plan.gateway, vendor=VMWARE)
        self.partner = net.host(plan.partner_edge, north, gateway=plan.north_gateway, vendor=HYPER_V)
        self.user = net.host(plan.user, north, gateway=plan.north_gateway)
        self.names, self.lists, self.site, self.responder = (
            net.host(address, south, gateway=plan.south_gateway, stack=LINUX)
            for address in (plan.names, plan.lists, plan.site, plan.responder)
        )
        self.mirror: Mirror = net.mirror(dmz)

    def open(self, *, partner_serves: bool = True, lists: Site | None = None) -> tuple[Identity, Identity]:
        """Start all servers, the partner's 5061 perhaps not; return the identities of Edge and partner."""
        net, plan, ca = self.net, self.plan, self.ca
        ours = ca.issue(f"sip.{plan.domain}", f"webconf.{plan.domain}", client=True)
        theirs = ca.issue(f"sip.{plan.partner}", client=True)
        net.start()
        net.serve(self.names, serve_dns, plan.zone(), 0.01)
        net.serve(self.names, serve_time)
        list_page = Reply(ca.revocation_list(40), "application/pkix-crl", headers=(("Accept-Ranges", "bytes"),))
        pages = lists or Site({CRL_PATH: list_page}, "Apache")
        net.serve(self.lists, serve_tcp, 80, pages.conversation())
        page = Site({"/": Reply(b"<html>updates</html>" * 50)}, "nginx").conversation()
        context = ca.issue("update.vendor.example").server_context(newest=ssl.TLSVersion.TLSv1_3)
        net.serve(self.site, serve_tcp, 443, page, context)
        for host, identity, name in ((self.edge, ours, plan.domain), (self.partner, theirs, plan.partner)):
            answer = registrar(f"sip.{name}", f"web.{name}")
            if partner_serves or host is self.edge:
                net.serve(host, serve_tcp, 5061, answer, mutual(identity, ca.root_pem))
            net.serve(host, serve_tcp, 443, answer, identity.server_context())
        return ours, theirs

    def everyday(self) -> Iterator[Program]:
        """Start what goes on besides: a remote user signs in, the Edge updates itself."""
        plan = self.plan
        resolver, root = Resolver(plan.names), self.ca.root_pem
        name = f"sip.{plan.domain}"
        remote = Desktop(f"pat@{plan.domain}", resolver, root, name, 443, stays=4.0, discovers=False)
        upkeep = Noise(resolver, 5.0, ("update.vendor.example",), root, time_server=plan.names)
        yield self.net.spawn(self.user, desktop, remote)
        yield self.net.spawn(self.edge, noise, upkeep)


def mutual(identity: Identity, root: bytes) -> ssl.SSLContext:
    """A server that wants a certificate of this root from everybody."""
    context = identity.server_context()
    context.load_verify_locations(cadata=root.decode())
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def _federate(net: Network, scene: Site2Site, path: Path, *, attempts: int, called: bool) -> None:
    ours, theirs = scene.open()
    root = scene.ca.root_pem
    edge = Edge(Resolver(scene.plan.names), ours, root)
    with net.capture(scene.mirror, path):
        talks = list(scene.everyday())
        calling = net.spawn(scene.edge, edge.federate, f"sam@{scene.plan.partner}", attempts, 2.0)
        net.join(calling, timeout=80)
        if called:
            user = f"pat@{scene.plan.domain}"
            talks.append(net.spawn(scene.partner, call_in, scene.plan.edge, theirs, root, user))
        net.join(*talks, timeout=40)


def edge_crl_ok(folder: Path) -> None:
    """The Edge fetches the list inside the handshake; the partner's own call needs no second fetch."""
    with Network() as net:
        scene = Site2Site(net, PROSEWARE)
        _federate(net, scene, folder / "edge-crl-ok.pcap", attempts=1, called=True)


def edge_crl_blocked(folder: Path) -> None:
    """The firewall drops the Edge's port 80: handshakes stall after Certificate until the Edge closes."""
    with Network() as net:
        scene = Site2Site(net, PROSEWARE)
        scene.firewall.rule("forward", f"ip saddr {PROSEWARE.edge} tcp dport 80 drop")
        _federate(net, scene, folder / "edge-crl-blocked.pcap", attempts=2, called=False)


def edge_crl_refused(folder: Path) -> None:
    """The same with a firewall that resets: the handshakes end within a second or two."""
    with Network() as net:
        scene = Site2Site(net, COHO)
        scene.firewall.rule("forward", f"ip saddr {COHO.edge} tcp dport 80 reject with tcp reset")
        _federate(net, scene, folder / "edge-crl-refused.pcap", attempts=3, called=False)


SCENARIOS = (
    Scenario(("edge-crl-ok",), edge_crl_ok, pcapng=True),
    Scenario(("edge-crl-blocked",), edge_crl_blocked),
    Scenario(("edge-crl-refused",), edge_crl_refused),
)
