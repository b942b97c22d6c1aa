"""What HTTP/1 messages are, and how a request can end (RFC 9110)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from dissectors.contract import Message


class ExchangeOutcome(StrEnum):
    """How one request ended, in the words all services on HTTP share."""

    OK = "ok"
    CHALLENGED = "challenged"
    """401 or 407: a normal first answer."""
    REDIRECTED = "redirected"
    FAULT = "fault"
    """A SOAP fault, whatever the status that carried it."""
    HTTP_ERROR = "http-error"
    NO_ANSWER = "no-answer"
    CUT = "cut"
    """The answer began and did not end."""
    UNSEEN = "unseen"
    """No answer is seen, and the capture lacks bytes in which it may have been."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpMessage(Message):
    """One request or response."""

    protocol: ClassVar[str] = "http"

    kind: str
    """request or response"""
    version: str
    method: str | None = None
    target: str | None = None
    """As sent: a path with query, an absolute URL (to a proxy; without user information), or host:port."""
    host: str | None = None
    status: int | None = None
    reason: str | None = None
    user_agent: str | None = None
    server: str | None = None
    via: str | None = None
    location: str | None = None
    accept: str | None = None
    content_type: str | None = None
    content_length: int | None = None
    authenticate: str | None = None
    """WWW-Authenticate or Proxy-Authenticate schemes, comma-separated."""
    authorization: str | None = None
    """Scheme only: the credential is never kept."""
    token: str | None = None
    """Log-on token carried: ntlm-1, ntlm-2, ntlm-3, kerberos, spnego (neither is in it). The token is never kept."""
    soap_action: str | None = None
    web_ticket: bool = False
    """The request carried X-MS-WebTicket."""
    web_ticket_url: str | None = None
    """X-MS-WebTicketURL of a 401: where to get the ticket."""
    ms_diagnostics: str | None = None
    server_fqdn: str | None = None
    """X-MS-Server-Fqdn: the Front End that answered."""
    cookies: tuple[str, ...] = ()
    """Names of the cookies a request brings; their values are never kept."""
    set_cookies: tuple[str, ...] = ()
    """Cookies a response sets, by name with the names of their attributes: "id; path; httponly"."""
    body: bytes = b""
    """De-chunked, decompressed, at most MAX_BODY bytes."""
    complete: bool = True
    """The body ended where its framing says; a body that ends with the connection always counts as ended."""
    missing: int = 0
    """Bytes of the body that Content-Length announces and that are not here; 0 also when no length was given."""
    tunnel: bool = False
    """What follows on this stream is another protocol: CONNECT succeeded, or 101 switched."""
