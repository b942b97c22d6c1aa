"""What ties a flow of one capture to a flow of another: bytes that survive address translation."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lynccap.correlation.case import Case
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
    """Both initial sequence numbers: 64 bits, which routers and translators of addresses leave alone (RFC 9293 3.4.1)."""
    client, server = seen["syn_isn"].to_numpy(), seen["answer_isn"].to_numpy()
    known = (client >= SMALL) & (server >= SMALL)
    made = seen.loc[known, ["capture", "flow"]]
    return made.assign(key=((client << 32) | server)[known])


def syn_keys(seen: pd.DataFrame) -> pd.DataFrame:
    """Of connections that were not answered: the initial sequence number and the end that was not translated."""
    rows = seen[(seen["syn_isn"] >= SMALL) & (seen["answer_isn"] < 0)]
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
    """Identifier, name, type and one end of DNS questions."""
    found = []
    for place, case in enumerate(cases):
        table = case.tables["dns"]
        asked = table.loc[(table["kind"] == "request") & (table["dialect"] == "dns")]
        ends = seen[seen["capture"] == place].set_index("flow")
        for side in ("client", "server"):
            # A translator may change the client's port with its address.
            end = asked["flow"].map(ends[side])
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


PAIR = ["capture_a", "flow_a", "capture_b", "flow_b"]


def paired(keys: pd.DataFrame, seen: pd.DataFrame) -> pd.DataFrame:
    """Pairs of flows that share keys: columns PAIR and `shared`, how many keys.

    A key that two flows of one capture have ties none of them, unless the ends tell which one is meant.
    """
    if keys.empty:
        return pd.DataFrame({name: np.zeros(0, np.int64) for name in [*PAIR, "shared"]})
    numbers, _ = pd.factorize(keys["key"])
    known = pd.DataFrame({"capture": keys["capture"].astype("int64"), "flow": keys["flow"].astype("int64")})
    known = known.assign(key=numbers).drop_duplicates(ignore_index=True)
    known = known[known.groupby("key")["flow"].transform("size") > 1]  # most keys are seen once
    ended = known.merge(seen[["capture", "flow", "ends"]], on=["capture", "flow"])
    by_ends = _across(ended, ["key", "ends"])
    by_key = _across(known, ["key"])
    first = _counted(by_ends)
    return pd.concat([first, free(_counted(by_key), first), _counted(_within(known))], ignore_index=True)


def _across(known: pd.DataFrame, on: list[str]) -> pd.DataFrame:
    """Flows of different captures that alone of theirs have the same."""
    known = known[~known.duplicated(["capture", *on], keep=False)][["capture", "flow", *on]]
    both = known.merge(known, on=on, suffixes=("_a", "_b"))
    return both[both["capture_a"] < both["capture_b"]]


def _within(known: pd.DataFrame) -> pd.DataFrame:
    """The two flows of one capture that have a key nobody else there has: both sides of what translates addresses."""
    pairs = known[known.groupby(["capture", "key"])["flow"].transform("size") == 2]
    both = pairs.merge(pairs, on=["key", "capture"], suffixes=("_a", "_b"))
    both = both[both["flow_a"] < both["flow_b"]]
    return both.assign(capture_a=both["capture"], capture_b=both["capture"])


def _counted(pairs: pd.DataFrame) -> pd.DataFrame:
    return pairs.groupby(PAIR, sort=True).size().rename("shared").reset_index()


def free(pairs: pd.DataFrame, taken: pd.DataFrame) -> pd.DataFrame:
    """The pairs neither of whose flows has a counterpart in the other's capture among those `taken`."""
    if pairs.empty or taken.empty:
        return pairs
    keep = np.ones(len(pairs), np.bool_)
    for columns in (["capture_a", "flow_a", "capture_b"], ["capture_a", "capture_b", "flow_b"]):
        held = pd.MultiIndex.from_frame(taken[columns])
        keep &= ~pd.MultiIndex.from_frame(pairs[columns]).isin(held)
    return pairs[keep]
