"""DNS and service location (catalogue group 3)."""

from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.rules.names import (
    delays,
    discovery,
    edges,
    exhausted,
    hosts,
    overridden,
    resolvers,
    service_records,
    wrong_host,
    wrong_side,
)

RULES: tuple[Rule, ...] = (
    resolvers.dns_server_no_answer,
    resolvers.dns_servfail_refused,
    resolvers.dns_slow,
    discovery.dns_lyncdiscoverinternal_missing_inside,
    discovery.dns_lyncdiscover_missing,
    discovery.dns_sip_srv_missing,
    exhausted.dns_all_discovery_exhausted,
    delays.dns_search_order_delay,
    wrong_side.dns_internal_client_gets_public_ip,
    wrong_side.dns_external_client_gets_private_ip,
    wrong_side.dns_edge_internal_name_public,
    wrong_host.dns_wildcard_catchall,
    wrong_host.dns_cname_crosses_domain,
    wrong_host.lyncdiscover_points_to_edge,
    overridden.name_bound_without_dns,
    service_records.dns_srv_target_domain_mismatch,
    service_records.dns_srv_wrong_port,
    service_records.dns_srv_target_unresolvable,
    edges.dns_federation_srv_missing,
    hosts.dns_stale_pool_member,
    hosts.dns_aaaa_blackhole,
    edges.edge_cannot_resolve_next_hop,
)
