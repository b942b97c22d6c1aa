"""Connections that are cut by something in between: after a silence, or in the middle of data (catalogue group 1)."""

from collections.abc import Iterator, Sequence

from lynccap.correlation.closings.claims import Closing
from lynccap.correlation.closings.kinds import EndedBy, How
from lynccap.correlation.closings.pauses import alike
from lynccap.correlation.closings.signs import SECOND_POINT
from lynccap.correlation.closings.words import pause_words
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.cuts import because, by_subject, cut, first_time, may_have_slept, proof_of, unknown_sender
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement
from lynccap.document import Confidence, Severity

SHARED_BY = 3  # devices cut after the same pause prove a timer (catalogue, rst-midstream-idle)
IN_FLIGHT_NS = 2_000_000_000  # catalogue, rst-midstream-active
SIMILAR = 0.2  # of the bytes: an inspection cuts the same conversation at the same place


@rule(
    title="An idle connection is cut by a box in between",
    severity=Severity.MAJOR,
    stage=Stage.SIGN_IN,
    causes=(
        "A firewall or load balancer forgets idle TCP connections sooner than the client sends something again.",
        "A NAT gateway does.",
    ),
    fix=(
        "Raise the idle timeout for TCP connections to the Lync servers; web services want 1800 s.",
        "Compare it with the keep-alive interval the server tells the client (ms-keep-alive).",
    ),
    act=("network/firewall team", "load balancer team"),
    sources=("ms-hlb",),
)
def rst_midstream_idle(inquiry: Inquiry) -> Iterator[Judgement]:
    """A connection to a Lync server was silent for a while, and what came next was reset by a box in between.

    Evidence: an open connection, silent for 10 s or more; a reset, which the signs of its packet say the host in whose
    name it came did not send. Certain when three devices were cut after the same pause, within 10 %.

    Not this: a reset of the server itself, or after a goodbye (TLS close_notify, FIN). Inconclusive when nothing shows
    who sent the reset, or when the device may have slept or changed its network: it said nothing to anybody meanwhile.
    """
    cuts = list(cut(inquiry, How.RESET_AFTER_IDLE))
    boxes = [one for one in cuts if one.ended_by.is_box]
    for ones in by_subject(cuts):
        mine = [one for one in ones if one.ended_by.is_box]
        if mine:
            yield _idle(inquiry, mine, boxes)
        elif any(one.ended_by is EndedBy.UNKNOWN for one in ones):
            yield unknown_sender(inquiry, ones[-1])
        else:
            yield Clear(ones[0].client)


def _idle(inquiry: Inquiry, mine: Sequence[Closing], boxes: Sequence[Closing]) -> Judgement:
    one = mine[0]
    sharing = {other.client for other in alike(one, boxes)}
    if len(sharing) < SHARED_BY and (doubt := may_have_slept(inquiry, one, boxes)):
        return Doubt(one.client, doubt)
    subject, proof = proof_of(inquiry, mine)
    silence, server = pause_words(one.pause), inquiry.server(one.server, one.port)
    others = f" {len(sharing)} devices were cut after the same pause." if len(sharing) > 1 else ""
    says = (
        f"{inquiry.word(one.client)} lost its connection to the {server}, TCP port {one.port}, after {silence} "
        "of silence: a box in between had forgotten it and reset it."
    )
    return subject.found(
        says,
        f"Neither end sent the reset: {because(one)}.{others}",
        Confidence.CERTAIN if len(sharing) >= SHARED_BY else Confidence.LIKELY,
        proof,
        time=first_time(inquiry, one),
        flows=tuple(each.flow for each in mine),
        rejected=(("lb-idle-timeout-short", f"the reset is not the server's own: {because(one)}"),),
    )


@rule(
    title="A working connection is reset by a box in between",
    severity=Severity.MAJOR,
    stage=Stage.SIGN_IN,
    causes=(
        "A signature of an intrusion prevention system fits the traffic.",
        "Application control forbids it.",
        "A proxy ends sessions at a limit of its own.",
    ),
    fix=("Exempt the Lync servers from inspection on the box that sends the resets.",),
    act=("network/security team",),
    sources=("silbers-alf", "ms-turn"),
)
def rst_midstream_active(inquiry: Inquiry) -> Iterator[Judgement]:
    """A connection to a Lync server is reset in the middle of data, by something that is neither of its ends.

    Evidence: data less than 2 s before the reset, nothing said after it; the reset's TTL is not the host's, or resets
    came in both directions at one instant, or another capture nearer to that host lacks it. That later connections end
    after a similar number of bytes supports it. Certain with two capture points, else likely.

    Not this: a reset by one of the ends, as programs send that close with unread data, or that crash.
    """
    for ones in by_subject(cut(inquiry, How.RESET)):
        sudden = [one for one in ones if one.pause < IN_FLIGHT_NS and not _went_on(inquiry, one)]
        mine = [one for one in sudden if one.ended_by.is_box]
        if mine:
            yield _active(inquiry, mine)
        elif any(one.ended_by is EndedBy.UNKNOWN for one in sudden):
            yield unknown_sender(inquiry, sudden[-1])
        else:
            yield Clear(ones[0].client)


def _went_on(inquiry: Inquiry, one: Closing) -> bool:
    """Whether the connection lived on: the reset was outside its window, and nobody took it seriously."""
    row = inquiry.case.flows.loc[one.flow]
    return bool(min(row["last_time_client"], row["last_time_server"]) > one.when + IN_FLIGHT_NS)


def _active(inquiry: Inquiry, mine: Sequence[Closing]) -> Found:
    one, flows = mine[0], inquiry.case.flows
    subject, proof = proof_of(inquiry, mine)
    sizes = [int(flows.at[each.flow, "bytes_client"] + flows.at[each.flow, "bytes_server"]) for each in mine]
    again = ""
    if len(mine) > 1 and max(sizes) - min(sizes) <= SIMILAR * max(sizes):
        again = f" {len(mine)} connections in a row ended so, after {min(sizes)} to {max(sizes)} bytes."
    server = inquiry.server(one.server, one.port)
    certain = any(sign.name == SECOND_POINT for each in mine for sign in each.signs)
    return subject.found(
        f"{inquiry.word(one.client)} lost its working connection to the {server}, TCP port {one.port}, in the middle "
        "of data: a box in between reset it.",
        f"Neither end sent the reset: {because(one)}.{again}",
        Confidence.CERTAIN if certain else Confidence.LIKELY,
        proof,
        time=first_time(inquiry, one),
        flows=tuple(each.flow for each in mine),
        rejected=(("tcp-refused-by-host", "the connection had worked before it was reset"),),
    )
