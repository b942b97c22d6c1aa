"""Reachability and the network path (catalogue group 1)."""

from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.rules.paths import cuts, reach, stalls

RULES: tuple[Rule, ...] = (
    reach.tcp_refused_by_host,
    reach.tcp_refused_by_middlebox,
    reach.tcp_filtered_silent,
    reach.icmp_admin_prohibited,
    cuts.rst_midstream_idle,
    cuts.rst_midstream_active,
    stalls.server_zero_window,
)
