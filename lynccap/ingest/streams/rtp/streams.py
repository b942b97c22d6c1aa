"""RTP streams measured on columns: numbers, timing, payload types, marks (RFC 3550 A.3, A.8); RTCP beside.

One packet proves nothing: a stream is RTP when several packets of one SSRC advance their sequence numbers, their
timestamps keep near each other, and their payload type is one that is in use.
"""

import numpy as np

from lynccap.ingest.flows.columns import Columns
from lynccap.ingest.flows.hashtable import HashTable
from lynccap.ingest.flows.sequences import stable_order
from lynccap.ingest.frames import Ints
from lynccap.ingest.schemas import Arrays, array_of
from lynccap.ingest.streams.rtp.numbers import Numbers
from lynccap.ingest.streams.rtp.packets import FIRST_DYNAMIC, NO_DSCP, RtpPackets, clock_rates
from lynccap.ingest.streams.rtp.pictures import Pictures
from lynccap.ingest.streams.rtp.runs import Runs
from lynccap.ingest.streams.rtp.tallies import Counted, Tally
from lynccap.ingest.streams.rtp.timing import Timing

MIN_PACKETS = 5  # four advances of a 16-bit number under one 32-bit SSRC do not happen by chance
MIN_ADVANCING = 0.75  # share of packets whose sequence number moves forward by a few: loss and reordering allowed
UNUSED_TYPES = range(35, FIRST_DYNAMIC)  # payload types nobody may use, or nobody does (RFC 3551 6, RFC 5761 4)
MAX_STREAMS_A_SIDE = 64  # SSRCs followed of one sender on one 5-tuple; random bytes must not fill the table

_STREAM = {
    "packets": ("i8", 0),
    "bytes": ("i8", 0),
    "first_time": ("i8", 0),
    "last_time": ("i8", 0),
    "first_frame": ("i8", 0),
    "last_frame": ("i8", 0),
    "markers": ("i8", 0),
    "contributor": ("i8", 0),
}


class RtpStreams:
    """Every stream of one capture, by side and SSRC."""

    def __init__(self) -> None:
        """No stream yet."""
        self._keys = HashTable()
        self._sides = Columns({"streams": ("i4", 0)})
        self._columns = Columns(_STREAM)
        self._numbers = Numbers()
        self._timing = Timing()
        self._pictures = Pictures()
        self._types, self._dscp = Tally(), Tally()

    def add(self, packets: RtpPackets) -> None:
        """Measure these packets; they come after all earlier ones. A number that comes again counts once."""
        if not len(packets):
            return
        streams = self._number(packets)
        known = streams >= 0
        if not known.all():
            packets, streams = packets.where(known), streams[known]
        if not len(streams):
            return
        order = stable_order(streams)
        packets, runs = packets.where(order), Runs(streams[order])
        following, once = self._numbers.add(packets, runs)
        if once is not None:
            if not once.any():
                return
            packets, following, runs = packets.where(once), following[once], Runs(runs.stream[once])
        self._count(packets, runs)
        self._timing.add(packets, following, runs)
        self._types.add(packets.payload_type, packets.frame, runs)
        self._dscp.add(packets.dscp, packets.frame, runs)
        self._pictures.add(packets, runs)

    def measured(self) -> Arrays:
        """The streams that are RTP: columns of MEDIA from `ssrc` on, without `carried` and `rtcp`, and their `side`."""
        chosen, types = self._recognised()
        side, ssrc = self._keys.keys()
        dscps = self._dscp.of(chosen, self._columns["packets"][chosen])
        main = np.array([one[0][0] for one in types], np.int64)
        rate = clock_rates()[main]
        basis = np.where(main < FIRST_DYNAMIC, "static", "default").astype(object)
        return {
            "side": side[chosen].astype(np.int64),
            "ssrc": ssrc[chosen].astype(np.int64),
            "payload_type": main,
            "payload_types": array_of(types, "object"),
            "type_frames": array_of(self._types.firsts(chosen), "object"),
            "picture_rates": array_of([self._pictures.of(one) for one in chosen.tolist()], "object"),
            "clock_rate": rate,
            "clock_basis": np.where(rate > 0, basis, ""),
            "dscp": np.array([one[0][0] if one else NO_DSCP for one in dscps], np.int64),
            "dscps": array_of(dscps, "object"),
            **{name: self._columns[name][chosen] for name in _STREAM},
            **self._numbers.measured(chosen),
            **self._timing.measured(chosen),
        }

    def _recognised(self) -> tuple[Ints, list[Counted]]:
        """The streams that are RTP, and their payload types."""
        packets, numbers = self._columns.column("packets"), self._numbers.columns
        least = (packets - 1) * MIN_ADVANCING
        advancing = (numbers.column("advancing") >= least) & (self._timing.columns.column("steady") >= least)
        chosen = np.flatnonzero((packets >= MIN_PACKETS) & advancing)
        types = self._types.of(chosen, packets[chosen])
        used = [place for place, one in enumerate(types) if one[0][0] not in UNUSED_TYPES]
        return chosen[used], [types[place] for place in used]

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
        for part in (self._columns, self._numbers.columns, self._timing.columns, self._types, self._dscp):
            part.grow(self._keys.size)
        added = self._keys.keys()[0][before:].astype(np.int64)
        np.add.at(counted, added, np.ones(len(added), np.int32))
        return streams

    def _count(self, packets: RtpPackets, runs: Runs) -> None:
        columns, here = self._columns, runs.here
        fresh = columns["packets"][here] == 0
        if fresh.any():
            for name, values in (("first_time", packets.time), ("first_frame", packets.frame)):
                columns[name][here[fresh]] = values[runs.first[fresh]]
        columns["packets"][here] += runs.sizes
        columns["bytes"][here] += np.add.reduceat(packets.length, runs.first)
        columns["markers"][here] += np.add.reduceat(packets.marker, runs.first)
        columns["last_time"][here] = packets.time[runs.last]
        columns["last_frame"][here] = packets.frame[runs.last]
        named = np.flatnonzero(packets.contributor)
        if named.size:
            columns["contributor"][runs.stream[named]] = packets.contributor[named]
