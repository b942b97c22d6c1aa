"""Requests and responses as values, for what rides on HTTP."""

from typing import Any

from dissectors.http import HttpMessage


def request(target: str, method: str = "GET", **more: Any) -> HttpMessage:
    return HttpMessage(kind="request", version="1.1", method=method, target=target, **more)


def response(status: int, body: bytes = b"", **more: Any) -> HttpMessage:
    return HttpMessage(kind="response", version="1.1", status=status, body=body, **more)


def soap_fault(number: int, reason: str) -> bytes:
    return (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>'
        "<faultcode>wsse:FailedAuthentication</faultcode><faultstring>failed</faultstring><detail>"
        f"<Ms-Diagnostics-Fault><ErrorId>{number}</ErrorId><Reason>{reason}</Reason></Ms-Diagnostics-Fault>"
        "</detail></s:Fault></s:Body></s:Envelope>"
    ).encode()
