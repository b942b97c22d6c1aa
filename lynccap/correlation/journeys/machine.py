"""The machine that takes each device through its stages, and what their outcomes mean together."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from lynccap.correlation.case import Case
from lynccap.correlation.devices.book import DeviceFacts
from lynccap.correlation.journeys.coverage import Coverage
from lynccap.correlation.journeys.facts import StageFacts, StageName
from lynccap.correlation.journeys.stages import BRANCHES, Branch, Stage, branch_of
from lynccap.correlation.journeys.view import DeviceView
from lynccap.correlation.origins import Origins
from lynccap.document import Step, StepOutcome, rfc3339


@dataclass(frozen=True)
class Journey:
    """The stages of one device in one case, in their order."""

    device: DeviceFacts
    branch: Branch
    stages: tuple[StageFacts, ...]

    @property
    def reached(self) -> StageFacts | None:
        """The last stage that worked."""
        return next((one for one in reversed(self.stages) if one.is_ok), None)

    @property
    def first_failure(self) -> StageFacts | None:
        """The first stage that failed and was not made good."""
        return first_failure(self.stages, self.branch)


@dataclass(frozen=True)
class Journeys:
    """The journeys of a case, each made when it is asked for."""

    case: Case

    @cached_property
    def coverage(self) -> Coverage:
        """What the captures could have shown."""
        return Coverage(self.case)

    def of(self, device: DeviceFacts) -> Journey:
        """The journey of one device; stages that do not apply to its kind are left out."""
        view = DeviceView(device, self.coverage)
        branch = branch_of(view)
        return Journey(device, branch, tuple(_stages(view, BRANCHES[branch])))

    def all(self) -> tuple[Journey, ...]:
        """Every device's, ordered by address."""
        return tuple(self.of(one) for one in self.case.devices.all())

    def steps_of(self, device: DeviceFacts, files: Origins) -> tuple[Step, ...]:
        """The journey of one device as the document tells it, with the frames' numbers in their files."""
        return tuple(_step(one, self.coverage, files) for one in self.of(device).stages)


def first_failure(stages: Sequence[StageFacts], branch: Branch) -> StageFacts | None:
    """The earliest stage that failed, unless one that worked afterwards shows that it did not matter."""
    return next((one for one in stages if one.failed and not _made_good(one, stages, BRANCHES[branch])), None)


def _made_good(facts: StageFacts, told: Iterable[StageFacts], stages: Sequence[Stage]) -> bool:
    later = {one.step for one in told if one.is_ok and one.time > facts.time}
    return any(facts.step in one.proves for one in stages if one.name in later)


def _stages(view: DeviceView, stages: Sequence[Stage]) -> Iterator[StageFacts]:
    """What is seen, and of what is not seen why."""
    seen = {one.name: facts for one in stages if (facts := one.read(view))}
    for place, stage in enumerate(stages):
        facts = seen.get(stage.name)
        if facts is None and stage.absent:
            yield _absent(view, stages, place, seen)
        elif facts and facts.failed and _made_good(facts, seen.values(), stages):
            yield replace(facts, outcome=StepOutcome.SKIPPED, says=f"{facts.says}; it went on without")
        elif facts:
            yield facts


def _absent(view: DeviceView, stages: Sequence[Stage], place: int, seen: Mapping[StageName, StageFacts]) -> StageFacts:
    """A stage of which nothing is there: not seen, skipped, or nobody can tell."""
    stage = stages[place]
    reason = could_show(view, stages, place, seen)
    if reason:
        return StageFacts(stage.name, StepOutcome.UNKNOWN, f"no {stage.absent} is in the capture: {reason}")
    worked = {one.step for one in seen.values() if one.is_ok}
    if any(stage.name in one.proves for one in stages if one.name in worked):
        return StageFacts(stage.name, StepOutcome.SKIPPED, f"no {stage.absent}: it went on without")
    return StageFacts(stage.name, StepOutcome.NOT_SEEN, f"no {stage.absent} is in the capture")


def could_show(view: DeviceView, stages: Sequence[Stage], place: int, seen: Mapping[StageName, StageFacts]) -> str:
    """Why the capture may lack a stage that took place, "" when it would show it.

    It would where the capture point sees such traffic, and where the time between the step before and the step after
    is covered.
    """
    blind = view.coverage.blind_spot(view.device, stages[place].services)
    if blind:
        return blind
    earlier = [seen[one.name].time for one in stages[:place] if one.name in seen]
    later = [seen[one.name].time for one in stages[place + 1 :] if one.name in seen]
    before = min((time for time in later if time), default=0)
    return view.coverage.cut_off(view.device, before, max(earlier, default=0))


def _step(facts: StageFacts, coverage: Coverage, files: Origins) -> Step:
    if facts.capture < 0:
        return Step(facts.step.value, facts.outcome, facts.says)
    # A step names one file: the one in which it begins.
    file, frames = next(iter(files.split(facts.frames).items()), (files.ids[0], ()))
    time = rfc3339(facts.time, coverage.digits[facts.capture])
    return Step(facts.step.value, facts.outcome, facts.says, time, frames, file)
