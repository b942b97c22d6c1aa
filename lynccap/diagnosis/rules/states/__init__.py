"""Normal behaviour that looks odd: explained, never reported as an error (catalogue group 14)."""

from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.rules.states import normal

RULES: tuple[Rule, ...] = (
    normal.state_autodiscover_race,
    normal.state_rp80_refused_external,
    normal.state_turn_401_challenge,
    normal.state_pseudo_tls,
    normal.state_ice_probes_edge,
    normal.state_encrypted_limits,
)
