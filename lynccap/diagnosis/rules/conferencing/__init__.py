"""Web conferencing, sharing and content (catalogue group 8)."""

from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.rules.conferencing import data, files, meetings, sharing, slides

RULES: tuple[Rule, ...] = (
    data.psom_8057_blocked_internal,
    data.psom_edge_443_blocked,
    data.psom_fe_to_edge_8057_blocked,
    data.webconf_name_unresolved,
    slides.wac_unreachable,
    slides.wac_revocation_check_fails,
    meetings.meeting_content_https_fails,
    meetings.meeting_join_url_fails,
    sharing.appshare_p2p_tcp_blocked,
    sharing.appshare_external_fails,
    files.appshare_conference_49152_blocked,
    files.legacy_filetransfer_blocked,
)
