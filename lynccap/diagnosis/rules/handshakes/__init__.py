"""How TLS handshakes fail (catalogue group 4)."""

from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.rules.handshakes import trust

RULES: tuple[Rule, ...] = (trust.tls_unknown_ca,)
