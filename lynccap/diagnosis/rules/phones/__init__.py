"""Phones and other devices (catalogue group 10)."""

from lynccap.diagnosis.contract import Rule

RULES: tuple[Rule, ...] = ()
