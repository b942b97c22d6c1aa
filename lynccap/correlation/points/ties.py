"""What ties a flow of one capture to a flow of another: bytes that survive address translation."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lynccap.correlation.case import Case

Ints = NDArray[np.int64]
KEYED = ["capture", "flow", "key"]
RANDOM_BYTES = 32  # RFC 5246 7.4.1.2
MANY_VALUES = 8  # different bytes of what was drawn by chance; the hello of MS-TURN's pseudo TLS is a constant
SMALL = 1 << 16  # numbers below it are made by hand or by a poor generator
TRANSACTIONS = 64  # of one flow: a call sends some dozens, and two in common suffice


def tls_keys(cases: Sequence[Case]) -> pd.DataFrame:
    """The random of the client's hello: 32 bytes that no two handshakes share (RFC 5246 7.4.1.2, RFC 8446 4.1.2)."""
    found = []
    for place, case in enumerate(cases):
        table = case.tables["tls"]
        hellos = table[(table["kind"] == "client-hello") & table["from_client"]]
        sound = [len(one) == RANDOM_BYTES and len(set(one)) >= MANY_VALUES for one in hellos["random"]]
        found.append(_keyed(place, hellos["flow"][sound], hellos["random"][sound]))
    return _joined(found)


def tcp_keys(seen: pd.DataFrame) -> pd.DataFrame:
    """Both initial sequence numbers: 64 bits that routers and translators leave alone (RFC 9293 3.4.1)."""
    client, server = seen["syn_isn"].to_numpy(), seen["answer_isn"].to_numpy()
    known = (client >= SMALL) & (server >= SMALL)
    made = seen.loc[known, ["capture", "flow"]]
    return made.assign(key=((client << 32) | server)[known])


def syn_keys(seen: pd.DataFrame) -> pd.DataFrame:
    """Of connections that were not answered at one point at least: the initial sequence number and the end that was
    not translated.
    """
    rows = seen[seen["syn_isn"] >= SMALL]
    rows = rows[rows["syn_isn"].isin(rows.loc[rows["answer_isn"] < 0, "syn_isn"])]
    parts = []
    for side in ("client", "server"):
        key = list(zip(rows["syn_isn"], rows[side], rows[f"{side}_port"], strict=True))
        parts.append(rows[["capture", "flow"]].assign(key=pd.Series(key, rows.index, dtype=object)))
    return pd.concat(parts, ignore_index=True)


def stun_keys(cases: Sequence[Case]) -> pd.DataFrame:
    """The transaction identifiers of requests (RFC 8489 5); of messages inside a relay's messages none."""
    found = []
    for place, case in enumerate(cases):
        table = case.tables["stun"]
        own = table["destination"].isna() & table["remote"].isna() & (table["kind"] == "request")
        own &= table["transaction_id"].str.len() > 0
        some = table.loc[own, ["flow", "transaction_id"]].drop_duplicates()
        some = some[some.groupby("flow").cumcount() < TRANSACTIONS]
        found.append(_keyed(place, some["flow"], some["transaction_id"]))
    return _joined(found)


def dns_keys(cases: Sequence[Case], seen: pd.DataFrame) -> pd.DataFrame:
    """Identifier, name, type and the server asked of DNS questions."""
    found = []
    for place, case in enumerate(cases):
        table = case.tables["dns"]
        asked = table.loc[(table["kind"] == "request") & (table["dialect"] == "dns")]
        ends = seen[seen["capture"] == place].set_index("flow")
        # A translator may change the client's port with its address.
        end = asked["flow"].map(ends["server"])
        key = zip(asked["transaction_id"], asked["name"], asked["record_type"], end, strict=True)
        found.append(_keyed(place, asked["flow"], pd.Series(list(key), asked.index, dtype=object)))
    return _joined(found)


def rtp_keys(cases: Sequence[Case]) -> pd.DataFrame:
    """The SSRC of media streams with the way they are carried (RFC 3550 8.1)."""
    found = []
    for place, case in enumerate(cases):
        table = case.tables.media[case.tables.media["ssrc"] >= SMALL]
        key = list(zip(table["ssrc"], table["carried"], strict=True))
        found.append(_keyed(place, table["flow"], pd.Series(key, table.index, dtype=object)))
    return _joined(found)


def _keyed(place: int, flow: pd.Series, key: pd.Series) -> pd.DataFrame:
    return pd.DataFrame({"capture": place, "flow": flow.to_numpy(np.int64), "key": key.to_numpy()})


def _joined(parts: list[pd.DataFrame]) -> pd.DataFrame:
    filled = [one for one in parts if len(one)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame({name: [] for name in KEYED})


def paired(keys: pd.DataFrame, starts: Ints, ends: Ints) -> tuple[Ints, Ints, Ints]:
    """Pairs of flows that share keys, as their rows among all flows, and how many keys they share.

    `starts` is the row of each capture's first flow, `ends` of each row what flows with the same ends share. A key that
    two flows of one capture have ties none of them, unless the ends tell which one is meant.
    """
    if keys.empty:
        return _NONE
    numbers, _ = pd.factorize(keys["key"])
    capture = keys["capture"].to_numpy(np.int64)
    row = starts[capture] + keys["flow"].to_numpy(np.int64)
    # Each key once a flow; most keys are seen in one flow only.
    both = np.unique(numbers.astype(np.int64) << _ROW_BITS | row)
    key, row = both >> _ROW_BITS, both & ((1 << _ROW_BITS) - 1)
    often = np.bincount(key)[key] > 1
    key, row = key[often], row[often]
    capture = np.searchsorted(starts, row, "right") - 1
    ended, _ = pd.factorize(key * (int(ends.max(initial=0)) + 1) + ends[row])
    by_ends = _counted(*_across(ended.astype(np.int64), row, capture))
    by_key = _counted(*_across(key, row, capture))
    within = _counted(*_within(key, row, capture))
    parts = (by_ends, _without(by_key, by_ends, starts), within)
    return _concatenated(parts)


_ROW_BITS = 32
_NONE = (np.zeros(0, np.int64),) * 3


def _across(key: Ints, row: Ints, capture: Ints) -> tuple[Ints, Ints]:
    """Flows of different captures that alone of theirs have the same key."""
    _, group, size = np.unique(key << 8 | capture, return_inverse=True, return_counts=True)
    alone = size[group.reshape(-1)] == 1
    rows = pd.DataFrame({"key": key[alone], "row": row[alone], "capture": capture[alone]})
    both = rows.merge(rows, on="key")
    both = both[both["capture_x"] < both["capture_y"]]
    return both["row_x"].to_numpy(), both["row_y"].to_numpy()


def _within(key: Ints, row: Ints, capture: Ints) -> tuple[Ints, Ints]:
    """The two flows of one capture that have a key nobody else there has: both sides of what translates addresses."""
    place = key << 8 | capture
    order = np.lexsort((row, place))
    place, row = place[order], row[order]
    first = np.flatnonzero(place[1:] == place[:-1])
    three = (place[np.minimum(first + 2, len(place) - 1)] == place[first]) & (first + 2 < len(place))
    three |= (first > 0) & (place[first - 1] == place[first])
    first = first[~three]
    return row[first], row[first + 1]


def _counted(a: Ints, b: Ints) -> tuple[Ints, Ints, Ints]:
    both, shared = np.unique(a << _ROW_BITS | b, return_counts=True)
    return both >> _ROW_BITS, both & ((1 << _ROW_BITS) - 1), shared


def _without(pairs: tuple[Ints, Ints, Ints], taken: tuple[Ints, Ints, Ints], starts: Ints) -> tuple[Ints, Ints, Ints]:
    """The pairs of which no flow is taken already, between the same captures."""
    a, b, shared = pairs
    place_a, place_b = (np.searchsorted(starts, one, "right") - 1 for one in (a, b))
    held_a, held_b = (np.searchsorted(starts, one, "right") - 1 for one in taken[:2])
    free = ~np.isin(a << 8 | place_b, taken[0] << 8 | held_b) & ~np.isin(b << 8 | place_a, taken[1] << 8 | held_a)
    return a[free], b[free], shared[free]


def _concatenated(parts: tuple[tuple[Ints, Ints, Ints], ...]) -> tuple[Ints, Ints, Ints]:
    a, b, shared = (np.concatenate([part[place] for part in parts]) for place in range(3))
    return a, b, shared
