"""Scenarios of media: its way through, around or past the Edge, and what only looks like trouble."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sample_pcaps.lab.media import RTAUDIO_WIDE, SILK_WIDE, SIREN, Agent, Codec, connect, converse
from sample_pcaps.lab.media_network import (
    AV_PRIVATE,
    AV_PUBLIC,
    EDGE_INTERNAL,
    Deployment,
    SignIn,
    opener,
)
from sample_pcaps.lab.network import Host, LabError, Mirror, Network
from sample_pcaps.lab.scenario import Derived, Scenario, run
from sample_pcaps.lab.turn_client import Allocation

EDGE_NAMES = (("edge01.fabrikam.example", "A"), ("av.fabrikam.example", "A"))
TALK_S = 7.6
SIGN_IN_S = 0.9
LATE_S = 4.0
HEARD = 0.97  # the least share of packets that must arrive for a sample to be what it claims

Reach = tuple[str, str]
"""Transport and address of one Edge interface an endpoint asks for an allocation."""

UDP_INSIDE: Reach = ("udp", EDGE_INTERNAL)
TCP_INSIDE: Reach = ("tcp", EDGE_INTERNAL)


def user(name: str, *lookups: tuple[str, str], seconds: float = TALK_S + 1) -> SignIn:
    return SignIn(f"{name}@fabrikam.example", lookups=lookups, seconds=seconds)


def agent(host: Host, port: int, *, version: int = 2) -> Agent:
    return Agent(opener(host), host.addresses[0], port, version=version)


async def gather(endpoint: Agent, reaches: Sequence[Reach]) -> None:
    """Ask every interface at once, as clients do; which ones answered `call` judges by the path taken."""
    await endpoint.open()
    ways = {"udp": endpoint.gather_udp, "tcp": endpoint.gather_tcp}
    await asyncio.gather(*(ways[transport](server) for transport, server in reaches))


def path_of(endpoint: Agent) -> str:
    if endpoint.chosen is None:
        return "nothing"
    path, _ = endpoint.chosen
    return f"{path.transport} {path.server[0]}" if isinstance(path, Allocation) else "direct"


async def call(
    caller: tuple[Agent, Sequence[Reach]],
    callee: tuple[Agent, Sequence[Reach]],
    paths: tuple[str, str],
    codec: Codec,
    seconds: float = TALK_S,
) -> None:
    """One call from allocation to release; LabError when it went another way than the sample is to show."""
    await asyncio.sleep(SIGN_IN_S)
    a, b = caller[0], callee[0]
    await asyncio.gather(gather(*caller), gather(*callee))
    await connect(a, b)
    await asyncio.sleep(0.15)
    taken = (path_of(a), path_of(b))
    if taken != paths:
        raise LabError(f"media went {taken} instead of {paths}")
    await asyncio.gather(converse(a, b, seconds, codec), _refresh_later(seconds / 2, a, b))
    await asyncio.sleep(0.2)
    if min(a.received, b.received) < HEARD * (seconds - 0.2) * 50:
        raise LabError(f"of {seconds} s only {a.received} and {b.received} packets arrived")
    await asyncio.gather(a.close(), b.close())


async def _refresh_later(wait: float, *endpoints: Agent) -> None:
    await asyncio.sleep(wait)
    await asyncio.gather(*(one.refresh() for one in endpoints))


@contextmanager
def film(office: Deployment, point: Host | Mirror, path: Path) -> Iterator[None]:
    """Switch everything on, record the block with the clerk at work, wait for whoever is still talking."""
    office.serve()
    with office.net.capture(point, path):
        office.work(office.clerk)
        yield
        office.finish()


def relayed_internal(folder: Path) -> None:
    """Two floors that may not talk to each other: both ends relay through the internal Edge interface."""
    with Network() as net:
        office = Deployment(net, floors_apart=True)
        office.guard()
        with film(office, net.mirror(office.backbone), folder / "media-relayed-internal-edge.pcap"):
            office.sign_in(office.anna, user("anna"))
            office.sign_in(office.ben, user("ben", EDGE_NAMES[0]))
            anna, ben = agent(office.anna, 50032), agent(office.ben, 50018, version=4)
            way = f"udp {EDGE_INTERNAL}"
            asyncio.run(call((anna, [UDP_INSIDE]), (ben, [UDP_INSIDE]), (way, way), RTAUDIO_WIDE))


def hairpin(folder: Path, name: str, *, private: bool) -> None:
    """One PC cannot reach the internal Edge interface and is let through to the external one."""
    with Network() as net:
        office = Deployment(net, private_dmz=private, floors_apart=True)
        external = AV_PRIVATE if private else AV_PUBLIC
        office.guard(f"iifname eth0 ip daddr {external} meta l4proto {{tcp, udp}} th dport {{443, 3478}}")
        pc = office.anna.addresses[0]
        office.core.rule("forward", f"ip saddr {pc} ip daddr {EDGE_INTERNAL} drop")
        with film(office, net.mirror(office.backbone), folder / f"{name}.pcap"):
            office.sign_in(office.anna, user("anna", *(EDGE_NAMES if private else ()), seconds=TALK_S + 5))
            office.sign_in(office.ben, user("ben", *(EDGE_NAMES[:1] if private else ()), seconds=TALK_S + 5))
            anna, ben = agent(office.anna, 50026, version=4), agent(office.ben, 50038, version=4)
            wants = [UDP_INSIDE, TCP_INSIDE, ("udp", external)]
            ways = f"udp {external}", f"udp {EDGE_INTERNAL}"
            asyncio.run(call((anna, wants), (ben, [UDP_INSIDE]), ways, SILK_WIDE))


def hairpin_public(folder: Path) -> None:
    """The external interface has a public address."""
    hairpin(folder, "media-hairpin-external-edge", private=False)


def hairpin_private(folder: Path) -> None:
    """The external interface has a private address behind NAT, and the client is given that one."""
    hairpin(folder, "media-hairpin-external-edge-dmz", private=True)


def tcp_fallback(folder: Path) -> None:
    """One PC gets no answer on UDP 3478 and talks over TCP 443; its neighbour's UDP works."""
    with Network() as net:
        office = Deployment(net)
        office.guard()
        pc = office.anna.addresses[0]
        router = office.floor_routers[0]
        router.rule("forward", f"ip saddr {pc} udp dport != {{53, 123}} drop")
        router.rule("forward", f"ip daddr {pc} ip saddr 10.20.32.0/24 meta l4proto udp drop")
        with film(office, net.mirror(office.floors[0]), folder / "media-tcp443-fallback.pcap"):
            office.sign_in(office.anna, user("anna", EDGE_NAMES[0], seconds=15))
            office.sign_in(office.carla, user("carla", EDGE_NAMES[0]))
            asyncio.run(_fallback_beside_direct(office))


async def _fallback_beside_direct(office: Deployment) -> None:
    both = [UDP_INSIDE, TCP_INSIDE]
    way = f"tcp {EDGE_INTERNAL}"
    anna, ben = agent(office.anna, 50020, version=4), agent(office.ben, 50020, version=4)
    carla, dieter = agent(office.carla, 50024, version=4), agent(office.dieter, 50024, version=4)
    await asyncio.gather(
        call((anna, both), (ben, both), (way, way), SILK_WIDE, 11.6),
        call((carla, [UDP_INSIDE]), (dieter, [UDP_INSIDE]), ("direct", "direct"), SIREN, 6.0),
    )


def to_servers_only(source: Path, target: Path) -> None:
    """Keep what the office floors send, as a SPAN port set to receive only does."""
    expression = "src net 10.20.31.0/24 or src net 10.20.32.0/24"
    run("tcpdump", "-n", "-Z", "root", "-r", str(source), "-w", str(target), expression)


def starts_late(source: Path, target: Path) -> None:
    """Begin 4 s later: sign-in and allocations are over, the checks about to begin."""
    begin = float(run("tcpdump", "-n", "-tt", "-c", "1", "-r", str(source)).split()[0])
    run("editcap", "-F", "pcap", "-A", f"{begin + LATE_S:.6f}", str(source), str(target))


SCENARIOS = (
    Scenario(("media-relayed-internal-edge",), relayed_internal),
    Scenario(("media-hairpin-external-edge",), hairpin_public),
    Scenario(("media-hairpin-external-edge-dmz",), hairpin_private),
    Scenario(("media-tcp443-fallback",), tcp_fallback),
)
DERIVED = (
    Derived("media-relayed-one-sided.pcap", "media-relayed-internal-edge.pcap", to_servers_only),
    Derived("media-tcp443-fallback-one-sided.pcap", "media-tcp443-fallback.pcap", to_servers_only),
    Derived("media-hairpin-external-edge-late.pcap", "media-hairpin-external-edge.pcap", starts_late),
)
