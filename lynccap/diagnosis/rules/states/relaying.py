"""What devices say to the Edge's relay in calls that work (catalogue group 14)."""

from collections.abc import Iterator

from lynccap.correlation.addresses import is_private
from lynccap.correlation.media.allocations import Allocation
from lynccap.correlation.media.paths import MediaSession, Path
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.rules.states.by_design import NOBODY, NOTHING_TO_DO
from lynccap.document import Confidence, Severity

MAX_CHALLENGES = 2  # one for the credentials and one for a stale nonce; more is a loop
HELLOS = ("pseudo-client-hello", "pseudo-server-hello")


@rule(
    title="The relay asked for credentials first",
    severity=Severity.INFO,
    stage=Stage.NOTE,
    causes=("Every allocation begins with a challenge.",),
    fix=NOTHING_TO_DO,
    act=NOBODY,
    sources=("ms-turn",),
)
def state_turn_401_challenge(inquiry: Inquiry) -> Iterator[Judgement]:
    """A first Allocate is answered with 401, the next one succeeds.

    Evidence: error 401 with nonce and realm, then an Allocate success on the same flow.

    Not this: more than two challenges; a challenge that no success follows, which is inconclusive where the capture
    may lack the success.
    """
    for one in inquiry.case.relays.allocations:
        if one.server in inquiry.case.relays.cloud:
            continue
        if not one.success_frames:
            yield from _unfinished(inquiry, one)
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


def _unfinished(inquiry: Inquiry, one: Allocation) -> Iterator[Doubt]:
    """A challenge without its success, where the success may just be missing."""
    if 1 <= len(one.challenge_frames) <= MAX_CHALLENGES and not one.errors:
        because = inquiry.gates.absence(one.capture, one.client, one.request_times[-1], one.request_times[-1])
        if because:
            yield Doubt(one.client, because)


@rule(
    title="TLS without a certificate on TCP 443 is the relay's own opening",
    severity=Severity.INFO,
    stage=Stage.NOTE,
    causes=("Media over TCP 443 begins with a short imitation of TLS, so that firewalls let it pass.",),
    fix=NOTHING_TO_DO,
    act=NOBODY,
    sources=("ms-turn",),
)
def state_pseudo_tls(inquiry: Inquiry) -> Iterator[Judgement]:
    """A client hello and a server hello without certificate open a connection that then carries MS-TURN in the clear.

    Evidence: the 50-byte hello, the 83-byte answer in one record, then framed MS-TURN messages.

    Not this: real TLS, which shows a certificate or encrypts what follows.
    """
    stun = inquiry.case.tables["stun"]
    opened = stun[stun["kind"].isin(HELLOS)]
    framed = stun[(stun["framing"] == "turn-tcp") & stun["flow"].isin(opened["flow"])].groupby("flow", sort=True)
    for flow, hellos in opened.groupby("flow", sort=True):
        if flow not in framed.groups:
            continue
        row, rows = inquiry.case.flows.loc[flow], framed.get_group(flow)
        if row["server"] in inquiry.case.relays.cloud:
            continue
        if hellos["kind"].nunique() < len(HELLOS):
            yield Doubt(row["client"], "the capture holds one of the two hellos only")
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
    act=NOBODY,
    sources=("ms-ice2",),
)
def state_ice_probes_edge(inquiry: Inquiry) -> Iterator[Judgement]:
    """A device allocates at the Edge and checks its candidates, and the media then flows directly.

    Evidence: an Allocate success; sustained media of the same device on a direct path; none through a relay.

    Not this: sustained media through the relay. Inconclusive where a public address at the other end may be a
    partner's relay.
    """
    case = inquiry.case
    for device in sorted({one.client for one in case.relays.allocations if one.success_frames}):
        mine = [one for one in case.media_of(device) if one.sustained and one.basis]
        relayed = [one for one in mine if one.relayed]
        direct = [one for one in mine if one.path is Path.REFLEXIVE or (one.path is Path.DIRECT and _known_ends(one))]
        if relayed or not direct:
            yield _undecided(device, mine) if not relayed else Clear(device)
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


def _undecided(device: str, mine: list[MediaSession]) -> Judgement:
    """Media that looks direct, but not to an address that is surely a device's."""
    far = next((one for one in mine if one.path is Path.DIRECT), None)
    if far is None:
        return Clear(device)
    other = far.server if far.client == device else far.client
    return Doubt(device, f"nothing shows whether {other} is the other device or a partner's relay")


def _known_ends(media: MediaSession) -> bool:
    """A public address on a direct path may be a partner's relay: only private ends are surely the devices' own."""
    return is_private(media.client) and is_private(media.server)
