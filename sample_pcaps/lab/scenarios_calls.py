"""Scenarios of calls that are accepted and go wrong: silent, late, cut off, one way, refused; and one that is muted."""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from pathlib import Path

from sample_pcaps.lab import turn
from sample_pcaps.lab.calls import HUNG_UP, LET_GO_S, Party
from sample_pcaps.lab.connecting import Resolver
from sample_pcaps.lab.front_end import Settings, serve_front_end
from sample_pcaps.lab.media import Agent, Candidate, Codec, connect, meet, rtcp, rtp
from sample_pcaps.lab.media_network import opener
from sample_pcaps.lab.network import HP, Host, LabError, Network
from sample_pcaps.lab.office import Office, Plan
from sample_pcaps.lab.pki import client_context
from sample_pcaps.lab.scenario import Scenario, embed_keys
from sample_pcaps.lab.scene import Scene
from sample_pcaps.lab.sip_messages import Message
from sample_pcaps.lab.sip_user import User
from sample_pcaps.lab.turn import Address

MERIDIAN = Plan(
    domain="meridian.example",
    pcs="10.44.17.0/24",
    phones="10.44.18.0/24",
    servers="10.45.2.0/24",
    outside="203.0.113.128/26",
    web=("skypepool.meridian.example", "10.45.2.33"),
    pool=("skypepool.meridian.example", "10.45.2.33"),
    names="10.45.2.7",
    intranet=("intra.meridian.example", "10.45.2.90"),
    files="10.45.2.91",
)
TALKING = Settings(name=MERIDIAN.pool[0], domain=MERIDIAN.domain, web=MERIDIAN.web[0], relay="edge-in.meridian.example")
WITHOUT_LEASE = "169.254.33.71"
PACKET_S, REPORT_S, TALK_S = 0.1, 1.5, 13.5
NARROW = Codec(115, 8000, (24, 34))
CONFERENCE_PORT = 49_342
SERVERS_UP_S = 0.6
BAD_INTEGRITY = b"\0\0\x04\x1fIntegrity Check Failure"


class Caller(Agent):
    """An endpoint that sends large packets, says what it is told to, and can check for as long as it likes."""

    refuses = False
    """Takes no check's signature for right."""

    async def insist(self, seconds: float, every: float) -> None:
        """Send the same check to all of the peer's addresses again and again."""
        check = self._check_message(self.paths[0])
        for number in range(round(seconds / every)):
            await asyncio.sleep(every if number else 0)
            for remote in self.peer.candidates:
                self._send_check(self.paths[0], remote.address, check)

    async def keep(self, seconds: float, every: float) -> None:
        """Say nothing but that the way is still needed."""
        assert self.chosen
        for _ in range(round(seconds / every)):
            await asyncio.sleep(every)
            self._send_check(*self.chosen, self._check_message(self.chosen[0]))

    async def speak(self, seconds: float, muted_after: float = 1e9) -> None:
        """Audio in packets of 100 ms and reports; a muted one goes on to report."""
        assert self.chosen
        path, peer = self.chosen
        ssrc, sequence = secrets.token_bytes(4), random.randrange(1 << 15)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for number in range(round(seconds / PACKET_S)):
            await asyncio.sleep(max(0.0, begun + number * PACKET_S - loop.time()))
            if number * PACKET_S < muted_after:
                path.send(peer, rtp(NARROW, sequence + number, number * 800, ssrc, first=not number))
            if number % round(REPORT_S / PACKET_S) == 5:
                path.send(peer, rtcp(ssrc))

    def _answer_check(self, path: object, peer: Address, check: Message) -> None:  # type: ignore[override]
        if not self.refuses:
            super()._answer_check(path, peer, check)  # type: ignore[arg-type]
            return
        refusal = turn.Message(turn.BINDING_ERROR, [(turn.ERROR_CODE, BAD_INTEGRITY)], check.transaction)  # type: ignore[attr-defined]
        path.send(peer, turn.encode_check(refusal, self.password))  # type: ignore[attr-defined]

    def _arrived(self, path: object, peer: Address, data: bytes) -> None:  # type: ignore[override]
        message = turn.decode(data)
        if message is None or message.type != turn.BINDING_ERROR:
            super()._arrived(path, peer, data)  # type: ignore[arg-type]


def caller(host: Host, port: int) -> Caller:
    return Caller(opener(host), host.addresses[0], port, version=4)


def readable(folder: Path) -> None:
    """SIP can be read: a call that begins late for a useless address, and one in which nobody is heard."""
    plain, keylog = folder / "calls-readable.pcap", folder / "keys.log"
    with Network() as net:
        office = Office(net, MERIDIAN)
        ula = office.device("10.44.17.36", office.pcs, vendor=HP)
        per = office.device("10.44.18.61", office.phones)
        clerk = office.device("10.44.17.19", office.pcs)
        office.router.rule("forward", "ip daddr 169.254.0.0/16 drop")
        scene = Scene(office, net.mirror(office.pcs))
        office.open(serves_sip=False)
        identity = office.identity()
        context = identity.server_context()
        context.keylog_filename = str(keylog)
        net.serve(office.pool, serve_front_end, TALKING, identity, office.ca.root_pem, context)
        time.sleep(SERVERS_UP_S)
        with scene.recorded(plain):
            noise = list(office.make_noise(2.0, clerk))
            asyncio.run(_readable(office, ula, per))
            net.join(*noise, timeout=30)
    embed_keys(plain, keylog, folder / "calls-readable.pcapng")


async def _readable(office: Office, near: Host, far: Host) -> None:
    one, other = await _signed_in(office, near, "ula", 50_104), await _signed_in(office, far, "per", 50_110)
    await _late(one, other)
    for party, port in ((one, 50_120), (other, 50_126)):
        await party.agent.close()
        party.user.free()
        party.agent = caller(near if party is one else far, port)
        await party.agent.open()
    await _silent(one, other)
    await asyncio.gather(one.agent.close(), other.agent.close(), one.user.close(), other.user.close())


async def _signed_in(office: Office, host: Host, name: str, port: int) -> Party:
    root, domain = office.ca.root_pem, office.plan.domain
    with host.entered():
        Resolver(office.plan.names).records(f"_sipinternaltls._tcp.{domain}", "SRV")
        Resolver(office.plan.names).records(office.plan.pool[0])
    identity = office.ca.issue(f"{name}@{domain}", client=True)
    party = Party(User(f"{name}@{domain}", opener(host), identity, root), caller(host, port))
    await party.user.connect(office.plan.pool[1], 5061, client_context([root]), office.plan.pool[0])
    await party.user.sign_in()
    await party.agent.open()
    return party


async def _accepted(one: Party, other: Party) -> tuple[Caller, Caller]:
    accepting = asyncio.create_task(other.user.accept(other.agent))
    await one.user.call(other.user.name, one.agent)
    await accepting
    assert isinstance(one.agent, Caller)
    assert isinstance(other.agent, Caller)
    meet(one.agent, other.agent)
    return one.agent, other.agent


async def _silent(one: Party, other: Party) -> None:
    """A pair is chosen, both keep it, neither speaks; the caller hangs up after 13 s."""
    near, far = await _accepted(one, other)
    await connect(near, far)
    await asyncio.gather(near.keep(12.6, 4.2), far.keep(12.6, 4.2))
    await one.user.hang_up(HUNG_UP)
    await asyncio.sleep(LET_GO_S)


async def _late(one: Party, other: Party) -> None:
    """The callee's first address is one without a lease; the caller waits for it."""
    good = other.agent.candidates
    useless = Candidate("host", "udp", (WITHOUT_LEASE, other.agent.at[1]))
    other.agent.candidates = [useless, *good]
    near, far = await _accepted(one, other)
    far.candidates = [useless]
    await near.insist(2.7, 0.45)
    far.candidates = good
    await connect(near, far)
    await asyncio.gather(near.speak(2.5), far.speak(2.5))
    await one.user.hang_up(HUNG_UP)
    await asyncio.sleep(LET_GO_S)


async def _refused(near: Caller, far: Caller) -> None:
    """Each takes the other's checks for wrongly signed."""
    near.refuses = far.refuses = True
    await asyncio.gather(near.check(), far.check())
    if near.valid or far.valid:
        raise LabError("a check was answered")


def hidden(folder: Path) -> None:
    """SIP is encrypted: one way, muted, cut off, a conference nobody gets into, and checks that are refused."""
    with Network() as net:
        office = Office(net, MERIDIAN)
        pcs = [office.device(f"10.44.17.{one}", office.pcs, vendor=HP) for one in (81, 82, 83, 84, 85)]
        others = [office.device(f"10.44.18.{one}", office.phones) for one in (91, 92, 93, 95)]
        pool = MERIDIAN.pool[1]
        office.router.rule("forward", f"ip daddr {pool} udp dport 49152-65535 drop")
        office.router.rule("forward", f"ip saddr {pool} udp sport 49152-65535 drop")
        scene = Scene(office, net.mirror(office.pcs))
        office.open()
        with scene.recorded(folder / "calls-hidden.pcap"):
            users = [scene.user(pc, name, discovers=False) for pc, name in ((pcs[0], "ea"), (pcs[3], "una"))]
            asyncio.run(_hidden(office, pcs, others))
            net.join(*users, timeout=30)


async def _hidden(office: Office, pcs: list[Host], others: list[Host]) -> None:
    near = [caller(pc, 50_400 + number) for number, pc in enumerate(pcs)]
    far = [caller(one, 50_500 + number) for number, one in enumerate(others)]
    far.insert(3, caller(office.pool, CONFERENCE_PORT))
    await asyncio.gather(*(one.open() for one in (*near, *far)))
    await asyncio.sleep(1.5)
    for one, other in zip(near, far, strict=True):
        meet(one, other)
    await asyncio.gather(*(connect(one, other) for one, other in zip(near[:3], far[:3], strict=True)))
    await asyncio.gather(
        *(near[0].speak(TALK_S), far[0].speak(TALK_S)),
        *(near[1].speak(9.5), far[1].speak(9.5, muted_after=3.0)),
        *(_cut_off(near[2]), far[2].speak(6.0)),
        *(near[3].insist(10.8, 1.2), far[3].insist(10.8, 1.2)),
        _refused(near[4], far[4]),
        _drop_later(office.router, far[0].at, near[2].at),
    )
    await asyncio.gather(*(one.close() for one in (*near, *far)))
    await asyncio.sleep(1.0)


async def _cut_off(one: Caller) -> None:
    await one.speak(6.0)
    await one.keep(8.0, 1.0)


async def _drop_later(router: Host, unheard: Address, cut: Address) -> None:
    await asyncio.sleep(3.0)
    router.rule("forward", f"ip saddr {unheard[0]} udp sport {unheard[1]} drop")
    await asyncio.sleep(3.0)
    router.rule("forward", f"udp dport {cut[1]} drop")
    router.rule("forward", f"udp sport {cut[1]} drop")


SCENARIOS = (
    Scenario((), readable, others=("calls-readable.pcapng",)),
    Scenario(("calls-hidden",), hidden),
)
