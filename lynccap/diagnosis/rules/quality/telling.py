"""A stream as all rules on quality tell it: whom it is about, what frames show, where the capture stood."""

from collections.abc import Iterable

from lynccap.correlation.media.received import Received
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.subjects import Subject
from lynccap.tables import SECOND

LEAST_SECONDS = 10.0  # catalogue, rtp-loss-poor and rtp-jitter-poor
LEAST_LOST = 10  # packets: of a stream of ten seconds 2 %
BORDER_NS = SECOND // 2
SEVERAL = 3  # streams that lose at once before the recorder is suspected
COMPARED = 200  # streams at most: more say nothing new
ALIKE = 0.5  # of the loss of the one that is judged
LISTED = 8


def subject_of_stream(one: Received) -> Subject:
    """The stream with who hears it as the device."""
    return _subject(one, one.device, one.peer, one.receiver_port)


def subject_of_sender(one: Received) -> Subject:
    """The stream with the end that sends it as the device."""
    return _subject(one, one.sender, one.receiver, one.receiver_port)


def _subject(one: Received, device: str, peer: str, port: int) -> Subject:
    row = one.row
    return Subject(
        one.leg.capture, device, peer, port, one.leg.transport.partition("/")[0], "rtp", row.first_time, row.flow
    )


def where(one: Received) -> str:
    """Where on its way the stream was recorded, and what that means for what is missing; a whole sentence."""
    if one.at_receiver:
        return f"This was recorded on the network of {one.receiver}: it is what arrives there."
    if one.at_sender:
        return (
            f"This was recorded on the network of {one.sender}, before any router: it happens at the sender, "
            "or on its own network; what is lost farther on is not counted."
        )
    if one.sender_hops is None:
        return "Nothing shows how far from the sender this was recorded."
    routers = f"{one.sender_hops} router{'s' if one.sender_hops != 1 else ''}"
    return f"This was recorded {routers} behind {one.sender}: it happens before that point; farther on it may be more."


def capture_doubt(inquiry: Inquiry, one: Received) -> str | None:
    """Why packets that are missing here need not be missing for who hears the stream."""
    row, gates = one.row, inquiry.gates
    times = int(row.first_time), int(row.last_time)
    lacking = gates.lossy(one.leg.capture, *times) or gates.torn(one.leg.capture, *times)
    lacking = lacking or gates.clock_set(one.leg.capture, *times) or _contradicted(one)
    return lacking or _at_borders(inquiry, one) or _own_lacks(inquiry, one)


def _own_lacks(inquiry: Inquiry, one: Received) -> str | None:
    """Beside one end both directions lack as much: what that end sends no network can have lost there yet."""
    for other in inquiry.case.received.beside(one):
        beside = (one.at_receiver and other.at_sender) or (one.at_sender and other.at_receiver)
        if beside and other.sender == one.receiver and other.loss >= ALIKE * one.loss > 0:
            end = one.receiver if one.at_receiver else one.sender
            return (
                f"this was recorded beside {end}, before any router, and packets are missing both of what it sends and "
                "of what it gets: the recorder may have dropped packets both ways"
            )
    return None


def _contradicted(one: Received) -> str | None:
    """The receiver has what the capture lacks."""
    reported = one.quality.reported_loss if one.quality else None
    if reported is None or reported >= one.loss / 2:
        return None
    return (
        f"{one.hearer.word} itself reports {reported:.1%} of the packets lost (RTCP), {one.loss:.1%} are missing "
        "here: the capture lacks packets that arrived"
    )


def _at_borders(inquiry: Inquiry, one: Received) -> str | None:
    """Most of what is missing is missing where one file of the recording ends and the next begins."""
    files = inquiry.case.tables.files
    if len(files) < 2:
        return None
    borders = files.loc[files["capture"] == one.leg.capture, "first_time"].tolist()[1:]
    near = sum(missing for _, time, missing in one.row.lossy_seconds if _is_near(time, borders))
    if near * 2 < one.row.lost:
        return None
    return "most of the missing packets are missing where one file of the recording ends and the next one begins"


def _is_near(time: int, borders: Iterable[int]) -> bool:
    return any(abs(time - one) < BORDER_NS for one in borders)


def all_lose(inquiry: Inquiry, one: Received) -> str | None:
    """Streams both ways between several hosts lose about as much meanwhile: that is how a full mirror port looks."""
    others = [
        other
        for other in inquiry.case.received.counted[:COMPARED]
        if other.leg.capture == one.leg.capture
        and other.seconds >= LEAST_SECONDS
        and other.row.first_time < one.row.last_time
        and other.row.last_time > one.row.first_time
    ]
    flows, senders = {other.row.flow for other in others}, {other.sender for other in others}
    if len(flows) < SEVERAL or len(senders) < SEVERAL or one.at_receiver:
        return None
    if any(other.loss < ALIKE * one.loss for other in others):
        return None
    return (
        f"all {len(others)} streams of {len(flows)} conversations in the capture lack about as many packets, in both "
        "directions: the recorder or its mirror port may have dropped them"
    )


def lossy_frames(one: Received, least: int = 1) -> list[int]:
    """The first packets behind holes, of the first seconds in which so many numbers were missing."""
    return [frame for frame, _, missing in one.row.lossy_seconds if missing >= least][:LISTED]


def first_loss(one: Received) -> int:
    """When numbers were first missing."""
    return int(one.row.lossy_seconds[0][1]) if one.row.lossy_seconds else int(one.row.first_time)
