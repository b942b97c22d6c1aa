"""Packets that both captures show, as the tables hold them: which one passed where, and when."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lynccap.correlation.case import Case
from lynccap.correlation.protocol_numbers import CONTROL

PAIR = ["capture_a", "flow_a", "capture_b", "flow_b"]
SHARED = ["pair", "from_client", "frame_a", "frame_b", "time_a", "time_b", "ttl_a", "ttl_b"]
Marks = dict[int, pd.DataFrame]


def marked(case: Case) -> pd.DataFrame:
    """Packets that can be told from all others of their flow: flow, from_client, mark, frame, time, ttl ."""
    parts = [_control(case), _hellos(case), _transactions(case), _questions(case)]
    rows = pd.concat([one for one in parts if len(one)] or parts[:1], ignore_index=True)
    return rows[~rows.duplicated(["flow", "from_client", "mark"], keep=False)]


def _control(case: Case) -> pd.DataFrame:
    table = case.tables.tcp_frames
    # A repeated SYN differs in its identification only; where there is none, neither of them is told apart.
    mark = table["seq"] * (1 << 24) + (table["flags"] & CONTROL) * (1 << 16) + table["ip_id"].clip(lower=0)
    return table[["flow", "from_client", "frame", "time", "ttl"]].assign(mark=mark)


def _hellos(case: Case) -> pd.DataFrame:
    table = case.tables["tls"]
    rows = table[table["kind"].isin(("client-hello", "server-hello"))]
    return _messages(rows, [hash((one, kind)) for one, kind in zip(rows["random"], rows["kind"], strict=True)])


def _transactions(case: Case) -> pd.DataFrame:
    rows = case.tables["stun"]
    rows = rows[rows["destination"].isna() & rows["remote"].isna() & (rows["transaction_id"].str.len() > 0)]
    return _messages(rows, [hash(one) for one in zip(rows["transaction_id"], rows["kind"], strict=True)])


def _questions(case: Case) -> pd.DataFrame:
    rows = case.tables["dns"]
    return _messages(rows, [hash(one) for one in zip(rows["transaction_id"], rows["kind"], rows["name"], strict=True)])


def _messages(rows: pd.DataFrame, mark: list[int]) -> pd.DataFrame:
    return rows[["flow", "from_client", "frame", "time"]].assign(ttl=-1, mark=np.array(mark, np.int64))


def shared_marks(cases: Sequence[Case], pairs: pd.DataFrame, marks: Marks) -> pd.DataFrame:
    """The packets that both flows of each pair show (columns SHARED); `pair` is the pair's index.

    `marks` keeps what is read of a case for the next call.
    """
    for place in sorted({*pairs["capture_a"], *pairs["capture_b"]} - marks.keys()):
        marks[place] = marked(cases[place])
    parts = []
    for (a, b), some in pairs.groupby(["capture_a", "capture_b"]):
        index = some[PAIR].rename_axis("pair").reset_index()
        left, right = (
            index[["pair", f"flow_{side}"]].rename(columns={f"flow_{side}": "flow"}).merge(marks[place], on="flow")
            for side, place in (("a", a), ("b", b))
        )
        # Where the captures disagree on who the client is, A's word counts.
        right["from_client"] ^= right["pair"].map(some["turned"])
        parts.append(left.merge(right, on=["pair", "from_client", "mark"], suffixes=("_a", "_b"))[SHARED])
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({name: [] for name in SHARED})
