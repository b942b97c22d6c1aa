"""Mobile devices on the company's own Wi-Fi, which use the web services for outside by design (catalogue group 9)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from lynccap.correlation.addresses import is_private, is_public
from lynccap.correlation.attempts import Answer, Attempt
from lynccap.correlation.discovery_names import INNER_NAMES
from lynccap.correlation.names import SOURCE_DNS
from lynccap.correlation.protocol_numbers import HTTPS
from lynccap.correlation.roles.claims import REVERSE_PROXY
from lynccap.correlation.roles.sides import Location
from lynccap.correlation.tls.sessions import TlsSession
from lynccap.correlation.web_exchanges import WebExchange
from lynccap.diagnosis.blocked import blocked
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement, Proof
from lynccap.diagnosis.purposes.mobility import MOBILE_SERVICES, inside_by_name, may_be_mobile
from lynccap.diagnosis.purposes.users import name_asked
from lynccap.diagnosis.subjects import judged, subject_of
from lynccap.diagnosis.verdicts import Verdict
from lynccap.diagnosis.web_failures import OF_TLS, bad_answers
from lynccap.document import Confidence, Reading, Severity


@rule(
    title="Mobile devices inside cannot come back in to the external web services",
    severity=Severity.CRITICAL,
    stage=Stage.REACH,
    causes=(
        "The firewall does not let traffic from inside out to its own public address and back in (hairpin).",
        "DNS inside has no record that leads to the reverse proxy's inner side instead.",
    ),
    fix=(
        "Let the Wi-Fi networks reach the public address of the external web services on TCP 443.",
        "Or resolve the external web name inside to an address of the reverse proxy that is reachable from there.",
    ),
    act=("network/firewall team",),
    sources=("ms-mobility", "schertz-mobmedia"),
)
def mobile_hairpin_blocked(inquiry: Inquiry) -> Iterator[Judgement]:
    """A mobile device inside finds the pool, is sent to the external web services, and does not get there.

    Evidence: DNS tells the device the inner address of lyncdiscoverinternal; its next connections, to the public
    address of the external web name on TCP port 443, are refused or unanswered. Certain where somebody from outside
    reaches the same address and port in the capture.

    Not this: the names that are only tried to discover the pool, outside ones among them; a guest network that is
    routed outside, where the inner name is unknown; a device that signs in over SIP, which needs no such way.
    """
    case = inquiry.case
    for attempt in _to_outer_names(inquiry):
        if is_public(attempt.server) and inside_by_name(case, attempt.client):
            yield Clear(attempt.client)
    for verdict in judged(inquiry, "mobile-hairpin-blocked"):
        yield _no_way_back(inquiry, verdict)


def _to_outer_names(inquiry: Inquiry) -> list[Attempt]:
    """Working connections of what may be mobile devices to an address of an external web name."""
    case = inquiry.case
    names = [name for name in case.names.addresses if case.web_names.is_outer(name)]
    hosts = dict.fromkeys(address for name in names for address in case.names.addresses_of(name))
    tries = (one for host in hosts for one in case.attempts_at(host) if one.port == HTTPS and one.established)
    return [one for one in tries if may_be_mobile(case, one.client)]


def _no_way_back(inquiry: Inquiry, verdict: Verdict) -> Judgement:
    attempt = verdict.attempt
    inner = inside_by_name(inquiry.case, attempt.client)
    assert inner
    outside = _reached_from_outside(inquiry, attempt)
    extra = [Proof(inner.capture, inner.frames, f"{inner.name} is {inner.addresses[0]}: the device is inside")]
    there = "Whether it works from outside is not in this capture."
    if outside:
        there = f"From outside it works: {outside.client} reaches it."
        extra.append(Proof(attempt.capture, (outside.last_frame,), f"from outside, {outside.client} is answered"))
    elif verdict.confidence is Confidence.CERTAIN:
        verdict = replace(verdict, confidence=Confidence.LIKELY)
    effect = (
        "Mobile apps use the external web services from inside too, so they have to get out to this address and back "
        f"in. {there}"
    )
    return blocked(inquiry, verdict, effect, tuple(extra))


def _reached_from_outside(inquiry: Inquiry, attempt: Attempt) -> Answer | None:
    """A connection from a public address that is answered at the same port."""
    for one in inquiry.case.answers_of(attempt.server):
        outside = is_public(one.client) or inquiry.is_placed(one.client, Location.OUTSIDE)
        if one.port == attempt.port and one.client != attempt.client and outside:
            return one
    return None


@dataclass(frozen=True, slots=True)
class _Landing:
    """A mobile device's connections by an external web name to a private address."""

    attempt: Attempt
    name: str
    shared: tuple[str, ...]
    """Names for people inside that DNS gives the same address for."""
    sessions: tuple[TlsSession, ...]


@rule(
    title="Mobile devices inside land on the web site for people inside",
    severity=Severity.MAJOR,
    stage=Stage.NAMES,
    causes=("DNS inside gives the internal web address for the external web name.",),
    fix=(
        "Resolve the external web name inside to the reverse proxy.",
        "Or to an address of the load balancer that passes 443 on to port 4443 of the servers.",
    ),
    act=("DNS administrator", "reverse proxy team"),
    sources=("ms-mobility", "sfb-dns"),
    explains=("ucwa-http-errors", "cert-name-mismatch", *OF_TLS),
)
def mobile_lands_on_internal_site(inquiry: Inquiry) -> Iterator[Judgement]:
    """A mobile device inside goes to the external web name, and DNS leads it to the internal web services.

    Evidence: DNS gives a private address of the web services for the external web name; the certificate there is not
    for that name, or requests of mobile apps are answered with an error. Certain where DNS gives the same address for
    a name of people inside.

    Not this: an address that is passed on to the site for outside (443 to 4443), whose certificate has the name and
    which answers mobile apps; a reverse proxy's inner side. Inconclusive: the certificate fits, and nothing else can
    be read.
    """
    for attempt in _to_outer_names(inquiry):
        landing = _landing(inquiry, attempt)
        if landing:
            yield _on_site(inquiry, landing)


def _landing(inquiry: Inquiry, attempt: Attempt) -> _Landing | None:
    case = inquiry.case
    if not is_private(attempt.server) or case.roles.has(attempt.server, REVERSE_PROXY):
        return None
    asked = name_asked(case, attempt.client, attempt.server, attempt.first_time)
    sessions = tuple(case.sessions_of([attempt]))
    names = [name for name in (asked, *(one.sni.lower() for one in sessions)) if case.web_names.is_outer(name)]
    if not names:
        return None
    others = case.names.names_of(attempt.server, SOURCE_DNS)
    shared = tuple(one for one in others if one in case.web_names.inner or one.startswith(INNER_NAMES))
    return _Landing(attempt, names[0], shared, sessions)


def _on_site(inquiry: Inquiry, landing: _Landing) -> Judgement:
    attempt, name = landing.attempt, landing.name
    flows = tuple(one.flow for one in landing.sessions) or attempt.established
    asked = [one for one in inquiry.case.exchanges_of(attempt.client) if one.flow in flows and _of_mobiles(one)]
    bad = bad_answers(asked)
    uncovered = [one for one in landing.sessions if _is_uncovered(inquiry, one, name)]
    if not bad and not uncovered:
        if any(one.row.outcome == "ok" for one in asked) or not landing.shared:
            return Clear(attempt.client)
        return Doubt(
            attempt.client,
            f"{attempt.server} is the address of {name} and of {landing.shared[0]}; its certificate fits both, so it "
            "may be passed on to the site for outside: a key log, or a capture behind it, would tell",
        )
    return _landed(inquiry, landing, bad, uncovered)


def _of_mobiles(one: WebExchange) -> bool:
    return one.protocol == "web-service" and one.row.service in MOBILE_SERVICES


def _is_uncovered(inquiry: Inquiry, session: TlsSession, name: str) -> bool:
    if session.sni.lower() not in ("", name):
        return False  # asked for another name, the server may show another certificate
    shown = inquiry.case.shown_on.get(session.flow)
    return shown is not None and shown.readable and not shown.covers(name)


def _landed(inquiry: Inquiry, landing: _Landing, bad: list[WebExchange], uncovered: list[TlsSession]) -> Judgement:
    attempt, name = landing.attempt, landing.name
    flows = tuple(dict.fromkeys([*(one.flow for one in uncovered), *(one.flow for one in bad)]))
    subject = subject_of(inquiry, flows[0])
    device, server = inquiry.word(attempt.client), inquiry.server(attempt.server, attempt.port)
    link = inquiry.case.names.addresses[name].get(attempt.server)
    signs, proof = [], []
    if link:
        proof.append(Proof(link.capture, (link.frame,), f"DNS gives {attempt.server} for {name}"))
    if uncovered:
        signs.append(f"the certificate there is not for {name}")
        proof.append(subject.shows(signs[-1], *(one.certificate_frame for one in uncovered)))
    if bad:
        statuses = ", ".join(str(one) for one in sorted({int(each.row.status) for each in bad if each.row.status}))
        signs.append(f"requests of mobile apps are answered with HTTP {statuses}")
        proof.append(subject.shows(signs[-1], *(frame for one in bad for frame in one.frames)))
    both = f" DNS gives the same address for {landing.shared[0]}." if landing.shared else ""
    return subject.found(
        f"{device} is led by {name} to {server}, the web site for people inside: {' and '.join(signs)}.",
        f"Mobile apps need the site for outside, from inside too.{both}",
        Confidence.CERTAIN if landing.shared else Confidence.LIKELY,
        *proof,
        flows=flows,
        time=min([subject.time, *([link.time] if link else [])]),
        reading=inquiry.reading(*(one.flow for one in bad)) if bad else Reading.PACKETS,
    )
