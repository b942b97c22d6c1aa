"""The certificate of an Edge's inner side: whose name it bears, and that it bears no more."""

from collections.abc import Iterator

from lynccap.correlation.roles.claims import EDGE_INT
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.holders import INNER_EDGE_PORTS, OUTER_EDGE, Holder, holders
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.misnamed import REJECTING, reaction_to
from lynccap.diagnosis.rules.certificates.wording import listed, named_as, of_holder
from lynccap.diagnosis.subjects import subject_of
from lynccap.document import Confidence, Severity
from lynccap.reference import conflicts


def inner_holders(inquiry: Inquiry) -> Iterator[Holder]:
    """The inner sides of Edges with what they showed there, where it can be read."""
    for one in holders(inquiry.case, EDGE_INT):
        if one.shown.port in INNER_EDGE_PORTS and one.shown.readable:
            yield one


@rule(
    title="The inner Edge certificate has alternative names",
    severity=Severity.MINOR,
    stage=Stage.TRUST,
    causes=("The wrong certificate template was used.", "The request of the outer certificate was used again."),
    fix=("Use a standard certificate: the Edge pool's name as its subject, no alternative names.",),
    act=("PKI team",),
    sources=("notes-edge", "ms-cert-edge", "ms-wildcard"),
)
def cert_edge_internal_has_san(inquiry: Inquiry) -> Iterator[Judgement]:
    """The certificate of an Edge's inner side carries alternative names. Sources disagree on what that means.

    Evidence: the certificate shown on 5061, 5062, 8057 or 4443 of an inner Edge address, and its alternative names. A
    deviation by itself; a possible cause only where a server ends TLS on the same connection.

    Not this: an address that nothing but its certificate ties to the role; names that only repeat the subject are a
    note. Copying of the configuration by the server's own name has been seen to need it.
    """
    for one in inner_holders(inquiry):
        leaf = one.shown.leaf
        extra = (*leaf.names, *leaf.ip_addresses, *leaf.uris)
        if not extra:
            yield Clear(one.shown.holder)
        elif one.doubt:
            yield Doubt(one.shown.holder, one.doubt)
        else:
            yield _has_names(inquiry, one, extra)


def _has_names(inquiry: Inquiry, one: Holder, extra: tuple[str, ...]) -> Found:
    """A finding on the Edge, or on a server that ends TLS there."""
    failed = [each for each in one.shown.showings if reaction_to(inquiry.case.sessions.get(each.flow)) in REJECTING]
    first = (failed or one.shown.showings)[0]
    subject = subject_of(inquiry, first.flow) if failed else of_holder(inquiry, one.shown)
    row = conflicts()["san-on-edge-internal"]
    only_subject = {name.lower() for name in extra} == {(one.shown.leaf.common_name or "").lower()}
    effect = f" {first.viewer} ends TLS there: this may be why." if failed else " No connection fails over it here."
    return subject.found(
        f"The certificate of {inquiry.server(one.shown.holder, one.shown.port)} on TCP port {one.shown.port} "
        f"carries alternative names: {listed(extra)}.{effect}",
        f"Sources disagree. {row.position_a} {row.position_b} {one.tie}",
        Confidence.POSSIBLE if failed else Confidence.CERTAIN,
        subject.shows("the certificate with its alternative names", first.frame),
        time=first.time,
        severity=Severity.INFO if only_subject and not failed else None,
    )


@rule(
    title="The inner Edge certificate is not for the Edge pool's name",
    severity=Severity.CRITICAL,
    stage=Stage.TRUST,
    causes=("The server's own name is in the certificate where the pool's belongs.", "The host was renamed."),
    fix=("Issue the certificate anew with the Edge pool's name as its subject.",),
    act=("PKI team",),
    sources=("notes-edge", "ms-cert-edge"),
    explains=("mras-tls-failed",),
)
def cert_edge_internal_cn_wrong(inquiry: Inquiry) -> Iterator[Judgement]:
    """A server looks for the Edge pool by its name, and the certificate of the Edge's inner side is not for it.

    Evidence: the name the server asked for, by its hello or the DNS answer before the connection; a certificate of
    5061, 5062 or 8057 on the Edge's inner side that is not for it; the server ends TLS over it.

    Not this: names that nothing shows; a certificate that has the name among its alternative names.
    """
    lack = "the certificate of the Edge's inner side has another subject"
    yield from named_as(inquiry, "cert-edge-internal-cn-wrong", lambda one: f"{lack} ({listed(one.shown.names)})")


@rule(
    title="Configuration cannot be copied to the Edge: the certificate lacks the name it is asked by",
    severity=Severity.MAJOR,
    stage=Stage.TRUST,
    causes=("A newer central store asks each Edge server by its own name, as it does during a migration.",),
    fix=(
        "Follow the order of the migration, or let the certificate have the server's name.",
        "Weigh that against the advice to keep alternative names off the inner Edge certificate.",
    ),
    act=("PKI team", "Lync administrator"),
    sources=("notes-edge",),
)
def cms_replication_name_mismatch(inquiry: Inquiry) -> Iterator[Judgement]:
    """The central store copies configuration to an Edge by a name that its inner certificate lacks.

    Evidence: TLS to port 4443 of an Edge's inner side; the name asked for is not in the certificate; the server that
    copies ends the connection, again and again.

    Not this: connections by the pool's name; port 4443 of a pool, which is the reverse proxy's.
    """
    lack = "the certificate is only for"
    yield from named_as(
        inquiry, "cms-replication-name-mismatch", lambda one: f"{lack} {listed(one.shown.names)}: nothing is copied"
    )


@rule(
    title="The Edge shows one certificate inside and outside",
    severity=Severity.MINOR,
    stage=Stage.NOTE,
    causes=("A shortcut was taken when the Edge was set up.",),
    fix=("Use a certificate of the private authority inside and one of a public authority outside.",),
    act=("PKI team",),
    sources=("notes-edge",),
)
def cert_same_inside_outside(inquiry: Inquiry) -> Iterator[Judgement]:
    """An Edge shows the same certificate on its inner and its outer side.

    Evidence: the same issuer and serial number on an inner Edge address and on the Access or Web Conferencing Edge.

    Not this: a capture that shows one side only; two certificates with the same names.
    """
    outer = {(each.shown.leaf.issuer, each.shown.leaf.serial): each for each in holders(inquiry.case, *OUTER_EDGE)}
    for one in inner_holders(inquiry):
        leaf = one.shown.leaf
        other = outer.get((leaf.issuer, leaf.serial)) if leaf.serial else None
        if other is None:
            yield from (Clear(one.shown.holder) for _ in list(outer)[:1])
        elif other.doubt or one.doubt:
            yield Doubt(one.shown.holder, other.doubt or one.doubt)
        elif other.shown.holder != one.shown.holder:
            yield _on_both_sides(inquiry, one, other)


def _on_both_sides(inquiry: Inquiry, inner: Holder, outer: Holder) -> Found:
    subject = of_holder(inquiry, inner.shown)
    frames = inner.shown.showings[0].frame, outer.shown.showings[0].frame
    there = inquiry.server(outer.shown.holder, outer.shown.port)
    return subject.found(
        f"The inner Edge interface {inner.shown.holder} shows the same certificate as {there}.",
        f"Both have the serial number {inner.shown.leaf.serial} of {inner.shown.leaf.issuer}. {inner.tie}",
        Confidence.CERTAIN,
        subject.shows("the certificate inside", frames[0]),
        Proof(outer.shown.capture, (frames[1],), "the same certificate outside"),
        time=inner.shown.showings[0].time,
    )
