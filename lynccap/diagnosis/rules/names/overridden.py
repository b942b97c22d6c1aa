"""Names that a device itself leads elsewhere than DNS does."""

from collections.abc import Iterator

from lynccap import reference
from lynccap.correlation.attempts import Attempt
from lynccap.correlation.searches import Question
from lynccap.correlation.tls.sessions import TlsSession
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement
from lynccap.diagnosis.rules.names.asking import shown
from lynccap.diagnosis.subjects import subject_of
from lynccap.document import Confidence, Severity

TWIN_NS = 5_000_000_000
CONNECTIONS = 4  # of one client with one server: enough to see which name it asks for


@rule(
    title="A device talks to an address that DNS did not give it",
    severity=Severity.MINOR,
    stage=Stage.NAMES,
    causes=("An entry in the device's hosts file.", "An old answer in the device's cache."),
    fix=("Remove the entry from the hosts file, or clear the cache.",),
    act=("endpoint team",),
    sources=("notes-edge",),
    explains=("cert-lyncdiscover-missing-on-web", "cert-missing-sip-domain", "cert-name-mismatch", "tls-unknown-ca"),
)
def name_bound_without_dns(inquiry: Inquiry) -> Iterator[Judgement]:
    """A device asks a server by a name for which DNS has just given it another address.

    Evidence: a server name in TLS that is Lync's; the device's own DNS answer for the name, before the connection,
    without that address; the address holds another Lync role.

    Not this: an address that any answer for the name gives; proxies; a load balancer's member; addresses that
    Autodiscover handed out under names of their own. Inconclusive: the device did not ask for the name in the capture,
    as it may have kept an older answer.
    """
    case = inquiry.case
    for attempt in case.attempts:
        for flow in attempt.established[:CONNECTIONS]:
            session = case.sessions.get(flow)
            if session and session.sni and flow not in case.proxied and case.roles.is_plausible(attempt.server):
                yield from _bound(inquiry, attempt, session, session.sni.lower().rstrip("."))
                break


def _bound(inquiry: Inquiry, attempt: Attempt, session: TlsSession, name: str) -> Iterator[Judgement]:
    case = inquiry.case
    given = case.names.addresses_of(name)
    if attempt.server in given:
        yield Clear(attempt.client)
        return
    if not reference.name_rows(name) or any(attempt.server in one for one in case.roles.members.values()):
        return
    device = case.devices.id_of(attempt.client) or attempt.client
    asked = [one for one in case.searches.for_name(name, device) if one.capture == attempt.capture]
    told = [one for one in asked if one.addresses and one.best.response_time < attempt.first_time]
    told = [one for one in told for each in one.addresses if (":" in each) == (":" in attempt.server)]
    if not told:
        if not given:
            yield Doubt(device, f"it did not ask for {name} in the capture, and may know {attempt.server} from before")
    elif not _twin(inquiry, attempt, session):
        yield _overridden(inquiry, attempt, session, told[0])


def _overridden(inquiry: Inquiry, attempt: Attempt, session: TlsSession, told: Question) -> Judgement:
    subject = subject_of(inquiry, session.flow)
    _, server = inquiry.ends(attempt)
    return subject.found(
        f"{inquiry.word(attempt.client)} asks {server} for {told.name} on TCP port {attempt.port}, although "
        f"DNS had just told it {told.addresses[0]}.",
        "Something on the device overrides DNS: mostly its hosts file.",
        Confidence.CERTAIN,
        shown(told, f"DNS: {told.name} is {told.addresses[0]}"),
        subject.shows(f"TLS for {told.name} with {attempt.server}", session.hello_frame),
        rejected=(("state-dns-lb-failover", f"no DNS answer in this capture gives {attempt.server} for {told.name}"),),
    )


def _twin(inquiry: Inquiry, attempt: Attempt, session: TlsSession) -> bool:
    """Whether the same client asks for the same name at another address at once: one packet, before and behind NAT."""
    near = (
        one
        for one in inquiry.case.attempts_of(attempt.client)
        if one.server != attempt.server and abs(one.first_time - attempt.first_time) <= TWIN_NS
    )
    return any(one.sni == session.sni for one in inquiry.case.sessions_of(near))
