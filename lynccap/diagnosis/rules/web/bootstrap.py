"""What needs TCP port 80: a phone's root chain, and half of the web services (catalogue group 2)."""

from collections.abc import Iterator

from lynccap.correlation.attempts import Attempt
from lynccap.correlation.protocol_numbers import HTTP
from lynccap.correlation.roles.claims import WEB_ROLES
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Judgement, Proof
from lynccap.diagnosis.purposes.root_chain import distrust
from lynccap.diagnosis.subjects import FOR_ROOT_CHAIN, found, judged
from lynccap.diagnosis.verdicts import How, Verdict
from lynccap.document import Confidence, Severity

PCS_WORK = "PCs get the root certificate from Active Directory, so they keep working and only phones fail."
OPEN_80 = (
    "Open TCP 80 and 443 from the phones' subnets to every Front End and Director, on the load balancer too.",
    "Check afterwards with the cmdlet Test-CsPhoneBootstrap.",
)


NO_LISTENER = "The load balancer address has no listener on port 80."
REJECTED = "An internal firewall rejects port 80."
NO_BINDING = "The web server's binding for port 80 was removed."
REFUSED_BY = {
    How.REFUSED_BY_HOST: (NO_LISTENER, NO_BINDING, "The server's own firewall rejects port 80."),
    How.REFUSED_BETWEEN: (REJECTED, "A load balancer without a healthy node answers with resets."),
}
"""Causes in the order the resets' TTL suggests."""


def _bootstraps(inquiry: Inquiry) -> Iterator[Clear]:
    """Phones that reached port 80: the subjects on which a root chain rule is clear."""
    for attempt in inquiry.case.attempts:
        device = inquiry.device(attempt.client)
        if device and device.is_phone and attempt.port == HTTP and attempt.established:
            yield Clear(attempt.client)


def _unknown_ca(inquiry: Inquiry, client: str) -> Proof | None:
    """The alert by which the device refused a Lync server's certificate."""
    for capture, frame, _ in distrust(inquiry.case, client):
        return Proof(capture, (frame,), f"{client} ends TLS with alert 48, unknown CA")
    return None


def _tried_tls(inquiry: Inquiry, client: str) -> bool:
    return bool(inquiry.case.sessions_of(inquiry.case.attempts_of(client)))


def _pc_works(inquiry: Inquiry, attempt: Attempt) -> Proof | None:
    """Another device's completed TLS with the same server."""
    for one in inquiry.case.answers_of(attempt.server):
        session = inquiry.case.sessions.get(one.flow)
        if one.client != attempt.client and session and session.completed:
            says = f"{one.client} completes TLS with {attempt.server} on TCP port {one.port}"
            return Proof(attempt.capture, (session.hello_frame or session.data_frame, session.data_frame), says)
    return None


def _root_chain(inquiry: Inquiry, verdict: Verdict, ending: str, certain: bool) -> Judgement:
    attempt = verdict.attempt
    device, server = inquiry.ends(attempt)
    alert, works = _unknown_ca(inquiry, attempt.client), _pc_works(inquiry, attempt)
    says = f"{device} could not fetch the root certificates from {server}: TCP port 80 {ending}."
    sentences = [f"{verdict.says}.", FOR_ROOT_CHAIN]
    if alert:
        sentences.append("It then refuses the server's certificate with TLS alert 48, unknown CA.")
    if works:
        sentences.append(PCS_WORK)
    extra = tuple(one for one in (alert, works) if one)
    facts = inquiry.device(attempt.client)
    if facts is None or not facts.is_phone:
        certain = False
        sentences.append("Nothing shows what this device is; a phone without its root certificates behaves like this.")
    confidence = Confidence.CERTAIN if certain else Confidence.LIKELY
    return found(inquiry, verdict, says, " ".join(sentences), confidence, extra, REFUSED_BY.get(verdict.how, ()))


@rule(
    title="The phone cannot fetch its root certificates: port 80 is refused",
    severity=Severity.CRITICAL,
    stage=Stage.BOOTSTRAP,
    causes=(NO_LISTENER, REJECTED, NO_BINDING),
    fix=OPEN_80,
    act=("network/load balancer team", "Lync administrator"),
    sources=("ms-hlb", "ms-phoneboot"),
    explains=("tls-unknown-ca",),
)
def rootchain_http80_refused(inquiry: Inquiry) -> Iterator[Judgement]:
    """A phone asks the web services for the root certificate chain over TCP 80 and is refused, so it never trusts TLS.

    Evidence: a phone (by DHCP vendor class, User-Agent or the names it asks for) sends SYNs to port 80 of the web
    services and gets resets; it never fetches the chain; another port of the server answers; then the phone ends TLS
    with alert 48, or boots in the capture and never starts it.

    Not this: a phone that completes TLS and so holds the chain; a phone outside, which never fetches it; a PC that
    races autodiscover over ports 80 and 443.
    """
    yield from _bootstraps(inquiry)
    for verdict in judged(inquiry, "rootchain-http80-refused"):
        client = verdict.attempt.client
        late = inquiry.gates.ended_early(verdict.attempt.capture, verdict.attempt.last_time)
        silent = (
            not _tried_tls(inquiry, client)
            and not late
            and not inquiry.gates.one_sided(verdict.attempt.capture, client)
        )
        yield _root_chain(inquiry, verdict, "is refused", bool(_unknown_ca(inquiry, client)) or silent)


@rule(
    title="The phone cannot fetch its root certificates: port 80 is silently dropped",
    severity=Severity.CRITICAL,
    stage=Stage.BOOTSTRAP,
    causes=(
        "A firewall between the phones' network and the servers passes port 443 only.",
        "Routing sends the answer another way.",
        "Network access control holds the phone in a network of its own.",
    ),
    fix=OPEN_80,
    act=("network/firewall team",),
    sources=("ms-hlb", "ms-phoneboot"),
    explains=("tls-unknown-ca",),
)
def rootchain_http80_filtered(inquiry: Inquiry) -> Iterator[Judgement]:
    """A phone asks the web services for the root certificate chain over TCP 80 and its packets vanish.

    Evidence: three or more SYNs of a phone to port 80 of the web services without any answer; another port of the
    same server answers in the same capture; the phone never fetches the chain.

    Not this, and then inconclusive: a capture of one direction, one that ends within 9 s, one that lost packets.
    """
    yield from _bootstraps(inquiry)
    for verdict in judged(inquiry, "rootchain-http80-filtered"):
        certain = verdict.confidence is Confidence.CERTAIN
        yield _root_chain(inquiry, verdict, "is silently dropped", certain)


@rule(
    title="One of the two web ports is closed",
    severity=Severity.MAJOR,
    stage=Stage.BOOTSTRAP,
    causes=(
        "A firewall rule passes only one of the two web ports.",
        "The load balancer address listens on only one of them.",
    ),
    fix=("Open TCP 80 and 443 to all Front Ends and Directors from every client subnet, on the load balancer too.",),
    act=("network/firewall team",),
    sources=("ms-hlb", "ms-int-ports"),
    explains=("dns-search-order-delay", "tlsdsk-enrolment-failed"),
)
def port80_open_443_filtered(inquiry: Inquiry) -> Iterator[Judgement]:
    """The same web server answers a device on one of the ports 80 and 443 and not on the other.

    Evidence: a completed connection to one of them and, within 60 s and from the same device, resets or silence on
    the other; the server is a Front End, a Director or their load balancer address.

    Not this: clients outside at the reverse proxy, where port 80 may stay closed; Edge Servers, which never serve it;
    a phone that has no root certificate yet, for which the root chain rules speak.
    """
    for attempt in inquiry.case.attempts:
        if attempt.established and attempt.port in (80, 443) and inquiry.case.roles.has(attempt.server, *WEB_ROLES):
            yield Clear(attempt.client)
    for verdict in judged(inquiry, "port80-open-443-filtered"):
        attempt = verdict.attempt
        device, server = inquiry.ends(attempt)
        other = 443 if attempt.port == HTTP else HTTP
        says = f"{device} reaches {server} on TCP port {other} but not on {attempt.port}."
        why = f"{verdict.says}. Lync clients use both ports of the web services; phones need port 80 before all else."
        yield found(inquiry, verdict, says, why)
