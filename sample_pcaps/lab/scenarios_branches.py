"""Ways inside a company: clients and their pools, pools and their Edges, and what servers say of them in SIP."""

import asyncio
import secrets
import socket
import time
from collections.abc import Mapping
from pathlib import Path

from sample_pcaps.lab import sip
from sample_pcaps.lab.connecting import close_tls, open_tcp_as_windows, open_tls
from sample_pcaps.lab.media import Agent
from sample_pcaps.lab.media_network import opener, serve_relay
from sample_pcaps.lab.network import HP, VMWARE, Host, Network
from sample_pcaps.lab.office import Office, Plan
from sample_pcaps.lab.pki import client_context
from sample_pcaps.lab.scenario import Scenario, embed_keys
from sample_pcaps.lab.scene import Scene
from sample_pcaps.lab.services import Conversation, Zone, serve_dns, serve_tcp
from sample_pcaps.lab.sip import registrar
from sample_pcaps.lab.web import read_message

TAILWIND = Plan(
    domain="tailwind.example",
    pcs="10.57.20.0/24",
    phones="10.57.21.0/24",
    servers="10.57.4.0/24",
    outside="203.0.113.96/28",
    web=("twweb.tailwind.example", "10.57.4.30"),
    pool=("twpool.tailwind.example", "10.57.4.31"),
    names="10.57.4.5",
    intranet=("desk.tailwind.example", "10.57.4.70"),
    files="10.57.4.71",
)
HOME, QUIET, HILL_A, HILL_B, TRIO_DEAD, TRIO = (f"10.57.4.{last}" for last in (41, 42, 43, 44, 45, 46))
EDGE_A, EDGE_B = "10.57.4.61", "10.57.4.62"
OUTER = {EDGE_A: "203.0.113.101", EDGE_B: "203.0.113.102"}
SAID = {
    "lost": ("504 Server time-out", '1007;reason="Temporarily cannot route";source="twpool.tailwind.example"'),
    "kim@rival.example": (
        "404 Not Found",
        '1005;reason="Cannot route to destination domain";source="twpool.tailwind.example"',
    ),
    "nobody": ("404 Not Found", '1003;reason="User does not exist";source="twpool.tailwind.example"'),
}
"""What the pool answers to messages, by whom they are for, with its diagnostics."""


def moves(target: str, said: Mapping[str, tuple[str, str]]) -> Conversation:
    """A registrar that sends `rita` and `ron` to another server, and answers messages as `said`."""

    def talk(connection: socket.socket) -> None:
        waiting = b""
        while request := read_message(connection, waiting):
            head, waiting = request
            copied = ("via:", "from:", "to:", "call-id:", "cseq:")
            echoed = [one for one in head.split("\r\n")[1:] if one.lower().startswith(copied)]
            end = ["Server: RTC/5.0", "Content-Length: 0", "", ""]
            refused = next((text for who, text in said.items() if f"MESSAGE sip:{who}" in head), None)
            if refused:
                lines = [f"SIP/2.0 {refused[0]}", *echoed, f"ms-diagnostics: {refused[1]}", *end]
            elif head.startswith("REGISTER") and "sip:r" in head and "Authorization" in head:
                moved = f"Contact: <sip:{target}:5061;transport=tls>"
                lines = ["SIP/2.0 301 Redirect request to Home Server", *echoed, moved, *end]
            elif head.startswith("REGISTER") and "Authorization" not in head:
                challenge = 'WWW-Authenticate: NTLM realm="SIP Communications Service", targetname="x", version=4'
                lines = ["SIP/2.0 401 Unauthorized", *echoed, challenge, *end]
            else:
                lines = ["SIP/2.0 200 OK", *echoed, "Expires: 7200", *end]
            connection.sendall("\r\n".join(lines).encode())

    return talk


def sent_on(office: Office, user: str, first: str, home: str) -> None:
    """Sign in, be sent on, leave, and try the server that was named; its web site works."""
    resolver, context = office.plan.resolver, client_context([office.ca.root_pem])
    resolver.records(f"_sipinternaltls._tcp.{user.partition('@')[2]}", "SRV")
    if connection := open_tls(resolver.address(first), 5061, context, first):
        for number, authorized in enumerate((False, True), start=1):
            connection.sendall(sip.request("REGISTER", user, number, sip.DESKTOP_AGENT, authorized=authorized))
            read_message(connection, b"")
        close_tls(connection)
    open_tcp_as_windows(resolver.address(home), 5061)
    asks(resolver.address(home), 443)


def writes(office: Office, user: str, pool: str) -> None:
    """Sign in and send messages to three people, each twice."""
    context = client_context([office.ca.root_pem])
    connection = open_tls(office.plan.resolver.address(pool), 5061, context, pool)
    assert connection
    sip.sign_in(connection, user, sip.DESKTOP_AGENT)
    domain = user.partition("@")[2]
    for number, to in enumerate(("lost", "kim@rival.example", "nobody", "lost"), start=10):
        whole = to if "@" in to else f"{to}@{domain}"
        text = sip.request("MESSAGE", whole, number, sip.DESKTOP_AGENT, authorized=True).decode()
        text = text.replace(f"From: <sip:{whole}>", f"From: <sip:{user}>")
        connection.sendall(text.encode())
        read_message(connection, b"")
        time.sleep(1.5)
    close_tls(connection)


def asks(address: str, port: int) -> None:
    """Open a connection to a server and say something."""
    if connection := open_tcp_as_windows(address, port):
        connection.sendall(secrets.token_bytes(40))
        connection.close()


async def _relays(pc: Host) -> None:
    """A PC gets relay candidates at both Edges."""
    for number, edge in enumerate((EDGE_A, EDGE_B)):
        agent = Agent(opener(pc), pc.addresses[0], 50060 + 4 * number, version=5)
        await agent.open()
        await agent.gather_udp(edge)
        await agent.close()


def inside(folder: Path) -> None:
    """Two pools out of reach, two users sent on to nowhere, two Edges cut off; the pool's keys are kept."""
    plain, keylog = folder / "plain.pcap", folder / "keys"
    with Network() as net:
        office = Office(net, TAILWIND)
        pcs = {n: office.device(f"10.57.20.{n}", office.pcs, vendor=HP) for n in range(31, 37)}
        far = {n: office.device(f"10.57.21.{n}", office.phones, vendor=HP) for n in (31, 32)}
        servers = {one: office.server(one, vendor=VMWARE) for one in (HOME, QUIET, HILL_A, HILL_B, TRIO_DEAD, TRIO)}
        edges = {one: office.server(one, vendor=VMWARE) for one in (EDGE_A, EDGE_B)}
        for inner, outer in OUTER.items():
            edges[inner].plug(office.outside, outer)
        scene = Scene(office, net.mirror(office.servers))
        net.start()
        _serve(net, office, servers, edges, keylog)
        servers[HOME].rule("input", "tcp dport 5061 drop")
        servers[HILL_B].rule("input", f"ip saddr {TAILWIND.pcs} tcp dport 5061 drop")
        for port in (5061, 23456):
            edges[EDGE_A].rule("input", f"tcp dport {port} drop")
        office.pool.rule("input", f"ip saddr {EDGE_B} tcp dport 5061 drop")
        domain = TAILWIND.domain
        with scene.recorded(plain):
            asyncio.run(_relays(pcs[36]))
            talks = [net.spawn(office.pool, asks, EDGE_A, port) for port in (5061, 23456)]
            talks += [net.spawn(edges[EDGE_B], asks, TAILWIND.pool[1], 5061)]
            talks += [net.spawn(pcs[31], sent_on, office, f"rita@{domain}", TAILWIND.pool[0], f"twhome.{domain}")]
            talks += [
                net.spawn(pcs[32], sent_on, office, f"ron@quiet.{domain}", f"twquiet.{domain}", f"twhome.{domain}")
            ]
            talks += [net.spawn(pcs[33], writes, office, f"wes@{domain}", TAILWIND.pool[0])]
            for host, user, pool in ((pcs[34], "hal@hill", "pool.hill"), (pcs[35], "tia@trio", "pool.trio"),
                                     (far[31], "hop@hill", "second.hill")):  # fmt: skip
                talks += [net.spawn(host, _roams, office, f"{user}.{domain}", f"{pool}.{domain}")]
            net.join(*talks, timeout=90)
            asyncio.run(_relays(pcs[36]))
            time.sleep(2.0)
    embed_keys(plain, keylog, folder / "branches-inside.pcapng")


def _roams(office: Office, user: str, pool: str) -> None:
    """Try every address of the pool's name, one after the other, and sign in at the first that answers."""
    plan, context = office.plan, client_context([office.ca.root_pem])
    plan.resolver.records(f"_sipinternaltls._tcp.{user.partition('@')[2]}", "SRV")
    for address in plan.resolver.records(pool):
        if connection := open_tls(address, 5061, context, pool):
            sip.sign_in(connection, user, sip.DESKTOP_AGENT)
            close_tls(connection)
            break


def _serve(net: Network, office: Office, servers: Mapping[str, Host], edges: Mapping[str, Host], keylog: Path) -> None:
    domain = TAILWIND.domain
    net.serve(office.names, serve_dns, _zone(office))
    names = [f"{one}.{domain}" for one in ("twquiet", "twhome", "pool.hill", "second.hill", "pool.trio")]
    identity = office.ca.issue(TAILWIND.pool[0], *names)
    kept = identity.server_context()
    kept.keylog_filename = str(keylog)
    net.serve(office.pool, serve_tcp, 5061, moves(f"twhome.{domain}", SAID), kept)
    net.serve(servers[QUIET], serve_tcp, 5061, moves(f"twhome.{domain}", {}), identity.server_context())
    for one in (HOME, HILL_B, TRIO):
        net.serve(servers[one], serve_tcp, 5061, registrar(f"pool.{domain}", ""), identity.server_context())
    for one in (HOME, HILL_A, HILL_B):
        net.serve(servers[one], serve_tcp, 443, registrar(f"pool.{domain}", ""), identity.server_context())
    for address, edge in edges.items():
        net.serve(edge, serve_relay, [address], OUTER[address])
        net.serve(edge, serve_tcp, 5061, registrar(f"edge.{domain}", ""), identity.server_context())
    time.sleep(0.5)


def _zone(office: Office) -> Zone:
    """The company's own records, and those of the pools of two parts of it."""
    domain = TAILWIND.domain
    pools = {"twhome": [HOME], "twquiet": [QUIET], "pool.hill": [HILL_A, HILL_B], "second.hill": [HILL_B]}
    records = {(f"{name}.{domain}", "A"): found for name, found in {**pools, "pool.trio": [TRIO_DEAD, TRIO]}.items()}
    for part, pool in (("hill", "pool.hill"), ("trio", "pool.trio"), ("quiet", "twquiet")):
        records[f"_sipinternaltls._tcp.{part}.{domain}", "SRV"] = [f"0 0 5061 {pool}.{domain}."]
    return office.zone() | records


SCENARIOS = (Scenario((), inside, others=("branches-inside.pcapng",)),)
