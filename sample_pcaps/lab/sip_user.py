"""A user's client of the laboratory: signs in, asks for relay credentials, calls and is called."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import secrets
import socket
import ssl
import uuid

from sample_pcaps.lab import tls_dsk
from sample_pcaps.lab.media import Agent
from sample_pcaps.lab.pki import Identity
from sample_pcaps.lab.sip import DESKTOP_AGENT
from sample_pcaps.lab.sip_messages import (
    PROVISIONING_EVENT,
    RELAY_TYPE,
    SDP_TYPE,
    Headers,
    Message,
    Offer,
    answer,
    read,
    relay_request,
    session,
)
from sample_pcaps.lab.turn_relay import OpenSocket

PATIENCE_S = 12.0
RING_S = 0.25


class User:
    """One signed-in user; `location` is where the client believes to be."""

    def __init__(self, name: str, open_socket: OpenSocket, identity: Identity, root: bytes) -> None:
        self.name, self.location = name, "intranet"
        self._open_socket, self._identity, self._root = open_socket, identity, root
        self._epid, self._instance = secrets.token_hex(5), uuid.uuid4()
        self.token: bytes | None = None
        self._signed_in = False
        self._awaited: dict[tuple[str, str], asyncio.Queue[Message]] = {}
        self._writer: asyncio.StreamWriter
        self._reading: asyncio.Task[None]
        self._call = self._theirs = self._mine = ""
        self._agent: Agent | None = None
        self._number = 0
        self.called: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self.hung_up = asyncio.Event()

    async def connect(self, address: str, port: int, context: ssl.SSLContext, server_name: str) -> None:
        sock = self._open_socket(socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(sock, (address, port))
        self._at = sock.getsockname()
        reader, self._writer = await asyncio.open_connection(sock=sock, ssl=context, server_hostname=server_name)
        self._reading = asyncio.create_task(self._read(reader))

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()
        await self._reading

    async def sign_in(self) -> None:
        """REGISTER without credentials, two rounds of TLS-DSK, the last one signed; then ask for the settings."""
        call, proof = secrets.token_hex(16), tls_dsk.client_side(self._identity, self._root)
        domain, header, given = self.name.partition("@")[2], "", ""
        for _ in range(4):
            more: Headers = (("Authorization", given),) if given else ()
            reply = await self._ask("REGISTER", domain, call, (*self._registration(), *more))
            if reply.status == 200:
                self._signed_in = True
                await self._subscribe()
                return
            header = reply.get("WWW-Authenticate") if given else ""
            given = self._credentials(proof.step(header))
        raise RuntimeError(f"{self.name} was not let in")

    def _credentials(self, flight: str) -> str:
        start = 'TLS-DSK qop="auth", realm="SIP Communications Service", version=4'
        return f'{start}, gssapi-data="{flight}"' if flight else f"{start}, {self._signature()}"

    def _signature(self) -> str:
        rand = secrets.token_hex(4)
        return f'opaque="{rand}", crand="{rand}", cnum="{self._number}", response="{secrets.token_hex(20)}"'

    def _registration(self) -> Headers:
        host, port = self._at
        contact = f"<sip:{host}:{port};transport=tls;ms-opaque={secrets.token_hex(5)}>"
        return (
            (
                "Contact",
                f'{contact};methods="INVITE, MESSAGE, INFO, OPTIONS, BYE, CANCEL, NOTIFY, ACK, REFER, BENOTIFY"'
                f';proxy=replace;+sip.instance="<urn:uuid:{self._instance}>"',
            ),
            ("Supported", "gruu-10, adhoclist, msrtc-event-categories, ms-forking"),
            ("ms-keep-alive", "UAC;hop-hop=yes"),
            ("ms-subnet", host.rpartition(".")[0] + ".0"),
            ("Event", "registration"),
        )

    async def _subscribe(self) -> None:
        for event in (PROVISIONING_EVENT, "vnd-microsoft-roaming-contacts", "vnd-microsoft-roaming-self"):
            headers = (("Event", event), ("Accept", "application/vnd-microsoft-roaming-provisioning-v2+xml"))
            taken = ("Supported", "com.microsoft.autoextend, ms-benotify, ms-piggyback-first-notify")
            await self._ask("SUBSCRIBE", self.name, secrets.token_hex(16), (*headers, taken, ("Expires", "0")))

    async def ask_relay(self, service: str) -> int:
        """Ask for relay credentials; return the status."""
        body = relay_request(self.name, service, self.location)
        target = service.removeprefix("sip:")
        reply = await self._ask("SERVICE", target, secrets.token_hex(16), (), RELAY_TYPE, body)
        if found := re.search(rb"<username>([^<]+)</username>", reply.body):
            self.token = base64.b64decode(found[1])
        return reply.status

    async def call(self, other: str, agent: Agent, candidates: Headers = ()) -> Message:
        """Offer a session; return the final answer."""
        self._call, self._peer = secrets.token_hex(16), other
        offer = Offer(agent)
        headers = (("ms-conversation-id", secrets.token_hex(10)), ("Supported", "timer, histinfo, ms-safe-transfer"))
        reply = await self._ask("INVITE", other, self._call, (*headers, *candidates), offer.kind, offer.body())
        self._theirs = reply.get("To").partition(";tag=")[2]
        self._say(self._request("ACK", other, self._call, ()))
        return reply

    async def confirm(self, agent: Agent, chosen: tuple[str, int]) -> None:
        """Tell the peer by a second INVITE which pair carries the media."""
        body = session(agent, chosen=chosen)
        await self._ask("INVITE", self._peer, self._call, (), SDP_TYPE, body)
        self._say(self._request("ACK", self._peer, self._call, ()))

    async def hang_up(self, diagnostics: str) -> None:
        await self._ask("BYE", self._peer, self._call, (("ms-client-diagnostics", diagnostics),))

    def free(self) -> None:
        """Be ready for another call."""
        self.called, self._theirs = asyncio.get_running_loop().create_future(), ""

    async def accept(self, agent: Agent) -> None:
        """Ring, answer with an own session, later answer whatever else comes in this call."""
        invite = await asyncio.wait_for(asyncio.shield(self.called), PATIENCE_S)
        self._mine, self._agent = secrets.token_hex(5).upper(), agent
        self._say(self._in_call(invite, 180, "Ringing"))
        await asyncio.sleep(RING_S)
        self._say(self._in_call(invite, 183, "Session Progress", agent))
        await asyncio.sleep(RING_S)
        self._say(self._in_call(invite, 200, "OK", agent))

    def _in_call(self, invite: Message, status: int, reason: str, agent: Agent | None = None) -> Message:
        to = invite.get("To")
        tagged = to if ";tag=" in to else f"{to};tag={self._mine}"
        fixed = tuple((name, tagged if name == "To" else value) for name, value in invite.headers)
        contact = (("Contact", f"<sip:{self.name};opaque=user:epid:{self._epid};gruu>"), ("User-Agent", DESKTOP_AGENT))
        routes = invite.all("Record-Route")
        body = session(agent) if agent else b""
        return answer(Message(invite.start, fixed), status, reason, *routes, *contact, kind=SDP_TYPE, body=body)

    async def _ask(
        self, method: str, target: str, call: str, headers: Headers, kind: str = "", body: bytes = b""
    ) -> Message:
        request = self._request(method, target, call, headers, kind, body)
        replies = self._awaited[request.dialog] = asyncio.Queue()
        self._say(request)
        while True:
            reply = await asyncio.wait_for(replies.get(), PATIENCE_S)
            if reply.status >= 200:
                return reply

    def _request(
        self, method: str, target: str, call: str, headers: Headers, kind: str = "", body: bytes = b""
    ) -> Message:
        self._number += method != "ACK"
        host, port = self._at
        to = f"<sip:{target}>" if method != "REGISTER" else f"<sip:{self.name}>"
        tag = f";tag={self._theirs}" if self._theirs and call == self._call else ""
        common = (
            ("Via", f"SIP/2.0/TLS {host}:{port};branch=z9hG4bK{secrets.token_hex(6)}"),
            ("Max-Forwards", "70"),
            ("From", f"<sip:{self.name}>;tag={call[:10]};epid={self._epid}"),
            ("To", to + tag),
            ("Call-ID", call),
            ("CSeq", f"{self._number} {method}"),
            ("User-Agent", DESKTOP_AGENT),
        )
        signed = (("Proxy-Authorization", self._credentials("")),) if self._signed_in and method != "REGISTER" else ()
        content = (("Content-Type", kind),) if body else ()
        return Message(f"{method} sip:{target} SIP/2.0", (*common, *headers, *signed, *content), body)

    def _say(self, message: Message) -> None:
        self._writer.write(message.encode())

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while message := await read(reader):
            if not message.method:
                if replies := self._awaited.get(message.dialog):
                    replies.put_nowait(message)
            elif message.method == "INVITE" and not self.called.done():
                self.called.set_result(message)
            elif message.method in ("INVITE", "BYE"):
                self._say(self._in_call(message, 200, "OK", self._agent if message.method == "INVITE" else None))
                if message.method == "BYE":
                    self.hung_up.set()
