"""The deployment media scenarios run in: two office floors, servers, an Edge between two DMZs, the outside.

```
floor1 10.20.31.0/24 -R1-+                        +-- servers 10.20.40.0/24
                         backbone 10.20.0.0/24 -core
floor2 10.20.32.0/24 -R2-+     |                  +-- dmz_in 10.20.60.0/24 -- Edge
                            firewall -- dmz_out 203.0.113.0/28 (or 172.16.60.0/24 behind NAT) -- Edge
                               |
                            internet 198.51.100.0/24 -- isp -- homes 192.0.2.0/25, partner 192.0.2.128/25
```

A mirror of the backbone shows every frame between the floors, the servers and the Edge exactly once.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sample_pcaps.lab import network, services, sip, web
from sample_pcaps.lab.clients import Noise, noise
from sample_pcaps.lab.connecting import Resolver, close_tls, open_tls
from sample_pcaps.lab.front_end import Settings, serve_front_end
from sample_pcaps.lab.network import Host, LabError, Network, Program
from sample_pcaps.lab.pki import Authority, Identity, client_context
from sample_pcaps.lab.turn_relay import OpenSocket, Relay

DNS_SERVER = "10.20.40.10"
FRONT_END = "10.20.40.21"
INTRANET = "10.20.40.80"
EDGE_INTERNAL = "10.20.60.21"
ACCESS_EDGE = "203.0.113.11"
AV_PUBLIC = "203.0.113.13"
AV_PRIVATE = "172.16.60.13"
PARTNER_EDGE = "192.0.2.141"
PARTNER_EDGE_INTERNAL = "10.99.0.21"
REVERSE_PROXY = "203.0.113.12"
OFFICE = "10.20.0.0/16"
WAN_DELAY_S = 0.009
SERVERS_UP_S = 0.6
APPLE = "28:37:37"

PUBLIC_ZONE = {
    ("lyncdiscover.fabrikam.example", "A"): [REVERSE_PROXY],
    ("webext.fabrikam.example", "A"): [REVERSE_PROXY],
    ("sip.fabrikam.example", "A"): [ACCESS_EDGE],
    ("_sip._tls.fabrikam.example", "SRV"): ["0 0 443 sip.fabrikam.example."],
    ("av.fabrikam.example", "A"): [AV_PUBLIC],
}
INTERNAL_ZONE = {
    ("fe01.fabrikam.example", "A"): [FRONT_END],
    ("_sipinternaltls._tcp.fabrikam.example", "SRV"): ["0 0 5061 fe01.fabrikam.example."],
    ("edge01.fabrikam.example", "A"): [EDGE_INTERNAL],
    ("intranet.fabrikam.example", "A"): [INTRANET],
    ("dc01.fabrikam.example", "A"): [DNS_SERVER],
}


def opener(host: Host) -> OpenSocket:
    """Sockets of this host for programs that run here."""

    def open_socket(kind: socket.SocketKind) -> socket.socket:
        with host.entered():
            return socket.socket(socket.AF_INET, kind)

    return open_socket


def serve_relay(listen_on: list[str], external: str, public: str | None = None) -> None:
    """An A/V Edge until it is killed."""

    async def run() -> None:
        relay = Relay(lambda kind: socket.socket(socket.AF_INET, kind), external, public)
        for address in listen_on:
            await relay.listen(address)
        await asyncio.Event().wait()

    asyncio.run(run())


@dataclass(frozen=True)
class SignIn:
    """Where and as whom a client signs in, and which names it asks for."""

    user: str
    registrar: str = FRONT_END
    port: int = 5061
    server_name: str = "fe01.fabrikam.example"
    resolver: str = DNS_SERVER
    lookups: tuple[tuple[str, str], ...] = ()
    call_after: float = 1.0
    seconds: float = 10.0


def signal(root: bytes, plan: SignIn) -> None:
    """Sign in over TLS, then INVITE, ACK and BYE at about the times of the media."""
    resolver = Resolver(plan.resolver)
    for name, kind in plan.lookups:
        resolver.records(name, kind)
    connection = open_tls(plan.registrar, plan.port, client_context([root]), plan.server_name)
    if connection is None:
        raise LabError(f"{plan.user} cannot sign in")
    sip.sign_in(connection, plan.user, sip.DESKTOP_AGENT)
    steps = (("INVITE", plan.call_after), ("ACK", 0.8), ("BYE", plan.seconds))
    for number, (method, pause) in enumerate(steps, start=6):
        time.sleep(pause)
        connection.sendall(sip.request(method, plan.user, number, sip.DESKTOP_AGENT, authorized=True))
        if method != "ACK":
            web.read_message(connection, b"")
    close_tls(connection)


@dataclass
class Deployment:
    """The hosts, built before `net.start()`; `private_dmz` puts the external A/V interface behind NAT."""

    net: Network
    private_dmz: bool = False
    floors_apart: bool = False
    talking: Settings | None = None
    """A Front End that passes calls on, instead of one that only says yes."""
    keylog: Path | None = None
    """Where the keys of the Front End's TLS sessions are written, if it is a talking one."""
    ciphers: str | None = None
    access_registers: bool = True
    """The Access Edge serves 443 by itself."""
    newest_tls: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    programs: list[Program] = field(default_factory=list)
    partner_edge: Host | None = None
    proxy: Host | None = None

    def __post_init__(self) -> None:
        net = self.net
        self.authority = Authority("Fabrikam", "Fabrikam")
        self.floors = [net.segment("10.20.31.0/24"), net.segment("10.20.32.0/24")]
        self.backbone = net.segment("10.20.0.0/24", delay=0.0003)
        self.servers = net.segment("10.20.40.0/24")
        self.dmz_in = net.segment("10.20.60.0/24")
        self.dmz_out = net.segment("172.16.60.0/24" if self.private_dmz else "203.0.113.0/28")
        self.internet = net.segment("198.51.100.0/24", delay=WAN_DELAY_S)
        self.homes = net.segment("192.0.2.0/25", delay=0.002)
        self.av_external = AV_PRIVATE if self.private_dmz else AV_PUBLIC
        self._routers()
        self._servers()
        self._edge()
        self._outside()
        self.anna, self.carla = self._desktop(1, 57), self._desktop(1, 64, network.HP)
        self.ben, self.dieter = self._desktop(2, 83, network.HP), self._desktop(2, 91)
        self.clerk = self._desktop(1, 140)

    def _routers(self) -> None:
        self.floor_routers = []
        for number, segment in enumerate(self.floors, start=31):
            legs = {segment: f"10.20.{number}.1", self.backbone: f"10.20.0.{number}"}
            router = self.net.router(legs, gateway="10.20.0.254")
            other = 63 - number
            router.ip("route", "add", f"10.20.{other}.0/24", "via", f"10.20.0.{other}")
            self._core_routes(router)
            self.floor_routers.append(router)
        if self.floors_apart:
            for number, router in enumerate(self.floor_routers, start=31):
                router.rule("forward", f"ip saddr 10.20.{63 - number}.0/24 ip daddr 10.20.{number}.0/24 drop")
        legs = {self.backbone: "10.20.0.1", self.servers: "10.20.40.1", self.dmz_in: "10.20.60.1"}
        self.core = self.net.router(legs, gateway="10.20.0.254")
        dmz_gateway = "172.16.60.1" if self.private_dmz else "203.0.113.1"
        legs = {self.backbone: "10.20.0.254", self.dmz_out: dmz_gateway, self.internet: "198.51.100.2"}
        self.firewall = self.net.router(legs, gateway="198.51.100.1", vendor=network.JUNIPER)
        self._core_routes(self.firewall)
        for router in (self.core, self.firewall):
            for floor in ("31", "32"):
                router.ip("route", "add", f"10.20.{floor}.0/24", "via", f"10.20.0.{floor}")

    def _core_routes(self, router: Host) -> None:
        for subnet in ("10.20.40.0/24", "10.20.60.0/24"):
            router.ip("route", "add", subnet, "via", "10.20.0.1")

    def _server(self, address: str) -> Host:
        return self.net.host(address, self.servers, gateway="10.20.40.1", vendor=network.VMWARE)

    def _servers(self) -> None:
        self.dc, self.front_end, self.intranet = (self._server(a) for a in (DNS_SERVER, FRONT_END, INTRANET))

    def _edge(self) -> None:
        gateway = "172.16.60.1" if self.private_dmz else "203.0.113.1"
        self.edge = self.net.host(self.av_external, self.dmz_out, gateway=gateway, vendor=network.HYPER_V)
        self.edge.plug(self.dmz_in, EDGE_INTERNAL)
        self.edge.ip("route", "add", OFFICE, "via", "10.20.60.1")
        # What is sent from the external address leaves by that interface: Windows is a strong host.
        self.edge.ip("rule", "add", "from", self.av_external, "table", "100")
        self.edge.ip("route", "add", "default", "via", gateway, "table", "100")
        if not self.private_dmz:
            self.access = self.net.host(ACCESS_EDGE, self.dmz_out, gateway=gateway, vendor=network.HYPER_V)

    def _outside(self) -> None:
        self.partner_dmz = self.net.segment("192.0.2.128/25", delay=0.002)
        legs = {self.internet: "198.51.100.1", self.homes: "192.0.2.1", self.partner_dmz: "192.0.2.129"}
        self.isp = self.net.router(legs)
        self.isp.ip("route", "add", "203.0.113.0/24", "via", "198.51.100.2")

    def outsider(self, address: str) -> Host:
        """Add a PC with a public address."""
        return self.net.host(address, self.homes, gateway="192.0.2.1", delay=0.004)

    def home_worker(self, *, punches: bool = False) -> Host:
        """Add a PC with a private address behind NAT that of UDP lets out names and port 3478 only, or everything."""
        lan = self.net.segment("192.168.1.0/24")
        router = self.net.router({lan: "192.168.1.1", self.homes: "192.0.2.61"}, gateway="192.0.2.1")
        router.rule("postrouting", "oifname eth1 masquerade")
        if punches:
            # Refused, or taken for the router itself, an early check would make the NAT choose another port.
            router.rule("input", "iifname eth1 meta l4proto udp drop")
        else:
            router.rule("forward", "iifname eth0 udp dport != {53, 3478} drop")
        return self.net.host("192.168.1.20", lan, gateway="192.168.1.1", vendor=network.HP)

    def federate(self) -> Host:
        """Add a partner with an Edge of its own; return a PC inside the partner's network."""
        inside = self.net.segment("10.99.0.0/24")
        self.partner_edge = self.net.host(PARTNER_EDGE, self.partner_dmz, gateway="192.0.2.129")
        self.partner_edge.plug(inside, PARTNER_EDGE_INTERNAL)
        return self.net.host("10.99.0.50", inside, vendor=network.HP)

    def publish(self) -> None:
        """Add the reverse proxy of the external web services."""
        self.proxy = self.net.host(REVERSE_PROXY, self.dmz_out, gateway="203.0.113.1", vendor=network.F5)

    def mobile(self) -> Host:
        """Add a mobile on the office Wi-Fi."""
        return self.net.host(
            "10.20.31.201",
            self.floors[0],
            gateway="10.20.31.1",
            stack=network.PHONE,
            vendor=APPLE,
            delay=0.003,
        )

    def guard(self, *allowed: str) -> None:
        """Close the firewall but for what an A/V Edge needs and these nftables matches."""
        av = self.av_external
        rules = ["ct state established,related accept", *(f"{match} accept" for match in allowed)]
        rules += [f"iifname eth2 ip daddr {av} udp dport 3478 accept"]
        rules += [f"iifname eth2 ip daddr {{{av}, {ACCESS_EDGE}}} tcp dport 443 accept"]
        rules += ["iifname eth1 oifname eth2 accept", "drop"]
        for rule in rules:
            self.firewall.rule("forward", rule)

    def _desktop(self, floor: int, last: int, vendor: str = network.DELL) -> Host:
        base = f"10.20.{30 + floor}"
        return self.net.host(f"{base}.{last}", self.floors[floor - 1], gateway=f"{base}.1", vendor=vendor)

    def serve(self) -> None:
        """Switch the network and every server on."""
        net = self.net
        net.start()
        front_end = self.authority.issue("fe01.fabrikam.example", "sip.fabrikam.example", "fabrikam.example")
        page = web.Reply(b"<html><body>" + b"<p>Canteen, parking, fire drill.</p>" * 40 + b"</body></html>")
        net.serve(self.dc, services.serve_dns, PUBLIC_ZONE | INTERNAL_ZONE | self._split_names())
        net.serve(self.dc, services.serve_time)
        net.serve(self.intranet, services.serve_tcp, 80, web.Site({"/news": page}).conversation())
        net.serve(self.intranet, services.serve_tcp, 445, services.file_share)
        if self.talking:
            root, context = self.authority.root_pem, front_end.server_context(newest=self.newest_tls)
            if self.keylog:
                context.keylog_filename = str(self.keylog)
            if self.ciphers:
                context.set_ciphers(self.ciphers)
            net.serve(self.front_end, serve_front_end, self.talking, front_end, root, context)
        else:
            net.serve(self.front_end, _registrar, "fe01.fabrikam.example", front_end, 5061)
        self.front_end_identity = front_end
        public = AV_PUBLIC if self.private_dmz else None
        net.serve(self.edge, serve_relay, [EDGE_INTERNAL, self.av_external], self.av_external, public)
        if not self.private_dmz and self.access_registers:
            net.serve(
                self.access,
                _registrar,
                "sip.fabrikam.example",
                self.authority.issue("sip.fabrikam.example"),
                443,
            )
        if self.partner_edge:
            net.serve(self.partner_edge, serve_relay, [PARTNER_EDGE_INTERNAL, PARTNER_EDGE], PARTNER_EDGE)
        if self.proxy:
            self._serve_external_web(self.proxy)
        net.serve(self.isp, services.serve_dns, PUBLIC_ZONE)

        time.sleep(SERVERS_UP_S)

    def _serve_external_web(self, proxy: Host) -> None:
        pages = web.lync_https("webext.fabrikam.example", "sip.fabrikam.example")
        names = ("webext.fabrikam.example", "lyncdiscover.fabrikam.example")
        plain = web.lync_http(names[0], self.authority.chain_pkcs7(), names[1])
        context = self.authority.issue(*names).server_context()
        self.net.serve(proxy, services.serve_tcp, 443, web.Site(pages).conversation(), context)
        self.net.serve(proxy, services.serve_tcp, 80, web.Site(plain).conversation())

    def _split_names(self) -> dict[tuple[str, str], list[str]]:
        return {("av.fabrikam.example", "A"): [self.av_external]}

    def run(self, host: Host, program: Callable[..., None], *arguments: object) -> None:
        """Let a host do something else that ends by itself."""
        self.programs.append(self.net.spawn(host, program, *arguments))

    def sign_in(self, host: Host, plan: SignIn) -> None:
        """Let a host sign in and call."""
        self.run(host, signal, self.authority.root_pem, plan)

    def finish(self) -> None:
        """Wait for everybody who signed in or worked."""
        self.net.join(*self.programs, timeout=40)

    def work(self, host: Host, seconds: float = 9.0) -> None:
        """Let a host do what offices do besides calls."""
        plan = Noise(
            Resolver(DNS_SERVER),
            seconds,
            intranet="intranet.fabrikam.example",
            file_server=INTRANET,
            time_server=DNS_SERVER,
        )
        self.run(host, noise, plan)


def _registrar(name: str, identity: Identity, port: int) -> None:
    services.serve_tcp(port, sip.registrar(name, name), identity.server_context())
