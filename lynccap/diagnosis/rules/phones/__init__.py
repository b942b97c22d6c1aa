"""Phones and other devices (catalogue group 10)."""

from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.rules.phones import leases, options, registrar, strict_names

RULES: tuple[Rule, ...] = (
    leases.phone_dhcp_inform_unanswered,
    leases.phone_vlan_option_wrong,
    options.phone_dhcp43_missing,
    options.phone_dhcp43_malformed,
    registrar.phone_dhcp120_missing,
    registrar.phone_dhcp120_is_ip,
    strict_names.phone_strict_dns_refuses,
)
