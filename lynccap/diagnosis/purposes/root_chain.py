"""What shows that a device lacks the root certificates, and asks for them: its boot, its alerts, what it got over."""

from lynccap.correlation.attempts import Attempt
from lynccap.correlation.case import Case
from lynccap.correlation.protocol_numbers import HTTP, HTTPS, SIP_TLS_PORT
from lynccap.correlation.roles.claims import SIP_SERVER, WEB_ROLES
from lynccap.correlation.roles.sides import Location
from lynccap.correlation.tls.sessions import UNKNOWN_CA, TlsSession


def wants_root_chain(case: Case, attempt: Attempt, held: frozenset[str]) -> bool:
    """A phone without the root certificate asks on port 80; one that trusts already, or a PC, has other reasons.

    That it lacks the certificate is shown by its own alert, or by its boot: phones keep the chain across calls.
    """
    device = case.devices.of(attempt.client)
    if attempt.port != HTTP or device is None or not held & (WEB_ROLES | {SIP_SERVER}):
        return False
    if device.location is Location.OUTSIDE:
        return False  # the chain is handed out inside only
    if has_chain(case, attempt.client) or _whole_host_fails(case, attempt):
        return False
    alerts = bool(distrust(case, attempt.client))
    if device.is_phone:
        return alerts or booted_before(case, attempt)
    return device.kind == "unknown" and alerts


def booted_before(case: Case, attempt: Attempt) -> bool:
    """The capture shows the device getting its address before the attempt."""
    device = case.devices.of(attempt.client)
    keys = (attempt.client, *(device.macs if device else ()))
    rows = [row for key in keys for row in case.leases.get(key, ())]
    return any(row.kind == "ack" and row.time <= attempt.first_time for row in rows)


def has_chain(case: Case, client: str) -> bool:
    """The client fetched the chain, completed TLS with a Lync server, or was in the middle of such a connection."""
    if any(row.step == "root-chains" and row.outcome == "ok" for row in case.messages_of("certprov", client)):
        return True
    for attempt in case.attempts_of(client):
        for flow in attempt.established:
            session = case.sessions.get(flow)
            if session and session.completed:
                return True
            if attempt.port in (HTTPS, SIP_TLS_PORT) and _in_the_middle(case, flow):
                return True
    return False


def _in_the_middle(case: Case, flow: int) -> bool:
    row = case.flows.loc[flow]
    return bool(row["opening"] == "midstream" and row["data_frames_client"] and row["data_frames_server"])


def distrust(case: Case, client: str) -> tuple[tuple[int, int, int], ...]:
    """(capture, frame, time) of every "unknown CA" this client sent to a Lync server and did not get over."""
    told = []
    for attempt in case.attempts_of(client):
        for session in case.sessions_of([attempt]):
            alert = session.alert(UNKNOWN_CA)
            if alert and alert.from_client and not completes_later(case, session):
                told.append((attempt.capture, alert.frame, alert.time))
    return tuple(told)


def completes_later(case: Case, refused: TlsSession) -> bool:
    """Whether the same client completes TLS with the same server after this session."""
    client, server = case.flows.at[refused.flow, "client"], case.flows.at[refused.flow, "server"]
    same = [one for one in case.attempts_of(client) if one.server == server]
    return any(one.completed and one.last_time > refused.last_time for one in case.sessions_of(same))


def _whole_host_fails(case: Case, attempt: Attempt) -> bool:
    """Other TCP ports of the server were tried too and none answers: port 80 is not the matter."""
    others = case.ports_tried(attempt.server) - {attempt.port}
    return bool(others) and not any(one.port in others for one in case.latest_answers(attempt.server))
