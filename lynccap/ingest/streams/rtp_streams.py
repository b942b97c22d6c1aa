"""RTP streams measured on columns: sequence gaps, jitter, payload type (RFC 3550 A.3, A.8); RTCP beside.

One packet proves nothing: a stream is RTP when several packets of one SSRC advance their sequence numbers.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lynccap.ingest.flows.columns import Columns
from lynccap.ingest.flows.hashtable import HashTable
from lynccap.ingest.flows.sequences import stable_order
from lynccap.ingest.frames import Buffer, Flags, Ints

MIN_PACKETS = 5  # four advances of a 16-bit number under one 32-bit SSRC do not happen by chance
MIN_ADVANCING = 0.75  # share of packets whose sequence number moves forward by a few: loss and reordering allowed
SMALL_STEP = 100  # a larger step forward does not count as advancing
RESTART_STEP = 3000  # MAX_DROPOUT of RFC 3550 A.1: a larger step is a restart, not loss
RESTART_US = 1_000_000  # a timing difference above one second is a clock restart, not jitter
MAX_STREAMS_A_SIDE = 64  # SSRCs followed of one sender on one 5-tuple; random bytes must not fill the table
HEADER_BYTES = 12
MTURN_BYTES = 12  # the multiplexed TURN header in front of RTP ([MS-TURN] 2.2.3)
DECAY = 15 / 16  # the gain of the RFC 3550 jitter estimator is 1/16

# Clock rates of static (RFC 3551) and Lync's usual dynamic payload types ([MS-RTP], [MS-SDPEXT] 3.1.5.3).
CLOCKS = np.zeros(128, np.int64)
CLOCKS[[0, 3, 4, 8, 9, 13, 97, 101, 103, 115, 116, 117]] = 8_000
CLOCKS[[104, 111, 112, 114, 118]] = 16_000
CLOCKS[[34, 121, 122, 123, 127]] = 90_000

_HEADER = np.dtype(
    {
        "names": ["first", "second", "sequence", "timestamp", "ssrc"],
        "formats": ["u1", "u1", ">u2", ">u4", ">u4"],
        "offsets": [0, 1, 2, 4, 8],
        "itemsize": 12,
    }
)

_STREAM = {
    "packets": ("i8", 0),
    "bytes": ("i8", 0),
    "first_time": ("i8", 0),
    "last_time": ("i8", 0),
    "first_frame": ("i8", 0),
    "last_frame": ("i8", 0),
    "advancing": ("i8", 0),
    "extended": ("i8", 0),
    "lowest": ("i8", 0),
    "highest": ("i8", 0),
    "sequence": ("i8", 0),
    "timestamp": ("i8", 0),
    "type": ("i8", -1),
    "votes": ("i8", 0),
    "jitter": ("f8", 0),
    "jitter_sum": ("f8", 0),
    "jitter_count": ("i8", 0),
}


@dataclass(slots=True)
class RtpPackets:
    """RTP packets as columns, in capture order."""

    side: Ints
    frame: Ints
    time: Ints
    payload_type: Ints
    sequence: Ints
    timestamp: Ints
    ssrc: Ints
    length: Ints
    """Payload bytes behind the fixed header."""

    def where(self, rows: NDArray[np.int64] | Flags) -> "RtpPackets":
        """The packets `rows` selects."""
        return RtpPackets(
            self.side[rows],
            self.frame[rows],
            self.time[rows],
            self.payload_type[rows],
            self.sequence[rows],
            self.timestamp[rows],
            self.ssrc[rows],
            self.length[rows],
        )

    def __len__(self) -> int:
        """Packets."""
        return len(self.side)


def read_headers(buffer: Buffer, position: Ints, available: Ints) -> tuple[Flags, Flags, NDArray[np.void]]:
    """Which datagrams have the shape of RTP, which of RTCP, and every fixed header."""
    header = buffer.gather("V12", position).view(_HEADER)
    version2 = (header["first"] >> 6 == 2) & (available >= 8)
    second = header["second"]
    control = version2 & (second >= 192) & (second <= 223)
    # The length of the first RTCP packet stands where RTP has its sequence number; it must fit the datagram.
    fits = (header["sequence"].astype(np.int64) + 1) * 4 <= available
    return version2 & ~control & (available >= HEADER_BYTES), control & fits, header


def packets_of(header: NDArray[np.void], side: Ints, frame: Ints, time: Ints, length: Ints) -> RtpPackets:
    """The columns of these headers; `length` counts the datagram's bytes from the header on."""
    return RtpPackets(
        side=side,
        frame=frame,
        time=time,
        payload_type=(header["second"] & 0x7F).astype(np.int64),
        sequence=header["sequence"].astype(np.int64),
        timestamp=header["timestamp"].astype(np.int64),
        ssrc=header["ssrc"].astype(np.int64),
        length=np.maximum(length - HEADER_BYTES, 0),
    )


class RtpStreams:
    """Every stream of one capture, by side and SSRC."""

    def __init__(self) -> None:
        """No stream yet."""
        self._keys = HashTable()
        self.columns = Columns(_STREAM)
        self._sides = Columns({"streams": ("i4", 0)})

    def add(self, packets: RtpPackets) -> None:
        """Measure these packets; they come after all earlier ones. Copies of one packet count once."""
        if not len(packets):
            return
        streams = self._number(packets)
        known = streams >= 0
        if not known.all():
            packets, streams = packets.where(known), streams[known]
        if not len(streams):
            return
        order = stable_order(streams)
        packets, streams = packets.where(order), streams[order]
        once = ~self._copies(packets, streams)
        if once.any():
            self._measure(packets.where(once), streams[once])

    def recognised(self) -> Ints:
        """The streams that are RTP."""
        packets, advancing = self.columns.column("packets"), self.columns.column("advancing")
        return np.flatnonzero((packets >= MIN_PACKETS) & (advancing >= (packets - 1) * MIN_ADVANCING))

    def sides_and_ssrcs(self) -> tuple[Ints, Ints]:
        """The side and the SSRC of every stream."""
        side, ssrc = self._keys.keys()
        return side.astype(np.int64), ssrc.astype(np.int64)

    def _number(self, packets: RtpPackets) -> Ints:
        side, ssrc = packets.side.astype(np.uint64), packets.ssrc.astype(np.uint64)
        self._sides.grow(int(packets.side.max()) + 1)
        counted = self._sides["streams"]
        crowded = counted[packets.side] >= MAX_STREAMS_A_SIDE
        before = self._keys.size
        if crowded.any():
            streams = np.full(len(packets), -1, np.int64)
            streams[crowded] = self._keys.find(side[crowded], ssrc[crowded])
            streams[~crowded] = self._keys.number(side[~crowded], ssrc[~crowded])
        else:
            streams = self._keys.number(side, ssrc)
        self.columns.grow(self._keys.size)
        added = self._keys.keys()[0][before:].astype(np.int64)
        np.add.at(counted, added, np.ones(len(added), np.int32))
        return streams

    def _copies(self, packets: RtpPackets, stream: Ints) -> Flags:
        """Packets that repeat the one before them in their stream, as a mirror of two ports records them."""
        columns = self.columns
        starts = np.concatenate(([True], stream[1:] != stream[:-1]))
        begun = columns["packets"][stream] > 0
        copies = np.ones(len(stream), np.bool_)
        for values, held in ((packets.sequence, "sequence"), (packets.timestamp, "timestamp")):
            earlier = np.where(starts, columns[held][stream], np.concatenate(([0], values[:-1])))
            copies &= values == earlier
        return copies & (~starts | begun)

    def _measure(self, packets: RtpPackets, stream: Ints) -> None:
        columns = self.columns
        starts = np.concatenate(([True], stream[1:] != stream[:-1]))
        first = np.flatnonzero(starts)
        last = np.concatenate((first[1:], [len(stream)])) - 1
        here = stream[first]
        fresh = starts & (columns["packets"][stream] == 0)
        for name, values in (("first_time", packets.time), ("first_frame", packets.frame)):
            columns[name][stream[fresh]] = values[fresh]
        sized = np.diff(np.append(first, len(stream)))
        self._sequence(packets, stream, starts, fresh, first, last)
        self._jitter(packets, stream, starts, fresh, first, last)
        self._vote(packets.payload_type, stream, first)
        columns["packets"][here] += sized
        columns["bytes"][here] += np.add.reduceat(packets.length, first)
        columns["last_time"][here] = packets.time[last]
        columns["last_frame"][here] = packets.frame[last]
        columns["timestamp"][here] = packets.timestamp[last]

    def _sequence(
        self, packets: RtpPackets, stream: Ints, starts: Flags, fresh: Flags, first: Ints, last: Ints
    ) -> None:
        """Extend the 16-bit numbers and note the range they span."""
        columns, here = self.columns, stream[first]
        sequence = packets.sequence
        earlier = np.where(starts, columns["sequence"][stream], np.concatenate(([0], sequence[:-1])))
        step = ((sequence - earlier + 0x8000) & 0xFFFF) - 0x8000
        step[fresh] = 0
        advancing = (step > 0) & (step <= SMALL_STEP)
        step[np.abs(step) > RESTART_STEP] = 1  # a restart moves the numbers without losing packets
        columns["advancing"][here] += np.add.reduceat(advancing.astype(np.int64), first)
        origin = np.where(columns["packets"][here] == 0, sequence[first], columns["extended"][here])
        total = np.cumsum(step)
        base = origin - (total[first] - step[first])
        extended = total + np.repeat(base, np.diff(np.append(first, len(stream))))
        low, high = np.minimum.reduceat(extended, first), np.maximum.reduceat(extended, first)
        begun = columns["packets"][here] > 0
        columns["lowest"][here] = np.where(begun, np.minimum(columns["lowest"][here], low), low)
        columns["highest"][here] = np.where(begun, np.maximum(columns["highest"][here], high), high)
        columns["extended"][here] = extended[last]
        columns["sequence"][here] = sequence[last]

    def _jitter(self, packets: RtpPackets, stream: Ints, starts: Flags, fresh: Flags, first: Ints, last: Ints) -> None:
        """Run the estimator J += (|D| - J) / 16 over whole streams at once, and sum it for the mean."""
        columns, here = self.columns, stream[first]
        clock = CLOCKS[packets.payload_type]
        arrived = np.where(starts, columns["last_time"][stream], np.concatenate(([0], packets.time[:-1])))
        sampled = np.where(starts, columns["timestamp"][stream], np.concatenate(([0], packets.timestamp[:-1])))
        kind = packets.payload_type
        same = starts | (kind == np.concatenate(([-1], kind[:-1])))
        ticks = ((packets.timestamp - sampled + 0x80000000) & 0xFFFFFFFF) - 0x80000000
        deviation = np.abs((packets.time - arrived) / 1000 - ticks * 1_000_000 / np.maximum(clock, 1))
        counted = ~fresh & same & (clock > 0) & (deviation < RESTART_US)
        if not counted.all():
            stream, deviation = stream[counted], deviation[counted]
            if not len(stream):
                return
            first = np.flatnonzero(np.concatenate(([True], stream[1:] != stream[:-1])))
            last = np.concatenate((first[1:], [len(stream)])) - 1
            here = stream[first]
        sizes = last - first + 1
        left = np.repeat(last, sizes) - np.arange(len(stream))  # packets after this one
        weight = DECAY**left
        held = columns["jitter"][here]
        faded = DECAY**sizes
        columns["jitter"][here] = held * faded + np.add.reduceat(deviation / 16 * weight, first)
        columns["jitter_sum"][here] += np.add.reduceat(deviation * (1 - weight * DECAY), first) + held * 15 * (
            1 - faded
        )
        columns["jitter_count"][here] += sizes

    def _vote(self, kind: Ints, stream: Ints, first: Ints) -> None:
        """Majority vote (Boyer-Moore, a window a round): the type of more than half of the packets wins."""
        columns, here = self.columns, stream[first]
        columns["type"][here] = np.where(columns["type"][here] < 0, kind[first], columns["type"][here])
        agrees = kind == columns["type"][stream]
        tally = np.add.reduceat(np.where(agrees, 1, -1), first)
        columns["votes"][here] += tally
        beaten = columns["votes"][here] < 0
        if beaten.any():
            other = np.full(len(columns["type"]), -1, np.int64)
            other[stream[~agrees]] = kind[~agrees]
            columns["type"][here[beaten]] = other[here[beaten]]
            columns["votes"][here[beaten]] *= -1
