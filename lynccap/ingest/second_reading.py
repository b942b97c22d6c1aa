"""Reads a recording once more and finds the packets of flows that the first reading numbered."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lynccap.ingest.decoding import Decoder, Packets
from lynccap.ingest.flows.columns import Columns
from lynccap.ingest.flows.flow_table import FlowTable, Numbered
from lynccap.ingest.frames import Frames, Ints
from lynccap.ingest.soundness.copies import Copies


@dataclass(frozen=True, slots=True)
class Reread:
    """Packets, each once."""

    packets: Packets
    numbered: Numbered
    side: Ints
    """2 * row + 0 for the client or 1 for the server of a wanted flow, -1 for what is not wanted."""


class SecondReading:
    """Numbers packets as the engine did; a side is told by its first frame, which belongs to no other."""

    def __init__(self, rows: Ints, first_client: Ints, first_server: Ints) -> None:
        """The wanted rows of the flows with the first frame of each side, 0 for a side that is absent."""
        first = np.concatenate((first_client, first_server))
        order = np.argsort(first, kind="stable")
        order = order[first[order] > 0]
        self._first = first[order]
        self._sides = np.concatenate((rows * 2, rows * 2 + 1))[order]
        self._known = Columns({"side": ("i8", -1)})
        self._copies = Copies()
        self.flows = FlowTable()
        self._decoder = Decoder(self.flows.intern)

    def read(self, frames: Frames) -> Iterator[Reread]:
        """The packets of one window."""
        return self._found(self._decoder.decode(frames))

    def finish(self) -> Iterator[Reread]:
        """What was still waiting for fragments."""
        for packets in self._decoder.finish():
            yield from self._found(packets)

    def _found(self, packets: Packets) -> Iterator[Reread]:
        if not len(packets):
            return
        copies = self._copies.find(packets)
        if copies is not None:
            packets = packets.where(~copies)
        numbered = self.flows.add(packets)
        self.flows.control.clear()
        self._recognise(numbered)
        yield Reread(packets, numbered, self._known["side"][numbered.side])

    def _recognise(self, numbered: Numbered) -> None:
        """Note the sides whose first frame is among these."""
        self._known.grow(self.flows.flows.rows * 2)
        if not len(self._first):
            return
        place = np.minimum(np.searchsorted(self._first, numbered.frame), len(self._first) - 1)
        begins = self._first[place] == numbered.frame
        self._known["side"][numbered.side[begins]] = self._sides[place[begins]]
