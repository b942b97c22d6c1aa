"""The other web services of Lync on HTTP: address book, device update, UCWA, meetings and their like, told by path.

A path is what the client asked for; other products have paths of the same names. Only `lync_answer` speaks of the
host. Virtual directories: "Lync Server 2013 IIS virtual directories", Get-CsService -WebServer; UCWA: its reference.
"""

import re
from dataclasses import dataclass
from typing import ClassVar

from dissectors.contract import Message
from dissectors.http import HttpMessage, below, fault_of, outcome_of, path_of

MAX_OPERATION = 64  # characters of an operation's name; SOAP actions and UCWA resources have fewer than 40
MAX_ENVELOPE = 16 * 1024  # bytes of a request searched for what it asks; the Body follows headers with a ticket
MAX_DEPTH = 4  # of a path that says what is asked in its last parts

SERVICES = {
    "/abs": "address-book",
    "/groupexpansion": "group-expansion",
    "/requesthandler": "device-update",
    "/requesthandlerext": "device-update",
    "/deviceupdatefiles_int": "device-update",
    "/deviceupdatefiles_ext": "device-update",
    "/autoupdate/int": "client-update",
    "/autoupdate/ext": "client-update",
    "/locationinformation/lisservice.svc": "location",
    "/locationinformation/liservice.svc": "location",
    "/ucwa": "ucwa",
    "/xframe": "ucwa",
    "/mcx": "mcx",
    "/meet": "meet",
    "/lwa": "web-app",
    "/reach": "web-app",
    "/reach/sip.svc": "sign-in-broker",
    "/joinlauncher": "join-launcher",
    "/dialin": "dial-in",
    "/phoneconferencing/int": "dial-in",
    "/phoneconferencing/ext": "dial-in",
    "/scheduler": "scheduler",
    "/conf/int": "meeting-content",
    "/conf/ext": "meeting-content",
    "/etc/place/null": "meeting-content",
    "/collabcontent": "meeting-content",
    "/datacollab": "meeting-content",
    "/datacollabweb": "meeting-content",
    "/hosting/discovery": "office-web-apps",
    "/m/presenter.aspx": "office-web-apps",
    "/m/participantframe.aspx": "office-web-apps",
    "/persistentchat": "persistent-chat",
    "/rgsconfig": "response-groups",
    "/rgsclients": "response-groups",
    "/cscp": "control-panel",
}
"""What stands below each path, which is compared without case. /datacollab and /persistentchat are UNVERIFIED beyond
their names."""

_ON_DEVICE_FILES = re.compile(r"/(?:files|deviceupdatefiles_(?:int|ext))/", re.IGNORECASE)
_SOAP_BODY = re.compile(
    rb"<(?:[\w.-]{1,32}:)?Body(?:\s[^<>]{0,1000})?>\s*<(?:[\w.-]{1,32}:)?([A-Za-z][\w.-]{0,63})[\s/>]"
)
_LYNC_BODY = re.compile(
    rb"schemas\.microsoft\.com/(?:2006/09/UCCP|rtc/|OCS/)|Ms-Diagnostics-Fault|/ucwa/v1/applications"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebServiceExchange(Message):
    """One request to a Lync web service that has no reader of its own, and what came of it."""

    protocol: ClassVar[str] = "web-service"

    service: str
    """By the path: address-book, group-expansion, device-update, client-update, location, ucwa, mcx, meet, web-app,
    sign-in-broker, join-launcher, dial-in, scheduler, meeting-content, office-web-apps, persistent-chat,
    response-groups, control-panel"""
    operation: str
    """What was asked of it: firmware, create-application, end-application, event-channel, batch, metadata, the SOAP
    operation or the UCWA resource as sent; "" when the request does not say."""
    status: int | None
    outcome: str
    """One of ExchangeOutcome."""
    lync_answer: bool = False
    """The answer bears what Lync's web servers alone send."""
    fault_id: int | None = None
    """Of Ms-Diagnostics-Fault or X-Ms-diagnostics."""
    fault_reason: str | None = None
    ms_diagnostics: str | None = None
    """X-Ms-diagnostics as sent."""
    location: str | None = None
    """Where a redirect points."""


def claims(request: HttpMessage) -> bool:
    """Whether the path is one of these services'."""
    return _service(path_of(request)) is not None


def read(request: HttpMessage, response: HttpMessage | None) -> WebServiceExchange:
    """Which service was asked for what, and how it ended. Never raises."""
    path = path_of(request)
    prefix, service = _service(path) or ("", "")
    fault_id, fault_reason = fault_of(response)
    return WebServiceExchange(
        service=service,
        operation=_operation(service, path, path[len(prefix) :], request)[:MAX_OPERATION],
        status=response.status if response else None,
        outcome=outcome_of(request, response),
        lync_answer=response is not None and _is_lyncs(response),
        fault_id=fault_id,
        fault_reason=fault_reason,
        ms_diagnostics=response.ms_diagnostics if response else None,
        location=response.location if response else None,
    )


def _service(path: str) -> tuple[str, str] | None:
    """The longest known path that this one begins with, up to the border of a segment, and what stands there."""
    parts = path.lower().split("/", MAX_DEPTH)
    for count in range(len(parts), 1, -1):
        prefix = "/".join(parts[:count])
        if prefix in SERVICES:
            return prefix, SERVICES[prefix]
    return None


def _operation(service: str, path: str, tail: str, request: HttpMessage) -> str:
    last = tail.rsplit("/", 1)[-1].lower()
    if last == "mex" or (request.target or "").lower().endswith(("?wsdl", "?singlewsdl")):
        return "metadata"
    if service == "ucwa":
        return _ucwa(tail, request)
    if service == "device-update" and _ON_DEVICE_FILES.search(path):
        return "firmware"
    action = re.split(r"[/:#]", (request.soap_action or "").rstrip("/"))[-1]
    asked = _SOAP_BODY.search(request.body[:MAX_ENVELOPE])
    return action or (asked[1].decode("ascii", "replace") if asked else "")


def _ucwa(tail: str, request: HttpMessage) -> str:
    """Below /ucwa: /v1/applications, /v1/applications/ID, and its resources; identifiers are left out."""
    application = below(tail, "/v1/applications")
    if application is None:
        return ""
    _, _, resource = application.strip("/").partition("/")
    name = resource.split("/", 1)[0]
    if name:
        return "event-channel" if name.lower() == "events" else name
    if not application.strip("/"):
        return "create-application" if request.method == "POST" else ""
    return "end-application" if request.method == "DELETE" else "application"


def _is_lyncs(response: HttpMessage) -> bool:
    said = response.ms_diagnostics or response.server_fqdn or response.web_ticket_url
    return bool(said) or bool(_LYNC_BODY.search(response.body))
