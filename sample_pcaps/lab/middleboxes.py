"""Machines in the way: a web proxy, a log-on page, a box that takes the relay's opening for real TLS; and who asks."""

import contextlib
import socket
import time
from collections.abc import Callable

from sample_pcaps.lab import turn
from sample_pcaps.lab.clients import Desktop, desktop
from sample_pcaps.lab.connecting import Resolver, open_tcp
from sample_pcaps.lab.services import Conversation
from sample_pcaps.lab.web import read_message

PATIENCE_S = 13.0
RECORD_HEAD, HELLO_DONE = b"\x16\x03\x01", 4


def web_proxy(forbidden: str) -> Conversation:
    """Refuse tunnels to a host; ask for the user's name before any other, then open it to nowhere."""

    def talk(connection: socket.socket) -> None:
        waiting = b""
        while request := read_message(connection, waiting):
            head, waiting = request
            if forbidden in head.split("\r\n")[0]:
                line = "403 Forbidden"
            elif "Proxy-Authorization" in head:
                line = "200 Connection established"
            else:
                line = '407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="gate"'
            connection.sendall(f"HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n".encode())

    return talk


def ask_proxy(resolver: Resolver, domain: str, proxy: str, host: str, tries: int) -> None:
    """Ask DNS for discovery, then the proxy for a tunnel to port 443 of a host, with a name from the second try on."""
    resolver.records(f"lyncdiscover.{domain}")
    for place in range(tries):
        if connection := open_tcp(proxy, 8080):
            with connection:
                name = "Proxy-Authorization: Basic dGVkOnRlZA==\r\n" if place else ""
                connection.sendall(f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}\r\n{name}\r\n".encode())
                connection.recv(4096)
        time.sleep(0.4)


def av_edge(*, takes_it_for_tls: bool) -> Conversation:
    """Answer the opening of MS-TURN over TCP: as the relay does, or as what repacks TLS records on the way."""

    def talk(connection: socket.socket) -> None:
        connection.recv(4096)
        hello = turn.pseudo_server_hello()
        if takes_it_for_tls:
            first, second = hello[len(RECORD_HEAD) + 2 : -HELLO_DONE], hello[-HELLO_DONE:]
            parts = (RECORD_HEAD + len(part).to_bytes(2, "big") + part for part in (first, second))
            connection.sendall(b"".join(parts))
        else:
            connection.sendall(hello)
            connection.sendall(turn.frame(turn.TURN_CONTROL, turn.encode_turn(turn.Message(ALLOCATE_ERROR))))
        connection.recv(4096)

    return talk


ALLOCATE, ALLOCATE_ERROR = 0x0003, 0x0113


def open_relay(resolver: Resolver, name: str, tries: int) -> None:
    """Open TCP 443 of the relay; go on to Allocate where the answer is the relay's own."""
    address = resolver.address(name)
    for _ in range(tries):
        if connection := open_tcp(address, 443):
            with connection, contextlib.suppress(OSError):
                connection.settimeout(2.0)
                connection.sendall(turn.pseudo_client_hello())
                if len(connection.recv(4096)) == len(turn.pseudo_server_hello()):
                    connection.sendall(turn.frame(turn.TURN_CONTROL, turn.encode_turn(turn.Message(ALLOCATE))))
                    connection.recv(4096)
        time.sleep(1.0)


def stubborn(plan: Desktop, tries: int) -> None:
    """Sign in again and again, however the connection ends."""
    socket.setdefaulttimeout(PATIENCE_S)
    for _ in range(tries):
        with contextlib.suppress(OSError, EOFError):
            desktop(plan)
        time.sleep(1.0)


def after(seconds: float, program: Callable[..., None], *arguments: object) -> None:
    """Run a program a little later."""
    time.sleep(seconds)
    program(*arguments)
