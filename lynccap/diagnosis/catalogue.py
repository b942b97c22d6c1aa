"""All rules, in the order of a device's journey; a new rule is one line here."""

from collections.abc import Mapping
from types import MappingProxyType

from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.rules import (
    bootstrap,
    conferencing,
    media,
    provisioning,
    reach,
    revocation,
    states,
    trust,
)

RULES: tuple[Rule, ...] = (
    reach.tcp_refused_by_host,
    reach.tcp_rst_by_middlebox,
    reach.tcp_filtered_silent,
    reach.icmp_admin_prohibited,
    bootstrap.rootchain_http80_refused,
    bootstrap.rootchain_http80_filtered,
    provisioning.certprov_http_error,
    provisioning.certprov_redirected_to_https,
    bootstrap.port80_open_443_filtered,
    trust.tls_unknown_ca,
    revocation.edge_crl_http_blocked,
    media.media_tcp443_fallback,
    media.media_via_external_edge_from_inside,
    media.media_relayed_internal_edge,
    conferencing.psom_8057_blocked_internal,
    states.state_autodiscover_race,
    states.state_rp80_refused_external,
    states.state_turn_401_challenge,
    states.state_pseudo_tls,
    states.state_ice_probes_edge,
    revocation.state_edge_crl_fetch,
    states.state_encrypted_limits,
)

BY_NAME: Mapping[str, Rule] = MappingProxyType({rule.name: rule for rule in RULES})
