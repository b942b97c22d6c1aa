"""What a reverse proxy makes of a request on its way to the pool, and pools it cannot reach (catalogue group 2)."""

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from lynccap import reference
from lynccap.correlation.lookups import Lookup
from lynccap.correlation.names import parent_of
from lynccap.correlation.protocol_numbers import HTTP, HTTPS
from lynccap.correlation.roles.claims import EDGE_ACCESS, PROXY_INSIDE, REVERSE_PROXY, Basis
from lynccap.correlation.roles.proxies import INNER_PORTS, PUBLISHED
from lynccap.correlation.roles.sides import Location
from lynccap.correlation.web_exchanges import WebExchange
from lynccap.diagnosis.asking import (
    answers_in_words,
    asked_of_lync,
    asked_of_servers,
    by_client,
    by_server,
    frames_of,
    speaker_in_words,
    subject_asking,
)
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.rules.web.provisioning import is_outer
from lynccap.diagnosis.rules.web.publishing import WEB_SERVICES, is_proxy
from lynccap.diagnosis.subjects import found, judged
from lynccap.document import Confidence, Severity

BACKEND_STATUSES = (502, 504)  # RFC 9110 15.6: the gateway got no valid answer, or none in time
ENOUGH_NAMES = 2  # one name that is missing is a missing record


@rule(
    title="The reverse proxy replaces the host header",
    severity=Severity.MAJOR,
    stage=Stage.BOOTSTRAP,
    causes=("Passing the original host header on is switched off in the publishing rule.",),
    fix=("Pass the original host header on (ForwardOriginalHostHeader true).",),
    act=("reverse proxy team",),
    sources=("notes-poster", "ms-hlb", "ms-rpconf"),
    explains=("autodiscover-http-error",),
)
def rp_host_header_rewritten(inquiry: Inquiry) -> Iterator[Judgement]:
    """The reverse proxy asks the pool under another host name than the client asked for, and the answer goes wrong.

    Evidence: on both sides of the proxy the same request is readable; the host inside is not the one asked for
    outside; the pool answers with an error or a redirect, which the proxy passes on.

    Not this: a proxy that changes names both ways, whose answers are right. Only the inner side is readable, and the
    pool answers an unpublished name with an error: inconclusive.
    """
    inner = [one for one in asked_of_servers(inquiry, *WEB_SERVICES) if one.port in INNER_PORTS]
    inner = [one for one in inner if is_proxy(inquiry, one.client) and _is_lyncs(inquiry, one)]
    outer = [one for one in asked_of_servers(inquiry, *WEB_SERVICES) if one.port in (HTTP, HTTPS)] if inner else []
    for one in inner:
        yield _passed_on(inquiry, one, [each for each in outer if _is_origin(each, one)])


def _is_lyncs(inquiry: Inquiry, inner: WebExchange) -> bool:
    """Whether the proxy or what is behind it is Lync's: 8080 is many products' port."""
    roles = inquiry.case.roles
    return roles.is_lync(inner.server) or (roles.is_lync(inner.client) and roles.is_plausible(inner.server))


def _is_origin(outer: WebExchange, inner: WebExchange) -> bool:
    """The proxy asks inside while it owes an answer outside, for the same path."""
    if (outer.server, outer.capture) != (inner.client, inner.capture) or not (outer.request and inner.request):
        return False
    within = outer.frames[0] < inner.frames[0] and inner.frames[-1] <= outer.frames[-1]
    return within and outer.request.target == inner.request.target


def _went_wrong(inner: WebExchange) -> bool:
    """An error, or a redirect to the very name that the proxy made up."""
    if inner.row.outcome == "redirected":
        return (urlsplit(inner.row.location or "").hostname or "") == inner.host
    return inner.row.outcome in ("http-error", "fault")


def _passed_on(inquiry: Inquiry, inner: WebExchange, origins: Sequence[WebExchange]) -> Judgement:
    if not _went_wrong(inner) or any(one.host == inner.host for one in origins):
        return Clear(inner.client)
    if len({one.host for one in origins}) != 1:
        why = f"{inner.server} answers {inner.host} with an error, and what the client asked for is not readable"
        return Clear(inner.client) if inner.host.startswith(PUBLISHED) else Doubt(inner.client, why)
    outer = origins[0]
    subject, answered = subject_asking(inquiry, [outer]), answers_in_words([inner])
    device, server = inquiry.word(outer.client), inquiry.server(outer.server, outer.port)
    return subject.found(
        f"{device} asked {server} for {outer.host}, and the proxy asked the pool for {inner.host}: {answered}.",
        "The pool tells its sites by the host header. Under another name it cannot tell which one is meant.",
        Confidence.CERTAIN,
        subject.shows(f"outside: {outer.host}", *outer.frames),
        subject.shows(f"inside: {inner.host}, answered with {answered}", *inner.frames),
        flows=(outer.flow, inner.flow),
    )


@rule(
    title="The reverse proxy cannot reach the pool behind it",
    severity=Severity.CRITICAL,
    stage=Stage.REACH,
    causes=(
        "The internal firewall does not pass the reverse proxy to the pool on TCP 4443 (and 8080).",
        "The load balancer in front of the pool does not listen on 4443.",
        "The publishing rule names a wrong destination.",
    ),
    fix=(
        "Open TCP 4443 from the reverse proxy to the Front End or Director address.",
        "Open 8080 too where autodiscover is published over HTTP.",
    ),
    act=("network/firewall team", "reverse proxy team"),
    sources=("notes-rp", "ms-director", "ms-hlb"),
    explains=("autodiscover-http-error", "autodiscover-both-ports-fail", "tlsdsk-enrolment-failed"),
)
def rp_backend_4443_unreachable(inquiry: Inquiry) -> Iterator[Judgement]:
    """The reverse proxy gets no connection to the pool's web site for people outside.

    Evidence: the reverse proxy's SYNs to port 4443 or 8080 of the pool are refused or dropped; or, seen from outside
    only, the proxy answers Lync requests with 502 or 504 and no request well.

    Not this: single bad members behind a load balancer, where some requests are answered well; a restart; another
    product's proxy. A capture of one direction, or one that ends too soon: inconclusive.
    """
    for attempt in inquiry.case.attempts:
        if attempt.port in INNER_PORTS and attempt.established and is_proxy(inquiry, attempt.client):
            yield Clear(attempt.client)
    for verdict in judged(inquiry, "rp-backend-4443-unreachable"):
        attempt = verdict.attempt
        device, server = inquiry.ends(attempt)
        says = f"{device} cannot reach {server} on TCP port {attempt.port}."
        claim = inquiry.case.roles.best(attempt.client, REVERSE_PROXY, PROXY_INSIDE)
        guessed = claim is not None and claim.basis is Basis.PORT_AND_BYTES
        why = f"{verdict.says}. Everybody outside needs this way to the web services."
        if guessed:
            why += f" That {attempt.client} is a reverse proxy is told by the ports it asks for only."
        yield found(inquiry, verdict, says, why, Confidence.LIKELY if guessed else None)
    for client, asked in by_client(asked_of_lync(inquiry, *WEB_SERVICES)):
        outer = [one for one in asked if is_outer(inquiry, one.server)]
        for part in by_server(outer) if inquiry.is_placed(client, Location.OUTSIDE) else ():
            yield from _gateway_fails(inquiry, part)


def _gateway_fails(inquiry: Inquiry, asked: Sequence[WebExchange]) -> Iterator[Judgement]:
    bad = [one for one in asked if one.row.status in BACKEND_STATUSES]
    if not bad:
        return
    if any(one.row.status is not None and one.row.status < 500 for one in asked):
        yield Doubt(
            asked[0].client, f"{asked[0].server} answers other requests well: one member of the pool may be bad"
        )
        return
    subject, answered = subject_asking(inquiry, bad), answers_in_words(bad)
    device, server = inquiry.word(subject.device), inquiry.server(subject.peer, subject.port)
    yield subject.found(
        f"{device} is answered by {server} with {answered}: the reverse proxy gets nothing from the pool behind it.",
        f"That is how a proxy says so.{speaker_in_words(bad)} A capture between proxy and pool would show it.",
        Confidence.LIKELY,
        subject.shows(f"requests answered with {answered}", *frames_of(bad)),
        rejected=(("lb-dead-node-in-rotation", f"none of its {len(asked)} requests is answered well"),)
        if len(asked) > 1
        else (),
    )


@rule(
    title="No web services are published outside",
    severity=Severity.MINOR,
    stage=Stage.NAMES,
    causes=("A reverse proxy was never set up.", "DNS points elsewhere."),
    fix=("Publish the web services for people outside through a reverse proxy.",),
    act=("Lync administrator",),
    sources=("notes-edge", "ms-dns-rp"),
    explains=("dns-lyncdiscover-missing", "meeting-join-url-fails", "tlsdsk-enrolment-failed"),
)
def reverse_proxy_absent(inquiry: Inquiry) -> Iterator[Judgement]:
    """SIP works from outside, and none of the web names does.

    Evidence: a client outside signs in through the Access Edge; it asks DNS for two or more names of the published
    web services, and each does not exist, leads to the Access Edge, or to an address that refuses port 443 or does
    not answer there.

    Not this: a client that asks for no web name, or for one only; a name that leads to a working address. A question
    without an answer in the capture: inconclusive.
    """
    case = inquiry.case
    edges = [address for address in case.roles.claims if case.roles.has(address, EDGE_ACCESS)]
    for client in dict.fromkeys(one.client for edge in edges for one in case.attempts_at(edge)):
        device = inquiry.device(client)
        if device and device.role is None and inquiry.is_placed(client, Location.OUTSIDE):
            yield from _without_web(inquiry, client)


def _without_web(inquiry: Inquiry, client: str) -> Iterator[Judgement]:
    edge = _through_edge(inquiry, client)
    if edge is None:
        return
    mine = [one for one in inquiry.case.lookups if one.client == client and _is_web_name(one.name)]
    searches = (one.domain for one in inquiry.case.searches.searches if client in one.addresses)
    ours = {parent_of(name) for name in (*inquiry.case.names.names_of(edge[0]), *searches)}
    asked = {one.name.lower(): one for one in mine if not ours or parent_of(one.name.lower()) in ours}
    if len(asked) < ENOUGH_NAMES:
        return
    unanswered = [one.name for one in asked.values() if not one.answered]
    ends = {name: _end_of(inquiry, client, one) for name, one in asked.items() if one.answered}
    if not all(ends.values()):
        yield Clear(client)
    elif unanswered:
        yield Doubt(client, f"the answer of DNS for {unanswered[0]} is not in the capture")
    else:
        yield _absent(inquiry, client, edge, list(asked.values()), ends)


def _through_edge(inquiry: Inquiry, client: str) -> tuple[str, Proof] | None:
    """The Access Edge through which a client signs in, with the proof."""
    case = inquiry.case
    for attempt in case.attempts_of(client):
        if case.roles.has(attempt.server, EDGE_ACCESS) and case.roles.is_sip(attempt.server, attempt.port):
            for session in case.sessions_of([attempt]):
                if session.completed:
                    says = f"SIP works through the Access Edge {attempt.server}"
                    return attempt.server, Proof(attempt.capture, (session.data_frame,), says)
    return None


def _is_web_name(name: str) -> bool:
    """Whether it is a name of the published web services, other than the ones every product has."""
    rows = reference.name_rows(name)
    return name.lower().startswith(PUBLISHED) or any(REVERSE_PROXY in row.role and row.verified for row in rows)


def _end_of(inquiry: Inquiry, client: str, lookup: Lookup) -> str:
    """Why a web name leads to no web service; "" when it may lead to one."""
    case = inquiry.case
    addresses = case.names.addresses_of(lookup.name)
    if not addresses:
        return "does not exist" if lookup.denied else ""
    if all(case.roles.has(one, EDGE_ACCESS) for one in addresses):
        return "leads to the Access Edge"
    tries = [one for one in case.attempts_of(client) if one.server in addresses and one.port in (HTTP, HTTPS)]
    closed = bool(tries) and any(one.port == HTTPS for one in tries) and not any(one.established for one in tries)
    return f"leads to {addresses[0]}, which is closed" if closed else ""


def _absent(
    inquiry: Inquiry, client: str, edge: tuple[str, Proof], asked: Sequence[Lookup], ends: dict[str, str]
) -> Found:
    told = "; ".join(f"{name} {end}" for name, end in ends.items())
    frames = [frame for one in asked for frame in (one.request_frames[0], one.response_frame)]
    return Found(
        device=client,
        peer=edge[0],
        transport="tcp",
        service="web",
        says=f"{inquiry.word(client)} signs in through the Access Edge, but no web service is published outside.",
        why=f"Of the web names it asks for, {told}. Without them there is no address book, no expansion of groups, no "
        "meeting content and no join page outside, and mobile apps cannot work at all.",
        confidence=Confidence.LIKELY,
        proof=(edge[1], Proof(edge[1].capture, tuple(sorted(frames)), "the web names asked for, and the answers")),
        time=min(one.first_time for one in asked),
        rejected=(("dns-server-no-answer", f"DNS answers for all {len(asked)} web names"),),
    )
