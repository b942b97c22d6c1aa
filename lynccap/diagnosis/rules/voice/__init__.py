"""The telephone network: Mediation Servers, gateways, voice mail, branches (catalogue group 12)."""

from lynccap.diagnosis.contract import Rule

RULES: tuple[Rule, ...] = ()
