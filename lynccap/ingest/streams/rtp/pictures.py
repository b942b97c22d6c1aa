"""How many pictures a second came of every video stream: packets with the marker bit end one (RFC 6184 5.1)."""

from collections import Counter
from functools import cache

import numpy as np

from lynccap import reference
from lynccap.ingest.frames import Flags
from lynccap.ingest.streams.rtp.packets import RtpPackets
from lynccap.ingest.streams.rtp.runs import Runs
from lynccap.tables import SECOND

MAX_SECONDS = 3600  # kept of one stream
_SECONDS = 1 << 34  # more than the seconds since 1970 will be for centuries
Rates = tuple[tuple[int, int, int], ...]
"""Pictures in a second, seconds with so many, payload bytes in those seconds together."""


class Pictures:
    """The pictures of every video stream, second by second."""

    def __init__(self) -> None:
        """None yet."""
        self._of: dict[int, dict[int, list[int]]] = {}

    def add(self, packets: RtpPackets, runs: Runs) -> None:
        """Count those that end in these packets."""
        rows = np.flatnonzero(video_types()[packets.payload_type])
        if not rows.size:
            return
        keys, place = np.unique(runs.stream[rows] * _SECONDS + packets.time[rows] // SECOND, return_inverse=True)
        ended, size = np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64)
        np.add.at(ended, place, packets.marker[rows])
        np.add.at(size, place, packets.length[rows])
        for key, pictures, sent in zip(keys.tolist(), ended.tolist(), size.tolist(), strict=True):
            seconds = self._of.setdefault(key // _SECONDS, {})
            if key % _SECONDS in seconds or len(seconds) < MAX_SECONDS:
                second = seconds.setdefault(key % _SECONDS, [0, 0])
                second[0] += pictures
                second[1] += sent

    def of(self, stream: int) -> Rates:
        """Those of one stream, the lowest rate first; its first and last second count as cut off."""
        seconds = self._of.get(stream, {})
        whole = [seconds[one] for one in sorted(seconds)[1:-1]]
        times, size = Counter(one[0] for one in whole), Counter[int]()
        for pictures, sent in whole:
            size[pictures] += sent
        return tuple((pictures, times[pictures], size[pictures]) for pictures in sorted(times))


@cache
def video_types() -> Flags:
    """Payload types of video, as Lync numbers them."""
    types = np.zeros(128, np.bool_)
    types[[one.payload_type for one in reference.codecs().values() if one.media == "video"]] = True
    return types
