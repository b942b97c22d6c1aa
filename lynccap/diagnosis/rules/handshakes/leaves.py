"""What certificates are made of: algorithms, and where their revocation can be checked (catalogue groups 2, 4)."""

from collections.abc import Iterator
from typing import Any

from lynccap.correlation.roles.sides import Location
from lynccap.correlation.tls.leaves import Leaf, read_leaves
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement
from lynccap.diagnosis.rules.handshakes.objections import LISTED
from lynccap.diagnosis.subjects import subject_of
from lynccap.document import Confidence, Severity

SHA1_ENDS = 1_483_228_800_000_000_000  # 2017-01-01: Windows and browsers stop to trust SHA-1 of public authorities
RSA_BITS = 2048
DIRECTORY_PORTS = (389, 636, 3268, 3269)
PSS = "pss"
"""Roles of boxes that open TLS for others; what they check is their maker's matter."""


def leaves_of(inquiry: Inquiry) -> Iterator[Leaf]:
    """The certificates of Lync servers, each once."""
    return (one for one in read_leaves(inquiry.case.presented) if inquiry.case.roles.is_lync(one.holder))


def unread(inquiry: Inquiry) -> Iterator[Doubt]:
    """Lync servers whose certificate was shown but cannot be read."""
    for one in inquiry.case.presented:
        if one.by_server and not one.readable and inquiry.case.roles.is_lync(one.holder):
            yield Doubt(one.holder, "its certificate cannot be read in this capture")


def inspected(inquiry: Inquiry, leaf: Leaf) -> bool:
    """Whether other clients are shown another authority's certificate there: a box in between makes one of them."""
    others = (
        one
        for one in inquiry.case.presented
        if one.by_server and one.holder == leaf.holder and one.port in leaf.ports and one.capture == leaf.capture
    )
    return any(one.leaf.issuer != leaf.row.issuer and set(one.names) & set(leaf.lists[0].names) for one in others)


def fact(inquiry: Inquiry, leaf: Leaf, what: str, why: str, confidence: Confidence, **more: Any) -> Found:
    """A finding on a server about its certificate."""
    subject = subject_of(inquiry, leaf.lists[0].showings[0].flow, of_client=False)
    server = inquiry.server(leaf.holder, leaf.ports[0])
    ports = ", ".join(map(str, leaf.ports))
    says = f"The certificate of {server} on TCP port {ports} ({leaf.row.common_name or leaf.row.subject}) {what}."
    frames = [one.showings[0].frame for one in leaf.lists][:LISTED]
    usual = {"time": leaf.lists[0].showings[0].time, "flows": tuple(one.showings[0].flow for one in leaf.lists)}
    return subject.found(says, why, confidence, subject.shows("the certificate", *frames), **{**usual, **more})


@rule(
    title="A certificate uses weak algorithms",
    severity=Severity.MINOR,
    stage=Stage.TRUST,
    causes=("The certification authority's configuration is old.",),
    fix=("Issue the certificate anew with SHA-256 and an RSA key of 2048 bits or more.",),
    act=("PKI team",),
    sources=("ms-cert-infra",),
)
def cert_weak_crypto(inquiry: Inquiry) -> Iterator[Judgement]:
    """A Lync server's certificate, or one between it and the root, is signed with MD5 or SHA-1 or has a short key.

    Evidence: the signature's hash is MD5, or SHA-1 in a capture of 2017 and later; an RSA key below 2048 bits; an
    RSASSA-PSS signature, which Lync does not support.

    Not this: the signature of a root, which nobody checks; SHA-1 in the years in which it was usual.
    """
    yield from unread(inquiry)
    for leaf in leaves_of(inquiry):
        shown = leaf.lists[0]
        weak = [
            (row, why) for row in shown.chain if not row.self_signed for why in _weaknesses(row, shown.showings[0].time)
        ]
        if not weak:
            yield Clear(leaf.holder)
            continue
        told = dict.fromkeys(f"{row.common_name or row.subject} has {why}" for row, why in weak)
        says = " and ".join(dict.fromkeys(why for _, why in weak))
        place = "has" if any(row.position == 0 for row, _ in weak) else "was issued by an authority with"
        why = f"{'; '.join(told)}. Newer clients and mobile devices may refuse it."
        yield fact(inquiry, leaf, f"{place} {says}", why, Confidence.CERTAIN)


def _weaknesses(row: Any, time: int) -> Iterator[str]:
    name, _, scheme = row.signature.partition(" ")
    kind, _, bits = row.key.partition(" ")
    if name == "md5":
        yield "an MD5 signature"
    if name == "sha1" and time >= SHA1_ENDS:
        yield "a SHA-1 signature"
    if scheme == PSS:
        yield "an RSASSA-PSS signature"
    if kind == "rsa" and bits.isdigit() and int(bits) < RSA_BITS:
        yield f"an RSA key of only {bits} bits"


@rule(
    title="A certificate tells no place to check its revocation",
    severity=Severity.MINOR,
    stage=Stage.TRUST,
    causes=("The certification authority's template has no revocation address.",),
    fix=("Add an HTTP revocation address (CDP) to the authority, and issue the certificate anew.",),
    act=("PKI team",),
    sources=("notes-sec2", "ms-cert-infra"),
)
def cert_no_cdp(inquiry: Inquiry) -> Iterator[Judgement]:
    """A Lync server's certificate names neither a revocation list nor an OCSP responder.

    Evidence: the leaf has no CRL distribution point and no OCSP address. Only a note where it was shown in no mutual
    TLS: servers check each other's certificates.

    Not this: a self-signed certificate, which nobody can revoke; one that an inspecting box made for the client.
    """
    yield from unread(inquiry)
    for leaf in leaves_of(inquiry):
        if leaf.row.crl_urls or leaf.row.ocsp_urls or leaf.row.self_signed:
            yield Clear(leaf.holder)
        elif inspected(inquiry, leaf):
            yield Doubt(leaf.holder, "other clients are shown another authority's certificate: a box may make this one")
        else:
            checks = any(_is_mutual(inquiry, flow) for flow in leaf.flows)
            why = (
                "Lync servers check each other's certificates for revocation and may refuse one they cannot check."
                if checks
                else "Only clients were shown it in this capture, and they got through or left for other reasons."
            )
            severity = None if checks else Severity.INFO
            what = "names no revocation list and no OCSP responder"
            yield fact(inquiry, leaf, what, why, Confidence.CERTAIN, severity=severity)


def _is_mutual(inquiry: Inquiry, flow: int) -> bool:
    """Whether the client showed a certificate of its own: a server, which checks the other's for revocation."""
    session = inquiry.case.sessions.get(flow)
    return bool(session and session.client_certificate_frame)


@rule(
    title="The only revocation address of a certificate is in the directory (LDAP)",
    severity=Severity.MINOR,
    stage=Stage.TRUST,
    causes=("The enterprise authority's default template publishes revocation lists in Active Directory only.",),
    fix=("Add an HTTP revocation address (CDP) that is reachable from all sides, and issue the certificate anew.",),
    act=("PKI team",),
    sources=("schertz-crl", "notes-edge"),
    explains=("federation-tls-failed",),
)
def crl_cdp_ldap_only(inquiry: Inquiry) -> Iterator[Judgement]:
    """A Lync server's certificate can be checked by LDAP only, and devices outside the domain are shown it.

    Evidence: the leaf's distribution points are all ldap addresses and it names no OCSP responder; a phone, a mobile
    device, a client outside or an Edge was shown it. Likely where such a device looks for a directory and then leaves.

    Not this: domain members, which can read the directory; devices that do not check revocation.
    """
    yield from unread(inquiry)
    for leaf in leaves_of(inquiry):
        only = bool(leaf.row.crl_urls) and not any(one.lower().startswith("http") for one in _urls(leaf.row))
        strangers = sorted(one for one in leaf.viewers if _outside_domain(inquiry, one)) if only else []
        if not strangers:
            yield Clear(leaf.holder)
            continue
        leavers = [one for one in strangers if _left_after_lookup(inquiry, leaf, one)]
        who = ", ".join((leavers or strangers)[:LISTED])
        what = "can be checked for revocation by LDAP only"
        why = f"{who} is not in the domain, as far as the capture shows, and cannot read the directory."
        if leavers:
            yield fact(inquiry, leaf, what, f"{why} It asks a directory and then gives up TLS.", Confidence.LIKELY)
        else:
            yield fact(inquiry, leaf, what, f"{why} Whether it checks is not shown.", Confidence.POSSIBLE)


def _urls(row: Any) -> tuple[str, ...]:
    return (*row.crl_urls, *row.ocsp_urls)


def _outside_domain(inquiry: Inquiry, address: str) -> bool:
    """Phones, mobile devices, clients outside, and the Edge, which is in no domain."""
    device = inquiry.device(address)
    if device is None:
        return False
    outside = device.location is Location.OUTSIDE and not (device.role or "").startswith("federated")
    edge = (device.role or "").startswith("edge_")
    return device.is_phone or device.kind == "mobile" or outside or edge


def _left_after_lookup(inquiry: Inquiry, leaf: Leaf, viewer: str) -> bool:
    """Whether it looked for a directory between the certificate and the end of a handshake it did not finish."""
    case, flows = inquiry.case, inquiry.case.flows
    asked = flows[(flows["client"] == viewer) & flows["server_port"].isin(DIRECTORY_PORTS)]["first_time"]
    return any(
        not case.sessions[one.flow].completed and asked.between(one.time, flows.at[one.flow, "last_time"]).any()
        for shown in leaf.lists
        for one in shown.showings
        if one.viewer == viewer
    )
