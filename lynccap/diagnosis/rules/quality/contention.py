"""Quality and other traffic: bulk transfers that push calls aside, media inside TCP (catalogue group 7)."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lynccap import reference
from lynccap.correlation.media.received import Received
from lynccap.correlation.rows import rows_of
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement
from lynccap.diagnosis.rules.quality.telling import (
    LEAST_LOST,
    LEAST_SECONDS,
    LISTED,
    capture_doubt,
    first_loss,
    subject_of_stream,
    where,
)
from lynccap.diagnosis.subjects import Subject, subject_of
from lynccap.document import Confidence, Severity
from lynccap.tables import SECOND

BULK_RATE = 100_000  # bytes a second: about the upload of a slow line; ten calls need as much
BULK_BYTES = 300_000  # three seconds of it: what is over sooner fills no queue for long
NEAR_TOP = 0.5  # of the fastest transfer: as near to what the link carries as the capture tells
LINGER_NS = SECOND  # a full queue empties within a second
WITHIN = 0.8  # of the missing packets: beside the transfers nearly none are missing
AT_MOST = 0.6  # of the call's time that transfers may fill: else everything would coincide with them
COINCIDENCES = 3  # catalogue, quality-bulk-contention
SHOWN = 4
_BULK = (
    *("capture", "client", "server", "server_port", "service", "first_time", "last_time", "first_frame", "last_frame"),
    *("bytes_client", "bytes_server"),
)


@dataclass(frozen=True, slots=True)
class _Transfer:
    """A conversation that carried much in a short time."""

    flow: int
    client: str
    server: str
    port: int
    begin: int
    end: int
    frames: tuple[int, int]
    rate: float
    """Bytes a second."""

    def covers(self, time: int) -> bool:
        """Whether it filled the link at a time."""
        return self.begin <= time <= self.end + LINGER_NS


@rule(
    title="Bulk traffic pushes a call aside",
    severity=Severity.MINOR,
    stage=Stage.MEDIA,
    causes=("No priority for voice (QoS).", "Backups or updates during working hours."),
    fix=("Give voice its own queue on the link.", "Move or limit the transfers."),
    act=("network/firewall team",),
    sources=("ms-cac", "lynccap-terms"),
    explains=("rtp-loss-poor", "rtp-burst-loss", "rtp-jitter-poor", "fec-active", "codec-downgraded"),
)
def quality_bulk_contention(inquiry: Inquiry) -> Iterator[Judgement]:
    """A call loses packets whenever a large transfer runs, and only then.

    Evidence: seconds with missing packets of a Lync call lie within conversations of 300 kB and more that are about
    as fast as the fastest one in the capture; beside them nearly nothing is missing. Likely when three transfers
    coincide, else no more than possible.

    Not this: transfers that run nearly all the time, with which everything coincides; loss that goes on without them.
    Inconclusive where the capture itself may lack packets: recorders lose most when there is most to record.
    """
    lossy = [one for one in inquiry.case.received.counted if _judged(one)]
    if not lossy:
        return
    transfers = _transfers(inquiry)
    for one in lossy:
        mine = [each for each in transfers if each.begin < one.row.last_time and each.end > one.row.first_time]
        hit = [each for each in mine if any(each.covers(time) for _, time, _ in one.row.lossy_seconds)]
        if not hit or not _only_then(one, hit, mine):
            yield Clear(one.device)
        elif doubt := capture_doubt(inquiry, one):
            yield Doubt(one.device, doubt)
        else:
            yield _pushed_aside(inquiry, one, hit)


def _judged(one: Received) -> bool:
    warn = reference.quality_thresholds()["packet-loss"].warn
    return one.seconds >= LEAST_SECONDS and one.row.lost >= LEAST_LOST and one.loss > warn


def _transfers(inquiry: Inquiry) -> list[_Transfer]:
    """The transfers of a case that fill what the fastest one of them shows the link to carry."""
    flows = inquiry.case.flows
    many = flows[(flows["transport"] == "tcp") & (flows["bytes_client"] + flows["bytes_server"] >= BULK_BYTES)]
    found = []
    for row in rows_of(many, _BULK):
        rate = max(row.bytes_client, row.bytes_server) / max((row.last_time - row.first_time) / SECOND, 0.1)
        ends = (row.first_frame, row.last_frame)
        if rate >= BULK_RATE:
            whole = (row.Index, row.client, row.server, row.server_port, row.first_time, row.last_time)
            found.append(_Transfer(*whole, ends, rate))
    top = max((one.rate for one in found), default=0.0)
    return [one for one in found if one.rate >= NEAR_TOP * top]


def _only_then(one: Received, hit: list[_Transfer], mine: list[_Transfer]) -> bool:
    """Whether packets are missing during transfers and hardly beside them, during most transfers of its time."""
    seconds = one.row.lossy_seconds
    within = sum(missing for _, time, missing in seconds if any(each.covers(time) for each in hit))
    lasting = sum(min(each.end, one.row.last_time) - max(each.begin, one.row.first_time) for each in mine) / max(
        one.row.last_time - one.row.first_time, 1
    )
    return (
        within >= WITHIN * sum(missing for _, _, missing in seconds) and lasting <= AT_MOST and len(hit) * 2 > len(mine)
    )


def _pushed_aside(inquiry: Inquiry, one: Received, hit: list[_Transfer]) -> Found:
    subject = subject_of_stream(one)
    often = len(hit) >= COINCIDENCES
    first, times = hit[0], f"{len(hit)} transfer{'s' if len(hit) != 1 else ''}"
    behind = [frame for frame, time, _ in one.row.lossy_seconds if any(each.covers(time) for each in hit)]
    return subject.found(
        f"{inquiry.word(subject.device)}: packets are lost while {times} fill the link, {one.way}.",
        f"{one.row.lost} of {one.row.expected} packets are missing, nearly all during {times} of up to "
        f"{max(each.rate for each in hit) * 8 / 1e6:.1f} Mbit/s, such as {first.client} with {first.server} TCP port "
        f"{first.port}. That they come together is no proof that one causes the other. {where(one)}",
        Confidence.LIKELY if often else Confidence.POSSIBLE,
        subject.shows("the first packets behind missing ones", *behind[:LISTED]),
        *(
            subject.shows(f"{each.client} with {each.server} TCP port {each.port}: first and last packet", *each.frames)
            for each in hit[:SHOWN]
        ),
        time=first_loss(one),
        explains=None if often else (),
        flows=(one.row.flow,),
        rejected=(("rtp-loss-poor", "beside the transfers nearly no packet is missing"),),
    )


TCP_RATE = 0.02  # catalogue, tcp-media-retransmissions
LEAST_SEGMENTS, LEAST_AGAIN = 200, 10  # of fewer a few lost ones make a large share
STALL_NS = SECOND // 2  # a pause that everybody in a call hears or sees
CARRYING = ("psom", "app-sharing")


@rule(
    title="Media or sharing inside TCP is sent again and again",
    severity=Severity.MINOR,
    stage=Stage.MEDIA,
    causes=(
        "Packets are lost on the way.",
        "UDP is blocked, so that media has to use TCP.",
        "A load balancer holds small packets back (Nagle).",
    ),
    fix=("Open UDP for media.", "Look for the loss on the way.", "Switch Nagle off on the load balancer."),
    act=("network/firewall team",),
    sources=("ms-hlb", "lynccap-terms"),
)
def tcp_media_retransmissions(inquiry: Inquiry) -> Iterator[Judgement]:
    """A TCP connection that carries media, a shared desktop or conference data repeats more than 2 % of its segments.

    Evidence: segments with data that are sent again, more than 2 % and at least 10 of them in one direction; or one
    segment that is repeated over more than 0.5 s. In a connection of Lync's relays, conferences or desktops.

    Not this: probes that keep a connection open; frames that the capture holds twice. Inconclusive where the capture
    lacks segments that the other side acknowledged: then a repeat may be the first one that was recorded.
    """
    carrying = _carrying(inquiry)
    if not carrying:
        return
    stalls = {(row.flow, row.from_client): row for row in rows_of(inquiry.case.tables.repeats, _REPEAT)}
    for flow in carrying:
        facts = inquiry.case.facts_of(flow, *_SIDES)
        for side, of_client in (("client", True), ("server", False)):
            one = _Repeating(flow, of_client, *(facts[_SIDES.index(f"{name}_{side}")] for name in _COUNTS))
            stall = stalls.get((flow, of_client))
            yield _judge_tcp(inquiry, one, stall.last_time - stall.time if stall and stall.acknowledged else 0)


_COUNTS = ("retransmitted", "data_frames", "lost", "first_frame", "last_frame")
_SIDES = tuple(f"{name}_{side}" for name in _COUNTS for side in ("client", "server"))
_REPEAT = ("flow", "from_client", "time", "last_time", "frame", "last_frame", "acknowledged")


@dataclass(frozen=True, slots=True)
class _Repeating:
    """One direction of a connection."""

    flow: int
    of_client: bool
    again: int
    segments: int
    lost: int
    first_frame: int
    last_frame: int

    @property
    def share(self) -> float:
        """Of its segments that are repeats."""
        return self.again / self.segments if self.segments else 0.0


def _carrying(inquiry: Inquiry) -> list[int]:
    """TCP connections that carry Lync's media, and those of desktops and conference data that repeat anything."""
    case, flows = inquiry.case, inquiry.case.flows
    found = {one.flow for one in case.media if one.transport == "tcp" and one.basis}
    again = np.maximum(flows["retransmitted_client"].to_numpy(), flows["retransmitted_server"].to_numpy())
    many = {*np.flatnonzero(again >= LEAST_AGAIN).tolist(), *case.tables.repeats["flow"].tolist()}
    if not many - found:
        return sorted(found)
    named = flows.loc[sorted(many - found), ["transport", "service", "server"]]
    for row in rows_of(named, ("transport", "service", "server")):
        if row.transport == "tcp" and row.service in CARRYING and case.roles.is_plausible(row.server):
            found.add(row.Index)
    return sorted(found)


def _judge_tcp(inquiry: Inquiry, one: _Repeating, stalled: int) -> Judgement:
    subject = subject_of(inquiry, one.flow, one.of_client)
    many = one.segments >= LEAST_SEGMENTS and one.again >= LEAST_AGAIN and one.share > TCP_RATE
    if not many and stalled <= STALL_NS:
        return Clear(subject.device)
    first, last = inquiry.case.facts_of(one.flow, "first_time", "last_time")
    lacking = (
        "the capture lacks segments that the other side acknowledged, so that a repeat may be the first one recorded"
        if one.lost
        else inquiry.gates.lossy(subject.capture, first, last)
    )
    return Doubt(subject.device, lacking) if lacking else _again(inquiry, one, subject, stalled)


def _again(inquiry: Inquiry, one: _Repeating, subject: Subject, stalled: int) -> Found:
    longest = f" One segment was repeated for {stalled / SECOND:.1f} s: everything behind it waited." if stalled else ""
    repeats = inquiry.case.tables.repeats
    mine = repeats[(repeats["flow"] == one.flow) & (repeats["from_client"] == one.of_client)]
    frames = [frame for row in rows_of(mine, ("frame", "last_frame")) for frame in (row.frame, row.last_frame)]
    return subject.found(
        f"{inquiry.word(subject.device)} has to send {one.share:.1%} of its segments to {subject.peer} again "
        f"({subject.service}, TCP port {subject.port}).",
        f"{one.again} of {one.segments} segments with data are repeats.{longest} In TCP every lost packet holds up "
        "what follows it: speech stutters, desktops freeze.",
        Confidence.CERTAIN,
        subject.shows("the connection in this direction, first and last packet", one.first_frame, one.last_frame),
        *([subject.shows("one segment, repeated: first and last time", *frames)] if frames else []),
        rejected=(("rtp-loss-poor", "TCP repeats what is lost: it comes late instead"),),
    )
