"""Scenarios of TLS that fails in many ways at once: each server has its own fault, beside one that has none."""

import socket
import ssl
import struct
import subprocess
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sample_pcaps.lab.connecting import Resolver, close_tls, open_tcp, open_tcp_as_windows, open_tls
from sample_pcaps.lab.edge import Edge, Tunnel
from sample_pcaps.lab.network import DELL, HP, HYPER_V, LINUX, PHONE, POLYCOM, VMWARE, Host, Network, Segment
from sample_pcaps.lab.pki import Authority, Identity, certificate_names, client_context
from sample_pcaps.lab.scenario import Scenario
from sample_pcaps.lab.scenarios_edge import CRL_PATH, Perimeter, Site2Site
from sample_pcaps.lab.services import serve_dns, serve_tcp, serve_time
from sample_pcaps.lab.sip import registrar
from sample_pcaps.lab.strict_edge import serve_strictly
from sample_pcaps.lab.web import Reply, Site

DOMAIN = "boreal.example"
SERVERS, PCS = "10.77.1.0/24", "10.77.5.0/24"
CITIES = ("oslo", "riga", "turku", "vaasa", "narva", "tartu", "kotka", "pori", "lulea")
CRL_URL = "http://crl.boreal.example/issuing.crl"
LONG_AGO = timedelta(days=750)
HARDENED = "ECDHE-RSA-AES256-GCM-SHA384"
STALL_SECONDS = 9.0


def _address(city: str) -> str:
    return f"10.77.1.{11 + CITIES.index(city)}"


def _zone() -> dict[tuple[str, str], list[str]]:
    zone = {(f"crl.{DOMAIN}", "A"): ["10.77.1.90"]}
    for city in CITIES:
        pool = f"pool.{city}.{DOMAIN}"
        zone[pool, "A"] = [_address(city)]
        zone[f"lyncdiscoverinternal.{city}.{DOMAIN}", "A"] = [_address(city)]
        zone[f"_sipinternaltls._tcp.{city}.{DOMAIN}", "SRV"] = [f"0 0 5061 {pool}."]
    return zone


def _names(city: str) -> tuple[str, str]:
    return f"pool.{city}.{DOMAIN}", f"lyncdiscoverinternal.{city}.{DOMAIN}"


def _serve(net: Network, hosts: dict[str, Host], ca: Authority) -> None:
    """Start every city's registrar with what is wrong with it."""
    usual = {city: ca.issue(*_names(city)) for city in ("oslo", "riga", "narva", "tartu", "lulea")}
    faulty = {
        "turku": ca.issue(*_names("turku"), server=False, client=True),
        "vaasa": ca.issue(*_names("vaasa"), chained=False),
        "pori": ca.issue(*_names("pori"), bits=1024),
    }
    contexts = {city: identity.server_context() for city, identity in (usual | faulty).items()}
    contexts["narva"].minimum_version = ssl.TLSVersion.TLSv1_2
    contexts["tartu"].set_ciphers(HARDENED)
    for city, context in contexts.items():
        answer = registrar(f"pool.{city}.{DOMAIN}", f"pool.{city}.{DOMAIN}")
        net.serve(hosts[city], serve_tcp, 5061, answer, context)
    page = Site({"/": Reply(b"<html>web</html>" * 9)}, "Microsoft-IIS/8.5").conversation()
    net.serve(hosts["riga"], serve_tcp, 443, page, ca.issue(*_names("riga"), age=LONG_AGO).server_context())
    net.serve(hosts["lulea"], serve_tcp, 443, page, _by_name(ca, "lulea"))
    net.serve(hosts["kotka"], serve_tcp, 5061, _says_nothing)


def _by_name(ca: Authority, city: str) -> ssl.SSLContext:
    """A listener with two sites: the certificate of the other one is the default."""
    default, ours = ca.issue(f"shop.{DOMAIN}").server_context(), ca.issue(*_names(city)).server_context()

    def choose(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        if name in _names(city):
            connection.context = ours

    default.sni_callback = choose
    return default


def _says_nothing(connection: socket.socket) -> None:
    """Take the hello and owe the answer."""
    connection.recv(16384)
    time.sleep(60)


def _sign_in(
    city: str, root: bytes, port: int = 5061, newest: str = "TLSv1_2", ciphers: str = "", tries: int = 2
) -> None:
    """Find the city's pool by DNS and open TLS as often as it fails; a working connection says one line."""
    resolver = Resolver("10.77.1.53")
    resolver.records(f"_sipinternaltls._tcp.{city}.{DOMAIN}", "SRV")
    name = _names(city)[port == 443]
    address = resolver.address(name)
    for _ in range(tries):
        context = client_context([root], newest=ssl.TLSVersion[newest])
        if ciphers:
            context.set_ciphers(ciphers)
        if connection := open_tls(address, port, context, name):
            connection.sendall(f"OPTIONS sip:{city} SIP/2.0\r\nContent-Length: 0\r\n\r\n".encode())
            connection.recv(4096)
            close_tls(connection)
            return
        time.sleep(0.4)


def _waits(city: str) -> None:
    """Say hello to a server that does not answer, and leave after a while."""
    resolver = Resolver("10.77.1.53")
    resolver.records(f"_sipinternaltls._tcp.{city}.{DOMAIN}", "SRV")
    connection = open_tcp(resolver.address(_names(city)[0]), 5061)
    assert connection
    with connection:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = client_context(names_checked=False).wrap_bio(incoming, outgoing)
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            connection.sendall(outgoing.read())
        time.sleep(STALL_SECONDS)


def _names_nobody(city: str, root: bytes) -> None:
    """An old stack without SNI looks at the certificate and leaves, twice."""
    resolver = Resolver("10.77.1.53")
    address = resolver.address(_names(city)[1])
    for _ in range(2):
        connection = open_tcp(address, 443)
        assert connection
        with connection:
            Tunnel(connection, client_context([root], names_checked=False)).hear_certificate()
        time.sleep(0.3)


def _lives_in_2040(city: str, root: bytes) -> None:
    """A phone whose time server never answers; its clock says 2040."""
    resolver = Resolver("10.77.1.53")
    resolver.records(f"_sipinternaltls._tcp.{city}.{DOMAIN}", "SRV")
    address = resolver.address(_names(city)[0])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.bind(("", 123))
        for _ in range(3):
            asking.sendto(b"\x1b" + bytes(39) + struct.pack("!II", 0, 0), ("10.77.1.200", 123))
            time.sleep(1.0)
    then = str(int(datetime(2040, 1, 1, tzinfo=UTC).timestamp()))
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(root)
        command = ["openssl", "s_client", "-connect", f"{address}:5061", "-servername", _names(city)[0], "-no_tls1_3"]
        command += ["-CAfile", file.name, "-attime", then, "-verify_return_error"]
        subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False)


def handshakes_office(folder: Path) -> None:
    """Nine pools, each with another certificate or another fault; SPAN of the PC VLAN."""
    with Network() as net:
        pcs, servers = net.segment(PCS), net.segment(SERVERS)
        net.router({pcs: "10.77.5.1", servers: "10.77.1.1"})
        ca = Authority("Boreal", "Boreal", CRL_URL)
        names = _host(net, servers, "10.77.1.53")
        hosts = {city: _host(net, servers, _address(city), vendor=VMWARE) for city in CITIES}
        people = {number: _host(net, pcs, f"10.77.5.{number}", vendor=HP) for number in range(20, 31)}
        phone = net.host("10.77.5.80", pcs, gateway="10.77.5.1", stack=PHONE, vendor=POLYCOM)
        mirror = net.mirror(pcs)
        net.start()
        net.serve(names, serve_dns, _zone())
        net.serve(names, serve_time)
        _serve(net, hosts, ca)
        root = ca.root_pem
        with net.capture(mirror, folder / "handshakes-office.pcap"):
            working = [
                net.spawn(people[20], _sign_in, "oslo", root),
                net.spawn(people[21], _sign_in, "riga", root),
                net.spawn(people[22], _sign_in, "narva", root),
                net.spawn(people[22], _sign_in, "tartu", root, 5061, "TLSv1_2", HARDENED),
                net.spawn(people[22], _sign_in, "pori", root),
                net.spawn(people[22], _sign_in, "lulea", root, 443),
            ]
            net.join(*working, timeout=30)
            failing = [
                net.spawn(people[23], _sign_in, "riga", root, 443),
                net.spawn(people[24], _sign_in, "turku", root),
                net.spawn(people[25], _sign_in, "vaasa", root),
                net.spawn(people[26], _sign_in, "narva", root, 5061, "TLSv1"),
                net.spawn(people[27], _sign_in, "tartu", root, 5061, "TLSv1_2", "AES128-SHA:@SECLEVEL=0"),
                net.spawn(people[28], _waits, "kotka"),
                net.spawn(people[29], _names_nobody, "lulea", root),
                net.spawn(phone, _lives_in_2040, "oslo", root),
            ]
            net.join(*failing, timeout=60)


def _host(net: Network, segment: Segment, address: str, vendor: str = DELL) -> Host:
    return net.host(address, segment, gateway=f"{address.rpartition('.')[0]}.1", vendor=vendor)


SECOND_EDGE = "198.51.100.71"


class EdgePool(Perimeter):
    """The Access Edge's name leads to two members."""

    def zone(self) -> dict[tuple[str, str], list[str]]:
        """Return the public DNS of all of them."""
        zone = super().zone()
        zone[f"sip.{self.domain}", "A"].append(SECOND_EDGE)
        return zone


TUNDRA = EdgePool(
    domain="tundra.example",
    partner="savanna.example",
    dmz="198.51.100.64/27",
    gateway="198.51.100.65",
    edge="198.51.100.70",
    north="203.0.113.0/25",
    north_gateway="203.0.113.1",
    partner_edge="203.0.113.44",
    user="203.0.113.77",
    south="192.0.2.0/25",
    south_gateway="192.0.2.1",
    names="192.0.2.53",
    lists="192.0.2.60",
    site="192.0.2.99",
)


def _patient_user(name: str, address: str, root: bytes, resolver: Resolver) -> None:
    """Sign in outside; the revocation list is looked for before the handshake goes on."""
    _discover(resolver, name)
    for _ in range(2):
        connection = open_tcp_as_windows(address, 443)
        assert connection
        with connection:
            tunnel = Tunnel(connection, client_context([root], names_checked=False))
            tunnel.hear_certificate()
            open_tcp_as_windows(resolver.address("crl.labpublic.example"), 80)
            tunnel.finish()
            tunnel.send(b"OPTIONS sip:x SIP/2.0\r\nContent-Length: 0\r\n\r\n")
            tunnel.receive()
            tunnel.close()


def handshakes_perimeter(folder: Path) -> None:
    """Two Edges of one pool with one certificate each, a partner that refuses ours, a user cut off from port 80."""
    with Network() as net:
        scene = Site2Site(net, TUNDRA, Authority("Steppe Trust", "Steppe", f"http://crl.labpublic.example{CRL_PATH}"))
        second = net.host(SECOND_EDGE, scene.dmz, gateway=TUNDRA.gateway, vendor=HYPER_V)
        guest = net.host("203.0.113.81", scene.north, gateway=TUNDRA.north_gateway, stack=LINUX)
        mirror = net.mirror(scene.north)
        ours, theirs = scene.open(partner_serves=False)
        name = f"sip.{TUNDRA.domain}"
        other = scene.ca.issue(name, f"webconf.{TUNDRA.domain}", client=True, age=timedelta(days=41))
        answer = registrar(name, name)
        net.serve(second, serve_tcp, 443, answer, other.server_context())
        net.serve(scene.partner, serve_strictly, theirs, certificate_names(3))
        scene.firewall.rule("forward", f"ip saddr {TUNDRA.user} tcp dport 80 drop")
        with net.capture(mirror, folder / "handshakes-perimeter.pcap"):
            _talk(net, scene, ours, guest, name)


def _talk(net: Network, scene: Site2Site, ours: Identity, guest: Host, name: str) -> None:
    resolver, root = Resolver(TUNDRA.names), scene.ca.root_pem
    edge = Edge(resolver, ours, root)
    talks = [
        net.spawn(scene.edge, edge.federate, f"sam@{TUNDRA.partner}", 2, 1.0),
        net.spawn(scene.user, _patient_user, name, TUNDRA.edge, root, resolver),
        net.spawn(guest, _guest, name, root, resolver),
    ]
    net.join(*talks, timeout=80)


def _discover(resolver: Resolver, name: str) -> None:
    """Ask for autodiscover, which this domain does not publish, then for the record and the name of the Edge."""
    resolver.records(f"lyncdiscover.{TUNDRA.domain}", "A")
    resolver.records(f"_sip._tls.{TUNDRA.domain}", "SRV")
    resolver.address(name)


def _guest(name: str, root: bytes, resolver: Resolver) -> None:
    """Sign in at the pool's other member."""
    _discover(resolver, name)
    connection = open_tls(SECOND_EDGE, 443, client_context([root]), name)
    assert connection
    connection.sendall(b"OPTIONS sip:x SIP/2.0\r\nContent-Length: 0\r\n\r\n")
    connection.recv(4096)
    close_tls(connection)


SCENARIOS = (
    Scenario(("handshakes-office",), handshakes_office),
    Scenario(("handshakes-perimeter",), handshakes_perimeter),
)
