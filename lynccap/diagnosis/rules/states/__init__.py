"""Normal behaviour that looks odd: explained, never reported as an error (catalogue group 14)."""

from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.rules.states import calls, discovery, moving, racing, relaying, signing_in

RULES: tuple[Rule, ...] = (
    discovery.state_dns_fallback_nxdomain,
    discovery.state_dns_lb_failover,
    racing.state_autodiscover_race,
    racing.state_rp80_refused_external,
    signing_in.state_external_no_root_download,
    signing_in.state_sip_challenge,
    moving.state_director_redirect,
    relaying.state_turn_401_challenge,
    relaying.state_pseudo_tls,
    relaying.state_ice_probes_edge,
    calls.state_media_path_classified,
    calls.state_mobile_external_edge,
    calls.state_udp_port_unreachable_after_bye,
    signing_in.state_encrypted_limits,
)
