"""Joins the parts of all captures into the tables, with exactly the promised columns and dtypes."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from lynccap.ingest.engine import CaptureParts
from lynccap.ingest.schemas import MESSAGES, NOTES, SCHEMAS, Arrays, array_of
from lynccap.tables import (
    ARP,
    CAPTURES,
    CLOCK_STEPS,
    DECRYPTIONS,
    FILES,
    FLOWS,
    ICMP,
    NEIGHBOURS,
    ORIGINS,
    REPEATS,
    TCP_FRAMES,
    Tables,
)

ALL_SCHEMAS = {
    **SCHEMAS,
    **NOTES,
    "files": FILES,
    "origins": ORIGINS,
    "clock_steps": CLOCK_STEPS,
    "decryptions": DECRYPTIONS,
    "neighbours": NEIGHBOURS,
    "repeats": REPEATS,
    "arp": ARP,
}
OF_CAPTURES = [name for name, columns in ALL_SCHEMAS.items() if "capture" in columns]
"""The other tables whose rows name their capture."""


def join(parts: list[CaptureParts]) -> Tables:
    """The tables of all captures; flow numbers go on from one capture to the next. The parts are used up."""
    first_flow = np.cumsum([0, *(len(part.flows["client"]) for part in parts)]).tolist()
    for place, part in enumerate(parts):
        for columns in (part.flows, part.icmp, *(part.tables[name] for name in OF_CAPTURES)):
            columns["capture"] = np.full(len(next(iter(columns.values()))), place)
    captures = {name: array_of(tuple(getattr(part, name) for part in parts), kind) for name, kind in CAPTURES.items()}

    def table(name: str) -> pd.DataFrame:
        return _joined(ALL_SCHEMAS[name], [part.tables[name] for part in parts], first_flow)

    return Tables(
        captures=_joined(CAPTURES, [captures], first_flow),
        files=table("files"),
        origins=table("origins"),
        clock_steps=table("clock_steps"),
        interfaces=table("interfaces"),
        host_names=table("host_names"),
        comments=table("comments"),
        neighbours=table("neighbours"),
        arp=table("arp"),
        flows=_joined(FLOWS, [part.flows for part in parts], first_flow),
        tcp_frames=_joined(TCP_FRAMES, [part.tcp_frames for part in parts], first_flow),
        repeats=table("repeats"),
        icmp=_joined(ICMP, [part.icmp for part in parts], first_flow),
        media=table("media"),
        certificates=table("certificates"),
        revocations=table("revocations"),
        dns_answers=table("dns_answers"),
        anomalies=table("anomalies"),
        decryptions=table("decryptions"),
        messages={name: table(name) for name in MESSAGES},
    )


def _joined(columns: Mapping[str, str], parts: list[Arrays], first_flow: list[int]) -> pd.DataFrame:
    """One table; each column is taken out of its part, so that both never take memory at once."""
    data: dict[str, pd.Series] = {}
    for name, dtype in columns.items():
        pieces = [part.pop(name) for part in parts]
        if name == "flow":
            pieces = [np.where(one >= 0, one + shift, one) for one, shift in zip(pieces, first_flow, strict=False)]
        joined = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
        # Without its dtype, a bare array of text would become str, and None NaN.
        data[name] = pd.Series(joined.astype(dtype, copy=False), dtype=dtype, copy=False)
    return pd.DataFrame(data, copy=False)
