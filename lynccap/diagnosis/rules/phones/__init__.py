"""Phones and other devices (catalogue group 10)."""

from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.rules.phones import clock, extras, leases, options, pin, registrar, strict_names, trust, versions

RULES: tuple[Rule, ...] = (
    leases.phone_dhcp_inform_unanswered,
    leases.phone_vlan_option_wrong,
    options.phone_dhcp43_missing,
    options.phone_dhcp43_malformed,
    registrar.phone_dhcp120_missing,
    registrar.phone_dhcp120_is_ip,
    strict_names.phone_strict_dns_refuses,
    clock.phone_ntp_missing,
    extras.phone_ldap_root_fallback_blocked,
    extras.phone_ucupdates_missing,
    trust.phone_stale_ca_after_replacement,
    trust.phone_outdated_public_ca_store,
    versions.phone_tls10_only,
    pin.phone_webticket_pin_failed,
)
