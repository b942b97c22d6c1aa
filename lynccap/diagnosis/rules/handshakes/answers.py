"""Servers that show a device another site's certificate, or never finish the handshake (catalogue group 4)."""

from collections.abc import Iterator

from lynccap.correlation.tls.handshakes import PATIENCE_NS, HandshakeOutcome
from lynccap.correlation.tls.listeners import Listener
from lynccap.correlation.tls.presented import Presented
from lynccap.correlation.tls.sessions import UNKNOWN_CA, TlsSession
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.failed_tls import FailedTls
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Doubt, Found, Judgement, Proof
from lynccap.diagnosis.purposes.revocation import partner_handshakes
from lynccap.diagnosis.rules.handshakes.objections import (
    BAD,
    CLOSED,
    LISTED,
    UNKNOWN,
    UNSUPPORTED,
    objections,
    served,
)
from lynccap.diagnosis.subjects import judged, subject_of
from lynccap.document import Confidence, Severity

UNRECOGNIZED_NAME = 112
OVER_NAMES = (BAD, UNSUPPORTED, UNKNOWN, UNKNOWN_CA, UNRECOGNIZED_NAME, CLOSED)


@rule(
    title="A device that names no server gets another site's certificate",
    severity=Severity.MAJOR,
    stage=Stage.TRUST,
    causes=("The proxy tells its sites apart by the name in the hello (SNI), which older phones do not send.",),
    fix=("Give the Lync site an address of its own, or make its certificate the default of this one.",),
    act=("reverse proxy team",),
    sources=("ucvnext-lpe-tls", "notes-edge"),
    explains=(
        "tls-unknown-ca",
        "cert-name-mismatch",
    ),
)
def tls_sni_missing_default_cert(inquiry: Inquiry) -> Iterator[Judgement]:
    """A device whose hello names no server is shown the listener's default certificate, which is another site's.

    Evidence: the client's hello without a server name; a leaf that covers none of the names that lead to the address;
    the device gives up; another client that sends a name is shown the right leaf by the same address and port.

    Not this: a listener with one certificate; a default certificate that covers the name.
    """
    yield from served(inquiry)
    for one in objections(inquiry, OVER_NAMES):
        wanted = [name for name in inquiry.case.names.names_of(one.listener.server, "dns") if not name.startswith("_")]
        if any(each.sni for each in one.sessions) or not wanted or any(one.shown.covers(name) for name in wanted):
            continue
        right = _right_one(inquiry, one.listener, one.shown)
        if right is None:
            yield Doubt(one.client, "it names no server and is shown another site's certificate; no other one is shown")
            continue
        name, shown, session = right
        proof = Proof(one.listener.capture, (session.hello_frame, session.certificate_frame), f"asked for {name}")
        why = (
            f"Its hello names no server, and it is shown the certificate of {_for(one.shown)}. "
            f"Whoever asks for {name} at the same address and port is shown that of {_for(shown)}."
        )
        yield one.found(inquiry, "it is another site's", why, Confidence.CERTAIN, proof)


def _for(shown: Presented) -> str:
    return shown.names[0] if shown.names else str(shown.leaf.subject)


def _right_one(inquiry: Inquiry, listener: Listener, wrong: Presented) -> tuple[str, Presented, TlsSession] | None:
    """A name that was asked for there, and the other list that was shown for it."""
    for session in listener.naming:
        shown = inquiry.case.shown_on.get(session.flow)
        if shown and shown is not wrong and shown.readable and shown.covers(session.sni):
            return session.sni, shown, session
    return None


@rule(
    title="The server does not finish the TLS handshake",
    severity=Severity.MAJOR,
    stage=Stage.TRUST,
    causes=(
        "The server waits for a revocation list that it cannot fetch.",
        "The server is overloaded.",
        "An inspecting box holds the connection.",
    ),
    fix=("Check what the server may fetch on TCP port 80, and its load.",),
    act=("service owner of the server",),
    sources=("notes-http", "rfc5246"),
    explains=("federation-tls-failed",),
)
def tls_handshake_stalled(inquiry: Inquiry) -> Iterator[Judgement]:
    """A Lync server accepts the connection and takes the client's hello, and then says nothing, or no more.

    Evidence: the client's hello, acknowledged; no answer for 5 s or more, or a certificate and then silence; other
    servers answer quickly. A server that answers after more than 5 s is found too, as a minor matter.

    Not this, and then inconclusive: a server that repeats data nobody acknowledges, whose packets are lost on the way;
    a hello nobody acknowledges; a capture that is cut, late, one-sided or lossy. Not this at all: a handshake in which
    the next message was the client's; one for which a failed fetch of a revocation list was found.
    """
    yield from served(inquiry)
    explained = _waiting_for_lists(inquiry)
    for failed in inquiry.failed_tls:
        owed = [one for one in failed.sessions if not one.handshake.client_due and one.flow not in explained]
        stalled = tuple(one for one in owed if one.handshake.outcome is HandshakeOutcome.STALLED)
        if stalled:
            yield _stalled(inquiry, failed.some(stalled))
            continue
        doubt = next((one.handshake.doubt for one in owed if one.handshake.doubt and one.handshake.stage), "")
        if doubt:
            yield Doubt(failed.client, doubt)
    yield from _slow(inquiry)


def _waiting_for_lists(inquiry: Inquiry) -> frozenset[int]:
    blocked = judged(inquiry, "edge-crl-http-blocked")
    return frozenset(flow for one in blocked for flow in partner_handshakes(inquiry.case, one.attempt))


def _stalled(inquiry: Inquiry, failed: FailedTls) -> Judgement:
    listener, client, sessions = failed.listener, failed.client, failed.sessions
    lost = next((because for one in sessions if (because := _lost(inquiry, one, client))), None)
    if lost:
        return Doubt(client, lost)
    longest = max(one.handshake.waited for one in sessions)
    after = sessions[0].handshake.stage
    times = f", {len(sessions)} times" if len(sessions) > 1 else ""
    server = inquiry.server(listener.server, listener.port)
    says = (
        f"{inquiry.word(client)} waits in vain for {server} to finish TLS on TCP port {listener.port}: "
        f"nothing comes for {longest:.0f} s after {_STAGES.get(after, after)}{times}."
    )
    subject = subject_of(inquiry, sessions[0].flow)
    frames = sorted({frame for one in sessions for frame in one.handshake.frames})
    flows = tuple(one.flow for one in sessions)
    quick = _quick(inquiry, listener)
    return subject.found(
        says,
        f"The server accepted the connection and confirmed what it got, but owes the next message.{quick}",
        Confidence.CERTAIN,
        subject.shows("the messages of the handshake, and how it ends", *frames[:LISTED]),
        flows=flows,
    )


_STAGES = {
    "client-hello": "the client's hello",
    "server-hello": "the server's hello",
    "certificate": "the certificate",
    "encrypted-handshake": "the client's last message",
    "change-cipher-spec": "the client's last message",
}


def _quick(inquiry: Inquiry, listener: Listener) -> str:
    others = (one.server for one in inquiry.case.listeners if one.port == listener.port and one.completed)
    other = next((one for one in others if one != listener.server and inquiry.case.roles.is_lync(one)), "")
    return f" {other} completes TLS on the same port." if other else ""


def _lost(inquiry: Inquiry, session: TlsSession, client: str) -> str | None:
    """Why packets that are lost on the way may be the reason."""
    row = inquiry.case.flows.loc[session.flow]
    if row["retransmitted_server"]:
        return f"{row['server']} repeats data that {client} never confirms: its packets are lost on the way"
    if row["retransmitted_client"] and row["unanswered_client"]:
        return f"{row['server']} never confirms what {client} sends: its packets are lost on the way"
    start, end = int(row["first_time"]), int(row["last_time"])
    gates, capture = inquiry.gates, int(row["capture"])
    return gates.lossy(capture, start, end) or gates.clock_set(capture, start, end) or gates.torn(capture, start, end)


def _slow(inquiry: Inquiry) -> Iterator[Found]:
    """Servers whose hello came late, in handshakes that worked."""
    started = inquiry.case.flows["first_time"].tolist()
    for listener in inquiry.case.listeners:
        if not inquiry.case.roles.is_lync(listener.server):
            continue
        late = [one for one in listener.sessions if one.data_time - started[one.flow] >= PATIENCE_NS]
        slow = [(pause, one) for one in late if (pause := one.handshake.pause_after("client-hello") or 0.0) >= 5.0]
        if slow and not any(_lost(inquiry, one, listener.server) for _, one in slow):
            yield _late(inquiry, listener, slow)


def _late(inquiry: Inquiry, listener: Listener, slow: list[tuple[float, TlsSession]]) -> Found:
    subject = subject_of(inquiry, slow[0][1].flow)
    longest = max(pause for pause, _ in slow)
    server = inquiry.server(listener.server, listener.port)
    frames = sorted({frame for _, one in slow for frame in (one.hello_frame, one.server_hello_frame) if frame})
    return subject.found(
        f"{inquiry.word(subject.device)} waits {longest:.0f} s for {server} to answer its TLS hello "
        f"on TCP port {listener.port}.",
        "The handshake completes, but the server takes this long to say its first word.",
        Confidence.CERTAIN,
        subject.shows("the client's hello and the server's", *frames[:LISTED]),
        severity=Severity.MINOR,
        flows=tuple(one.flow for _, one in slow),
    )
