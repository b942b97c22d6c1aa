"""From pairs of flows and their packets to crossings: what may be said of each, and what may not."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lynccap.correlation.points.clock_relations import ClockRelation
from lynccap.correlation.points.comparing import Compared
from lynccap.correlation.points.coverage import Coverage
from lynccap.correlation.points.crossing import UNKNOWN, Crossing
from lynccap.correlation.points.matching import Basis, Matching
from lynccap.correlation.points.relations import Relation

SHOWN_FRAMES = 20
MISSED_SHARE = 0.005  # of a capture's packets: from there on it lacks some that came by, as gates.LOST_SHARE judges
LOOSE_NS = 2_000_000_000  # error of an offset that only one direction shows
CERTAIN = {Basis.TLS: "certain", Basis.TCP: "certain", Basis.STUN: "certain"}
Key = tuple[int, int]


class Weighing:
    """What the pairs of all captures come to."""

    def __init__(
        self,
        matching: Matching,
        pairs: pd.DataFrame,
        shared: pd.DataFrame,
        nearer: pd.Series,
        clocks: Mapping[Key, ClockRelation],
        shown: Sequence[Coverage],
    ) -> None:
        """`nearer` is the capture nearer to the client of each pair, `shown` what each capture can be trusted with."""
        self._pairs, self._clocks, self._shown = pairs, clocks, shown
        self._a, self._b = (matching.side(pairs, one) for one in "ab")
        self._place = dict(zip(pairs.index.tolist(), range(len(pairs)), strict=True))
        self._translated = {
            side: _differ(self._a, self._b, side, pairs["turned"].to_numpy(np.bool_)) for side in ("client", "server")
        }
        self._nearer = nearer
        self._near_list = nearer.tolist()
        self._hops = _hops(shared)
        seen = matching.seen
        speaking = [
            seen.loc[seen[f"frames_{side}"] > 0, ["capture", side]].itertuples(index=False, name=None)
            for side in ("client", "server")
        ]
        self._speaks = {end for one in speaking for end in one}

    def crossings(self, compared: Mapping[Key, Compared]) -> list[Crossing]:
        """Every pair as a crossing."""
        found: list[Crossing] = []
        for key, some in self._pairs.groupby(["capture_a", "capture_b"]):
            one = compared.get(key)
            facts = self._compared_facts(key, one) if one else {}
            found += [self._crossing(row, facts.get(row.Index, {})) for row in some.itertuples()]
        return found

    def _crossing(self, row: Any, facts: dict[str, Any]) -> Crossing:
        place = self._place[row.Index]
        same = row.relation != Relation.RECREATED
        return Crossing(
            capture_a=row.capture_a,
            flow_a=row.flow_a,
            capture_b=row.capture_b,
            flow_b=row.flow_b,
            basis=str(row.basis),
            relation=str(row.relation),
            confidence=CERTAIN.get(row.basis, "likely") if facts or row.basis != Basis.RTP else "possible",
            nearer_client=self._near_list[place],
            hops=self._hops.get(row.Index, UNKNOWN) if same else UNKNOWN,
            client_translated=self._translated["client"][place],
            server_translated=self._translated["server"][place],
            **facts,
        )

    def _compared_facts(self, key: Key, one: Compared) -> dict[int, dict[str, Any]]:
        clock = self._clocks[key]
        told = {"a": self._lacking(one.left_a, "b", clock), "b": self._lacking(one.left_b, "a", clock)}
        facts: dict[int, dict[str, Any]] = {}
        counts = one.matched.groupby("pair").size()
        changes = _changes(one.matched)
        for pair in self._pairs.index[(self._pairs["capture_a"] == key[0]) & (self._pairs["capture_b"] == key[1])]:
            if pair in one.cut or pair not in counts.index:
                continue
            facts[pair] = {"both": int(counts[pair]), **changes.get(pair, {})}
        missing = self._untrusted(one, told)
        for here, there, left in (("a", "b", one.left_a), ("b", "a", one.left_b)):
            _count(facts, here, left[told[here]], self._doubts(facts, there, clock, missing), left)
        return facts

    def _lacking(self, left: pd.DataFrame, there: str, clock: ClockRelation) -> NDArray[np.bool_]:
        """Which packets the capture `there` lacks although it would have shown them."""
        time = left["time"].to_numpy(np.int64)
        shift = clock.at_b(time)
        if shift is None or clock.same_recording:
            return np.zeros(len(left), np.bool_)
        told = np.asarray(shift) if there == "b" else 2 * time - np.asarray(shift)
        error = clock.error_ns if clock.error_ns is not None else LOOSE_NS
        return self._shown[clock.capture_b if there == "b" else clock.capture_a].shows(told, error)

    def _untrusted(self, one: Compared, told: Mapping[str, NDArray[np.bool_]]) -> set[str]:
        """The captures that lack packets which came by them: behind them they were there."""
        found = set()
        for letter, left in (("b", one.left_a[told["a"]]), ("a", one.left_b[told["b"]])):
            passed = self._nearer.reindex(left["pair"]).to_numpy(np.int64) == self._capture(left["pair"], letter)
            missed = int((passed == left["from_client"].to_numpy(np.bool_)).sum())
            known = int((self._nearer.reindex(left["pair"]) != UNKNOWN).sum())
            if min(missed, known) > MISSED_SHARE * max(len(one.matched), 1):
                found.add(letter)
        return found

    def _capture(self, pair: pd.Series, letter: str) -> NDArray[np.int64]:
        captures: NDArray[np.int64] = self._pairs[f"capture_{letter}"].reindex(pair).to_numpy(np.int64)
        return captures

    def _doubts(
        self, pairs: Iterable[int], there: str, clock: ClockRelation, missing: set[str]
    ) -> dict[tuple[int, bool], str]:
        """Why nothing can be said of what the capture `there` lacks, by pair and direction; "" when it can."""
        side = self._b if there == "b" else self._a
        cover = self._shown[clock.capture_b if there == "b" else clock.capture_a]
        general = cover.doubt or ("it lacks packets that came by it" if there in missing else "")
        if clock.offset_ns is None:
            general = general or "how the clocks stand to each other is not known"
        if clock.same_recording:
            general = general or "it is the same recording"
        found: dict[tuple[int, bool], str] = {}
        turned, relations = self._pairs["turned"].tolist(), self._pairs["relation"].tolist()
        for pair in pairs:
            place = self._place[pair]
            for from_client in (True, False):
                own = "client" if from_client != (turned[place] and there == "b") else "server"
                doubt = general or ("it lacks packets that were acknowledged" if side[f"lost_{own}"][place] else "")
                if relations[place] == Relation.UNDECIDED and side["transport"][place] != "tcp":
                    doubt = doubt or "a relay may have sent them on"
                speaks = (side["capture"][place], side[own][place]) in self._speaks
                found[pair, from_client] = doubt or ("" if speaks else "it shows nothing the sender sent")
        return found


def _differ(
    a: Mapping[str, NDArray[Any]], b: Mapping[str, NDArray[Any]], side: str, turned: NDArray[np.bool_]
) -> list[bool]:
    """Whether the client (or server) by A's word has another address or port in B."""
    other = "server" if side == "client" else "client"
    there = np.where(turned, b[f"{other}_end"], b[f"{side}_end"])
    differs: list[bool] = (a[f"{side}_end"] != there).tolist()
    return differs


def _count(
    facts: dict[int, dict[str, Any]],
    here: str,
    lacking: pd.DataFrame,
    doubts: Mapping[tuple[int, bool], str],
    left: pd.DataFrame,
) -> None:
    """Add to the facts what only the capture `here` shows."""
    counts = lacking.groupby(["pair", "from_client"]).size().to_dict()
    frames = dict(iter(lacking.groupby("pair")))
    open_ends = set(left["pair"].tolist())
    for pair, one in facts.items():
        for from_client, name in ((True, "client"), (False, "server")):
            doubt = doubts[pair, from_client]
            one[f"only_{here}_{name}"] = UNKNOWN if doubt else counts.get((pair, from_client), 0)
            if doubt and pair in open_ends:
                one["doubt"] = one.get("doubt") or doubt
        some = frames.get(pair)
        if some is not None:
            sound = [not doubts[pair, bool(sent)] for sent in some["from_client"]]
            one[f"frames_{here}"] = tuple(int(frame) for frame in some["frame"][sound][:SHOWN_FRAMES])


def _changes(matched: pd.DataFrame) -> dict[int, dict[str, Any]]:
    """Markings and segment sizes of the packets at both points, by pair."""
    found: dict[int, dict[str, Any]] = {}
    marks = matched.groupby(["pair", "from_client", "dscp_a", "dscp_b"]).size().reset_index(name="amount")
    marks = marks.sort_values(["pair", "from_client", "amount"], ascending=[True, True, False], kind="stable")
    for row in marks.itertuples():
        one = found.setdefault(row.pair, {"remarked": 0})
        side = "client" if row.from_client else "server"
        one.setdefault(f"dscp_{side}_a", row.dscp_a)
        one.setdefault(f"dscp_{side}_b", row.dscp_b)
        one["remarked"] += row.amount if row.dscp_a != row.dscp_b else 0
    syns = matched[matched["from_client"] & (matched["mss_a"] >= 0)].drop_duplicates("pair")
    for pair, a, b in syns[["pair", "mss_a", "mss_b"]].itertuples(index=False):
        found.setdefault(pair, {}).update(mss_a=int(a), mss_b=int(b))
    return found


def _hops(shared: pd.DataFrame) -> dict[int, int]:
    """Routers between the points of each pair, as the TTLs of the client's packets tell, else of the server's."""
    rows = shared[(shared["ttl_a"] > 0) & (shared["ttl_b"] > 0)]
    steps = (rows["ttl_a"] - rows["ttl_b"]).abs()
    found: dict[int, int] = {}
    for from_client in (False, True):  # the client's come last and count
        mine = rows["from_client"] == from_client
        least = steps[mine].groupby(rows.loc[mine, "pair"]).median()
        found |= dict(zip(least.index.tolist(), least.astype("int64").tolist(), strict=True))
    return found
