"""Clients outside an organisation that look for its web services, and the organisations they visit."""

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from sample_pcaps.lab import sip
from sample_pcaps.lab.clients import Desktop, Phone, desktop
from sample_pcaps.lab.connecting import Resolver, close_tls, exchange, open_tcp, open_tcp_as_windows, open_tls
from sample_pcaps.lab.network import LINUX, WINDOWS, Host, Network, Stack
from sample_pcaps.lab.pki import Authority, client_context
from sample_pcaps.lab.services import Zone, serve_dns
from sample_pcaps.lab.web import Reply

AGENT = (
    ("User-Agent", "AndroidLync/6.3.1608.0000 (Android 5.1)"),
    ("Accept", "application/vnd.microsoft.rtc.autodiscover+json;v=1"),
)
SHORE, GATEWAY, NAMES = "203.0.113.64/26", "203.0.113.65", "203.0.113.70"


class Shore:
    """A provider's network with visitors and a name server, and beyond it the networks of organisations."""

    def __init__(self, net: Network, beyond: str, gateway: str) -> None:
        """`beyond` is the network in which all organisations have their outer servers."""
        self.net = net
        self.isp, self.sea = net.segment(SHORE, delay=0.005), net.segment(beyond, delay=0.001)
        self._gateway = gateway
        self.router = net.router({self.isp: GATEWAY, self.sea: gateway})
        self.names = net.host(NAMES, self.isp, gateway=GATEWAY, stack=LINUX)
        self.public_ca = Authority("Lab Trust Network", "Lab Public")

    def visitor(self, address: str, stack: Stack = WINDOWS, vendor: str = "f4:f5:e8") -> Host:
        return self.net.host(address, self.isp, gateway=GATEWAY, stack=stack, vendor=vendor)

    def outer(self, address: str) -> Host:
        return self.net.host(address, self.sea, gateway=self._gateway, stack=LINUX)

    def open(self, addresses: Mapping[str, str], records: Zone | None = None) -> None:
        """Start the network and its name server."""
        self.net.start()
        zone = {(name, "A"): [address] for name, address in addresses.items()} | dict(records or {})
        self.net.serve(self.names, serve_dns, zone, 0.008)


@dataclass(frozen=True)
class Seeker:
    """Somebody outside who looks for autodiscover of one SIP domain."""

    domain: str
    root: bytes
    tls_first: bool = True
    """Asks on port 443 first, else on port 80."""

    @property
    def resolver(self) -> Resolver:
        return Resolver(NAMES)


def seek(plan: Seeker) -> None:
    """Ask for both names, then on both ports of the second one, and follow where the answer leads."""
    plan.resolver.records(f"lyncdiscoverinternal.{plan.domain}")
    name = f"lyncdiscover.{plan.domain}"
    address = plan.resolver.address(name)
    if plan.tls_first and _ask_protected(plan, address, name, f"/?sipuri=ida@{plan.domain}"):
        return
    target = _ask_plain(plan, address, name)
    time.sleep(0.2)
    if target and (host := urlsplit(target).hostname) and (found := plan.resolver.records(host)):
        _ask_protected(plan, found[0], host, urlsplit(target).path)


def _ask_protected(plan: Seeker, address: str, name: str, path: str) -> bool:
    connection = open_tls(address, 443, client_context([plan.root]), name)
    if connection is None:
        return False
    status, _ = exchange(connection, "GET", name, path, headers=AGENT)
    close_tls(connection)
    return status == 200


def _ask_plain(plan: Seeker, address: str, name: str) -> str | None:
    """Return where the answer leads: its redirect, or its first link."""
    connection = open_tcp_as_windows(address, 80)
    if connection is None:
        return None
    with connection:
        status, body = exchange(connection, "GET", name, f"/?sipuri=ida@{plan.domain}", headers=AGENT)
    if status in (301, 302):
        return body.decode()
    return json.loads(body)["Root"]["Links"][0]["href"] if status == 200 else None


def moved(target: str) -> Reply:
    """Return a redirect; the address is its body too."""
    return Reply(target.encode(), "text/plain", status=302, headers=(("Location", target),))


def sign_in_and_look_for(plan: Desktop, names: tuple[str, ...]) -> None:
    """Sign in from outside, then ask DNS for the names of the web services."""
    for name in names:
        plan.resolver.records(name)
        time.sleep(0.1)
    desktop(plan)


def travelling_phone(plan: Phone) -> None:
    """A phone taken home: it asks the reverse proxy for the root chain, then signs in through it all the same."""
    plan.resolver.records(f"ucupdates-r2.{plan.user.partition('@')[2]}")
    address = plan.resolver.address(str(plan.web_server))
    for _ in range(plan.attempts):
        if connection := open_tcp(address, 80):
            connection.close()
        time.sleep(plan.pause)
    context = client_context([], newest=plan.newest_tls, names_checked=False)
    if connection := open_tls(address, 443, context, plan.web_server):
        close_tls(connection)


def log_on_in_clear(resolver: Resolver, name: str) -> None:
    """Fetch the address book over plain HTTP with a log-on in the request."""
    if connection := open_tcp(resolver.address(name), 80):
        with connection:
            token = secrets.token_urlsafe(24)
            agent = ("User-Agent", sip.DESKTOP_AGENT)
            exchange(connection, "GET", name, "/abs/int/handler/D-0e4a-0e4b.lsabs", headers=(agent,))
            logged_on = (agent, ("Authorization", f"Negotiate {token}"))
            exchange(connection, "GET", name, "/abs/int/handler", headers=logged_on)
