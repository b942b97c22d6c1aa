"""The Unified Communications Web API as a mobile client uses it, with its web ticket, address book and join page.

Paths are those of the server's virtual directories; the shapes of the JSON bodies follow the UCWA 1.0 documentation.
"""

import json
import secrets
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from sample_pcaps.lab import web
from sample_pcaps.lab.connecting import Resolver, close_tls, exchange, open_tcp, open_tls
from sample_pcaps.lab.pki import client_context
from sample_pcaps.lab.web import Page, Reply, locked, lync_https

APPLICATIONS = "/ucwa/v1/applications"
EVENTS_S = 2.5
"""How long the server holds the event channel when nothing happens; real ones hold it for minutes."""
MOBILE_AGENT = (("User-Agent", "iPhoneLync"), ("Accept", "application/json"))
GROUP_REQUEST = (
    b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><QueryDistributionGroup '
    b'xmlns="http://schemas.microsoft.com/rtc/distributionlistexpander"><groupMailAddress>sales@wingtip.example'
    b"</groupMailAddress></QueryDistributionGroup></s:Body></s:Envelope>"
)


def pages(name: str, registrar: str) -> Mapping[str, Page]:
    """Return the external web site of a healthy deployment."""
    tickets = f"https://{name}{web.WEB_TICKET_PATH}"
    base = f"{APPLICATIONS}/{secrets.randbelow(10**9)}"
    links = {"events": {"href": f"{base}/events?ack=1"}, "self": {"href": base}}
    created = Reply(_json(_links=links, culture="en-US", userAgent="iPhoneLync"), "application/json", 201)
    resource = {"href": f"{base}/people/presenceSubscriptions"}
    told = {"rel": "people", "events": [{"link": resource, "type": "updated"}]}
    event = Reply(_json(_links={"next": {"href": f"{base}/events?ack=2"}}, sender=[told]), "application/json")
    page = b"<html><head><title>Join Meeting</title></head><body>" + b"<p>Joining...</p>" * 30 + b"</body></html>"
    moved = Reply(status=302, headers=(("Location", f"https://{name}/dialin/"),))
    members = Reply(b"<s:Envelope>" + b"<Member>kim@wingtip.example</Member>" * 12 + b"</s:Envelope>", web.SOAP)
    return lync_https(name, registrar) | {
        APPLICATIONS: locked(created, tickets),
        f"{base}/events": Reply(event.body, event.kind, thinking=EVENTS_S),
        "/abs/handler/f-0d2a.lsabs": locked(Reply(secrets.token_bytes(2400), "application/octet-stream"), tickets),
        "/groupexpansion/service.svc": locked(members, tickets),
        "/meet/kim/7cq3k1zt": Reply(page),
        "/dialin": moved,
    }


def failing_pages(name: str, registrar: str) -> Mapping[str, Page]:
    """Return the same site with the mobile application broken and no address book generated yet."""
    why = f'28020;source="{name}";reason="No valid security token."'
    broken = Reply(b"<html>Runtime Error</html>", status=500, headers=(("X-Ms-diagnostics", why),), thinking=0.2)
    healthy = dict(pages(name, registrar))
    del healthy["/abs/handler/f-0d2a.lsabs"]
    return healthy | {APPLICATIONS: locked(broken, f"https://{name}{web.WEB_TICKET_PATH}")}


def _json(**content: object) -> bytes:
    return json.dumps(content).encode()


@dataclass(frozen=True)
class Mobile:
    """One mobile client outside."""

    user: str
    resolver: Resolver
    root: bytes
    events: int = 2
    """How often it waits at the event channel."""


def mobile(plan: Mobile) -> None:
    """Discover, get a web ticket, create an application, wait for events; then address book, a group, a meeting."""
    domain = plan.user.partition("@")[2]
    name = f"lyncdiscover.{domain}"
    address = plan.resolver.address(name)
    if connection := open_tcp(address, 80):
        with connection:
            exchange(connection, "GET", name, f"/?sipuri={plan.user}", headers=MOBILE_AGENT)
    ask = _Session(plan, name, address)
    ask("GET", f"/Autodiscover/AutodiscoverService.svc/root?sipuri={plan.user}")
    ask("GET", f"/Autodiscover/user?sipuri={plan.user}")
    ask("POST", web.WEB_TICKET_PATH, web.web_ticket_request(plan.user), kind=web.SOAP)
    ask.ticket = secrets.token_urlsafe(300)
    ask("GET", f"/Autodiscover/user?sipuri={plan.user}")
    ask.close()
    name = f"lyncext.{domain}"
    _work(_Session(plan, name, plan.resolver.address(name)), plan)


def _work(ask: "_Session", plan: Mobile) -> None:
    ticket, ask.ticket = secrets.token_urlsafe(300), ""
    wish = json.dumps({"culture": "en-US", "endpointId": str(uuid.uuid4()), "userAgent": "iPhoneLync"}).encode()
    ask("POST", APPLICATIONS, wish)
    ask.ticket = ticket
    status, body = ask("POST", APPLICATIONS, wish)
    if status == 201:
        channel = json.loads(body)["_links"]["events"]["href"]
        for _ in range(plan.events):
            ask("GET", channel)
    ask.ticket = ""
    ask("GET", "/abs/handler/F-0d2a.lsabs")
    ask.ticket = ticket
    ask("GET", "/abs/handler/F-0d2a.lsabs")
    ask("POST", "/GroupExpansion/service.svc", GROUP_REQUEST, kind=web.SOAP)
    ask("GET", "/meet/kim/7CQ3K1ZT")
    ask("GET", "/dialin")
    ask.close()


class _Session:
    """One HTTPS connection; carries the web ticket once there is one."""

    def __init__(self, plan: Mobile, name: str, address: str) -> None:
        connection = open_tls(address, 443, client_context([plan.root]), name)
        if connection is None:
            raise ConnectionError(f"no TLS with {name}")
        self._name, self._connection, self.ticket = name, connection, ""

    def __call__(self, method: str, path: str, body: bytes = b"", kind: str = "application/json") -> tuple[int, bytes]:
        proof = (("X-MS-WebTicket", self.ticket),) if self.ticket else ()
        content = (("Content-Type", kind),) if body else ()
        time.sleep(0.05)
        headers = (*MOBILE_AGENT, *content, *proof)
        return exchange(self._connection, method, self._name, path, headers=headers, body=body)

    def close(self) -> None:
        close_tls(self._connection)
