"""Load balancers (catalogue group 11)."""

from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.rules.balancers import timeouts

RULES: tuple[Rule, ...] = (timeouts.lb_idle_timeout_short,)
