"""From packets to messages: keeps heads, classifies them, dissects and drops them; memory stays bounded."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dissectors.contract import Dissector, Verdict
from dissectors.dns import DNS
from dissectors.known import Recogniser
from lynccap.ingest.decoding import TCP, UDP, Packets
from lynccap.ingest.flows.columns import Columns
from lynccap.ingest.flows.flow_rows import FlowRows
from lynccap.ingest.flows.flow_table import NEVER, FlowTable, Numbered
from lynccap.ingest.frames import Flags, Ints
from lynccap.ingest.schemas import Arrays
from lynccap.ingest.streams.assembly import Segment
from lynccap.ingest.streams.classify import (
    CERTAIN,
    LIKELY,
    REJECT,
    classify,
    classify_within,
    head_of,
    named_by_port,
    names_in_part,
)
from lynccap.ingest.streams.conversation import (
    KEPT_FRAMES,
    KIND_OF_RECOGNISED,
    KIND_OF_TCP,
    KIND_OF_UDP,
    Conversation,
    Kind,
)
from lynccap.ingest.streams.dissection import Dissection, Facts
from lynccap.ingest.streams.rtp.media import Media
from lynccap.ingest.streams.selection import Selection
from lynccap.ingest.streams.stream_tables import add_read, part_local_names, tables_of

STORE_BYTES = 16 << 20  # kept payload of all flows: above it, flows are dissected and dropped
STORE_FRAMES = 60_000  # the same for segments, each of which costs a few hundred bytes beside its payload
FRAME_LIMITS = KEPT_FRAMES.tolist()
DATAGRAMS = Kind.DATAGRAMS
UNSEEN = -1  # the kind of a flow without payload so far
MAX_REFUSALS = 3  # looks at a head that nobody claims before the flow is given up


@dataclass(slots=True)
class Yielded:
    """The tables below the flows, and each flow's stack by flow number."""

    tables: dict[str, Arrays]
    stack: NDArray[Any]
    basis: NDArray[Any]


class Streams:
    """The kept payload of one capture, and what it said."""

    def __init__(self) -> None:
        """Nothing kept."""
        self._selection = Selection()
        self._media = Media()
        self._dissection = Dissection(self._media)
        self._flows = Columns({"kind": ("i1", UNSEEN)})
        self._store: dict[int, Conversation] = {}
        self._undecided: dict[int, Conversation] = {}
        self._stacks: dict[int, str] = {}
        self._bytes = 0
        self._frames = 0

    def add(self, packets: Packets, numbered: Numbered, offsets: Ints, table: FlowTable) -> None:
        """Keep what is wanted of these packets; `offsets` are the stream offsets of the TCP rows."""
        start = np.zeros(len(packets), np.int64)
        start[packets.tcp] = offsets
        rows = np.flatnonzero(packets.available > 0)
        side = numbered.side[rows]
        # Bytes before the first one are a keep-alive's, or another connection's.
        early = (start[rows] < 0) & ((table.sides["syn_frame"][side] > 0) | (table.sides["syn_ack_frame"][side] > 0))
        rows = rows[~early]
        if not rows.size:
            return
        sides = table.flows.rows * 2
        self._selection.sides.grow(sides)
        kind = self._kinds_of(packets, numbered.flow, rows)
        shaped = self._media.add(packets, numbered, rows, kind, sides)
        left = self._take(packets, numbered, start, rows, kind, shaped)
        self._classify()
        # What a flow is, is known only now: of a short capture, all of it may be in this one window.
        late = left & (kind <= Kind.UNDECIDED_UDP)
        rows, shaped = rows[late], shaped[late]
        kind = self._kinds_of(packets, numbered.flow, rows)
        decided = kind > Kind.UNDECIDED_UDP
        self._take(packets, numbered, start, rows[decided], kind[decided], shaped[decided])
        if self._bytes > STORE_BYTES or self._frames > STORE_FRAMES:
            self._relieve(table)

    def _kinds_of(self, packets: Packets, flows: Ints, rows: Ints) -> Ints:
        """The kind of each row's flow; a flow without payload before begins undecided."""
        flow = flows[rows]
        if not rows.size:
            return flow
        self._flows.grow(int(flow.max()) + 1)
        kinds = self._flows["kind"]
        kind = kinds[flow].astype(np.int64)
        new = kind == UNSEEN
        if new.any():
            protocol = packets.network.protocol[rows[new]]
            first = np.where(protocol == UDP, Kind.UNDECIDED_UDP, Kind.SETTLED)
            kind[new] = np.where(protocol == TCP, Kind.UNDECIDED_TCP, first)
            kinds[flow[new]] = kind[new]
        return kind

    def _take(self, packets: Packets, numbered: Numbered, start: Ints, rows: Ints, kind: Ints, shaped: Flags) -> Flags:
        """Keep what these rows' kinds want, RTP-shaped datagrams of media flows left out; which rows were not kept."""
        left = np.ones(len(rows), np.bool_)
        wanted = np.flatnonzero((kind < Kind.SETTLED) & ~(shaped & (kind == Kind.MEDIA)))
        if wanted.size:
            at = rows[wanted]
            side, frame = numbered.side[at], numbered.frame[at]
            chosen = wanted[self._selection.choose(packets, at, side, frame, kind[wanted])]
            self._keep(packets, numbered, start, rows[chosen])
            left[chosen] = False
        return left

    def finish(self, table: FlowTable, flow_rows: FlowRows) -> Yielded:
        """Dissect what is still kept; every row with its flow's final number and direction."""
        self._settle(list(self._store.values()), table)
        media, reports, spoken, controlled = self._media.finish()
        self._dissection.add_media(media, reports)
        tables = tables_of(self._dissection.rows, flow_rows)
        part_local_names(tables, flow_rows)
        add_read(tables)
        stack, basis = self._stacks_of(table.flows.rows, spoken, controlled, flow_rows, tables)
        return Yielded(tables, stack, basis)

    def _keep(self, packets: Packets, numbered: Numbered, start: Ints, rows: Ints) -> None:
        if not rows.size:
            return
        view = packets.buffer.view
        columns = (
            numbered.side[rows],
            start[rows],
            numbered.frame[rows],
            numbered.time[rows],
            packets.payload[rows],
            packets.available[rows],
            packets.length[rows],
            packets.network.protocol[rows] == TCP,
        )
        store, undecided = self._store, self._undecided
        for side, offset, frame, time, at, available, length, on_tcp in zip(
            *(column.tolist() for column in columns), strict=True
        ):
            flow = side >> 1
            conversation = store.get(flow)
            if conversation is None:
                conversation = store[flow] = Conversation(flow, on_tcp)
            data = view[at : at + available].tobytes()
            conversation.sides[side & 1].append(Segment(offset, frame, time, data, length))
            conversation.kept += available
            if conversation.dissector is None:
                undecided[flow] = conversation
        self._bytes += int(packets.available[rows].sum())
        self._frames += len(rows)

    def _classify(self) -> None:
        for flow, conversation in self._undecided.items():
            first, second = conversation.sides
            first_head, second_head = head_of(first), head_of(second)
            dissector, verdict = _claimed(conversation, first_head, second_head)
            if isinstance(dissector, Recogniser):
                self._stacks[flow] = dissector.name
                self._drop(conversation)
                self._flows["kind"][flow] = KIND_OF_RECOGNISED.get(dissector.name, Kind.RECOGNISED)
            elif dissector is not None and verdict >= LIKELY:
                conversation.dissector = dissector
                kinds = KIND_OF_TCP if conversation.on_tcp else KIND_OF_UDP
                self._flows["kind"][flow] = kinds.get(dissector.name, DATAGRAMS)
            elif verdict is REJECT:
                conversation.rejected += 1
                limit = FRAME_LIMITS[self._flows["kind"][flow]]
                full = len(first) >= limit or len(second) >= limit
                if conversation.rejected >= MAX_REFUSALS or full or (first_head and second_head):
                    self._give_up(conversation)
        self._undecided.clear()

    def _give_up(self, conversation: Conversation) -> None:
        self._flows["kind"][conversation.flow] = Kind.SETTLED
        self._drop(conversation)

    def _drop(self, conversation: Conversation) -> None:
        self._bytes -= conversation.kept
        first, second = conversation.sides
        self._frames -= len(first) + len(second)
        self._store.pop(conversation.flow, None)

    def _settle(self, conversations: list[Conversation], table: FlowTable) -> None:
        """Dissect conversations and drop their bytes; datagrams may go on being kept, streams may not."""
        flows = np.array([one.flow for one in conversations], np.int64)
        sides = np.stack((flows * 2, flows * 2 + 1), axis=1)
        begins = (table.sides["syn_frame"][sides] > 0) | (table.sides["syn_ack_frame"][sides] > 0)
        stopped = self._selection.sides["stop"][sides] < NEVER
        bounded = self._selection.sides["dropped"][sides] > 0
        for conversation, *facts in zip(
            conversations, *(one.tolist() for one in (begins, stopped, bounded)), strict=True
        ):
            if conversation.dissector is not None:
                stack = self._dissection.read(conversation, Facts(*facts))
                if stack:
                    self._stacks[conversation.flow] = stack
            self._drop(conversation)
            if conversation.on_tcp:
                self._flows["kind"][conversation.flow] = Kind.SETTLED

    def _relieve(self, table: FlowTable) -> None:
        """Make room: first what needs no more bytes, then what began longest ago."""
        self._settle(self._satisfied(table), table)
        excess, oldest = max(self._bytes - STORE_BYTES // 2, 0), []
        frames = max(self._frames - STORE_FRAMES // 2, 0)
        for conversation in self._store.values():
            if excess <= 0 and frames <= 0:
                break
            oldest.append(conversation)
            excess -= conversation.kept
            frames -= sum(map(len, conversation.sides))
        streams = np.array([one.flow for one in oldest if one.on_tcp], np.int64)
        self._selection.sides["dropped"][np.concatenate((streams * 2, streams * 2 + 1))] = 1
        self._settle(oldest, table)

    def _satisfied(self, table: FlowTable) -> list[Conversation]:
        """The kept streams that are over, or of which no more is wanted."""
        streams = [one for one in self._store.values() if one.on_tcp]
        flows = np.array([one.flow for one in streams], np.int64)
        pair = np.stack((flows * 2, flows * 2 + 1), axis=1)
        ended = (table.sides["rst_frame"][pair] > 0).any(axis=1) | (table.sides["fin_frame"][pair] > 0).all(axis=1)
        stopped = (self._selection.sides["stop"][pair] < NEVER).all(axis=1) & (self._flows["kind"][flows] == Kind.TLS)
        return [one for one, satisfied in zip(streams, (ended | stopped).tolist(), strict=True) if satisfied]

    def _stacks_of(
        self, flows: int, spoken: set[int], controlled: set[int], flow_rows: FlowRows, tables: dict[str, Arrays]
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        stack = np.full(flows, "", object)
        basis = np.full(flows, "", object)
        named = np.zeros(flows, np.bool_)
        named[flow_rows.order] = named_by_port(*flow_rows.listeners())
        basis[named] = "port"
        for flow, name in self._stacks.items():
            stack[flow] = name
        for flow in spoken:
            stack[flow] = f"{stack[flow]}/rtp" if stack[flow] else "rtp"
        for flow in controlled - spoken:
            stack[flow] = stack[flow] or "rtcp"
        local = tables["local-names"]
        stack[flow_rows.order[local["flow"]]] = local["dialect"]
        basis[stack != ""] = "bytes"
        return stack, basis


def _claimed(
    conversation: Conversation, first_head: bytes, second_head: bytes
) -> tuple[Dissector | Recogniser | None, Verdict]:
    """Who claims a flow by its heads, else by what stands inside what the capture has of it."""
    first, second = conversation.sides
    dissector, verdict = classify(first_head, second_head, conversation.on_tcp)
    if verdict is REJECT and conversation.on_tcp:
        within = classify_within(first) or classify_within(second)
        return within, LIKELY if within else REJECT
    # A whole question says more than the shape of a header: every fourth identification looks like RTP's first byte.
    if verdict < CERTAIN and not conversation.on_tcp and names_in_part(first, second):
        return DNS, LIKELY
    return dissector, verdict
