"""The columns of every table that is built from rows, and how rows become columns."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from dissectors.autodiscover import AutodiscoverExchange
from dissectors.certprov import CertProvExchange
from dissectors.conference import ConferenceExchange
from dissectors.contract import Message
from dissectors.crl import CrlExchange
from dissectors.dhcp import DhcpMessage
from dissectors.dhcpv6 import Dhcpv6Message
from dissectors.dns import DnsMessage, LocalNameMessage
from dissectors.http import HttpMessage
from dissectors.http2 import Http2Message
from dissectors.kerberos import KerberosMessage
from dissectors.mras import MrasExchange
from dissectors.ntp import NtpMessage
from dissectors.rtp import RtcpMessage
from dissectors.sip import SipMessage
from dissectors.stun import StunMessage
from dissectors.tls import TlsMessage
from dissectors.web_service import WebServiceExchange
from dissectors.web_ticket import WebTicketExchange
from lynccap.tables import (
    ANOMALIES,
    CERTIFICATES,
    COMMENTS,
    DNS_ANSWERS,
    HOST_NAMES,
    INTERFACES,
    MEDIA,
    REVOCATIONS,
    columns_of,
)

Arrays = dict[str, NDArray[Any]]
Row = tuple[Any, ...]

MESSAGES: dict[str, type[Message]] = {
    kind.protocol: kind
    for kind in (
        TlsMessage,
        HttpMessage,
        Http2Message,
        SipMessage,
        StunMessage,
        DnsMessage,
        LocalNameMessage,
        DhcpMessage,
        Dhcpv6Message,
        KerberosMessage,
        NtpMessage,
        RtcpMessage,
        CertProvExchange,
        WebTicketExchange,
        AutodiscoverExchange,
        CrlExchange,
        MrasExchange,
        ConferenceExchange,
        WebServiceExchange,
    )
}
SCHEMAS: dict[str, Mapping[str, str]] = {
    "media": MEDIA,
    "certificates": CERTIFICATES,
    "revocations": REVOCATIONS,
    "dns_answers": DNS_ANSWERS,
    "anomalies": ANOMALIES,
    **{name: columns_of(kind) for name, kind in MESSAGES.items()},
}
"""Columns and dtypes by table."""
NOTES: dict[str, Mapping[str, str]] = {"interfaces": INTERFACES, "host_names": HOST_NAMES, "comments": COMMENTS}
"""The same for what files say about themselves."""
PACKED_ROWS = 2048


_FIELDS: dict[str, dict[str, Callable[[Message], Any]]] = {
    name: {one.name: attrgetter(one.name) for one in fields(kind)} for name, kind in MESSAGES.items()
}


def _repeats(hint: Any) -> bool:
    """Whether a field of this type holds text or tuples: names, suites, certificates, which many messages repeat."""
    return str in (hint, *get_args(hint)) or get_origin(hint) is tuple


_REPEATED = {
    name: {column for column, hint in get_type_hints(kind).items() if _repeats(hint)} for name, kind in MESSAGES.items()
}


class Rows:
    """The growing rows of every table; every few thousand of them are packed into columns, which take less memory."""

    def __init__(self) -> None:
        """No row."""
        self._loose: dict[str, list[Row]] = {name: [] for name in SCHEMAS if name not in MESSAGES}
        self._messages: dict[str, list[Message]] = {name: [] for name in MESSAGES}
        self._keys: dict[str, list[int]] = {name: [] for name in MESSAGES}
        self._packed: dict[str, list[Arrays]] = {name: [] for name in SCHEMAS}
        self._same: defaultdict[tuple[str, str], dict[Any, Any]] = defaultdict(dict)

    def add(self, name: str, row: Row) -> None:
        """One more row of table `name`, which holds no messages."""
        loose = self._loose[name]
        loose.append(row)
        if len(loose) >= PACKED_ROWS:
            self._pack(name)

    def add_message(self, message: Message, side: int, first_frame: int, frame: int, time: int) -> None:
        """One more row of the message's table."""
        name = message.protocol
        self._keys[name] += (side, frame, first_frame, time)
        messages = self._messages[name]
        messages.append(message)
        if len(messages) >= PACKED_ROWS:
            self._pack_messages(name)

    def take(self, name: str) -> Arrays:
        """The whole table, which is empty afterwards."""
        if name in MESSAGES:
            self._pack_messages(name)
        else:
            self._pack(name)
        parts = self._packed.pop(name)
        if len(parts) == 1:
            return parts[0]
        return {column: np.concatenate([part.pop(column) for part in parts]) for column in SCHEMAS[name]}

    def _pack(self, name: str) -> None:
        self._packed[name].append(columns_from(name, self._loose[name]))
        self._loose[name].clear()

    def _pack_messages(self, name: str) -> None:
        messages, kinds = self._messages[name], SCHEMAS[name]
        keys = np.array(self._keys[name], np.int64).reshape(-1, 4)
        columns: Arrays = dict(zip(("flow", "frame", "first_frame", "time"), keys.T.copy(), strict=True))
        columns["from_client"] = np.zeros(len(messages), np.bool_)
        for column, get in _FIELDS[name].items():
            values = list(map(get, messages))
            if column in _REPEATED[name]:
                # Equal values are kept once, however many messages have them.
                values = list(map(self._same[name, column].setdefault, values, values))
            columns[column] = array_of(values, kinds[column])
        self._packed[name].append(columns)
        self._keys[name].clear()
        messages.clear()


_LEAST, _MOST = int(np.iinfo(np.int64).min), int(np.iinfo(np.int64).max)


def columns_from(name: str, rows: list[Row]) -> Arrays:
    """The rows of table `name` as columns."""
    return columns_of_rows(SCHEMAS[name], rows)


def columns_of_rows(columns: Mapping[str, str], rows: list[Row]) -> Arrays:
    """Rows with a value for each of `columns`, as columns."""
    values = zip(*rows, strict=True) if rows else ((),) * len(columns)
    return {column: array_of(one, columns[column]) for column, one in zip(columns, values, strict=True)}


def array_of(values: Sequence[Any], dtype: str) -> NDArray[Any]:
    """One column; tuples and bytes in an object column stay what they are."""
    if dtype != "object":
        try:
            return np.array(values, dtype)
        except OverflowError:  # certificates "without end" end in the year 9999, which nanoseconds do not reach
            return np.array([min(max(one, _LEAST), _MOST) for one in values], dtype)
    column = np.empty(len(values), object)
    column[:] = values
    return column
