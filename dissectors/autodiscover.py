"""Lync autodiscover on HTTP: where a client's home pool and web services are ([MS-OCDISCWS]).

Exchange's `/autodiscover/autodiscover.xml` shares the first word of the path and nothing else.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from dissectors.contract import Message
from dissectors.elements import MAX_TEXT, read_elements
from dissectors.http import HttpMessage, below, fault_of, outcome_of, path_of

SERVICE = "/autodiscover/autodiscoverservice.svc"
MEDIA_TYPE = "vnd.microsoft.rtc.autodiscover"
DISCOVERY_HOST = "lyncdiscover"  # also the start of lyncdiscoverinternal
MAX_LINKS = 64  # a user resource has about ten
MAX_NODES = 20_000  # JSON values looked at

_ACCESS_POINTS = {
    "sipclientinternalaccess": "sip_client_internal",
    "sipclientexternalaccess": "sip_client_external",
    "sipserverinternalaccess": "sip_server_internal",
    "sipserverexternalaccess": "sip_server_external",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AutodiscoverExchange(Message):
    """One autodiscover request and what came of it."""

    protocol: ClassVar[str] = "autodiscover"

    resource: str
    """root, user, domain, other"""
    status: int | None
    outcome: str
    """One of ExchangeOutcome."""
    access_location: str | None = None
    """internal or external: where the server believes the client to be."""
    links: tuple[str, ...] = ()
    """ "token=href", in the answer's order."""
    sip_client_internal: str | None = None
    """ "fqdn:port" """
    sip_client_external: str | None = None
    sip_server_internal: str | None = None
    sip_server_external: str | None = None
    location: str | None = None
    """Where an HTTP redirect points."""
    fault_id: int | None = None
    """Of X-Ms-diagnostics or a SOAP fault."""
    fault_reason: str | None = None


@dataclass(slots=True)
class _Answer:
    """What an answer's elements say so far."""

    access_location: str | None = None
    links: list[str] = field(default_factory=list)
    access_points: dict[str, str] = field(default_factory=dict)

    def take(self, name: str, attributes: Mapping[str, str]) -> None:
        """Note one XML element or JSON object by its name and its attributes, all names in lower case."""
        if "accesslocation" in attributes:
            self.access_location = attributes["accesslocation"].lower()
        if "href" in attributes and len(self.links) < MAX_LINKS:
            self.links.append(f"{attributes.get('token', name)}={attributes['href']}")
        place = _ACCESS_POINTS.get(name.lower())
        if place and "fqdn" in attributes:
            self.access_points[place] = f"{attributes['fqdn']}:{attributes.get('port', '')}".rstrip(":")


def claims(request: HttpMessage) -> bool:
    """Whether the request is Lync autodiscover's: by path, media type, or host name for a bare path."""
    path = path_of(request).lower()
    if below(path, SERVICE) is not None:
        return True
    if path.startswith("/autodiscover/"):
        return False
    if any(MEDIA_TYPE in (said or "").lower() for said in (request.accept, request.content_type)):
        return True
    return path == "/" and _host(request).startswith(DISCOVERY_HOST)


def read(request: HttpMessage, response: HttpMessage | None) -> AutodiscoverExchange:
    """Which resource was asked for, how it ended, and where the answer points. Never raises."""
    answer = _Answer()
    if response is not None:
        _read_answer(response.body, answer)
    fault_id, fault_reason = fault_of(response)
    return AutodiscoverExchange(
        resource=_resource(path_of(request).lower()),
        status=response.status if response else None,
        outcome=outcome_of(request, response),
        access_location=answer.access_location,
        links=tuple(answer.links),
        sip_client_internal=answer.access_points.get("sip_client_internal"),
        sip_client_external=answer.access_points.get("sip_client_external"),
        sip_server_internal=answer.access_points.get("sip_server_internal"),
        sip_server_external=answer.access_points.get("sip_server_external"),
        location=response.location if response else None,
        fault_id=fault_id,
        fault_reason=fault_reason,
    )


def _host(request: HttpMessage) -> str:
    target = request.target or ""
    named = target.split("://", 1)[1] if "://" in target[:8] else request.host or ""
    return named.lower()


def _resource(path: str) -> str:
    if path == "/":
        return "root"
    if not path.startswith(SERVICE):
        return "other"
    tail = path.removeprefix(SERVICE).strip("/").split("/")
    words = [word for word in tail if word in ("root", "user", "domain")]
    if words:
        return words[-1]
    return "root" if tail == [""] else "other"


def _read_answer(body: bytes, answer: _Answer) -> None:
    if body[:64].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        _read_json(body, answer)
        return
    for one in read_elements(body):
        answer.take(one.name, {key.lower(): text for key, text in one.attributes.items()})


def _read_json(body: bytes, answer: _Answer) -> None:
    """The shape is UNVERIFIED: objects are told by their keys, wherever they stand."""
    try:
        root = json.loads(body)
    except (ValueError, RecursionError):
        return
    for name, node in _objects(root):
        plain = {key: one for key, one in node.items() if isinstance(one, str | int)}
        answer.take(_writable(name), {key.lower(): _writable(str(one)) for key, one in plain.items()})


def _writable(text: str) -> str:
    """The text without the halves of surrogate pairs that JSON can name, which no file can hold."""
    return text[:MAX_TEXT].encode("utf-8", "replace").decode()


def _objects(root: object) -> Iterator[tuple[str, dict[str, object]]]:
    """Every object below `root` with the key it stands under, in the order of the text."""
    waiting: list[tuple[str, object]] = [("", root)]
    for _ in range(MAX_NODES):
        if not waiting:
            return
        name, node = waiting.pop()
        if isinstance(node, dict):
            yield name, node
            waiting.extend(reversed(node.items()))
        elif isinstance(node, list):
            waiting.extend((name, one) for one in reversed(node))
