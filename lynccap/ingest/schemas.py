"""The columns of every table that is built from rows, and how rows become columns."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dissectors.autodiscover import AutodiscoverExchange
from dissectors.certprov import CertProvExchange
from dissectors.contract import Message
from dissectors.crl import CrlExchange
from dissectors.dhcp import DhcpMessage
from dissectors.dns import DnsMessage
from dissectors.http import HttpMessage
from dissectors.ntp import NtpMessage
from dissectors.sip import SipMessage
from dissectors.stun import StunMessage
from dissectors.tls import TlsMessage
from dissectors.web_ticket import WebTicketExchange
from lynccap.tables import ANOMALIES, CERTIFICATES, DNS_ANSWERS, MEDIA, columns_of

Arrays = dict[str, NDArray[Any]]
Row = tuple[Any, ...]

MESSAGES: dict[str, type[Message]] = {
    kind.protocol: kind
    for kind in (
        TlsMessage,
        HttpMessage,
        SipMessage,
        StunMessage,
        DnsMessage,
        DhcpMessage,
        NtpMessage,
        CertProvExchange,
        WebTicketExchange,
        AutodiscoverExchange,
        CrlExchange,
    )
}
SCHEMAS: dict[str, Mapping[str, str]] = {
    "media": MEDIA,
    "certificates": CERTIFICATES,
    "dns_answers": DNS_ANSWERS,
    "anomalies": ANOMALIES,
    **{name: columns_of(kind) for name, kind in MESSAGES.items()},
}
"""Columns and dtypes by table."""
PACKED_ROWS = 8192


class Rows:
    """The growing rows of every table; every few thousand of them are packed into columns, which take less memory."""

    def __init__(self) -> None:
        """No row."""
        self._loose: dict[str, list[Row]] = {name: [] for name in SCHEMAS}
        self._packed: dict[str, list[Arrays]] = {name: [] for name in SCHEMAS}

    def add(self, name: str, row: Row) -> None:
        """One more row of table `name`."""
        loose = self._loose[name]
        loose.append(row)
        if len(loose) >= PACKED_ROWS:
            self._packed[name].append(columns_from(name, loose))
            loose.clear()

    def take(self, name: str) -> Arrays:
        """The whole table, which is empty afterwards."""
        parts = [*self._packed.pop(name), columns_from(name, self._loose.pop(name))]
        if len(parts) == 1:
            return parts[0]
        return {column: np.concatenate([part.pop(column) for part in parts]) for column in SCHEMAS[name]}


def columns_from(name: str, rows: list[Row]) -> Arrays:
    """The rows of table `name` as columns."""
    columns = SCHEMAS[name]
    values = zip(*rows, strict=True) if rows else ((),) * len(columns)
    return {column: array_of(one, columns[column]) for column, one in zip(columns, values, strict=True)}


def array_of(values: tuple[Any, ...], dtype: str) -> NDArray[Any]:
    """One column; tuples and bytes in an object column stay what they are."""
    if dtype != "object":
        return np.array(values, dtype)
    column = np.empty(len(values), object)
    column[:] = values
    return column
