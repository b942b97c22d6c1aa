"""Names that lead to a host which is not the one they are for: wildcards, aliases, the Edge, overridden names."""

from collections.abc import Iterator

from lynccap import reference
from lynccap.correlation.addresses import is_private, is_public
from lynccap.correlation.names import SOURCE_DNS, parent_of
from lynccap.correlation.roles.claims import EDGE_ACCESS
from lynccap.correlation.searches import Question, Reply, Search
from lynccap.correlation.tls.sessions import TlsSession
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement, Proof
from lynccap.diagnosis.rules.names.asking import (
    FAILED,
    LED_ASTRAY,
    SHOWN,
    found,
    is_inside,
    is_outside,
    of_cloud,
    shown,
    shown_all,
)
from lynccap.document import Confidence, Severity

DISCOVERY = "lyncdiscover."
INNER_NAMES = ("lyncdiscoverinternal.", "sipinternal.")
EDGE_RECORDS = ("_sipfederationtls._tcp.", "_sip._tls.", "sipexternal.", "access.")
HIDDEN = "TLS 1.3 hides the certificate"


@rule(
    title="A wildcard record answers for names that clients should not find outside",
    severity=Severity.MAJOR,
    stage=Stage.NAMES,
    causes=("Public DNS has a record *.<SIP domain>.",),
    fix=(
        "Replace the wildcard by the records that are needed.",
        "If it has to stay, give lyncdiscoverinternal an entry of its own without an address.",
    ),
    act=("DNS administrator",),
    sources=("notes-http",),
    explains=("dns-search-order-delay", *LED_ASTRAY, "cert-lyncdiscover-missing-on-web", "cert-name-mismatch"),
)
def dns_wildcard_catchall(inquiry: Inquiry) -> Iterator[Judgement]:
    """Outside, a name that only insiders should find leads to a host that is not Lync.

    Evidence: a client outside; lyncdiscoverinternal or sipinternal has an address; other names of the domain that
    have nothing to do with Lync have the same one, or the host shows a certificate that is not for the name; the
    client's connections there fail, or end with a foreign certificate.

    Not this: clients inside or on a VPN; a deployment that really publishes the name; one proxy for everything, whose
    certificate then is for the name. Inconclusive: the host was not tried, or its certificate is hidden by TLS 1.3.
    """
    for search in inquiry.client_searches:
        answered = [one for start in INNER_NAMES for one in search.of(start) if one.addresses]
        if not answered:
            continue
        if any(map(is_private, answered[0].addresses)):
            yield Clear(search.device)
            continue
        if of_cloud(inquiry, answered):
            continue
        # A public address that is told inner names is not placed by its own: the names may be wrong.
        outside = is_outside(inquiry, *search.addresses) or any(map(is_public, search.addresses))
        if is_inside(inquiry, *search.addresses):
            yield Clear(search.device)
        elif not outside:
            yield Doubt(search.device, "nothing shows on which side the client is")
        else:
            yield _caught(inquiry, search, answered[0])


def _caught(inquiry: Inquiry, search: Search, question: Question) -> Judgement:
    address = question.addresses[0]
    alike = _unrelated(inquiry, address, search.domain)
    tried = [one for one in inquiry.case.attempts_of(*search.addresses) if one.server == address]
    certificates = [held for one in tried for flow in one.flows if (held := inquiry.case.shown_on.get(flow))]
    if any(one.covers(question.name) for one in certificates):
        return Clear(search.device)
    foreign = certificates[0] if certificates else None
    failed = [one for one in tried if one.ending in FAILED]
    if not alike and not foreign:
        return Doubt(search.device, f"{question.name} exists outside, but nothing shows that {address} is not Lync's")
    if not failed and not foreign:
        return Doubt(search.device, f"nothing shows what is at {address}: it was not tried, or {HIDDEN}")
    proof = [shown(question, f"{question.name} is {address}")]
    if alike:
        proof.append(shown_all(alike, f"so is {alike[0].name}"))
    if foreign:
        proof.append(
            Proof(foreign.capture, (foreign.showings[0].frame,), f"it shows a certificate for {foreign.names[0]}")
        )
    if failed:
        proof.append(Proof(search.capture, failed[0].failed_frames[:SHOWN], "connections there that fail"))
    what = f"{address} shows a certificate for {foreign.names[0]}" if foreign else f"{address} does not answer"
    return found(
        question,
        f"{inquiry.word(search.device)} is outside and is told {address} for {question.name}, which is not Lync.",
        f"Only clients inside should find this name; {what}."
        + (f" {alike[0].name} has the same address, as with a wildcard record." if alike else ""),
        Confidence.CERTAIN if len({one.name for one in alike}) >= 1 and foreign else Confidence.LIKELY,
        *proof,
        rejected=(("dns-internal-client-gets-public-ip", f"{search.addresses[0]} is outside"),),
    )


def _unrelated(inquiry: Inquiry, address: str, domain: str) -> list[Question]:
    """Questions for names of the domain that are none of Lync's, answered with the same address."""
    return [
        one
        for one in inquiry.case.searches.questions
        if one.name.endswith("." + domain) and not reference.name_rows(one.name) and address in one.addresses
    ]


@rule(
    title="lyncdiscover is an alias into another domain, and the certificate does not cover it",
    severity=Severity.MAJOR,
    stage=Stage.NAMES,
    causes=("One host name serves Autodiscover for several SIP domains.",),
    fix=("Add the name to the certificate, or publish Autodiscover over HTTP, where no certificate is needed.",),
    act=("DNS administrator", "PKI team"),
    sources=("ms-dns-autod", "ms-mobility"),
    explains=(
        "cert-lyncdiscover-missing-on-web",
        "cert-name-mismatch",
        "cert-missing-sip-domain",
        "autodiscover-443-fails-80-works",
    ),
)
def dns_cname_crosses_domain(inquiry: Inquiry) -> Iterator[Judgement]:
    """lyncdiscover is an alias (CNAME) into another domain, whose server has no certificate for the name asked.

    Evidence: the alias; TLS for lyncdiscover of the SIP domain, answered with a certificate for the other domain
    only; the client gives up.

    Not this: an alias within the domain; a certificate that covers both names; Microsoft's cloud. Inconclusive: the
    certificate is hidden by TLS 1.3, or not in the capture.
    """
    for search in inquiry.client_searches:
        for question in search.of(DISCOVERY):
            aliases = [str(one.value).lower().rstrip(".") for one in question.records if one.record_type == "CNAME"]
            foreign = [one for one in aliases if parent_of(one) != parent_of(search.domain)]
            if not aliases or of_cloud(inquiry, [question]):
                continue
            if foreign:
                yield from _crossed(inquiry, search, question, foreign[-1])
            else:
                yield Clear(search.device)


def _crossed(inquiry: Inquiry, search: Search, question: Question, alias: str) -> Iterator[Judgement]:
    flows = inquiry.case.flows
    for attempt in inquiry.case.attempts_of(*search.addresses):
        sessions = inquiry.case.sessions_of([attempt]) if attempt.server in question.addresses else []
        for session in sessions:
            if session.sni.lower() != question.name:
                continue
            certificate = inquiry.case.shown_on.get(session.flow)
            if session.completed or (certificate and certificate.covers(question.name)):
                yield Clear(search.device)
            elif certificate is None or not certificate.readable:
                yield Doubt(
                    search.device,
                    f"the certificate for {question.name} is not readable here: {HIDDEN}, or it is missing",
                )
            else:
                yield found(
                    question,
                    f"{inquiry.word(search.device)} follows the alias of {question.name} to {alias}, and gives up at a "
                    f"certificate for {certificate.names[0]}.",
                    "Mobile clients compare the certificate with the name they asked for, not with the alias. "
                    "Over HTTP (port 80) no certificate is needed.",
                    Confidence.CERTAIN,
                    shown(question, f"{question.name} is an alias for {alias}"),
                    Proof(search.capture, _of_session(session), "the name asked for, the certificate, and the end"),
                    peer=str(flows.at[session.flow, "server"]),
                    port=int(flows.at[session.flow, "server_port"]),
                    transport="tcp",
                    service="autodiscover",
                )
            return


def _of_session(session: TlsSession) -> tuple[int, ...]:
    frames = {session.hello_frame, session.certificate_frame, session.last_frame}
    return tuple(sorted(frame for frame in frames if frame))


@rule(
    title="Autodiscover leads to the Access Edge, which serves no web requests",
    severity=Severity.MAJOR,
    stage=Stage.NAMES,
    causes=("There is no reverse proxy, and the record was pointed at the Edge.",),
    fix=("Point lyncdiscover at the reverse proxy that publishes the web services.",),
    act=("DNS administrator",),
    sources=("notes-edge",),
    explains=(
        "state-rp80-refused-external",
        "tcp-refused-by-host",
        "sip-registrar-unreachable-internal",
        "sip-access-edge-unreachable",
        "cert-lyncdiscover-missing-on-web",
        "cert-name-mismatch",
        "autodiscover-443-fails-80-works",
        "autodiscover-both-ports-fail",
    ),
)
def lyncdiscover_points_to_edge(inquiry: Inquiry) -> Iterator[Judgement]:
    """lyncdiscover has the address of the Access Edge.

    Evidence: lyncdiscover and a name of the Access Edge have one address; TLS there shows the Edge's certificate,
    which is not for lyncdiscover; port 80 is closed.

    Not this: one public address with both roles, whose certificate is for lyncdiscover too, or that answers web
    requests. Inconclusive: the certificate is not seen.
    """
    for search in inquiry.client_searches:
        for question in search.of(DISCOVERY):
            edges = {one: name for one in question.addresses if (name := _edge_name(inquiry, one))}
            if question.reply is Reply.FOUND and not edges:
                yield Clear(search.device)
            for address, name in edges.items():
                yield _at_edge(inquiry, search, question, address, name)


def _edge_name(inquiry: Inquiry, address: str) -> str:
    """A name that makes the address an Access Edge's, "" when none does."""
    told = inquiry.case.roles.told
    if told and EDGE_ACCESS in told.roles_of(address):
        return next(iter(inquiry.case.names.told.get(address, ())), address)
    names = inquiry.case.names.names_of(address, SOURCE_DNS)
    return next((one for one in names if one.startswith(EDGE_RECORDS)), "")


def _at_edge(inquiry: Inquiry, search: Search, question: Question, address: str, name: str) -> Judgement:
    case = inquiry.case
    served = {one.server for one in case.exchanges if one.protocol == "autodiscover" and one.row.outcome == "ok"}
    certificates = [one for one in case.presented if one.by_server and one.holder == address and one.port == 443]
    if address in served or any(one.covers(question.name) for one in certificates):
        return Clear(search.device)
    if not certificates:
        return Doubt(search.device, f"no certificate of {address} is in the capture, or {HIDDEN}")
    certificate = certificates[0]
    closed = [one for one in case.attempts_at(address) if one.port == 80 and one.ending in FAILED]
    own = (certificate.leaf.common_name or certificate.names[0]).lower()
    proof = [
        shown(question, f"{question.name} is {address}, which is {name} as well"),
        Proof(certificate.capture, (certificate.showings[0].frame,), f"the certificate there is for {own}"),
    ]
    if closed:
        proof.append(Proof(closed[0].capture, closed[0].failed_frames[:SHOWN], "port 80 is closed"))
    is_edge = own in _names_of_edge(inquiry, address)
    return found(
        question,
        f"{inquiry.word(search.device)} is led by {question.name} to {address}, the Access Edge, "
        f"whose certificate is for {own}.",
        "The Access Edge speaks SIP and serves no web requests: Autodiscover needs the reverse proxy.",
        Confidence.CERTAIN if is_edge else Confidence.LIKELY,
        *proof,
        peer=address,
        port=443,
        transport="tcp",
        service="autodiscover",
    )


def _names_of_edge(inquiry: Inquiry, address: str) -> set[str]:
    """The host names by which the Access Edge is asked for: targets of its records, and sip.<domain>."""
    names = set(inquiry.case.names.names_of(address, SOURCE_DNS))
    return {one for one in names if not one.startswith("_") and not one.startswith(DISCOVERY)}
