"""What happened, told from worse copies of real captures: less may be known then, and nothing else."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path as File

import pytest
from samples import Recorded, devices_of, doubled, early, late, lossy, one_sided, pcap_of, recorded, sample, snapped

from lynccap.correlation.case import Case, build_case
from lynccap.correlation.closings.claims import Closing
from lynccap.correlation.journeys.machine import Journeys
from lynccap.correlation.media.calls.records import Flowing, Leg
from lynccap.correlation.media.paths import Path
from lynccap.document import Confidence
from lynccap.ingest import read_tables
from lynccap.ingest.collecting.collect import collect

Frames = Sequence[Recorded]
RANKS = (Confidence.POSSIBLE, Confidence.LIKELY, Confidence.CERTAIN)
LESS = {Path.RELAY_UNPLACED: (Path.RELAY_INTERNAL, Path.RELAY_EXTERNAL)}
"""Classes of a path that say less than some others."""


def shuffled(frames: Frames) -> list[Recorded]:
    """As a recorder with several queues writes them: out of order within a millisecond, times kept."""
    chance = random.Random(7)
    return sorted(frames, key=lambda one: one.time + chance.randrange(1_000_000))


def shifted(frames: Frames) -> list[Recorded]:
    """As by a recorder whose clock is wrong."""
    return [replace(one, time=one.time + 987_654_321_012_345) for one in frames]


WORSE: dict[str, Callable[[str], list[Recorded]]] = {
    "devices only": lambda name: one_sided(recorded(name), devices_of(name)),
    "servers only": lambda name: [one for one in recorded(name) if one.source() not in devices_of(name)],
    "late": lambda name: late(recorded(name), 0.6),
    "early": lambda name: early(recorded(name), 0.7),
    "lossy": lambda name: lossy(recorded(name), 0.02),
    "snapped": lambda name: snapped(recorded(name), 96),
    "doubled": lambda name: doubled(recorded(name)),
    "shuffled": lambda name: shuffled(recorded(name)),
    "shifted": lambda name: shifted(recorded(name)),
}


@cache
def _whole(name: str) -> tuple[Case, ...]:
    return (build_case(read_tables(collect([str(sample(name).path)]))),)


def _copy(name: str, worse: str, folder: File) -> Case:
    path = folder / "copy.pcap"
    path.write_bytes(pcap_of(WORSE[worse](name)))
    return build_case(read_tables(collect([str(path)])))


@pytest.mark.parametrize(
    ("name", "worse"),
    [
        ("closings-idle-firewall", "late"),
        ("closings-inspected", "shuffled"),
        ("closings-by-hosts", "lossy"),
        ("media-external-user", "snapped"),
        ("media-federated", "late"),
        ("media-hold", "early"),
        ("ice-relayed", "devices only"),
        ("ice-unanswered", "servers only"),
        ("rtp-one-way", "doubled"),
        ("rootchain-80-refused", "doubled"),
        ("rootchain-80-refused", "shuffled"),
        ("phone-boot-healthy", "lossy"),
        ("desktop-signin-healthy", "shifted"),
    ],
)
def test_a_worse_copy_tells_nothing_else(name: str, worse: str, tmp_path: File) -> None:
    (whole,), copy = _whole(name), _copy(name, worse, tmp_path)

    assert list(_new_steps(whole, copy)) == []
    assert list(_new_calls(whole.calls.legs, copy.calls.legs)) == []
    assert list(_new_closings(whole, copy)) == []


def _steps(case: Case) -> dict[tuple[str, str], tuple[str, str]]:
    journeys = Journeys(case).all()
    return {(one.device.id, step.step): (str(step.outcome), step.says) for one in journeys for step in one.stages}


def _new_steps(whole: Case, copy: Case) -> Iterator[tuple[object, ...]]:
    """Steps that failed, worked or are missing for sure, of which the whole says something else."""
    known = _steps(whole)
    for key, (outcome, says) in _steps(copy).items():
        was, said = known.get(key, ("", ""))
        if outcome in ("failed", "ok", "not-seen") and outcome != was:
            yield key, outcome, says, was, said


def _new_calls(whole: Sequence[Leg], copy: Sequence[Leg]) -> Iterator[tuple[object, ...]]:
    """Parties, ways and silences of which the whole knows nothing."""
    for leg in copy:
        known = {one.address for one in leg.parties if one.address and not _is_relay(one.address, whole)}
        same = [one for one in whole if known <= {party.address for party in one.parties}]
        paths = {one.path for one in same}
        if not same:
            yield "parties", [one.word for one in leg.parties]
        if leg.path is not Path.UNKNOWN and not paths & {leg.path, *LESS.get(leg.path, ())}:
            yield "path", leg.path, leg.path_basis, paths
        if leg.flowing in (Flowing.ONE_WAY, Flowing.NOTHING) and leg.flowing not in {one.flowing for one in same}:
            yield "flowing", leg.flowing, known


def _is_relay(address: str, whole: Sequence[Leg]) -> bool:
    """An address that the whole knows as a relay: where nothing shows that, it is simply the other end."""
    return any(address in (*leg.relays, *(one.relay for one in leg.parties)) for leg in whole)


def _closings(case: Case) -> dict[frozenset[tuple[str, int]], Closing]:
    ports = case.flows["client_port"]
    return {
        frozenset({(one.client, int(ports[one.flow])), (one.server, one.port)}): one for one in case.closings.closings
    }


def _named(one: Closing) -> str:
    return {"client": one.client, "server": one.server}.get(one.ended_by, str(one.ended_by))


def _new_closings(whole: Case, copy: Case) -> Iterator[tuple[object, ...]]:
    """Boxes and hosts that the whole does not name, or not so surely."""
    known = _closings(whole)
    for key, one in _closings(copy).items():
        was = known.get(key)
        if one.ended_by == "unknown":
            continue
        if was is None or _named(was) != _named(one) or RANKS.index(one.confidence) > RANKS.index(was.confidence):
            yield one.says, was.says if was else ""
