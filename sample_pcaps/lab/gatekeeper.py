"""A registrar that does not let everybody in, and the clients that knock at it: NTLM by three messages, or none."""

import base64
import secrets
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sample_pcaps.lab import sip, web
from sample_pcaps.lab.connecting import Resolver, close_tls, open_tcp, open_tls
from sample_pcaps.lab.pki import client_context
from sample_pcaps.lab.services import CERTPROV_PATH, Conversation

REALM = 'realm="SIP Communications Service"'
NTLM_BYTES = {2: 180, 3: 330}
LETS_IN = 200
ASKS_AGAIN = 401
SECONDS_FOR_PROOF = 0.05


@dataclass(frozen=True)
class Verdict:
    """What the registrar says to one user's proof."""

    status: int = LETS_IN
    reason: str = "OK"
    diagnostics: str = ""
    """Of ms-diagnostics, without the source."""
    primary: str = "yes"
    """Whether this is the user's own pool."""


def gatekeeper(
    name: str, web_server: str, verdicts: Mapping[str, Verdict], header: str = "ms-diagnostics"
) -> Conversation:
    """Return a registrar that asks everybody for proof and then says to each user (by local part) what is told here."""

    def talk(connection: socket.socket) -> None:
        waiting = b""
        while request := web.read_message(connection, waiting):
            head, waiting = request
            if head.startswith("ACK"):
                continue
            connection.sendall(_answer(head, name, web_server, verdicts, header))

    return talk


def _answer(head: str, name: str, web_server: str, verdicts: Mapping[str, Verdict], header: str) -> bytes:
    proof = next((line for line in head.split("\r\n") if line.startswith("Authorization:")), "")
    if not head.startswith("REGISTER"):
        return _finish(head, LETS_IN, "OK", [])
    if not proof:
        return _finish(head, ASKS_AGAIN, "Unauthorized", _offers(name, web_server))
    if 'gssapi-data=""' in proof:
        time.sleep(SECONDS_FOR_PROOF)
        token = f'WWW-Authenticate: NTLM opaque="{secrets.token_hex(4)}", gssapi-data="{_token(2)}", '
        return _finish(head, ASKS_AGAIN, "Unauthorized", [f'{token}targetname="{name}", {REALM}, version=4'])
    time.sleep(SECONDS_FOR_PROOF)
    user = head.partition("From: <sip:")[2].partition("@")[0]
    verdict = verdicts.get(user, Verdict())
    more = [f'{header}: {verdict.diagnostics};source="{name}"'] if verdict.diagnostics else []
    if verdict.status == LETS_IN:
        more += _welcome(verdict)
    if verdict.status == ASKS_AGAIN:
        more += _offers(name, web_server)
    return _finish(head, verdict.status, verdict.reason, more)


def _welcome(verdict: Verdict) -> list[str]:
    state = f'register-action="added";primary-cluster-type="central";is-connected-to-primary="{verdict.primary}"'
    alive = "ms-keep-alive: UAS; tcp=no; hop-hop=yes; end-end=no; timeout=300"
    return [f"presence-state: {state}", "Expires: 7200", alive]


def _offers(name: str, web_server: str) -> list[str]:
    url = f"https://{web_server}:443{CERTPROV_PATH}"
    return [
        f'WWW-Authenticate: NTLM {REALM}, targetname="{name}", version=4',
        f'WWW-Authenticate: TLS-DSK {REALM}, targetname="{name}", version=4, sts-uri="{url}"',
    ]


def _finish(head: str, status: int, reason: str, more: Sequence[str]) -> bytes:
    wanted = ("via:", "from:", "to:", "call-id:", "cseq:")
    echoed = [line for line in head.split("\r\n")[1:] if line.lower().startswith(wanted)]
    lines = [f"SIP/2.0 {status} {reason}", *echoed, *more, "Server: RTC/5.0", "Content-Length: 0", "", ""]
    return "\r\n".join(lines).encode()


def _token(kind: int) -> str:
    token = b"NTLMSSP\0" + kind.to_bytes(4, "little") + secrets.token_bytes(NTLM_BYTES[kind])
    return base64.b64encode(token).decode()


@dataclass(frozen=True)
class Visitor:
    """One client that signs in by NTLM."""

    user: str
    resolver: Resolver
    root: bytes
    registrar: str
    """The name it asks for."""
    port: int = 5061
    tries: int = 1
    """Connections it makes until it is let in."""
    proofs: int = 1
    """How often it proves itself on each of them."""
    pause: float = 3.0
    stays: float = 0.5
    """Seconds it stays when it is let in."""
    agent: str = sip.DESKTOP_AGENT
    refused_by: str = ""
    """The name of a registrar it tries first, over TCP."""
    fetches_at: str = ""
    """The name of a web service it goes to for a certificate, over TCP, again and again while it stays."""


def knock(plan: Visitor) -> None:
    """Ask DNS, connect, prove oneself; come again as often as told unless let in."""
    service = "_sipinternaltls._tcp" if plan.port == 5061 else "_sip._tls"
    plan.resolver.records(f"{service}.{plan.user.partition('@')[2]}", "SRV")
    if plan.refused_by:
        open_tcp(plan.resolver.address(plan.refused_by), plan.port)
    address = plan.resolver.address(plan.registrar)
    context = client_context([plan.root])
    for _ in range(plan.tries):
        connection = open_tls(address, plan.port, context, plan.registrar)
        if connection is None:
            return
        let_in = _prove(connection, plan)
        time.sleep(0.2)
        if let_in:
            _stay(plan)
        close_tls(connection)
        if let_in:
            return
        time.sleep(plan.pause)


def _prove(connection: socket.socket, plan: Visitor) -> bool:
    """The three REGISTERs of NTLM, or more, in one Call-ID; whether the last one was accepted."""
    call, tag, epid = secrets.token_hex(16), secrets.token_hex(5), secrets.token_hex(5)
    answer = ""
    for number, token in enumerate((None, *("", _token(3)) * plan.proofs), start=1):
        connection.sendall(_register(plan, call, tag, epid, number, token))
        answer = (web.read_message(connection, b"") or ("", b""))[0]
    return answer.startswith("SIP/2.0 200")


def _register(plan: Visitor, call: str, tag: str, epid: str, number: int, token: str | None) -> bytes:
    domain = plan.user.partition("@")[2]
    lines = [
        f"REGISTER sip:{domain} SIP/2.0",
        f"Via: SIP/2.0/TLS {domain}:{plan.port};branch=z9hG4bK{secrets.token_hex(6)}",
        "Max-Forwards: 70",
        f"From: <sip:{plan.user}>;tag={tag};epid={epid}",
        f"To: <sip:{plan.user}>",
        f"Call-ID: {call}",
        f"CSeq: {number} REGISTER",
        f'Contact: <sip:{plan.user};transport=tls>;+sip.instance="<urn:uuid:{epid}>"',
        f"User-Agent: {plan.agent}",
        "ms-keep-alive: UAC;hop-hop=yes",
        "Event: registration",
    ]
    if token is not None:
        lines.append(f'Authorization: NTLM qop="auth", {REALM}, gssapi-data="{token}", version=4')
    return "\r\n".join([*lines, "Content-Length: 0", "", ""]).encode()


def _stay(plan: Visitor) -> None:
    """Stay signed in, and ask for the certificate meanwhile."""
    end = time.monotonic() + plan.stays
    while plan.fetches_at and time.monotonic() < end:
        open_tcp(plan.resolver.address(plan.fetches_at), 443)
        time.sleep(6.0)
    time.sleep(max(end - time.monotonic(), 0.0))
