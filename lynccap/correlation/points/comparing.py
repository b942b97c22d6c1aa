"""The packets of conversations at two points, one by one: which are at both, which at one only, and what changed.

A packet keeps its sequence number or its payload, and mostly its IP identification. TCP is compared by bytes where the
segments differ: network cards cut and join them (RFC 9293 3.7.1 leaves segmentation to the sender).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lynccap.correlation.points.clock_relations import ClockRelation
from lynccap.correlation.protocol_numbers import CONTROL

SIDE = ["pair", "from_client"]
_KEPT = ["frame", "time", "ttl", "dscp", "ip_id", "mss", "length", "digest", "flags"]
MATCHED = [*SIDE, *(f"{name}_{letter}" for letter in "ab" for name in _KEPT), "sure"]
TRANSIT_NS = 2_000_000_000  # equal payloads further apart are two packets: keep-alives look all alike
_FACTORS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)
_MASK = 0xFFFFFFFF


@dataclass(frozen=True)
class Compared:
    """The packets of the pairs between two captures."""

    matched: pd.DataFrame
    """Columns MATCHED, one row a packet that is at both; `sure`: no other packet can be meant."""
    left_a: pd.DataFrame
    """Packets of which B has neither the packet nor, resegmented, its bytes: pair, from_client, frame, time, …"""
    left_b: pd.DataFrame
    cut: frozenset[int]
    """Pairs of which payloads were cut while recording, so that datagrams cannot be told apart."""


def prepared(packets: pd.DataFrame, flows: pd.Series, turned: pd.Series, shift: pd.DataFrame | None) -> pd.DataFrame:
    """The telling packets of one side: of TCP those with payload, SYN, FIN or RST, of the others all.

    `flows` is the flow of each pair, `shift` what is to be added to the sequence numbers of its client and server.
    """
    pair = pd.Series(flows.index, flows.to_numpy())
    rows = packets[packets["flow"].isin(pair.index)]
    rows = rows[(rows["seq"] < 0) | (rows["length"] > 0) | ((rows["flags"] & CONTROL) != 0)]
    mine = rows["flow"].map(pair).to_numpy(np.int64)
    sent = rows["from_client"].to_numpy() ^ turned.reindex(mine).to_numpy(np.bool_)
    rows = rows.assign(pair=mine, from_client=sent)
    if shift is not None:
        added = np.where(sent, shift["client"].reindex(mine), shift["server"].reindex(mine)).astype(np.int64)
        rows["seq"] = np.where(rows["seq"] >= 0, (rows["seq"] + added) & _MASK, -1)
    return rows.reset_index(drop=True)


def compare(a: pd.DataFrame, b: pd.DataFrame, clock: ClockRelation) -> Compared:
    """Compare packets that `prepared` made."""
    cut = frozenset([*a.loc[_is_cut(a), "pair"], *b.loc[_is_cut(b), "pair"]])
    a, b = (one[~one["pair"].isin(cut) | (one["seq"] >= 0)].reset_index(drop=True) for one in (a, b))
    key_a, key_b = _identity(a), _identity(b)
    numbered_a, numbered_b = (one["ip_id"].to_numpy() > 0 for one in (a, b))
    first = _joined(a, b, _with_id(key_a, a), _with_id(key_b, b), numbered_a, numbered_b)
    free_a, free_b = np.ones(len(a), np.bool_), np.ones(len(b), np.bool_)
    first = first[_near(a, b, first, clock)]
    free_a[first[:, 0]], free_b[first[:, 1]] = False, False
    second = _joined(a, b, key_a, key_b, free_a, free_b)
    second = second[_near(a, b, second, clock)]
    free_a[second[:, 0]], free_b[second[:, 1]] = False, False
    left_a, left_b = a[free_a], b[free_b]
    seen_a, seen_b = _bytes_within(left_a, left_b), _bytes_within(left_b, left_a)
    return Compared(_matched(a, b, first, second, key_a), left_a[~seen_a], left_b[~seen_b], cut)


def _is_cut(rows: pd.DataFrame) -> pd.Series:
    return (rows["digest"] < 0) & (rows["seq"] < 0)


def _identity(rows: pd.DataFrame) -> NDArray[np.uint64]:
    """64 bits of what no device in between changes: of TCP the place in the stream, of the others the payload."""
    words = (
        rows["pair"] * 2 + rows["from_client"],
        rows["seq"] * 8 + (rows["flags"] & CONTROL),
        np.where(rows["seq"] >= 0, rows["length"], rows["digest"]),
    )
    mixed = np.zeros(len(rows), np.uint64)
    for factor, word in zip(_FACTORS, words, strict=True):
        mixed = (mixed ^ np.asarray(word, np.int64).view(np.uint64)) * factor
        mixed ^= mixed >> np.uint64(29)
    return mixed


def _with_id(key: NDArray[np.uint64], rows: pd.DataFrame) -> NDArray[np.uint64]:
    made: NDArray[np.uint64] = (key ^ rows["ip_id"].to_numpy(np.int64).view(np.uint64)) * _FACTORS[0]
    return made


def _joined(
    a: pd.DataFrame,
    b: pd.DataFrame,
    key_a: NDArray[np.uint64],
    key_b: NDArray[np.uint64],
    use_a: NDArray[np.bool_],
    use_b: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Rows of A and B with the same key, the first with the first, the second with the second, …"""

    def side(key: NDArray[np.uint64], used: NDArray[np.bool_]) -> pd.DataFrame:
        rows = pd.DataFrame({"key": key[used], "row": np.flatnonzero(used)})
        return rows.assign(nth=rows.groupby("key").cumcount())

    both = side(key_a, use_a).merge(side(key_b, use_b), on=["key", "nth"])
    rows: NDArray[np.int64] = both[["row_x", "row_y"]].to_numpy(np.int64)
    return rows


def _near(a: pd.DataFrame, b: pd.DataFrame, rows: NDArray[np.int64], clock: ClockRelation) -> NDArray[np.bool_]:
    """Which of these pairs of rows can be one packet, by the time they were seen."""
    told = clock.at_b(a["time"].to_numpy(np.int64)[rows[:, 0]])
    if told is None:
        return np.ones(len(rows), np.bool_)
    near: NDArray[np.bool_] = np.abs(b["time"].to_numpy(np.int64)[rows[:, 1]] - told) < TRANSIT_NS
    return near


def _matched(
    a: pd.DataFrame, b: pd.DataFrame, first: NDArray[np.int64], second: NDArray[np.int64], key_a: NDArray[np.uint64]
) -> pd.DataFrame:
    rows = np.concatenate((first, second))
    alone = ~pd.Series(key_a).duplicated(keep=False).to_numpy()[rows[:, 0]]
    sure = (np.arange(len(rows)) < len(first)) | alone
    left = a.iloc[rows[:, 0]]
    right = b.iloc[rows[:, 1]]
    columns = {name: left[name].to_numpy() for name in SIDE}
    columns |= {f"{name}_a": left[name].to_numpy() for name in _KEPT}
    columns |= {f"{name}_b": right[name].to_numpy() for name in _KEPT}
    return pd.DataFrame({**columns, "sure": sure})[MATCHED]


def _bytes_within(rows: pd.DataFrame, others: pd.DataFrame) -> NDArray[np.bool_]:
    """Which TCP segments of `rows` lie, byte for byte, in what `others` hold together."""
    within = np.zeros(len(rows), np.bool_)
    mine, theirs = (
        rows[(rows["seq"] >= 0) & (rows["length"] > 0)],
        others[(others["seq"] >= 0) & (others["length"] > 0)],
    )
    stretches = {side: _stretches(some) for side, some in theirs.groupby(SIDE)}
    places = pd.Series(np.arange(len(rows)), rows.index)
    for side, some in mine.groupby(SIDE) if stretches else ():
        if side not in stretches:
            continue
        starts, ends = stretches[side]
        at = np.maximum(np.searchsorted(starts, some["seq"].to_numpy(), "right") - 1, 0)
        held = (starts[at] <= some["seq"].to_numpy()) & (some["seq"].to_numpy() + some["length"].to_numpy() <= ends[at])
        within[places[some.index].to_numpy()] = held
    return within


def _stretches(rows: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the bytes of some segments begin and end, those that touch each other joined."""
    order = np.argsort(rows["seq"].to_numpy(), kind="stable")
    starts = rows["seq"].to_numpy()[order]
    ends = np.maximum.accumulate(starts + rows["length"].to_numpy()[order])
    first = np.concatenate(([True], starts[1:] > ends[:-1]))
    last = np.concatenate((np.flatnonzero(first)[1:] - 1, [len(starts) - 1]))
    return starts[first], ends[last]
