"""Revocation lists that are old, out of reach for clients, or fetched by the wrong way (catalogue group 2)."""

from collections.abc import Iterator
from typing import Any

from lynccap.correlation.addresses import is_public
from lynccap.correlation.protocol_numbers import HTTP
from lynccap.correlation.roles.claims import CRL_HOST, EDGE_INT
from lynccap.correlation.tls.sessions import TlsSession
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.purposes.revocation import acts_as_server, waiting_handshakes
from lynccap.diagnosis.subjects import day, found, judged, subject_of
from lynccap.document import Confidence, Severity

LISTS = ("crl", "delta-crl")
ALIKE_S = 1.0  # gaps of one time-out differ by less


@rule(
    title="A revocation list has run out",
    severity=Severity.MAJOR,
    stage=Stage.TRUST,
    causes=(
        "The certification authority stopped publishing.",
        "The place of publication is not refreshed.",
        "A caching proxy serves an old copy.",
    ),
    fix=("Publish a fresh list at every place that the certificates name, and empty caches.",),
    act=("PKI team",),
    sources=("notes-http", "schertz-crl"),
    explains=("federation-tls-failed",),
)
def crl_expired(inquiry: Inquiry) -> Iterator[Judgement]:
    """A revocation list that a Lync server or client downloads has passed its own end date.

    Evidence: HTTP 200 for a list that a certificate in Lync's TLS names, or that a Lync server fetches; its next update
    lies before the time of the capture. Likely where only its beginning can be read.

    Not this: a recorder's clock that time servers contradict; a delta list beside a base in force; 304, which brings
    no list.
    """
    case = inquiry.case
    crl = case.tables["crl"]
    if crl.empty:
        return
    names = _names_of_lists(inquiry)
    lists = crl[crl["kind"].isin(LISTS) & (crl["status"] == 200) & crl["content_ok"] & (crl["next_update"] > 0)]
    told: set[tuple[str, str]] = set()
    for row in lists.itertuples():
        client = str(case.flows.at[row.flow, "client"])
        if not acts_as_server(case, client) and row.url not in names:
            continue
        if row.next_update >= row.time:
            yield Clear(client)
        elif (client, row.url) not in told:
            told.add((client, row.url))
            yield _expired(inquiry, row, lists[(lists["url"] == row.url)])


def _names_of_lists(inquiry: Inquiry) -> frozenset[str]:
    """The addresses that certificates shown in Lync's TLS name."""
    roles = inquiry.case.roles
    shown = (one for one in inquiry.case.presented if one.readable and roles.is_lync(one.holder))
    return frozenset(url for one in shown for each in one.chain for url in each.crl_urls)


def _expired(inquiry: Inquiry, row: Any, same: Any) -> Judgement:
    case = inquiry.case
    subject = subject_of(inquiry, row.flow)
    wrong = inquiry.gates.clock_wrong(subject.capture)
    if wrong:
        return Doubt(subject.device, wrong)
    if row.kind == "delta-crl" and _base_in_force(inquiry, row):
        return Doubt(subject.device, f"{row.url} adds to another list that is in force")
    told = inquiry.gates.clock_error(subject.capture) is not None
    revocations = case.tables.revocations
    parsed = revocations[(revocations["flow"] == row.flow) & (revocations["frame"] == row.frame)]
    readable = bool((parsed["unreadable"] == "").any())
    clock = "Time servers agree with the recorder's clock." if told else "Nothing confirms the recorder's clock."
    mine = same[same["flow"].map(case.flows["client"]) == subject.device]
    frames = [int(frame) for frame in mine["frame"]]
    return subject.found(
        f"{inquiry.word(subject.device)} is given a revocation list that ended on {day(row.next_update)}: {row.url}.",
        f"Until a fresh list is published nothing issued by this authority can be checked. {clock}",
        Confidence.CERTAIN if readable and told else Confidence.LIKELY,
        subject.shows("the list in the answer", *frames),
        service="crl",
        time=int(row.time),
        flows=tuple(int(one) for one in mine["flow"]),
    )


def _base_in_force(inquiry: Inquiry, row: Any) -> bool:
    table = inquiry.case.tables.revocations
    mine = table[(table["flow"] == row.flow) & (table["frame"] == row.frame)]
    bases = table[(table["kind"] == "crl") & table["issuer"].isin(mine["issuer"]) & (table["next_update"] > row.time)]
    return not bases.empty


@rule(
    title="The Edge fetches public revocation lists through its inner interface",
    severity=Severity.MINOR,
    stage=Stage.REACH,
    causes=("The default gateway is on the inner interface.", "An entry in the hosts file leads there."),
    fix=(
        "Put the default gateway on the outer interface only, with static routes inside.",
        "Publish the private authority's list over HTTP where the Edge's inner interface reaches it.",
    ),
    act=("Lync administrator (routing)",),
    sources=("notes-http", "notes-edge"),
    explains=("federation-tls-failed",),
)
def edge_crl_via_internal_nic(inquiry: Inquiry) -> Iterator[Judgement]:
    """HTTP to a public authority's revocation server leaves an Edge Server with its inner address.

    Evidence: a connection from the Edge's inner address to TCP port 80 of a public address that certificates name for
    revocation; none from its outer addresses to the same host.

    Not this: a private authority's list inside, which is fetched this way and has to be; any other server's fetch.
    """
    case = inquiry.case
    for attempt in case.attempts:
        if attempt.port != HTTP or not case.roles.has(attempt.client, EDGE_INT):
            continue
        if not case.roles.has(attempt.server, CRL_HOST):
            continue
        if not is_public(attempt.server):
            yield Clear(attempt.client)
        elif not _outside_too(inquiry, attempt.client, attempt.server):
            yield _inner(inquiry, attempt.client, attempt.server, attempt.flows)


def _outside_too(inquiry: Inquiry, inner: str, server: str) -> bool:
    """Whether an Edge fetches from that host by another address as well."""
    roles = inquiry.case.roles
    return any(
        one.client != inner and (roles.roles_of(one.client) & {"edge_access", "edge_webconf", "edge_av"})
        for one in inquiry.case.attempts_at(server)
    )


def _inner(inquiry: Inquiry, client: str, server: str, flows: tuple[int, ...]) -> Found:
    subject = subject_of(inquiry, flows[0])
    claim = inquiry.case.roles.best(client, EDGE_INT)
    names = inquiry.case.names.names_of(server, "dns")
    host = f"{names[0]} ({server})" if names else server
    frames = [int(inquiry.case.flows.at[flow, "first_frame"]) for flow in flows]
    basis = f" That it is the inner one is shown by: {claim.says}." if claim else ""
    return subject.found(
        f"{inquiry.word(client)} asks {host} for revocation data from its inner address.",
        f"Public lists have to be fetched by the outer interface, where the default gateway belongs.{basis}",
        Confidence.CERTAIN,
        subject.shows("the connections that leave with the inner address", *frames),
        service="crl",
        flows=flows,
    )


@rule(
    title="A client waits for a revocation server that it cannot reach",
    severity=Severity.MINOR,
    stage=Stage.TRUST,
    causes=(
        "A proxy or firewall is in the way.",
        "The host of the revocation list is gone.",
        "A private authority's list is not published where the client is.",
    ),
    fix=("Publish the revocation list where the client can fetch it, or use public certificates.",),
    act=("network team", "PKI team"),
    sources=("notes-edge", "schertz-crl", "notes-sec2"),
)
def client_crl_ocsp_unreachable(inquiry: Inquiry) -> Iterator[Judgement]:
    """A client's sign-in waits more than 5 s in TLS while it tries in vain to reach a revocation server.

    Evidence: the certificate; connections to a host for revocation that are refused or unanswered, or HTTP errors; the
    client's next TLS message more than 5 s after the certificate. Certain where the same gap comes again.

    Not this: a look-up beside the handshake that delays nothing; no look-up at all, which a cached list explains.
    """
    for session in (one for ones in _fetched(inquiry) for one in ones):
        yield Clear(str(inquiry.case.flows.at[session.flow, "client"]))
    for verdict in judged(inquiry, "client-crl-ocsp-unreachable"):
        attempt = verdict.attempt
        sessions = waiting_handshakes(inquiry.case, attempt)
        gaps = [one.handshake.pause_after("certificate") or 0.0 for one in sessions]
        ends = f"TLS with {inquiry.server(str(inquiry.case.flows.at[sessions[0].flow, 'server']))}"
        says = (
            f"{inquiry.word(attempt.client)} cannot reach the revocation server {attempt.server} on TCP port "
            f"{attempt.port}; {ends} waits {max(gaps):.0f} s for it."
        )
        frames = {frame for one in sessions for frame in _gap_frames(one)}
        waited = Proof(attempt.capture, tuple(sorted(frames)), "the certificate, and the client's next message")
        again = len(gaps) > 1 and max(gaps) - min(gaps) < ALIKE_S
        confidence = Confidence.CERTAIN if again else Confidence.LIKELY
        yield found(inquiry, verdict, says, f"{verdict.says}.", confidence, (waited,))


def _gap_frames(session: TlsSession) -> Iterator[int]:
    """The certificate, and what the client did next."""
    shown = next(one for one in session.handshake.steps if one.kind == "certificate")
    yield shown.frame
    later = [one.frame for one in session.handshake.steps if one.from_client and one.time > shown.time]
    end = session.handshake.end
    if later or end:
        yield later[0] if later else (end.frame if end else shown.frame)


def _fetched(inquiry: Inquiry) -> Iterator[list[TlsSession]]:
    """TLS of clients that reached a revocation server."""
    for host in inquiry.case.roles.crl_hosts():
        for attempt in inquiry.case.attempts_at(host):
            if attempt.established and not acts_as_server(inquiry.case, attempt.client):
                yield inquiry.case.sessions_of(inquiry.case.attempts_of(attempt.client))[:1]
