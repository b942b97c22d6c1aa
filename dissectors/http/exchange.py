"""What a request and its response say together: how it ended, what fault was given, which path was asked."""

import re
from html import unescape
from urllib.parse import unquote

from dissectors.contract import Message
from dissectors.http.headers import MAX_VALUE, text_of
from dissectors.http.message import ExchangeOutcome, HttpMessage

MAX_FAULT = 8 * 1024  # bytes of a SOAP fault searched for its reason; Lync's are below 2 KiB

_SOAP_ENVELOPE = re.compile(rb"<(?:[\w.-]{1,32}:)?Envelope[\s>]")
_SOAP_FAULT = re.compile(rb"<(?:[\w.-]{1,32}:)?Fault[\s>]")
_ERROR_ID = re.compile(rb"<(?:[\w.-]{1,32}:)?ErrorId(?:\s[^<>]{0,200})?>\s*(\d{1,9})\s*<")
_DIAGNOSTICS_REASON = re.compile(
    rb"<(?:[\w.-]{1,32}:)?Ms-Diagnostics-Fault[\s>].{0,4000}?<(?:[\w.-]{1,32}:)?Reason(?:\s[^<>]{0,200})?>([^<]{0,4000})<",
    re.DOTALL,
)
_FAULT_TEXT = re.compile(rb"<(?:[\w.-]{1,32}:)?(?:faultstring|Text)(?:\s[^<>]{0,200})?>([^<]{0,4000})<")
_DIAGNOSTICS = re.compile(r'\s*(\d{1,9})\s*(?:;(?:.*?;)?\s*reason="([^"]*)")?')


def outcome_of(request: HttpMessage, response: HttpMessage | None) -> ExchangeOutcome:
    """How the exchange ended, judged from the response to `request`; None is no response in the stream."""
    if response is None or response.status is None or response.status < 200:
        return ExchangeOutcome.NO_ANSWER
    if _soap_fault(response.body):
        return ExchangeOutcome.FAULT
    if response.status in (401, 407):
        return ExchangeOutcome.CHALLENGED
    if response.status >= 400:
        return ExchangeOutcome.HTTP_ERROR
    if 300 <= response.status < 400 and response.status != 304:
        return ExchangeOutcome.REDIRECTED
    bodiless = request.method == "HEAD"
    return ExchangeOutcome.OK if response.complete or bodiless else ExchangeOutcome.CUT


def is_answer(message: Message) -> bool:
    """Whether the message is a final response, which 100 Continue and its like are not (RFC 9110 15.2)."""
    return isinstance(message, HttpMessage) and message.kind == "response" and (message.status or 0) >= 200


def fault_of(response: HttpMessage | None) -> tuple[int | None, str | None]:
    """Error number and reason a Lync web service gave; None for what it did not say.

    Ms-Diagnostics-Fault in a SOAP fault comes first, then the X-Ms-diagnostics header, then the fault's own
    text ([MS-OCAUTHWS]; SOAP 1.1 4.4).
    """
    if response is None:
        return None, None
    fault = _soap_fault(response.body)
    number, reason = _element(fault, _ERROR_ID), None
    header = _DIAGNOSTICS.match(response.ms_diagnostics or "")
    if number:
        reason = _element(fault, _DIAGNOSTICS_REASON)
    elif header:
        number, reason = header[1], header[2]
    return (int(number) if number else None), reason or _element(fault, _FAULT_TEXT)


def path_of(request: HttpMessage) -> str:
    """The path of the request's target, percent-decoded, without query; "" for CONNECT and responses."""
    target = request.target or ""
    if request.method == "CONNECT":
        return ""
    if "://" in target[:8]:
        target = "/" + target.split("://", 1)[1].partition("/")[2]
    return unquote(target.split("?", 1)[0].split("#", 1)[0])


def below(path: str, service: str) -> str | None:
    """What follows `service` (lower case) in a path: "" or from a slash on; None when it does not begin with it."""
    rest = path[len(service) :]
    return rest if path[: len(service)].lower() == service and rest[:1] in ("", "/") else None


def _soap_fault(body: bytes) -> bytes:
    """The body from its SOAP Fault on, at most MAX_FAULT bytes; empty when it bears none."""
    fault = _SOAP_FAULT.search(body) if _SOAP_ENVELOPE.search(body) else None
    return body[fault.start() : fault.start() + MAX_FAULT] if fault else b""


def _element(body: bytes, pattern: re.Pattern[bytes]) -> str | None:
    found = pattern.search(body)
    return unescape(text_of(found[1])).strip()[:MAX_VALUE] if found else None
