"""Gateways and Mediation Servers that say what they are told to, over TCP, in readable SIP (RFC 3261)."""

import asyncio
import secrets
import socket
import ssl
import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from sample_pcaps.lab.gateway import Side
from sample_pcaps.lab.sip_messages import SDP_TYPE, Headers, Message, answer, read

MEDIATION = "RTCC/5.0.0.0 MediationServer"
MAKER = "Lab-Gateway/1.0"
ANSWER_S = 0.8


@dataclass(frozen=True)
class Said:
    """One answer."""

    status: int
    reason: str
    headers: Headers = ()
    body: bytes = b""


Replies = Mapping[str, Sequence[Said]]
"""By method, or method and called number ("INVITE 5550142"): the answers; what is missing is not answered."""


def describe(host: str, port: int, transport: str) -> bytes:
    """Speech as G.711, in the clear (RTP/AVP) or encrypted (RTP/SAVP)."""
    lines = ["v=0", f"o=- 1 1 IN IP4 {host}", "s=session", f"c=IN IP4 {host}", "t=0 0"]
    lines += [f"m=audio {port} {transport} 0 8", "a=rtpmap:0 PCMU/8000", "a=rtpmap:8 PCMA/8000"]
    if transport == "RTP/SAVP":
        lines.append(f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{b64encode(secrets.token_bytes(30)).decode()}")
    return "\r\n".join([*lines, "a=ptime:20", ""]).encode()


def serve_trunk(port: int, replies: Replies, word: str = MAKER) -> None:
    """Listen and answer, until killed."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while message := await read(reader):
            number = message.start.partition("sip:+1")[2].partition("@")[0]
            for said in replies.get(f"{message.method} {number}", replies.get(message.method, ())):
                content = {"kind": SDP_TYPE, "body": said.body} if said.body else {}
                reply = answer(message, said.status, said.reason, ("Server", word), *said.headers, **content)
                writer.write(reply.encode())
                await asyncio.sleep(0.15)
        writer.close()

    async def run() -> None:
        async with await asyncio.start_server(talk, "", port) as server:
            await server.serve_forever()

    asyncio.run(run())


@dataclass(frozen=True)
class Question:
    """One request on a trunk: `after` seconds behind the one before."""

    method: str
    number: str = ""
    body: bytes = b""
    after: float = 0.5


def ask_trunk(own: str, other: str, port: int, questions: Sequence[Question], word: str, stays: float = 0.5) -> None:
    """Open a trunk, ask, and close it after a while; answers are waited for a moment only."""

    async def run() -> None:
        reader, writer = await asyncio.open_connection(other, port)
        for place, one in enumerate(questions, 1):
            await asyncio.sleep(one.after)
            writer.write(_request(own, other, port, one, place, word).encode())
            with suppress(TimeoutError):
                await asyncio.wait_for(_final(reader), ANSWER_S)
        await asyncio.sleep(stays)
        writer.close()

    asyncio.run(run())


async def _final(reader: asyncio.StreamReader) -> None:
    while reply := await read(reader):
        if reply.status >= 200:
            return


def _request(own: str, other: str, port: int, one: Question, place: int, word: str) -> Message:
    user = f"+1{one.number}@" if one.number else ""
    headers = (
        ("Via", f"SIP/2.0/TCP {own}:5060;branch=z9hG4bK{secrets.token_hex(6)}"),
        ("Max-Forwards", "70"),
        ("From", f"<sip:{own}>;tag={secrets.token_hex(4)}"),
        ("To", f"<sip:{user}{other}:{port}>"),
        ("Call-ID", secrets.token_hex(12)),
        ("CSeq", f"{place} {one.method}"),
        ("Contact", f"<sip:{own}:5060;transport=tcp>"),
        ("User-Agent", word),
        *((("Content-Type", SDP_TYPE),) if one.body else ()),
    )
    return Message(f"{one.method} sip:{user}{other}:{port} SIP/2.0", headers, one.body)


async def silenced_call(gateway: Side, mediation: Side, port: int) -> None:
    """The gateway calls and falls silent; the Mediation Server, which goes on, hangs up when its script is over."""
    served = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        invite = await read(reader)
        assert invite is not None
        server = ("Server", MEDIATION)
        accepted = answer(invite, 200, "OK", server, kind=SDP_TYPE, body=mediation.sdp())
        writer.write(answer(invite, 100, "Trying", server).encode() + accepted.encode())
        await read(reader)  # the ACK
        await mediation.talk(gateway.at)
        turned = (("From", accepted.get("To")), ("To", invite.get("From")), ("Call-ID", invite.get("Call-ID")))
        via = ("Via", f"SIP/2.0/TCP {mediation.at[0]}:{port};branch=z9hG4bK{secrets.token_hex(6)}")
        bye = Message(
            f"BYE sip:{gateway.at[0]}:5060;transport=tcp SIP/2.0",
            (via, ("Max-Forwards", "70"), *turned, ("CSeq", "1 BYE"), ("User-Agent", MEDIATION)),
        )
        writer.write(bye.encode())
        await read(reader)
        writer.close()
        served.set()

    await asyncio.gather(gateway.open(), mediation.open())
    sock = mediation.open_socket(socket.SOCK_STREAM)
    sock.bind((mediation.at[0], port))
    listening = await asyncio.start_server(serve, sock=sock)
    calling = gateway.open_socket(socket.SOCK_STREAM)
    calling.setblocking(False)
    await asyncio.get_running_loop().sock_connect(calling, (mediation.at[0], port))
    reader, writer = await asyncio.open_connection(sock=calling)
    call = Question("INVITE", "5550188", gateway.sdp())
    invite = _request(gateway.at[0], mediation.at[0], port, call, 1, MAKER)
    writer.write(invite.encode())
    accepted = await read(reader)
    while accepted and accepted.status < 200:
        accepted = await read(reader)
    assert accepted is not None
    kept = tuple(one for one in invite.headers if one[0] not in ("To", "CSeq", "Content-Type"))
    ack = Message(f"ACK {invite.start.split()[1]} SIP/2.0", (*kept, ("To", accepted.get("To")), ("CSeq", "1 ACK")))
    writer.write(ack.encode())
    talking = asyncio.create_task(gateway.talk(mediation.at))
    if bye := await read(reader):
        writer.write(answer(bye, 200, "OK", ("Server", MAKER)).encode())
    await served.wait()
    talking.cancel()
    writer.close()
    listening.close()


def open_tls_trunk(address: str, port: int, root: bytes, name: str, tries: int) -> None:
    """Try TLS with a Mediation Server, trusting one authority only."""
    context = ssl.create_default_context(cadata=root.decode())
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    for _ in range(tries):
        with suppress(OSError), socket.create_connection((address, port), 3.0) as plain:
            context.wrap_socket(plain, server_hostname=name).close()
        time.sleep(1.0)
