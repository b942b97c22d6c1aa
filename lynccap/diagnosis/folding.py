"""One failure that several captures show is one finding, with the evidence of all of them."""

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd

from lynccap import reference
from lynccap.correlation.addresses import sort_key
from lynccap.correlation.case import Case
from lynccap.correlation.points.crossing import UNKNOWN, Crossing
from lynccap.correlation.points.crossings import Crossings
from lynccap.correlation.points.stand_ins import StandIns
from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.judgements import Found, Proof
from lynccap.diagnosis.verdicts import RULES as ENDINGS
from lynccap.document import Severity

ORDER = tuple(Severity)
NEAR_NS = 5_000_000_000  # a balancer opens its own connection within this time, or its client gives up
Place = tuple[int, int]
"""Of a case, and a flow of it."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a rule found in one capture, and what was folded into it."""

    rule: Rule
    found: Found
    place: int
    """Of the case."""
    device: str | None
    """Its id, whichever of its addresses was found."""
    others: tuple["Kept", ...] = ()
    """The same, as other captures show it."""

    @property
    def explains(self) -> tuple[str, ...]:
        """The rules whose findings it can cause."""
        return self.rule.explains if self.found.explains is None else self.found.explains

    @property
    def severity(self) -> Severity:
        """The finding's own, else its rule's."""
        return self.found.severity or self.rule.severity

    @property
    def proof(self) -> tuple[Proof, ...]:
        """All of it; each piece names the case it is from."""
        own = (one if one.place is not None else replace(one, place=self.place) for one in self.found.proof)
        return tuple(dict.fromkeys((*own, *(piece for other in self.others for piece in other.proof))))

    @property
    def seen(self) -> frozenset[tuple[int, str | None]]:
        """The device, as each capture calls it."""
        return frozenset({(self.place, self.device), *(pair for one in self.others for pair in one.seen)})

    @property
    def order(self) -> tuple[object, ...]:
        """The gravest and the earliest stages first."""
        device = sort_key(self.found.device or "")
        found = self.found
        stage = (ORDER.index(self.severity), self.rule.stage, self.rule.name)
        return (*stage, device, found.peer or "", found.port or 0, found.time, self.place)


def fold(kept: Sequence[Kept], cases: Sequence[Case], crossings: Crossings) -> list[Kept]:
    """The findings of all captures, each once; what only one capture shows stays as it is."""
    if not crossings.all:
        return list(kept)
    subjects = _Subjects(cases, crossings)
    groups: list[list[Kept]] = []
    known: dict[Hashable, list[list[Kept]]] = defaultdict(list)
    for one in kept:
        keys = [(_kind(one.rule), key) for key in subjects.keys(one)]
        alike = (group for key in keys for group in known[key])
        group = next((each for each in alike if subjects.belongs(one, each)), None)
        if group is None:
            group = []
            groups.append(group)
        group.append(one)
        for key in keys:
            known[key].append(group)
    return [subjects.folded(group) for group in groups]


def _kind(rule: Rule) -> str:
    """Rules that say how a connection attempt ended say the same thing of it from different points."""
    return "ending" if rule.name in _ENDINGS else rule.name


_ENDINGS = frozenset(ENDINGS.values()) | {row.rule for row in reference.needed_paths()}


class _Subjects:
    """The conversations that findings are about, as every capture shows them."""

    def __init__(self, cases: Sequence[Case], crossings: Crossings) -> None:
        self._cases, self._crossings = cases, crossings
        self._stand_ins = StandIns(cases, crossings)
        self._frames = [_Frames(case) for case in cases]
        self._known: dict[int, frozenset[int]] = {}

    def keys(self, one: Kept) -> list[Hashable]:
        """What findings that may be one have in common: a conversation, or the hosts that it is between."""
        flows = self._flows(one)
        found: dict[Hashable, None] = {("flow", one.place, flow): None for flow in sorted(flows)}
        for flow in sorted(flows):
            for each in self._crossings.other_side(one.place, flow):
                found["flow", *_other(each, one.place)] = None
        ends = (one.device or "", one.found.peer or "")
        found["ends", one.place, *ends] = None
        if origin := self._stand_ins.ends_of(one.place, *ends):
            found["ends", *origin] = None
        return list(found)

    def belongs(self, one: Kept, group: Sequence[Kept]) -> bool:
        """Whether a finding is that of a group; what one capture tells twice is two."""
        return all(one.place != other.place for other in group) and any(self._are_one(one, other) for other in group)

    def _are_one(self, one: Kept, other: Kept) -> bool:
        """Whether two captures show the same; a finding on no device must lie in what both show."""
        here, there = self._flows(one), self._flows(other)
        twins = {flow: self._twins(one.place, flow, other.place) for flow in here}
        common = any(twin in there for ones in twins.values() for twin in ones)
        if not common and one.device is not None:
            return self._behind(one, other) or self._behind(other, one)
        return common and (one.device is not None or _within(twins.values(), there) or self._whole(other, one))

    def _behind(self, one: Kept, other: Kept) -> bool:
        """Whether one is what a balancer's own connections make of the other: the same hosts, moments later."""
        ends = self._stand_ins.ends_of(one.place, one.device or "", one.found.peer or "")
        if ends != (other.place, other.device, other.found.peer) or one.found.port != other.found.port:
            return False
        return abs(other.found.time + self._ahead(one.place, other.place) - one.found.time) <= NEAR_NS

    def _ahead(self, place: int, other: int) -> int:
        """How far one capture's clock is ahead of another's, nanoseconds."""
        for one in self._crossings.clocks:
            if {one.capture_a, one.capture_b} == {place, other}:
                return (one.offset_ns or 0) * (1 if one.capture_b == place else -1)
        return 0

    def folded(self, group: list[Kept]) -> Kept:
        """The one nearest to the client speaks for all, of different endings the one nearest to the server."""
        different = len({one.rule.name for one in group}) > 1
        ordered = sorted(group, key=lambda one: (self._distance(one, group) * (-1 if different else 1), one.place))
        first, *rest = ordered
        return replace(first, others=tuple(rest)) if rest else first

    def _whole(self, one: Kept, other: Kept) -> bool:
        there = self._flows(other)
        return _within((self._twins(one.place, flow, other.place) for flow in self._flows(one)), there)

    def _distance(self, one: Kept, group: list[Kept]) -> int:
        """How many of the other points are nearer to the client."""
        flows, others = self._flows(one), {other.place for other in group} - {one.place}
        nearer = {each.nearer_client for flow in flows for each in self._crossings.other_side(one.place, flow)}
        origin = self._stand_ins.ends_of(one.place, one.device or "", one.found.peer or "")
        return len((nearer | ({origin[0]} if origin else set())) & others)

    def _twins(self, place: int, flow: int, there: int) -> tuple[int, ...]:
        found = (_other(one, place) for one in self._crossings.other_side(place, flow))
        return tuple(number for capture, number in found if capture == there and number != UNKNOWN)

    def _flows(self, one: Kept) -> frozenset[int]:
        """The flows a finding tells, else those its frames belong to, as far as the tables hold them."""
        key = id(one.found)
        if key not in self._known:
            told = frozenset(one.found.flows)
            self._known[key] = told or self._frames[one.place].flows_of(one)
        return self._known[key]


@dataclass(frozen=True)
class _Frames:
    """The flows of single frames of a case."""

    case: Case

    def flows_of(self, one: Kept) -> frozenset[int]:
        """The flows between device and peer whose first or last frame, opening or end is in the evidence."""
        frames = {frame for proof in one.found.proof if proof.place is None for frame in proof.frames}
        flows = self.between(one)
        ends = flows["first_frame"].isin(frames) | flows["last_frame"].isin(frames)
        control = self.case.tables.tcp_frames
        control = control[control["frame"].isin(frames)]["flow"]
        sure = {*flows.index[ends].tolist(), *flows.index[flows.index.isin(control)].tolist()}
        if sure:
            return frozenset(sure)
        around = (flows["first_frame"] <= max(frames)) & (flows["last_frame"] >= min(frames))
        return frozenset(flows.index[around].tolist())

    def between(self, one: Kept) -> pd.DataFrame:
        """The flows of the device, with the peer where there is one."""
        flows = self._flows
        facts = self.case.devices.of(one.found.device or "")
        mine = set(facts.addresses if facts else ()) | {one.found.device}
        peer = one.found.peer
        for first, second in (("client", "server"), ("server", "client")):
            some = flows[flows[first].isin(mine) & ((flows[second] == peer) | (peer is None))]
            if len(some):
                return some
        return flows[:0]

    @cached_property
    def _flows(self) -> pd.DataFrame:
        return self.case.flows[["client", "server", "first_frame", "last_frame"]]


def _within(twins: Iterable[Collection[int]], there: Collection[int]) -> bool:
    return all(any(twin in there for twin in ones) for ones in twins)


def _other(one: Crossing, place: int) -> tuple[int, int]:
    if one.capture_a == place:
        return one.capture_b, one.flow_b
    return one.capture_a, one.flow_a
