"""Certificates of private authorities where strangers come."""

from collections.abc import Iterator, Mapping

from lynccap.correlation.arrivals import Arrival
from lynccap.correlation.authorities import Kind, kind_of, private_because
from lynccap.correlation.case import Case
from lynccap.correlation.names import SOURCE_SNI, parent_of
from lynccap.correlation.roles.claims import WEB_ROLES
from lynccap.correlation.tls.presented import Presented, Showing
from lynccap.correlation.tls.sessions import UNKNOWN_CA
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.holders import OUTSIDE, Holder, holders, outside
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement
from lynccap.diagnosis.purposes.root_chain import completes_later
from lynccap.diagnosis.rules.certificates.wording import listed, of_holder, the_holder
from lynccap.diagnosis.subjects import subject_of
from lynccap.document import Confidence, Severity

UNLISTED = (
    "whether that authority is a public one is not known: no list of them is complete; "
    "the chain up to its root would decide it"
)


@rule(
    title="A server for the outside shows a certificate of a private authority",
    severity=Severity.CRITICAL,
    stage=Stage.TRUST,
    causes=("The certificate for inside was assigned to the outer listener.",),
    fix=(
        "Use a certificate of a public authority.",
        "Else give everybody the private root certificate, and publish its revocation list.",
    ),
    act=("PKI team",),
    sources=("notes-edge", "notes-sec2", "notes-http"),
    explains=("tls-unknown-ca", "autodiscover-443-fails-80-works", "federation-tls-failed"),
)
def cert_private_ca_on_external(inquiry: Inquiry) -> Iterator[Judgement]:
    """The reverse proxy or the outer side of an Edge shows a certificate of the organisation's own authority.

    Evidence: an issuer named after an Active Directory domain or the organisation itself, at an outer listener whose
    role something else than the certificate shows; clients that end TLS with alert 48. Without any it is a note: where
    all devices belong to the domain it works.

    Not this: TLS inspection, which shows certificates of its own for everybody's servers; an authority that is only
    unknown to this tool.
    """
    for one in holders(inquiry.case, *OUTSIDE):
        if one.shown.readable and outside(inquiry.case, one.shown):
            yield from _judged(inquiry, one)


def _judged(inquiry: Inquiry, one: Holder) -> Iterator[Judgement]:
    kind, refusing = kind_of(one.shown), _refusing(inquiry.case, one.shown)
    if kind is Kind.PUBLIC or (kind is Kind.UNKNOWN and not refusing):
        yield Clear(one.shown.holder)
        return
    doubt = one.doubt or _inspected(inquiry.case, one.shown) or (UNLISTED if kind is Kind.UNKNOWN else "")
    if doubt:
        yield Doubt(one.shown.holder, doubt)
    elif refusing:
        yield from (_refused(inquiry, one, each) for each in refusing.values())
    else:
        yield _risk(inquiry, one)


def _refusing(case: Case, shown: Presented) -> dict[str, Showing]:
    """By client that does not know the authority: when it said so first; those that get over it are left out."""
    found: dict[str, Showing] = {}
    for one in shown.showings:
        session = case.sessions.get(one.flow)
        alert = session.alert(UNKNOWN_CA) if session and not session.completed else None
        if session and alert and alert.from_client and not completes_later(case, session):
            found.setdefault(one.viewer, one)
    return found


def _inspected(case: Case, shown: Presented) -> str:
    """Why something between may have shown its own certificate, "" when nothing speaks for it."""
    own, issuer = {parent_of(name) for name in shown.names}, shown.leaf.issuer
    for other in case.presented:
        if not other.by_server or other.capture != shown.capture or not other.readable:
            continue
        there = f"{other.holder} TCP port {other.port}"
        if (other.holder, other.port) == (shown.holder, shown.port) and other.leaf.issuer != issuer:
            return f"{there} shows certificates of two authorities: one may be of a box that inspects TLS"
        stranger = bool(other.names) and own.isdisjoint({parent_of(name) for name in other.names})
        if stranger and other.leaf.issuer == issuer and outside(case, other):
            return f"the same authority issued {there}'s certificate for another owner: TLS may be inspected"
    return ""


def _refused(inquiry: Inquiry, one: Holder, showing: Showing) -> Found:
    subject, session = subject_of(inquiry, showing.flow), inquiry.case.sessions[showing.flow]
    alert = session.alert(UNKNOWN_CA)
    told = inquiry.case.sessions
    accepting = {each.viewer for each in one.shown.showings if each.flow in told and told[each.flow].completed}
    mixed = f" {listed(sorted(accepting))} takes it: the private root is known there." if accepting else ""
    server = inquiry.server(one.shown.holder, one.shown.port)
    return subject.found(
        f"{inquiry.word(showing.viewer)} ends TLS with {server} on TCP port {one.shown.port}, whose certificate "
        f"for the outside is of a private authority ({one.shown.leaf.issuer}).",
        f"{private_because(one.shown)}.{mixed} {one.tie}",
        Confidence.CERTAIN if accepting else Confidence.LIKELY,
        subject.shows(
            "the certificate, and the alert 48 that refuses its authority", showing.frame, alert.frame if alert else 0
        ),
        time=showing.time,
        rejected=(("cert-name-mismatch", "alert 48 is about the authority, not about a name"),),
    )


def _risk(inquiry: Inquiry, one: Holder) -> Found:
    subject, first = of_holder(inquiry, one.shown), one.shown.showings[0]
    return subject.found(
        f"{the_holder(inquiry, one.shown)} shows the outside a certificate of a private authority on TCP port "
        f"{one.shown.port} ({one.shown.leaf.issuer}); nobody refuses it here.",
        f"{private_because(one.shown)}. Devices that do not belong to the domain will refuse it. {one.tie}",
        Confidence.LIKELY,
        subject.shows("the certificate with its issuer", first.frame),
        time=first.time,
        severity=Severity.INFO,
    )


@rule(
    title="A mobile device inside is shown a certificate of the private authority",
    severity=Severity.MAJOR,
    stage=Stage.TRUST,
    causes=("Autodiscover inside leads mobile devices to the pool itself.",),
    fix=(
        "Install the private chain on the devices.",
        "Or lead them to the reverse proxy with its public certificate, inside too.",
    ),
    act=("PKI team",),
    sources=("shudnow-wifi", "ms-mobility", "sfb-dns"),
    explains=("tls-unknown-ca", "autodiscover-443-fails-80-works"),
)
def cert_mobile_gets_private_ca(inquiry: Inquiry) -> Iterator[Judgement]:
    """A mobile device reaches the pool's own web services and refuses their private certificate.

    Evidence: a mobile device by its User-Agent, at the Front End's or Director's web services; a certificate of a
    private authority; the device's alert 48.

    Not this: devices that have the root certificate and go on; devices that nothing shows to be mobile.
    """
    refusing: dict[int, dict[str, Showing]] = {}
    for one in inquiry.case.arrivals:
        held = inquiry.case.roles.roles_of(one.shown.holder)
        device = inquiry.device(one.showing.viewer)
        kind = device.kind if device else "unknown"
        if held & WEB_ROLES and (kind == "mobile" or (kind in ("client", "unknown") and _asks_inside(one))):
            key = id(one.shown)
            refusing[key] = refusing[key] if key in refusing else _refusing(inquiry.case, one.shown)
            yield from _mobile(inquiry, one, refusing[key], kind == "mobile")


def _asks_inside(one: Arrival) -> bool:
    aim = one.aims[-1]
    return aim.source == SOURCE_SNI and aim.name.startswith("lyncdiscoverinternal.")


def _mobile(inquiry: Inquiry, one: Arrival, refusing: Mapping[str, Showing], shown_mobile: bool) -> Iterator[Judgement]:
    viewer = one.showing.viewer
    first = refusing.get(viewer)
    if first is None:
        yield Clear(viewer)
    elif first is one.showing:
        kind = kind_of(one.shown)
        if kind is Kind.PUBLIC:
            yield Clear(viewer)
        elif not shown_mobile:
            yield Doubt(viewer, f"nothing shows that {viewer} is a mobile device: its User-Agent would decide it")
        elif kind is Kind.UNKNOWN:
            yield Doubt(viewer, UNLISTED)
        elif not inquiry.case.roles.is_lync(one.shown.holder):
            yield Doubt(viewer, f"nothing sure shows that {one.shown.holder} is a Lync server: a topology would")
        else:
            yield _mobile_refuses(inquiry, one)


def _mobile_refuses(inquiry: Inquiry, one: Arrival) -> Found:
    subject = subject_of(inquiry, one.showing.flow)
    alert = inquiry.case.sessions[one.showing.flow].alert(UNKNOWN_CA)
    aim, server = one.aims[-1], inquiry.server(one.shown.holder, one.shown.port)
    return subject.found(
        f"{inquiry.word(one.showing.viewer)} is led to {server} by {aim.name}, on TCP port {one.shown.port}, and "
        "refuses the certificate of its private authority (alert 48).",
        f"{private_because(one.shown)} ({one.shown.leaf.issuer}); mobile devices know public roots only.",
        Confidence.CERTAIN,
        subject.shows(
            "the name asked for, the certificate, and the alert that refuses its authority",
            *(aim.frame, one.showing.frame, alert.frame if alert else 0),
        ),
        time=one.showing.time,
        rejected=(("cert-name-mismatch", "alert 48 is about the authority, not about a name"),),
    )
