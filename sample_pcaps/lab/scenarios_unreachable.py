"""Scenarios of servers that are not reached: dead, not routed, in a loop, doubled, or answered by another way."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import suppress
from pathlib import Path

from sample_pcaps.lab.clients import Desktop, desktop
from sample_pcaps.lab.connecting import Resolver
from sample_pcaps.lab.gateway import Side, incoming_call
from sample_pcaps.lab.media import Agent
from sample_pcaps.lab.media_network import opener
from sample_pcaps.lab.network import (
    AUDIOCODES,
    HP,
    HYPER_V,
    JUNIPER,
    LINUX,
    PHONE,
    VMWARE,
    WINDOWS,
    Host,
    LabError,
    Network,
    Program,
)
from sample_pcaps.lab.office import Office, Plan
from sample_pcaps.lab.pki import Authority
from sample_pcaps.lab.scenario import Scenario
from sample_pcaps.lab.scene import Scene
from sample_pcaps.lab.services import serve_dns, serve_tcp
from sample_pcaps.lab.sip import registrar

SOUTHRIDGE = Plan(
    domain="southridge.example",
    pcs="10.166.40.0/24",
    phones="10.166.41.0/24",
    servers="10.166.4.0/24",
    outside="203.0.113.128/26",
    web=("scweb.southridge.example", "10.166.4.31"),
    pool=("scpool.southridge.example", "10.166.4.32"),
    names="10.166.4.5",
    intranet=("menu.southridge.example", "10.166.4.70"),
    files="10.166.4.71",
)
DEAD, UNROUTED, LOOPED = "10.166.4.99", "10.171.8.20", "10.172.8.20"
LOOPS_SILENTLY = "10.172.8.21"
"""The routers keep the loop to themselves."""
EDGE = "10.166.4.60"
ELSEWHERE = {"dead": DEAD, "unrouted": UNROUTED, "looped": LOOPED, "hushed": LOOPS_SILENTLY}
"""Other companies of the house, by where their pools are."""
TRACED_HOPS = 4


def reported(folder: Path) -> None:
    """Five PCs, four pools of other companies of the house; what the routers say of it. Floor and transit link."""
    with Network() as net:
        office = Office(net, SOUTHRIDGE)
        transit = net.segment("10.166.250.0/30")
        far = net.router({transit: "10.166.250.2"}, gateway="10.166.250.1", vendor=JUNIPER)
        office.router.plug(transit, "10.166.250.1")
        office.router.ip("route", "add", "10.172.8.0/24", "via", "10.166.250.2")
        silence = "ip daddr 10.166.40.55 icmp type time-exceeded drop"
        for router in (office.router, far):
            router.rule("output", silence)
        office.server(EDGE)
        pcs = {name: _pc(office, name, n) for name, n in PCS.items()}
        zone = office.zone()
        for company, address in ELSEWHERE.items():
            zone |= _company(company, address)
        scene = Scene(office, net.mirror((office.pcs, transit)))
        office.open(zone=zone)
        with scene.recorded(folder / "paths-reported.pcap"):
            talks = [scene.user(pcs["well"], "ada", stays=12.0)]
            talks += [net.spawn(pcs[company], _sign_in_again, office, company, n) for company, n in TRIES.items()]
            talks += [net.spawn(pcs["tracing"], _trace, office)]
            asyncio.run(_ask_relay(pcs["talking"]))
            net.join(*talks, timeout=60)


PCS = {"well": 50, "talking": 51, "dead": 52, "unrouted": 53, "looped": 54, "hushed": 55, "tracing": 56}


TRIES = {"dead": 2, "unrouted": 3, "looped": 2, "hushed": 1}


def _pc(office: Office, name: str, number: int) -> Host:
    stack = PHONE if name == "hushed" else WINDOWS  # half the hops, half the frames
    return office.device(f"10.166.40.{number}", office.pcs, vendor=HP, stack=stack)


def _company(name: str, address: str) -> dict[tuple[str, str], list[str]]:
    domain = f"{name}.southridge.example"
    return {
        (f"pool.{domain}", "A"): [address],
        (f"lyncdiscoverinternal.{domain}", "A"): [address],
        (f"_sipinternaltls._tcp.{domain}", "SRV"): [f"0 0 5061 pool.{domain}."],
    }


def _sign_in_again(office: Office, company: str, tries: int) -> None:
    """What a client does whose server cannot be reached: look it up and try once more."""
    domain = f"{company}.southridge.example"
    plan = Desktop(f"bo@{domain}", office.plan.resolver, office.ca.root_pem, f"pool.{domain}", discovers=False)
    for _ in range(tries):
        desktop(plan)
        time.sleep(0.7)


def _trace(office: Office) -> None:
    """Somebody looks where the packets to port 443 go, one hop further each time."""
    office.plan.resolver.records(office.plan.web[0])
    for hops in range(1, TRACED_HOPS):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hops)
            probe.settimeout(2.0)
            probe.connect((office.plan.web[1], 443))


async def _ask_relay(pc: Host) -> None:
    """The Edge Server is up, its A/V service is not."""
    agent = Agent(opener(pc), pc.addresses[0], 50040, version=5)
    await agent.open()
    with suppress(TimeoutError, OSError):
        await asyncio.wait_for(agent.gather_udp(EDGE), 6.0)
    await agent.close()


CONSOLIDATED = Plan(
    domain="consolidated.example",
    pcs="10.144.20.0/24",
    phones="10.144.21.0/24",
    servers="10.144.3.0/24",
    outside="198.51.100.128/26",
    web=("uc.consolidated.example", "10.144.3.15"),
    pool=("uc.consolidated.example", "10.144.3.15"),
    names="10.144.3.4",
    intranet=("parts.consolidated.example", "10.144.3.81"),
    files="10.144.3.82",
    server_vendor=HYPER_V,
)
GONE, MOVES = "10.144.3.16", "10.144.3.17"


def one_link(folder: Path) -> None:
    """Terminal servers on the servers' own link: a cloned machine, a pool that is gone, another that fails over."""
    with Network() as net:
        office = Office(net, CONSOLIDATED)
        users = {name: office.device(f"10.144.3.{n}", office.servers) for name, n in LINK_USERS.items()}
        clone = office.device(CONSOLIDATED.pool[1], office.servers, stack=LINUX, vendor=HYPER_V)
        members = [office.device(MOVES, office.servers, vendor=VMWARE) for _ in range(2)]
        clone.ports[0].delay = 0.00002
        for machine in (clone, members[1]):
            machine.ip("link", "set", "eth0", "down")
            with machine.entered():
                Path("/proc/sys/net/ipv4/conf/eth0/arp_notify").write_text("1")
        zone = office.zone() | _pool("gone", GONE) | _pool("moves", MOVES)
        scene = Scene(office, net.mirror(office.servers))
        office.open(zone=zone)
        moving = office.ca.issue("pool.moves.consolidated.example")
        for member in members:
            net.serve(
                member, serve_tcp, 5061, registrar("pool.moves.consolidated.example", ""), moving.server_context()
            )
        with scene.recorded(folder / "paths-one-link.pcap"):
            talks = [scene.user(users["first"], "ann", stays=1.0), _moved(net, office, users["third"])]
            talks += [net.spawn(users["second"], _ask_gone, office)]
            net.join(*talks, timeout=60)
            clone.ip("link", "set", "eth0", "up")
            members[0].ip("link", "set", "eth0", "down")
            members[1].ip("link", "set", "eth0", "up")
            time.sleep(1.5)
            for host in users.values():
                host.ip("neigh", "flush", "all")
            net.join(scene.user(users["first"], "ann"), _moved(net, office, users["third"]), timeout=60)
            time.sleep(5.0)


LINK_USERS = {"first": 111, "second": 112, "third": 113}


def _pool(name: str, address: str) -> dict[tuple[str, str], list[str]]:
    domain = f"{name}.consolidated.example"
    return {
        (f"pool.{domain}", "A"): [address],
        (f"_sipinternaltls._tcp.{domain}", "SRV"): [f"0 0 5061 pool.{domain}."],
        (f"lyncdiscoverinternal.{domain}", "A"): [address],
    }


def _moved(net: Network, office: Office, host: Host) -> Program:
    name = "pool.moves.consolidated.example"
    user = "cy@moves.consolidated.example"
    plan = Desktop(user, office.plan.resolver, office.ca.root_pem, name, discovers=False, stays=1.0)
    return net.spawn(host, desktop, plan)


def _ask_gone(office: Office) -> None:
    name = "pool.gone.consolidated.example"
    plan = Desktop("di@gone.consolidated.example", office.plan.resolver, office.ca.root_pem, name, discovers=False)
    for _ in range(2):
        desktop(plan)


def two_ways(folder: Path) -> None:
    """The pool answers one floor past the firewall, by its other gateway; the firewall knows only half of it."""
    with Network() as net:
        floor, branch = net.segment("10.119.30.0/24"), net.segment("10.119.31.0/24")
        inner, past = net.segment("10.119.250.0/29"), net.segment("10.119.251.0/29")
        servers = net.segment("10.119.2.0/24")
        core = net.router({floor: "10.119.30.1", branch: "10.119.31.1", inner: "10.119.250.1", past: "10.119.251.1"})
        firewall = net.router({inner: "10.119.250.2", servers: "10.119.2.1"}, gateway="10.119.250.1", stack=LINUX)
        net.router({past: "10.119.251.2", servers: "10.119.2.2"}, gateway="10.119.251.1", vendor=JUNIPER)
        core.ip("route", "add", "10.119.2.0/24", "via", "10.119.250.2")
        names = net.host("10.119.2.6", servers, gateway="10.119.2.1", vendor=VMWARE)
        pool = net.host("10.119.2.20", servers, gateway="10.119.2.1", vendor=VMWARE)
        pool.ip("route", "add", "10.119.30.0/24", "via", "10.119.2.2")
        pcs = [net.host(f"10.119.{one}", at, gateway=gate) for one, at, gate in (
            ("30.77", floor, "10.119.30.1"), ("31.78", branch, "10.119.31.1"))]  # fmt: skip
        with firewall.entered():
            Path("/proc/sys/net/netfilter/nf_conntrack_tcp_loose").write_text("0")
        firewall.rule("forward", "ct state invalid meta l4proto tcp reject with tcp reset")
        domain, name = "firstup.example", "fupool.firstup.example"
        zone = {(name, "A"): ["10.119.2.20"], (f"_sipinternaltls._tcp.{domain}", "SRV"): [f"0 0 5061 {name}."]}
        authority = Authority("Firstup", "Firstup")
        mirror = net.mirror(inner)
        net.start()
        net.serve(names, serve_dns, zone)
        context = authority.issue(name, f"sip.{domain}").server_context()
        net.serve(pool, serve_tcp, 5061, registrar(name, name), context)
        time.sleep(0.4)
        with net.capture(mirror, folder / "paths-two-ways.pcap"):
            plans = [Desktop(f"{who}@{domain}", Resolver("10.119.2.6"), authority.root_pem, name, discovers=False)
                     for who in ("eli", "fay")]  # fmt: skip
            talks = [net.spawn(pc, desktop, plan) for pc, plan in zip(pcs, plans, strict=True)]
            net.join(*talks, timeout=60)


OVERLAKE = Plan(
    domain="overlake.example",
    pcs="10.187.50.0/24",
    phones="10.187.51.0/24",
    servers="10.187.6.0/24",
    outside="198.51.100.192/26",
    web=("ovweb.overlake.example", "10.187.6.40"),
    pool=("ovpool.overlake.example", "10.187.6.41"),
    names="10.187.6.8",
    intranet=("ward.overlake.example", "10.187.6.90"),
    files="10.187.6.91",
)
DEAF_TRUNK, GOOD_TRUNK, MEDIATION = "10.187.51.20", "10.187.51.21", "10.187.6.42"
TALKS = (("speech", 40), ("pause", 240), ("speech", 40))


def one_way(folder: Path) -> None:
    """The Mediation Server's audio never reaches one gateway, a router drops it; another gateway's call is good."""
    with Network() as net:
        office = Office(net, OVERLAKE)
        mediation = office.server(MEDIATION)
        trunks = [office.device(one, office.phones, stack=LINUX, vendor=AUDIOCODES) for one in (DEAF_TRUNK, GOOD_TRUNK)]
        pc = office.device("10.187.50.30", office.pcs)
        office.router.rule("forward", f"ip saddr {MEDIATION} ip daddr {DEAF_TRUNK} meta l4proto udp drop")
        scene = Scene(office, net.mirror(office.phones))
        office.open()
        with scene.recorded(folder / "paths-one-way.pcap"):
            talks = [scene.user(pc, "gil", stays=2.0)]
            heard = [asyncio.run(_call(trunk, mediation, n)) for n, trunk in enumerate(trunks)]
            net.join(*talks, timeout=40)
        if heard[0] or not heard[1]:
            raise LabError(f"{heard} packets arrived")


async def _call(trunk: Host, mediation: Host, number: int) -> int:
    ours = Side(opener(mediation), (MEDIATION, 49170 + 4 * number), TALKS)
    theirs = Side(opener(trunk), (trunk.addresses[0], 6010 + 4 * number), TALKS)
    await incoming_call(theirs, ours)
    return theirs.heard.received


SCENARIOS = (
    Scenario(("paths-reported",), reported),
    Scenario(("paths-one-link",), one_link),
    Scenario(("paths-two-ways",), two_ways),
    Scenario(("paths-one-way",), one_way),
)
