"""The relay's imitation of TLS, destroyed by what takes it for real (catalogue group 1)."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from lynccap.correlation.closings.kinds import How
from lynccap.correlation.protocol_numbers import HTTPS
from lynccap.correlation.roles.claims import EDGE_AV, EDGE_INT, RELAY
from lynccap.correlation.rows import rows_of
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement, Proof
from lynccap.diagnosis.subjects import subject_of
from lynccap.document import Confidence, Severity

CLIENT_HELLO, SERVER_HELLO = "pseudo-client-hello", "pseudo-server-hello"
ALERT = 7  # bytes of a TLS record with an alert (RFC 5246 6.2.1, 7.2)
ANSWER = 83  # bytes of the relay's hello, in one record ([MS-TURN] 2.1)
SPLIT = ANSWER + 5  # the same in two records
RESETS = (How.RESET, How.RESET_AFTER_IDLE)
LISTED = 6
_ROW = (
    *("capture", "client", "server", "server_port", "opening", "first_time", "last_time", "frames_server"),
    *("bytes_server", "lost_server", "first_frame_server", "last_frame_server", "closing", "last_time_client"),
)


@rule(
    title="Media over TCP 443 fails: something takes the relay's opening for real TLS",
    severity=Severity.CRITICAL,
    stage=Stage.RELAY,
    causes=(
        "An application-layer firewall expects real TLS on port 443.",
        "A web security proxy does.",
        "The load balancer handles SSL, or merges packets (Nagle), on the address of the A/V Edge.",
    ),
    fix=("Pass TCP 443 of the A/V Edge addresses as plain TCP, without SSL processing or inspection.",),
    act=("network/security team",),
    sources=("ms-turn", "qchoi-proxy", "silbers-alf", "ms-hlb"),
    explains=(
        "media-via-external-edge-from-inside",
        "media-tcp443-fallback",
    ),
)
def pseudo_tls_broken_by_inspection(inquiry: Inquiry) -> Iterator[Judgement]:
    """A client opens TCP 443 of a relay with MS-TURN's imitation of TLS, and what comes back is not the relay's answer.

    Evidence: an established connection; the client's 50-byte hello; then other bytes than the relay's 83 in one record
    (two records, an alert, a real handshake), a reset, or nothing; no MS-TURN message. Certain when another capture of
    the connection shows the relay's right answer, likely on wrong bytes, possible on a reset or silence.

    Not this: the opening itself, which looks like a broken handshake and is normal; real TLS at the Access Edge and
    the Web Conferencing Edge. Inconclusive when the capture lacks packets, is cut off, or ends too soon.
    """
    stun = inquiry.case.tables["stun"]
    hellos = stun[stun["kind"] == CLIENT_HELLO].drop_duplicates("flow")
    if hellos.empty:
        return
    spoken = stun.loc[~stun["from_client"] & (stun["framing"] == "turn-tcp"), "flow"].unique()
    answered = {(row.capture, row.client, row.server) for row in rows_of(inquiry.case.flows.loc[spoken], _ROW)}
    flows = inquiry.case.flows.loc[hellos["flow"], list(_ROW)]
    pairs: dict[tuple[int, str, str], list[Any]] = defaultdict(list)
    for row in rows_of(flows, _ROW):
        pairs[row.capture, row.client, row.server].append(row)
    frames = dict(zip(hellos["flow"].tolist(), hellos["frame"].tolist(), strict=True))
    for pair, rows in pairs.items():
        tunnelled = rows[0].Index in inquiry.case.proxied
        if rows[0].server in inquiry.case.relays.cloud or tunnelled:
            continue
        if pair in answered:
            yield Clear(rows[0].client)
        else:
            yield _broken(inquiry, rows, frames)


def _broken(inquiry: Inquiry, rows: Sequence[Any], hellos: dict[int, int]) -> Judgement:
    row = max(rows, key=lambda one: one.bytes_server)
    if not inquiry.case.roles.has(row.server, EDGE_AV, EDGE_INT, RELAY):
        return Doubt(row.client, f"nothing but its opening shows that {row.server} is a relay: a topology would tell")
    if doubt := _unsound(inquiry, row):
        return Doubt(row.client, doubt)
    closing = inquiry.case.closings.of(row.Index)
    reset = closing if closing and closing.how in RESETS and not closing.by_client else None
    subject = subject_of(inquiry, row.Index)
    answer = int(row.last_frame_server) if row.bytes_server or reset else 0
    shown = [hellos[one.Index] for one in rows[:LISTED]]
    proof = [subject.shows("the client's opening, and what came back", *shown, answer)]
    confidence = Confidence.LIKELY if row.bytes_server else Confidence.POSSIBLE
    if right := _right_answer(inquiry, row.Index):
        confidence = Confidence.CERTAIN
        proof.append(right)
    came = _words(row.bytes_server, reset=bool(reset))
    return subject.found(
        f"{inquiry.word(row.client)} cannot open TCP {row.server_port} of the relay {row.server}: it begins as MS-TURN "
        f"does, and {came} instead of the relay's answer.",
        f"The relay answers with {ANSWER} bytes in one piece that only look like TLS. What takes them for real TLS "
        "destroys them.",
        confidence,
        *proof,
        time=int(row.first_time) if not shown else int(_time_of(inquiry, shown[0])),
        flows=tuple(one.Index for one in rows),
        rejected=(("state-pseudo-tls", "the relay's own opening has a second half, and MS-TURN messages behind it"),),
    )


def _time_of(inquiry: Inquiry, frame: int) -> int:
    stun = inquiry.case.tables["stun"]
    return int(stun.loc[stun["frame"] == frame, "time"].iloc[0])


def _words(size: int, *, reset: bool) -> str:
    if size == ALERT:
        return "7 bytes come back, as of a TLS alert,"
    if size == SPLIT:
        return f"{SPLIT} bytes come back, as when the answer is cut into two records,"
    if size:
        return f"{size} other bytes come back"
    return "a reset comes back" if reset else "nothing comes back"


def _unsound(inquiry: Inquiry, row: Any) -> str:
    """Why the capture cannot tell what came back."""
    gates, case = inquiry.gates, inquiry.case
    if row.opening != "established" or not row.frames_server:
        return f"the capture does not show both sides of the connection to {row.server} from its beginning"
    if row.lost_server:
        return f"the capture lacks {row.lost_server} bytes of what {row.server} sent"
    if int(case.tables.captures.at[row.capture, "snapped"]):
        return "the capture holds only the beginning of each packet"
    if row.bytes_server or row.closing == "server-rst":
        return ""
    doubt = gates.absence(row.capture, row.client, int(row.first_time), int(row.last_time))
    ends = case.flows[(case.flows["client"] == row.client) & (case.flows["server_port"] == HTTPS)]
    works = any(case.sessions[flow].completed for flow in ends.index if flow in case.sessions)
    return doubt or ("" if works else "no other connection of the device shows that its network lets TCP 443 through")


def _right_answer(inquiry: Inquiry, flow: int) -> Proof | None:
    """What another capture shows of the same connection, where that is the relay's answer."""
    vantage = inquiry.vantage
    for one in vantage.crossings.other_side(vantage.place, flow) if vantage else ():
        ends = ((one.capture_a, one.flow_a), (one.capture_b, one.flow_b))
        for place, number in ends:
            stun = vantage.cases[place].tables["stun"] if vantage and place != vantage.place else None
            if stun is not None and len(found := stun[(stun["flow"] == number) & (stun["kind"] == SERVER_HELLO)]):
                return Proof(0, (int(found["frame"].iloc[0]),), "the relay's right answer, at the other point", place)
    return None
