"""SIP sign-in: reaching the server, proving oneself, being let in (catalogue group 5)."""

from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.rules.signing_in import reaching

RULES: tuple[Rule, ...] = (
    reaching.sip_registrar_unreachable_internal,
    reaching.sip_access_edge_unreachable,
    reaching.sip_guest_firewall_blocks_nonstandard,
    reaching.sip_redirect_target_unreachable,
)
