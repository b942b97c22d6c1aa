"""Reachability and the network path (catalogue group 1)."""

from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.rules.paths import cuts, inspection, large_packets, proxies, pseudo_tls, reach, stalls

RULES: tuple[Rule, ...] = (
    reach.tcp_refused_by_host,
    reach.tcp_refused_by_middlebox,
    reach.tcp_filtered_silent,
    reach.icmp_admin_prohibited,
    large_packets.mtu_blackhole,
    cuts.rst_midstream_idle,
    cuts.rst_midstream_active,
    stalls.server_zero_window,
    proxies.explicit_proxy_blocks_lync,
    proxies.transparent_http_intercept,
    inspection.tls_inspection_sip_or_https,
    pseudo_tls.pseudo_tls_broken_by_inspection,
)
