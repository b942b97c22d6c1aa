"""Load balancers (catalogue group 11)."""

from lynccap.diagnosis.contract import Rule

RULES: tuple[Rule, ...] = ()
