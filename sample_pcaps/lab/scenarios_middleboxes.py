"""Scenarios of boxes in the way: they forget, cut, refuse, answer for others, look into TLS, lose large packets."""

import time
from dataclasses import replace
from pathlib import Path

from sample_pcaps.lab.clients import Desktop
from sample_pcaps.lab.middleboxes import after, ask_proxy, av_edge, open_relay, stubborn, web_proxy
from sample_pcaps.lab.network import HP, LINUX, Network
from sample_pcaps.lab.office import Office, Plan
from sample_pcaps.lab.partings import hang_up, limit, send_for, stop_reading, talk_until_closed
from sample_pcaps.lab.pki import Authority
from sample_pcaps.lab.scenario import Scenario
from sample_pcaps.lab.scene import Scene
from sample_pcaps.lab.services import serve_tcp
from sample_pcaps.lab.sip import registrar
from sample_pcaps.lab.web import Reply, Site

KINTYRE = Plan(
    domain="kintyre.example",
    pcs="10.61.16.0/24",
    phones="10.61.17.0/24",
    servers="10.61.200.0/24",
    outside="203.0.113.128/26",
    web=("lyncweb.kintyre.example", "10.61.200.14"),
    pool=("uc1.kintyre.example", "10.61.200.15"),
    names="10.61.200.3",
    intranet=("ferry.kintyre.example", "10.61.200.40"),
    files="10.61.200.41",
)
LOMOND = Plan(
    domain="lomond.example",
    pcs="172.24.8.0/24",
    phones="172.24.9.0/24",
    servers="172.24.1.0/24",
    outside="198.51.100.192/26",
    web=("webext.lomond.example", "172.24.1.21"),
    pool=("fepool.lomond.example", "172.24.1.22"),
    names="172.24.1.5",
    intranet=("boats.lomond.example", "172.24.1.60"),
    files="172.24.1.61",
)
FORGETS_S = 12
"""Idle timer of the firewall; real ones have five minutes and more."""
MOST_BYTES = 1900
"""What a client may send to 5061 before it is cut: TLS and the first two messages of a sign-in."""
DEAF, GOODBYE = 444, 7411
SMALL_MTU = 1300
SMALL_BUFFERS = "4096 8192 16384"


def cut(folder: Path) -> None:
    """A firewall forgets and resets idle connections of three PCs, an IPS resets a fourth's, a server stops reading."""
    with Network() as net:
        office = Office(net, KINTYRE)
        idle = [office.device(f"10.61.16.{number}", office.pcs, vendor=HP) for number in (21, 22, 23)]
        watched = office.device("10.61.17.31", office.phones, vendor=HP)
        waiting = [office.device(f"10.61.17.{number}", office.phones) for number in (41, 42)]
        narrow = office.device("10.61.17.51", office.phones)
        with office.router.entered():
            Path("/proc/sys/net/netfilter/nf_conntrack_tcp_loose").write_text("0")
            Path("/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established").write_text(str(FORGETS_S))
        with office.pool.entered():
            Path("/proc/sys/net/ipv4/tcp_rmem").write_text(SMALL_BUFFERS)
        office.router.rule("forward", "ip saddr 10.61.16.0/24 ct state invalid meta l4proto tcp reject with tcp reset")
        office.router.rule("output", "icmp type destination-unreachable drop")
        office.router.ip("route", "add", "10.61.17.51", "dev", "eth1", "mtu", "lock", str(SMALL_MTU))
        scene = Scene(office, net.mirror((office.pcs, office.phones)))
        servers = net.mirror(office.servers)
        office.open()
        net.serve(office.pool, serve_tcp, DEAF, stop_reading)
        net.serve(office.intranet, serve_tcp, GOODBYE, hang_up)
        net.serve(office.router, limit, "eth1", "10.61.17.31", 5061, MOST_BYTES)
        expression = "host 10.61.17.51 or host 10.61.17.31"
        with (
            scene.recorded(folder / "cut-in-between.pcap"),
            net.capture(servers, folder / "large-packets-lost.pcap", expression=expression),
        ):
            talks = [
                scene.user(pc, name, stays=FORGETS_S + 4.0, discovers=name == "ann")
                for pc, name in zip(idle, ("ann", "bob", "cat"), strict=True)
            ]
            talks += [net.spawn(pc, after, 6.0, talk_until_closed, "10.61.200.40", GOODBYE) for pc in idle]
            plan = Desktop("dora@kintyre.example", office.plan.resolver, office.ca.root_pem, office.plan.pool[0])
            talks += [net.spawn(watched, stubborn, replace(plan, discovers=False), 3)]
            talks += [net.spawn(pc, send_for, "10.61.200.15", DEAF, 9.0) for pc in waiting]
            other = replace(plan, user="ewan@kintyre.example", discovers=False)
            talks += [net.spawn(narrow, after, 1.0, stubborn, other, 1)]
            net.join(*talks, timeout=70)


def inspected(folder: Path) -> None:
    """A proxy refuses tunnels, a log-on page answers for port 80, one PC's TLS and relay opening are looked into."""
    with Network() as net:
        office = Office(net, LOMOND)
        asking = [office.device(f"172.24.8.{number}", office.pcs, vendor=HP) for number in (31, 32)]
        guest = office.device("172.24.9.71", office.phones, vendor=HP)
        looked_into = office.device("172.24.9.72", office.phones, vendor=HP)
        free = office.device("172.24.8.33", office.pcs, vendor=HP)
        proxy = office.server("172.24.1.80", stack=LINUX)
        portal = office.device("198.51.100.250", office.outside, stack=LINUX)
        box = office.device("198.51.100.251", office.outside, stack=LINUX)
        edge = office.device("198.51.100.215", office.outside)
        dnat = "tcp dport {} dnat to {}"
        office.router.rule("prerouting", "ip saddr 172.24.9.71 " + dnat.format(80, "198.51.100.250"))
        for port in (443, 5061):
            office.router.rule("prerouting", "ip saddr 172.24.9.72 " + dnat.format(port, "198.51.100.251"))
        scene = Scene(office, net.mirror((office.pcs, office.phones)))
        zone = {**office.zone(), ("av.lomond.example", "A"): ["198.51.100.215"]}
        zone["lyncdiscover.lomond.example", "A"] = ["172.24.1.21"]
        office.open(zone=zone)
        page = Reply(b"<html>Log in</html>", status=302, headers=(("Location", "http://login.guestnet.example/hello"),))
        net.serve(portal, serve_tcp, 80, Site({"/": page}, "lighttpd/1.4.35", missing=page).conversation())
        forged = Authority("Fortinet", "FGT").issue("fepool.lomond.example", "sip.lomond.example")
        answer = registrar(office.plan.pool[0], office.plan.web[0])
        net.serve(box, serve_tcp, 5061, answer, forged.server_context())
        net.serve(box, serve_tcp, 443, av_edge(takes_it_for_tls=True))
        net.serve(edge, serve_tcp, 443, av_edge(takes_it_for_tls=False))
        net.serve(proxy, serve_tcp, 8080, web_proxy("sip.lomond.example"))
        resolver = office.plan.resolver
        with scene.recorded(folder / "looked-into.pcap"):
            hosts = ("sip.lomond.example", "webext.lomond.example")
            talks = [
                net.spawn(pc, ask_proxy, resolver, "lomond.example", "172.24.1.80", host, 3)
                for pc, host in zip(asking, hosts, strict=True)
            ]
            talks += [scene.user(guest, "gil", stays=3.0), scene.user(free, "hal", stays=5.0)]
            talks += [scene.user(looked_into, "ivy", discovers=False)]
            talks += [net.spawn(looked_into, after, 1.0, open_relay, resolver, "av.lomond.example", 2)]
            talks += [net.spawn(free, open_relay, resolver, "av.lomond.example", 1)]
            net.join(*talks, timeout=60)
            time.sleep(10.0)


SCENARIOS = (
    Scenario(("cut-in-between", "large-packets-lost"), cut),
    Scenario(("looked-into",), inspected),
)
