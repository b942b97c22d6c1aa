"""Which way media goes through Edge Servers, and their networks (catalogue group 6)."""

from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.rules.edges import hairpin, relayed

RULES: tuple[Rule, ...] = (hairpin.media_via_external_edge_from_inside, relayed.media_relayed_internal_edge)
