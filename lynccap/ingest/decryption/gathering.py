"""Reads a recording once more and keeps every payload byte of some of its TCP connections."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from lynccap.ingest.decoding import TCP, Packets
from lynccap.ingest.flows.flow_table import Numbered
from lynccap.ingest.flows.sequences import Sequences
from lynccap.ingest.frames import Frames, Ints
from lynccap.ingest.schemas import Arrays
from lynccap.ingest.second_reading import Reread, SecondReading
from lynccap.ingest.streams.assembly import Segment

MAX_SIDE_BYTES = 2 << 20  # of one side: what is kept of a stream in the clear (1 MiB), twice, with the records' seals
MAX_BYTES = 32 << 20  # of one recording: a thousand sign-ins; tshark tells 3 bytes for each
MAX_SEGMENTS = 200_000  # of one recording: each costs a few hundred bytes beside its payload


@dataclass(slots=True)
class Gathered:
    """The segments of both sides of a connection in capture order, the client's first."""

    sides: tuple[list[Segment], list[Segment]] = field(default_factory=lambda: ([], []))
    kept: list[int] = field(default_factory=lambda: [0, 0])
    bounded: bool = False
    """More was captured than is kept."""


def gather(windows: Iterator[Frames], flows: Arrays, wanted: Iterable[int]) -> dict[int, Gathered]:
    """The payload of the `wanted` rows of `flows`, by row; `windows` are the frames those rows were made of."""
    gatherer = _Gatherer(flows, wanted)
    for frames in windows:
        gatherer.add(frames)
    return gatherer.finish()


class _Gatherer:
    """What is kept of the payload of the wanted connections."""

    def __init__(self, flows: Arrays, wanted: Iterable[int]) -> None:
        self._found = {flow: Gathered() for flow in wanted}
        rows = np.array(list(self._found), np.int64)
        first = (flows[f"first_frame_{side}"][rows].astype(np.int64) for side in ("client", "server"))
        self._reading = SecondReading(rows, *first)
        self._sequences = Sequences()
        self._bytes = self._segments = 0

    def add(self, frames: Frames) -> None:
        self._take(self._reading.read(frames))

    def finish(self) -> dict[int, Gathered]:
        self._take(self._reading.finish())
        return self._found

    def _take(self, found: Iterator[Reread]) -> None:
        for one in found:
            keep = (one.side >= 0) & (one.packets.network.protocol == TCP)
            if keep.any():
                packets = one.packets.where(keep)
                mine = Numbered(*(getattr(one.numbered, name)[keep] for name in ("flow", "side", "frame", "time")))
                offsets = self._sequences.add(packets, mine, self._reading.flows.flows.rows * 2)
                self._keep(packets, mine, one.side[keep], offsets)

    def _keep(self, packets: Packets, numbered: Numbered, side: Ints, start: Ints) -> None:
        opened = self._reading.flows.sides
        begins = (opened["syn_frame"][numbered.side] > 0) | (opened["syn_ack_frame"][numbered.side] > 0)
        # Bytes before the first one are a keep-alive's, or another connection's.
        rows = np.flatnonzero((packets.available > 0) & ~((start < 0) & begins))
        columns = (side, start, numbered.frame, numbered.time, packets.payload, packets.available, packets.length)
        for one, offset, frame, time, at, available, length in zip(
            *(each[rows].tolist() for each in columns), strict=True
        ):
            found, bit = self._found[one >> 1], one & 1
            if not self._has_room(found, bit, available):
                found.bounded = True
                continue
            data = packets.buffer.view[at : at + available].tobytes()
            found.sides[bit].append(Segment(offset, frame, time, data, length))

    def _has_room(self, found: Gathered, bit: int, available: int) -> bool:
        if found.kept[bit] + available > MAX_SIDE_BYTES:
            return False
        if self._bytes + available > MAX_BYTES or self._segments >= MAX_SEGMENTS:
            return False
        found.kept[bit] += available
        self._bytes += available
        self._segments += 1
        return True
