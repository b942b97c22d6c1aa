"""What the document tells of the devices."""

from collections import defaultdict
from collections.abc import Sequence
from functools import reduce

from msgspec import structs

from lynccap.analysis.study import Study
from lynccap.correlation.addresses import sort_key
from lynccap.correlation.devices.across import same_devices, unlike
from lynccap.correlation.devices.book import DeviceFacts
from lynccap.correlation.journeys.machine import Journeys
from lynccap.correlation.origins import Origins
from lynccap.correlation.roles.claims import role_name
from lynccap.document import Device


def devices_of(study: Study) -> tuple[Device, ...]:
    """Every device once; its journeys through several captures follow each other.

    An address that stands for others is no device of its own: it is told of those it stands for.
    """
    journeys = [Journeys(case) for case in study.cases]
    behind = _behind(study)
    made = []
    for group in same_devices(_own(study, number) for number in range(len(study.cases))):
        first, *others = (_device(journeys[number], one, study.origins[number]) for number, one in group)
        told = tuple(says for number, one in group for address in one.addresses for says in behind[number, address])
        one = reduce(_merged, others, first)
        one = structs.replace(one, address_basis=(*one.address_basis, *told))
        made.append(_doubted(one, group, study))
    return tuple(sorted(made, key=lambda one: sort_key(one.id)))


def _doubted(device: Device, group: Sequence[tuple[int, DeviceFacts]], study: Study) -> Device:
    """What has one address and different hardware addresses in captures with nothing in common is no one machine."""
    pair = unlike(group)
    if pair is None:
        return device
    (here, mac), (there, other) = pair
    if any({one.capture_a, one.capture_b} == {here, there} for one in study.crossings.all):
        return device
    files = [study.origins[place].ids[0] for place in (here, there)]
    says = f"different machines have this address: hardware address {mac} in {files[0]}, {other} in {files[1]}"
    return structs.replace(device, kind="unknown", role=None, basis=says)


def _own(study: Study, place: int) -> tuple[DeviceFacts, ...]:
    """The devices of a case without those whose every address stands for others."""
    facts = study.cases[place].devices.all()
    return tuple(one for one in facts if not all(study.stand_ins.clients_of(place, each) for each in one.addresses))


def _behind(study: Study) -> dict[tuple[int, str], list[str]]:
    """By case and address: how other captures show it."""
    told: dict[tuple[int, str], list[str]] = defaultdict(list)
    for place, case in enumerate(study.cases):
        name = case.tables.captures["name"].iloc[0]
        for one in case.devices.all():
            for address in one.addresses:
                for client in study.stand_ins.clients_of(place, address):
                    told[client].append(f"{client[1]} is {address} in {name}: a device in between stands for it there")
    return told


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
