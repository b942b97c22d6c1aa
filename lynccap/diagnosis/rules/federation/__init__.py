"""SIP between servers and with partners (catalogue group 5)."""

from lynccap.diagnosis.contract import Rule

RULES: tuple[Rule, ...] = ()
