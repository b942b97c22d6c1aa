"""Web services: autodiscover, root chain, the way to the web services, web ticket, certificate, UCWA."""

from lynccap.correlation.attempts import Attempt
from lynccap.correlation.journeys.connecting import connection, target_of, tls
from lynccap.correlation.journeys.exchanges import exchange
from lynccap.correlation.journeys.facts import StageFacts, StageName, listed
from lynccap.correlation.journeys.view import DeviceView
from lynccap.correlation.roles.claims import EDGE_ACCESS, REVERSE_PROXY, WEB_ROLES
from lynccap.correlation.tls.sessions import TlsSession
from lynccap.document import StepOutcome

CREATE = "create-application"  # the request that begins a UCWA session


def autodiscover(view: DeviceView) -> StageFacts | None:
    """Autodiscover ([MS-OCDISCWS]): the root, then the user's own."""
    return exchange(view, StageName.AUTODISCOVER, view.messages("autodiscover"), "asked for autodiscover")


def root_chain(view: DeviceView) -> StageFacts | None:
    """The root certificates over TCP port 80 ([MS-OCAUTHWS] GetRootCertChains), which only telephones fetch so."""
    rows = [row for row in view.messages("certprov") if row.step == "root-chains"]
    told = exchange(view, StageName.ROOT_CHAIN, rows, "asked for the root certificates")
    tries = [one for one in view.attempts if one.port == 80 and view.case.roles.has(one.server, *WEB_ROLES)]
    tries = [one for one in tries if not _asked_for_others(view, one)]
    if told or not tries:
        return told
    step = connection(view, StageName.ROOT_CHAIN, tries, "TCP port 80 of the web services")
    if step.outcome is StepOutcome.OK:
        return _with(step, StepOutcome.UNKNOWN, f"{step.says}; what it asked for there is not readable")
    if any(one.completed for one in view.case.sessions_of(view.attempts)):
        return _with(step, StepOutcome.SKIPPED, "TCP port 80 failed, but it trusts the servers already")
    return step


def _asked_for_others(view: DeviceView, attempt: Attempt) -> bool:
    """Whether what was said on every connection is readable: it was no question for root certificates."""
    readable = [view.coverage.stacks[flow].startswith("http") for flow in attempt.established]
    return bool(readable) and all(readable)


def _with(step: StageFacts, outcome: StepOutcome, says: str) -> StageFacts:
    return StageFacts(step.step, outcome, says, step.capture, step.time, step.frames)


def web_services(view: DeviceView) -> StageFacts | None:
    """TCP port 443 of the web services and the TLS on it."""
    tries = [one for one in view.attempts if one.port == 443 and is_web(view, one)]
    if not tries:
        return _through_proxy(view)
    reached = connection(view, StageName.WEB_SERVICES, tries, "the web services")
    sessions = view.case.sessions_of(tries)
    if not reached.is_ok or not sessions:
        return reached
    secured = tls(view, StageName.WEB_SERVICES, sessions)
    says = f"reached the web services ({target_of(next(one for one in tries if one.established))}); {secured.says}"
    frames = listed(secured.frames, reached.frames[0] if reached.frames else 0)
    return StageFacts(StageName.WEB_SERVICES, secured.outcome, says, reached.capture, reached.time, frames)


def is_web(view: DeviceView, attempt: Attempt) -> bool:
    """Whether an attempt is to Lync's web services; port 443 of an Access Edge is SIP."""
    roles = view.case.roles
    return roles.has(attempt.server, *WEB_ROLES, REVERSE_PROXY) and not roles.has(attempt.server, EDGE_ACCESS)


def _through_proxy(view: DeviceView) -> StageFacts | None:
    asked = [one for one in view.tunnels if one.service == "web"]
    one = next((one for one in asked if one.opened), asked[0] if asked else None)
    if one is None:
        return None
    outcome = StepOutcome.OK if one.opened else StepOutcome.FAILED if one.refused else StepOutcome.UNKNOWN
    frames = listed((), one.frame, one.answer_frame)
    return StageFacts(StageName.WEB_SERVICES, outcome, one.says("the web services"), one.capture, one.time, frames)


def web_ticket(view: DeviceView) -> StageFacts | None:
    """The web ticket ([MS-OCAUTHWS]), with which a user proves who it is to the web services."""
    rows = [row for row in view.messages("web-ticket") if row.step != "metadata"]
    told = exchange(view, StageName.WEB_TICKET, rows, "asked for a web ticket")
    sealed = None if told else _sealed(view)
    if sealed is None:
        return told
    return _unreadable(view, StageName.WEB_TICKET, sealed)


def certificate(view: DeviceView) -> StageFacts | None:
    """The user's certificate ([MS-OCAUTHWS] GetAndPublishCert), with which devices sign in from then on."""
    rows = [row for row in view.messages("certprov") if row.step == "get-certificate"]
    return exchange(view, StageName.CERTIFICATE, rows, "asked for its certificate")


def applications(view: DeviceView) -> StageFacts | None:
    """The UCWA session of a mobile app, its way to sign in."""
    rows = [row for row in view.messages("web-service") if row.service == "ucwa"]
    begun = [row for row in rows if row.operation == CREATE]
    words = (
        "asked for a session of the mobile service (UCWA)" if begun else "used its session of the mobile service (UCWA)"
    )
    told = exchange(view, StageName.APPLICATIONS, begun or rows, words)
    sealed = None if told else _sealed(view)
    return told if sealed is None else _unreadable(view, StageName.APPLICATIONS, sealed)


def _sealed(view: DeviceView) -> TlsSession | None:
    """The first TLS session with the web services that was completed and could not be read."""
    tries = [one for one in view.attempts if one.port == 443 and is_web(view, one)]
    done = [one for one in view.case.sessions_of(tries) if one.completed and one.flow not in view.case.decrypted]
    return done[0] if done else None


def _unreadable(view: DeviceView, name: StageName, session: TlsSession) -> StageFacts:
    says = "what it asked of the web services is inside TLS, which cannot be read here"
    capture = view.coverage.captures[session.flow]
    return StageFacts(name, StepOutcome.UNKNOWN, says, capture, session.data_time, listed((session.data_frame,)))
