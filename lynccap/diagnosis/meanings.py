"""What a connection attempt was for, seen from this device at this step of its journey."""

from collections.abc import Callable
from enum import StrEnum

from lynccap import reference
from lynccap.correlation.addresses import is_public
from lynccap.correlation.attempts import Attempt
from lynccap.correlation.case import Case
from lynccap.correlation.discovery_names import PHONE_NAMES
from lynccap.correlation.names import SOURCE_DNS
from lynccap.correlation.protocol_numbers import HTTP, HTTPS, PSOM_PORT
from lynccap.correlation.roles.claims import REVERSE_PROXY, WEB_ROLES
from lynccap.correlation.roles.sides import Location
from lynccap.diagnosis.purposes.conferencing import (
    sends_file,
    wants_data_outside,
    wants_join_page,
    wants_sharing,
    wants_slides,
)
from lynccap.diagnosis.purposes.mobility import comes_back_in
from lynccap.diagnosis.purposes.needed import callers_of, is_needed, targets_of
from lynccap.diagnosis.purposes.partners import is_from_partner, is_to_partner, is_xmpp
from lynccap.diagnosis.purposes.pools import is_at_balancer, is_by_balancer, is_pool_member, members_accept
from lynccap.diagnosis.purposes.revocation import client_waits, is_at_crl_host, partner_waits
from lynccap.diagnosis.purposes.root_chain import wants_root_chain
from lynccap.diagnosis.purposes.sign_in import is_kept_in, is_sent_on, loses_access_edge, loses_registrar
from lynccap.diagnosis.purposes.users import signed_in
from lynccap.diagnosis.purposes.web import discovers_in_vain, discovers_over_http, is_behind_proxy

PAIR_NS = 60_000_000_000  # both web ports are tried within one sign-in


class Meaning(StrEnum):
    """What the attempt was for, seen from this device at this step."""

    ROOT_CHAIN = "root chain"
    WEB_PORT = "one web port of two"
    PROXY_80 = "port 80 of the reverse proxy from outside"
    PSOM = "web conferencing data"
    DATA_OUTSIDE = "web conferencing data, from outside"
    SLIDES = "slides rendered by Office Web Apps"
    JOIN_PAGE = "a meeting's join page"
    SHARING = "a conference's shared screen"
    FILES = "a file from another client, in the way of old ones"
    BACK_IN = "the external web services, from inside"
    CRL = "revocation list"
    SHARED = "a port that a load balancer should pass on"
    CLIENT_CRL = "revocation list, for a client's sign-in"
    POOL_BEHIND_PROXY = "the pool behind a reverse proxy"
    DISCOVERY = "autodiscover, on a server none of whose web ports answers"
    DISCOVERY_443 = "autodiscover over TLS, which works without"
    FIRMWARE = "firmware of a phone that is signed in"
    OTHERS = "no matter of Lync's"
    REDIRECTED = "the pool a client was sent on to"
    REGISTRAR = "sign-in inside, where no server of the pool can be reached"
    GUEST = "a port of the Edge that a client's network does not let out"
    ACCESS_EDGE = "sign-in from outside, where the Access Edge cannot be reached"
    PARTNER = "a federation partner, for our Edge"
    FROM_PARTNER = "our Edge, for a federation partner"
    XMPP = "federation over XMPP"
    NEEDED = "a path with a rule of its own"
    REQUIRED = "a port Lync needs"


def meaning_of(case: Case, attempt: Attempt) -> Meaning | None:
    """What the attempt was for: the first row of MEANINGS that fits; None when it was for nothing Lync needs."""
    held = case.roles.roles_of(attempt.server)
    fits = (meaning for meaning, is_meant in MEANINGS if is_meant(case, attempt, held))
    meaning = next(fits, None)
    return None if meaning is Meaning.OTHERS else meaning


def _wants_conference(case: Case, attempt: Attempt, _held: frozenset[str]) -> bool:
    """A signed-in client, not a server: between servers the port serves people outside."""
    device = case.devices.of(attempt.client)
    if attempt.port != PSOM_PORT or device is None or device.role is not None:
        return False
    return is_pool_member(case, attempt.server) and bool(signed_in(case, attempt.client))


def _is_required(case: Case, attempt: Attempt, _held: frozenset[str]) -> bool:
    """A port that the port table says this kind of device needs on a server of this role."""
    told = case.roles.told
    if not case.roles.is_lync(attempt.server) or (told and told.leaves_out(attempt.server, attempt.port)):
        return False
    callers, targets = callers_of(case, attempt.client), targets_of(case, attempt.server)
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


MEANINGS: tuple[tuple[Meaning, Callable[[Case, Attempt, frozenset[str]], bool]], ...] = (
    # Lists of revoked certificates, and hosts that Lync does not need for anything else.
    (Meaning.CRL, partner_waits),
    (Meaning.CLIENT_CRL, client_waits),
    (Meaning.OTHERS, is_at_crl_host),
    (Meaning.OTHERS, is_by_balancer),
    # What stands before a pool: a reverse proxy, a load balancer.
    (Meaning.POOL_BEHIND_PROXY, is_behind_proxy),
    (Meaning.DISCOVERY, discovers_in_vain),
    (Meaning.SHARED, members_accept),
    (Meaning.PROXY_80, _at_the_proxy),
    # Signing in, where no other way is left.
    (Meaning.REDIRECTED, is_sent_on),
    (Meaning.REGISTRAR, loses_registrar),
    (Meaning.GUEST, is_kept_in),
    (Meaning.ACCESS_EDGE, loses_access_edge),
    # Other organisations.
    (Meaning.PARTNER, is_to_partner),
    (Meaning.FROM_PARTNER, is_from_partner),
    (Meaning.XMPP, is_xmpp),
    # Paths that role and port tell alone (reference/needed_paths.csv).
    (Meaning.NEEDED, is_needed),
    # Meetings and conferences.
    (Meaning.PSOM, _wants_conference),
    (Meaning.DATA_OUTSIDE, wants_data_outside),
    (Meaning.SLIDES, wants_slides),
    (Meaning.JOIN_PAGE, wants_join_page),
    (Meaning.SHARING, wants_sharing),
    (Meaning.FILES, sends_file),
    # The web services of the pool.
    (Meaning.BACK_IN, comes_back_in),
    (Meaning.ROOT_CHAIN, wants_root_chain),
    (Meaning.SHARED, is_at_balancer),
    (Meaning.FIRMWARE, _wants_firmware),
    (Meaning.WEB_PORT, _one_of_two),
    (Meaning.DISCOVERY_443, discovers_over_http),
    # Any other port of the port table.
    (Meaning.REQUIRED, _is_required),
)
"""The most particular first: what each means, and whether an attempt at a server of these roles is that."""
