"""How well speech came through: loss, jitter, round trip and rating of every RTP stream that carries audio."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from lynccap import reference
from lynccap.correlation.media.speech_rating import Rating, burst_ratio, rate
from lynccap.correlation.rows import rows_of
from lynccap.tables import Tables

if TYPE_CHECKING:
    import pandas as pd

LONGEST_ROUND_TRIP_NS = 10_000_000_000  # more is another report's answer
FIRST_VIDEO = 24  # static payload types below are audio (RFC 3551 6)
Pair = tuple[int, int, int]
"""Capture, SSRC of the sender, SSRC of the receiver."""


@dataclass(frozen=True, slots=True)
class StreamQuality:
    """One audio stream, as far as the place of the capture shows it."""

    flow: int
    from_client: bool
    ssrc: int
    codec: str
    """Name by the table of codecs, or "payload type N"."""
    loss: float
    """Share of the packets lost before the place of the capture, 0 to 1."""
    burst_ratio: float
    jitter_ms: float | None
    """Mean; None when the clock rate is not known."""
    reported_loss: float | None
    """Share that the receiver's reports say it lacks, 0 to 1; None without a readable report."""
    round_trip_ms: float | None
    """From end to end and back, by RTCP; None unless reports of both ends are readable."""
    rating: Rating


def read_stream_quality(tables: Tables) -> tuple[StreamQuality, ...]:
    """The quality of all audio streams, in the order of the media table."""
    captures = tables.flows["capture"]
    trips = round_trips(tables)
    reported = _reported_losses(tables["rtcp"], captures)
    return tuple(
        _quality(row, int(captures[row.flow]), trips, reported)
        for row in rows_of(tables.media, tables.media.columns)
        if _is_audio(row.payload_type)
    )


def round_trips(tables: Tables) -> dict[tuple[int, int], float]:
    """Round trips in ms by capture and SSRC of the sender, where both ends' reports are readable.

    A receiver says which report of the sender it saw last and how long ago (LSR, DLSR; RFC 3550 6.4.1). What is left of
    the time between both in this capture is the way from here to the receiver and back; the same of the other end is
    the rest of the way.
    """
    parts = _partial_trips(tables)
    found: dict[tuple[int, int], float] = {}
    for (capture, sender, receiver), times in parts.items():
        back = parts.get((capture, receiver, sender))
        if back:
            found[capture, sender] = (median(times) + median(back)) / 1e6
    return found


def _partial_trips(tables: Tables) -> Mapping[Pair, list[int]]:
    """Nanoseconds from this capture to the receiver and back, by sender and receiver."""
    sent: dict[tuple[int, int, int], int] = {}
    trips: defaultdict[Pair, list[int]] = defaultdict(list)
    captures = tables.flows["capture"]
    for row in rows_of(tables["rtcp"], tables["rtcp"].columns):
        capture = int(captures[row.flow])
        if row.last_report:
            begun = sent.get((capture, row.source, row.last_report))
            spent = row.time - begun - row.delay * 1_000_000_000 // 65536 if begun else -1
            if 0 <= spent < LONGEST_ROUND_TRIP_NS:
                trips[capture, row.source, row.ssrc].append(spent)
        if row.ntp_time:
            sent.setdefault((capture, row.ssrc, row.ntp_time >> 16 & 0xFFFFFFFF), row.time)
    return trips


def _reported_losses(rtcp: "pd.DataFrame", captures: "pd.Series[int]") -> dict[tuple[int, int], float]:
    """The share of packets that receivers say they lack, by capture and SSRC of the sender.

    From the first to the last report: what was before the first one this capture need not show either. Of a single
    report it is the share since the one before.
    """
    blocks = rtcp[rtcp["lost_total"].notna()]
    found: dict[tuple[int, int], float] = {}
    for (capture, source), rows in blocks.groupby([blocks["flow"].map(captures), blocks["source"]]):
        one = rows[rows["ssrc"] == rows["ssrc"].iloc[-1]]  # of several receivers the one that spoke last
        first, last = one.iloc[0], one.iloc[-1]
        sent = last["highest_sequence"] - first["highest_sequence"]
        lacks = last["lost_total"] - first["lost_total"]
        found[capture, source] = min(max(lacks / sent, 0.0), 1.0) if sent > 0 else last["lost_fraction"]
    return found


def _quality(
    row: Any, capture: int, trips: Mapping[tuple[int, int], float], reported: Mapping[tuple[int, int], float]
) -> StreamQuality:
    loss = row.lost / row.expected
    ratio = burst_ratio(row.expected, row.lost, row.loss_bursts)
    trip = trips.get((capture, row.ssrc))
    codec = reference.codecs().get(row.payload_type)
    return StreamQuality(
        flow=row.flow,
        from_client=row.from_client,
        ssrc=row.ssrc,
        codec=codec.name if codec else f"payload type {row.payload_type}",
        loss=loss,
        burst_ratio=ratio,
        jitter_ms=row.jitter_us / 1000 if row.clock_rate else None,
        reported_loss=reported.get((capture, row.ssrc)),
        round_trip_ms=trip,
        rating=rate(row.payload_type, loss, ratio, None if trip is None else trip / 2),
    )


def _is_audio(payload_type: int) -> bool:
    codec = reference.codecs().get(payload_type)
    return codec.media == "audio" if codec else payload_type < FIRST_VIDEO
