"""The service for mobile apps that answers errors, and mobile devices that fail where desktops work (group 9)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lynccap.correlation.addresses import subnet_of
from lynccap.correlation.names import parent_of
from lynccap.correlation.protocol_numbers import HTTP, HTTPS
from lynccap.correlation.roles.claims import EDGE_ACCESS, REVERSE_PROXY
from lynccap.correlation.searches import Reply, Search
from lynccap.correlation.web_exchanges import WebExchange
from lynccap.diagnosis.asking import asked_of_lync, by_client, by_server, frames_of, subject_asking
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.purposes.mobility import MOBILE_SERVICES, may_be_mobile
from lynccap.diagnosis.purposes.users import signed_in
from lynccap.diagnosis.sip_answers import quoted
from lynccap.diagnosis.subjects import times_in_words
from lynccap.diagnosis.web_failures import bad_answers, failed_sessions
from lynccap.document import Confidence, Severity

ERRORS = (403, 404, 408, 410, 500, 503)  # catalogue, ucwa-http-errors; 502 and 504 are the proxy's own
ENDS_OF_POLLS = (408, 410)  # a poll or an application that ran out, once: the app begins again
NOT_THERE, REPEATED = 404, 2
OUTER_NAME = "lyncdiscover."


@rule(
    title="The service for mobile apps answers errors",
    severity=Severity.MAJOR,
    stage=Stage.SIGN_IN,
    causes=(
        "The load balancer does not keep a mobile app with its server (affinity): another one does not know it.",
        "The application pool on the web server is stopped or fails.",
        "Policy forbids the user to use mobile apps.",
    ),
    fix=(
        "Check the affinity of the web services for outside on the load balancer.",
        "Check the application pools of UCWA and Mcx, and the server's event log.",
    ),
    act=("Lync administrator", "load balancer team"),
    sources=("ms-autod-doc", "ms-hlb"),
    explains=("mobile-desktop-ok-mobile-fails",),
)
def ucwa_http_errors(inquiry: Inquiry) -> Iterator[Judgement]:
    """Requests of a mobile app to UCWA or Mcx are answered with errors.

    Evidence: HTTP 403, 404, 408, 410, 500 or 503 to requests below /ucwa or /Mcx, and no good answer afterwards.
    Certain where it is repeated; once it is likely, and only with the server's own diagnosis beside it.

    Not this: 401 before a web ticket; a single 408 or 410 at the end of a poll; an error that a good answer follows;
    404 below /Mcx, which Skype for Business Server 2019 does not have: inconclusive. Where requests cannot be read,
    nothing is said: a key log, or a capture behind the reverse proxy, shows them.
    """
    asked = (one for one in asked_of_lync(inquiry, "web-service") if one.row.service in MOBILE_SERVICES)
    for _, ones in by_client(asked):
        for part in by_server(ones):
            yield _errors(inquiry, part)


def _errors(inquiry: Inquiry, asked: Sequence[WebExchange]) -> Judgement:
    client = asked[0].client
    bad = [one for one in bad_answers(asked) if one.row.status in ERRORS]
    seen = any(one.row.status is not None for one in asked)
    told = [one for one in bad if one.row.ms_diagnostics or one.row.fault_reason]
    if not bad:
        return Clear(client) if seen else Doubt(client, "the answers to its requests are not in the capture")
    if all(one.row.service == "mcx" and one.row.status == NOT_THERE for one in bad):
        return Doubt(client, f"{asked[0].server} has no Mcx, as is right for Skype for Business Server 2019")
    once = len(bad) < REPEATED
    if once and bad[0].row.status in ENDS_OF_POLLS:
        return Clear(client)
    if once and not told:
        return Doubt(client, f"{asked[0].server} answers one request with {bad[0].row.status}, and nothing follows it")
    return _answering_badly(inquiry, bad, told[:1], once)


def _answering_badly(inquiry: Inquiry, bad: Sequence[WebExchange], told: Sequence[WebExchange], once: bool) -> Found:
    subject = subject_asking(inquiry, bad)
    device, server = inquiry.word(subject.device), inquiry.server(subject.peer, subject.port)
    statuses = " and ".join(f"HTTP {one}" for one in sorted({int(each.row.status) for each in bad}))
    services = " and ".join(sorted({"Mcx" if one.row.service == "mcx" else "UCWA" for one in bad}))
    words = f' The server says: "{quoted(told[0].row.ms_diagnostics or told[0].row.fault_reason)}".' if told else ""
    reading = inquiry.reading(subject.flow, *subject.others)
    return subject.found(
        f"{device} asked {server} for {services}, the service for mobile apps, and was answered with {statuses}, "
        f"{times_in_words(len(bad))}.",
        f"No good answer follows, so the app does not work.{words}",
        Confidence.LIKELY if once else Confidence.CERTAIN,
        subject.shows(f"requests to {services}: {statuses}", *frames_of(bad)),
        reading=reading,
        rejected=(("rp-backend-4443-unreachable", f"{statuses} comes from the service, not from a proxy before it"),),
    )


@dataclass(frozen=True, slots=True)
class _Desktop:
    """A device that signs in through an Access Edge."""

    address: str
    capture: int
    frames: tuple[int, ...]
    domains: frozenset[str]
    """Of the names of the Access Edge."""


@dataclass(frozen=True, slots=True)
class _Failure:
    """Where a mobile device's way to the web services first fails."""

    stage: str
    says: str
    proof: Proof
    time: int
    peer: str | None
    port: int
    flows: tuple[int, ...] = ()


@rule(
    title="Desktops sign in from this network, and mobile devices do not",
    severity=Severity.MAJOR,
    stage=Stage.SIGN_IN,
    causes=(
        "The reverse proxy does not publish what mobile apps need: Autodiscover, UCWA, Mcx.",
        "A certificate that desktops trust and the mobile device does not, or that lacks a name.",
        "UCWA is switched off for the user or stopped.",
    ),
    fix=("Repair the stage that is named: desktops use the Access Edge, mobile apps only the reverse proxy.",),
    act=("reverse proxy team",),
    sources=("notes-edge",),
)
def mobile_desktop_ok_mobile_fails(inquiry: Inquiry) -> Iterator[Judgement]:
    """In one network outside, a desktop signs in through the Access Edge, and a mobile device gets no web services.

    Evidence: SIP data of a device through the Access Edge; in the same subnet a device that uses no SIP, whose way to
    the web services fails at a stage that is named: DNS, TCP, TLS or HTTP.

    Not this: a mobile device that is answered well afterwards; devices of other networks, or of other companies. That
    an analyser on the Internet finds the services in order says nothing of this device. Inconclusive: the capture
    cannot prove the failure.
    """
    case = inquiry.case
    edges = [one for one in case.roles.claims if case.roles.has(one, EDGE_ACCESS)]
    good: dict[str, list[_Desktop]] = {}
    for attempt in (one for edge in edges for one in case.attempts_at(edge)):
        device = inquiry.device(attempt.client)
        if device and device.role is None and (frames := signed_in(case, attempt.client, EDGE_ACCESS)):
            names = {parent_of(name) for name in case.names.names_of(attempt.server)}
            one = _Desktop(attempt.client, attempt.capture, frames[:2], frozenset(names))
            good.setdefault(subnet_of(attempt.client), []).append(one)
    if not good:
        return
    clients = {address for one in case.devices.all() if may_be_mobile(case, one.id) for address in one.addresses}
    for client in sorted(one for one in clients if subnet_of(one) in good):
        searches = (one.domain for one in case.searches.searches if client in one.addresses)
        mine = {parent_of(domain) for domain in searches}
        desktop = next((one for one in good[subnet_of(client)] if not mine.isdisjoint(one.domains)), None)
        if desktop:
            yield from _beside(inquiry, client, desktop)


def _beside(inquiry: Inquiry, client: str, desktop: _Desktop) -> Iterator[Judgement]:
    if _is_served(inquiry, client):
        yield Clear(client)
        return
    failures = [one for one in _failures(inquiry, client) if one]
    if not failures:
        doubts = [one.doubt for one in inquiry.verdicts_of(client) if one.doubt]
        yield from (Doubt(client, one) for one in doubts[:1])
        return
    first = min(failures, key=lambda one: one.time)
    yield Found(
        device=client,
        peer=first.peer,
        port=first.port,
        transport="tcp" if first.port != 53 else "udp",
        service="web" if first.port != 53 else "dns",
        says=(
            f"{inquiry.word(client)} uses no SIP and fails at {first.stage}, while {desktop.address} signs in from "
            "the same network through the Access Edge."
        ),
        why=f"{first.says} Mobile apps use the web services behind the reverse proxy only, desktops the Access Edge.",
        confidence=Confidence.CERTAIN,
        proof=(
            first.proof,
            Proof(desktop.capture, desktop.frames, f"{desktop.address} gets SIP data through the Access Edge"),
        ),
        time=first.time,
        flows=first.flows,
    )


def _is_served(inquiry: Inquiry, client: str) -> bool:
    """Whether the device gets an answer of a mobile service, or unreadable data of the reverse proxy."""
    case = inquiry.case
    asked = case.exchanges_of(client)
    if any(one.protocol == "web-service" and one.row.outcome == "ok" for one in asked):
        return True
    sealed = [one for one in case.attempts_of(client) if case.roles.has(one.server, REVERSE_PROXY)]
    return any(one.completed and one.flow not in case.decrypted for one in case.sessions_of(sealed))


def _failures(inquiry: Inquiry, client: str) -> Iterator[_Failure | None]:
    for search in inquiry.case.searches.searches:
        if client in search.addresses:
            yield _unknown_name(search)
    for verdict in inquiry.verdicts:
        attempt = verdict.attempt
        web = attempt.port in (HTTP, HTTPS) and inquiry.case.roles.has(attempt.server, REVERSE_PROXY)
        if attempt.client == client and attempt.port == HTTPS and web and not verdict.doubt:
            at = (attempt.first_time, attempt.server, attempt.port, attempt.flows)
            yield _Failure("the TCP connection", f"{verdict.says}.", verdict.proof[0], *at)
    for failed in failed_sessions(inquiry, lambda server: inquiry.case.roles.has(server, REVERSE_PROXY)):
        if failed.client == client:
            ends = [one.handshake.end for one in failed.sessions if one.handshake.end]
            capture = int(inquiry.case.flows.at[failed.flows[0], "capture"])
            says = f"{failed.says[:1].upper()}{failed.says[1:]}."
            proof = Proof(capture, tuple(one.frame for one in ends), "how TLS ends")
            at = (ends[0].time, failed.server, failed.port, failed.flows)
            yield _Failure("TLS", says, proof, *at)
    protocols = ("autodiscover", "web-ticket", "web-service")
    mine = [one for one in asked_of_lync(inquiry, *protocols) if one.client == client]
    for part in by_server(mine):
        for one in bad_answers(part)[:1]:
            says = f"{one.server} answers {one.protocol} with HTTP {one.row.status}."
            proof = Proof(one.capture, one.frames, says)
            yield _Failure("HTTP", says, proof, one.time, one.server, one.port, (one.flow,))


def _unknown_name(search: Search) -> _Failure | None:
    asked = search.of(OUTER_NAME)
    if search.reply(OUTER_NAME) is not Reply.EMPTY or not asked or search.told:
        return None
    says = f"DNS knows no {asked[0].name}."
    proof = Proof(search.capture, asked[0].frames, says)
    return _Failure("DNS", says, proof, asked[0].first_time, asked[0].best.server, 53)
