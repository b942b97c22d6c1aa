"""The client side of MS-TURN: one allocation over UDP or over TCP 443, and the media that goes through it.

Source: [MS-TURN] 3.1. Checks travel in Send requests and Data Indications; after Set Active Destination media
goes bare.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable

from sample_pcaps.lab import turn
from sample_pcaps.lab.turn import Address, Message
from sample_pcaps.lab.turn_relay import LIFETIME_S, PASSWORD, OpenSocket

UDP_RETRY_S = (0.3, 0.5, 0.8, 1.2)
TCP_PATIENCE_S = 4.0
AUDIO, DATA_STREAM = 1, 4

Deliver = Callable[["Allocation", Address, bytes], None]
"""Takes what a peer sent through an allocation."""


class Allocation:
    """One relayed port; `write` sends one control message or one piece of media to the relay."""

    def __init__(self, server: Address, transport: str, deliver: Deliver, *, version: int, stream: int) -> None:
        self.server, self.transport, self.deliver = server, transport, deliver
        self.version, self.stream = version, stream
        self.write: Callable[[int, bytes], None]
        self.relayed: Address | None = None
        self.reflexive: Address | None = None
        self.active: Address | None = None
        self.follows = False
        """It asks on where the challenge says, as [MS-TURN] wants it over UDP."""
        self.username, self.secret = turn.access_token(), PASSWORD
        self._key = self._connection = b""
        self._challenge: list[turn.Attribute] = []
        self._sequence = 0
        self._waiting: dict[bytes, asyncio.Future[Message]] = {}

    async def allocate(self) -> bool:
        """Two rounds: the relay answers the first with 401 and the nonce for the second."""
        first = await self._request(Message(turn.ALLOCATE, self._wishes()))
        if first is None or first.type != turn.ALLOCATE_ERROR:
            return False
        realm, nonce = first.get(turn.REALM) or b"", first.get(turn.NONCE) or b""
        self._challenge = [(turn.NONCE, nonce), (turn.REALM, realm)]
        self.server = (self.follows and first.address(turn.ALTERNATE_SERVER)) or self.server
        self._key = turn.long_term_key(self.username, realm, self.secret, self.version)
        answer = await self._request(self._allocate_message())
        if answer is None or answer.type != turn.ALLOCATE_SUCCESS:
            return False
        self.relayed = answer.address(turn.MAPPED_ADDRESS)
        self.reflexive = answer.address(turn.MS_XOR_MAPPED_ADDRESS)
        self._connection = (answer.get(turn.MS_SEQUENCE_NUMBER) or bytes(24))[:20]
        return True

    async def refresh(self) -> None:
        await self._request(self._allocate_message((turn.LIFETIME, struct.pack("!I", LIFETIME_S))))

    async def release(self) -> None:
        await self._request(self._allocate_message((turn.LIFETIME, bytes(4))))
        self.relayed = None

    def send(self, peer: Address, data: bytes) -> None:
        if peer == self.active:
            self.write(turn.END_TO_END, data)
            return
        wrapped = [(turn.DESTINATION_ADDRESS, turn.pack_address(peer)), (turn.DATA, data)]
        self.write(turn.TURN_CONTROL, self._sealed(Message(turn.SEND, [*self._identity(), *wrapped])))

    async def activate(self, peer: Address) -> None:
        destination = [(turn.DESTINATION_ADDRESS, turn.pack_address(peer))]
        answer = await self._request(Message(turn.SET_ACTIVE, [*self._identity(), *destination]))
        if answer is not None and answer.type == turn.SET_ACTIVE_SUCCESS:
            self.active = peer

    def control(self, data: bytes) -> None:
        message = turn.decode(data)
        if message is None:
            return
        if message.type == turn.DATA_INDICATION:
            peer = message.address(turn.REMOTE_ADDRESS)
            if peer:
                self.deliver(self, peer, message.get(turn.DATA) or b"")
        elif (future := self._waiting.get(message.transaction)) and not future.done():
            future.set_result(message)

    def media(self, data: bytes) -> None:
        if self.active:
            self.deliver(self, self.active, data)

    def _wishes(self) -> list[turn.Attribute]:
        return [
            (turn.APP_ID, struct.pack("!I", 2)),
            (turn.MS_VERSION, struct.pack("!I", self.version)),
            (turn.BANDWIDTH, struct.pack("!I", 12000)),
            (turn.MS_SERVICE_QUALITY, struct.pack("!HH", self.stream, 1)),
        ]

    def _allocate_message(self, *more: turn.Attribute) -> Message:
        return Message(turn.ALLOCATE, [*self._wishes(), *more, *self._challenge, *self._identity()])

    def _identity(self) -> list[turn.Attribute]:
        if not self._connection:
            return [(turn.USERNAME, self.username)]
        self._sequence += 1
        number = struct.pack("!I", self._sequence)
        return [(turn.USERNAME, self.username), (turn.MS_SEQUENCE_NUMBER, self._connection + number)]

    def _sealed(self, message: Message) -> bytes:
        return turn.encode_turn(message, self._key, self.version)

    async def _request(self, message: Message) -> Message | None:
        data = self._sealed(message)
        future = asyncio.get_running_loop().create_future()
        self._waiting[message.transaction] = future
        for patience in UDP_RETRY_S if self.transport == "udp" else (TCP_PATIENCE_S,):
            self.write(turn.TURN_CONTROL, data)
            with contextlib.suppress(TimeoutError):
                return await asyncio.wait_for(asyncio.shield(future), patience)
        return None


class TcpAllocation(Allocation):
    """An allocation over TCP 443: pseudo-TLS hello pair, then 4-byte frames.

    `rfc4571` puts the 2-byte length of RFC 4571 before the media inside a type-3 frame; both habits exist.
    """

    def __init__(self, server: Address, deliver: Deliver, *, version: int, stream: int, rfc4571: bool) -> None:
        super().__init__(server, "tcp", deliver, version=version, stream=stream)
        self.rfc4571 = rfc4571
        self._writer: asyncio.StreamWriter
        self._reading: asyncio.Task[None]

    async def connect(self, open_socket: OpenSocket, local: str) -> bool:
        sock = open_socket(socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.bind((local, 0))
        loop = asyncio.get_running_loop()
        try:
            await asyncio.wait_for(loop.sock_connect(sock, self.server), TCP_PATIENCE_S)
        except (TimeoutError, OSError):
            sock.close()
            return False
        reader, self._writer = await asyncio.open_connection(sock=sock)
        self._writer.write(turn.pseudo_client_hello())
        await reader.readexactly(len(turn.pseudo_server_hello()))
        self.write = self._write
        self._reading = asyncio.create_task(self._read(reader))
        return True

    def _write(self, kind: int, data: bytes) -> None:
        if kind == turn.END_TO_END and self.rfc4571:
            data = struct.pack("!H", len(data)) + data
        self._writer.write(turn.frame(kind, data))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                kind, data = await turn.read_frame(reader)
                if kind == turn.TURN_CONTROL:
                    self.control(data)
                else:
                    self.media(data[2:] if self.rfc4571 else data)

    async def close(self) -> None:
        self._writer.close()
        await self._reading
