"""Two web ports tried at once, and the one that is not published (catalogue group 14)."""

from bisect import bisect_left
from collections.abc import Iterator

from lynccap.correlation.attempts import Attempt
from lynccap.correlation.roles.claims import REVERSE_PROXY
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.rules.states.by_design import NOBODY, NOTHING_TO_DO
from lynccap.diagnosis.subjects import judged
from lynccap.diagnosis.verdicts import Verdict
from lynccap.document import Confidence, Severity

RACE_NS = 1_000_000_000
PAIRS = 8  # connections of one second compared with each other: behind one address there may be hundreds


@rule(
    title="Autodiscover was asked over HTTP and HTTPS at once",
    severity=Severity.INFO,
    stage=Stage.NOTE,
    causes=("Clients ask on both ports at the same time and take the first answer.",),
    fix=NOTHING_TO_DO,
    act=NOBODY,
    sources=("ms-autod-doc",),
)
def state_autodiscover_race(inquiry: Inquiry) -> Iterator[Judgement]:
    """A client opens ports 80 and 443 of an autodiscover address within 1 s and drops the slower connection.

    Evidence: two connections to one lyncdiscover address within a second; one is answered; the client closes the
    other without having sent data on it.

    Not this: neither connection is answered. Inconclusive where the capture lacks what the client may have sent.
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
                yield _race_or_doubt(inquiry, plain, first, second, dropped)
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


def _race_or_doubt(inquiry: Inquiry, plain: Attempt, first: int, second: int, dropped: int) -> Judgement:
    if int(inquiry.case.flows.at[dropped, "lost_client"]):
        port = int(inquiry.case.flows.at[dropped, "server_port"])
        because = (
            f"the capture lacks bytes that {plain.client} sent on port {port}, so it may have used both connections"
        )
        return Doubt(plain.client, because)
    return _race(inquiry, plain, first, second, dropped)


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
    act=NOBODY,
    sources=("ms-rpconf",),
)
def state_rp80_refused_external(inquiry: Inquiry) -> Iterator[Judgement]:
    """From outside, port 80 of the reverse proxy is refused while port 443 answers.

    Evidence: a reset on port 80 of a public address that publishes the web services; a connection to its port 443.

    Not this: a design that answers autodiscover over HTTP, because the certificate lacks the lyncdiscover name; a
    proxy that fails on both ports; a service that is just being restarted.
    """
    case = inquiry.case
    for attempt in case.attempts:
        if attempt.port == 443 and attempt.established and case.roles.has(attempt.server, REVERSE_PROXY):
            yield Clear(attempt.client)
    for verdict in judged(inquiry, "state-rp80-refused-external"):
        yield from _only_443(inquiry, verdict)


def _only_443(inquiry: Inquiry, verdict: Verdict) -> Iterator[Judgement]:
    case, attempt = inquiry.case, verdict.attempt
    secure = [one for one in case.attempts_at(attempt.server) if one.port == 443 and one.capture == attempt.capture]
    works = [flow for one in secure for flow in one.established]
    if verdict.doubt or not secure:
        yield Doubt(attempt.client, verdict.doubt or f"nobody tries port 443 of {attempt.server} in this capture")
        return
    if not works:
        return
    device, server = inquiry.ends(attempt)
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
        flows=attempt.flows,
    )
