"""A call from the telephone network: a gateway and a Mediation Server with SIP over TCP and RTP in the clear.

Sources: RFC 3550 (RTP, RTCP), RFC 3551 (G.711), RFC 3389 (comfort noise), RFC 4733 (digits).
"""

from __future__ import annotations

import asyncio
import random
import secrets
import socket
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from sample_pcaps.lab.services import ntp_now
from sample_pcaps.lab.sip_messages import SDP_TYPE, Message, answer, read
from sample_pcaps.lab.turn import Address
from sample_pcaps.lab.turn_relay import OpenSocket, open_datagrams

FRAME_S = 0.020
TICKS = 160  # of the 8000 Hz clock in 20 ms
PCMA, COMFORT_NOISE, DIGIT = 8, 13, 101
NOISE_EVERY = 10  # frames, so 200 ms
DIGIT_FRAMES = 5
MARKER = 0x80
REPORT_S = 2.5
MEDIATION_PORT = 5068
HUNG_UP_S = 0.2

Script = Iterable[tuple[str, int]]
"""What one side does: ("speech" or "pause", 20 ms frames) or ("digit", which)."""
Packet = tuple[int, int, int, bytes]
"""In which frame it goes, payload type with marker, timestamp in ticks, payload."""


def packets(script: Script) -> Iterator[Packet]:
    """The RTP packets of a script."""
    frame, generator = 0, random.Random(711)
    for kind, amount in script:
        if kind == "speech":
            for number in range(amount):
                marker = 0 if number else MARKER
                yield frame + number, PCMA | marker, (frame + number) * TICKS, generator.randbytes(TICKS)
        elif kind == "pause":
            for number in range(0, amount, NOISE_EVERY):
                yield frame + number, COMFORT_NOISE, (frame + number) * TICKS, b"\x3c"
        else:
            yield from _digit(frame, amount)
            amount = DIGIT_FRAMES + 2
        frame += amount


def _digit(frame: int, digit: int) -> Iterator[Packet]:
    """One key: the same timestamp throughout, a growing duration, the end said three times."""
    for number in range(DIGIT_FRAMES + 2):
        ended = 0x80 if number >= DIGIT_FRAMES - 1 else 0
        duration = min(number + 1, DIGIT_FRAMES) * TICKS
        body = struct.pack("!BBH", digit, ended | 10, duration)
        yield frame + number, DIGIT | (0 if number else MARKER), frame * TICKS, body


@dataclass
class Heard:
    """What RFC 3550 appendix A keeps of a stream that is received."""

    ssrc: int = 0
    first: int = 0
    highest: int = -1
    received: int = 0
    jitter: float = 0.0
    _transit: float = 0.0

    def hear(self, data: bytes, now: float) -> None:
        kind, sequence, clock, self.ssrc = struct.unpack_from("!xBHII", data)
        transit = now * 8000 - clock
        if self.received == 0:
            self.first, self.highest = sequence, sequence
        elif kind & 0x7F == PCMA:
            self.jitter += (abs(transit - self._transit) - self.jitter) / 16
        self.highest = max(self.highest, sequence)
        self.received += 1
        self._transit = transit

    def block(self) -> bytes:
        lost = max(0, self.highest - self.first + 1 - self.received)
        return struct.pack("!IIIIII", self.ssrc, lost, self.highest, int(self.jitter), 0, 0)


@dataclass
class Side:
    """One end of the call; `marking` is the DSCP of what it sends, `reporting` whether it sends RTCP."""

    open_socket: OpenSocket
    at: Address
    script: Script
    marking: int = 0
    reporting: bool = True
    sequence: int = 1000
    ssrc: int = field(default_factory=lambda: secrets.randbits(32))
    clock: int = field(default_factory=lambda: secrets.randbits(31))
    heard: Heard = field(default_factory=Heard)
    sent: int = 0
    octets: int = 0

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self.rtp = await open_datagrams(self._marked, self.at, lambda data, _: self.heard.hear(data, loop.time()))
        self.rtcp = await open_datagrams(self._marked, (self.at[0], self.at[1] + 1), lambda *_: None)

    def _marked(self, kind: socket.SocketKind) -> socket.socket:
        sock = self.open_socket(kind)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, self.marking << 2)
        return sock

    async def talk(self, peer: Address) -> None:
        loop = asyncio.get_running_loop()
        begun = reported = loop.time()
        for frame, kind, ticks, payload in packets(self.script):
            await asyncio.sleep(max(0.0, begun + frame * FRAME_S - loop.time()))
            head = struct.pack("!BBHII", 0x80, kind, self.sequence + self.sent, self.clock + ticks, self.ssrc)
            self.rtp.send(head + payload, peer)
            self.sent, self.octets = self.sent + 1, self.octets + len(payload)
            if loop.time() - reported > REPORT_S:
                reported = loop.time()
                self._tell(self._report(ticks), peer)
        self._tell(self._report(ticks) + struct.pack("!BBHI", 0x81, 203, 1, self.ssrc), peer)

    def _tell(self, report: bytes, peer: Address) -> None:
        if self.reporting:
            self.rtcp.send(report, (peer[0], peer[1] + 1))

    def _report(self, ticks: int) -> bytes:
        """Sender report with one block, and the canonical name."""
        block = self.heard.block() if self.heard.received else b""
        head = struct.pack("!BBHI", 0x80 | bool(block), 200, 6 + len(block) // 4, self.ssrc) + ntp_now()
        counts = struct.pack("!III", self.clock + ticks, self.sent, self.octets)
        name = f"call@{self.at[0]}".encode()
        item = b"\x01" + bytes([len(name)]) + name
        item += bytes(4 - len(item) % 4)
        return head + counts + block + struct.pack("!BBHI", 0x81, 202, 1 + len(item) // 4, self.ssrc) + item

    def sdp(self) -> bytes:
        host, port = self.at
        lines = ["v=0", f"o=- 1 1 IN IP4 {host}", "s=session", f"c=IN IP4 {host}", "t=0 0"]
        lines += [f"m=audio {port} RTP/AVP {PCMA} {COMFORT_NOISE} {DIGIT}", f"a=rtcp:{port + 1}"]
        lines += ["a=rtpmap:8 PCMA/8000", "a=rtpmap:13 CN/8000", "a=rtpmap:101 telephone-event/8000"]
        return "\r\n".join([*lines, "a=fmtp:101 0-16", "a=ptime:20", ""]).encode()


async def incoming_call(gateway: Side, mediation: Side) -> None:
    """The gateway calls, both talk, the gateway hangs up."""
    serving = await _answering(mediation)
    sock = gateway.open_socket(socket.SOCK_STREAM)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, (mediation.at[0], MEDIATION_PORT))
    reader, writer = await asyncio.open_connection(sock=sock)
    await asyncio.gather(gateway.open(), mediation.open())
    call = secrets.token_hex(12)
    replies = await _say(reader, writer, _request("INVITE", gateway, mediation, call, gateway.sdp()))
    to = replies[-1].get("To")
    writer.write(_request("ACK", gateway, mediation, call, to=to).encode())
    await asyncio.gather(gateway.talk(mediation.at), mediation.talk(gateway.at))
    await _say(reader, writer, _request("BYE", gateway, mediation, call, to=to))
    writer.close()
    await asyncio.sleep(HUNG_UP_S)
    serving.close()


async def _answering(mediation: Side) -> asyncio.Server:
    async def answer_all(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server = ("Server", "RTCC/5.0.0.0 MediationServer")
        while message := await read(reader):
            if message.method == "INVITE":
                writer.write(answer(message, 100, "Trying", server).encode())
                await asyncio.sleep(0.4)
                writer.write(answer(message, 180, "Ringing", server).encode())
                await asyncio.sleep(0.5)
                body = mediation.sdp()
                writer.write(answer(message, 200, "OK", server, kind=SDP_TYPE, body=body).encode())
            elif message.method == "BYE":
                writer.write(answer(message, 200, "OK", server).encode())
        writer.close()

    sock = mediation.open_socket(socket.SOCK_STREAM)
    sock.bind((mediation.at[0], MEDIATION_PORT))
    return await asyncio.start_server(answer_all, sock=sock)


async def _say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Message) -> list[Message]:
    """Send a request; return its answers up to the final one."""
    writer.write(request.encode())
    replies: list[Message] = []
    while not replies or replies[-1].status < 200:
        reply = await read(reader)
        if reply is None:
            raise ConnectionError("the Mediation Server hung up")
        replies.append(reply)
    return replies


def _request(method: str, gateway: Side, mediation: Side, call: str, body: bytes = b"", to: str = "") -> Message:
    host, other = gateway.at[0], mediation.at[0]
    callee = f"sip:+15550123@{other}:{MEDIATION_PORT}"
    headers = (
        ("Via", f"SIP/2.0/TCP {host}:5060;branch=z9hG4bK{secrets.token_hex(6)}"),
        ("Max-Forwards", "70"),
        ("From", f"<sip:+15550177@{host};user=phone>;tag={call[:8]}"),
        ("To", to or f"<{callee};user=phone>"),
        ("Call-ID", call),
        ("CSeq", f"{2 if method == 'BYE' else 1} {method}"),
        ("Contact", f"<sip:+15550177@{host}:5060;transport=tcp>"),
        ("User-Agent", "Lab-Gateway/1.0"),
        *((("Content-Type", SDP_TYPE),) if body else ()),
    )
    return Message(f"{method} {callee};user=phone SIP/2.0", headers, body)
