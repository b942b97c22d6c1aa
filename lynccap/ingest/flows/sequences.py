"""Follows the sequence space of every TCP side: stream offsets, what was sent again, what the capture lacks.

Offsets are 64-bit and relative to the first byte known of a side, so they survive the wrap of 32-bit numbers.
"""

import numpy as np

from lynccap.ingest.decoding import Packets
from lynccap.ingest.flows.columns import Columns
from lynccap.ingest.flows.flow_table import ACK, FIN, RST, SYN, Numbered
from lynccap.ingest.flows.repeats import Repeats
from lynccap.ingest.frames import Flags, Ints

MAX_JUMP = 1 << 26  # 64 MiB: no receiver offers such a window, so a larger jump is another stream's number
MAX_HOLES = 64  # of one side at a time: beyond it the capture lacks too much to keep books
REORDERED_NS = 3_000_000  # a hole filled within 3 ms is reordering, not a retransmission (as Wireshark judges)
REPEATED_NS = 3_000_000  # the newest segment again within 3 ms is a copy the capture made: no timer is that short
_LIFT = np.int64(1) << np.int64(41)  # apart by more than any offset within one window
_HALF = np.int64(1) << np.int64(31)

_SIDE = {
    "base": ("i8", -1),
    "top": ("i8", 0),
    "top_time": ("i8", 0),
    "acked": ("i8", -1),
    "retransmitted": ("i4", 0),
    "passed": ("i4", 0),
}
Hole = tuple[int, int, int]  # first missing offset, offset behind it, time it was noticed


class Sequences:
    """The sequence state of every side."""

    def __init__(self) -> None:
        """No side yet."""
        self.sides = Columns(_SIDE)
        self.repeats = Repeats()
        self._holes: dict[int, list[Hole]] = {}

    def add(self, packets: Packets, numbered: Numbered, sides: int) -> Ints:
        """Follow the packets; the stream offset of each TCP row's payload (else meaningless)."""
        self.sides.grow(sides)
        offset = np.zeros(len(packets.tcp), np.int64)
        flags = packets.flags
        length = packets.length[packets.tcp]
        quiet = (length == 0) & ((flags & (SYN | FIN)) == 0)
        rows = np.flatnonzero(~quiet & ((flags & RST) == 0))
        if rows.size:
            side = numbered.side[packets.tcp[rows]]
            order = stable_order(side)
            rows, side = rows[order], side[order]
            offset[rows] = self._follow(packets, numbered, rows, side, length[rows])
        self._acknowledge(packets, numbered)
        if rows.size:
            self._note_passed(side, offset[rows], length[rows].astype(np.int32))
        return offset

    def passed(self) -> Ints:
        """Payload bytes of the longest segment of each side that was acknowledged as soon as the window after it."""
        return self.sides.column("passed").astype(np.int64)

    def acknowledged(self) -> Ints:
        """The stream offset up to which the other side acknowledged, -1 where it acknowledged nothing."""
        return self.sides.column("acked")

    def _note_passed(self, side: Ints, start: Ints, length: Ints) -> None:
        """Of sides in order: the longest of their segments that are acknowledged by now."""
        passed = self.sides["passed"]
        first = np.flatnonzero(np.concatenate(([True], side[1:] != side[:-1])))
        longest = np.maximum.reduceat(np.where(start + length <= self.sides["acked"][side], length, 0), first)
        passed[side[first]] = np.maximum(passed[side[first]], longest)

    def lost(self) -> Ints:
        """Bytes of each side that the other side acknowledged and this capture lacks."""
        top, acked = self.sides.column("top"), self.sides.column("acked")
        beyond = acked - top
        lost = np.where((self.sides.column("base") >= 0) & (beyond > 0) & (beyond < MAX_JUMP), beyond, 0)
        for side, holes in self._holes.items():
            lost[side] += sum(max(0, min(end, int(acked[side])) - start) for start, end, _ in holes)
        return lost

    def following(self) -> Ints:
        """The sequence number behind all that each side sent, -1 while it sent nothing that takes one."""
        base, top = self.sides.column("base"), self.sides.column("top")
        return np.where(base >= 0, (base + top) & 0xFFFFFFFF, -1)

    def unanswered(self) -> Ints:
        """Bytes of each side that the other side has not acknowledged, 0 where it acknowledged nothing at all."""
        top, acked = self.sides.column("top"), self.sides.column("acked")
        open_ = top - acked
        return np.where((self.sides.column("base") >= 0) & (acked >= 0) & (open_ > 0) & (open_ < MAX_JUMP), open_, 0)

    def _follow(self, packets: Packets, numbered: Numbered, rows: Ints, side: Ints, length: Ints) -> Ints:
        state, flags = self.sides, packets.flags[rows]
        seq = (packets.seq[rows] + ((flags & SYN) != 0)) & 0xFFFFFFFF
        starts = np.concatenate(([True], side[1:] != side[:-1]))
        first = np.flatnonzero(starts)
        fresh = first[state["base"][side[first]] < 0]
        state["base"][side[fresh]] = seq[fresh]
        known_top = state["top"][side]
        start = known_top + _signed(seq - state["base"][side] - known_top)
        end = start + length + ((flags & FIN) != 0)
        group = np.cumsum(starts)
        lift = group * _LIFT
        highest = np.maximum.accumulate(np.maximum(end, known_top) + lift) - lift
        before = np.concatenate(([0], highest[:-1]))
        before = np.where(starts, known_top, before)
        # A jump no window allows is not followed: the side simply goes on there.
        jumped = np.abs(start - before) > MAX_JUMP
        if jumped.any():
            return self._follow_apart(packets, numbered, rows, side, length, start, end, np.isin(side, side[jumped]))
        last = np.concatenate((first[1:] - 1, [len(side) - 1]))
        state["top"][side[last]] = highest[last]
        time = numbered.time[packets.tcp[rows]]
        advances = end > before
        reached = self._top_times(side, advances, starts, time)
        copied = (end == before) & (time - reached < REPEATED_NS)
        state["top_time"][side[last]] = np.where(advances[last], time[last], reached[last])
        frame = numbered.frame[packets.tcp[rows]]
        self._judge(side, start, end, before, length, time, frame, copied)
        return start

    def _top_times(self, side: Ints, advances: Flags, starts: Flags, time: Ints) -> Ints:
        """When the highest number before each row was reached."""
        places = np.arange(len(side))
        latest = np.maximum.accumulate(np.where(advances | starts, places, 0))
        earlier = np.concatenate(([0], latest[:-1]))
        held = self.sides["top_time"][side]
        moved = advances[earlier] & ~starts
        return np.where(moved, time[earlier], held)

    def _follow_apart(
        self,
        packets: Packets,
        numbered: Numbered,
        rows: Ints,
        side: Ints,
        length: Ints,
        start: Ints,
        end: Ints,
        jumped: Flags,
    ) -> Ints:
        """Let the sides that `jumped` go on where they are, without judging their segments; follow the others."""
        for one in np.unique(side[jumped]).tolist():
            self._holes.pop(one, None)
        self.sides["top"][side[jumped]] = end[jumped]
        others = ~jumped
        if others.any():
            start[others] = self._follow(packets, numbered, rows[others], side[others], length[others])
        return start

    def _judge(
        self,
        side: Ints,
        start: Ints,
        end: Ints,
        before: Ints,
        length: Ints,
        time: Ints,
        frame: Ints,
        copied: Flags,
    ) -> None:
        """Count retransmissions; note holes and what fills them."""
        probe = (length <= 1) & (start == before - 1)  # keep-alive (RFC 9293 3.8.4)
        again = (start < before) & (length > 0) & ~probe & ~copied
        ahead = start > before
        if self._holes or ahead.any():
            odd = np.flatnonzero(again | ahead)
            again = again.copy()
            values = zip(
                odd.tolist(),
                *(column[odd].tolist() for column in (side, start, end, before, time, ahead)),
                strict=True,
            )
            for row, one, low, high, top, when, forward in values:
                if forward:
                    self._open_hole(one, (top, low, when))
                elif self._fill(one, low, high, when):
                    again[row] = False
        np.add.at(self.sides["retransmitted"], side[again], np.ones(int(again.sum()), np.int32))
        self.repeats.add(*(column[again] for column in (side, start, length, frame, time)))

    def _open_hole(self, side: int, hole: Hole) -> None:
        holes = self._holes.setdefault(side, [])
        if len(holes) < MAX_HOLES:
            holes.append(hole)

    def _fill(self, side: int, start: int, end: int, time: int) -> bool:
        """Take [start, end) out of the side's holes; True when that was only reordering."""
        holes = self._holes.get(side)
        if not holes:
            return False
        kept: list[Hole] = []
        quick = False
        for low, high, when in holes:
            if end <= low or start >= high:
                kept.append((low, high, when))
                continue
            quick = quick or abs(time - when) < REORDERED_NS
            kept += [(low, start, when)] if low < start else []
            kept += [(end, high, when)] if end < high else []
        if kept:
            self._holes[side] = kept[:MAX_HOLES]
        else:
            del self._holes[side]
        return quick

    def _acknowledge(self, packets: Packets, numbered: Numbered) -> None:
        rows = np.flatnonzero((packets.flags & (ACK | RST)) == ACK)
        other = numbered.side[packets.tcp[rows]] ^ 1
        state = self.sides
        known = state["base"][other] >= 0
        if not known.all():
            rows, other = rows[known], other[known]
        top = state["top"][other]
        offset = top + _signed(packets.ack[rows] - state["base"][other] - top)
        sound = np.abs(offset - top) < MAX_JUMP
        np.maximum.at(state["acked"], other[sound], offset[sound])


def _signed(difference: Ints) -> Ints:
    """The difference of two 32-bit numbers, nearest to zero."""
    return ((difference + _HALF) & 0xFFFFFFFF) - _HALF


def stable_order(side: Ints) -> Ints:
    """A stable order by these non-negative numbers; narrow keys sort in linear time."""
    low = int(side.min())
    if int(side.max()) - low < 65536:
        return np.argsort((side - low).astype(np.uint16), kind="stable")
    return np.argsort(side, kind="stable")
