"""Credentials for the media relay, and allocations on it (catalogue group 6)."""

from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.rules.relaying import (
    admission,
    credentials,
    fallback,
    members,
    offers,
    reaching,
    refusing,
)

RULES: tuple[Rule, ...] = (
    credentials.mras_5062_blocked,
    credentials.mras_tls_failed,
    credentials.mras_request_refused,
    offers.relay_fqdn_unresolved,
    offers.no_relay_candidates_offered,
    reaching.stun_3478_blocked_internal,
    reaching.stun_3478_blocked_external,
    reaching.av_edge_tcp443_blocked,
    reaching.relay_all_transports_blocked,
    fallback.media_tcp443_fallback,
    refusing.turn_allocate_401_loop,
    members.turn_token_expired_after_cert_change,
    members.turn_alternate_server_ignored,
    refusing.turn_486_quota_or_300,
    refusing.turn_437_mismatch,
    admission.cac_denied,
    admission.cac_ports_blocked,
)
