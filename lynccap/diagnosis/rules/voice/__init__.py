"""The telephone network: Mediation Servers, gateways, voice mail, branches (catalogue group 12)."""

from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.rules.voice import (
    certificates,
    locations,
    one_way,
    silence,
    trunk_answers,
    trunk_ports,
    trunk_signalling,
    voice_mail,
)

RULES: tuple[Rule, ...] = (
    trunk_ports.gateway_mediation_5067_5068_closed,
    trunk_ports.mediation_gateway_port_closed,
    trunk_ports.fe_mediation_5070_blocked,
    trunk_ports.sba_central_444_5062_blocked,
    certificates.gateway_tls_name_mismatch,
    trunk_signalling.trunk_options_unanswered,
    trunk_answers.gateway_codec_or_srtp_mismatch,
    trunk_answers.pstn_rejects_call,
    one_way.gateway_one_way_audio,
    silence.trunk_media_timeout_30s,
    one_way.media_bypass_path_blocked,
    voice_mail.um_unreachable,
    locations.e911_lis_fails,
)
