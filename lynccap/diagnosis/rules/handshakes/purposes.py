"""Certificates that were issued for something else, or come without their issuer (catalogue group 4)."""

from collections import defaultdict
from collections.abc import Iterator

from lynccap.correlation.authorities import Kind, kind_of
from lynccap.correlation.tls.presented import Presented
from lynccap.correlation.tls.sessions import UNKNOWN_CA
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Doubt, Found, Judgement, Proof
from lynccap.diagnosis.rules.handshakes.objections import (
    BAD,
    UNKNOWN,
    UNSUPPORTED,
    objections,
    served,
    servers_lists,
)
from lynccap.diagnosis.subjects import subject_of
from lynccap.document import Confidence, Severity
from lynccap.tables import SECOND

ROOTS_RESERVED = 1_341_100_800 * SECOND  # 2012-07-01: the Baseline Requirements come into force
SERVER_USAGES = frozenset({"serverAuth", "anyExtendedKeyUsage"})


def _lacks_server_usage(shown: Presented) -> bool:
    """No list of purposes at all means any purpose (RFC 5280 4.2.1.12)."""
    return bool(shown.leaf.usages) and SERVER_USAGES.isdisjoint(shown.leaf.usages)


@rule(
    title="The server's certificate is not meant for servers",
    severity=Severity.CRITICAL,
    stage=Stage.TRUST,
    causes=("The certificate was issued from the wrong template.",),
    fix=("Issue the certificate anew from a web server template, and assign it.",),
    act=("PKI team",),
    sources=("notes-sec2", "notes-poster", "ms-cert-infra"),
    explains=("federation-tls-failed",),
)
def cert_eku_serverauth_missing(inquiry: Inquiry) -> Iterator[Judgement]:
    """A Lync server's certificate names purposes (EKU), server authentication is not among them, and clients refuse it.

    Evidence: the leaf has the extension without 1.3.6.1.5.5.7.3.1; the client ends TLS with alert 42, 43 or 46.

    Not this: a certificate without the extension, or for any purpose; one that clients accept.
    """
    yield from served(inquiry)
    refused: set[tuple[str, int]] = set()
    for one in objections(inquiry, (BAD, UNSUPPORTED, UNKNOWN)):
        if not _lacks_server_usage(one.shown):
            continue
        refused.add((one.shown.holder, one.shown.port))
        purposes = ", ".join(one.shown.leaf.usages)
        why = f"The certificate of {one.shown.leaf.common_name} may be used for: {purposes}. Clients need serverAuth."
        what = "it is not meant for servers"
        yield one.found(inquiry, what, why, Confidence.CERTAIN)
    for shown in servers_lists(inquiry):
        if _lacks_server_usage(shown) and (shown.holder, shown.port) not in refused:
            because = "its certificate is not meant for servers, but no client refuses it with an alert in this capture"
            yield Doubt(shown.holder, because)


@rule(
    title="The server sends its certificate without the issuing authority's",
    severity=Severity.MAJOR,
    stage=Stage.TRUST,
    causes=("The intermediate certificate is not installed on the server or proxy.",),
    fix=("Install the intermediate certificate on the server or proxy, and bind the certificate again.",),
    act=("PKI team",),
    sources=("notes-edge", "ms-cert-infra"),
    explains=(
        "tls-unknown-ca",
        "autodiscover-443-fails-80-works",
        "federation-tls-failed",
        "mras-tls-failed",
    ),
)
def cert_chain_incomplete(inquiry: Inquiry) -> Iterator[Judgement]:
    """A Lync server's list of certificates misses an intermediate authority, and clients cannot do without it.

    Evidence: no certificate in the list is the issuer of another one in it; that issuer is no root, as its own
    certificate elsewhere in the capture shows, or as a public authority may not issue by its root; the client ends TLS
    with alert 48, or downloads the issuer first.

    Not this: a missing root, which servers never send; a client that has the intermediate already.
    """
    yield from served(inquiry)
    objected = list(objections(inquiry, (UNKNOWN_CA,)))
    if not objected and not inquiry.case.issuers:
        return
    roots = _authorities(inquiry)
    refused: set[int] = set()
    for one in objected:
        issuer = _missing(one.shown)
        if not issuer or roots.get(issuer):
            continue
        if issuer not in roots and not _of_public_authority(one.shown, issuer):
            yield Doubt(one.client, f"nothing shows whether {issuer}, which the server does not send, is a root")
            continue
        refused.add(id(one.shown))
        known = issuer in roots
        above = "another certificate is above it" if known else "public authorities sign with an intermediate one"
        why = f"The list ends with a certificate issued by {issuer}. That is no root: {above}."
        confidence = Confidence.CERTAIN if known else Confidence.LIKELY
        yield one.found(inquiry, "the server sends it without that of the authority that issued it", why, confidence)
    yield from (one for shown, one in _downloaded(inquiry, roots) if id(shown) not in refused)


def _authorities(inquiry: Inquiry) -> dict[str, bool]:
    """Names of authorities of which a certificate is in the capture, and whether any of it signed itself."""
    table = inquiry.case.tables.certificates
    table = table[table["authority"]]
    found: dict[str, bool] = defaultdict(bool)
    for subject, root in zip(table["subject"], table["self_signed"], strict=True):
        found[subject] |= bool(root)
    return dict(found)


def _of_public_authority(shown: Presented, issuer: str) -> bool:
    """Whether a public authority issued the leaf itself: it must keep its root out of that (CA/B Forum, 6.1.7)."""
    direct = str(shown.leaf.issuer) == issuer and shown.leaf.not_before >= ROOTS_RESERVED
    return direct and kind_of(shown) is Kind.PUBLIC


def _missing(shown: Presented) -> str:
    """The issuer that the leaf's chain lacks in the list, "" when it is complete or cannot be followed."""
    places = {one.position: one for one in shown.chain}
    row, left = shown.leaf, len(shown.chain)
    while row.issued_by in places and left:
        row, left = places[row.issued_by], left - 1
    return str(row.issuer) if row.link == "not-shown" else ""


def _downloaded(inquiry: Inquiry, roots: dict[str, bool]) -> Iterator[tuple[Presented, Found]]:
    """Lists whose missing issuer a client had to fetch: it works for those that can."""
    table = inquiry.case.tables.certificates
    fetched = {one.presented: one.fetched for one in inquiry.case.issuers if not one.root}
    for shown in servers_lists(inquiry) if fetched else ():
        issuer = _missing(shown)
        link = next((fetched[row.Index] for row in shown.chain if row.Index in fetched and row.issuer == issuer), None)
        if link is None or roots.get(issuer):
            continue
        proof = Proof(shown.capture, (int(table.at[link, "frame"]),), f"the certificate of {issuer}, downloaded")
        yield shown, _told(inquiry, shown, issuer, proof)


def _told(inquiry: Inquiry, shown: Presented, issuer: str, proof: Proof) -> Found:
    first = shown.showings[0]
    subject = subject_of(inquiry, first.flow, of_client=False)
    server = inquiry.server(shown.holder, shown.port)
    place = f"{server[:1].upper()}{server[1:]} sends its certificate on TCP port {shown.port}"
    return subject.found(
        f"{place} without that of {issuer}.",
        "A client had to download it. Phones, mobile devices and partners that cannot do so will refuse the server.",
        Confidence.CERTAIN,
        subject.shows("the list of certificates", first.frame),
        proof,
        severity=Severity.MINOR,
        time=first.time,
    )
