"""Phones and other devices (catalogue group 10)."""

from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.rules.phones import options

RULES: tuple[Rule, ...] = (
    options.phone_dhcp43_missing,
    options.phone_dhcp43_malformed,
)
