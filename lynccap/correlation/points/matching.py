"""The same conversation at two capture points: pairs of flows, by keys in the order of their strength."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lynccap.correlation.case import Case
from lynccap.correlation.points.clock_relations import ClockRelation, relate, same_clock
from lynccap.correlation.points.relations import Relation, relations
from lynccap.correlation.points.sides import shared_marks
from lynccap.correlation.points.sightings import sightings
from lynccap.correlation.points.ties import (
    PAIR,
    dns_keys,
    free,
    paired,
    rtp_keys,
    stun_keys,
    syn_keys,
    tcp_keys,
    tls_keys,
)

MAX_CAPTURES = 8  # compared with each other: 28 pairs; who records at more points names those that matter
APART_NS = 5_000_000_000  # flows of one recording that have a key in common at other times are not one conversation
ENOUGH = 2  # transactions in common


class Basis(StrEnum):
    """What two flows were recognised by, the strongest first."""

    TLS = "tls-random"
    TCP = "tcp-sequence"
    STUN = "stun-transaction"
    SYN = "tcp-syn"
    RTP = "rtp-ssrc"
    DNS = "dns-question"
    ADDRESS = "addresses"
    """The same addresses and ports at the same time, in captures that other conversations tie to each other."""
    ABSENT = "absent"
    """Not recognised at the other point, although it should have been."""


CONFIRMED = frozenset({Basis.RTP, Basis.ADDRESS})
"""Bases that count only when single packets are the same too."""
Clocks = dict[tuple[int, int], ClockRelation]


class Matching:
    """The pairs of flows of some cases, the clocks they show, and what each capture saw."""

    def __init__(self, cases: Sequence[Case]) -> None:
        """Match the flows of the first MAX_CAPTURES cases."""
        self.cases = cases[:MAX_CAPTURES]
        self.seen = sightings(self.cases)
        self._rows = self.seen.set_index(["capture", "flow"]).index
        self.clocks: Clocks = {}
        self.pairs = self._facts(pd.DataFrame({name: np.zeros(0, np.int64) for name in [*PAIR, "shared"]}), Basis.TLS)
        for basis, keys in (
            (Basis.TLS, partial(tls_keys, self.cases)),
            (Basis.TCP, partial(tcp_keys, self.seen)),
            (Basis.STUN, partial(stun_keys, self.cases)),
        ):
            self._take(basis, keys, ENOUGH if basis is Basis.STUN else 1)
        self.shared = shared_marks(self.cases, self.pairs)
        self.clocks = clocks_of(self.cases, self.pairs, self.shared)
        for basis, keys in (
            (Basis.SYN, partial(syn_keys, self.seen)),
            (Basis.RTP, partial(rtp_keys, self.cases)),
            (Basis.STUN, partial(stun_keys, self.cases)),
            (Basis.DNS, partial(dns_keys, self.cases, self.seen)),
            (Basis.ADDRESS, self._same_ends),
        ):
            self._take(basis, keys, 1, weak=True)

    def side(self, pairs: pd.DataFrame, letter: str) -> pd.DataFrame:
        """The sightings of the flows of one side ("a" or "b") of pairs, row by row."""
        wanted = pd.MultiIndex.from_arrays([pairs[f"capture_{letter}"], pairs[f"flow_{letter}"]])
        return self.seen.iloc[self._rows.get_indexer(wanted)].reset_index(drop=True)

    def _take(self, basis: Basis, keys: Callable[[], pd.DataFrame], least: int, *, weak: bool = False) -> None:
        """Add the pairs that share enough keys; weak ones only where both flows were there at the same time."""
        found = keys() if basis is Basis.ADDRESS else paired(keys(), self.seen)
        found = self._facts(free(found[found["shared"] >= least], self.pairs), basis)
        within = found["capture_a"] == found["capture_b"]
        found = found[self._together(found) if weak else ~within | self._together(found)]
        # A flow has one counterpart in another capture.
        once = ~(found.duplicated(PAIR[:3], keep=False) | found.duplicated(["capture_a", *PAIR[2:]], keep=False))
        self.pairs = pd.concat([self.pairs, found[once]], ignore_index=True)

    def _facts(self, pairs: pd.DataFrame, basis: Basis) -> pd.DataFrame:
        """With basis, relation, and whether the captures disagree on who the client is."""
        pairs = pairs[[*PAIR, "shared"]].reset_index(drop=True)
        if pairs.empty:
            return pairs.assign(basis="", relation="", turned=False).astype({"basis": object, "relation": object})
        a, b = self.side(pairs, "a"), self.side(pairs, "b")
        crossed = (a["client_end"] == b["server_end"]) | (a["server_end"] == b["client_end"])
        return pairs.assign(basis=basis, relation=relations(a, b), turned=crossed & (a["transport"] != "tcp"))

    def _together(self, pairs: pd.DataFrame) -> NDArray[np.bool_]:
        """Whether both flows of each pair were there at the same time, by one clock as far as that is known."""
        a, b = self.side(pairs, "a"), self.side(pairs, "b")
        shift = self._offsets(pairs)
        starts = np.maximum(a["first_time"].to_numpy() + shift, b["first_time"].to_numpy())
        ends = np.minimum(a["last_time"].to_numpy() + shift, b["last_time"].to_numpy())
        near = np.abs(a["first_time"].to_numpy() + shift - b["first_time"].to_numpy()) < APART_NS
        overlapping: NDArray[np.bool_] = (starts <= ends) | near
        return overlapping

    def _offsets(self, pairs: pd.DataFrame) -> NDArray[np.int64]:
        """What is to be added to A's times of each pair to have B's; 0 where it is not known."""
        offsets = np.zeros(len(pairs), np.int64)
        for (a, b), clock in self.clocks.items():
            mine = (pairs["capture_a"] == a) & (pairs["capture_b"] == b)
            offsets[mine.to_numpy()] = clock.offset_ns or 0
        return offsets

    def _same_ends(self) -> pd.DataFrame:
        """Flows with the same ends in captures that have a conversation in common."""
        tied = self.pairs[(self.pairs["relation"] == Relation.SAME) & (self.pairs["capture_a"] != self.pairs["capture_b"])]
        ties = tied[["capture_a", "capture_b"]].drop_duplicates()
        some = self.seen[_may_be_matched(self.seen)][["capture", "flow", "ends"]]
        some = some[~some.duplicated(["capture", "ends"], keep=False)]
        both = some.merge(some, on="ends", suffixes=("_a", "_b")).merge(ties, on=["capture_a", "capture_b"])
        return both.sort_values(PAIR)[PAIR].assign(shared=1)


def _may_be_matched(seen: pd.DataFrame) -> pd.Series:
    """Flows whose addresses may tell: no groups of receivers; TCP only where its beginning is missing."""
    group = seen["server"].str.match(r"^(2(2[4-9]|[34]\d|55)\.|ff)") | seen["server"].str.endswith(".255")
    return ~group & ((seen["transport"] != "tcp") | (seen["opening"] == "midstream"))


def clocks_of(cases: Sequence[Case], pairs: pd.DataFrame, shared: pd.DataFrame) -> Clocks:
    """How the clocks of the captures with common conversations stand to each other."""
    found: Clocks = {}
    for (a, b), some in pairs.groupby(["capture_a", "capture_b"]):
        if a == b:
            found[a, b] = same_clock(a)
            continue
        mine = shared[shared["pair"].isin(some.index)]
        digits = min(int(cases[one].tables.captures["digits"].iloc[0]) for one in (a, b))
        was_set = any(len(cases[one].tables.clock_steps) for one in (a, b))
        found[a, b] = relate(a, b, mine, digits, was_set)
    return found
