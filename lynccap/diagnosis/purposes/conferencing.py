"""What connections of people in meetings are for: meeting data outside, slides, join pages, shared screens, files."""

from lynccap import reference
from lynccap.correlation.attempts import Attempt
from lynccap.correlation.case import Case
from lynccap.correlation.names import SOURCE_DNS, SOURCE_SNI
from lynccap.correlation.protocol_numbers import HTTPS, OLD_FILE_PORTS
from lynccap.correlation.roles.claims import EDGE_ACCESS, EDGE_AV, EDGE_WEBCONF, FRONT_END, PROXY_INSIDE
from lynccap.correlation.services import SHARED_PORTS
from lynccap.diagnosis.purposes.users import meeting_frames, name_asked, shares_address, signed_in

SLIDES = "wac"
JOIN_PAGE = "meet."
FIRST_MEDIA_PORT = 49_152  # conference media and sharing of Front Ends, without any other setting
RPC_PORT = 135  # its endpoint mapper sends administrators' programs on to the same range of ports
WITHIN_NS = 60_000_000_000  # the media and sharing of one conference are opened within a minute


def wants_data_outside(case: Case, attempt: Attempt, held: frozenset[str]) -> bool:
    """A client's way to the Web Conferencing Edge: known by topology, or by name to somebody who is signed in."""
    if _is_server(case, attempt.client):
        return False
    if not shares_address(attempt, held) and (EDGE_WEBCONF not in held or attempt.port not in SHARED_PORTS):
        return False
    told = case.roles.told.roles_at(attempt.server, attempt.port) if case.roles.told else frozenset()
    if told:
        return EDGE_WEBCONF in told
    if attempt.port == HTTPS and held & {EDGE_ACCESS, EDGE_AV}:
        return False  # one address for all: meeting data is on another port there
    return case.roles.is_lync(attempt.server) or bool(signed_in(case, attempt.client))


def is_slides_host(case: Case, address: str) -> bool:
    """Whether an address is an Office Web Apps server's, or the one by which it is published: by topology or name."""
    if case.roles.has(address, SLIDES):
        return True
    names = case.names.names_of(address, SOURCE_DNS, SOURCE_SNI)
    return any(SLIDES in row.role for name in names for row in reference.name_rows(name))


def wants_slides(case: Case, attempt: Attempt, _held: frozenset[str]) -> bool:
    """Office Web Apps, asked by somebody in a meeting, or by the pool or its proxy."""
    if attempt.port != HTTPS or not is_slides_host(case, attempt.server):
        return False
    if case.roles.has(attempt.server, SLIDES) and case.roles.is_lync(attempt.server):
        return True
    asker = case.roles.has(attempt.client, FRONT_END, PROXY_INSIDE)
    return asker or bool(meeting_frames(case, attempt.client) or signed_in(case, attempt.client))


def wants_join_page(case: Case, attempt: Attempt, _held: frozenset[str]) -> bool:
    """The address of a meeting's join page, which DNS gave the client last for that very name."""
    if attempt.port != HTTPS or _is_server(case, attempt.client):
        return False
    return name_asked(case, attempt.client, attempt.server, attempt.first_time).startswith(JOIN_PAGE)


def wants_sharing(case: Case, attempt: Attempt, held: frozenset[str]) -> bool:
    """A signed-in client that asks a Front End for a conference's shared screen, and gets it on no port there.

    Not an administrator's program, whose remote procedure calls use the same ports.
    """
    if attempt.port < FIRST_MEDIA_PORT or FRONT_END not in held or _is_server(case, attempt.client):
        return False
    mine = [one for one in case.attempts_of(attempt.client) if one.server == attempt.server]
    works = any(one.port >= FIRST_MEDIA_PORT and one.established and _is_near(one, attempt) for one in mine)
    if works or any(one.port == RPC_PORT for one in mine) or not case.roles.is_lync(attempt.server):
        return False
    return bool(signed_in(case, attempt.client))


def sends_file(case: Case, attempt: Attempt, _held: frozenset[str]) -> bool:
    """A client asks another one for a file as Communicator 2007 R2 did: both are users who sign in."""
    first, last = OLD_FILE_PORTS
    ends = [case.devices.of(one) for one in (attempt.client, attempt.server)]
    return first <= attempt.port <= last and all(one and one.signs_in and not one.role for one in ends)


def _is_near(one: Attempt, other: Attempt) -> bool:
    return abs(one.first_time - other.first_time) <= WITHIN_NS


def _is_server(case: Case, address: str) -> bool:
    device = case.devices.of(address)
    return device is not None and device.role is not None
