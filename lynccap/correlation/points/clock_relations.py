"""How the clocks of two recorders stand to each other, from packets both of them saw.

A packet needs time from one point to the other and never less than none. So packets one way show the difference of
the clocks at most, and packets the other way at least: the truth lies between (V. Paxson, "On calibrating measurements
of packet transit times", 1998; the same reasoning as RFC 5905).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MISTAKEN_NS = 2_000_000_000  # off the median: no transit takes that long, so the two are not one packet
NOISE_NS = 1_000_000  # by which recorders stamp late: buffers, interrupts
LONG_NS = 60_000_000_000  # shorter captures show no drift: 20 ppm are 1 ms in a minute
WINDOWS = 32  # of a long capture, for its drift
MANY_WINDOWS = 5
MAX_PPM = 500.0  # quartz is within 100 ppm, and a clock being slewed runs up to 500 ppm off (adjtime)
FEW = 3  # packets whose times agree to the digit, before two recordings are called one
FINE = 6  # digits of a clock that two recorders do not share by chance

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ClockRelation:
    """How two captures' clocks and points stand to each other."""

    capture_a: int
    capture_b: int
    offset_ns: int | None
    """B's clock less A's at the time `at`: positive when B's is ahead. None when it moved, or nothing tells."""
    error_ns: int | None
    """The offset is within so much. None when nothing bounds it: packets one way only, a clock that was set."""
    drift_ppm: float | None
    """By how much B's clock runs faster, microseconds a second; None when the captures are too short to show any."""
    at: int
    """Time of A, in the middle of the packets."""
    packets: int
    directions: int
    """In how many directions the packets went between the points: 2 bound the offset on both sides."""
    doubt: str = ""
    """Why there is no error bound: one-direction, clock-set, unsteady, no-packets; "" when there is one."""
    same_recording: bool = False
    """Every packet has the same time in both, but for one offset: a copy or an extract of one recording."""

    def at_b(self, time_a: Ints | int) -> Ints | int | None:
        """What B's clock showed when A's showed `time_a`."""
        if self.offset_ns is None:
            return None
        drift = 0 if not self.drift_ppm else (np.asarray(time_a - self.at) * (self.drift_ppm / 1e6)).astype(np.int64)
        return time_a + self.offset_ns + drift


def same_clock(capture: int) -> ClockRelation:
    """Of two points within one recording."""
    return ClockRelation(capture, capture, 0, 0, None, 0, 0, 2)


def oriented(shared: pd.DataFrame) -> NDArray[np.int64]:
    """For each shared packet 1 when it passed A first, -1 when B, 0 when nothing tells.

    A router takes one off the TTL. Between points without a router, the directions of a conversation tell: what
    takes longer by the two clocks goes from A to B.
    """
    client = np.where(shared["from_client"].to_numpy(np.bool_), 1, -1)
    ttl_a, ttl_b = shared["ttl_a"].to_numpy(np.int64), shared["ttl_b"].to_numpy(np.int64)
    known = (ttl_a > 0) & (ttl_b > 0)
    votes = pd.DataFrame({"pair": shared["pair"], "vote": np.where(known, np.sign(ttl_a - ttl_b) * client, 0)})
    by_ttl = np.sign(votes.groupby("pair")["vote"].transform("sum").to_numpy(np.int64))
    delay = (shared["time_b"] - shared["time_a"]).to_numpy(np.int64)
    by_time = np.sign(_delay_of(shared["pair"], delay, client > 0) - _delay_of(shared["pair"], delay, client < 0))
    nearer = np.where(by_ttl != 0, by_ttl, np.nan_to_num(by_time).astype(np.int64))
    return nearer * client


def _delay_of(pair: pd.Series, delay: Ints, rows: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The least delay of some packets of each pair, at all its packets; NaN where it has none."""
    # Apart from one origin: nanoseconds since 1970 do not fit a float.
    least = pd.Series(np.where(rows, (delay - delay.min()).astype(float), np.nan), pair.index)
    found: NDArray[np.float64] = least.groupby(pair).transform("min").to_numpy()
    return found


def relate(capture_a: int, capture_b: int, shared: pd.DataFrame, digits: int, was_set: bool) -> ClockRelation:
    """The clocks of two captures from the packets they share.

    `digits` of the coarser clock; `was_set`: one of the clocks is known to have been set meanwhile.
    """
    if shared.empty:
        return ClockRelation(capture_a, capture_b, None, None, None, 0, 0, 0, "no-packets")
    first = oriented(shared)
    time = shared["time_a"].to_numpy(np.int64)
    delay = shared["time_b"].to_numpy(np.int64) - time
    middle = int(np.sort(delay)[len(delay) // 2])
    sound = np.abs(delay - middle) < MISTAKEN_NS
    at = int((time[sound].min() + time[sound].max()) // 2)
    apart = int(np.abs(delay - middle).max())
    still = bool((shared["ttl_a"] == shared["ttl_b"]).all())
    grain = 10 ** (9 - digits)
    copied = digits >= FINE and len(delay) >= FEW and still and apart <= 10 ** (9 - FINE)
    if copied:
        return ClockRelation(capture_a, capture_b, middle, grain, None, at, len(delay), 2, "", True)
    found = _Bounds(time[sound] - at, delay[sound], first[sound], grain)
    directions = len(set(first[sound & (first != 0)].tolist()))
    facts = (at, int(sound.sum()), directions)
    if was_set:
        return ClockRelation(capture_a, capture_b, None, None, None, *facts, "clock-set")
    if directions < 2:
        return ClockRelation(capture_a, capture_b, middle, None, None, *facts, "one-direction")
    return found.relation(capture_a, capture_b, middle, facts)


@dataclass(frozen=True, slots=True)
class _Bounds:
    """The delays of packets by the two clocks, and what they leave possible for the offset."""

    time: Ints
    """Of A, from the middle of the packets."""
    delay: Ints
    first: Ints
    grain: int

    def relation(self, a: int, b: int, middle: int, facts: tuple[int, int, int]) -> ClockRelation:
        low, high = self._between(self.delay)
        slope = self._slope()
        if slope is not None:
            level = self.delay - (self.time * slope).astype(np.int64)
            low_level, high_level = self._between(level)
            error, moved = abs(high_level - low_level) / 2, abs(slope) * float(np.ptp(self.time))
            if high_level - low_level >= -NOISE_NS and moved > error + self.grain:
                offset = (low_level + high_level) // 2
                return ClockRelation(a, b, offset, int(error) + self.grain, round(slope * 1e6, 2), *facts)
        if high - low < -NOISE_NS:
            return ClockRelation(a, b, middle, None, None, *facts, "unsteady")
        return ClockRelation(a, b, (low + high) // 2, abs(high - low) // 2 + self.grain, None, *facts)

    def _between(self, delay: Ints) -> tuple[int, int]:
        """The least and the greatest offset that the packets allow."""
        return int(delay[self.first < 0].max()), int(delay[self.first > 0].min())

    def _slope(self) -> float | None:
        """How fast the offset changes, None when the packets do not show it."""
        span = int(np.ptp(self.time))
        if span < LONG_NS:
            return None
        window = (self.time - self.time.min()) * WINDOWS // (span + 1)
        rows = pd.DataFrame({"window": window, "delay": self.delay, "time": self.time})
        low = rows[self.first < 0].groupby("window").agg(low=("delay", "max"))
        high = rows[self.first > 0].groupby("window").agg(high=("delay", "min"))
        both = low.join(high, how="inner").join(rows.groupby("window")["time"].mean())
        if len(both) < MANY_WINDOWS:
            return None
        middle = (both["low"] + both["high"]) / 2
        slope = float(np.polyfit(both["time"], middle - middle.iloc[0], 1)[0])
        return slope if abs(slope) * 1e6 <= MAX_PPM else None
