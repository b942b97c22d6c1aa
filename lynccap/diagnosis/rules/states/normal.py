"""Normal behaviour that looks odd: explained, never reported as an error (catalogue group 14)."""

from bisect import bisect_left
from collections.abc import Iterator

from lynccap.correlation.addresses import is_private
from lynccap.correlation.attempts import Attempt
from lynccap.correlation.media.paths import MediaSession, Path
from lynccap.correlation.roles.claims import REVERSE_PROXY
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Found, Judgement, Proof
from lynccap.diagnosis.subjects import judged
from lynccap.document import Confidence, Severity

RACE_NS = 1_000_000_000
PAIRS = 8  # connections of one second compared with each other: behind one address there may be hundreds
MAX_CHALLENGES = 2  # one for the credentials and one for a stale nonce; more is a loop

NOTHING_TO_DO = ("Nothing: this is by design.",)


@rule(
    title="Autodiscover was asked over HTTP and HTTPS at once",
    severity=Severity.INFO,
    stage=Stage.NOTE,
    causes=("Clients ask on both ports at the same time and take the first answer.",),
    fix=NOTHING_TO_DO,
    act=("nobody",),
    sources=("ms-autod-doc",),
)
def state_autodiscover_race(inquiry: Inquiry) -> Iterator[Judgement]:
    """A client opens ports 80 and 443 of an autodiscover address within 1 s and drops the slower connection.

    Evidence: two connections to one lyncdiscover address within a second; one is answered; the client closes the
    other without having sent data on it.

    Not this: neither connection is answered.
    """
    for attempt in inquiry.case.attempts:
        names = inquiry.case.names.names_of(attempt.server, "dns", "sni")
        if attempt.port == 80 and any(one.startswith("lyncdiscover") for one in names):
            yield from _raced(inquiry, attempt)


def _raced(inquiry: Inquiry, plain: Attempt) -> Iterator[Judgement]:
    times = inquiry.case.flows["first_time"]
    tries = [one for one in inquiry.case.attempts_of(plain.client) if one.server == plain.server and one.port == 443]
    secure = sorted((int(times[flow]), flow) for one in tries for flow in one.flows)
    for first in plain.flows:
        start = int(times[first])
        near = secure[bisect_left(secure, (start - RACE_NS, 0)) : bisect_left(secure, (start + RACE_NS + 1, 0))]
        for _, second in near[:PAIRS]:
            dropped = _loser(inquiry, first, second)
            if dropped is not None:
                yield _race(inquiry, plain, first, second, dropped)
                return
    yield Clear(plain.client)


def _loser(inquiry: Inquiry, first: int, second: int) -> int | None:
    """The connection of the two that the client dropped unused because the other one was answered."""
    answered = inquiry.case.flows["data_frames_server"]
    for loser, winner in ((first, second), (second, first)):
        both = _dropped(inquiry, loser) and _dropped(inquiry, winner)
        if not both and _dropped(inquiry, loser) and answered[winner] and not _refused_trust(inquiry, winner):
            return loser
    return None


def _refused_trust(inquiry: Inquiry, flow: int) -> bool:
    session = inquiry.case.sessions.get(flow)
    return bool(session and not session.completed and session.refusal)


def _dropped(inquiry: Inquiry, flow: int) -> bool:
    row = inquiry.case.flows.loc[flow]
    by_client = row["closing"] in ("client-fin", "client-rst")
    return bool(row["opening"] in ("established", "half-open") and by_client and not row["data_frames_client"])


def _race(inquiry: Inquiry, plain: Attempt, first: int, second: int, dropped: int) -> Found:
    flows = inquiry.case.flows
    device, server = inquiry.ends(plain)
    winner = first if dropped == second else second
    port = int(flows.at[winner, "server_port"])
    frames = {int(flows.at[flow, name]) for flow in (first, second) for name in ("first_frame", "last_frame")}
    return Found(
        device=plain.client,
        peer=plain.server,
        port=port,
        transport="tcp",
        service="autodiscover",
        says=(
            f"{device} asked {server} for autodiscover on TCP 80 and 443 at once; "
            f"port {port} answered first and the other connection was dropped."
        ),
        why="The dropped connection looks like a failure and is none: the first answer wins.",
        confidence=Confidence.CERTAIN,
        proof=(
            Proof(
                plain.capture,
                tuple(sorted(frames)),
                "both connections: the one answered and the one dropped unused",
            ),
        ),
        time=int(flows.at[first, "first_time"]),
    )


@rule(
    title="The reverse proxy refuses port 80 from outside",
    severity=Severity.INFO,
    stage=Stage.NOTE,
    causes=("Publishing only port 443 is good practice; autodiscover falls back to it.",),
    fix=NOTHING_TO_DO,
    act=("nobody",),
    sources=("ms-rpconf",),
)
def state_rp80_refused_external(inquiry: Inquiry) -> Iterator[Judgement]:
    """From outside, port 80 of the reverse proxy is refused while port 443 answers.

    Evidence: a reset on port 80 of a public address that publishes the web services; a connection to its port 443.

    Not this: a design that answers autodiscover over HTTP, because the certificate lacks the lyncdiscover name.
    """
    case = inquiry.case
    for attempt in case.attempts:
        if attempt.port == 443 and attempt.established and case.roles.has(attempt.server, REVERSE_PROXY):
            yield Clear(attempt.client)
    for verdict in judged(inquiry, "state-rp80-refused-external"):
        attempt = verdict.attempt
        device, server = inquiry.ends(attempt)
        works = [
            flow
            for one in case.attempts_at(attempt.server)
            if one.port == 443 and one.capture == attempt.capture
            for flow in one.established
        ]
        if not works:
            continue
        answered = Proof(attempt.capture, (int(case.flows.at[works[0], "first_frame_server"]),), "port 443 answers")
        yield Found(
            device=attempt.client,
            peer=attempt.server,
            port=80,
            transport="tcp",
            service="autodiscover",
            says=f"{device} is refused on TCP port 80 of the {server}, and port 443 works.",
            why="Only port 443 has to be published. A client outside tries port 80 as well and does without it.",
            confidence=Confidence.CERTAIN,
            proof=(*verdict.proof[:1], answered),
            time=attempt.first_time,
        )


@rule(
    title="The relay asked for credentials first",
    severity=Severity.INFO,
    stage=Stage.NOTE,
    causes=("Every allocation begins with a challenge.",),
    fix=NOTHING_TO_DO,
    act=("nobody",),
    sources=("ms-turn",),
)
def state_turn_401_challenge(inquiry: Inquiry) -> Iterator[Judgement]:
    """A first Allocate is answered with 401, the next one succeeds.

    Evidence: error 401 with nonce and realm, then an Allocate success on the same flow.

    Not this: more than two challenges, or none answered by a success.
    """
    for one in inquiry.case.relays.allocations:
        if not one.success_frames or one.server in inquiry.case.relays.cloud:
            continue
        if not 1 <= len(one.challenge_frames) <= MAX_CHALLENGES:
            yield Clear(one.client)
            continue
        yield Found(
            device=one.client,
            peer=one.server,
            port=one.port,
            transport=one.transport,
            service="stun-turn",
            says=(
                f"{inquiry.word(one.client)} was challenged with error 401 by the relay {one.server} "
                f"({one.transport.upper()} {one.port}) and then got its allocation."
            ),
            why="Error 401 tells the device which realm and nonce to sign with. It is the normal first answer.",
            confidence=Confidence.CERTAIN,
            proof=(
                Proof(
                    one.capture,
                    (*one.challenge_frames, one.success_frames[0]),
                    "the challenge, then the success",
                ),
            ),
            time=one.request_times[0],
        )


@rule(
    title="TLS without a certificate on TCP 443 is the relay's own opening",
    severity=Severity.INFO,
    stage=Stage.NOTE,
    causes=("Media over TCP 443 begins with a short imitation of TLS, so that firewalls let it pass.",),
    fix=NOTHING_TO_DO,
    act=("nobody",),
    sources=("ms-turn",),
)
def state_pseudo_tls(inquiry: Inquiry) -> Iterator[Judgement]:
    """A client hello and a server hello without certificate open a connection that then carries MS-TURN in the clear.

    Evidence: the 50-byte hello, the 83-byte answer in one record, then framed MS-TURN messages.

    Not this: real TLS, which shows a certificate or encrypts what follows.
    """
    stun = inquiry.case.tables["stun"]
    opened = stun[stun["kind"].isin(("pseudo-client-hello", "pseudo-server-hello"))]
    framed = stun[(stun["framing"] == "turn-tcp") & stun["flow"].isin(opened["flow"])].groupby("flow", sort=True)
    for flow, hellos in opened.groupby("flow", sort=True):
        if flow not in framed.groups:
            continue
        row, rows = inquiry.case.flows.loc[flow], framed.get_group(flow)
        if hellos["kind"].nunique() < 2 or row["server"] in inquiry.case.relays.cloud:
            continue
        frames = (*(int(one) for one in hellos["frame"]), int(rows["frame"].iloc[0]))
        yield Found(
            device=row["client"],
            peer=row["server"],
            port=int(row["server_port"]),
            transport="tcp",
            service="stun-turn",
            says=(
                f"{inquiry.word(row['client'])} opens TCP {row['server_port']} to the relay {row['server']} "
                "with a TLS hello that no certificate follows, then speaks MS-TURN."
            ),
            why="It looks like a broken TLS handshake and is none: the relay uses this opening to pass firewalls.",
            confidence=Confidence.CERTAIN,
            proof=(
                Proof(
                    int(row["capture"]),
                    tuple(sorted(set(frames))),
                    "the two hellos and the first framed message",
                ),
            ),
            time=int(hellos["time"].min()),
        )


@rule(
    title="The Edge was probed at call start although media went direct",
    severity=Severity.INFO,
    stage=Stage.NOTE,
    causes=("ICE tests every possible path before it chooses one.",),
    fix=NOTHING_TO_DO,
    act=("nobody",),
    sources=("ms-ice2",),
)
def state_ice_probes_edge(inquiry: Inquiry) -> Iterator[Judgement]:
    """A device allocates at the Edge and checks its candidates, and the media then flows directly.

    Evidence: an Allocate success; sustained media of the same device on a direct path; none through a relay.

    Not this: sustained media through the relay.
    """
    case = inquiry.case
    for device in sorted({one.client for one in case.relays.allocations if one.success_frames}):
        mine = [one for one in case.media_of(device) if one.sustained and one.basis]
        relayed = [one for one in mine if one.relayed]
        direct = [one for one in mine if one.path is Path.REFLEXIVE or (one.path is Path.DIRECT and _known_ends(one))]
        if relayed or not direct:
            yield Clear(device)
            continue
        asked = next(one for one in case.relays.allocations_of(device) if one.success_frames)
        media = direct[0]
        peer = media.server if media.client == device else media.client
        yield Found(
            device=device,
            peer=peer,
            port=None,
            transport="udp",
            service="stun-turn",
            says=(
                f"{inquiry.word(device)} contacted the Edge {asked.server} at call start, "
                f"and its media then went directly to {peer} for {media.seconds:.1f} s."
            ),
            why="Every call tests all paths first, the Edge among them. Only media that stays there is relayed.",
            confidence=Confidence.CERTAIN,
            proof=(
                Proof(
                    asked.capture,
                    (asked.request_frames[0], asked.success_frames[0]),
                    "the allocation at the Edge",
                ),
                Proof(media.capture, media.frames, "the direct media: first and last packet of each stream"),
            ),
            time=asked.request_times[0],
        )


def _known_ends(media: MediaSession) -> bool:
    """A public address on a direct path may be a partner's relay: only private ends are surely the devices' own."""
    return is_private(media.client) and is_private(media.server)


@rule(
    title="What is inside TLS cannot be read from this capture",
    severity=Severity.INFO,
    stage=Stage.NOTE,
    causes=("The capture holds no session keys.",),
    fix=("For what happens inside SIP or HTTPS, ask for a client or server trace of the same minutes.",),
    act=("nobody",),
    sources=("rfc5246", "rfc8446"),
)
def state_encrypted_limits(inquiry: Inquiry) -> Iterator[Judgement]:
    """SIP and web traffic of the deployment is encrypted, and the capture cannot show what was said in it.

    Evidence: completed TLS sessions with Lync servers whose data is protected.

    Not this: sessions in the clear, or with keys.
    """
    case = inquiry.case
    sealed = [
        session
        for flow, session in case.sessions.items()
        if session.completed and flow not in case.decrypted and case.roles.is_lync(case.flows.at[flow, "server"])
    ]
    if not sealed:
        return
    by_capture: dict[int, list[int]] = {}
    for session in sealed:
        by_capture.setdefault(int(case.flows.at[session.flow, "capture"]), []).append(session.data_frame)
    yield Found(
        device=None,
        service="tls",
        transport="tcp",
        says=f"{_counted(len(sealed))} encrypted; what was said inside is not visible.",
        why="Sign-in answers, error texts and conference joins travel inside: that none is reported proves nothing.",
        confidence=Confidence.CERTAIN,
        proof=tuple(
            Proof(capture, tuple(sorted(frames))[:20], "first protected data of the servers")
            for capture, frames in sorted(by_capture.items())
        ),
        time=min(int(case.flows.at[session.flow, "first_time"]) for session in sealed),
        flows=tuple(sorted(session.flow for session in sealed)),
    )


def _counted(sessions: int) -> str:
    return "1 TLS session with a Lync server is" if sessions == 1 else f"{sessions} TLS sessions with Lync servers are"
