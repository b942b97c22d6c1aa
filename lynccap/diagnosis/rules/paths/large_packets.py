"""Packets that are too large for the path and vanish without a word (catalogue group 1)."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from lynccap.correlation.protocol_numbers import CONTROL
from lynccap.correlation.rows import rows_of
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement, Proof
from lynccap.diagnosis.subjects import Subject, subject_of
from lynccap.document import Confidence, Severity

LARGE = 536  # bytes that every path takes (RFC 9293 3.7.1): what vanishes below that size is not too large
ETHERNET = 1500  # bytes; a longer segment is not what was on the wire (see large_frames of a capture)
TOO_BIG = {(4, 3, 4), (6, 2, 0)}  # ICMP version, type, code: RFC 1191, RFC 4443 3.2
_FLOW = (
    *("capture", "opening", "client", "server", "lost_client", "lost_server", "frames_client", "frames_server"),
    *("retransmitted_client", "retransmitted_server", "last_time_client", "last_time_server"),
    *("last_frame_client", "last_frame_server"),
)


@rule(
    title="Large packets vanish on the way",
    severity=Severity.MAJOR,
    stage=Stage.REACH,
    causes=(
        "ICMP is filtered, so that nobody learns that a tunnel on the way takes only smaller packets.",
        "A VPN or PPPoE line does not lower the segment size of TCP connections (MSS clamping).",
        "Packets that must not be cut meet a link that takes only smaller ones.",
    ),
    fix=("Let ICMP type 3 code 4 pass, or lower the segment size (MSS) on the tunnel.",),
    act=("network team",),
    sources=("ms-int-ports", "rfc1191"),
    explains=("tls-handshake-stalled", "rst-midstream-active", "federation-tls-failed"),
)
def mtu_blackhole(inquiry: Inquiry) -> Iterator[Judgement]:
    """A connection with a Lync server opens, and a large segment is sent again and again while smaller packets pass.

    Evidence: an established connection; one segment sent again three times or more at the same length and never
    acknowledged, though the other side is heard after that; nothing as long as it was ever acknowledged there, and
    nothing smaller had to be sent again. Certain when a shorter piece of it, sent later, is acknowledged; else likely.

    Not this: a receiver whose window is closed; a peer that is gone; loss of packets of all sizes. Inconclusive when
    the capture holds longer segments than Ethernet carries (segmentation offload), or lacks packets.
    """
    case = inquiry.case
    repeats = case.tables.repeats[case.tables.repeats["size"] > LARGE]
    if repeats.empty:
        return
    flows = {row.Index: row for row in rows_of(case.flows.loc[repeats["flow"].unique(), list(_FLOW)], _FLOW)}
    for one in rows_of(repeats, repeats.columns):
        row = flows[one.flow]
        if row.opening == "established" and case.roles.is_plausible(row.server):
            yield _judged(inquiry, one, row)


def _judged(inquiry: Inquiry, one: Any, row: Any) -> Judgement:
    subject = subject_of(inquiry, one.flow, of_client=one.from_client)
    mine, other = ("client", "server") if one.from_client else ("server", "client")
    alone = getattr(row, f"retransmitted_{mine}") <= one.tries + bool(one.cut)
    heard = getattr(row, f"last_time_{other}") > one.time
    shrunk = bool(one.cut)
    vanishes = (not one.acknowledged or shrunk) and one.passed < one.size
    if not (alone and heard and vanishes) or _is_shut(inquiry, one):
        return Clear(subject.device)
    if doubt := _unsound(inquiry, one, row):
        return Doubt(subject.device, doubt)
    return _found(inquiry, subject, one, row)


def _is_shut(inquiry: Inquiry, one: Any) -> bool:
    """Whether the receiver had closed its window."""
    frames = inquiry.case.tables.tcp_frames
    mine = frames[(frames["flow"] == one.flow) & (frames["from_client"] != one.from_client)]
    return bool(((mine["window"] == 0) & ((mine["flags"] & CONTROL) == 0)).any())


def _unsound(inquiry: Inquiry, one: Any, row: Any) -> str:
    """Why the capture cannot tell whether large packets vanish."""
    captures = inquiry.case.tables.captures
    if one.size > ETHERNET or int(captures.at[row.capture, "large_frames"]):
        return "the capture holds longer segments than the network carries: it was made before they were cut"
    if row.lost_client or row.lost_server:
        return f"the capture lacks {row.lost_client + row.lost_server} bytes of this connection"
    return inquiry.gates.lossy(row.capture, one.time, one.last_time) or ""


def _found(inquiry: Inquiry, subject: Subject, one: Any, row: Any) -> Judgement:
    other = "server" if one.from_client else "client"
    told = _told(inquiry, one)
    proof = [subject.shows("the segment, sent again, and the other side still asking for it", one.frame,
                           one.last_frame, one.cut_frame, int(getattr(row, f"last_frame_{other}")))]  # fmt: skip
    reported = ""
    if len(told):
        proof.append(Proof(subject.capture, (int(told["frame"].iloc[0]),), "a router says that it is too large"))
        reported = f" {told['reporter'].iloc[0]} says that the packets are too large; the sender goes on all the same."
    shorter = f" A piece of {one.cut} bytes of it passes." if one.cut and one.acknowledged else ""
    server = inquiry.server(row.server, subject.port)
    client = inquiry.word(row.client)
    way = f"{client} to the {server}" if one.from_client else f"the {server} to {client[:1].lower()}{client[1:]}"
    return subject.found(
        f"Large packets from {way}, TCP port {subject.port}, vanish on the way: segments of {one.size} bytes are lost, "
        "smaller packets pass.",
        f"One segment of {one.size} bytes was sent again {one.tries} times and never acknowledged, and the other side "
        f"is still heard.{shorter}{reported}",
        Confidence.CERTAIN if shorter else Confidence.LIKELY,
        *proof,
        time=int(one.time),
        rejected=(("tcp-filtered-silent", "the connection was accepted, and smaller packets pass"),),
    )


def _told(inquiry: Inquiry, one: Any) -> pd.DataFrame:
    """What routers said of packets of this side that were too large."""
    errors = inquiry.case.tables.icmp
    mine = errors[(errors["flow"] == one.flow) & (errors["from_client"] == one.from_client)]
    kinds = pd.Series(list(zip(mine["version"], mine["type"], mine["code"], strict=True)), mine.index, dtype=object)
    return mine[kinds.isin(list(TOO_BIG))]
