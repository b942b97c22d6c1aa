"""Boxes that pass connections on: a load balancer that does not open them, a reverse proxy that does."""

import contextlib
import itertools
import socket
import ssl
import threading
from collections.abc import Sequence

from sample_pcaps.lab.connecting import close_tls, open_tls
from sample_pcaps.lab.services import Conversation
from sample_pcaps.lab.web import read_message

Address = tuple[str, int]


def balance(address: Address, members: Sequence[Address], source: str) -> None:
    """Pass each connection on to the next member, from `source`, and carry the bytes both ways."""
    listener = socket.create_server(address, backlog=32)
    for member in itertools.cycle(members):
        near, _ = listener.accept()
        carry_both(near, socket.create_connection(member, source_address=(source, 0)))


def carry_both(near: socket.socket, far: socket.socket) -> None:
    """Carry the bytes of two connections both ways, in threads of their own."""
    for one, other in ((near, far), (far, near)):
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_carry, args=(one, other), daemon=True).start()


def _carry(one: socket.socket, other: socket.socket) -> None:
    """Until one side has said everything; the other side may go on."""
    with contextlib.suppress(OSError):
        while data := one.recv(16384):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)


def publish(inside: Address, context: ssl.SSLContext | None, renamed: str = "") -> Conversation:
    """Ask the web site inside, under the name the client gave, for each request; TLS again where `context` is given.

    `renamed` is what an ill-configured proxy writes into the host header instead.
    """

    def talk(connection: socket.socket) -> None:
        waiting = b""
        while request := read_message(connection, waiting):
            head, waiting = request
            name = next(line[6:] for line in head.split("\r\n") if line.lower().startswith("host: "))
            passed = head.replace(f"Host: {name}", f"Host: {renamed}") if renamed else head
            connection.sendall(_ask(inside, context, name, passed))

    return talk


def _ask(inside: Address, context: ssl.SSLContext | None, name: str, head: str) -> bytes:
    """One request of its own connection; the answer is passed on as it is."""
    plain = None if context else socket.create_connection(inside)
    there = plain or open_tls(*inside, context, name)  # type: ignore[arg-type]
    if there is None:
        return b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"
    there.sendall(f"{head}\r\nX-Forwarded-Proto: https\r\n\r\n".encode())
    answer = _whole_answer(there)
    if isinstance(there, ssl.SSLSocket):
        close_tls(there)
    else:
        there.close()
    return answer


def _whole_answer(there: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += there.recv(16384)
    head, _, body = data.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(": ", 1) for line in head.decode().split("\r\n")[1:])
    while len(body) < int(fields["content-length"]):
        body += there.recv(16384)
    return head + b"\r\n\r\n" + body
