"""The tables `devices` and `journeys`, as the document has them."""

import pandas as pd

from lynccap.results.building import of_rows
from lynccap.results.material import Material
from lynccap.results.rows import DeviceRow, JourneyRow


def devices(material: Material) -> pd.DataFrame:
    """One row a device, over all recordings."""
    return of_rows(
        DeviceRow,
        (
            DeviceRow(
                device=one.id,
                addresses=one.addresses,
                address_basis=one.address_basis,
                macs=one.macs,
                names=one.names,
                kind=one.kind,
                role=one.role or "",
                basis=one.basis,
                location=one.location,
                location_basis=one.location_basis,
            )
            for one in material.devices
        ),
    )


def journeys(material: Material) -> pd.DataFrame:
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
            for one in material.devices
            for position, step in enumerate(one.journey)
        ),
    )
