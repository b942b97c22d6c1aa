"""All rules: the rooms they live in, in the order of a device's journey. A new rule is one line in its room."""

from collections.abc import Mapping
from types import MappingProxyType

from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.rules import (
    balancers,
    certificates,
    conferencing,
    handshakes,
    media,
    names,
    paths,
    phones,
    states,
    web,
)

ROOMS = (paths, names, web, certificates, handshakes, phones, balancers, media, conferencing, states)

RULES: tuple[Rule, ...] = tuple(rule for room in ROOMS for rule in room.RULES)

BY_NAME: Mapping[str, Rule] = MappingProxyType({rule.name: rule for rule in RULES})
