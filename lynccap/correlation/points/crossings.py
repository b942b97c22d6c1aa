"""All conversations that several capture points show, and how the points stand to each other."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from lynccap.correlation.case import Case
from lynccap.correlation.points.absences import absences
from lynccap.correlation.points.clock_relations import ClockRelation, oriented
from lynccap.correlation.points.comparing import Compared, compare, prepared
from lynccap.correlation.points.coverage import coverage
from lynccap.correlation.points.crossing import UNKNOWN, Crossing
from lynccap.correlation.points.matching import CONFIRMED, Basis, Matching, clocks_of
from lynccap.correlation.points.relations import Relation
from lynccap.correlation.points.sides import SHARED
from lynccap.correlation.points.weighing import Weighing

Packets = Callable[[int, Sequence[int]], tuple[pd.DataFrame, int] | None]
"""The packets (PACKETS) of some flows of a case, and until when they are complete (0: all); None: it cannot be read."""
CONFIRMING_BYTES = 8


@dataclass(frozen=True)
class Crossings:
    """What several captures show of the same conversations."""

    all: tuple[Crossing, ...] = ()
    """In order of capture and flow."""
    clocks: tuple[ClockRelation, ...] = ()
    """Of every two captures that have conversations in common."""
    fates: pd.DataFrame | None = None
    """The packets that are at both points of a crossing: capture_a, frame_a, capture_b, frame_b; None: not compared."""

    def other_side(self, capture: int, flow: int) -> tuple[Crossing, ...]:
        """The crossings of one flow: what other points, or the other side of a translator, show of it."""
        return self._by_flow.get((capture, flow), ())

    def again(self, capture: int) -> frozenset[int]:
        """The flows of a capture that are conversations which an earlier capture shows as well."""
        return self._again.get(capture, frozenset())

    def frame_at(self, capture: int, frame: int, other: int) -> int | None:
        """The frame of another capture that holds the same packet; 0 where that one surely lacks it, None: unknown."""
        found = self._frames.get((capture, other, frame))
        if found is None and (capture, other, frame) in self._lacking:
            return 0
        return found

    @cached_property
    def _by_flow(self) -> dict[tuple[int, int], tuple[Crossing, ...]]:
        found: dict[tuple[int, int], list[Crossing]] = defaultdict(list)
        for one in self.all:
            for end in {(one.capture_a, one.flow_a), (one.capture_b, one.flow_b)}:
                if end[1] != UNKNOWN:
                    found[end].append(one)
        return {end: tuple(ones) for end, ones in found.items()}

    @cached_property
    def _again(self) -> dict[int, frozenset[int]]:
        found: dict[int, set[int]] = defaultdict(set)
        for one in self.all:
            made_anew = one.relation == Relation.RECREATED  # a connection of its own
            if one.capture_a < one.capture_b and UNKNOWN not in (one.flow_a, one.flow_b) and not made_anew:
                found[one.capture_b].add(one.flow_b)
        return {capture: frozenset(flows) for capture, flows in found.items()}

    @cached_property
    def _frames(self) -> dict[tuple[int, int, int], int]:
        found: dict[tuple[int, int, int], int] = {}
        if self.fates is not None:
            for a, frame_a, b, frame_b in self.fates.itertuples(index=False):
                found[a, b, frame_a], found[b, a, frame_b] = frame_b, frame_a
        return found

    @cached_property
    def _lacking(self) -> frozenset[tuple[int, int, int]]:
        here = {(one.capture_a, one.capture_b, frame) for one in self.all for frame in one.frames_a}
        there = {(one.capture_b, one.capture_a, frame) for one in self.all for frame in one.frames_b}
        return frozenset(here | there)


def read_crossings(cases: Sequence[Case], packets: Packets | None = None) -> Crossings:
    """What the captures of some cases show of the same conversations; with `packets`, one by one."""
    matching = Matching(cases)
    if matching.pairs.empty:
        return Crossings()
    return _Reading(matching, packets).crossings()


class _Reading:
    """One run over all pairs of captures."""

    def __init__(self, matching: Matching, packets: Packets | None) -> None:
        self._matching = matching
        self._lists = self._listed(packets)
        self._until = {place: until for place, (_, until) in self._lists.items()}
        self._compared: dict[tuple[int, int], Compared] = {}

    def crossings(self) -> Crossings:
        """Compare, measure the clocks by what is the same, and weigh what is not."""
        matching = self._matching
        for key, clock in matching.clocks.items():
            self._compare(key, clock)
        pairs = self._confirmed(matching.pairs)
        shared = self._shared(pairs)
        clocks = clocks_of(matching.cases, pairs, shared)
        shown = [coverage(case, self._until.get(place, 0)) for place, case in enumerate(matching.cases)]
        nearer = _nearer(pairs, shared)
        weighing = Weighing(matching, pairs, shared, nearer, clocks, shown)
        found = weighing.crossings(self._compared)
        near = pairs[pairs["relation"] == Relation.SAME].assign(here=nearer)
        found += absences(matching, near[near["here"] != UNKNOWN], clocks, shown)
        found.sort(key=lambda one: (one.capture_a, one.capture_b, one.flow_a, one.flow_b))
        return Crossings(tuple(found), tuple(clocks[key] for key in sorted(clocks)), self._fates())

    def _listed(self, packets: Packets | None) -> dict[int, tuple[pd.DataFrame, int]]:
        if packets is None:
            return {}
        pairs = self._matching.pairs
        pairs = pairs[pairs["relation"] != Relation.RECREATED]
        found = {}
        for place in range(len(self._matching.cases)):
            flows = {
                *pairs.loc[pairs["capture_a"] == place, "flow_a"],
                *pairs.loc[pairs["capture_b"] == place, "flow_b"],
            }
            listed = packets(place, sorted(flows)) if flows else None
            if listed is not None:
                found[place] = listed
        return found

    def _compare(self, key: tuple[int, int], clock: ClockRelation) -> None:
        if key[0] not in self._lists or key[1] not in self._lists:
            return
        pairs = self._matching.pairs
        mine = pairs[(pairs["capture_a"] == key[0]) & (pairs["capture_b"] == key[1])]
        mine = mine[mine["relation"] != Relation.RECREATED]
        a = prepared(self._lists[key[0]][0], mine["flow_a"], mine["turned"] & False, None)
        b = prepared(self._lists[key[1]][0], mine["flow_b"], mine["turned"], self._shifts(mine))
        self._compared[key] = compare(a, b, clock)

    def _shifts(self, pairs: pd.DataFrame) -> pd.DataFrame:
        """What to add to B's sequence numbers to have A's, where a firewall drew them anew."""
        a, b = self._matching.side(pairs, "a"), self._matching.side(pairs, "b")
        made = {}
        for name, column in (("client", "syn_isn"), ("server", "answer_isn")):
            one, other = a[column], b[column]
            made[name] = np.where((one >= 0) & (other >= 0), one - other, 0)
        return pd.DataFrame(made, pairs.index)

    def _confirmed(self, pairs: pd.DataFrame) -> pd.DataFrame:
        """Without the pairs that only their packets could have proven."""
        proven = self._proven()
        compared = [key in self._compared for key in zip(pairs["capture_a"], pairs["capture_b"], strict=True)]
        doubtful = pairs["basis"].isin(CONFIRMED) & ~pairs.index.isin(proven)
        return pairs[~(doubtful & (np.array(compared, np.bool_) | (pairs["basis"] == Basis.ADDRESS)))]

    def _proven(self) -> set[int]:
        """Pairs with packets no others can be: with the same identification, or of different contents."""
        found: set[int] = set()
        for one in self._compared.values():
            rows = one.matched[one.matched["length_a"] >= CONFIRMING_BYTES]
            kept = rows[(rows["ip_id_a"] > 0) & (rows["ip_id_a"] == rows["ip_id_b"])]
            different = rows.groupby("pair")["digest_a"].nunique()
            found |= {*kept["pair"].tolist(), *different[different > 1].index.tolist()}
        return found

    def _shared(self, pairs: pd.DataFrame) -> pd.DataFrame:
        """The packets that both sides of pairs show: those compared, else those the tables hold."""
        parts = [one.matched.loc[one.matched["sure"], SHARED] for one in self._compared.values()]
        done = {pair for part in parts for pair in part["pair"].unique().tolist()}
        rest = self._matching.shared
        found = pd.concat([*parts, rest[~rest["pair"].isin(done)]], ignore_index=True) if parts else rest
        return found[found["pair"].isin(pairs.index)].reset_index(drop=True)

    def _fates(self) -> pd.DataFrame | None:
        if not self._compared:
            return None
        parts = [
            one.matched[["frame_a", "frame_b"]].assign(capture_a=key[0], capture_b=key[1])
            for key, one in self._compared.items()
        ]
        return pd.concat(parts, ignore_index=True)[["capture_a", "frame_a", "capture_b", "frame_b"]]


def _nearer(pairs: pd.DataFrame, shared: pd.DataFrame) -> pd.Series:
    """Of each pair the capture nearer to the client, UNKNOWN where nothing tells."""
    if shared.empty:
        return pd.Series(UNKNOWN, pairs.index)
    sign = oriented(shared) * np.where(shared["from_client"].to_numpy(np.bool_), 1, -1)
    first = pd.Series(sign, shared["pair"].to_numpy()).groupby(level=0).first().reindex(pairs.index, fill_value=0)
    return pairs["capture_a"].where(first > 0, pairs["capture_b"]).where(first != 0, UNKNOWN)
