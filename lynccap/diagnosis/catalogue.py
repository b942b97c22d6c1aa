"""All rules: the rooms they live in, in the order of a device's journey. A new rule is one line in its room."""

from collections.abc import Mapping
from types import MappingProxyType

from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.rules import (
    balancers,
    certificates,
    conferencing,
    edges,
    federation,
    handshakes,
    media,
    mobility,
    names,
    paths,
    phones,
    quality,
    relaying,
    servers,
    signing_in,
    states,
    voice,
    web,
)

GROUPS: Mapping[str, tuple[Rule, ...]] = MappingProxyType(
    {
        "Reachability and the network path": paths.RULES,
        "DNS and service location": names.RULES,
        "Web services and port 80": web.RULES,
        "What certificates say": certificates.RULES,
        "TLS handshakes and trust": handshakes.RULES,
        "Phones": phones.RULES,
        "Load balancers": balancers.RULES,
        "SIP sign-in": signing_in.RULES,
        "SIP between servers and federation": federation.RULES,
        "Relay credentials and allocations": relaying.RULES,
        "Edge Servers and the ways of media": edges.RULES,
        "Connectivity checks and media": media.RULES,
        "Quality": quality.RULES,
        "Conferencing, sharing and content": conferencing.RULES,
        "Mobile devices": mobility.RULES,
        "Telephone network": voice.RULES,
        "Servers among themselves": servers.RULES,
        "Normal behaviour that looks odd": states.RULES,
    }
)
"""The rules by what they are about."""

RULES: tuple[Rule, ...] = tuple(rule for rules in GROUPS.values() for rule in rules)

BY_NAME: Mapping[str, Rule] = MappingProxyType({rule.name: rule for rule in RULES})
