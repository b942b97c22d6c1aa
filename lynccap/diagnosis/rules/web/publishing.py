"""A reverse proxy that leads to the wrong site, or under the wrong name (catalogue group 2)."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from lynccap.correlation.addresses import is_address, is_private
from lynccap.correlation.attempts import Attempt
from lynccap.correlation.discovery_names import INNER_NAMES
from lynccap.correlation.lookups import Lookup
from lynccap.correlation.names import CLOUD_DOMAINS
from lynccap.correlation.protocol_numbers import HTTP, HTTPS
from lynccap.correlation.roles.claims import FRONT_END, LOAD_BALANCER, PROXY_INSIDE, REVERSE_PROXY, WEB_ROLES
from lynccap.correlation.roles.proxies import INNER_PORTS, PUBLISHED
from lynccap.correlation.roles.sides import Location
from lynccap.correlation.web_exchanges import WebExchange
from lynccap.diagnosis.asking import (
    asked_of_lync,
    by_client,
    frames_of,
    subject_asking,
)
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement
from lynccap.diagnosis.rules.web.provisioning import is_outer
from lynccap.diagnosis.subjects import subject_of
from lynccap.document import Confidence, Reading, Severity

FOLLOWS_NS = 60_000_000_000  # a client goes where it is sent at once, or when the user clicks
WEB_SERVICES = ("autodiscover", "certprov", "web-ticket", "web-service")
INNER_TOKEN = "internal"  # links for clients inside are in every user's document, for outsiders to pass over


@rule(
    title="The reverse proxy leads to the pool's internal web site",
    severity=Severity.MAJOR,
    stage=Stage.BOOTSTRAP,
    causes=("The publishing rule does not translate the port.",),
    fix=("Pass port 443 on to 4443 and port 80 to 8080 of the pool, and keep the host header.",),
    act=("reverse proxy team",),
    sources=("notes-rp", "notes-poster", "notes-edge"),
    explains=("rp-redirects-to-internal-fqdn",),
)
def rp_maps_443_to_internal_site(inquiry: Inquiry) -> Iterator[Judgement]:
    """The reverse proxy asks the pool on ports 443 or 80, where the site for people inside is, and not on 4443 or 8080.

    Evidence: the reverse proxy connects to a Lync pool on port 443 or 80 under a published name; or autodiscover
    tells a client outside that it is inside, and the client then looks for an inner name or address.

    Not this: Office Web Apps, published from 443 to 443; a load balancer; a proxy that is seen to ask on 4443 or 8080.
    A client outside that is told it is inside, without what it does next: inconclusive.
    """
    tries = [one for proxy in _proxies(inquiry) for one in inquiry.case.attempts_of(proxy) if one.established]
    translates = {one.client for one in tries if one.port in INNER_PORTS}
    yield from map(Clear, sorted(translates))
    wrong: dict[tuple[int, str, str], list[_Passed]] = defaultdict(list)
    for attempt in tries:
        inner = attempt.port in (HTTP, HTTPS) and _is_pool(inquiry, attempt.server)
        if inner and (passed := _passed(inquiry, attempt)):
            wrong[attempt.capture, attempt.client, attempt.server].append(passed)
    for ones in wrong.values():
        yield _wrong_ports(inquiry, ones)
    for client, asked in by_client(asked_of_lync(inquiry, "autodiscover")):
        told = [one for one in asked if one.row.access_location == "internal" and is_outer(inquiry, one.server)]
        if told and told[0].server not in translates and inquiry.is_placed(client, Location.OUTSIDE):
            yield _told_inside(inquiry, client, told)


def _proxies(inquiry: Inquiry) -> list[str]:
    return [address for address in inquiry.case.roles.claims if is_proxy(inquiry, address)]


def is_proxy(inquiry: Inquiry, address: str) -> bool:
    """Whether an address is a reverse proxy's, and nothing else that passes connections on."""
    held = inquiry.case.roles.roles_of(address)
    return bool(held & {REVERSE_PROXY, PROXY_INSIDE}) and not held & {LOAD_BALANCER, FRONT_END, *WEB_ROLES}


def _is_pool(inquiry: Inquiry, address: str) -> bool:
    roles = inquiry.case.roles
    return (
        roles.is_lync(address) and roles.has(address, FRONT_END, *WEB_ROLES) and not roles.has(address, REVERSE_PROXY)
    )


class _Passed(NamedTuple):
    """One connection of a proxy to its pool."""

    flow: int
    port: int
    name: str
    """The published name that is asked for."""
    frame: int


def _passed(inquiry: Inquiry, attempt: Attempt) -> _Passed | None:
    """The first connection of an attempt that asks for a published name."""
    asked = {one.flow: one for one in inquiry.case.exchanges_of(attempt.client)}
    for flow in attempt.established:
        session, exchange = inquiry.case.sessions.get(flow), asked.get(flow)
        name = session.sni.lower() if session else exchange.host if exchange else ""
        frame = session.hello_frame if session else exchange.frames[0] if exchange else 0
        if name.startswith(PUBLISHED) and frame:
            return _Passed(flow, attempt.port, name, frame)
    return None


def _wrong_ports(inquiry: Inquiry, passed: Sequence[_Passed]) -> Found:
    first, subject = passed[0], subject_of(inquiry, passed[0].flow)
    flows = tuple(one.flow for one in passed)
    ports = " and ".join(str(port) for port in sorted({one.port for one in passed}, reverse=True))
    device, server = inquiry.word(subject.device), inquiry.server(subject.peer, subject.port)
    return subject.found(
        f"{device} passes {first.name} on to {server} on TCP port {ports}, where the site for people inside is.",
        "The pool tells people outside from those inside by the port: 4443 and 8080 are for the reverse proxy. On 443 "
        "and 80 it gives them inner names and addresses.",
        Confidence.CERTAIN,
        subject.shows(f"{first.name} is asked for on port {ports} of the pool", *(one.frame for one in passed)),
        flows=flows,
        reading=Reading.PACKETS if all(one.port == HTTPS for one in passed) else inquiry.reading(*flows),
        rejected=(("rp-host-header-rewritten", f"the name asked for inside is the published one, {first.name}"),),
    )


def _told_inside(inquiry: Inquiry, client: str, told: Sequence[WebExchange]) -> Judgement:
    first = told[0]
    hosts = [host for one in told for host in _inner_hosts(one)]
    follows = _lookup_in_vain(inquiry, first, hosts)
    reached = [
        one for one in inquiry.case.attempts_of(client) if is_private(one.server) and one.first_time > first.time
    ]
    if follows is None and not reached:
        return Doubt(client, f"{first.server} tells it that it is inside, and where it goes next is not in the capture")
    subject = subject_asking(inquiry, told)
    frames = follows.request_frames[:1] if follows else list(reached[0].failed_frames[:1])
    frame = frames[0] if frames else int(inquiry.case.flows.at[reached[0].flows[0], "first_frame"])
    then = f"It then asks DNS for {follows.name} in vain." if follows else f"It then tries {reached[0].server}."
    device, server = inquiry.word(client), inquiry.server(first.server, first.port)
    return subject.found(
        f"{device} is outside, and {server} answers it with the site for people inside.",
        f"Autodiscover says AccessLocation internal. {then} The pool says so when the reverse proxy asks on its inner "
        "port; a capture between the two would show the port.",
        Confidence.LIKELY,
        subject.shows("autodiscover answers: inside", *frames_of(told)),
        subject.shows(then, frame),
    )


def _inner_hosts(one: WebExchange) -> list[str]:
    """The names inside that an autodiscover answer gives: of servers for SIP, and of every link."""
    points = (one.row.sip_client_internal, one.row.sip_server_internal)
    named = [point.rpartition(":")[0] or point for point in points if point]
    return [*named, *(host for _, host in _links(one))]


def _links(one: WebExchange) -> list[tuple[str, str]]:
    """(token, host) of the links of an answer, its redirect among them."""
    found = [link.partition("=")[::2] for link in getattr(one.row, "links", ())]
    if one.row.location:
        found.append(("Location", one.row.location))
    hosts = ((token, urlsplit(target).hostname or "") for token, target in found)
    return [(token, host.lower()) for token, host in hosts if host]


def _lookup_in_vain(inquiry: Inquiry, told: WebExchange, hosts: Sequence[str]) -> Lookup | None:
    """What the client asked DNS for because it was told so, and what does not exist outside."""
    return next((one for one in _lookups(inquiry, told, hosts) if _has_no_address(inquiry, one)), None)


def _lookups(inquiry: Inquiry, told: WebExchange, hosts: Sequence[str]) -> list[Lookup]:
    """The client's questions for some names, first asked after it was told them."""
    mine = [one for one in inquiry.case.lookups if (one.client, one.capture) == (told.client, told.capture)]
    known = {one.name.lower() for one in mine if one.first_time < told.time}
    soon = [one for one in mine if told.time <= one.first_time <= told.time + FOLLOWS_NS]
    return [one for one in soon if one.name.lower() in hosts and one.name.lower() not in known]


def _has_no_address(inquiry: Inquiry, lookup: Lookup) -> bool:
    """The name does not exist, or leads to a private address, which is nowhere from outside."""
    addresses = inquiry.case.names.addresses_of(lookup.name)
    return lookup.denied or (lookup.answered and bool(addresses) and all(map(is_private, addresses)))


@rule(
    title="A client outside is sent to an inner server name",
    severity=Severity.MAJOR,
    stage=Stage.BOOTSTRAP,
    causes=(
        "The reverse proxy does not pass the host header on.",
        "The reverse proxy publishes the internal web site.",
        "The topology lacks the external name of the web services.",
    ),
    fix=("Pass the original host header on; never publish inner names in public DNS instead.",),
    act=("reverse proxy team", "Lync administrator"),
    sources=("ms-rpconf", "notes-edge"),
)
def rp_redirects_to_internal_fqdn(inquiry: Inquiry) -> Iterator[Judgement]:
    """A client outside is redirected, or linked, to a server name that exists inside only, and gets no further.

    Evidence: the answer of the reverse proxy to a client outside points to a host by a redirect or an autodiscover
    link; the client then asks DNS for that host, which does not exist outside or has a private address there. Where
    nothing shows on which side the client is, a name its DNS does not know is likely enough.

    Not this: links for clients inside, which every user's document holds; a redirect to an online service; the inner
    names that every client asks for anyway; a client inside. The answer of DNS is not in the capture: inconclusive.
    """
    for client, asked in by_client(asked_of_lync(inquiry, *WEB_SERVICES)):
        if not inquiry.is_placed(client, Location.INSIDE):
            pointing = [one for one in asked if is_outer(inquiry, one.server) and _pointed(one)]
            yield next((said for one in pointing if (said := _sent_inside(inquiry, one))), Clear(client))


def _pointed(one: WebExchange) -> list[str]:
    """The hosts an answer sends a client outside to."""
    hosts = [host for token, host in _links(one) if not token.lower().startswith(INNER_TOKEN)]
    other = [host for host in hosts if not host.startswith(INNER_NAMES) and not host.endswith(CLOUD_DOMAINS)]
    return [host for host in other if not is_address(host) and host != one.host]


def _sent_inside(inquiry: Inquiry, told: WebExchange) -> Judgement | None:
    lookups = _lookups(inquiry, told, _pointed(told))
    outside = inquiry.is_placed(told.client, Location.OUTSIDE)
    vain = next((one for one in lookups if _has_no_address(inquiry, one)), None)
    if vain and not outside and not vain.denied:
        return None  # a private address is right for a client inside
    if vain is None:
        open_ = [one for one in lookups if not one.answered]
        why = f"the answer of DNS for {open_[0].name}, where it is sent, is not in the capture" if open_ else ""
        return Doubt(told.client, why) if why else None
    subject = subject_asking(inquiry, [told])
    device, server = inquiry.word(told.client), inquiry.server(told.server, told.port)
    absent = "does not exist" if vain.denied else "has a private address"
    where = "is outside, and" if outside else "asked the address for people outside, and"
    return subject.found(
        f"{device} {where} {server} sends it to {vain.name}, which {absent} in the DNS it uses.",
        f"{vain.name} is a name for people inside{'' if outside else ', or its public record is missing'}. "
        "The client gets no further.",
        Confidence.CERTAIN if outside else Confidence.LIKELY,
        subject.shows(f"the answer that leads to {vain.name}", *told.frames),
        subject.shows(f"DNS: {vain.name} {absent}", vain.request_frames[0], vain.response_frame),
    )
