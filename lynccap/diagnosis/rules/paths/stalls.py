"""Servers that stop reading (catalogue group 1)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lynccap.correlation.protocol_numbers import CONTROL
from lynccap.correlation.rows import rows_of
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement
from lynccap.diagnosis.subjects import subject_of
from lynccap.document import Confidence, Severity

STALL_NS = 5_000_000_000  # catalogue, server-zero-window
PROBED = 3  # closed windows in a row: the one that closed it, and the answers to two probes (RFC 9293 3.8.6.1)
SEVERAL = 2
LISTED = 12


@dataclass(frozen=True, slots=True)
class _Stall:
    """A stretch of closed windows of one server on one connection, without a byte taken meanwhile."""

    flow: int
    capture: int
    client: str
    server: str
    since: int
    until: int
    frames: tuple[int, ...]

    @property
    def seconds(self) -> float:
        return (self.until - self.since) / 1e9


@rule(
    title="A server stops reading",
    severity=Severity.MINOR,
    stage=Stage.SIGN_IN,
    causes=("The service is overloaded or hangs.", "Virus protection on the server holds it up."),
    fix=("Look at the service on the server: its load, its event log, what scans its traffic.",),
    act=("server owner",),
    sources=("rfc9293",),
)
def server_zero_window(inquiry: Inquiry) -> Iterator[Judgement]:
    """A Lync server keeps its receive window closed for more than 5 s while its client asks whether it may go on.

    Evidence: window 0 in three packets of the server or more, over more than 5 s, with the same acknowledgment number:
    it took nothing meanwhile; the client's probes are what they answer. Certain when several clients wait at once.

    Not this: a client that stops reading; a window that opens again within seconds. Inconclusive when the capture ends
    too soon after the window closed.
    """
    stalls = [one for one in _stalls(inquiry) if len(one.frames) > 1]
    long = [one for one in stalls if one.seconds > STALL_NS / 1e9 and len(one.frames) >= PROBED]
    for one in stalls:
        if one in long:
            yield _stalled(inquiry, one, long)
        elif _goes_on_behind(inquiry, one) and (early := inquiry.gates.ended_early(one.capture, one.since, STALL_NS)):
            yield Doubt(one.client, f"{one.server} closed its receive window: {early}")
        else:
            yield Clear(one.client)


def _stalls(inquiry: Inquiry) -> Iterator[_Stall]:
    """The closed windows of Lync servers, by connection and by what was acknowledged."""
    case, frames = inquiry.case, inquiry.case.tables.tcp_frames
    shut = frames.take(np.flatnonzero(frames["window"].to_numpy() == 0))
    shut = shut[((shut["flags"] & CONTROL) == 0) & ~shut["from_client"]]
    if shut.empty:
        return
    ends = case.flows.loc[shut["flow"].unique(), ["capture", "client", "server"]]
    rows = {row.Index: row for row in rows_of(ends, tuple(ends.columns)) if case.roles.is_plausible(row.server)}
    for (flow, _), ones in shut[shut["flow"].isin(list(rows))].groupby(["flow", "ack"], sort=True):
        yield _stall(int(flow), rows[flow], ones)


def _stall(flow: int, row: Any, ones: pd.DataFrame) -> _Stall:
    numbers = tuple(ones["frame"].tolist())
    ends = int(ones["time"].iloc[0]), int(ones["time"].iloc[-1])
    return _Stall(flow, int(row.capture), str(row.client), str(row.server), *ends, numbers)


def _goes_on_behind(inquiry: Inquiry, one: _Stall) -> bool:
    """Whether the closed window is the last word of the server in the capture."""
    return int(inquiry.case.flows.at[one.flow, "last_frame_server"]) == one.frames[-1]


def _stalled(inquiry: Inquiry, one: _Stall, long: list[_Stall]) -> Judgement:
    clients = {
        other.client
        for other in long
        if (other.capture, other.server) == (one.capture, one.server)
        and other.since <= one.until
        and other.until >= one.since
    }
    subject = subject_of(inquiry, one.flow)
    server = inquiry.server(one.server, subject.port)
    several = f" {len(clients)} clients of it wait at the same time." if len(clients) >= SEVERAL else ""
    return subject.found(
        f"{inquiry.word(one.client)} waits for the {server}, TCP port {subject.port}: the server does not read for "
        f"{one.seconds:.1f} s.",
        f"In {len(one.frames)} packets it offers a receive window of 0 and takes no byte meanwhile.{several}",
        Confidence.CERTAIN if several else Confidence.LIKELY,
        subject.shows("closed receive windows of the server", *one.frames[: LISTED - 1], one.frames[-1]),
        time=one.since,
    )
