"""What certificates say and lack (catalogue group 4)."""

from lynccap.diagnosis.contract import Rule

RULES: tuple[Rule, ...] = ()
