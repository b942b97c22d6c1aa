"""Scenarios of who is who: one PC with two IP versions, an address passed on, several PCs behind one address."""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import replace
from pathlib import Path

from sample_pcaps.lab.clients import phone
from sample_pcaps.lab.connecting import Resolver
from sample_pcaps.lab.front_end import Settings, serve_front_end
from sample_pcaps.lab.media_network import opener
from sample_pcaps.lab.network import HP, HYPER_V, LINUX, PHONE, POLYCOM, Host, Network, Program
from sample_pcaps.lab.office import Office, Plan
from sample_pcaps.lab.pki import client_context
from sample_pcaps.lab.scenario import Scenario, embed_keys
from sample_pcaps.lab.scene import Scene
from sample_pcaps.lab.services import Lease, serve_dhcp, serve_dns
from sample_pcaps.lab.sip_user import User

LAMNA = Plan(
    domain="lamna.example",
    pcs="172.29.14.0/24",
    phones="172.29.15.0/24",
    servers="172.29.1.0/24",
    outside="203.0.113.64/26",
    web=("collab.lamna.example", "172.29.1.27"),
    pool=("registrar.lamna.example", "172.29.1.26"),
    names="172.29.1.8",
    intranet=("menu.lamna.example", "172.29.1.93"),
    files="172.29.1.94",
    last_gateway=True,
)
BELLOWS = Plan(
    domain="bellows.example",
    pcs="10.212.64.0/23",
    phones="10.212.80.0/24",
    servers="10.212.3.0/24",
    outside="198.51.100.64/26",
    web=("bcweb.bellows.example", "10.212.3.36"),
    pool=("bcpool.bellows.example", "10.212.3.35"),
    names="10.212.3.4",
    intranet=("shop.bellows.example", "10.212.3.70"),
    files="10.212.3.71",
)
TAILWIND = Plan(
    domain="tailwind.example",
    pcs="10.37.20.0/24",
    phones="10.37.30.0/24",
    servers="10.37.2.0/24",
    outside="192.0.2.64/26",
    web=("twweb.tailwind.example", "10.37.2.18"),
    pool=("twfe.tailwind.example", "10.37.2.17"),
    names="10.37.2.6",
    intranet=("bikes.tailwind.example", "10.37.2.60"),
    files="10.37.2.61",
    server_vendor=HYPER_V,
)


def dual_stack(folder: Path) -> None:
    """A PC asks DNS over IPv6 and signs in over IPv4; another does all over IPv4. SPAN of the PC VLAN."""
    with Network() as net:
        office = Office(net, LAMNA)
        both, four = (office.device(f"172.29.14.{n}", office.pcs, vendor=HP) for n in (23, 24))
        _number_ipv6(office, both)
        scene = Scene(office, net.mirror(office.pcs))
        zone = office.zone()
        office.open(zone=zone)
        net.serve(office.names, serve_dns, zone, 0.0, socket.AF_INET6)
        with scene.recorded(folder / "devices-dual-stack.pcap"):
            first = scene.user(both, "ines", resolver=Resolver("2001:db8:29:1::8"), stays=2.0)
            time.sleep(0.8)
            net.join(first, scene.user(four, "jo", stays=2.0), timeout=40)


def _number_ipv6(office: Office, pc: Host) -> None:
    office.router.speak_ipv6("2001:db8:29:14::1/64", interface="eth0")
    office.router.speak_ipv6("2001:db8:29:1::1/64", interface="eth2")
    with office.router.entered():
        Path("/proc/sys/net/ipv6/conf/all/forwarding").write_text("1")
    office.names.speak_ipv6("2001:db8:29:1::8/64", gateway="2001:db8:29:1::1")
    pc.speak_ipv6("2001:db8:29:14::a7c1/64", gateway="2001:db8:29:14::1")


def lease_passed_on(folder: Path) -> None:
    """A phone boots twice and gets another address the second time; its first one is another phone's by then."""
    with Network() as net:
        office = Office(net, BELLOWS)
        first, second = f"{POLYCOM}:6c:12:51", f"{POLYCOM}:6c:90:e8"
        lobby, lab = (office.device(None, office.phones, stack=PHONE, mac=mac) for mac in (first, second))
        scene = Scene(office, net.mirror(office.phones))
        office.open()
        before = _lease(office, {first: "10.212.80.44"})
        with scene.recorded(folder / "devices-lease-passed-on.pcap"):
            plan = scene.phone("lobby", mac=first, checks_updates=False)
            net.join(net.spawn(lobby, phone, plan), timeout=40)
            lobby.ip("address", "flush", "dev", "eth0")
            before.kill()
            before.join()
            time.sleep(2.0)
            _lease(office, {first: "10.212.80.45", second: "10.212.80.44"})
            time.sleep(0.3)
            again = net.spawn(lobby, phone, replace(plan, trusts_root=True))
            time.sleep(0.7)
            other = scene.phone("laboratory", mac=second, checks_updates=False, trusts_root=True)
            net.join(again, net.spawn(lab, phone, other), timeout=40)


def _lease(office: Office, leases: dict[str, str]) -> Program:
    plan, gateway = office.plan, office.plan.gateway(office.plan.phones)
    mask = str(office.phones.subnet.netmask)
    lease = Lease(
        gateway, leases, gateway, mask, plan.names, plan.domain, plan.web[0], plan.pool[0], plan.names, interface="eth1"
    )
    return office.net.serve(office.router, serve_dhcp, lease)


def behind_nat(folder: Path) -> None:
    """Two PCs of a branch behind NAT and one of the head office, recorded on the Front End, with its keys."""
    plain, keylog = folder / "devices-behind-nat.pcap", folder / "devices-behind-nat.keylog"
    with Network() as net:
        office = Office(net, TAILWIND)
        branch = net.segment("192.168.133.0/24")
        nat = net.router({branch: "192.168.133.1", office.phones: "10.37.30.250"}, gateway="10.37.30.1", stack=LINUX)
        nat.rule("postrouting", "oifname eth1 masquerade")
        gateway = "192.168.133.1"
        pcs = {name: net.host(f"192.168.133.{n}", branch, gateway=gateway) for name, n in (("pia", 31), ("rui", 47))}
        pcs["sol"] = office.device("10.37.20.66", office.pcs, vendor=HP)
        office.open(serves_sip=False)
        identity = office.identity()
        context = identity.server_context()
        context.keylog_filename = str(keylog)
        settings = Settings(TAILWIND.pool[0], TAILWIND.domain, TAILWIND.web[0], "edge.tailwind.example")
        net.serve(office.pool, serve_front_end, settings, identity, office.ca.root_pem, context)
        time.sleep(0.6)
        with net.capture(office.pool, plain, expression="tcp port 5061"):
            asyncio.run(_sign_in(office, pcs))
    embed_keys(plain, keylog, folder / "devices-behind-nat.pcapng")
    plain.unlink()


async def _sign_in(office: Office, pcs: dict[str, Host]) -> None:
    name, address = TAILWIND.pool
    context, users = client_context([office.ca.root_pem]), []
    for who, host in pcs.items():
        uri = f"{who}@{TAILWIND.domain}"
        user = User(uri, opener(host), office.ca.issue(uri, client=True), office.ca.root_pem)
        await user.connect(address, 5061, context, name)
        await user.sign_in()
        users.append(user)
    await asyncio.sleep(1.0)
    for user in users:
        await user.close()


SCENARIOS = (
    Scenario(("devices-dual-stack",), dual_stack),
    Scenario(("devices-lease-passed-on",), lease_passed_on),
    Scenario((), behind_nat, others=("devices-behind-nat.pcapng",)),
)
