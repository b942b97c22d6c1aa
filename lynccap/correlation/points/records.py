"""Crossings and clocks in the form of the document."""

from collections.abc import Iterable, Sequence

from lynccap import document
from lynccap.correlation.addresses import join_endpoint
from lynccap.correlation.case import Case
from lynccap.correlation.origins import Origins
from lynccap.correlation.points.crossing import UNKNOWN, Crossing
from lynccap.correlation.points.crossings import Crossings
from lynccap.correlation.points.ends import End, Ends
from lynccap.correlation.points.telling import tell
from lynccap.document import MAX_CROSSINGS, ClockOffset, Confidence
from lynccap.tables import SECOND

NUMBERS = (
    *("only_a_client", "only_a_server", "only_b_client", "only_b_server"),
    *("dscp_client_a", "dscp_client_b", "dscp_server_a", "dscp_server_b", "mss_a", "mss_b", "hops"),
)


def clock_offsets(crossings: Crossings, cases: Sequence[Case], origins: Sequence[Origins]) -> tuple[ClockOffset, ...]:
    """Every two captures with common conversations, in their order."""
    names = [str(case.tables.captures["name"].iloc[0]) for case in cases]
    names = [
        f"{name} ({one.ids[0]})" if names.count(name) > 1 else name for name, one in zip(names, origins, strict=True)
    ]
    ends = Ends(cases)
    return tuple(
        ClockOffset(
            capture_a=origins[one.capture_a].ids[0],
            capture_b=origins[one.capture_b].ids[0],
            offset_seconds=_seconds(one.offset_ns),
            error_seconds=_seconds(one.error_ns),
            drift_ppm=one.drift_ppm,
            packets=one.packets,
            doubt=one.doubt,
            same_recording=one.same_recording,
            conversations=sum(
                (each.capture_a, each.capture_b) == (one.capture_a, one.capture_b)
                and UNKNOWN not in (each.flow_a, each.flow_b)
                for each in crossings.all
            ),
            says=tell(crossings, one, ends, names),
        )
        for one in crossings.clocks
    )


def crossing_records(
    crossings: Crossings, cases: Sequence[Case], origins: Sequence[Origins]
) -> tuple[document.Crossing, ...]:
    """The first MAX_CROSSINGS, those with a difference before the others."""
    chosen = sorted(crossings.all, key=lambda one: not _differs(one))[:MAX_CROSSINGS]
    ends = Ends(cases)
    return tuple(_record(one, ends, origins) for one in chosen)


def _differs(one: Crossing) -> bool:
    counts = (one.only_a_client, one.only_a_server, one.only_b_client, one.only_b_server, one.remarked)
    return any(count > 0 for count in counts) or one.mss_a != one.mss_b


def _record(one: Crossing, ends: Ends, origins: Sequence[Origins]) -> document.Crossing:
    a, b = ends.of(one, "a"), ends.of(one, "b")
    first, second = origins[one.capture_a], origins[one.capture_b]
    return document.Crossing(
        capture_a=first.ids[0],
        capture_b=second.ids[0],
        transport=(a or b or Ends.NONE)[0],
        client_a=_client(a),
        server_a=_server(a),
        client_b=_client(b),
        server_b=_server(b),
        basis=str(one.basis),
        relation=str(one.relation),
        confidence=Confidence(one.confidence),
        nearer_client=None if one.nearer_client == UNKNOWN else origins[one.nearer_client].ids[0],
        packets_both=_known(one.both),
        remarked=one.remarked,
        frames_a=_frames(first, one.frames_a),
        frames_b=_frames(second, one.frames_b),
        doubt=one.doubt,
        **{name: _known(getattr(one, name)) for name in NUMBERS},
    )


def _frames(origins: Origins, frames: Iterable[int]) -> tuple[int, ...]:
    """The frames that are in the recording's first file, as that file numbers them."""
    return origins.split(frames).get(origins.ids[0], ())


def _known(number: int) -> int | None:
    return None if number == UNKNOWN else int(number)


def _seconds(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / SECOND


def _client(end: End | None) -> str | None:
    return None if end is None else join_endpoint(end[1], end[2])


def _server(end: End | None) -> str | None:
    return None if end is None else join_endpoint(end[3], end[4])
