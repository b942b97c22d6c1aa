"""Devices of the laboratory: the Lync phone, the desktop client inside and outside, office noise."""

import contextlib
import os
import secrets
import socket
import ssl
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sample_pcaps.lab import sip, web
from sample_pcaps.lab.connecting import (
    DhcpClient,
    Resolver,
    close_tls,
    exchange,
    open_tcp,
    open_tcp_as_windows,
    open_tls,
    protect,
    set_clock,
    voice_vlan_of,
    web_server_of,
)
from sample_pcaps.lab.neighbours import learn_voice_vlan
from sample_pcaps.lab.pki import client_context
from sample_pcaps.lab.services import CERTPROV_PATH

STEP_SECONDS = 0.3
"""How long a phone thinks between two steps of its boot."""
PHONE_AGENT = (("User-Agent", sip.PHONE_AGENT),)
DESKTOP_AGENT = (
    ("User-Agent", sip.DESKTOP_AGENT),
    ("Accept", "application/vnd.microsoft.rtc.autodiscover+json;v=1"),
)


@dataclass(frozen=True)
class Phone:
    """One Lync phone: who it is, what it already knows, and how stubborn it is."""

    user: str
    resolver: Resolver
    root: bytes
    """The root it ends up trusting once it has fetched the chain."""
    mac: str | None = None
    """Given: it boots by DHCP. None: it has its address and learns names from DNS only."""
    web_server: str | None = None
    """Needed without DHCP."""
    trusts_root: bool = False
    """It kept the chain from an earlier boot and asks no more."""
    checks_updates: bool = True
    attempts: int = 3
    pause: float = 1.5
    newest_tls: ssl.TLSVersion = ssl.TLSVersion.TLSv1
    stays: float = 1.0
    """Seconds it stays signed in."""
    provisioning: str | None = None
    """Address of the vendor's provisioning server, asked over HTTP before anything of Lync."""
    interface: str = "eth0"


def phone(plan: Phone) -> None:
    """Boot as Lync Phone Edition does: address, time, names, options, root chain, ticket, SIP."""
    domain = plan.user.partition("@")[2]
    web_server = plan.web_server or ""
    dhcp = DhcpClient(plan.mac, plan.interface) if plan.mac else None
    bound = dhcp.boot(b"CPE-OCPHONE") if dhcp else None
    if plan.provisioning:
        _ask_provisioning(plan.provisioning)
    _find_time(plan.resolver, domain)
    target = plan.resolver.records(f"_sipinternaltls._tcp.{domain}", "SRV")
    registrar = target[0].split()[3].rstrip(".")
    time.sleep(STEP_SECONDS)
    if plan.checks_updates:
        _check_updates(plan, f"ucupdates-r2.{domain}")
    if dhcp and bound:
        web_server = web_server_of(dhcp.inform(bound.address, b"MS-UC-Client")[43])
    time.sleep(STEP_SECONDS)
    web_address = plan.resolver.address(web_server)
    trusted = plan.trusts_root or _fetch_root_chain(plan, web_server, web_address)
    context = client_context([plan.root] if trusted else [], newest=plan.newest_tls, names_checked=False)
    if _provision(plan, context, web_server, web_address) or not trusted:
        _register(plan, context, plan.resolver.address(registrar))


def phone_in_voice_vlan(plan: Phone, patience: float) -> None:
    """Learn the voice VLAN from the switch, else by DHCP in the data VLAN (eth0); then boot in it (eth1)."""
    assert plan.mac
    if learn_voice_vlan("eth0", patience) is None:
        client = DhcpClient(plan.mac)
        bound = client.boot(b"CPE-OCPHONE")
        voice_vlan_of(bound.options[43])
        client.leave(bound)
    time.sleep(STEP_SECONDS)
    phone(replace(plan, interface="eth1"))


def _ask_provisioning(address: str) -> None:
    if connection := open_tcp(address, 80):
        with connection:
            exchange(connection, "GET", address, "/000000000000.cfg", headers=PHONE_AGENT)


def _find_time(resolver: Resolver, domain: str) -> None:
    if found := resolver.records(f"_ntp._udp.{domain}", "SRV"):
        set_clock(resolver.address(found[0].split()[3].rstrip(".")))


def _check_updates(plan: Phone, name: str) -> None:
    found = plan.resolver.records(name)
    connection = open_tcp(found[0], 80) if found else None
    if connection:
        with connection:
            body = f"<Request><MacAddress>{plan.mac}</MacAddress></Request>".encode()
            path = "/RequestHandler/ucdevice.upx"
            exchange(connection, "POST", name, path, headers=PHONE_AGENT, body=body)


def _fetch_root_chain(plan: Phone, web_server: str, address: str) -> bool:
    action = ("SOAPAction", f'"{web.AUTH_NAMESPACE}GetRootCertChains"')
    headers = (*PHONE_AGENT, ("Content-Type", web.SOAP), action)
    for _ in range(plan.attempts):
        if connection := open_tcp(address, 80):
            with connection:
                body = web.root_chains_request()
                path = f"{CERTPROV_PATH}/anon"
                status, _ = exchange(connection, "POST", web_server, path, headers=headers, body=body)
            if status == 200:
                return True
        time.sleep(plan.pause)
    return False


def _provision(plan: Phone, context: ssl.SSLContext, web_server: str, address: str) -> bool:
    connection = open_tls(address, 443, context, None)
    if connection is None:
        return False
    headers = (*PHONE_AGENT, ("Content-Type", web.SOAP))
    steps = [
        (f"{web.WEB_TICKET_PATH}/pin", web.web_ticket_request(plan.user)),
        (f"{CERTPROV_PATH}/WebTicket_Proof", web.publish_request(plan.user)),
    ]
    for path, body in steps:
        exchange(connection, "POST", web_server, path, headers=headers, body=body)
    close_tls(connection)
    return True


def _register(plan: Phone, context: ssl.SSLContext, address: str) -> None:
    if connection := open_tls(address, 5061, context, None):
        sip.sign_in(connection, plan.user, sip.PHONE_AGENT)
        time.sleep(plan.stays)
        close_tls(connection)


@dataclass(frozen=True)
class Desktop:
    """One Lync desktop client."""

    user: str
    resolver: Resolver
    root: bytes
    registrar: str
    sip_port: int = 5061
    stays: float = 1.0
    newest_tls: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    discovers: bool = True
    """Asks for lyncdiscoverinternal first; Lync 2010 goes by SRV records only."""
    conference: tuple[str, int] | None = None
    """Name and port of the web conferencing service of a meeting it joins after sign-in."""


def desktop(plan: Desktop) -> None:
    """Discover, sign in, and join the data of a meeting if there is one."""
    context = client_context([plan.root], newest=plan.newest_tls)
    domain = plan.user.partition("@")[2]
    for host in ("lyncdiscoverinternal", "lyncdiscover") if plan.discovers else ():
        if found := plan.resolver.records(f"{host}.{domain}"):
            _discover(plan, context, f"{host}.{domain}", found[0])
            break
    plan.resolver.records(_srv(plan), "SRV")
    connection = open_tls(plan.resolver.address(plan.registrar), plan.sip_port, context, plan.registrar)
    if connection is None:
        return
    sip.sign_in(connection, plan.user, sip.DESKTOP_AGENT)
    if plan.conference:
        join_data(plan.resolver, context, *plan.conference)
    time.sleep(plan.stays)
    close_tls(connection)


def _srv(plan: Desktop) -> str:
    domain = plan.user.partition("@")[2]
    return f"_sipinternaltls._tcp.{domain}" if plan.sip_port == 5061 else f"_sip._tls.{domain}"


def _discover(plan: Desktop, context: ssl.SSLContext, name: str, address: str) -> None:
    """Ask over HTTP and HTTPS at once; the HTTPS connection is dropped unused when HTTP answers first."""
    raced = socket.socket()
    raced.setblocking(False)
    raced.connect_ex((address, 443))
    connection = open_tcp_as_windows(address, 80)
    if connection is None:
        raced.setblocking(True)
        _user_resource(plan, protect(raced, context, name), name)
        return
    with connection:
        exchange(connection, "GET", name, f"/?sipuri={plan.user}", headers=DESKTOP_AGENT)
    raced.close()
    _user_resource(plan, open_tls(address, 443, context, name), name)


def _user_resource(plan: Desktop, connection: ssl.SSLSocket | None, name: str) -> None:
    if connection is None:
        return
    root = "/Autodiscover/AutodiscoverService.svc/root"
    exchange(connection, "GET", name, f"{root}?sipuri={plan.user}", headers=DESKTOP_AGENT)
    exchange(connection, "GET", name, "/Autodiscover/user", headers=DESKTOP_AGENT)
    soap = (*DESKTOP_AGENT, ("Content-Type", web.SOAP))
    exchange(connection, "POST", name, web.WEB_TICKET_PATH, headers=soap, body=web.web_ticket_request(plan.user))
    ticket = (*DESKTOP_AGENT, ("X-MS-WebTicket", secrets.token_urlsafe(400)))
    exchange(connection, "GET", name, "/Autodiscover/user", headers=ticket)
    close_tls(connection)


def join_data(resolver: Resolver, context: ssl.SSLContext, name: str, port: int, turns: int = 6) -> None:
    """Join a meeting's whiteboard over PSOM; the bytes inside TLS are opaque."""
    connection = open_tls(resolver.address(name), port, context, name)
    if connection is None:
        return
    for _ in range(turns):
        connection.sendall(secrets.token_bytes(120 + secrets.randbelow(300)))
        connection.recv(4096)
        time.sleep(0.3)
    close_tls(connection)


@dataclass(frozen=True)
class Noise:
    """What a device talks besides Lync."""

    resolver: Resolver
    seconds: float
    sites: Sequence[str] = ()
    """HTTPS sites on the Internet."""
    root: bytes = b""
    """The public root those sites chain to."""
    intranet: str | None = None
    """A web server that has port 80 but refuses 8080."""
    file_server: str | None = None
    time_server: str | None = None
    newest_tls: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3


def noise(plan: Noise) -> None:
    """Talk a little of everything until the time is over; failures of it are nobody's business."""
    end = time.monotonic() + plan.seconds
    while time.monotonic() < end:
        for talk in (_name_service, _browse, _intranet, _files, _clock_and_echo):
            with contextlib.suppress(OSError):
                talk(plan)
            time.sleep(min(plan.seconds / 12, 1.0))


def _name_service(plan: Noise) -> None:
    """Ask neighbours by LLMNR (RFC 4795) and announce by mDNS (RFC 6762)."""
    name = b"\x06wpad05\x00\x00\x01\x00\x01"
    query = struct.pack("!6H", secrets.randbelow(65536), 0, 1, 0, 0, 0) + name
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as speaking:
        speaking.sendto(query, ("224.0.0.252", 5355))
        service = b"\x08_printer\x04_tcp\x05local\x00\x00\x0c\x00\x01"
        speaking.sendto(struct.pack("!6H", 0, 0, 1, 0, 0, 0) + service, ("224.0.0.251", 5353))


def _browse(plan: Noise) -> None:
    if not plan.sites:
        return
    context = client_context([plan.root], newest=plan.newest_tls)
    for name in plan.sites:
        if connection := open_tls(plan.resolver.address(name), 443, context, name):
            exchange(connection, "GET", name, "/", headers=(("User-Agent", "Mozilla/5.0 (Windows NT 6.1)"),))
            close_tls(connection)


def _intranet(plan: Noise) -> None:
    if plan.intranet:
        address = plan.resolver.address(plan.intranet)
        if connection := open_tcp(address, 80):
            with connection:
                exchange(connection, "GET", plan.intranet, "/news", headers=(("User-Agent", "Mozilla/5.0"),))
        open_tcp_as_windows(address, 8080)


def _files(plan: Noise) -> None:
    if plan.file_server and (connection := open_tcp(plan.file_server, 445)):
        with connection:
            connection.settimeout(2.0)
            header = b"\xfeSMB" + struct.pack("<HHIHHIIQ", 64, 0, 0, 0, 1, 0, 0, 0) + bytes(28)
            body = header + struct.pack("<HHHHI", 36, 2, 1, 0, 0x7F) + os.urandom(16) + bytes(8)
            request = body + struct.pack("<HH", 0x0202, 0x0210)
            connection.sendall(struct.pack("!I", len(request)) + request)
            connection.recv(4096)


def _clock_and_echo(plan: Noise) -> None:
    if plan.time_server:
        set_clock(plan.time_server)
        ping(plan.time_server)


def ping(address: str) -> None:
    """Send one ICMP echo request of 32 letters, as Windows' ping does."""
    body = b"abcdefghijklmnopqrstuvwabcdefghi"
    head = struct.pack("!BBHHH", 8, 0, 0, 1, secrets.randbelow(65536))
    total = sum(struct.unpack(f"!{(len(head) + len(body)) // 2}H", head + body))
    total = (total & 0xFFFF) + (total >> 16)
    checksum = struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as speaking:
        speaking.sendto(head[:2] + checksum + head[4:] + body, (address, 0))
