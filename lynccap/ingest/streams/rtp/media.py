"""Collects RTP over every carrier, on columns for datagrams and packet by packet for what relays wrap."""

from typing import Any

import numpy as np

from dissectors.stun import StunMessage
from lynccap.ingest.decoding import UDP, Packets
from lynccap.ingest.flows.columns import Columns
from lynccap.ingest.flows.flow_table import Numbered
from lynccap.ingest.frames import Flags, Ints
from lynccap.ingest.streams.conversation import Kind
from lynccap.ingest.streams.rtp.packets import MTURN_BYTES, NO_DSCP, RtpPackets, read_headers
from lynccap.ingest.streams.rtp.reports import KEPT_BYTES, Datagram, Report, RtcpReports
from lynccap.ingest.streams.rtp.streams import RtpStreams
from lynccap.tables import MEDIA

UDP_CARRIED, MTURN, TURN_DATA, TURN_TCP, RFC4571 = "udp", "mturn", "turn-data", "turn-tcp", "rfc4571"
CARRIERS = (UDP_CARRIED, TURN_DATA, MTURN, TURN_TCP, RFC4571)
MTURN_MAGIC = 0xFF10
RTP_KINDS = (Kind.UNDECIDED_UDP, Kind.MEDIA, Kind.SETTLED)
Row = tuple[Any, ...]
Wrapped = tuple[int, int, int, int, int, int, int, int, int, int, int]
"""The columns of RtpPackets."""


def carried_by(message: StunMessage) -> str:
    """How a STUN message carries its inner bytes."""
    if message.kind == "data" and message.framing in (MTURN, TURN_TCP, RFC4571):
        return message.framing
    return TURN_DATA


def _placed(numbered: Numbered, rows: Ints) -> tuple[Ints, Ints, Ints]:
    """Side, frame and time of these rows."""
    return numbered.side[rows], numbered.frame[rows], numbered.time[rows]


class Media:
    """The RTP streams of one capture."""

    def __init__(self) -> None:
        """None yet."""
        self._streams = {carrier: RtpStreams() for carrier in CARRIERS}
        self._control = Columns(dict.fromkeys(CARRIERS, ("i8", 0)))
        self._wrapped: dict[str, list[Wrapped]] = {carrier: [] for carrier in CARRIERS}
        self.reports = RtcpReports()

    def add(self, packets: Packets, numbered: Numbered, rows: Ints, kind: Ints, sides: int) -> Flags:
        """Measure the RTP among these datagrams; which of `rows` have RTP's or RTCP's shape."""
        self._control.grow(sides)
        shaped = np.zeros(len(rows), np.bool_)
        at = np.flatnonzero(packets.network.protocol[rows] == UDP)
        if not at.size:
            return shaped
        buffer, position = packets.buffer, packets.payload[rows[at]]
        available, length = packets.available[rows[at]], packets.length[rows[at]]
        wrapped = (buffer.uint(">u2", position) == MTURN_MAGIC) & (available > MTURN_BYTES)
        skip = np.where(wrapped, MTURN_BYTES, 0)
        headers = read_headers(buffer, position + skip, available - skip)
        is_rtp, is_rtcp = headers.is_rtp, headers.is_rtcp
        shaped[at] = is_rtp | is_rtcp
        counted = np.isin(kind[at], RTP_KINDS)
        for carrier, of in ((UDP_CARRIED, ~wrapped), (MTURN, wrapped)):
            control = np.flatnonzero(is_rtcp & of & counted)
            if control.size:
                skipped = skip[control]
                side, frame, time = _placed(numbered, rows[at[control]])
                np.add.at(self._control[carrier], side, np.ones(len(control), np.int32))
                bounds = (position[control] + skipped, available[control] - skipped, length[control] - skipped)
                self.reports.add(side, frame, time, *bounds, buffer)
            chosen = np.flatnonzero(is_rtp & of & counted)
            if chosen.size:
                of_rows = rows[at[chosen]]
                dscp = packets.network.tos[of_rows] >> 2
                found = headers.packets(chosen, *_placed(numbered, of_rows), (length - skip)[chosen], dscp)
                self._streams[carrier].add(found)
        return shaped

    def add_wrapped(self, carrier: str, side: int, frame: int, time: int, data: bytes, length: int) -> None:
        """Note one RTP or RTCP packet that a relay's message carries; other bytes are ignored."""
        if len(data) < 12 or data[0] >> 6 != 2:
            return
        if 192 <= data[1] <= 223:
            self._control.grow(side + 1)
            self._control[carrier][side] += 1
            self.reports.keep(Datagram(side, frame, time, data[:KEPT_BYTES], length))
            return
        number = int.from_bytes
        self._wrapped[carrier].append(
            (
                side,
                frame,
                time,
                data[1] & 0x7F,
                data[1] >> 7,
                number(data[2:4], "big"),
                number(data[4:8], "big"),
                number(data[8:12], "big"),
                number(data[12:16], "big") if data[0] & 0xF else 0,
                max(length - 12, 0),
                NO_DSCP,
            )
        )

    def finish(self) -> tuple[list[Row], list[Report], set[int], set[int]]:
        """Rows of MEDIA, the side in place of `flow` and `from_client`; RTCP; flows with RTP; flows with RTCP."""
        for carrier, packets in self._wrapped.items():
            if packets:
                packets.sort(key=lambda one: one[1])
                self._streams[carrier].add(RtpPackets(*np.array(packets, np.int64).T))
        rows: list[Row] = []
        for carrier, streams in self._streams.items():
            rows += self._rows(carrier, streams)
        spoken = {row[0] >> 1 for row in rows}
        reports, controlled = self.reports.read(spoken)
        return rows, reports, spoken, controlled

    def _rows(self, carrier: str, streams: RtpStreams) -> list[Row]:
        measured = streams.measured()
        side = measured["side"]
        measured |= {
            "flow": side,
            "from_client": side,
            "carried": np.full(len(side), carrier, object),
            "rtcp": self._control[carrier][side],
        }
        return list(zip(*(measured[name].tolist() for name in MEDIA), strict=True))
