"""SIP between servers and with partners (catalogue group 5)."""

from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.rules.federation import inner, partners, talking, words

RULES: tuple[Rule, ...] = (
    inner.sip_edge_to_nexthop_5061_blocked,
    inner.sip_pool_to_edge_5061_blocked,
    words.sip_504_nexthop,
    partners.federation_5061_outbound_blocked,
    partners.federation_5061_inbound_blocked,
    talking.federation_tls_failed,
    talking.federation_one_way_messages,
    words.federation_domain_not_authorised,
    partners.push_notification_path_blocked,
    partners.xmpp_5269_blocked,
    inner.xmpp_23456_blocked,
)
