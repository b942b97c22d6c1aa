"""A whole call of two signed-in users: sign-in, relay credentials, offer and answer, checks, media, hang-up."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sample_pcaps.lab.connecting import Resolver
from sample_pcaps.lab.front_end import Settings
from sample_pcaps.lab.media import SILK_WIDE, Agent, connect, converse
from sample_pcaps.lab.media_network import DNS_SERVER, EDGE_INTERNAL, FRONT_END, Deployment, opener
from sample_pcaps.lab.network import Host
from sample_pcaps.lab.pki import client_context
from sample_pcaps.lab.sip_user import User

FABRIKAM = Settings(
    name="fe01.fabrikam.example",
    domain="fabrikam.example",
    web="webint.fabrikam.example",
    relay="edge01.fabrikam.example",
)
HUNG_UP = '51004; reason="Action initiated by user"'
NO_MEDIA = '22; reason="Call failed to establish due to a media connectivity failure when both endpoints are internal"'
LET_GO_S = 0.6


@dataclass
class Party:
    """One user with her media endpoint."""

    user: User
    agent: Agent

    @property
    def debug(self) -> str:
        """What her client writes into its diagnostics of the call's media."""
        host, port = self.agent.at
        relay = next((one.address for one in self.agent.candidates if one.kind == "relay"), ("0.0.0.0", 0))
        warning = "0x0" if self.agent.chosen else "0x3e0"
        remote = self.agent.peer.at
        return (
            f"audio:ICEWarn={warning},LocalSite={host}:{port},LocalMR={relay[0]}:{relay[1]},"
            f"RemoteSite={remote[0]}:{remote[1]},PortRange=50000:50039,LocalMRTCPPort={relay[1]},LocalLocation=2,"
            "RemoteLocation=2,FederationType=0"
        )


def party(office: Deployment, host: Host, name: str, port: int, *, version: int = 4) -> Party:
    """A user at a PC of the deployment; called within the event loop."""
    identity = office.authority.issue(f"{name}@fabrikam.example", client=True)
    user = User(f"{name}@fabrikam.example", opener(host), identity, office.authority.root_pem)
    return Party(user, Agent(opener(host), host.addresses[0], port, version=version))


async def sign_in(office: Deployment, host: Host, one: Party, newest: ssl.TLSVersion) -> int:
    """Find the Front End by DNS, sign in, ask for relay credentials; return that answer's status."""
    with host.entered():
        Resolver(DNS_SERVER).records("_sipinternaltls._tcp.fabrikam.example", "SRV")
        Resolver(DNS_SERVER).records("fe01.fabrikam.example")
    context = client_context([office.authority.root_pem], newest=newest)
    await one.user.connect(FRONT_END, 5061, context, "fe01.fabrikam.example")
    await one.user.sign_in()
    assert office.talking
    status = await one.user.ask_relay(office.talking.relay_service)
    one.agent.token = one.user.token
    if status == 200:
        with host.entered():
            Resolver(DNS_SERVER).records("edge01.fabrikam.example")
    return status


Checks = Callable[[Agent, Agent], Awaitable[None]]
"""Lets both agents check and the caller choose; chooses nothing when nothing was answered."""


async def call(caller: Party, callee: Party, *, seconds: float, checks: Checks = connect) -> None:
    """Call, check, talk, and hang up, saying why."""
    accepting = asyncio.create_task(callee.user.accept(callee.agent))
    await caller.user.call(callee.user.name, caller.agent)
    await accepting
    await checks(caller.agent, callee.agent)
    if caller.agent.chosen:
        await asyncio.sleep(0.15)
        await caller.user.confirm(caller.agent, caller.agent.chosen[1])
        await converse(caller.agent, callee.agent, seconds, SILK_WIDE)
    reason = HUNG_UP if caller.agent.chosen else NO_MEDIA
    await caller.user.hang_up(f'{reason}; CallerMediaDebug="{caller.debug}"')
    await asyncio.sleep(LET_GO_S)


async def gather(*agents: Agent, relay: str | None = EDGE_INTERNAL) -> None:
    """Open the ports of all; those with credentials ask the relay for a port of its own."""
    for one in agents:
        await one.open()
        if relay:
            await one.gather_udp(relay)


async def leave(*parties: Party) -> None:
    await asyncio.gather(*(one.agent.close() for one in parties), *(one.user.close() for one in parties))
