"""Keeps the RTCP datagrams of a capture, which are few, and reads them at its end."""

from collections import Counter
from typing import NamedTuple

import numpy as np

from dissectors.contract import dissect
from dissectors.rtp import RTP, RtcpMessage
from lynccap.ingest.flows.columns import Columns
from lynccap.ingest.frames import Buffer, Ints

MAX_REPORTS = 20_000  # datagrams kept of one capture, 6 MB: 28 hours of one call, an hour of thirty
MAX_REPORTS_A_SIDE = 1_000  # of one sender: over an hour at one in 5 s (RFC 3550 6.2)
KEPT_BYTES = 1500  # of each: RTCP stays within a datagram
MIN_REPORTS = 2  # datagrams from one SSRC that make a flow RTCP where nothing else does
CLEAR_BYTES = 8  # of an SRTCP packet, and all that a datagram captured short is believed


class Datagram(NamedTuple):
    """One RTCP compound as captured."""

    side: int
    frame: int
    time: int
    data: bytes
    length: int
    """Bytes on the wire."""


class Report(NamedTuple):
    """One message of a compound."""

    message: RtcpMessage
    side: int
    frame: int
    time: int


class RtcpReports:
    """The RTCP datagrams kept so far."""

    def __init__(self) -> None:
        """None."""
        self._kept: list[Datagram] = []
        self._sides = Columns({"kept": ("i4", 0)})
        self.left: Datagram | None = None
        """The first one that was not kept, because enough was."""

    def add(
        self, side: Ints, frame: Ints, time: Ints, position: Ints, available: Ints, length: Ints, buffer: Buffer
    ) -> None:
        """Keep these datagrams, which have the shape of RTCP, as long as there is room."""
        self._sides.grow(int(side.max()) + 1)
        # A sender that has used up its room is left before anything is done for each of its datagrams.
        rows = np.flatnonzero((self._sides["kept"][side] < MAX_REPORTS_A_SIDE) | (self.left is None))
        columns = zip(*(one[rows].tolist() for one in (side, frame, time, position, available, length)), strict=True)
        for one, number, when, at, captured, sent in columns:
            data = buffer.view[at : at + min(captured, KEPT_BYTES)].tobytes()
            if not self.keep(Datagram(one, number, when, data, sent)) and len(self._kept) >= MAX_REPORTS:
                break

    def keep(self, datagram: Datagram) -> bool:
        """Keep one datagram; whether there was room."""
        self._sides.grow(datagram.side + 1)
        kept = self._sides["kept"]
        if len(self._kept) >= MAX_REPORTS or kept[datagram.side] >= MAX_REPORTS_A_SIDE:
            self.left = self.left or datagram
            return False
        kept[datagram.side] += 1
        self._kept.append(datagram)
        return True

    def read(self, spoken: set[int]) -> tuple[list[Report], set[int]]:
        """The messages of flows that carry RTP or are RTCP, and the flows that are RTCP.

        `spoken` are the flows with RTP.
        """
        read = [(datagram, _messages(datagram)) for datagram in self._kept]
        senders = Counter((datagram.side, messages[0].ssrc) for datagram, messages in read if messages)
        controlled = {side >> 1 for (side, _), count in senders.items() if count >= MIN_REPORTS}
        flows = spoken | controlled
        reports = [
            Report(message, datagram.side, datagram.frame, datagram.time)
            for datagram, messages in read
            if datagram.side >> 1 in flows
            for message in messages
        ]
        return reports, controlled


def _messages(datagram: Datagram) -> list[RtcpMessage]:
    """The messages of a compound; of one captured short only who sent it: sealed bytes could pass for a whole one."""
    data = datagram.data
    if datagram.length > len(data):
        if len(data) < CLEAR_BYTES:
            return []
        return [RtcpMessage(packet_type=data[1], ssrc=int.from_bytes(data[4:8], "big"), compound=(data[1],))]
    return [one.message for one in dissect(RTP, data).messages if isinstance(one.message, RtcpMessage)]
