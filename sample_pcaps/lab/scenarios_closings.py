"""Scenarios of connections that end: by a program, a host, a machine that is gone, a firewall, an inspecting box."""

import time
from contextlib import ExitStack
from pathlib import Path

from sample_pcaps.lab.network import HP, LINUX, Network
from sample_pcaps.lab.office import Office, Plan
from sample_pcaps.lab.partings import (
    echo,
    hang_up,
    inspect,
    pause_between,
    say_bad_word,
    send_for,
    stop_reading,
    talk_and_abort,
    talk_for,
    talk_until_closed,
)
from sample_pcaps.lab.scenario import Scenario
from sample_pcaps.lab.scene import Scene
from sample_pcaps.lab.services import serve_tcp

MUNSON = Plan(
    domain="munson.example",
    pcs="10.133.70.0/24",
    phones="10.133.71.0/24",
    servers="10.133.8.0/24",
    outside="198.51.100.64/26",
    web=("lyncweb.munson.example", "10.133.8.21"),
    pool=("lyncpool.munson.example", "10.133.8.22"),
    names="10.133.8.9",
    intranet=("orders.munson.example", "10.133.8.60"),
    files="10.133.8.61",
)
BLUEYONDER = Plan(
    domain="blueyonder.example",
    pcs="172.27.112.0/24",
    phones="172.27.113.0/24",
    servers="172.27.64.0/24",
    outside="192.0.2.128/25",
    web=("uc.blueyonder.example", "172.27.64.33"),
    pool=("uc.blueyonder.example", "172.27.64.33"),
    names="172.27.64.6",
    intranet=("fleet.blueyonder.example", "172.27.64.71"),
    files="172.27.64.72",
)
ECHO, HANGS_UP, DIES, DEAF = 7410, 7411, 7412, 7413
LOST_ANSWER, LOST_ACK = 7414, 7415
FORGETS_S = 12
"""Idle timer of the firewall; real ones have five minutes and more."""


def by_hosts(folder: Path) -> None:
    """Programs and machines end connections: abort, crash, orderly close with a reset behind, silence, deafness."""
    with Network() as net:
        office = Office(net, MUNSON)
        pc = office.device("10.133.70.36", office.pcs, vendor=HP)
        other = office.device("10.133.70.37", office.pcs, vendor=HP)
        application = office.server("10.133.8.62")
        doomed = office.server("10.133.8.63", stack=LINUX)
        other.rule("input", f"ip saddr 10.133.8.62 tcp sport {LOST_ANSWER} tcp flags & (syn|ack) == syn|ack drop")
        application.rule("input", f"tcp dport {LOST_ACK} tcp flags & (syn|ack) == ack drop")
        scene = Scene(office, net.mirror((office.pcs,)))
        office.open()
        for port, program in (
            (ECHO, echo),
            (HANGS_UP, hang_up),
            (DEAF, stop_reading),
            (LOST_ANSWER, echo),
            (LOST_ACK, echo),
        ):
            net.serve(application, serve_tcp, port, program)
        dying = net.serve(application, serve_tcp, DIES, echo)
        net.serve(doomed, serve_tcp, ECHO, echo)
        with scene.recorded(folder / "closings-by-hosts.pcap"):
            talks = [scene.user(pc, "ida", stays=5.0)]
            talks += [net.spawn(pc, talk_and_abort, "10.133.8.62", ECHO)]
            talks += [net.spawn(pc, talk_until_closed, "10.133.8.62", HANGS_UP)]
            talks += [net.spawn(pc, talk_for, "10.133.8.62", DIES, 4.0)]
            talks += [net.spawn(other, send_for, "10.133.8.62", DEAF, 11.0)]
            talks += [net.spawn(pc, talk_for, "10.133.8.63", ECHO, 13.0)]
            talks += [net.spawn(other, talk_for, "10.133.8.62", LOST_ANSWER, 9.0)]
            talks += [net.spawn(other, talk_for, "10.133.8.62", LOST_ACK, 9.0)]
            time.sleep(1.5)
            dying.kill()
            for chain in ("input", "output"):
                doomed.rule(chain, "drop")
            net.join(*talks, timeout=60)


def by_boxes(folder: Path) -> None:
    """A firewall forgets idle connections and resets what follows; an inspecting box resets both ends at once."""
    with Network() as net:
        office = Office(net, BLUEYONDER)
        pc = office.device("172.27.112.18", office.pcs, vendor=HP)
        other = office.device("172.27.113.19", office.phones, vendor=HP)
        application = office.server("172.27.64.73")
        with office.router.entered():
            Path("/proc/sys/net/netfilter/nf_conntrack_tcp_loose").write_text("0")
            Path("/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established").write_text(str(FORGETS_S))
        office.router.rule(
            "forward", "ip saddr 172.27.112.0/24 ct state invalid meta l4proto tcp reject with tcp reset"
        )
        scene = Scene(office, net.mirror(office.pcs))
        servers = net.mirror(office.servers)
        tags = {office.phones: 310, office.servers: 320}
        trunk = net.mirror(tuple(tags), tags=tags)
        office.open()
        net.serve(application, serve_tcp, ECHO, echo)
        net.serve(office.router, inspect, "eth1")
        with ExitStack() as recorders:
            recorders.enter_context(scene.recorded(folder / "closings-idle-firewall.pcap"))
            expression = "host 172.27.112.18"
            behind = net.capture(servers, folder / "closings-idle-firewall-behind.pcap", expression=expression)
            recorders.enter_context(behind)
            expression = "vlan and host 172.27.113.19"
            recorders.enter_context(net.capture(trunk, folder / "closings-inspected.pcap", expression=expression))
            talks = [scene.user(pc, "eva", stays=FORGETS_S + 4.0), scene.user(other, "tom", stays=5.0)]
            talks += [net.spawn(pc, pause_between, "172.27.64.73", ECHO, FORGETS_S + 3.5)]
            talks += [net.spawn(pc, talk_for, "172.27.64.73", ECHO, 6.0)]
            for _ in range(3):
                talks += [net.spawn(other, say_bad_word, "172.27.64.73", ECHO)]
            net.join(*talks, timeout=60)


SCENARIOS = (
    Scenario(("closings-by-hosts",), by_hosts),
    Scenario(("closings-idle-firewall", "closings-idle-firewall-behind", "closings-inspected"), by_boxes),
)
