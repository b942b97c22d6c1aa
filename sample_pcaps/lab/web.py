"""Web servers of the laboratory: IIS-like HTTP with the Lync web services on 80 and 443."""

import base64
import json
import socket
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate

from sample_pcaps.lab.services import CERTPROV_PATH, Conversation

LARGEST_HEAD = 65536
WEB_TICKET_PATH = "/WebTicket/WebTicketService.svc"
REASONS = {200: "OK", 201: "Created", 302: "Found", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found"}
REASONS |= {500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable"}
SOAP = "text/xml; charset=utf-8"


@dataclass(frozen=True)
class Reply:
    """One HTTP answer."""

    body: bytes = b""
    kind: str = "text/html"
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    thinking: float = 0.004
    """Seconds until the answer is sent."""

    def encode(self, server: str) -> bytes:
        """Return head and body as bytes."""
        lines = [f"HTTP/1.1 {self.status} {REASONS[self.status]}", "Cache-Control: private"]
        lines += [f"Content-Type: {self.kind}", f"Server: {server}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        lines += [f"Date: {formatdate(usegmt=True)}", f"Content-Length: {len(self.body)}", "", ""]
        return "\r\n".join(lines).encode() + self.body


Page = Reply | Callable[[str], Reply]
"""A reply, or what makes it from the request's head."""


@dataclass(frozen=True)
class Site:
    """Pages by path (without the query, lower case); everything else is 404."""

    pages: Mapping[str, Page]
    server: str = "Microsoft-IIS/8.5"
    missing: Reply = field(default=Reply(b"<html><body>Not found.</body></html>", status=404))

    def conversation(self) -> Conversation:
        """Return what `serve_tcp` runs on each connection: requests until the client closes."""

        def talk(connection: socket.socket) -> None:
            waiting = b""
            while request := read_message(connection, waiting):
                head, waiting = request
                path = head.split(" ")[1].partition("?")[0].lower()
                page = self.pages.get(path, self.missing)
                reply = page if isinstance(page, Reply) else page(head)
                time.sleep(reply.thinking)
                connection.sendall(reply.encode(self.server))

        return talk


def read_message(connection: socket.socket, waiting: bytes) -> tuple[str, bytes] | None:
    """Read one HTTP or SIP message; return its head and the bytes after its body, or None at the end."""
    data = waiting
    while b"\r\n\r\n" not in data and len(data) < LARGEST_HEAD:
        more = connection.recv(16384)
        if not more:
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(": ", 1) for line in head.decode().split("\r\n")[1:] if ": " in line)
    length = int(fields.get("content-length", "0"))
    while len(body) < length:
        more = connection.recv(16384)
        if not more:
            return None
        body += more
    return head.decode(), body[length:]


def locked(page: Reply, ticket_url: str) -> Callable[[str], Reply]:
    """Answer 401 with the web ticket service's address until the request carries a ticket."""
    refusal = Reply(
        b"<html><body>401 - Unauthorized</body></html>",
        status=401,
        headers=(("X-MS-WebTicketURL", ticket_url), ("X-MS-WebTicketSupported", "cwt,saml")),
    )

    def answer(head: str) -> Reply:
        return page if "x-ms-webticket:" in head.lower() else refusal

    return answer


def lync_http(web_server: str, chain: bytes, discovery_host: str) -> dict[str, Page]:
    """Pages of the internal web site on port 80: root chains, the autodiscover redirect, updates."""
    target = f"https://{discovery_host}/Autodiscover/AutodiscoverService.svc/root"
    origin = (("X-MS-Server-Fqdn", web_server),)
    links = {"Links": [_link(target, "Redirect")]}
    redirect = _autodiscover({"AccessLocation": "Internal", "Root": links}, origin)
    return {
        f"{CERTPROV_PATH}/anon".lower(): Reply(root_chains_answer(chain), SOAP, thinking=0.03),
        "/": redirect,
        "/autodiscover/autodiscoverservice.svc/root": redirect,
        "/requesthandler/ucdevice.upx": Reply(b"<Response><NumOfFiles>0</NumOfFiles></Response>", "text/xml"),
    }


def lync_https(web_server: str, registrar: str) -> dict[str, Page]:
    """Pages of the web site on port 443: web tickets, certificates, autodiscover, address book."""
    base = f"https://{web_server}"
    user = {"AccessLocation": "Internal", "User": _user(base, registrar)}
    root = {"AccessLocation": "Internal", "Root": {"Links": [_link(f"{base}/Autodiscover/user", "User")]}}
    origin = (("X-MS-Server-Fqdn", web_server),)
    tickets = f"{base}{WEB_TICKET_PATH}"
    return {
        WEB_TICKET_PATH.lower(): Reply(web_ticket_answer(), SOAP, thinking=0.06),
        f"{WEB_TICKET_PATH}/pin".lower(): Reply(web_ticket_answer(), SOAP, thinking=0.09),
        f"{CERTPROV_PATH}/webticket_proof".lower(): Reply(published_certificate(), SOAP, thinking=0.08),
        "/": _autodiscover(root, origin),
        "/autodiscover/autodiscoverservice.svc/root": _autodiscover(root, origin),
        "/autodiscover/user": locked(_autodiscover(user, origin), tickets),
        "/requesthandler/ucdevice.upx": Reply(b"<Response><NumOfFiles>0</NumOfFiles></Response>", "text/xml"),
        "/abs/int/handler": Reply(b"\x80\x81" * 700, "application/octet-stream"),
    }


def _autodiscover(content: Mapping[str, object], origin: tuple[tuple[str, str], ...]) -> Reply:
    kind = "application/vnd.microsoft.rtc.autodiscover+json; v=1"
    return Reply(json.dumps(content).encode(), kind, headers=origin, thinking=0.012)


def _link(href: str, token: str) -> dict[str, str]:
    return {"href": href, "token": token}


def _user(base: str, registrar: str) -> dict[str, object]:
    access = {"fqdn": registrar, "port": "5061"}
    names = ("SipServerInternalAccess", "SipClientInternalAccess")
    links = [
        _link(f"{base}/ucwa/v1/applications", "Ucwa"),
        _link(f"{base}{CERTPROV_PATH}", "CertProvisioning"),
    ]
    return {**dict.fromkeys(names, access), "Links": links}


def _envelope(action: str, body: str) -> bytes:
    return (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:a="http://www.w3.org/2005/08/addressing"><s:Header>'
        f'<a:Action s:mustUnderstand="1">{action}</a:Action></s:Header><s:Body>{body}</s:Body></s:Envelope>'
    ).encode()


AUTH_NAMESPACE = "http://schemas.microsoft.com/OCS/AuthWebServices/"


def root_chains_request() -> bytes:
    """Return the phone's anonymous SOAP request for the root certificate chains."""
    return _envelope(f"{AUTH_NAMESPACE}GetRootCertChains", f'<GetRootCertChains xmlns="{AUTH_NAMESPACE}"/>')


def root_chains_answer(chain: bytes) -> bytes:
    """Return the SOAP answer with one PKCS#7 chain."""
    chain_text = base64.b64encode(chain).decode()
    body = (
        f'<GetRootCertChainsResponse xmlns="{AUTH_NAMESPACE}"><RootCertChains><CertChain>{chain_text}'
        "</CertChain></RootCertChains></GetRootCertChainsResponse>"
    )
    return _envelope(f"{AUTH_NAMESPACE}GetRootCertChainsResponse", body)


def web_ticket_request(user: str) -> bytes:
    """Return the WS-Trust request for a web ticket."""
    trust = "http://docs.oasis-open.org/ws-sx/ws-trust/200512"
    body = (
        f'<RequestSecurityToken xmlns="{trust}" Context="{uuid.uuid4()}"><TokenType>'
        "urn:component:Microsoft.Rtc.WebAuthentication.2010:user-cwt-1</TokenType>"
        f"<Claims><Value>{user}</Value></Claims></RequestSecurityToken>"
    )
    return _envelope(f"{trust}/RST/Issue", body)


def web_ticket_answer() -> bytes:
    """Return the WS-Trust answer with an opaque ticket."""
    trust = "http://docs.oasis-open.org/ws-sx/ws-trust/200512"
    ticket = base64.b64encode(uuid.uuid4().bytes * 60).decode()
    element = "RequestSecurityTokenResponseCollection"
    body = f'<{element} xmlns="{trust}">{ticket}</{element}>'
    return _envelope(f"{trust}/RSTRC/IssueFinal", body)


def publish_request(user: str) -> bytes:
    """Return the SOAP request GetAndPublishCert."""
    request = base64.b64encode(uuid.uuid4().bytes * 40).decode()
    body = f'<GetAndPublishCert xmlns="{AUTH_NAMESPACE}" Entity="{user}">{request}</GetAndPublishCert>'
    return _envelope(f"{AUTH_NAMESPACE}GetAndPublishCert", body)


def published_certificate() -> bytes:
    """Return the SOAP answer to GetAndPublishCert."""
    token = base64.b64encode(uuid.uuid4().bytes * 70).decode()
    body = f'<GetAndPublishCertResponse xmlns="{AUTH_NAMESPACE}">{token}</GetAndPublishCertResponse>'
    return _envelope(f"{AUTH_NAMESPACE}GetAndPublishCertResponse", body)


def service_failure() -> Reply:
    """Return what IIS shows when the certificate provisioning application throws."""
    page = (
        b"<!DOCTYPE html><html><head><title>Runtime Error</title></head><body>"
        b"<h1>Server Error in '/CertProv' Application.</h1><h2><i>Runtime Error</i></h2></body></html>"
    )
    return Reply(page, status=500, headers=(("X-AspNet-Version", "4.0.30319"),), thinking=0.12)
