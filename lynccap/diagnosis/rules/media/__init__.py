"""Connectivity checks and the media that follows (catalogue group 6)."""

from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.rules.media import beginning, breaking, checking, direct, hearing, rewriting

RULES: tuple[Rule, ...] = (
    checking.ice_all_checks_failed,
    checking.ice_message_integrity_failed,
    hearing.media_one_way,
    hearing.media_missing_after_ice,
    breaking.media_path_lost_midcall,
    breaking.nat_udp_binding_expired,
    direct.media_direct_blocked_between_subnets,
    direct.conference_media_direct_blocked,
    beginning.media_start_late,
    beginning.candidate_useless_addresses,
    rewriting.sip_alg_rewrites,
)
