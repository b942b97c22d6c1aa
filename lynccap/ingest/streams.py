"""From packets to messages: keeps heads, classifies them, dissects and drops them; memory stays bounded."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dissectors.contract import Verdict
from lynccap.ingest.assembly import Segment
from lynccap.ingest.classify import classify, head_of, named_by_port
from lynccap.ingest.conversation import KEPT_FRAMES, KIND_OF_TCP, KIND_OF_UDP, Conversation, Kind
from lynccap.ingest.dissection import Dissection, Facts, Row
from lynccap.ingest.flow_rows import FlowRows
from lynccap.ingest.flows import NEVER, FlowTable, Numbered
from lynccap.ingest.layers import TCP, UDP, Packets
from lynccap.ingest.media import Media
from lynccap.ingest.message_places import (
    CERTIFICATE_FIELD,
    DNS_ANSWERS_FIELD,
    DNS_WIRE_FIELD,
    KIND_FIELD,
)
from lynccap.ingest.selection import Selection
from lynccap.ingest.window import Flags, Ints

STORE_BYTES = 32 << 20  # kept payload of all flows: above it, flows are dissected and dropped
STORE_FRAMES = 150_000  # the same for segments, each of which costs a few hundred bytes beside its payload
MAX_REFUSALS = 3  # looks at a head that nobody claims before the flow is given up
SATISFIED = (Kind.TLS,)  # kinds that need no more once both sides have stopped


@dataclass(slots=True)
class Yielded:
    """Rows of the tables below the flows, and each flow's stack by flow number."""

    rows: dict[str, list[Row]]
    stack: NDArray[Any]
    basis: NDArray[Any]


class Streams:
    """The kept payload of one capture, and what it said."""

    def __init__(self) -> None:
        """Nothing kept."""
        self._selection = Selection()
        self._media = Media()
        self._dissection = Dissection(self._media)
        self._kinds = np.zeros(1024, np.int8)
        self._known = 0
        self._store: dict[int, Conversation] = {}
        self._undecided: dict[int, Conversation] = {}
        self._stacks: dict[int, str] = {}
        self._bytes = 0
        self._frames = 0

    def add(self, packets: Packets, numbered: Numbered, offsets: Ints, table: FlowTable) -> None:
        """Keep what is wanted of these packets; `offsets` are the stream offsets of the TCP rows."""
        sides = table.flows.rows * 2
        rows = np.flatnonzero(packets.available > 0)
        if not rows.size:
            return
        self._selection.sides.grow(sides)
        self._grow(table.flows.rows)
        protocol = packets.network.protocol[rows]
        flow = numbered.flow[rows]
        new = flow >= self._known
        if new.any():
            self._kinds[flow[new]] = np.where(
                protocol[new] == TCP,
                Kind.UNDECIDED_TCP,
                np.where(protocol[new] == UDP, Kind.UNDECIDED_UDP, Kind.SETTLED),
            )
        self._known = max(self._known, table.flows.rows)
        kind = self._kinds[flow].astype(np.int64)
        shaped = self._media.add(packets, numbered, rows, kind, sides)
        left = self._take(packets, numbered, offsets, rows, kind, shaped)
        self._classify()
        # What a flow is, is known only now: of a short capture, all of it may be in this one window.
        late = left & (kind <= Kind.UNDECIDED_UDP)
        rows, shaped = rows[late], shaped[late]
        kind = self._kinds[numbered.flow[rows]].astype(np.int64)
        decided = kind > Kind.UNDECIDED_UDP
        self._take(packets, numbered, offsets, rows[decided], kind[decided], shaped[decided])
        if self._bytes > STORE_BYTES or self._frames > STORE_FRAMES:
            self._relieve(table)

    def _take(
        self, packets: Packets, numbered: Numbered, offsets: Ints, rows: Ints, kind: Ints, shaped: Flags
    ) -> Flags:
        """Keep what these rows' kinds want, RTP-shaped datagrams of media flows left out; which rows were not kept."""
        left = np.ones(len(rows), np.bool_)
        wanted = np.flatnonzero((kind != Kind.SETTLED) & ~(shaped & (kind == Kind.MEDIA)))
        if wanted.size:
            at = rows[wanted]
            side, frame = numbered.side[at], numbered.frame[at]
            chosen = wanted[self._selection.choose(packets, at, side, frame, kind[wanted])]
            self._keep(packets, numbered, offsets, rows[chosen])
            left[chosen] = False
        return left

    def finish(self, table: FlowTable, flow_rows: FlowRows) -> Yielded:
        """Dissect what is still kept; every row with its flow's final number and direction."""
        for conversation in list(self._store.values()):
            self._settle(conversation, table)
        media, spoken, controlled = self._media.finish()
        columns = {name: 3 if name == "anomalies" else 4 for name in self._dissection.rows}
        rows = {name: _placed(found, columns[name], flow_rows) for name, found in self._dissection.rows.items()}
        rows["media"] = _placed_media(media, flow_rows)
        rows["certificates"] = _certificates(rows.get("tls", []))
        rows["dns_answers"] = _answers(rows.get("dns", []))
        stack, basis = self._stacks_of(table.flows.rows, spoken, controlled, flow_rows)
        return Yielded(rows, stack, basis)

    def _grow(self, flows: int) -> None:
        if flows > len(self._kinds):
            wider = np.full(max(flows, len(self._kinds) * 2), Kind.SETTLED, np.int8)
            wider[: len(self._kinds)] = self._kinds
            self._kinds = wider

    def _keep(self, packets: Packets, numbered: Numbered, offsets: Ints, rows: Ints) -> None:
        if not rows.size:
            return
        start = np.zeros(len(packets), np.int64)
        start[packets.tcp] = offsets
        view = packets.frames.window.view
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
                if self._kinds[flow] <= Kind.UNDECIDED_UDP:
                    undecided[flow] = conversation
            segment = Segment(offset, frame, time, bytes(view[at : at + available]), length)
            conversation.sides[side & 1].append(segment)
            conversation.kept += available
            if conversation.dissector is None:
                undecided[flow] = conversation
        self._bytes += int(packets.available[rows].sum())
        self._frames += len(rows)

    def _classify(self) -> None:
        for flow, conversation in self._undecided.items():
            first, second = (head_of(side) for side in conversation.sides)
            dissector, verdict = classify(first, second, conversation.on_tcp)
            if dissector is not None and verdict >= Verdict.LIKELY:
                conversation.dissector = dissector
                kinds = KIND_OF_TCP if conversation.on_tcp else KIND_OF_UDP
                self._kinds[flow] = kinds.get(dissector.name, Kind.DATAGRAMS)
            elif verdict is Verdict.REJECT:
                conversation.rejected += 1
                limit = KEPT_FRAMES[self._kinds[flow]]
                full = any(len(side) >= limit for side in conversation.sides)
                if conversation.rejected >= MAX_REFUSALS or full or (first and second):
                    self._give_up(conversation)
        self._undecided.clear()

    def _give_up(self, conversation: Conversation) -> None:
        self._kinds[conversation.flow] = Kind.SETTLED
        self._drop(conversation)

    def _drop(self, conversation: Conversation) -> None:
        self._bytes -= conversation.kept
        self._frames -= sum(len(side) for side in conversation.sides)
        self._store.pop(conversation.flow, None)

    def _settle(self, conversation: Conversation, table: FlowTable) -> None:
        """Dissect a conversation and drop its bytes; datagrams may go on being kept, streams may not."""
        flow = conversation.flow
        sides, chosen = table.sides, self._selection.sides
        pair = (flow * 2, flow * 2 + 1)
        stopped = tuple(bool(chosen["stop"][side] < NEVER) for side in pair)
        bounded = tuple(bool(chosen["dropped"][side]) for side in pair)
        begins = tuple(bool(sides["syn_frame"][side] or sides["syn_ack_frame"][side]) for side in pair)
        facts = Facts(begins=(begins[0], begins[1]), stopped=(stopped[0], stopped[1]), bounded=(bounded[0], bounded[1]))
        stack = self._dissection.read(conversation, facts)
        if stack:
            self._stacks[flow] = stack
        self._drop(conversation)
        if conversation.on_tcp:
            self._kinds[flow] = Kind.SETTLED

    def _relieve(self, table: FlowTable) -> None:
        """Make room: first what needs no more bytes, then what began longest ago."""
        for conversation in list(self._store.values()):
            if self._satisfied(conversation, table):
                self._settle(conversation, table)
        for conversation in list(self._store.values()):
            if self._bytes < STORE_BYTES // 2 and self._frames < STORE_FRAMES // 2:
                return
            if conversation.on_tcp:
                self._selection.sides["dropped"][[conversation.flow * 2, conversation.flow * 2 + 1]] = 1
            self._settle(conversation, table)

    def _satisfied(self, conversation: Conversation, table: FlowTable) -> bool:
        pair = [conversation.flow * 2, conversation.flow * 2 + 1]
        if not conversation.on_tcp:
            return False
        sides = table.sides
        closed = bool((sides["rst_frame"][pair] > 0).any() or (sides["fin_frame"][pair] > 0).all())
        stopped = bool((self._selection.sides["stop"][pair] < NEVER).all())
        return closed or (stopped and self._kinds[conversation.flow] in SATISFIED)

    def _stacks_of(
        self, flows: int, spoken: set[int], controlled: set[int], flow_rows: FlowRows
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
        basis[stack != ""] = "bytes"
        return stack, basis


def _placed(found: list[Row], where: int, flow_rows: FlowRows) -> list[Row]:
    """Rows in frame order, with the flow and, at column `where`, `from_client` instead of the side."""
    if not found:
        return []
    sides = np.array([row[0] for row in found], np.int64)
    flows = flow_rows.index[sides >> 1].tolist()
    senders = flow_rows.from_client(sides).tolist()
    placed = [
        (flow, *row[1:where], sender, *row[where + 1 :])
        for row, flow, sender in zip(found, flows, senders, strict=True)
    ]
    placed.sort(key=lambda row: row[1])
    return placed


def _placed_media(rows: list[Row], flow_rows: FlowRows) -> list[Row]:
    if not rows:
        return []
    sides = np.array([row[0] for row in rows], np.int64)
    flows = flow_rows.index[sides >> 1].tolist()
    senders = flow_rows.from_client(sides).tolist()
    placed = [(flow, sender, *row[2:]) for row, flow, sender in zip(rows, flows, senders, strict=True)]
    placed.sort(key=lambda row: (row[9], row[0], row[2]))
    return placed


def _certificates(tls: list[Row]) -> list[Row]:
    """Rows of CERTIFICATES for the certificate messages; each different certificate is parsed once."""
    messages = [row for row in tls if row[KIND_FIELD] == "certificate" and row[CERTIFICATE_FIELD]]
    if not messages:
        return []
    from lynccap.ingest.certificates import read_certificate

    parsed: dict[bytes, Row] = {}
    rows: list[Row] = []
    for flow, frame, _, time, from_client, *rest in messages:
        for position, der in enumerate(rest[CERTIFICATE_FIELD - 5]):
            if der not in parsed:
                parsed[der] = read_certificate(der)
            rows.append((flow, frame, time, from_client, position, *parsed[der]))
    return rows


def _answers(messages: list[Row]) -> list[Row]:
    promising = [row for row in messages if row[DNS_ANSWERS_FIELD]]
    if not promising:
        return []
    from lynccap.ingest.dns_answers import read_answers

    return [(row[0], row[1], row[3], *fields) for row in promising for fields in read_answers(row[DNS_WIRE_FIELD])]
