"""Decrypted records as conversations: through the dissectors like any stream, their rows into the tables."""

from dataclasses import dataclass, field
from itertools import groupby

import numpy as np

from dissectors.psom import PSOM
from lynccap.ingest.decryption.slicing import Slice
from lynccap.ingest.engine import CaptureParts
from lynccap.ingest.frames import Flags, Ints
from lynccap.ingest.schemas import SCHEMAS, Arrays
from lynccap.ingest.streams.assembly import Segment
from lynccap.ingest.streams.classify import LIKELY, classify, head_of
from lynccap.ingest.streams.conversation import Conversation
from lynccap.ingest.streams.dissection import Dissection, Facts
from lynccap.ingest.streams.rtp.media import Media
from lynccap.ingest.streams.stream_tables import add_read, tables_of
from lynccap.reference import services_on


@dataclass(slots=True)
class Plaintext:
    """What tshark told of a slice: the decrypted segments of each side."""

    slice: Slice
    sides: dict[int, list[Segment]] = field(default_factory=dict)
    opened: set[int] = field(default_factory=set)
    """Packets whose record was decrypted."""

    def take(self, packet: int, data: bytes) -> None:
        """The bytes of the record in this packet of the slice."""
        if not 0 < packet <= len(self.slice.records) or not data:
            return
        record = self.slice.records[packet - 1]
        self.opened.add(packet)
        segments = self.sides.setdefault(record.side, [])
        start = segments[-1].start + segments[-1].length if segments else 0
        segments.append(Segment(start, record.last.frame, record.last.time, data, len(data)))

    def bytes_of(self, side: int) -> int:
        """Bytes decrypted of one side."""
        return sum(one.length for one in self.sides.get(side, ()))

    def shut(self) -> set[int]:
        """The flows with records that say something and were not decrypted; of TLS 1.3 that cannot be told."""
        records = enumerate(self.slice.records, 1)
        return {one.side >> 1 for packet, one in records if one.says_something and packet not in self.opened}


class _Sides:
    """Sides as this package numbers them: 2 * row of the flow, + 1 for the server."""

    def __init__(self, flows: int) -> None:
        self.index = np.arange(flows)

    def from_client(self, side: Ints) -> Flags:
        sent: Flags = (side & 1) == 0
        return sent


def add_plaintext(part: CaptureParts, plaintext: Plaintext, ends: dict[int, Facts]) -> None:
    """Dissect what was decrypted of a recording, and put it into its tables; `ends` say how each flow's bytes end."""
    media = Media()
    dissection = Dissection(media)
    for flow, sides in groupby(sorted(plaintext.sides), key=lambda side: side >> 1):
        conversation = Conversation(flow, on_tcp=True)
        for side in sides:
            conversation.sides[side & 1].extend(plaintext.sides[side])
        client, server = conversation.sides
        dissector, verdict = classify(head_of(client), head_of(server), True)
        if dissector is None or verdict < LIKELY:
            part.flows["stack"][flow] += _unread(part, flow, head_of(client))
            continue
        conversation.dissector = dissector
        inside = dissection.read(conversation, ends[flow])
        if inside:
            part.flows["stack"][flow] += f"/{inside}"
    streams, reports, *_ = media.finish()
    dissection.add_media(streams, reports)
    found = tables_of(dissection.rows, _Sides(len(part.flows["stack"])))
    add_read(found)
    for name in SCHEMAS:
        part.tables[name] = _merged(part.tables[name], found[name])


def _unread(part: CaptureParts, flow: int, said: bytes) -> str:
    """What web conferencing adds to a stack: its one sign is UNVERIFIED, and counts on its own ports only."""
    served = services_on("tcp", int(part.flows["server_port"][flow]))
    conferencing = any(one.service == PSOM.name for one in served) and PSOM.probe(said) >= LIKELY
    return f"/{PSOM.name}" if conferencing else ""


def _merged(told: Arrays, more: Arrays) -> Arrays:
    """The rows of both in order of their frames, of one frame what was in the clear first."""
    if not len(more["flow"]):
        return told
    both = {name: np.concatenate((told[name], more[name])) for name in told}
    order = np.argsort(both["frame" if "frame" in both else "first_frame"], kind="stable")
    return {name: column[order] for name, column in both.items()}
