"""Scenarios of the telephone network: eight gateways, each with its own fault, and servers that miss each other."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from sample_pcaps.lab.connecting import open_tcp_as_windows
from sample_pcaps.lab.gateway import Side
from sample_pcaps.lab.media_network import opener
from sample_pcaps.lab.network import AUDIOCODES, LINUX, Host, Network
from sample_pcaps.lab.office import Office, Plan
from sample_pcaps.lab.partings import echo
from sample_pcaps.lab.pki import Authority
from sample_pcaps.lab.scenario import Scenario
from sample_pcaps.lab.scene import Scene
from sample_pcaps.lab.services import serve_tcp
from sample_pcaps.lab.trunks import (
    MAKER,
    MEDIATION,
    Question,
    Said,
    ask_trunk,
    describe,
    open_tls_trunk,
    serve_trunk,
    silenced_call,
)

TAMARACK = Plan(
    domain="tamarack.example",
    pcs="10.143.60.0/24",
    phones="10.143.77.0/24",
    servers="10.143.12.0/24",
    outside="203.0.113.192/26",
    web=("tkweb.tamarack.example", "10.143.12.50"),
    pool=("tkpool.tamarack.example", "10.143.12.51"),
    names="10.143.12.9",
    intranet=("mill.tamarack.example", "10.143.12.80"),
    files="10.143.12.81",
)
FIRST, SECOND = "10.143.12.61", "10.143.12.62"
GOOD, CLOSED, MUTE, STRICT, PLAIN, LINES, ASTRAY, DOUBTING, QUIET = (f"10.143.77.{one}" for one in range(11, 20))
ALIVE = {"OPTIONS": [Said(200, "OK")]}
CAUSE = 'Q.850;cause={};text="{}"'
SILENCE_S = 30.0


def trunks(folder: Path) -> None:
    """Nine gateways at two Mediation Servers; recorded in the servers' network."""
    with Network() as net:
        office = Office(net, TAMARACK)
        servers = {one: office.server(one) for one in (FIRST, SECOND)}
        names = (GOOD, CLOSED, MUTE, STRICT, PLAIN, LINES, ASTRAY, DOUBTING, QUIET)
        gateways = {one: office.device(one, office.phones, stack=LINUX, vendor=AUDIOCODES) for one in names}
        pc = office.device("10.143.60.20", office.pcs)
        stranger = Authority("Gateway Maker", "Gateway Maker")
        scene = Scene(office, net.mirror(office.servers))
        office.open()
        _answer(net, office, servers, gateways)
        time.sleep(0.6)
        with scene.recorded(folder / "trunks-faults.pcap"):
            talks = [scene.user(pc, "ina", stays=2.0)]
            for gateway, port, questions in OUTWARD:
                talks.append(net.spawn(servers[FIRST], ask_trunk, FIRST, gateway, port, questions, MEDIATION, 34.0))
            for gateway in (GOOD, CLOSED):
                alive = [Question("OPTIONS"), Question("OPTIONS", after=2.0)]
                talks.append(net.spawn(gateways[gateway], ask_trunk, gateway, SECOND, 5068, alive, MAKER))
            tls = (SECOND, 5067, stranger.root_pem, f"med2.{TAMARACK.domain}", 2)
            talks.append(net.spawn(gateways[DOUBTING], open_tls_trunk, *tls))
            talks.append(net.spawn(gateways[ASTRAY], _knock, FIRST, 5067, 2))
            talks.append(net.spawn(office.pool, _knock, FIRST, 5070, 1))
            asyncio.run(_fall_silent(gateways[QUIET], servers[SECOND]))
            talks.append(net.spawn(servers[FIRST], _knock, CLOSED, 5081, 2))
            net.join(*talks, timeout=60)


OUTWARD = (
    (GOOD, 5060, [Question("OPTIONS"), Question("INVITE", "5550100", describe(FIRST, 49300, "RTP/AVP"), 3.0)]),
    (MUTE, 5060, [Question("OPTIONS", after=1.2) for _ in range(4)]),
    (STRICT, 5060, [Question("OPTIONS"), Question("OPTIONS", after=4.0)]),
    (
        PLAIN,
        5060,
        [
            Question("OPTIONS"),
            Question("INVITE", "5550121", describe(FIRST, 49304, "RTP/SAVP")),
            Question("INVITE", "5550122", describe(FIRST, 49308, "RTP/SAVP")),
        ],
    ),
    (
        LINES,
        5060,
        [
            Question("INVITE", "5550131", describe(FIRST, 49312, "RTP/AVP")),
            Question("INVITE", "5550132", describe(FIRST, 49316, "RTP/AVP")),
        ],
    ),
)


def _answer(net: Network, office: Office, servers: dict[str, Host], gateways: dict[str, Host]) -> None:
    taken = describe(GOOD, 6100, "RTP/AVP")
    net.serve(gateways[GOOD], serve_trunk, 5060, {**ALIVE, "INVITE": [Said(100, "Trying"), Said(200, "OK", (), taken)]})
    net.serve(gateways[MUTE], serve_trunk, 5060, {})
    net.serve(gateways[STRICT], serve_trunk, 5060, {"OPTIONS": [Said(403, "Unknown peer")]})
    net.serve(gateways[PLAIN], serve_trunk, 5060, {**ALIVE, "INVITE": [Said(488, "Not Acceptable Here")]})
    unknown, busy = (("Reason", CAUSE.format(*one)) for one in ((1, "Unallocated number"), (17, "User busy")))
    lines = {
        "INVITE 5550131": [Said(100, "Trying"), Said(404, "Not Found", (unknown,))],
        "INVITE 5550132": [Said(100, "Trying"), Said(486, "Busy Here", (busy,))],
    }
    net.serve(gateways[LINES], serve_trunk, 5060, lines)
    net.serve(servers[SECOND], serve_trunk, 5068, ALIVE, MEDIATION)
    context = office.ca.issue(f"med2.{TAMARACK.domain}").server_context()
    net.serve(servers[SECOND], serve_tcp, 5067, echo, context)


def _knock(address: str, port: int, times: int) -> None:
    """Try a port as Windows does, again and again."""
    for _ in range(times):
        open_tcp_as_windows(address, port)
        time.sleep(1.0)


async def _fall_silent(gateway: Host, mediation: Host) -> None:
    frames = round(SILENCE_S / 0.020)
    theirs = Side(opener(gateway), (QUIET, 6200), (("speech", 40),))
    ours = Side(opener(mediation), (SECOND, 49400), (("speech", 20), ("pause", frames + 20)))
    await silenced_call(theirs, ours, 5075)


CATALPA = Plan(
    domain="catalpa.example",
    pcs="10.158.33.0/24",
    phones="10.158.34.0/24",
    servers="10.158.5.0/24",
    outside="198.51.100.64/26",
    web=("cpweb.catalpa.example", "10.158.5.30"),
    pool=("cppool.catalpa.example", "10.158.5.31"),
    names="10.158.5.4",
    intranet=("wiki.catalpa.example", "10.158.5.90"),
    files="10.158.5.91",
)
FRONT, NEXT, THIRD, SHUT = "10.158.5.31", "10.158.5.32", "10.158.5.33", "10.158.5.34"
DEAD_BASE, PRINCIPAL, MIRROR, ROOMS, OTHERS_BASE = (f"10.158.5.{one}" for one in (41, 42, 43, 50, 60))


def apart(folder: Path) -> None:
    """Four Front Ends, their databases and a chat server that miss each other in six ways; the servers' network."""
    with Network() as net:
        office = Office(net, CATALPA)
        front = office.pool
        following, third, shut = (office.server(one) for one in (NEXT, THIRD, SHUT))
        dead, principal, mirror, rooms, others = (
            office.server(one) for one in (DEAD_BASE, PRINCIPAL, MIRROR, ROOMS, OTHERS_BASE)
        )
        pcs = [office.device(f"10.158.33.{one}", office.pcs) for one in (21, 22, 23)]
        following.rule("input", "tcp dport {444, 445} drop")
        shut.rule("input", "tcp dport != 3389 drop")
        zone = office.zone()
        for site, address in BRANCHES.items():
            zone[f"pool.{site}.catalpa.example", "A"] = [address]
            zone[f"_sipinternaltls._tcp.{site}.catalpa.example", "SRV"] = [f"0 0 5061 pool.{site}.catalpa.example."]
        scene = Scene(office, net.mirror(office.servers))
        office.open(zone=zone)
        for host, port in LISTENING:
            at = {FRONT: front, NEXT: following, THIRD: third, SHUT: shut, DEAD_BASE: dead, PRINCIPAL: principal,
                  MIRROR: mirror, ROOMS: rooms, OTHERS_BASE: others}[host]  # fmt: skip
            net.serve(at, serve_tcp, port, echo)
        time.sleep(0.6)
        with scene.recorded(folder / "servers-apart.pcap"):
            talks = [scene.user(pcs[0], "rex", stays=12.0), net.spawn(pcs[2], _look_up)]
            time.sleep(0.5)
            talks.append(net.spawn(front, _visit, (THIRD, 444), (NEXT, 3389), (NEXT, 444)))
            talks.append(net.spawn(front, _visit, (NEXT, 445)))
            talks.append(net.spawn(front, _visit, (DEAD_BASE, 3389), (DEAD_BASE, 1433), (DEAD_BASE, 1433)))
            talks.append(net.spawn(third, _visit, (PRINCIPAL, 3389), (PRINCIPAL, 1433), (MIRROR, 1433)))
            talks.append(net.spawn(third, _visit, (ROOMS, 3389), (ROOMS, 5041)))
            talks.append(net.spawn(front, _visit, (THIRD, 8404), (THIRD, 50002)))
            talks.append(net.spawn(pcs[1], _visit, (SHUT, 3389), (SHUT, 5061)))
            talks.append(net.spawn(pcs[1], _visit, (SHUT, 443)))
            talks.append(net.spawn(pcs[2], _visit, (OTHERS_BASE, 3389), (OTHERS_BASE, 1433)))
            net.join(*talks, timeout=60)
            time.sleep(1.0)
            net.join(net.spawn(pcs[1], _visit, (SHUT, 3389)), net.spawn(front, _visit, (NEXT, 3389)), timeout=20)


BRANCHES = {"north": NEXT, "east": THIRD, "west": SHUT}
"""Pools of one server each, by their places."""
LISTENING = (
    *((one, 3389) for one in (NEXT, SHUT, DEAD_BASE, PRINCIPAL, ROOMS, OTHERS_BASE)),
    *((THIRD, port) for port in (444, 8404)),
    (MIRROR, 1433),
)


def _look_up() -> None:
    """Ask for the pools of all places, as clients of users there do."""
    for site in BRANCHES:
        CATALPA.resolver.records(f"_sipinternaltls._tcp.{site}.catalpa.example", "SRV")
        CATALPA.resolver.records(f"pool.{site}.catalpa.example")


def _visit(*places: tuple[str, int]) -> None:
    """Open one port after the other, and say a word where somebody listens."""
    for address, port in places:
        if connection := open_tcp_as_windows(address, port):
            connection.sendall(b"hello")
            connection.recv(100)
            connection.close()
        time.sleep(0.4)


SCENARIOS = (Scenario(("trunks-faults",), trunks), Scenario(("servers-apart",), apart))
