"""Mobile devices (catalogue group 9)."""

from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.rules.mobility import connections, inside, services

RULES: tuple[Rule, ...] = (
    inside.mobile_hairpin_blocked,
    inside.mobile_lands_on_internal_site,
    services.mobile_desktop_ok_mobile_fails,
    services.ucwa_http_errors,
    connections.mobile_longpoll_cut,
    connections.mobile_tls12_required,
)
