"""Scenarios of audio with known damage: what was lost, doubled, held back and marked is decided beforehand."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

from sample_pcaps.lab.gateway import Side, incoming_call
from sample_pcaps.lab.media import SIREN, Agent, connect, converse
from sample_pcaps.lab.media_network import Deployment, opener
from sample_pcaps.lab.network import AUDIOCODES, LINUX, Host, LabError, Network
from sample_pcaps.lab.office import Office
from sample_pcaps.lab.scenario import Scenario
from sample_pcaps.lab.scenarios_media import SIGN_IN_S, film, gather, user
from sample_pcaps.lab.scenarios_media_lookalike import UDP_INSIDE
from sample_pcaps.lab.scenarios_phone import WOODGROVE
from sample_pcaps.lab.scene import Scene
from sample_pcaps.lab.turn_relay import OpenSocket
from sample_pcaps.lab.wire import Impairment

EXPEDITED = 46
TALK_S = 20.0
BURSTS = ((100, 3), (250, 5), (400, 1), (402, 1), (520, 12), (700, 8), (860, 16))
"""Where in the stream a burst of losses begins and how many packets it takes: 46 of 1000."""
DOUBLED = frozenset({50, 150, 300, 301, 600, 900})
LATE = frozenset({60, 160, 330, 450, 640, 760, 960})
GATEWAY_LOST = frozenset({40, 41, 42, 230, 330})
ONE_WAY_AFTER_S = 3.0


def marking(host: Host, dscp: int) -> OpenSocket:
    """Sockets of a host that mark what they send."""
    plain = opener(host)

    def open_socket(kind: socket.SocketKind) -> socket.socket:
        sock = plain(kind)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, dscp << 2)
        return sock

    return open_socket


def lossy(folder: Path) -> None:
    """One direction loses, doubles, delays and shakes packets and is marked; the other one is clean and unmarked."""
    with Network() as net:
        office = Deployment(net)
        office.guard()
        lost = frozenset(start + n for start, size in BURSTS for n in range(size))
        office.anna.ports[0].impairment = Impairment(50006, lost, DOUBLED, LATE, jitter=0.008)
        with film(office, net.mirror(office.backbone), folder / "rtp-loss-jitter.pcap"):
            for name, host in (("anna", office.anna), ("ben", office.ben)):
                office.sign_in(host, user(name, seconds=TALK_S + 1))
            asyncio.run(_talk(office, TALK_S))


async def _talk(office: Deployment, seconds: float) -> tuple[Agent, Agent]:
    await asyncio.sleep(SIGN_IN_S)
    anna = Agent(marking(office.anna, EXPEDITED), office.anna.addresses[0], 50006, version=4)
    ben = Agent(opener(office.ben), office.ben.addresses[0], 50012, version=4)
    await asyncio.gather(gather(anna, [UDP_INSIDE]), gather(ben, [UDP_INSIDE]))
    await connect(anna, ben)
    await asyncio.sleep(0.15)
    await converse(anna, ben, seconds, SIREN)
    await asyncio.sleep(0.2)
    await asyncio.gather(anna.close(), ben.close())
    return anna, ben


def one_way(folder: Path) -> None:
    """After three seconds nothing of Ben's audio leaves his floor any more; Anna's goes on."""
    with Network() as net:
        office = Deployment(net)
        office.guard()
        with film(office, net.mirror(office.backbone), folder / "rtp-one-way.pcap"):
            for name, host in (("anna", office.anna), ("ben", office.ben)):
                office.sign_in(host, user(name, seconds=10))
            anna, ben = asyncio.run(_talk_until_dropped(office))
            if anna.received > 4 * 50 or ben.received < 8 * 50:
                raise LabError(f"{anna.received} and {ben.received} packets arrived")


async def _talk_until_dropped(office: Deployment) -> tuple[Agent, Agent]:
    talking = asyncio.create_task(_talk(office, 9.0))
    await asyncio.sleep(SIGN_IN_S + 1.2 + ONE_WAY_AFTER_S)
    office.floor_routers[1].rule("forward", "ip saddr 10.20.32.83 udp sport 50012 drop")
    return await talking


def gateway(folder: Path) -> None:
    """A call from the telephone network with pauses and digits; five packets of the gateway are lost."""
    with Network() as net:
        office = Office(net, WOODGROVE)
        mediation = office.server("10.60.2.75")
        trunk = office.device("10.60.12.90", office.phones, stack=LINUX, vendor=AUDIOCODES)
        trunk.ports[0].impairment = Impairment(6000, GATEWAY_LOST)
        pc = office.device("10.60.11.121", office.pcs)
        scene = Scene(office, net.mirror((office.pcs, office.servers), [pc, mediation]))
        office.open()
        speaking = (("speech", 200), ("pause", 150), ("digit", 4), ("pause", 43), ("digit", 2), ("pause", 43))
        speaking += (("digit", 11), ("pause", 100), ("speech", 250), ("pause", 100))
        listening = (("pause", 200), ("speech", 150), ("pause", 250), ("speech", 100), ("pause", 207))
        ours = Side(opener(mediation), ("10.60.2.75", 49160), listening, marking=EXPEDITED)
        theirs = Side(opener(trunk), ("10.60.12.90", 6000), speaking)
        with scene.recorded(folder / "rtp-gateway-clear.pcap"):
            talks = [*office.make_noise(6.0, pc), scene.user(pc, "ines", stays=5.0)]
            asyncio.run(incoming_call(theirs, ours))
            net.join(*talks, timeout=40)
        if ours.heard.received != theirs.sent - len(GATEWAY_LOST):
            raise LabError(f"{ours.heard.received} of {theirs.sent} packets arrived")


SCENARIOS = (
    Scenario(("rtp-loss-jitter",), lossy),
    Scenario(("rtp-one-way",), one_way),
    Scenario(("rtp-gateway-clear",), gateway),
)
