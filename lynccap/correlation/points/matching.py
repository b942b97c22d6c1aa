"""The same conversation at two capture points: pairs of flows, by keys in the order of their strength."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lynccap.correlation.case import Case
from lynccap.correlation.points.clock_relations import ClockRelation, relate, same_clock
from lynccap.correlation.points.relations import Relation, relations
from lynccap.correlation.points.sides import Marks, shared_marks
from lynccap.correlation.points.sightings import sightings
from lynccap.correlation.points.ties import dns_keys, paired, rtp_keys, stun_keys, syn_keys, tcp_keys, tls_keys

MAX_CAPTURES = 8  # compared with each other: 28 pairs; who records at more points names those that matter
APART_NS = 5_000_000_000  # flows of one recording that have a key in common at other times are not one conversation
ENOUGH = 2  # transactions in common
TWO = 2  # captures: what is matched needs no further counterpart
Ints = NDArray[np.int64]


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
WITHIN = frozenset({Basis.TLS, Basis.TCP, Basis.SYN})
"""Bases that tell two sides of a translator in one recording; streams that change their path have the others."""
ASKED = frozenset({Basis.STUN, Basis.DNS})
"""Bases that are the client's questions."""
Clocks = dict[tuple[int, int], ClockRelation]


class Side(dict[str, NDArray[Any]]):
    """The sightings of some flows, column by column."""


class Matching:
    """The pairs of flows of some cases, the clocks they show, and what each capture saw."""

    def __init__(self, cases: Sequence[Case]) -> None:
        """Match the flows of the first MAX_CAPTURES cases."""
        self.cases = cases[:MAX_CAPTURES]
        self.seen = sightings(self.cases)
        self._starts = np.cumsum([0, *(len(case.tables.flows) for case in self.cases)])[:-1]
        self._columns = {name: self.seen[name].to_numpy() for name in self.seen.columns}
        self._taken = np.zeros((len(self.cases), len(self.seen)), np.bool_)
        self.clocks: Clocks = {}
        self.pairs = self._facts(*(np.zeros(0, np.int64),) * 3, Basis.TLS)
        self._strong()
        marks: Marks = {}
        self.shared = shared_marks(self.cases, self.pairs, marks)
        self.clocks = clocks_of(self.cases, self.pairs, self.shared)
        strong = len(self.pairs)
        self._weak()
        later = shared_marks(self.cases, self.pairs[strong:], marks)
        self.shared = pd.concat([self.shared, later], ignore_index=True) if len(later) else self.shared
        self.clocks = clocks_of(self.cases, self.pairs, self.shared) | self.clocks

    def side(self, pairs: pd.DataFrame, letter: str) -> Side:
        """The sightings of the flows of one side ("a" or "b") of pairs."""
        return self._rows(self._starts[pairs[f"capture_{letter}"].to_numpy()] + pairs[f"flow_{letter}"].to_numpy())

    def _rows(self, rows: NDArray[np.int64]) -> Side:
        return Side({name: values[rows] for name, values in self._columns.items()})

    def _strong(self) -> None:
        """By what no two conversations share, whenever they were."""
        self._take(Basis.TLS, tls_keys(self.cases))
        self._take(Basis.TCP, tcp_keys(self._free()))
        self._take(Basis.STUN, stun_keys(self.cases), ENOUGH)

    def _weak(self) -> None:
        """By what only conversations of the same time do not share."""
        self._take(Basis.SYN, syn_keys(self._free()), weak=True)
        self._take(Basis.RTP, rtp_keys(self.cases), weak=True)
        self._take(Basis.STUN, stun_keys(self.cases), weak=True)
        self._take(Basis.DNS, dns_keys(self.cases, self.seen), weak=True)
        self._add(*self._same_ends(), Basis.ADDRESS, weak=True)

    def _free(self) -> pd.DataFrame:
        """The flows that may still find a counterpart."""
        return self.seen[~self._taken.any(axis=0)] if len(self.cases) == TWO else self.seen

    def _take(self, basis: Basis, keys: pd.DataFrame, least: int = 1, *, weak: bool = False) -> None:
        """Add the pairs that share so many keys."""
        a, b, shared = paired(keys, self._starts, self._columns["ends"])
        enough = shared >= least
        self._add(a[enough], b[enough], shared[enough], basis, weak=weak)

    def _add(self, *found: Any, weak: bool = False) -> None:
        """Add pairs of flows that have no counterpart yet; weak ones only where both were there at the same time."""
        a, b, shared, basis = found
        place_a, place_b = (np.searchsorted(self._starts, one, "right") - 1 for one in (a, b))
        free = ~self._taken[place_b, a] & ~self._taken[place_a, b]
        # A flow has one counterpart in another capture.
        free &= ~pd.Series(a << 8 | place_b).duplicated(keep=False).to_numpy()
        free &= ~pd.Series(b << 8 | place_a).duplicated(keep=False).to_numpy()
        free &= ((place_a != place_b) & (not weak)) | self._together(a, b, place_a, place_b)
        free &= (place_a != place_b) | (basis in WITHIN)
        free &= ~self._asked_elsewhere(a, b) | (basis not in ASKED)
        a, b = a[free], b[free]
        if len(a):
            self.pairs = pd.concat([self.pairs, self._facts(a, b, shared[free], basis)], ignore_index=True)
            self._taken[place_b[free], a] = self._taken[place_a[free], b] = True

    def _asked_elsewhere(self, a: Ints, b: Ints) -> NDArray[np.bool_]:
        """Whether one client asks two servers: resolvers and relays are asked the same at once."""
        client, server = self._columns["client_end"], self._columns["server_end"]
        elsewhere: NDArray[np.bool_] = (client[a] == client[b]) & (server[a] != server[b])
        return elsewhere

    def _facts(self, a: Ints, b: Ints, shared: Ints, basis: Basis) -> pd.DataFrame:
        """With basis, relation, and whether the captures disagree on who the client is."""
        one, other = self._rows(a), self._rows(b)
        crossed = (one["client_end"] == other["server_end"]) | (one["server_end"] == other["client_end"])
        alike = crossed | (one["client_end"] == other["client_end"]) | (one["server_end"] == other["server_end"])
        relation = relations(one, other)
        # Datagrams between other ends altogether: a relay sends media on with its SSRC, from ports of its own.
        relation[(one["transport"] != "tcp") & ~alike] = Relation.UNDECIDED
        return pd.DataFrame(
            {
                "capture_a": one["capture"],
                "flow_a": one["flow"],
                "capture_b": other["capture"],
                "flow_b": other["flow"],
                "shared": shared,
                "basis": pd.Series([basis] * len(a), dtype=object),
                "relation": relation,
                "turned": crossed & (one["transport"] != "tcp"),
            }
        )

    def _together(self, a: Ints, b: Ints, place_a: Ints, place_b: Ints) -> NDArray[np.bool_]:
        """Whether both flows of each pair were there at the same time, by one clock as far as that is known."""
        shift = np.zeros(len(a), np.int64)
        for (first, second), clock in self.clocks.items():
            shift[(place_a == first) & (place_b == second)] = clock.offset_ns or 0
        begins, ends = self._columns["first_time"], self._columns["last_time"]
        overlap = np.minimum(ends[a] + shift, ends[b]) >= np.maximum(begins[a] + shift, begins[b])
        near: NDArray[np.bool_] = overlap | (np.abs(begins[a] + shift - begins[b]) < APART_NS)
        return near

    def _same_ends(self) -> tuple[Ints, Ints, Ints]:
        """Flows with the same ends in captures that have a conversation in common."""
        pairs = self.pairs
        tied = pairs[(pairs["relation"] == Relation.SAME) & (pairs["capture_a"] != pairs["capture_b"])]
        ties = tied[["capture_a", "capture_b"]].drop_duplicates()
        some = self._free()
        some = some[(some["transport"] != "tcp") | (some["opening"] == "midstream")]
        some = some[~_to_groups(some["server"])][["capture", "flow", "ends"]]
        some = some[~some.duplicated(["capture", "ends"], keep=False)]
        both = some.merge(some, on="ends", suffixes=("_a", "_b")).merge(ties, on=["capture_a", "capture_b"])
        rows = (
            self._starts[both[f"capture_{one}"].to_numpy(np.int64)] + both[f"flow_{one}"].to_numpy() for one in "ab"
        )
        a, b = rows
        order = np.lexsort((b, a))
        return a[order], b[order], np.ones(len(a), np.int64)


def _to_groups(address: pd.Series) -> pd.Series:
    """Multicast and broadcast: the same in every network."""
    return address.str.match(r"^(2(2[4-9]|[34]\d|55)\.|ff)") | address.str.endswith(".255")


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
