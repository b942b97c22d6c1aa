"""Media of two people inside that turns round at their own firewall."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sample_pcaps.lab.media import SIREN, Agent, connect, converse
from sample_pcaps.lab.media_network import opener, serve_relay
from sample_pcaps.lab.network import HP, HYPER_V, JUNIPER, LabError, Network
from sample_pcaps.lab.office import Office, Plan
from sample_pcaps.lab.scenario import Scenario
from sample_pcaps.lab.scene import Scene

PLOVER = Plan(
    domain="plover.example",
    pcs="10.88.3.0/24",
    phones="10.88.4.0/24",
    servers="10.88.9.0/24",
    outside="203.0.113.192/26",
    web=("pool7.plover.example", "10.88.9.21"),
    pool=("pool7.plover.example", "10.88.9.21"),
    names="10.88.9.2",
    intranet=("board.plover.example", "10.88.9.60"),
    files="10.88.9.61",
    router_vendor=JUNIPER,
)
OUTSIDE, EDGE = "203.0.113.193", "203.0.113.220"
TALK_S = 5.3
PORTS = {"10.88.3.21": 50110, "10.88.4.35": 50120}


def turned_back(folder: Path) -> None:
    """Two floors that may not talk to each other, behind one translator that turns packets back."""
    with Network() as net:
        office = Office(net, PLOVER)
        rolf = office.device("10.88.3.21", office.pcs, vendor=HP)
        sina = office.device("10.88.4.35", office.phones)
        edge = office.device(EDGE, office.outside, vendor=HYPER_V)
        for address, port in PORTS.items():
            office.router.rule("prerouting", f"ip daddr {OUTSIDE} udp dport {port} dnat to {address}")
        office.router.rule("postrouting", f"ip saddr 10.88.0.0/16 oifname eth3 snat to {OUTSIDE}")
        office.router.rule("postrouting", f"ip saddr 10.88.0.0/16 ct status dnat snat to {OUTSIDE}")
        office.router.rule("forward", "ct status dnat accept")
        office.router.rule("forward", "ip saddr 10.88.3.0/24 ip daddr 10.88.4.0/24 meta l4proto udp drop")
        office.router.rule("forward", "ip saddr 10.88.4.0/24 ip daddr 10.88.3.0/24 meta l4proto udp drop")
        mirror = net.mirror(office.pcs)
        scene = Scene(office, mirror)
        zone = office.zone()
        zone["av.plover.example", "A"] = [EDGE]
        office.open(zone=zone)
        net.serve(edge, serve_relay, [EDGE], EDGE)
        with scene.recorded(folder / "media-turned-back.pcap", "udp or arp or tcp port 5061"):
            working = [scene.user(rolf, "rolf", stays=TALK_S + 2)]
            one, other = (
                Agent(opener(host), host.addresses[0], PORTS[host.addresses[0]], version=4) for host in (rolf, sina)
            )
            asyncio.run(_call(one, other))
            net.join(*working, timeout=40)


async def _call(one: Agent, other: Agent) -> None:
    await asyncio.sleep(1.5)
    for agent in (one, other):
        await agent.open()
        if not await agent.gather_udp(EDGE):
            raise LabError("the Edge does not answer")
    await connect(one, other)
    if one.chosen is None or one.chosen[1][0] != OUTSIDE:
        raise LabError(f"chosen: {one.chosen}")
    await asyncio.sleep(0.15)
    await converse(one, other, TALK_S, SIREN)
    await asyncio.sleep(0.2)
    if min(one.received, other.received) < 0.95 * (TALK_S - 0.2) * 50:
        raise LabError(f"only {one.received} and {other.received} packets arrived")
    await asyncio.gather(one.close(), other.close())


SCENARIOS = (Scenario(("media-turned-back",), turned_back),)
