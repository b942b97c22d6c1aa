"""What certificates say and lack (catalogue group 4)."""

from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.rules.certificates import (
    asked_names,
    edge_inside,
    edge_outside,
    inner_names,
    private_authorities,
    wildcards,
)

RULES: tuple[Rule, ...] = (
    asked_names.cert_name_mismatch,
    asked_names.cert_cn_not_repeated_in_san,
    asked_names.cert_missing_sip_domain,
    asked_names.cert_missing_webconf_name,
    asked_names.cert_lyncdiscover_missing_on_web,
    asked_names.cert_foreign_hostname,
    edge_inside.cert_edge_internal_has_san,
    edge_inside.cert_edge_internal_cn_wrong,
    edge_inside.cert_same_inside_outside,
    edge_inside.cms_replication_name_mismatch,
    edge_outside.cert_edge_external_cn_not_access,
    edge_outside.cert_san_order_access_not_first,
    edge_outside.cert_lyncdiscover_on_edge,
    edge_outside.cert_av_name_present,
    private_authorities.cert_private_ca_on_external,
    private_authorities.cert_mobile_gets_private_ca,
    inner_names.cert_internal_names_leaked,
    wildcards.cert_wildcard_in_cn,
    wildcards.cert_wildcard_only_san_phone_fails,
    wildcards.cert_wildcard_edge_services,
)
