"""From the flows and checks of one medium to a leg."""

from collections.abc import Collection, Sequence
from functools import lru_cache

from lynccap import reference
from lynccap.correlation.addresses import join_endpoint
from lynccap.correlation.media.calls.descriptions import Described, DescriptionBook
from lynccap.correlation.media.calls.directions import read_directions
from lynccap.correlation.media.calls.evidence import Evidence
from lynccap.correlation.media.calls.parties import read_ends
from lynccap.correlation.media.calls.records import Leg
from lynccap.correlation.media.calls.strands import Strand
from lynccap.correlation.media.calls.tried import read_tried
from lynccap.correlation.media.calls.ways import RELAYED, chosen_pair, read_path, read_used
from lynccap.correlation.media.paths import Path

EDGES = frozenset({*RELAYED, Path.RELAY_TCP, Path.TWO_RELAYS})
BASES = ("relay", "server", "checks", "signalling")
"""What ties media to Lync, strongest first."""
STATIC_AUDIO, STATIC_VIDEO = frozenset({*range(24)}), frozenset({*range(24, 35)})
"""RFC 3551 6: payload types that mean the same everywhere (33 is a mixture)."""
LISTED = 16  # frames a leg names


def read_leg(strand: Strand, book: DescriptionBook, evidence: Evidence) -> tuple[Leg, Described | None]:
    """The leg of a strand, and the dialog that describes it."""
    found = book.find(strand.capture, _keys(strand), strand.begun)
    described, told = found if found is not None else (None, "")
    ends = read_ends(strand, evidence, described, told)
    pair = chosen_pair(strand)
    used = read_used(strand, pair, described, told)
    basis = _basis(strand, evidence)
    path, path_basis = read_path(strand, ends, pair, used, evidence)
    if not basis and path in EDGES:
        path, path_basis = Path.UNKNOWN, f"relayed at {path_basis}: nothing shows that it is an Edge"
    tried = read_tried(strand, ends, used, evidence)
    flow = read_directions(strand, ends, used, tried, described, told, evidence)
    leg = Leg(
        capture=strand.capture,
        kind=told or _kind(strand, basis, evidence),
        parties=ends.parties,
        flows=tuple(sorted(one.flow for one in strand.sessions)),
        transport="/".join(sorted({one.transport for one in strand.sessions})),
        offered=ends.offered,
        checked=len({frozenset({one.one, one.other or ""}) for one in strand.pairs}),
        used=used,
        path=path,
        path_basis=path_basis,
        relays=tuple(dict.fromkeys(one.relay for one in strand.sessions if one.relay)),
        tried=tried,
        check_time=min((one.first_time for one in strand.pairs), default=0),
        last_check_time=max((side.last_time for one in strand.pairs for side in (one.forth, one.back)), default=0),
        forth=flow.forth,
        back=flow.back,
        flowing=flow.flowing,
        silent="" if flow.silent is None else ends.parties[flow.silent].address,
        silent_since=flow.since,
        basis=basis,
        frames=_frames(strand),
    )
    return leg, described


def _keys(strand: Strand) -> Sequence[str]:
    """What a description may name: the ICE session, and the transport addresses of its flows."""
    keys = sorted(strand.ufrags)
    for one in strand.sessions:
        keys += [join_endpoint(one.client, one.client_port), join_endpoint(one.server, one.server_port)]
    return keys


def _kind(strand: Strand, basis: str, evidence: Evidence) -> str:
    flows = {one.flow for one in strand.sessions} | {one.flow for one in strand.pairs}
    streams = {evidence.stream_kinds[one] for one in flows if one in evidence.stream_kinds}
    kinds: dict[str, int] = {}
    for session in strand.sessions:
        for row in evidence.streams[session.flow]:
            if kind := _payload_kind(row.payload_type, known=bool(basis)):
                kinds[kind] = kinds.get(kind, 0) + row.packets
    if kinds:
        return min(kinds, key=lambda one: (-kinds[one], one))
    return min(streams, default="")


@lru_cache(maxsize=256)
def _payload_kind(payload_type: int, *, known: bool) -> str:
    """The medium of a payload type; the dynamic ones mean what Lync means by them in Lync's media only."""
    if payload_type in STATIC_AUDIO:
        return "audio"
    if payload_type in STATIC_VIDEO:
        return "video"
    codec = reference.codecs().get(payload_type) if known else None
    return codec.media if codec and codec.media in ("audio", "video", "data") else ""


def _basis(strand: Strand, evidence: Evidence) -> str:
    found = {one.basis for one in strand.sessions}
    if any(one.flow in evidence.lync_checks for one in strand.pairs):
        found.add("checks")
    return strongest(found)


def strongest(bases: Collection[str]) -> str:
    """Of some of BASES the first, "" without any."""
    return next((one for one in BASES if one in bases), "")


def _frames(strand: Strand) -> tuple[int, ...]:
    """Where it began, and the first and last packets of its streams; without any, its first checks."""
    checks = sorted(one for pair in strand.pairs for side in (pair.forth, pair.back) for one in side.frames[:2])
    media = sorted(frame for one in strand.sessions for frame in one.frames)
    found = {*checks[:1], *media} if media else {*checks}
    return tuple(sorted(found)[:LISTED])
