"""Paths that Lync's own servers and clients need, each with an entry of the catalogue for its failure."""

from lynccap import reference
from lynccap.correlation.attempts import Attempt
from lynccap.correlation.case import Case
from lynccap.correlation.roles.claims import AROUND_LYNC, FRONT_END, NETWORK_ROLES, SIP_SERVER, UNSPECIFIED
from lynccap.correlation.roles.sides import Location

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
MAY_BE = {FRONT_END: ("cms", "cls"), "director": ("cls",)}
"""Parts that a machine of a role may have besides, and that no packet tells."""


def callers_of(case: Case, client: str) -> frozenset[str]:
    """The roles of the port table by which an address may open connections: its own, else a client's."""
    held = case.roles.roles_of(client) - {UNSPECIFIED, SIP_SERVER}
    if held:
        return held | {part for role in held & MAY_BE.keys() for part in MAY_BE[role]}
    device = case.devices.of(client)
    return CALLERS[device.location if device else Location.UNKNOWN]


def targets_of(case: Case, server: str) -> frozenset[str]:
    """The roles of the port table by which an address is asked."""
    held = case.roles.roles_of(server)
    return held | ({FRONT_END} if SIP_SERVER in held else set())


def rule_of_path(case: Case, attempt: Attempt) -> str | None:
    """The rule for the failure of what was attempted; None when it is no path of the table."""
    paths = reference.needed_ports().get(attempt.port, ())
    if not paths or not any(map(case.roles.is_lync, (attempt.client, attempt.server))):
        return None
    told = case.roles.told
    if told and told.leaves_out(attempt.server, attempt.port):
        return None
    callers, targets = callers_of(case, attempt.client), targets_of(case, attempt.server)
    for rule, path in paths:
        if path.from_role in callers and path.to_role in targets:
            return rule
        if _is_strangers(case, attempt, path.id):
            return rule
    return None


def told_by_port(case: Case, attempt: Attempt) -> bool:
    """Whether nothing but the port and the other end tells what one end of an attempt is."""
    paths = [path for _, path in reference.needed_ports().get(attempt.port, ())]
    if any(case.roles.has(attempt.server, path.to_role) and path.to_role in AROUND_LYNC for path in paths):
        return False
    return any(_is_strangers(case, attempt, path.id) for path in paths)


def _is_strangers(case: Case, attempt: Attempt, path: str) -> bool:
    """Whether one end of an attempt is a stranger, and the other one whom only such strangers ask, or are asked by."""
    row = reference.strangers().get(path)
    if row is None:
        return False
    known, stranger = (attempt.server, attempt.client) if row.end == "from" else (attempt.client, attempt.server)
    return case.roles.is_lync(known) and case.roles.has(known, *row.known) and _is_unknown(case, stranger)


def _is_unknown(case: Case, address: str) -> bool:
    """Whether a host has no role, and is no user's device."""
    device = case.devices.of(address)
    return case.roles.roles_of(address) <= NETWORK_ROLES and not (device and (device.is_phone or device.signs_in))


def is_needed(case: Case, attempt: Attempt, _held: frozenset[str]) -> bool:
    """Whether the attempt goes a path whose failure is a rule of its own."""
    return rule_of_path(case, attempt) is not None
