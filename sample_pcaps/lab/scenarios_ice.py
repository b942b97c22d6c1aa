"""Scenarios of connectivity checks: every way they can end, with what both sides told each other beforehand."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from pathlib import Path

from sample_pcaps.lab.calls import FABRIKAM, Checks, call, gather, leave, party, sign_in
from sample_pcaps.lab.connecting import Resolver
from sample_pcaps.lab.front_end import Settings, serve_front_end
from sample_pcaps.lab.media import RTAUDIO_WIDE, Agent, connect, meet
from sample_pcaps.lab.media_network import ACCESS_EDGE, AV_PUBLIC, EDGE_INTERNAL, Deployment
from sample_pcaps.lab.network import Host, LabError, Network
from sample_pcaps.lab.pki import client_context
from sample_pcaps.lab.scenario import Scenario, embed_keys
from sample_pcaps.lab.scenarios_media import agent, film, path_of
from sample_pcaps.lab.scenarios_media import call as call_between
from sample_pcaps.lab.scenarios_media_lookalike import PUBLIC_RESOLVER, UDP_OUTSIDE, outside_sign_in

TALK_S = 2.0
NAMES = (
    ("_sip._tls.fabrikam.example", "SRV"),
    ("sip.fabrikam.example", "A"),
    ("av.fabrikam.example", "A"),
)
RELAYED = f"udp {EDGE_INTERNAL}"


async def in_vain(caller: Agent, callee: Agent) -> None:
    """Check everything and choose nothing."""
    meet(caller, callee)
    await asyncio.gather(caller.check(), callee.check())
    if caller.valid:
        raise LabError(f"a check was answered: {list(caller.valid)}")


async def relay_wins(caller: Agent, callee: Agent) -> None:
    """Every pair is answered, but the relayed one was nominated by then."""
    meet(caller, callee)
    await asyncio.gather(caller.check(), callee.check())
    await caller.nominate(relayed=True)


async def dispute(caller: Agent, callee: Agent) -> None:
    """Both believe to be controlling; the one with the greater tie-breaker, the caller, stays so."""
    meet(caller, callee)
    callee.controlling = True
    caller.tie_breaker, callee.tie_breaker = b"\xd0" + caller.tie_breaker[1:], b"\x20" + callee.tie_breaker[1:]
    await asyncio.gather(caller.check(), callee.check())
    if callee.controlling:
        raise LabError("nobody gave in")
    await caller.nominate()


def record(
    office: Deployment, folder: Path, name: str, checks: Checks, path: str, *, relay: str | None = EDGE_INTERNAL
) -> None:
    """Film one call between the floors that must take `path`, and put the keys into the capture."""
    plain = folder / f"{name}.pcap"
    with film(office, office.net.mirror(office.backbone), plain):
        asyncio.run(_call(office, checks, path, relay))
    assert office.keylog
    embed_keys(plain, office.keylog, folder / f"{name}.pcapng")


async def _call(office: Deployment, checks: Checks, path: str, relay: str | None) -> None:
    anna, ben = party(office, office.anna, "anna", 50006), party(office, office.ben, "ben", 50012)
    for host, one in ((office.anna, anna), (office.ben, ben)):
        await sign_in(office, host, one, ssl.TLSVersion.TLSv1_2)
    await gather(anna.agent, ben.agent, relay=relay)
    await call(anna, ben, seconds=TALK_S, checks=checks)
    if path_of(anna.agent) != path:
        raise LabError(f"media went {path_of(anna.agent)} instead of {path}")
    await leave(anna, ben)


def deployment(net: Network, folder: Path, *, floors_apart: bool = False, talking: Settings = FABRIKAM) -> Deployment:
    office = Deployment(net, talking=talking, keylog=folder / "keys.log", floors_apart=floors_apart)
    office.guard()
    return office


def host_pair(folder: Path) -> None:
    """Host to host: the best pair is answered at once; the relays stay unused."""
    with Network() as net:
        record(deployment(net, folder), folder, "ice-host-pair", connect, "direct")


def relayed(folder: Path) -> None:
    """The floors may not talk to each other: only the checks through the relays are answered."""
    with Network() as net:
        record(deployment(net, folder, floors_apart=True), folder, "ice-relayed", connect, RELAYED)


def unanswered(folder: Path) -> None:
    """The floors may not talk to each other and the Edge lets nothing into its relayed ports."""
    with Network() as net:
        office = deployment(net, folder, floors_apart=True)
        office.edge.rule("input", "udp dport 50000-59999 drop")
        record(office, folder, "ice-unanswered", in_vain, "nothing")


def answers_lost(folder: Path) -> None:
    """Checks arrive on floor 2; its answers and its own checks are dropped by floor 1's router."""
    with Network() as net:
        office = deployment(net, folder)
        router = office.floor_routers[0]
        router.rule("forward", "ip saddr 10.20.32.0/24 ip daddr 10.20.31.0/24 meta l4proto udp drop")
        record(office, folder, "ice-answers-lost", in_vain, "nothing", relay=None)


def role_conflict(folder: Path) -> None:
    """Both sides are controlling: 487, one gives in, the call is fine."""
    with Network() as net:
        record(deployment(net, folder), folder, "ice-role-conflict", dispute, "direct")


def relay_won(folder: Path) -> None:
    """The direct pair works, the relayed one was nominated."""
    with Network() as net:
        record(deployment(net, folder), folder, "ice-relay-won-race", relay_wins, RELAYED)


def mras_failing(folder: Path) -> None:
    """The Front End does not reach the Edge's port 5062: no relay credentials, no relayed candidates, no media."""
    with Network() as net:
        talking = replace(FABRIKAM, authentication_edge=EDGE_INTERNAL)
        office = deployment(net, folder, floors_apart=True, talking=talking)
        office.edge.rule("input", "tcp dport 5062 drop")
        record(office, folder, "mras-504", in_vain, "nothing", relay=None)


def reflexive(folder: Path) -> None:
    """A PC behind a home router and one with a public address find each other through the NAT."""
    with Network() as net:
        office = Deployment(net)
        office.guard()
        home, eva = office.home_worker(punches=True), office.outsider("192.0.2.44")
        with film(office, home, folder / "ice-reflexive.pcap"):
            office.sign_in(home, outside_sign_in("paul", *NAMES))
            office.sign_in(eva, outside_sign_in("eva"))
            paul, other = agent(home, 50008, version=4), agent(eva, 50014, version=4)
            ways, wants = ("direct", "direct"), [UDP_OUTSIDE]
            asyncio.run(call_between((paul, wants), (other, wants), ways, RTAUDIO_WIDE, 4.0))


def credentials_refused(folder: Path) -> None:
    """The relay does not take the credentials, as with a token of another Edge pool: 401 again and again."""
    with Network() as net:
        office = deployment(net, folder, floors_apart=True)
        plain = folder / "turn-401-again.pcap"
        with film(office, net.mirror(office.backbone), plain):
            asyncio.run(_refused(office))
        embed_keys(plain, folder / "keys.log", folder / "turn-401-again.pcapng")


async def _refused(office: Deployment) -> None:
    anna = party(office, office.anna, "anna", 50006)
    await sign_in(office, office.anna, anna, ssl.TLSVersion.TLSv1_2)
    anna.agent.secret = b"another pool's password"
    await anna.agent.open()
    for _ in range(3):
        if await anna.agent.gather_udp(EDGE_INTERNAL):
            raise LabError("the relay took a wrong password")
        anna.agent.allocations.clear()
    await leave(anna)


def remote_sign_in(folder: Path) -> None:
    """A user outside signs in through the Access Edge on 443, gets external relay credentials, allocates."""
    plain, keylog = folder / "signin-remote-user.pcap", folder / "keys.log"
    remote = replace(FABRIKAM, name="sip.fabrikam.example", relay="av.fabrikam.example", remote_users=True)
    with Network() as net:
        office = Deployment(net, access_registers=False)
        office.guard()
        eva = office.outsider("192.0.2.44")
        access = office.authority.issue("sip.fabrikam.example")
        context = access.server_context()
        context.keylog_filename = str(keylog)
        with film(office, eva, plain):
            root = office.authority.root_pem
            net.serve(office.access, serve_front_end, remote, access, root, context, 443)
            asyncio.run(_sign_in_outside(office, eva, remote))
    embed_keys(plain, keylog, folder / "signin-remote-user.pcapng")


async def _sign_in_outside(office: Deployment, host: Host, remote: Settings) -> None:
    eva = party(office, host, "eva", 50016)
    with host.entered():
        for name, kind in NAMES:
            Resolver(PUBLIC_RESOLVER).records(name, kind)
    eva.user.location = remote.location
    context = client_context([office.authority.root_pem])
    await eva.user.connect(ACCESS_EDGE, 443, context, "sip.fabrikam.example")
    await eva.user.sign_in()
    await eva.user.ask_relay(remote.relay_service)
    eva.agent.token = eva.user.token
    await gather(eva.agent, relay=AV_PUBLIC)
    await asyncio.sleep(0.5)
    await leave(eva)


SCENARIOS = (
    Scenario((), credentials_refused, others=("turn-401-again.pcapng",)),
    Scenario((), remote_sign_in, others=("signin-remote-user.pcapng",)),
    Scenario((), host_pair, others=("ice-host-pair.pcapng",)),
    Scenario((), relayed, others=("ice-relayed.pcapng",)),
    Scenario((), unanswered, others=("ice-unanswered.pcapng",)),
    Scenario((), answers_lost, others=("ice-answers-lost.pcapng",)),
    Scenario((), role_conflict, others=("ice-role-conflict.pcapng",)),
    Scenario((), relay_won, others=("ice-relay-won-race.pcapng",)),
    Scenario((), mras_failing, others=("mras-504.pcapng",)),
    Scenario(("ice-reflexive",), reflexive),
)
