"""Scenarios of the ways media takes that no other module has: two Edges, a VPN, a proxy, no media at all, hold."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from sample_pcaps.lab import network, services, web
from sample_pcaps.lab.clients import Noise, noise
from sample_pcaps.lab.connecting import Resolver
from sample_pcaps.lab.front_end import Settings, serve_front_end
from sample_pcaps.lab.media import SIREN, Agent, connect, converse
from sample_pcaps.lab.media_network import opener, serve_relay
from sample_pcaps.lab.network import Host, LabError, Mirror, Network, Program
from sample_pcaps.lab.pki import Authority, client_context
from sample_pcaps.lab.scenario import Scenario, embed_keys
from sample_pcaps.lab.sip_messages import SDP_TYPE, session
from sample_pcaps.lab.sip_user import User
from sample_pcaps.lab.turn import Address
from sample_pcaps.lab.turn_relay import OpenSocket

TAILSPIN = Settings(
    name="lyncpool.tailspin.example",
    domain="tailspin.example",
    web="lyncweb.tailspin.example",
    relay="edge-in.tailspin.example",
)
NAME_SERVER, FRONT_END, EDGE_INSIDE = "172.22.30.10", "172.22.30.15", "172.22.30.60"
EDGE_OUTSIDE, PARTNER_OUTSIDE, PARTNER_INSIDE = "198.51.100.40", "198.51.100.77", "172.29.8.60"
PROXY, PROXY_PORT = "172.22.30.88", 3128
INTRANET = "wiki.tailspin.example"
ZONE = {
    (TAILSPIN.name, "A"): [FRONT_END],
    ("_sipinternaltls._tcp.tailspin.example", "SRV"): [f"0 0 5061 {TAILSPIN.name}."],
    (TAILSPIN.relay, "A"): [EDGE_INSIDE],
    (INTRANET, "A"): [NAME_SERVER],
}
TALK_S, HOLD_S = 5.6, 6.6
SERVERS_UP_S = 0.6


class Branches:
    """Two branches, a data centre between them, an Edge between that and the outside.

    ```
    west 10.71.4.0/24 --+-- router -- data centre 172.22.30.0/24 -- Edge -- outside 198.51.100.0/24 -- partner's Edge
    east 10.71.9.0/24 --+                                                            partner 172.29.8.0/24 --'
    ```
    """

    def __init__(self, net: Network) -> None:
        self.net = net
        self.authority = Authority("Tailspin", "Tailspin")
        self.west, self.east = net.segment("10.71.4.0/24"), net.segment("10.71.9.0/24")
        self.centre, self.outside = net.segment("172.22.30.0/24"), net.segment("198.51.100.0/24", delay=0.006)
        self.partner = net.segment("172.29.8.0/24")
        legs = {self.west: "10.71.4.1", self.east: "10.71.9.1", self.centre: "172.22.30.1"}
        self.router = net.router(legs, vendor=network.JUNIPER)
        self.names, self.front_end, self.proxy = (self._server(one) for one in (NAME_SERVER, FRONT_END, PROXY))
        self.edge = net.host(EDGE_OUTSIDE, self.outside, vendor=network.HYPER_V)
        self.edge.plug(self.centre, EDGE_INSIDE)
        self.edge.ip("route", "add", "10.71.0.0/16", "via", "172.22.30.1")
        self.partner_edge = net.host(PARTNER_OUTSIDE, self.outside, vendor=network.VMWARE)
        self.partner_edge.plug(self.partner, PARTNER_INSIDE)
        self.olga = net.host("10.71.4.118", self.west, gateway="10.71.4.1", vendor=network.HP)
        self.timo = net.host("10.71.9.203", self.east, gateway="10.71.9.1")
        self.uma = net.host("172.29.8.141", self.partner, gateway="172.29.8.1", vendor=network.HP)
        self.guest_router = net.router({self.partner: "172.29.8.1"})
        self.clerk = net.host("10.71.4.31", self.west, gateway="10.71.4.1")

    def _server(self, address: str) -> Host:
        return self.net.host(address, self.centre, gateway="172.22.30.1", vendor=network.VMWARE)

    @contextmanager
    def filmed(self, point: Mirror | Host, path: Path, interface: str = "eth0") -> Iterator[None]:
        """Switch everything on and record the block with the clerk at work."""
        net = self.net
        net.start()
        page = web.Reply(b"<html><body>" + b"<p>Parking lot B is closed.</p>" * 20 + b"</body></html>")
        net.serve(self.names, services.serve_dns, ZONE)
        net.serve(self.names, services.serve_time)
        net.serve(self.names, services.serve_tcp, 80, web.Site({"/news": page}).conversation())
        net.serve(self.names, services.serve_tcp, 445, services.file_share)
        net.serve(self.edge, serve_relay, [EDGE_INSIDE, EDGE_OUTSIDE], EDGE_OUTSIDE)
        net.serve(self.partner_edge, serve_relay, [PARTNER_INSIDE, PARTNER_OUTSIDE], PARTNER_OUTSIDE)
        _wait(SERVERS_UP_S)
        with net.dumpcap(point, path, (interface,)):
            worker = self.work()
            yield
            net.join(worker, timeout=30)

    def work(self) -> Program:
        """Let the clerk do what offices do besides calls."""
        plan = Noise(Resolver(NAME_SERVER), 4.0, intranet=INTRANET, file_server=NAME_SERVER, time_server=NAME_SERVER)
        return self.net.spawn(self.clerk, noise, plan)


def _wait(seconds: float) -> None:
    asyncio.run(asyncio.sleep(seconds))


def agent(host: Host, port: int) -> Agent:
    return Agent(opener(host), host.addresses[0], port, version=5)


async def talk(one: Agent, other: Agent, seconds: float = TALK_S) -> None:
    """Media both ways, then everything is given back."""
    await asyncio.sleep(0.15)
    await converse(one, other, seconds, SIREN)
    await asyncio.sleep(0.2)
    if min(one.received, other.received) < 0.95 * (seconds - 0.2) * 50:
        raise LabError(f"only {one.received} and {other.received} packets arrived")
    await asyncio.gather(one.close(), other.close())


async def gather(one: Agent, *reaches: tuple[str, str]) -> None:
    """Ask relays for ports, each by a transport."""
    await one.open()
    ways = {"udp": one.gather_udp, "tcp": one.gather_tcp}
    await asyncio.gather(*(ways[transport](server) for transport, server in reaches))


def two_relays(folder: Path) -> None:
    """Two companies, each with an Edge of its own; recorded inside both and between their Edges."""
    with Network() as net:
        place = Branches(net)
        # Each company's router forbids the direct way and says so.
        place.router.rule(
            "forward", "ip saddr 10.71.4.0/24 ip daddr 172.29.8.0/24 reject with icmp type admin-prohibited"
        )
        place.router.ip("route", "add", "172.29.8.0/24", "dev", "eth2")
        place.router.rule("forward", "ip saddr 10.71.4.0/24 ip daddr 198.51.100.0/24 drop")
        point = net.mirror((place.west, place.outside, place.partner))
        with place.filmed(point, folder / "media-two-relays.pcapng"):
            asyncio.run(_through_both(place))


async def _through_both(place: Branches) -> None:
    olga, uma = agent(place.olga, 50110), agent(place.uma, 50214)
    await asyncio.gather(gather(olga, ("udp", EDGE_INSIDE)), gather(uma, ("udp", PARTNER_INSIDE)))
    await connect(olga, uma)
    await talk(olga, uma, 2.6)


def through_vpn(folder: Path) -> None:
    """A PC at home calls a colleague inside through a VPN; recorded on its tunnel interface."""
    with Network() as net:
        place = Branches(net)
        pc = Host(net, network.WINDOWS, network.HP)
        net.line(pc, "10.71.250.9", place.router, "10.71.250.1")
        pc.ip("route", "add", "default", "dev", "tun0")
        with place.filmed(pc, folder / "media-through-vpn.pcapng", "tun0"):
            working = net.spawn(
                pc, noise, Noise(Resolver(NAME_SERVER), 3.0, intranet=INTRANET, time_server=NAME_SERVER)
            )
            asyncio.run(_from_home(place, pc))
            net.join(working, timeout=30)


async def _from_home(place: Branches, pc: Host) -> None:
    home, timo = agent(pc, 50130), agent(place.timo, 50236)
    await asyncio.gather(gather(home, ("udp", EDGE_INSIDE)), gather(timo, ("udp", EDGE_INSIDE)))
    await connect(home, timo)
    await talk(home, timo)


def by_proxy(host: Host) -> OpenSocket:
    """TCP sockets that are connected by way of the HTTP proxy, wherever they are to lead."""

    class Through(socket.socket):
        def connect(self, address: Address) -> None:  # type: ignore[override]
            self.setblocking(True)
            super().connect((PROXY, PROXY_PORT))
            where = f"{address[0]}:{address[1]}"
            self.sendall(f"CONNECT {where} HTTP/1.1\r\nHost: {where}\r\nUser-Agent: Lync\r\n\r\n".encode())
            if b" 200 " not in self.recv(512):
                raise LabError("the proxy does not let it through")
            self.setblocking(False)

    def open_socket(kind: socket.SocketKind) -> socket.socket:
        with host.entered():
            return (Through if kind == socket.SOCK_STREAM else socket.socket)(socket.AF_INET, kind)

    return open_socket


def serve_proxy() -> None:
    """An HTTP proxy that knows CONNECT only."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
            writer.close()

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        host, _, port = head.split(b" ")[1].decode().partition(":")
        far_reader, far_writer = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\nVia: 1.1 squid\r\n\r\n")
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))

    async def run() -> None:
        server = await asyncio.start_server(tunnel, "0.0.0.0", PROXY_PORT)
        await server.serve_forever()

    asyncio.run(run())


def through_proxy(folder: Path) -> None:
    """A PC whose branch lets nothing out but by the HTTP proxy reaches the relay in a CONNECT tunnel."""
    with Network() as net:
        place = Branches(net)
        pc = place.olga.addresses[0]
        place.router.rule("forward", f"ip saddr {pc} ip daddr != {{{NAME_SERVER}, {PROXY}}} drop")
        place.router.rule("forward", f"ip daddr {pc} ip saddr 10.71.9.0/24 drop")
        with place.filmed(net.mirror(place.west), folder / "media-http-proxy.pcapng"):
            net.serve(place.proxy, serve_proxy)
            _wait(0.4)
            asyncio.run(_by_tunnel(place))


async def _by_tunnel(place: Branches) -> None:
    olga = Agent(by_proxy(place.olga), place.olga.addresses[0], 50152, version=5)
    timo = agent(place.timo, 50258)
    await gather(timo, ("tcp", EDGE_INSIDE))
    await gather(olga, ("udp", EDGE_INSIDE), ("tcp", EDGE_INSIDE))
    await connect(olga, timo, transport="tcp")
    await talk(olga, timo)


def no_media(folder: Path) -> None:
    """The direct pair is answered and chosen; then the routers of both branches drop what is sent."""
    with Network() as net:
        place = Branches(net)
        hop, north = net.segment("172.22.31.0/30"), net.segment("10.71.12.0/24")
        gate = net.router({hop: "172.22.31.2", north: "10.71.12.1"}, gateway="172.22.31.1")
        vera = net.host("10.71.12.66", north, gateway="10.71.12.1", vendor=network.HP)
        place.router.plug(hop, "172.22.31.1")
        place.router.ip("route", "add", "10.71.12.0/24", "via", "172.22.31.2")
        with place.filmed(net.mirror(hop), folder / "media-none.pcapng"):
            working = net.spawn(vera, noise, Noise(Resolver(NAME_SERVER), 3.0, intranet=INTRANET))
            asyncio.run(_in_vain(place, gate, vera))
            net.join(working, timeout=30)


async def _in_vain(place: Branches, gate: Host, vera: Host) -> None:
    olga, other = agent(place.olga, 50190), agent(vera, 50292)
    await asyncio.gather(olga.open(), gather(other, ("udp", EDGE_INSIDE)))
    await connect(olga, other)
    place.router.rule("forward", "udp sport 50190 drop")
    gate.rule("forward", "udp sport 50292 drop")
    before = olga.received, other.received
    await converse(olga, other, 3.4, SIREN)
    if (olga.received, other.received) != before:
        raise LabError("media arrived")
    await asyncio.gather(olga.close(), other.close())


def hold(folder: Path) -> None:
    """A call is put on hold for some seconds and taken up again; the signalling can be read."""
    plain, keylog = folder / "hold.pcapng", folder / "keys.log"
    with Network() as net:
        place = Branches(net)
        identity = place.authority.issue(TAILSPIN.name, TAILSPIN.domain)
        context = identity.server_context()
        context.keylog_filename = str(keylog)
        with place.filmed(net.mirror((place.west, place.east)), plain):
            net.serve(place.front_end, serve_front_end, TAILSPIN, identity, place.authority.root_pem, context)
            _wait(0.6)
            asyncio.run(_held(place))
    embed_keys(plain, keylog, folder / "media-hold.pcapng")


async def _held(place: Branches) -> None:
    users = [await _signed_in(place, host, name) for host, name in ((place.olga, "olga"), (place.timo, "timo"))]
    (olga, hers), (timo, his) = zip(users, (agent(place.olga, 50170), agent(place.timo, 50276)), strict=True)
    await asyncio.gather(hers.open(), his.open())
    accepting = asyncio.create_task(timo.accept(his))
    await olga.call(timo.name, hers)
    await accepting
    await connect(hers, his)
    assert hers.chosen
    await olga.confirm(hers, hers.chosen[1])
    await converse(hers, his, 1.6, SIREN)
    await _renegotiate(olga, hers, "inactive")
    await asyncio.sleep(HOLD_S)
    await hers.talk(0.6, SIREN)
    await olga.hang_up('51004; reason="Action initiated by user"')
    await asyncio.sleep(0.6)
    await asyncio.gather(hers.close(), his.close(), olga.close(), timo.close())


async def _renegotiate(user: User, own: Agent, direction: str) -> None:
    body = session(own) + f"a={direction}\r\n".encode()
    await user._ask("INVITE", user._peer, user._call, (), SDP_TYPE, body)
    user._say(user._request("ACK", user._peer, user._call, ()))


async def _signed_in(place: Branches, host: Host, name: str) -> User:
    identity = place.authority.issue(f"{name}@{TAILSPIN.domain}", client=True)
    user = User(f"{name}@{TAILSPIN.domain}", opener(host), identity, place.authority.root_pem)
    with host.entered():
        Resolver(NAME_SERVER).records("_sipinternaltls._tcp.tailspin.example", "SRV")
        Resolver(NAME_SERVER).records(TAILSPIN.name)
    await user.connect(FRONT_END, 5061, client_context([place.authority.root_pem]), TAILSPIN.name)
    await user.sign_in()
    return user


SCENARIOS: Sequence[Scenario] = (
    Scenario((), two_relays, others=("media-two-relays.pcapng",)),
    Scenario((), through_vpn, others=("media-through-vpn.pcapng",)),
    Scenario((), through_proxy, others=("media-http-proxy.pcapng",)),
    Scenario((), no_media, others=("media-none.pcapng",)),
    Scenario((), hold, others=("media-hold.pcapng",)),
)
