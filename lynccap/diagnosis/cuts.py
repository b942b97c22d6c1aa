"""Open connections to Lync servers that were reset: told once for the rules that say by whom and after which pause."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from lynccap.correlation.closings.claims import Closing
from lynccap.correlation.closings.kinds import How, Points
from lynccap.correlation.closings.pauses import was_awake
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Doubt, Proof
from lynccap.diagnosis.subjects import Subject, subject_of

TOGETHER_NS = 5_000_000_000  # within this time a machine that wakes up, or changes its network, loses everything
LISTED = 40  # connections of one client whose ends are shown


def cut(inquiry: Inquiry, how: How) -> Iterator[Closing]:
    """The connections to Lync servers that ended so after they had worked, with what other captures show of them."""
    roles = inquiry.case.roles
    for one in inquiry.case.closings.closings:
        if one.how is how and roles.is_plausible(one.server) and _worked(inquiry, one):
            yield inquiry.vantage.closing(one) if inquiry.vantage else one


def _worked(inquiry: Inquiry, one: Closing) -> bool:
    """Whether both sides had said something; of TLS: whether the handshake was over."""
    session, row = inquiry.case.sessions.get(one.flow), inquiry.case.flows.loc[one.flow]
    if session and session.hello_frame:
        return session.completed
    return bool(row["data_frames_client"] and row["data_frames_server"])


def by_subject(closings: Iterable[Closing]) -> Iterator[tuple[Closing, ...]]:
    """Those of one client at one port of one server, together."""

    def key(one: Closing) -> tuple[int, str, str, int]:
        return one.capture, one.client, one.server, one.port

    return (tuple(ones) for _, ones in groupby(sorted(closings, key=lambda one: (key(one), one.when)), key))


def proof_of(inquiry: Inquiry, ones: Iterable[Closing]) -> tuple[Subject, Proof]:
    """Whom the finding is about, and the frames: the last packet of the client before each reset, and the resets."""
    shown = tuple(ones)[:LISTED]
    subject, flows = subject_of(inquiry, shown[0].flow), inquiry.case.flows
    frames = [frame for one in shown for frame in one.frames]
    last = [int(flows.at[one.flow, "last_frame_client"]) for one in shown]
    before = [frame for frame, one in zip(last, shown, strict=True) if one.frames and frame < one.frames[0]]
    return subject, subject.shows("the last packets of the device, and the resets", *frames, *before)


def first_time(inquiry: Inquiry, one: Closing) -> int:
    """Of the first frame that `proof_of` shows."""
    row = inquiry.case.flows.loc[one.flow]
    return int(row["last_time_client"]) if row["last_frame_client"] < one.frames[0] else one.when


def because(one: Closing) -> str:
    """The signs against the host in whose name the reset came."""
    return "; ".join(sign.says for sign in one.signs if sign.points is Points.BOX)


def unknown_sender(inquiry: Inquiry, one: Closing) -> Doubt:
    """Nothing shows who sent the reset."""
    server = inquiry.server(one.server, one.port)
    return Doubt(
        one.client,
        f"the connection to the {server} TCP port {one.port} was reset, but nothing shows who sent the reset: "
        "a capture on the server of the same minutes would",
    )


def may_have_slept(inquiry: Inquiry, one: Closing, boxes: Sequence[Closing]) -> str:
    """Why the pause may be the device's own doing; "" when it was awake in it, and on the same network.

    `boxes`: all connections that a box cut.
    """
    since = one.when - one.pause
    device = inquiry.device(one.client)
    keys = (one.client, *(device.macs if device else ()))
    leases = [row for key in keys for row in inquiry.case.leases.get(key, ())]
    if any(row.kind == "discover" and since < row.time < one.when for row in leases):
        return "the device looked for a new address during the silence: it may have slept or changed its network"
    if was_awake(inquiry.case.flows, one):
        return ""
    dying = [other for other in boxes if other.client == one.client and abs(other.when - one.when) <= TOGETHER_NS]
    together = f" and loses {len(dying)} connections at once" if len(dying) > 1 else ""
    return (
        f"the device says nothing to anybody during the silence of {one.pause / 1e9:.0f} s{together}: it may have "
        "slept; the same pause on other devices, or its event log, would tell"
    )
