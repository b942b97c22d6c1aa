"""The same traffic recorded at two places: both sides of a NAT router, of a firewall, of a load balancer."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Thread

from sample_pcaps.lab.connecting import open_tcp_as_windows
from sample_pcaps.lab.gateway import Side, incoming_call
from sample_pcaps.lab.media_network import opener
from sample_pcaps.lab.network import AUDIOCODES, F5, HP, LINUX, Host, LabError, Mirror, Network
from sample_pcaps.lab.office import Office, Plan
from sample_pcaps.lab.scenario import Scenario, run
from sample_pcaps.lab.scene import Scene

BELLOWS = Plan(
    domain="bellows.example",
    pcs="10.133.64.0/24",
    phones="10.133.65.0/24",
    servers="172.19.40.0/24",
    outside="192.0.2.64/26",
    web=("lyncpool.bellows.example", "172.19.40.30"),
    pool=("lyncpool.bellows.example", "172.19.40.30"),
    names="172.19.40.6",
    intranet=("wiki.bellows.example", "172.19.40.90"),
    files="172.19.40.91",
)
VANARSDEL = Plan(
    domain="vanarsdel.example",
    pcs="10.201.7.0/24",
    phones="10.201.8.0/24",
    servers="10.202.3.0/24",
    outside="198.51.100.64/26",
    web=("fe7.vanarsdel.example", "10.202.3.17"),
    pool=("fe7.vanarsdel.example", "10.202.3.17"),
    names="10.202.3.4",
    intranet=("shop.vanarsdel.example", "10.202.3.60"),
    files="10.202.3.61",
)
LAMNA = Plan(
    domain="lamna.example",
    pcs="172.18.90.0/24",
    phones="172.18.91.0/24",
    servers="172.18.20.0/24",
    outside="192.0.2.192/26",
    web=("sfb1.lamna.example", "172.18.20.44"),
    pool=("sfb1.lamna.example", "172.18.20.44"),
    names="172.18.20.2",
    intranet=("news.lamna.example", "172.18.20.80"),
    files="172.18.20.81",
)
SHIFT = "-3.217"
"""Seconds by which the clock of the second recorder is said to be off."""
EXPEDITED = 46
START_S = 0.5
"""Before the first SYN that is dropped: what comes with the recorder's first packets proves nothing."""
SEGMENT = 1360
"""Bytes: the largest segment that the router lets the PCs ask for."""
ONE_OF = 20
"""Audio packets, of which the firewall loses one."""


@contextlib.contextmanager
def _recorded_twice(net: Network, near: tuple[Mirror, Path], far: tuple[Mirror, Path]) -> Iterator[None]:
    """Record at two places while the block runs."""
    with ExitStack() as recorders:
        for point, path in (near, far):
            recorders.enter_context(net.capture(point, path))
        yield


def _shift(path: Path) -> None:
    """Let a recording be of a clock that is off."""
    shifted = path.with_name("shifted.pcap")
    run("editcap", "-F", "pcap", "-t", SHIFT, str(path), str(shifted))
    shifted.replace(path)


def nat(folder: Path) -> None:
    """Two PCs sign in through a router that translates their addresses; recorded on both sides of it."""
    target = folder / "points-nat"
    target.mkdir()
    inside, outside = target / "branch.pcap", target / "datacentre.pcap"
    with Network() as net:
        office = Office(net, BELLOWS)
        pcs = [office.device(f"10.133.64.{number}", office.pcs, vendor=HP) for number in (21, 22)]
        office.router.rule("postrouting", "ip saddr 10.133.64.0/24 oifname eth2 masquerade random")
        clamp = f"ip saddr 10.133.64.0/24 tcp flags syn tcp option maxseg size set {SEGMENT}"
        office.router.rule("forward", clamp)
        near, far = net.mirror(office.pcs), net.mirror(office.servers)
        scene = Scene(office, near)
        office.open()
        with _recorded_twice(net, (near, inside), (far, outside)):
            talks = [*office.make_noise(3.0, *pcs)]
            talks += [scene.user(pc, name, stays=3.0) for pc, name in zip(pcs, ("ida", "per"), strict=True)]
            net.join(*talks, timeout=60)
    _shift(outside)


def firewall(folder: Path) -> None:
    """A firewall drops one PC's SYNs to 5061, takes the marking off a gateway's audio and loses some of it."""
    target = folder / "points-firewall"
    target.mkdir()
    with Network() as net:
        office = Office(net, VANARSDEL)
        cut_off = office.device("10.201.7.31", office.pcs, vendor=HP)
        settled = office.device("10.201.7.32", office.pcs, vendor=HP)
        trunk = office.device("10.201.8.90", office.phones, stack=LINUX, vendor=AUDIOCODES)
        mediation = office.server("10.202.3.75")
        office.router.rule("forward", "ip saddr 10.201.7.31 tcp dport 5061 counter drop")
        office.router.rule("forward", "ip saddr 10.201.8.90 udp sport 6000 ip dscp set cs0")
        lossy = f"ip saddr 10.201.8.90 udp sport 6000 numgen inc mod {ONE_OF} == 7 counter drop"
        office.router.rule("forward", lossy)
        near, far = net.mirror((office.pcs, office.phones)), net.mirror(office.servers)
        scene = Scene(office, near)
        office.open()
        ours = Side(opener(mediation), ("10.202.3.75", 49170), (("speech", 150),), marking=EXPEDITED)
        theirs = Side(opener(trunk), ("10.201.8.90", 6000), (("speech", 150),), marking=EXPEDITED)
        with _recorded_twice(net, (near, target / "floor.pcap"), (far, target / "servers.pcap")):
            talks = [*office.make_noise(3.0, cut_off, settled), scene.user(settled, "lena", stays=10.0)]
            time.sleep(START_S)
            talks.append(net.spawn(cut_off, knock, "10.202.3.17"))
            asyncio.run(incoming_call(theirs, ours))
            net.join(*talks, timeout=60)
        _tell_dropped(office.router, theirs.sent - ours.heard.received)
    _shift(target / "servers.pcap")


def knock(address: str) -> None:
    """Try web services, which answer, and 5061, which does not: three SYNs."""
    for port in (443, 5061):
        connection = open_tcp_as_windows(address, port)
        if connection:
            connection.close()


def _tell_dropped(router: Host, lost: int) -> None:
    with router.entered():
        rules = run("nft", "list", "table", "ip", "lab")
    print(f"audio packets that did not arrive: {lost}")
    print("\n".join(line.strip() for line in rules.splitlines() if "counter" in line))
    if not lost:
        raise LabError("no audio was lost")


def balancer(folder: Path) -> None:
    """A load balancer ends the PC's TCP connections and opens its own to the server; TLS goes through unchanged."""
    target = folder / "points-balancer"
    target.mkdir()
    with Network() as net:
        office = Office(net, LAMNA)
        pc = office.device("172.18.90.15", office.pcs, vendor=HP)
        shared = office.server("172.18.20.40", stack=LINUX, vendor=F5)
        near, far = net.mirror(office.pcs), net.mirror(office.servers, [office.pool])
        scene = Scene(office, near)
        zone = office.zone()
        zone["sfb1.lamna.example", "A"] = ["172.18.20.40"]
        zone["lyncdiscoverinternal.lamna.example", "A"] = ["172.18.20.40"]
        office.open(zone=zone)
        for port in (80, 443, 5061):
            net.serve(shared, pass_on, port, "172.18.20.44")
        with _recorded_twice(net, (near, target / "clients.pcap"), (far, target / "server.pcap")):
            net.join(scene.user(pc, "uma", stays=2.0), timeout=60)


def pass_on(port: int, server: str) -> None:
    """Accept connections and carry their bytes over others to a server."""
    with socket.create_server(("", port)) as listener:
        while True:
            accepted, _ = listener.accept()
            with contextlib.suppress(OSError):
                opened = socket.create_connection((server, port))
                for ends in ((accepted, opened), (opened, accepted)):
                    Thread(target=_carry, args=ends, daemon=True).start()


def _carry(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(16384):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


SCENARIOS = (
    Scenario((), nat, others=("points-nat",)),
    Scenario((), firewall, others=("points-firewall",)),
    Scenario((), balancer, others=("points-balancer",)),
)
