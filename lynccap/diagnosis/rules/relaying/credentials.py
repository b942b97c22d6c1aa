"""Credentials for the relay: the pool's way to the service that makes them, and what clients are told (group 6)."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from lynccap.correlation.roles.claims import EDGE_INT
from lynccap.correlation.rows import rows_of
from lynccap.correlation.sip.transactions import Transaction
from lynccap.correlation.tls.handshakes import HandshakeOutcome
from lynccap.correlation.tls.sessions import TlsSession
from lynccap.diagnosis.blocked import blocked, open_paths
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.failed_tls import FailedTls
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.rules.relaying.asks import WITHOUT_RELAY
from lynccap.diagnosis.sip_answers import asker_of, meaning_of_number, quoted, said_by
from lynccap.diagnosis.subjects import judged, subject_of, times_in_words
from lynccap.document import Confidence, Severity

MRAS_PORT = 5062
FAILING_OVER = 480  # what a pool answers while its members change (catalogue, mras-request-refused)
EFFECT = "There the pool gets the credentials with which devices ask for a relay: without them no call can use one."
LISTED = 6


@rule(
    title="The pool cannot reach the Edge's credential service on TCP 5062: nobody gets a relay",
    severity=Severity.CRITICAL,
    stage=Stage.RELAY,
    causes=(
        "A firewall between the pool and the Edge lacks TCP 5062.",
        "The credential service (MRAS) of the Edge is stopped.",
        "The pool is assigned to another Edge.",
    ),
    fix=("Open TCP 5062 from every Front End, Director and branch appliance to the Edge's internal interface.",),
    act=("network/firewall team",),
    sources=("notes-edge", "ms-edge-nat", "notes-poster"),
    explains=("mras-request-refused", "no-relay-candidates-offered", *WITHOUT_RELAY),
)
def mras_5062_blocked(inquiry: Inquiry) -> Iterator[Judgement]:
    """A Front End or branch appliance cannot connect to port 5062 of the Edge's internal interface.

    Evidence: SYNs to TCP 5062 of the inner Edge address are refused or unanswered. Requests for credentials that
    clients had refused meanwhile are added where SIP is readable, and that no device asked for a relay.

    Not this: port 5062 inside the pool, which is the conferencing server for messages; an Edge that is down. What it
    does to calls is said only where the capture shows it.
    """
    yield from open_paths(inquiry, "mras-5062-blocked")
    for verdict in judged(inquiry, "mras-5062-blocked"):
        refused = [one for one, _ in _refusals(inquiry) if one.last_time >= verdict.attempt.first_time]
        shown = blocked(inquiry, verdict, f"{EFFECT}{_seen(inquiry, verdict.attempt.first_time, refused)}")
        yield _with(shown, refused) if isinstance(shown, Found) else shown


def _seen(inquiry: Inquiry, since: int, refused: Sequence[Transaction]) -> str:
    if refused:
        return f" The requests of {len({one.flow for one in refused})} connections for credentials are refused."
    asked = any(one.request_times[-1] >= since for one in inquiry.case.relays.allocations)
    if asked or not any(one.last_time >= since for one in inquiry.case.calls.calls):
        return ""
    return " Calls are made meanwhile, and no device asks for a relay."


def _with(found: Found, refused: Sequence[Transaction]) -> Found:
    """The finding with what clients were told, so that these are its consequences."""
    frames = tuple(sorted(int(one.final.frame) for one in refused[:LISTED] if one.final is not None))
    if not frames:
        return found
    proof = Proof(refused[0].capture, frames, "requests for relay credentials that are refused meanwhile")
    return replace(found, proof=(*found.proof, proof), flows=(*found.flows, *(one.flow for one in refused)))


@rule(
    title="TLS with the Edge's credential service fails: nobody gets a relay",
    severity=Severity.CRITICAL,
    stage=Stage.RELAY,
    causes=("The certificate of the Edge's inner side is wrong, or has expired.",),
    fix=("Mend the certificate of the Edge's inner side: its subject is the Edge pool's inner name.",),
    act=("PKI team",),
    sources=("notes-edge", "ms-cert-edge"),
    explains=("mras-request-refused", "no-relay-candidates-offered", *WITHOUT_RELAY),
)
def mras_tls_failed(inquiry: Inquiry) -> Iterator[Judgement]:
    """A server of the pool ends, or is refused, TLS with port 5062 of the Edge's internal interface.

    Evidence: a handshake that ends in an alert, or is closed after the certificate; the certificate's subject and
    issuer are told.

    Not this: port 5062 inside the pool, which shows the Front End's certificate; a handshake that works afterwards.
    One close without an alert may be a service that restarts and is inconclusive.
    """
    for listener in inquiry.case.listeners:
        if listener.port == MRAS_PORT and inquiry.case.roles.has(listener.server, EDGE_INT):
            yield from (Clear(client) for client in listener.completed)
    for one in inquiry.failed_tls:
        if one.listener.port == MRAS_PORT and inquiry.case.roles.has(one.listener.server, EDGE_INT):
            yield _failed(inquiry, one)


def _failed(inquiry: Inquiry, one: FailedTls) -> Judgement:
    ended = [each for each in one.sessions if _ended(each)]
    refused = [each for each in ended if each.refusal]
    server = one.listener.server
    if not ended:
        return Doubt(one.client, one.doubt or f"the handshakes with {server} end before its certificate")
    if not refused and len(ended) < 2:
        return Doubt(one.client, f"{server} and {one.client} part once without an alert: it may just be restarting")
    subject = subject_of(inquiry, ended[0].flow)
    frames = [frame for each in ended[:LISTED] for frame in each.handshake.frames]
    return subject.found(
        f"{inquiry.word(one.client)} gets no TLS connection to {inquiry.server(server, MRAS_PORT)} on TCP port "
        f"{MRAS_PORT}: {_end_words(ended)}.",
        f"{_certificate_words(inquiry, ended[0])}{EFFECT}",
        Confidence.CERTAIN if refused else Confidence.LIKELY,
        subject.shows("the handshakes and how they end", *frames),
        time=ended[0].refusal.time if ended[0].refusal else ended[0].last_time,
        flows=tuple(each.flow for each in ended),
        rejected=(("mras-5062-blocked", "the connections themselves are accepted"),),
    )


def _ended(session: TlsSession) -> bool:
    if session.refusal:
        return True
    return bool(session.certificate_frame) and session.handshake.outcome is HandshakeOutcome.CLOSED


def _end_words(ended: Sequence[TlsSession]) -> str:
    alert = next((one.refusal for one in ended if one.refusal), None)
    if alert is None:
        return f"it is closed after the certificate, {times_in_words(len(ended))}"
    return f"the {'caller' if alert.from_client else 'Edge'} refuses it with TLS {alert.word}"


def _certificate_words(inquiry: Inquiry, session: TlsSession) -> str:
    shown = inquiry.case.shown_on.get(session.flow)
    if shown is None or not shown.readable:
        return ""
    leaf = shown.leaf
    return f"The Edge's certificate is for {leaf.common_name or 'no name'}, issued by {leaf.issuer}. "


@rule(
    title="A device asks for relay credentials and is refused",
    severity=Severity.MAJOR,
    stage=Stage.RELAY,
    causes=("No Edge is assigned to the pool or site for media.", "The credential service is overloaded."),
    fix=("Assign the Edge pool for media to the pool.",),
    act=("Lync administrator",),
    sources=("ms-ocer",),
    explains=("no-relay-candidates-offered", *WITHOUT_RELAY),
)
def mras_request_refused(inquiry: Inquiry) -> Iterator[Judgement]:
    """A device's request for relay credentials is answered by an error, or without any credentials.

    Evidence: where SIP is readable, a SERVICE request of the credentials' type with a final answer of 4xx or 5xx, or
    with 200 and no credentials in it; the answer's own words are quoted. Whether the device asks for a relay
    afterwards is said. Where SIP is encrypted nothing tells these requests from others.

    Not this: status 480 while the pool fails over; a later request that is granted; a relay that the device gets all
    the same. Inconclusive: no answer in the capture, or one that is cut off.
    """
    granted = {row.flow: int(row.time) for row in _exchanges(inquiry) if row.granted}
    refused = {one.flow: one for one, _ in _refusals(inquiry)}
    yield from (Clear(subject_of(inquiry, flow).device) for flow in granted if flow not in refused)
    seen: set[Any] = set()
    for one, words in _refusals(inquiry):
        device = asker_of(inquiry, one).device
        served = any(each.success_frames for each in _asked_after(inquiry, device, one.time))
        if granted.get(one.flow, 0) > one.time or served:
            yield Clear(device)
        elif (device, one.first.call_id) not in seen and one.status != FAILING_OVER:
            seen.add((device, one.first.call_id))
            yield _refused(inquiry, one, words)
        elif one.status == FAILING_OVER:
            yield Doubt(device, f"status {FAILING_OVER}: the pool may just be failing over")
    for one in _requests(inquiry):
        if one.final is None:
            yield Doubt(
                asker_of(inquiry, one).device, "no answer to its request for relay credentials is in the capture"
            )
        elif one.status == 200 and not one.final.complete:
            yield Doubt(asker_of(inquiry, one).device, "the answer with the relay credentials is cut off")


def _requests(inquiry: Inquiry) -> Iterator[Transaction]:
    """The requests for credentials, each on the first hop that shows it."""
    seen: set[Any] = set()
    for one in inquiry.case.dialogs.transactions:
        if one.asks_credentials:
            key = (one.first.call_id, one.first.cseq)
            if key not in seen:
                seen.add(key)
                yield one


def _exchanges(inquiry: Inquiry) -> list[Any]:
    table = inquiry.case.tables["mras"]
    return list(rows_of(table, ("flow", "frame", "time", "granted", "outcome", "reason_phrase")))


def _refusals(inquiry: Inquiry) -> Iterator[tuple[Transaction, str]]:
    """Refused requests with what was answered."""
    empty = {(row.flow, row.frame): row.reason_phrase or "" for row in _exchanges(inquiry) if row.outcome == "fault"}
    for one in _requests(inquiry):
        final = one.final
        if final is None:
            continue
        if final.status >= 400:
            yield one, said_by(final)
        elif final.status == 200 and final.complete and (one.flow, int(final.frame)) in empty:
            text = quoted(empty[one.flow, int(final.frame)])
            yield one, "status 200 without credentials" + (f', "{text}"' if text else "")


def _asked_after(inquiry: Inquiry, device: str, time: int) -> list[Any]:
    return [one for one in inquiry.case.relays.allocations_of(device) if one.request_times[-1] >= time]


def _refused(inquiry: Inquiry, one: Transaction, words: str) -> Found:
    subject, final = asker_of(inquiry, one), one.answers[-1] if one.final is None else one.final
    meaning = meaning_of_number(final)
    after = "It asks no relay afterwards." if not _asked_after(inquiry, subject.device, one.time) else ""
    at_5062 = f'Port="{MRAS_PORT}"' in (final.diagnostics or "")
    causes = mras_request_refused.causes
    return subject.found(
        f"{inquiry.word(subject.device)} asks {inquiry.server(subject.peer, subject.port)} for relay credentials and "
        "gets none: " + words + ".",
        " ".join(text for text in (meaning, after, "Without them it can use no relay.") if text),
        Confidence.CERTAIN,
        subject.shows("the request for credentials, and the answer", one.frame, int(final.frame)),
        time=one.time,
        causes=(f"The pool does not reach port {MRAS_PORT} of the Edge, as the answer says.", *causes)
        if at_5062
        else (),
        reading=inquiry.reading(one.flow),
        rejected=(("turn-allocate-401-loop", "no relay was asked with credentials"),) if after else (),
    )
