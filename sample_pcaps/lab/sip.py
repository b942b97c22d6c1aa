"""SIP over TLS of the laboratory: a registrar and what its users say, as Lync Server 2013 words it."""

import secrets
import socket
import uuid

from sample_pcaps.lab.services import Conversation
from sample_pcaps.lab.web import read_message

PHONE_AGENT = "CPE/4.0.7577.4455 OCPhone/4.0.7577.4455 (Microsoft Lync Phone Edition)"
DESKTOP_AGENT = "UCCAPI/15.0.4569.1503 OC/15.0.4569.1503 (Microsoft Lync)"


def registrar(name: str, web_server: str) -> Conversation:
    """Return a registrar: challenges a REGISTER without credentials, accepts everything else."""

    def talk(connection: socket.socket) -> None:
        waiting = b""
        while request := read_message(connection, waiting):
            head, waiting = request
            if head.startswith("ACK"):
                continue
            challenged = head.startswith("REGISTER") and "Authorization:" not in head
            connection.sendall(_challenge(head, name, web_server) if challenged else _accept(head, name))

    return talk


def _echoed(head: str) -> list[str]:
    wanted = ("via:", "from:", "to:", "call-id:", "cseq:")
    return [line for line in head.split("\r\n")[1:] if line.lower().startswith(wanted)]


def _finish(lines: list[str]) -> bytes:
    return "\r\n".join([*lines, "Content-Length: 0", "", ""]).encode()


def _challenge(head: str, name: str, web_server: str) -> bytes:
    url = f"https://{web_server}:443/CertProv/CertProvisioningService.svc"
    realm = 'realm="SIP Communications Service"'
    ways = [
        f'WWW-Authenticate: NTLM {realm}, targetname="{name}", version=4',
        f'WWW-Authenticate: TLS-DSK {realm}, targetname="{name}", version=4, sts-uri="{url}"',
    ]
    return _finish(["SIP/2.0 401 Unauthorized", *_echoed(head), *ways, "Server: RTC/5.0"])


def _accept(head: str, name: str) -> bytes:
    opaque = secrets.token_hex(4)
    proof = f'Authentication-Info: TLS-DSK qop="auth", opaque="{opaque}", targetname="{name}", snum=1'
    alive = "ms-keep-alive: UAS; tcp=no; hop-hop=yes; end-end=no; timeout=300"
    return _finish(["SIP/2.0 200 OK", *_echoed(head), proof, "Expires: 7200", alive, "Server: RTC/5.0"])


def request(method: str, user: str, number: int, agent: str, *, authorized: bool) -> bytes:
    """Return one request of a user."""
    domain = user.partition("@")[2]
    lines = [
        f"{method} sip:{domain if method == 'REGISTER' else user} SIP/2.0",
        f"Via: SIP/2.0/TLS {domain}:5061;branch=z9hG4bK{secrets.token_hex(6)}",
        "Max-Forwards: 70",
        f"From: <sip:{user}>;tag={secrets.token_hex(5)};epid={secrets.token_hex(5)}",
        f"To: <sip:{user}>",
        f"Call-ID: {secrets.token_hex(16)}",
        f"CSeq: {number} {method}",
        f'Contact: <sip:{user};transport=tls>;+sip.instance="<urn:uuid:{uuid.uuid4()}>"',
        f"User-Agent: {agent}",
        "Supported: gruu-10, adhoclist, msrtc-event-categories",
        "ms-keep-alive: UAC;hop-hop=yes",
    ]
    if authorized:
        proof = secrets.token_urlsafe(180 if method == "REGISTER" else 60)
        lines.append(f'Authorization: TLS-DSK qop="auth", realm="SIP Communications Service", gssapi-data="{proof}"')
    return _finish(lines)


def sign_in(connection: socket.socket, user: str, agent: str) -> None:
    """Register and subscribe; every answer is read before the next request goes out."""
    steps = [
        ("REGISTER", False),
        ("REGISTER", True),
        ("SUBSCRIBE", True),
        ("SUBSCRIBE", True),
        ("SERVICE", True),
    ]
    for number, (method, authorized) in enumerate(steps, start=1):
        connection.sendall(request(method, user, number, agent, authorized=authorized))
        read_message(connection, b"")
