"""What the document tells of the devices."""

from functools import reduce

from msgspec import structs

from lynccap.analysis.study import Study
from lynccap.correlation.addresses import sort_key
from lynccap.correlation.devices.across import same_devices
from lynccap.correlation.devices.book import DeviceFacts
from lynccap.correlation.journeys.machine import Journeys
from lynccap.correlation.origins import Origins
from lynccap.correlation.roles.claims import role_name
from lynccap.document import Device


def devices_of(study: Study) -> tuple[Device, ...]:
    """Every device once; its journeys through several captures follow each other."""
    journeys = [Journeys(case) for case in study.cases]
    made = []
    for group in same_devices(case.devices.all() for case in study.cases):
        first, *others = (_device(journeys[number], one, study.origins[number]) for number, one in group)
        made.append(reduce(_merged, others, first))
    return tuple(sorted(made, key=lambda one: sort_key(one.id)))


def _device(journeys: Journeys, one: DeviceFacts, origins: Origins) -> Device:
    return Device(
        id=one.id,
        addresses=one.addresses,
        macs=one.macs,
        names=one.names,
        kind=one.kind,
        role=role_name(one.role) if one.role else None,
        basis=one.basis,
        address_basis=tuple(f"{link.first} and {link.second}: {link.says}" for link in one.links),
        journey=journeys.steps_of(one, origins),
        location=one.location,
        location_basis=one.location_basis,
    )


def _merged(first: Device, second: Device) -> Device:
    known = first if first.kind != "unknown" else second
    addresses = sorted({*first.addresses, *second.addresses} - {first.id}, key=sort_key)
    return structs.replace(
        known,
        id=first.id,
        addresses=(first.id, *addresses),
        address_basis=tuple(dict.fromkeys((*first.address_basis, *second.address_basis))),
        macs=tuple(dict.fromkeys((*first.macs, *second.macs))),
        names=tuple(sorted({*first.names, *second.names})),
        journey=(*first.journey, *second.journey),
    )
