"""Devices of several captures that are one device."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations

from lynccap.correlation.addresses import Scope, scope_of
from lynccap.correlation.devices.book import DeviceFacts


def same_devices(captures: Iterable[Sequence[DeviceFacts]]) -> list[list[tuple[int, DeviceFacts]]]:
    """Each device with the numbers of the captures it is in, in their order.

    One SIP client is one device, and so are holders of one address unless their hardware addresses differ. What has
    the same id is always one entry: nobody could tell two of them apart.
    """
    groups: list[list[tuple[int, DeviceFacts]]] = []
    by_key: dict[str, list[int]] = defaultdict(list)
    for number, devices in enumerate(captures):
        for one in devices:
            places = sorted({place for key in _keys(one) for place in by_key[key] if _is_same(groups[place], one)})
            place = places[0] if places else len(groups)
            if not places:
                groups.append([])
            groups[place].append((number, one))
            for other in places[1:]:  # it joins what looked like several devices before
                groups[place] += groups[other]
                groups[other] = []
            for key in {key for _, each in groups[place] for key in _keys(each)}:
                by_key[key] = [*(known for known in by_key[key] if groups[known] and known != place), place]
    return [sorted(group, key=lambda entry: entry[0]) for group in groups if group]


def unlike(group: Sequence[tuple[int, DeviceFacts]]) -> tuple[tuple[int, str], tuple[int, str]] | None:
    """Capture and hardware address of two holders of one address that are hardly one machine; None: they may be.

    Private networks are alike: two sites may both have 192.168.1.10.
    """
    for (here, one), (there, other) in combinations(group, 2):
        told = one.macs and other.macs and not set(one.macs) & set(other.macs)
        if told and not (one.shared or other.shared or set(one.instances) & set(other.instances)):
            return (here, one.macs[0]), (there, other.macs[0])
    return None


def _keys(one: DeviceFacts) -> list[str]:
    return [*one.addresses, *(() if one.shared else one.instances)]


def _is_same(group: list[tuple[int, DeviceFacts]], one: DeviceFacts) -> bool:
    return any(_are_same(other, one) for _, other in group)


def _are_same(first: DeviceFacts, second: DeviceFacts) -> bool:
    if first.id == second.id:
        return True
    if first.shared or second.shared:
        return False
    if set(first.instances) & set(second.instances):
        return True
    common = set(first.addresses) & set(second.addresses)
    if set(first.macs) & set(second.macs):
        return bool(common)
    unknown = not first.macs or not second.macs
    return unknown and any(scope_of(address) in (Scope.PRIVATE, Scope.PUBLIC) for address in common)
