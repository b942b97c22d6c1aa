"""What a connection attempt was for, seen from this device at this step of its journey."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from lynccap import reference
from lynccap.correlation.addresses import is_public, subnet_of
from lynccap.correlation.attempts import Answer, Attempt, Ending
from lynccap.correlation.case import Case
from lynccap.correlation.discovery_names import PHONE_NAMES
from lynccap.correlation.names import SOURCE_DNS, parent_of
from lynccap.correlation.protocol_numbers import PSOM_PORT, SIP_TLS_PORT
from lynccap.correlation.roles.claims import (
    CRL_HOST,
    FRONT_END,
    REVERSE_PROXY,
    SIP_SERVER,
    UNSPECIFIED,
    WEB_ROLES,
)
from lynccap.correlation.roles.farms import Farm
from lynccap.correlation.roles.sides import Location
from lynccap.correlation.tls.sessions import UNKNOWN_CA, TlsSession
from lynccap.diagnosis.web_purposes import discovers_in_vain, discovers_over_http, is_behind_proxy

HTTP, HTTPS = 80, 443
PAIR_NS = 60_000_000_000  # both web ports are tried within one sign-in
WAITED_S = 5.0  # a pause within a handshake that a user notices
BEFORE_NS, AFTER_NS = 5_000_000_000, 30_000_000_000  # Windows waits up to 20 s for a revocation list

_INSIDE, _OUTSIDE = (
    frozenset({"any", "client_internal", "phone"}),
    frozenset({"any", "client_external", "client_mobile"}),
)
CALLERS = {
    Location.INSIDE: _INSIDE,
    Location.OUTSIDE: _OUTSIDE,
    Location.UNKNOWN: _INSIDE | _OUTSIDE,
}
"""Roles of the port table that a device plays, by where it is."""


class Meaning(StrEnum):
    """What the attempt was for, seen from this device at this step."""

    ROOT_CHAIN = "root chain"
    WEB_PORT = "one web port of two"
    PROXY_80 = "port 80 of the reverse proxy from outside"
    PSOM = "web conferencing data"
    CRL = "revocation list"
    SHARED = "a port that a load balancer should pass on"
    CLIENT_CRL = "revocation list, for a client's sign-in"
    POOL_BEHIND_PROXY = "the pool behind a reverse proxy"
    DISCOVERY = "autodiscover, on a server none of whose web ports answers"
    DISCOVERY_443 = "autodiscover over TLS, which works without"
    FIRMWARE = "firmware of a phone that is signed in"
    OTHERS = "no matter of Lync's"
    REQUIRED = "a port Lync needs"


def meaning_of(case: Case, attempt: Attempt) -> Meaning | None:
    """What the attempt was for: the first row of MEANINGS that fits; None when it was for nothing Lync needs."""
    held = case.roles.roles_of(attempt.server)
    fits = (meaning for meaning, is_meant in MEANINGS if is_meant(case, attempt, held))
    meaning = next(fits, None)
    return None if meaning is Meaning.OTHERS else meaning


def _waits_for_list(case: Case, attempt: Attempt, held: frozenset[str]) -> bool:
    """A server fetches a revocation list, and a partner's handshake waits for it."""
    is_list = _at_crl_host(case, attempt, held) and acts_as_server(case, attempt.client)
    return is_list and bool(partner_handshakes(case, attempt))


def acts_as_server(case: Case, address: str) -> bool:
    """Whether an address is a server's, which may open connections as well; not all of these are devices."""
    device = case.devices.of(address)
    return bool(device and device.role) or case.roles.is_lync(address)


def _client_waits(case: Case, attempt: Attempt, held: frozenset[str]) -> bool:
    """A client looks for revocation data, and its handshake with a Lync server waits meanwhile."""
    is_list = _at_crl_host(case, attempt, held) and not acts_as_server(case, attempt.client)
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


def _at_crl_host(_case: Case, attempt: Attempt, held: frozenset[str]) -> bool:
    return attempt.port == HTTP and CRL_HOST in held and not held & WEB_ROLES


def _wants_conference(case: Case, attempt: Attempt, _held: frozenset[str]) -> bool:
    """A signed-in client, not a server: between servers the port serves people outside."""
    device = case.devices.of(attempt.client)
    if attempt.port != PSOM_PORT or device is None or device.role is not None:
        return False
    return _is_pool_member(case, attempt.server) and bool(signed_in(case, attempt.client))


def _is_pool_member(case: Case, server: str) -> bool:
    """A Lync server, or one beside it: meetings are held at a named member, often not the one signed in at."""
    if case.roles.is_plausible(server):
        return True
    parents = {parent_of(name) for name in case.names.names_of(server)}
    return any(
        subnet_of(one) == subnet_of(server) or parents & {parent_of(name) for name in case.names.names_of(one)}
        for one in case.roles.servers()
    )


def _by_balancer(case: Case, attempt: Attempt, _held: frozenset[str]) -> bool:
    """A load balancer looks after its members, and finds out by such connections which of them are gone."""
    return any(attempt.client in farm.own and attempt.server in farm.members for farm in case.farms.values())


def _at_balancer(case: Case, attempt: Attempt, _held: frozenset[str]) -> bool:
    """A shared address, on a port that a load balancer of this pool has to have; silence is more often a filter's."""
    farm = case.farms.get(attempt.server)
    if farm is None or not farm.sure or not case.roles.is_lync(attempt.server):
        return False
    return attempt.ending is not Ending.UNANSWERED and attempt.port in _to_pass_on(case, farm)


def _members_accept(case: Case, attempt: Attempt, _held: frozenset[str]) -> bool:
    """A shared address whose members do listen on this port; of silence, where this client's network sees them do."""
    farm = case.farms.get(attempt.server)
    if farm is None or not farm.sure or attempt.port not in _to_pass_on(case, farm):
        return False
    answers = member_answers(case, attempt)
    if attempt.ending is Ending.UNANSWERED:
        return any(subnet_of(one.client) == subnet_of(attempt.client) for one in answers)
    return bool(answers)


def member_answers(case: Case, attempt: Attempt) -> list[Answer]:
    """Connections on the same port that servers behind a shared address accepted."""
    farm = case.farms.get(attempt.server)
    accepted = (one for member in (farm.members if farm else ()) for one in case.answers_of(member))
    return [one for one in accepted if one.port == attempt.port]


def _to_pass_on(case: Case, farm: Farm) -> frozenset[int]:
    """Ports a load balancer needs for a pool; where DNS spreads clients over the members itself, the web ones."""
    names = {name for member in farm.members for name in case.names.names_of(member, SOURCE_DNS)}
    spread = any(len(set(case.names.addresses_of(name)) & set(farm.members)) > 1 for name in names)
    kind = "dns" if spread else "hardware"
    rows = (row for row in reference.balancer_ports() if row.pool == farm.pool and row.balancing == kind)
    return frozenset(port for row in rows for port in row.ports)


def _is_required(case: Case, attempt: Attempt, held: frozenset[str]) -> bool:
    """A port that the port table says this kind of device needs on a server of this role."""
    told = case.roles.told
    if not case.roles.is_lync(attempt.server) or (told and told.leaves_out(attempt.server, attempt.port)):
        return False
    device = case.devices.of(attempt.client)
    callers = case.roles.roles_of(attempt.client) - {UNSPECIFIED, SIP_SERVER}
    if not callers:
        callers = CALLERS[device.location if device else Location.UNKNOWN]
    targets = held | ({FRONT_END} if SIP_SERVER in held else set())
    return any(
        row.verified and row.required == "required" and row.port_min == row.port_max
        for row in reference.services_on("tcp", attempt.port)
        if row.from_role in callers and row.to_role in targets
    )


def _at_the_proxy(case: Case, attempt: Attempt, held: frozenset[str]) -> bool:
    """Port 80 of a reverse proxy, which may stay closed; seen at the proxy itself, only the client is public."""
    device = case.devices.of(attempt.client)
    if attempt.port != HTTP:
        return False
    if device and (device.is_phone or device.location is Location.INSIDE) and held & WEB_ROLES:
        return False
    if is_public(attempt.client) and not is_public(attempt.server):
        return bool(held & (WEB_ROLES | {REVERSE_PROXY}))
    return REVERSE_PROXY in held and not held & WEB_ROLES


def _wants_firmware(case: Case, attempt: Attempt, _held: frozenset[str]) -> bool:
    """A phone that is signed in, at an address with the name that only phones ask for."""
    device = case.devices.of(attempt.client)
    if attempt.port not in (HTTP, HTTPS) or device is None or not device.is_phone:
        return False
    names = case.names.names_of(attempt.server, SOURCE_DNS)
    return any(one.startswith(PHONE_NAMES) for one in names) and bool(signed_in(case, attempt.client))


def signed_in(case: Case, client: str) -> tuple[int, ...]:
    """Frames that show the client's SIP connection working: server data on 5061, or on 443 at the Access Edge."""
    frames = []
    for attempt in case.attempts_of(client):
        if attempt.port == SIP_TLS_PORT or case.roles.is_sip(attempt.server, attempt.port):
            frames += [one.data_frame for one in case.sessions_of([attempt]) if one.completed]
    return tuple(frames)


def _wants_root_chain(case: Case, attempt: Attempt, held: frozenset[str]) -> bool:
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


def _one_of_two(case: Case, attempt: Attempt, held: frozenset[str]) -> bool:
    """The same client, inside, reaches the server's other web port within a minute."""
    if attempt.port not in (HTTP, HTTPS) or not held & WEB_ROLES or not case.roles.is_lync(attempt.server):
        return False
    device = case.devices.of(attempt.client)
    inside = device is not None and device.location is Location.INSIDE
    if not inside and is_public(attempt.server):
        return False  # an inner name that leads outside is a wildcard record, and the host behind it anybody's
    other = HTTPS if attempt.port == HTTP else HTTP
    return any(
        one.server == attempt.server
        and one.port == other
        and one.established
        and abs(one.first_time - attempt.first_time) <= PAIR_NS
        for one in case.attempts_of(attempt.client)
    )


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


MEANINGS: tuple[tuple[Meaning, Callable[[Case, Attempt, frozenset[str]], bool]], ...] = (
    (Meaning.CRL, _waits_for_list),
    (Meaning.CLIENT_CRL, _client_waits),
    (Meaning.OTHERS, _at_crl_host),
    (Meaning.OTHERS, _by_balancer),
    (Meaning.POOL_BEHIND_PROXY, is_behind_proxy),
    (Meaning.DISCOVERY, discovers_in_vain),
    (Meaning.SHARED, _members_accept),
    (Meaning.PROXY_80, _at_the_proxy),
    (Meaning.PSOM, _wants_conference),
    (Meaning.ROOT_CHAIN, _wants_root_chain),
    (Meaning.SHARED, _at_balancer),
    (Meaning.FIRMWARE, _wants_firmware),
    (Meaning.WEB_PORT, _one_of_two),
    (Meaning.DISCOVERY_443, discovers_over_http),
    (Meaning.REQUIRED, _is_required),
)
"""The most particular first: what each means, and whether an attempt at a server of these roles is that."""
