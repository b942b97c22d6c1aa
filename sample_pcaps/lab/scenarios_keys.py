"""Scenarios whose TLS can be read: with a key log beside or inside the capture, or with the server's RSA key."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

from sample_pcaps.lab.calls import FABRIKAM, call, gather, leave, party, sign_in
from sample_pcaps.lab.media_network import FRONT_END, Deployment
from sample_pcaps.lab.network import Network
from sample_pcaps.lab.pki import client_context
from sample_pcaps.lab.scenario import Scenario, embed_keys
from sample_pcaps.lab.scenarios_media import film

TALK_S = 2.0
RSA_ONLY = "AES128-SHA:@SECLEVEL=0"


def with_keys(folder: Path, name: str, newest: ssl.TLSVersion) -> None:
    """Two users sign in, one calls the other and hangs up; the keys are kept."""
    plain, keylog = folder / f"{name}.pcap", folder / f"{name}.keylog"
    with Network() as net:
        office = Deployment(net, talking=FABRIKAM, keylog=keylog, newest_tls=newest)
        office.guard()
        with film(office, net.mirror(office.backbone), plain):
            asyncio.run(_sign_in_and_call(office, newest))
    embed_keys(plain, keylog, folder / f"{name}-embedded.pcapng")


async def _sign_in_and_call(office: Deployment, newest: ssl.TLSVersion) -> None:
    anna, ben = party(office, office.anna, "anna", 50006), party(office, office.ben, "ben", 50012)
    for host, one in ((office.anna, anna), (office.ben, ben)):
        await sign_in(office, host, one, newest)
    await gather(anna.agent, ben.agent)
    await call(anna, ben, seconds=TALK_S)
    await leave(anna, ben)


def tls12(folder: Path) -> None:
    """TLS 1.2 with ephemeral keys: only the key log opens it."""
    with_keys(folder, "signin-keys-tls12", ssl.TLSVersion.TLSv1_2)


def tls13(folder: Path) -> None:
    """TLS 1.3: certificates are hidden as well."""
    with_keys(folder, "signin-keys-tls13", ssl.TLSVersion.TLSv1_3)


def rsa(folder: Path) -> None:
    """The Front End exchanges keys by RSA only: its private key opens every full handshake."""
    with Network() as net:
        office = Deployment(net, talking=FABRIKAM, ciphers=RSA_ONLY)
        office.guard()
        with film(office, net.mirror(office.backbone), folder / "signin-rsa-key.pcap"):
            asyncio.run(_sign_in_and_call(office, ssl.TLSVersion.TLSv1_2))
            net.join(net.spawn(office.carla, _come_back, office.authority.root_pem), timeout=10)
        (folder / "signin-rsa-key.key").write_bytes(office.front_end_identity.key)


def _come_back(root: bytes) -> None:
    """Connect, and connect again with the session's ticket: the second handshake holds no key exchange."""
    context, session = client_context([root]), None
    for _ in range(2):
        with (
            socket.create_connection((FRONT_END, 5061)) as tcp,
            context.wrap_socket(tcp, server_hostname="fe01.fabrikam.example", session=session) as tls,
        ):
            tls.sendall(b"OPTIONS sip:fabrikam.example SIP/2.0\r\nContent-Length: 0\r\n\r\n")
            tls.recv(4096)
            session = tls.session


SCENARIOS = (
    Scenario(("signin-keys-tls12",), tls12, others=("signin-keys-tls12.keylog", "signin-keys-tls12-embedded.pcapng")),
    Scenario(("signin-keys-tls13",), tls13, others=("signin-keys-tls13.keylog", "signin-keys-tls13-embedded.pcapng")),
    Scenario(("signin-rsa-key",), rsa, others=("signin-rsa-key.key",)),
)
