"""What connections to web ports are for: autodiscover, and a reverse proxy's way to its pool."""

from lynccap.correlation.attempts import Attempt
from lynccap.correlation.case import Case
from lynccap.correlation.names import SOURCE_DNS, SOURCE_SNI
from lynccap.correlation.protocol_numbers import HTTP, HTTPS
from lynccap.correlation.roles.claims import PROXY_INSIDE, REVERSE_PROXY
from lynccap.correlation.roles.proxies import INNER_PORTS, OUTER_PORTS
from lynccap.correlation.roles.sides import Location


def is_behind_proxy(case: Case, attempt: Attempt, held: frozenset[str]) -> bool:
    """A reverse proxy asks the pool's web site for people outside."""
    if attempt.port not in INNER_PORTS or REVERSE_PROXY in held:
        return False
    return case.roles.has(attempt.client, REVERSE_PROXY, PROXY_INSIDE) and case.roles.is_plausible(attempt.server)


def discovery_names(case: Case, client: str, server: str) -> tuple[str, ...]:
    """The autodiscover names of a Lync server that are meant for this client: inner ones mislead from outside."""
    if not case.roles.is_lync(server):
        return ()
    names = case.names.names_of(server, SOURCE_DNS, SOURCE_SNI)
    device = case.devices.of(client)
    outside = device is not None and device.location is Location.OUTSIDE
    starts = ("lyncdiscover.",) if outside else ("lyncdiscover.", "lyncdiscoverinternal.")
    return tuple(one for one in names if one.startswith(starts))


def discovers_in_vain(case: Case, attempt: Attempt, _held: frozenset[str]) -> bool:
    """No phone tries both web ports of an autodiscover address; none answers, nor does autodiscover elsewhere."""
    device = case.devices.of(attempt.client)
    if attempt.port not in OUTER_PORTS or (device and (device.is_phone or device.role)):
        return False
    if attempt.established or not discovery_names(case, attempt.client, attempt.server):
        return False
    others = case.ports_tried(attempt.server) - set(OUTER_PORTS)
    if others and not any(one.port in others for one in case.latest_answers(attempt.server)):
        return False  # the whole host is the matter
    beside = [one for one in case.attempts_of(attempt.client) if one.port in OUTER_PORTS]
    near = {one.port for one in beside if one.server == attempt.server and not one.established}
    works = (one for one in beside if one.established and discovery_names(case, one.client, one.server))
    return near == set(OUTER_PORTS) and not any(works)


def discovers_over_http(case: Case, attempt: Attempt, _held: frozenset[str]) -> bool:
    """Port 443 of an autodiscover address whose port 80 tells this client where to go on."""
    if attempt.port != HTTPS or not discovery_names(case, attempt.client, attempt.server):
        return False
    return any(
        one.protocol == "autodiscover" and one.port == HTTP and one.row.outcome == "ok" and one.row.links
        for one in case.exchanges_of(attempt.client)
        if (one.server, one.capture) == (attempt.server, attempt.capture)
    )
