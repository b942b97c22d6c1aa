"""Connections of mobile apps that are cut while they wait, or that old TLS forbids (catalogue group 9)."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from lynccap.correlation.closings.pauses import SAME
from lynccap.correlation.owed_answers import OwedAnswer
from lynccap.correlation.roles.claims import LOAD_BALANCER, PROXY_INSIDE, REVERSE_PROXY, WEB_ROLES
from lynccap.correlation.tls.handshakes import HandshakeOutcome
from lynccap.correlation.tls.listeners import Listener
from lynccap.correlation.tls.sessions import TlsSession
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement
from lynccap.diagnosis.purposes.mobility import may_be_mobile
from lynccap.diagnosis.subjects import subject_of
from lynccap.document import Confidence, Reading, Severity
from lynccap.tables import SECOND

WANTED_NS = 900 * SECOND  # how long a server may let a mobile app wait for news (catalogue, mobile-longpoll-cut)
CYCLES = 3  # cut after the same time: two may be chance
SHOWN = 6
PROTOCOL_VERSION = 70  # RFC 5246 7.2.2
NEW = ("tls1.2", "tls1.3")
OLD = ("ssl3", "tls1.0", "tls1.1")


@rule(
    title="Mobile apps are cut off while they wait for news",
    severity=Severity.MINOR,
    stage=Stage.SIGN_IN,
    causes=("The idle timeout of the reverse proxy or load balancer is shorter than the app's long poll.",),
    fix=("Let the reverse proxy and the load balancer wait 900 s or more for an answer (1800 s idle).",),
    act=("load balancer team", "reverse proxy team"),
    sources=("ms-hlb",),
    explains=("lb-idle-timeout-short", "rst-midstream-idle"),
)
def mobile_longpoll_cut(inquiry: Inquiry) -> Iterator[Judgement]:
    """A box between a mobile app and the pool ends its connections while it waits for an answer, always after a time.

    Evidence: on three connections or more of one device to a reverse proxy or load balancer, the device spoke last,
    and the connection is ended from the other side after the same time, within 10 %, below 900 s.

    Not this: connections that the device ends itself, as apps in the background do, or loses with its network; idle
    ones on which every request was answered. Inconclusive: fewer than three; another server than a box in between.
    """
    groups: dict[tuple[int, str, str], list[OwedAnswer]] = defaultdict(list)
    for one in inquiry.case.owed_answers:
        if may_be_mobile(inquiry.case, one.client) and one.waited < WANTED_NS and _is_lyncs(inquiry, one.server):
            groups[one.capture, one.client, one.server].append(one)
    for ones in groups.values():
        yield _timed(inquiry, ones)


def _is_lyncs(inquiry: Inquiry, server: str) -> bool:
    roles = inquiry.case.roles
    return roles.is_plausible(server) and roles.has(server, REVERSE_PROXY, LOAD_BALANCER, PROXY_INSIDE, *WEB_ROLES)


def _timed(inquiry: Inquiry, ones: Sequence[OwedAnswer]) -> Judgement:
    client, server = ones[0].client, ones[0].server
    equal = max(([other for other in ones if _alike(one, other)] for one in ones), key=len)
    if len(equal) < CYCLES:
        times = "once" if len(equal) == 1 else f"{len(equal)} times"
        because = f"{server} ends its connections while it waits, {times} after the same time: {CYCLES} show a timer"
        return Doubt(client, because)
    between = inquiry.case.roles.has(server, REVERSE_PROXY, LOAD_BALANCER, PROXY_INSIDE)
    if not between and not all(_by_box(inquiry, one) for one in equal):
        return Doubt(client, f"nothing shows that {server}, which ends its connections, is a box before the servers")
    subject, shown = subject_of(inquiry, equal[0].flow), equal[:SHOWN]
    flows = tuple(one.flow for one in equal)
    opened = not inquiry.case.decrypted.isdisjoint(flows)
    seconds = sum(one.waited for one in equal) / len(equal) / SECOND
    return subject.found(
        f"{inquiry.word(client)} is cut off by {inquiry.server(server, equal[0].port)} {len(equal)} times, each time "
        f"{seconds:.0f} s after it asked and before it was answered.",
        "Mobile apps ask for news and wait for the answer until there are some. Cut off, they get messages late. "
        f"The times differ by less than {SAME:.0%}: a timer ends them, not the network.",
        Confidence.LIKELY,
        subject.shows(
            "the device's last data, and the end from the other side",
            *(frame for one in shown for frame in (one.asked_frame, one.ended_frame)),
        ),
        time=equal[0].asked,
        flows=flows,
        reading=Reading.DECRYPTED if opened else Reading.PATTERN,
        rejected=(("rst-midstream-active", f"nothing was said for {seconds:.0f} s before the ends"),),
    )


def _alike(one: OwedAnswer, other: OwedAnswer) -> bool:
    return abs(one.waited - other.waited) <= SAME * max(one.waited, other.waited)


def _by_box(inquiry: Inquiry, one: OwedAnswer) -> bool:
    closing = inquiry.case.closings.of(one.flow)
    return one.reset and closing is not None and closing.ended_by.is_box


@rule(
    title="The web services do not speak TLS 1.2, which mobile apps need",
    severity=Severity.MAJOR,
    stage=Stage.TRUST,
    causes=("An old load balancer or reverse proxy speaks TLS 1.0 or 1.1 only.",),
    fix=("Switch TLS 1.2 on at the load balancer or reverse proxy, or replace it.",),
    act=("load balancer team", "reverse proxy team"),
    sources=("ms-hlb",),
    explains=("tls-version-mismatch", "mobile-desktop-ok-mobile-fails"),
)
def mobile_tls12_required(inquiry: Inquiry) -> Iterator[Judgement]:
    """A mobile device offers TLS 1.2, and the web services answer with an older version or with alert 70.

    Evidence: the version of the device's hello is TLS 1.2 or newer; the server chooses TLS 1.1 or older and the device
    ends the handshake, or the server itself ends it with alert 70 (protocol version).

    Not this: a listener that speaks TLS 1.2 with others, where the device's own policy, or its suites, are the
    reason: inconclusive; a device that goes on with the older version.
    """
    for listener in inquiry.case.listeners:
        if not _is_lyncs(inquiry, listener.server):
            continue
        for client in listener.completed:
            if may_be_mobile(inquiry.case, client):
                yield Clear(client)
        for client, sessions in listener.failed.items():
            mobile = may_be_mobile(inquiry.case, client)
            if mobile and (old := [one for one in sessions if _too_old(inquiry, one)]):
                yield _without(inquiry, listener, client, old)


def _offers_new(inquiry: Inquiry, session: TlsSession) -> bool:
    if not session.refusal and session.version not in OLD:
        return False  # nothing is old here: no need to look at the hello
    hello = inquiry.case.hello_of(session.flow, "client-hello")
    return hello is not None and hello.version in NEW


def _too_old(inquiry: Inquiry, session: TlsSession) -> bool:
    if not _offers_new(inquiry, session):
        return False
    refusal, shake = session.refusal, session.handshake
    if refusal and refusal.code == PROTOCOL_VERSION and not refusal.from_client:
        return True
    chose_old = bool(session.server_hello_frame) and session.version in OLD
    closed = shake.outcome is HandshakeOutcome.CLOSED and shake.end is not None and shake.end.from_client
    left = closed and shake.stage != "client-hello"
    return chose_old and (left or bool(refusal and refusal.from_client and refusal.code == PROTOCOL_VERSION))


def _without(inquiry: Inquiry, listener: Listener, client: str, old: Sequence[TlsSession]) -> Judgement:
    through = {one.version for one in listener.completed.values()}
    if through & set(NEW):
        because = f"{listener.server} speaks TLS 1.2 with others: the device's own policy or its suites may be why"
        return Doubt(client, because)
    subject, first = subject_of(inquiry, old[0].flow), old[0]
    ends = [one.handshake.end.frame for one in old if one.handshake.end]
    word = "".join(first.version.replace("tls", "TLS ")) if first.server_hello_frame else ""
    answer = f"answers with {word}, which the device does not take" if word else "refuses it with alert 70"
    device = inquiry.device(client)
    mobile = device is not None and device.kind == "mobile"
    likely = "" if mobile else " That it is a mobile device is told only by what it asks for."
    return subject.found(
        f"{inquiry.word(client)} offers TLS 1.2, and {inquiry.server(listener.server, listener.port)} {answer}.",
        f"Mobile apps of today take nothing older than TLS 1.2. Nobody gets it here.{likely}",
        Confidence.CERTAIN if mobile else Confidence.LIKELY,
        subject.shows(
            "the hello, the answer, and how the handshake ends",
            *(frame for one in old for frame in (one.hello_frame, one.server_hello_frame)),
            *ends,
        ),
        flows=tuple(one.flow for one in old),
        rejected=(("tls-cipher-mismatch", "the version is what is refused"),),
    )
