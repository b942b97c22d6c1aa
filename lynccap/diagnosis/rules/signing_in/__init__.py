"""SIP sign-in: reaching the server, proving oneself, being let in (catalogue group 5)."""

from lynccap.diagnosis.contract import Rule

RULES: tuple[Rule, ...] = ()
