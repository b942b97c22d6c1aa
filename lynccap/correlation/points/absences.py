"""Conversations that one capture shows and the next one lacks, although what these hosts say passes both points."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lynccap.correlation.case import Case
from lynccap.correlation.points.clock_relations import ClockRelation
from lynccap.correlation.points.coverage import Coverage
from lynccap.correlation.points.crossing import UNKNOWN, Crossing
from lynccap.correlation.points.matching import Basis, Matching
from lynccap.correlation.protocol_numbers import SYN

MAX_ABSENT = 5_000  # of one pair of captures: a scan is told by far fewer
SHOWN_FRAMES = 20
PORTS = 5  # different ones in a capture that was hardly filtered by port
AMBIGUOUS_NS = 3_000_000_000  # another flow to the same port so near in time may be this one under another name
UNANSWERED = ("unanswered", "refused", "half-open", "one-way")


def absences(
    matching: Matching, near: pd.DataFrame, clocks: Mapping[tuple[int, int], ClockRelation], shown: Sequence[Coverage]
) -> list[Crossing]:
    """What never reached the further point; `near` are the pairs with `here`, the capture nearer to the client."""
    found: list[Crossing] = []
    for (a, b), some in near.groupby(["capture_a", "capture_b"]):
        clock = clocks[a, b]
        if a == b or clock.error_ns is None or clock.same_recording:
            continue
        for here, there in (("a", "b"), ("b", "a")):
            pairs = some[some["here"] == (a if here == "a" else b)]
            if len(pairs):
                found += _Looking(matching, clock, shown, here, there).lacking(pairs)
    return found


class _Looking:
    """The search for flows of one capture in another one."""

    def __init__(
        self, matching: Matching, clock: ClockRelation, shown: Sequence[Coverage], here: str, there: str
    ) -> None:
        self._clock, self._letter = clock, here
        self._here, self._there = (getattr(clock, f"capture_{one}") for one in (here, there))
        pairs = matching.pairs
        mine = pairs[(pairs["capture_a"] == clock.capture_a) & (pairs["capture_b"] == clock.capture_b)]
        self._matching = matching
        self._taken = {one: set(mine[f"flow_{one}"].tolist()) for one in (here, there)}
        self._cover = shown[self._there]
        seen = matching.seen
        self._other = seen[seen["capture"] == self._there]
        free = self._other[~self._other["flow"].isin(self._taken[there])]
        self._unmatched = {
            end: np.sort(some.to_numpy(np.int64))
            for end, some in free.groupby(["transport", "server_port"])["first_time"]
        }

    def lacking(self, pairs: pd.DataFrame) -> list[Crossing]:
        """The flows between hosts whose other conversations passed both points."""
        side = self._matching.side(pairs, self._letter)
        hosts = pd.DataFrame({name: side[name] for name in ("client", "server")}).drop_duplicates()
        seen = self._matching.seen
        mine = seen[(seen["capture"] == self._here) & seen["opening"].isin(UNANSWERED)]
        mine = mine[~mine["flow"].isin(self._taken[self._letter])].merge(hosts, on=["client", "server"])
        mine = mine[self._recorded(mine)][:MAX_ABSENT]
        syns = _syns(self._matching.cases[self._here], mine["flow"])
        made = (self._crossing(row, syns.get(row.flow)) for row in mine.sort_values("flow").itertuples())
        return [one for one in made if one is not None]

    def _recorded(self, mine: pd.DataFrame) -> pd.Series:
        """Whether the other capture would hold such a flow: it is not filtered by port, and no flow there may be it."""
        ports = set(zip(self._other["transport"], self._other["server_port"], strict=True))
        filtered = len(ports) < PORTS
        known = [not filtered or end in ports for end in zip(mine["transport"], mine["server_port"], strict=True)]
        renamed = mine["syn_isn"].isin(self._other.loc[self._other["syn_isn"] >= 0, "syn_isn"])
        return pd.Series(known, mine.index, dtype=bool) & ~renamed

    def _crossing(self, row: Any, syns: pd.DataFrame | None) -> Crossing | None:
        times = np.array([row.first_time, row.last_time]) if syns is None else syns["time"].to_numpy()
        frames = () if syns is None else tuple(syns["frame"].tolist())
        told = self._told(times)
        error = int(self._clock.error_ns or 0)
        seen = self._cover.shows(told, error)
        if row.transport == "tcp":
            count, frames = int(seen.sum()), tuple(int(one) for one, ok in zip(frames, seen, strict=True) if ok)
        else:
            count = int(row.frames_client) if seen.all() else 0
        if not count or self._may_be_another(row, told):
            return None
        here = self._letter
        return Crossing(
            capture_a=self._clock.capture_a,
            flow_a=int(row.flow) if here == "a" else UNKNOWN,
            capture_b=self._clock.capture_b,
            flow_b=int(row.flow) if here == "b" else UNKNOWN,
            basis=Basis.ABSENT,
            relation="absent",
            confidence="likely",
            nearer_client=self._here,
            both=0,
            only_a_client=count if here == "a" else 0,
            only_b_client=count if here == "b" else 0,
            only_a_server=0,
            only_b_server=0,
            frames_a=frames[:SHOWN_FRAMES] if here == "a" else (),
            frames_b=frames[:SHOWN_FRAMES] if here == "b" else (),
        )

    def _told(self, times: NDArray[np.int64]) -> NDArray[np.int64]:
        """Times of this capture by the other one's clock."""
        shift: NDArray[np.int64] = np.asarray(self._clock.at_b(times)) - times
        return times + shift if self._letter == "a" else times - shift

    def _may_be_another(self, row: Any, told: NDArray[np.int64]) -> bool:
        """Whether an unmatched flow to the same port begins so near in time that it may be this one, renamed."""
        times = self._unmatched.get((row.transport, row.server_port), _NEVER)
        place = int(np.searchsorted(times, told[0]))
        near = times[max(place - 1, 0) : place + 1]
        return bool((np.abs(near - told[0]) < AMBIGUOUS_NS).any())


_NEVER = np.zeros(0, np.int64)


def _syns(case: Case, flows: pd.Series) -> dict[int, pd.DataFrame]:
    table = case.tables.tcp_frames
    rows = table[table["flow"].isin(flows) & table["from_client"] & ((table["flags"] & SYN) != 0)]
    return {int(flow): some for flow, some in rows.groupby("flow")}
