"""What needs the web services, port 80 first of all (catalogue group 2)."""

from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.rules.web import (
    bootstrap,
    discovering,
    discovery_answers,
    plain_http,
    provisioning,
    publishing,
    reaching_pools,
    revocation,
    revocation_ways,
    trusting,
)

RULES: tuple[Rule, ...] = (
    bootstrap.rootchain_http80_refused,
    bootstrap.rootchain_http80_filtered,
    bootstrap.port80_open_443_filtered,
    provisioning.certprov_http_error,
    provisioning.certprov_redirected_to_https,
    trusting.certprov_chain_does_not_match_server,
    trusting.phone_external_wants_root_chain,
    plain_http.firmware_http_download_blocked,
    discovering.autodiscover_443_fails_80_works,
    discovering.autodiscover_both_ports_fail,
    discovery_answers.autodiscover_http_error,
    discovery_answers.rp_80_to_443_redirect_breaks_autodiscover,
    publishing.rp_maps_443_to_internal_site,
    publishing.rp_redirects_to_internal_fqdn,
    reaching_pools.rp_backend_4443_unreachable,
    reaching_pools.rp_host_header_rewritten,
    reaching_pools.reverse_proxy_absent,
    plain_http.cleartext_beyond_autodiscover,
    revocation.edge_crl_http_blocked,
    revocation.state_edge_crl_fetch,
    revocation_ways.edge_crl_via_internal_nic,
    revocation_ways.crl_expired,
    revocation_ways.client_crl_ocsp_unreachable,
)
