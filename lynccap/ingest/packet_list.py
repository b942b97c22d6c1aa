"""Reads a recording once more and lists the single packets of some of its flows, to compare two recordings by."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lynccap.ingest.decoding import Packets
from lynccap.ingest.flows.flow_table import SYN
from lynccap.ingest.frames import Flags, Frames, Ints
from lynccap.ingest.schemas import Arrays
from lynccap.ingest.second_reading import Reread, SecondReading
from lynccap.tables import PACKETS

MAX_PACKETS = 200_000  # of one recording: the audio of an hour's call, or 10 000 sign-ins, in some 20 MB
DIGEST_WORDS = 6  # 8 bytes each: headers of RTP, STUN and TLS with their counters; captures cut at 96 bytes keep them
MSS, NO_OPERATION, END = 2, 1, 0  # TCP option kinds (RFC 9293 3.2)
MAX_OPTIONS = 10  # a SYN has 40 bytes for them, and common stacks send five
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_DOWN = np.uint64(29)
_POSITIVE = np.uint64((1 << 63) - 1)


@dataclass(frozen=True)
class PacketList:
    """The packets of some flows of one recording."""

    table: pd.DataFrame
    """PACKETS, in the order of their frames."""
    until: int = 0
    """Time of the last packet kept when there were more than MAX_PACKETS, 0 when the list is complete."""


def packets_of(windows: Iterator[Frames], flows: pd.DataFrame, wanted: Iterable[int]) -> PacketList:
    """The packets of the `wanted` rows of `flows`; `windows` are the frames those rows were made of."""
    listing = _Listing(flows, sorted(set(wanted)))
    for frames in windows:
        if listing.is_over(frames.number):
            break
        listing.add(frames)
    return listing.finish()


class _Listing:
    """What is kept of the packets of the wanted flows."""

    def __init__(self, flows: pd.DataFrame, wanted: list[int]) -> None:
        rows = flows.loc[wanted]
        first = (rows[f"first_frame_{side}"].to_numpy(np.int64) for side in ("client", "server"))
        self._reading = SecondReading(rows.index.to_numpy(np.int64), *first)
        self._last_frame = int(rows["last_frame"].max()) if len(rows) else 0
        self._parts: list[Arrays] = []
        self._count = 0

    def is_over(self, number: int) -> bool:
        """Whether nothing wanted comes from this frame on, or no more is kept."""
        return number > self._last_frame or self._count > MAX_PACKETS

    def add(self, frames: Frames) -> None:
        self._take(self._reading.read(frames))

    def finish(self) -> PacketList:
        self._take(self._reading.finish())
        columns = {
            name: np.concatenate([part[name] for part in self._parts]) if self._parts else np.zeros(0)
            for name in PACKETS
        }
        table = pd.DataFrame(columns).astype(dict(PACKETS)).sort_values("frame", kind="stable", ignore_index=True)
        if len(table) <= MAX_PACKETS:
            return PacketList(table)
        table = table[:MAX_PACKETS]
        return PacketList(table, int(table["time"].iloc[-1]))

    def _take(self, found: Iterator[Reread]) -> None:
        for one in found:
            keep = one.side >= 0
            if keep.any():
                self._parts.append(_columns(one.packets.where(keep), one.side[keep]))
                self._count += int(keep.sum())


def _columns(packets: Packets, side: Ints) -> Arrays:
    network, count = packets.network, len(packets)
    seq, flags, mss = np.full(count, -1, np.int64), np.zeros(count, np.int64), np.full(count, -1, np.int64)
    seq[packets.tcp], flags[packets.tcp] = packets.seq, packets.flags
    mss[packets.tcp] = _segment_sizes(packets)
    return {
        "flow": side >> 1,
        "frame": packets.frame,
        "time": packets.time,
        "from_client": side & 1 == 0,
        "ttl": network.ttl,
        "dscp": network.tos.astype(np.int64) >> 2,
        "ip_id": network.ip_id,
        "seq": seq,
        "flags": flags,
        "length": packets.length,
        "digest": _digests(packets),
        "mss": mss,
    }


def _digests(packets: Packets) -> Ints:
    """63 bits of the length and the first bytes of each payload, -1 where the capture cut those short."""
    room = packets.available
    mixed = packets.length.astype(np.uint64) * _FACTOR
    for place in range(DIGEST_WORDS):
        word = packets.buffer.gather(">u8", packets.payload + 8 * place).astype(np.uint64)
        missing = np.clip(8 - (room - 8 * place), 0, 8).astype(np.uint64)
        # A shift by the whole width is undefined: by 63 and one more.
        word = np.where(missing == 8, 0, word >> np.minimum(missing * np.uint64(8), np.uint64(63)))
        mixed = (mixed ^ word) * _FACTOR
        mixed ^= mixed >> _DOWN
    cut: Flags = room < np.minimum(packets.length, 8 * DIGEST_WORDS)
    return np.where(cut, -1, (mixed & _POSITIVE).astype(np.int64))


def _segment_sizes(packets: Packets) -> Ints:
    """The maximum segment size option of every TCP row, -1 without one."""
    found = np.full(len(packets.tcp), -1, np.int64)
    rows = np.flatnonzero(((packets.flags & SYN) != 0) & (packets.options >= 4))
    at = packets.network.position[packets.tcp[rows]] + 20
    end = np.minimum(at + packets.options[rows], packets.network.end[packets.tcp[rows]])
    for _ in range(MAX_OPTIONS):
        inside = at + 4 <= end
        rows, at, end = rows[inside], at[inside], end[inside]
        if not rows.size:
            break
        kind, size = packets.buffer.octets[at], packets.buffer.octets[at + 1].astype(np.int64)
        is_mss = (kind == MSS) & (size == 4)
        found[rows[is_mss]] = packets.buffer.uint(">u2", at[is_mss] + 2)
        at = np.where(kind == NO_OPERATION, at + 1, np.where((kind == END) | (size < 2), end, at + size))
    return found
