"""What the other capture points show of one capture's connections: whether a SYN arrived, who sent a reset."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lynccap.correlation.attempts import Attempt
from lynccap.correlation.case import Case
from lynccap.correlation.closings.claims import Closing, Refusal
from lynccap.correlation.closings.kinds import EndedBy, Points
from lynccap.correlation.closings.second_point import SeenElsewhere, with_second_point
from lynccap.correlation.closings.signs import SECOND_POINT
from lynccap.correlation.points.crossing import UNKNOWN, Crossing
from lynccap.correlation.points.crossings import Crossings
from lynccap.correlation.points.relations import Relation

ABSENT = "absent"
ONE_CONNECTION = (Relation.SAME, Relation.UNDECIDED)


class Fate(StrEnum):
    """What became of SYNs that one capture shows unanswered, by another one."""

    ANSWERED = "answered"
    """That capture shows an answer, and it is not known to stand behind this one: the client may have had it."""
    ANSWER_LOST = "answer lost"
    """The SYNs reached that point, nearer to the server, and were answered: the answers were lost in between."""
    UNANSWERED = "unanswered there too"
    LOST = "lost"
    """They never reached that point, nearer to the server."""


WORSE = tuple(Fate)
"""The first one of an attempt's flows counts: an answer seen anywhere forbids more than silence proves."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What one other capture shows of an attempt."""

    fate: Fate
    place: int
    """Of that capture's case."""
    name: str
    frames: tuple[int, ...]
    """Of that capture, empty where it lacks the packets."""
    refused: bool = False
    """The answer was a reset."""


@dataclass(frozen=True)
class Vantage:
    """One of several capture points."""

    place: int
    cases: Sequence[Case]
    crossings: Crossings

    @property
    def _case(self) -> Case:
        return self.cases[self.place]

    def unanswered(self, attempt: Attempt) -> Elsewhere | None:
        """What became of an attempt that nothing answered here; None where no other capture tells."""
        told = [one for flow in attempt.flows for one in self._told(flow)]
        return min(told, key=lambda one: WORSE.index(one.fate), default=None)

    def both_ways(self, flow: int) -> Elsewhere | None:
        """Another capture that shows packets of both ends of a connection; None where there is none."""
        told = (one for one in self._told(flow) if one.fate in (Fate.ANSWERED, Fate.ANSWER_LOST))
        return next((one for one in told if len(one.frames) > 1), None)

    def _told(self, flow: int) -> Iterator[Elsewhere]:
        for one in self.crossings.other_side(self.place, flow):
            there, number = _other(one, self.place)
            if there == self.place:
                continue
            name, behind = _name(self.cases[there]), one.nearer_client == self.place
            if one.relation == ABSENT:
                yield Elsewhere(Fate.LOST, there, name, ())
            elif one.relation in ONE_CONNECTION:
                yield self._shown(there, number, name, behind=behind)

    def _shown(self, there: int, number: int, name: str, *, behind: bool) -> Elsewhere:
        row: Any = self.cases[there].tables.flows.loc[number]
        answered = bool(row["frames_server"])
        fate = (Fate.ANSWER_LOST if behind else Fate.ANSWERED) if answered else Fate.UNANSWERED
        shown = [int(row["first_frame_client"]), int(row["first_frame_server"]) if answered else 0]
        return Elsewhere(fate, there, name, tuple(one for one in shown if one), row["opening"] == "refused")

    def refusal_of(self, attempt: Attempt) -> Refusal:
        """Who refused the connections of an attempt; a point nearer to the server that lacks a reset proves a box."""
        closings = self._case.closings
        alone = closings.refusal_of(attempt)
        if other := self._never_came(attempt):
            says = (
                f"the SYNs never reach {other}, nearer to {attempt.server}: who refused them stands between the points"
            )
            return Refusal(EndedBy.BOX_BETWEEN, alone.quick, says)
        for one in (closings.of(flow) for flow in attempt.refused):
            signs = self.closing(one).signs if one else ()
            proof = next((sign for sign in signs if sign.name == SECOND_POINT and sign.points is Points.BOX), None)
            if proof:
                return Refusal(EndedBy.BOX_BETWEEN, alone.quick, proof.says)
        return alone

    def _never_came(self, attempt: Attempt) -> str:
        """The capture nearer to the server that no refused SYN reached; "" where one did, or nothing tells."""
        told = [one for flow in attempt.refused for one in self._told(flow)]
        return told[0].name if told and all(one.fate is Fate.LOST for one in told) else ""

    def closing(self, closing: Closing) -> Closing:
        """How a connection ended, with what the other captures show of its last word."""
        for one in self.crossings.other_side(self.place, closing.flow):
            there, _ = _other(one, self.place)
            if there != self.place and one.relation == Relation.SAME and closing.frames:
                closing = with_second_point(closing, self._seen(closing, one, there))
        return closing

    def _seen(self, closing: Closing, one: Crossing, there: int) -> SeenElsewhere:
        last = closing.frames[-1]
        table = self._case.tables.tcp_frames
        before = table[(table["flow"] == closing.flow) & ~table["frame"].isin(closing.frames)]["frame"].tolist()
        nearer = one.nearer_client == (there if closing.by_client else self.place)
        end = self.crossings.frame_at(self.place, last, there)
        others = [self.crossings.frame_at(self.place, int(frame), there) for frame in before]
        # Where it is not known whether the other capture has it, the capture missed something.
        missed = end is None or not others or not all(others)
        return SeenElsewhere(there, _name(self.cases[there]), nearer, bool(end), not missed)


def _other(one: Crossing, place: int) -> tuple[int, int]:
    """The other capture of a crossing and its flow there."""
    if one.capture_a == place and one.flow_a != UNKNOWN:
        return one.capture_b, one.flow_b
    return one.capture_a, one.flow_a


def _name(case: Case) -> str:
    return str(case.tables.captures["name"].iloc[0])
