"""Something in between that looks into TLS: it shows a certificate of its own (catalogue group 1)."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from lynccap import reference
from lynccap.correlation.names import SOURCE_DNS, SOURCE_SNI
from lynccap.correlation.tls.presented import Presented, Showing
from lynccap.correlation.tls.sessions import UNKNOWN_CA
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement
from lynccap.diagnosis.subjects import subject_of
from lynccap.document import Confidence, Severity

REFUSING = frozenset({42, 46, UNKNOWN_CA})  # bad certificate, certificate unknown, unknown CA (RFC 5246 7.2)
LISTED = 12


@rule(
    title="Something in between looks into TLS",
    severity=Severity.CRITICAL,
    stage=Stage.TRUST,
    causes=(
        "A firewall or web proxy on the way decrypts TLS.",
        "Security software on the device itself does.",
    ),
    fix=("Exclude the names of the Edge services, the reverse proxy and the pools from decryption.",),
    act=("network/security team",),
    sources=("broadcom-169283", "schertz-crl", "ms-turn", "chromium-mitm"),
    explains=(
        "tls-unknown-ca",
        "cert-chain-incomplete",
        "cert-no-cdp",
        "autodiscover-443-fails-80-works",
        "cert-private-ca-on-external",
        "pseudo-tls-broken-by-inspection",
        "cert-name-mismatch",
        "cert-lyncdiscover-missing-on-web",
        "cert-mobile-gets-private-ca",
        "phone-stale-ca-after-replacement",
        "federation-tls-failed",
    ),
)
def tls_inspection_sip_or_https(inquiry: Inquiry) -> Iterator[Judgement]:
    """A device is shown a certificate for a Lync name that was not issued by the server's own authority.

    Evidence: one address and port show two certificates for one name, of two issuers, in turns; one of them names a
    known inspection product, or an issuer that no other server of the deployment has, without any address of a
    revocation list or issuer. Likely where only the name of a known inspection product tells.

    Not this: another public certificate on the reverse proxy; a certificate that is renewed during the capture.
    Inconclusive where nothing tells which of two certificates is the server's own. Certificates of TLS 1.3 are hidden.
    """
    places: dict[tuple[int, str, int], list[Presented]] = defaultdict(list)
    for one in inquiry.case.presented:
        if one.by_server and inquiry.case.roles.is_plausible(one.holder) and _is_for_lync(inquiry, one):
            places[one.capture, one.holder, one.port].append(one)
    for lists in places.values():
        yield from _judged(inquiry, lists)


def _is_for_lync(inquiry: Inquiry, one: Presented) -> bool:
    """Whether the certificate is for a name the server is asked by, and not shown by a proxy that was asked."""
    if one.leaf.unreadable or all(each.flow in inquiry.case.proxied for each in one.showings):
        return False
    names = inquiry.case.names.names_of(one.holder, SOURCE_DNS, SOURCE_SNI)
    return not names or any(one.covers(name) for name in names)


def _judged(inquiry: Inquiry, lists: Sequence[Presented]) -> Iterator[Judgement]:
    """What one port of a server showed to whom."""
    forged = [one for one in lists if reference.inspection_product(one.leaf.issuer)]
    honest = [one for one in lists if one not in forged]
    for one in forged:
        others = [other for other in honest if _are_rivals(one, other)]
        yield from _inspected(inquiry, one, others)
    rivals = [(one, other) for one in honest for other in honest if one is not other and _are_rivals(one, other)]
    if not forged and not rivals:
        yield Clear(lists[0].showings[0].viewer)
    for one, other in rivals:
        if one.showings[0].time < other.showings[0].time or _is_odd(inquiry, one, other):
            yield from _compared(inquiry, one, other)


def _are_rivals(one: Presented, other: Presented) -> bool:
    """Whether two certificates are for one name, and of different issuers."""
    return one.leaf.issuer != other.leaf.issuer and not set(one.names).isdisjoint(other.names)


def _compared(inquiry: Inquiry, one: Presented, other: Presented) -> Iterator[Judgement]:
    """Two certificates of unknown issuers."""
    odd = [pair for pair in ((one, other), (other, one)) if _is_odd(inquiry, *pair)]
    if len(odd) == 1 and odd[0][0] is one and _in_turns(one, other):
        yield from _inspected(inquiry, one, [other])
    elif not odd or not _in_turns(one, other):
        why = "nothing tells which is the server's own" if _in_turns(one, other) else "it may have been renewed"
        yield Doubt(
            other.showings[0].viewer,
            f"{one.holder} shows two certificates for one name at port {one.port}, issued by {one.leaf.issuer} and by "
            f"{other.leaf.issuer}: {why}; a look at the certificate on the server decides",
        )


def _in_turns(one: Presented, other: Presented) -> bool:
    """Whether neither took the other's place: each is shown to its own viewers, before and after the other."""
    apart = {each.viewer for each in one.showings}.isdisjoint(each.viewer for each in other.showings)
    first, last = one.showings[0].time, one.showings[-1].time
    return apart and first <= other.showings[-1].time and other.showings[0].time <= last


def _is_odd(inquiry: Inquiry, one: Presented, other: Presented) -> bool:
    """Whether one of two is the one that was made up on the way: a stranger's, without the addresses real ones have."""
    bare = not (one.leaf.crl_urls or one.leaf.ocsp_urls or one.leaf.issuer_urls)
    complete = bool(other.leaf.crl_urls or other.leaf.ocsp_urls or other.leaf.issuer_urls)
    elsewhere = [each for each in inquiry.case.presented if each.by_server and each.holder != one.holder]
    known = any(each.leaf.issuer == other.leaf.issuer for each in elsewhere)
    strange = all(each.leaf.issuer != one.leaf.issuer for each in elsewhere)
    return bare and strange and (complete or known)


def _inspected(inquiry: Inquiry, one: Presented, honest: Sequence[Presented]) -> Iterator[Judgement]:
    """A finding for each device that was shown the certificate."""
    by_viewer: dict[str, list[Showing]] = defaultdict(list)
    for each in one.showings:
        by_viewer[each.viewer].append(each)
    for showings in by_viewer.values():
        yield _shown(inquiry, one, showings, honest)


def _shown(inquiry: Inquiry, one: Presented, showings: Sequence[Showing], honest: Sequence[Presented]) -> Judgement:
    subject = subject_of(inquiry, showings[0].flow)
    server = inquiry.server(one.holder, one.port)
    product = reference.inspection_product(one.leaf.issuer)
    named = f", which is how {product.product} signs" if product else ""
    alerts = [frame for each in showings if (frame := _refusal(inquiry, each))]
    refused = " and refuses it" if alerts else ""
    why = f"The certificate was issued by {one.leaf.issuer}{named}."
    proof = [subject.shows("the certificate, and what the device answers", *(each.frame for each in showings[:LISTED]),
                           *alerts[:LISTED])]  # fmt: skip
    if honest:
        other = honest[0]
        why += f" The same address shows {other.showings[0].viewer} one that was issued by {other.leaf.issuer}."
        proof.append(subject.shows("the certificate that another device is shown", other.showings[0].frame))
    return subject.found(
        f"{inquiry.word(subject.device)} is shown a certificate in the name of the {server}, TCP port {one.port}, that "
        f"something in between has made{refused}.",
        why,
        Confidence.CERTAIN if honest else Confidence.LIKELY,
        *proof,
        time=min(each.time for each in (*showings, *(each.showings[0] for each in honest[:1]))),
        flows=tuple(each.flow for each in showings),
        rejected=(("tls-unknown-ca", "the certificate is not the server's own"),) if alerts else (),
    )


def _refusal(inquiry: Inquiry, showing: Showing) -> int:
    """The frame of the alert with which the viewer refused the certificate, 0 when it did not."""
    session = inquiry.case.sessions.get(showing.flow)
    alerts = session.alerts if session else ()
    return next((alert.frame for alert in alerts if alert.from_client and alert.code in REFUSING), 0)
