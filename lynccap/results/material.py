"""What the result tables are made of: a study, and what of it several tables need."""

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from lynccap.analysis.devices import devices_of
from lynccap.analysis.study import Study
from lynccap.document import Device


@dataclass(frozen=True)
class Material:
    """One study, with what is made of it once."""

    study: Study

    @cached_property
    def devices(self) -> tuple[Device, ...]:
        """Every device once, with its journeys."""
        return devices_of(self.study)

    @cached_property
    def first_connections(self) -> tuple[int, ...]:
        """By case: the row of its first conversation in `connections`."""
        return tuple(accumulate((len(case.flows) for case in self.study.cases[:-1]), initial=0))
