"""The web ticket service on HTTP: a log-on, PIN or certificate becomes a SAML ticket ([MS-OCAUTHWS])."""

from dataclasses import dataclass
from typing import ClassVar

from dissectors.contract import Message
from dissectors.http import HttpMessage, below, fault_of, outcome_of, path_of

SERVICE = "/webticket/webticketservice.svc"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebTicketExchange(Message):
    """One request to the web ticket service and what came of it."""

    protocol: ClassVar[str] = "web-ticket"

    step: str
    """metadata, issue"""
    authentication: str
    """negotiate, pin, certificate, federated, other: what the address asked for"""
    status: int | None
    outcome: str
    """One of ExchangeOutcome."""
    fault_id: int | None = None
    """ErrorId of Ms-Diagnostics-Fault."""
    fault_reason: str | None = None
    location: str | None = None
    """Where a redirect points."""


def claims(request: HttpMessage) -> bool:
    """Whether the request goes to the web ticket service, by its path."""
    return below(path_of(request), SERVICE) is not None


def read(request: HttpMessage, response: HttpMessage | None) -> WebTicketExchange:
    """What the exchange asked for and how it ended; tickets and credentials are not kept."""
    tail = (below(path_of(request), SERVICE) or "").lower().strip("/")
    fault_id, fault_reason = fault_of(response)
    return WebTicketExchange(
        step="metadata" if tail.split("/")[0] == "mex" or request.method == "GET" else "issue",
        authentication=_authentication(tail),
        status=response.status if response else None,
        outcome=outcome_of(request, response),
        fault_id=fault_id,
        fault_reason=fault_reason,
        location=response.location if response else None,
    )


def _authentication(tail: str) -> str:
    """By the last part of the address; parts other than /Auth are UNVERIFIED beyond their names."""
    names = {"auth": "negotiate", "pin": "pin", "cert": "certificate", "fed": "federated"}
    return next((meaning for start, meaning in names.items() if tail.startswith(start)), "other")
