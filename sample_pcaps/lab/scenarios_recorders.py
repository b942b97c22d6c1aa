"""The same failures as they reach different recorders: rings, both sides of a router, tunnels, fragments, offload."""

import socket
import time
from contextlib import ExitStack
from pathlib import Path

import dns.rdatatype

from sample_pcaps.lab.clients import phone
from sample_pcaps.lab.connecting import Resolver, open_tcp_as_windows
from sample_pcaps.lab.network import HP, HYPER_V, PHONE, POLYCOM, WINDOWS, Host, Network
from sample_pcaps.lab.office import Office, Plan
from sample_pcaps.lab.scenario import Scenario
from sample_pcaps.lab.scene import Scene
from sample_pcaps.lab.services import Zone, serve_dns

RING_KILOBYTES = 12
PROSEWARE = Plan(
    domain="proseware.example",
    pcs="10.44.10.0/24",
    phones="10.44.20.0/24",
    servers="10.44.1.0/24",
    outside="203.0.113.0/24",
    web=("lyncweb.proseware.example", "10.44.1.30"),
    pool=("fepool.proseware.example", "10.44.1.31"),
    names="10.44.1.2",
    intranet=("portal.proseware.example", "10.44.1.80"),
    files="10.44.1.81",
    server_vendor=HYPER_V,
)
TAILSPIN = Plan(
    domain="tailspin.example",
    pcs="172.22.8.0/24",
    phones="172.22.9.0/24",
    servers="172.22.1.0/24",
    outside="198.51.100.0/24",
    web=("lync.tailspin.example", "172.22.1.40"),
    pool=("lync.tailspin.example", "172.22.1.40"),
    names="172.22.1.5",
    intranet=("parts.tailspin.example", "172.22.1.70"),
    files="172.22.1.71",
)
LUCERNE = Plan(
    domain="lucerne.example",
    pcs="192.168.60.0/24",
    phones="192.168.61.0/24",
    servers="192.168.50.0/24",
    outside="192.0.2.0/24",
    web=("lyncfe.lucerne.example", "192.168.50.20"),
    pool=("lyncfe.lucerne.example", "192.168.50.20"),
    names="192.168.50.3",
    intranet=("news.lucerne.example", "192.168.50.90"),
    files="192.168.50.91",
)
COHO = Plan(
    domain="coho.example",
    pcs="10.70.3.0/24",
    phones="10.70.4.0/24",
    servers="10.70.1.0/24",
    outside="203.0.113.128/25",
    web=("uc.coho.example", "10.70.1.15"),
    pool=("uc.coho.example", "10.70.1.15"),
    names="10.70.1.4",
    intranet=("wine.coho.example", "10.70.1.60"),
    files="10.70.1.61",
    servers_offload=True,
)
WIDEWORLD = Plan(
    domain="wideworld.example",
    pcs="10.81.5.0/24",
    phones="10.81.6.0/24",
    servers="10.81.1.0/24",
    outside="198.51.100.128/25",
    web=("lyncweb.wideworld.example", "10.81.1.25"),
    pool=("dir01.wideworld.example", "10.81.1.26"),
    names="10.81.1.3",
    intranet=("docs.wideworld.example", "10.81.1.85"),
    files="10.81.1.86",
)


def recorded_four_ways(folder: Path) -> None:
    """A phone is refused by the web server, a PC by the router; four recorders hear it at once."""
    ring = folder / "two-refusals-ring"
    ring.mkdir()
    with Network() as net:
        office = Office(net, PROSEWARE)
        macs = {f"{POLYCOM}:91:20:4e": "10.44.20.51", f"{POLYCOM}:91:5b:c3": "10.44.20.52"}
        needy, settled = (office.device(None, office.phones, stack=PHONE, mac=mac) for mac in macs)
        pc = office.device("10.44.10.7", office.pcs, vendor=HP)
        office.router.rule("forward", "ip saddr 10.44.10.0/24 tcp dport 5061 reject with tcp reset")
        scene = Scene(office, net.mirror((office.phones, office.pcs)))
        tags = {office.pcs: 110, office.phones: 120, office.servers: 101}
        trunk = net.mirror(tuple(tags), tags=tags)
        zone = office.zone()
        del zone["ucupdates-r2.proseware.example", "A"]
        office.open(zone=zone, serves_http=False)
        office.lease_phones(macs)
        legs = ("eth0", "eth1", "eth2")
        with ExitStack() as recorders:
            for recorder in (
                net.dumpcap(scene.mirror, ring / "rec.pcapng", kilobytes=RING_KILOBYTES),
                net.capture(trunk, folder / "two-refusals-both-vlans.pcap"),
                net.dumpcap(office.router, folder / "two-refusals-router-legs.pcapng", legs),
                net.capture(office.router, folder / "two-refusals-router-any.pcap", interface="any", link="LINUX_SLL"),
            ):
                recorders.enter_context(recorder)
            talks = [*office.make_noise(4.0, pc)]
            first, second = macs
            ok = scene.phone("hall", mac=second, trusts_root=True, stays=7.0)
            talks.append(net.spawn(settled, phone, ok))
            time.sleep(0.5)
            talks.append(scene.user(pc, "jo", discovers=False))
            lost = scene.phone("desk3", mac=first, attempts=4, pause=1.2)
            net.join(net.spawn(needy, phone, lost), *talks, timeout=60)


def vxlan(folder: Path) -> None:
    """A branch is stretched to the head office by VXLAN; its phone is refused on port 80, its PC signs in."""
    with Network() as net:
        office = Office(net, TAILSPIN)
        branch = net.segment("172.22.108.0/24")
        underlay = net.segment("100.64.0.0/24", delay=0.002)
        ends = [net.host(None, segment) for segment in (branch, office.pcs)]
        addresses = ("100.64.0.1", "100.64.0.2")
        for end, own, other in zip(ends, addresses, reversed(addresses), strict=True):
            end.plug(underlay, own)
            end.ip("link", "set", "eth1", "mtu", "1600")
            tunnel = ("link", "add", "vx0", "type", "vxlan", "id", "5010", "dstport", "4789")
            end.ip(*tunnel, "local", own, "remote", other, "dev", "eth1")
            end.bridge("eth0", "vx0")
        gateway = office.plan.gateway(office.plan.pcs)
        needy, settled = (
            net.host(f"172.22.8.{n}", branch, gateway=gateway, stack=PHONE, vendor=POLYCOM) for n in (61, 62)
        )
        pc = net.host("172.22.8.20", branch, gateway=gateway, vendor=HP)
        outside = net.mirror(underlay)
        both = net.mirror((underlay, office.servers))
        scene = Scene(office, outside)
        office.open(serves_http=False)
        with (
            scene.recorded(folder / "vxlan-80-refused.pcap"),
            net.capture(both, folder / "vxlan-80-refused-inside-too.pcap"),
        ):
            talks = [*office.make_noise(3.0, pc), scene.user(pc, "ann", discovers=False, stays=4.0)]
            ok = scene.phone("hall", trusts_root=True, checks_updates=False, stays=4.0)
            talks.append(net.spawn(settled, phone, ok))
            time.sleep(0.5)
            lost = scene.phone("desk8", checks_updates=False, attempts=3, pause=1.2)
            net.join(net.spawn(needy, phone, lost), *talks, timeout=60)


def vpn(folder: Path) -> None:
    """A PC at home reaches the office by a VPN whose concentrator drops 5061; recorded on its tunnel interface."""
    with Network() as net:
        office = Office(net, LUCERNE)
        pc = Host(net, WINDOWS, HP)
        net.line(pc, "10.99.0.7", office.router, "10.99.0.1")
        pc.ip("route", "add", "default", "dev", "tun0")
        inside = office.device("192.168.60.15", office.pcs)
        office.router.rule("forward", "iifname tun0 tcp dport 5061 drop")
        scene = Scene(office, net.mirror(office.pcs))
        office.open()
        with net.capture(pc, folder / "vpn-5061-filtered.pcap", interface="tun0"):
            talks = [*office.make_noise(10.0, pc), scene.user(inside, "rob", stays=4.0)]
            net.join(scene.user(pc, "liv"), *talks, timeout=60)


def on_the_server(folder: Path) -> None:
    """Recorded on the Front End itself, whose network card seals and cuts: port 80 refused to a phone."""
    with Network() as net:
        office = Office(net, COHO)
        needy = office.device("10.70.4.31", office.phones, stack=PHONE, vendor=POLYCOM)
        settled = office.device("10.70.4.32", office.phones, stack=PHONE, vendor=POLYCOM)
        pc = office.device("10.70.3.14", office.pcs, vendor=HP)
        scene = Scene(office, net.mirror(office.servers))
        zone = office.zone()
        del zone["ucupdates-r2.coho.example", "A"]
        office.open(zone=zone, serves_http=False)
        with net.capture(office.pool, folder / "on-server-80-refused.pcap"):
            talks = [scene.user(pc, "max", discovers=False, stays=4.0)]
            ok = scene.phone("hall", trusts_root=True, stays=4.0)
            talks.append(net.spawn(settled, phone, ok))
            time.sleep(0.5)
            lost = scene.phone("desk5", attempts=5, pause=1.0)
            net.join(net.spawn(needy, phone, lost), *talks, timeout=60)


BRANCHES = 34
"""So many registrars that one answer with all of them is longer than a frame."""


def fragments(folder: Path) -> None:
    """The SRV answer lists a registrar for each branch and comes in fragments; for one VLAN a firewall drops some."""
    with Network() as net:
        office = Office(net, WIDEWORLD)
        fourth = office.device("10.81.5.41", office.pcs, vendor=HP)
        sixth = office.device("10.81.5.61", office.pcs, vendor=HP)
        cut_off = office.device("10.81.6.11", office.phones, vendor=HP)
        _number_ipv6(office, sixth)
        office.router.rule("forward", "ip daddr 10.81.6.0/24 ip frag-off & 0x1fff != 0 drop")
        scene = Scene(office, net.mirror(office.pcs))
        behind = net.mirror(office.phones)
        zone = _branch_zone(office)
        office.open(zone=zone, serves_sip=False)
        net.serve(office.names, serve_dns, zone, 0.0, socket.AF_INET6)
        by_four, by_six = Resolver("10.81.1.3", 4096), Resolver("2001:db8:81:1::3", 4096)
        with (
            scene.recorded(folder / "fragments-5061-refused.pcap"),
            net.capture(behind, folder / "fragments-dropped.pcap"),
        ):
            talks = [*office.make_noise(5.0, fourth, cut_off)]
            talks += [net.spawn(fourth, sign_in_by_srv, by_four), net.spawn(sixth, sign_in_by_srv, by_six)]
            talks.append(net.spawn(cut_off, sign_in_by_srv, by_four))
            net.join(*talks, timeout=60)


def _number_ipv6(office: Office, pc: Host) -> None:
    office.router.speak_ipv6("2001:db8:81:5::1/64", interface="eth0")
    office.router.speak_ipv6("2001:db8:81:1::1/64", interface="eth2")
    with office.router.entered():
        Path("/proc/sys/net/ipv6/conf/all/forwarding").write_text("1")
    office.names.speak_ipv6("2001:db8:81:1::3/64", gateway="2001:db8:81:1::1")
    pc.speak_ipv6("2001:db8:81:5::61/64", gateway="2001:db8:81:5::1")


def _branch_zone(office: Office) -> Zone:
    """Every branch has a registrar in the record; all but the first are far away and asked last."""
    domain, pool = office.plan.domain, office.plan.pool
    zone = office.zone()
    names = [f"sba{number:02}-{place}.{domain}" for number, place in zip(range(BRANCHES), PLACES * 9, strict=False)]
    zone |= {(name, "A"): [f"10.81.{100 + number}.10"] for number, name in enumerate(names)}
    records = [f"0 0 5061 {pool[0]}.", *(f"10 0 5061 {name}." for name in names)]
    zone[f"_sipinternaltls._tcp.{domain}", "SRV"] = records
    return zone


PLACES = ("harbour", "station", "airport", "northgate")
SRV_SECONDS = 1.0


def sign_in_by_srv(resolver: Resolver) -> None:
    """Take the registrar's address out of the SRV answer itself, and try it twice; without an answer, give up."""
    for _ in range(3):
        try:
            answer = resolver.answer("_sipinternaltls._tcp.wideworld.example", "SRV", SRV_SECONDS)
        except TimeoutError:
            continue
        record = min(answer.answer[0], key=lambda one: one.priority)
        glue = answer.get_rrset(answer.additional, record.target, 1, dns.rdatatype.A)
        for _ in range(2):
            open_tcp_as_windows(glue[0].to_text(), record.port)
            time.sleep(1.0)
        return


SCENARIOS = (
    Scenario(
        ("two-refusals-both-vlans", "two-refusals-router-any"),
        recorded_four_ways,
        others=("two-refusals-ring", "two-refusals-router-legs.pcapng"),
    ),
    Scenario(("vxlan-80-refused", "vxlan-80-refused-inside-too"), vxlan),
    Scenario(("vpn-5061-filtered",), vpn),
    Scenario(("on-server-80-refused",), on_the_server),
    Scenario(("fragments-5061-refused", "fragments-dropped"), fragments),
)
