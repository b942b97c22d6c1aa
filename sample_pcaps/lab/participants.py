"""People in meetings, and mobile apps: what they open once they are signed in, or instead of signing in."""

import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass

from sample_pcaps.lab import sip
from sample_pcaps.lab.clients import Desktop, join_data
from sample_pcaps.lab.connecting import Resolver, close_tls, exchange, open_tcp, open_tcp_as_windows, open_tls, protect
from sample_pcaps.lab.pki import client_context
from sample_pcaps.lab.services import Conversation
from sample_pcaps.lab.web import read_message

Talk = Callable[[Resolver, ssl.SSLContext], None]
BROWSER = (("User-Agent", "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko"),)
APP = (("User-Agent", "iPhoneLync"), ("Accept", "application/vnd.microsoft.rtc.autodiscover+json;v=1"))
LISTENS_S = 0.4


def member(plan: Desktop, *talks: Talk) -> None:
    """Sign in, do one thing after the other, and stay."""
    context = client_context([plan.root])
    inside = plan.sip_port == 5061
    record = f"{'_sipinternaltls._tcp' if inside else '_sip._tls'}.{plan.user.partition('@')[2]}"
    plan.resolver.records(record, "SRV")
    connection = open_tls(plan.resolver.address(plan.registrar), plan.sip_port, context, plan.registrar)
    assert connection
    sip.sign_in(connection, plan.user, sip.DESKTOP_AGENT)
    for talk in talks:
        time.sleep(0.3)
        talk(plan.resolver, context)
    time.sleep(plan.stays)
    close_tls(connection)


def asks(name: str) -> Talk:
    """Ask DNS for a name."""

    def talk(resolver: Resolver, _: ssl.SSLContext) -> None:
        resolver.records(name)

    return talk


def joins(name: str, port: int) -> Talk:
    """Join a meeting's data."""
    return lambda resolver, context: join_data(resolver, context, name, port, turns=3)


def opens(name: str, port: int) -> Talk:
    """Try a TCP connection as Windows does."""

    def talk(resolver: Resolver, _: ssl.SSLContext) -> None:
        if connection := open_tcp_as_windows(resolver.address(name), port):
            connection.close()

    return talk


def calls(address: str, port: int) -> Talk:
    """Try a TCP connection to an address that somebody told."""

    def talk(_: Resolver, __: ssl.SSLContext) -> None:
        if connection := open_tcp_as_windows(address, port):
            connection.close()

    return talk


def reads(name: str, path: str) -> Talk:
    """Open a web page over TLS."""

    def talk(resolver: Resolver, context: ssl.SSLContext) -> None:
        if connection := open_tls(resolver.address(name), 443, context, name):
            exchange(connection, "GET", name, path, headers=BROWSER)
            close_tls(connection)

    return talk


def checks_in_vain(name: str, publisher: str) -> Talk:
    """Begin TLS, look for the revocation list once the certificate is there, and leave without it."""

    def talk(resolver: Resolver, context: ssl.SSLContext) -> None:
        connection = open_tcp(resolver.address(name), 443)
        assert connection
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        shaking = context.wrap_bio(incoming, outgoing, server_hostname=name)
        try:
            shaking.do_handshake()
        except ssl.SSLWantReadError:
            connection.sendall(outgoing.read())
        time.sleep(LISTENS_S)
        connection.recv(65536)
        open_tcp_as_windows(resolver.address(publisher), 80)
        connection.close()

    return talk


@dataclass(frozen=True)
class App:
    """A mobile app of one SIP domain."""

    domain: str
    resolver: Resolver
    root: bytes
    web: str = ""
    """Name of its external web services; "": those of lyncdiscover."""
    rounds: int = 2


def app(plan: App) -> None:
    """Find the web services, say over HTTP what it is, then speak TLS 1.2 and nothing older."""
    inner, outer = f"lyncdiscoverinternal.{plan.domain}", f"lyncdiscover.{plan.domain}"
    found = plan.resolver.records(inner)
    first = inner if found else outer
    address = found[0] if found else plan.resolver.address(outer)
    if connection := open_tcp(address, 80):
        with connection:
            exchange(connection, "GET", first, f"/?sipuri=kim@{plan.domain}", headers=APP)
    name = plan.web or outer
    context = client_context([plan.root])
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    for _ in range(plan.rounds):
        time.sleep(0.2)
        if connection := open_tcp_as_windows(plan.resolver.address(name), 443):
            _wait_for_news(protect(connection, context, name), name)
    plan.resolver.records(inner)


def _wait_for_news(connection: ssl.SSLSocket | None, name: str) -> None:
    """Ask for events and wait until there are some, or the connection is gone."""
    if connection is None:
        return
    connection.sendall(f"GET /ucwa/v1/applications/101/events?ack=1 HTTP/1.1\r\nHost: {name}\r\n\r\n".encode())
    while connection.recv(4096):
        pass
    connection.close()


def impatient(seconds: float) -> Conversation:
    """A proxy that waits so long for the pool's answer, and then closes."""

    def talk(connection: socket.socket) -> None:
        read_message(connection, b"")
        time.sleep(seconds)

    return talk
