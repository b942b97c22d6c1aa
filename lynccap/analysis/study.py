"""What everything is told of: the recordings of one analysis, read and correlated."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING

from lynccap.correlation.case import Case, build_case
from lynccap.correlation.origins import Origins
from lynccap.correlation.points.crossings import Crossings, read_crossings
from lynccap.correlation.points.stand_ins import StandIns
from lynccap.ingest import Recorded, read_recordings
from lynccap.ingest.sources.source import Source
from lynccap.topology.directory import Directory

if TYPE_CHECKING:
    import pandas as pd

    from lynccap.ingest.decryption.keys import Keys

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Study:
    """The cases of one analysis, one a recording, and what they show together."""

    cases: tuple[Case, ...]
    directory: Directory | None = None
    """The topology they were correlated with."""
    recordings: tuple[Recorded, ...] = ()
    """What each case was read from; empty for cases from elsewhere."""

    @cached_property
    def origins(self) -> tuple[Origins, ...]:
        """The files of each case, numbered C1, C2, … over all of them."""
        numbers = count(1)
        return tuple(
            Origins(case.tables, [f"C{next(numbers)}" for _ in range(len(case.tables.files))]) for case in self.cases
        )

    @cached_property
    def crossings(self) -> Crossings:
        """The conversations that were captured at several points; to know them, recordings are read once more."""
        return crossings_of(self.recordings, self.cases) if self.recordings else Crossings()

    @cached_property
    def stand_ins(self) -> StandIns:
        """The addresses that are others' behind a translator or balancer."""
        return StandIns(self.cases, self.crossings)

    def __iter__(self) -> Iterator[tuple[Case, Origins]]:
        """Each case with its files."""
        return zip(self.cases, self.origins, strict=True)


def read_study(
    sources: Sequence[Source],
    *,
    progress: Progress | None = None,
    keys: "Keys | None" = None,
    directory: Directory | None = None,
) -> Study:
    """Read and correlate captures; `keys` open TLS, `directory` is the customer's topology.

    Raises UnreadableCapture when nothing can be read.
    """
    recordings = list(read_recordings(sources, progress=progress, keys=keys))
    cases = tuple(build_case(one.tables, directory) for one in recordings)
    return Study(cases, directory, tuple(recordings))


def crossings_of(recordings: Sequence[Recorded], cases: Sequence[Case]) -> Crossings:
    """What the recordings show of the same conversations; each of them is read a second time for its packets."""
    if len(cases) < 2 and not any(_has_two_sides(case) for case in cases):
        return Crossings()

    def packets(place: int, flows: Sequence[int]) -> "tuple[pd.DataFrame, int] | None":
        listed = recordings[place].packets(flows)
        return None if listed is None else (listed.table, listed.until)

    return read_crossings(cases, packets)


def _has_two_sides(case: Case) -> bool:
    """Whether one recording may be of several points: it has several interfaces."""
    interfaces = case.tables.interfaces
    return int((interfaces["frames"] > 0).sum()) > 1
