"""What needs the web services, port 80 first of all (catalogue group 2)."""

from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.rules.web import bootstrap, provisioning, revocation, revocation_ways

RULES: tuple[Rule, ...] = (
    bootstrap.rootchain_http80_refused,
    bootstrap.rootchain_http80_filtered,
    bootstrap.port80_open_443_filtered,
    provisioning.certprov_http_error,
    provisioning.certprov_redirected_to_https,
    revocation.edge_crl_http_blocked,
    revocation.state_edge_crl_fetch,
    revocation_ways.edge_crl_via_internal_nic,
    revocation_ways.crl_expired,
    revocation_ways.client_crl_ocsp_unreachable,
)
