"""Descriptions of shared screens and programs in readable SIP: who offered them, and where they wait for TCP."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from lynccap.correlation.rows import rows_of
from lynccap.correlation.sip.bodies import read_body
from lynccap.tables import Tables

SHARING = "applicationsharing"
PASSIVE = ("TCP-PASS", "TCP")  # the second both ways, in older descriptions (draft-ietf-mmusic-ice-06)


@dataclass(frozen=True, slots=True)
class SharingOffer:
    """One message that describes a shared screen."""

    flow: int
    capture: int
    ends: frozenset[str]
    """Of its connection: a device and its server, or two servers."""
    frame: int
    time: int
    waits_at: tuple[tuple[str, int], ...]
    """Address and port of every candidate of the device itself that waits for TCP; relays' are left out."""


def read_sharing(tables: Tables) -> tuple[SharingOffer, ...]:
    """All of them, in the order of the messages."""
    sip = tables["sip"]
    return tuple(_offers(tables, sip[sip["body"].map(bool)])) if len(sip) else ()


def _offers(tables: Tables, rows: pd.DataFrame) -> Iterator[SharingOffer]:
    captures, clients, servers = (tables.flows[name] for name in ("capture", "client", "server"))
    for row in rows_of(rows, ("flow", "frame", "time", "body")):
        if SHARING.encode() not in row.body:
            continue
        described = read_body(row.body)
        lines = [one for one in described.media if one.kind == SHARING] if described else []
        candidates = (each for one in lines for each in one.candidates)
        waits = dict.fromkeys(
            (one.ip, one.port) for one in candidates if one.transport.upper() in PASSIVE and one.type in (None, "host")
        )
        if lines:
            ends = frozenset({str(clients[row.flow]), str(servers[row.flow])})
            yield SharingOffer(row.flow, int(captures[row.flow]), ends, row.frame, row.time, tuple(waits))
