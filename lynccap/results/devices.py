"""The tables `devices` and `journeys`, as the document has them."""

import pandas as pd

from lynccap.analysis.devices import devices_of
from lynccap.analysis.study import Study
from lynccap.results.building import of_rows
from lynccap.results.rows import DeviceRow, JourneyRow


def devices(study: Study) -> pd.DataFrame:
    """One row a device, over all recordings."""
    return of_rows(
        DeviceRow,
        (
            DeviceRow(
                device=one.id,
                addresses=one.addresses,
                macs=one.macs,
                names=one.names,
                kind=one.kind,
                role=one.role or "",
                basis=one.basis,
                location=one.location,
                location_basis=one.location_basis,
            )
            for one in devices_of(study)
        ),
    )


def journeys(study: Study) -> pd.DataFrame:
    """One row a step."""
    return of_rows(
        JourneyRow,
        (
            JourneyRow(
                device=one.id,
                position=position,
                step=step.step,
                outcome=step.outcome,
                says=step.says,
                time=pd.Timestamp(step.time) if step.time else pd.NaT,
                capture=step.capture or "",
                frames=step.frames,
            )
            for one in devices_of(study)
            for position, step in enumerate(one.journey)
        ),
    )
