"""The A/V Edge of the laboratory: an MS-TURN relay on UDP 3478 and TCP 443 of each of its interfaces.

Source: [MS-TURN] 3.2. A relayed port has the transport of its Allocate. Two TCP relay ports of this same Edge
reach each other in memory: on a real Edge that connection never leaves the machine either.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import socket
import struct
from collections.abc import Callable, Coroutine
from typing import Any, cast

from sample_pcaps.lab import turn
from sample_pcaps.lab.turn import Address, Message

RELAY_PORTS = (50000, 59999)
LIFETIME_S = 600
BANDWIDTH_KBIT = 12000
REALM = b'"rtcmedia"'
UNAUTHORIZED = b"The request did not contain a Message-Integrity attribute."
PASSWORD = b"bWVkaWEgbGFib3JhdG9yeQ=="

OpenSocket = Callable[[socket.SocketKind], socket.socket]
"""Makes a socket inside the network namespace of one host."""


class Datagrams(asyncio.DatagramProtocol):
    """A UDP socket as a callback."""

    def __init__(self, received: Callable[[bytes, Address], None]) -> None:
        self.received = received
        self.transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        self.received(data, addr)

    def error_received(self, exc: Exception) -> None:
        """An ICMP error to one datagram says nothing of the others."""

    def send(self, data: bytes, to: Address) -> None:
        self.transport.sendto(data, to)


async def open_datagrams(open_socket: OpenSocket, at: Address, received: Callable[[bytes, Address], None]) -> Datagrams:
    sock = open_socket(socket.SOCK_DGRAM)
    sock.bind(at)
    loop = asyncio.get_running_loop()
    _, protocol = await loop.create_datagram_endpoint(lambda: Datagrams(received), sock=sock)
    return protocol


class Session:
    """One client 5-tuple and its relayed port."""

    def __init__(self, relay: Relay, local: Address, client: Address, transport: str) -> None:
        self.relay, self.local, self.client, self.transport = relay, local, client, transport
        self.nonce = os.urandom(20)
        self.connection = os.urandom(20)
        self.version = 2
        self.relayed: Address | None = None
        self.key = b""
        self.port: Datagrams | socket.socket | None = None
        self.active: Address | None = None
        self.permitted: set[str] = set()
        self.write: Callable[[int, bytes], None]

    async def control(self, data: bytes) -> None:
        request = turn.decode(data)
        if request is None:
            return
        if request.type == turn.ALLOCATE:
            await self._allocate(request, data)
        elif self.relayed and self._authentic(request, data):
            destination = request.address(turn.DESTINATION_ADDRESS)
            if destination and request.type == turn.SEND:
                self.permitted.add(destination[0])
                self.to_peer(destination, request.get(turn.DATA) or b"")
            elif destination and request.type == turn.SET_ACTIVE:
                self.active = destination
                self._answer(Message(turn.SET_ACTIVE_SUCCESS, self._sequence(), request.transaction))

    async def _allocate(self, request: Message, data: bytes) -> None:
        version = request.get(turn.MS_VERSION)
        self.version = struct.unpack("!I", version)[0] if version else self.version
        if not self._authentic(request, data):
            self.write(turn.TURN_CONTROL, turn.encode_turn(self._challenge(request)))
            return
        if request.get(turn.LIFETIME) == bytes(4):
            self._answer(Message(turn.ALLOCATE_SUCCESS, [(turn.LIFETIME, bytes(4))], request.transaction))
            self.release()
            return
        if not self.relayed:
            await self._open_port()
        assert self.relayed
        attributes = [
            (turn.LIFETIME, struct.pack("!I", LIFETIME_S)),
            (turn.MAPPED_ADDRESS, turn.pack_address(self.relayed)),
            (turn.MS_VERSION, struct.pack("!I", self.version)),
            (turn.MS_XOR_MAPPED_ADDRESS, turn.pack_address(self.client, request.transaction)),
            *self._sequence(),
            (turn.BANDWIDTH, struct.pack("!I", BANDWIDTH_KBIT)),
        ]
        self._answer(Message(turn.ALLOCATE_SUCCESS, attributes, request.transaction))

    def _challenge(self, request: Message) -> Message:
        attributes = [
            (turn.MS_VERSION, struct.pack("!I", self.version)),
            (turn.ERROR_CODE, b"\x00\x00\x04\x01" + UNAUTHORIZED),
            (turn.ALTERNATE_SERVER, turn.pack_address(self.local)),
            (turn.NONCE, self.nonce),
            (turn.REALM, REALM),
        ]
        return Message(turn.ALLOCATE_ERROR, attributes, request.transaction)

    def _authentic(self, request: Message, data: bytes) -> bool:
        username = request.get(turn.USERNAME)
        if username is None or request.get(turn.MESSAGE_INTEGRITY) is None:
            return False
        self.key = turn.long_term_key(username, REALM, PASSWORD, self.version)
        covered = [a for a in request.attributes if a[0] not in (turn.MAGIC_COOKIE, turn.MESSAGE_INTEGRITY)]
        again = Message(request.type, covered, request.transaction)
        return turn.encode_turn(again, self.key, self.version) == data

    def _sequence(self) -> list[turn.Attribute]:
        return [(turn.MS_SEQUENCE_NUMBER, self.connection + bytes(4))]

    def _answer(self, message: Message) -> None:
        self.write(turn.TURN_CONTROL, turn.encode_turn(message, self.key, self.version))

    async def _open_port(self) -> None:
        for port in random.sample(range(*RELAY_PORTS), 20):
            with contextlib.suppress(OSError):
                at = (self.relay.external, port)
                if self.transport == "udp":
                    self.port = await open_datagrams(self.relay.open_socket, at, self.from_peer)
                else:
                    self.port = self.relay.open_socket(socket.SOCK_STREAM)
                    self.port.bind(at)
                    self.port.listen()
                self.relayed = (self.relay.public, port)
                self.relay.sessions[self.relayed, self.transport] = self
                return
        raise OSError("no free relay port")

    def to_peer(self, peer: Address, data: bytes) -> None:
        assert self.relayed
        if isinstance(self.port, Datagrams):
            at_home = peer[0] == self.relay.public
            self.port.send(data, (self.relay.external, peer[1]) if at_home else peer)
        elif other := self.relay.sessions.get((peer, "tcp")):
            other.from_peer(data, self.relayed)

    def from_peer(self, data: bytes, peer: Address) -> None:
        if peer[0] == self.relay.external:
            peer = (self.relay.public, peer[1])
        if peer[0] not in self.permitted:
            return
        if peer == self.active:
            self.write(turn.END_TO_END, data)
            return
        attributes = [(turn.REMOTE_ADDRESS, turn.pack_address(peer)), (turn.DATA, data)]
        indication = Message(turn.DATA_INDICATION, [*self._sequence(), *attributes])
        self.write(turn.TURN_CONTROL, turn.encode_turn(indication, self.key, self.version))

    def media(self, data: bytes) -> None:
        if self.active:
            self.to_peer(self.active, data)

    def release(self) -> None:
        if self.relayed:
            self.relay.sessions.pop((self.relayed, self.transport), None)
        if isinstance(self.port, Datagrams):
            self.port.transport.close()
        elif self.port:
            self.port.close()
        self.port = self.relayed = self.active = None


class Relay:
    """One A/V Edge: `external` holds the relayed ports, `public` is what it tells clients behind NAT."""

    session = Session

    def __init__(self, open_socket: OpenSocket, external: str, public: str | None = None) -> None:
        self.open_socket, self.external, self.public = open_socket, external, public or external
        self.sessions: dict[tuple[Address, str], Session] = {}
        self._clients: dict[tuple[Address, Address], Session] = {}
        self._listening: list[asyncio.Server | Datagrams] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def listen(self, address: str, *, udp: int = 3478, tcp: int = 443) -> None:
        await self._listen_udp((address, udp))
        sock = self.open_socket(socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, tcp))
        self._listening.append(await asyncio.start_server(self._serve_tcp, sock=sock))

    async def _listen_udp(self, at: Address) -> None:
        def received(data: bytes, client: Address) -> None:
            session = self._clients.get((at, client))
            if session is None:
                session = self._clients[at, client] = self.session(self, at, client, "udp")
                session.write = lambda _kind, out: listener.send(out, client)
            if turn.is_turn(data):
                self._run(session.control(data))
            else:
                session.media(data)

        listener = await open_datagrams(self.open_socket, at, received)
        self._listening.append(listener)

    def tell(self, edge: str, data: bytes) -> None:
        """Send something to another Edge, from port 3478 to port 3478."""
        next(one for one in self._listening if isinstance(one, Datagrams)).send(data, (edge, 3478))

    async def _serve_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        local, client = writer.get_extra_info("sockname")[:2], writer.get_extra_info("peername")[:2]
        session = self.session(self, local, client, "tcp")
        session.write = lambda kind, out: writer.write(turn.frame(kind, out))
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readexactly(len(turn.pseudo_client_hello()))
            writer.write(turn.pseudo_server_hello())
            while True:
                kind, payload = await turn.read_frame(reader)
                await session.control(payload) if kind == turn.TURN_CONTROL else session.media(payload)
        session.release()
        writer.close()

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        for listener in self._listening:
            listener.close() if isinstance(listener, asyncio.Server) else listener.transport.close()
        for session in [*self.sessions.values()]:
            session.release()
