"""Scenarios of calls that sound bad: loss in bursts, late packets, a long way, packets without priority."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Sequence
from pathlib import Path

from sample_pcaps.lab.connecting import Resolver
from sample_pcaps.lab.gateway import Side, incoming_call
from sample_pcaps.lab.media import Agent, Codec, connect, rtcp, rtp
from sample_pcaps.lab.media_network import Deployment, opener
from sample_pcaps.lab.network import AUDIOCODES, HP, LINUX, Host, LabError, Network
from sample_pcaps.lab.office import Office, Plan
from sample_pcaps.lab.scenario import Scenario
from sample_pcaps.lab.scenarios_media import TCP_INSIDE, agent, film, gather
from sample_pcaps.lab.scenarios_rtp import EXPEDITED, marking
from sample_pcaps.lab.scene import Scene
from sample_pcaps.lab.wire import Impairment

LITWARE = Plan(
    domain="litware.example",
    pcs="10.44.8.0/24",
    phones="10.88.2.0/24",
    servers="172.20.5.0/24",
    outside="203.0.113.64/26",
    web=("ucpool.litware.example", "172.20.5.31"),
    pool=("ucpool.litware.example", "172.20.5.31"),
    names="172.20.5.7",
    intranet=("home.litware.example", "172.20.5.90"),
    files="172.20.5.91",
)
TREY = Plan(
    domain="trey.example",
    pcs="10.57.20.0/24",
    phones="10.57.30.0/24",
    servers="172.22.9.0/24",
    outside="198.51.100.192/26",
    web=("lync.trey.example", "172.22.9.12"),
    pool=("lync.trey.example", "172.22.9.12"),
    names="172.22.9.3",
    intranet=("hello.trey.example", "172.22.9.80"),
    files="172.22.9.81",
)
PACKET_S = 0.060
"""Speech in one packet: three frames of 20 ms, as on thin lines."""
NOISE_EVERY_S = 0.240
REPORTS = 40
WIDE, NARROW, NOISE = Codec(114, 16000, (28, 36)), Codec(115, 8000, (24, 32)), Codec(118, 16000, (12, 12))
REDUNDANT = Codec(97, 8000, (56, 70))
BURSTS = ((20, 6), (48, 1), (75, 7), (101, 5), (131, 2), (150, 8), (189, 1), (203, 6))
"""Where in Emil's stream a burst of losses begins and how many packets it takes: 36 of 233."""
UNEVEN_S = 0.16
FAR_S = 0.28
"""One way between Gina and her switch: a line by satellite."""
TALK_S = 14.0

ONE_OF = 14
"""Segments, of which one is lost."""

Part = tuple[float, Codec]
"""Seconds, and what is sent in them; comfort noise comes seldom."""


async def speak(agent: Agent, parts: Sequence[Part]) -> int:
    """Send parts one after the other as one stream, and reports beside it; return the packets sent."""
    assert agent.chosen, f"{agent.at} has no chosen pair"
    path, peer = agent.chosen
    ssrc, sequence, clock = os.urandom(4), random.randrange(1 << 16), random.randrange(1 << 32)
    loop = asyncio.get_running_loop()
    due, sent = loop.time(), 0
    for seconds, codec in parts:
        every = NOISE_EVERY_S if codec is NOISE else PACKET_S
        for number in range(round(seconds / every)):
            await asyncio.sleep(max(0.0, due - loop.time()))
            path.send(peer, rtp(codec, sequence + sent, clock, ssrc, first=not number))
            sent, due, clock = sent + 1, due + every, clock + round(every * codec.clock)
            if sent % REPORTS == 0:
                path.send(peer, rtcp(ssrc))
    return sent


async def _call(one: Agent, other: Agent, said: Sequence[Part], answered: Sequence[Part]) -> tuple[int, int]:
    """A direct call of two; returns what each sent."""
    await asyncio.gather(one.open(), other.open())
    await connect(one, other)
    while not (one.chosen and other.chosen):
        await asyncio.sleep(0.05)
    sent = await asyncio.gather(speak(one, said), speak(other, answered))
    await asyncio.sleep(0.8)
    await asyncio.gather(one.close(), other.close())
    return sent[0], sent[1]


def _agent(host: Host, port: int, dscp: int) -> Agent:
    return Agent(marking(host, dscp), host.addresses[0], port, version=4)


def branch(folder: Path) -> None:
    """Three calls between a branch and the head office: one loses packets, one is late and uneven, one is well."""
    with Network() as net:
        office = Office(net, LITWARE)
        dora, finn, hugo = (office.device(f"10.44.8.{last}", office.pcs, vendor=HP) for last in (21, 22, 23))
        emil, ines = (office.device(f"10.88.2.{last}", office.phones) for last in (31, 33))
        gina = net.host("10.88.2.32", office.phones, gateway="10.88.2.1", delay=FAR_S)
        lost = frozenset(start + n for start, size in BURSTS for n in range(size))
        emil.ports[0].impairment = Impairment(50022, lost)
        gina.ports[0].impairment = Impairment(50030, jitter=UNEVEN_S)
        scene = Scene(office, net.mirror(office.pcs))
        office.open()

        async def talk() -> tuple[tuple[int, int], ...]:
            pauses = [(1.2, WIDE), (6.0, NOISE), (1.2, WIDE), (6.0, NOISE)]
            return await asyncio.gather(
                _call(
                    _agent(dora, 50020, 0),
                    _agent(emil, 50022, EXPEDITED),
                    [(6.6, WIDE), (TALK_S - 6.6, NOISE)],
                    [(4.2, WIDE), (4.2, REDUNDANT), (5.6, NARROW)],
                ),
                _call(_agent(finn, 50028, EXPEDITED), _agent(gina, 50030, EXPEDITED), pauses, [(10.8, WIDE)]),
                _call(_agent(hugo, 50036, EXPEDITED), _agent(ines, 50038, EXPEDITED), pauses, pauses[::-1]),
            )

        with gina.entered():  # hardware addresses take as long as everything else there: checks would be over
            Resolver(office.plan.names).records("home.litware.example")
        with scene.recorded(folder / "quality-branch.pcap"):
            print("packets sent:", asyncio.run(talk()), "lost:", len(lost))


def trunk(folder: Path) -> None:
    """A gateway that never sends RTCP calls the Mediation Server, which does."""
    with Network() as net:
        office = Office(net, TREY)
        mediation = office.server("172.22.9.40")
        gateway = office.device("10.57.30.90", office.phones, stack=LINUX, vendor=AUDIOCODES)
        pc = office.device("10.57.20.15", office.pcs)
        scene = Scene(office, net.mirror((office.phones, office.pcs)))
        office.open()
        speaking = (("speech", 20), ("pause", 700), ("speech", 20), ("pause", 900))
        listening = (("pause", 600), ("speech", 20), ("pause", 1020))
        ours = Side(opener(mediation), ("172.22.9.40", 49204), listening, marking=EXPEDITED)
        theirs = Side(opener(gateway), ("10.57.30.90", 6010), speaking, marking=EXPEDITED, reporting=False)
        with scene.recorded(folder / "quality-no-reports.pcap"):
            talks = [scene.user(pc, "omar", stays=4.0)]
            asyncio.run(incoming_call(theirs, ours))
            net.join(*talks, timeout=40)
        if ours.heard.received != theirs.sent:
            raise LabError(f"{ours.heard.received} of {theirs.sent} packets arrived")


def relayed_tcp(folder: Path) -> None:
    """One PC's audio goes to the relay inside TCP, and some of its segments are lost behind its floor."""
    with Network() as net:
        office = Deployment(net, floors_apart=True)
        office.guard()
        lossy = f"ip saddr {office.anna.addresses[0]} tcp dport 443 ip length > 60 numgen inc mod {ONE_OF} == 7 drop"
        office.floor_routers[0].rule("forward", lossy)
        with film(office, net.mirror(office.floors[0], [office.anna]), folder / "quality-tcp-relay.pcap"):
            asyncio.run(_talk_relayed(office))


async def _talk_relayed(office: Deployment) -> None:
    anna, ben = agent(office.anna, 50014, version=4), agent(office.ben, 50016, version=4)
    await asyncio.gather(gather(anna, [TCP_INSIDE]), gather(ben, [TCP_INSIDE]))
    await connect(anna, ben)
    await asyncio.sleep(0.3)
    await asyncio.gather(speak(anna, [(TALK_S, WIDE)]), speak(ben, [(1.2, WIDE), (12.0, NOISE)]))
    await asyncio.sleep(0.5)
    await asyncio.gather(anna.close(), ben.close())


SCENARIOS = (
    Scenario(("quality-branch",), branch),
    Scenario(("quality-no-reports",), trunk),
    Scenario(("quality-tcp-relay",), relayed_tcp),
)
