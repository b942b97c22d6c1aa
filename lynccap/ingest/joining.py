"""Joins the parts of all captures into the tables, with exactly the promised columns and dtypes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

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
from lynccap.ingest.engine import Arrays, CaptureParts, Row
from lynccap.tables import (
    ANOMALIES,
    CAPTURES,
    CERTIFICATES,
    DNS_ANSWERS,
    FLOWS,
    ICMP,
    MEDIA,
    TCP_FRAMES,
    Tables,
    columns_of,
)

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


def join(parts: list[CaptureParts]) -> Tables:
    """The tables of all captures; flow numbers go on from one capture to the next."""
    first_flow = np.cumsum([0, *(len(part.flows["client"]) for part in parts)]).tolist()
    captures = [tuple(getattr(part, name) for name in CAPTURES) for part in parts]

    def rows_of(columns: Mapping[str, str], name: str) -> pd.DataFrame:
        rows = [row for part, shift in zip(parts, first_flow, strict=False) for row in _shifted(part, name, shift)]
        return _from_rows(columns, rows)

    flows = _from_arrays(FLOWS, [part.flows for part in parts], capture=True, shifts=None)
    return Tables(
        captures=_from_rows(CAPTURES, captures),
        flows=flows,
        tcp_frames=_from_arrays(TCP_FRAMES, [part.tcp_frames for part in parts], False, first_flow),
        icmp=_from_arrays(ICMP, [part.icmp for part in parts], True, first_flow),
        media=rows_of(MEDIA, "media"),
        certificates=rows_of(CERTIFICATES, "certificates"),
        dns_answers=rows_of(DNS_ANSWERS, "dns_answers"),
        anomalies=rows_of(ANOMALIES, "anomalies"),
        messages={name: rows_of(columns_of(kind), name) for name, kind in MESSAGES.items()},
    )


def _shifted(part: CaptureParts, name: str, shift: int) -> list[Row]:
    rows = part.rows.get(name, [])
    if not shift:
        return rows
    return [(row[0] + shift if row[0] >= 0 else row[0], *row[1:]) for row in rows]


def _from_rows(columns: Mapping[str, str], rows: list[Row]) -> pd.DataFrame:
    data = zip(*rows, strict=True) if rows else ((),) * len(columns)
    return pd.DataFrame(
        {name: _column(list(values), columns[name]) for name, values in zip(columns, data, strict=True)},
        copy=False,
    )


def _column(values: list[Any], dtype: str) -> "pd.Series[Any]":
    if dtype != "object":
        return pd.Series(np.array(values, dtype))
    column = np.empty(len(values), object)
    column[:] = values
    return pd.Series(column, dtype=object, copy=False)  # a bare array of text would become str, and None NaN


def _from_arrays(
    columns: Mapping[str, str], parts: list[Arrays], capture: bool, shifts: list[int] | None
) -> pd.DataFrame:
    data: dict[str, pd.Series[Any]] = {}
    for name, dtype in columns.items():
        if name == "capture" and capture:
            pieces = [
                np.full(len(part["frame" if "frame" in part else "client"]), place) for place, part in enumerate(parts)
            ]
        else:
            pieces = [part.pop(name) if shifts is None and name != "client" else part[name] for part in parts]
        if name == "flow" and shifts is not None:
            pieces = [np.where(one >= 0, one + shift, one) for one, shift in zip(pieces, shifts, strict=False)]
        joined = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
        data[name] = pd.Series(joined.astype(dtype, copy=False), dtype=dtype, copy=False)
    return pd.DataFrame(data, copy=False)
