"""Reads a recording once more and keeps every payload byte of some of its TCP connections."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from lynccap.ingest.decoding import TCP, Decoder, Packets
from lynccap.ingest.flows.columns import Columns
from lynccap.ingest.flows.flow_table import FlowTable, Numbered
from lynccap.ingest.flows.sequences import Sequences
from lynccap.ingest.frames import Frames, Ints
from lynccap.ingest.schemas import Arrays
from lynccap.ingest.soundness.copies import Copies
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
    """Numbers packets as the engine did; a side is told by its first frame, which belongs to no other."""

    def __init__(self, flows: Arrays, wanted: Iterable[int]) -> None:
        self._found = {flow: Gathered() for flow in wanted}
        self._sides = _first_frames(flows, self._found)
        self._first = np.array(sorted(self._sides), np.int64)
        self._wanted = Columns({"side": ("i8", -1)})
        """2 * row + 0 for the client or 1 for the server, by side of the flow table; -1 for what is not wanted."""
        self._copies, self._flows, self._sequences = Copies(), FlowTable(), Sequences()
        self._decoder = Decoder(self._flows.intern)
        self._bytes = self._segments = 0

    def add(self, frames: Frames) -> None:
        self._take(self._decoder.decode(frames))

    def finish(self) -> dict[int, Gathered]:
        for packets in self._decoder.finish():
            self._take(packets)
        return self._found

    def _take(self, packets: Packets) -> None:
        if not len(packets):
            return
        copies = self._copies.find(packets)
        if copies is not None:
            packets = packets.where(~copies)
        numbered = self._flows.add(packets)
        self._flows.control.clear()
        self._recognise(numbered)
        side = self._wanted["side"][numbered.side]
        keep = (side >= 0) & (packets.network.protocol == TCP)
        if keep.any():
            packets = packets.where(keep)
            mine = Numbered(*(getattr(numbered, name)[keep] for name in ("flow", "side", "frame", "time")))
            offsets = self._sequences.add(packets, mine, self._flows.flows.rows * 2)
            self._keep(packets, mine, side[keep], offsets)

    def _recognise(self, numbered: Numbered) -> None:
        """Note the sides whose first frame is among these."""
        self._wanted.grow(self._flows.flows.rows * 2)
        for row in np.flatnonzero(np.isin(numbered.frame, self._first)).tolist():
            self._wanted["side"][numbered.side[row]] = self._sides[int(numbered.frame[row])]

    def _keep(self, packets: Packets, numbered: Numbered, side: Ints, start: Ints) -> None:
        opened = self._flows.sides
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


def _first_frames(flows: Arrays, wanted: Mapping[int, Gathered]) -> dict[int, int]:
    """The side (2 * row, + 1 for the server) by the number of its first frame."""
    found: dict[int, int] = {}
    for bit, name in enumerate(("first_frame_client", "first_frame_server")):
        found |= {int(flows[name][flow]): 2 * flow + bit for flow in wanted if flows[name][flow] > 0}
    return found
