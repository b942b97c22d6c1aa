"""What connections between Edges are for: federation over SIP and XMPP, out to a partner and in from one."""

from lynccap.correlation.addresses import is_public
from lynccap.correlation.attempts import Attempt
from lynccap.correlation.case import Case
from lynccap.correlation.names import SOURCE_DNS
from lynccap.correlation.protocol_numbers import HTTPS, SIP_TLS_PORT
from lynccap.correlation.roles.claims import PARTNER, XMPP_PARTNER
from lynccap.correlation.roles.partners import FEDERATION_QUESTION, XMPP_PORT, XMPP_QUESTION


def is_to_partner(case: Case, attempt: Attempt, _held: frozenset[str]) -> bool:
    """Our Edge asks somebody's Edge outside: that is what port 5061 is for there."""
    return attempt.port == SIP_TLS_PORT and attempt.client in case.our_edges and _is_foreign(case, attempt.server)


def is_from_partner(case: Case, attempt: Attempt, _held: frozenset[str]) -> bool:
    """A partner asks our Edge; users outside may use the port too, and strangers try it on every host."""
    if attempt.port != SIP_TLS_PORT or attempt.server not in case.our_edges or not _is_foreign(case, attempt.client):
        return False
    if any(one.port == HTTPS for one in case.attempts_of(attempt.client) if one.server in case.our_edges):
        return False  # a user's client
    return case.roles.has(attempt.client, PARTNER) or _is_published(case, attempt.client, FEDERATION_QUESTION)


def is_xmpp(case: Case, attempt: Attempt, _held: frozenset[str]) -> bool:
    """Our Edge's XMPP proxy asks one that a record names, or is asked by a known one."""
    if attempt.port != XMPP_PORT:
        return False
    if attempt.client in case.our_edges:
        return _is_foreign(case, attempt.server) and _is_published(case, attempt.server, XMPP_QUESTION)
    known = case.roles.has(attempt.client, XMPP_PARTNER) or _is_published(case, attempt.client, XMPP_QUESTION)
    return attempt.server in case.our_edges and _is_foreign(case, attempt.client) and known


def _is_foreign(case: Case, address: str) -> bool:
    return is_public(address) and address not in case.our_edges


def _is_published(case: Case, address: str, question: str) -> bool:
    """Whether a record of that kind leads to the address."""
    return any(name.startswith(question) for name in case.names.names_of(address, SOURCE_DNS))
