"""Which way media goes through Edge Servers, and their networks (catalogue group 6)."""

from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.rules.edges import (
    federating,
    gateways,
    given_addresses,
    hairpin,
    leaving_outside,
    loops,
    relayed,
    routes,
    segments,
    translation,
)

RULES: tuple[Rule, ...] = (
    given_addresses.edge_nat_address_wrong,
    translation.edge_nat_changes_source,
    gateways.edge_gateway_on_internal_nic,
    routes.edge_internal_route_missing,
    leaving_outside.edge_uses_external_nic_for_internal,
    segments.edge_single_subnet_or_nic,
    federating.edge_to_edge_3478_blocked,
    federating.av_50k_outbound_blocked,
    federating.edge_nat_pair_hairpin_missing,
    hairpin.media_via_external_edge_from_inside,
    relayed.media_relayed_internal_edge,
    loops.media_reflexive_hairpin,
    loops.media_through_vpn,
)
