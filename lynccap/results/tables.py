"""The result tables, each made when it is first asked for."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pandas as pd

from lynccap.analysis.study import Study
from lynccap.correlation.collector import collector_paused
from lynccap.document import ClockOffset, Crossing
from lynccap.results.building import meanings_of
from lynccap.results.calls import calls, media
from lynccap.results.connections import connections
from lynccap.results.devices import devices, journeys
from lynccap.results.material import Material
from lynccap.results.names import dns_names, roles
from lynccap.results.points import clock_offsets, crossings
from lynccap.results.rows import CallRow, ConnectionRow, DeviceRow, JourneyRow, MediaRow, NameRow, RoleRow

Maker = Callable[[Material], pd.DataFrame]

MAKERS: Mapping[str, Maker] = {
    "devices": devices,
    "roles": roles,
    "journeys": journeys,
    "dns_names": dns_names,
    "connections": connections,
    "calls": calls,
    "media": media,
    "crossings": crossings,
    "clock_offsets": clock_offsets,
}
ROWS: Mapping[str, type[Any]] = {
    "devices": DeviceRow,
    "roles": RoleRow,
    "journeys": JourneyRow,
    "dns_names": NameRow,
    "connections": ConnectionRow,
    "calls": CallRow,
    "media": MediaRow,
    "crossings": Crossing,
    "clock_offsets": ClockOffset,
}
"""The class of each table's rows, which documents its columns."""


class ResultTables(Mapping[str, pd.DataFrame]):
    """The DataFrames by name; `explain` says what their columns mean."""

    def __init__(self, study: Study) -> None:
        """Of one analysis."""
        self._material = Material(study)
        self._made: dict[str, pd.DataFrame] = {}

    @collector_paused()
    def __getitem__(self, name: str) -> pd.DataFrame:
        """One table; KeyError for a name that is none."""
        if name not in self._made:
            self._made[name] = MAKERS[name](self._material)
        return self._made[name]

    def explain(self, name: str) -> dict[str, str]:
        """What each column of a table means."""
        return meanings_of(ROWS[name])

    def __iter__(self) -> Iterator[str]:
        """The names of the tables."""
        return iter(MAKERS)

    def __len__(self) -> int:
        """How many tables there are."""
        return len(MAKERS)
