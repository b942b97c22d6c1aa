"""Scenarios of desktop clients: sign-in inside and outside, web conferencing, blocked ports, look-alikes."""

import ssl
import time
from pathlib import Path

from sample_pcaps.lab.clients import Desktop, Noise, desktop, noise
from sample_pcaps.lab.connecting import Resolver, close_tls, exchange, open_tcp_as_windows, open_tls
from sample_pcaps.lab.network import AUDIOCODES, F5, HP, HYPER_V, JUNIPER, LINUX, PHONE, Host, Network
from sample_pcaps.lab.office import Office, Plan
from sample_pcaps.lab.pki import Authority, client_context
from sample_pcaps.lab.scenario import Scenario
from sample_pcaps.lab.scene import Scene
from sample_pcaps.lab.services import data_conference, serve_dns, serve_tcp
from sample_pcaps.lab.sip import registrar
from sample_pcaps.lab.web import Reply, Site, lync_https

TREY = Plan(
    domain="trey.example",
    pcs="192.168.44.0/24",
    phones="192.168.45.0/24",
    servers="192.168.40.0/24",
    outside="203.0.113.0/24",
    web=("lyncweb.trey.example", "192.168.40.15"),
    pool=("lyncpool.trey.example", "192.168.40.16"),
    names="192.168.40.4",
    intranet=("start.trey.example", "192.168.40.90"),
    files="192.168.40.91",
    sites={"cloud.fourthcoffee.example": "203.0.113.150"},
)
MARGIE = Plan(
    domain="margie.example",
    pcs="10.128.16.0/22",
    phones="10.128.32.0/24",
    servers="10.128.1.0/24",
    outside="198.51.100.0/24",
    web=("mt-fe01.margie.example", "10.128.1.50"),
    pool=("mt-fe01.margie.example", "10.128.1.50"),
    names="10.128.1.10",
    intranet=("travel.margie.example", "10.128.1.80"),
    files="10.128.1.81",
    router_vendor=JUNIPER,
)
ALPINE = Plan(
    domain="alpine.example",
    pcs="172.31.7.0/24",
    phones="172.31.8.0/24",
    servers="172.31.1.0/24",
    outside="192.0.2.0/24",
    web=("ucweb.alpine.example", "172.31.1.12"),
    pool=("ucfe.alpine.example", "172.31.1.13"),
    names="172.31.1.2",
    intranet=("ski.alpine.example", "172.31.1.70"),
    files="172.31.1.71",
    last_gateway=True,
    server_vendor=HYPER_V,
)


def desktop_signin_healthy(folder: Path) -> None:
    """Two PCs discover by the HTTP and HTTPS race and sign in; SPAN of the PC VLAN."""
    with Network() as net:
        office = Office(net, TREY)
        first, second = (office.device(f"192.168.44.{n}", office.pcs, vendor=HP) for n in (102, 117))
        quiet = office.device("192.168.44.140", office.pcs)
        scene = Scene(office, net.mirror(office.pcs))
        office.open()
        with scene.recorded(folder / "desktop-signin-healthy.pcap"):
            talks = [*office.make_noise(6.0, first, quiet), scene.user(first, "mia", stays=4.0)]
            time.sleep(1.2)
            net.join(scene.user(second, "noah", stays=3.0), *talks, timeout=40)


def desktop_signin_tls13(folder: Path) -> None:
    """A healthy sign-in over TLS 1.3, where no certificate is visible; captured at the PC's access port."""
    with Network() as net:
        office = Office(net, MARGIE)
        pc, quiet = office.device("10.128.17.61", office.pcs), office.device("10.128.17.62", office.pcs)
        scene = Scene(office, net.mirror(office.pcs, [pc]))
        newest = ssl.TLSVersion.TLSv1_3
        office.open(newest_tls=newest)
        with scene.recorded(folder / "desktop-signin-tls13.pcap"):
            talks = list(office.make_noise(6.0, pc, quiet))
            net.join(scene.user(pc, "uma", newest_tls=newest, stays=4.0), *talks, timeout=40)


def external_signin_rp80_refused(folder: Path) -> None:
    """A client at home: the reverse proxy refuses port 80 and serves 443; captured on the client itself."""
    with Network() as net:
        home, isp = net.segment("192.168.178.0/24"), net.segment("203.0.113.0/24", delay=0.006)
        company = net.segment("198.51.100.32/27", delay=0.003)
        home_router = net.router({home: "192.168.178.1", isp: "203.0.113.77"}, gateway="203.0.113.1")
        home_router.rule("postrouting", "oifname eth1 masquerade")
        net.router({isp: "203.0.113.1", company: "198.51.100.33"})
        pc = net.host("192.168.178.23", home, gateway="192.168.178.1")
        names = net.host("203.0.113.53", isp, gateway="203.0.113.1", stack=LINUX)
        shop = net.host("203.0.113.88", isp, gateway="203.0.113.1", stack=LINUX)
        proxy = net.host("198.51.100.41", company, gateway="198.51.100.33", stack=LINUX, vendor=F5)
        edge = net.host("198.51.100.40", company, gateway="198.51.100.33")
        net.start()
        ca = Authority("Lab Trust Network", "Lab Public")
        net.serve(names, serve_dns, WINGTIP_PUBLIC_ZONE, 0.015)
        _publish_wingtip(net, ca, proxy, edge)
        front = Site({"/": Reply(b"<html>offers</html>" * 90)}, "nginx").conversation()
        net.serve(shop, serve_tcp, 443, front, ca.issue("shop.relecloud.example").server_context())
        resolver = Resolver("203.0.113.53")
        user = Desktop("zoe@wingtip.example", resolver, ca.root_pem, "sip.wingtip.example", 443, stays=4.0)
        other = Noise(resolver, 6.0, ("shop.relecloud.example",), ca.root_pem)
        with net.capture(pc, folder / "external-signin-rp80-refused.pcap"):
            net.join(net.spawn(pc, noise, other), net.spawn(pc, desktop, user), timeout=40)


WINGTIP_PUBLIC_ZONE = {
    ("lyncdiscover.wingtip.example", "A"): ["198.51.100.41"],
    ("sip.wingtip.example", "A"): ["198.51.100.40"],
    ("_sip._tls.wingtip.example", "SRV"): ["0 0 443 sip.wingtip.example."],
    ("shop.relecloud.example", "A"): ["203.0.113.88"],
}


def _publish_wingtip(net: Network, ca: Authority, proxy: Host, edge: Host) -> None:
    pages = Site(lync_https("lyncext.wingtip.example", "sip.wingtip.example")).conversation()
    names = ("lyncdiscover.wingtip.example", "meet.wingtip.example")
    net.serve(proxy, serve_tcp, 443, pages, ca.issue("lyncext.wingtip.example", *names).server_context())
    answer = registrar("fe.wingtip.example", "lyncext.wingtip.example")
    identity = ca.issue("sip.wingtip.example", "webconf.wingtip.example")
    net.serve(edge, serve_tcp, 443, answer, identity.server_context())


def psom_internal_and_external(folder: Path) -> None:
    """8057 works from the head office, is dropped from the branch; outside goes by the Edge on 443."""
    with Network() as net:
        office = Office(net, MARGIE)
        dmz = net.segment("192.0.2.64/26")
        office.router.plug(dmz, "192.0.2.65")
        edge = net.host("192.0.2.70", dmz, gateway="192.0.2.65")
        edge.ip("address", "add", "192.0.2.71/26", "dev", "eth0")
        names = office.device("198.51.100.53", office.outside, stack=LINUX)
        head = office.device("10.128.17.40", office.pcs)
        branch = office.device("10.128.32.25", office.phones, vendor=HP)
        outside = office.device("198.51.100.190", office.outside)
        office.router.rule("forward", "ip saddr 10.128.32.0/24 tcp dport 8057 drop")
        scene = Scene(office, net.mirror((office.pcs, office.phones, dmz)))
        office.open()
        net.serve(names, serve_dns, MARGIE_PUBLIC_ZONE)
        public = office.public_ca.issue("sip.margie.example", "webconf.margie.example").server_context()
        answer = registrar("mt-fe01.margie.example", "lyncext.margie.example")
        net.serve(edge, serve_tcp, 443, answer, public, "192.0.2.70")
        net.serve(edge, serve_tcp, 443, data_conference, public, "192.0.2.71")
        guest = Desktop(
            "gus@margie.example",
            Resolver("198.51.100.53"),
            office.public_ca.root_pem,
            "sip.margie.example",
            443,
            conference=("webconf.margie.example", 443),
            stays=5.0,
        )
        with scene.recorded(folder / "psom-internal-and-external.pcap"):
            meeting = (MARGIE.pool[0], 8057)
            talks = [*office.make_noise(9.0, head, branch)]
            talks.append(scene.user(head, "ada", conference=meeting, stays=9.0))
            talks.append(scene.user(branch, "ben", conference=meeting, stays=3.0))
            net.join(net.spawn(outside, desktop, guest), *talks, timeout=60)


MARGIE_PUBLIC_ZONE = {
    ("sip.margie.example", "A"): ["192.0.2.70"],
    ("webconf.margie.example", "A"): ["192.0.2.71"],
    ("_sip._tls.margie.example", "SRV"): ["0 0 443 sip.margie.example."],
}


def port80_open_443_filtered(folder: Path) -> None:
    """The web services answer on port 80 and are silent on 443 for one client VLAN; SIP works everywhere."""
    with Network() as net:
        office = Office(net, ALPINE)
        cut_off = office.device("172.31.7.33", office.pcs)
        fine = office.device("172.31.8.34", office.phones)
        office.router.rule("forward", "ip saddr 172.31.7.0/24 ip daddr 172.31.1.12 tcp dport 443 drop")
        scene = Scene(office, net.mirror((office.pcs, office.phones)))
        office.open()
        with scene.recorded(folder / "port80-open-443-filtered.pcap"):
            talks = [*office.make_noise(12.0, fine, cut_off)]
            talks.append(scene.user(fine, "nils", stays=12.0))
            time.sleep(0.5)
            net.join(scene.user(cut_off, "olga", stays=2.0), *talks, timeout=60)


def sip_5061_refused_by_host(folder: Path) -> None:
    """Nothing listens on the pool's 5061: two PCs are refused by the server itself, again and again."""
    with Network() as net:
        office = Office(net, TREY)
        pcs = [office.device(f"192.168.44.{n}", office.pcs, vendor=HP) for n in (61, 62)]
        scene = Scene(office, net.mirror(office.servers))
        office.open(serves_sip=False)
        with scene.recorded(folder / "sip-5061-refused-by-host.pcap"):
            talks = list(office.make_noise(7.0, *pcs))
            for _ in range(2):
                users = [scene.user(pc, f"user{number}") for number, pc in enumerate(pcs)]
                net.join(*users, timeout=30)
                time.sleep(2.0)
            net.join(*talks, timeout=30)


def sip_5061_filtered(folder: Path) -> None:
    """5061 is dropped from one client VLAN; also captured on the firewall, all interfaces at once."""
    with Network() as net:
        office = Office(net, MARGIE)
        cut_off = office.device("10.128.18.7", office.pcs)
        fine = office.device("10.128.32.8", office.phones)
        office.router.rule("forward", "ip saddr 10.128.16.0/22 tcp dport 5061 drop")
        scene = Scene(office, net.mirror((office.pcs, office.phones)))
        office.open()
        on_router = folder / "sip-5061-filtered-on-firewall.pcap"
        with (
            scene.recorded(folder / "sip-5061-filtered.pcap"),
            net.capture(office.router, on_router, interface="any"),
        ):
            talks = [*office.make_noise(13.0, fine, cut_off), scene.user(fine, "kai", stays=12.0)]
            time.sleep(0.5)
            net.join(scene.user(cut_off, "lia", discovers=False), *talks, timeout=60)


def lookalike_other_host_refuses_80(folder: Path) -> None:
    """A business application, not Lync, refuses port 80 and serves 443; a PC and a door phone ask it."""
    with Network() as net:
        office = Office(net, ALPINE)
        pc = office.device("172.31.7.51", office.pcs)
        door = office.device("172.31.8.52", office.phones, stack=PHONE, vendor=AUDIOCODES)
        other = office.server("172.31.1.77", stack=LINUX)
        scene = Scene(office, net.mirror((office.pcs, office.phones)))
        zone = office.zone() | {("crm.alpine.example", "A"): ["172.31.1.77"]}
        office.open(zone=zone)
        pages = Site({"/": Reply(b"<html>customers</html>" * 60)}, "Apache/2.4.10").conversation()
        net.serve(other, serve_tcp, 443, pages, office.ca.issue("crm.alpine.example").server_context())
        with scene.recorded(folder / "lookalike-other-host-refuses-80.pcap"):
            talks = [*office.make_noise(6.0, pc), scene.user(pc, "rosa", stays=4.0)]
            for host in (pc, door):
                talks.append(net.spawn(host, _visit_crm, ALPINE.resolver, office.ca.root_pem))
            net.join(*talks, timeout=40)


def _visit_crm(resolver: Resolver, root: bytes) -> None:
    address = resolver.address("crm.alpine.example")
    for _ in range(2):
        open_tcp_as_windows(address, 80)
        if connection := open_tls(address, 443, client_context([root]), "crm.alpine.example"):
            exchange(connection, "GET", "crm.alpine.example", "/")
            close_tls(connection)


SCENARIOS = (
    Scenario(("desktop-signin-healthy",), desktop_signin_healthy),
    Scenario(("desktop-signin-tls13",), desktop_signin_tls13, pcapng=True),
    Scenario(("external-signin-rp80-refused",), external_signin_rp80_refused),
    Scenario(("psom-internal-and-external",), psom_internal_and_external, pcapng=True),
    Scenario(("port80-open-443-filtered",), port80_open_443_filtered),
    Scenario(("sip-5061-refused-by-host",), sip_5061_refused_by_host, pcapng=True),
    Scenario(("sip-5061-filtered", "sip-5061-filtered-on-firewall"), sip_5061_filtered),
    Scenario(("lookalike-other-host-refuses-80",), lookalike_other_host_refuses_80),
)
