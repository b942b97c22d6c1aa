"""How well media arrives (catalogue group 7)."""

from lynccap.diagnosis.contract import Rule

RULES: tuple[Rule, ...] = ()
