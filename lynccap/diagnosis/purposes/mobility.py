"""What connections of mobile apps are for: the external web services, from inside as well."""

from lynccap.correlation.addresses import is_private, is_public
from lynccap.correlation.attempts import Attempt
from lynccap.correlation.case import Case
from lynccap.correlation.discovery_names import DISCOVERY_NAMES, FALLBACK
from lynccap.correlation.names import parent_of
from lynccap.correlation.protocol_numbers import HTTPS
from lynccap.correlation.roles.claims import REVERSE_PROXY
from lynccap.correlation.roles.sides import Location
from lynccap.correlation.searches import Question, Reply
from lynccap.correlation.web_names import SIMPLE
from lynccap.diagnosis.purposes.users import name_asked

INNER_NAME = "lyncdiscoverinternal."
MOBILE_SERVICES = ("ucwa", "mcx")
"""Of the web services those that only mobile apps and web pages use."""

_TRIED = (*SIMPLE, *DISCOVERY_NAMES, FALLBACK)  # names that are tried to discover the pool


def may_be_mobile(case: Case, client: str) -> bool:
    """A device that uses the web services and no SIP: mobile apps do."""
    device = case.devices.of(client)
    return bool(device and device.kind in ("mobile", "client", "unknown") and not device.signs_in and not device.role)


def inside_by_name(case: Case, client: str) -> Question | None:
    """The question by which a client learned the pool's inner address, which only the company's own DNS knows."""
    device = case.devices.of(client)
    for one in case.searches.of(device.id if device else client):
        if one.name.startswith(INNER_NAME) and one.reply is Reply.FOUND and any(map(is_private, one.addresses)):
            return one
    return None


def comes_back_in(case: Case, attempt: Attempt, held: frozenset[str]) -> bool:
    """A mobile device inside that goes to the public address of the external web services, by their own name.

    Not by the names of the race to discover them, which it wins inside.
    """
    if attempt.port != HTTPS or not is_public(attempt.server) or not may_be_mobile(case, attempt.client):
        return False
    device = case.devices.of(attempt.client)
    inner = inside_by_name(case, attempt.client)
    if device is None or device.location is Location.OUTSIDE or inner is None:
        return False
    name = name_asked(case, attempt.client, attempt.server, attempt.first_time)
    if name in case.web_names.outer:
        return True
    usual = case.web_names.is_outer(name) or REVERSE_PROXY in held
    return usual and parent_of(name) == parent_of(inner.name) and not name.startswith(_TRIED)
