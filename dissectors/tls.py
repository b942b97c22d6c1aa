"""TLS on the wire: records, hellos, certificates, alerts (RFC 5246, RFC 8446, SSLv2-framed hello RFC 5246 E.2)."""

from dataclasses import dataclass
from typing import ClassVar

from dissectors.contract import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsMessage(Message):
    """One handshake message, alert, change-cipher-spec, or the first application-data record of a direction."""

    protocol: ClassVar[str] = "tls"

    kind: str
    """client-hello, server-hello, hello-retry-request, certificate, server-key-exchange, certificate-request,
    server-hello-done, certificate-verify, client-key-exchange, finished, session-ticket, certificate-status,
    change-cipher-spec, encrypted-handshake, alert, encrypted-alert, application-data"""
    version: str | None = None
    """Negotiated in a server-hello, highest offered in a client-hello, else of the record: ssl2 … tls1.3"""
    sni: str | None = None
    alpn: str | None = None
    """Comma-separated protocol names, in order."""
    suites: tuple[int, ...] = ()
    """Offered suites, or the one chosen."""
    session_id: bytes = b""
    ticket: bool = False
    """The client offered a session ticket or PSK: an abbreviated handshake has no certificate."""
    certificates: tuple[bytes, ...] = ()
    """DER, leaf first; an empty tuple in a certificate message is an empty certificate list."""
    authorities: int = 0
    """Distinguished names in a certificate-request."""
    authorities_bytes: int = 0
    alert_level: str | None = None
    alert: int | None = None
    alert_name: str | None = None
