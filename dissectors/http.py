"""HTTP/1 heads and bodies, read tolerantly (RFC 9112): mid-stream, LF only, chunked, pipelined."""

from dataclasses import dataclass
from typing import ClassVar

from dissectors.contract import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpMessage(Message):
    """One request or response."""

    protocol: ClassVar[str] = "http"

    kind: str
    """request or response"""
    version: str
    method: str | None = None
    target: str | None = None
    """As sent: a path with query, an absolute URL (to a proxy), or host:port (CONNECT)."""
    host: str | None = None
    status: int | None = None
    reason: str | None = None
    user_agent: str | None = None
    server: str | None = None
    via: str | None = None
    location: str | None = None
    content_type: str | None = None
    content_length: int | None = None
    authenticate: str | None = None
    """WWW-Authenticate or Proxy-Authenticate schemes, comma-separated."""
    authorization: str | None = None
    """Scheme only: the credential is never kept."""
    soap_action: str | None = None
    web_ticket: bool = False
    """The request carried X-MS-WebTicket."""
    ms_diagnostics: str | None = None
    body: bytes = b""
    """De-chunked, at most MAX_BODY bytes."""
    complete: bool = True
    """The body ended where its framing says."""
