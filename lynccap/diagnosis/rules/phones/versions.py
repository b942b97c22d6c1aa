"""TLS versions: phones that speak nothing newer than TLS 1.0 (catalogue group 10)."""

from collections.abc import Iterator

from lynccap.correlation.devices.book import LYNC_PHONE
from lynccap.correlation.tls.handshakes import HandshakeOutcome, Means
from lynccap.correlation.tls.sessions import TlsSession
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement, Proof
from lynccap.diagnosis.purposes.root_chain import completes_later
from lynccap.diagnosis.subjects import Subject, subject_of
from lynccap.document import Confidence, Severity

OLD, NEW = ("ssl2", "ssl3", "tls1.0"), ("tls1.2", "tls1.3")
HANDSHAKE_FAILURE, PROTOCOL_VERSION = 40, 70  # RFC 5246 7.2.2


@rule(
    title="The phone speaks nothing newer than TLS 1.0 and the server refuses it",
    severity=Severity.MAJOR,
    stage=Stage.TRUST,
    causes=("TLS 1.0 was switched off on the server, or on a box before it.",),
    fix=(
        "Allow TLS 1.0 on the addresses these phones use, as an exception.",
        "Replace the phones: Lync Phone Edition has no newer version.",
    ),
    act=("security team", "endpoint team"),
    sources=("thamaraw-lpe", "ucvnext-lpe-tls"),
    explains=("tls-version-mismatch", "tls-cipher-mismatch"),
)
def phone_tls10_only(inquiry: Inquiry) -> Iterator[Judgement]:
    """A Lync phone offers at most TLS 1.0 and is turned away at once, where a newer client is let in.

    Evidence: a Lync phone's hello that offers at most TLS 1.0; alert 70 (protocol version) or 40 (handshake failure)
    of the server, or a reset, right after it; another device that completes TLS 1.2 or newer at the same port.

    Not this: pseudo-TLS towards an Edge, which is no TLS; a phone that completes TLS there; a server that answers the
    hello. Without another device it is likely with alert 70, and inconclusive else.
    """
    seen: set[tuple[int, str, str, int]] = set()
    for flow, session in inquiry.case.sessions.items():
        if session.version not in OLD or not session.hello_frame:
            continue
        subject = subject_of(inquiry, flow)
        device = inquiry.device(subject.device)
        if device is None or device.kind != LYNC_PHONE or not inquiry.case.roles.is_plausible(subject.peer):
            continue
        key = (subject.capture, subject.device, subject.peer, subject.port)
        if session.completed or session.server_hello_frame or completes_later(inquiry.case, session):
            yield Clear(subject.device)
        elif key not in seen:
            seen.add(key)
            yield from _turned_away(inquiry, subject, session)


def _turned_away(inquiry: Inquiry, subject: Subject, session: TlsSession) -> Iterator[Judgement]:
    handshake, alert = session.handshake, session.refusal
    end = handshake.end
    if handshake.outcome is HandshakeOutcome.UNKNOWN:
        yield Doubt(subject.device, handshake.doubt)
        return
    by_alert = alert is not None and not alert.from_client and alert.code in (HANDSHAKE_FAILURE, PROTOCOL_VERSION)
    by_reset = alert is None and end is not None and end.means is Means.RST and not end.from_client
    if end is None or not (by_alert or by_reset):
        return
    newer = _newer(inquiry, subject)
    says = f"alert {alert.code}, {alert.name}" if alert else "a reset"
    if newer is None and not (alert and alert.code == PROTOCOL_VERSION):
        yield Doubt(subject.device, f"nobody else speaks TLS there, so {says} may have another reason")
        return
    yield subject.found(
        f"{inquiry.word(subject.device)} offers no newer version than TLS 1.0, and "
        f"{inquiry.server(subject.peer, subject.port)} refuses that on TCP port {subject.port} ({says}).",
        "The server ends the connection right after the phone's first message."
        + (" It lets a device in that speaks a newer version." if newer else "")
        + ("" if session.sni else " The phone does not name the server it wants either (no SNI)."),
        Confidence.CERTAIN if newer and alert else Confidence.LIKELY,
        subject.shows(f"the phone's hello, and {says}", session.hello_frame, end.frame),
        *((newer,) if newer else ()),
        rejected=(("tls-cipher-mismatch", "alert 70 is about the version, not about the cipher suites"),)
        if alert and alert.code == PROTOCOL_VERSION
        else (),
    )


def _newer(inquiry: Inquiry, subject: Subject) -> Proof | None:
    """Another device that completes TLS 1.2 or newer at the same port."""
    for answer in inquiry.case.answers_of(subject.peer):
        session = inquiry.case.sessions.get(answer.flow)
        if session is None or answer.port != subject.port or answer.client == subject.device:
            continue
        if session.completed and session.version in NEW:
            says = f"{answer.client} completes {session.version.upper()} there"
            return Proof(subject.capture, tuple(sorted({session.server_hello_frame, session.data_frame} - {0})), says)
    return None
