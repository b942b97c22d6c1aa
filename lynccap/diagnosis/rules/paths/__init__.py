"""Reachability and the network path (catalogue group 1)."""

from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.rules.paths import (
    asymmetric,
    cuts,
    datagrams,
    hosts,
    inspection,
    ipsec,
    large_packets,
    link,
    loops,
    one_way,
    proxies,
    pseudo_tls,
    reach,
    reported,
    stalls,
)

RULES: tuple[Rule, ...] = (
    reach.tcp_refused_by_host,
    reach.tcp_refused_by_middlebox,
    reach.tcp_filtered_silent,
    reported.icmp_admin_prohibited,
    reported.icmp_no_route,
    hosts.host_unreachable,
    datagrams.icmp_port_unreachable_udp,
    loops.routing_loop_ttl,
    asymmetric.asymmetric_routing,
    one_way.one_way_udp_path,
    large_packets.mtu_blackhole,
    cuts.rst_midstream_idle,
    cuts.rst_midstream_active,
    stalls.server_zero_window,
    proxies.explicit_proxy_blocks_lync,
    proxies.transparent_http_intercept,
    inspection.tls_inspection_sip_or_https,
    pseudo_tls.pseudo_tls_broken_by_inspection,
    ipsec.ipsec_delays_media,
    link.duplicate_ip,
)
