"""Load balancers that merge small packets (catalogue group 11)."""

from collections.abc import Iterator
from typing import Any

from lynccap.correlation.points.crossing import UNKNOWN
from lynccap.correlation.roles.claims import EDGE_AV, EDGE_INT, RELAY
from lynccap.correlation.rows import rows_of
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement, Proof
from lynccap.diagnosis.subjects import subject_of
from lynccap.document import Confidence, Severity

CARRIED = ("turn-tcp", "rfc4571", "turn-data")
EVEN_US, CLUMPED_US = 5_000, 15_000
"""Mean jitter of packets that come every 20 ms, and of those that come two by two (20 ms) or in larger clumps."""
MIN_PACKETS = 100  # two seconds of speech: fewer may have met one bad moment


@rule(
    title="A box merges small media packets over TCP",
    severity=Severity.INFO,
    stage=Stage.MEDIA,
    causes=("Nagle's algorithm is on, on the load balancer's address of the A/V Edge.",),
    fix=("Switch Nagle's algorithm off for TCP 443 and 50000 to 59999 of the A/V Edge.",),
    act=("load balancer team",),
    sources=("ms-hlb",),
)
def lb_nagle_delay(inquiry: Inquiry) -> Iterator[Judgement]:
    """Media over TCP comes evenly at one capture point, and in clumps at the next one.

    Evidence: one audio stream inside TCP to a relay, recorded at two points; packets of 20 ms that come evenly at the
    point nearer to its sender, and in clumps at the one behind. Likely with two points.

    Not this: a sender, or a client that delays its acknowledgments, that makes clumps itself: they are at both points.
    Inconclusive with one point only.
    """
    case = inquiry.case
    inside = case.tables.media[case.tables.media["carried"].isin(CARRIED)]
    if inside.empty:
        return
    rows = rows_of(inside, inside.columns)
    for one in rows:
        flow = case.flows.loc[one.flow]
        relayed = flow["transport"] == "tcp" and case.roles.has(flow["server"], EDGE_AV, EDGE_INT, RELAY)
        if relayed and one.packets >= MIN_PACKETS and one.clock_rate:
            yield from _judged(inquiry, one)


def _judged(inquiry: Inquiry, one: Any) -> Iterator[Judgement]:
    subject = subject_of(inquiry, one.flow)
    if one.jitter_us < CLUMPED_US:
        yield Clear(subject.device)
        return
    before = _before(inquiry, one)
    if before is None:
        yield Doubt(
            subject.device,
            f"media over TCP with {subject.peer} comes in clumps ({one.jitter_us / 1000:.0f} ms jitter); where they "
            "arise only a second capture point, on the other side of the load balancer, shows",
        )
        return
    place, row = before
    if row.jitter_us > EVEN_US:
        yield Clear(subject.device)
        return
    here = subject.shows("the stream in clumps: its first and last packet", int(one.first_frame), int(one.last_frame))
    there = Proof(0, (int(row.first_frame), int(row.last_frame)), "the same stream, evenly, at the other point", place)
    yield subject.found(
        f"Media over TCP between {inquiry.word(subject.device)} and the relay {subject.peer} is merged on the way: its "
        "packets come in clumps.",
        f"The mean jitter is {row.jitter_us / 1000:.1f} ms before the box in between and {one.jitter_us / 1000:.1f} ms "
        "behind it.",
        Confidence.LIKELY,
        here,
        there,
        time=int(one.first_time),
    )


def _before(inquiry: Inquiry, one: Any) -> tuple[int, Any] | None:
    """The same stream at a capture point nearer to its sender: that point's place, and the row of its table."""
    vantage = inquiry.vantage
    for crossing in vantage.crossings.other_side(vantage.place, one.flow) if vantage else ():
        ends = {crossing.capture_a: crossing.flow_a, crossing.capture_b: crossing.flow_b}
        for place, flow in ends.items():
            nearer = (crossing.nearer_client == place) == one.from_client
            if not vantage or place == vantage.place or crossing.nearer_client == UNKNOWN or not nearer:
                continue
            media = vantage.cases[place].tables.media
            same = media[(media["flow"] == flow) & (media["ssrc"] == one.ssrc)]
            for row in rows_of(same[same["from_client"] == one.from_client], same.columns):
                return place, row
    return None
