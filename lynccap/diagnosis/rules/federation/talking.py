"""What happens between Edges once TCP is open: TLS that breaks, and messages that pass one way only."""

from collections.abc import Iterator

from lynccap.correlation.addresses import is_public
from lynccap.correlation.names import SOURCE_DNS, parent_of
from lynccap.correlation.protocol_numbers import SIP_TLS_PORT
from lynccap.correlation.sip.transactions import Transaction
from lynccap.correlation.tls.handshakes import HandshakeOutcome, Means
from lynccap.correlation.tls.sessions import TlsSession
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.failed_tls import FailedTls
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.sip_answers import asker_of, said_by
from lynccap.diagnosis.subjects import Subject, judged, subject_of, times_in_words
from lynccap.diagnosis.verdicts import Verdict
from lynccap.document import Confidence, Severity

NAMED_BY_RECORD = "_sipfederationtls._tcp."
BLOCKED = ("federation-5061-outbound-blocked", "federation-5061-inbound-blocked")
REFUSED = (403, 504)
BROKEN = (HandshakeOutcome.REFUSED, HandshakeOutcome.CLOSED, HandshakeOutcome.STALLED)
ENDINGS = {
    Means.RST: "resets the connection",
    Means.FIN: "closes the connection",
    Means.CLOSE_NOTIFY: "closes TLS",
    Means.ENCRYPTED_ALERT: "sends an encrypted alert",
    Means.SILENCE: "says no more",
}


@rule(
    title="TLS between our Edge and a partner breaks",
    severity=Severity.MAJOR,
    stage=Stage.SIGN_IN,
    causes=(
        "One side does not trust the authority of the other's certificate.",
        "The certificate is not for the name of the record.",
        "An intermediate certificate is missing.",
        "The other side resets the connection by a rule of its own.",
    ),
    fix=("Use certificates of a public authority with the right names, or import the root at the partner.",),
    act=("PKI team of both sides",),
    sources=("risual-1047", "notes-edge", "ms-ocer"),
    explains=("sip-504-nexthop", "federation-one-way-messages"),
)
def federation_tls_failed(inquiry: Inquiry) -> Iterator[Judgement]:
    """Our Edge and a partner's connect on port 5061, and the TLS handshake comes to nothing.

    Evidence: TLS on port 5061 between our Access Edge and a host outside; who ended it, after which message, and with
    which alert; whether the certificate is for the name that DNS gave.

    Not this: a partner that closes after TLS, which is a matter of its rules; a handshake that works on the next try.
    Inconclusive: a capture that lacks a part of the handshake.
    """
    for listener in inquiry.case.listeners:
        if listener.port == SIP_TLS_PORT:
            for client in listener.completed:
                if _is_federation(inquiry, client, listener.server):
                    yield Clear(client)
    for failed in inquiry.failed_tls:
        if failed.listener.port == SIP_TLS_PORT and _is_federation(inquiry, failed.client, failed.listener.server):
            yield _broken(inquiry, failed)


def _is_federation(inquiry: Inquiry, client: str, server: str) -> bool:
    """Between our Edge and an Edge outside; who comes in may be a user, unless something shows that it is a partner."""
    ours = inquiry.case.our_edges
    if client in ours:
        return is_public(server) and server not in ours
    if server not in ours or not is_public(client):
        return False
    named = inquiry.case.names.names_of(client, SOURCE_DNS)
    return inquiry.case.roles.has(client, "federated_edge") or any(one.startswith(NAMED_BY_RECORD) for one in named)


def _broken(inquiry: Inquiry, failed: FailedTls) -> Judgement:
    judged_ones = [one for one in failed.sessions if one.handshake.outcome in BROKEN]
    edge_asks = failed.client in inquiry.case.our_edges
    device = failed.client if edge_asks else failed.listener.server
    if not judged_ones or judged_ones[0].handshake.end is None:
        return Doubt(device, failed.doubt) if failed.doubt else Clear(device)
    first, end = judged_ones[0], judged_ones[0].handshake.end
    subject = subject_of(inquiry, first.flow, of_client=edge_asks)
    who = failed.client if end.from_client else failed.listener.server
    ends = [one.handshake.end.frame for one in judged_ones if one.handshake.end]
    often = times_in_words(len(judged_ones))
    return subject.found(
        f"{inquiry.word(subject.device)} gets no TLS connection with its partner {subject.peer} on TCP port "
        f"{subject.port}: {who} {_ending(first)}.",
        f"It ends {often}, each time before any data. {_shown(inquiry, first, failed.listener.server)}",
        Confidence.CERTAIN,
        subject.shows("where the handshakes end", *ends),
        time=end.time,
        flows=tuple(one.flow for one in judged_ones),
    )


def _ending(session: TlsSession) -> str:
    """What the one that ended the handshake did, and after which message."""
    handshake = session.handshake
    after = f" after {handshake.stage}" if handshake.stage else ""
    if handshake.outcome is HandshakeOutcome.REFUSED and session.refusal:
        return f"sends {session.refusal.word}{after}"
    assert handshake.end is not None  # asked before
    return f"{ENDINGS.get(handshake.end.means, 'ends it')}{after}"


def _shown(inquiry: Inquiry, session: TlsSession, server: str) -> str:
    """The certificate, its issuer, and whether it is for the name by which DNS led there."""
    shown = inquiry.case.shown_on.get(session.flow)
    if shown is None or not shown.readable:
        return "No certificate of the server that accepts was seen."
    names = [one for one in inquiry.case.names.names_of(server, SOURCE_DNS) if not one.startswith("_")]
    holds = ", ".join(shown.names[:3]) or "no name"
    says = f"The certificate of {server} is for {holds}, issued by {shown.leaf.issuer}."
    if not names:
        return says
    fits = any(shown.covers(one) for one in names)
    return f"{says} It is {'' if fits else 'not '}for {names[0]}, which DNS gave."


@rule(
    title="Messages pass between us and a partner in one direction only",
    severity=Severity.MAJOR,
    stage=Stage.SIGN_IN,
    causes=(
        "A firewall lets TCP 5061 through in one direction only.",
        "The partner's list of allowed domains leaves ours out, or ours the partner's.",
        "A service of the Edge or of the pool fails.",
    ),
    fix=("Test each direction by itself: each has connections of its own.",),
    act=("Lync administrator", "network/firewall team"),
    sources=("notes-edge",),
)
def federation_one_way_messages(inquiry: Inquiry) -> Iterator[Judgement]:
    """Federation has a connection for each direction; one of them works, and the other does not.

    Evidence: data flows on port 5061 in one direction of connection; in the other one connections to the same partner
    are refused or unanswered, or, where SIP is readable, everything asked there ends in status 403 or 504.

    Not this: a direction in which nobody sent anything; one refusal among requests that are accepted. Inconclusive:
    the capture cannot prove that a connection failed.
    """
    for name in BLOCKED:
        for verdict in judged(inquiry, name):
            yield from _unlike(inquiry, verdict)
    yield from _refused_one_way(inquiry)


def _unlike(inquiry: Inquiry, verdict: Verdict) -> Iterator[Judgement]:
    """A direction that fails, where the other one carries data."""
    attempt = verdict.attempt
    ours, theirs = (attempt.client, attempt.server)
    outward = ours in inquiry.case.our_edges
    if not outward:
        ours, theirs = theirs, ours
    works = _other_direction(inquiry, ours, theirs, outward)
    if works is None:
        return
    if verdict.doubt:
        yield Doubt(ours, verdict.doubt)
        return
    subject = subject_of(inquiry, attempt.flows[0], of_client=outward)
    way, other = ("to", "from") if outward else ("from", "to")
    yield subject.found(
        f"{inquiry.word(ours)} gets no connection {way} its partner {theirs} on TCP port {attempt.port}, while "
        f"connections {other} it carry data.",
        f"{verdict.says}. Each direction of messages has connections of its own, so that messages arrive and answers "
        "do not.",
        Confidence.LIKELY,
        *verdict.proof,
        works,
        flows=attempt.flows,
        time=attempt.first_time,
    )


def _other_direction(inquiry: Inquiry, ours: str, theirs: str, outward: bool) -> Proof | None:
    """That TLS of the other direction carries data between the two, or with another host of the same domain."""
    for one in inquiry.case.attempts:
        if one.port != SIP_TLS_PORT or not one.established or (one.server == ours) is not outward:
            continue
        partner = one.client if outward else one.server
        if ours not in (one.client, one.server) or not _are_alike(inquiry, partner, theirs):
            continue
        for session in inquiry.case.sessions_of([one]):
            if session.completed:
                says = f"data between {one.client} and {one.server} on a connection of the other direction"
                return Proof(one.capture, (session.hello_frame, session.data_frame), says)
    return None


def _are_alike(inquiry: Inquiry, one: str, other: str) -> bool:
    """Whether two addresses are of one partner: the same, or with names in one domain."""
    return one == other or bool(_domains(inquiry, one) & _domains(inquiry, other))


def _domains(inquiry: Inquiry, address: str) -> set[str]:
    names = {one.removeprefix(NAMED_BY_RECORD) for one in inquiry.case.names.names_of(address)}
    for shown in inquiry.case.presented:
        if shown.holder == address:
            names |= set(shown.names)
    return {parent_of(one) for one in names}


def _refused_one_way(inquiry: Inquiry) -> Iterator[Found]:
    """Where SIP between the Edges is readable: everything one side asks is refused, the other side is served."""
    asked: dict[tuple[str, str], list[Transaction]] = {}
    for one in inquiry.case.dialogs.transactions:
        if one.request is not None and one.status is not None:
            subject = asker_of(inquiry, one)
            if subject.port == SIP_TLS_PORT and _is_pair(inquiry, subject):
                asked.setdefault((subject.device, subject.peer), []).append(one)
    for (asker, peer), ones in asked.items():
        back = asked.get((peer, asker), [])
        served = [one for one in back if (one.status or 0) < 300]
        if served and all(one.status in REFUSED for one in ones):
            yield _served_and_refused(inquiry, ones, served)


def _is_pair(inquiry: Inquiry, subject: Subject) -> bool:
    ours = inquiry.case.our_edges
    return (subject.device in ours) is not (subject.peer in ours) and is_public(
        subject.peer if subject.device in ours else subject.device
    )


def _served_and_refused(inquiry: Inquiry, ones: list[Transaction], served: list[Transaction]) -> Found:
    asker = asker_of(inquiry, ones[0])
    outward = asker.device in inquiry.case.our_edges
    subject = subject_of(inquiry, ones[0].flow, of_client=ones[0].asked_by_client is outward)
    lost, kept = ("it sends to", "comes from") if outward else ("comes from", "it sends to")
    return subject.found(
        f"{inquiry.word(subject.device)}: what {lost} its partner {subject.peer} is all refused, while what {kept} it "
        "is accepted.",
        f"Requests seen in that direction: {len(ones)}. All are refused, the first with {said_by(ones[0].final)}.",
        Confidence.LIKELY,
        subject.shows("the refused requests", *(one.frame for one in ones)),
        subject.shows("a request of the other direction that is accepted", served[0].frame),
        time=min(ones[0].time, served[0].time),
        flows=tuple(dict.fromkeys(one.flow for one in (*ones, served[0]))),
        reading=inquiry.reading(*(one.flow for one in ones)),
    )
