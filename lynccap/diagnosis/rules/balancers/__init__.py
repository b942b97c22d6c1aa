"""Load balancers (catalogue group 11)."""

from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.rules.balancers import (
    affinity,
    answers,
    cookies,
    listening,
    merging,
    naming,
    rotation,
    timeouts,
)

RULES: tuple[Rule, ...] = (
    listening.lb_port_missing_on_vip,
    rotation.lb_dead_node_in_rotation,
    timeouts.lb_idle_timeout_short,
    answers.lb_dsr_or_asymmetric,
    answers.lb_snat_on_av_edge,
    merging.lb_nagle_delay,
    naming.lb_web_fqdn_equals_pool_fqdn,
    listening.lb_conference_via_vip,
    affinity.lb_no_affinity_internal_web,
    cookies.lb_cookie_wrong,
    naming.lb_edge_mixed_types,
)
