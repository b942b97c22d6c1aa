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
CAUSE = "Q.850;cause={};text=\"{}\""
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


SCENARIOS = (Scenario(("trunks-faults",), trunks),)
