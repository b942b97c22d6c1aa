"""Sessions that end as soon as they began, again and again: a refusal that is hidden in TLS (catalogue group 5)."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from lynccap.correlation.closings.kinds import EndedBy, How
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement
from lynccap.diagnosis.subjects import Subject, times_in_words
from lynccap.document import Confidence, Reading, Severity

TIMES = 3  # one short session is the challenge or a redirection, two are both
SHORT_NS = 15_000_000_000  # a refusal takes some round trips; the client says goodbye at once
HELD_NS = 45_000_000_000  # nobody who is refused is kept connected as long
ALIKE = 0.25  # of the bytes: the same exchange again, with keys and names of other lengths
LITTLE = 48_000  # bytes of one side: settings and contacts, which follow a sign-in, are more
FLIGHTS = 4  # packets with data of the client: its hello, its keys, a request, and the one with credentials
_COLUMNS = (
    *("capture", "client", "server", "server_port", "first_time", "last_time", "opening", "closing"),
    *("bytes_client", "bytes_server", "data_frames_client", "first_frame", "last_frame"),
)


@dataclass(frozen=True, slots=True)
class SipSession:
    """One TLS connection to a SIP listener of a Lync server."""

    flow: int
    capture: int
    client: str
    server: str
    port: int
    first_time: int
    last_time: int
    opening: str
    closing: str
    bytes_client: int
    bytes_server: int
    data_frames: int
    first_frame: int
    last_frame: int

    @property
    def held(self) -> bool:
        """Whether it lives on, or lived long: a device that is signed in keeps its connection."""
        return not self.closing or self.opening == "midstream" or self.last_time - self.first_time >= HELD_NS

    @property
    def short(self) -> bool:
        """Whether it was over after a few exchanges."""
        little = max(self.bytes_client, self.bytes_server) <= LITTLE
        return not self.held and self.last_time - self.first_time <= SHORT_NS and little and self.data_frames >= FLIGHTS


@dataclass(frozen=True, slots=True)
class Loop:
    """One client's short sessions at one listener, and who else is held by that server."""

    subject: Subject
    sessions: tuple[SipSession, ...]
    held: tuple[SipSession, ...]
    """Of other clients."""


def sip_sessions(inquiry: Inquiry) -> list[SipSession]:
    """The TLS connections of clients to SIP listeners on which data went both ways, in order."""
    case = inquiry.case
    found: list[SipSession] = []
    for one in case.attempts:
        if _is_listener(inquiry, one.server, one.port) and one.established and inquiry.is_client(one.client):
            found += [SipSession(flow, *case.facts_of(flow, *_COLUMNS)) for flow in one.established]
    return [one for one in found if _is_protected(inquiry, one)]


def _is_listener(inquiry: Inquiry, server: str, port: int) -> bool:
    return inquiry.case.roles.is_sip(server, port) and inquiry.case.roles.is_lync(server)


def _is_protected(inquiry: Inquiry, one: SipSession) -> bool:
    """Whether its TLS was completed, or had been before the capture began."""
    session = inquiry.case.sessions.get(one.flow)
    return session.completed if session and session.hello_frame else one.opening == "midstream"


def loops(inquiry: Inquiry) -> list[Loop]:
    """The clients that come and go at one listener and are held by none; those whose SIP can be read are left out."""
    by_client: dict[tuple[int, str], list[SipSession]] = defaultdict(list)
    sessions = sip_sessions(inquiry)
    for one in sessions:
        by_client[one.capture, one.client].append(one)
    return [
        loop
        for mine in by_client.values()
        if len(mine) >= TIMES and not any(one.held for one in mine)
        for loop in _loops(inquiry, mine, sessions)
    ]


def _loops(inquiry: Inquiry, mine: Sequence[SipSession], sessions: Sequence[SipSession]) -> Iterator[Loop]:
    listeners: dict[tuple[str, int], list[SipSession]] = defaultdict(list)
    for one in mine:
        if one.flow not in inquiry.case.decrypted and one.short and _ended_by_an_end(inquiry, one):
            listeners[one.server, one.port].append(one)
    for (server, port), ones in listeners.items():
        if len(ones) >= TIMES and _alike([one.bytes_client for one in ones], [one.bytes_server for one in ones]):
            held = [one for one in sessions if (one.server, one.port) == (server, port) and one.held]
            flows = tuple(one.flow for one in ones[1:])
            facts = (ones[0].capture, ones[0].client, server, port, "tcp", "sip", ones[0].first_time, ones[0].flow)
            yield Loop(Subject(*facts, flows), tuple(ones), tuple(held))


def _ended_by_an_end(inquiry: Inquiry, one: SipSession) -> bool:
    """Whether one of both sides closed it: with a goodbye, or by a reset that is nobody else's."""
    closing = inquiry.case.closings.of(one.flow)
    if closing is None or closing.normal:
        return True
    return closing.how is How.RESET and closing.ended_by in (EndedBy.CLIENT, EndedBy.SERVER)


def _alike(*counts: Sequence[int]) -> bool:
    return all(abs(one - median(each)) <= ALIKE * median(each) for each in counts for one in each)


@rule(
    title="Every SIP session ends right after it began: the sign-in is being refused",
    severity=Severity.MAJOR,
    stage=Stage.SIGN_IN,
    causes=(
        "The user's credentials are not accepted.",
        "Signing in from outside is switched off.",
        "The client version is not allowed.",
    ),
    fix=("Take a key log or the client's own log of the same minutes: it holds the server's answer and its reason.",),
    act=("Lync administrator",),
    sources=("notes-edge",),
)
def sip_tls_then_close_loop(inquiry: Inquiry) -> Iterator[Judgement]:
    """TLS to a SIP listener works, and each session is closed after the same short exchange, again and again.

    Evidence: three or more completed TLS sessions of one client with the same listener, each with similar few bytes
    and closed within 15 s; none of its sessions with any SIP server lasts. Likely where others hold a session at that
    listener, else possible. What was said is encrypted.

    Not this: one or two short sessions: the challenge, a redirection; a session that lasts anywhere; servers that probe
    one another; connections that a box in between cuts; sessions that can be read, which speak for themselves.
    Inconclusive: the capture ends within 9 s after the third, or lacks packets.
    """
    found = loops(inquiry)
    for one in found:
        yield _judged(inquiry, one)
    looping = {one.subject.device for one in found}
    for client in dict.fromkeys(one.client for one in sip_sessions(inquiry) if one.held):
        if client not in looping:
            yield Clear(client)


def _judged(inquiry: Inquiry, one: Loop) -> Judgement:
    device, sessions = one.subject.device, one.sessions
    if because := inquiry.gates.absence(
        one.subject.capture, device, sessions[TIMES - 1].last_time, sessions[-1].last_time
    ):
        return Doubt(device, because)
    return _loop(inquiry, one)


def _loop(inquiry: Inquiry, one: Loop) -> Found:
    subject, sessions = one.subject, one.sessions
    longest = max(each.last_time - each.first_time for each in sessions) / 1e9
    sizes = sorted(each.bytes_server for each in sessions)
    proof = [
        subject.shows(
            "first and last packet of each session",
            *(f for each in sessions for f in (each.first_frame, each.last_frame)),
        )
    ]
    others = ""
    if one.held:
        other = one.held[0]
        others = f" {other.client} holds a session there: the service itself works."
        proof.append(subject.shows(f"a session of {other.client} that lasts", other.first_frame, other.last_frame))
    return subject.found(
        f"{inquiry.word(subject.device)} opened {len(sessions)} TLS sessions with "
        f"{inquiry.server(subject.peer, subject.port)}, TCP port {subject.port}, and each ended within {longest:.1f} "
        "s. The sign-in is being refused.",
        f"Each session carries nearly the same: {sizes[0]} to {sizes[-1]} bytes from the server. None lasts, as that "
        f"of a device that is signed in does.{others} What the server said is encrypted.",
        Confidence.LIKELY if one.held else Confidence.POSSIBLE,
        *proof,
        reading=Reading.PATTERN,
        rejected=(
            ("state-sip-challenge", f"the challenge is one session; this happens {times_in_words(len(sessions))}"),
        ),
    )
