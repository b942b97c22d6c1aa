"""Scenarios around a phone's boot and the root certificate chain it fetches over port 80."""

import ssl
import time
from pathlib import Path

from sample_pcaps.lab.clients import phone
from sample_pcaps.lab.network import (
    AASTRA,
    AUDIOCODES,
    HP,
    HYPER_V,
    JUNIPER,
    LINUX,
    PHONE,
    POLYCOM,
    Network,
)
from sample_pcaps.lab.office import Office, Plan
from sample_pcaps.lab.scenario import Scenario
from sample_pcaps.lab.scene import Scene
from sample_pcaps.lab.services import CERTPROV_PATH
from sample_pcaps.lab.web import service_failure

CONTOSO = Plan(
    domain="contoso.example",
    pcs="10.20.30.0/24",
    phones="10.20.31.0/24",
    servers="10.20.40.0/24",
    outside="203.0.113.0/24",
    web=("lyncweb.contoso.example", "10.20.40.21"),
    pool=("lyncpool.contoso.example", "10.20.40.21"),
    names="10.20.40.5",
    intranet=("intranet.contoso.example", "10.20.40.60"),
    files="10.20.40.61",
    sites={"www.tailspin.example": "203.0.113.80"},
)
FABRIKAM = Plan(
    domain="fabrikam.example",
    pcs="192.168.10.0/24",
    phones="192.168.20.0/24",
    servers="192.168.1.0/24",
    outside="198.51.100.0/24",
    web=("webint.fabrikam.example", "192.168.1.30"),
    pool=("fe-pool.fabrikam.example", "192.168.1.31"),
    names="192.168.1.2",
    intranet=("portal.fabrikam.example", "192.168.1.80"),
    files="192.168.1.81",
    sites={"news.wideworld.example": "198.51.100.77"},
    server_vendor=HYPER_V,
)
ADATUM = Plan(
    domain="adatum.example",
    pcs="172.20.4.0/23",
    phones="172.20.8.0/24",
    servers="172.20.0.0/24",
    outside="192.0.2.0/24",
    web=("lync01.adatum.example", "172.20.0.44"),
    pool=("lync01.adatum.example", "172.20.0.44"),
    names="172.20.0.10",
    intranet=("wiki.adatum.example", "172.20.0.90"),
    files="172.20.0.91",
    last_gateway=True,
    router_vendor=JUNIPER,
)
WOODGROVE = Plan(
    domain="woodgrove.example",
    pcs="10.60.11.0/24",
    phones="10.60.12.0/24",
    servers="10.60.2.0/24",
    outside="203.0.113.128/25",
    web=("ucweb.woodgrove.example", "10.60.2.71"),
    pool=("ucpool.woodgrove.example", "10.60.2.70"),
    names="10.60.2.9",
    intranet=("team.woodgrove.example", "10.60.2.33"),
    files="10.60.2.34",
    sites={"mail.proseware.example": "203.0.113.200"},
)
NORTHWIND = Plan(
    domain="northwind.example",
    pcs="172.16.70.0/24",
    phones="172.16.71.0/24",
    servers="172.16.5.0/24",
    outside="198.51.100.128/25",
    web=("nw-fe1.northwind.example", "172.16.5.15"),
    pool=("nw-fe1.northwind.example", "172.16.5.15"),
    names="172.16.5.3",
    intranet=("orders.northwind.example", "172.16.5.55"),
    files="172.16.5.56",
    router_vendor=JUNIPER,
)
LITWARE = Plan(
    domain="litware.example",
    pcs="10.9.100.0/24",
    phones="10.9.200.0/24",
    servers="10.9.1.0/24",
    outside="192.0.2.128/25",
    web=("lyncfe.litware.example", "10.9.1.101"),
    pool=("lyncfe.litware.example", "10.9.1.101"),
    names="10.9.1.1",
    intranet=("hr.litware.example", "10.9.1.20"),
    files="10.9.1.21",
    last_gateway=True,
)


def phone_boot_healthy(folder: Path) -> None:
    """A phone boots through all its stages beside two PCs; SPAN of the client VLANs."""
    with Network() as net:
        office = Office(net, CONTOSO)
        mac = f"{POLYCOM}:2a:41:7c"
        device = office.device(None, office.phones, stack=PHONE, mac=mac)
        pc, quiet = office.device("10.20.30.57", office.pcs), office.device("10.20.30.58", office.pcs)
        scene = Scene(office, net.mirror((office.phones, office.pcs)))
        office.open()
        office.lease_phones({mac: "10.20.31.101"})
        with scene.recorded(folder / "phone-boot-healthy.pcap"):
            talks = [*office.make_noise(6.0, pc, quiet), scene.user(pc, "kim", stays=4.0)]
            time.sleep(0.7)
            booting = net.spawn(device, phone, scene.phone("lobby", mac=mac, stays=3.0))
            net.join(booting, *talks, timeout=40)


def rootchain_80_refused(folder: Path) -> None:
    """Nothing listens on the web server's port 80; one phone needs the chain, another has it, PCs sign in."""
    with Network() as net:
        office = Office(net, FABRIKAM)
        macs = {f"{POLYCOM}:7b:10:04": "192.168.20.151", f"{POLYCOM}:7b:33:c9": "192.168.20.152"}
        needy, settled = (office.device(None, office.phones, stack=PHONE, mac=mac) for mac in macs)
        pc = office.device("192.168.10.23", office.pcs, vendor=HP)
        scene = Scene(office, net.mirror((office.phones, office.pcs)))
        # No ucupdates-r2 record here: the update check, also on port 80, does not blur the picture.
        zone = office.zone()
        del zone["ucupdates-r2.fabrikam.example", "A"]
        office.open(zone=zone, serves_http=False)
        office.lease_phones(macs)
        with scene.recorded(folder / "rootchain-80-refused.pcap"):
            talks = [*office.make_noise(9.0, pc), scene.user(pc, "omar", discovers=False, stays=6.0)]
            first, second = macs
            other = scene.phone("reception", mac=second, trusts_root=True, stays=4.0)
            talks.append(net.spawn(settled, phone, other))
            time.sleep(0.5)
            lost = scene.phone("meeting1", mac=first, attempts=4, pause=1.3)
            net.join(net.spawn(needy, phone, lost), *talks, timeout=60)


def rootchain_80_refused_by_firewall(folder: Path) -> None:
    """A firewall answers in the web server's name (other TTL); SPAN of the phone VLAN, no DNS, no DHCP."""
    with Network() as net:
        office = Office(net, ADATUM)
        needy = office.device("172.20.8.61", office.phones, stack=PHONE, vendor=AASTRA)
        settled = office.device("172.20.8.62", office.phones, stack=PHONE, vendor=AASTRA)
        daisy = office.device("172.20.8.90", office.phones)
        scene = Scene(office, net.mirror(office.phones))
        rule = "ip saddr 172.20.8.0/24 ip daddr 172.20.0.44 tcp dport 80 reject with tcp reset"
        office.router.rule("forward", rule)
        office.open()
        expression = "not port 53 and not port 123"
        with scene.recorded(folder / "rootchain-80-refused-by-firewall.pcap", expression, nanoseconds=True):
            ok = scene.phone("hall", trusts_root=True, checks_updates=False, stays=7.0)
            talks = [net.spawn(settled, phone, ok), *office.make_noise(8.0, daisy)]
            time.sleep(0.8)
            lost = scene.phone("desk14", checks_updates=False, attempts=5, pause=1.0)
            net.join(net.spawn(needy, phone, lost), *talks, timeout=60)


def rootchain_80_filtered(folder: Path) -> None:
    """One voice VLAN may not reach port 80 (silence), the other may; PCs sign in with the HTTP race."""
    with Network() as net:
        office = Office(net, WOODGROVE)
        second_vlan = net.segment("10.60.13.0/24")
        office.router.plug(second_vlan, "10.60.13.1")
        cut_off = office.device("10.60.12.40", office.phones, stack=PHONE, vendor=POLYCOM)
        lucky = net.host("10.60.13.40", second_vlan, gateway="10.60.13.1", stack=PHONE, vendor=POLYCOM)
        pc = office.device("10.60.11.118", office.pcs)
        scene = Scene(office, net.mirror((office.phones, second_vlan, office.pcs)))
        office.router.rule("forward", "ip saddr 10.60.12.0/24 tcp dport 80 drop")
        office.open()
        with scene.recorded(folder / "rootchain-80-filtered.pcap"):
            talks = [*office.make_noise(20.0, pc), scene.user(pc, "ines", stays=15.0)]
            time.sleep(0.5)
            talks.append(net.spawn(lucky, phone, scene.phone("kitchen", stays=10.0)))
            time.sleep(2.0)
            lost = scene.phone("desk77", checks_updates=False, attempts=2, pause=1.0)
            net.join(net.spawn(cut_off, phone, lost), *talks, timeout=80)


def rootchain_80_icmp_prohibited(folder: Path) -> None:
    """The router says by ICMP that policy forbids port 80 from the phone VLAN."""
    with Network() as net:
        office = Office(net, NORTHWIND)
        needy = office.device("172.16.71.25", office.phones, stack=PHONE, vendor=AUDIOCODES)
        pc, other = (office.device(f"172.16.70.{last}", office.pcs, vendor=HP) for last in (31, 32))
        scene = Scene(office, net.mirror((office.phones, office.pcs)))
        rule = "ip saddr 172.16.71.0/24 tcp dport 80 reject with icmp admin-prohibited"
        office.router.rule("forward", rule)
        office.open()
        with scene.recorded(folder / "rootchain-80-icmp-prohibited.pcap"):
            talks = [*office.make_noise(8.0, pc, other), scene.user(pc, "lena", stays=5.0)]
            time.sleep(0.6)
            lost = scene.phone("gate", checks_updates=False, attempts=3, newest_tls=ssl.TLSVersion.TLSv1_2)
            net.join(net.spawn(needy, phone, lost), *talks, timeout=60)


def certprov_500(folder: Path) -> None:
    """Port 80 is open, but CertProv throws on every request; SPAN of a trunk with its VLAN tags."""
    with Network() as net:
        office = Office(net, LITWARE)
        mac = f"{POLYCOM}:e0:55:12"
        device = office.device(None, office.phones, stack=PHONE, mac=mac)
        pc = office.device("10.9.100.14", office.pcs)
        tags = {office.phones: 200, office.pcs: 100}
        scene = Scene(office, net.mirror((office.phones, office.pcs), tags=tags))
        pages = office.http_pages() | {f"{CERTPROV_PATH}/anon".lower(): service_failure()}
        office.open(http_pages=pages)
        office.lease_phones({mac: "10.9.200.33"}, time_server=False)
        with scene.recorded(folder / "certprov-500.pcap"):
            talks = [*office.make_noise(7.0, pc), scene.user(pc, "raj", stays=4.0)]
            time.sleep(0.4)
            net.join(net.spawn(device, phone, scene.phone("floor2", mac=mac)), *talks, timeout=60)


def lookalike_phone_has_chain(folder: Path) -> None:
    """Port 80 of the web services is closed, yet nobody needs it: phones kept their chain, PCs go by SRV."""
    with Network() as net:
        office = Office(net, LITWARE)
        phones = [office.device(f"10.9.200.{n}", office.phones, stack=PHONE, vendor=POLYCOM) for n in (71, 72)]
        pc = office.device("10.9.100.15", office.pcs)
        scene = Scene(office, net.mirror((office.phones, office.pcs)))
        office.open(serves_http=False)
        with scene.recorded(folder / "lookalike-phone-has-chain.pcap"):
            talks = [*office.make_noise(6.0, pc), scene.user(pc, "eve", discovers=False, stays=3.0)]
            for number, host in enumerate(phones):
                ready = scene.phone(f"desk{number}", trusts_root=True, checks_updates=False, stays=3.0)
                talks.append(net.spawn(host, phone, ready))
            net.join(*talks, timeout=40)


def lookalike_phone_provisioning_refused(folder: Path) -> None:
    """The phone vendor's provisioning server, no part of Lync, refuses port 80; the Lync boot is healthy."""
    with Network() as net:
        office = Office(net, WOODGROVE)
        device = office.device("10.60.12.44", office.phones, stack=PHONE, vendor=POLYCOM)
        pc = office.device("10.60.11.119", office.pcs)
        printer = office.server("10.60.2.99", stack=LINUX)
        scene = Scene(office, net.mirror((office.phones, office.pcs)))
        office.open()
        with scene.recorded(folder / "lookalike-phone-provisioning-refused.pcap"):
            talks = [*office.make_noise(6.0, pc), scene.user(pc, "tom", stays=3.0)]
            booting = scene.phone("desk80", provisioning=printer.addresses[0], stays=3.0)
            net.join(net.spawn(device, phone, booting), *talks, timeout=40)


SCENARIOS = (
    Scenario(("phone-boot-healthy",), phone_boot_healthy, pcapng=True),
    Scenario(("rootchain-80-refused",), rootchain_80_refused),
    Scenario(("rootchain-80-refused-by-firewall",), rootchain_80_refused_by_firewall),
    Scenario(("rootchain-80-filtered",), rootchain_80_filtered),
    Scenario(("rootchain-80-icmp-prohibited",), rootchain_80_icmp_prohibited, pcapng=True),
    Scenario(("certprov-500",), certprov_500),
    Scenario(("lookalike-phone-has-chain",), lookalike_phone_has_chain),
    Scenario(("lookalike-phone-provisioning-refused",), lookalike_phone_provisioning_refused, pcapng=True),
)
