"""OCSP over HTTP (RFC 6960 appendix A): a responder, and how CryptoAPI asks it."""

import base64
import socket
import time
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID

from sample_pcaps.lab.connecting import Resolver, exchange, open_tcp_as_windows
from sample_pcaps.lab.services import Conversation
from sample_pcaps.lab.web import Reply

CRYPTO_AGENT = (("Accept", "*/*"), ("User-Agent", "Microsoft-CryptoAPI/6.3"))
REQUEST_TYPE, RESPONSE_TYPE = "application/ocsp-request", "application/ocsp-response"
THINKING_S = 0.02
LARGEST_REQUEST = 65536


def ocsp_responder(known: Mapping[int, bytes]) -> Conversation:
    """Return a responder with one ready answer for each serial; for every other it says tryLater."""
    later = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)
    busy = later.public_bytes(serialization.Encoding.DER)

    def talk(connection: socket.socket) -> None:
        while request := _read_request(connection):
            serial = ocsp.load_der_ocsp_request(request).serial_number
            time.sleep(THINKING_S)
            connection.sendall(Reply(known.get(serial, busy), RESPONSE_TYPE).encode("Microsoft-IIS/8.5"))

    return talk


def _read_request(connection: socket.socket) -> bytes | None:
    """Return the OCSP request of the next GET or POST."""
    data = b""
    while b"\r\n\r\n" not in data and len(data) < LARGEST_REQUEST:
        more = connection.recv(16384)
        if not more:
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    method, target = head.decode().split(" ")[:2]
    if method == "GET":
        return base64.b64decode(urllib.parse.unquote(target.rpartition("/ocsp/")[2]))
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(16384)
    return body


@dataclass(frozen=True)
class Inquiry:
    """One way to ask about a certificate of one authority."""

    issuer: x509.Certificate
    method: str = "POST"
    known_revoked: bytes | None = None
    """A list as PEM that holds what the responder will call revoked."""

    def ask(self, resolver: Resolver, certificate: bytes) -> ocsp.OCSPCertStatus | None:
        """Return the status; None when the responder does not tell."""
        leaf = x509.load_der_x509_certificate(certificate)
        request = ocsp.OCSPRequestBuilder().add_certificate(leaf, self.issuer, hashes.SHA1()).build()
        answer = self._fetch(resolver, _responder_of(leaf), request.public_bytes(serialization.Encoding.DER))
        response = ocsp.load_der_ocsp_response(answer)
        if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            return None
        return response.certificate_status

    def _fetch(self, resolver: Resolver, url: str, request: bytes) -> bytes:
        host, _, path = url.removeprefix("http://").partition("/")
        connection = open_tcp_as_windows(resolver.address(host), 80)
        if connection is None:
            raise ConnectionError(f"no connection to {url}")
        with connection:
            if self.method == "GET":
                target = f"/{path}/{urllib.parse.quote(base64.b64encode(request).decode(), safe='')}"
                return exchange(connection, "GET", host, target, headers=CRYPTO_AGENT)[1]
            headers = (*CRYPTO_AGENT, ("Content-Type", REQUEST_TYPE))
            return exchange(connection, "POST", host, f"/{path}", headers=headers, body=request)[1]


def _responder_of(leaf: x509.Certificate) -> str:
    access = leaf.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    return next(one.access_location.value for one in access if one.access_method == AuthorityInformationAccessOID.OCSP)
