"""Programs of an Edge Server: federation over mutual TLS with a revocation check inside the handshake."""

import contextlib
import socket
import ssl
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtensionOID

from sample_pcaps.lab import sip
from sample_pcaps.lab.connecting import Resolver, close_tls, exchange, open_tcp_as_windows, open_tls
from sample_pcaps.lab.pki import Identity, client_context
from sample_pcaps.lab.revocation import CRYPTO_AGENT, Inquiry
from sample_pcaps.lab.web import read_message

HANDSHAKE_RECORD = 22
CERTIFICATE_MESSAGE = 11
ALERT = b"\x15"


@dataclass
class Edge:
    """An Access Edge that opens federation connections and believes no certificate it cannot check."""

    resolver: Resolver
    identity: Identity
    root: bytes
    checked: set[str] = field(default_factory=set)
    """Distribution points whose list is in the cache."""
    shows_certificate: bool = True
    """False: it finds none that the other side's list of authorities would take, and sends an empty one."""
    inquiry: Inquiry | None = None
    """How it asks an OCSP responder, before any list."""

    def federate(self, user: str, attempts: int, pause: float) -> None:
        """Find the partner's Access Edge, connect and send a subscription; start anew when that fails."""
        domain = user.partition("@")[2]
        for _ in range(attempts):
            target = self.resolver.records(f"_sipfederationtls._tcp.{domain}", "SRV")[0]
            address = self.resolver.address(target.split()[3].rstrip("."))
            if self._subscribe(address, user):
                return
            time.sleep(pause)

    def _subscribe(self, address: str, user: str) -> bool:
        connection = open_tcp_as_windows(address, 5061)
        if connection is None:
            return False
        with connection:
            tunnel = Tunnel(connection, self._context())
            certificate = tunnel.hear_certificate()
            # Nothing more is sent until the certificate is known not to be revoked: the peer waits.
            if not self._is_checked(certificate):
                tunnel.say_no()
                return False
            try:
                tunnel.finish()
            except OSError:
                return False
            tunnel.send(sip.request("SUBSCRIBE", user, 1, "RTCC/5.0.0.0", authorized=False))
            accepted = b"200 OK" in tunnel.receive()
            tunnel.close()
            return accepted

    def _context(self) -> ssl.SSLContext:
        context = client_context([self.root], names_checked=False)
        if self.shows_certificate:
            self.identity.load_into(context)
        if self.inquiry and self.inquiry.known_revoked:
            # OpenSSL itself refuses the certificate, and says so, once the responder was asked.
            with tempfile.NamedTemporaryFile() as file:
                Path(file.name).write_bytes(self.inquiry.known_revoked)
                context.load_verify_locations(file.name)
            context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
        return context

    def _is_checked(self, certificate: bytes) -> bool:
        if self.inquiry:
            status = self.inquiry.ask(self.resolver, certificate)
            if status is not None:
                return status is ocsp.OCSPCertStatus.GOOD
        points = distribution_points(certificate)
        return all(url in self.checked or self._fetch(url) for url in points)

    def _fetch(self, url: str) -> bool:
        host, _, path = url.removeprefix("http://").partition("/")
        connection = open_tcp_as_windows(self.resolver.address(host), 80)
        if connection is None:
            return False
        with connection:
            status, body = exchange(connection, "GET", host, f"/{path}", headers=CRYPTO_AGENT)
        if status != 200 or not _is_current(body):
            return False
        self.checked.add(url)
        return True


def _is_current(revocation_list: bytes) -> bool:
    until = x509.load_der_x509_crl(revocation_list).next_update_utc
    return until is not None and until > datetime.now(UTC)


class Tunnel:
    """TLS over a socket, with the client's second flight held back until `finish`."""

    def __init__(self, connection: socket.socket, context: ssl.SSLContext) -> None:
        """Send nothing yet."""
        self._connection = connection
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing)
        self._heard = b""

    def hear_certificate(self) -> bytes:
        """Send ClientHello, read the server's whole flight, return its certificate as DER."""
        self._step()
        self._flush()
        while not self._outgoing.pending:
            self._hear()
            with contextlib.suppress(ssl.SSLCertVerificationError):
                self._step()
        return first_certificate(self._heard)

    def say_no(self) -> None:
        """Send the alert that waits, if the certificate itself was refused."""
        waiting = self._outgoing.read()
        if waiting[:1] == ALERT:
            self._connection.sendall(waiting)

    def finish(self) -> None:
        """Send what was held back and complete the handshake."""
        self._flush()
        while not self._step():
            self._hear()

    def send(self, data: bytes) -> None:
        """Send application data."""
        self._tls.write(data)
        self._flush()

    def receive(self) -> bytes:
        """Return the next application data."""
        while True:
            try:
                return self._tls.read(65536)
            except ssl.SSLWantReadError:
                self._hear()

    def close(self) -> None:
        """Say close_notify and wait for the peer's."""
        with contextlib.suppress(OSError):
            while True:
                try:
                    self._tls.unwrap()
                except ssl.SSLWantReadError:
                    self._flush()
                    self._hear()
                else:
                    return

    def _step(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def _hear(self) -> None:
        data = self._connection.recv(16384)
        if not data:
            raise ConnectionResetError("the peer closed")
        self._heard += data
        self._incoming.write(data)

    def _flush(self) -> None:
        self._connection.sendall(self._outgoing.read())


def first_certificate(flight: bytes) -> bytes:
    """Return the first certificate of a server's flight of TLS 1.2 records (RFC 5246 section 7.4.2)."""
    messages = b"".join(body for kind, body in _records(flight) if kind == HANDSHAKE_RECORD)
    at = 0
    while messages[at] != CERTIFICATE_MESSAGE:
        at += 4 + int.from_bytes(messages[at + 1 : at + 4], "big")
    length = int.from_bytes(messages[at + 7 : at + 10], "big")
    return messages[at + 10 : at + 10 + length]


def _records(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 5 <= len(data):
        length = int.from_bytes(data[at + 3 : at + 5], "big")
        yield data[at], data[at + 5 : at + 5 + length]
        at += 5 + length


def distribution_points(certificate: bytes) -> list[str]:
    """Return the HTTP URLs of a certificate's CRL distribution points."""
    oid = ExtensionOID.CRL_DISTRIBUTION_POINTS
    value = x509.load_der_x509_certificate(certificate).extensions.get_extension_for_oid(oid).value
    assert isinstance(value, x509.CRLDistributionPoints)
    return [name.value for point in value for name in point.full_name or ()]


def call_in(address: str, identity: Identity, root: bytes, user: str) -> None:
    """Connect as a partner's Edge to ours and send a subscription."""
    context = client_context([root], names_checked=False)
    identity.load_into(context)
    if connection := open_tls(address, 5061, context, None):
        connection.sendall(sip.request("SUBSCRIBE", user, 1, "RTCC/6.0.0.0", authorized=False))
        read_message(connection, b"")
        close_tls(connection)
