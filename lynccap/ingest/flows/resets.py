"""What went before a reset: how long its conversation had been silent, and how its sender counted packets."""

import numpy as np

from lynccap.ingest.decoding import Packets
from lynccap.ingest.frames import Ints

LOOK_BACK = (
    8  # packets of the conversation: the segment a reset answers, its repeats, and the last one before the pause
)
RST = 4


def before_resets(packets: Packets, flow: Ints, side: Ints, last_time: Ints) -> tuple[Ints, Ints]:
    """Of every TCP row the longest pause since its sender spoke before, and the IP identification it had then.

    The pause is in nanoseconds, 0 where there is none to tell; the identification -1. Both are for rows with RST
    only. Looked at are the packets of this window and the time before them: `last_time` tells when each side spoke
    last in the windows before.
    """
    pause, identification = np.zeros(len(packets.tcp), np.int64), np.full(len(packets.tcp), -1)
    places = np.flatnonzero((packets.flags & RST) != 0)
    if not places.size:
        return pause, identification
    rows = packets.tcp[places]
    of_reset = np.zeros(int(flow.max()) + 1, np.bool_)
    of_reset[flow[rows]] = True
    mine = np.flatnonzero(of_reset[flow])
    mine = mine[np.argsort(flow[mine], kind="stable")]
    begins = np.concatenate(([True], flow[mine][1:] != flow[mine][:-1]))
    first = np.maximum.accumulate(np.where(begins, np.arange(len(mine)), 0))
    gaps = _gaps(packets.time[mine], flow[mine], begins, last_time)
    at = np.full(len(packets), -1)
    at[mine] = np.arange(len(mine))
    here = at[rows]
    numbers = packets.network.ip_id[mine]
    resets = np.zeros(len(packets), np.bool_)
    resets[rows] = True
    silent = np.ones(len(rows), np.bool_)
    for back in range(LOOK_BACK):
        known = here - back >= first[here]
        earlier = np.maximum(here - back, 0)
        own = silent & known & (side[mine[earlier]] == side[rows]) & ~resets[mine[earlier]]
        identification[places[own]] = numbers[earlier[own]]
        silent &= known & ~own
        pause[places] = np.maximum(pause[places], np.where(silent, gaps[earlier], 0))
    return pause, identification


def _gaps(time: Ints, flow: Ints, begins: Ints, last_time: Ints) -> Ints:
    """Nanoseconds from the packet before, of the same conversation, to each packet."""
    gaps = np.diff(time, prepend=time[:1])
    earliest = flow[begins] * 2
    before = np.maximum(last_time[earliest], last_time[earliest + 1])
    gaps[begins] = np.where(before > 0, time[begins] - before, 0)
    return np.maximum(gaps, 0)
