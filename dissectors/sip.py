"""SIP with the headers Lync adds (RFC 3261, [MS-SIPRE], [MS-SIPREGE], [MS-OCER]), and its SDP bodies (RFC 4566)."""

from dataclasses import dataclass
from typing import ClassVar

from dissectors.contract import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class SipMessage(Message):
    """One SIP request or response."""

    protocol: ClassVar[str] = "sip"

    kind: str
    """request or response"""
    method: str | None = None
    """Of the request; of a response, the method its CSeq names."""
    uri: str | None = None
    status: int | None = None
    reason: str | None = None
    call_id: str | None = None
    cseq: int | None = None
    from_uri: str | None = None
    to_uri: str | None = None
    epid: str | None = None
    contact: str | None = None
    user_agent: str | None = None
    server: str | None = None
    content_type: str | None = None
    diagnostics_id: int | None = None
    diagnostics: str | None = None
    """ms-diagnostics, ms-diagnostics-public or ms-client-diagnostics, as sent."""
    authenticate: str | None = None
    """Schemes of WWW-/Proxy-Authenticate, comma-separated."""
    remote_user: bool = False
    """ms-user-logon-data: RemoteUser, i.e. the client came through the Edge."""
    candidates: tuple[str, ...] = ()
    """a=candidate and a=remote-candidates lines of the body, as sent without the 'a='."""
    body: bytes = b""
