"""Reachability and the network path (catalogue group 1)."""

from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.rules.paths import asymmetric, datagrams, hosts, ipsec, link, loops, one_way, reach, reported

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
    ipsec.ipsec_delays_media,
    link.duplicate_ip,
)
