"""What connections to SIP ports are for: the registrar inside, the Access Edge outside, the pool one is sent on to."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lynccap.correlation.addresses import is_address, subnet_of
from lynccap.correlation.attempts import Attempt, Ending
from lynccap.correlation.case import Case
from lynccap.correlation.devices.book import DeviceFacts
from lynccap.correlation.discovery_names import DISCOVERY_NAMES, FALLBACK
from lynccap.correlation.names import SOURCE_DNS
from lynccap.correlation.protocol_numbers import HTTPS, SIP_TLS_PORT
from lynccap.correlation.roles.claims import EDGE_ACCESS, EDGE_WEBCONF, EXTERNAL_ROLES, FRONT_END
from lynccap.correlation.roles.sides import Location
from lynccap.correlation.sip.registrations import Registration, RegistrationEnd
from lynccap.correlation.tls.sessions import TlsSession
from lynccap.diagnosis.purposes.needed import targets_of
from lynccap.diagnosis.purposes.pools import is_pool_member
from lynccap.diagnosis.purposes.users import SHARED_MEETING_PORT

SOUGHT = (*DISCOVERY_NAMES, FALLBACK)
REGISTRARS = frozenset({FRONT_END, "director", "sba"})
SENT_ON_NS = 10_000_000_000  # a client that is sent on tries the other server at once; it may ask DNS before
_HOST = re.compile(r"sips?:(?:[^@;>]*@)?(\[[^\]]+\]|[^:;>\s]+)", re.IGNORECASE)


def pool_addresses(case: Case, server: str) -> tuple[str, ...]:
    """The addresses that are known of a server's pool, of its own kind (IPv4 or IPv6): by DNS, topology and farm."""
    found = {server: None}
    for name in case.names.names_of(server, SOURCE_DNS):
        found |= dict.fromkeys(case.names.addresses_of(name))
    places = case.roles.told.directory.places if case.roles.told else ()
    pools = {(one.pool, one.role) for one in places if one.pool and server in (one.address, one.nat)}
    found |= {one.address: None for one in places if one.address and (one.pool, one.role) in pools}
    for farm in case.farms.values():
        if server in farm.members:
            found |= dict.fromkeys((farm.vip, *farm.members))
    return tuple(one for one in found if (":" in one) == (":" in server))


def loses_registrar(case: Case, attempt: Attempt, held: frozenset[str]) -> bool:
    """A client inside tried every known address of a pool, and neither it nor its network gets through to any."""
    device = _client(case, attempt)
    if attempt.port != SIP_TLS_PORT or device is None or device.location is not Location.INSIDE:
        return False
    if not targets_of(case, attempt.server) & REGISTRARS or held & EXTERNAL_ROLES or not _is_users(case, device):
        return False
    return case.roles.is_lync(attempt.server) and _all_fail(case, attempt, device)


def _is_users(case: Case, device: DeviceFacts) -> bool:
    """Whether a device shows that it is a user's: by itself, by what it asks DNS, by its use of Lync's web services.

    Servers open port 5061 of a pool as well: an Edge that no topology names would be taken for a client.
    """
    if device.kind != "unknown" or any(one.name.startswith(SOUGHT) for one in case.searches.of(device.id)):
        return True
    asked = (one for one in case.attempts_of(*device.addresses) if one.port == HTTPS)
    return any(case.roles.is_lync(one.server) for one in asked)


def _client(case: Case, attempt: Attempt) -> DeviceFacts | None:
    """The device that asks, unless it is a server."""
    device = case.devices.of(attempt.client)
    return None if device is None or device.role is not None or device.kind == "server" else device


def _all_fail(case: Case, attempt: Attempt, device: DeviceFacts) -> bool:
    """Every known address behind the name was tried on this port, and nobody of the client's network gets through."""
    known = pool_addresses(case, attempt.server)
    tried = {one.server for one in case.attempts_of(*device.addresses) if one.port == attempt.port}
    return tried.issuperset(known) and not any(_gets_through(case, attempt, one) for one in known)


def _gets_through(case: Case, attempt: Attempt, server: str) -> bool:
    """Whether the client, or one beside it, speaks with the port of a server during or after the attempt."""
    mine = subnet_of(attempt.client)
    return any(
        one.port == attempt.port and one.last_time >= attempt.first_time and subnet_of(one.client) == mine
        for one in case.answers_of(server)
    )


def loses_access_edge(case: Case, attempt: Attempt, held: frozenset[str]) -> bool:
    """A client outside reaches other servers of the deployment, and no address of the Access Edge."""
    device = _client(case, attempt)
    if device is None or device.location is not Location.OUTSIDE or EDGE_ACCESS not in held:
        return False
    if attempt.port not in _sign_in_ports(case, attempt.server) or not case.roles.is_lync(attempt.server):
        return False
    return _all_fail(case, attempt, device) and bool(beside(case, attempt))


def _sign_in_ports(case: Case, server: str) -> frozenset[int]:
    """Where people outside sign in there: as records say, else 443."""
    told = [case.sign_in_ports.get(name, frozenset()) for name in case.names.names_of(server, SOURCE_DNS)]
    return frozenset().union(*told) or frozenset({HTTPS})


def beside(case: Case, attempt: Attempt) -> tuple[Attempt, ...]:
    """What the same client reaches of the deployment on port 443 of other addresses."""
    mine = case.attempts_of(attempt.client)
    return tuple(one for one in mine if one.server != attempt.server and one.port == HTTPS and one.established)


def is_kept_in(case: Case, attempt: Attempt, held: frozenset[str]) -> bool:
    """A client outside whose port 443 works, and whose SYNs to another port of an Edge vanish; nobody else's do."""
    device = _client(case, attempt)
    if device is None or device.location is not Location.OUTSIDE or attempt.ending is not Ending.UNANSWERED:
        return False
    signs_in = attempt.port == SIP_TLS_PORT and attempt.port in _sign_in_ports(case, attempt.server)
    meets = attempt.port == SHARED_MEETING_PORT and bool(held & {EDGE_ACCESS, EDGE_WEBCONF})
    if not (signs_in and EDGE_ACCESS in held) and not meets:
        return False
    if not case.roles.is_lync(attempt.server) or not _all_fail(case, attempt, device) or elsewhere(case, attempt):
        return False
    return any(one.port == HTTPS and one.established for one in case.attempts_of(attempt.client))


def elsewhere(case: Case, attempt: Attempt) -> tuple[Attempt, ...]:
    """Failed attempts of clients of other networks at the same port of the server."""
    mine = subnet_of(attempt.client)
    others = (one for one in case.attempts_at(attempt.server) if subnet_of(one.client) != mine)
    return tuple(one for one in others if one.port == attempt.port and not one.established)


@dataclass(frozen=True, slots=True)
class SentOn:
    """What shows that a client was sent on to another server."""

    flow: int
    """Of the connection to the first server."""
    frames: tuple[int, ...]
    status: int = 0
    """Of the redirection; 0 where only the pattern of encrypted connections shows it."""


def is_sent_on(case: Case, attempt: Attempt, held: frozenset[str]) -> bool:
    """A client inside, sent on to this server by another one. Outside the Access Edge does that for its clients."""
    return not held & EXTERNAL_ROLES and sent_on(case, attempt) is not None


def sent_on(case: Case, attempt: Attempt) -> SentOn | None:
    """What shows that the client was sent to the server that it now tries; None when nothing does."""
    device = _client(case, attempt)
    if attempt.port != SIP_TLS_PORT or device is None or device.location is Location.OUTSIDE:
        return None
    told = next(_redirections(case, attempt), None)
    if told is not None:
        return SentOn(told.flow, told.frames, int(told.status or 0))
    return next(_left_early(case, attempt), None)


def _redirections(case: Case, attempt: Attempt) -> Iterator[Registration]:
    """Sign-ins of the client that were answered with this server's name or address."""
    for one in case.dialogs.registrations:
        if one.end is RegistrationEnd.REDIRECTED and one.time <= attempt.first_time:
            asker, server = case.facts_of(one.flow, "client", "server")
            if not one.from_client:
                asker, server = server, asker
            if asker == attempt.client and server != attempt.server and case.roles.is_lync(server):
                host = _HOST.search(one.redirected_to)
                if host and attempt.server in _addresses(case, host[1].strip("[]").lower()):
                    yield one


def _addresses(case: Case, host: str) -> tuple[str, ...]:
    return (host,) if is_address(host) else case.names.addresses_of(host)


def _left_early(case: Case, attempt: Attempt) -> Iterator[SentOn]:
    """Short encrypted sessions with another registrar right before; the client did not know this server until then."""
    if not is_pool_member(case, attempt.server):
        return
    for one in case.attempts_of(attempt.client):
        if one.port != SIP_TLS_PORT or one.server == attempt.server or not case.roles.is_lync(one.server):
            continue
        for session in case.sessions_of([one]):
            leaves = _is_short(case, session, attempt) and session.flow not in case.decrypted
            if leaves and not _knew(case, attempt, session.data_time) and not _stays(case, attempt, one.server):
                yield SentOn(session.flow, (session.hello_frame, session.data_frame))


def _is_short(case: Case, session: TlsSession, attempt: Attempt) -> bool:
    """Whether a session is over soon, and the attempt follows at once."""
    first, last, closing = case.facts_of(session.flow, "first_time", "last_time", "closing")
    short = session.completed and closing and last - first <= SENT_ON_NS
    return bool(short) and 0 <= attempt.first_time - session.data_time <= SENT_ON_NS


def _knew(case: Case, attempt: Attempt, time: int) -> bool:
    """Whether the client had asked DNS for the server before a time."""
    return any(
        one.first_time < time and any(record.value == attempt.server for record in one.records)
        for one in case.lookups_of(attempt.client)
    )


def _stays(case: Case, attempt: Attempt, server: str) -> bool:
    """Whether the client speaks with a server's SIP port long after the attempt: it was not sent away."""
    later = attempt.first_time + SENT_ON_NS
    answers = (one for one in case.answers_of(server) if one.client == attempt.client)
    return any(one.port == attempt.port and one.last_time > later for one in answers)
