"""SIP sign-in: reaching the server, proving oneself, being let in (catalogue group 5)."""

from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.rules.signing_in import reaching
from lynccap.diagnosis.rules.signing_in.backup import registrar_failover_to_backup
from lynccap.diagnosis.rules.signing_in.clocks import sip_auth_time_skew
from lynccap.diagnosis.rules.signing_in.enrolment import tlsdsk_enrolment_failed
from lynccap.diagnosis.rules.signing_in.keeping_alive import sip_keepalive_missing
from lynccap.diagnosis.rules.signing_in.kerberos import ntlm_kerberos_failure_hint
from lynccap.diagnosis.rules.signing_in.loops import sip_tls_then_close_loop
from lynccap.diagnosis.rules.signing_in.outside_users import sip_remote_access_disabled
from lynccap.diagnosis.rules.signing_in.proving import sip_auth_loop_401
from lynccap.diagnosis.rules.signing_in.refusals import client_version_blocked, sip_403_forbidden, sip_user_not_found

RULES: tuple[Rule, ...] = (
    reaching.sip_registrar_unreachable_internal,
    reaching.sip_access_edge_unreachable,
    reaching.sip_guest_firewall_blocks_nonstandard,
    reaching.sip_redirect_target_unreachable,
    sip_remote_access_disabled,
    sip_auth_time_skew,
    sip_auth_loop_401,
    client_version_blocked,
    sip_user_not_found,
    sip_403_forbidden,
    sip_tls_then_close_loop,
    sip_keepalive_missing,
    tlsdsk_enrolment_failed,
    ntlm_kerberos_failure_hint,
    registrar_failover_to_backup,
)
