"""Revocation lists: which fetches of them a Lync handshake waits for."""

from typing import Any

from lynccap.correlation.attempts import Attempt
from lynccap.correlation.case import Case
from lynccap.correlation.protocol_numbers import HTTP, SIP_TLS_PORT
from lynccap.correlation.roles.claims import CRL_HOST, WEB_ROLES
from lynccap.correlation.tls.sessions import TlsSession

WAITED_S = 5.0  # a pause within a handshake that a user notices
BEFORE_NS, AFTER_NS = 5_000_000_000, 30_000_000_000  # Windows waits up to 20 s for a revocation list


def is_at_crl_host(_case: Case, attempt: Attempt, held: frozenset[str]) -> bool:
    """Port 80 of a host that serves revocation lists and nothing of Lync's."""
    return attempt.port == HTTP and CRL_HOST in held and not held & WEB_ROLES


def partner_waits(case: Case, attempt: Attempt, held: frozenset[str]) -> bool:
    """A server fetches a revocation list, and a partner's handshake waits for it."""
    is_list = is_at_crl_host(case, attempt, held) and acts_as_server(case, attempt.client)
    return is_list and bool(partner_handshakes(case, attempt))


def acts_as_server(case: Case, address: str) -> bool:
    """Whether an address is a server's, which may open connections as well; not all of these are devices."""
    device = case.devices.of(address)
    return bool(device and device.role) or case.roles.is_lync(address)


def client_waits(case: Case, attempt: Attempt, held: frozenset[str]) -> bool:
    """A client looks for revocation data, and its handshake with a Lync server waits meanwhile."""
    is_list = is_at_crl_host(case, attempt, held) and not acts_as_server(case, attempt.client)
    return is_list and bool(waiting_handshakes(case, attempt))


def waiting_handshakes(case: Case, attempt: Attempt) -> tuple[TlsSession, ...]:
    """The client's TLS with Lync servers that pauses behind the certificate while the attempt is made."""
    waits = []
    for one in case.attempts_of(attempt.client):
        for session in case.sessions_of([one]) if case.roles.is_lync(one.server) else ():
            shown = next((step.time for step in session.handshake.steps if step.kind == "certificate"), 0)
            pause = session.handshake.pause_after("certificate") or 0.0
            during = shown - BEFORE_NS <= attempt.last_time and attempt.first_time <= shown + pause * 1e9
            if shown and pause > WAITED_S and during:
                waits.append(session)
    return tuple(waits)


def partner_handshakes(case: Case, attempt: Attempt) -> tuple[int, ...]:
    """Flows on 5061 of the same server whose handshake ended after the certificate, around the attempt.

    A handshake that the partner itself ends with an alert has its own reason and is left out.
    """
    flows = case.flows
    near = flows[
        (flows["capture"] == attempt.capture)
        & (flows["server_port"] == SIP_TLS_PORT)
        & ((flows["client"] == attempt.client) | (flows["server"] == attempt.client))
        & (flows["last_time"] >= attempt.first_time - BEFORE_NS)
        & (flows["first_time"] <= attempt.last_time + AFTER_NS)
    ]
    return tuple(int(row.Index) for row in near.itertuples() if _waits_in_vain(case, row, attempt.client))


def _waits_in_vain(case: Case, row: Any, server: str) -> bool:
    session = case.sessions.get(row.Index)
    if session is None or not session.stalled_after_certificate:
        return False
    partner_is_client = row.client != server
    if partner_is_client and not session.client_certificate_frame:
        return False  # no partner comes without its certificate: a scanner, or somebody's browser
    return not any(alert.code and alert.from_client == partner_is_client for alert in session.alerts)
