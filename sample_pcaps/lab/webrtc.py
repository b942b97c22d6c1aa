"""A call between two browsers: STUN, TURN and ICE by the book (RFC 5389, 5766, 5245), DTLS-SRTP-like media.

Nothing here is of Lync, though it uses the same message types, the relay's port 3478 and a payload type that Lync
uses for another codec.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import random
import secrets
import socket
import struct
import zlib
from dataclasses import dataclass, field

from sample_pcaps.lab.turn import Address, pack_address
from sample_pcaps.lab.turn_relay import Datagrams, OpenSocket, open_datagrams

COOKIE = bytes.fromhex("2112a442")
BINDING, BINDING_SUCCESS = 0x0001, 0x0101
ALLOCATE, ALLOCATE_SUCCESS, ALLOCATE_ERROR = 0x0003, 0x0103, 0x0113
REFRESH, REFRESH_SUCCESS = 0x0004, 0x0104
USERNAME, INTEGRITY, ERROR_CODE, LIFETIME = 0x0006, 0x0008, 0x0009, 0x000D
REALM, NONCE, RELAYED, TRANSPORT = 0x0014, 0x0015, 0x0016, 0x0019
XOR_MAPPED, PRIORITY, USE_CANDIDATE = 0x0020, 0x0024, 0x0025
SOFTWARE, FINGERPRINT, CONTROLLED, CONTROLLING = 0x8022, 0x8028, 0x8029, 0x802A
UDP = b"\x11\x00\x00\x00"
OPUS = 111
FRAME_S = 0.020
SITE = b"meet.relecloud.example"


@dataclass(frozen=True)
class Message:
    type: int
    attributes: tuple[tuple[int, bytes], ...] = ()
    transaction: bytes = field(default_factory=lambda: os.urandom(12))

    def get(self, wanted: int) -> bytes | None:
        return next((value for number, value in self.attributes if number == wanted), None)

    def encode(self, key: bytes = b"") -> bytes:
        body = b"".join(_attribute(*one) for one in self.attributes)
        if key:
            head = struct.pack("!HH", self.type, len(body) + 24) + COOKIE + self.transaction
            body += _attribute(INTEGRITY, hmac.digest(key, head + body, "sha1"))
        data = struct.pack("!HH", self.type, len(body) + 8) + COOKIE + self.transaction + body
        return data + _attribute(FINGERPRINT, struct.pack("!I", zlib.crc32(data) ^ 0x5354554E))


def _attribute(number: int, value: bytes) -> bytes:
    return struct.pack("!HH", number, len(value)) + value + bytes(-len(value) % 4)


def decode(data: bytes) -> Message | None:
    if len(data) < 20 or data[0] > 3 or data[4:8] != COOKIE:
        return None
    attributes, at = [], 20
    while at + 4 <= len(data):
        number, size = struct.unpack_from("!HH", data, at)
        attributes.append((number, data[at + 4 : at + 4 + size]))
        at += 4 + size + -size % 4
    return Message(struct.unpack_from("!H", data)[0], tuple(attributes), data[8:20])


def _mapped(kind: int, address: Address, transaction: bytes) -> tuple[int, bytes]:
    return kind, pack_address(address, COOKIE + transaction)


def serve_turn(address: str, port: int = 3478) -> None:
    """A TURN server that also answers plain STUN; it gives relayed ports that nobody uses here."""

    def key(user: bytes) -> bytes:
        return hashlib.md5(user + b":" + SITE + b":lab", usedforsecurity=False).digest()

    async def run() -> None:
        def received(data: bytes, client: Address) -> None:
            asked = decode(data)
            if asked is None:
                return
            mapped = _mapped(XOR_MAPPED, client, asked.transaction)
            if asked.type == BINDING:
                listener.send(Message(BINDING_SUCCESS, (mapped,), asked.transaction).encode(), client)
            elif (user := asked.get(USERNAME)) is None:
                nonce = (NONCE, secrets.token_hex(8).encode())
                why = (ERROR_CODE, b"\x00\x00\x04\x01Unauthorized"), (REALM, SITE), nonce
                listener.send(Message(ALLOCATE_ERROR, why, asked.transaction).encode(), client)
            elif asked.type == ALLOCATE:
                relayed = _mapped(RELAYED, (address, random.randrange(49152, 65536)), asked.transaction)
                given = (relayed, mapped, (LIFETIME, struct.pack("!I", 600)), (SOFTWARE, b"lab-turn"))
                listener.send(Message(ALLOCATE_SUCCESS, given, asked.transaction).encode(key(user)), client)
            elif asked.type == REFRESH:
                done = Message(REFRESH_SUCCESS, ((LIFETIME, bytes(4)),), asked.transaction)
                listener.send(done.encode(key(user)), client)

        listener = await open_datagrams(lambda kind: socket.socket(socket.AF_INET, kind), (address, port), received)
        await asyncio.Event().wait()

    asyncio.run(run())


class Browser:
    """One side of the call."""

    def __init__(self, open_socket: OpenSocket, address: str, port: int, *, controlling: bool) -> None:
        self.at, self.controlling = (address, port), controlling
        self.ufrag, self.password = secrets.token_hex(2), secrets.token_hex(12)
        self.peer: Browser
        self.received = 0
        self._open_socket = open_socket
        self._answers: dict[bytes, asyncio.Future[Message]] = {}
        self._socket: Datagrams

    async def open(self) -> None:
        self._socket = await open_datagrams(self._open_socket, self.at, self._arrived)

    def _arrived(self, data: bytes, source: Address) -> None:
        message = decode(data)
        if message is None:
            self.received += data[0] == 0x80
        elif message.type == BINDING:
            mapped = _mapped(XOR_MAPPED, source, message.transaction)
            answer = Message(BINDING_SUCCESS, (mapped,), message.transaction)
            self._socket.send(answer.encode(self.password.encode()), source)
        elif (future := self._answers.get(message.transaction)) and not future.done():
            future.set_result(message)

    async def ask(self, message: Message, to: Address, key: bytes = b"") -> Message:
        future = self._answers[message.transaction] = asyncio.get_running_loop().create_future()
        for _ in range(4):
            self._socket.send(message.encode(key), to)
            try:
                return await asyncio.wait_for(asyncio.shield(future), 0.5)
            except TimeoutError:
                continue
        raise TimeoutError(f"{to} does not answer")

    async def gather(self, server: Address) -> None:
        """Reflexive address, then a relayed one with the usual 401 in between."""
        await self.ask(Message(BINDING), server)
        refused = await self.ask(Message(ALLOCATE, ((TRANSPORT, UDP),)), server)
        user = b"1789:browser"
        self._proof = (USERNAME, user), (REALM, SITE), (NONCE, refused.get(NONCE) or b"")
        self._key = hashlib.md5(user + b":" + SITE + b":lab", usedforsecurity=False).digest()
        await self.ask(Message(ALLOCATE, ((TRANSPORT, UDP), *self._proof)), server, self._key)

    async def release(self, server: Address) -> None:
        await self.ask(Message(REFRESH, ((LIFETIME, bytes(4)), *self._proof)), server, self._key)
        self._socket.transport.close()

    async def check(self) -> None:
        """Check the one host pair; the controlling side nominates with its second check."""
        role = CONTROLLING if self.controlling else CONTROLLED
        for nominates in (False, self.controlling):
            names = (USERNAME, f"{self.peer.ufrag}:{self.ufrag}".encode())
            more = ((USE_CANDIDATE, b""),) if nominates else ()
            rest = ((PRIORITY, struct.pack("!I", 0x6E7F1EFF)), (role, os.urandom(8)), *more)
            await self.ask(Message(BINDING, (names, *rest)), self.peer.at, self.peer.password.encode())

    async def talk(self, seconds: float) -> None:
        """Opus in SRTP, each 20 ms."""
        ssrc, number, loop = os.urandom(4), random.randrange(1 << 15), asyncio.get_running_loop()
        begun = loop.time()
        for n in range(round(seconds / FRAME_S)):
            await asyncio.sleep(max(0.0, begun + n * FRAME_S - loop.time()))
            head = struct.pack("!BBHI", 0x80, OPUS, number + n, n * 960) + ssrc
            self._socket.send(head + os.urandom(random.randint(60, 110)), self.peer.at)


async def call(one: Browser, other: Browser, server: Address, seconds: float) -> None:
    """What two browsers do after they exchanged candidates over a web site."""
    one.peer, other.peer = other, one
    await asyncio.gather(one.open(), other.open())
    await asyncio.gather(one.gather(server), other.gather(server))
    await asyncio.gather(one.check(), other.check())
    await asyncio.gather(one.talk(seconds), other.talk(seconds))
    await asyncio.gather(one.release(server), other.release(server))
