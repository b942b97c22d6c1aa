"""Load balancers (catalogue group 11)."""

from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.rules.balancers import merging, timeouts

RULES: tuple[Rule, ...] = (timeouts.lb_idle_timeout_short, merging.lb_nagle_delay)
