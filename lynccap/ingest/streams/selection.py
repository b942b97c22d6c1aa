"""Chooses, a window at a time, the packets whose payload is kept."""

import numpy as np

from lynccap.ingest.decoding import Packets
from lynccap.ingest.flows.columns import Columns
from lynccap.ingest.flows.flow_table import NEVER
from lynccap.ingest.flows.sequences import stable_order
from lynccap.ingest.frames import Flags, Ints
from lynccap.ingest.streams.conversation import KEPT_BYTES, KEPT_FRAMES, Kind

APPLICATION_DATA, ALERT, TLS_MAJOR = 0x17, 0x15, 3
TLS_MINORS = 4  # SSL 3.0 to TLS 1.3
ALERT_BYTES = 64  # an alert record with its seal is shorter

_SIDE = {"kept_bytes": ("i8", 0), "kept_frames": ("i4", 0), "stop": ("i8", int(NEVER)), "dropped": ("i1", 0)}


class Selection:
    """What has been kept of every side."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.sides = Columns(_SIDE)

    def choose(self, packets: Packets, rows: Ints, side: Ints, frame: Ints, kind: Ints) -> Ints:
        """The rows to keep of these `rows` (packets with captured payload); `kind` is each one's flow's."""
        length = packets.available[rows]
        sides = self.sides
        stopped = self._stop(packets, rows, side, frame, kind)
        room = (sides["kept_frames"][side] < KEPT_FRAMES[kind]) & (sides["kept_bytes"][side] < KEPT_BYTES[kind])
        # Undecided flows get a second choice once they are known; those nobody claims are dropped altogether.
        decided = (kind > Kind.UNDECIDED_UDP) & (kind != Kind.SETTLED)
        self._note_dropped(side, ~room & ~stopped & decided)
        candidates = np.flatnonzero(room & ~stopped)
        if not candidates.size:
            return candidates
        order = candidates[stable_order(side[candidates])]
        ordered = side[order]
        starts = np.concatenate(([True], ordered[1:] != ordered[:-1]))
        places = np.arange(len(order))
        first = np.maximum.accumulate(np.where(starts, places, 0))
        before = np.cumsum(length[order]) - length[order]
        frames = places - first + sides["kept_frames"][ordered]
        held = before - before[first] + sides["kept_bytes"][ordered]
        fits = (frames < KEPT_FRAMES[kind[order]]) & (held < KEPT_BYTES[kind[order]])
        self._note_dropped(ordered, ~fits & decided[order])
        chosen = np.sort(order[fits])
        np.add.at(sides["kept_frames"], side[chosen], np.ones(len(chosen), np.int32))
        np.add.at(sides["kept_bytes"], side[chosen], length[chosen])
        return chosen

    def _note_dropped(self, side: Ints, dropped: Flags) -> None:
        if dropped.any():
            self.sides["dropped"][side[dropped]] = 1

    def _stop(self, packets: Packets, rows: Ints, side: Ints, frame: Ints, kind: Ints) -> Flags:
        """Rows behind the first segment that begins with TLS application data; alerts are let through."""
        tls = (kind == Kind.TLS) | (kind == Kind.UNDECIDED_TCP)
        stop = self.sides["stop"]
        stopped = np.zeros(len(rows), np.bool_)
        at = np.flatnonzero(tls & (packets.available[rows] >= 5))
        if not at.size:
            return stopped
        octets, start = packets.buffer.octets, packets.payload[rows[at]]
        record = (octets[start + 1] == TLS_MAJOR) & (octets[start + 2] <= TLS_MINORS)
        data = record & (octets[start] == APPLICATION_DATA)
        np.minimum.at(stop, side[at[data]], frame[at[data]])
        alert = record & (octets[start] == ALERT) & (packets.length[rows[at]] <= ALERT_BYTES)
        stopped[tls] = frame[tls] > stop[side[tls]]
        stopped[at[alert]] = False
        return stopped
