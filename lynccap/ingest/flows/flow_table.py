"""From packets to flows: exact 5-tuples, numbered once, and what each side sent, added up window by window.

A side is 2 * flow + 0 for the endpoint with the lower address and port, + 1 for the other; which of them is the
client is decided at the end. A SYN with another initial sequence number starts a new flow on the same 5-tuple,
as Wireshark's tcp.stream does.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lynccap.ingest.decoding import Packets
from lynccap.ingest.flows.columns import Columns
from lynccap.ingest.flows.hashtable import HashTable
from lynccap.ingest.flows.resets import before_resets
from lynccap.ingest.frames import Flags, Frames, Ints

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
NEVER = np.int64(np.iinfo(np.int64).max)  # typed, so that narrow columns are widened beside it
MAX_CONTROL_ROWS = 1_000_000  # rows of the table of SYN, FIN, RST and closed windows: a flood must not fill the memory

_TUPLE = {"flow": ("i8", -1)}
_TUPLE_SIDE = {"base": ("i8", -1)}  # the sequence number before the first byte, -1 while unknown
_FLOW = {"tuple": ("i8", 0), "vlan": ("i4", -1), "interface": ("i4", -1)}
# Narrow where the values allow it: a flood of a million flows must fit. ufunc.at is fast only on equal types.
_SIDE = {
    "frames": ("i4", 0),
    "bytes": ("i8", 0),
    "data_frames": ("i4", 0),
    "first_frame": ("i4", 0),
    "last_frame": ("i4", 0),
    "first_time": ("i8", int(NEVER)),
    "last_time": ("i8", 0),
    "ttl_min": ("i2", 256),
    "ttl_max": ("i2", 0),
    "mac": ("i8", -1),
    "copies": ("i4", 0),
}
_TCP_SIDE = {
    "syns": ("i4", 0),
    "syn_frame": ("i4", 0),
    "syn_time": ("i8", 0),
    "syn_ack_time": ("i8", 0),
    "syn_ack_frame": ("i4", 0),
    "fin_frame": ("i4", 0),
    "rst_frame": ("i4", 0),
    "ack_frame": ("i4", 0),
}


@dataclass(slots=True)
class Numbered:
    """Each packet's flow and side, and its frame number and time."""

    flow: Ints
    side: Ints
    frame: Ints
    time: Ints


@dataclass(frozen=True, slots=True)
class _Reused:
    """The 5-tuples whose ports were reused in one window, and from which frame on they meant which flow."""

    since: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    """Tuple, and in the lower half the frame; in order. Frame 0 stands for the flow from before."""
    flow: Ints = field(default_factory=lambda: np.zeros(0, np.int64))

    @classmethod
    def of(cls, tuples: Ints, frame: Ints, before: Ints, flow: Ints) -> "_Reused":
        """What each tuple meant before a frame, and from it on."""
        since, first = np.unique(np.concatenate((tuples << 32, tuples << 32 | frame)), return_index=True)
        return cls(since, np.concatenate((before, flow))[first])

    def at(self, tuples: Ints, frame: Ints, otherwise: Ints) -> Ints:
        """The flow that each tuple meant at a frame, `otherwise` where its ports were not reused."""
        if not self.since.size:
            return otherwise
        place = np.searchsorted(self.since, tuples << 32 | frame, "right") - 1
        known = (place >= 0) & (self.since[place] >> 32 == tuples)
        return np.where(known, self.flow[place], otherwise)


class FlowTable:
    """Every flow of one capture."""

    def __init__(self) -> None:
        """No flow yet."""
        self.addresses = HashTable()
        self.tuples = HashTable()
        self.tuple_columns = Columns(_TUPLE)
        self.tuple_sides = Columns(_TUPLE_SIDE)
        self.flows = Columns(_FLOW)
        self.sides = Columns({**_SIDE, **_TCP_SIDE})
        self.control: list[NDArray[np.int64]] = []
        self.control_rows = 0
        self._reused_in = _Reused()

    def intern(self, high: NDArray[np.uint64], low: NDArray[np.uint64]) -> Ints:
        """Codes of IPv6 addresses."""
        return self.addresses.number(high, low)

    def add(self, packets: Packets) -> Numbered:
        """Number the packets' flows and add the packets up."""
        self._reused_in = _Reused()
        tuples, upper = self._tuples(packets)
        flow = self._flows(packets, tuples, upper)
        numbered = Numbered(flow, flow * 2 + upper, packets.frame, packets.time)
        self.sides.grow(self.flows.rows * 2)
        before = before_resets(packets, flow, numbered.side, self.sides["last_time"])
        self._add_up(packets, numbered)
        self._add_tcp(packets, numbered, before)
        return numbered

    def note_interfaces(self, frames: Frames, since: int) -> None:
        """Note where the flows opened `since` that many flows first appear; `frames` is the window they opened in."""
        opened = np.arange(since, self.flows.rows)
        first = self.sides["first_frame"]
        sides = np.stack((first[opened * 2], first[opened * 2 + 1])).astype(np.int64)
        at = np.where(sides > 0, sides, NEVER).min(axis=0) - frames.number
        here = (at >= 0) & (at < len(frames))
        self.flows["interface"][opened[here]] = frames.interface[at[here]]

    def count_copies(self, copies: Packets) -> None:
        """Count packets that were there before, by the flow their 5-tuple had at the time and their side."""
        first, second, upper = _keys_of(copies)
        flow = self.find((first, second), copies.frame)
        known = flow >= 0
        if not known.all():
            copies, flow, upper = copies.where(known), flow[known], upper[known]
        side = flow * 2 + upper
        np.add.at(self.sides["copies"], side, 1)
        self._add_ttls(copies, side)  # behind a router they are the host's too
        # Of resets all are kept: one that is on one side of a router only may be the router's own.
        resets = np.flatnonzero((copies.flags & RST) != 0)
        if resets.size:
            untold = np.zeros(len(copies.tcp), np.int64)
            self._keep_control(copies, Numbered(flow, side, copies.frame, copies.time), resets, (untold, untold - 1))

    def find(self, packets_keys: tuple[NDArray[np.uint64], NDArray[np.uint64]], frame: Ints) -> Ints:
        """The flow of each 5-tuple at a frame of the window last added, -1 where there is none."""
        tuples = self.tuples.find(*packets_keys)
        current = np.where(tuples >= 0, self.tuple_columns["flow"][tuples], -1)
        return self._reused_in.at(tuples, frame, current)

    def _tuples(self, packets: Packets) -> tuple[Ints, Ints]:
        first, second, upper = _keys_of(packets)
        numbers = self.tuples.number(first, second)
        self.tuple_columns.grow(self.tuples.size)
        self.tuple_sides.grow(self.tuples.size * 2)
        return numbers, upper

    def _flows(self, packets: Packets, tuples: Ints, upper: Ints) -> Ints:
        """The flow of each packet; new 5-tuples and reused ports get new flows."""
        current = self.tuple_columns["flow"]
        new = np.flatnonzero(current[tuples] < 0)
        if new.size:
            fresh = tuples[new]
            current[fresh[::-1]] = -2 - new[::-1]  # the row that came first claims the tuple
            first = new[current[fresh] == -2 - new]
            self._open(tuples[first], packets.network.vlan[first])
        reused = self._reused(packets, tuples, upper)
        if not reused.size:
            return current[tuples].astype(np.int64)
        return self._split(packets, tuples, reused)

    def _open(self, tuples: Ints, vlan: Ints) -> Ints:
        numbers = np.arange(self.flows.rows, self.flows.rows + len(tuples))
        self.flows.grow(self.flows.rows + len(tuples))
        self.flows["tuple"][numbers] = tuples
        self.flows["vlan"][numbers] = vlan
        self.tuple_columns["flow"][tuples] = numbers
        return numbers

    def _reused(self, packets: Packets, tuples: Ints, upper: Ints) -> Ints:
        """Rows whose SYN carries another initial sequence number than its side of the 5-tuple had."""
        rows = packets.tcp
        if not rows.size:
            return rows
        syn = (packets.flags & SYN) != 0
        initial = (packets.seq - ~syn) & 0xFFFFFFFF
        side = tuples[rows] * 2 + upper[rows]
        bases = self.tuple_sides["base"]
        unknown = np.flatnonzero(bases[side] < 0)[::-1]
        bases[side[unknown]] = initial[unknown]
        opening = np.flatnonzero(syn & ((packets.flags & (ACK | RST)) == 0))
        if not opening.size:
            return opening
        order = opening[np.argsort(side[opening], kind="stable")]
        sides, values = side[order], initial[order]
        before = np.concatenate(([-1], values[:-1]))
        starts = np.concatenate(([True], sides[1:] != sides[:-1]))
        before = np.where(starts, bases[sides], before)
        bases[sides] = values
        return np.sort(rows[order[values != before]])

    def _split(self, packets: Packets, tuples: Ints, reused: Ints) -> Ints:
        """Open a flow at each reused row; later packets of the 5-tuple belong to it."""
        current = self.tuple_columns["flow"]
        flow = current[tuples].astype(np.int64)
        before = flow[reused]
        numbers = self._open(tuples[reused], packets.network.vlan[reused])
        self._reused_in = _Reused.of(tuples[reused], packets.frame[reused], before, numbers)
        touched = np.zeros(self.tuples.size, np.bool_)
        touched[tuples[reused]] = True
        rows = np.flatnonzero(touched[tuples])
        rows = rows[np.argsort(tuples[rows], kind="stable")]
        opened = np.zeros(len(flow), np.int64)
        opened[reused] = numbers + 1
        own = opened[rows]
        starts = np.concatenate(([True], tuples[rows][1:] != tuples[rows][:-1]))
        places = np.arange(len(rows))
        marker = np.maximum.accumulate(np.where(starts | (own > 0), places, 0))
        carried = own[marker]
        flow[rows] = np.where(carried > 0, carried - 1, flow[rows])
        return flow

    def _add_up(self, packets: Packets, numbered: Numbered) -> None:
        sides, side = self.sides, numbered.side
        one = np.ones(len(side), np.int32)
        first, frame = sides["first_frame"], numbered.frame.astype(np.int32)
        new = _earlier(first, side, frame)
        if new.size:
            backwards = new[::-1]
            first[side[backwards]] = frame[backwards]
            new = new[first[side[new]] == frame[new]]
            sides["mac"][side[new]] = packets.hardware_addresses(new)
        np.add.at(sides["frames"], side, one)
        np.add.at(sides["bytes"], side, packets.length)
        with_data = packets.length > 0
        np.add.at(sides["data_frames"], side, with_data.astype(np.int32))
        last = sides["last_frame"]
        last[side] = np.maximum(last[side], frame)
        np.minimum.at(sides["first_time"], side, numbered.time)
        np.maximum.at(sides["last_time"], side, numbered.time)
        self._add_ttls(packets, side)

    def _add_ttls(self, packets: Packets, side: Ints) -> None:
        """Note the sides' TTLs; a reset's may be a box's in between."""
        ttl = packets.network.ttl.astype(np.int16)
        reset = packets.tcp[(packets.flags & RST) != 0]
        if reset.size:
            kept = np.ones(len(side), np.bool_)
            kept[reset] = False
            side, ttl = side[kept], ttl[kept]
        np.minimum.at(self.sides["ttl_min"], side, ttl)
        np.maximum.at(self.sides["ttl_max"], side, ttl)

    def _add_tcp(self, packets: Packets, numbered: Numbered, before: tuple[Ints, Ints]) -> None:
        tcp, flags, sides = packets.tcp, packets.flags, self.sides
        if not tcp.size:
            return
        side = numbered.side[tcp]
        plain = tcp[(flags & (SYN | RST | ACK)) == ACK]
        self._first("ack", numbered, plain, False)
        ends = (flags & (SYN | FIN | RST)) != 0
        kept = np.flatnonzero(ends | (packets.tcp_window == 0))
        if not kept.size:
            return
        self._keep_control(packets, numbered, kept, before)
        control = kept[ends[kept]]
        kinds = flags[control]
        opening = (kinds & (SYN | ACK | RST)) == SYN
        np.add.at(sides["syns"], side[control[opening]], np.ones(int(opening.sum()), np.int32))
        self._first("syn", numbered, tcp[control[opening]], True)
        self._first("syn_ack", numbered, tcp[control[(kinds & (SYN | ACK | RST)) == SYN | ACK]], True)
        self._first("fin", numbered, tcp[control[(kinds & (FIN | RST)) == FIN]], False)
        self._first("rst", numbered, tcp[control[(kinds & RST) != 0]], False)

    def _first(self, name: str, numbered: Numbered, rows: Ints, timed: bool) -> None:
        frames = self.sides[f"{name}_frame"]
        rows = rows[_earlier(frames, numbered.side[rows], numbered.frame[rows])][::-1]
        frames[numbered.side[rows]] = numbered.frame[rows]
        if timed:
            self.sides[f"{name}_time"][numbered.side[rows]] = numbered.time[rows]

    def _keep_control(self, packets: Packets, numbered: Numbered, control: Ints, before: tuple[Ints, Ints]) -> None:
        room = MAX_CONTROL_ROWS - self.control_rows
        self.control_rows += len(control)
        control = control[: max(room, 0)]
        rows = packets.tcp[control]
        network = packets.network
        self.control.append(
            np.stack(
                [
                    numbered.side[rows],
                    numbered.frame[rows],
                    numbered.time[rows],
                    packets.flags[control] & (FIN | SYN | RST | PSH | ACK),
                    packets.seq[control],
                    packets.ack[control],
                    network.ttl[rows],
                    network.ip_id[rows],
                    packets.tcp_window[control],
                    packets.options[control],
                    before[0][control],
                    before[1][control],
                ]
            )
        )


def _keys_of(packets: Packets) -> tuple[NDArray[np.uint64], NDArray[np.uint64], Ints]:
    network = packets.network
    return tuple_keys(
        network.version,
        network.protocol,
        network.source,
        network.destination,
        packets.source_port,
        packets.destination_port,
    )


def _earlier(first: NDArray[Any], side: Ints, frame: NDArray[Any]) -> Ints:
    """The places whose frame is the first of its side, as far as `first` tells: it is 0 where there is none yet."""
    known = first[side]
    # A packet of an earlier window may still come: its datagram was waited for.
    return np.flatnonzero((known == 0) | (known > frame))


def tuple_keys(
    version: Ints, protocol: Ints, source: Ints, destination: Ints, source_port: Ints, destination_port: Ints
) -> tuple[NDArray[np.uint64], NDArray[np.uint64], Ints]:
    """Both keys of each 5-tuple, equal for both directions, and 1 where the source is the upper endpoint."""
    sender = (source << 16) | source_port
    receiver = (destination << 16) | destination_port
    swapped: Flags = sender > receiver
    lower, upper = np.where(swapped, receiver, sender), np.where(swapped, sender, receiver)
    first = ((lower >> 16) << 32 | upper >> 16).astype(np.uint64)
    ports = (lower & 0xFFFF) << 16 | upper & 0xFFFF
    second = (ports << 16 | protocol << 8 | version).astype(np.uint64)
    return first, second, swapped.astype(np.int64)


def endpoints(first: NDArray[np.uint64], second: NDArray[np.uint64]) -> dict[str, Ints]:
    """What `tuple_keys` packed: version, protocol, address codes and ports of both endpoints."""
    ports = (second >> np.uint64(16)).astype(np.int64)
    return {
        "version": (second & np.uint64(0xFF)).astype(np.int64),
        "protocol": ((second >> np.uint64(8)) & np.uint64(0xFF)).astype(np.int64),
        "lower": (first >> np.uint64(32)).astype(np.int64),
        "upper": (first & np.uint64(0xFFFFFFFF)).astype(np.int64),
        "lower_port": ports >> 16,
        "upper_port": ports & 0xFFFF,
    }
