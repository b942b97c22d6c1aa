"""Certificate provisioning on HTTP: root chains for phones, certificates for users ([MS-OCAUTHWS])."""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from dataclasses import dataclass
from typing import ClassVar

from dissectors.bundles import MAX_CERTIFICATES, certificates_of
from dissectors.contract import Message
from dissectors.http import HttpMessage, below, fault_of, outcome_of, path_of

SERVICE = "/certprov/certprovisioningservice.svc"

_ROOT_CHAINS = "getrootcertchains"
_GET_CERTIFICATE = "getandpublishcert"
_BASE64_TEXT = re.compile(rb">\s*(MI(?:[A-Za-z0-9+/=\s]|&#(?:x[dDaA]|1[03]);){64,})<")
_LINE_ENDS = re.compile(rb"\s+|&#\w+;")


@dataclass(frozen=True, slots=True, kw_only=True)
class CertProvExchange(Message):
    """One request to the certificate provisioning service and what came of it."""

    protocol: ClassVar[str] = "certprov"

    step: str
    """root-chains, metadata, get-certificate, other"""
    anonymous: bool
    """The request carried no log-on and no web ticket."""
    status: int | None
    outcome: str
    """One of ExchangeOutcome."""
    fault_id: int | None = None
    """ErrorId of Ms-Diagnostics-Fault."""
    fault_reason: str | None = None
    certificates: tuple[bytes, ...] = ()
    """DER certificates of the answer, in its order."""
    location: str | None = None
    """Where a redirect points."""


def claims(request: HttpMessage) -> bool:
    """Whether the request goes to certificate provisioning, by path or SOAP action."""
    action = (request.soap_action or "").lower()
    at_service = below(path_of(request), SERVICE) is not None
    return at_service or action.endswith((_ROOT_CHAINS, _GET_CERTIFICATE))


def read(request: HttpMessage, response: HttpMessage | None) -> CertProvExchange:
    """What the exchange asked for, how it ended, and the certificates it brought."""
    fault_id, fault_reason = fault_of(response)
    return CertProvExchange(
        step=_step(request),
        anonymous=_is_anonymous(request),
        status=response.status if response else None,
        outcome=outcome_of(request, response),
        fault_id=fault_id,
        fault_reason=fault_reason,
        certificates=certificates_in(response.body) if response else (),
        location=response.location if response else None,
    )


def certificates_in(body: bytes) -> tuple[bytes, ...]:
    """DER certificates in the base64 texts of an XML body: bare, or in a degenerate PKCS#7 SignedData.

    At most MAX_CERTIFICATES; texts that hold neither are passed over. Never raises.
    """
    found: list[bytes] = []
    for text in _BASE64_TEXT.finditer(body):
        try:
            found.extend(certificates_of(b64decode(_LINE_ENDS.sub(b"", text[1]), validate=True)))
        except Base64Error:
            continue
        if len(found) >= MAX_CERTIFICATES:
            break
    return tuple(found[:MAX_CERTIFICATES])


def _step(request: HttpMessage) -> str:
    tail = (below(path_of(request), SERVICE) or "").lower().strip("/")
    asked = (request.soap_action or "").lower() + " " + request.body[:8192].decode("latin-1").lower()
    if tail.startswith("mex") or (request.target or "").lower().endswith(("?wsdl", "?singlewsdl")):
        return "metadata"
    if tail.startswith("anon") or _ROOT_CHAINS in asked:
        return "root-chains"
    if tail.startswith("webticket") or _GET_CERTIFICATE in asked:
        return "get-certificate"
    return "other"


def _is_anonymous(request: HttpMessage) -> bool:
    in_soap = re.search(rb"<(?:[\w.-]{1,32}:)?Security[\s>]", request.body)
    return not (request.authorization or request.web_ticket or in_soap)
