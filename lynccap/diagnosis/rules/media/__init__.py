"""Connectivity checks and the media that follows (catalogue group 6)."""

from lynccap.diagnosis.contract import Rule

RULES: tuple[Rule, ...] = ()
