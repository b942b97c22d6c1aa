"""A domain controller's Kerberos service that knows no SIP servers, and the client that asks it (RFC 4120)."""

import socket
from datetime import UTC, datetime

from scapy.layers.kerberos import (
    ASN1_BIT_STRING,
    ASN1_GENERAL_STRING,
    ASN1_GENERALIZED_TIME,
    KRB_ERROR,
    KRB_KDC_REQ_BODY,
    KRB_TGS_REQ,
    Kerberos,
    PrincipalName,
)

PORT = 88
UNKNOWN_SERVICE = 7
FORWARDABLE = "01000000100000010000000000000000"
AES256 = 18


def _now() -> ASN1_GENERALIZED_TIME:
    return ASN1_GENERALIZED_TIME(datetime.now(UTC).strftime("%Y%m%d%H%M%SZ"))


def know_nobody(realm: str) -> None:
    """Answer every request for a ticket with "unknown service" until killed."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind(("", PORT))
    while True:
        data, client = listener.recvfrom(4096)
        asked = Kerberos(data).root.reqBody.sname
        error = KRB_ERROR(
            errorCode=UNKNOWN_SERVICE, realm=ASN1_GENERAL_STRING(realm.encode()), sname=asked, stime=_now()
        )
        listener.sendto(bytes(Kerberos(root=error)), client)


def ask_ticket(controller: str, realm: str, *services: str) -> None:
    """Ask for a ticket for each service (its principal name)."""
    for number, service in enumerate(services, start=1):
        body = KRB_KDC_REQ_BODY(
            kdcOptions=ASN1_BIT_STRING(FORWARDABLE),
            realm=ASN1_GENERAL_STRING(realm.encode()),
            sname=PrincipalName.fromSPN(service),
            till=_now(),
            nonce=number,
            etype=[AES256],
        )
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(2.0)
            asking.sendto(bytes(Kerberos(root=KRB_TGS_REQ(reqBody=body))), (controller, PORT))
            asking.recv(4096)
