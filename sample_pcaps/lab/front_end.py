"""A Front End of the laboratory: registers users, tells them their settings, asks the Edge for relay credentials,
and passes calls on between its users."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import ssl
from dataclasses import dataclass, field

from sample_pcaps.lab import tls_dsk
from sample_pcaps.lab.pki import Identity
from sample_pcaps.lab.sip_messages import (
    PROVISIONING_EVENT,
    PROVISIONING_TYPE,
    RELAY_TYPE,
    Message,
    answer,
    provisioning,
    read,
    relay_answer,
)
from sample_pcaps.lab.tls_dsk import Handshake
from sample_pcaps.lab.turn import access_token
from sample_pcaps.lab.turn_relay import PASSWORD

REALM = 'realm="SIP Communications Service"'
EDGE_SIP_PORT = 5062
EDGE_PATIENCE_S = 5.0


@dataclass(frozen=True)
class Settings:
    """What a Front End is and what it tells its users."""

    name: str
    domain: str
    web: str
    relay: str
    """Name of the Edge interface its users are sent to."""
    authentication_edge: str | None = None
    """Address of an Edge that has to be asked for relay credentials first; without one the answer is at hand."""
    remote_users: bool = False
    """Its users come through the Access Edge."""
    server: str = "RTC/5.0"

    @property
    def relay_service(self) -> str:
        """URI of the Edge's media relay authentication service."""
        return f"sip:Mras.{self.relay}@{self.domain};gruu;opaque=srvr:MRAS:{'x' * 8}AA"

    @property
    def location(self) -> str:
        return "internet" if self.remote_users else "intranet"


@dataclass(eq=False)
class Line:
    """One client's connection."""

    writer: asyncio.StreamWriter
    handshake: Handshake | None = None

    def send(self, message: Message) -> None:
        with contextlib.suppress(OSError):
            self.writer.write(message.encode())


@dataclass
class FrontEnd:
    """One server with everybody who is signed in."""

    settings: Settings
    identity: Identity
    root: bytes
    users: dict[str, Line] = field(default_factory=dict)
    _asked: dict[str, Line] = field(default_factory=dict)
    """Whom the answer to a forwarded request goes back to, by the branch of our own Via."""

    async def serve(self, port: int, context: ssl.SSLContext) -> None:
        server = await asyncio.start_server(self._converse, "", port, ssl=context, family=socket.AF_INET)
        await server.serve_forever()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = Line(writer)
        while message := await read(reader):
            await self._handle(message, line)
        writer.close()

    async def _handle(self, message: Message, line: Line) -> None:
        if not message.method:
            self._pass_back(message)
        elif message.method == "OPTIONS":
            line.send(answer(message, 200, "OK", ("Server", self.settings.server)))
        elif message.method in ("REGISTER", "SUBSCRIBE", "SERVICE"):
            line.send(await self._serve(message, line))
        elif other := self.users.get(message.target):
            self._pass_on(message, line, other)
        elif message.method != "ACK":
            why = f'1003;reason="User does not exist";source="{self.settings.name}"'
            line.send(answer(message, 404, "Not Found", ("ms-diagnostics", why)))

    async def _serve(self, message: Message, line: Line) -> Message:
        if message.method == "REGISTER":
            return self._register(message, line)
        if message.method == "SERVICE":
            return await self._relay_credentials(message)
        return self._subscribe(message)

    def _register(self, message: Message, line: Line) -> Message:
        given = message.get("Authorization")
        if "gssapi-data=" in given:
            line.handshake = line.handshake or tls_dsk.server_side(self.identity, self.root)
            proof = f'TLS-DSK opaque="{secrets.token_hex(4)}", gssapi-data="{line.handshake.step(given)}", '
            tail = f'targetname="{self.settings.name}", {REALM}, version=4'
            return answer(message, 401, "Unauthorized", ("WWW-Authenticate", proof + tail))
        if not given:
            return answer(message, 401, "Unauthorized", *self._challenges(), ("Server", self.settings.server))
        user = message.get("To").partition("sip:")[2].partition(">")[0]
        expires = message.get("Expires") or "7200"
        if expires == "0":
            self.users.pop(user, None)
        else:
            self.users[user] = line
        return self._welcome(message, expires)

    def _welcome(self, message: Message, expires: str) -> Message:
        proof = f'TLS-DSK qop="auth", opaque="{secrets.token_hex(4)}", srand="{secrets.token_hex(4)}", snum="1"'
        rest = f'rspauth="{secrets.token_hex(20)}", targetname="{self.settings.name}", {REALM}, version=4'
        headers = [
            ("Authentication-Info", f"{proof}, {rest}"),
            ("Contact", f"{message.get('Contact').partition(';expires')[0]};expires={expires}"),
            ("Expires", expires),
            ("presence-state", 'register-action="added";primary-cluster-type="central";is-connected-to-primary="yes"'),
            ("Allow-Events", f"{PROVISIONING_EVENT}, vnd-microsoft-roaming-contacts, presence, presence.wpending"),
            ("ms-keep-alive", "UAS; tcp=no; hop-hop=yes; end-end=no; timeout=300"),
            ("Supported", "adhoclist, msrtc-event-categories, ms-forking, ms-keepalive-deregister"),
            ("Server", self.settings.server),
        ]
        headers += [("ms-user-logon-data", "RemoteUser")] if self.settings.remote_users else []
        return answer(message, 200, "OK", *headers)

    def _challenges(self) -> list[tuple[str, str]]:
        name, url = self.settings.name, f"https://{self.settings.web}:443/CertProv/CertProvisioningService.svc"
        inside = [] if self.settings.remote_users else [f'Kerberos {REALM}, targetname="sip/{name}", version=4']
        ways = [*inside, f'NTLM {REALM}, targetname="{name}", version=4']
        ways.append(f'TLS-DSK {REALM}, targetname="{name}", version=4, sts-uri="{url}"')
        return [("WWW-Authenticate", way) for way in ways]

    def _subscribe(self, message: Message) -> Message:
        event = message.get("Event")
        told = (("Contact", f"<sip:{self.settings.name}:5061;transport=tls>"), ("Expires", "41472"))
        told += (("Event", event), ("subscription-state", "active;expires=41472"))
        if event != PROVISIONING_EVENT:
            return answer(message, 200, "OK", *told)
        web = f"https://{self.settings.web}"
        names = {
            "focusFactoryUri": f"sip:{self.settings.domain};gruu;opaque=app:conf:focusfactory",
            "mrasUri": self.settings.relay_service,
            "absInternalServerUrl": f"{web}/abs/handler",
            "dlxInternalUrl": f"{web}/groupexpansion/service.svc",
            "ucPC2PCAVEncryption": "RequireEncryption",
            "ucPortRangeEnabled": "true",
            "ucMinMediaPort": "50000",
            "ucMaxMediaPort": "50039",
        }
        return answer(message, 200, "OK", *told, kind=PROVISIONING_TYPE, body=provisioning(names))

    async def _relay_credentials(self, message: Message) -> Message:
        settings = self.settings
        if settings.authentication_edge and not await self._reach_edge(settings.authentication_edge):
            why = (
                f'1007;reason="Temporarily cannot route";source="{settings.name}";ErrorType="Connect Attempt Failure";'
                f'WinsockFailureCode="10060(WSAETIMEDOUT)";Peer="{settings.relay}";Port="{EDGE_SIP_PORT}"'
            )
            return answer(message, 504, "Server time-out", ("ms-diagnostics", why), ("Server", settings.server))
        user = message.get("From").partition("sip:")[2].partition(">")[0]
        body = relay_answer(user, settings.relay_service, settings.location, settings.relay, access_token(), PASSWORD)
        return answer(message, 200, "OK", ("Server", settings.server), kind=RELAY_TYPE, body=body)

    @staticmethod
    async def _reach_edge(address: str) -> bool:
        try:
            _, writer = await asyncio.wait_for(asyncio.open_connection(address, EDGE_SIP_PORT), EDGE_PATIENCE_S)
        except (OSError, TimeoutError):
            return False
        writer.close()
        return True

    def _pass_on(self, message: Message, line: Line, other: Line) -> None:
        branch = f"z9hG4bK{secrets.token_hex(8).upper()}"
        self._asked[branch] = line
        via = ("Via", f"SIP/2.0/TLS {self.settings.name}:5061;branch={branch};ms-internal-info={secrets.token_hex(6)}")
        record = ("Record-Route", f"<sip:{self.settings.name}:5061;transport=tls;opaque=state:F;lr>")
        recorded = (record,) if message.method == "INVITE" else ()
        if message.method == "INVITE":
            line.send(answer(message, 100, "Trying"))
        other.send(Message(message.start, (via, *recorded, *message.headers), message.body))

    def _pass_back(self, message: Message) -> None:
        first = message.headers.index(message.all("Via")[0])
        branch = message.headers[first][1].partition("branch=")[2].partition(";")[0]
        if line := self._asked.get(branch):
            headers = message.headers[:first] + message.headers[first + 1 :]
            line.send(Message(message.start, headers, message.body))


def serve_front_end(
    settings: Settings, identity: Identity, root: bytes, context: ssl.SSLContext, port: int = 5061
) -> None:
    """Run a Front End until it is killed."""
    asyncio.run(FrontEnd(settings, identity, root).serve(port, context))
