"""The tables `crossings` and `clock_offsets`, with the columns that the document has."""

import pandas as pd

from lynccap.correlation.points.records import clock_offsets as offsets
from lynccap.correlation.points.records import crossing_records
from lynccap.document import ClockOffset, Crossing
from lynccap.results.building import of_rows
from lynccap.results.material import Material


def crossings(material: Material) -> pd.DataFrame:
    """One row a conversation at two capture points."""
    study = material.study
    return of_rows(Crossing, crossing_records(study.crossings, study.cases, study.origins))


def clock_offsets(material: Material) -> pd.DataFrame:
    """One row two captures that show the same conversations."""
    study = material.study
    return of_rows(ClockOffset, offsets(study.crossings, study.cases, study.origins))
