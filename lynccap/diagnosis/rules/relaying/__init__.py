"""Credentials for the media relay, and allocations on it (catalogue group 6)."""

from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.rules.relaying import fallback

RULES: tuple[Rule, ...] = (fallback.media_tcp443_fallback,)
