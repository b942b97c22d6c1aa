"""Mobile devices (catalogue group 9)."""

from lynccap.diagnosis.contract import Rule

RULES: tuple[Rule, ...] = ()
