"""DNS and service location (catalogue group 3)."""

from lynccap.diagnosis.contract import Rule

RULES: tuple[Rule, ...] = ()
