"""Lync phones whose boot goes wrong: each function is what one phone does, with what it was told or not."""

import contextlib
import ssl
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sample_pcaps.lab import sip, web
from sample_pcaps.lab.connecting import DhcpClient, Resolver, close_tls, exchange, open_tcp, open_tls, set_clock
from sample_pcaps.lab.pki import client_context
from sample_pcaps.lab.services import CERTPROV_PATH

THINKS = 0.3
NEW_YEAR_2005 = 1104537600
"""Where a phone's clock begins that was told no time."""


@dataclass(frozen=True)
class Astray:
    """One phone."""

    user: str
    resolver: Resolver
    registrar: str
    """The address it connects to."""
    mac: str | None = None
    """Given: it boots by DHCP on eth0."""
    roots: Sequence[bytes] = ()
    """The roots it holds from before."""
    asks: Sequence[tuple[str, str]] = ()
    """Names it asks DNS for and record types."""
    newest_tls: ssl.TLSVersion = ssl.TLSVersion.TLSv1
    agent: str = sip.PHONE_AGENT
    stays: float = 2.0
    signs_in: bool = True
    informs: int = 1
    """How often it asks DHCP for the phones' options."""
    web: tuple[str, str] = ("", "")
    """Name and address of the web services it was told of."""
    chain: bytes = field(default=b"", repr=False)
    """The root it trusts once it has fetched the chain."""

    @property
    def domain(self) -> str:
        """Of its user."""
        return self.user.partition("@")[2]


def boot(plan: Astray) -> None:
    """Get an address, ask for the phones' options, ask DNS, and try the registrar."""
    assert plan.mac
    client = DhcpClient(plan.mac)
    bound = client.boot(b"CPE-OCPHONE")
    time.sleep(THINKS)
    _ask(plan)
    for _ in range(plan.informs):
        with contextlib.suppress(TimeoutError):
            client.inform(bound.address, b"MS-UC-Client")
    settle(plan)


def settle(plan: Astray) -> None:
    """Ask DNS where no boot did, then try the registrar with the roots at hand."""
    if not plan.mac:
        _ask(plan)
    if plan.signs_in:
        _register(plan, list(plan.roots))


def _ask(plan: Astray) -> None:
    for name, kind in plan.asks:
        plan.resolver.records(name, kind)
        time.sleep(THINKS)


def _register(plan: Astray, roots: list[bytes], attempts: int = 2) -> None:
    context = client_context(roots, newest=plan.newest_tls, names_checked=False)
    for _ in range(attempts):
        connection = open_tls(plan.registrar, 5061, context, None)
        if connection:
            sip.sign_in(connection, plan.user, plan.agent)
            time.sleep(plan.stays)
            close_tls(connection)
            return
        time.sleep(1.5)


def boot_with_service(plan: Astray) -> None:
    """Boot with option 43 at hand: root chain, web ticket by PIN, certificate; the registrar only if it signs in."""
    if plan.mac:
        client = DhcpClient(plan.mac)
        bound = client.boot(b"CPE-OCPHONE")
        time.sleep(THINKS)
        _ask(plan)
        client.inform(bound.address, b"MS-UC-Client")
    else:
        _ask(plan)
    if _provision(plan) and plan.signs_in:
        _register(plan, [plan.chain])


def _provision(plan: Astray, tries: int = 3) -> bool:
    name, address = plan.web
    agent = (("User-Agent", plan.agent), ("Content-Type", web.SOAP))
    if connection := open_tcp(address, 80):
        with connection:
            action = ("SOAPAction", f'"{web.AUTH_NAMESPACE}GetRootCertChains"')
            body = web.root_chains_request()
            exchange(connection, "POST", name, f"{CERTPROV_PATH}/anon", headers=(*agent, action), body=body)
    context = client_context([plan.chain], newest=plan.newest_tls, names_checked=False)
    for _ in range(tries):
        connection = open_tls(address, 443, context, None)
        assert connection
        body = web.web_ticket_request(plan.user)
        status, _ = exchange(connection, "POST", name, f"{web.WEB_TICKET_PATH}/pin", headers=agent, body=body)
        if status == 200:
            body = web.publish_request(plan.user)
            exchange(connection, "POST", name, f"{CERTPROV_PATH}/WebTicket_Proof", headers=agent, body=body)
        close_tls(connection)
        if status == 200:
            return True
        time.sleep(2.0)
    return False


def boot_without_time(plan: Astray, fallback: str) -> None:
    """Boot, find no time server, ask the public one in vain, and take the certificate for one not valid yet."""
    assert plan.mac
    DhcpClient(plan.mac).boot(b"CPE-OCPHONE")
    time.sleep(THINKS)
    _ask(plan)
    address = plan.resolver.address(fallback)
    for _ in range(2):
        with contextlib.suppress(TimeoutError):
            set_clock(address)
    with tempfile.NamedTemporaryFile() as roots:
        Path(roots.name).write_bytes(b"".join(plan.roots))
        command = ["openssl", "s_client", "-connect", f"{plan.registrar}:5061", "-tls1", "-cipher", "ALL:@SECLEVEL=0"]
        command += ["-CAfile", roots.name, "-attime", str(NEW_YEAR_2005), "-verify_return_error", "-noservername"]
        subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=20)


def boot_tied_to_pc(plan: Astray, directory: str) -> None:
    """Boot beside a PC: no PIN, so the directory is asked for the root, which a firewall prevents."""
    assert plan.mac
    DhcpClient(plan.mac).boot(b"CPE-OCPHONE")
    time.sleep(THINKS)
    _ask(plan)
    open_tcp(directory, 389)
    _register(plan, [])


def boot_into_dead_vlan(plan: Astray) -> None:
    """Be sent to a voice VLAN by option 43 (eth0), go there (eth1), and find no DHCP."""
    assert plan.mac
    client = DhcpClient(plan.mac)
    bound = client.boot(b"CPE-OCPHONE")
    client.leave(bound)
    time.sleep(THINKS)
    elsewhere = DhcpClient(plan.mac, "eth1")
    for _ in range(3):
        with contextlib.suppress(TimeoutError):
            elsewhere.boot(b"CPE-OCPHONE")


def other_make(plan: Astray, provisioning: str) -> None:
    """A phone of another maker: it asks DHCP for nothing of Lync's, and signs in with the root it was given."""
    assert plan.mac
    DhcpClient(plan.mac).boot(b"Polycom-VVX410")
    agent = (("User-Agent", "FileTransport PolycomVVX-VVX_410-UA/5.9.5.0614 Type/Application"),)
    if connection := open_tcp(provisioning, 80):
        with connection:
            exchange(connection, "GET", provisioning, "/000000000000.cfg", headers=agent)
    _ask(plan)
    _register(plan, list(plan.roots))


def clocked(server: str, seconds: float) -> None:
    """Ask for the time every four seconds, as something that goes on while the phones are done."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        set_clock(server)
        time.sleep(4.0)
