"""What the result tables are made of: the correlated recordings, and what of them is made once."""

from collections.abc import Iterator, Sequence
from functools import cached_property

from lynccap.analysis import devices_of, origins_of
from lynccap.correlation.case import Case
from lynccap.correlation.origins import Origins
from lynccap.document import Device


class Recordings:
    """The cases of one analysis with the files their frames are in."""

    def __init__(self, cases: Sequence[Case]) -> None:
        """In the order in which they were read."""
        self.cases = tuple(cases)
        self.origins = tuple(origins_of(cases))

    def __iter__(self) -> Iterator[tuple[Case, Origins]]:
        """Each case with its files."""
        return zip(self.cases, self.origins, strict=True)

    @cached_property
    def devices(self) -> tuple[Device, ...]:
        """Every device once, with its journeys."""
        return tuple(devices_of(self.cases, self.origins))
