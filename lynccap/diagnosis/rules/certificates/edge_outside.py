"""The certificate of an Edge's outer side: its subject, the order of its names, and names that are needless there."""

from collections.abc import Iterator

from lynccap.correlation.protocol_numbers import SIP_TLS_PORT
from lynccap.correlation.roles.claims import EDGE_ACCESS, EDGE_AV, REVERSE_PROXY
from lynccap.correlation.tls.presented import Showing
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.holders import OUTER_EDGE, Holder, access_names, holders
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement
from lynccap.diagnosis.misnamed import DISCOVERY, REJECTING, reaction_to
from lynccap.diagnosis.rules.certificates.wording import listed, of_holder, the_holder
from lynccap.diagnosis.subjects import subject_of
from lynccap.document import Confidence, Severity
from lynccap.reference import conflicts, name_rows


def outer_holders(inquiry: Inquiry, *roles: str) -> Iterator[Holder]:
    """The outer sides of the deployment's Edges with what they showed there, each certificate of an address once."""
    seen: set[tuple[str, str]] = set()
    for one in holders(inquiry.case, *roles):
        key = (one.shown.holder, one.shown.leaf.sha256 or str(one.shown.leaf.Index))
        if one.shown.readable and one.shown.names and key not in seen:
            seen.add(key)
            yield one


@rule(
    title="The outer Edge certificate's subject is not the Access Edge",
    severity=Severity.MINOR,
    stage=Stage.TRUST,
    causes=("The certificate is shared with other roles.",),
    fix=("Use the Access Edge's name as the subject when the certificate is renewed.",),
    act=("PKI team",),
    sources=("notes-edge", "notes-sec2", "ms-cert-ext"),
)
def cert_edge_external_cn_not_access(inquiry: Inquiry) -> Iterator[Judgement]:
    """The subject of the outer Edge certificate is another name than the Access Edge's. Sources disagree on the need.

    Evidence: the Access Edge's name by its SRV record or a topology, and another name in the certificate's subject. A
    warning where a partner ends TLS over it; else advice.

    Not this: a certificate that lacks the name altogether, or has a wildcard as its subject: other rules say so.
    """
    for one in outer_holders(inquiry, EDGE_ACCESS):
        names = access_names(inquiry.case, one.shown.holder)
        subject = (one.shown.leaf.common_name or "").lower()
        if not names or subject.startswith("*."):
            continue
        if subject in names:
            yield Clear(one.shown.holder)
        elif one.doubt:
            yield Doubt(one.shown.holder, one.doubt)
        elif any(one.shown.covers(name) for name in names):
            yield _other_subject(inquiry, one, names)


def _other_subject(inquiry: Inquiry, one: Holder, names: tuple[str, ...]) -> Found:
    failed = _failing_partners(inquiry, one)
    first = (failed or one.shown.showings)[0]
    subject = subject_of(inquiry, first.flow) if failed else of_holder(inquiry, one.shown)
    row = conflicts()["cn-access-edge"]
    covered = [name for name in names if one.shown.covers(name)]
    effect = f" The partner {first.viewer} ends TLS after it." if failed else ""
    return subject.found(
        f"The certificate of {inquiry.server(one.shown.holder, one.shown.port)} has the subject "
        f"{one.shown.leaf.common_name}; the Access Edge is called {listed(names)}.{effect}",
        f"Sources disagree. {row.position_a} {row.position_b} The name is among its alternative names. {one.tie}",
        Confidence.POSSIBLE if failed else Confidence.CERTAIN,
        subject.shows("the certificate with its subject and names", first.frame),
        time=first.time,
        severity=None if failed else Severity.INFO,
        rejected=(("cert-name-mismatch", f"the certificate covers {listed(covered)}"),),
    )


def _failing_partners(inquiry: Inquiry, one: Holder) -> list[Showing]:
    """When partners ended TLS over the same certificate."""
    leaf, told = one.shown.leaf, inquiry.case.sessions
    same = (
        each
        for each in inquiry.case.presented
        if each.by_server and (each.holder, each.port) == (one.shown.holder, SIP_TLS_PORT)
        if (each.leaf.sha256, each.leaf.serial) == (leaf.sha256, leaf.serial)
    )
    return [showing for each in same for showing in each.showings if reaction_to(told.get(showing.flow)) in REJECTING]


@rule(
    title="The Access Edge is not the first of the certificate's names",
    severity=Severity.INFO,
    stage=Stage.NOTE,
    causes=("The tool that made the request chose the order.",),
    fix=("Put the Access Edge first at the next renewal; nothing has to be done before.",),
    act=("PKI team",),
    sources=("notes-sec2", "notes-edge", "ms-edge-cert-plan"),
)
def cert_san_order_access_not_first(inquiry: Inquiry) -> Iterator[Judgement]:
    """The Access Edge's name is among the certificate's alternative names, but not the first. Sources disagree.

    Evidence: the Access Edge's name by its SRV record or a topology, and its place among the alternative names.

    Not this: never the cause of a failure of Microsoft's clients; a certificate without the name.
    """
    for one in outer_holders(inquiry, EDGE_ACCESS):
        told = [name.lower() for name in one.shown.leaf.names]
        names = [name for name in access_names(inquiry.case, one.shown.holder) if name in told]
        if not names:
            continue
        if told[0] in names:
            yield Clear(one.shown.holder)
        elif one.doubt:
            yield Doubt(one.shown.holder, one.doubt)
        else:
            row = conflicts()["san-order"]
            place = min(told.index(name) for name in names) + 1
            says = f"its name {names[0]} is number {place} of the certificate's alternative names."
            yield _fact(inquiry, one, says, f"Sources disagree. {row.position_a} {row.position_b}")


def _fact(inquiry: Inquiry, one: Holder, says: str, why: str) -> Found:
    """What a certificate shows by itself, on its holder."""
    subject, first = of_holder(inquiry, one.shown), one.shown.showings[0]
    return subject.found(
        f"{the_holder(inquiry, one.shown)} on TCP port {one.shown.port}: {says}",
        f"{why} {one.tie}",
        Confidence.CERTAIN,
        subject.shows("the certificate with its names", first.frame),
        time=first.time,
    )


@rule(
    title="The Edge's certificate has the Autodiscover name, which the Edge never answers",
    severity=Severity.INFO,
    stage=Stage.NOTE,
    causes=("Autodiscover was taken for a service of the Edge.",),
    fix=("Nothing; make sure that the reverse proxy's certificate has the name.",),
    act=("PKI team",),
    sources=("notes-edge",),
)
def cert_lyncdiscover_on_edge(inquiry: Inquiry) -> Iterator[Judgement]:
    """The outer Edge certificate lists a lyncdiscover name.

    Evidence: lyncdiscover among the names on the outer side of an Edge.

    Not this: one certificate that the reverse proxy shows as well, or an address that serves both.
    """
    shared = {each.shown.leaf.sha256 for each in holders(inquiry.case, REVERSE_PROXY)}
    for one in outer_holders(inquiry, *OUTER_EDGE):
        both = one.shown.leaf.sha256 in shared or inquiry.case.roles.has(one.shown.holder, REVERSE_PROXY)
        says = "the certificate lists %s; Autodiscover is the reverse proxy's, never the Edge's."
        needless = [] if both else [name for name in one.shown.names if name.startswith(DISCOVERY)]
        yield from _needless(inquiry, one, needless, says)


@rule(
    title="The certificate has the A/V Edge's name, which nobody checks",
    severity=Severity.INFO,
    stage=Stage.NOTE,
    causes=("A template with all Edge names was copied.",),
    fix=("Leave the name out when the certificate is renewed.",),
    act=("PKI team",),
    sources=("notes-edge",),
)
def cert_av_name_present(inquiry: Inquiry) -> Iterator[Judgement]:
    """The outer Edge certificate lists the A/V Edge's name, although media is never protected by it.

    Evidence: the A/V Edge's name, by a topology or as it is usually called, among the certificate's names.

    Not this: an Edge whose services share one name.
    """
    told = _names_by_role(inquiry)
    says = "the certificate lists %s, the A/V Edge's name, which no client ever checks."
    for one in outer_holders(inquiry, *OUTER_EDGE):
        asked = {aim.name for each in inquiry.case.arrivals if each.shown is one.shown for aim in each.aims}
        yield from _needless(
            inquiry, one, [name for name in one.shown.names if name not in asked and _is_av(name, told)], says
        )


def _names_by_role(inquiry: Inquiry) -> dict[str, set[str]]:
    """The Edges' names as the topology tells them."""
    told = inquiry.case.roles.told
    found: dict[str, set[str]] = {EDGE_AV: set(), EDGE_ACCESS: set()}
    for place in (place for ones in told.places.values() for place in ones) if told else ():
        if place.role in (EDGE_AV, *OUTER_EDGE):
            found[EDGE_AV if place.role == EDGE_AV else EDGE_ACCESS] |= set(place.names)
    return found


def _is_av(name: str, told: dict[str, set[str]]) -> bool:
    """Whether it is the A/V Edge's own name; without a topology, what that is usually called."""
    if any(told.values()):
        return name in told[EDGE_AV] - told[EDGE_ACCESS]
    return any(row.role == (EDGE_AV,) and row.verified for row in name_rows(name))


def _needless(inquiry: Inquiry, one: Holder, found: list[str], says: str) -> Iterator[Judgement]:
    if not found:
        yield Clear(one.shown.holder)
    elif one.doubt:
        yield Doubt(one.shown.holder, one.doubt)
    else:
        yield _fact(inquiry, one, says % listed(found), "Nobody who connects to the Edge asks for that name.")
