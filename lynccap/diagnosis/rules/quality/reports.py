"""Media without the reports that go with it (catalogue group 7)."""

from collections.abc import Iterator

from lynccap.correlation.media.received import Received
from lynccap.correlation.rows import rows_of
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement
from lynccap.diagnosis.rules.quality.telling import subject_of_sender
from lynccap.document import Confidence, Severity

LONG_SECONDS = 30.0  # catalogue, rtcp-absent
DUE = 6  # reports, one every five seconds (RFC 3550 6.2)


@rule(
    title="Media comes without reports (RTCP)",
    severity=Severity.INFO,
    stage=Stage.NOTE,
    causes=("The device or gateway sends no RTCP.",),
    fix=("Switch RTCP on for the trunk: without it lost calls are noticed late, and quality is not measured.",),
    act=("gateway owner",),
    sources=("rfc3550",),
)
def rtcp_absent(inquiry: Inquiry) -> Iterator[Judgement]:
    """A device sends media for more than 30 s and never a report (RTCP), neither on the same port nor beside it.

    Evidence: a stream of a Lync call of more than 30 s; no RTCP from its sender to its receiver on any port, and none
    that names the stream.

    Not this: a side that sends no media, or only for a while. Inconclusive when the capture shows one direction only,
    or lost packets.
    """
    streams = [one for one in inquiry.case.received.counted if one.seconds > LONG_SECONDS]
    if not streams:
        return
    pairs, named = _reported(inquiry)
    for one in streams:
        capture, row = one.leg.capture, one.row
        if row.rtcp or (one.sender, one.receiver) in pairs or row.ssrc in named:
            yield Clear(one.sender)
        elif doubt := inquiry.gates.absence(capture, one.sender, int(row.first_time), int(row.last_time), DUE - 1):
            yield Doubt(one.sender, doubt)
        else:
            yield _absent(inquiry, one)


def _reported(inquiry: Inquiry) -> tuple[set[tuple[str, str]], set[int]]:
    """Who reports to whom on any port, and the streams that are named in reports of their senders."""
    rtcp = inquiry.case.tables["rtcp"]
    pairs: set[tuple[str, str]] = set()
    for row in rows_of(rtcp[["flow", "from_client"]].drop_duplicates(), ("flow", "from_client")):
        client, server = inquiry.case.facts_of(row.flow, "client", "server")
        pairs.add((client, server) if row.from_client else (server, client))
    return pairs, set(rtcp["ssrc"].tolist())


def _absent(inquiry: Inquiry, one: Received) -> Found:
    subject = subject_of_sender(one)
    return subject.found(
        f"{inquiry.word(one.sender)} sends media without any report (RTCP), {one.way}.",
        f"{one.row.packets} packets over {one.seconds:.0f} s, and no RTCP to {one.receiver} on any port. Who hears it "
        "is told nothing of the sender's side: no round trip, no clock.",
        Confidence.LIKELY,
        subject.shows("the first and last packet of the stream", one.row.first_frame, one.row.last_frame),
        rejected=(("one-way-udp-path", "both directions of the conversation were looked at"),),
    )
