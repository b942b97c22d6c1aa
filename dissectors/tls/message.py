"""The record of what TLS shows in the clear: one class for every kind of message."""

from dataclasses import dataclass
from typing import ClassVar

from dissectors.contract import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsMessage(Message):
    """One handshake message, alert, change-cipher-spec, or a direction's first application-data record."""

    protocol: ClassVar[str] = "tls"

    kind: str
    """client-hello, server-hello, hello-retry-request, hello-request, certificate, server-key-exchange,
    certificate-request, server-hello-done, certificate-verify, client-key-exchange, finished, session-ticket,
    certificate-status, change-cipher-spec, encrypted-handshake, alert, encrypted-alert, application-data"""
    version: str | None = None
    """Negotiated in a server-hello, highest offered in a client-hello, else of the record: ssl2 … tls1.3"""
    versions: tuple[str, ...] = ()
    """All a client-hello offers by the extension of TLS 1.3, in its order; () when it has no such list."""
    sni: str | None = None
    alpn: str | None = None
    """Comma-separated protocol names, in order."""
    suites: tuple[int, ...] = ()
    """Offered suites, or the one chosen; three-byte numbers are SSLv2's."""
    suite: str | None = None
    """IANA name of the suite a server-hello chooses, its number in hex where the name is not known."""
    groups: tuple[int, ...] = ()
    """Offered groups and curves (RFC 8422 5.1.1); in a hello-retry-request the one the server wants."""
    signature_algorithms: tuple[int, ...] = ()
    """What a client-hello or certificate-request accepts, in order (RFC 5246 7.4.1.4.1, RFC 8446 4.2.3)."""
    random: bytes = b""
    """32 bytes of a hello; an SSLv2 hello has none. Key logs name a session by the client's (NSS key log format)."""
    session_id: bytes = b""
    ticket: bool = False
    """A client-hello offers a session ticket or PSK; a server-hello takes the PSK (RFC 5077, RFC 8446 4.2.11)."""
    certificates: tuple[bytes, ...] = ()
    """DER, leaf first; an empty tuple in a certificate message is an empty certificate list."""
    certificate_types: tuple[str, ...] = ()
    """What a certificate-request accepts: rsa_sign, ecdsa_sign, …"""
    authorities: int = 0
    """Distinguished names in a certificate-request."""
    authorities_bytes: int = 0
    """Length of their list; Schannel cuts its own at 16 KB (KB 2464556)."""
    authority_names: tuple[str, ...] = ()
    """The names as RFC 4514 writes them, like subject and issuer of the certificates; the first MAX_LIST."""
    records: int = 1
    """TLS records the handshake message is spread over."""
    alert_level: str | None = None
    alert: int | None = None
    alert_name: str | None = None
    ja3: str | None = None
    """JA3 of a client-hello, JA3S of a server-hello: names the program by how it speaks, never a person."""
    ja4: str | None = None
    """JA4 of a client-hello."""
