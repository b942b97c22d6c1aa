"""Web conferencing, sharing and content (catalogue group 8)."""

from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.rules.conferencing import data

RULES: tuple[Rule, ...] = (data.psom_8057_blocked_internal,)
