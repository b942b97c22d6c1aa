"""Clients that look for their server name by name, with all the patience and the second tries real ones have."""

import contextlib
import socket
import ssl
import time
from dataclasses import dataclass, field

import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype

from sample_pcaps.lab import sip
from sample_pcaps.lab.connecting import Resolver, close_tls, exchange, open_tcp, open_tls
from sample_pcaps.lab.pki import client_context

WAITS = (1.0, 1.0, 2.0)
"""Seconds a Windows resolver waits before it repeats a question, as it gives up at last."""
AUTODISCOVER = ("lyncdiscoverinternal", "lyncdiscover")
INSIDE = (*AUTODISCOVER, "_sipinternaltls._tcp", "_sipinternal._tcp", "sipinternal", "sip")
OUTSIDE = (*AUTODISCOVER, "_sipinternaltls._tcp", "_sipinternal._tcp", "_sip._tls", "sipinternal", "sip", "sipexternal")
BY_RECORDS = ("_sipinternaltls._tcp", "_sipinternal._tcp", "_sip._tls", "sipinternal", "sip", "sipexternal")


@dataclass(frozen=True)
class Inquirer:
    """A server that asks for names of its own."""

    resolver: str
    questions: tuple[tuple[str, str], ...]
    visits: str


def inquire(plan: Inquirer) -> None:
    """Ask one after the other, and look at a web page before and after."""
    for place in range(2):
        if page := open_tcp(plan.visits, 80):
            with page:
                exchange(page, "GET", plan.visits, "/news")
        for name, kind in plan.questions if not place else ():
            Resolver(plan.resolver).answer(name, kind)


@dataclass(frozen=True)
class Search:
    """One client: who it is, whom it asks, and what it tries."""

    user: str
    resolver: str
    root: bytes
    steps: tuple[str, ...] = INSIDE
    agent: str = sip.DESKTOP_AGENT
    known: dict[str, str] = field(default_factory=dict)
    """Its hosts file."""
    picks: int = 0
    """Which address of several it tries first."""
    speaks_ipv6: bool = False
    refuses_foreign: bool = False
    """It does not follow a record out of its SIP domain, as telephones."""
    others: tuple[str, ...] = ()
    """Names it asks for besides, which have nothing to do with Lync."""
    visits: str = ""
    """A web server it talks to before and after."""

    @property
    def domain(self) -> str:
        return self.user.partition("@")[2]


def search(plan: Search) -> None:
    """Go from name to name until one leads to a server; look at a web page before and after."""
    for part in (_search, None):
        if plan.visits and (page := open_tcp(plan.visits, 80)):
            with page:
                exchange(page, "GET", plan.visits, "/news", headers=(("User-Agent", "Mozilla/5.0"),))
        if part:
            part(plan)


def _search(plan: Search) -> None:
    for name in plan.others:
        _ask(plan, name, "A")
    context = client_context([plan.root])
    for step in plan.steps:
        name = f"{step}.{plan.domain}"
        if step.startswith("_"):
            answer = _ask(plan, name, "SRV")
            if answer and answer.answer and _follow(plan, answer, context):
                return
        elif step in AUTODISCOVER:
            if _discover(plan, name, context) and "_sipinternaltls._tcp" not in plan.steps:
                return
        elif _sign_in(plan, name, 5061, context, _addresses(plan, name)):
            return


def _ask(plan: Search, name: str, kind: str) -> dns.message.Message | None:
    for seconds in WAITS:
        with contextlib.suppress(TimeoutError, dns.exception.Timeout):
            return Resolver(plan.resolver).answer(name, kind, seconds)
    return None


def _addresses(plan: Search, name: str) -> list[str]:
    found: list[str] = []
    for kind in ("AAAA", "A") if plan.speaks_ipv6 else ("A",):
        answer = _ask(plan, name, kind)
        wanted = dns.rdatatype.from_text(kind)
        rrsets = answer.answer if answer and answer.rcode() == dns.rcode.NOERROR else []
        found += [one.to_text() for rrset in rrsets if rrset.rdtype == wanted for one in rrset]
    own = [plan.known[name]] if name in plan.known else found
    turn = plan.picks % len(own) if own else 0
    return own[turn:] + own[:turn]


def _discover(plan: Search, name: str, context: ssl.SSLContext) -> bool:
    for address in _addresses(plan, name):
        if ":" not in address and (plain := open_tcp(address, 80)):
            plain.close()
        if connection := _protected(address, 443, context, name):
            status, _ = exchange(connection, "GET", name, "/", headers=(("User-Agent", plan.agent),))
            close_tls(connection)
            return status == 200
    return False


def _follow(plan: Search, answer: dns.message.Message, context: ssl.SSLContext) -> bool:
    record = answer.answer[0][0]
    target = record.target.to_text(omit_final_dot=True)
    if plan.refuses_foreign and not target.endswith(plan.domain):
        return True
    along = sorted(one.to_text() for rrset in answer.additional for one in rrset)
    turn = plan.picks % len(along) if along else 0
    addresses = along[turn:] + along[:turn] if along else _addresses(plan, target)
    return _sign_in(plan, target, record.port, context, addresses)


def _sign_in(plan: Search, name: str, port: int, context: ssl.SSLContext, addresses: list[str]) -> bool:
    for address in addresses:
        if connection := _protected(address, port, context, name):
            sip.sign_in(connection, plan.user, plan.agent)
            time.sleep(0.3)
            close_tls(connection)
            return True
    return False


def _protected(address: str, port: int, context: ssl.SSLContext, name: str) -> ssl.SSLSocket | None:
    if ":" in address:
        return _over_ipv6(address, port, context, name)
    return open_tls(address, port, context, name)


def _over_ipv6(address: str, port: int, context: ssl.SSLContext, name: str) -> ssl.SSLSocket | None:
    with contextlib.suppress(OSError):
        return context.wrap_socket(socket.create_connection((address, port)), server_hostname=name)
    return None
