"""Edge Servers with wrong routes, networks and translations; what firewalls keep Edges from telling each other."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from pathlib import Path

from sample_pcaps.lab import network, services, turn, web
from sample_pcaps.lab.clients import Noise, noise
from sample_pcaps.lab.connecting import Resolver
from sample_pcaps.lab.media import Agent, meet
from sample_pcaps.lab.media_network import opener, serve_relay
from sample_pcaps.lab.network import Host, LabError, Network
from sample_pcaps.lab.scenario import Scenario
from sample_pcaps.lab.turn_relay import Relay

SERVERS_UP_S = 0.6
INTRANET = "portal.gannet.example"


async def allocate(host: Host, port: int, server: str, *, works: bool = True) -> Agent:
    """Ask a relay for a port over UDP, as clients do before every call."""
    agent = Agent(opener(host), host.addresses[0], port, version=4)
    await agent.open()
    if await agent.gather_udp(server) != works:
        raise LabError(f"{host.addresses[0]} and {server}: not {works}")
    return agent


async def leave(*agents: Agent) -> None:
    await asyncio.sleep(0.3)
    await asyncio.gather(*(one.close() for one in agents))


class Perimeter:
    """Five Edges between an inner and an outer DMZ; each has its own way of being connected.

    ```
    floors 10.61.12.0/24, 10.61.13.0/24 -- core -- dmz_in 10.61.70.0/24 -- Edges -- dmz_out 198.51.100.160/27
                                            |                                        |
                                            +------------------ firewall ------------+-- 192.0.2.0/24, 203.0.113.0/24
    ```
    """

    def __init__(self, net: Network) -> None:
        self.net = net
        floors = [net.segment("10.61.12.0/24"), net.segment("10.61.13.0/24")]
        link = net.segment("10.61.99.0/30")
        self.dmz_in, self.dmz_out = net.segment("10.61.70.0/24"), net.segment("198.51.100.160/27")
        homes = [net.segment("192.0.2.0/24", delay=0.007), net.segment("203.0.113.0/24", delay=0.011)]
        legs = {floors[0]: "10.61.12.1", floors[1]: "10.61.13.1", self.dmz_in: "10.61.70.1", link: "10.61.99.1"}
        self.core = net.router(legs, gateway="10.61.99.2")
        legs = {link: "10.61.99.2", self.dmz_out: "198.51.100.161", homes[0]: "192.0.2.1", homes[1]: "203.0.113.1"}
        self.firewall = net.router(legs, vendor=network.JUNIPER)
        self.firewall.ip("route", "add", "10.61.0.0/16", "via", "10.61.99.1")
        # The default gateway of one Edge leads here, and the one of another there: nobody expects these packets.
        self.core.rule("forward", "ip saddr 198.51.100.160/27 drop")
        self.firewall.rule("forward", "iifname eth1 ip saddr 10.61.70.13 drop")
        self.firewall.rule("prerouting", "iifname {eth2, eth3} ip daddr 198.51.100.175 dnat to 10.61.70.115")
        self.firewall.rule("postrouting", "oifname {eth2, eth3} ip saddr 10.61.70.115 snat to 198.51.100.175")
        self.firewall.ip("address", "add", "198.51.100.175/32", "dev", "eth1")
        self.agnes = net.host("10.61.12.34", floors[0], gateway="10.61.12.1", vendor=network.HP)
        self.boris = net.host("10.61.13.41", floors[1], gateway="10.61.13.1")
        self.clerk = net.host("10.61.12.90", floors[0], gateway="10.61.12.1")
        self.eva = net.host("192.0.2.50", homes[0], gateway="192.0.2.1")
        self.finn = net.host("203.0.113.77", homes[1], gateway="203.0.113.1", vendor=network.HP)
        self.intranet = net.host("10.61.70.80", self.dmz_in, gateway="10.61.70.1", vendor=network.VMWARE)
        self.sound, self.inward, self.partial, self.outward = (self._edge(last) for last in (11, 12, 13, 14))
        self._routes()
        self.near = net.host("10.61.70.15", self.dmz_in, gateway="10.61.70.1", vendor=network.HYPER_V)
        self.near.plug(self.dmz_in, "10.61.70.115")
        with self.near.entered():
            # As Windows does: each card answers for its own address only.
            Path("/proc/sys/net/ipv4/conf/all/arp_ignore").write_text("1")
            Path("/proc/sys/net/ipv4/conf/all/arp_announce").write_text("2")

    def _edge(self, last: int) -> Host:
        edge = self.net.host(f"10.61.70.{last}", self.dmz_in, vendor=network.HYPER_V)
        edge.plug(self.dmz_out, f"198.51.100.{160 + last}")
        return edge

    def _routes(self) -> None:
        for edge in (self.sound, self.partial, self.outward):
            edge.ip("route", "add", "default", "via", "198.51.100.161")
        self.inward.ip("route", "add", "default", "via", "10.61.70.1")
        self.sound.ip("route", "add", "10.61.0.0/16", "via", "10.61.70.1")
        self.partial.ip("route", "add", "10.61.12.0/24", "via", "10.61.70.1")

    def serve(self) -> None:
        net = self.net
        net.start()
        page = web.Reply(b"<html><body>" + b"<p>The car park is full.</p>" * 20 + b"</body></html>")
        net.serve(self.intranet, services.serve_dns, {(INTRANET, "A"): ["10.61.70.80"]})
        net.serve(self.intranet, services.serve_time)
        net.serve(self.intranet, services.serve_tcp, 80, web.Site({"/news": page}).conversation())
        net.serve(self.intranet, services.serve_tcp, 445, services.file_share)
        for last, edge in ((11, self.sound), (12, self.inward), (13, self.partial), (14, self.outward)):
            outer = f"198.51.100.{160 + last}"
            net.serve(edge, serve_relay, [f"10.61.70.{last}", outer], outer)
        net.serve(self.near, serve_relay, ["10.61.70.15", "10.61.70.115"], "10.61.70.115", "198.51.100.175")
        time.sleep(SERVERS_UP_S)


def cards(folder: Path) -> None:
    """One Edge as it should be, and four whose routes or networks are wrong."""
    with Network() as net:
        place = Perimeter(net)
        point = net.mirror((place.dmz_in, place.dmz_out))
        place.serve()
        with net.capture(point, folder / "edges-cards.pcap"):
            plan = Noise(
                Resolver("10.61.70.80"), 3.0, intranet=INTRANET, file_server="10.61.70.80", time_server="10.61.70.80"
            )
            working = net.spawn(place.clerk, noise, plan)
            time.sleep(1.2)
            asyncio.run(_ask_everybody(place))
            net.join(working, timeout=30)


async def _ask_everybody(place: Perimeter) -> None:
    asked = [
        *(allocate(place.agnes, 50100 + last, f"10.61.70.{last}") for last in (11, 12, 13, 14, 15)),
        *(allocate(place.boris, 50200 + last, f"10.61.70.{last}", works=last != 13) for last in (11, 12, 13, 14)),
        *(
            allocate(place.eva, 50300 + last, f"198.51.100.{160 + last}", works=last != 12)
            for last in (11, 12, 13, 14, 15)
        ),
        *(allocate(place.finn, 50400 + last, f"198.51.100.{160 + last}", works=last != 12) for last in (11, 12)),
    ]
    await leave(*await asyncio.gather(*asked))


PUBLIC = {31: "192.0.2.31", 32: "192.0.2.32", 41: "192.0.2.41", 51: "192.0.2.51"}
ZONE = {
    ("av.gannet.example", "A"): [PUBLIC[31], PUBLIC[32]],
    ("av-north.gannet.example", "A"): [PUBLIC[41]],
    ("av-south.gannet.example", "A"): [PUBLIC[51]],
}
NEAR_PARTNER, FAR_PARTNER = "198.51.100.61", "203.0.113.61"


class Abroad:
    """Four Edges behind translation, two of them one pool; two partners' Edges and two people outside.

    ```
    dmz 172.20.8.0/24 -- firewall (192.0.2.0/24 translated) -- 198.51.100.0/24 -- provider -- 203.0.113.0/24
    ```
    """

    def __init__(self, net: Network) -> None:
        self.net = net
        self.dmz, self.internet = net.segment("172.20.8.0/24"), net.segment("198.51.100.0/24", delay=0.004)
        far = net.segment("203.0.113.0/24", delay=0.008)
        self.firewall = net.router(
            {self.dmz: "172.20.8.1", self.internet: "198.51.100.2"}, gateway="198.51.100.1", vendor=network.JUNIPER
        )
        self.provider = net.router({self.internet: "198.51.100.1", far: "203.0.113.1"})
        self.provider.ip("route", "add", "192.0.2.0/24", "via", "198.51.100.2")
        self.provider.rule("forward", "ip daddr 172.16.0.0/12 drop")
        self.edges = {
            last: net.host(f"172.20.8.{last}", self.dmz, gateway="172.20.8.1", vendor=network.HYPER_V)
            for last in PUBLIC
        }
        self._translate()
        self.eva, self.partner = (
            self._on_the_way(net.host(one, self.internet, gateway="198.51.100.1"))
            for one in ("198.51.100.90", NEAR_PARTNER)
        )
        self.finn, self.far_partner = (
            net.host(one, far, gateway="203.0.113.1", vendor=network.HP) for one in ("203.0.113.77", FAR_PARTNER)
        )

    def _on_the_way(self, host: Host) -> Host:
        host.ip("route", "add", "192.0.2.0/24", "via", "198.51.100.2")
        return host

    def _translate(self) -> None:
        wall = self.firewall
        for last, public in PUBLIC.items():
            wall.rule("prerouting", f"iifname eth1 ip daddr {public} dnat to 172.20.8.{last}")
            wall.rule("postrouting", f"oifname eth1 ip saddr 172.20.8.{last} snat to {public}")
        # One published Edge with sources translated, too; no way back in for the pool's own members.
        wall.rule("postrouting", "oifname eth0 ip daddr 172.20.8.51 snat to 172.20.8.1")
        wall.rule("forward", "iifname eth0 ip daddr 192.0.2.0/24 drop")
        wall.rule("forward", "ip saddr 172.20.8.31 udp sport 3478 udp dport 3478 drop")
        wall.rule("forward", "ip saddr 172.20.8.41 tcp sport 50000-59999 drop")

    def relays(self) -> dict[str, Relay]:
        """By address the relays that run in this process."""
        made = {}
        for last, host in self.edges.items():
            own = f"172.20.8.{last}"
            made[own] = Relay(opener(host), own, None if last == 41 else PUBLIC[last])
        for host in (self.partner, self.far_partner):
            made[host.addresses[0]] = Relay(opener(host), host.addresses[0])
        return made


def between(folder: Path) -> None:
    """Translations and firewalls that keep Edges from each other and from their clients."""
    with Network() as net:
        place = Abroad(net)
        point = net.mirror((place.dmz, place.internet))
        net.start()
        net.serve(place.provider, services.serve_dns, ZONE)
        time.sleep(SERVERS_UP_S)
        with net.capture(point, folder / "edges-between.pcap"):
            asyncio.run(_federate(place))


async def _federate(place: Abroad) -> None:
    relays = place.relays()
    for address, relay in relays.items():
        await relay.listen(address)
    with place.eva.entered():
        for name, kind in ZONE:
            Resolver("198.51.100.1").records(name, kind)
    await asyncio.sleep(1.2)
    eva = [await allocate(place.eva, 50010 + last, public) for last, public in PUBLIC.items() if last != 41]
    finn = [await allocate(place.finn, 50060 + last, public) for last, public in PUBLIC.items()]
    meet(eva[0], finn[2])
    await eva[0].check()
    await asyncio.gather(_talk(relays), _share(place))
    await asyncio.sleep(1.0)
    await leave(*eva, *finn)
    for relay in relays.values():
        relay.close()


async def _talk(relays: dict[str, Relay]) -> None:
    """Checks between the Edges' own ports, a second apart: some pass both ways, some do not."""
    ways = (
        *(("172.20.8.31", one) for one in (NEAR_PARTNER, FAR_PARTNER)),
        *(("172.20.8.32", one) for one in (NEAR_PARTNER, PUBLIC[31])),
        (NEAR_PARTNER, PUBLIC[32]),
    )
    for _ in range(10):
        for sender, receiver in ways:
            check = turn.Message(turn.BINDING, [(turn.USERNAME, os.urandom(6).hex().encode())])
            relays[sender].tell(receiver, turn.encode_check(check, "between Edges"))
        await asyncio.sleep(1.0)


async def _share(place: Abroad) -> None:
    """Sharing from relay ports to the partners' TCP 443: one Edge may, the other may not."""
    loop = asyncio.get_running_loop()
    for last, ports in ((31, (50871,)), (41, (51412, 53007))):
        for port, partner in zip(ports, (NEAR_PARTNER, FAR_PARTNER), strict=False):
            sock = opener(place.edges[last])(socket.SOCK_STREAM)
            sock.setblocking(False)
            sock.bind((f"172.20.8.{last}", port))
            with contextlib.suppress(TimeoutError, OSError):
                await asyncio.wait_for(loop.sock_connect(sock, (partner, 443)), 8.0 if last == 41 else 4.0)
                await loop.sock_sendall(sock, turn.pseudo_client_hello())
                await asyncio.sleep(0.2)
            sock.close()


SCENARIOS = (
    Scenario(("edges-cards",), cards),
    Scenario(("edges-between",), between),
)
