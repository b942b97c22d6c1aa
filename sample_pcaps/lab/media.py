"""Media endpoints of the laboratory: candidates, MS-ICE2 checks, nomination, then media shaped like MS-SRTP.

Sources: [MS-ICE2] 3.1.4, RFC 5245 priorities, RFC 3550 headers. What clients tell each other in SDP inside
SIP/TLS is handed over in memory (`meet`): nobody sees it in a capture.
"""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import struct
import zlib
from dataclasses import dataclass

from sample_pcaps.lab import turn
from sample_pcaps.lab.turn import Address, Message
from sample_pcaps.lab.turn_client import AUDIO, DATA_STREAM, Allocation, TcpAllocation
from sample_pcaps.lab.turn_relay import PASSWORD, Datagrams, OpenSocket, open_datagrams

FRAME_S = 0.020
RTCP_EVERY = 125  # RTP packets, so 2.5 s
CHECK_TIMES_S = (0.0, 0.15, 0.3, 0.5, 0.7)
PACING_S = 0.02
SCREEN_REST_S = (0.07, 0.8)
TYPE_PREFERENCE = {"host": 126, "srflx": 100, "relay": 2}
ROLE_CONFLICT = b"\x00\x00\x04\x57Role Conflict"
IMPLEMENTATION = 3  # of MS-ICE2: RFC 5389 shapes


@dataclass(frozen=True)
class Codec:
    payload_type: int
    clock: int
    payload: tuple[int, int]
    """Least and most bytes in 20 ms, SRTP's 10-byte tag included."""


RTAUDIO_WIDE = Codec(114, 16000, (66, 90))
SILK_WIDE = Codec(104, 16000, (48, 88))
SIREN = Codec(111, 16000, (50, 50))


@dataclass(frozen=True)
class Candidate:
    kind: str
    transport: str
    address: Address

    @property
    def priority(self) -> int:
        local = 0x3000 if self.transport == "udp" else 0x1000
        return TYPE_PREFERENCE[self.kind] << 24 | local << 8 | 255

    @property
    def foundation(self) -> bytes:
        return str(zlib.crc32(repr(self).encode()) % 9 + 1).encode().ljust(4, b"\0")


class Direct:
    """The path of host and reflexive candidates: the agent's own UDP socket."""

    transport = "udp"

    def __init__(self, socket: Datagrams) -> None:
        self.socket = socket

    def send(self, peer: Address, data: bytes) -> None:
        self.socket.send(data, peer)


Route = Direct | Allocation


def rank(path: Route, remote: Candidate) -> tuple[bool, int]:
    """UDP before TCP, then as few relays as possible, then host before reflexive."""
    near = TYPE_PREFERENCE["relay" if isinstance(path, Allocation) else "host"]
    return remote.transport == "udp", near + TYPE_PREFERENCE[remote.kind]


class Agent:
    """One endpoint of one audio stream; `version` is the MS-VERSION it speaks to relays."""

    def __init__(self, open_socket: OpenSocket, address: str, port: int, *, version: int = 2) -> None:
        self.open_socket, self.at, self.version = open_socket, (address, port), version
        self.rfc4571 = False
        self.token: bytes | None = None
        """Relay user name its Front End got for it; None: one made up."""
        self.secret = PASSWORD
        """What it believes to be the relay's password."""
        self.ufrag, self.password = secrets.token_urlsafe(3), secrets.token_urlsafe(18)
        self.candidates: list[Candidate] = [Candidate("host", "udp", self.at)]
        self.paths: list[Route] = []
        self.allocations: list[Allocation] = []
        self.valid: dict[tuple[Route, Address], Candidate] = {}
        self.chosen: tuple[Route, Address] | None = None
        self.received = 0
        self.peer: Agent
        self.controlling = False
        self._peer_is_new = False
        self._pending: dict[bytes, tuple[Route, Candidate]] = {}
        self.tie_breaker = os.urandom(8)
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        self.socket = await open_datagrams(self.open_socket, self.at, self._datagram)
        self.paths.append(Direct(self.socket))

    async def gather_udp(self, server: str, port: int = 3478) -> bool:
        allocation = Allocation((server, port), "udp", self._arrived, version=self.version, stream=AUDIO)
        allocation.write = lambda _kind, data: self.socket.send(data, (server, port))
        self.allocations.append(allocation)
        return await self._gathered(allocation)

    async def gather_tcp(self, server: str, port: int = 443) -> bool:
        stream = DATA_STREAM if self.rfc4571 else AUDIO
        allocation = TcpAllocation(
            (server, port), self._arrived, version=self.version, stream=stream, rfc4571=self.rfc4571
        )
        if not await allocation.connect(self.open_socket, self.at[0]):
            return False
        self.allocations.append(allocation)
        return await self._gathered(allocation)

    async def _gathered(self, allocation: Allocation) -> bool:
        allocation.username, allocation.secret = self.token or allocation.username, self.secret
        if not await allocation.allocate():
            return False
        assert allocation.relayed
        assert allocation.reflexive
        self.paths.append(allocation)
        self.candidates.append(Candidate("relay", allocation.transport, allocation.relayed))
        if allocation.transport == "udp" and allocation.reflexive != self.at:
            self.candidates.append(Candidate("srflx", "udp", allocation.reflexive))
        return True

    def _datagram(self, data: bytes, source: Address) -> None:
        allocation = next((a for a in self.allocations if (a.transport, a.server) == ("udp", source)), None)
        if allocation is None:
            self._arrived(self.paths[0], source, data)
        elif turn.is_turn(data):
            allocation.control(data)
        else:
            allocation.media(data)

    def _arrived(self, path: Route, peer: Address, data: bytes) -> None:
        message = turn.decode(data)
        if message is None:
            self.received += 1
        elif message.type == turn.BINDING:
            self._answer_check(path, peer, message)
        elif message.type == turn.BINDING_ERROR and message.transaction in self._pending:
            # 487: the other side keeps the controlling role; the check goes out anew in the other one.
            self.controlling = False
            self._tasks.append(asyncio.create_task(self._check_pair(0.0, *self._pending.pop(message.transaction))))
        elif message.type == turn.BINDING_SUCCESS and message.transaction in self._pending:
            sent_on, remote = self._pending.pop(message.transaction)
            self._peer_is_new = True
            self.valid[sent_on, remote.address] = remote

    def _answer_check(self, path: Route, peer: Address, check: Message) -> None:
        self._peer_is_new = self._peer_is_new or check.get(turn.IMPLEMENTATION_VERSION) is not None
        if self._disputes_role(check):
            conflict = Message(turn.BINDING_ERROR, [(turn.ERROR_CODE, ROLE_CONFLICT)], check.transaction)
            path.send(peer, turn.encode_check(conflict, self.password))
            return
        attributes = [
            (turn.XOR_MAPPED_ADDRESS, turn.pack_address(peer, check.transaction)),
            (turn.USERNAME, check.get(turn.USERNAME) or b""),
            (turn.IMPLEMENTATION_VERSION, struct.pack("!I", IMPLEMENTATION)),
        ]
        answer = Message(turn.BINDING_SUCCESS, attributes, check.transaction)
        path.send(peer, turn.encode_check(answer, self.password))
        if check.get(turn.USE_CANDIDATE) is not None and self.chosen is None:
            self._choose(path, peer)

    def _disputes_role(self, check: Message) -> bool:
        """RFC 5245 section 7.2.1.1: of two controlling agents the greater tie-breaker stays."""
        theirs = check.get(turn.ICE_CONTROLLING)
        if theirs is None or not self.controlling:
            return False
        self.controlling = self.tie_breaker >= theirs
        return self.controlling

    def _choose(self, path: Route, peer: Address) -> None:
        self.chosen = path, peer
        if isinstance(path, Allocation):
            self._tasks.append(asyncio.create_task(path.activate(peer)))

    async def check(self) -> None:
        """Send checks on every pair, answered or not, as [MS-ICE2] does before anything is chosen."""
        pairs = [
            (path, remote)
            for path in self.paths
            for remote in self.peer.candidates
            if path.transport == remote.transport
        ]
        pairs.sort(key=lambda pair: rank(*pair), reverse=True)
        await asyncio.gather(*(self._check_pair(n * PACING_S, *pair) for n, pair in enumerate(pairs)))

    async def _check_pair(self, start: float, path: Route, remote: Candidate) -> None:
        check = self._check_message(path)
        self._pending[check.transaction] = (path, remote)
        begun = asyncio.get_running_loop().time() + start
        for wait in CHECK_TIMES_S:
            await asyncio.sleep(max(0.0, begun + wait - asyncio.get_running_loop().time()))
            if check.transaction not in self._pending:
                return
            self._send_check(path, remote.address, check)

    def _send_check(self, path: Route, peer: Address, check: Message) -> None:
        path.send(peer, turn.encode_check(check, self.peer.password))
        if not self._peer_is_new:  # the twin for peers with the older FINGERPRINT
            path.send(peer, turn.encode_check(check, self.peer.password, legacy_fingerprint=True))

    def _check_message(self, path: Route, *, nominate: bool = False) -> Message:
        kind = "relay" if isinstance(path, Allocation) else "host"
        own = next(c for c in self.candidates if (c.kind, c.transport) == (kind, path.transport))
        attributes = [
            (turn.USERNAME, f"{self.peer.ufrag}:{self.ufrag}".encode()),
            (turn.PRIORITY, struct.pack("!I", own.priority)),
            (turn.ICE_CONTROLLING if self.controlling else turn.ICE_CONTROLLED, self.tie_breaker),
            *([(turn.USE_CANDIDATE, b"")] if nominate else []),
            (turn.CANDIDATE_IDENTIFIER, own.foundation),
            (turn.IMPLEMENTATION_VERSION, struct.pack("!I", IMPLEMENTATION)),
        ]
        return Message(turn.BINDING, attributes)

    async def nominate(self, *, transport: str | None = None, relayed: bool = False) -> None:
        """Choose the best answered pair, or relayed pair, and tell the peer with USE-CANDIDATE."""
        usable = [(key, remote) for key, remote in self.valid.items() if transport in (None, remote.transport)]
        usable = [one for one in usable if isinstance(one[0][0], Allocation) or not relayed]
        if not usable:
            raise RuntimeError(f"no check of {self.at} was answered")
        (path, peer), _ = max(usable, key=lambda item: rank(item[0][0], item[1]))
        for _ in range(2):
            self._send_check(path, peer, self._check_message(path, nominate=True))
            await asyncio.sleep(0.05)
        self._choose(path, peer)
        await asyncio.gather(*self._tasks)

    async def talk(self, seconds: float, codec: Codec) -> None:
        """Send one RTP packet each 20 ms on the chosen path, and RTCP now and then."""
        assert self.chosen, f"{self.at} has no chosen pair"
        path, peer = self.chosen
        ssrc, sequence, clock = os.urandom(4), random.randrange(1 << 16), random.randrange(1 << 32)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for number in range(round(seconds / FRAME_S)):
            await asyncio.sleep(max(0.0, begun + number * FRAME_S - loop.time()))
            path.send(
                peer,
                rtp(codec, sequence + number, clock + number * codec.clock // 50, ssrc, first=not number),
            )
            if number % RTCP_EVERY == RTCP_EVERY // 2:
                path.send(peer, rtcp(ssrc))

    async def share(self, seconds: float, burst: tuple[int, int], size: tuple[int, int]) -> None:
        """Send application sharing (x-data over RTP): bursts of packets when the screen changes."""
        assert self.chosen, f"{self.at} has no chosen pair"
        path, peer = self.chosen
        ssrc, sequence = os.urandom(4), random.randrange(1 << 16)
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end:
            for _ in range(random.randint(*burst)):
                path.send(peer, rtp(Codec(127, 90000, size), sequence, int(loop.time() * 90000), ssrc))
                sequence += 1
            await asyncio.sleep(random.uniform(*SCREEN_REST_S))

    async def refresh(self) -> None:
        """Keep every relayed port, as clients do while a call lasts."""
        await asyncio.gather(*(one.refresh() for one in self.allocations if one.relayed))

    async def close(self) -> None:
        for allocation in self.allocations:
            if allocation.relayed:
                await allocation.release()
            if isinstance(allocation, TcpAllocation):
                await allocation.close()
        self.socket.transport.close()


def rtp(codec: Codec, sequence: int, clock: int, ssrc: bytes, *, first: bool = False) -> bytes:
    head = struct.pack("!BBHI", 0x80, codec.payload_type | first << 7, sequence % (1 << 16), clock % (1 << 32))
    return head + ssrc + os.urandom(random.randint(*codec.payload))


def rtcp(ssrc: bytes) -> bytes:
    """A sender report under SRTCP: first header and SSRC in clear, the rest opaque with index and tag."""
    return struct.pack("!BBH", 0x81, 200, 12) + ssrc + os.urandom(44) + b"\x80\0\0" + os.urandom(11)


def meet(caller: Agent, callee: Agent) -> None:
    """What offer and answer do: each side knows the other's candidates and passwords."""
    caller.peer, callee.peer, caller.controlling = callee, caller, True


async def connect(caller: Agent, callee: Agent, *, transport: str | None = None) -> None:
    """Checks of both sides, then the caller's choice."""
    meet(caller, callee)
    await asyncio.gather(caller.check(), callee.check())
    await caller.nominate(transport=transport)


async def converse(caller: Agent, callee: Agent, seconds: float, codec: Codec) -> None:
    await asyncio.gather(caller.talk(seconds, codec), callee.talk(seconds - 0.2, codec))
