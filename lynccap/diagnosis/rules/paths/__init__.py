"""Reachability and the network path (catalogue group 1)."""

from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.rules.paths import reach

RULES: tuple[Rule, ...] = (
    reach.tcp_refused_by_host,
    reach.tcp_refused_by_middlebox,
    reach.tcp_filtered_silent,
    reach.icmp_admin_prohibited,
)
