"""Wildcards in certificates: where Lync does not take them, and who fails over one."""

from collections.abc import Iterator

from lynccap.correlation.arrivals import Arrival
from lynccap.correlation.roles.claims import EDGE_INT, REVERSE_PROXY
from lynccap.correlation.tls.presented import Presented, Showing
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.holders import OUTER_EDGE, Holder, access_names, holders
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement
from lynccap.diagnosis.misnamed import REJECTING, Reaction, reaction_to
from lynccap.diagnosis.rules.certificates.edge_outside import outer_holders
from lynccap.diagnosis.rules.certificates.wording import listed, of_holder, the_holder
from lynccap.diagnosis.subjects import subject_of
from lynccap.document import Confidence, Severity

WILDCARD = "*."
LYNC_ROLES = ("fe", "fe_vip", "director", "director_vip", "sba", "mediation", "pchat", EDGE_INT, *OUTER_EDGE)


def _reactions(inquiry: Inquiry, shown: Presented) -> list[tuple[Showing, Reaction]]:
    return [(one, reaction_to(inquiry.case.sessions.get(one.flow))) for one in shown.showings]


@rule(
    title="A wildcard is the subject of a certificate",
    severity=Severity.MAJOR,
    stage=Stage.TRUST,
    causes=("A certificate for all web sites of the company is used again.",),
    fix=("Use a name of its own as the subject; a wildcard only as a further name of web services.",),
    act=("PKI team",),
    sources=("notes-edge", "ms-wildcard"),
    explains=("cert-wildcard-edge-services",),
)
def cert_wildcard_in_cn(inquiry: Inquiry) -> Iterator[Judgement]:
    """A Lync server's certificate has a wildcard as its subject, which older phones and Edge roles do not take.

    Evidence: a subject that begins with "*." on a server whose role something else than the certificate shows. The
    clients that end TLS over it are named; where none does it is a risk.

    Not this: a reverse proxy shared with other web sites on which nobody fails; refusals for another stated reason.
    """
    for one in holders(inquiry.case, *LYNC_ROLES, REVERSE_PROXY):
        if one.shown.leaf.unreadable:
            continue
        if not (one.shown.leaf.common_name or "").startswith(WILDCARD):
            yield Clear(one.shown.holder)
        elif one.doubt:
            yield Doubt(one.shown.holder, one.doubt)
        else:
            yield from _wildcard(inquiry, one)


def _wildcard(inquiry: Inquiry, one: Holder) -> Iterator[Judgement]:
    failed = {each.viewer: each for each, how in _reactions(inquiry, one.shown) if how in REJECTING}
    if failed:
        yield from (_wildcard_fails(inquiry, one, each) for each in failed.values())
    elif one.claim.role == REVERSE_PROXY:
        yield Clear(one.shown.holder)
    else:
        yield _wildcard_subject(inquiry, one)


def _wildcard_fails(inquiry: Inquiry, one: Holder, failed: Showing) -> Found:
    subject = subject_of(inquiry, failed.flow)
    handshake = inquiry.case.sessions[failed.flow].handshake
    server = inquiry.server(one.shown.holder, one.shown.port)
    return subject.found(
        f"{inquiry.word(failed.viewer)} ends TLS with {server} on TCP port {one.shown.port}, whose certificate has the "
        f"wildcard {one.shown.leaf.common_name} as its subject.",
        f"Older phones, partners and Edge roles take no wildcard there. {one.tie}",
        Confidence.LIKELY,
        subject.shows(
            "the certificate, and the end of the connection",
            failed.frame,
            handshake.end.frame if handshake.end else 0,
        ),
        time=failed.time,
    )


def _wildcard_subject(inquiry: Inquiry, one: Holder) -> Found:
    subject, first = of_holder(inquiry, one.shown), one.shown.showings[0]
    return subject.found(
        f"{the_holder(inquiry, one.shown)} shows a certificate on TCP port {one.shown.port} whose subject is the "
        f"wildcard {one.shown.leaf.common_name}; nobody fails over it here.",
        f"Older phones, partners and Edge roles take no wildcard there. {one.tie}",
        Confidence.CERTAIN,
        subject.shows("the certificate with a wildcard as its subject", first.frame),
        time=first.time,
        severity=Severity.MINOR,
    )


@rule(
    title="A phone rejects a name that only a wildcard covers",
    severity=Severity.MAJOR,
    stage=Stage.TRUST,
    causes=("The phone's old firmware does not take wildcards.",),
    fix=("List the names of the web services in the certificate.", "Update the phone's firmware."),
    act=("PKI team", "endpoint team"),
    sources=("notes-edge", "ms-wildcard"),
)
def cert_wildcard_only_san_phone_fails(inquiry: Inquiry) -> Iterator[Judgement]:
    """A phone ends TLS with a server whose certificate covers the name by a wildcard only; others do not mind.

    Evidence: the name the phone came by; a certificate that has it by a wildcard only; the phone's alert 42 or 46 or
    its leaving right after the certificate; another device that goes on after the same certificate.

    Not this: a phone that does not know the authority (alert 48), or gets over it; a wildcard in the subject.
    """
    for one in inquiry.case.arrivals:
        phone = inquiry.device(one.showing.viewer)
        if phone is None or not phone.is_phone or not inquiry.case.roles.is_plausible(one.shown.holder):
            continue
        if not one.covered or not _only_by_wildcard(one):
            continue
        how = reaction_to(inquiry.case.sessions.get(one.showing.flow))
        if how is Reaction.ACCEPTED:
            yield Clear(one.showing.viewer)
        elif how in REJECTING:
            yield _phone_fails(inquiry, one)


def _only_by_wildcard(one: Arrival) -> bool:
    """The names are in the certificate by a wildcard only, among the alternative names."""
    subject = (one.shown.leaf.common_name or "").startswith(WILDCARD)
    return not subject and not any(aim.name in one.shown.names for aim in one.aims)


def _phone_fails(inquiry: Inquiry, one: Arrival) -> Judgement:
    viewer = one.showing.viewer
    told = _reactions(inquiry, one.shown)
    if any(each.viewer == viewer and how is Reaction.ACCEPTED for each, how in told):
        return Clear(viewer)
    others = [each for each, how in told if each.viewer != viewer and how is Reaction.ACCEPTED]
    others = [each for each in others if not _is_phone(inquiry, each.viewer)]
    if not others:
        return Doubt(
            viewer,
            f"{viewer} ends TLS after a certificate that has the name by a wildcard only, but no PC is seen to go on "
            "after the same certificate: a PC at the same server would decide it",
        )
    subject = subject_of(inquiry, one.showing.flow)
    end = inquiry.case.sessions[one.showing.flow].handshake.end
    name, server = one.aims[-1], inquiry.server(one.shown.holder, one.shown.port)
    return subject.found(
        f"{inquiry.word(viewer)} ends TLS with {server} on TCP port {one.shown.port}: the certificate has {name.name} "
        "by a wildcard only.",
        f"{others[0].viewer}, no phone, goes on after the same certificate, which is for {listed(one.shown.names)}.",
        Confidence.LIKELY,
        subject.shows(
            "the name, the certificate, and the end of the connection",
            *(name.frame, one.showing.frame, end.frame if end else 0),
        ),
        subject.shows("another device is shown the same certificate and goes on", others[0].frame),
        time=one.showing.time,
        rejected=(("tls-unknown-ca", "no alert 48 was sent: the authority is not what it objects to"),),
    )


def _is_phone(inquiry: Inquiry, address: str) -> bool:
    device = inquiry.device(address)
    return device is not None and device.is_phone


@rule(
    title="The Edge's names are in its certificate by a wildcard only",
    severity=Severity.MAJOR,
    stage=Stage.TRUST,
    causes=("One wildcard costs less than a list of names.",),
    fix=("List each Access Edge, Web Conferencing Edge and sip.<domain> name.",),
    act=("PKI team",),
    sources=("ms-edge-cert-plan", "ms-wildcard"),
)
def cert_wildcard_edge_services(inquiry: Inquiry) -> Iterator[Judgement]:
    """The outer side of an Edge has its own names in the certificate by a wildcard only.

    Evidence: the name of the Access or Web Conferencing Edge, by SRV record, topology, or as clients asked for it, and
    a certificate that covers it by a wildcard and does not list it.

    Not this: a wildcard beside the listed names, as some pages have it for XMPP.
    """
    for one in outer_holders(inquiry, *OUTER_EDGE):
        asked = (aim.name for each in inquiry.case.arrivals if each.shown is one.shown for aim in each.aims[-1:])
        names = dict.fromkeys((*access_names(inquiry.case, one.shown.holder), *asked))
        only = [name for name in names if one.shown.covers(name) and name not in one.shown.names]
        if not only:
            yield Clear(one.shown.holder)
        elif one.doubt:
            yield Doubt(one.shown.holder, one.doubt)
        else:
            yield _relies(inquiry, one, only)


def _relies(inquiry: Inquiry, one: Holder, names: list[str]) -> Found:
    subject, first = of_holder(inquiry, one.shown), one.shown.showings[0]
    return subject.found(
        f"{the_holder(inquiry, one.shown)} shows a certificate on TCP port {one.shown.port} that has {listed(names)} "
        "by a wildcard only.",
        f"Edge roles support no wildcards: partners and remote clients may refuse it. {one.tie}",
        Confidence.CERTAIN,
        subject.shows("the certificate with its names", first.frame),
        time=first.time,
    )
