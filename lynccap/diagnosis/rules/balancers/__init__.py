"""Load balancers (catalogue group 11)."""

from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.rules.balancers import affinity, answers, cookies, listening, naming, rotation

RULES: tuple[Rule, ...] = (
    listening.lb_port_missing_on_vip,
    rotation.lb_dead_node_in_rotation,
    answers.lb_dsr_or_asymmetric,
    answers.lb_snat_on_av_edge,
    naming.lb_web_fqdn_equals_pool_fqdn,
    listening.lb_conference_via_vip,
    affinity.lb_no_affinity_internal_web,
    cookies.lb_cookie_wrong,
    naming.lb_edge_mixed_types,
)
