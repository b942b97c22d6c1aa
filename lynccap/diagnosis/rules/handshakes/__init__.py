"""How TLS handshakes fail (catalogue group 4)."""

from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.rules.handshakes import (
    agreement,
    answers,
    clocks,
    leaves,
    members,
    mutual,
    purposes,
    revoked,
    trust,
    validity,
)

RULES: tuple[Rule, ...] = (
    trust.tls_unknown_ca,
    validity.cert_expired,
    validity.cert_old_still_served,
    clocks.cert_not_yet_valid_or_clock_skew,
    purposes.cert_eku_serverauth_missing,
    purposes.cert_chain_incomplete,
    mutual.mtls_client_cert_rejected,
    mutual.mtls_empty_client_certificate,
    mutual.mtls_authority_list_truncated,
    members.cert_pool_members_differ,
    leaves.cert_weak_crypto,
    leaves.cert_no_cdp,
    leaves.crl_cdp_ldap_only,
    revoked.cert_revoked,
    agreement.tls_version_mismatch,
    agreement.tls_cipher_mismatch,
    answers.tls_sni_missing_default_cert,
    answers.tls_handshake_stalled,
)
