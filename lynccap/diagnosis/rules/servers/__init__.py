"""Servers among themselves (catalogue group 13)."""

from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.rules.servers import configuration, databases, host_firewall, neighbours

RULES: tuple[Rule, ...] = (
    databases.sql_unreachable,
    neighbours.fe_444_blocked,
    configuration.cms_replication_4443_blocked,
    neighbours.smb_445_blocked,
    neighbours.pchat_unreachable,
    host_firewall.windows_firewall_off_at_start,
    neighbours.cls_blocked,
)
