"""Servers among themselves (catalogue group 13)."""

from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.rules.servers import configuration

RULES: tuple[Rule, ...] = (configuration.cms_replication_4443_blocked,)
